"""The callbacks, field for field as in MX's own examples; their headers, their retries, and the control API's view of
them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mocksrv.engine.engine import Engine
from mocksrv.web.app import App
from mocksrv.web.hosting.hosting import StartError
from tests.conftest import MX, Receiver

START = 1767268800  # 2026-01-01T12:00:00Z, in the whole seconds of MX's callbacks
INSTITUTION = "INS-1572a04c-912b-59bf-5841-332c7dfafaef"
RAISING = {
    "CHALLENGED": 3,
    "DENIED": 2,
    "EXPIRED": 19,
    "IMPAIRED": 20,
    "IMPEDED": 7,
    "LOCKED": 5,
    "PREVENTED": 1,
    "REJECTED": 4,
}
SILENT = (
    "CREATED",
    "CONNECTED",
    "RECONNECTED",
    "DEGRADED",
    "DISCONNECTED",
    "DISCONTINUED",
    "CLOSED",
    "DELAYED",
    "FAILED",
    "UPDATED",
    "DISABLED",
    "IMPORTED",
    "RESUMED",
    "PENDING",
)
RETRY_SECONDS = [round(15 + 1.4 * n**4, 3) for n in range(1, 13)]  # without the jitter, which adds a fifth at most


@pytest.fixture
def user(mx: MX) -> str:
    return mx.user(id="customer-42")


@pytest.fixture
def member(mx: MX, user: str) -> str:
    """A member of MX Bank whose first aggregation is done."""
    guid: str = mx.create(user)["guid"]
    mx.advance("10s")
    return guid


def last(receiver: Receiver, key: str, value: str) -> dict[str, Any]:
    """The last callback with this value."""
    return next(body for body in reversed(receiver.bodies()) if body.get(key) == value)


def finished(mx: MX, receiver: Receiver, user: str, member: str, call: str, kind: str) -> dict[str, Any]:
    """The callback of a job that a call starts."""
    mx.call("POST", f"/users/{user}/members/{member}/{call}")
    mx.advance("10s")
    return last(receiver, "type", kind)


# payloads


def test_member_created(mx: MX, receiver: Receiver, user: str) -> None:
    shown = mx.create(user, metadata="note", id="m-1", use_cases=["PFM"])
    mx.advance("0s")
    [body] = receiver.bodies()
    assert body == {
        "action": "created",
        "member": {
            "aggregated_at": None,
            "connection_status": "CREATED",
            "connection_status_id": 0,
            "connection_status_message": "Connecting to MX Bank ...",
            "created_at": START,
            "guid": shown["guid"],
            "id": "m-1",
            "institution_code": "mxbank",
            "institution_guid": INSTITUTION,
            "is_being_aggregated": True,
            "is_managed_by_user": True,
            "is_manual": False,
            "is_oauth": False,
            "is_user_created": True,
            "metadata": "note",
            "most_recent_job_guid": body["member"]["most_recent_job_guid"],
            "name": "MX Bank",
            "needs_updated_credentials": False,
            "revision": 1,
            "successfully_aggregated_at": None,
            "updated_at": START,
            "use_cases": ["PFM"],
            "user_guid": user,
            "user_id": "customer-42",
        },
    }
    assert body["member"]["most_recent_job_guid"].startswith("JOB-")


def test_member_updated(mx: MX, receiver: Receiver, user: str, member: str) -> None:
    created, *updated = [body["member"] for body in receiver.bodies() if "member" in body]
    changed = {
        "aggregated_at": START,
        "successfully_aggregated_at": START + 2,
        "connection_status": "CONNECTED",
        "connection_status_id": 6,
        "connection_status_message": "Connected to MX Bank.",
        "is_being_aggregated": False,
        "revision": 3,
        "updated_at": START + 2,
    }
    assert updated[-1] == created | changed
    assert [body["revision"] for body in updated] == [2, 3]


def test_member_deleted_is_the_last_that_was_known(mx: MX, receiver: Receiver, user: str, member: str) -> None:
    before = last(receiver, "action", "updated")["member"]
    mx.call("DELETE", f"/users/{user}/members/{member}")
    mx.advance("0s")
    assert receiver.bodies()[-1] == {"action": "deleted", "member": before | {"revision": 4, "updated_at": START + 10}}


def test_aggregation(mx: MX, receiver: Receiver, user: str, member: str) -> None:
    assert receiver.bodies()[-1] == {
        "action": "member_data_updated",
        "completed_at": START + 2,
        "completed_on": "2026-01-01",
        "is_background": False,
        "job_guid": receiver.bodies()[-2]["member"]["most_recent_job_guid"],
        "member_guid": member,
        "transactions_created_count": 910,
        "transactions_updated_count": 0,
        "type": "AGGREGATION",
        "user_guid": user,
        "user_id": "customer-42",
    }


def test_a_second_aggregation_counts_nothing(mx: MX, receiver: Receiver, user: str, member: str) -> None:
    body = finished(mx, receiver, user, member, "aggregate", "AGGREGATION")
    assert (body["transactions_created_count"], body["transactions_updated_count"]) == (0, 0)


def test_balance(mx: MX, receiver: Receiver, user: str, member: str) -> None:
    assert finished(mx, receiver, user, member, "check_balance", "BALANCE") == {
        "action": "member_data_updated",
        "completed_at": START + 11,
        "completed_on": "2026-01-01",
        "member_guid": member,
        "type": "BALANCE",
        "user_guid": user,
    }


def test_history(mx: MX, receiver: Receiver, user: str, member: str) -> None:
    body = finished(mx, receiver, user, member, "extend_history", "HISTORY")
    assert body == {
        "action": "member_data_updated",
        "completed_at": START + 11,
        "completed_on": "2026-01-01",
        "member_guid": member,
        "transactions_created_count": body["transactions_created_count"],
        "transactions_updated_count": 0,
        "type": "HISTORY",
        "user_guid": user,
    }
    assert body["transactions_created_count"] > 910


def test_statement(mx: MX, receiver: Receiver, user: str, member: str) -> None:
    body = finished(mx, receiver, user, member, "fetch_statements", "STATEMENT")
    assert body == {
        "action": "member_data_updated",
        "completed_at": START + 11,
        "completed_on": "2026-01-01",
        "member_guid": member,
        "statements_created_count": body["statements_created_count"],
        "type": "STATEMENT",
        "user_guid": user,
    }
    assert body["statements_created_count"] > 0


def test_rewards(mx: MX, receiver: Receiver, user: str, member: str) -> None:
    body = finished(mx, receiver, user, member, "fetch_rewards", "REWARD")
    assert body == {
        "action": "member_data_updated",
        "completed_at": START + 11,
        "completed_on": "2026-01-01",
        "member_guid": member,
        "rewards_created_count": body["rewards_created_count"],
        "rewards_updated_count": 0,
        "type": "REWARD",
        "user_guid": user,
    }
    assert isinstance(body["rewards_created_count"], int)


def test_verification(mx: MX, receiver: Receiver, user: str, member: str) -> None:
    mx.call("POST", f"/users/{user}/members/{member}/verify")
    mx.advance("5s")
    mx.answer(user, member, "act-23445745")
    mx.advance("5s")
    [checking] = [
        each for each in mx.call("GET", f"/users/{user}/accounts")["accounts"] if each["id"] == "act-23445745"
    ]
    assert receiver.bodies()[-1] == {
        "accounts": [checking["guid"]],
        "action": "member_data_updated",
        "completed_at": START + 16,
        "completed_on": "2026-01-01",
        "job_guid": last(receiver, "action", "updated")["member"]["most_recent_job_guid"],
        "member_guid": member,
        "type": "VERIFICATION",
        "user_guid": user,
        "user_id": "customer-42",
    }


@pytest.mark.parametrize(("status", "number"), RAISING.items())
def test_connection_status(mx: MX, receiver: Receiver, user: str, member: str, status: str, number: int) -> None:
    mx.control("PUT", f"/subjects/{member}/status", {"status": status})
    mx.advance("0s")
    updated, changed = receiver.bodies()[-2:]
    assert changed == {
        "action": "CHANGED",
        "connection_status": status,
        "connection_status_id": number,
        "connection_status_message": updated["member"]["connection_status_message"],
        "member_guid": member,
        "type": "CONNECTION_STATUS",
        "user_guid": user,
    }
    assert (updated["action"], updated["member"]["connection_status"], updated["member"]["connection_status_id"]) == (
        "updated",
        status,
        number,
    )
    assert (
        mx.call("GET", f"/users/{user}/members/{member}")["member"]["connection_status_message"]
        == changed["connection_status_message"]
    )


@pytest.mark.parametrize("status", sorted(set(SILENT) - {"PENDING"}))  # that is for members with OAuth alone
def test_the_other_statuses_raise_no_connection_status(mx: MX, receiver: Receiver, member: str, status: str) -> None:
    mx.control("PUT", f"/subjects/{member}/status", {"status": status})
    mx.advance("0s")
    assert "CONNECTION_STATUS" not in {body.get("type") for body in receiver.bodies()}
    assert receiver.bodies()[-1].get("type") in (None, "AGGREGATION")  # CONNECTED is a good end of the job


def test_a_user_without_an_id_has_null(mx: MX, receiver: Receiver) -> None:
    mx.create(mx.user())
    mx.advance("10s")
    assert [body.get("user_id", body.get("member", {}).get("user_id")) for body in receiver.bodies()] == [None] * 4


def test_the_user_family_is_asked_for(mx: MX, receiver: Receiver) -> None:
    mx.control("PUT", "/endpoints", {"endpoints": [{"url": receiver.url, "events": ["mx.user.*"]}]})
    user = mx.user(id="customer-42", email="ada@example.com")
    mx.create(user)
    mx.call("PUT", f"/users/{user}", {"user": {"metadata": "new"}})
    mx.call("DELETE", f"/users/{user}")
    mx.advance("0s")
    assert [(body["action"], body["user"]["guid"], body["user"]["revision"]) for body in receiver.bodies()] == [
        ("created", user, 1),
        ("updated", user, 2),
        ("deleted", user, 3),
    ]
    assert set(receiver.bodies()[0]["user"]) == {
        "birthday",
        "credit_score",
        "email",
        "email_is_verified",
        "first_name",
        "gender",
        "guid",
        "id",
        "is_disabled",
        "last_name",
        "logged_in_at",
        "metadata",
        "phone",
        "phone_is_verified",
        "postal_code",
        "revision",
    }


# headers


def test_the_headers_are_mx_s(mx: MX, receiver: Receiver, member: str) -> None:
    first = receiver.received[0]["headers"]
    assert {name.lower(): value for name, value in first.items()} == {
        "accept": "application/json",
        "content-length": str(len(receiver.received[0]["raw"])),
        "content-type": "application/json; charset=utf-8",
        "date": "Thu, 01 Jan 2026 12:00:00 GMT",
        "host": receiver.url.split("/")[2],
        "user-agent": "HTTPClient/1.0 (2.7.1, ruby 2.2.2 (2015-09-02))",
    }


def test_the_callback_payload_comes_back_as_a_header(mx: MX, receiver: Receiver, user: str) -> None:
    mx.create(user, headers={"X-CALLBACK-PAYLOAD": "aGVsbG8="})
    mx.advance("10s")
    assert [item["headers"].get("X-CALLBACK-PAYLOAD") for item in receiver.received] == ["aGVsbG8="] * 3 + [None]


# failures and retries


def attempts(mx: MX) -> tuple[str, list[dict[str, Any]]]:
    """State and attempts of the first delivery there is."""
    delivery = mx.control("GET", "/webhooks?event=mx.member.created")["webhooks"][0]["deliveries"][0]
    return delivery["state"], delivery["attempts"]


def test_a_failed_callback_is_tried_again(mx: MX, receiver: Receiver, user: str) -> None:
    receiver.answers = [500, 302, 404]
    mx.create(user, skip_aggregation=True)
    mx.advance("0s")
    state, [first] = attempts(mx)
    assert state == "pending"
    assert (first["at"], first["status"], first["error"]) == ("2026-01-01T12:00:00.000Z", 500, None)
    assert first["duration_ms"] > 0
    mx.advance("10m")
    state, made = attempts(mx)
    assert (state, [attempt["status"] for attempt in made]) == ("delivered", [500, 302, 404, 204])
    assert len({item["raw"] for item in receiver.received}) == 1  # the same body again
    mx.advance("2d")
    assert len(attempts(mx)[1]) == 4


def test_twelve_retries_in_about_a_day_then_it_has_failed(mx: MX, receiver: Receiver, user: str) -> None:
    receiver.answers = [503] * 20
    mx.create(user, skip_aggregation=True)
    happened = mx.advance("2d")["happened"]
    assert [line["kind"] for line in happened] == ["callback"] * 12  # the first attempt needed no advance
    delivery = mx.control("GET", "/webhooks?event=mx.member.created")["webhooks"][0]["deliveries"][0]
    assert (delivery["state"], delivery["next_attempt_at"], len(delivery["attempts"])) == ("failed", None, 13)
    moments = [item["headers"]["Date"] for item in receiver.received]
    assert (moments[0], moments[-1][:16]) == ("Thu, 01 Jan 2026 12:00:00 GMT", "Fri, 02 Jan 2026")


def test_the_gaps_grow(make_server: Callable[..., tuple[Engine, App]]) -> None:
    _, app = make_server(webhook_url="http://127.0.0.1:1/closed")
    mx = MX(app)
    mx.create(mx.user(), skip_aggregation=True)
    mx.advance("0s")
    for seconds in RETRY_SECONDS:
        delivery = mx.control("GET", "/webhooks?event=mx.member.created")["webhooks"][0]["deliveries"][0]
        now = mx.control("GET", "/clock")["now"]
        mx.control("POST", "/clock/advance", {"to": delivery["next_attempt_at"]})
        assert seconds <= _seconds(now, delivery["next_attempt_at"]) <= 1.2 * seconds + 0.001
    state, made = attempts(mx)
    assert (state, len(made)) == ("failed", 13)
    assert all(attempt["status"] is None and "refused" in attempt["error"].lower() for attempt in made)


def _seconds(earlier: str, later: str) -> float:
    from mocksrv.engine.clock import parse_moment

    return (parse_moment(later) - parse_moment(earlier)) / 1000


def test_one_failure_holds_up_no_later_callback(mx: MX, receiver: Receiver, member: str, user: str) -> None:
    receiver.received.clear()
    receiver.answers = [500]
    mx.call("POST", f"/users/{user}/members/{member}/fetch_statements")
    mx.advance("5s")
    assert [body.get("type") for body in receiver.bodies()] == [None, None, "STATEMENT"]
    mx.advance("1m")
    assert receiver.bodies()[3] == receiver.bodies()[0]


def test_callbacks_go_to_local_addresses_only(make_server: Callable[..., tuple[Engine, App]]) -> None:
    with pytest.raises(StartError, match=r"192\.0\.2\.1.*--allow-callbacks"):
        make_server(webhook_url="http://192.0.2.1:9/elsewhere")


# the control API's view


def test_webhooks_show_deliveries_and_attempts(mx: MX, receiver: Receiver, member: str) -> None:
    [shown] = mx.control("GET", "/webhooks?event=mx.aggregation")["webhooks"]
    [delivery] = shown["deliveries"]
    [attempt] = delivery["attempts"]
    assert shown == {
        "id": shown["id"],
        "event": "mx.aggregation",
        "subject": member,
        "occurred_at": "2026-01-01T12:00:02.000Z",
        "payload": receiver.bodies()[-1],
        "headers": {
            "content-type": "application/json; charset=utf-8",
            "accept": "application/json",
            "User-Agent": "HTTPClient/1.0 (2.7.1, ruby 2.2.2 (2015-09-02))",
        },
        "deliveries": [
            {"endpoint": receiver.url, "state": "delivered", "next_attempt_at": None, "attempts": [attempt]}
        ],
    }
    assert attempt == {
        "at": "2026-01-01T12:00:02.000Z",
        "status": 204,
        "error": None,
        "duration_ms": attempt["duration_ms"],
    }


def test_one_webhook_shows_what_was_sent_and_answered(mx: MX, receiver: Receiver, member: str) -> None:
    id = mx.control("GET", "/webhooks?event=mx.aggregation")["webhooks"][0]["id"]
    [attempt] = mx.control("GET", f"/webhooks/{id}")["deliveries"][0]["attempts"]
    assert attempt["request"]["url"] == receiver.url
    assert attempt["request"]["body"].encode() == receiver.received[-1]["raw"]
    assert attempt["request"]["headers"]["Date"] == "Thu, 01 Jan 2026 12:00:02 GMT"
    assert attempt["response"] == {"headers": attempt["response"]["headers"], "body": ""}
    mx.control("GET", "/webhooks/EVT-none", status=404)


@pytest.mark.parametrize(
    ("query", "events"),
    [
        ("?event=mx.member.*", ["mx.member.created", "mx.member.updated", "mx.member.updated"]),
        ("?event=mx.aggregation", ["mx.aggregation"]),
        ("?event=mx.member.deleted", []),
        ("?subject={member}&limit=2", ["mx.member.created", "mx.member.updated"]),
        ("?subject={user}", ["mx.user.created"]),
        ("?subject=MBR-none", []),
        ("?state=delivered", ["mx.member.created", "mx.member.updated", "mx.member.updated", "mx.aggregation"]),
        ("?state=failed", []),
    ],
)
def test_filters_of_the_list(mx: MX, user: str, member: str, query: str, events: list[str]) -> None:
    found = mx.control("GET", f"/webhooks{query.format(member=member, user=user)}")["webhooks"]
    assert [webhook["event"] for webhook in found] == events


def test_the_list_goes_on_after_an_id(mx: MX, member: str) -> None:
    everything = mx.control("GET", "/webhooks")["webhooks"]
    page = mx.control("GET", "/webhooks?limit=2")["webhooks"]
    assert page + mx.control("GET", f"/webhooks?after={page[-1]['id']}")["webhooks"] == everything
    mx.control("GET", "/webhooks?after=EVT-none", status=404)


def test_wait_is_over_at_once_when_there_is_a_match(mx: MX, member: str) -> None:
    assert mx.control("GET", "/webhooks?event=mx.aggregation&wait=30s")["webhooks"]


def test_wait_holds_the_answer_until_a_match_arrives(mx: MX, receiver: Receiver, user: str) -> None:
    guid = mx.create(user, skip_aggregation=True)["guid"]
    assert (
        mx.control("GET", f"/webhooks?subject={guid}&state=delivered&wait=30s")["webhooks"][0]["event"]
        == "mx.member.created"
    )
    assert mx.control("GET", f"/webhooks?subject={guid}&state=failed&wait=50ms")["webhooks"] == []


def test_a_webhook_is_sent_again(mx: MX, receiver: Receiver, member: str) -> None:
    id = mx.control("GET", "/webhooks?event=mx.aggregation")["webhooks"][0]["id"]
    mx.control("POST", f"/webhooks/{id}/replay")
    mx.advance("0s")
    assert receiver.received[-1]["raw"] == receiver.received[-2]["raw"]
    assert [delivery["state"] for delivery in mx.control("GET", f"/webhooks/{id}")["deliveries"]] == ["delivered"] * 2
    mx.control("POST", "/webhooks/EVT-none/replay", status=404)


def test_a_failed_webhook_is_sent_again_when_the_endpoint_is_back(mx: MX, receiver: Receiver, user: str) -> None:
    receiver.answers = [500] * 13
    mx.create(user, skip_aggregation=True)
    mx.advance("2d")
    [webhook] = mx.control("GET", "/webhooks?state=failed")["webhooks"]
    mx.control("POST", f"/webhooks/{webhook['id']}/replay")
    mx.advance("0s")
    assert [delivery["state"] for delivery in mx.control("GET", f"/webhooks/{webhook['id']}")["deliveries"]] == [
        "failed",
        "delivered",
    ]


def test_an_endpoint_signs_in_and_sends_its_own_headers(mx: MX, receiver: Receiver, user: str) -> None:
    endpoint = {
        "url": receiver.url,
        "auth": {"type": "basic", "username": "mx", "password": "hush"},
        "headers": {"X-Team": "qa"},
    }
    mx.control("PUT", "/endpoints", {"endpoints": [endpoint]})
    mx.create(user, skip_aggregation=True)
    mx.advance("0s")
    headers = receiver.received[0]["headers"]
    assert (headers["Authorization"], headers["X-Team"]) == ("Basic bXg6aHVzaA==", "qa")
    [webhook] = mx.control("GET", "/webhooks?event=mx.member.created")["webhooks"]
    sent = mx.control("GET", f"/webhooks/{webhook['id']}")["deliveries"][0]["attempts"][0]["request"]
    assert sent["headers"]["Authorization"] == "***"
    assert "hush" not in str(sent)


def test_every_endpoint_gets_its_copy(mx: MX, receiver: Receiver, user: str) -> None:
    urls = [f"{receiver.url}/{name}" for name in ("all", "members", "none")]
    patterns = [["mx.*"], ["mx.member.*"], ["mono.*"]]
    endpoints = [{"url": url, "events": events} for url, events in zip(urls, patterns, strict=True)]
    mx.control("PUT", "/endpoints", {"endpoints": endpoints})
    mx.create(user)
    mx.advance("10s")
    paths = [item["path"] for item in receiver.received]
    brought = 6 + 910 + 3  # accounts, transactions and holdings of MX Bank
    of_member = 3 + 1 + 1  # its own, of the aggregation, of the job
    assert {path: paths.count(path) for path in paths} == {"/webhooks/all": of_member + brought, "/webhooks/members": 3}
