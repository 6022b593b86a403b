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
from tests.engine.toy import House

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


def in_other_sandbox(house: House, name: str, url: str, **endpoint: Any) -> Sandbox:
    sandbox = house.engine.sandbox(name)
    with house.engine.change(sandbox) as world:
        world.configure(endpoints=endpoints_from([{"url": url, **endpoint}]))
    return sandbox


def states(house: House, sandbox: Sandbox) -> list[tuple[str, int]]:
    with house.engine.look(sandbox) as world:
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
    house: House, receiver: Receiver
) -> None:
    gate = Gate(receiver)
    house.sandbox = gone = in_other_sandbox(house, "gone", receiver.url)
    house.door(house.script(QUIET))
    assert gate.reached.wait(30)
    house.engine.drop("gone")
    house.sandbox = other = in_other_sandbox(house, "other", DEAD)
    house.door(house.script(QUIET))
    assert house.engine.dispatcher.settle(other, 30)
    assert states(house, other) == [("pending", 1)]
    gate.opened.set()
    assert house.engine.dispatcher.settle(gone, 30)
    assert states(house, other) == [("pending", 1)]


def test_a_callback_that_is_out_during_a_reset_touches_no_later_delivery(
    make_house: Callable[..., House], receiver: Receiver
) -> None:
    house = make_house(urls=[receiver.url])
    gate = Gate(receiver)
    house.script(QUIET)
    house.door("test")
    assert gate.reached.wait(30)
    house.engine.reset(house.sandbox)
    with house.engine.change(house.sandbox) as world:
        world.configure(endpoints=endpoints_from([{"url": DEAD}]))
    house.door(house.script(QUIET))
    assert eventually(lambda: states(house, house.sandbox) == [("pending", 1)])
    gate.opened.set()
    assert house.engine.dispatcher.settle(house.sandbox, 30)
    assert states(house, house.sandbox) == [("pending", 1)]


def test_a_lane_of_a_dropped_sandbox_does_not_serve_its_successor(house: House, receiver: Receiver) -> None:
    gate = Gate(receiver)
    house.sandbox = in_other_sandbox(
        house, "ci", receiver.url, auth={"type": "basic", "username": "old", "password": "old"}
    )
    house.door(house.script(QUIET))
    assert gate.reached.wait(30)
    house.engine.drop("ci")
    house.sandbox = again = in_other_sandbox(
        house, "ci", receiver.url, auth={"type": "basic", "username": "new", "password": "new"}
    )
    house.door(house.script(QUIET))
    gate.opened.set()
    assert house.engine.dispatcher.settle(again, 30)
    assert [item["headers"]["Authorization"] for item in receiver.received] == [
        "Basic b2xkOm9sZA==",
        "Basic bmV3Om5ldw==",
    ]


def test_a_call_that_was_under_way_when_its_sandbox_was_dropped_leaves_nothing_behind(house: House) -> None:
    late = house.engine.sandbox("ci")  # a call has found its sandbox ...
    house.engine.drop("ci")  # ... which is dropped before the call writes
    house.sandbox = late
    with pytest.raises(SandboxDropped):
        house.door("opens")
    house.sandbox = house.engine.sandbox("ci")
    assert house.doors() == 0
    house.door(house.script(QUIET))


def test_a_reset_waits_for_its_turn_behind_an_advance(make_house: Callable[..., House], receiver: Receiver) -> None:
    house = make_house(urls=[receiver.url])
    start = house.sandbox.now()
    gate = Gate(receiver)
    house.script(QUIET)
    house.door("test")
    assert gate.reached.wait(30)
    advance = threading.Thread(target=lambda: house.engine.advance(house.sandbox, start + DAY))
    advance.start()
    assert eventually(lambda: house.sandbox.held is not None)
    with pytest.raises(AdvanceBusy):
        house.engine.reset(house.sandbox)
    gate.opened.set()
    advance.join()
    house.engine.reset(house.sandbox)
    assert house.sandbox.now() == start


def test_a_clock_that_is_set_ahead_sends_the_retries_that_are_due_by_then(
    make_house: Callable[..., House], receiver: Receiver
) -> None:
    receiver.answers = [500]
    house = make_house(urls=[receiver.url])
    house.door(house.script(QUIET))
    assert eventually(lambda: states(house, house.sandbox) == [("pending", 1)])
    with house.engine.change(house.sandbox) as world:
        world.set_clock(house.sandbox.clock.at(house.sandbox.now() + HOUR))
    assert eventually(lambda: states(house, house.sandbox) == [("delivered", 2)], 3)


def test_a_retry_that_falls_due_while_the_ticker_looks_is_not_lost(
    make_house: Callable[..., House], receiver: Receiver
) -> None:
    receiver.answers = [500]
    house = make_house(urls=[receiver.url], clock="manual")
    house.door(house.script(QUIET))
    assert eventually(lambda: states(house, house.sandbox) == [("pending", 1)])
    house.engine._ticker.stop()
    wake_due = house.engine.dispatcher.wake_due

    def just_before(*args: Any) -> None:
        wake_due(*args)  # nothing is due yet ...
        house.sandbox.clock = Clock(
            "real", 1.0, house.sandbox.clock.virtual + MINUTE, Clock.make().wall
        )  # ... but in the next moment

    house.engine.dispatcher.wake_due = just_before  # type: ignore[method-assign]
    seconds = house.engine.schedule.send_due(house.sandbox)
    assert seconds is not None


