"""What is due for others keeps no call waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mocksrv.engine.config import Config
from mocksrv.engine.engine import Engine
from mocksrv.engine.storage.turns import Turns
from mocksrv.server import build
from mocksrv.web.app import App
from tests.conftest import MX

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


def wait_until(true: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        threading.Event().wait(0.001)
