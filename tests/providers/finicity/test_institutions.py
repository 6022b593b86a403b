"""Institutions: FinBank, banks that people know, the user's own; lists, certified ones, login forms, branding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mocksrv.server import Parts
from tests.conftest import Receiver
from tests.providers.finicity.client import Finicity

INSTITUTIONS, CERTIFIED = "/institution/v2/institutions", "/institution/v2/certifiedInstitutions"
OWN = """
provider: finicity
code: hogsmeade
name: Hogsmeade Savings
url: https://www.hogsmeade.example
credentials:
  - {name: wand, label: Wand number, type: LOGIN}
  - {name: spell, label: Secret spell, type: PASSWORD}
products: [transAgg, ach]
scenario: mfa
"""


def test_search(finicity: Finicity) -> None:
    found = finicity.call("GET", f"{INSTITUTIONS}?search=finbank profiles")
    assert [each["id"] for each in found["institutions"]] == [176081, 102105, 102168, 199100]
    assert found["moreAvailable"] is False
    assert finicity.call("GET", f"{INSTITUTIONS}?search=nowhere")["institutions"] == []
    assert finicity.call("GET", f"{INSTITUTIONS}/102176")["institution"]["oauthEnabled"] is True


@pytest.mark.parametrize("path", [INSTITUTIONS, CERTIFIED])
def test_the_first_page_is_full_and_there_is_more(finicity: Finicity, path: str) -> None:
    first = finicity.call("GET", path)
    assert (first["displaying"], len(first["institutions"]), first["moreAvailable"]) == (25, 25, True)
    part = finicity.call("GET", f"{path}?start=2&limit=3")
    assert (part["displaying"], part["moreAvailable"]) == (3, True)
    assert part["institutions"] == first["institutions"][1:4]


@pytest.mark.parametrize(
    "text",
    ["chase", "gringotts", "wells fargo", "bank of america", "capital one", "royal bank of canada", "scotiabank"],
)
def test_banks_that_people_know(finicity: Finicity, text: str) -> None:
    (found,) = finicity.call("GET", f"{INSTITUTIONS}?search={text}")["institutions"]
    assert found["status"] == "online"
    link = finicity.generate(finicity.customer())
    assert finicity.play(link, institution=text, username="me", password="x")["status"] == "done"


def test_the_bank_of_the_providers_own_test_suite(finicity: Finicity) -> None:
    name = "Principal Financial - Retirement (Personal)"
    for path in (INSTITUTIONS, CERTIFIED):
        assert finicity.call("GET", f"{path}?search={name}")["found"] == 1
    assert finicity.call("GET", f"{INSTITUTIONS}/4222")["institution"]["name"] == name


def test_countries(finicity: Finicity) -> None:
    canadian = finicity.call("GET", f"{INSTITUTIONS}?supportedCountries=ca")["institutions"]
    assert {each["address"]["country"] for each in canadian} == {"CAN"}
    assert {each["currency"] for each in canadian} == {"CAD"}
    both = finicity.call("GET", f"{INSTITUTIONS}?supportedCountries=us,ca")["found"]
    assert both == finicity.call("GET", INSTITUTIONS)["found"] > len(canadian)


def test_a_record(finicity: Finicity) -> None:
    record = finicity.call("GET", f"{INSTITUTIONS}/101732")["institution"]
    assert record["specialText"] == "Please enter your FinBank Username and Password."
    assert (record["liabilityData"], record["billPayData"], record["voa"]) == (True, True, True)
    branding = finicity.call("GET", f"{INSTITUTIONS}/101732/branding")["branding"]
    assert list(branding) == ["primaryColor"]  # no key without a value
    form = finicity.call("GET", f"{INSTITUTIONS}/102105/loginForm")["loginForms"]
    assert [(field["id"], field["name"], field["mask"]) for field in form] == [
        ("102105001", "Banking Userid", "false"),
        ("102105002", "Banking Password", "true"),
    ]


def test_certified_institutions(finicity: Finicity) -> None:
    answer = finicity.call("GET", f"{CERTIFIED}?type=voa&limit=1000")
    assert answer["requestedDate"] == 1767268800
    assert "createdDate" not in answer
    by_id = {each["id"]: each for each in answer["institutions"]}
    assert 176082 not in by_id
    assert set(by_id[101732]) == {
        *("id", "name", "transAgg", "ach", "stateAgg", "voi", "voa", "aha", "availBalance", "accountOwner"),
        *("studentLoanData", "loanPaymentDetails", "liabilityData", "billPayData", "oauthEnabled", "productionStatus"),
    }
    assert set(by_id[101732]["productionStatus"].values()) == {"online"}
    assert by_id[176078]["productionStatus"]["overallStatus"] == "offline"


@pytest.fixture
def with_own(make_server: Callable[..., Parts], receiver: Receiver, tmp_path: Path) -> Finicity:
    """A client of a server with an institution of the user's own."""
    (tmp_path / "hogsmeade.institution.yaml").write_text(OWN)
    return Finicity(make_server(scenarios=(tmp_path,)).app, receiver)


def test_an_institution_of_ones_own(with_own: Finicity) -> None:
    (found,) = with_own.call("GET", f"{INSTITUTIONS}?search=hogsmeade")["institutions"]
    assert (found["name"], found["urlHomeApp"]) == ("Hogsmeade Savings", "https://www.hogsmeade.example")
    assert [name for name in ("transAgg", "ach", "voi", "voa", "aha") if found[name]] == ["transAgg", "ach"]
    form: list[dict[str, Any]] = with_own.call("GET", f"{INSTITUTIONS}/{found['id']}/loginForm")["loginForms"]
    assert [(field["name"], field["description"], field["mask"]) for field in form] == [
        ("wand", "Wand number", "false"),
        ("spell", "Secret spell", "true"),
    ]
    assert found["id"] not in [each["id"] for each in with_own.call("GET", f"{CERTIFIED}?type=voa")["institutions"]]


def test_the_scenario_of_an_institution_of_ones_own(with_own: Finicity) -> None:
    link = with_own.generate(with_own.customer())
    played = with_own.play(link, institution="hogsmeade", username="harry", password="x")
    assert "mfaUpdated" in played["events"]
    number = with_own.call("GET", f"{INSTITUTIONS}?search=hogsmeade")["institutions"][0]["id"]
    lite = with_own.generate(with_own.customer("customer-43"), "lite", institutionId=number)
    assert "mfaUpdated" in with_own.play(lite, username="harry", password="x")["events"]


def test_a_login_chooses_before_an_institution_of_ones_own(with_own: Finicity) -> None:
    name = with_own.put_scenario(
        "wrong-spell",
        "name: wrong-spell\nprovider: finicity\nsummary: s\nextends: no-accounts\n"
        "logins: [{institution: hogsmeade, username: draco}]\n",
    )
    with_own.play(with_own.generate(with_own.customer()), institution="hogsmeade", username="draco", password="x")
    assert with_own.control("GET", "/subjects")["subjects"][0]["scenario"] == name
