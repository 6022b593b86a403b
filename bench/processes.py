"""How polls, creates and callbacks grow with processes: `python -m bench.processes [--postgres URL] [--members N]
[--seconds S]`.

Each database is filled once; then 1, 2 and 4 workers serve it in turn. The load generator runs on the same machine:
what it takes for a poll is in a column of its own, and what the database itself takes is in none.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shlex
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bench import load
from bench.callbacks import EVENT, LIMIT, LONG_AGO, subscribe
from bench.fill import HEADERS, fill
from bench.mx import Client, status_path
from bench.server import Server, cpu_seconds, default_command, get
from bench.sink import Sink

WORKERS = (1, 2, 4)
CONNECTIONS = 8
BACKLOG = 250  # callbacks of a sandbox
CREATORS = 8  # clients that create users at the same time, each in a sandbox of its own
AUTH = {**HEADERS, "Authorization": "Basic YmVuY2g6YmVuY2g="}


def measure(database: str, members: int, seconds: float, pool: ProcessPoolExecutor) -> Iterator[tuple[object, ...]]:
    """Workers, polls per second, ms of processor time each, the generator's ms each, the first two of creates and of
    callbacks, and MB, for each number of workers.
    """
    path = status_path(*fill(database, members))
    for workers in WORKERS:
        options = shlex.join(["--workers", str(workers), "--database", database, "--quiet"])
        command = f"{default_command()} serve --port 0 {options}"
        with Server(command, lambda url: get(url + path, AUTH)[0] == 200) as server:
            time.sleep(1.0)  # the other workers start after the first
            before, generated = server.cpu_seconds(), generator_seconds()
            polls = load.run(pool, server.url + path, AUTH, CONNECTIONS, seconds)
            polled, generated = server.cpu_seconds() - before, generator_seconds() - generated
            before = server.cpu_seconds()
            creates = created(server.url, seconds)
            worked = server.cpu_seconds() - before
            per_second, sending = sent(server)
            share = seconds / (seconds + load.WARM_UP)
            yield (
                workers,
                round(polls.per_second),
                *(round(used * share / len(polls.latencies) * 1000, 2) for used in (polled, generated)),
                round(creates / seconds),
                round(worked / max(1, creates) * 1000, 2),
                round(per_second),
                round(sending * 1000, 2),
                round(server.memory().rss),
            )


def generator_seconds() -> float:
    """Processor time of the load generator so far."""
    return cpu_seconds(each.pid for each in multiprocessing.active_children() if each.pid is not None)


def created(url: str, seconds: float) -> int:
    """How many users are created within this time, by clients with a sandbox each."""
    counts = [0] * CREATORS
    end = time.monotonic() + seconds

    def create(place: int) -> None:
        client = Client(url)
        while time.monotonic() < end:
            client.call("POST", f"/sandbox/s{place}/users", {"user": {"metadata": "x"}})
            counts[place] += 1

    threads = [threading.Thread(target=create, args=(place,)) for place in range(CREATORS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts)


def sent(server: Server) -> tuple[float, float]:
    """How many callbacks of a backlog are sent in a second, by sandboxes with a receiver each, and the seconds of
    processor time of one.
    """
    with Sink(CREATORS) as sink:
        clients = [Client(f"{server.url}/sandbox/c{place}") for place in range(CREATORS)]
        for client, url in zip(clients, sink.urls, strict=True):
            subscribe(client, [url], EVENT)
            client.create_user("first")
            for _ in range(BACKLOG - 1):
                client.call("POST", "/_mocksrv/trigger", {"event": EVENT})
        number = CREATORS * BACKLOG
        sink.wait_for(number, LIMIT)
        sink.take()
        before = server.cpu_seconds()
        for client in clients:
            client.call("POST", "/_mocksrv/webhooks/replay", {"since": LONG_AGO})
        sink.wait_for(number, LIMIT)
        used = server.cpu_seconds() - before
        arrived = sink.take()
        took = max(each[-1] for each in arrived) - min(each[0] for each in arrived)
        for client in clients:
            client.call("DELETE", "/_mocksrv/sandbox")
    return number / took, used / number


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.processes", description=__doc__)
    parser.add_argument("--postgres", metavar="URL", help="an empty database, which is filled")
    parser.add_argument("--members", type=int, default=1000, help="members in the database")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each load")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(load.PROCESSES) as pool:
        databases = {"SQLite": str(Path(folder) / "state.db")} | (
            {"PostgreSQL": options.postgres} if options.postgres else {}
        )
        print("database    workers  polls/s  ms each  generator  creates/s  ms each  callbacks/s  ms each  MB")
        for name, database in databases.items():
            for workers, *figures in measure(database, options.members, options.seconds, pool):
                polls, poll_ms, load_ms, creates, create_ms, callbacks, callback_ms, megabytes = figures
                print(
                    f"{name:<11} {workers:>7}  {polls:>7}  {poll_ms:>7}  {load_ms:>9}  {creates:>9}  {create_ms:>7}"
                    f"  {callbacks:>11}  {callback_ms:>7}  {megabytes}"
                )


if __name__ == "__main__":
    main()
