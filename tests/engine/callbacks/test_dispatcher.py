"""Callbacks: order, retries, one slow endpoint, addresses, what is kept."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mocksrv.engine.callbacks.transport import Transport
from mocksrv.engine.clock import HOUR, MINUTE, SECOND
from mocksrv.engine.engine import Engine
from mocksrv.engine.sandbox import endpoints_from
from tests.conftest import Receiver
from tests.engine.toy import RETRIES, ToyEngine

KNOCKS = "connect: [{status: NEW}, {after: 1s, status: KNOCKED}, {after: 1s, status: OPEN}]"


@pytest.fixture
def second() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def deliveries(toy: ToyEngine) -> list[tuple[str, str, int]]:
    """(event, state, number of attempts) of all deliveries."""
    with toy.engine.look(toy.sandbox) as world:
        events = world.tx.events("default", limit=1000)
        return [(e.name, d.state, len(world.tx.attempts(d.seq))) for e in events for d in world.tx.deliveries(e.seq)]


def test_first_attempts_need_no_advance_and_go_out_in_order(
    make_toy: Callable[..., ToyEngine], receiver: Receiver
) -> None:
    toy = make_toy(urls=[receiver.url])
    scenario = toy.script("connect: [{status: NEW}, {status: KNOCKED}, {status: HEARD}, {status: OPEN}]")
    for _ in range(10):
        toy.door(scenario)
    assert toy.engine.dispatcher.settle(toy.sandbox, 30)
    by_door: dict[str, list[str]] = {}
    for body in receiver.bodies():
        by_door.setdefault(body["door"], []).append(body["status"])
    assert list(by_door.values()) == [["NEW", "KNOCKED", "HEARD", "OPEN", "OPEN"]] * 10


def test_a_failed_callback_is_tried_again_by_the_schedule_in_sandbox_time(
    make_toy: Callable[..., ToyEngine], receiver: Receiver
) -> None:
    receiver.answers = [500, 302, 200]
    toy = make_toy(urls=[receiver.url])
    toy.door(toy.script("connect: [{status: NEW}, {after: 9d, status: OPEN}]"))
    toy.advance(MINUTE - 1)
    assert deliveries(toy) == [("toy.door.changed", "pending", 1)]
    toy.advance(1)
    assert deliveries(toy) == [("toy.door.changed", "pending", 2)]
    toy.advance(HOUR)
    assert deliveries(toy) == [("toy.door.changed", "delivered", 3)]
    assert [item["raw"] for item in receiver.received] == [receiver.received[0]["raw"]] * 3


def test_what_fails_is_passed_by_and_comes_later_although_first_attempts_are_in_order(
    make_toy: Callable[..., ToyEngine], receiver: Receiver
) -> None:
    receiver.answers = [500]
    toy = make_toy(urls=[receiver.url])
    scenario = toy.script("connect: [{status: NEW}, {after: 9d, status: OPEN}]")
    first, second = toy.door(scenario), toy.door(scenario)
    assert toy.engine.dispatcher.settle(toy.sandbox, 30)
    assert deliveries(toy) == [("toy.door.changed", "pending", 1), ("toy.door.changed", "delivered", 1)]
    toy.advance(MINUTE)
    assert [body["door"] for body in receiver.bodies()] == [first, second, first]


def test_after_the_last_retry_it_has_failed(make_toy: Callable[..., ToyEngine]) -> None:
    toy = make_toy(urls=["http://127.0.0.1:9/nobody"])
    toy.door(toy.script("connect: [{status: NEW}, {after: 9d, status: OPEN}]"))
    toy.advance(2 * HOUR)
    assert deliveries(toy) == [("toy.door.changed", "failed", 1 + len(RETRIES.delays))]
    with toy.engine.look(toy.sandbox) as world:
        (delivery,) = world.tx.deliveries(world.tx.events("default")[0].seq)
        attempt = world.tx.attempts(delivery.seq)[0]
    assert (attempt.status, bool(attempt.error)) == (None, True)
    assert "127.0.0.1:9/nobody" in attempt.request


def test_a_slow_endpoint_holds_up_nobody_else(
    make_toy: Callable[..., ToyEngine], receiver: Receiver, second: Receiver
) -> None:
    came, let_go, done = threading.Event(), threading.Event(), threading.Event()
    receiver.on_receive = lambda _: came.set() or let_go.wait(30)
    second.on_receive = lambda item: done.set() if item["json"].get("job") else None
    toy = make_toy(urls=[receiver.url, second.url])
    toy.door(toy.script("connect: [{status: NEW}, {status: OPEN}]"))
    assert done.wait(30), "the other endpoint did not get all of its callbacks"
    assert came.wait(30)
    assert len(receiver.received) == 1
    let_go.set()


def test_an_endpoint_gets_the_events_it_asked_for(make_toy: Callable[..., ToyEngine], receiver: Receiver) -> None:
    toy = make_toy(urls=[receiver.url], events=["toy.o*", "toy.bell"])
    toy.door(toy.script("connect: [{status: NEW}, {event: toy.bell}, {status: OPEN}]"))
    assert toy.engine.dispatcher.settle(toy.sandbox, 30)
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
    make_toy: Callable[..., ToyEngine], receiver: Receiver, webhooks: str, received: int, states: list[str]
) -> None:
    toy = make_toy(urls=[receiver.url])
    toy.door(toy.script(f"connect: [{{status: NEW}}, {{after: 1s, status: OPEN, webhooks: {webhooks}}}]"))
    toy.advance(SECOND)
    assert (len(receiver.received) - 1, [state for _, state, _ in deliveries(toy)][1:]) == (received, states)
    if "corrupt" in webhooks:
        assert [item["json"] for item in receiver.received[1:]] == [None, None]
    toy.advance(5 * SECOND)
    assert len(receiver.received) - 1 == (2 if "delay" in webhooks else received)


def test_shuffled_callbacks_stay_between_their_neighbours_and_are_the_same_for_the_same_seed(
    make_toy: Callable[..., ToyEngine], receiver: Receiver
) -> None:
    def play(seed: int) -> list[Any]:
        receiver.received.clear()
        toy = make_toy(urls=[receiver.url], seed=seed, events=["toy.*"])
        flows = """
