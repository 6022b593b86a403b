"""The engine as a whole: advance, catching up, background work, restarts, determinism."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from mocksrv.engine import time
from mocksrv.engine.blocking import WouldBlock
from mocksrv.engine.clock import DAY, HOUR, SECOND
from mocksrv.engine.config import IN_MEMORY
from mocksrv.engine.journal import Entry
from mocksrv.engine.loads import need
from mocksrv.engine.observers import Happening
from mocksrv.engine.sandbox import SandboxNameError
from mocksrv.engine.storage.records import Record
from mocksrv.engine.time import AdvanceBusy
from mocksrv.engine.world import World
from tests.conftest import Receiver
from tests.engine.toy import ToyEngine

OPENS = "connect: [{status: NEW}, {after: 1s, status: KNOCKED}, {after: 1s, status: OPEN}]"


def test_advance_plays_what_falls_due_in_virtual_order(make_toy: Callable[..., ToyEngine], receiver: Receiver) -> None:
    receiver.answers = [500]
    toy = make_toy(urls=[receiver.url])
    start = toy.sandbox.now()
    door = toy.door(toy.script("connect: [{status: NEW}, {after: 30s, status: KNOCKED}, {after: 60s, status: OPEN}]"))
    happened = toy.advance(100 * SECOND)
    shown = [((each.at - start) // SECOND, each.kind, each.detail.split(" -> ")[0]) for each in happened]
    assert [line for line in shown if line[1] != "attempt"] == [
        (30, "event", "toy.door.changed"),
        (30, "status", "KNOCKED"),
        (90, "event", "toy.door.changed"),
        (90, "status", "OPEN"),
        (90, "event", "toy.opened"),
    ]
    assert [at for at, kind, _ in shown if kind == "attempt"] == [
        30,
        60,
        90,
        90,
    ]  # the first of all went out before, its retry comes after its minute
    assert toy.sandbox.now() == start + 100 * SECOND
    assert toy.status(door) == "OPEN"


def test_a_handler_that_calls_back_sees_the_moment_just_played(
    make_toy: Callable[..., ToyEngine], receiver: Receiver
) -> None:
    toy = make_toy(urls=[receiver.url])
    seen = []
    receiver.on_receive = lambda item: seen.append((item["json"]["status"], toy.sandbox.now() - start))
    start = toy.sandbox.now()
    toy.door(toy.script(OPENS))
    toy.advance(HOUR)
    assert seen == [("NEW", 0), ("KNOCKED", SECOND), ("OPEN", 2 * SECOND), ("OPEN", 2 * SECOND)]


def statuses(told: Sequence[Happening]) -> list[tuple[str | None, str]]:
    return [(each.subject, each.detail) for each in told if each.kind == "status"]


def test_an_advance_plays_different_subjects_in_one_transaction_and_shows_every_status(
    toy: ToyEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "TRANSACTION", 60.0)
    doors = [toy.door(toy.script(OPENS)) for _ in range(3)]
    committed: list[list[tuple[str | None, str]]] = []
    toy.engine.observers.subscribe(lambda told: committed.append(statuses(told)))
    told = toy.advance(2 * SECOND)
    knocked, opened = ([(door, status) for door in doors] for status in ("KNOCKED", "OPEN"))
    assert [each for each in committed if each] == [knocked, opened]
    assert statuses(told) == [*knocked, *opened]


def test_a_play_that_fails_among_others_is_stopped_alone(toy: ToyEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = toy.script("connect: [{status: NEW}, {after: 1s, status: OPEN}]")
    doors = [toy.door(scenario) for _ in range(3)]
    enter = toy.role.enter

    def fail(world: World, subject: Record, status: str | None, *rest: Any) -> None:
        if (subject.guid, status) == (doors[1], "OPEN"):
            raise RuntimeError("a defect")
        enter(world, subject, status, *rest)

    monkeypatch.setattr(toy.role, "enter", fail)
    toy.advance(SECOND)
    assert [toy.status(door) for door in doors] == ["OPEN", "NEW", "OPEN"]
    assert [cause for _, cause in toy.timeline(doors[1])] == ["created", "stopped: a defect"]
    assert [cause for _, cause in toy.timeline(doors[0])] == ["created", "scenario"]


def test_what_a_handler_starts_is_played_within_the_same_advance(
    make_toy: Callable[..., ToyEngine], receiver: Receiver
) -> None:
    toy = make_toy(urls=[receiver.url], events=["toy.opened"])
    doors: list[str] = []
    receiver.on_receive = lambda item: doors.append(toy.door("test")) if len(doors) < 3 else None
    doors.append(toy.door(toy.script(OPENS)))
    toy.advance(HOUR)
    assert [toy.status(door) for door in doors] == ["OPEN", "OPEN", "OPEN"]


def test_two_advances_at_once_are_refused(make_toy: Callable[..., ToyEngine], receiver: Receiver) -> None:
    toy = make_toy(urls=[receiver.url])
    refused = []

    def try_another(_: object) -> None:
        try:
            toy.advance(1)
        except AdvanceBusy:
            refused.append(True)

    receiver.on_receive = try_another
    toy.door(toy.script("connect: [{status: NEW}, {after: 1s, status: KNOCKED}, {after: 9d, status: OPEN}]"))
    toy.advance(SECOND)
    assert refused[-1:] == [True]


def test_an_advance_that_runs_out_of_time_says_how_far_it_got(
    make_toy: Callable[..., ToyEngine], receiver: Receiver
) -> None:
    let_go = threading.Event()
    receiver.on_receive = lambda _: let_go.wait(30)
    toy = make_toy(urls=[receiver.url])
    toy.door(toy.script(OPENS))
    done = toy.engine.advance(toy.sandbox, toy.sandbox.now() + HOUR, wait=0.05)
    let_go.set()
    assert (done.complete, toy.sandbox.now()) == (False, done.now)


def test_a_running_clock_is_shifted_and_runs_on(make_toy: Callable[..., ToyEngine]) -> None:
    toy = make_toy(clock="real")
    before = toy.sandbox.now()
    toy.advance(DAY)
    assert DAY <= toy.sandbox.now() - before < DAY + HOUR


def test_time_passes_in_a_sandbox_nobody_is_looking_at(make_toy: Callable[..., ToyEngine], receiver: Receiver) -> None:
    opened = threading.Event()
    receiver.on_receive = lambda item: opened.set() if item["json"].get("job") else None
    toy = make_toy(clock="x60", urls=[receiver.url])
    toy.door(toy.script("connect: [{status: NEW}, {after: 10s, status: OPEN}]"))
    assert opened.wait(30)


def test_catching_up_plays_each_step_at_its_own_moment(
    make_toy: Callable[..., ToyEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "SLICE", 60.0)
    toy = make_toy()
    start = toy.sandbox.now()
    door = toy.door(toy.script(OPENS))
    with toy.engine.change(toy.sandbox) as world:
        world.set_clock(toy.sandbox.clock.at(start + HOUR))
    toy.engine.schedule.catch_up(toy.sandbox)
    with toy.engine.look(toy.sandbox) as world:
        times = [row.at - start for row in world.tx.timeline("default", door)]
    assert times == [0, SECOND, 2 * SECOND]


def test_a_restart_goes_on_where_it_was(make_toy: Callable[..., ToyEngine], receiver: Receiver, tmp_path: Path) -> None:
    path = str(tmp_path / "state.db")
    first = make_toy(database=path, urls=["http://127.0.0.1:9/"])
    door = first.door(first.script(OPENS))
    first.engine.close()
    second = make_toy(database=path)
    with second.engine.look(second.sandbox) as world:
        assert world.sandbox.settings.endpoints[0].url == "http://127.0.0.1:9/"
    second.advance(HOUR)
    assert second.status(door) == "OPEN"


def test_callbacks_that_a_stopped_server_left_are_sent_at_the_next_start(
    make_toy: Callable[..., ToyEngine], receiver: Receiver, tmp_path: Path
) -> None:
    path = str(tmp_path / "state.db")
    first = make_toy(database=path, urls=[receiver.url])
    first.engine.dispatcher.close()
    first.door(first.script("connect: [{status: NEW}, {status: OPEN}]"))
    assert receiver.received == []
    first.engine.close()
    second = make_toy(database=path)
    assert second.engine.dispatcher.settle(second.sandbox, 30)
    assert [body["status"] for body in receiver.bodies()] == ["NEW", "OPEN", "OPEN"]


def test_a_daily_refresh_missed_while_the_server_was_down_runs_once(
    make_toy: Callable[..., ToyEngine], tmp_path: Path
) -> None:
    path = str(tmp_path / "state.db")
    first = make_toy(database=path)
    first.door(first.script("connect: [{status: OPEN}]"))
    with first.engine.change(first.sandbox) as world:
        world.set_clock(first.sandbox.clock.at(first.sandbox.now() + 5 * DAY))
    first.engine.close()
    second = make_toy(database=path)
    second.engine.schedule.catch_up(second.sandbox)
    second.advance(SECOND)
    assert second.events().count("toy.opened") == 2


@pytest.mark.parametrize("name", ["", ".", "..", "a b", "ä", "x" * 65, "a/b"])
def test_names_that_no_sandbox_can_have_are_refused(toy: ToyEngine, name: str) -> None:
    with pytest.raises(SandboxNameError, match="allowed are 1 to 64"):
        toy.engine.sandbox(name)


def test_reset_returns_to_what_new_sandboxes_start_with(make_toy: Callable[..., ToyEngine]) -> None:
    toy = make_toy(webhook_url="http://127.0.0.1:9/")
    start = toy.sandbox.now()
    toy.door(toy.script(OPENS))
    toy.advance(HOUR)
    with toy.engine.change(toy.sandbox) as world:
        world.configure(endpoints=(), next=("test",))
    toy.engine.reset(toy.sandbox)
    assert (toy.doors(), toy.events(), toy.sandbox.now()) == (0, [], start)
    assert (len(toy.sandbox.settings.endpoints), toy.sandbox.settings.next) == (1, ())


def test_the_same_seed_and_calls_give_the_same_guids(make_toy: Callable[..., ToyEngine], tmp_path: Path) -> None:
    def play(seed: int, *, restart: bool = False) -> list[str]:
        path = str(tmp_path / "state.db") if restart else IN_MEMORY
        toy = make_toy(seed=seed, database=path)
        scenario = toy.script(OPENS)
        doors = [toy.door(scenario)]
        if restart:
            toy.engine.close()
            toy = make_toy(seed=seed, database=path)
        return [*doors, toy.door(scenario)]

    assert play(7) == play(7, restart=True)
    assert play(7)[:1] != play(8)[:1]


def test_a_watch_fires_with_the_next_change_of_its_sandbox_alone(toy: ToyEngine) -> None:
    mine, other = threading.Event(), threading.Event()
    toy.engine.watch(toy.sandbox).then(mine.set)
    toy.engine.watch(toy.engine.sandbox("other")).then(other.set)
    toy.door(toy.script("connect: [{status: OPEN}]"))
    assert (mine.is_set(), other.is_set()) == (True, False)


def test_a_watch_that_has_fired_is_not_missed(toy: ToyEngine) -> None:
    watch, seen = toy.engine.watch(toy.sandbox), threading.Event()
    toy.door(toy.script("connect: [{status: OPEN}]"))
    watch.then(seen.set)
    assert seen.is_set()


def test_a_reserved_thread_never_waits_for_its_turn_to_write(toy: ToyEngine) -> None:
    toy.engine.reserved.add()
    try:
        with pytest.raises(WouldBlock), toy.engine.change(toy.sandbox):
            pass
    finally:
        toy.engine.reserved.remove()
    toy.door(toy.script("connect: [{status: OPEN}]"))


def test_a_jump_of_the_clock_is_one_missed_refresh_not_many(toy: ToyEngine) -> None:
    toy.door(toy.script("connect: [{status: OPEN}]"))
    with toy.engine.change(toy.sandbox) as world:
        world.set_clock(toy.sandbox.clock.at(toy.sandbox.now() + 4000 * DAY))
    toy.engine.schedule.catch_up(toy.sandbox)
    toy.advance(SECOND)
    assert toy.events().count("toy.opened") == 2


def test_a_play_that_fails_is_stopped_and_holds_up_no_other(toy: ToyEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no such furniture")

    monkeypatch.setattr(toy.role, "load", fail)
    failing = toy.door(
        toy.script("connect: [{status: NEW}, {after: 1s, status: KNOCKED}, {after: 1s, data: furniture}]", "fails")
    )
    other = toy.door(toy.script("connect: [{status: NEW}, {after: 5s, status: SHUT}]", "shuts"))
    toy.advance(HOUR)
    assert (toy.status(failing), toy.timeline(failing)[-1]) == ("KNOCKED", (None, "stopped: no such furniture"))
    assert (toy.status(other), toy.record(failing).body["busy"]) == ("SHUT", False)


def test_the_rest_of_the_calls_is_written_when_a_flush_returns(toy: ToyEngine) -> None:
    for number in range(3):
        toy.engine.record(toy.sandbox, Entry("default", f"REQ-{number}", 0, "GET", "/doors", 200))
        toy.engine.journal.flush()
        with toy.engine.look(toy.sandbox) as world:
            assert len(world.tx.requests("default")) == number + 1


def test_retries_of_a_seeded_sandbox_do_not_depend_on_its_neighbours(make_toy: Callable[..., ToyEngine]) -> None:
    def due(neighbours: int) -> list[int]:
        toy = make_toy(urls=["http://127.0.0.1:9/"])
        for number in range(neighbours):
            with toy.engine.change(toy.engine.sandbox(f"other-{number}")) as world:
                world.tx.add_event(f"other-{number}", "E", "toy.bell", None, 0, "{}", "{}")
        toy.door(toy.script("connect: [{status: NEW}, {after: 9d, status: OPEN}]"))
        assert toy.engine.dispatcher.settle(toy.sandbox, 30)
        with toy.engine.look(toy.sandbox) as world:
            return [
                row.next_attempt_at for event in world.tx.events("default") for row in world.tx.deliveries(event.seq)
            ]

    assert due(0) == due(5)


@pytest.mark.parametrize("early", [True, False], ids=["answered before the advance", "still out when it begins"])
def test_a_callback_from_before_is_no_part_of_an_advance(
    make_toy: Callable[..., ToyEngine], receiver: Receiver, early: bool
) -> None:
    out, let_go = threading.Event(), threading.Event()
    receiver.on_receive = lambda _: (out.set(), let_go.wait(30))
    toy = make_toy(urls=[receiver.url])
    toy.door(toy.script("connect: [{status: NEW}, {after: 9d, status: OPEN}]"))
    assert out.wait(30)
    if early:
        let_go.set()
        assert toy.engine.dispatcher.settle(toy.sandbox, 30)
    else:
        settle = toy.engine.dispatcher.settle
        toy.engine.dispatcher.settle = lambda *args: (let_go.set(), settle(*args))[1]  # type: ignore[method-assign]
    assert toy.advance(HOUR) == []


def begun(toy: ToyEngine, *, after_a_commit: bool) -> list[str]:
    """What a call does that finds within a transaction that something is not ready."""
    did: list[str] = []

    def call() -> None:
        if after_a_commit:
            with toy.engine.change(toy.sandbox) as world:
                world.meet("toy", "event", "toy.seen")
            did.append("committed")
        with toy.engine.change(toy.sandbox) as world:
            did.append("begun")
            need(world, "ready" in did, lambda: did.append("ready"))

    toy.engine.loads.attempt(call)
    return did


def test_a_call_begins_again_only_while_it_has_committed_nothing(toy: ToyEngine) -> None:
    """What it has done would be done twice, or be refused the second time as a form is that was sent already."""
    assert begun(toy, after_a_commit=False) == ["begun", "ready", "begun"]
    assert begun(toy, after_a_commit=True) == ["committed", "begun"]


def test_what_begins_again_has_ids_that_no_play_before_it_was_given(make_toy: Callable[..., ToyEngine]) -> None:
    """Without a seed: an id of a play that was committed is not given again, those of what was undone are."""
    toy = make_toy(seed=None)
    given: list[str] = []

    def call() -> None:
        if not given:  # a play that was due, which does not fall due again
            with toy.engine.change(toy.sandbox) as world:
                world.plays = True
                given.append(world.guid("EVT"))
        with toy.engine.change(toy.sandbox) as world:
            given.append(world.guid("EVT"))
            need(world, len(given) > 2, lambda: None)
            given.append(world.guid("EVT"))

    toy.engine.loads.attempt(call)
    played, undone, *later = given
    assert later[0] == undone
    assert len({played, *later}) == 3
