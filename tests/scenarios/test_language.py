"""The rules of play, as a user's own scenarios see them over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mocksrv.providers.mx.events.statuses import STATUSES
from tests.conftest import MX, Receiver
from tests.scenarios.stage import Stage

REFUSING = {"PREVENTED", "DENIED", "IMPAIRED", "IMPORTED", "DISCONTINUED", "CLOSED", "DISABLED", "PENDING"}


def statuses_read(stage: Stage, times: int) -> list[str]:
    return [stage.mx.status(stage.user, stage.member)["connection_status"] for _ in range(times)]


# steps


def test_the_third_poll_still_shows_the_old_status(stage: Stage) -> None:
    stage.script("connect: [{status: CREATED}, {after: 3 polls, status: CONNECTED}, {after: 1 poll, status: DENIED}]")
    stage.connect("mine")
    assert stage.advance("1d") == ["0 created CREATED busy"]
    assert statuses_read(stage, 4) == ["CREATED", "CREATED", "CREATED", "CONNECTED"]
    assert statuses_read(stage, 1) == ["DENIED"]


def test_a_read_of_the_member_is_a_poll_and_other_reads_are_not(stage: Stage) -> None:
    stage.script("connect: [{status: CREATED}, {after: 2 polls, status: LOCKED}]")
    stage.connect("mine")
    for path in (f"{stage.path}/accounts", f"{stage.path}/challenges", f"/users/{stage.user}/members"):
        stage.mx.call("GET", path)
    read = [stage.mx.call("GET", stage.path)["member"]["connection_status"] for _ in range(3)]
    assert read == ["CREATED", "CREATED", "LOCKED"]


def test_polls_count_from_the_beginning_of_their_step(stage: Stage) -> None:
    stage.script("connect: [{status: CREATED}, {after: 10s, status: DELAYED}, {after: 2 polls, status: FAILED}]")
    stage.connect("mine")
    statuses_read(stage, 5)
    waiting = stage.mx.advance("10s")["happened"][-1]
    assert (waiting["kind"], waiting["subject"], waiting["detail"]) == ("waits", stage.member, "for 2 more polls")
    assert statuses_read(stage, 3) == ["DELAYED", "DELAYED", "FAILED"]


def test_steps_of_one_instant_are_one_commit_and_the_last_change_ends_the_job(stage: Stage) -> None:
    stage.script("""
        connect:
          - status: CREATED
          - status: DELAYED
          - then: rest
        rest:
          - set: {metadata: "on the way"}
          - {status: CONNECTED, set: {connection_status_message: "Welcome!"}}
        """)
    stage.connect("mine")
    assert stage.lines() == [
        "0 created CREATED busy",
        "0 updated DELAYED busy",
        "0 updated DELAYED busy",
        "0 updated CONNECTED idle 0/0",
        "0 AGGREGATION new",
    ]
    last = stage.receiver.bodies()[3]["member"]
    assert (last["revision"], last["metadata"], last["connection_status_message"]) == (4, "on the way", "Welcome!")


def test_a_message_of_the_script_holds_until_the_next_status(stage: Stage) -> None:
    stage.script("""
        connect:
          - {status: CREATED, set: {connection_status_message: "0123"}}
          - {after: 1s, status: LOCKED}
        """)
    stage.connect("mine")
    stage.lines()
    assert [body["member"]["connection_status_message"] for body in stage.receiver.bodies()] == [
        "Connecting to MX Bank ...",
        "0123",
    ]
    stage.advance("1s")
    assert stage.receiver.bodies()[-1]["connection_status_message"].startswith("Your account is locked.")


def test_set_overrides_the_flags_that_a_status_brings(stage: Stage) -> None:
    stage.script(
        "connect: [{status: CREATED}, {after: 1s, status: FAILED, set: {needs_updated_credentials: true, "
        "is_authenticated: true}}]"
    )
    stage.connect("mine")
    stage.advance("1s")
    assert stage.state() == "FAILED idle 0/- in"
    assert stage.wants_credentials()


def test_an_event_is_sent_with_fields_of_the_script(stage: Stage) -> None:
    stage.script("""
        connect:
          - {status: CREATED, event: mx.aggregation, payload: {transactions_created_count: 7, is_background: true}}
          - {after: 1s, event: mx.member.updated, payload: {name: 0123, revision: 99}}
        """)
    stage.connect("mine")
    assert stage.lines() == ["0 created CREATED busy", "0 AGGREGATION new background"]
    stage.advance("1s")
    body = stage.receiver.bodies()[2]["member"]
    assert (body["name"], body["revision"], body["connection_status"]) == ("0123", 99, "CREATED")
    assert stage.state() == "CREATED idle 0/- out"


def test_a_member_is_deleted_by_the_script(stage: Stage) -> None:
    stage.script(
        "connect: [{status: CREATED}, {after: 1s, status: CONNECTED, data: everyday}, {after: 1s, delete: true}]"
    )
    stage.connect("mine")
    assert stage.advance("1s")[-1] == "1 updated CONNECTED busy"
    assert stage.total("accounts") > 0
    assert stage.advance("1s") == ["2 deleted CONNECTED busy"]
    stage.mx.call("GET", stage.path, status=404)
    assert stage.mx.call("GET", f"/users/{stage.user}/accounts")["accounts"] == []


def test_data_comes_with_its_step_and_is_announced_at_the_end(stage: Stage) -> None:
    stage.script("connect: [{status: CREATED}, {after: 1s, data: wealthy}, {after: 1s, status: CONNECTED}]")
    stage.connect("mine")
    stage.advance("1s")
    assert stage.state() == "CREATED busy out"
    accounts = stage.total("accounts")
    assert accounts > 0
    assert stage.advance("1s") == ["2 updated CONNECTED idle 0/2", "2 AGGREGATION new"]
    assert stage.total("accounts") == accounts


def test_webhooks_of_the_first_step_govern_the_created_one(stage: Stage) -> None:
    stage.script("connect: [{status: CREATED, webhooks: off}, {after: 1s, status: CONNECTED, webhooks: {repeat: 3}}]")
    stage.connect("mine")
    assert stage.advance("1s") == ["1 updated CONNECTED idle 0/1"] * 3 + ["1 AGGREGATION new"] * 3


def test_far_too_many_steps_stop_the_play(stage: Stage) -> None:
    idle = "\n".join(["  - webhooks: off"] * 600)
    stage.script(f"connect:\n  - status: CREATED\n{idle}\n  - then: more\nmore:\n{idle}\n  - status: CONNECTED\n")
    stage.connect("mine")
    stage.advance("1h")
    assert stage.statuses() == ["CREATED"]
    causes = [moment["cause"] for moment in stage.mx.control("GET", f"/subjects/{stage.member}")["timeline"]]
    assert any(cause.startswith("stopped: 1000 steps") for cause in causes)


# questions


@pytest.mark.parametrize(
    ("given", "status"), [("0123", "CONNECTED"), ("123", "REJECTED"), ("yes", "CONNECTED"), ("Yes", "REJECTED")]
)
def test_answers_are_texts_as_written(stage: Stage, given: str, status: str) -> None:
    stage.script(
        "connect: [{status: CREATED}, {status: CHALLENGED, challenges: [{type: TEXT, label: Code, answer: "
        "[0123, yes]}]}]"
    )
    stage.connect("mine")
    stage.answer(given)
    stage.advance("1s")
    assert stage.state().split()[:2] == [status, "idle"]


def test_the_unwritten_question_waits_ten_minutes(stage: Stage) -> None:
    stage.script("connect: [{status: CREATED}, {status: CHALLENGED, challenges: [{type: TEXT, label: Anything}]}]")
    stage.connect("mine")
    assert stage.advance("599s")[-1] == "0 CHANGED CHALLENGED"
    assert stage.advance("1s") == ["600 updated EXPIRED idle 0/-", "600 CHANGED EXPIRED"]
    stage.call("aggregate")
    stage.answer("whatever")
    assert stage.advance("1s")[-1] == "601 AGGREGATION new"


def test_all_open_questions_are_answered_or_nothing_changes(stage: Stage) -> None:
    stage.script("""
        connect:
          - status: CREATED
          - status: CHALLENGED
            challenges:
              - {type: TEXT, label: One, answer: a}
              - {type: TEXT, label: Two, answer: b}
        """)
    stage.connect("mine")
    stage.lines()
    one, two = (challenge["guid"] for challenge in stage.mx.status(stage.user, stage.member)["challenges"])
    incomplete: list[Any] = [
        [],
        [{"guid": one, "value": "a"}],
        [{"guid": one, "value": "a"}, {"guid": "CRD-0", "value": "b"}],
        None,
    ]
    for answers in incomplete:
        stage.mx.call("PUT", f"{stage.path}/resume", {"member": {"challenges": answers}}, status=400)
    assert stage.lines() == []
    assert [challenge["guid"] for challenge in stage.mx.status(stage.user, stage.member)["challenges"]] == [one, two]
    stage.answer("a", "c")
    stage.advance("1s")
    assert stage.state() == "REJECTED idle 0/- out"
    both = {"member": {"challenges": [{"guid": one, "value": "a"}, {"guid": two, "value": "b"}]}}
    stage.mx.call("PUT", f"{stage.path}/resume", both, status=405)


def test_particular_answers_come_before_right_and_wrong(stage: Stage) -> None:
    stage.script("""
        connect:
          - status: CREATED
          - status: CHALLENGED
            challenges: [{type: TEXT, label: Word, answer: [open, special]}]
            answers: {special: elsewhere, 404: elsewhere}
        elsewhere: [{status: IMPEDED}]
        """)
    for answer, status in {"open": "CONNECTED", "special": "IMPEDED", "404": "IMPEDED", "else": "REJECTED"}.items():
        stage.connect("mine", password=answer)
        stage.answer(answer)
        stage.advance("1s")
        assert stage.state().split()[0] == status


# jobs


@pytest.mark.parametrize("status", sorted(STATUSES.keys() - {"CHALLENGED", "PENDING"}))  # these wait for somebody
def test_aggregate_starts_from_all_resting_statuses_but_some(stage: Stage, status: str) -> None:
    stage.connect()
    stage.advance("2s")
    stage.script(f"connect: [{{status: {status}}}]")
    stage.move("mine", "connect")
    stage.lines()
    assert stage.state().split()[:2] == [status, "idle"]
    stage.call("aggregate", status=409 if status in REFUSING else 202)
    assert bool(stage.lines()) is (status not in REFUSING)


@pytest.mark.parametrize("status", sorted(REFUSING - {"PENDING", "IMPAIRED", "IMPORTED"}))
def test_new_credentials_lead_out_of_what_forbids_to_aggregate(stage: Stage, status: str) -> None:
    stage.connect()
    stage.advance("2s")
    stage.mx.control("PUT", f"/subjects/{stage.member}/status", {"status": status})
    stage.call("aggregate", status=409)
    stage.login("better")
    assert stage.advance("2s")[-1] == "4 AGGREGATION nothing"


@pytest.mark.parametrize(
    ("job", "told"),
    [
        ("identify", []),
        ("check_balance", ["BALANCE"]),
        ("extend_history", ["HISTORY new"]),
        ("fetch_statements", ["STATEMENT new"]),
        ("fetch_rewards", ["REWARD new"]),
    ],
)
def test_unwritten_jobs_go_well(stage: Stage, job: str, told: list[str]) -> None:
    stage.connect("impeded", by="institution")
    stage.advance("1s")
    stage.call(job)
    expected = ["1 updated IMPEDED busy 1/-", "2 updated CONNECTED idle 1/2", *(f"2 {line}" for line in told)]
    assert stage.advance("1s") == expected


def test_written_jobs_do_as_written(stage: Stage) -> None:
    stage.script(
        """
        balance: [{after: 1s, status: FAILED}]
        statements: [{after: 1s, status: DISCONNECTED}]
        """,
        more="extends: connected",
    )
    stage.connect("mine")
    stage.advance("2s")
    stage.call("check_balance")
    assert stage.advance("1s") == ["3 updated FAILED idle 2/2"]
    stage.call("fetch_statements")
    assert stage.advance("1s") == ["3 updated FAILED busy 3/2", "4 updated DISCONNECTED idle 3/2"]


def test_verify_asks_the_questions_of_the_login_first(stage: Stage) -> None:
    stage.connect("challenged", skip_aggregation=True)
    stage.call("verify")
    assert stage.advance("1s")[-1] == "1 CHANGED CHALLENGED"
    assert stage.state() == "CHALLENGED busy out"
    stage.answer("correct")
    assert stage.advance("1s") == ["1 updated RESUMED busy", "2 updated CHALLENGED busy", "2 CHANGED CHALLENGED"]
    assert stage.state() == "CHALLENGED busy in"
    stage.answer(stage.question()["options"][0]["value"])
    assert stage.advance("1s") == ["2 updated RESUMED busy", "3 updated CONNECTED idle 0/3", "3 VERIFICATION 1 account"]


def test_verify_fails_where_the_login_fails(stage: Stage) -> None:
    stage.connect("denied", skip_aggregation=True)
    assert stage.lines() == ["0 created CREATED idle"]
    stage.call("verify")
    assert stage.advance("1m") == [
        "0 updated CREATED busy",
        "1 updated DENIED idle wants-credentials 0/-",
        "1 CHANGED DENIED",
    ]
    stage.call("verify", status=409)


def test_a_job_that_runs_is_not_started_again(stage: Stage) -> None:
    stage.connect("slow")
    stage.call("aggregate", status=202)
    for job in ("identify", "check_balance"):
        stage.call(job, status=409)
    assert stage.lines() == ["0 created CREATED busy"]
    stage.call("verify", status=200)  # takes the place of the aggregation that creation started
    stage.call("verify", status=202)
    stage.call("aggregate", status=409)


def test_the_refresh_comes_daily_and_ends_with_a_failure(stage: Stage) -> None:
    stage.script("background: [{after: 10s, status: DENIED}]", more="extends: connected")
    stage.connect("mine")
    stage.advance("2s")
    day = 86_400
    expected = [
        f"{day + 2} updated CONNECTED busy {day + 2}/2",
        f"{day + 12} updated DENIED idle wants-credentials {day + 2}/2",
    ]
    assert stage.advance("7d") == [*expected, f"{day + 12} CHANGED DENIED"]


# choosing


def test_the_order_of_choice(stage: Stage) -> None:
    def chosen(**more: Any) -> tuple[str, str]:
        stage.watch(stage.mx.create(stage.mx.user(), **more))
        found = stage.mx.control("GET", f"/subjects/{stage.member}")
        return found["scenario"], found["chosen_by"]

    header = {"X-Mocksrv-Scenario": "slow"}
    assert chosen() == ("connected", "happy")
    stage.mx.control("PUT", "/bindings", {"default": "closed"})
    assert chosen() == ("closed", "default")
    assert chosen(password="LOCKED") == ("locked", "login")
    stage.mx.control("PUT", "/bindings", {"next": ["failed", "delayed"]})
    assert chosen(institution="mock_impeded", password="LOCKED", headers=header) == ("slow", "header")
    assert chosen(institution="mock_impeded", password="LOCKED") == ("impeded", "institution")
    assert stage.mx.control("GET", "/bindings") == {"default": "closed", "next": ["failed", "delayed"]}
    assert chosen(password="LOCKED") == ("failed", "next")
    assert chosen(password="LOCKED") == ("delayed", "next")
    assert chosen(password="LOCKED") == ("locked", "login")
    assert stage.mx.control("GET", "/bindings") == {"default": "closed", "next": []}


def test_logins_that_say_more_win_and_own_files_come_before_bundled_ones(stage: Stage) -> None:
    stage.script("connect: [{status: CLOSED}]", name="any-bank", more="logins: [{password: LOCKED}]")
    stage.script(
        "connect: [{status: CLOSED}]",
        name="this-bank",
        more="logins: [{institution: mxbank, username: mxuser, password: INVALID}]",
    )
    for institution, password, scenario in [
        ("mxbank", "LOCKED", "locked"),
        ("mxcu_credential", "LOCKED", "any-bank"),
        ("mxbank", "INVALID", "this-bank"),
        ("mxbank", "UNAUTHORIZED", "denied"),
    ]:
        stage.connect(institution=institution, username="mxuser", password=password)
        assert stage.mx.control("GET", f"/subjects/{stage.member}")["scenario"] == scenario
        stage.mx.call("DELETE", stage.path)


@pytest.mark.parametrize("by", ["header", "next", "default"])
def test_new_credentials_choose_again(stage: Stage, by: str) -> None:
    def after(password: str, **more: Any) -> str:
        stage.login(password, **more)
        stage.advance("1h")
        scenario: str = stage.mx.control("GET", f"/subjects/{stage.member}")["scenario"]
        return scenario

    stage.connect("failed", by=by)
    stage.advance("1m")
    stage.mx.control("PUT", "/bindings", {"default": "locked"})
    kept = "failed" if by in ("header", "next") else "locked"
    assert after("one") == kept
    assert after("two", headers={"X-Mocksrv-Scenario": "impeded"}) == "impeded"
    assert after("three") == "impeded"
    assert after("INVALID") == "denied"
    assert after("four") == "locked"
    stage.mx.control("PUT", "/bindings", {"default": None})
    assert after("five") == "connected"
    stage.move("closed")
    assert after("six") == "closed"
    assert after("SERVER_ERROR") == "failed"


def test_new_credentials_are_kept_while_a_job_runs(stage: Stage) -> None:
    stage.connect("slow")
    updated = stage.login("LOCKED")
    assert (updated["connection_status"], updated["is_being_aggregated"]) == ("CREATED", True)
    assert stage.advance("1h")[-1] == "180 AGGREGATION new"
    stage.call("aggregate")
    assert stage.advance("1h")[-1].endswith("AGGREGATION nothing")


def test_a_flow_of_the_parent_goes_on_in_the_child(stage: Stage) -> None:
    stage.script("arrive: [{status: DELAYED}, {after: 1s, status: CLOSED}]", more="extends: connected")
    stage.connect("mine")
    assert stage.advance("1m") == ["0 created CREATED busy", "1 updated DELAYED busy", "2 updated CLOSED idle 0/-"]


def test_logins_are_not_inherited(stage: Stage) -> None:
    stage.script("expired: [{status: CLOSED}]", more="extends: challenged")
    stage.connect(password="challenge")
    assert stage.mx.control("GET", f"/subjects/{stage.member}")["scenario"] == "challenged"


# moving and pushing


def test_a_pushed_status_ends_the_play(stage: Stage) -> None:
    stage.connect("slow")
    stage.advance("1s")
    stage.mx.control(
        "PUT", f"/subjects/{stage.member}/status", {"status": "LOCKED", "set": {"connection_status_message": "Sorry"}}
    )
    assert stage.advance("1h") == ["1 updated LOCKED idle 0/-", "1 CHANGED LOCKED"]
    assert stage.receiver.bodies()[1]["member"]["connection_status_message"] == "Sorry"


def test_pushed_to_connected_is_a_good_end(stage: Stage) -> None:
    stage.connect("denied")
    stage.advance("1s")
    stage.mx.control("PUT", f"/subjects/{stage.member}/status", {"status": "CONNECTED"})
    assert stage.lines()[-2:] == ["1 updated CONNECTED idle 1/1", "1 AGGREGATION new"]
    assert stage.total("accounts") > 0


def test_pushed_to_challenged_can_be_answered(stage: Stage) -> None:
    stage.connect()
    stage.advance("2s")
    stage.mx.control("PUT", f"/subjects/{stage.member}/status", {"status": "CHALLENGED"})
    assert stage.state() == "CHALLENGED busy 2/2 out"
    stage.answer("correct")
    assert stage.advance("1s")[-1] == "3 AGGREGATION nothing"


def test_moving_is_felt_at_the_next_call_or_at_once(stage: Stage) -> None:
    stage.connect()
    stage.advance("2s")
    stage.move("failed")
    assert len(stage.lines()) == 0
    stage.call("aggregate")
    assert stage.advance("1s")[-1] == "3 updated FAILED idle 2/2"
    stage.move("locked", "connect")
    assert stage.advance("1s")[-1] == "4 CHANGED LOCKED"


# time


def test_a_member_that_is_no_longer_pending_stays(stage: Stage) -> None:
    stage.connect("closed", oauth=True)
    stage.advance("30m")
    stage.mx.control("PUT", f"/subjects/{stage.member}/status", {"status": "CONNECTED"})
    stage.advance("2h")
    assert stage.state().startswith("CONNECTED idle")


def test_a_member_pushed_to_pending_vanishes_after_an_hour(stage: Stage) -> None:
    stage.connect(oauth=True)
    stage.mx.control("POST", f"/subjects/{stage.member}/act", {"do": "approve"})
    stage.advance("2s")
    stage.mx.control("PUT", f"/subjects/{stage.member}/status", {"status": "PENDING"})
    assert stage.advance("1h")[-1] == "3602 deleted PENDING idle 2/2"


def test_the_same_seed_and_calls_give_the_same_bodies(make_server: Callable[..., Any], receiver: Receiver) -> None:
    plays = []
    for _ in range(2):
        before = len(receiver.received)
        stage = Stage(MX(make_server(seed=3, webhook_url=receiver.url)[1]), receiver)
        stage.connect("daily-updates")
        stage.advance("3d")
        stage.connect("challenged-twice", password="another")
        stage.mx.advance("1h")
        plays.append([item["raw"] for item in receiver.received[before:]])
    assert plays[0] == plays[1]
    assert len(plays[0]) > 15
