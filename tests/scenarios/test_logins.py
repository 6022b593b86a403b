"""Every job begins with the login, and meets its trouble; what a night brings; when no job starts at all."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.scenarios.connection import Connection

JOBS = ("identify", "check_balance", "extend_history", "fetch_statements", "fetch_rewards")
TROUBLE = {  # statuses from which jobs start, and that another attempt meets again
    "locked": "LOCKED",
    "disconnected": "DISCONNECTED",
    "failed": "FAILED",
}


def ends(connection: Connection, span: str = "1m") -> str:
    connection.mx.advance(span)
    return connection.statuses()[-1]


def choose_account(connection: Connection) -> None:
    """Answers a verification's question which account."""
    question = connection.question()
    assert question["label"] == "Please select an account:"
    connection.answer(question["options"][0]["value"])


# the trouble of the login


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("name", TROUBLE)
def test_a_job_of_a_broken_login_meets_its_trouble(connection: Connection, name: str, job: str) -> None:
    connection.connect(name, by="institution", background_aggregation_is_disabled=True)
    connection.mx.advance("3d")
    connection.skip()
    connection.call(job)
    lines = connection.advance("1m")
    assert [line.split()[2] for line in lines if " updated " in line] == [TROUBLE[name]] * 2
    assert not [line for line in lines if line.split()[1].isupper() and line.split()[1] != "CHANGED"]
    assert connection.total("accounts") == 0


def test_a_job_waits_as_long_as_the_login_does_and_then_does_its_own(connection: Connection) -> None:
    connection.connect("slow")
    connection.mx.advance("5m")
    connection.skip()
    connection.call("check_balance")
    assert connection.advance("2m") == [
        "330 updated DELAYED busy 300/180",
        "420 updated CONNECTED idle 300/420",
        "420 BALANCE",
    ]


def test_a_job_asks_what_the_login_asks(connection: Connection) -> None:
    connection.connect("challenged")
    connection.mx.advance("1s")
    connection.answer("correct")
    assert ends(connection) == "CONNECTED"
    connection.call("identify")
    assert ends(connection, "1s") == "CHALLENGED"
    connection.answer("correct")
    assert ends(connection, "1s") == "CONNECTED"
    assert connection.total("account_owners") > 0


def test_the_login_part_brings_no_data_faults_events_or_disturbances(connection: Connection) -> None:
    connection.script(
        """
        connect:
          - status: CREATED
          - after: 1s
            fault: {on: "GET /users/*/members/*/accounts", status: 500, times: 1}
            event: mx.notification.OFFER
            status: RESUMED
          - {after: 1s, status: CONNECTED, data: overdrawn, webhooks: {drop: true}}
        """
    )
    connection.connect("mine")
    connection.mx.advance("2s")
    connection.mx.call("GET", f"{connection.path}/accounts", status=500)
    offers = connection.mx.control("GET", "/webhooks?event=mx.notification.OFFER")["webhooks"]
    connection.skip()
    connection.call("check_balance")
    assert [line.split()[1] for line in connection.advance("2s")] == ["updated", "updated", "BALANCE"]
    connection.mx.call("GET", f"{connection.path}/accounts")
    assert connection.mx.control("GET", "/webhooks?event=mx.notification.OFFER")["webhooks"] == offers


FLOWS = {
    "connect": "[{status: CREATED}, {after: 1s, status: LOCKED}]",
    "update": "[{status: UPDATED}, {after: 1s, status: IMPEDED}]",
    "aggregate": "[{after: 1s, status: FAILED}]",
    "balance": "[{after: 1s, status: DISCONNECTED}]",
}


@pytest.mark.parametrize(
    ("written", "renewed", "status"),
    [
        (("connect",), False, "LOCKED"),
        (("connect", "update"), False, "LOCKED"),
        (("connect", "update"), True, "IMPEDED"),
        (("connect", "update", "aggregate"), True, "FAILED"),
        (("connect", "update", "aggregate", "balance"), True, "DISCONNECTED"),
    ],
)
def test_whose_login_part_it_is(connection: Connection, written: tuple[str, ...], renewed: bool, status: str) -> None:
    connection.script("\n".join(f"{flow}: {FLOWS[flow]}" for flow in written), more="counting: off")
    connection.connect("mine", by="header")
    connection.mx.advance("1s")
    if renewed:
        connection.login("another", headers={"X-Mocksrv-Scenario": "mine"})
        connection.mx.advance("1s")
    connection.call("check_balance")
    assert ends(connection, "1s") == status


@pytest.mark.parametrize("name", ["impeded", "degraded", "reconnected"])
def test_a_verification_after_the_trouble_ends_well(connection: Connection, name: str) -> None:
    connection.connect(name)
    assert ends(connection) == name.upper()
    connection.call("verify")
    connection.mx.advance("1s")
    if name == "reconnected":
        connection.answer("123456")
        connection.mx.advance("1s")
    choose_account(connection)
    assert ends(connection, "1s") == "CONNECTED"
    assert connection.total("account_numbers") == 1


