"""The Connect events as they are on the wire: bodies, headers, signatures, XML, retries, endpoints, `trigger`."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Any
from xml.etree import ElementTree

import pytest

from mocksrv.providers.finicity.webhooks import CATALOGUE, EVENTS
from tests.conftest import Receiver
from tests.providers.finicity.client import SECRET, Finicity

KEYS = {
    "started": [],
    "ping": [],
    "done": [],
    "institutionSupported": ["institutionId"],
    "institutionNotSupported": ["institutionId"],
    "invalidCredentials": ["institutionId"],
    "mfa": ["institutionId"],
    "mfaUpdated": ["institutionId"],
    "processing": ["institutionId"],
    "institutionNotFound": ["query"],
    "discovered": ["accounts", "institutionId"],
    "adding": ["institutionId"],
    "added": ["institutionId", "accounts"],
    "accountsDeleted": ["accounts", "institutionId"],
    "credentialsUpdated": ["institutionId", "mfa"],
    "unableToConnect": ["institutionId", "code"],
}
ADDED = [
    "id",
    "number",
    "name",
    "balance",
    "type",
    "status",
    "customerId",
    "institutionId",
    "createdDate",
    "lastUpdatedDate",
    "currency",
    "institutionLoginId",
    "displayPosition",
]


def hmac_by_hand(key: str, body: bytes) -> str:
    """HMAC-SHA256 in hexadecimal, written down from RFC 2104."""
    block = key.encode()
    block = (sha256(block).digest() if len(block) > 64 else block).ljust(64, b"\0")
    inner = sha256(bytes(byte ^ 0x36 for byte in block) + body).digest()
    return sha256(bytes(byte ^ 0x5C for byte in block) + inner).hexdigest()


def played(finicity: Finicity, scenario: str = "connect-full", **fields: Any) -> list[dict[str, Any]]:
    finicity.play(finicity.generate(finicity.customer(), scenario=scenario, **fields))
    finicity.received()
    return finicity.receiver.received


def test_the_wrapper(finicity: Finicity) -> None:
    customer = finicity.customer()
    consumer = finicity.consumer(customer)
    finicity.play(finicity.generate(customer, consumerId=consumer, webhookData={"b": 1, "a": {"ü": "ß"}}))
    finicity.received()
    assert [item["json"]["eventType"] for item in finicity.receiver.received] == ["ping", *EVENTS_OF_ALL_WELL]
    for item in finicity.receiver.received:
        body = item["json"]
        assert list(body) == ["customerId", "consumerId", "eventType", "eventId", "payload", "webhookData"]
        assert (body["customerId"], body["consumerId"], body["webhookData"]) == (
            customer,
            consumer,
            {"b": 1, "a": {"ü": "ß"}},
        )
        assert re.fullmatch(r"1767268800000-[0-9a-f]{24}", body["eventId"])
        assert item["raw"] == json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        assert item["headers"]["content-type"] == "application/json"
    assert len({item["json"]["eventId"] for item in finicity.receiver.received}) == 7


EVENTS_OF_ALL_WELL = ["started", "institutionSupported", "discovered", "adding", "added", "done"]


def test_what_is_not_given_is_not_there(finicity: Finicity) -> None:
    for item in played(finicity):
        assert list(item["json"]) == ["customerId", "eventType", "eventId", "payload"]


def test_bodies_are_as_long_as_captured_ones(finicity: Finicity) -> None:
    """Lengths that were seen on the wire, of bodies with customer ids of ten digits and bank ids of six."""
    lengths = {item["json"]["eventType"]: len(item["raw"]) for item in played(finicity, "oauth")}
    assert {
        "done": 110,
        "started": 113,
        "processing": 140,
        "adding": 149,
        "institutionSupported": 150,
    }.items() <= lengths.items()


@pytest.mark.parametrize("kind", ["application/json", "application/xml"])
def test_every_callback_is_signed_with_the_secret_of_the_authentication(finicity: Finicity, kind: str) -> None:
    items = played(finicity, webhookContentType=kind)
    assert len(items) == 7
    for item in items:
        assert item["headers"]["content-type"] == kind
        assert item["headers"]["x-finicity-signature"] == hmac_by_hand(SECRET, item["raw"])


def test_a_new_secret_signs_what_is_generated_with_it(finicity: Finicity) -> None:
    secret = "x" * 80 + "1"
    finicity.headers["Finicity-App-Token"] = finicity.authenticate(secret, partner="77")["token"]
    item = played(finicity, partnerId="77")[-1]
    assert item["headers"]["x-finicity-signature"] == hmac_by_hand(secret, item["raw"])


def test_webhook_headers_come_with_every_event_and_the_ping(finicity: Finicity) -> None:
    for item in played(finicity, webhookHeaders={"X-My-Key": "k1", "Authorization": "Bearer t"}):
        assert (item["headers"]["X-My-Key"], item["headers"]["Authorization"]) == ("k1", "Bearer t")
    shown = finicity.control("GET", "/webhooks")["webhooks"][-1]["headers"]
    assert (shown["X-My-Key"], shown["Authorization"]) == ("k1", "***")


def test_webhook_headers_that_a_request_has_already(finicity: Finicity) -> None:
    """What HTTP and the signature need stays; of any other header there is one, the app's."""
    taken = {
        "Content-Type": "application/xml",
        "Content-Length": "5",
        "Transfer-Encoding": "chunked",
        "Host": "elsewhere",
        "DATE": "today",
        "X-Finicity-Signature": "mine",
    }
    for item in played(finicity, webhookHeaders={**taken, "User-Agent": "app", "x-count": 5, "x-flag": True}):
        sent = {name.lower(): value for name, value in item["headers"].items()}
        assert len(sent) == len(item["headers"])  # each once
        assert (sent["user-agent"], sent["x-count"], sent["x-flag"]) == ("app", "5", "true")
        assert (sent["content-type"], sent["content-length"]) == ("application/json", str(len(item["raw"])))
        assert sent["x-finicity-signature"] == hmac_by_hand(SECRET, item["raw"])


