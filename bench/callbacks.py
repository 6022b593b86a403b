"""The measures of the callbacks: how soon, how many, beside dead receivers, in a hurry, and what they leave in
memory.
"""

from __future__ import annotations

import itertools
import statistics
import time
from array import array
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import urllib3

from bench.load import percentile
from bench.mx import Client
from bench.report import Row
from bench.server import BenchError, Server
from bench.sink import Sink

if TYPE_CHECKING:
    from bench.measures import Setup

EVENT = "mx.user.created"
LIMIT = 10.0  # seconds without a callback after which no more are expected
RATE, SECONDS = 50, 10
BACKLOG = 2_000
LANES, DEAD, FAN_OUTS, FAN_OUT_PAUSE = 100, 20, 40, 0.25
PENDING = 1_000
BURST = "mx.transaction.created"  # a member that connects brings hundreds at once
EARLY, LATE = 20_000, 100_000
LONG_AGO = "2000-01-01"


def latency(setup: Setup) -> Iterator[Row]:
    """From before the commit of the change that causes an event to the callback's arrival, at a steady rate."""
    with Sink() as sink, setup.server() as server:
        client = Client(server.url)
        subscribe(client, sink.urls, EVENT)
        client.create_user("warm-up")
        sink.wait_for(1, LIMIT)
        sink.take()
        began = time.perf_counter()
        for number in range(RATE * SECONDS):
            time.sleep(max(0.0, began + number / RATE - time.perf_counter()))
            client.create_user(f"u{number}")
        sink.wait_for(RATE * SECONDS, LIMIT)
        late = milliseconds(moments(client)[1:], sink.take()[0])
    note = f"{RATE} events/s, each caused by a POST /users"
    yield Row("commit to wire, p50", "ms", percentile(late, 50), goal="wire p50", note=note)
    yield Row("commit to wire, p99", "ms", percentile(late, 99), goal="wire p99")


def throughput(setup: Setup) -> Iterator[Row]:
    """A backlog to one receiver, against the bare HTTP client that posts to the same one, in turns."""
    ours: list[float] = []
    theirs: list[float] = []
    with Sink() as sink, setup.server() as server:
        client = Client(server.url)
        fill(client, sink, BACKLOG)
        for _ in range(setup.rounds):
            replayed = client.call("POST", "/_mocksrv/webhooks/replay", {"since": LONG_AGO})["replayed"]
            if len(replayed) != BACKLOG:
                raise BenchError(f"{len(replayed)} of {BACKLOG} events were sent again")
            sink.wait_for(BACKLOG, LIMIT)
            ours.append(rate(sink.take()[0]))
            post(sink.url, sample(client), BACKLOG)
            theirs.append(rate(sink.take()[0]))
    note = "peer: urllib3 alone, same receiver; medians of the rounds"
    yield Row(
        "callbacks to one receiver", "calls/s", statistics.median(ours), statistics.median(theirs), "throughput", note
    )


def hanging(setup: Setup) -> Iterator[Row]:
    """Many receivers of which some never answer: how late the callbacks of the others come in."""
    with Sink(LANES - DEAD, DEAD) as sink, setup.server() as server:
        client = Client(server.url)
        subscribe(client, sink.urls, EVENT)
        for number in range(FAN_OUTS + 1):
            client.create_user(f"u{number}")
            time.sleep(FAN_OUT_PAUSE)
        sink.wait_for((LANES - DEAD) * (FAN_OUTS + 1), LIMIT)
        arrived = sink.take()[: LANES - DEAD]
        occurred = moments(client)
        if any(len(each) != len(occurred) for each in arrived):
            raise BenchError("a receiver that answers did not get every callback once")
        late = [ms for each in arrived for ms in milliseconds(occurred[1:], each[1:])]  # the first ones connect
    note = f"{1 / FAN_OUT_PAUSE:g} events/s to each of {LANES} receivers"
    yield Row(f"{DEAD} of {LANES} receivers hang: the others, p50", "ms", percentile(late, 50), note=note)
    yield Row(f"{DEAD} of {LANES} receivers hang: the others, p99", "ms", percentile(late, 99), goal="hanging p99")


