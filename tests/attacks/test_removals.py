"""What hangs on a record that is deleted, however much it is, is gone at once, and is cleared away bit by bit."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.turns import measured
from mocksrv.engine.config import Config
from mocksrv.engine.engine import Engine
from mocksrv.engine.storage.records import Query, StoreFull
from mocksrv.engine.storage.shared import REMOVAL
from mocksrv.engine.storage.tables import removals
from mocksrv.engine.storage.tables.removals import RemovalQueries
from mocksrv.server import build
from mocksrv.web.app import App
from tests import postgres
from tests.attacks.test_big_loads import HUGE, rows_of_turns
from tests.attacks.test_fairness import wait_until
from tests.conftest import MX, Receiver
from tests.providers.finicity.client import Finicity
from tests.providers.mono.client import Mono

Make = Callable[..., tuple[Engine, App]]
SMALL, MANY = 20, 80  # rows of a slice, and of a turn: no more than that and what a call writes
LONGEST = 50  # ms of processor time


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removals, "SLICE", SMALL)


@contextmanager
def halfway(engine: Engine) -> Iterator[Callable[[], bool]]:
    """Removals stop after a slice: whether one has, soon."""
    reached, go_on, claims = threading.Event(), threading.Event(), []
    claim = engine.shared.claim

    def stopping(kind: str, sandbox: str, of: str = "") -> bool:
        if kind == REMOVAL:
            claims.append(of)
            if len(claims) > 1:
                reached.set()
                assert go_on.wait(20)
        return claim(kind, sandbox, of)

    engine.shared.claim = stopping  # type: ignore[method-assign]
    try:
        yield lambda: reached.wait(20)
    finally:
        go_on.set()
    wait_until(lambda: not under_way(engine))


def under_way(engine: Engine) -> list[Any]:
    with engine.store.read() as tx:
        return tx.removals()


def hidden(engine: Engine) -> int:
    """What queries think is hidden, for which they look; where others may have hidden something, that is one more."""
    return engine.store._unseen.under_way - engine.store.shared


def stored(engine: Engine) -> int:
    """How many records there are, seen or not."""
    with engine.store.read() as tx:
        rows: int = tx._rows("SELECT count(*) FROM record")[0][0]
    return rows


def connected(mx: MX) -> tuple[str, str]:
    """A user with a member and its data."""
    user = mx.user()
    member = mx.create(user)["guid"]
    mx.advance("1m")
    return user, member


def total(mx: MX, path: str) -> int:
    entries: int = mx.call("GET", path)["pagination"]["total_entries"]
    return entries


def delete_member(app: App, receiver: Receiver) -> Callable[[], Any]:
    mx = MX(app)
    user, member = connected(mx)
    return lambda: mx.call("DELETE", f"/users/{user}/members/{member}")


def delete_user(app: App, receiver: Receiver) -> Callable[[], Any]:
    mx = MX(app)
    user, _ = connected(mx)
    mx.create(user)
    mx.advance("1m")
    return lambda: mx.call("DELETE", f"/users/{user}")


def delete_account(app: App, receiver: Receiver) -> Callable[[], Any]:
    mono = Mono(app, receiver)
    mono.script("midnight: [{delete: true}]", "dies")
    mono.link("dies")
    return mono.midnight


def finicity(path: str) -> Callable[[App, Receiver], Callable[[], Any]]:
    def prepare(app: App, receiver: Receiver) -> Callable[[], Any]:
        client = Finicity(app, receiver)
        customer = client.customer()
        first = client.connected(customer)[0]
        return lambda: client.call("DELETE", path.format(customer, first["id"], first["institutionLoginId"]))

    return prepare


DELETES = {
    "member": delete_member,
    "user": delete_user,
    "account of Mono": delete_account,
    "account of Finicity": finicity("/aggregation/v1/customers/{0}/accounts/{1}"),
    "login of Finicity": finicity("/aggregation/v1/customers/{0}/institutionLogins/{2}"),
    "customer of Finicity": finicity("/aggregation/v1/customers/{0}"),
}


@pytest.mark.usefixtures("small_slices")
@pytest.mark.parametrize("prepare", DELETES.values(), ids=DELETES)
def test_what_is_deleted_is_gone_at_once_and_goes_bit_by_bit(
    make_server: Make, receiver: Receiver, prepare: Callable[[App, Receiver], Callable[[], Any]]
) -> None:
    engine, app = make_server()
    control = MX(app).control
    delete = prepare(app, receiver)
    before, rows_before = control("GET", "/state"), stored(engine)
    with rows_of_turns(engine) as rows, halfway(engine) as reached:
        delete()
        assert reached()
        after, rows_left = control("GET", "/state"), stored(engine)
    seen = len(after["records"])
    assert (seen < len(before["records"]) - SMALL, rows_left > seen) == (True, True)
    assert (stored(engine), max(rows) < MANY, rows_before) == (seen, True, len(before["records"]))
    assert control("GET", "/state")["records"] == after["records"]


@pytest.mark.usefixtures("small_slices")
def test_no_call_sees_what_was_below_a_member(make_server: Make) -> None:
    """By its id, in lists, counts and totals, from control calls, and in a copy."""
    engine, app = make_server()
    mx = MX(app)
    user, member = connected(mx)
    kept = mx.create(user)["guid"]
    mx.advance("1m")
    account = mx.call("GET", f"/users/{user}/members/{member}/accounts")["accounts"][0]["guid"]
    transaction = mx.call("GET", f"/users/{user}/members/{member}/transactions")["transactions"][0]["guid"]
    assert mx.call("GET", f"/users/{user}/transactions/{transaction}")  # kept for polls from now on
    seen = {kind: total(mx, f"/users/{user}/members/{kept}/{kind}") for kind in ("accounts", "transactions")}
    with halfway(engine) as reached:
        mx.call("DELETE", f"/users/{user}/members/{member}")
        assert reached()
        for path in (f"members/{member}", f"accounts/{account}", f"transactions/{transaction}"):
            mx.call("GET", f"/users/{user}/{path}", status=404)
        assert {kind: total(mx, f"/users/{user}/{kind}") for kind in seen} == seen
        assert mx.control("GET", f"/subjects/{member}")["deleted"]
        assert [each["id"] for each in mx.control("GET", "/subjects")["subjects"]] == [kept]
        mx.control("POST", "/sandbox/fork", {"name": "copy"})
        copy = MX(app, "copy")
        assert {kind: total(copy, f"/users/{user}/{kind}") for kind in seen} == seen
        with engine.look(engine.sandbox("default")) as world:
            sums = world.totals(Query("mx.transaction", owner=user), "category")
        assert sum(number for number, _ in sums.values()) == seen["transactions"]


@postgres.of_sqlite("a copy of its file")
@pytest.mark.usefixtures("small_slices")
def test_a_process_that_is_killed_meanwhile_leaves_nothing_that_is_seen(make_server: Make, tmp_path: Path) -> None:
    """The next start finds the file as it was at that moment, and goes on."""
    path = tmp_path / "state.db"
    engine, app = make_server(database=str(path))
    mx = MX(app)
    user, member = connected(mx)
    with halfway(engine) as reached:
        mx.call("DELETE", f"/users/{user}/members/{member}")
        assert reached()
        for file in tmp_path.glob("state.db*"):
            shutil.copy(file, tmp_path / file.name.replace("state", "killed"))
    idle = build(Config(database=str(tmp_path / "killed.db"), clock="manual", seed=7))  # before anything is cleared
    assert total(MX(idle.app), f"/users/{user}/transactions") == 0
    assert len(under_way(idle.engine)) == 1
    rows = stored(idle.engine)
    idle.engine.close()
    again, app = make_server(database=str(tmp_path / "killed.db"))
    wait_until(lambda: not under_way(again))
    assert stored(again) == len(MX(app).control("GET", "/state")["records"]) < rows


@pytest.mark.usefixtures("small_slices")
def test_another_process_does_not_see_it_either(make_server: Make, tmp_path: Path) -> None:
    shared = {"database": str(tmp_path / "state.db"), "workers": 2}
    engine, app = make_server(**shared)
    other = MX(make_server(**shared)[1])
    mx = MX(app)
    user, member = connected(mx)
    account = other.call("GET", f"/users/{user}/members/{member}/accounts")["accounts"][0]["guid"]
    assert total(other, f"/users/{user}/transactions") == 910
    with halfway(engine) as reached:
        mx.call("DELETE", f"/users/{user}/members/{member}")
        assert reached()
        assert total(other, f"/users/{user}/transactions") == 0
        other.call("GET", f"/users/{user}/accounts/{account}", status=404)


@pytest.mark.usefixtures("small_slices")
@pytest.mark.parametrize("end", ["reset", "drop", "import"])
def test_a_sandbox_that_is_emptied_meanwhile_may_have_the_same_records_again(make_server: Make, end: str) -> None:
    engine, app = make_server()
    mx = MX(app, "mine")
    user, member = connected(mx)
    state = mx.control("GET", "/state?secrets=true")
    with halfway(engine) as reached:
        mx.call("DELETE", f"/users/{user}/members/{member}")
        assert reached()
        if end != "import":
            mx.control("POST", "/reset") if end == "reset" else engine.drop("mine")
            assert (stored(engine), under_way(engine)) == (0, [])
        mx.control("PUT", "/state", state)
        assert total(mx, f"/users/{user}/members/{member}/transactions") == 910
    assert total(mx, f"/users/{user}/members/{member}/transactions") == 910
    assert hidden(engine) == 0


@pytest.mark.usefixtures("small_slices")
def test_a_disk_that_is_full_delays_it(make_server: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, app = make_server()
    mx = MX(app)
    user, member = connected(mx)
    remove_part, failed = RemovalQueries.remove_part, threading.Event()

    def failing(*_: Any) -> bool:
        failed.set()
        raise StoreFull("nothing can be written")

    monkeypatch.setattr(RemovalQueries, "remove_part", failing)
    mx.call("DELETE", f"/users/{user}/members/{member}")
    assert failed.wait(20)
    assert (total(mx, f"/users/{user}/transactions"), len(under_way(engine))) == (0, 1)
    monkeypatch.setattr(RemovalQueries, "remove_part", remove_part)
    wait_until(lambda: not under_way(engine))


@pytest.mark.usefixtures("small_slices")
def test_a_call_that_fails_removes_nothing(make_server: Make) -> None:
    engine, app = make_server()
    mx = MX(app)
    user, member = connected(mx)

    def fail() -> None:
        with engine.change(engine.sandbox("default")) as world:
            world.remove_below("subject", member)
            assert world.count(Query("mx.transaction", subject=member)) == 0
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert total(mx, f"/users/{user}/members/{member}/transactions") == 910
    assert (under_way(engine), hidden(engine)) == ([], 0)


@postgres.of_sqlite("steps of its machine")
def test_a_user_who_has_nothing_goes_without_a_look_at_what_others_have(make_server: Make) -> None:
    """Steps of SQLite's machine are counted: some thousands, where all records of the sandbox would be read."""
    engine, app = make_server()
    mx = MX(app)
    connected(mx)
    nobody, steps = mx.user(), []
    engine.store._writer.connection.set_progress_handler(lambda: steps.append(1), 100)
    mx.call("DELETE", f"/users/{nobody}")
    assert len(steps) < 50


@postgres.of_sqlite("how long its one writer has a turn")
@pytest.mark.slow
@pytest.mark.parametrize("path", ["/users/{0}", "/users/{0}/members/{1}"])
def test_a_huge_member_that_is_deleted_holds_no_writer_up(make_server: Make, path: str) -> None:
    """100,000 transactions: in one turn it would be seconds."""
    engine, app = make_server()
    mx = MX(app)
    mx.put_scenario("huge-data", HUGE)
    user = mx.user()
    member = mx.create(user, headers={"X-Mocksrv-Scenario": "huge-data"})["guid"]
    mx.advance("1m")
    with measured(engine) as turns:
        mx.call("DELETE", path.format(user, member))
        wait_until(lambda: not under_way(engine), 120)
    assert max(turns) < LONGEST
