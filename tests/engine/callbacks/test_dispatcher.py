"""Callbacks: order, retries, one slow endpoint, addresses, what is kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mocksrv.engine.clock import HOUR, MINUTE, SECOND
from mocksrv.engine.sandbox import endpoints_from
from tests.conftest import Receiver
from tests.engine.toy import RETRIES, House

KNOCKS = "connect: [{status: NEW}, {after: 1s, status: KNOCKED}, {after: 1s, status: OPEN}]"


@pytest.fixture
def second() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def deliveries(house: House) -> list[tuple[str, str, int]]:
    """(event, state, number of attempts) of all deliveries."""
    with house.engine.look(house.sandbox) as world:
        events = world.tx.events("default", limit=1000)
        return [(e.name, d.state, len(world.tx.attempts(d.seq))) for e in events for d in world.tx.deliveries(e.seq)]


def test_first_attempts_need_no_advance_and_go_out_in_order(
    make_house: Callable[..., House], receiver: Receiver
) -> None:
    house = make_house(urls=[receiver.url])
    scenario = house.script("connect: [{status: NEW}, {status: KNOCKED}, {status: HEARD}, {status: OPEN}]")
    for _ in range(10):
        house.door(scenario)
    assert house.engine.dispatcher.settle(house.sandbox, 30)
    by_door: dict[str, list[str]] = {}
    for body in receiver.bodies():
        by_door.setdefault(body["door"], []).append(body["status"])
    assert list(by_door.values()) == [["NEW", "KNOCKED", "HEARD", "OPEN", "OPEN"]] * 10


def test_a_failed_callback_is_tried_again_by_the_schedule_in_sandbox_time(
    make_house: Callable[..., House], receiver: Receiver
) -> None:
    receiver.answers = [500, 302, 200]
    house = make_house(urls=[receiver.url])
    house.door(house.script("connect: [{status: NEW}, {after: 9d, status: OPEN}]"))
    house.advance(MINUTE - 1)
    assert deliveries(house) == [("toy.door.changed", "pending", 1)]
    house.advance(1)
    assert deliveries(house) == [("toy.door.changed", "pending", 2)]
    house.advance(HOUR)
    assert deliveries(house) == [("toy.door.changed", "delivered", 3)]
    assert [item["raw"] for item in receiver.received] == [receiver.received[0]["raw"]] * 3


def test_after_the_last_retry_it_has_failed(make_house: Callable[..., House]) -> None:
    house = make_house(urls=["http://127.0.0.1:9/nobody"])
    house.door(house.script("connect: [{status: NEW}, {after: 9d, status: OPEN}]"))
    house.advance(2 * HOUR)
    assert deliveries(house) == [("toy.door.changed", "failed", 1 + len(RETRIES.delays))]
    with house.engine.look(house.sandbox) as world:
        (delivery,) = world.tx.deliveries(world.tx.events("default")[0].seq)
        attempt = world.tx.attempts(delivery.seq)[0]
    assert (attempt.status, bool(attempt.error)) == (None, True)
    assert "127.0.0.1:9/nobody" in attempt.request


def test_a_slow_endpoint_holds_up_nobody_else(
    make_house: Callable[..., House], receiver: Receiver, second: Receiver
) -> None:
    came, let_go, done = threading.Event(), threading.Event(), threading.Event()
    receiver.on_receive = lambda _: came.set() or let_go.wait(30)
    second.on_receive = lambda item: done.set() if item["json"].get("job") else None
    house = make_house(urls=[receiver.url, second.url])
    house.door(house.script("connect: [{status: NEW}, {status: OPEN}]"))
    assert done.wait(30), "the other endpoint did not get all of its callbacks"
    assert came.wait(30)
    assert len(receiver.received) == 1
    let_go.set()


def test_an_endpoint_gets_the_events_it_asked_for(make_house: Callable[..., House], receiver: Receiver) -> None:
    house = make_house(urls=[receiver.url], events=["toy.o*", "toy.bell"])
    house.door(house.script("connect: [{status: NEW}, {event: toy.bell}, {status: OPEN}]"))
    assert house.engine.dispatcher.settle(house.sandbox, 30)
    assert [body.get("job") for body in receiver.bodies()] == [None, "connect"]


@pytest.mark.parametrize(
    ("webhooks", "received", "states"),
    [
        ("off", 0, []),
        ("{drop: true}", 0, ["dropped", "dropped"]),
        ("{delay: 5s}", 0, ["pending", "pending"]),
        ("{repeat: 3}", 6, ["delivered"] * 6),
        ("{corrupt: true}", 2, ["delivered"] * 2),
    ],
)
def test_a_step_says_what_happens_to_its_callbacks(
    make_house: Callable[..., House], receiver: Receiver, webhooks: str, received: int, states: list[str]
) -> None:
    house = make_house(urls=[receiver.url])
    house.door(house.script(f"connect: [{{status: NEW}}, {{after: 1s, status: OPEN, webhooks: {webhooks}}}]"))
    house.advance(SECOND)
    assert (len(receiver.received) - 1, [state for _, state, _ in deliveries(house)][1:]) == (received, states)
    if "corrupt" in webhooks:
        assert [item["json"] for item in receiver.received[1:]] == [None, None]
    house.advance(5 * SECOND)
    assert len(receiver.received) - 1 == (2 if "delay" in webhooks else received)


def test_shuffled_callbacks_stay_between_their_neighbours_and_are_the_same_for_the_same_seed(
    make_house: Callable[..., House], receiver: Receiver
) -> None:
    def play(seed: int) -> list[Any]:
        receiver.received.clear()
        house = make_house(urls=[receiver.url], seed=seed, events=["toy.*"])
        flows = """
