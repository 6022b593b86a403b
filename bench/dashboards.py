"""What dashboards that are open cost the API: polls beside logins, with none of them open and with twenty, in turns."""

from __future__ import annotations

import http.client
import multiprocessing
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from multiprocessing.synchronize import Event
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bench import load
from bench.background import Background
from bench.mx import HEADERS, Client, status_path
from bench.report import Row
from bench.server import BenchError, Server

if TYPE_CHECKING:
    from bench.measures import Setup

OPEN = 20
VIEWS = ("overview", "subjects", "webhooks", "requests")  # each is open in a quarter of them
LOGINS = 2  # per second
CONNECTIONS = 4
START_LIMIT = 20.0  # seconds
GATHERED, REST = 0.1, "X-Mocksrv-Rest"  # as in the dashboard's script
SHOWN = {"Accept": "text/html", "X-Page-Script": "1"}  # a page that is open asks anew


def dashboards(setup: Setup) -> Iterator[Row]:
    """Rounds with none and with all open, in turns; the peer is the server with none open."""
    with setup.server() as server:
        client = Client(server.url)
        login = client.login()
        user = client.create_user("polled")
        path = status_path(user, client.create_member(user, login))
        client.wait_until_connected(path)
        none, all_ = Work(), Work()
        for number in range(setup.rounds):
            for work, open_ in ((none, 0), (all_, OPEN)):
                with Browsers(server.url, open_) if open_ else nullcontext():
                    work.add(setup, server, path, Logins(server.url, login, f"{number}-{open_}"))
    note = f"peer: none open; {LOGINS} logins/s beside the polls"
    label = f"polls with {OPEN} dashboards open"
    yield Row(label, "calls/s", all_.load.per_second, none.load.per_second, goal="dashboards", note=note)
    more = all_.seconds - len(all_.load.latencies) * none.seconds / len(none.load.latencies)
    yield Row(f"{OPEN} dashboards, of a processor", "%", more / all_.load.seconds * 100, goal="share of dashboards")


@dataclass
class Work:
    """Polls, and the processor time of the server meanwhile."""

    load: load.Load = field(default_factory=load.Load)
    seconds: float = 0.0

    def add(self, setup: Setup, server: Server, path: str, logins: Logins) -> None:
        """One more round."""
        with logins:
            before = server.cpu_seconds()
            self.load.add(load.run(setup.pool, server.url + path, HEADERS, CONNECTIONS, setup.seconds))
            self.seconds += server.cpu_seconds() - before


class Logins(Background):
    """Members that connect at a steady rate."""

    def __init__(self, url: str, login: list[dict[str, str]], name: str) -> None:
        super().__init__()
        self._client = Client(url)
        self._login = login
        self._name = name

    def work(self) -> None:
        number = 0
        while not self.over.wait(1 / LOGINS):
            number += 1
            self._client.create_member(self._client.create_user(f"{self._name}-{number}"), self._login)


class Browsers:
    """A process with so many dashboards open, each in a browser of its own, while it is entered."""

    def __init__(self, url: str, count: int) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._ready, self._over = spawn.Event(), spawn.Event()
        self._process = spawn.Process(target=browse, args=(url, count, self._ready, self._over), daemon=True)

    def __enter__(self) -> None:
        self._process.start()
        if not self._ready.wait(START_LIMIT):
            raise BenchError(f"the dashboards were not open within {START_LIMIT:g} s")

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._process.join()


def browse(url: str, count: int, ready: Event, over: Event) -> None:
    """The process: all dashboards are open when ``ready`` is set, and are left when ``over`` is."""
    opened = threading.Barrier(count + 1)
    threads = [
        threading.Thread(target=_look, args=(url, VIEWS[number % len(VIEWS)], opened, over)) for number in range(count)
    ]
    for thread in threads:
        thread.start()
    opened.wait()
    ready.set()
    for thread in threads:
        thread.join()


def _look(url: str, view: str, opened: threading.Barrier, over: Event) -> None:
    """One dashboard: as its script does it asks for its page after something has happened, and rests as it is told."""
    pages = http.client.HTTPConnection(urlsplit(url).netloc)
    pace, fetched = _fetch(pages, view), time.monotonic()
    with _stream(url) as stream:
        opened.wait()
        happened = False
        while not over.is_set():
            due = max(0.0, fetched + pace - time.monotonic()) if happened else GATHERED
            if not happened or due:
                if select.select([stream], [], [], min(due, GATHERED))[0]:
                    happened = bool(stream.recv(2**20)) or happened
                continue
            happened, fetched = False, time.monotonic()
            pace = _fetch(pages, view)
    pages.close()


def _stream(url: str) -> socket.socket:
    """A stream of what happens, from after its head."""
    parts = urlsplit(url)
    made = socket.create_connection((parts.hostname or "", parts.port or 80))
    made.sendall(f"GET /_mocksrv/stream HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: text/event-stream\r\n\r\n".encode())
    made.recv(2**16)
    return made


def _fetch(pages: http.client.HTTPConnection, view: str) -> float:
    """A page; how many seconds to rest."""
    pages.request("GET", f"/_mocksrv/dashboard/{view}", headers=SHOWN)
    answer = pages.getresponse()
    answer.read()
    if answer.status != 200:
        raise BenchError(f"the dashboard answered {answer.status}")
    return max(GATHERED, int(answer.headers[REST]) / 1000)
