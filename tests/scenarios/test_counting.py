"""The statuses that MX reaches by counting attempts: PREVENTED, DEGRADED, DISCONNECTED."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from mocksrv.cli import main
from mocksrv.engine.clock import DAY, HOUR
from mocksrv.engine.play import Job, Play
from mocksrv.providers.mx.events.statuses import COUNTING, FAILURES
from tests.conftest import MX
from tests.scenarios.connection import Connection


def deny(connection: Connection, times: int) -> list[str]:
    """So many attempts with a wrong password; what each came to."""
    found = []
    for _ in range(times):
        connection.login("INVALID")
        connection.mx.advance("1m")
        found.append(connection.statuses()[-1])
    return found


def fail(connection: Connection, times: int, *, every: str = "1h", job: str = "aggregate") -> list[str]:
    """So many jobs of a member whose bank is down, one after each span; what each came to."""
    found = []
    for _ in range(times):
        connection.mx.advance(every)
        connection.call(job)
        connection.mx.advance("1s")
        found.append(connection.statuses()[-1])
    return found


def moments(mx: MX, member: str) -> list[str]:
    return [row["cause"] for row in mx.control("GET", f"/subjects/{member}")["timeline"]]


def test_the_third_wrong_password_prevents_and_so_does_the_fourth(connection: Connection) -> None:
    connection.connect(password="INVALID")
    connection.mx.advance("1s")
    connection.skip()
    assert deny(connection, 3) == ["DENIED", "PREVENTED", "PREVENTED"]
    assert connection.wants_credentials()
    connection.call("aggregate", status=409)


def test_it_is_one_change_with_one_callback_and_the_timeline_says_why(connection: Connection) -> None:
    connection.connect(password="INVALID")
    connection.mx.advance("1s")
    deny(connection, 1)
    connection.skip()
    connection.login("INVALID")
    lines = connection.advance("1s")
    assert [line.partition(" ")[2] for line in lines][1:] == [
        "updated PREVENTED idle wants-credentials 61/-",
        "CHANGED PREVENTED",
    ]
    assert "DENIED" not in connection.statuses()[-1]
    causes = moments(connection.mx, connection.member)
    assert "counted: 3 times DENIED in a row: PREVENTED" in causes
    connection.mx.call("GET", connection.path)
    asked = connection.mx.control("GET", "/requests?limit=1000")["requests"]
    why = connection.mx.control("GET", f"/requests/{asked[-1]['id']}")
    assert why["counted"] == "counted: 3 times DENIED in a row: PREVENTED"


def test_another_end_breaks_the_row_and_a_question_does_not(connection: Connection) -> None:
    connection.script(
        """
        connect: [{status: CREATED}, {after: 1s, status: DENIED}]
        update: [{status: UPDATED}, {after: 1s, then: ask}]
        ask:
          - status: CHALLENGED
            challenges: [{type: TEXT, label: Which?, answer: connect}]
            answers: {deny: denied, lock: locked}
        denied: [{status: RESUMED}, {after: 1s, status: DENIED}]
        locked: [{status: RESUMED}, {after: 1s, status: LOCKED}]
        """
    )
    connection.connect("mine")
    connection.mx.advance("1s")
    found = []
    for answer in ("deny", "lock", "deny", "deny", "deny"):
        connection.login("another")
        connection.mx.advance("1s")
        connection.answer(answer)
        connection.mx.advance("1s")
        found.append(connection.statuses()[-1])
    assert found == ["DENIED", "LOCKED", "DENIED", "DENIED", "PREVENTED"]


def test_a_success_starts_the_count_anew(connection: Connection) -> None:
    connection.connect(password="INVALID")
    connection.mx.advance("1s")
    assert deny(connection, 1) == ["DENIED"]
    connection.login("right")
    connection.mx.advance("1m")
    assert connection.statuses()[-1] == "CONNECTED"
    assert deny(connection, 3) == ["DENIED", "DENIED", "PREVENTED"]


def test_a_push_starts_the_count_anew_and_does_what_it_says(connection: Connection) -> None:
    connection.connect(password="INVALID")
    connection.mx.advance("1s")
    deny(connection, 1)
    connection.mx.control("PUT", f"/subjects/{connection.member}/status", {"status": "DENIED"})
    assert connection.statuses()[-1] == "DENIED"
    assert deny(connection, 3) == ["DENIED", "DENIED", "PREVENTED"]


def test_the_third_failure_within_a_day_degrades(connection: Connection) -> None:
    connection.connect("failed")
    connection.mx.advance("1s")
    assert fail(connection, 3) == ["FAILED", "DEGRADED", "DEGRADED"]


def test_failures_further_apart_do_not_degrade(connection: Connection) -> None:
    connection.connect("failed")
    connection.mx.advance("1s")
    assert fail(connection, 4, every="13h") == ["FAILED"] * 4


def test_all_jobs_count(connection: Connection) -> None:
    connection.script(
        "connect: [{status: CREATED}, {after: 1s, status: FAILED}]\nbalance: [{after: 1s, status: FAILED}]"
    )
    connection.connect("mine")
    connection.mx.advance("1s")
    assert fail(connection, 1, job="check_balance") == ["FAILED"]
    assert fail(connection, 1) == ["DEGRADED"]


def test_two_weeks_of_failures_disconnect(connection: Connection) -> None:
    connection.connect("failed", background_aggregation_is_disabled=True)
    connection.mx.advance("1s")
    assert fail(connection, 3, every="6d") == ["FAILED", "FAILED", "DISCONNECTED"]
    connection.mx.control("PUT", f"/subjects/{connection.member}/status", {"status": "CONNECTED"})
    assert fail(connection, 3, every="6d") == ["FAILED", "FAILED", "DISCONNECTED"]  # since that success


def test_a_file_may_switch_counting_off_for_itself_and_for_what_extends_it(connection: Connection) -> None:
    connection.script("connect: [{status: CREATED}, {after: 1s, status: FAILED}]", more="counting: off")
    connection.script("update: [{status: UPDATED}, {after: 1s, status: DENIED}]", name="child", more="extends: mine")
    connection.connect("child")
    connection.mx.advance("1s")
    assert fail(connection, 3) == ["FAILED"] * 3
    for _ in range(3):
        connection.login("wrong", headers={"X-Mocksrv-Scenario": "child"})
        connection.mx.advance("1s")
    assert connection.statuses()[-1] == "DENIED"


@pytest.mark.parametrize("status", ["PREVENTED", "DEGRADED", "DISCONNECTED"])
def test_a_scenario_about_one_of_them_enters_it_at_once(connection: Connection, status: str) -> None:
    connection.connect(status.lower())
    connection.mx.advance("1s")
    assert connection.statuses()[-1] == status


def test_what_was_counted_is_kept_when_the_server_is_killed(tmp_path: Any, make_server: Any) -> None:
    file = tmp_path / "state.db"
    mx, first = None, None
    for _ in range(3):
        if first is not None:
            first.close()
        first, app = make_server(database=str(file))
        mx = MX(app)
        if not mx.control("GET", "/subjects")["subjects"]:
            user = mx.user()
            member = mx.create(user, password="UNAVAILABLE")["guid"]
        else:
            mx.call("POST", f"/users/{user}/members/{member}/aggregate")
        mx.advance("1m")
    assert mx is not None
    assert mx.status(user, member)["connection_status"] == "DEGRADED"


def test_simulate_says_so(tmp_path: Path) -> None:
    down = "[{after: 1s, status: FAILED}]"
    text = f"name: down\nprovider: mx\nflows:\n  connect: {down}\n  aggregate: {down}\n  balance: {down}\n"
    file = tmp_path / "down.yaml"
    file.write_text(text)
    result = CliRunner().invoke(main, ["scenarios", "simulate", str(file)])
    assert result.exit_code == 0, result.output
    assert "(counted: 3 times FAILED within 1d: DEGRADED)" in result.output
    assert "Ends with DEGRADED." in result.output


FAILED_ENDS = ["DENIED", "FAILED", "DEGRADED", "DISCONNECTED"]


class Model:
    """The rules as MX's page words them, over the whole history of a member."""

    def __init__(self) -> None:
        self.ends: list[tuple[str, int]] = []
        self.success = 0

    def enter(self, status: str, now: int) -> str:
        self.ends.append((status, now))
        last = [status for status, _ in self.ends][-3:]
        if len(last) == 3 and set(last) <= FAILURES and now - self.success >= 14 * DAY:
            return "DISCONNECTED"
        failed = [at for end, at in self.ends if end == "FAILED" and now - at <= DAY]
        if status == "FAILED" and len(failed) >= 3:
            return "DEGRADED"
        return "PREVENTED" if last == ["DENIED"] * 3 else status


ATTEMPTS = st.lists(
    st.tuples(st.sampled_from([*FAILED_ENDS, "LOCKED", "EXPIRED"]), st.sampled_from([1, 12 * HOUR, DAY, 5 * DAY])),
    max_size=30,
)


@given(ATTEMPTS)
def test_the_counting_is_that_of_a_simple_model(attempts: list[tuple[str, int]]) -> None:
    play, model, now = Play("mx", "mine", "hand"), Model(), 0
    for status, later in attempts:
        now += later
        play.job = Job("aggregate", now)
        play = Play.load(play.dump())
        rule = COUNTING.enter(play, status, now, 0)
        assert (rule.status if rule else status) == model.enter(status, now)