connect:
  - status: NEW
  - {after: 1s, status: OPEN, event: toy.bell, webhooks: {shuffle: true, repeat: 4}}
  - {event: toy.bell, payload: {n: 0}}
"""
        house.door(house.script(flows))
        house.advance(SECOND)
        return [(body.get("action"), body.get("job"), body.get("n")) for body in receiver.bodies()]

    runs = {seed: play(seed) for seed in range(6)}
    plain = sorted(runs[0], key=str)
    assert all(sorted(run, key=str) == plain and run[0] == ("created", None, None) for run in runs.values())
    assert len({tuple(run) for run in runs.values()}) > 1
    assert play(3) == runs[3]


def test_callbacks_go_to_local_addresses_only(make_house: Callable[..., House]) -> None:
    house = make_house(urls=["http://192.0.2.1:80/", "http://[2001:db8::1]/"])
    house.door(house.script("connect: [{status: NEW}, {after: 9d, status: OPEN}]"))
    assert house.engine.dispatcher.settle(house.sandbox, 30)
    with house.engine.look(house.sandbox) as world:
        errors = [world.tx.attempts(d.seq)[0].error for d in world.tx.deliveries(world.tx.events("default")[0].seq)]
    assert [(error or "").split(";")[0] for error in errors] == [
        "OSError: callbacks do not go to 192.0.2.1 (192.0.2.1)",
        "OSError: callbacks do not go to 2001:db8::1 (2001:db8::1)",
    ]


def test_an_endpoint_that_was_taken_away_gets_nothing_more(make_house: Callable[..., House]) -> None:
    house = make_house(urls=["http://127.0.0.1:9/"])
    house.door(house.script("connect: [{status: NEW}, {after: 9d, status: OPEN}]"))
    assert house.engine.dispatcher.settle(house.sandbox, 30)
    with house.engine.change(house.sandbox) as world:
        world.configure(endpoints=())
    house.advance(HOUR)
    assert deliveries(house) == [("toy.door.changed", "failed", 1)]


def test_basic_authentication_is_sent_and_not_kept(make_house: Callable[..., House], receiver: Receiver) -> None:
    house = make_house()
    auth = {"type": "basic", "username": "u", "password": "p"}
    with house.engine.change(house.sandbox) as world:
        world.configure(endpoints=endpoints_from([{"url": receiver.url, "auth": auth, "headers": {"X-Mine": "yes"}}]))
    house.door(house.script("connect: [{status: NEW}, {after: 9d, status: OPEN}]"))
    assert house.engine.dispatcher.settle(house.sandbox, 30)
    assert (receiver.received[0]["headers"]["Authorization"], receiver.received[0]["headers"]["X-Mine"]) == (
        "Basic dTpw",
        "yes",
    )
    with house.engine.look(house.sandbox) as world:
        kept = world.tx.attempts(world.tx.deliveries(world.tx.events("default")[0].seq)[0].seq)[0].request
    assert "dTpw" not in kept
