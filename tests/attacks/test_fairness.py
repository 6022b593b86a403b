"""What is due for others keeps no call waiting."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from mocksrv.engine.config import Config
from mocksrv.engine.engine import Engine
from mocksrv.engine.loads import need
from mocksrv.engine.storage.queries import Tx
from mocksrv.engine.storage.records import Record
from mocksrv.engine.storage.turns import Turns
from mocksrv.engine.world import World
from mocksrv.server import build
from mocksrv.web.app import App
from tests import postgres
from tests.attacks.imports_in_turns import WAYS
from tests.conftest import MX, ROOT

MINUTE = 60_000
Parts = tuple[Engine, App]


def late(engine: Engine, sandbox: str = "default") -> None:
    """A minute passes in which nobody plays anything."""
    here = engine.sandbox(sandbox)
    with engine.change(here) as world:
        world.set_clock(here.clock.at(here.now() + MINUTE))


def statuses(engine: Engine) -> dict[str, str]:
    """What is stored of each member, without catching up."""
    with engine.look(engine.sandbox("default")) as world:
        return {r.guid: r.body["connection_status"] for r in world.tx.subjects("default", 0, 100)}


@pytest.fixture
def parts() -> Iterator[Parts]:
    """A server in which nothing happens but what its calls do."""
    made = build(Config(port=0, clock="manual", seed=7))
    yield made
    made.engine.close()


def test_a_call_plays_what_its_own_member_has_due(parts: Parts) -> None:
    engine, app = parts
    mx = MX(app)
    mine, other = (mx.create(mx.user())["guid"] for _ in range(2))
    user = next(r.owner for r in subjects(engine) if r.guid == mine)
    late(engine)
    assert mx.call("GET", f"/users/{user}/members/{mine}/status")["member"]["connection_status"] == "CONNECTED"
    assert statuses(engine) == {mine: "CONNECTED", other: "CREATED"}


def test_a_call_takes_no_turn_but_those_in_which_its_member_plays(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each turn may be a wait for others; that nothing more is due is seen without one."""
    engine, app = parts
    first = MX(app, "first")  # login, with which profiles are read
    first.create(first.user())
    first.advance("1m")
    mx = MX(app)
    user = mx.user()
    path = f"/users/{user}/members/{mx.create(user)['guid']}/status"
    late(engine)
    turns, write = [], engine.store.write

    def counted() -> AbstractContextManager[Tx]:
        turns.append(1)
        return write()

    monkeypatch.setattr(engine.store, "write", counted)
    assert mx.call("GET", path)["member"]["connection_status"] == "CONNECTED"
    assert len(turns) == 2  # the login is accepted; its data are there
    mx.call("GET", path)
    assert len(turns) == 2


def subjects(engine: Engine) -> list[Any]:
    with engine.look(engine.sandbox("default")) as world:
        return world.tx.subjects("default", 0, 100)


@pytest.mark.parametrize("path", ["", "/members", "/accounts", "/transactions"])
def test_without_a_member_in_the_path_all_of_the_user_have_happened(parts: Parts, path: str) -> None:
    engine, app = parts
    mx = MX(app)
    user, stranger = mx.user(), mx.user()
    mine = {mx.create(user)["guid"] for _ in range(2)}
    other = mx.create(stranger)["guid"]
    late(engine)
    mx.call("GET", f"/users/{user}{path}")
    assert statuses(engine) == {**dict.fromkeys(mine, "CONNECTED"), other: "CREATED"}


def test_an_account_stands_for_its_member(parts: Parts) -> None:
    engine, app = parts
    mx = MX(app)
    user = mx.user()
    member, other = (mx.create(user)["guid"] for _ in range(2))
    mx.advance("1m")
    account = mx.call("GET", f"/users/{user}/members/{member}/accounts")["accounts"][0]["guid"]
    for each in (member, other):
        mx.call("POST", f"/users/{user}/members/{each}/check_balance")
    late(engine)
    assert mx.call("GET", f"/users/{user}/accounts/{account}")["account"]["guid"] == account
    jobs = {r.guid: r.job for r in subjects(engine)}
    assert (jobs[member] is None, jobs[other] is None) == (True, False)