def test_trouble_in_one_sandbox_does_not_stop_the_time_of_another(
    make_house: Callable[..., House], monkeypatch: Any
) -> None:
    house = make_house(clock="real")
    catch_up = house.engine.schedule.catch_up
    failures = []

    def troubled(sandbox: Sandbox) -> None:
        if sandbox.name == "a":
            failures.append(1)
            raise RuntimeError("the disk is full")
        catch_up(sandbox)

    monkeypatch.setattr(house.engine.schedule, "catch_up", troubled)
    first, second = house.engine.sandbox("a"), house.engine.sandbox("b")
    flows = "connect: [{status: NEW}, {after: 300ms, status: OPEN}]"
    house.sandbox = first
    house.door(house.script(flows))
    house.sandbox = second
    guid = house.door(house.script(flows))
    assert eventually(lambda: house.status(guid) == "OPEN"), len(failures)
    assert len(failures) < 50


def test_a_failing_play_stops_only_itself(make_house: Callable[..., House], monkeypatch: Any) -> None:
    """Two calls find the same failing play due: each stops it, and nothing else."""
    house = make_house()
    house.script("connect: [{status: NEW}, {after: 1s, status: OPEN}]")
    bad, good = house.door("test"), house.door("test")
    due = house.engine.player.due
    both = threading.Barrier(2)
    change = house.engine.change
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

    monkeypatch.setattr(house.engine.player, "due", failing)
    monkeypatch.setattr(house.engine.schedule, "_change", waiting)
    now = house.sandbox.now() + SECOND
    threads = [threading.Thread(target=house.engine.schedule.play_next, args=(house.sandbox, now)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ("stopped: a defect") in [cause for _, cause in house.timeline(bad)]
    assert "stopped: a defect" not in [cause for _, cause in house.timeline(good)]


def test_a_database_that_was_busy_once_stops_no_play(make_house: Callable[..., House], monkeypatch: Any) -> None:
    house = make_house()
    house.script("connect: [{status: NEW}, {after: 1s, status: OPEN}]")
    guid = house.door("test")
    change, calls = house.engine.change, []

    def busy(sandbox: Sandbox, now: int | None = None) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("database is locked")
        return change(sandbox, now)

    monkeypatch.setattr(house.engine.schedule, "_change", busy)
    now = house.sandbox.now() + SECOND
    with pytest.raises(RuntimeError):
        house.engine.schedule.play_next(house.sandbox, now)
    house.engine.schedule.play_next(house.sandbox, now)
    assert house.status(guid) == "OPEN"


def test_a_lane_that_failed_goes_on(make_house: Callable[..., House], receiver: Receiver, monkeypatch: Any) -> None:
    house = make_house(urls=[receiver.url], clock="real")
    dispatcher, failures = house.engine.dispatcher, []
    deliver = dispatcher._deliver

    def failing(*args: Any) -> None:
        if not failures:
            failures.append(1)
            raise RuntimeError("database is locked")
        deliver(*args)

    monkeypatch.setattr(dispatcher, "_deliver", failing)
    house.door(house.script(QUIET))
    assert eventually(lambda: states(house, house.sandbox) == [("delivered", 1)])


def test_a_moved_subject_plays_its_present_flow_to_the_end(house: House) -> None:
    old = house.script("connect: [{status: NEW}, {after: 1s, status: KNOCKED}, {after: 1s, status: OPEN}]", "old")
    new = house.script("connect: [{status: NEW}, {after: 1s, status: SHUT}]", "new")
    guid = house.door(old)
    with house.engine.change(house.sandbox) as world:
        house.engine.player.move(world, house.record(guid, world), new, None)
    house.advance(10 * SECOND)
    assert house.status(guid) == "OPEN"
    house.start(guid, "aggregate")
    house.advance(10 * SECOND)
    assert house.status(guid) == "SHUT"


def test_put_scenarios_that_extend_each_other_are_there_after_a_restart(
    make_house: Callable[..., House], tmp_path: Any
) -> None:
    database = str(tmp_path / "db")
    house = make_house(database=database)
    house.engine.put_scenario(house.sandbox, "name: zebra\nprovider: toy\nflows:\n  connect: [{status: NEW}]\n")
    house.engine.put_scenario(house.sandbox, "name: ant\nprovider: toy\nextends: zebra\n")
    assert house.sandbox.scenarios.names("toy") == ["ant", "zebra"]
    house.engine.close()
    assert make_house(database=database).sandbox.scenarios.names("toy") == ["ant", "zebra"]


def test_a_refresh_that_was_switched_off_for_a_while_comes_back(house: House) -> None:
    guid = house.door(house.script("connect: [{status: NEW}, {after: 1s, status: OPEN}]"))
    house.advance(MINUTE)

    def switch(quiet: bool) -> None:
        with house.engine.change(house.sandbox) as world:
            record = house.record(guid, world)
            record.body["quiet"] = quiet
            world.save(record)

    switch(True)
    house.advance(25 * HOUR)
    switch(False)
    before = house.events().count("toy.opened")
    house.advance(3 * DAY)
    assert house.events().count("toy.opened") > before
