"""Every bundled MX scenario, played over HTTP: statuses, flags, times and callbacks, in their order.

Lines are those of `Connection`: `1 updated DENIED idle wants-credentials 0/-` is a callback one second after the start,
the member's job is over, its last one began at 0, none has ended well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from mocksrv.providers.pictures import data_uri
from tests.conftest import MX, Receiver
from tests.scenarios.connection import START, Connection

CREATED = "0 created CREATED busy"


@dataclass(frozen=True)
class Ending:
    """A scenario that ends a second after the member was created. ``by``: how it is chosen. ``error``: the member's
    error code.
    """

    name: str
    by: str
    status: str
    raises: bool = False  # the Connection Status callback is sent
    wants: bool = False  # new credentials are wanted
    inside: bool = False  # the bank took the login
    aggregate: int = 202
    error: int | None = None


ENDINGS = [
    Ending("denied", "institution", "DENIED", raises=True, wants=True, aggregate=409, error=2005),
    Ending("prevented", "header", "PREVENTED", raises=True, wants=True, aggregate=409, error=2005),
    Ending("locked", "next", "LOCKED", raises=True),
    Ending("impeded", "default", "IMPEDED", raises=True),
    Ending("impaired", "institution", "IMPAIRED", raises=True, wants=True, aggregate=409, error=2004),
    Ending("degraded", "header", "DEGRADED", error=3002),
    Ending("disconnected", "next", "DISCONNECTED", error=3002),
    Ending("discontinued", "default", "DISCONTINUED", aggregate=409),
    Ending("closed", "institution", "CLOSED", aggregate=409),
    Ending("failed", "header", "FAILED", error=3000),
    Ending("imported", "next", "IMPORTED", wants=True, aggregate=409),
    Ending("reconnected", "default", "RECONNECTED", inside=True),
]


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_ends_in_its_status(connection: Connection, ending: Ending) -> None:
    created = connection.connect(ending.name, by=ending.by)
    assert (created["connection_status"], created["is_being_aggregated"]) == ("CREATED", True)
    assert connection.lines() == [CREATED]
    assert connection.state() == "CREATED busy out"
    wants = " wants-credentials" if ending.wants else ""
    raised = [f"1 CHANGED {ending.status}"] if ending.raises else []
    assert connection.advance("1h") == [f"1 updated {ending.status} idle{wants} 0/-", *raised]
    assert connection.state() == f"{ending.status} idle 0/- {'in' if ending.inside else 'out'}"
    assert connection.statuses() == ["CREATED", ending.status]
    member = connection.mx.call("GET", connection.path)["member"]
    assert member["needs_updated_credentials"] is ending.wants
    assert member["error"].get("error_code") == ending.error
    assert connection.total("accounts") == 0
    assert connection.advance("3d") == []
    connection.call("aggregate", status=ending.aggregate)
    assert [line.split()[1] for line in connection.lines()] == (["updated"] if ending.aggregate == 202 else [])


# A status that new credentials, or another attempt, lead out of.


@pytest.mark.parametrize("name", ["prevented", "impaired", "imported"])
def test_new_credentials_connect(connection: Connection, name: str) -> None:
    connection.connect(name)
    connection.advance("10s")
    connection.call("aggregate", status=409)
    assert connection.login("better")["connection_status"] == "UPDATED"
    assert connection.lines() == ["10 updated UPDATED busy 10/-"]
    assert not connection.wants_credentials()
    expected = ["11 updated CONNECTED busy 10/-", "12 updated CONNECTED idle 10/12", "12 AGGREGATION new"]
    assert connection.advance("10s") == expected
    assert connection.state() == "CONNECTED idle 10/12 in"


@pytest.mark.parametrize("name", ["impeded", "degraded"])
def test_another_attempt_connects(connection: Connection, name: str) -> None:
    connection.connect(name)
    connection.advance("10s")
    connection.call("aggregate")
    assert connection.lines() == [f"10 updated {name.upper()} busy 10/-"]
    expected = ["11 updated CONNECTED busy 10/-", "12 updated CONNECTED idle 10/12", "12 AGGREGATION new"]
    assert connection.advance("10s") == expected


@pytest.mark.parametrize("name", ["locked", "disconnected", "failed"])
def test_another_attempt_ends_the_same(connection: Connection, name: str) -> None:
    connection.connect(name)
    connection.advance("10s")
    connection.call("aggregate")
    status = name.upper()
    raised = [f"11 CHANGED {status}"] if name == "locked" else []
    assert connection.advance("10s") == [f"10 updated {status} busy 10/-", f"11 updated {status} idle 10/-", *raised]
    connection.move("connected")
    connection.call("aggregate")
    assert connection.advance("10s")[-1] == "22 AGGREGATION new"


def test_denied_at_its_own_institution_takes_the_right_password(connection: Connection) -> None:
    connection.connect("denied", by="institution")
    connection.advance("10s")
    connection.login("still wrong", institution="mock_denied")
    assert connection.advance("10s")[-1] == "11 CHANGED DENIED"
    connection.login("correct", institution="mock_denied")
    assert connection.advance("10s")[-1] == "22 AGGREGATION new"


NIGHT_AFTER = {  # what the next night brings a member that has connected before
    "degraded": ["updated DEGRADED busy", "updated CONNECTED idle", "AGGREGATION nothing"],
    "disconnected": ["updated DISCONNECTED busy", "updated DISCONNECTED idle"],
    "impaired": [],
    "reconnected": [],
}


@pytest.mark.parametrize(
    ("name", "flow"),
    [("degraded", "outage"), ("disconnected", "outage"), ("impaired", "loss"), ("reconnected", "moved")],
)
def test_a_member_with_data_comes_to_grief(connection: Connection, name: str, flow: str) -> None:
    connection.connect()
    connection.advance("10s")
    connection.move(name, flow)
    status = name.upper()
    wants = " wants-credentials" if name == "impaired" else ""
    raised = [f"10 CHANGED {status}"] if name == "impaired" else []
    assert connection.lines() == [f"10 updated {status} idle{wants} 10/2", *raised]
    assert connection.total("accounts") > 0
    assert NIGHT_AFTER[name] == [line.split(" ", 1)[1].rpartition(" ")[0] for line in connection.advance("25h")]


# The good ones.


def test_connected(connection: Connection) -> None:
    connection.connect("connected", by="institution")
    assert connection.lines() == [CREATED]
    assert connection.advance("1s") == ["1 updated CONNECTED busy"]
    assert connection.state() == "CONNECTED busy in"
    assert connection.total("accounts") == 0
    assert connection.advance("1s") == ["2 updated CONNECTED idle 0/2", "2 AGGREGATION new"]
    assert connection.state() == "CONNECTED idle 0/2 in"
    assert connection.total("accounts") > 0
    assert connection.total("transactions") > 0
    assert connection.advance("23h") == []


def test_connected_is_what_happens_when_nothing_is_chosen(connection: Connection) -> None:
    connection.connect()
    assert connection.advance("10s") == [
        CREATED,
        "1 updated CONNECTED busy",
        "2 updated CONNECTED idle 0/2",
        "2 AGGREGATION new",
    ]
    assert connection.receiver.bodies()[-1]["transactions_created_count"] == 910  # MX Bank's documented data
    connection.call("aggregate")
    expected = [
        "10 updated CONNECTED busy 10/2",
        "12 updated CONNECTED idle 10/12",
        "12 AGGREGATION nothing",
    ]
    assert connection.advance("10s") == expected


def test_disabled(connection: Connection) -> None:
    connection.connect("disabled", by="institution")
    assert connection.advance("1m") == [CREATED, "1 updated CONNECTED busy", "2 updated DISABLED idle 0/-"]
    assert connection.state() == "DISABLED idle 0/- in"
    connection.call("aggregate", status=409)
    assert connection.statuses() == ["CREATED", "CONNECTED", "DISABLED"]


def test_delayed(connection: Connection) -> None:
    connection.connect("delayed")
    assert connection.advance("59m") == [CREATED, "1 updated DELAYED busy"]
    assert connection.state() == "DELAYED busy out"
    expected = ["3601 updated CONNECTED busy", "3602 updated CONNECTED idle 0/3602", "3602 AGGREGATION new"]
    assert connection.advance("2m") == expected


def test_slow(connection: Connection) -> None:
    connection.connect("slow", by="next")
    assert connection.advance("29s") == [CREATED]
    assert connection.advance("1s") == ["30 updated DELAYED busy"]
    assert connection.advance("90s") == ["120 updated CONNECTED busy"]
    assert connection.advance("1m") == ["180 updated CONNECTED idle 0/180", "180 AGGREGATION new"]
    assert connection.statuses() == ["CREATED", "DELAYED", "CONNECTED"]


def test_no_accounts(connection: Connection) -> None:
    connection.connect("no-accounts", by="default")
    assert connection.advance("1m") == [
        CREATED,
        "1 updated CONNECTED busy",
        "2 updated CONNECTED idle 0/2",
        "2 AGGREGATION nothing",
    ]
    assert connection.total("accounts") == connection.total("transactions") == 0
    connection.call("verify")
    assert connection.advance("1m") == ["60 updated CONNECTED busy 60/2", "61 updated CONNECTED idle 60/61"]


def test_daily_updates(connection: Connection) -> None:
    connection.connect("daily-updates")
    assert connection.advance("1m")[-2:] == ["2 updated CONNECTED idle 0/2", "2 AGGREGATION new"]
    before = connection.total("transactions")
    day = 86_400
    first = [f"{day + 2} updated CONNECTED busy {day + 2}/2", f"{day + 7} updated CONNECTED idle {day + 2}/{day + 7}"]
    assert connection.advance("1d") == [*first, f"{day + 7} AGGREGATION new background"]
    second = 2 * day + 7
    assert connection.advance("1d") == [
        f"{second} updated CONNECTED busy {second}/{day + 7}",
        f"{second + 5} updated CONNECTED idle {second}/{second + 5}",
        f"{second + 5} AGGREGATION new background",
    ]
    brought = sum(
        body["transactions_created_count"] for body in connection.receiver.bodies() if body.get("is_background")
    )
    assert connection.total("transactions") == before + brought


def test_daily_updates_alert_of_logins_when_the_credentials_are_new(connection: Connection) -> None:
    connection.connect("daily-updates")
    connection.mx.advance("1m")
    told = [{"url": connection.receiver.url, "events": ["mx.notification.*", "mx.beat.generated"]}]
    connection.mx.control("PUT", "/endpoints", {"endpoints": told})
    connection.login("from the new phone")
    connection.mx.advance("1m")
    alerts = connection.receiver.bodies()[-10:]
    assert [(body["action"], "user" in body) for body in alerts] == [
        ("WELCOME_NEW_USER", True),
        ("EMAIL_VERIFICATION", True),
        ("EMAIL_VERIFIED", True),
        ("DEVICE_CREATED", False),
        ("SMS_VERIFICATION", True),
        ("DEVICE_DELETED", False),
        ("PASSWORD_RESET_TOKEN", True),
        ("PASSWORD_CHANGED", True),
        ("OFFER", False),
        ("generated", False),
    ]
    assert {body["user"]["guid"] for body in alerts if "user" in body} == {connection.user}
    assert connection.state().startswith("CONNECTED idle")


# Questions.


def test_challenged(connection: Connection) -> None:
    connection.connect("challenged", by="institution")
    assert connection.advance("1s") == [CREATED, "1 updated CHALLENGED busy", "1 CHANGED CHALLENGED"]
    assert connection.state() == "CHALLENGED busy out"
    first = connection.question()
    assert (first["type"], first["label"], first["field_name"]) == ("TEXT", "What city were you born in?", None)

    answered = connection.answer("Atlantis")
    assert (answered["connection_status"], answered["is_being_aggregated"]) == ("RESUMED", True)
    assert connection.lines() == ["1 updated RESUMED busy"]
    assert connection.advance("1s") == ["2 updated REJECTED busy", "2 CHANGED REJECTED"]
    assert connection.advance("1s") == ["3 updated CHALLENGED busy", "3 CHANGED CHALLENGED"]
    assert connection.question()["guid"] != first["guid"]

    connection.answer("correct")
    assert connection.advance("1s") == ["3 updated RESUMED busy", "4 updated CONNECTED idle 0/4", "4 AGGREGATION new"]
    assert connection.state() == "CONNECTED idle 0/4 in"
    assert connection.statuses() == [
        "CREATED",
        "CHALLENGED",
        "RESUMED",
        "REJECTED",
        "CHALLENGED",
        "RESUMED",
        "CONNECTED",
    ]


def test_challenged_and_silent(connection: Connection) -> None:
    connection.connect("challenged")
    connection.advance("10m")
    assert connection.state() == "CHALLENGED busy out"
    assert connection.advance("1s") == ["601 updated EXPIRED idle 0/-", "601 CHANGED EXPIRED"]


def test_challenged_options(connection: Connection) -> None:
    connection.connect("challenged-options", by="next")
    connection.advance("1s")
    question = connection.question()
    assert question["type"] == "OPTIONS"
    assert [(option["label"], option["value"]) for option in question["options"]] == [
        ("correct", "correct"),
        ("incorrect", "incorrect"),
    ]
    connection.answer("incorrect")
    assert connection.advance("2s")[-1] == "3 CHANGED CHALLENGED"
    assert connection.question()["type"] == "OPTIONS"
    connection.answer("correct")
    assert connection.advance("1s")[-2:] == ["4 updated CONNECTED idle 0/4", "4 AGGREGATION new"]


def test_challenged_image(connection: Connection) -> None:
    connection.connect("challenged-image", by="default")
    assert connection.advance("1s")[1:] == ["1 updated CHALLENGED busy", "1 CHANGED CHALLENGED"]
    question = connection.question()
    assert question["type"] == "IMAGE_DATA"
    assert question["image_data"] == data_uri("correct")
    connection.answer("no idea")
    connection.advance("2s")
    assert connection.question()["type"] == "IMAGE_DATA"
    connection.answer("correct")
    assert connection.advance("1s")[-2:] == ["4 updated CONNECTED idle 0/4", "4 AGGREGATION new"]


def test_challenged_twice(connection: Connection) -> None:
    connection.connect("challenged-twice")
    assert connection.advance("1s")[1:] == ["1 updated CHALLENGED busy", "1 CHANGED CHALLENGED"]
    phone, picture = connection.mx.status(connection.user, connection.member)["challenges"]
    assert (phone["type"], picture["type"]) == ("OPTIONS", "IMAGE_OPTIONS")
    images = {option["data_uri"] for option in picture["image_options"]}
    assert len(images) == 2
    assert all(image.startswith("data:image/png;base64,iVBOR") for image in images)
    one = {"member": {"challenges": [{"guid": phone["guid"], "value": "phone-42"}]}}
    connection.mx.call("PUT", f"{connection.path}/resume", one, status=400)
    assert connection.state() == "CHALLENGED busy out"

    connection.answer("phone-42", "Tree")
    assert connection.advance("1s") == ["1 updated RESUMED busy", "2 updated CHALLENGED busy", "2 CHANGED CHALLENGED"]
    code = connection.question()
    assert code["type"] == "TOKEN"
    assert code["guid"] not in (phone["guid"], picture["guid"])
    connection.answer("000000")
    expected = [
        "2 updated RESUMED busy",
        "3 updated REJECTED busy",
        "3 CHANGED REJECTED",
        "4 updated CHALLENGED busy",
        "4 CHANGED CHALLENGED",
    ]
    assert connection.advance("2s") == expected
    connection.answer("123456")
    assert connection.advance("1s") == ["4 updated RESUMED busy", "5 updated CONNECTED idle 0/5", "5 AGGREGATION new"]


def test_challenge_expired(connection: Connection) -> None:
    connection.connect("challenge-expired", by="institution")
    connection.advance("30s")
    question = connection.question()
    assert connection.advance("1s") == ["31 updated EXPIRED idle 0/-", "31 CHANGED EXPIRED"]
    assert connection.state() == "EXPIRED idle 0/- out"
    late = {"member": {"challenges": [{"guid": question["guid"], "value": "correct"}]}}
    connection.mx.call("PUT", f"{connection.path}/resume", late, status=405)
    connection.call("aggregate")
    assert connection.advance("1s") == [
        "31 updated EXPIRED busy 31/-",
        "32 updated CHALLENGED busy 31/-",
        "32 CHANGED CHALLENGED",
    ]
    connection.answer("correct")
    assert connection.advance("1s") == [
        "32 updated RESUMED busy 31/-",
        "33 updated CONNECTED idle 31/33",
        "33 AGGREGATION new",
    ]


def test_rejected(connection: Connection) -> None:
    connection.connect("rejected", by="institution")
    connection.advance("1s")
    connection.answer("correct")
    assert connection.advance("1h")[-3:] == [
        "1 updated RESUMED busy",
        "2 updated REJECTED idle 0/-",
        "2 CHANGED REJECTED",
    ]
    assert connection.state() == "REJECTED idle 0/- out"
    connection.call("aggregate")
    connection.advance("1s")
    connection.answer("something else")
    assert connection.advance("1s")[-2:] == ["3603 updated REJECTED idle 3601/-", "3603 CHANGED REJECTED"]


def test_reconnected_asks_for_a_code(connection: Connection) -> None:
    connection.connect("reconnected")
    connection.advance("10s")
    connection.call("aggregate")
    expected = ["10 updated RECONNECTED busy 10/-", "11 updated CHALLENGED busy 10/-", "11 CHANGED CHALLENGED"]
    assert connection.advance("1s") == expected
    assert connection.question()["type"] == "TOKEN"
    connection.answer("123456")
    assert connection.advance("1s") == [
        "11 updated RESUMED busy 10/-",
        "12 updated CONNECTED idle 10/12",
        "12 AGGREGATION new",
    ]


def test_verify_select_account(connection: Connection) -> None:
    connection.connect("verify-select-account", by="institution")
    assert connection.advance("10s")[-1] == "2 AGGREGATION new"
    connection.call("verify")
    assert connection.lines() == ["10 updated CONNECTED busy 10/2"]
    assert connection.advance("1s") == ["11 updated CHALLENGED busy 10/2", "11 CHANGED CHALLENGED"]
    assert connection.state() == "CHALLENGED busy 10/2 in"
    question = connection.question()
    assert (question["type"], question["label"]) == ("OPTIONS", "Please select an account:")
    accounts = connection.mx.call("GET", f"{connection.path}/accounts")["accounts"]
    eligible = [(a["name"], a["id"]) for a in accounts if a["type"] in ("CHECKING", "SAVINGS")]
    assert [(option["label"], option["value"]) for option in question["options"]] == eligible

    connection.answer(eligible[0][1])
    assert connection.advance("1s") == [
        "11 updated RESUMED busy 10/2",
        "12 updated CONNECTED idle 10/12",
        "12 VERIFICATION 1 account",
    ]
    (number,) = connection.mx.call("GET", f"{connection.path}/account_numbers")["account_numbers"]
    assert connection.receiver.bodies()[-1]["accounts"] == [number["account_guid"]]
    assert connection.mx.status(connection.user, connection.member)["has_processed_account_numbers"]

    connection.call("verify")
    connection.advance("10m")
    assert connection.advance("1s") == ["613 updated EXPIRED idle 12/12", "613 CHANGED EXPIRED"]


# The bank's own page.


def test_oauth(connection: Connection) -> None:
    created = connection.connect("oauth", by="institution", oauth=True)
    assert (created["connection_status"], created["is_being_aggregated"]) == ("PENDING", False)
    assert created["oauth_window_uri"].startswith("http")
    assert connection.lines() == ["0 created PENDING idle"]
    assert connection.advance("1s") == ["1 updated CREATED busy"]
    expected = ["2 updated CONNECTED busy", "3 updated CONNECTED idle 1/3", "3 AGGREGATION new"]
    assert connection.advance("2h") == expected
    assert connection.statuses() == ["PENDING", "CREATED", "CONNECTED"]


@pytest.mark.parametrize("name", ["oauth-denied", "oauth-expired"])
def test_oauth_without_consent(connection: Connection, name: str) -> None:
    connection.connect(name, oauth=True)
    assert connection.advance("59m") == ["0 created PENDING idle"]
    assert connection.state() == "PENDING idle out"
    assert connection.mx.call("GET", connection.path)["member"]["oauth_window_uri"]
    connection.call("aggregate", status=409)
    assert connection.advance("1m") == ["3600 deleted PENDING idle"]
    connection.mx.call("GET", connection.path, status=404)
    assert connection.mx.call("GET", f"/users/{connection.user}/members")["members"] == []
    causes = [moment["cause"] for moment in connection.mx.control("GET", f"/subjects/{connection.member}")["timeline"]]
    assert ("the scenario's own answer: denied" in causes) is (name == "oauth-denied")


def test_an_oauth_member_of_another_scenario_waits_an_hour(connection: Connection) -> None:
    connection.connect("denied", oauth=True)
    assert connection.advance("59m") == ["0 created PENDING idle"]
    assert connection.advance("2m") == ["3600 deleted PENDING idle"]


# A provider that misbehaves.


def test_flaky_api(connection: Connection) -> None:
    connection.connect("flaky-api")
    path, user = f"{connection.path}/status", f"/users/{connection.user}"
    assert [connection.mx.call("GET", path, status=status) is not None for status in (503, 503, 200)]
    assert connection.state() == "CREATED busy out"
    connection.advance("1s")
    for status in (502, 500, 200):  # a lost connection is an empty 502 here, where there is none
        connection.mx.call("GET", f"{user}/accounts", status=status)
    assert connection.advance("1s")[-1] == "2 AGGREGATION new"
    for status in (429, 200):
        connection.mx.call("GET", f"{user}/transactions", status=status)
    assert connection.mx.control("GET", "/faults") == {"faults": []}
    assert connection.state() == "CONNECTED idle 0/2 in"


def test_messy_webhooks(connection: Connection) -> None:
    basic = {"type": "basic", "username": "mx", "password": "hush"}
    connection.mx.control("PUT", "/endpoints", {"endpoints": [{"url": connection.receiver.url, "auth": basic}]})
    connection.connect("messy-webhooks", by="institution")
    assert connection.lines() == []
    assert connection.advance("2s") == ["2 updated CONNECTED busy", "2 updated CONNECTED busy"]
    bodies = connection.receiver.bodies()
    assert bodies[0] == bodies[1]
    connection.mx.advance("7s")  # seven callbacks of the same event, each with a fault of its own
    arrived = connection.receiver.received[2:]
    truncated, wrong_type, unknown, null, stale, forged, mislabelled = arrived
    whole = mislabelled["json"]
    assert whole == {"action": "updated", "member": bodies[0]["member"]}
    assert truncated["json"] is None
    assert mislabelled["raw"].startswith(truncated["raw"])
    assert len(truncated["raw"]) < len(mislabelled["raw"])
    [(before, after)] = differences(whole, wrong_type["json"])
    assert type(before) is not type(after)
    assert "field_of_the_future" in unknown["json"]["member"]
    assert {name: unknown["json"]["member"][name] for name in whole["member"]} == whole["member"]
    [(before, after)] = differences(whole, null["json"])
    assert (before is None, after) == (False, None)
    assert stale["json"]["member"] == whole["member"] | {"revision": whole["member"]["revision"] - 1}
    rightly = connection.receiver.received[0]["headers"]["Authorization"]
    assert {item["headers"]["Authorization"] == rightly for item in arrived if item is not forged} == {True}
    assert (forged["headers"]["Authorization"] == rightly, forged["json"]) == (False, whole)
    types = [item["headers"]["content-type"] for item in arrived]
    assert types == ["application/json; charset=utf-8"] * 6 + ["text/plain"]
    connection.skip()
    assert sorted(connection.advance("1s")) == ["10 AGGREGATION new", "10 updated CONNECTED idle 0/10"]
    assert connection.advance("5s") == ["11 created CREATED busy"]
    assert connection.receiver.bodies()[-1]["member"]["revision"] == 1
    states = {
        w["payload"]["member"]["connection_status"]: w["deliveries"][0]["state"]
        for w in connection.mx.control("GET", "/webhooks?event=mx.member.updated")["webhooks"]
    }
    assert states == {"DELAYED": "dropped", "CONNECTED": "delivered"}
    assert connection.advance("25h") == []
    assert connection.state().startswith("CONNECTED idle 86410/86411")


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[tuple[Any, Any]]:
    """The values that two bodies of one event have different, at the top and in the object."""
    pairs = [
        (one["action"], other["action"]),
        *((value, other["member"][name]) for name, value in one["member"].items()),
    ]
    return [(before, after) for before, after in pairs if before != after]


def test_messy_webhooks_are_the_same_bytes_for_the_same_seed(
    make_server: Callable[..., Any], receiver: Receiver
) -> None:
    runs = []
    for seed in (7, 7, 8):
        receiver.received.clear()
        connection = Connection(MX(make_server(seed=seed, webhook_url=receiver.url)[1]), receiver)
        connection.connect("messy-webhooks")
        connection.mx.advance("20s")
        runs.append([(item["headers"], item["raw"]) for item in receiver.received])
    assert runs[0] == runs[1] != runs[2]
    assert len(runs[0]) == 12


def test_messy_webhooks_come_in_the_order_of_the_seed(make_server: Callable[..., Any], receiver: Receiver) -> None:
    orders = set()
    for seed in range(8):
        connection = Connection(MX(make_server(seed=seed, webhook_url=receiver.url)[1]), receiver)
        connection.connect("messy-webhooks")
        connection.mx.advance("9s")
        connection.skip()
        orders.add(tuple(line for line in connection.advance("1s") if line.startswith("10 ")))
    assert len(orders) == 2


# Whole bodies.


def test_bodies_from_creation_to_data(connection: Connection) -> None:
    created = connection.connect("connected", id="mine", metadata="of the app")
    connection.advance("2s")
    institution = connection.mx.call("GET", "/institutions/mxbank")["institution"]
    member = {
        "aggregated_at": None,
        "connection_status": "CREATED",
        "connection_status_id": 0,
        "connection_status_message": "Connecting to MX Bank ...",
        "created_at": START,
        "guid": connection.member,
        "institution_code": "mxbank",
        "institution_guid": created["institution_guid"],
        "id": "mine",
        "is_being_aggregated": True,
        "is_manual": False,
        "is_managed_by_user": True,
        "is_oauth": False,
        "is_user_created": True,
        "metadata": "of the app",
        "name": institution["name"],
        "needs_updated_credentials": False,
        "successfully_aggregated_at": None,
        "user_id": connection.user_id,
        "revision": 1,
        "updated_at": START,
        "use_cases": [],
        "user_guid": connection.user,
    }
    connected = member | {
        "connection_status": "CONNECTED",
        "connection_status_id": 6,
        "connection_status_message": "Connected to MX Bank.",
    }
    process = {
        "action": "member_data_updated",
        "completed_at": START + 2,
        "completed_on": "2026-01-01",
        "is_background": False,
        "member_guid": connection.member,
        "transactions_created_count": 910,
        "transactions_updated_count": 0,
        "type": "AGGREGATION",
        "user_guid": connection.user,
        "user_id": connection.user_id,
    }
    bodies = connection.receiver.bodies()
    jobs = {body["member"].pop("most_recent_job_guid") for body in bodies[:3]} | {bodies[3].pop("job_guid")}
    assert len(jobs) == 1
    assert jobs.pop().startswith("JOB-")
    over = {"revision": 3, "updated_at": START + 2, "aggregated_at": START, "successfully_aggregated_at": START + 2}
    assert bodies == [
        {"action": "created", "member": member},
        {"action": "updated", "member": connected | {"revision": 2, "updated_at": START + 1}},
        {"action": "updated", "member": connected | over | {"is_being_aggregated": False}},
        process,
    ]


def test_bodies_of_a_refusal(connection: Connection) -> None:
    connection.connect("locked")
    connection.advance("1s")
    text = (
        "Your account is locked. Please log in to the appropriate website for MX Bank and follow the steps to resolve "
        "the issue."
    )
    _, updated, changed = connection.receiver.bodies()
    assert updated["member"]["connection_status_message"] == text
    assert changed == {
        "action": "CHANGED",
        "connection_status": "LOCKED",
        "connection_status_id": 5,
        "connection_status_message": text,
        "member_guid": connection.member,
        "type": "CONNECTION_STATUS",
        "user_guid": connection.user,
    }
    connection.mx.call("DELETE", connection.path, status=204)
    connection.lines()
    deleted = connection.receiver.bodies()[-1]
    assert deleted == {"action": "deleted", "member": updated["member"] | {"revision": 3, "updated_at": START + 1}}
