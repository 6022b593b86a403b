"""A hundred logins at once: how long polls take meanwhile, in their sandbox and in another."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bench import load
from bench.mx import Client, status_path
from bench.report import Row

if TYPE_CHECKING:
    from bench.measures import Setup

LOGINS = 100
SECONDS = 10
RATE = 50  # polls per second


def storm(setup: Setup) -> Iterator[Row]:
    """Each poll is counted from when it was due."""
    with setup.server() as server:
        here, elsewhere = Client(server.url), Client(server.url)
        there = "/sandbox/other"
        login = here.login()
        users = [here.create_user(f"u{number}") for number in range(LOGINS)]
        apart = elsewhere.call("POST", f"{there}/users", {"user": {"id": "apart"}})["user"]["guid"]
        body = {"member": {"institution_code": "mxbank", "credentials": login}}
        member = elsewhere.call("POST", f"{there}/users/{apart}/members", body)["member"]["guid"]
        members = [here.create_member(user, login) for user in users]
        paths = {"here": status_path(users[0], members[0]), "elsewhere": there + status_path(apart, member)}
        took: dict[str, list[float]] = {name: [] for name in paths}
        clients = {"here": here, "elsewhere": elsewhere}
        threads = [
            threading.Thread(target=poll, args=(clients[name], path, took[name])) for name, path in paths.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for name, times in took.items():
        yield Row(
            f"poll while {LOGINS} logins connect, {name}, p99", "ms", load.percentile(times, 99), goal=f"{name} p99"
        )
        yield Row(f"poll while {LOGINS} logins connect, {name}, worst", "ms", max(times), goal=f"{name} worst")


def poll(client: Client, path: str, took: list[float]) -> None:
    """Appends milliseconds."""
    began = time.monotonic()
    for number in range(SECONDS * RATE):
        due = began + number / RATE
        time.sleep(max(0.0, due - time.monotonic()))
        client.call("GET", path)
        took.append((time.monotonic() - due) * 1000)
