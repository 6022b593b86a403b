"""Mono's callbacks: the catalogue, the secret, retries, events on request."""

from __future__ import annotations

import re

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
    mono.script("midnight: [{event: mono.sync_failed, payload: {reason: storm}}]")
    id = mono.link("mine")
    mono.news()
    mono.midnight()
    assert {"event": "mono.events.sync_failed", "data": {"account": {"_id": id}, "reason": "storm"}} in mono.news()


def test_trigger_about_something_else(mono: Mono) -> None:
    mono.control("POST", "/trigger", {"event": "mono.account_synced", "subject": "nothing"}, status=404)
    guid = MX(mono.http.application).user()
    problem = mono.control("POST", "/trigger", {"event": "mono.account_synced", "subject": guid}, status=422)
    assert guid in problem["detail"]