connect:
  - status: NEW
  - {after: 1s, status: OPEN, event: toy.bell, webhooks: {shuffle: true, repeat: 4}}
  - {event: toy.bell, payload: {n: 0}}
"""
        toy.door(toy.script(flows))
        toy.advance(SECOND)
        return [(body.get("action"), body.get("job"), body.get("n")) for body in receiver.bodies()]

    runs = {seed: play(seed) for seed in range(6)}
    plain = sorted(runs[0], key=str)
    assert all(sorted(run, key=str) == plain and run[0] == ("created", None, None) for run in runs.values())
    assert len({tuple(run) for run in runs.values()}) > 1
    assert play(3) == runs[3]


def test_callbacks_go_to_local_addresses_only(make_toy: Callable[..., ToyEngine]) -> None:
    toy = make_toy(urls=["http://192.0.2.1:80/", "http://[2001:db8::1]/"])
    toy.door(toy.script("connect: [{status: NEW}, {after: 9d, status: OPEN}]"))
    assert toy.engine.dispatcher.settle(toy.sandbox, 30)
    with toy.engine.look(toy.sandbox) as world:
        errors = [world.tx.attempts(d.seq)[0].error for d in world.tx.deliveries(world.tx.events("default")[0].seq)]
    assert [(error or "").split(";")[0] for error in errors] == [
        "OSError: callbacks do not go to 192.0.2.1 (192.0.2.1)",
        "OSError: callbacks do not go to 2001:db8::1 (2001:db8::1)",
    ]


def test_an_endpoint_that_was_taken_away_gets_nothing_more(make_toy: Callable[..., ToyEngine]) -> None:
    toy = make_toy(urls=["http://127.0.0.1:9/"])
    toy.door(toy.script("connect: [{status: NEW}, {after: 9d, status: OPEN}]"))
    assert toy.engine.dispatcher.settle(toy.sandbox, 30)
    with toy.engine.change(toy.sandbox) as world:
        world.configure(endpoints=())
    toy.advance(HOUR)
    assert deliveries(toy) == [("toy.door.changed", "failed", 1)]


def test_basic_authentication_is_sent_and_not_kept(make_toy: Callable[..., ToyEngine], receiver: Receiver) -> None:
    toy = make_toy()
    auth = {"type": "basic", "username": "u", "password": "p"}
    with toy.engine.change(toy.sandbox) as world:
        world.configure(endpoints=endpoints_from([{"url": receiver.url, "auth": auth, "headers": {"X-Mine": "yes"}}]))
    toy.door(toy.script("connect: [{status: NEW}, {after: 9d, status: OPEN}]"))
    assert toy.engine.dispatcher.settle(toy.sandbox, 30)
    assert (receiver.received[0]["headers"]["Authorization"], receiver.received[0]["headers"]["X-Mine"]) == (
        "Basic dTpw",
        "yes",
    )
    with toy.engine.look(toy.sandbox) as world:
        kept = world.tx.attempts(world.tx.deliveries(world.tx.events("default")[0].seq)[0].seq)[0].request
    assert "dTpw" not in kept


def test_the_http_client_is_there_before_the_first_callback(
    make_toy: Callable[..., ToyEngine], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes a while to import; an endpoint says that there will be callbacks, whenever it comes."""
    made = threading.Event()
    make = Engine._transport

    def noted(engine: Engine) -> Transport:
        made.set()
        return make(engine)

    monkeypatch.setattr(Engine, "_transport", noted)
    toy = make_toy()
    toy.door(toy.script(KNOCKS))
    assert not made.is_set()
    toy.endpoints([{"url": receiver.url}])
    assert made.wait(10)
    assert receiver.received == []


def test_a_callback_is_one_packet(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Head and body in two would wake the receiver twice."""
    sent: list[bytes] = []

    class Noted(socket.socket):
        def sendall(self, data: Any, *flags: int) -> None:
            sent.append(bytes(data))
            super().sendall(data, *flags)

    monkeypatch.setattr(socket, "socket", Noted)
    sender = Transport()
    for _ in range(2):  # the second over the connection of the first
        assert sender.post(receiver.url, b'{"a":1}', {"X-Own": "yes"}).status == 204
    posted = [each for each in sent if each.startswith(b"POST /")]
    assert [each.endswith(b'\r\n\r\n{"a":1}') for each in posted] == [True, True]
    assert [item["json"] for item in receiver.received] == [{"a": 1}] * 2