def test_a_verification_in_place_of_the_first_job_plays_that_one(connection: Connection) -> None:
    connection.connect("impeded")
    connection.call("verify")
    assert ends(connection) == "IMPEDED"


def test_a_verification_in_place_of_the_first_job_has_its_data(connection: Connection) -> None:
    connection.script(
        "connect: [{status: CREATED}, {after: 1s, status: CONNECTED}, {after: 1s, data: empty, status: CONNECTED}]"
    )
    connection.connect("mine")
    connection.call("verify")
    assert ends(connection) == "CONNECTED"
    assert connection.total("accounts") == 0


# where jobs start


@pytest.mark.parametrize("status", ["CHALLENGED", "REJECTED", "LOCKED", "DELAYED", "RESUMED"])
def test_other_jobs_start_where_aggregate_does_and_verify_where_its_guide_says(
    connection: Connection, status: str
) -> None:
    flow = f"[{{status: CREATED}}, {{after: 1s, status: {'LOCKED' if status == 'CHALLENGED' else status}}}]"
    connection.script(f"connect: {flow}")
    connection.connect("mine")
    connection.mx.advance("1s")
    connection.call("verify", status=409)
    for job in JOBS[:2]:
        connection.call(job)
        connection.mx.advance("1m")


def test_no_job_starts_while_credentials_are_needed_however_that_came_about(connection: Connection) -> None:
    connection.script(
        "connect: [{status: CREATED}, {after: 1s, status: CONNECTED, set: {needs_updated_credentials: true}}]"
    )
    connection.connect("mine")
    connection.mx.advance("1s")
    assert connection.wants_credentials()
    for job in ("aggregate", "verify", *JOBS):
        connection.call(job, status=409)
    connection.skip()
    assert connection.advance("3d") == []  # nor at night
    connection.login("another")
    assert not connection.wants_credentials()
    connection.mx.advance("1m")
    connection.mx.control(
        "PUT",
        f"/subjects/{connection.member}/status",
        {"status": "FAILED", "set": {"needs_updated_credentials": True}},
    )
    connection.call("check_balance", status=409)


# nights


def connected_before(connection: Connection) -> None:
    connection.connect()
    connection.mx.advance("1m")


@pytest.mark.parametrize("status", ["FAILED", "DEGRADED", "DISCONNECTED", "EXPIRED", "DELAYED", "RESUMED", "UPDATED"])
def test_the_next_night_tries_again(connection: Connection, status: str) -> None:
    connected_before(connection)
    connection.mx.control("PUT", f"/subjects/{connection.member}/status", {"status": status})
    assert ends(connection, "1d") == status
    assert ends(connection, "10s") == "CONNECTED"


@pytest.mark.parametrize(
    "status",
    [
        *("PREVENTED", "DENIED", "LOCKED", "IMPEDED", "IMPAIRED", "IMPORTED", "REJECTED", "RECONNECTED"),
        *("DISCONTINUED", "CLOSED", "DISABLED"),
    ],
)
def test_what_waits_for_the_user_is_left_alone_at_night(connection: Connection, status: str) -> None:
    connected_before(connection)
    connection.mx.control("PUT", f"/subjects/{connection.member}/status", {"status": status})
    connection.lines()
    assert connection.advance("3d") == []


def test_who_has_never_connected_is_not_tried_again(connection: Connection) -> None:
    connection.connect("failed")
    connection.advance("1m")
    assert connection.advance("3d") == []


def test_a_night_of_trouble_is_followed_by_another(connection: Connection) -> None:
    connected_before(connection)
    connection.lines()
    connection.move("failed")
    lines = connection.advance("50h")
    assert [line.split()[2] for line in lines if line.split()[1] == "updated" and " idle" in line] == ["FAILED"] * 2


def test_a_night_asks_nothing_and_does_not_say_that_it_takes_long(connection: Connection) -> None:
    connection.connect("challenged")
    connection.mx.advance("1s")
    connection.answer("correct")
    connection.mx.advance("1m")
    connection.lines()
    day = 86_402
    assert connection.advance("25h") == [
        f"{day} updated CONNECTED busy {day}/2",
        f"{day + 2} updated CONNECTED idle {day}/{day + 2}",
        f"{day + 2} AGGREGATION nothing background",
    ]
    connection.move("delayed")
    assert ends(connection, "25h") == "CONNECTED"
    assert "DELAYED" not in connection.statuses()


