"""The measures: each takes a Setup and yields rows."""

import json
import shlex
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import callbacks, dashboards, load, rivals, storm, testing
from bench.fill import fill
from bench.mx import HEADERS, MX_BANK, Client, status_path
from bench.receiver import Receiver
from bench.report import Row
from bench.server import BenchError, Memory, Server, bare_flask, get

STARTS = 5
CONNECTIONS = (1, 8, 32)
SIZES = (10, 10_000, 200_000)
SIZE_CONNECTIONS = 8
CALLBACKS = 100
CALLBACK_PAUSE = 0.02
CALLBACK_LIMIT = 5.0
CONNECTS = 40
CROWD, CROWD_AT_ONCE = 1000, 50
BANKS = {"everyday": "aurora_mills_bank", "mxbank": MX_BANK}  # data profile -> an institution that brings it
TRANSACTIONS, PAGE = 10_000, 25
ANY_STATUS = status_path("USR-1", "MBR-1")


@dataclass(frozen=True)
class Setup:
    """What a run shares: mocksrv's command, the API's file, the load generator's processes, seconds and number of
    rounds of load.
    """

    command: str
    spec: Path | None
    pool: Executor
    seconds: float
    rounds: int

    def server(self, *options: str) -> Server:
        """mocksrv with these options of `serve`, ready when it answers an MX call."""
        command = f"{self.command} serve --port 0 --threads 8 {shlex.join(options)}"
        return Server(command, lambda url: get(url + "/users", HEADERS)[0] == 200)

    def polls(self, urls: list[str], connections: int) -> list[load.Load]:
        """The load on each URL, in turns, so that what disturbs the machine disturbs all of them."""
        totals = [load.Load() for _ in urls]
        for _ in range(self.rounds):
            for url, total in zip(urls, totals, strict=True):
                total.add(load.run(self.pool, url, HEADERS, connections, self.seconds))
        if not all(total.latencies for total in totals):
            raise BenchError("not one answer came back in time")
        return totals


def start(setup: Setup) -> Iterator[Row]:
    """Spawn to first correct answer, median; the first start of each, which compiles, is not counted."""
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(STARTS + 1):
        for server, seconds in ((setup.server(), ours), (bare_flask(ANY_STATUS, 500), theirs)):
            with server:
                seconds.append(server.start_seconds)
    yield Row(
        "start, spawn to first answer", "s", statistics.median(ours[1:]), statistics.median(theirs[1:]), goal="start"
    )


def polling(setup: Setup) -> Iterator[Row]:
    """Status polls and memory, against a bare Flask app whose constant has the size of mocksrv's answer. A process that
    compiles what it imports, as the first of each does, keeps memory for that.
    """
    with setup.server(), bare_flask(ANY_STATUS, 500):
        pass
    with setup.server() as server:
        fresh = server.memory()
        client = Client(server.url)
        user = client.create_user("u1")
        path = status_path(user, client.create_member(user, client.login()))
        client.wait_until_connected(path)
        body = get(server.url + path, HEADERS)[1]
        with bare_flask(path, len(body)) as peer:
            yield memory_row("memory after the first answer", fresh, peer.memory(), goal="memory idle")
            for connections in CONNECTIONS:
                ours, theirs = setup.polls([server.url + path, peer.url + path], connections)
                label = f"poll, {connections} connection{'s' * (connections > 1)}"
                yield Row(label, "calls/s", ours.per_second, theirs.per_second, goal="poll", note=errors(ours))
                yield Row(f"{label}, p50", "ms", ours.percentile_ms(50), theirs.percentile_ms(50))
                yield Row(f"{label}, p99", "ms", ours.percentile_ms(99), theirs.percentile_ms(99))
            yield memory_row("memory after the polls", server.memory(), peer.memory())


def memory_row(measure: str, ours: Memory, theirs: Memory, goal: str | None = None) -> Row:
    """Both servers counted in the same way: by PSS where the kernel tells it of both, else by RSS."""
    if ours.pss is None or theirs.pss is None:
        return Row(measure, "MB RSS", ours.rss, theirs.rss, goal)
    return Row(measure, "MB PSS", ours.pss, theirs.pss, goal, note=f"RSS {ours.rss:.0f} and {theirs.rss:.0f}")


def answered(setup: Setup) -> Iterator[Row]:
    """From the answer to a POST that commits an event to the arrival of its callback; one that is there before the
    answer counts 0.
    """
    with Receiver() as receiver, setup.server("--webhook-url", receiver.url) as server:
        client = Client(server.url)
        login = client.login()
        milliseconds = []
        for i in range(CALLBACKS):
            user = client.create_user(f"u{i}")
            member = client.create_member(user, login)
            answered = time.perf_counter()
            arrived = receiver.arrival(member, CALLBACK_LIMIT)
            if arrived is None:
                raise BenchError(f"no callback within {CALLBACK_LIMIT:g} s")
            milliseconds.append(max(0.0, arrived - answered) * 1000)
            time.sleep(CALLBACK_PAUSE)
    yield Row("answer to callback, p50", "ms", load.percentile(milliseconds, 50), goal="callback p50")
    yield Row("answer to callback, p99", "ms", load.percentile(milliseconds, 99))


