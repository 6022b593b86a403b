"""Mono's pages without a browser: hosted links, the widget's query, each act, and what the host is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Receiver
from tests.providers.mono.client import Mono
from tests.providers.mono.pages.visit import GTBANK, TYPED, Visit, hosted_link, widget
from tests.providers.pages.sending import sent_at_once


def test_a_hosted_link_leads_through_all_steps_and_back_to_the_app(mono: Mono) -> None:
    visit = Visit(mono, hosted_link(mono, meta={"ref": "loan-1"}))
    headings, hosts = [visit.heading], {visit.attribute("data-target")}
    for act, fields in (
        ("select", {"institution": GTBANK}),
        ("login", TYPED),
        ("answer", {"answer-1": "123456"}),
    ):
        visit.do(act, **fields)
        headings.append(visit.heading)
        hosts.add(visit.attribute("data-target"))
    assert hosts == {"https://app.example"}  # the first page's, though later ones come from our own
    assert mono.control("GET", "/subjects")["subjects"] == []  # nothing is linked before the account is chosen
    visit.do("choose", account=visit.offered()[0])
    assert headings == ["Select your bank", "Sign in to GTBank", "Confirm that it is you", "Choose an account"]
    assert visit.heading == "Account linked"
    assert mono.events() == ["account_connected"]
    mono.advance("1s")
    assert ">AVAILABLE<" in visit.poll()
    assert mono.events() == ["account_updated"]
    visit.do("done")
    assert visit.attribute("data-leave") == (
        "https://app.example/done?status=successful&reason=account_linked&ref=loan-1"
    )
    assert visit.names() == [
        "institution_selected",
        "login_attempt",
        "mfa_submitted",
        "account_selected",
        "account_linked",
        "widget.account_linked",
    ]
    gtbank = {"id": GTBANK, "name": "GTBank"}
    data = [each["data"] for each in visit.told]
    assert {each["reference"] for each in data} == {"loan-1"}
    assert all(isinstance(each["timestamp"], int) for each in data)
    assert (data[0]["institution"], data[0]["authMethod"]) == (gtbank, "internet_banking")
    assert data[2]["mfaType"] == "OTP"
    assert data[3]["selectedAccountsCount"] == 1
    assert data[4]["institution"] == gtbank
    id = mono.call("POST", "/v2/accounts/auth", {"code": data[5]["code"]})["id"]
    assert mono.call("GET", f"/v2/accounts/{id}")["data"]["meta"]["ref"] == "loan-1"


def test_each_of_the_persons_accounts_can_be_chosen_once(mono: Mono) -> None:
    balances = []
    for chosen in ("2", "3"):  # the bank's second, then the first of the next login
        visit = Visit(mono, hosted_link(mono))
        visit.sign_in()
        visit.do("answer", **{"answer-1": "1"})
        assert chosen in visit.offered()
        shown = visit.page.partition(f'value="{chosen}"')[2].partition("₦ ")[2].partition("<")[0].strip()
        visit.do("choose", account="99")
        assert "Please choose an account" in visit.page
        visit.do("choose", account=chosen)
        visit.do("done")
        mono.advance("1s")
        id = mono.call("POST", "/account/auth", {"code": visit.told[-1]["data"]["code"]})["id"]
        balance = mono.call("GET", f"/v2/accounts/{id}/balance")["data"]["balance"]
        assert shown == f"{balance / 100:,.2f}"
        balances.append(balance)
    assert len(set(balances)) == len(balances)


def test_a_link_can_be_opened_until_its_account_is_linked(mono: Mono) -> None:
    path = hosted_link(mono)
    assert mono.http.head(path).status_code == 200
    first, second = Visit(mono, path), Visit(mono, path)
    assert first.heading == second.heading == "Select your bank"
    second.through()
    assert Visit(mono, path).status == 410
    assert "used already" in mono.http.get(first.address).text
    assert "All done" in mono.http.get(second.address).text


def test_a_bank_without_accounts_offers_an_empty_one(mono: Mono) -> None:
    mono.script("link: [{status: AVAILABLE, data: empty}]")
    visit = Visit(mono, widget(mono))
    visit.sign_in("mock_mine")
    visit.do("answer", **{"answer-1": "1"})
    assert "₦ 0.00" in visit.page
    visit.do("choose", account=visit.offered()[0])
    assert visit.heading == "Account linked"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("", ["GTBank", "Mock: synced"]),
        ("gtco", ["GTBank"]),
        ("058", ["GTBank", "GTBank Business"]),
        ("mock: sync-f", ["Mock: sync-failed"]),
        ("bank of nowhere", []),
    ],
)
def test_banks_are_found_by_their_names_and_codes(asked: str, found: list[str], mono: Mono) -> None:
    visit = Visit(mono, widget(mono))
    page = mono.http.get(f"{visit.address}/search", query_string={"q": asked}).text
    assert all(name in page for name in found)
    assert page.count('class="row"') == len(found) or not asked


OWN = """
provider: mono
code: own
name: "<img src=x> Bank & Söhne"
oauth: true
"""


def test_a_bank_of_ones_own_without_a_form(make_server: Callable[..., Any], receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "own.institution.yaml").write_text(OWN)
    mono = Mono(make_server(scenarios=(tmp_path,)).app, receiver)
    visit = Visit(mono, widget(mono))
    assert "<img" not in visit.do("select", institution="own")
    assert visit.heading == "Sign in to <img src=x> Bank & Söhne"
    visit.do("login")
    visit.do("answer", **{"answer-1": "1"})
    visit.do("choose", account=visit.offered()[0])
    assert visit.heading == "Account linked"


@pytest.mark.parametrize("prefix", ["", "/sandbox/other"])
def test_links_and_visits_that_are_not_known_here(prefix: str, mono: Mono) -> None:
    known = hosted_link(mono) if prefix else "/mono/link/ALFORGED99"
    visit = Visit(mono, hosted_link(mono)).address if prefix else "/mono/widget/forged"
    for path, status in ((known, 404), (visit, 410), (f"{visit}/poll", 410)):
        answer = mono.http.get(prefix + path)
        assert (answer.status_code, answer.mimetype) == (status, "text/html")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"key": ""}, "public key is missing"),
        ({"scope": "payments"}, "payments"),
        ({"data": "{"}, "data has to be a JSON object"),
        ({"data": {"customer": {"email": "nobody"}}}, "data.customer.email"),
        ({"data": {"account": "0" * 24}}, "0" * 24),
        ({"reauth_token": "auth_forged"}, "token is not valid"),
        ({"code": "auth_forged"}, "token is not valid"),
        ({"selectedInstitution": {"id": "nowhere"}}, "GET /mono/v3/institutions"),
        ({"selectedInstitution": {"id": GTBANK, "auth_method": "telepathy"}}, "internet_banking or mobile_banking"),
        ({"selectedInstitution": []}, "selectedInstitution has to be a JSON object"),
    ],
)
def test_what_the_widget_cannot_be_opened_with(options: dict[str, Any], words: str, mono: Mono) -> None:
    opened = Visit(mono, widget(mono, **options))
    assert opened.status == 400
    assert words in opened.page


def test_an_institution_that_the_app_has_selected(mono: Mono) -> None:
    visit = Visit(mono, widget(mono, selectedInstitution={"id": GTBANK, "auth_method": "mobile_banking"}))
    assert visit.heading == "Sign in to GTBank"
    visit.do("switch", auth_method="internet_banking")
    visit.do("switch", auth_method="internet_banking")  # that it is already
    (told,) = [each["data"] for each in visit.told if each["type"].endswith("auth_method_switched")]
    assert (told["prevAuthMethod"], told["authMethod"]) == ("mobile_banking", "internet_banking")
    visit.through()
    (subject,) = mono.control("GET", "/subjects")["subjects"]
    meta = mono.call("GET", f"/v2/accounts/{subject['id']}")["data"]["meta"]
    assert meta["auth_method"] == "internet_banking"


def test_a_field_that_is_empty_is_asked_for_again(mono: Mono) -> None:
    visit = Visit(mono, hosted_link(mono))
    visit.do("select", institution=GTBANK)
    assert "Please fill in all fields" in visit.do("login", username="x", password=" ")
    assert "login_attempt" not in visit.names()
    visit.do("login", **TYPED)
    assert "Please fill in all fields" in visit.do("answer", **{"answer-1": ""})


def test_a_form_that_is_sent_twice_acts_once(mono: Mono) -> None:
    visit = Visit(mono, hosted_link(mono))
    turn = visit.page.partition('name="turn" value="')[2].partition('"')[0]
    visit.do("select", institution=GTBANK, turn=turn)
    visit.do("select", institution=GTBANK, turn=turn)
    visit.do("no such act")
    assert visit.names() == ["institution_selected"]


def test_of_forms_that_are_sent_at_once_the_first_acts(mono: Mono, monkeypatch: pytest.MonkeyPatch) -> None:
    visit = Visit(mono, hosted_link(mono))
    visit.sign_in()
    visit.do("answer", **{"answer-1": "1"})
    form = {"account": visit.offered()[0]}
    assert sent_at_once(mono.http.application, f"{visit.address}/choose", form, monkeypatch) == {303}
    assert len(mono.control("GET", "/subjects")["subjects"]) == 1


def test_leaving_is_told_and_can_be_taken_back(mono: Mono) -> None:
    visit = Visit(mono, widget(mono, reference="r-1"))
    visit.do("select", institution=GTBANK)
    visit.do("close")
    left, closed = visit.told[-2:]
    assert (left["type"], left["data"]["pageName"]) == ("mono.connect.on_exit", "login")
    assert (closed["type"], closed["data"]["reference"]) == ("mono.connect.widget.closed", "r-1")
    visit.do("retry")
    assert visit.heading == "Sign in to GTBank"
    of_a_link = Visit(mono, hosted_link(mono, redirect_url="https://app.example/done?a=b"))
    of_a_link.do("close")
    assert of_a_link.attribute("data-leave") == "https://app.example/done?a=b&status=cancelled&reason=widget_closed"
    assert mono.control("GET", "/subjects")["subjects"] == []
