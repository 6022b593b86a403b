"""No payload contradicts itself: every event of every provider, with any one of its fields replaced.

What agrees is checked here by rules of its own, from what the providers' pages say.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mocksrv.providers.mx.events import statuses
from tests.conftest import MX, started
from tests.properties import examples

with Path(statuses.__file__).with_name("status_messages.csv").open(encoding="utf-8", newline="") as text:
    STATUSES = {row["connection_status"]: row for row in csv.DictReader(text) if row["connection_status"] != "null"}
RAISING = {"CHALLENGED", "DENIED", "EXPIRED", "IMPAIRED", "IMPEDED", "LOCKED", "PREVENTED", "REJECTED"}
JOBS = {"CHALLENGED": 2, "COMPLETED": 6, "PREVENTED": 7, "DENIED": 8, "HALTED": 9}
DEPOSITS = [
    "INITIATED",
    "REQUESTED",
    "DEPOSITED",
    "VERIFIED",
    "ERRORED",
    "DENIED",
    "PREVENTED",
    "CONFLICTED",
    "REJECTED",
    "PREINITIATED",
]
ORDERED = [("created_at", "updated_at"), ("created_at", "started_at"), ("started_at", "finished_at")]
ENDED = [("first_transaction_date", "last_transaction_date")]
WORDS = [*STATUSES, *JOBS, "DEBIT", "CREDIT", "PENDING", "POSTED", "AVAILABLE", "UNAVAILABLE", "finished", "Groceries"]
DAYS = ["2020-02-29", "2026-01-01", "2031-12-31"]
NUMBERS = st.integers(-5, 25) | st.integers(0, 2_000_000_000) | st.sampled_from([1767268800, 1577836800])
ANY_CHANNELS = st.lists(st.sampled_from(["in_app", "email", "sms", "push"]), unique=True)
ADDRESSES = ["", "kim@example.com", "555-555-0199"]


# a checker of its own


def fields(payload: dict[str, Any]) -> dict[str, Any]:
    """All fields of a payload by their names, the outermost of one name."""
    found: dict[str, Any] = {}
    for name, value in payload.items():
        if isinstance(value, dict):
            found = {**fields(value), **found}
        found[name] = value
    return found


def moment(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value)
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        except ValueError:
            return None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def contradictions(event: str, payload: dict[str, Any], typed: str) -> Iterator[str]:
    """What a body says against itself; ``typed`` is the field that was replaced."""
    body = fields(payload)
    yield from (f"{one} after {other}" for one, other in (*ORDERED, *ENDED) if disordered(body, one, other))
    if "connection_status" in body:
        yield from of_status(event, body, typed)
    if "job" in payload:
        yield from of_job(body)
    day, at = body.get("completed_on"), body.get("completed_at")
    if day is not None and at is not None and datetime.fromtimestamp(at, UTC).date().isoformat() != day:
        yield "completed_at is of another day than completed_on"
    if "transaction" in payload:
        yield from of_transaction(body)
    if "budget" in payload:
        yield from of_budget(body)
    if "micro_deposit" in payload:
        yield from of_deposit(body)
    if event.startswith("mx.notification."):
        yield from of_notification(body)
    if "is_user_created" in body and body["is_user_created"] != body["is_managed_by_user"]:
        yield "is_user_created"
    if body.get("email_is_verified") and not body["email"]:
        yield "verified without an e-mail"
    if body.get("data_status") == "UNAVAILABLE" and body.get("retrieved_data"):
        yield "retrieved although unavailable"
    if event.startswith("finicity.") and body["eventType"] != event.partition(".")[2]:
        yield "another event's type"


def disordered(body: dict[str, Any], one: str, other: str) -> bool:
    first, last = moment(body.get(one)), moment(body.get(other))
    if first is None or last is None:
        return False
    day = any(isinstance(body[name], str) and len(body[name]) == 10 for name in (one, other))
    return first // 86_400 > last // 86_400 if day else first > last


def of_status(event: str, body: dict[str, Any], typed: str) -> Iterator[str]:
    row = STATUSES.get(body["connection_status"])
    if event == "mx.connection_status.changed" and body["connection_status"] not in RAISING:
        yield "a status that raises none"
    if body["connection_status_id"] != (int(row["connection_status_id"]) if row else None):
        yield "the number of the status"
    if typed != "connection_status_message":
        said = body["connection_status_message"] or ""
        before, _, behind = (row["connection_status_message"] if row else "").partition("{name}")
        if not (said.startswith(before) and said.endswith(behind)):
            yield "the message of the status"


def of_job(body: dict[str, Any]) -> Iterator[str]:
    name = body["status_name"]
    if JOBS.get(name) != body["status"]:
        yield "the number of a job's status"
    if (body["finished_at"] is None) != (name == "CHALLENGED"):
        yield "finished or not"
    if (body["error_message"] is None) != (name in ("CHALLENGED", "COMPLETED")):
        yield "an error or none"


def of_transaction(body: dict[str, Any]) -> Iterator[str]:
    if body["type"] == "CREDIT" and body.get("is_expense"):
        yield "a credit that is an expense"
    if body["type"] == "DEBIT" and body.get("is_income"):
        yield "a debit that is income"
    if body.get("feed_transaction_type") not in (None, {"CREDIT": 1, "DEBIT": 2}.get(body["type"])):
        yield "the feed has another type"
    if body.get("feed_status") not in (None, {"POSTED": 1, "PENDING": 2}.get(body["status"])):
        yield "the feed has another status"
    if "feed_amount" in body and body["feed_amount"] not in (None, body["amount"]):
        yield "the feed has another amount"
    if body["status"] == "PENDING" and body.get("posted_at") is not None:
        yield "pending, and posted"


def of_budget(body: dict[str, Any]) -> Iterator[str]:
    for flag, total in (("is_exceeded", "transaction_total"), ("is_off_track", "projected_spending")):
        known = None not in (body["amount"], body[total])
        if known and body[flag] != (float(body[total]) > float(body["amount"])):
            yield flag


def of_deposit(body: dict[str, Any]) -> Iterator[str]:
    if None not in (body["status"], body["status_name"]) and DEPOSITS[body["status"]] != body["status_name"]:
        yield "the number of a microdeposit's status"


def of_notification(body: dict[str, Any]) -> Iterator[str]:
    for channel, name in (("email", "user_email"), ("sms", "user_mobile")):
        if (channel in body["enabled_channels"]) != bool(body[name]):
            yield f"{channel} without an address, or the other way round"
    wanted = {
        "ACCOUNT_BALANCE_LOW": lambda: body["balance"] < body["low_balance_threshold"],
        "DEBT_PAYMENT_REMINDER": lambda: (
            body["payment_due_at"] is not None and body["payment_due_at"] == body["estimated_payment_due_at"]
        ),
        "ACCOUNT_DEPOSIT_LARGE": lambda: body["type"] == "CREDIT" and body["amount"] > body["transaction_threshold"],
        "TRANSACTION_EXPENSE_LARGE": lambda: body["type"] == "DEBIT" and body["amount"] > body["transaction_threshold"],
        "TRANSACTION_FEE_CHARGE": lambda: body["type"] == "DEBIT" and (body["is_fee"] or body["is_overdraft_fee"]),
        "TRANSACTION_IS_INTERNATIONAL": lambda: body["is_international"],
        "BUDGET_EXCEEDED": lambda: body["is_exceeded"],
        "BUDGET_OFF_TARGET": lambda: body["is_off_track"],
    }.get(body["action"])
    if wanted is not None and not wanted():
        yield "its object would not raise it"


# events and their fields


@pytest.fixture(scope="module")
def server() -> Iterator[MX]:
    """A server with nothing in it: what is triggered is invented."""
    engine, app = started()
    yield MX(app)
    engine.close()


@pytest.fixture(scope="module")
def filled() -> Iterator[MX]:
    """A server with a member of MX Bank, whose records the events are about."""
    engine, app = started()
    mx = MX(app)
    mx.create(mx.user(email="ada@example.com"))
    mx.advance("1m")
    yield mx
    engine.close()


def trigger(mx: MX, event: str, payload: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The bodies that were written; None where the fields were refused."""
    answer = mx.http.post("/_mocksrv/trigger", json={"event": event, "payload": payload})
    assert answer.status_code in (200, 422), answer.text
    if answer.status_code == 422:
        assert answer.get_json()["detail"].startswith("payload.")
        return None
    return [each["payload"] for each in answer.get_json()["webhooks"]]