def connect(setup: Setup) -> Iterator[Row]:
    """From creating a member to its accounts and transactions being read: processor time of the server, and how many
    one client does in a second.
    """
    for profile, institution in BANKS.items():
        busy, per_second = connecting(setup, institution)
        yield Row(f"connect ({profile}), create to data read", "ms CPU", busy, goal="connect")
        yield Row(f"connect ({profile}), one after the other", "members/s", per_second)


def connecting(setup: Setup, institution: str) -> tuple[float, float]:
    """Milliseconds of processor time for one member of this institution, the mean of many; members per second."""
    with setup.server("--clock", "manual") as server:
        client = Client(server.url)
        login = client.login(institution)
        users = [client.create_user(f"u{i}") for i in range(CONNECTS + 1)]
        connect_once(client, users[0], login, institution)
        before, began = server.cpu_seconds(), time.perf_counter()
        for user in users[1:]:
            connect_once(client, user, login, institution)
        used, took = server.cpu_seconds() - before, time.perf_counter() - began
    return used / CONNECTS * 1000, CONNECTS / took


def connect_once(client: Client, user: str, login: list[dict[str, str]], institution: str) -> None:
    """Creates a member, lets ten seconds pass and reads what it brought."""
    member = client.create_member(user, login, institution)
    client.call("POST", "/_mocksrv/clock/advance", {"by": "10s"})
    for kind in ("accounts", "transactions"):
        if not client.call("GET", f"/users/{user}/members/{member}/{kind}")[kind]:
            raise BenchError(f"a connected member has no {kind}")


def crowd(setup: Setup) -> Iterator[Row]:
    """What the server holds in memory when many members have brought their data, and when these are gone."""
    with setup.server("--clock", "manual") as server:
        client = Client(server.url)
        login = client.login()
        idle = server.memory().rss
        for number in range(CROWD):
            client.create_member(client.create_user(f"u{number}"), login)
            if (number + 1) % CROWD_AT_ONCE == 0:
                client.call("POST", "/_mocksrv/clock/advance", {"by": "10s"})
        held = server.memory().rss
        client.call("POST", "/_mocksrv/reset")
        emptied = server.memory().rss
    yield Row(f"memory with {CROWD:,} members at MX Bank", "MB RSS", held, goal="crowd", note=f"idle {idle:.0f}")
    yield Row("memory after the reset of these", "MB RSS", emptied, note=f"idle {idle:.0f}")


def listing(setup: Setup) -> Iterator[Row]:
    """A page of a user's many transactions, against the status poll of the same server."""
    with ExitStack() as stack:
        database = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "many.sqlite3"
        user, member = fill(database, 1, TRANSACTIONS)
        server = stack.enter_context(setup.server("--database", str(database)))
        page = f"/users/{user}/transactions?records_per_page={PAGE}"
        found = json.loads(get(server.url + page, HEADERS)[1])
        if (len(found["transactions"]), found["pagination"]["total_entries"]) != (PAGE, TRANSACTIONS):
            raise BenchError(f"the list is not {PAGE} of {TRANSACTIONS:,} transactions: {found['pagination']}")
        pages, polls = setup.polls([server.url + page, server.url + status_path(user, member)], 1)
    note = f"peer: the status poll {errors(pages)}".rstrip()
    yield Row(
        f"list {PAGE} of {TRANSACTIONS:,} transactions, p50",
        "ms",
        pages.percentile_ms(50),
        polls.percentile_ms(50),
        "list",
        note,
    )
    yield Row("the same, p99", "ms", pages.percentile_ms(99), polls.percentile_ms(99))


def sizes(setup: Setup) -> Iterator[Row]:
    """The same poll in databases of growing size; the ratio is the time per call over that with the fewest members."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls, filled = [], []
        for members in SIZES:
            database = directory / f"{members}.sqlite3"
            began = time.perf_counter()
            path = status_path(*fill(database, members))
            filled.append(time.perf_counter() - began)
            urls.append(stack.enter_context(setup.server("--database", str(database))).url + path)
        totals = setup.polls(urls, SIZE_CONNECTIONS)
    smallest = 1000 / totals[0].per_second
    for members, total, took in zip(SIZES, totals, filled, strict=True):
        note = f"peer: fewest members; {total.per_second:,.0f} calls/s, filled in {took:.1f} s {errors(total)}".rstrip()
        yield Row(f"poll, {members:,} members", "ms/call", 1000 / total.per_second, smallest, goal="size", note=note)


def errors(total: load.Load) -> str:
    """A note on answers that were not 200."""
    return f"{total.errors:,} answers were not 200" if total.errors else ""


MEASURES: dict[str, Callable[[Setup], Iterator[Row]]] = {
    "start": start,
    "poll": polling,
    "callbacks": answered,
    "connect": connect,
    "crowd": crowd,
    "sizes": sizes,
    "list": listing,
    "wire": callbacks.latency,
    "throughput": callbacks.throughput,
    "hanging": callbacks.hanging,
    "advance": callbacks.hurry,
    "memory": callbacks.memory,
    "storm": storm.storm,
    "dashboards": dashboards.dashboards,
    "test": testing.tests,
    "rivals": rivals.beside,
}
