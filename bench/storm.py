"""A hundred logins at once: how long polls take meanwhile, in their sandbox and in another."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from bench import load
from bench.background import Background
from bench.mx import MX_BANK, Client, status_path
from bench.report import Row
from bench.server import BenchError, Server

if TYPE_CHECKING:
    from bench.measures import Setup

LOGINS = 100
TRANSACTIONS = 910  # that a login at MX Bank brings
RATE = 50  # polls per second
LIMIT = 60.0  # seconds within which all data must have come
THERE = "/sandbox/other"


def storm(setup: Setup) -> Iterator[Row]:
    """With a database on a disk, and in memory."""
    with tempfile.TemporaryDirectory() as folder:
        for name, database in (("file", str(Path(folder) / "storm.sqlite3")), ("memory", ":memory:")):
            with setup.server("--database", database) as server:
                yield from polled(server, name)


def polled(server: Server, database: str) -> Iterator[Row]:
    """The polls begin before the logins and end when the last of their transactions is there."""
    here, elsewhere = Client(server.url), Client(server.url)
    login = here.login()
    users = [here.create_user(f"u{number}") for number in range(LOGINS)]
    apart = elsewhere.call("POST", f"{THERE}/users", {"user": {"id": "apart"}})["user"]["guid"]
    body = {"member": {"institution_code": MX_BANK, "credentials": login}}
    member = elsewhere.call("POST", f"{THERE}/users/{apart}/members", body)["member"]["guid"]
    members = {users[0]: here.create_member(users[0], login)}
    polls = {
        "here": Poll(server, status_path(users[0], members[users[0]])),
        "elsewhere": Poll(server, THERE + status_path(apart, member)),
    }
    with ExitStack() as stack:
        for poll in polls.values():
            stack.enter_context(poll)
        began = time.monotonic()
        members |= {user: here.create_member(user, login) for user in users[1:]}
        created = time.monotonic() - began
        for user, guid in members.items():
            here.wait_until_connected(status_path(user, guid), LIMIT)
        took = time.monotonic() - began
    for user in users:
        found = here.call("GET", f"/users/{user}/transactions?records_per_page=10")["pagination"]["total_entries"]
        if found != TRANSACTIONS:
            raise BenchError(f"a login brought {found} of {TRANSACTIONS} transactions")
    note = f"created in {created:.1f} s, all data there after {took:.1f} s"
    for name, poll in polls.items():
        label = f"poll while {LOGINS} logins connect ({database}), {name}"
        yield Row(f"{label}, p99", "ms", load.percentile(poll.took, 99), goal=f"{name} p99", note=note)
        yield Row(f"{label}, worst", "ms", max(poll.took), goal=f"{name} worst")


class Poll(Background):
    """Calls a path at a steady rate; ``took`` is in ms, each poll counted from when it was due."""

    def __init__(self, server: Server, path: str) -> None:
        super().__init__()
        self.took: list[float] = []
        self._client = Client(server.url)
        self._path = path

    def work(self) -> None:
        due = time.monotonic()
        while not self.over.wait(max(0.0, due - time.monotonic())):
            self._client.call("GET", self._path)
            self.took.append((time.monotonic() - due) * 1000)
            due += 1 / RATE
