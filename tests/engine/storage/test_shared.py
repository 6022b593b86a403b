"""Two engines in two processes on one database: what is set through one is seen, and played by, through the other."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mocksrv.engine.clock import HOUR, MINUTE, SECOND
from mocksrv.engine.config import IN_MEMORY, Config
from mocksrv.engine.storage import shared
from mocksrv.engine.storage.records import StoreError
from mocksrv.engine.storage.rows import DueRow, LoadRow
from mocksrv.engine.storage.shared import CALLBACKS
from mocksrv.engine.storage.sqlite import Store
from mocksrv.engine.storage.store import Store as AnyStore
from mocksrv.engine.storage.tables.callbacks import CallbackQueries
from mocksrv.engine.time import AdvanceBusy
from tests.conftest import Receiver
from tests.engine.other_process import Calls
from tests.engine.toy import ToyEngine

OPENS = "connect: [{status: NEW}, {after: 10s, status: OPEN}]"
ROOT = Path(__file__).parents[3]


class Here:
    """An engine in the process of the test; calls begin as requests do."""

    def __init__(self, database: Path) -> None:
        config = Config(database=str(database), clock="manual", seed=7)
        self.toy = ToyEngine(database.parent / "none", config, shared=True)
        self.toy.engine.start()
        self._calls = Calls(self.toy)

    def __call__(self, name: str, *arguments: Any, **options: Any) -> Any:
        self._calls.use(self.toy.sandbox.name)
        return getattr(self._calls, name)(*arguments, **options)

    def close(self) -> None:
        self.toy.engine.close()


class There:
    """Another process, in which calls go to the engine on the database that was opened last."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.engine.other_process"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def __call__(self, name: str, *arguments: Any, **options: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([name, *arguments, *([options] if options else [])]) + "\n")
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(20) == 0


Engine = Here | There


@pytest.fixture(scope="module")
def process() -> Iterator[There]:
    """Another process for all tests: it takes longer to start than all that happens in it."""
    there = There()
    yield there
    there.close()


@pytest.fixture
def two(process: There, tmp_path: Path) -> Iterator[tuple[Engine, Engine]]:
    database = tmp_path / "state.db"
    here = Here(database)
    process("open", str(database))
    yield here, process
    process("close")
    here.close()


@pytest.fixture(params=["here, read there", "there, read here"])
def pair(request: pytest.FixtureRequest, two: tuple[Engine, Engine]) -> tuple[Engine, Engine]:
    """Who changes something and who reads it, both ways round."""
    return two if request.param == "here, read there" else (two[1], two[0])


def test_what_is_set_through_one_is_read_through_the_other(pair: tuple[Engine, Engine]) -> None:
    one, other = pair
    before = other("settings")
    one("configure", default="opens", next=["a", "b"], faults=["GET /doors/*"], seed=9)
    one("configure", urls=["http://127.0.0.1:9/x"])
    one("set_clock", before["now"] + HOUR)
    assert other("settings") == {
        **before,
        "now": before["now"] + HOUR,
        "default": "opens",
        "next": ["a", "b"],
        "faults": ["/doors/*"],
        "urls": ["http://127.0.0.1:9/x"],
    }


def test_a_change_starts_from_what_the_other_has_left(pair: tuple[Engine, Engine]) -> None:
    one, other = pair
    one("configure", next=["a", "b", "c"])
    assert [other("take_next"), one("take_next"), other("take_next")] == ["a", "b", "c"]
    assert one("settings")["next"] == other("settings")["next"] == []


def test_a_scenario_that_one_was_given_is_played_by_the_other(pair: tuple[Engine, Engine]) -> None:
    one, other = pair
    assert other("flows", "new") is None
    one("script", OPENS, "new")
    assert other("flows", "new") == ["connect"]
    one("script", f"{OPENS}\nupdate: [{{status: SHUT}}]", "new")
    assert other("flows", "new") == ["connect", "update"]
    door = other("door", "new")
    assert one("status", door) == "NEW"


def test_rows_and_counts_that_are_kept_are_read_anew(pair: tuple[Engine, Engine]) -> None:
    one, other = pair
    one("script", OPENS, "test")
    door = one("door", "test")
    for _ in range(2):  # the second time from memory
        assert (other("polled", door), other("doors")) == ("NEW", 1)
    one("door", "test")
    one("advance", MINUTE)
    assert (other("polled", door), other("doors")) == ("OPEN", 2)