@functools.cache
def known(mx: MX) -> dict[str, dict[str, Any]]:
    """Event -> a body of it."""
    names = mx.control("GET", "/events")["events"]
    return {name: bodies[0] for name in names if (bodies := trigger(mx, name, {}))}


def values(name: str, value: Any) -> st.SearchStrategy[Any]:
    """Values of a field's kind."""
    if name == "enabled_channels":
        return ANY_CHANNELS
    if isinstance(value, bool):
        return st.booleans()
    if isinstance(value, int):
        return NUMBERS
    if isinstance(value, float):
        return st.floats(-1000, 5000).map(lambda number: round(number, 2))
    if isinstance(value, str) and value.replace(".", "").isdigit():
        return st.integers(0, 5000).map(lambda number: f"{number}.00")
    if isinstance(value, str):
        return st.sampled_from([*WORDS, *DAYS, *ADDRESSES])
    return st.none() | st.sampled_from([*WORDS, *DAYS]) if value is None else st.just(value)


def check_all(mx: MX, data: st.DataObject) -> None:
    event = data.draw(st.sampled_from(sorted(known(mx))))
    shown = fields(known(mx)[event])
    name = data.draw(st.sampled_from(sorted(n for n, value in shown.items() if not isinstance(value, dict))))
    value = data.draw(values(name, shown[name]))
    for body in trigger(mx, event, {name: value}) or []:
        assert list(contradictions(event, body, name)) == [], (event, {name: value}, body)


