"""Three processes serve one database, and two of them are killed at random moments: clients that call whichever of them
connect members with challenges and at a bank's page, and every event arrives, first attempts in order.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import postgres
from tests.cli.running import environment
from tests.conftest import MX_HEADERS, Receiver

PROCESSES = 3
PATIENCE = 60.0  # real seconds in which all must have come to its end
LOST = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


class Server:
    """One `mocksrv serve` on a database, in a group of processes of its own."""

    def __init__(self, database: str, *options: str) -> None:
        command = [sys.executable, "-m", "mocksrv", "serve", "--port", "0", "--database", database, "--quiet"]
        self.process = subprocess.Popen(
            [*command, "--clock", "x60", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment(),
            start_new_session=True,
        )
        assert self.process.stdout is not None
        said = []
        for line in self.process.stdout:
            said.append(line)
            if found := re.search(r"MX Platform API\s+(http://127\.0\.0\.1:\d+)", line):
                self.url = found[1]
                break
        else:
            raise AssertionError(f"the server did not start: {said}")
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def workers(self) -> list[int]:
        """The processes that serve."""
        pid = self.process.pid
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Workers:
    """Three workers of one server; a killed one is started again by their parent."""

    def __init__(self, database: str, webhook_url: str) -> None:
        self._server = Server(database, "--webhook-url", webhook_url, "--workers", str(PROCESSES))

    def url(self, chance: random.Random) -> str:
        return self._server.url

    def kill_two(self, chance: random.Random) -> None:
        for worker in chance.sample(self._server.workers(), 2):
            os.kill(worker, signal.SIGKILL)

    def close(self) -> None:
        self._server.kill()


class Servers:
    """Three servers; a killed one is started again, at another port."""

    def __init__(self, database: str, webhook_url: str) -> None:
        self._make = lambda: Server(database, "--webhook-url", webhook_url)
        self._servers = [self._make() for _ in range(PROCESSES)]

    def url(self, chance: random.Random) -> str:
        return chance.choice(self._servers).url

    def kill_two(self, chance: random.Random) -> None:
        for place in chance.sample(range(PROCESSES), 2):
            self._servers[place].kill()
        for place, server in enumerate(self._servers):
            if server.process.poll() is not None:
                self._servers[place] = self._make()

    def close(self) -> None:
        for server in self._servers:
            server.kill()


Fleet = Workers | Servers


class Client(threading.Thread):
    """Connects members in a sandbox of its own, one after the other; what was not answered it asks again."""

    def __init__(self, fleet: Fleet, name: str, members: int, seed: float) -> None:
        super().__init__(daemon=True)
        self.fleet, self.name, self.members = fleet, name, members
        self.chance = random.Random(seed)
        self.wrong: list[str] = []
        self.connected = 0

    def run(self) -> None:
        try:
            user = self.found_or_made("/users", "user", {"metadata": "m"}, "user")
            for number in range(self.members):
                self._connect(user, number)
        except Exception as error:
            self.wrong.append(repr(error))

    def call(self, method: str, path: str, body: Any = None) -> requests.Response:
        """One call, through whichever process; again while none answers."""
        end = time.monotonic() + PATIENCE
        while True:
            url = f"{self.fleet.url(self.chance)}/sandbox/{self.name}{path}"
            try:
                answer = requests.request(
                    method, url, json=body, auth=("client", "key"), headers=MX_HEADERS, timeout=20
                )
                if answer.status_code not in (503, 500):
                    return answer
                if answer.status_code == 500:
                    self.wrong.append(f"{method} {path}: {answer.text}")
            except LOST:
                pass
            assert time.monotonic() < end, f"{method} {path} was not answered"
            time.sleep(0.05)

    def found_or_made(self, path: str, kind: str, fields: dict[str, Any], id: str) -> str:
        """The guid of what has this id: it may be there although nobody said so."""
        answer = self.call("POST", path, {kind: {**fields, "id": id}})
        if answer.status_code == 409:
            found = self.call("GET", f"{path}?id={id}").json()[f"{kind}s"]
            return next(str(each["guid"]) for each in found if each["id"] == id)
        assert answer.status_code < 300, answer.text
        return str(answer.json()[kind]["guid"])

    def approved_at_the_bank(self, user: str, number: int) -> str:
        """The guid of a member whose person has agreed at the bank's page."""
        fields = {"institution_code": "mx_bank_oauth", "is_oauth": True}
        member = self.found_or_made(f"/users/{user}/members", "member", fields, f"m-{number}")
        self.call("POST", f"/_mocksrv/subjects/{member}/act", {"do": "approve"})
        return member

    def status(self, user: str, member: str) -> dict[str, Any]:
        told: dict[str, Any] = self.call("GET", f"/users/{user}/members/{member}/status").json()["member"]
        return told

    def _connect(self, user: str, number: int) -> None:
        if number % 2:
            fields: dict[str, Any] = {"institution_code": "mx_bank_oauth", "is_oauth": True}
        else:
            form = self.call("GET", "/institutions/mxbank/credentials").json()["credentials"]
            values = (f"user-{number}", "challenge")
            credentials = [{"guid": each["guid"], "value": value} for each, value in zip(form, values, strict=True)]
            fields = {"institution_code": "mxbank", "credentials": credentials}
        member = self.found_or_made(f"/users/{user}/members", "member", fields, f"m-{number}")
        path, status, end = f"/users/{user}/members/{member}", "", time.monotonic() + PATIENCE
        while status != "CONNECTED":
            told = self.status(user, member)
            status = told["connection_status"]
            if status == "CHALLENGED":
                answers = [{"guid": each["guid"], "value": "correct"} for each in told["challenges"]]
                self.call("PUT", f"{path}/resume", {"member": {"challenges": answers}})
            elif status == "PENDING":
                self.call("POST", f"/_mocksrv/subjects/{member}/act", {"do": "approve"})
            assert time.monotonic() < end, f"{member} stays {status}"
        self.connected += 1