def hurry(setup: Setup) -> Iterator[Row]:
    """An advance over the retries of callbacks that had failed."""
    with Sink() as sink, setup.server("--clock", "manual") as server:
        client = Client(server.url)
        sink.answer(500)
        fill(client, sink, PENDING)
        sink.answer(200)
        began = time.perf_counter()
        client.call("POST", "/_mocksrv/clock/advance", {"by": "24h"})
        took = time.perf_counter() - began
        if sink.count() != PENDING:
            raise BenchError(f"the advance sent {sink.count():,} of {PENDING:,} callbacks")
    yield Row(f"advance 24h over {PENDING:,} pending retries", "s", took, goal="hurry")


def memory(setup: Setup) -> Iterator[Row]:
    """What the server holds after many callbacks, and after many more: members connect, bring their events, and go
    again.
    """
    grown: list[float] = []
    numbers = itertools.count()
    with Sink() as sink, setup.server("--clock", "manual") as server:
        client = Client(server.url)
        subscribe(client, sink.urls, BURST)
        login = client.login()
        for goal in (EARLY, LATE):
            while sink.count() < goal:
                user = client.create_user(f"u{next(numbers)}")
                client.create_member(user, login)
                client.call("POST", "/_mocksrv/clock/advance", {"by": "10s"})
                client.call("DELETE", f"/users/{user}")
            grown.append(held(server))
    yield Row(f"memory after {LATE:,} callbacks", "MB", grown[1], grown[0], goal="flat", note=f"peer: after {EARLY:,}")


def subscribe(client: Client, urls: list[str], event: str) -> None:
    """Sends the events of one name, and nothing else, to these URLs."""
    client.call("PUT", "/_mocksrv/endpoints", {"endpoints": [{"url": url, "events": [event]} for url in urls]})


def fill(client: Client, sink: Sink, number: int) -> None:
    """Makes that many events, each sent to the sink once."""
    subscribe(client, sink.urls, EVENT)
    for _ in range(number):
        client.call("POST", "/_mocksrv/trigger", {"event": EVENT})
    sink.wait_for(number, LIMIT)
    sink.take()


def sample(client: Client) -> tuple[dict[str, str], bytes]:
    """Headers and body of a callback as it was sent."""
    event = client.call("GET", "/_mocksrv/webhooks?limit=1")["webhooks"][0]["id"]
    request = client.call("GET", f"/_mocksrv/webhooks/{event}")["deliveries"][0]["attempts"][0]["request"]
    return request["headers"], request["body"].encode()


def post(url: str, callback: tuple[dict[str, str], bytes], number: int) -> None:
    """What a program does that only posts: the bare client over one kept connection."""
    headers, body = callback
    pool = urllib3.PoolManager(maxsize=1, retries=False)
    for _ in range(number):
        pool.request("POST", url, body=body, headers=headers)


def moments(client: Client) -> list[float]:
    """When (time.time) the events of the sandbox occurred, oldest first."""
    found: list[float] = []
    after = ""
    while page := client.call("GET", f"/_mocksrv/webhooks?limit=500{after}")["webhooks"]:
        found += [datetime.fromisoformat(event["occurred_at"]).timestamp() for event in page]
        after = f"&after={page[-1]['id']}"
    return found


def milliseconds(occurred: list[float], arrived: array) -> list[float]:
    """How late the callbacks came in, each after its event."""
    return [(there - here) * 1000 for here, there in zip(occurred, arrived, strict=True)]


def rate(arrived: array) -> float:
    """How many came in per second."""
    return (len(arrived) - 1) / (arrived[-1] - arrived[0])


def held(server: Server) -> float:
    """Megabytes."""
    found = server.memory()
    return found.rss if found.pss is None else found.pss