def test_what_one_has_set_up_falls_due_in_the_other(pair: tuple[Engine, Engine]) -> None:
    one, other = pair
    other("catch_up")  # nothing is due, and that is known
    one("script", OPENS, "test")
    door = one("door", "test")
    one("set_clock", one("settings")["now"] + MINUTE)
    other("catch_up")
    assert other("status", door) == "OPEN"


def test_a_timer_is_played_by_one_of_them_only(two: tuple[Engine, Engine]) -> None:
    here, there = two
    here("script", OPENS, "test")
    doors = [here("door", "test") for _ in range(20)]
    here("set_clock", here("settings")["now"] + MINUTE)  # the tickers of both are woken, and both look
    there("catch_up")
    here("catch_up")
    assert _eventually(lambda: {there("status", door) for door in doors} == {"OPEN"})
    for door in doors:
        assert there("timeline", door) == [["NEW", "created"], ["OPEN", "scenario"]]


def test_a_delivery_is_sent_once_and_in_order(two: tuple[Engine, Engine], receiver: Receiver) -> None:
    here, there = two
    here("configure", urls=[receiver.url])
    here("script", OPENS, "test")
    doors = [(here if number % 2 else there)("door", "test") for number in range(40)]
    for engine in (here, there):
        engine("settle")
    assert _eventually(lambda: len(receiver.received) >= len(doors))
    assert [body["door"] for body in receiver.bodies()] == doors


def test_who_stood_still_while_its_lease_ran_out_sends_nothing_more(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "LEASE", 0.2)
    monkeypatch.setattr(shared, "BEAT", 0.05)
    config = Config(database=str(tmp_path / "state.db"), clock="manual", seed=7)
    slow, quick = (ToyEngine(tmp_path / "none", config, shared=True) for _ in range(2))  # neither prolongs its leases
    slow.endpoints([{"url": receiver.url}])
    scenario = slow.script(OPENS)
    look = CallbackQueries.next_deliveries
    taken = []

    def stand_still(tx: CallbackQueries, *arguments: Any) -> list[DueRow]:
        found = look(tx, *arguments)
        if found and not taken:
            taken.append(_eventually(lambda: quick.engine.shared.claim(CALLBACKS, "default", receiver.url)))
        return found

    monkeypatch.setattr(CallbackQueries, "next_deliveries", stand_still)
    doors = [slow.door(scenario) for _ in range(3)]
    assert slow.engine.dispatcher.settle(slow.sandbox, 30)
    assert (taken, receiver.received) == ([True], [])
    quick.engine.dispatcher.wake_due(quick.engine.sandbox("default"))
    assert quick.engine.dispatcher.settle(quick.engine.sandbox("default"), 30)
    assert [body["door"] for body in receiver.bodies()] == doors
    for toy in (slow, quick):
        toy.engine.close()


def test_who_stood_still_while_another_one_advanced_takes_no_time_back(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "LEASE", 0.2)
    monkeypatch.setattr(shared, "BEAT", 0.05)
    config = Config(database=str(tmp_path / "state.db"), clock="manual", seed=7)
    slow, quick = (ToyEngine(tmp_path / "none", config, shared=True) for _ in range(2))  # neither prolongs its leases
    slow.endpoints([{"url": receiver.url}])
    door = slow.door(slow.script(OPENS))
    assert slow.engine.dispatcher.settle(slow.sandbox, 30)
    began, taken = slow.sandbox.now(), []

    def advanced() -> bool:
        quick.sandbox = quick.engine.sandbox("default")
        with suppress(AdvanceBusy):
            quick.engine.advance(quick.sandbox, began + HOUR)
        return quick.sandbox.now() == began + HOUR

    def stand_still(_: dict[str, Any]) -> None:
        if not taken:
            taken.append(door)
            assert _eventually(advanced)

    receiver.on_receive = stand_still
    with pytest.raises(AdvanceBusy):
        slow.advance(MINUTE)
    assert taken == [door]
    for toy in (slow, quick):
        assert toy.engine.sandbox("default").now() == began + HOUR
        assert toy.timeline(door) == [("NEW", "created"), ("OPEN", "scenario")]
        toy.engine.close()


def test_an_advance_plays_and_tells_everything_itself(pair: tuple[Engine, Engine], receiver: Receiver) -> None:
    one, other = pair
    one("configure", urls=[receiver.url])
    other("script", OPENS, "test")
    door = other("door", "test")
    assert other("settle")
    assert one("advance", MINUTE) == ["event", "status", "event", "attempt", "attempt"]
    assert other("status", door) == "OPEN"
    assert other("settings")["held"] is None
    assert len(receiver.received) == 3


