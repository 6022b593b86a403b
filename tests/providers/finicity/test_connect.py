"""Connect URLs and the ping; what the links lead to."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Receiver
from tests.providers.finicity.client import PARTNER, Finicity, parameters

NOWHERE = "http://127.0.0.1:9/webhooks"


def test_a_link(finicity: Finicity) -> None:
    customer = finicity.customer()
    link = finicity.generate(customer)
    assert link.startswith("http://localhost/finicity/connect?")
    query = link.partition("?")[2]
    names = [part.partition("=")[0] for part in query.split("&")]
    assert names == ["customerId", "origin", "partnerId", "signature", "timestamp", "ttl", "webhookContentType"]
    found = parameters(link)
    assert (found["customerId"], found["partnerId"], found["origin"]) == (customer, PARTNER, "url")
    assert (found["timestamp"], int(found["ttl"]) - int(found["timestamp"])) == ("1767268800000", 7_200_000)
    assert len(found["signature"]) == 64
    assert found["webhookContentType"] == "application/json"
    assert found["signature"] != parameters(finicity.generate(customer))["signature"]


def test_the_kinds_of_links(finicity: Finicity) -> None:
    customer = finicity.customer()
    lite = parameters(finicity.generate(customer, "lite", institutionId=102105))
    assert (lite["type"], lite["institutionId"]) == ("lite", "102105")
    login = finicity.connected(customer)[0]["institutionLoginId"]
    fix = parameters(finicity.generate(customer, "fix", institutionLoginId=str(login)))
    assert (fix["type"], fix["institutionLoginId"]) == ("fix", str(login))
    consumer = finicity.consumer(customer)
    borrowers = [{"type": "primary", "customerId": customer, "consumerId": consumer}]
    link = finicity.generate("", "jointBorrower", customerId=None, borrowers=borrowers)
    assert (parameters(link)["customerId"], parameters(link)["consumerId"]) == (customer, consumer)
    assert finicity.play(link) == {"status": "done", "events": ["started", "done"]}


def test_links_stay_in_their_sandbox(finicity: Finicity, receiver: Receiver) -> None:
    other = Finicity.__new__(Finicity)
    other.__dict__.update(finicity.__dict__, prefix="/sandbox/ci-17", headers=dict(finicity.headers))
    other.headers["Finicity-App-Token"] = other.authenticate()["token"]
    link = other.generate(other.customer())
    assert link.startswith("http://localhost/sandbox/ci-17/finicity/connect?")
    finicity.play(link, status=404)
    other.play(link)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"partnerId": None}, "10005"),
        ({"partnerId": "1"}, "10010"),
        ({"customerId": "1"}, "10010"),
        ({"experience": "mine"}, "10010"),
        ({"webhookContentType": "text/plain"}, "10010"),
        ({"webhook": "no url"}, "10010"),
        ({"webhookHeaders": {"a b": "c"}}, "10010"),
        ({"isWebView": True}, "10005"),
        ({"reportCustomFields": [{}] * 6}, "10010"),
    ],
)
def test_what_is_refused(finicity: Finicity, fields: dict[str, Any], code: str) -> None:
    customer = finicity.customer()
    answer = finicity.generate(**({"customer": customer} | fields), status=400)  # type: ignore[arg-type]
    assert answer["code"] == code
    assert set(answer) == {"code", "status", "message", "user_message", "tags"}
    assert answer["status"] == "400"
    assert finicity.receiver.received == []


def test_refused_logins_and_institutions(finicity: Finicity) -> None:
    customer, other = finicity.customer("customer-1"), finicity.customer("customer-2")
    assert finicity.generate(customer, "fix", institutionLoginId="1", status=404)["code"] == "38007"
    login = str(finicity.connected(other)[0]["institutionLoginId"])
    assert finicity.generate(customer, "fix", institutionLoginId=login, status=404)["code"] == "38007"
    assert (
        "404 GET /institution/v2/institutions/1"
        in finicity.generate(customer, "lite", institutionId=1, status=400)["message"]
    )
    assert finicity.generate(customer, scenario="unknown", status=400)["code"] == "10010"


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_webhook_that_does_not_answer_the_ping_with_2xx_gets_no_link(finicity: Finicity, status: int) -> None:
    finicity.control("PUT", "/endpoints", {"endpoints": [{"url": NOWHERE, "events": ["finicity.*"]}]})
    customer = finicity.customer()
    finicity.receiver.answers = [status]
    answer = finicity.generate(customer, status=400)
    assert (answer["code"], str(status) in answer["message"]) == ("10010", False)  # a stranger is told no more
    [call] = finicity.control("GET", "/requests?newest=true&limit=1")["requests"]
    assert finicity.control("GET", f"/requests/{call['id']}")["ping"] == status
    assert len(finicity.receiver.received) == 1  # a single attempt
    assert finicity.control("GET", "/subjects")["subjects"] == []
    assert finicity.control("GET", "/webhooks")["webhooks"] == []
    finicity.generate(customer)
    assert finicity.control("GET", "/subjects")["subjects"][0]["status"] == "ping"


def test_a_webhook_that_is_not_there_gets_no_link(finicity: Finicity) -> None:
    finicity.generate(finicity.customer(), webhook=NOWHERE, status=400)
    finicity.generate(finicity.customer("customer-43"), webhook=None)  # without one there is nobody to ping


def test_a_link_dies_after_two_hours(finicity: Finicity) -> None:
    link = finicity.generate(finicity.customer())
    finicity.control("POST", "/clock/advance", {"by": "2h"})
    assert "expired" in finicity.play(link, status=410)["detail"]


def test_a_single_use_link_of_two_borrowers_dies_too(finicity: Finicity) -> None:
    customer = finicity.customer()
    borrowers = [{"type": "primary", "customerId": customer, "consumerId": finicity.consumer(customer)}]
    link = finicity.generate("", "jointBorrower", customerId=None, borrowers=borrowers, singleUseUrl=True)
    assert finicity.play(link)["status"] == "done"
    finicity.play(link, status=410)


def test_a_single_use_link_dies_with_its_session(finicity: Finicity) -> None:
    customer = finicity.customer()
    single, plain = finicity.generate(customer, singleUseUrl=True), finicity.generate(customer)
    for link in (single, plain, plain):
        assert finicity.play(link)["status"] == "done"
    finicity.play(single, status=410)
    assert len(finicity.accounts(customer)) == 9  # the same login again is no second one


def test_who_chooses_the_scenario(finicity: Finicity) -> None:
    customer = finicity.customer()

    def played(scenario: str | None = None, **wishes: Any) -> str:
        link = finicity.generate(customer, scenario=scenario)
        finicity.play(link, **wishes)
        name: str = finicity.control("GET", "/subjects?limit=1000")["subjects"][-1]["scenario"]
        return name

    offline = {"institution": "176078"}
    assert played() == "connect-full"
    finicity.control("PUT", "/bindings", {"default": "no-accounts"})
    assert played(username="somebody") == "no-accounts"
    assert played(**offline) == "unable-to-connect"
    finicity.control("PUT", "/bindings", {"next": ["mfa"]})
    assert played(**offline) == "mfa"
    assert played(institution="mock_invalid-credentials") == "invalid-credentials"
    assert played("finicity/mfa", institution="mock_invalid-credentials") == "mfa"
    assert played("mfa", **offline) == "mfa"