def test_every_ping_has_an_id_which_the_server_remembers(finicity: Finicity) -> None:
    customer = finicity.customer()
    finicity.receiver.answers = [500]
    finicity.generate(customer, status=400)
    for _ in range(2):
        finicity.generate(customer)
    ids = [body["eventId"] for body in finicity.receiver.bodies()]
    assert len(set(ids)) == 3
    assert [event["payload"]["eventId"] for event in finicity.control("GET", "/webhooks")["webhooks"]] == ids[1:]


def test_xml(finicity: Finicity) -> None:
    items = played(finicity, webhookContentType="application/xml", webhookData={"order id": "A & B"})
    root = ElementTree.fromstring(items[3]["raw"])
    assert [child.tag for child in root] == ["customerId", "eventType", "eventId", "payload", "webhookData"]
    assert root.findtext("eventType") == "discovered"
    assert [account.findtext("name") for account in root.findall("payload/accounts/account")][:3] == [
        "Private Client Checking",
        "Premier Savings",
        "Money Market",
    ]
    assert root.findtext("webhookData/order_id") == "A & B"


def test_what_an_oauth_bank_sends(finicity: Finicity) -> None:
    items = played(finicity, "oauth")
    payloads = {item["json"]["eventType"]: item["json"]["payload"] for item in items}
    assert payloads["adding"] == {"institutionId": "102176", "oauth": True}
    assert list(payloads["added"]) == ["institutionId", "accounts", "oauth"]
    assert list(payloads["added"]["accounts"][0]) == ADDED
    assert payloads["added"]["accounts"][0]["lastUpdatedDate"] == 0
    before = len(finicity.told())
    finicity.play(finicity.generate(finicity.customer("customer-43"), "lite", scenario="mfa", institutionId=102176))
    assert finicity.told()[before:] == [
        "started",
        "institutionSupported",
        "adding",
        "done",
    ]  # mfa ... are not for banks like this


def test_which_sessions_send_what() -> None:
    sends = {
        kind: {name for name, event in EVENTS.items() if kind in event.types}
        for kind in ("full", "lite", "fix", "jointBorrower")
    }
    assert sends["full"] == set(EVENTS) == set(KEYS)
    assert sends["lite"] == set(EVENTS) - {"added"}
    assert sends["fix"] == {"ping", "institutionNotFound", "institutionNotSupported", "processing", "done"}
    assert sends["jointBorrower"] == {"ping", "started", "unableToConnect", "done"}


