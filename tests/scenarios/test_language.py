"""The rules of play, as a user's own scenarios see them over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mocksrv.providers.mx.events.statuses import STATUSES
from tests.conftest import MX, Receiver
from tests.scenarios.connection import Connection

REFUSING = {"PREVENTED", "DENIED", "IMPAIRED", "IMPORTED", "DISCONTINUED", "CLOSED", "DISABLED", "PENDING"}


def statuses_read(connection: Connection, times: int) -> list[str]:
    return [connection.mx.status(connection.user, connection.member)["connection_status"] for _ in range(times)]


# steps


def test_the_third_poll_still_shows_the_old_status(connection: Connection) -> None:
    connection.script(
        "connect: [{status: CREATED}, {after: 3 polls, status: CONNECTED}, {after: 1 poll, status: DENIED}]"
    )
    connection.connect("mine")
    assert connection.advance("1d") == ["0 created CREATED busy"]
    assert statuses_read(connection, 4) == ["CREATED", "CREATED", "CREATED", "CONNECTED"]
    assert statuses_read(connection, 1) == ["DENIED"]


def test_a_read_of_the_member_is_a_poll_and_other_reads_are_not(connection: Connection) -> None:
    connection.script("connect: [{status: CREATED}, {after: 2 polls, status: LOCKED}]")
    connection.connect("mine")
    for path in (f"{connection.path}/accounts", f"{connection.path}/challenges", f"/users/{connection.user}/members"):
        connection.mx.call("GET", path)
    read = [connection.mx.call("GET", connection.path)["member"]["connection_status"] for _ in range(3)]
    assert read == ["CREATED", "CREATED", "LOCKED"]


def test_polls_count_from_the_beginning_of_their_step(connection: Connection) -> None:
    connection.script("connect: [{status: CREATED}, {after: 10s, status: DELAYED}, {after: 2 polls, status: FAILED}]")
    connection.connect("mine")
    statuses_read(connection, 5)
    waiting = connection.mx.advance("10s")["happened"][-1]
    assert (waiting["kind"], waiting["subject"], waiting["detail"]) == ("waits", connection.member, "for 2 more polls")
    assert statuses_read(connection, 3) == ["DELAYED", "DELAYED", "FAILED"]


def test_steps_of_one_instant_are_one_commit_and_the_last_change_ends_the_job(connection: Connection) -> None:
    connection.script("""
        connect:
          - status: CREATED
          - status: DELAYED
          - then: rest
        rest:
          - set: {metadata: "on the way"}
          - {status: CONNECTED, set: {connection_status_message: "Welcome!"}}
        """)
    connection.connect("mine")
    assert connection.lines() == [
        "0 created CREATED busy",
        "0 updated DELAYED busy",
        "0 updated DELAYED busy",
        "0 updated CONNECTED idle 0/0",
        "0 AGGREGATION new",
    ]
    last = connection.receiver.bodies()[3]["member"]
    assert (last["revision"], last["metadata"], last["connection_status_message"]) == (4, "on the way", "Welcome!")


def test_a_message_of_the_script_holds_until_the_next_status(connection: Connection) -> None:
    connection.script("""
        connect:
          - {status: CREATED, set: {connection_status_message: "0123"}}
          - {after: 1s, status: LOCKED}
        """)
    connection.connect("mine")
    connection.lines()
    assert [body["member"]["connection_status_message"] for body in connection.receiver.bodies()] == [
        "Connecting to MX Bank ...",
        "0123",
    ]
    connection.advance("1s")
    assert connection.receiver.bodies()[-1]["connection_status_message"].startswith("Your account is locked.")


def test_set_overrides_the_flags_that_a_status_brings(connection: Connection) -> None:
    connection.script(
        "connect: [{status: CREATED}, {after: 1s, status: FAILED, set: {needs_updated_credentials: true, "
        "is_authenticated: true}}]"
    )
    connection.connect("mine")
    connection.advance("1s")
    assert connection.state() == "FAILED idle 0/- in"
    assert connection.wants_credentials()


def test_an_event_is_sent_with_fields_of_the_script(connection: Connection) -> None:
    connection.script("""
        connect:
          - {status: CREATED, event: mx.aggregation, payload: {transactions_created_count: 7, is_background: true}}
          - {after: 1s, event: mx.member.updated, payload: {name: 0123, revision: 99}}
        """)
    connection.connect("mine")
    assert connection.lines() == ["0 created CREATED busy", "0 AGGREGATION new background"]
    connection.advance("1s")
    body = connection.receiver.bodies()[2]["member"]
    assert (body["name"], body["revision"], body["connection_status"]) == ("0123", 99, "CREATED")
    assert connection.state() == "CREATED idle 0/- out"


def test_a_member_is_deleted_by_the_script(connection: Connection) -> None:
    connection.script(
        "connect: [{status: CREATED}, {after: 1s, status: CONNECTED, data: everyday}, {after: 1s, delete: true}]"
    )
    connection.connect("mine")
    assert connection.advance("1s")[-1] == "1 updated CONNECTED busy"
    assert connection.total("accounts") > 0
    assert connection.advance("1s") == ["2 deleted CONNECTED busy"]
    connection.mx.call("GET", connection.path, status=404)
    assert connection.mx.call("GET", f"/users/{connection.user}/accounts")["accounts"] == []


def test_data_comes_with_its_step_and_is_announced_at_the_end(connection: Connection) -> None:
    connection.script("connect: [{status: CREATED}, {after: 1s, data: wealthy}, {after: 1s, status: CONNECTED}]")
    connection.connect("mine")
    connection.advance("1s")
    assert connection.state() == "CREATED busy out"
    accounts = connection.total("accounts")
    assert accounts > 0
    assert connection.advance("1s") == ["2 updated CONNECTED idle 0/2", "2 AGGREGATION new"]
    assert connection.total("accounts") == accounts


def test_webhooks_of_the_first_step_govern_the_created_one(connection: Connection) -> None:
    connection.script(
        "connect: [{status: CREATED, webhooks: off}, {after: 1s, status: CONNECTED, webhooks: {repeat: 3}}]"
    )
    connection.connect("mine")
    assert connection.advance("1s") == ["1 updated CONNECTED idle 0/1"] * 3 + ["1 AGGREGATION new"] * 3


def test_far_too_many_steps_stop_the_play(connection: Connection) -> None:
    idle = "\n".join(["  - webhooks: off"] * 600)
    connection.script(f"connect:\n  - status: CREATED\n{idle}\n  - then: more\nmore:\n{idle}\n  - status: CONNECTED\n")
    connection.connect("mine")
    connection.advance("1h")
    assert connection.statuses() == ["CREATED"]
    causes = [moment["cause"] for moment in connection.mx.control("GET", f"/subjects/{connection.member}")["timeline"]]
    assert any(cause.startswith("stopped: 1000 steps") for cause in causes)


# questions


@pytest.mark.parametrize(
    ("given", "status"), [("0123", "CONNECTED"), ("123", "REJECTED"), ("yes", "CONNECTED"), ("Yes", "REJECTED")]
)
def test_answers_are_texts_as_written(connection: Connection, given: str, status: str) -> None:
    connection.script(
        "connect: [{status: CREATED}, {status: CHALLENGED, challenges: [{type: TEXT, label: Code, answer: "
        "[0123, yes]}]}]"
    )
    connection.connect("mine")
    connection.answer(given)
    connection.advance("1s")
    assert connection.state().split()[:2] == [status, "idle"]


def test_the_unwritten_question_waits_ten_minutes(connection: Connection) -> None:
    connection.script("connect: [{status: CREATED}, {status: CHALLENGED, challenges: [{type: TEXT, label: Anything}]}]")
    connection.connect("mine")
    assert connection.advance("599s")[-1] == "0 CHANGED CHALLENGED"
    assert connection.advance("1s") == ["600 updated EXPIRED idle 0/-", "600 CHANGED EXPIRED"]
    connection.call("aggregate")
    connection.answer("whatever")
    assert connection.advance("1s")[-1] == "601 AGGREGATION new"


def test_all_open_questions_are_answered_or_nothing_changes(connection: Connection) -> None:
    connection.script("""
        connect:
          - status: CREATED
          - status: CHALLENGED
            challenges:
              - {type: TEXT, label: One, answer: a}
              - {type: TEXT, label: Two, answer: b}
        """)
    connection.connect("mine")
    connection.lines()
    one, two = (
        challenge["guid"] for challenge in connection.mx.status(connection.user, connection.member)["challenges"]
    )
    incomplete: list[Any] = [
        [],
        [{"guid": one, "value": "a"}],
        [{"guid": one, "value": "a"}, {"guid": "CRD-0", "value": "b"}],
        None,
    ]
    for answers in incomplete:
        connection.mx.call("PUT", f"{connection.path}/resume", {"member": {"challenges": answers}}, status=400)
    assert connection.lines() == []
    assert [
        challenge["guid"] for challenge in connection.mx.status(connection.user, connection.member)["challenges"]
    ] == [one, two]
    connection.answer("a", "c")
    connection.advance("1s")
    assert connection.state() == "REJECTED idle 0/- out"
    both = {"member": {"challenges": [{"guid": one, "value": "a"}, {"guid": two, "value": "b"}]}}
    connection.mx.call("PUT", f"{connection.path}/resume", both, status=405)


def test_particular_answers_come_before_right_and_wrong(connection: Connection) -> None:
    connection.script("""
        connect:
          - status: CREATED
          - status: CHALLENGED
            challenges: [{type: TEXT, label: Word, answer: [open, special]}]
            answers: {special: elsewhere, 404: elsewhere}
        elsewhere: [{status: IMPEDED}]
        """)
    for answer, status in {"open": "CONNECTED", "special": "IMPEDED", "404": "IMPEDED", "else": "REJECTED"}.items():
        connection.connect("mine", password=answer)
        connection.answer(answer)
        connection.advance("1s")
        assert connection.state().split()[0] == status


# jobs


@pytest.mark.parametrize("status", sorted(STATUSES.keys() - {"CHALLENGED", "PENDING"}))  # these wait for somebody
def test_aggregate_starts_from_all_resting_statuses_but_some(connection: Connection, status: str) -> None:
    connection.connect()
    connection.advance("2s")
    connection.script(f"connect: [{{status: {status}}}]")
    connection.move("mine", "connect")
    connection.lines()
    assert connection.state().split()[:2] == [status, "idle"]
    connection.call("aggregate", status=409 if status in REFUSING else 202)
    assert bool(connection.lines()) is (status not in REFUSING)


@pytest.mark.parametrize("status", sorted(REFUSING - {"PENDING", "IMPAIRED", "IMPORTED"}))
def test_new_credentials_lead_out_of_what_forbids_to_aggregate(connection: Connection, status: str) -> None:
    connection.connect()
    connection.advance("2s")
    connection.mx.control("PUT", f"/subjects/{connection.member}/status", {"status": status})
    connection.call("aggregate", status=409)
    connection.login("better")
    assert connection.advance("2s")[-1] == "4 AGGREGATION nothing"


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
def test_unwritten_jobs_go_well(connection: Connection, job: str, told: list[str]) -> None:
    connection.connect("impeded", by="institution")
    connection.advance("1s")
    connection.call(job)
    expected = ["1 updated IMPEDED busy 1/-", "2 updated CONNECTED idle 1/2", *(f"2 {line}" for line in told)]
    assert connection.advance("1s") == expected


def test_written_jobs_do_as_written(connection: Connection) -> None:
    connection.script(
        """
        balance: [{after: 1s, status: FAILED}]
        statements: [{after: 1s, status: DISCONNECTED}]
        """,
        more="extends: connected",
    )
    connection.connect("mine")
    connection.advance("2s")
    connection.call("check_balance")
    assert connection.advance("1s") == ["3 updated FAILED idle 2/2"]
    connection.call("fetch_statements")
    assert connection.advance("1s") == ["3 updated FAILED busy 3/2", "4 updated DISCONNECTED idle 3/2"]


def test_verify_asks_the_questions_of_the_login_first(connection: Connection) -> None:
    connection.connect("challenged", skip_aggregation=True)
    connection.call("verify")
    assert connection.advance("1s")[-1] == "1 CHANGED CHALLENGED"
    assert connection.state() == "CHALLENGED busy out"
    connection.answer("correct")
    assert connection.advance("1s") == ["1 updated RESUMED busy", "2 updated CHALLENGED busy", "2 CHANGED CHALLENGED"]
    assert connection.state() == "CHALLENGED busy in"
    connection.answer(connection.question()["options"][0]["value"])
    assert connection.advance("1s") == [
        "2 updated RESUMED busy",
        "3 updated CONNECTED idle 0/3",
        "3 VERIFICATION 1 account",
    ]


def test_verify_fails_where_the_login_fails(connection: Connection) -> None:
    connection.connect("denied", skip_aggregation=True)
    assert connection.lines() == ["0 created CREATED idle"]
    connection.call("verify")
    assert connection.advance("1m") == [
        "0 updated CREATED busy",
        "1 updated DENIED idle wants-credentials 0/-",
        "1 CHANGED DENIED",
    ]
    connection.call("verify", status=409)


def test_a_job_that_runs_is_not_started_again(connection: Connection) -> None:
    connection.connect("slow")
    connection.call("aggregate", status=202)
    for job in ("identify", "check_balance"):
        connection.call(job, status=409)
    assert connection.lines() == ["0 created CREATED busy"]
    connection.call("verify", status=200)  # takes the place of the aggregation that creation started
    connection.call("verify", status=202)
    connection.call("aggregate", status=409)


def test_the_refresh_comes_daily_and_ends_with_a_failure(connection: Connection) -> None:
    connection.script("background: [{after: 10s, status: DENIED}]", more="extends: connected")
    connection.connect("mine")
    connection.advance("2s")
    day = 86_400
    expected = [
        f"{day + 2} updated CONNECTED busy {day + 2}/2",
        f"{day + 12} updated DENIED idle wants-credentials {day + 2}/2",
    ]
    assert connection.advance("7d") == [*expected, f"{day + 12} CHANGED DENIED"]


# choosing


def test_the_order_of_choice(connection: Connection) -> None:
    def chosen(**more: Any) -> tuple[str, str]:
        connection.watch(connection.mx.create(connection.mx.user(), **more))
        found = connection.mx.control("GET", f"/subjects/{connection.member}")
        return found["scenario"], found["chosen_by"]

    header = {"X-Mocksrv-Scenario": "slow"}
    assert chosen() == ("connected", "happy")
    connection.mx.control("PUT", "/bindings", {"default": "closed"})
    assert chosen() == ("closed", "default")
    assert chosen(password="LOCKED") == ("locked", "login")
    connection.mx.control("PUT", "/bindings", {"next": ["failed", "delayed"]})
    assert chosen(institution="mock_impeded", password="LOCKED", headers=header) == ("slow", "header")
    assert chosen(institution="mock_impeded", password="LOCKED") == ("impeded", "institution")
    assert connection.mx.control("GET", "/bindings") == {"default": "closed", "next": ["failed", "delayed"]}
    assert chosen(password="LOCKED") == ("failed", "next")
    assert chosen(password="LOCKED") == ("delayed", "next")
    assert chosen(password="LOCKED") == ("locked", "login")
    assert connection.mx.control("GET", "/bindings") == {"default": "closed", "next": []}


def test_logins_that_say_more_win_and_own_files_come_before_bundled_ones(connection: Connection) -> None:
    connection.script("connect: [{status: CLOSED}]", name="any-bank", more="logins: [{password: LOCKED}]")
    connection.script(
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
        connection.connect(institution=institution, username="mxuser", password=password)
        assert connection.mx.control("GET", f"/subjects/{connection.member}")["scenario"] == scenario
        connection.mx.call("DELETE", connection.path)


@pytest.mark.parametrize("by", ["header", "next", "default"])
def test_new_credentials_choose_again(connection: Connection, by: str) -> None:
    def after(password: str, **more: Any) -> str:
        connection.login(password, **more)
        connection.advance("1h")
        scenario: str = connection.mx.control("GET", f"/subjects/{connection.member}")["scenario"]
        return scenario

    connection.connect("failed", by=by)
    connection.advance("1m")
    connection.mx.control("PUT", "/bindings", {"default": "locked"})
    kept = "failed" if by in ("header", "next") else "locked"
    assert after("one") == kept
    assert after("two", headers={"X-Mocksrv-Scenario": "impeded"}) == "impeded"
    assert after("three") == "impeded"
    assert after("INVALID") == "denied"
    assert after("four") == "locked"
    connection.mx.control("PUT", "/bindings", {"default": None})
    assert after("five") == "connected"
    connection.move("closed")
    assert after("six") == "closed"
    assert after("SERVER_ERROR") == "failed"


def test_new_credentials_are_kept_while_a_job_runs(connection: Connection) -> None:
    connection.connect("slow")
    updated = connection.login("LOCKED")
    assert (updated["connection_status"], updated["is_being_aggregated"]) == ("CREATED", True)
    assert connection.advance("1h")[-1] == "180 AGGREGATION new"
    connection.call("aggregate")
    assert connection.advance("1h")[-1].endswith("AGGREGATION nothing")


def test_a_flow_of_the_parent_goes_on_in_the_child(connection: Connection) -> None:
    connection.script("arrive: [{status: DELAYED}, {after: 1s, status: CLOSED}]", more="extends: connected")
    connection.connect("mine")
    assert connection.advance("1m") == ["0 created CREATED busy", "1 updated DELAYED busy", "2 updated CLOSED idle 0/-"]


def test_logins_are_not_inherited(connection: Connection) -> None:
    connection.script("expired: [{status: CLOSED}]", more="extends: challenged")
    connection.connect(password="challenge")
    assert connection.mx.control("GET", f"/subjects/{connection.member}")["scenario"] == "challenged"


# moving and pushing


def test_a_pushed_status_ends_the_play(connection: Connection) -> None:
    connection.connect("slow")
    connection.advance("1s")
    connection.mx.control(
        "PUT",
        f"/subjects/{connection.member}/status",
        {"status": "LOCKED", "set": {"connection_status_message": "Sorry"}},
    )
    assert connection.advance("1h") == ["1 updated LOCKED idle 0/-", "1 CHANGED LOCKED"]
    assert connection.receiver.bodies()[1]["member"]["connection_status_message"] == "Sorry"


def test_pushed_to_connected_is_a_good_end(connection: Connection) -> None:
    connection.connect("denied")
    connection.advance("1s")
    connection.mx.control("PUT", f"/subjects/{connection.member}/status", {"status": "CONNECTED"})
    assert connection.lines()[-2:] == ["1 updated CONNECTED idle 1/1", "1 AGGREGATION new"]
    assert connection.total("accounts") > 0


def test_pushed_to_challenged_can_be_answered(connection: Connection) -> None:
    connection.connect()
    connection.advance("2s")
    connection.mx.control("PUT", f"/subjects/{connection.member}/status", {"status": "CHALLENGED"})
    assert connection.state() == "CHALLENGED busy 2/2 out"
    connection.answer("correct")
    assert connection.advance("1s")[-1] == "3 AGGREGATION nothing"


def test_moving_is_felt_at_the_next_call_or_at_once(connection: Connection) -> None:
    connection.connect()
    connection.advance("2s")
    connection.move("failed")
    assert len(connection.lines()) == 0
    connection.call("aggregate")
    assert connection.advance("1s")[-1] == "3 updated FAILED idle 2/2"
    connection.move("locked", "connect")
    assert connection.advance("1s")[-1] == "4 CHANGED LOCKED"


# time


def test_a_member_that_is_no_longer_pending_stays(connection: Connection) -> None:
    connection.connect("closed", oauth=True)
    connection.advance("30m")
    connection.mx.control("PUT", f"/subjects/{connection.member}/status", {"status": "CONNECTED"})
    connection.advance("2h")
    assert connection.state().startswith("CONNECTED idle")


def test_a_member_pushed_to_pending_vanishes_after_an_hour(connection: Connection) -> None:
    connection.connect(oauth=True)
    connection.mx.control("POST", f"/subjects/{connection.member}/act", {"do": "approve"})
    connection.advance("2s")
    connection.mx.control("PUT", f"/subjects/{connection.member}/status", {"status": "PENDING"})
    assert connection.advance("1h")[-1] == "3602 deleted PENDING idle 2/2"


def test_the_same_seed_and_calls_give_the_same_bodies(make_server: Callable[..., Any], receiver: Receiver) -> None:
    plays = []
    for _ in range(2):
        before = len(receiver.received)
        connection = Connection(MX(make_server(seed=3, webhook_url=receiver.url)[1]), receiver)
        connection.connect("daily-updates")
        connection.advance("3d")
        connection.connect("challenged-twice", password="another")
        connection.mx.advance("1h")
        plays.append([item["raw"] for item in receiver.received[before:]])
    assert plays[0] == plays[1]
    assert len(plays[0]) > 15
