"""100,000 transactions come bit by bit: nobody waits for them, and nobody sees some of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from mocksrv.engine.engine import Engine
from mocksrv.engine.storage.records import Query
from mocksrv.providers.mx.bank import big_loads
from tests.attacks.test_fairness import wait_until
from tests.conftest import MX

Make = Callable[..., tuple[Engine, Flask]]
HUGE = """
provider: mx
name: huge-data
flows:
  connect:
    - {status: CREATED}
    - {after: 1s, data: huge, status: CONNECTED}
"""


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """The 910 transactions of MX Bank are many."""
    monkeypatch.setattr("mocksrv.providers.mx.bank.loading.MOST_AT_ONCE", 500)
    monkeypatch.setattr(big_loads, "SLICE", 100)


@contextmanager
def halfway(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, threading.Event]]:
    """A load stops after its third slice: (it has, it may go on)."""
    reached, go_on = threading.Event(), threading.Event()
    slices = big_loads.BigLoad.slices

    def stopping(load: big_loads.BigLoad) -> Iterator[Any]:
        for number, write in enumerate(slices(load)):
            if number == 3:
                reached.set()
                assert go_on.wait(20)
            yield write

    monkeypatch.setattr(big_loads.BigLoad, "slices", stopping)
    yield reached, go_on
    go_on.set()


def seen(mx: MX, user: str) -> int:
    total: int = mx.call("GET", f"/users/{user}/transactions")["pagination"]["total_entries"]
    return total


def done(mx: MX, user: str, member: str) -> bool:
    """Whether the job that brings the data has ended."""
    shown = mx.call("GET", f"/users/{user}/members/{member}/status")["member"]
    return (shown["connection_status"], shown["is_being_aggregated"]) == ("CONNECTED", False)


@pytest.mark.usefixtures("small_slices")
def test_it_is_all_there_with_the_status(make_server: Make) -> None:
    """With the same seed the same data, bit by bit or at once."""
    mx = MX(make_server()[1])
    user = mx.user()
    member = mx.create(user)["guid"]
    mx.advance("1m")
    assert (done(mx, user, member), seen(mx, user)) == (True, 910)
    accounts = mx.call("GET", f"/users/{user}/accounts")["accounts"]
    owned = [mx.call("GET", f"/users/{user}/accounts/{a['guid']}/transactions")["pagination"] for a in accounts]
    assert sum(page["total_entries"] for page in owned) == 910
    mx.advance("25h")
    assert 910 <= seen(mx, user) < 950  # the daily refresh brings what is new, and nothing twice


@pytest.mark.usefixtures("small_slices")
def test_nothing_is_seen_before_the_status(make_server: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, app = make_server(clock="x60")
    mx, other = MX(app), MX(app, "other")
    with halfway(engine, monkeypatch) as (reached, go_on):
        user = mx.user()
        member = mx.create(user)["guid"]
        assert reached.wait(20)
        assert (done(mx, user, member), seen(mx, user)) == (False, 0)
        assert mx.call("GET", f"/users/{user}/accounts")["accounts"] == []
        began = time.monotonic()
        other.user()
        assert time.monotonic() - began < 2  # writers elsewhere have their turns
        go_on.set()
    wait_until(lambda: done(mx, user, member), 20)
    assert seen(mx, user) == 910


@pytest.mark.usefixtures("small_slices")
def test_a_member_that_goes_meanwhile_leaves_nothing(make_server: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, app = make_server(clock="x60")
    mx = MX(app)
    with halfway(engine, monkeypatch) as (reached, go_on):
        user = mx.user()
        member = mx.create(user)["guid"]
        assert reached.wait(20)
        mx.call("DELETE", f"/users/{user}/members/{member}")
        go_on.set()
    wait_until(lambda: not loads_of(engine), 20)
    with engine.look(engine.sandbox("default")) as world:
        assert world.count(Query("mx.transaction")) == 0


def loads_of(engine: Engine) -> list[Any]:
    with engine.store.read() as tx:
        return tx.loads()


@pytest.mark.usefixtures("small_slices")
def test_a_restart_discards_what_was_brought_and_brings_it_anew(
    make_server: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = {"database": str(tmp_path / "state.db"), "clock": "x60"}
    engine, app = make_server(**file)
    mx = MX(app)
    with halfway(engine, monkeypatch) as (reached, go_on):
        user = mx.user()
        member = mx.create(user)["guid"]
        assert reached.wait(20)
        ended = threading.Thread(target=engine.close)
        ended.start()
        threading.Event().wait(0.1)
        go_on.set()
        ended.join(20)
    monkeypatch.undo()
    mx = MX(make_server(**file)[1])
    wait_until(lambda: done(mx, user, member), 20)
    assert seen(mx, user) == 910


@pytest.mark.slow
def test_huge_holds_no_writer_up(make_server: Make) -> None:
    """100,000 transactions: writers elsewhere get their turns all the time."""
    _, app = make_server(clock="real")
    mx, other = MX(app), MX(app, "other")
    mx.put_scenario("huge-data", HUGE)
    user = mx.user()
    member = mx.create(user, headers={"X-Mocksrv-Scenario": "huge-data"})["guid"]
    waits = []
    deadline = time.monotonic() + 120
    while not done(mx, user, member) and time.monotonic() < deadline:
        began = time.monotonic()
        other.user()
        waits.append(time.monotonic() - began)
        threading.Event().wait(0.01)
    assert seen(mx, user) == 100_000
    assert max(waits) < 2  # in one transaction it would be many seconds
    began = time.monotonic()
    mx.control("POST", "/reset")
    assert time.monotonic() - began < 60
