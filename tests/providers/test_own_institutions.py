"""Institutions of the user's own, as each provider shows them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mocksrv.engine.scenarios import library
from mocksrv.providers.finicity.bank.institutions import Institutions as FinicityInstitutions
from mocksrv.server import Parts
from tests.conftest import MX

V2 = {"Accept-Version": "v20250224", "Accept": "application/json"}
GRINGOTTS = """\
provider: mx
code: gringotts
name: Gringotts Wizarding Bank
url: https://bank.gringotts.example
credentials:
  - {name: KEY, label: Key, type: PASSWORD}
  - {name: VAULT, label: Vault number, type: LOGIN}
products: [transactions, statements]
scenario: impeded
"""
OWLERY = "provider: mx\ncode: owlery\nname: Owlery Savings\noauth: true\nscenario: oauth-denied\n"
CHOSEN = """\
name: at-the-owlery
provider: mx
summary: Names an institution of the user's own in its logins.
logins: [{institution: owlery}, {institution: gringotts, username: "687"}]
flows: {connect: [{status: CREATED}, {after: 1s, status: LOCKED}]}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(library, "LOOK_EVERY", 0)
    (tmp_path / "gringotts.institution.yaml").write_text(GRINGOTTS)
    (tmp_path / "owlery.institution.yaml").write_text(OWLERY)
    return tmp_path


@pytest.fixture
def mx(make_server: Callable[..., Parts], folder: Path) -> MX:
    return MX(make_server(scenarios=(folder,)).app)


def playing(mx: MX, member: str) -> str:
    scenario: str = mx.control("GET", f"/subjects/{member}")["scenario"]
    return scenario


def test_mx_finds_it_in_place_of_the_catalogue_s(mx: MX, folder: Path) -> None:
    found = mx.call("GET", "/institutions?name=gringotts")["institutions"]
    assert [(each["code"], each["name"], each["url"]) for each in found] == [
        ("gringotts", "Gringotts Wizarding Bank", "https://bank.gringotts.example")
    ]
    (folder / "gringotts.institution.yaml").unlink()
    found = mx.call("GET", "/institutions?name=gringotts")["institutions"]
    assert [(each["code"], each["name"]) for each in found] == [("gringotts", "Gringotts")]


def test_mx_says_what_it_offers(mx: MX) -> None:
    shown = mx.call("GET", "/institutions/gringotts")["institution"]
    assert shown["supports_account_statement"] is True
    assert shown["supports_account_verification"] is shown["supports_oauth"] is False
    shown = mx.call("GET", "/institutions/gringotts", headers=V2)["institution"]
    assert shown["supported_products"] == ["transactions", "statements"]
    form = mx.call("GET", f"/institutions/{shown['guid']}/credentials")["credentials"]
    assert [(each["field_name"], each["label"], each["field_type"]) for each in form] == [
        ("KEY", "Key", "PASSWORD"),
        ("VAULT", "Vault number", "LOGIN"),
    ]
    assert mx.call("GET", "/institutions/owlery/credentials")["credentials"] == []


def test_mx_plays_its_scenario_after_logins(mx: MX, folder: Path) -> None:
    user = mx.user()
    mx.control("PUT", "/bindings", {"default": "denied"})
    assert playing(mx, mx.create(user, institution="gringotts", username="12")["guid"]) == "impeded"
    (folder / "chosen.yaml").write_text(CHOSEN)
    assert playing(mx, mx.create(user, institution="gringotts", username="687")["guid"]) == "at-the-owlery"
    assert playing(mx, mx.create(user, institution="chase")["guid"]) == "denied"


def test_mx_plays_its_scenario_for_a_member_with_oauth_whom_no_login_matches(mx: MX, folder: Path) -> None:
    (folder / "chosen.yaml").write_text(CHOSEN)
    body = {"member": {"institution_code": "owlery", "is_oauth": True}}
    member = mx.call("POST", f"/users/{mx.user()}/members", body)["member"]
    assert (member["connection_status"], playing(mx, member["guid"])) == ("PENDING", "oauth-denied")


def test_an_mx_widget_begins_at_it(mx: MX) -> None:
    body = {"widget_url": {"widget_type": "connect_widget", "current_institution_code": "owlery"}}
    url = mx.call("POST", f"/users/{mx.user()}/widget_urls", body)["widget_url"]["url"]
    assert url.startswith("http://")


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("chase", "Chase Bank"),
        ("BofA", "Bank of America"),
        ("wells", "Wells Fargo"),
        ("capital one", "Capital One"),
        ("royal bank of canada", "RBC Royal Bank"),
        ("gringotts", "Gringotts"),
        ("finbank", "FinBank"),
    ],
)
def test_finicity_finds_what_people_type(asked: str, first: str) -> None:
    assert FinicityInstitutions(list).search(asked)[0].name == first


def test_finicity_s_ids_are_made_of_codes_and_differ() -> None:
    found = FinicityInstitutions(list).all()
    assert len({each.id for each in found}) == len(found) > 70
    [chase] = [each for each in found if each.name == "Chase Bank"]
    assert chase.id == 833178265