@settings(max_examples=examples(300), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_field_of_an_invented_one(server: MX, data: st.DataObject) -> None:
    check_all(server, data)


@settings(max_examples=examples(300), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_field_of_a_record(filled: MX, data: st.DataObject) -> None:
    check_all(filled, data)


@pytest.mark.parametrize("which", ["server", "filled"])
def test_nothing_replaced(which: str, request: pytest.FixtureRequest) -> None:
    mx: MX = request.getfixturevalue(which)
    wrong = {event: list(contradictions(event, body, "")) for event, body in known(mx).items()}
    assert {event: found for event, found in wrong.items() if found} == {}
    assert len(wrong) == len(mx.control("GET", "/events")["events"])


def test_a_status_brings_all_that_follows(filled: MX) -> None:
    [body] = trigger(filled, "mx.member.updated", {"connection_status": "LOCKED"}) or []
    member = body["member"]
    assert (member["connection_status_id"], member["is_being_aggregated"]) == (5, False)
    assert member["connection_status_message"].startswith("Your account is locked.")
    [body] = trigger(filled, "mx.job_status", {"status": 8}) or []
    assert body["job"]["status_name"] == "DENIED"
    assert body["job"]["error_message"]


def test_what_cannot_agree_is_refused_and_sent_when_it_is_meant(filled: MX) -> None:
    body = {"event": "mx.connection_status.changed", "payload": {"connection_status": "CONNECTED"}}
    refused = filled.control("POST", "/trigger", body, status=422)
    assert "DENIED" in refused["detail"]
    [sent] = filled.control("POST", "/trigger", {**body, "extra": True})["webhooks"]
    assert sent["payload"]["connection_status"] == "CONNECTED"