def play(fleet: Fleet, receiver: Receiver, *, clients: int, members: int, rounds: int) -> None:
    """Plays, kills, and checks what has become of it."""
    chance = random.Random()
    playing = [Client(fleet, f"box-{number}", members, chance.random()) for number in range(clients)]
    for client in playing:
        client.start()
    for _ in range(rounds):
        wanted = min(clients * members, sum(client.connected for client in playing) + 1)
        until(lambda wanted=wanted: sum(each.connected for each in playing) >= wanted, "nobody gets on")  # type: ignore[misc]
        threading.Event().wait(chance.random())
        fleet.kill_two(chance)
    for client in playing:
        client.join(2 * PATIENCE)
    assert [client.wrong for client in playing] == [[]] * clients
    assert [client.connected for client in playing] == [members] * clients
    for client in playing:
        check_callbacks(client, receiver)


def until(found: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not found():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def check_callbacks(client: Client, receiver: Receiver) -> None:
    """Every event of a sandbox has arrived, first attempts were made in order, and what they have brought came so."""

    owed: list[tuple[str, dict[str, Any]]] = []  # the bodies, oldest first, and what has become of them

    def all_delivered() -> bool:
        events = client.call("GET", "/_mocksrv/webhooks?limit=1000").json()["webhooks"]
        owed[:] = [(_text(event["payload"]), each) for event in events for each in event["deliveries"]]
        return all(each["state"] == "delivered" for _, each in owed)

    until(all_delivered, "callbacks are owed")  # of others, that come later, nothing is asked
    arrived = [_text(body) for body in receiver.bodies()]
    assert Counter(text for text, _ in owed) - Counter(arrived) == Counter()
    first_attempts = [min(attempt["at"] for attempt in each["attempts"]) for _, each in owed]
    assert first_attempts == sorted(first_attempts)
    # A receiver that has no time for a connection gets that body later, by the schedule of retries.
    late = {text for text, each in owed if any(attempt["status"] is None for attempt in each["attempts"])}
    in_time = dict.fromkeys(text for text, _ in owed if text not in late)
    assert [text for text in dict.fromkeys(arrived) if text in in_time] == list(in_time), _told(owed)


def _text(body: Any) -> str:
    return json.dumps(body, sort_keys=True)


def _told(owed: list[tuple[str, dict[str, Any]]]) -> str:
    """All attempts, for who looks for the reason of a failure."""
    return "\n".join(f"{text}: {each['attempts']}" for text, each in owed)


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return postgres.Schemas().take() if request.param == "postgres" else str(tmp_path / "state.db")


@pytest.fixture
def fleet(request: pytest.FixtureRequest, database: str, receiver: Receiver) -> Iterator[Fleet]:
    made: Fleet = request.param(database, receiver.url)
    yield made
    made.close()


ON_POSTGRES = pytest.param("postgres", marks=postgres.needs_postgres)


@pytest.mark.slow
@pytest.mark.parametrize("database", ["file", ON_POSTGRES], indirect=True)
@pytest.mark.parametrize("fleet", [Workers], indirect=True)
def test_workers_that_are_killed_lose_nothing(fleet: Fleet, receiver: Receiver) -> None:
    play(fleet, receiver, clients=4, members=6, rounds=3)


@pytest.mark.slow
@pytest.mark.parametrize("database", [ON_POSTGRES], indirect=True)
@pytest.mark.parametrize("fleet", [Servers], indirect=True)
def test_servers_that_are_killed_lose_nothing(fleet: Fleet, receiver: Receiver) -> None:
    play(fleet, receiver, clients=20, members=15, rounds=10)


@pytest.mark.slow
@pytest.mark.parametrize("database", ["file", ON_POSTGRES], indirect=True)
@pytest.mark.parametrize("fleet", [Workers], indirect=True)
def test_time_is_moved_and_watched_through_any_of_them(fleet: Fleet) -> None:
    client = Client(fleet, "box", 0, 0)
    assert client.call("PUT", "/_mocksrv/clock", {"mode": "manual"}).status_code == 200
    user = client.found_or_made("/users", "user", {"metadata": "m"}, "user")
    for number in range(5):
        member = client.approved_at_the_bank(user, number)
        client.call("POST", "/_mocksrv/clock/advance", {"by": "10m"})
        assert client.status(user, member)["connection_status"] == "CONNECTED"


@pytest.mark.slow
@pytest.mark.parametrize("database", ["file", ON_POSTGRES], indirect=True)
@pytest.mark.parametrize("fleet", [Workers], indirect=True)
def test_an_advance_and_who_waits_for_it_get_there_although_processes_are_killed(fleet: Fleet) -> None:
    chance = random.Random()
    client = Client(fleet, "box", 0, 0)
    assert client.call("PUT", "/_mocksrv/clock", {"mode": "manual"}).status_code == 200
    user = client.found_or_made("/users", "user", {"metadata": "m"}, "user")
    for number in range(3):
        member = client.approved_at_the_bank(user, number)
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(_wait_for, client, f"event=mx.aggregation&subject={member}")
            advancing = pool.submit(advance, client)
            threading.Event().wait(chance.random() / 2)
            fleet.kill_two(chance)
            assert "complete" not in advancing.result()  # which is there where it is false
            assert [event["subject"] for event in waiting.result()] == [member]
        assert client.status(user, member)["connection_status"] == "CONNECTED"


def advance(client: Client) -> dict[str, Any]:
    """Advances by ten minutes: again where nobody said that it was done, later where a dead process has the lease."""
    end = time.monotonic() + PATIENCE
    while (answer := client.call("POST", "/_mocksrv/clock/advance", {"by": "10m"})).status_code == 409:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert answer.status_code == 200, answer.text
    done: dict[str, Any] = answer.json()
    return done


def _wait_for(client: Client, matching: str) -> list[dict[str, Any]]:
    """The webhooks that match, as soon as there are any."""
    end = time.monotonic() + PATIENCE
    while not (found := client.call("GET", f"/_mocksrv/webhooks?{matching}&wait=10s").json()["webhooks"]):
        assert time.monotonic() < end
    return list(found)