def test_a_failing_webhook_is_tried_again_on_the_providers_schedule(finicity: Finicity) -> None:
    link = finicity.generate(finicity.customer())
    finicity.receiver.answers = [500] * 8
    finicity.play(link, institution="nothing like it")
    finicity.control("POST", "/clock/advance", {"by": "2m"})
    first = finicity.control("GET", "/webhooks?event=finicity.started")["webhooks"][0]["deliveries"][0]
    assert first["endpoint"] == finicity.receiver.url
    assert len(first["attempts"]) > 2
    assert [item["json"]["eventType"] for item in finicity.receiver.received].count("started") == len(first["attempts"])
    finicity.control("POST", "/clock/advance", {"by": "1h"})
    assert finicity.told().count("institutionNotFound") >= 2


def test_endpoints_of_the_sandbox_that_ask(finicity: Finicity, receiver: Receiver) -> None:
    other = Receiver()
    auth = {"type": "finicity", "secret": "s3cret"}
    endpoints = [{"url": other.url, "events": ["finicity.*"], "auth": auth}, {"url": receiver.url}]
    shown = finicity.control("PUT", "/endpoints", {"endpoints": endpoints})["endpoints"]
    assert shown[0]["auth"] == {"type": "finicity", "secret": "***"}
    played(finicity)
    assert [body["eventType"] for body in other.bodies()] == ["ping", *EVENTS_OF_ALL_WELL]
    assert [body["eventType"] for body in receiver.bodies()] == ["ping", *EVENTS_OF_ALL_WELL]  # not twice
    for item in other.received:
        assert item["headers"]["x-finicity-signature"] == hmac_by_hand("s3cret", item["raw"])
    other.close()


@pytest.mark.parametrize("event", sorted(CATALOGUE))
def test_trigger_without_a_session(finicity: Finicity, event: str) -> None:
    name = event.partition(".")[2]
    finicity.control("PUT", "/endpoints", {"endpoints": [{"url": finicity.receiver.url, "events": ["finicity.*"]}]})
    finicity.control("POST", "/trigger", {"event": event, "payload": {"customerId": "6", "more": True}, "extra": True})
    finicity.control("POST", "/clock/advance", {"by": "0s"})
    body = finicity.receiver.bodies()[0]
    assert (body["eventType"], body["customerId"]) == (name, "6")
    assert list(body["payload"]) == [*KEYS[name], "more"]


@pytest.mark.parametrize("event", ["finicity.added", "finicity.discovered"])
def test_account_records_follow_what_is_put_over_their_event(finicity: Finicity, event: str) -> None:
    finicity.connected(finicity.customer())
    finicity.received()
    for over in ({"customerId": "6", "institutionId": "7"}, {"customerId": "6", "payload": {"institutionId": "7"}}):
        before = len(finicity.receiver.received)
        finicity.control("POST", "/trigger", {"event": event, "payload": over})
        finicity.advance("0s")
        body = finicity.receiver.bodies()[before]
        assert (body["customerId"], body["payload"]["institutionId"]) == ("6", "7")
        assert {(each["customerId"], each["institutionId"]) for each in body["payload"]["accounts"]} == {("6", "7")}


@pytest.mark.parametrize("event", sorted(CATALOGUE))
def test_trigger_for_a_session(finicity: Finicity, event: str) -> None:
    name = event.partition(".")[2]
    accounts = finicity.connected(finicity.customer())
    finicity.received()
    session = finicity.control("GET", "/subjects")["subjects"][0]["id"]
    for subject in (session, accounts[0]["id"], accounts[0]["customerId"], None):
        before = len(finicity.receiver.received)
        finicity.control("POST", "/trigger", {"event": event, "subject": subject})
        finicity.control("POST", "/clock/advance", {"by": "0s"})
        (item,) = finicity.receiver.received[before:]
        assert (item["json"]["eventType"], item["json"]["customerId"]) == (name, accounts[0]["customerId"])
        assert list(item["json"]["payload"]) == KEYS[name]
        assert item["headers"]["x-finicity-signature"] == hmac_by_hand(SECRET, item["raw"])
