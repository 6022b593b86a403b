"""Every job begins with the login, and meets its trouble; what a night brings; when no job starts at all."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.scenarios.stage import Stage

JOBS = ("identify", "check_balance", "extend_history", "fetch_statements", "fetch_rewards")
TROUBLE = {  # statuses from which jobs start, and that another attempt meets again
    "locked": "LOCKED",
    "disconnected": "DISCONNECTED",
    "failed": "FAILED",
}


def ends(stage: Stage, span: str = "1m") -> str:
    stage.mx.advance(span)
    return stage.statuses()[-1]


def choose_account(stage: Stage) -> None:
    """Answers a verification's question which account."""
    question = stage.question()
    assert question["label"] == "Please select an account:"
    stage.answer(question["options"][0]["value"])


# the trouble of the login


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("name", TROUBLE)
def test_a_job_of_a_broken_login_meets_its_trouble(stage: Stage, name: str, job: str) -> None:
    stage.connect(name, by="institution", background_aggregation_is_disabled=True)
    stage.mx.advance("3d")
    stage.skip()
    stage.call(job)
    lines = stage.advance("1m")
    assert [line.split()[2] for line in lines if " updated " in line] == [TROUBLE[name]] * 2
    assert not [line for line in lines if line.split()[1].isupper() and line.split()[1] != "CHANGED"]
    assert stage.total("accounts") == 0


def test_a_job_waits_as_long_as_the_login_does_and_then_does_its_own(stage: Stage) -> None:
    stage.connect("slow")
    stage.mx.advance("5m")
    stage.skip()
    stage.call("check_balance")
    assert stage.advance("2m") == [
        "330 updated DELAYED busy 300/180",
        "420 updated CONNECTED idle 300/420",
        "420 BALANCE",
    ]


def test_a_job_asks_what_the_login_asks(stage: Stage) -> None:
    stage.connect("challenged")
    stage.mx.advance("1s")
    stage.answer("correct")
    assert ends(stage) == "CONNECTED"
    stage.call("identify")
    assert ends(stage, "1s") == "CHALLENGED"
    stage.answer("correct")
    assert ends(stage, "1s") == "CONNECTED"
    assert stage.total("account_owners") > 0


