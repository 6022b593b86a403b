"""Mono's callbacks: the catalogue, the secret, retries, events on request."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mocksrv.engine.clock import HOUR, SECOND
from mocksrv.providers.mono.webhooks import CATALOGUE, RETRIES
from tests.conftest import MX
from tests.providers.mono.client import SECRET, Mono


def test_connected_and_updated(mono: Mono) -> None:
    id = mono.link(institution="Zenith Bank")
    connected, updated = mono.news()
    assert list(connected) == list(updated) == ["event", "event_id", "timestamp", "data"]
    assert re.fullmatch(r"[A-Za-z0-9]{40}", connected["event_id"])
    assert connected["timestamp"] == "2026-01-01T12:00:00.000Z"
    assert list(connected["data"]) == ["id", "customer", "meta", "app", "business"]
    assert connected["data"]["meta"] == {"data_status": "PROCESSING", "auth_method": "internet_banking"}
    details = mono.call("GET", f"/v2/accounts/{id}")["data"]
    account = updated["data"]["account"]
    assert account == {
        "_id": id,
        "name": details["account"]["name"],
        "accountNumber": details["account"]["account_number"],
        "currency": "NGN",
        "balance": details["account"]["balance"],
        "type": "CURRENT_ACCOUNT",
        "bvn": details["account"]["bvn"],
        "authMethod": "internet_banking",
        "institution": {"name": "Zenith Bank", "bankCode": "057", "type": "PERSONAL_BANKING"},
        "created_at": "2026-01-01T12:00:00.000Z",
        "updated_at": "2026-01-01T12:00:01.000Z",
    }
    assert updated["data"]["meta"] == details["meta"]
    for name in ("app", "business"):
        assert updated["data"][name] == connected["data"][name]
        assert re.fullmatch(r"[0-9a-f]{24}", connected["data"][name])


def test_the_secret_itself_is_sent(mono: Mono) -> None:
    mono.link()
    mono.advance("0s")
    assert {item["headers"]["mono-webhook-secret"] for item in mono.receiver.received} == {SECRET}
    assert {item["headers"]["content-type"] for item in mono.receiver.received} == {"application/json"}
    shown = mono.control("GET", "/endpoints")["endpoints"][0]["auth"]
    assert shown == {"type": "mono", "secret": "***"}
    webhook = mono.control("GET", "/webhooks")["webhooks"][0]
    attempt = mono.control("GET", f"/webhooks/{webhook['id']}")["deliveries"][0]["attempts"][0]
    assert attempt["request"]["headers"]["mono-webhook-secret"] == "***"


def test_an_endpoint_needs_the_secret(mono: Mono) -> None:
    endpoint = {"url": mono.receiver.url, "auth": {"type": "mono"}}
    assert "secret" in mono.control("PUT", "/endpoints", {"endpoints": [endpoint]}, status=422)["detail"]


def test_retries(mono: Mono) -> None:
    assert RETRIES.delays[:10] == tuple(
        seconds * SECOND for seconds in (30, 60, 120, 240, 480, 960, 1920, 3840, 7680, 14400)
    )
    assert max(RETRIES.delays) == 4 * HOUR
    assert 44 * HOUR < sum(RETRIES.delays) <= 48 * HOUR
    mono.receiver.answers[:] = [500, 404, 503]
    mono.script("link: [{status: PROCESSING}]")
    mono.connect(institution="any", scenario="mine")
    mono.advance("0s")
    for seconds, attempts in ((29, 1), (1, 2), (59, 2), (1, 3), (120, 4)):
        mono.advance(f"{seconds}s")
        webhook = next(
            each for each in mono.control("GET", "/webhooks")["webhooks"] if each["event"] == "mono.account_connected"
        )
        assert len(webhook["deliveries"][0]["attempts"]) == attempts
    assert webhook["deliveries"][0]["state"] == "delivered"
    ids = [item["json"]["event_id"] for item in mono.receiver.received if item["json"]["event"].endswith("connected")]
    assert len(ids) == 4
    assert len(set(ids)) == 1


def test_plain_endpoints_get_mono_unasked(mono: Mono) -> None:
    mono.control("PUT", "/endpoints", {"endpoints": [{"url": mono.receiver.url}]})
    mono.link()
    assert mono.events() == ["account_connected", "account_updated"]
    assert "mono-webhook-secret" not in (mono.receiver.received or [{"headers": {}}])[-1]["headers"]


@pytest.mark.parametrize("event", sorted(CATALOGUE))
def test_trigger_about_an_invented_account(mono: Mono, event: str) -> None:
    mono.control("POST", "/trigger", {"event": event})
    (body,) = mono.news()
    assert body["event"] == CATALOGUE[event].wire
    assert body["data"]


@pytest.mark.parametrize("event", sorted(CATALOGUE))
def test_trigger_about_an_account(mono: Mono, event: str) -> None:
    id = mono.link()
    mono.link()
    mono.news()
    mono.control("POST", "/trigger", {"event": event, "subject": id})
    (body,) = mono.news()
    account = body["data"].get("account", body["data"].get("id"))
    assert (account["_id"] if isinstance(account, dict) else account) == id


def test_trigger_with_fields_of_ones_own(mono: Mono) -> None:
    id = mono.link()
    mono.news()
    mono.control("POST", "/trigger", {"event": "mono.account_synced", "payload": {"updated": False}})
    assert mono.news() == [{"event": "mono.events.account_synced", "data": {"account": id, "updated": False}}]
    mono.control(
        "POST",
        "/trigger",
        {"event": "mono.account_updated", "payload": {"data_status": "FAILED", "account": {"_id": "x"}}},
    )
    (body,) = mono.news()
    assert (body["data"]["meta"]["data_status"], body["data"]["account"]["_id"]) == ("FAILED", "x")


def test_trigger_with_data_that_are_no_object(mono: Mono) -> None:
    given = {"event": "mono.sync_failed", "payload": {"data": 5, "more": 1}, "extra": True}
    mono.control("POST", "/trigger", given)
    assert mono.news() == [{"event": "mono.events.sync_failed", "data": 5, "more": 1}]


def test_a_scenario_sends_an_event(mono: Mono) -> None:
    mono.script("midnight: [{event: mono.sync_failed}]")
    id = mono.link("mine")
    mono.news()
    mono.midnight()
    assert {"event": "mono.events.sync_failed", "data": {"account": {"_id": id}}} in mono.news()


def test_trigger_about_something_else(mono: Mono) -> None:
    mono.control("POST", "/trigger", {"event": "mono.account_synced", "subject": "nothing"}, status=404)
    guid = MX(mono.http.application).user()
    problem = mono.control("POST", "/trigger", {"event": "mono.account_synced", "subject": guid}, status=422)
    assert guid in problem["detail"]


def sent(mono: Mono, event: str, **payload: Any) -> dict[str, Any]:
    """The data of a triggered event with fields over it."""
    mono.news()
    mono.control("POST", "/trigger", {"event": event, "payload": payload})
    (body,) = mono.news()
    data: dict[str, Any] = body["data"]
    return data


@pytest.mark.parametrize(
    ("status", "fetched"),
    [
        ("AVAILABLE", ["identity", "balance", "transactions"]),
        ("PARTIAL", ["identity", "balance"]),
        ("UNAVAILABLE", []),
        ("FAILED", []),
        ("PROCESSING", []),
    ],
)
def test_what_was_fetched_follows_from_the_status(mono: Mono, status: str, fetched: list[str]) -> None:
    mono.link()
    for payload in ({"data_status": status}, {"meta": {"data_status": status}}):
        meta = sent(mono, "mono.account_updated", **payload)["meta"]
        assert (meta["data_status"], meta["retrieved_data"]) == (status, fetched)


def test_the_status_follows_from_what_was_fetched(mono: Mono) -> None:
    for fetched, status in (([], "UNAVAILABLE"), (["balance"], "PARTIAL"), (["balance", "transactions"], "AVAILABLE")):
        assert sent(mono, "mono.account_updated", retrieved_data=fetched)["meta"]["data_status"] == status
    anomaly = sent(mono, "mono.account_updated", data_status="FAILED", retrieved_data=["balance"])["meta"]
    assert (anomaly["data_status"], anomaly["retrieved_data"]) == ("FAILED", ["balance"])  # who says both means both


def test_sums_of_income_agree(mono: Mono) -> None:
    for payload in ({"total_income": 5}, {"income_summary": {"total_income": 5}}):
        data = sent(mono, "mono.account_income", **payload)
        assert (data["total_income"], data["income_summary"]["total_income"]) == (5, 5)


def test_debts_add_up(mono: Mono) -> None:
    event = "mono.account_credit_worthiness"
    for payload in (
        {"total_debt": 500},
        {"total_debt": 0},
        {"debt": {"total_debt": 7}},
        {"credit_check": False},
        {"debt_by_institution": [{"institution": "A", "amount_owed": 3}, {"institution": "B", "amount_owed": 4}]},
    ):
        debt = sent(mono, event, **payload)["debt"]
        assert debt["total_debt"] == sum(row["amount_owed"] for row in debt["debt_by_institution"])
        assert debt["credit_check"] or not debt["total_debt"]
        assert all(debt[name] == value for name, value in payload.items() if name != "debt")


OTHERS = {int: 7, float: 0.5, str: "PARTIAL"}  # another value of each kind of field


def single_fields(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Each field of an event's data that can be said alone, with another value; those of lists are not."""
    found: list[dict[str, Any]] = []
    for name, value in data.items():
        if isinstance(value, dict):
            found += [{name: inner} for inner in single_fields(value)]
        elif isinstance(value, bool):
            found.append({name: not value})
        elif type(value) in OTHERS:
            found.append({name: OTHERS[type(value)]})
    return found


def contradictions(data: dict[str, Any]) -> list[str]:
    """What does not agree in the data of an event."""
    found: list[str] = []
    meta, summary, debt = (data.get(name) or {} for name in ("meta", "income_summary", "debt"))
    if "retrieved_data" in meta and (meta["data_status"] == "AVAILABLE") != ("transactions" in meta["retrieved_data"]):
        found.append("what was fetched")
    found += [
        name for name in ("total_income", "annual_income", "monthly_income") if summary.get(name) != data.get(name)
    ]
    if debt and debt["total_debt"] != sum(row["amount_owed"] for row in debt["debt_by_institution"]):
        found.append("debts")
    return found


@pytest.mark.parametrize("event", sorted(CATALOGUE))
def test_no_field_that_is_said_alone_makes_an_event_contradict_itself(mono: Mono, event: str) -> None:
    mono.link()
    data = sent(mono, event)
    assert contradictions(data) == []
    for payload in single_fields(data):
        changed = sent(mono, event, **payload)
        assert contradictions(changed) == [], payload
        assert changed != data
