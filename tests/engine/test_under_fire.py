"""The engine under fire: threads, sandboxes that are dropped meanwhile, plays that fail, wake-ups that must not be
lost.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from mocksrv.engine.clock import DAY, HOUR, MINUTE, SECOND, Clock
from mocksrv.engine.sandbox import Sandbox, SandboxDropped, endpoints_from
from mocksrv.engine.storage.records import Record
from mocksrv.engine.time import AdvanceBusy
from tests.conftest import Receiver
from tests.engine.toy import ToyEngine

QUIET = "connect: [{status: NEW}, {after: 9d, status: OPEN}]"
DEAD = "http://127.0.0.1:9/nobody"


class Gate:
    """Holds the callbacks of a receiver until it is opened."""

    def __init__(self, receiver: Receiver) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()
        receiver.on_receive = self._hold

    def _hold(self, _: Any) -> None:
        self.reached.set()
        self.opened.wait(30)


def in_other_sandbox(toy: ToyEngine, name: str, url: str, **endpoint: Any) -> Sandbox:
    sandbox = toy.engine.sandbox(name)
    with toy.engine.change(sandbox) as world:
        world.configure(endpoints=endpoints_from([{"url": url, **endpoint}]))
    return sandbox


def states(toy: ToyEngine, sandbox: Sandbox) -> list[tuple[str, int]]:
    with toy.engine.look(sandbox) as world:
        return [
            (d.state, len(world.tx.attempts(d.seq)))
            for e in world.tx.events(sandbox.name)
            for d in world.tx.deliveries(e.seq)
        ]


def eventually(found: Callable[[], Any], seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while not found() and time.monotonic() < end:
        time.sleep(0.01)
    return bool(found())


def test_a_callback_that_is_out_while_its_sandbox_is_dropped_touches_no_other_delivery(
    toy: ToyEngine, receiver: Receiver
) -> None:
    gate = Gate(receiver)
    toy.sandbox = gone = in_other_sandbox(toy, "gone", receiver.url)
    toy.door(toy.script(QUIET))
    assert gate.reached.wait(30)
    toy.engine.drop("gone")
    toy.sandbox = other = in_other_sandbox(toy, "other", DEAD)
    toy.door(toy.script(QUIET))
    assert toy.engine.dispatcher.settle(other, 30)
    assert states(toy, other) == [("pending", 1)]
    gate.opened.set()
    assert toy.engine.dispatcher.settle(gone, 30)
    assert states(toy, other) == [("pending", 1)]


def test_a_callback_that_is_out_during_a_reset_touches_no_later_delivery(
    make_toy: Callable[..., ToyEngine], receiver: Receiver
) -> None:
    toy = make_toy(urls=[receiver.url])
    gate = Gate(receiver)
    toy.script(QUIET)
    toy.door("test")
    assert gate.reached.wait(30)
    toy.engine.reset(toy.sandbox)
    with toy.engine.change(toy.sandbox) as world:
        world.configure(endpoints=endpoints_from([{"url": DEAD}]))
    toy.door(toy.script(QUIET))
    assert eventually(lambda: states(toy, toy.sandbox) == [("pending", 1)])
    gate.opened.set()
    assert toy.engine.dispatcher.settle(toy.sandbox, 30)
    assert states(toy, toy.sandbox) == [("pending", 1)]


def test_a_lane_of_a_dropped_sandbox_does_not_serve_its_successor(toy: ToyEngine, receiver: Receiver) -> None:
    gate = Gate(receiver)
    toy.sandbox = in_other_sandbox(
        toy, "ci", receiver.url, auth={"type": "basic", "username": "old", "password": "old"}
    )
    toy.door(toy.script(QUIET))
    assert gate.reached.wait(30)
    toy.engine.drop("ci")
    toy.sandbox = again = in_other_sandbox(
        toy, "ci", receiver.url, auth={"type": "basic", "username": "new", "password": "new"}
    )
    toy.door(toy.script(QUIET))
    gate.opened.set()
    assert toy.engine.dispatcher.settle(again, 30)
    assert [item["headers"]["Authorization"] for item in receiver.received] == [
        "Basic b2xkOm9sZA==",
        "Basic bmV3Om5ldw==",
    ]


def test_a_call_that_was_under_way_when_its_sandbox_was_dropped_leaves_nothing_behind(toy: ToyEngine) -> None:
    late = toy.engine.sandbox("ci")  # a call has found its sandbox ...
    toy.engine.drop("ci")  # ... which is dropped before the call writes
    toy.sandbox = late
    with pytest.raises(SandboxDropped):
        toy.door("opens")
    toy.sandbox = toy.engine.sandbox("ci")
    assert toy.doors() == 0
    toy.door(toy.script(QUIET))


def test_a_reset_waits_for_its_turn_behind_an_advance(make_toy: Callable[..., ToyEngine], receiver: Receiver) -> None:
    toy = make_toy(urls=[receiver.url])
    start = toy.sandbox.now()
    gate = Gate(receiver)
    toy.script(QUIET)
    toy.door("test")
    assert gate.reached.wait(30)
    advance = threading.Thread(target=lambda: toy.engine.advance(toy.sandbox, start + DAY))
    advance.start()
    assert eventually(lambda: toy.sandbox.held is not None)
    with pytest.raises(AdvanceBusy):
        toy.engine.reset(toy.sandbox)
    gate.opened.set()
    advance.join()
    toy.engine.reset(toy.sandbox)
    assert toy.sandbox.now() == start


def test_a_clock_that_is_set_ahead_sends_the_retries_that_are_due_by_then(
    make_toy: Callable[..., ToyEngine], receiver: Receiver
) -> None:
    receiver.answers = [500]
    toy = make_toy(urls=[receiver.url])
    toy.door(toy.script(QUIET))
    assert eventually(lambda: states(toy, toy.sandbox) == [("pending", 1)])
    with toy.engine.change(toy.sandbox) as world:
        world.set_clock(toy.sandbox.clock.at(toy.sandbox.now() + HOUR))
    assert eventually(lambda: states(toy, toy.sandbox) == [("delivered", 2)], 3)


def test_a_retry_that_falls_due_while_the_ticker_looks_is_not_lost(
    make_toy: Callable[..., ToyEngine], receiver: Receiver
) -> None:
    receiver.answers = [500]
    toy = make_toy(urls=[receiver.url], clock="manual")
    toy.door(toy.script(QUIET))
    assert eventually(lambda: states(toy, toy.sandbox) == [("pending", 1)])
    toy.engine._ticker.stop()
    wake_due = toy.engine.dispatcher.wake_due

    def just_before(*args: Any) -> None:
        wake_due(*args)  # nothing is due yet ...
        toy.sandbox.clock = Clock(
            "real", 1.0, toy.sandbox.clock.virtual + MINUTE, Clock.make().wall
        )  # ... but in the next moment

    toy.engine.dispatcher.wake_due = just_before  # type: ignore[method-assign]
    seconds = toy.engine.schedule.send_due(toy.sandbox)
    assert seconds is not None


def test_trouble_in_one_sandbox_does_not_stop_the_time_of_another(
    make_toy: Callable[..., ToyEngine], monkeypatch: Any
) -> None:
    toy = make_toy(clock="real")
    catch_up = toy.engine.schedule.catch_up
    failures = []

    def troubled(sandbox: Sandbox) -> None:
        if sandbox.name == "a":
            failures.append(1)
            raise RuntimeError("the disk is full")
        catch_up(sandbox)

    monkeypatch.setattr(toy.engine.schedule, "catch_up", troubled)
    first, second = toy.engine.sandbox("a"), toy.engine.sandbox("b")
    flows = "connect: [{status: NEW}, {after: 300ms, status: OPEN}]"
    toy.sandbox = first
    toy.door(toy.script(flows))
    toy.sandbox = second
    guid = toy.door(toy.script(flows))
    assert eventually(lambda: toy.status(guid) == "OPEN"), len(failures)
    assert len(failures) < 50


def test_a_failing_play_stops_only_itself(make_toy: Callable[..., ToyEngine], monkeypatch: Any) -> None:
    """Two calls find the same failing play due: each stops it, and nothing else."""
    toy = make_toy()
    toy.script("connect: [{status: NEW}, {after: 1s, status: OPEN}]")
    bad, good = toy.door("test"), toy.door("test")
    due = toy.engine.player.due
    both = threading.Barrier(2)
    change = toy.engine.change
    failed = threading.local()

    def failing(world: Any, subject: Record, kind: str) -> None:
        if subject.guid == bad:
            failed.yes = True
            raise RuntimeError("a defect")
        due(world, subject, kind)

    def waiting(sandbox: Sandbox, now: int | None = None) -> Any:
        if getattr(failed, "yes", False):
            failed.yes = False
            both.wait(30)
        return change(sandbox, now)

    monkeypatch.setattr(toy.engine.player, "due", failing)
    monkeypatch.setattr(toy.engine.schedule, "_change", waiting)
    now = toy.sandbox.now() + SECOND
    threads = [threading.Thread(target=toy.engine.schedule.play_next, args=(toy.sandbox, now)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ("stopped: a defect") in [cause for _, cause in toy.timeline(bad)]
    assert "stopped: a defect" not in [cause for _, cause in toy.timeline(good)]


def test_a_database_that_was_busy_once_stops_no_play(make_toy: Callable[..., ToyEngine], monkeypatch: Any) -> None:
    toy = make_toy()
    toy.script("connect: [{status: NEW}, {after: 1s, status: OPEN}]")
    guid = toy.door("test")
    change, calls = toy.engine.change, []

    def busy(sandbox: Sandbox, now: int | None = None) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("database is locked")
        return change(sandbox, now)

    monkeypatch.setattr(toy.engine.schedule, "_change", busy)
    now = toy.sandbox.now() + SECOND
    with pytest.raises(RuntimeError):
        toy.engine.schedule.play_next(toy.sandbox, now)
    toy.engine.schedule.play_next(toy.sandbox, now)
    assert toy.status(guid) == "OPEN"


def test_a_lane_that_failed_goes_on(make_toy: Callable[..., ToyEngine], receiver: Receiver, monkeypatch: Any) -> None:
    toy = make_toy(urls=[receiver.url], clock="real")
    dispatcher, failures = toy.engine.dispatcher, []
    deliver = dispatcher._deliver

    def failing(*args: Any) -> None:
        if not failures:
            failures.append(1)
            raise RuntimeError("database is locked")
        deliver(*args)

    monkeypatch.setattr(dispatcher, "_deliver", failing)
    toy.door(toy.script(QUIET))
    assert eventually(lambda: states(toy, toy.sandbox) == [("delivered", 1)])


def test_a_moved_subject_plays_its_present_flow_to_the_end(toy: ToyEngine) -> None:
    old = toy.script("connect: [{status: NEW}, {after: 1s, status: KNOCKED}, {after: 1s, status: OPEN}]", "old")
    new = toy.script("connect: [{status: NEW}, {after: 1s, status: SHUT}]", "new")
    guid = toy.door(old)
    with toy.engine.change(toy.sandbox) as world:
        toy.engine.player.move(world, toy.record(guid, world), new, None)
    toy.advance(10 * SECOND)
    assert toy.status(guid) == "OPEN"
    toy.start(guid, "aggregate")
    toy.advance(10 * SECOND)
    assert toy.status(guid) == "SHUT"


def test_put_scenarios_that_extend_each_other_are_there_after_a_restart(
    make_toy: Callable[..., ToyEngine], tmp_path: Any
) -> None:
    database = str(tmp_path / "db")
    toy = make_toy(database=database)
    toy.put("name: zebra\nprovider: toy\nflows:\n  connect: [{status: NEW}]\n")
    toy.put("name: ant\nprovider: toy\nextends: zebra\n")
    assert toy.sandbox.scenarios.names("toy") == ["ant", "zebra"]
    toy.engine.close()
    assert make_toy(database=database).sandbox.scenarios.names("toy") == ["ant", "zebra"]


def test_a_refresh_that_was_switched_off_for_a_while_comes_back(toy: ToyEngine) -> None:
    guid = toy.door(toy.script("connect: [{status: NEW}, {after: 1s, status: OPEN}]"))
    toy.advance(MINUTE)

    def switch(quiet: bool) -> None:
        with toy.engine.change(toy.sandbox) as world:
            record = toy.record(guid, world)
            record.body["quiet"] = quiet
            world.save(record)

    switch(True)
    toy.advance(25 * HOUR)
    switch(False)
    before = toy.events().count("toy.opened")
    toy.advance(3 * DAY)
    assert toy.events().count("toy.opened") > before