def test_a_written_night_is_played_as_written(connection: Connection) -> None:
    connection.script(
        """
        background:
          - status: DELAYED
          - after: 1s
            status: CHALLENGED
            challenges: [{type: TEXT, label: Which?, answer: any}]
        """,
        more="extends: connected",
    )
    connection.connect("mine")
    connection.mx.advance("1m")
    connection.mx.advance("1d")
    assert connection.statuses()[-2:] == ["DELAYED", "CHALLENGED"]


def repaired_by_login(connection: Connection) -> None:
    connection.login("better")


def repaired_by_attempt(connection: Connection) -> None:
    connection.call("aggregate")


REPAIRS: dict[str, Callable[[Connection], None]] = {
    **dict.fromkeys(("prevented", "impaired", "imported"), repaired_by_login),
    **dict.fromkeys(("impeded", "degraded", "reconnected"), repaired_by_attempt),
}


@pytest.mark.parametrize("name", REPAIRS)
def test_a_repair_still_works_the_night_after(connection: Connection, name: str) -> None:
    connection.connect(name)
    connection.mx.advance("1m")
    REPAIRS[name](connection)
    connection.mx.advance("1s")
    if name == "reconnected":
        connection.answer("123456")
    assert ends(connection) == "CONNECTED"
    before = len(connection.statuses())
    assert ends(connection, "3d") == "CONNECTED"
    assert len(connection.statuses()) == before  # the nights brought no other status
    assert connection.mx.events()[-1] == "mx.aggregation"


@pytest.mark.parametrize("password", ["INVALID", "LOCKED", "SERVER_ERROR"])
def test_another_password_still_works_the_night_after(connection: Connection, password: str) -> None:
    connection.connect(password=password)
    connection.mx.advance("1m")
    connection.login("right")
    assert ends(connection) == "CONNECTED"
    before = len(connection.statuses())
    assert ends(connection, "3d") == "CONNECTED"
    assert len(connection.statuses()) == before


# aggregated_at


def moment(connection: Connection) -> int | None:
    said = connection.state().split()[2]
    return None if "/" not in said or said[0] == "-" else int(said.partition("/")[0])


def test_aggregated_at_is_the_start_of_the_process_from_its_first_moment(connection: Connection) -> None:
    connection.connect()
    assert moment(connection) is None  # the guide: of the first job only when it is over
    connection.mx.advance("10s")
    assert moment(connection) == 0
    connection.call("check_balance")
    assert moment(connection) == 10
    connection.mx.advance("10s")
    assert moment(connection) == 10


@pytest.mark.parametrize(
    ("after", "skip", "shown"), [("2h", False, 0), ("4h", False, None), ("4h", True, 0), ("2h", True, 0)]
)
def test_a_login_made_again_shows_when_it_was_aggregated(
    connection: Connection, after: str, skip: bool, shown: int | None
) -> None:
    connection.connect(username="mxuser")
    connection.mx.advance("1m")
    connection.mx.call("DELETE", connection.path)
    connection.mx.advance(after)
    connection.connect(username="mxuser", skip_aggregation=skip)
    assert moment(connection) == shown
    connection.mx.advance("1m")
    assert (moment(connection) == 0) is skip  # else the job has run
    connection.mx.call("DELETE", connection.path)


def test_another_login_shows_nothing_of_a_deleted_one(connection: Connection) -> None:
    connection.connect()
    connection.mx.advance("1m")
    connection.mx.call("DELETE", connection.path)
    connection.connect(username="somebody")
    assert moment(connection) is None


# callbacks


def test_a_job_sends_nothing_twice(connection: Connection) -> None:
    connection.connect()
    connection.mx.advance("1m")
    seen = len(connection.receiver.received)
    for job in ("aggregate", "identify", "check_balance"):
        connection.call(job)
        connection.mx.advance("1m")
    told = [body["member"] for body in connection.receiver.bodies()[seen:] if body and "member" in body]
    shown = [{name: value for name, value in body.items() if name not in ("revision", "updated_at")} for body in told]
    assert len(shown) == 4  # a balance check tells of no member
    assert all(one != other for one, other in pairwise(shown))


def test_aggregation_and_history_of_one_job_count_each_row_once(connection: Connection) -> None:
    body = {
        "member": {"institution_code": "mxbank", "credentials": connection.mx.credentials("mxbank", "mxuser", "any")},
        "data_request": {"products": ["transactions", "transaction_history"]},
    }
    headers = {"Accept": "application/json", "Accept-Version": "v20250224"}
    member = connection.mx.call("POST", f"/users/{connection.user}/members", body, headers=headers)["member"]
    connection.watch(member)
    connection.mx.advance("1m")
    counts = {
        body["type"]: body["transactions_created_count"]
        for body in connection.receiver.bodies()
        if body and body.get("type") in ("AGGREGATION", "HISTORY")
    }
    assert min(counts.values()) > 0
    assert sum(counts.values()) == connection.total("transactions?from_date=2020-01-01&to_date=2026-12-31")