def test_the_clients_own_ids_stand_for_its_records(parts: Parts) -> None:
    engine, app = parts
    mx = MX(app)
    mine = mx.create(mx.user(id="me"), id="bank")["guid"]
    other = mx.create(mx.user(id="you"), id="other")["guid"]
    late(engine)
    read = mx.call(
        "GET", "/users/me/members/bank/status", headers={"Accept": "application/json", "Accept-Version": "v20250224"}
    )
    assert read["member"]["connection_status"] == "CONNECTED"
    assert statuses(engine) == {mine: "CONNECTED", other: "CREATED"}


def test_a_call_that_names_nobody_plays_a_slice(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, app = parts
    monkeypatch.setattr("mocksrv.engine.time.SLICE", 0.0)
    mx = MX(app)
    for _ in range(10):
        mx.create(mx.user())
    late(engine)
    mx.call("GET", "/users")
    before = len(subjects_due(engine))
    mx.call("GET", "/users")
    assert 0 < len(subjects_due(engine)) < before


def subjects_due(engine: Engine) -> list[str]:
    return [guid for guid, status in statuses(engine).items() if status != "CONNECTED"]


def test_turns_are_taken_in_the_order_of_asking() -> None:
    turns, order = Turns(), []

    def take(name: int, asked: threading.Event) -> None:
        asked.set()
        with turns, turns:  # one thread may take it twice
            order.append(name)

    threads = []
    with turns:
        for name in range(5):
            asked = threading.Event()
            threads.append(threading.Thread(target=take, args=(name, asked)))
            threads[-1].start()
            wait_until(lambda expected=name + 1: turns.waiting == expected)
    with turns:
        order.append(5)
    for thread in threads:
        thread.join(5)
    assert order == [0, 1, 2, 3, 4, 5]


def test_readers_go_before_writers_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """In memory both share a connection."""
    monkeypatch.setattr("mocksrv.engine.storage.turns.MOST_PASSED", 2)
    turns, order = Turns(), []

    def take(name: str) -> None:
        with turns.first() if name.startswith("reader") else turns:
            order.append(name)

    threads = []
    with turns:
        for number, name in enumerate(["writer 1", "writer 2", "reader 1", "reader 2", "reader 3"], 1):
            threads.append(threading.Thread(target=take, args=(name,)))
            threads[-1].start()
            wait_until(lambda expected=number: turns.waiting == expected)
    for thread in threads:
        thread.join(5)
    assert order == ["reader 1", "reader 2", "writer 1", "reader 3", "writer 2"]


def wait_until(true: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        threading.Event().wait(0.001)


@pytest.mark.parametrize("provider", WAYS)
def test_nothing_heavy_is_imported_while_writers_wait(provider: str) -> None:
    """What is imported with the first login takes a tenth of a second or more, and comes before the turn. The reader of
    YAML, with the first scenario, takes a tenth of that.
    """
    command = [sys.executable, "-m", "tests.attacks.imports_in_turns", provider]
    imported = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert {name.partition(".")[0] for name in imported.stdout.split()} <= {"yaml"}


@postgres.of_sqlite("whose turn it is")
def test_a_turn_begins_again_where_something_is_not_ready_and_else_goes_on(parts: Parts) -> None:
    """A play that is undone for it is played again at once; a transaction of nobody who begins again has to wait."""
    engine, app = parts
    mx = MX(app)
    user = mx.user()
    member = mx.create(user)["guid"]
    due, got = engine.player.due, []

    def needing(world: World, subject: Record, kind: str) -> None:
        need(world, bool(got), lambda: got.append(engine.store._turn.is_taken))
        due(world, subject, kind)

    engine.player.due = needing  # type: ignore[method-assign]
    mx.advance("1m")
    assert (mx.status(user, member)["connection_status"], got) == ("CONNECTED", [False])
    with engine.change(engine.sandbox("default")) as world:
        need(world, False, lambda: pytest.fail("outside of what begins again nothing is called"))
