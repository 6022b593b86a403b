"""Every bundled Finicity scenario, played over HTTP on a manual clock; together they send all sixteen Connect
events.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from mocksrv.engine.engine import Engine
from mocksrv.providers.finicity.webhooks import EVENTS
from mocksrv.server import bundled_scenarios
from mocksrv.web.app import App
from tests.conftest import Receiver
from tests.providers.finicity.client import Finicity

FOLDER = bundled_scenarios() / "finicity"
LOGIN = ["started", "institutionSupported"]
REST = ["discovered", "adding", "added", "done"]
STORIES = {
    "connect-full": [*LOGIN, *REST],
    "mfa": [*LOGIN, "mfa", "mfaUpdated", *REST],
    "invalid-credentials": [*LOGIN, "invalidCredentials", "credentialsUpdated", *REST],
    "institution-not-found": ["started", "institutionNotFound"],
    "institution-not-supported": ["started", "institutionNotSupported"],
    "unable-to-connect": [*LOGIN, "unableToConnect"],
    "no-accounts": [*LOGIN, "discovered"],
    "oauth": [*LOGIN, "adding", "processing", "added", "done"],
    "fix": [*LOGIN, *REST],
    "accounts-deleted": [*LOGIN, "discovered", "adding", "added", "accountsDeleted", "done"],
}


@pytest.fixture
def finicity(make_server: Callable[..., tuple[Engine, App]], receiver: Receiver) -> Finicity:
    """An authenticated client whose sessions tell ``receiver``."""
    return Finicity(make_server()[1], receiver)


def payloads(finicity: Finicity) -> dict[str, Any]:
    """The last payload of each event."""
    return {item["json"]["eventType"]: item["json"]["payload"] for item in finicity.received()}


def test_they_are_those_that_are_promised() -> None:
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(STORIES)


@pytest.mark.parametrize("name", STORIES)
def test_comment(name: str) -> None:
    text = (FOLDER / f"{name}.yaml").read_text("utf-8")
    comment = re.match(r"(#.*\n)+", text)
    assert comment, "a file begins with its comment"
    for topic in ("Your app:", "Choose it:", "Vary it:"):
        assert f"\n# {topic} " in comment[0]
    assert max(map(len, text.splitlines())) <= 124


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize("by", ["header", "institution"])
def test_the_story(finicity: Finicity, name: str, by: str) -> None:
    link = finicity.generate(finicity.customer(), scenario=name if by == "header" else None)
    played = finicity.play(link, **({"institution": f"mock_{name}"} if by == "institution" else {}))
    assert played == {"status": STORIES[name][-1], "events": STORIES[name]}
    assert finicity.told() == STORIES[name]
    subject = finicity.control("GET", "/subjects")["subjects"][0]
    assert (subject["scenario"], subject["status"]) == (name, STORIES[name][-1])
    timeline = finicity.control("GET", f"/subjects/{subject['id']}")["timeline"]
    assert [line["status"] for line in timeline if line["status"]] == ["ping", *STORIES[name]]


def test_together_they_send_all_events(finicity: Finicity) -> None:
    for place, name in enumerate(STORIES):
        finicity.play(finicity.generate(finicity.customer(f"customer-{place}"), scenario=name))
    finicity.received()
    assert {item["json"]["eventType"] for item in finicity.receiver.received} == set(EVENTS)
    assert len(EVENTS) == 16


def test_connect_full_brings_accounts(finicity: Finicity) -> None:
    customer = finicity.customer()
    finicity.play(finicity.generate(customer, scenario="connect-full"))
    told = payloads(finicity)
    assert told["added"]["accounts"] == finicity.accounts(customer)
    assert [account["id"] for account in told["discovered"]["accounts"]] == [
        account["id"] for account in finicity.accounts(customer)
    ]
    assert {account["status"] for account in told["discovered"]["accounts"]} == {"pending"}


def test_no_accounts_are_an_empty_list(finicity: Finicity) -> None:
    customer = finicity.customer()
    finicity.play(finicity.generate(customer, scenario="no-accounts"))
    assert payloads(finicity)["discovered"] == {"accounts": [], "institutionId": "101732"}
    assert finicity.accounts(customer) == []


def test_the_second_login_is_right(finicity: Finicity) -> None:
    finicity.play(finicity.generate(finicity.customer(), scenario="invalid-credentials"))
    assert payloads(finicity)["credentialsUpdated"] == {"institutionId": "101732", "mfa": False}


def test_what_was_searched_for(finicity: Finicity) -> None:
    finicity.play(finicity.generate(finicity.customer(), scenario="institution-not-found"), institution="my bank")
    assert payloads(finicity)["institutionNotFound"] == {"query": "my bank"}


def test_why_it_could_not_connect(finicity: Finicity) -> None:
    finicity.play(finicity.generate(finicity.customer(), scenario="unable-to-connect"))
    assert payloads(finicity)["unableToConnect"] == {"institutionId": "176078", "code": 102}


def test_an_unanswered_question_ends_the_session(finicity: Finicity) -> None:
    text = "name: late\nprovider: finicity\nextends: mfa\nflows:\n  accepted: [{after: 1h, status: done}]\n"
    finicity.http.put("/_mocksrv/scenarios/late", data=text.encode(), content_type="application/yaml")
    link = finicity.generate(finicity.customer(), scenario="late")
    assert finicity.play(link, answers=["mfa"])["status"] == "mfaUpdated"
    session = finicity.control("GET", "/subjects")["subjects"][0]["id"]
    finicity.control("PUT", f"/subjects/{session}/status", {"status": "mfa"})
    finicity.control("POST", "/clock/advance", {"by": "10m"})
    assert payloads(finicity)["unableToConnect"]["code"] == 331


def test_oauth(finicity: Finicity) -> None:
    customer = finicity.customer()
    finicity.play(finicity.generate(customer, scenario="oauth"))
    told = payloads(finicity)
    assert told["adding"] == {"institutionId": "102176", "oauth": True}
    assert told["added"]["oauth"] is True
    assert [account["id"] for account in told["added"]["accounts"]] == [
        account["id"] for account in finicity.accounts(customer)
    ]


def test_accounts_deleted(finicity: Finicity) -> None:
    customer = finicity.customer()
    finicity.play(finicity.generate(customer, scenario="accounts-deleted"))
    told = payloads(finicity)
    added = [account["id"] for account in told["added"]["accounts"]]
    assert told["accountsDeleted"] == {"accounts": [added[-1]], "institutionId": "101732"}
    assert [account["id"] for account in finicity.accounts(customer)] == added[:-1]


def test_fix(finicity: Finicity) -> None:
    customer = finicity.customer()
    finicity.play(finicity.generate(customer, scenario="fix"))
    login = finicity.accounts(customer)[0]["institutionLoginId"]
    refresh = f"/aggregation/v1/customers/{customer}/institutionLogins/{login}/accounts"
    assert finicity.call("POST", refresh)["accounts"][0]["aggregationStatusCode"] == 0
    finicity.control("POST", "/clock/advance", {"by": "1h"})
    assert finicity.call("POST", refresh, status=500) == {"code": 103, "message": "Invalid login credentials."}
    assert finicity.accounts(customer)[0]["aggregationStatusCode"] == 103
    link = finicity.generate(customer, "fix", institutionLoginId=str(login))
    assert finicity.play(link) == {"status": "done", "events": ["processing", "done"]}
    assert finicity.call("POST", refresh)["accounts"][0]["aggregationStatusCode"] == 0
    finicity.later("3d")
    assert finicity.call("POST", refresh)["accounts"][0]["aggregationStatusCode"] == 0
    assert finicity.told()[-2:] == ["processing", "done"]
