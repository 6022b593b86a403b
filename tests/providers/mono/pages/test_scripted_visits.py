"""What scenarios make of a visit: questions, consent, refusals; and reauthorisation, by each of the ways to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.providers.mono.client import Mono
from tests.providers.mono.pages.visit import GTBANK, TYPED, Visit, hosted_link, widget

ASKS = """
link:
  - status: PROCESSING
    challenges: [{type: TOKEN, label: "Code from your token", answer: "4417"}]
    right: accepted
    wrong: again
    silent: refused
accepted: [{after: 1s, status: AVAILABLE, data: wealthy}]
again:
  - challenges: [{type: TOKEN, label: "Code from your token", answer: "4417"}]
    right: accepted
    wrong: refused
refused: [{after: 1s, status: FAILED}]
"""
CONSENTS = """
link:
  - {status: PROCESSING, oauth: {wait: 1h, approved: accepted}}
accepted: [{status: AVAILABLE}]
"""
WANTS_THE_USER = """
link: [{status: AVAILABLE}]
midnight: [{status: REAUTHORISATION_REQUIRED}]
reauthorise: [%s]
"""


def asked(mono: Mono, flows: str = ASKS) -> Visit:
    """A visit whose login leads to what the scenario asks."""
    mono.script(flows)
    visit = Visit(mono, widget(mono))
    visit.sign_in("mock_mine")
    return visit


def test_the_scenarios_question_takes_the_place_of_the_one_time_code(mono: Mono) -> None:
    visit = asked(mono)
    assert "Code from your token" in visit.page
    assert 'data-testid="hint-1"' in visit.page
    visit.do("answer", **{"answer-1": "4417"})
    assert visit.heading == "Checking with Mock: mine"
    assert visit.poll() == ""
    assert "Time stands still" in visit.page
    mono.advance("1s")
    visit.poll()
    assert visit.heading == "Choose an account"
    visit.do("choose", account=visit.offered()[0])
    visit.do("done")
    assert visit.names()[1:] == [
        "login_attempt",
        "mfa_submitted",
        "account_selected",
        "account_linked",
        "widget.account_linked",
    ]
    assert len(mono.control("GET", "/subjects")["subjects"]) == 1


def test_a_wrong_answer_is_asked_again_then_refused_and_tried_anew(mono: Mono) -> None:
    visit = asked(mono)
    visit.do("answer", **{"answer-1": "0"})
    assert "did not accept that" in visit.page
    visit.do("answer", **{"answer-1": "0"})
    mono.advance("1s")
    visit.poll()
    assert visit.heading == "The account was not linked"
    (error,) = [each["data"] for each in visit.told if each["type"] == "mono.connect.error_occured"]
    assert error["errorType"] == "LINK_REFUSED"
    assert error["errorMessage"] in visit.page
    visit.do("retry")
    visit.do("login", **TYPED)
    assert "Code from your token" in visit.page
    assert "did not accept that" not in visit.page


def test_a_play_that_is_over_before_its_page_is_shown_is_asked_for_all_the_same(mono: Mono) -> None:
    visit = asked(mono)
    visit.do("answer", **{"answer-1": "4417"})
    mono.advance("1s")
    shown = mono.http.get(visit.address).text
    assert "Checking with" in shown
    assert 'data-poll="' in shown


def test_a_page_whose_step_is_over_is_told_so_by_its_next_poll(mono: Mono) -> None:
    """Another tab has left the step, or the answer of the poll that did was lost."""
    visit = asked(mono)
    visit.do("answer", **{"answer-1": "4417"})
    [seen] = re.findall(r'data-poll="([^"]*)"', visit.page)
    mono.advance("1s")
    for _ in range(2):
        assert "Choose an account" in mono.http.get(seen).text


def test_a_question_that_nobody_answers_runs_out_on_the_page(mono: Mono) -> None:
    visit = asked(mono)
    mono.advance("11m")
    visit.poll()
    assert visit.heading == "The account was not linked"


@pytest.mark.parametrize(
    ("do", "heading"),
    [
        ("approve", "Choose an account"),
        ("deny", "You did not agree"),
        ("cancel", "You left the bank's page".replace("'", "&#39;")),
        ("fail", "Mock: mine has a problem"),
    ],
)
def test_a_bank_that_asks_for_consent(do: str, heading: str, mono: Mono) -> None:
    visit = asked(mono, CONSENTS)
    assert visit.heading == "Do you agree?"
    assert heading in visit.do("consent", do=do)


@pytest.mark.parametrize(
    ("flows", "leave", "waits"),
    [
        (CONSENTS, lambda visit: visit.do("consent", do="deny"), "Do you agree?"),
        (CONSENTS, lambda visit: visit.do("close"), "Do you agree?"),
        (ASKS, lambda visit: visit.do("close"), "Confirm that it is you"),
    ],
)
def test_who_tries_again_goes_on_where_the_account_waits(
    flows: str, leave: Callable[[Visit], str], waits: str, mono: Mono
) -> None:
    visit = asked(mono, flows)
    leave(visit)
    visit.do("retry")
    assert visit.heading == waits
    assert "did not accept that" not in visit.page
    assert len(mono.control("GET", "/subjects")["subjects"]) == 1


def test_a_bank_that_is_removed_meanwhile(mono: Mono) -> None:
    visit = asked(mono)
    assert mono.http.delete("/_mocksrv/scenarios/mine").status_code < 300
    gone = mono.http.get(visit.address)
    assert (gone.status_code, "This bank is gone" in gone.text) == (410, True)


def test_a_scenario_that_is_not_there_is_said(mono: Mono) -> None:
    visit = Visit(mono, hosted_link(mono, {"X_Mocksrv_Scenario": "sinced"}))
    visit.sign_in()
    assert "did you mean synced" in visit.page
    assert visit.names()[-1] == "error_occured"


def unauthorised(mono: Mono, reauthorise: str) -> str:
    """An account that wants the user; its id."""
    id = mono.link(mono.script(WANTS_THE_USER % reauthorise))
    mono.midnight()
    assert mono.status(id) == "REAUTHORISATION_REQUIRED"
    mono.news()
    return id


def token(mono: Mono, id: str) -> str:
    found: str = mono.call("POST", f"/v2/accounts/{id}/reauthorise")["data"]["token"]
    return found


WAYS: dict[str, Callable[[Mono, str], str]] = {
    "account id": lambda mono, id: widget(mono, data={"account": id}),
    "reauth_token": lambda mono, id: widget(mono, reauth_token=token(mono, id)),
    "code": lambda mono, id: widget(mono, scope="reauth", code=token(mono, id)),
    "hosted link": lambda mono, id: hosted_link(mono, scope="reauth", account=id, redirect_url=""),
}


@pytest.mark.parametrize("way", WAYS)
def test_reauthorisation(way: str, mono: Mono) -> None:
    id = unauthorised(mono, "{status: PROCESSING}, {after: 1s, status: AVAILABLE}")
    path = WAYS[way](mono, id)
    visit = Visit(mono, path)
    assert visit.heading == "Sign in to GTBank again"
    visit.do("login", **TYPED)
    visit.do("answer", **{"answer-1": "1"})
    assert visit.heading == "Account authorised again"
    mono.advance("1s")
    assert mono.events() == ["account_reauthorized", "account_updated"]
    visit.do("done")
    assert visit.names() == ["login_attempt", "mfa_submitted", "account_linked", "widget.account_linked"]
    code = visit.told[-1]["data"]["code"]
    assert mono.call("POST", "/account/auth", {"code": code}) == {"id": id}


def test_a_reauthorisation_that_fails(mono: Mono) -> None:
    id = unauthorised(mono, "{after: 1s, status: REAUTHORISATION_REQUIRED}")
    visit = Visit(mono, widget(mono, data={"account": id}))
    visit.do("login", **TYPED)
    visit.do("answer", **{"answer-1": "1"})
    assert visit.heading == "Checking with GTBank"
    mono.advance("1s")
    visit.poll()
    assert visit.heading == "The account was not authorised"
    visit.do("close")
    left: dict[str, Any] = visit.told[-2]["data"]
    assert left["pageName"] == "failure"


def test_an_account_that_is_unlinked_meanwhile(mono: Mono) -> None:
    id = unauthorised(mono, "{status: AVAILABLE}")
    visit = Visit(mono, widget(mono, data={"account": id}))
    mono.call("POST", f"/v2/accounts/{id}/unlink")
    visit.do("login", **TYPED)
    visit.do("answer", **{"answer-1": "1"})
    assert "no linked account" in visit.page


def test_a_token_lives_ten_minutes(mono: Mono) -> None:
    path = widget(mono, reauth_token=token(mono, mono.link(institution=GTBANK)))
    mono.advance("10m")
    assert Visit(mono, path).status == 400
