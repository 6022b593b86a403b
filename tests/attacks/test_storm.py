"""A hundred logins at once, and a scenario in a circle: who polls meanwhile has answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from mocksrv.engine.config import Config
from mocksrv.server import LocalServer
from tests.conftest import MX

CIRCLE = """
provider: mx
name: circle
flows:
  connect:
    - {status: CREATED}
    - {after: 1ms, status: CONNECTED, then: connect}
"""
RATE = 0.02  # seconds between two polls
HERE, ELSEWHERE = (100, 400), (50, 250)  # ms that 99 % of the polls may take, and the slowest


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer(Config(port=0)) as made:
        yield made


@contextmanager
def polled(polls: dict[str, Callable[[], object]]) -> Iterator[dict[str, list[float]]]:
    """What the server does during each poll meanwhile, all its threads together: ms of processor time, in which what
    else the machine does has no part. A poll that waits for what others have to do lasts as long as that.
    """
    took: dict[str, list[float]] = {name: [] for name in polls}
    over = threading.Event()

    def poll(name: str) -> None:
        due = time.monotonic()
        while not over.wait(max(0.0, due - time.monotonic())):
            before = time.process_time()
            polls[name]()
            took[name].append((time.process_time() - before) * 1000)
            due += RATE

    threads = [threading.Thread(target=poll, args=(name,)) for name in polls]
    for thread in threads:
        thread.start()
    try:
        yield took
    finally:
        over.set()
        for thread in threads:
            thread.join()


def are_within(took: list[float], bounds: tuple[float, float]) -> bool:
    """Whether 99 % of the polls and all of them took no longer."""
    return sorted(took)[len(took) * 99 // 100] <= bounds[0] and max(took) <= bounds[1]


def connected_before(server: LocalServer) -> None:
    """A first login, for which modules and profiles are read."""
    mx = MX(server.app, "first")
    mx.create(mx.user())
    mx.advance("1m")


@pytest.mark.slow
def test_a_hundred_logins_at_once(server: LocalServer) -> None:
    connected_before(server)
    mx, other = MX(server.app), MX(server.app, "other")
    users = [mx.user() for _ in range(101)]
    mine = mx.create(users[0])["guid"]
    apart = other.user()
    theirs = other.create(apart)["guid"]
    polls = {
        "here": lambda: mx.call("GET", f"/users/{users[0]}/members/{mine}/status"),
        "elsewhere": lambda: other.call("GET", f"/users/{apart}/members/{theirs}/status"),
    }
    with polled(polls) as took:
        for user in users[1:]:
            mx.create(user)
        threading.Event().wait(6)
    assert are_within(took["here"], HERE), took
    assert are_within(took["elsewhere"], ELSEWHERE), took


@pytest.mark.slow
def test_a_circle_harms_its_own_sandbox_only(server: LocalServer) -> None:
    connected_before(server)
    mx, other = MX(server.app, "circling"), MX(server.app, "other")
    mx.put_scenario("circle", CIRCLE)
    for _ in range(10):
        mx.create(mx.user(), headers={"X-Mocksrv-Scenario": "circle"})
    apart = other.user()
    theirs = other.create(apart)["guid"]
    with polled({"elsewhere": lambda: other.call("GET", f"/users/{apart}/members/{theirs}/status")}) as took:
        threading.Event().wait(4)
    assert are_within(took["elsewhere"], ELSEWHERE), took
    assert other.call("GET", f"/users/{apart}/members/{theirs}/status")["member"]["connection_status"] == "CONNECTED"