def test_who_listens_at_one_is_told_what_happens_through_the_other(pair: tuple[Engine, Engine]) -> None:
    one, other = pair
    one("script", OPENS, "test")
    other("listen")
    door = one("door", "test")
    one("advance", MINUTE)
    wanted = [["status", door, "NEW"], ["status", door, "OPEN"]]
    assert _eventually(lambda: [each for each in other("noted") if each[0] == "status"] == wanted)


def test_only_one_of_them_advances_a_sandbox_at_a_time(two: tuple[Engine, Engine]) -> None:
    here, there = two
    assert isinstance(here, Here)
    with here.toy.engine.schedule.alone_with(here.toy.sandbox):
        assert there("advance", SECOND) == "busy"
        assert there("settings")["held"] == here.toy.sandbox.now()
    assert there("advance", SECOND) == []


def test_a_sandbox_that_was_dropped_is_another_afterwards(pair: tuple[Engine, Engine]) -> None:
    one, other = pair
    for engine in pair:
        engine("use", "box")
    one("script", OPENS, "test")
    one("configure", default="opens")
    door = one("door", "test")
    assert (other("polled", door), other("settings")["default"]) == ("NEW", "opens")
    assert one("drop", "box")
    assert (other("polled", door), other("doors"), other("settings")["default"]) == (None, 0, None)


def test_a_reset_is_seen_by_the_other(pair: tuple[Engine, Engine]) -> None:
    one, other = pair
    one("script", OPENS, "test")
    other("configure", default="opens")
    door = other("door", "test")
    assert other("polled", door) == "NEW"
    one("reset")
    assert (other("polled", door), other("settings")["default"]) == (None, None)


@pytest.mark.slow
def test_what_a_killed_process_has_left_is_done_by_the_other(tmp_path: Path, receiver: Receiver) -> None:
    here, there = Here(tmp_path / "state.db"), There()
    there("open", str(tmp_path / "state.db"))
    try:
        here("configure", urls=[receiver.url])
        there("script", OPENS, "test")
        door = there("door", "test")
        there.process.kill()
        there.process.wait(10)
        here("advance", MINUTE)
        assert here("status", door) == "OPEN"
        assert _eventually(lambda: {body["status"] for body in receiver.bodies()} == {"NEW", "OPEN"}, 60)
    finally:
        here.close()


def test_a_load_whose_process_has_died_is_discarded_and_its_timer_falls_due(tmp_path: Path) -> None:
    here = Here(tmp_path / "state.db")
    other = here.toy.engine.store
    try:
        here("script", OPENS, "test")
        dead, alive = here("door", "test"), here("door", "test")
        for door in (dead, alive):
            with other.write() as tx:
                timer = tx.scope("default", [door], [])
                found = tx.next_timer("default", timer)
                assert found is not None
                load = tx.begin_load("default", door, found.seq)
                if door == alive:
                    assert tx.claim_lease(f"load/default/{load}", "other", MINUTE)
        assert _eventually(lambda: len(loads_of(other)) == 1)
        here("advance", MINUTE)
        assert (here("status", dead), here("status", alive)) == ("OPEN", "NEW")
    finally:
        here.close()


def loads_of(store: AnyStore) -> list[LoadRow]:
    with store.read() as tx:
        return tx.loads()


def test_who_does_not_share_is_refused_and_refuses(tmp_path: Path) -> None:
    path = str(tmp_path / "state.db")
    first, second = Store(path, shared=True), Store(path, shared=True)
    with pytest.raises(StoreError, match="in use by another mocksrv"):
        Store(path)
    first.close()
    second.close()
    alone = Store(path)
    with pytest.raises(StoreError, match="in use by another mocksrv"):
        Store(path, shared=True)
    alone.close()


def test_a_database_in_memory_cannot_be_shared() -> None:
    with pytest.raises(StoreError, match="in memory"):
        Store(IN_MEMORY, shared=True)


def _eventually(found: Callable[[], bool], seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while not found() and time.monotonic() < end:
        time.sleep(0.01)
    return found()


@pytest.mark.slow
def test_a_sandbox_that_another_process_uses_is_not_idle(tmp_path: Path) -> None:
    config = Config(database=str(tmp_path / "state.db"), sandbox_idle=2000)
    here, there = (ToyEngine(tmp_path / "none", config, shared=True).engine for _ in range(2))
    here.sandbox("used-there")
    here.sandbox("unused")
    for engine in (here, there):
        engine.start()
    end = time.monotonic() + 20
    while "unused" in (left := there.sandboxes()):
        assert time.monotonic() < end
        there.sandbox("used-there")
    assert left == ["default", "used-there"]
    for engine in (here, there):
        engine.close()
