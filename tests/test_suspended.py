"""A process stands still (SIGSTOP) while a callback is out, two others take over, and it goes on (SIGCONT): it plays
nothing again, sends nothing that they have sent, and time does not go back.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import postgres
from tests.conftest import Receiver
from tests.test_processes import PATIENCE, Client, Server, Servers, advance, check_callbacks, until

MEMBERS = 4
NAME = f"suspended-{os.getpid()}"  # of the servers' connections


class One(Servers):
    """A single server."""

    def __init__(self, database: str, webhook_url: str) -> None:
        self.server = Server(database, "--webhook-url", webhook_url)
        self._servers = [self.server]


@pytest.fixture
def database() -> str:
    return f"{postgres.Schemas().take()}&application_name={NAME}"


@pytest.fixture
def start(database: str, receiver: Receiver) -> Iterator[Callable[[], One]]:
    """Starts another server on the same database."""
    made: list[One] = []

    def another() -> One:
        made.append(One(database, receiver.url))
        return made[-1]

    yield another
    for each in made:
        each.close()


def by_advancing(server: Server) -> requests.Response:
    return requests.post(f"{server.url}/sandbox/box/_mocksrv/clock/advance", json={"by": "1m"}, timeout=2 * PATIENCE)


def by_running(server: Server) -> requests.Response:
    return requests.put(f"{server.url}/sandbox/box/_mocksrv/clock", json={"mode": "x60"}, timeout=2 * PATIENCE)


@contextmanager
def suspended(server: Server, receiver: Receiver) -> Iterator[threading.Event]:
    """The process stands still from its next callback on, which is not answered yet. Gives what is set then."""
    stands = threading.Event()

    def stop(_: dict[str, Any]) -> None:
        if stands.is_set():
            return
        until(lambda: stopped_outside_of_transactions(server), "it is always in a transaction")
        stands.set()

    receiver.on_receive = stop
    try:
        yield stands
    finally:
        os.killpg(server.process.pid, signal.SIGCONT)


def stopped_outside_of_transactions(server: Server) -> bool:
    """Stops the process; it goes on where it has locked something: the database would break that off, but later."""
    os.killpg(server.process.pid, signal.SIGSTOP)
    threads = [task for pid in (server.process.pid, *server.workers()) for task in Path(f"/proc/{pid}/task").iterdir()]
    until(lambda: all(map(stands_still, threads)), "it does not stop")
    if not postgres.in_transactions(NAME):
        return True
    os.killpg(server.process.pid, signal.SIGCONT)
    return False


def stands_still(thread: Path) -> bool:
    try:
        return "State:\tT" in (thread / "status").read_text()
    except OSError:
        return True  # it has ended


@pytest.mark.slow
@postgres.needs_postgres  # only there a test can see whether something is locked, which would be so for ever in a file
@pytest.mark.parametrize("time_passes", [by_advancing, by_running])
def test_who_stood_still_does_nothing_that_others_have_done(
    start: Callable[[], One], receiver: Receiver, time_passes: Callable[[Server], requests.Response]
) -> None:
    fleet = start()
    one = Client(fleet, "box", 0, 0)
    set_clock(one, "manual")
    user = one.found_or_made("/users", "user", {"metadata": "m"}, "user")
    members = [one.approved_at_the_bank(user, number) for number in range(MEMBERS)]
    check_callbacks(one, receiver)
    known = len(receiver.received)
    with ThreadPoolExecutor() as pool:
        with suspended(fleet.server, receiver) as stands:
            answer = pool.submit(time_passes, fleet.server)
            assert stands.wait(PATIENCE)
            other, third = (Client(start(), "box", 0, 0) for _ in range(2))
            if time_passes is by_advancing:
                assert "complete" not in advance(other)
            until(lambda: all(connected(other, user, member) for member in members), "nobody plays on")
            set_clock(third, "manual")
            check_callbacks(third, receiver)
            before, sent, events = seen(third, members), len(receiver.received), payloads(third)
        assert answer.result().status_code == (409 if time_passes is by_advancing else 200)
    assert seen(one, members) == before
    members.append(one.approved_at_the_bank(user, MEMBERS))
    assert "complete" not in advance(one)
    check_callbacks(one, receiver)
    late = [text_of(body) for body in receiver.bodies()[sent:]]
    assert late == payloads(one)[len(events) :]
    out = text_of(receiver.bodies()[known])  # whose answer nobody has read by the time at which it is sent again
    assert Counter(map(text_of, receiver.bodies())) - Counter(payloads(one)) == {out: 1}
    _, steps = seen(one, members)
    assert [steps[0]] * len(members) == steps


def set_clock(client: Client, mode: str) -> None:
    assert client.call("PUT", "/_mocksrv/clock", {"mode": mode}).status_code == 200


def connected(client: Client, user: str, member: str) -> bool:
    return bool(client.status(user, member)["connection_status"] == "CONNECTED")


def seen(client: Client, members: list[str]) -> tuple[str, list[Any]]:
    """The time, and what each member has gone through."""
    shown = [client.call("GET", f"/_mocksrv/subjects/{member}").json()["timeline"] for member in members]
    steps = [[(row["status"], row["flow"], row["step"], row["cause"]) for row in rows] for rows in shown]
    return client.call("GET", "/_mocksrv/clock").json()["now"], steps


def payloads(client: Client) -> list[str]:
    """Those that callbacks were owed for, oldest first."""
    events = client.call("GET", "/_mocksrv/webhooks?limit=1000").json()["webhooks"]
    return [text_of(event["payload"]) for event in events for _ in event["deliveries"]]


def text_of(body: Any) -> str:
    return json.dumps(body, sort_keys=True)
