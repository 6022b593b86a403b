"""`GET /stream`: what happens in a sandbox, as it happens."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests

import mocksrv
from mocksrv.engine.engine import Engine
from mocksrv.engine.observers import Happening
from mocksrv.providers.provider import Refusal
from mocksrv.web.hosting.stream import MOST_PARTS
from mocksrv.web.stream import BEAT, MOST_STREAMS, Streams
from tests.conftest import MX, Parts

LONGEST = 20  # seconds that something may take to come


@pytest.fixture(scope="module")
def server() -> Iterator[mocksrv.Server]:
    with mocksrv.Server(clock="manual") as running:
        yield running


class Listener:
    """A client of a stream: its events so far, and those that come."""

    def __init__(self, url: str) -> None:
        self._answer = requests.get(f"{url}/_mocksrv/stream", stream=True, timeout=LONGEST)
        assert self._answer.status_code == 200, self._answer.text
        assert self._answer.headers["Content-Type"].startswith("text/event-stream")
        self._lines = self._answer.iter_lines(chunk_size=1)
        self.opened = self.next("open")

    def next(self, kind: str) -> dict[str, Any]:
        """The data of the next event of a kind."""
        event = ""
        for line in self._lines:
            name, _, value = line.decode().partition(": ")
            if name == "event":
                event = value
            elif name == "data" and event == kind:
                data: dict[str, Any] = json.loads(value)
                return data
        raise AssertionError(f"the stream ended before a {kind!r}")

    def close(self) -> None:
        self._answer.close()


def test_a_change_is_told_within_200_ms(server: mocksrv.Server) -> None:
    sandbox = f"{server.url}/sandbox/told"
    listener = Listener(sandbox)
    assert listener.opened["sandbox"] == "told"
    url = f"{sandbox}/users"
    headers = {"Accept": "application/vnd.mx.api.v1+json"}
    taken = []
    for number in range(5):
        requests.post(url, json={"user": {"id": f"u-{number}"}}, auth=("a", "b"), headers=headers, timeout=LONGEST)
        asked = time.monotonic()
        assert listener.next("call")["detail"] == "POST /users: 200"
        taken.append(time.monotonic() - asked)
    listener.close()
    assert min(taken) < 0.2


def test_a_members_statuses_are_told_in_their_order(server: mocksrv.Server) -> None:
    sandbox = f"{server.url}/sandbox/statuses"
    listener, other = Listener(sandbox), Listener(server.url)
    requests.post(f"{sandbox}/_mocksrv/trigger", json={"event": "mx.member.created"}, timeout=LONGEST)
    told = listener.next("event")
    assert told["detail"] == "mx.member.created"
    requests.post(f"{server.url}/_mocksrv/trigger", json={"event": "mx.member.deleted"}, timeout=LONGEST)
    assert other.next("event")["detail"] == "mx.member.deleted"  # that of the other sandbox is not told here
    listener.close()
    other.close()


def test_streams_keep_no_thread_and_are_bounded(server: mocksrv.Server) -> None:
    sandbox = f"{server.url}/sandbox/many"
    with ExitStack() as stack:
        threads = threading.active_count()
        for _ in range(MOST_STREAMS):
            stack.callback(Listener(sandbox).close)
        assert threading.active_count() <= threads + 2  # one writes to all
        refused = requests.get(f"{sandbox}/_mocksrv/stream", timeout=LONGEST)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert f"has {MOST_STREAMS} streams" in refused.json()["detail"]
        stack.callback(Listener(server.url).close)  # another sandbox has its own
    until = time.monotonic() + LONGEST
    while requests.get(f"{sandbox}/_mocksrv/stream", timeout=LONGEST, stream=True).status_code == 503:
        assert time.monotonic() < until, "clients that have gone keep their place"


def test_a_page_of_another_site_gets_none(server: mocksrv.Server) -> None:
    foreign = requests.get(f"{server.url}/_mocksrv/stream", headers={"Origin": "https://evil.example"}, timeout=LONGEST)
    assert foreign.status_code == 403


def test_head_opens_none(mx: MX) -> None:
    for _ in range(MOST_STREAMS + 1):
        answer = mx.http.head("/_mocksrv/stream")
        assert (answer.status_code, answer.mimetype) == (200, "text/event-stream")


def note(engine: Engine, count: int) -> None:
    for number in range(count):
        engine.observers.tell([Happening("default", 0, "call", None, str(number))])


def test_who_does_not_keep_up_is_told_how_many_were_missed(make_server: Any) -> None:
    parts: Parts = make_server()
    streams = Streams(parts.engine)
    stream = streams.open(parts.engine.sandbox("default"))
    sent = seen = missed = 0
    for _ in range(MOST_PARTS + 20):  # nobody reads
        note(parts.engine, 3)
        sent += 3
        streams.flush()
    reading = iter(stream)
    for _ in range(MOST_PARTS):
        seen += next(reading).count(b"event: call")
    note(parts.engine, 1)  # with the next event it is told
    streams.flush()
    while seen + missed < sent + 1:
        part = next(reading)
        seen += part.count(b"event: call")
        if b"event: missed" in part:
            missed += json.loads(part.partition(b"data: ")[2].partition(b"\n")[0])["count"]
    assert missed > 0
    assert seen + missed == sent + 1
    stream.close()
    assert not streams.flush()  # nobody listens


def test_where_nothing_happens_it_is_kept_alive(make_server: Any) -> None:
    parts: Parts = make_server()
    stream = Streams(parts.engine, heartbeat=0.01).open(parts.engine.sandbox("default"))
    reading = iter(stream)
    assert next(reading).startswith(b"retry: ")
    assert next(reading) == BEAT
    stream.close()


def test_the_last_place_is_given_back(make_server: Any) -> None:
    parts: Parts = make_server()
    streams, sandbox = Streams(parts.engine), parts.engine.sandbox("default")
    opened = [streams.open(sandbox) for _ in range(MOST_STREAMS)]
    with pytest.raises(Refusal, match="streams already"):
        streams.open(sandbox)
    opened[0].close()
    opened[0].close()
    streams.open(sandbox).close()
    for stream in opened:
        stream.close()
    assert not streams.flush()  # nobody listens
