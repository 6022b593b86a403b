"""The engine as a whole: advance, catching up, background work, restarts, determinism."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mocksrv.engine.blocking import WouldBlock
from mocksrv.engine.clock import DAY, HOUR, SECOND
from mocksrv.engine.config import IN_MEMORY
from mocksrv.engine.journal import Entry
from mocksrv.engine.sandbox import SandboxNameError
from mocksrv.engine.time import AdvanceBusy
from tests.conftest import Receiver
from tests.engine.toy import House

OPENS = "connect: [{status: NEW}, {after: 1s, status: KNOCKED}, {after: 1s, status: OPEN}]"


def test_advance_plays_what_falls_due_in_virtual_order(make_house: Callable[..., House], receiver: Receiver) -> None:
    receiver.answers = [500]
    house = make_house(urls=[receiver.url])
    start = house.sandbox.now()
    door = house.door(
        house.script("connect: [{status: NEW}, {after: 30s, status: KNOCKED}, {after: 60s, status: OPEN}]")
    )
    happened = house.advance(100 * SECOND)
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
    assert house.sandbox.now() == start + 100 * SECOND
    assert house.status(door) == "OPEN"


def test_a_handler_that_calls_back_sees_the_moment_just_played(
    make_house: Callable[..., House], receiver: Receiver
) -> None:
    house = make_house(urls=[receiver.url])
    seen = []
    receiver.on_receive = lambda item: seen.append((item["json"]["status"], house.sandbox.now() - start))
    start = house.sandbox.now()
    house.door(house.script(OPENS))
    house.advance(HOUR)
    assert seen == [("NEW", 0), ("KNOCKED", SECOND), ("OPEN", 2 * SECOND), ("OPEN", 2 * SECOND)]


def test_what_a_handler_starts_is_played_within_the_same_advance(
    make_house: Callable[..., House], receiver: Receiver
) -> None:
    house = make_house(urls=[receiver.url], events=["toy.opened"])
    doors: list[str] = []
    receiver.on_receive = lambda item: doors.append(house.door("test")) if len(doors) < 3 else None
    doors.append(house.door(house.script(OPENS)))
    house.advance(HOUR)
    assert [house.status(door) for door in doors] == ["OPEN", "OPEN", "OPEN"]


def test_two_advances_at_once_are_refused(make_house: Callable[..., House], receiver: Receiver) -> None:
    house = make_house(urls=[receiver.url])
    refused = []

    def try_another(_: object) -> None:
        try:
            house.advance(1)
        except AdvanceBusy:
            refused.append(True)

    receiver.on_receive = try_another
    house.door(house.script("connect: [{status: NEW}, {after: 1s, status: KNOCKED}, {after: 9d, status: OPEN}]"))
    house.advance(SECOND)
    assert refused[-1:] == [True]


def test_an_advance_that_runs_out_of_time_says_how_far_it_got(
    make_house: Callable[..., House], receiver: Receiver
) -> None:
    let_go = threading.Event()
    receiver.on_receive = lambda _: let_go.wait(30)
    house = make_house(urls=[receiver.url])
    house.door(house.script(OPENS))
    done = house.engine.advance(house.sandbox, house.sandbox.now() + HOUR, wait=0.05)
    let_go.set()
    assert (done.complete, house.sandbox.now()) == (False, done.now)


def test_a_running_clock_is_shifted_and_runs_on(make_house: Callable[..., House]) -> None:
    house = make_house(clock="real")
    before = house.sandbox.now()
    house.advance(DAY)
    assert DAY <= house.sandbox.now() - before < DAY + HOUR


def test_time_passes_in_a_sandbox_nobody_is_looking_at(make_house: Callable[..., House], receiver: Receiver) -> None:
    opened = threading.Event()
    receiver.on_receive = lambda item: opened.set() if item["json"].get("job") else None
    house = make_house(clock="x60", urls=[receiver.url])
    house.door(house.script("connect: [{status: NEW}, {after: 10s, status: OPEN}]"))
    assert opened.wait(30)


def test_catching_up_plays_each_step_at_its_own_moment(make_house: Callable[..., House]) -> None:
    house = make_house()
    start = house.sandbox.now()
    door = house.door(house.script(OPENS))
    with house.engine.change(house.sandbox) as world:
        world.set_clock(house.sandbox.clock.at(start + HOUR))
    house.engine.schedule.catch_up(house.sandbox)
    with house.engine.look(house.sandbox) as world:
        times = [row.at - start for row in world.tx.timeline("default", door)]
    assert times == [0, SECOND, 2 * SECOND]


def test_a_restart_goes_on_where_it_was(make_house: Callable[..., House], receiver: Receiver, tmp_path: Path) -> None:
    path = str(tmp_path / "state.db")
    first = make_house(database=path, urls=["http://127.0.0.1:9/"])
    door = first.door(first.script(OPENS))
    first.engine.close()
    second = make_house(database=path)
    with second.engine.look(second.sandbox) as world:
        assert world.sandbox.settings.endpoints[0].url == "http://127.0.0.1:9/"
    second.advance(HOUR)
    assert second.status(door) == "OPEN"


def test_callbacks_that_a_stopped_server_left_are_sent_at_the_next_start(
    make_house: Callable[..., House], receiver: Receiver, tmp_path: Path
) -> None:
    path = str(tmp_path / "state.db")
    first = make_house(database=path, urls=[receiver.url])
    first.engine.dispatcher.close()
    first.door(first.script("connect: [{status: NEW}, {status: OPEN}]"))
    assert receiver.received == []
    first.engine.close()
    second = make_house(database=path)
    assert second.engine.dispatcher.settle(second.sandbox, 30)
    assert [body["status"] for body in receiver.bodies()] == ["NEW", "OPEN", "OPEN"]


def test_a_daily_refresh_missed_while_the_server_was_down_runs_once(
    make_house: Callable[..., House], tmp_path: Path
) -> None:
    path = str(tmp_path / "state.db")
    first = make_house(database=path)
    first.door(first.script("connect: [{status: OPEN}]"))
    with first.engine.change(first.sandbox) as world:
        world.set_clock(first.sandbox.clock.at(first.sandbox.now() + 5 * DAY))
    first.engine.close()
    second = make_house(database=path)
    second.engine.schedule.catch_up(second.sandbox)
    second.advance(SECOND)
    assert second.events().count("toy.opened") == 2


@pytest.mark.parametrize("name", ["", ".", "..", "a b", "ä", "x" * 65, "a/b"])
def test_names_that_no_sandbox_can_have_are_refused(house: House, name: str) -> None:
    with pytest.raises(SandboxNameError, match="allowed are 1 to 64"):
        house.engine.sandbox(name)


def test_reset_returns_to_what_new_sandboxes_start_with(make_house: Callable[..., House]) -> None:
    house = make_house(webhook_url="http://127.0.0.1:9/")
    start = house.sandbox.now()
    house.door(house.script(OPENS))
    house.advance(HOUR)
    with house.engine.change(house.sandbox) as world:
        world.configure(endpoints=(), next=("test",))
    house.engine.reset(house.sandbox)
    assert (house.doors(), house.events(), house.sandbox.now()) == (0, [], start)
    assert (len(house.sandbox.settings.endpoints), house.sandbox.settings.next) == (1, ())


def test_the_same_seed_and_calls_give_the_same_guids(make_house: Callable[..., House], tmp_path: Path) -> None:
    def play(seed: int, *, restart: bool = False) -> list[str]:
        path = str(tmp_path / "state.db") if restart else IN_MEMORY
        house = make_house(seed=seed, database=path)
        scenario = house.script(OPENS)
        doors = [house.door(scenario)]
        if restart:
            house.engine.close()
            house = make_house(seed=seed, database=path)
        return [*doors, house.door(scenario)]

    assert play(7) == play(7, restart=True)
    assert play(7)[:1] != play(8)[:1]


def test_a_watch_fires_with_the_next_change_of_its_sandbox_alone(house: House) -> None:
    mine, other = threading.Event(), threading.Event()
    house.engine.watch(house.sandbox).then(mine.set)
    house.engine.watch(house.engine.sandbox("other")).then(other.set)
    house.door(house.script("connect: [{status: OPEN}]"))
    assert (mine.is_set(), other.is_set()) == (True, False)


def test_a_watch_that_has_fired_is_not_missed(house: House) -> None:
    watch, seen = house.engine.watch(house.sandbox), threading.Event()
    house.door(house.script("connect: [{status: OPEN}]"))
    watch.then(seen.set)
    assert seen.is_set()


def test_a_reserved_thread_never_waits_for_its_turn_to_write(house: House) -> None:
    house.engine.reserved.add()
    try:
        with pytest.raises(WouldBlock), house.engine.change(house.sandbox):
            pass
    finally:
        house.engine.reserved.remove()
    house.door(house.script("connect: [{status: OPEN}]"))


def test_a_jump_of_the_clock_is_one_missed_refresh_not_many(house: House) -> None:
    house.door(house.script("connect: [{status: OPEN}]"))
    with house.engine.change(house.sandbox) as world:
        world.set_clock(house.sandbox.clock.at(house.sandbox.now() + 4000 * DAY))
    house.engine.schedule.catch_up(house.sandbox)
    house.advance(SECOND)
    assert house.events().count("toy.opened") == 2


def test_a_play_that_fails_is_stopped_and_holds_up_no_other(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no such furniture")

    monkeypatch.setattr(house.role, "load", fail)
    failing = house.door(
        house.script("connect: [{status: NEW}, {after: 1s, status: KNOCKED}, {after: 1s, data: furniture}]", "fails")
    )
    other = house.door(house.script("connect: [{status: NEW}, {after: 5s, status: SHUT}]", "shuts"))
    house.advance(HOUR)
    assert (house.status(failing), house.timeline(failing)[-1]) == ("KNOCKED", (None, "stopped: no such furniture"))
    assert (house.status(other), house.record(failing).body["busy"]) == ("SHUT", False)


def test_the_rest_of_the_calls_is_written_when_a_flush_returns(house: House) -> None:
    for number in range(3):
        house.engine.record(Entry("default", f"REQ-{number}", 0, "GET", "/doors", 200))
        house.engine.journal.flush()
        with house.engine.look(house.sandbox) as world:
            assert len(world.tx.requests("default")) == number + 1


def test_retries_of_a_seeded_sandbox_do_not_depend_on_its_neighbours(make_house: Callable[..., House]) -> None:
    def due(neighbours: int) -> list[int]:
        house = make_house(urls=["http://127.0.0.1:9/"])
        for number in range(neighbours):
            with house.engine.change(house.engine.sandbox(f"other-{number}")) as world:
                world.tx.add_event(f"other-{number}", "E", "toy.bell", None, 0, "{}", "{}")
        house.door(house.script("connect: [{status: NEW}, {after: 9d, status: OPEN}]"))
        assert house.engine.dispatcher.settle(house.sandbox, 30)
        with house.engine.look(house.sandbox) as world:
            return [
                row.next_attempt_at for event in world.tx.events("default") for row in world.tx.deliveries(event.seq)
            ]

    assert due(0) == due(5)


@pytest.mark.parametrize("early", [True, False], ids=["answered before the advance", "still out when it begins"])
def test_a_callback_from_before_is_no_part_of_an_advance(
    make_house: Callable[..., House], receiver: Receiver, early: bool
) -> None:
    out, let_go = threading.Event(), threading.Event()
    receiver.on_receive = lambda _: (out.set(), let_go.wait(30))
    house = make_house(urls=[receiver.url])
    house.door(house.script("connect: [{status: NEW}, {after: 9d, status: OPEN}]"))
    assert out.wait(30)
    if early:
        let_go.set()
        assert house.engine.dispatcher.settle(house.sandbox, 30)
    else:
        settle = house.engine.dispatcher.settle
        house.engine.dispatcher.settle = lambda *args: (let_go.set(), settle(*args))[1]  # type: ignore[method-assign]
    assert house.advance(HOUR) == []