def test_the_login_part_brings_no_data_faults_events_or_disturbances(stage: Stage) -> None:
    stage.script(
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
    stage.connect("mine")
    stage.mx.advance("2s")
    stage.mx.call("GET", f"{stage.path}/accounts", status=500)
    offers = stage.mx.control("GET", "/webhooks?event=mx.notification.OFFER")["webhooks"]
    stage.skip()
    stage.call("check_balance")
    assert [line.split()[1] for line in stage.advance("2s")] == ["updated", "updated", "BALANCE"]
    stage.mx.call("GET", f"{stage.path}/accounts")
    assert stage.mx.control("GET", "/webhooks?event=mx.notification.OFFER")["webhooks"] == offers


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
def test_whose_login_part_it_is(stage: Stage, written: tuple[str, ...], renewed: bool, status: str) -> None:
    stage.script("\n".join(f"{flow}: {FLOWS[flow]}" for flow in written), more="counting: off")
    stage.connect("mine", by="header")
    stage.mx.advance("1s")
    if renewed:
        stage.login("another", headers={"X-Mocksrv-Scenario": "mine"})
        stage.mx.advance("1s")
    stage.call("check_balance")
    assert ends(stage, "1s") == status


@pytest.mark.parametrize("name", ["impeded", "degraded", "reconnected"])
def test_a_verification_after_the_trouble_ends_well(stage: Stage, name: str) -> None:
    stage.connect(name)
    assert ends(stage) == name.upper()
    stage.call("verify")
    stage.mx.advance("1s")
    if name == "reconnected":
        stage.answer("123456")
        stage.mx.advance("1s")
    choose_account(stage)
    assert ends(stage, "1s") == "CONNECTED"
    assert stage.total("account_numbers") == 1


def test_a_verification_in_place_of_the_first_job_plays_that_one(stage: Stage) -> None:
    stage.connect("impeded")
    stage.call("verify")
    assert ends(stage) == "IMPEDED"


def test_a_verification_in_place_of_the_first_job_has_its_data(stage: Stage) -> None:
    stage.script(
        "connect: [{status: CREATED}, {after: 1s, status: CONNECTED}, {after: 1s, data: empty, status: CONNECTED}]"
    )
    stage.connect("mine")
    stage.call("verify")
    assert ends(stage) == "CONNECTED"
    assert stage.total("accounts") == 0


# where jobs start


@pytest.mark.parametrize("status", ["CHALLENGED", "REJECTED", "LOCKED", "DELAYED", "RESUMED"])
def test_other_jobs_start_where_aggregate_does_and_verify_where_its_guide_says(stage: Stage, status: str) -> None:
    flow = f"[{{status: CREATED}}, {{after: 1s, status: {'LOCKED' if status == 'CHALLENGED' else status}}}]"
    stage.script(f"connect: {flow}")
    stage.connect("mine")
    stage.mx.advance("1s")
    stage.call("verify", status=409)
    for job in JOBS[:2]:
        stage.call(job)
        stage.mx.advance("1m")


def test_no_job_starts_while_credentials_are_needed_however_that_came_about(stage: Stage) -> None:
    stage.script("connect: [{status: CREATED}, {after: 1s, status: CONNECTED, set: {needs_updated_credentials: true}}]")
    stage.connect("mine")
    stage.mx.advance("1s")
    assert stage.wants_credentials()
    for job in ("aggregate", "verify", *JOBS):
        stage.call(job, status=409)
    stage.skip()
    assert stage.advance("3d") == []  # nor at night
    stage.login("another")
    assert not stage.wants_credentials()
    stage.mx.advance("1m")
    stage.mx.control(
        "PUT",
        f"/subjects/{stage.member}/status",
        {"status": "FAILED", "set": {"needs_updated_credentials": True}},
    )
    stage.call("check_balance", status=409)


# nights


def connected_before(stage: Stage) -> None:
    stage.connect()
    stage.mx.advance("1m")


@pytest.mark.parametrize("status", ["FAILED", "DEGRADED", "DISCONNECTED", "EXPIRED", "DELAYED", "RESUMED", "UPDATED"])
def test_the_next_night_tries_again(stage: Stage, status: str) -> None:
    connected_before(stage)
    stage.mx.control("PUT", f"/subjects/{stage.member}/status", {"status": status})
    assert ends(stage, "1d") == status
    assert ends(stage, "10s") == "CONNECTED"


@pytest.mark.parametrize(
    "status",
    [
        *("PREVENTED", "DENIED", "LOCKED", "IMPEDED", "IMPAIRED", "IMPORTED", "REJECTED", "RECONNECTED"),
        *("DISCONTINUED", "CLOSED", "DISABLED"),
    ],
)
def test_what_waits_for_the_user_is_left_alone_at_night(stage: Stage, status: str) -> None:
    connected_before(stage)
    stage.mx.control("PUT", f"/subjects/{stage.member}/status", {"status": status})
    stage.lines()
    assert stage.advance("3d") == []


def test_who_has_never_connected_is_not_tried_again(stage: Stage) -> None:
    stage.connect("failed")
    stage.advance("1m")
    assert stage.advance("3d") == []


def test_a_night_of_trouble_is_followed_by_another(stage: Stage) -> None:
    connected_before(stage)
    stage.lines()
    stage.move("failed")
    lines = stage.advance("50h")
    assert [line.split()[2] for line in lines if line.split()[1] == "updated" and " idle" in line] == ["FAILED"] * 2


def test_a_night_asks_nothing_and_does_not_say_that_it_takes_long(stage: Stage) -> None:
    stage.connect("challenged")
    stage.mx.advance("1s")
    stage.answer("correct")
    stage.mx.advance("1m")
    stage.lines()
    day = 86_402
    assert stage.advance("25h") == [
        f"{day} updated CONNECTED busy {day}/2",
        f"{day + 2} updated CONNECTED idle {day}/{day + 2}",
        f"{day + 2} AGGREGATION nothing background",
    ]
    stage.move("delayed")
    assert ends(stage, "25h") == "CONNECTED"
    assert "DELAYED" not in stage.statuses()


def test_a_written_night_is_played_as_written(stage: Stage) -> None:
    stage.script(
        """
        background:
          - status: DELAYED
          - after: 1s
            status: CHALLENGED
            challenges: [{type: TEXT, label: Which?, answer: any}]
        """,
        more="extends: connected",
    )
    stage.connect("mine")
    stage.mx.advance("1m")
    stage.mx.advance("1d")
    assert stage.statuses()[-2:] == ["DELAYED", "CHALLENGED"]


def repaired_by_login(stage: Stage) -> None:
    stage.login("better")


def repaired_by_attempt(stage: Stage) -> None:
    stage.call("aggregate")


REPAIRS: dict[str, Callable[[Stage], None]] = {
    **dict.fromkeys(("prevented", "impaired", "imported"), repaired_by_login),
    **dict.fromkeys(("impeded", "degraded", "reconnected"), repaired_by_attempt),
}


@pytest.mark.parametrize("name", REPAIRS)
def test_a_repair_still_works_the_night_after(stage: Stage, name: str) -> None:
    stage.connect(name)
    stage.mx.advance("1m")
    REPAIRS[name](stage)
    stage.mx.advance("1s")
    if name == "reconnected":
        stage.answer("123456")
    assert ends(stage) == "CONNECTED"
    before = len(stage.statuses())
    assert ends(stage, "3d") == "CONNECTED"
    assert len(stage.statuses()) == before  # the nights brought no other status
    assert stage.mx.events()[-1] == "mx.aggregation"


@pytest.mark.parametrize("password", ["INVALID", "LOCKED", "SERVER_ERROR"])
def test_another_password_still_works_the_night_after(stage: Stage, password: str) -> None:
    stage.connect(password=password)
    stage.mx.advance("1m")
    stage.login("right")
    assert ends(stage) == "CONNECTED"
    before = len(stage.statuses())
    assert ends(stage, "3d") == "CONNECTED"
    assert len(stage.statuses()) == before


# aggregated_at


def moment(stage: Stage) -> int | None:
    said = stage.state().split()[2]
    return None if "/" not in said or said[0] == "-" else int(said.partition("/")[0])


def test_aggregated_at_is_the_start_of_the_process_from_its_first_moment(stage: Stage) -> None:
    stage.connect()
    assert moment(stage) is None  # the guide: of the first job only when it is over
    stage.mx.advance("10s")
    assert moment(stage) == 0
    stage.call("check_balance")
    assert moment(stage) == 10
    stage.mx.advance("10s")
    assert moment(stage) == 10


@pytest.mark.parametrize(
    ("after", "skip", "shown"), [("2h", False, 0), ("4h", False, None), ("4h", True, 0), ("2h", True, 0)]
)
def test_a_login_made_again_shows_when_it_was_aggregated(
    stage: Stage, after: str, skip: bool, shown: int | None
) -> None:
    stage.connect(username="mxuser")
    stage.mx.advance("1m")
    stage.mx.call("DELETE", stage.path)
    stage.mx.advance(after)
    stage.connect(username="mxuser", skip_aggregation=skip)
    assert moment(stage) == shown
    stage.mx.advance("1m")
    assert (moment(stage) == 0) is skip  # else the job has run
    stage.mx.call("DELETE", stage.path)


def test_another_login_shows_nothing_of_a_deleted_one(stage: Stage) -> None:
    stage.connect()
    stage.mx.advance("1m")
    stage.mx.call("DELETE", stage.path)
    stage.connect(username="somebody")
    assert moment(stage) is None


# callbacks


def test_a_job_sends_nothing_twice(stage: Stage) -> None:
    stage.connect()
    stage.mx.advance("1m")
    seen = len(stage.receiver.received)
    for job in ("aggregate", "identify", "check_balance"):
        stage.call(job)
        stage.mx.advance("1m")
    told = [body["member"] for body in stage.receiver.bodies()[seen:] if body and "member" in body]
    shown = [{name: value for name, value in body.items() if name not in ("revision", "updated_at")} for body in told]
    assert len(shown) == 4  # a balance check tells of no member
    assert all(one != other for one, other in pairwise(shown))


def test_aggregation_and_history_of_one_job_count_each_row_once(stage: Stage) -> None:
    body = {
        "member": {"institution_code": "mxbank", "credentials": stage.mx.credentials("mxbank", "mxuser", "any")},
        "data_request": {"products": ["transactions", "transaction_history"]},
    }
    headers = {"Accept": "application/json", "Accept-Version": "v20250224"}
    member = stage.mx.call("POST", f"/users/{stage.user}/members", body, headers=headers)["member"]
    stage.watch(member)
    stage.mx.advance("1m")
    counts = {
        body["type"]: body["transactions_created_count"]
        for body in stage.receiver.bodies()
        if body and body.get("type") in ("AGGREGATION", "HISTORY")
    }
    assert min(counts.values()) > 0
    assert sum(counts.values()) == stage.total("transactions?from_date=2020-01-01&to_date=2026-12-31")
