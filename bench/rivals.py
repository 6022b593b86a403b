"""mocksrv beside other mock servers and a bare Flask app, all measured in one run, in turns.

Each is installed by its own package manager into a temporary folder; one that cannot be is left out, with the reason.
Each reads what it has stored where it stores anything: a member's status, a Stripe customer, a topic of SNS. Prism and
Mockoon answer the example of the API's file, WireMock and Flask a constant of the size of mocksrv's answer.
"""

from __future__ import annotations

import base64
import http.client
import json
import shlex
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bench import load
from bench.mx import HEADERS, Client, status_path
from bench.report import Row
from bench.server import BenchError, Server, bare_flask, get

if TYPE_CHECKING:
    from bench.measures import Setup

INSTALL_LIMIT = 400.0  # seconds
STARTS = 3
CONNECTIONS = (1, 8, 32)
STATUS = status_path("USR-1", "MBR-1")
TOPIC = "arn:aws:sns:us-east-1:123456789012:bench"
STRIPE = {"Authorization": "Basic " + base64.b64encode(b"sk_test_bench:").decode()}
SCOPE = "Credential=a/20250101/us-east-1/sns/aws4_request"
AWS = {"Authorization": f"AWS4-HMAC-SHA256 {SCOPE}, SignedHeaders=host, Signature=x"}


def _nothing(url: str, size: int) -> str:
    return STATUS


def _customer(url: str, size: int) -> str:
    headers = {**STRIPE, "Content-Type": "application/x-www-form-urlencoded"}
    return f"/v1/customers/{json.loads(_post(url, '/v1/customers', 'email=a@b.example', headers))['id']}"


def _topic(url: str, size: int) -> str:
    get(f"{url}/?Action=CreateTopic&Name=bench&Version=2010-03-31", AWS)
    return f"/?Action=GetTopicAttributes&TopicArn={TOPIC}&Version=2010-03-31"


def _stub(url: str, size: int) -> str:
    answer = {"status": 200, "body": "x" * size, "headers": {"Content-Length": str(size)}}
    stub = {"request": {"method": "GET", "url": STATUS}, "response": answer}
    _post(url, "/__admin/mappings", json.dumps(stub), {"Content-Type": "application/json"})
    return STATUS


def _post(url: str, path: str, body: str, headers: Mapping[str, str]) -> bytes:
    """The body of a 2xx answer. Raises BenchError."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("POST", path, body, dict(headers))
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    if answer.status >= 300:
        raise BenchError(f"POST {path} answered {answer.status}")
    return text


@dataclass(frozen=True)
class Rival:
    """Another server. ``command`` is below the folder that it is installed in; ``prepare(url, size)`` brings what is
    read there and gives its path; ``alive`` is a path that it answers with any status below 500.
    """

    name: str
    installer: str  # npm or pip
    package: str
    command: str
    headers: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[str, int], str] = _nothing
    alive: str = STATUS
    needs: str = ""  # a program that must be there

    def install(self, folder: Path) -> None:
        """Raises BenchError, subprocess.SubprocessError, OSError."""
        if self.needs and shutil.which(self.needs) is None:
            raise BenchError(f"there is no {self.needs}")
        folder.mkdir()
        if self.installer == "npm":
            if (npm := shutil.which("npm")) is None:
                raise BenchError("there is no npm")
            quiet = ("--no-save", "--no-audit", "--no-fund", "--loglevel=error")
            _run([npm, "install", *quiet, "--prefix", str(folder), self.package], folder)
        else:
            _run([sys.executable, "-m", "venv", str(folder / "venv")], folder)
            _run([str(folder / "venv/bin/python"), "-m", "pip", "install", "--quiet", self.package], folder)

    def server(self, folder: Path, spec: Path | None) -> Server:
        """Not yet started. Raises BenchError where it needs a file that is not there."""
        if "{spec}" in self.command and (spec is None or not spec.is_file()):
            raise BenchError("it serves the API's OpenAPI file: --spec names it" if spec is None else f"no file {spec}")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        line = self.command.format(port=port, spec=shlex.quote(str(spec and spec.resolve())))
        place = "node_modules/.bin" if self.installer == "npm" else "venv/bin"
        url = f"http://127.0.0.1:{port}"
        return Server(f"{folder}/{place}/{line}", lambda at: get(at + self.alive, dict(self.headers))[0] < 500, url=url)


RIVALS = (
    Rival(
        "localstripe", "pip", "localstripe", "localstripe --port {port} --from-scratch", STRIPE, _customer, "/v1/plans"
    ),
    Rival("moto server", "pip", "moto[server]", "moto_server -H 127.0.0.1 -p {port}", AWS, _topic, "/moto-api/"),
    Rival(
        "Prism", "npm", "@stoplight/prism-cli", "prism mock --port {port} --verboseLevel error {spec}", headers=HEADERS
    ),
    Rival(
        "Mockoon",
        "npm",
        "@mockoon/cli",
        "mockoon-cli start --disable-log-to-file --disable-admin-api --hostname 127.0.0.1 --port {port} --data {spec}",
        headers=HEADERS,
    ),
    Rival(
        "WireMock",
        "npm",
        "wiremock",
        "wiremock --port {port} --bind-address 127.0.0.1 --disable-banner --no-request-journal",
        prepare=_stub,
        alive="/__admin/mappings",
        needs="java",
    ),
)

GOALS_BESIDE = {  # what is measured, and beside whom -> the goal of mocksrv
    ("start", "localstripe"): "start beside",
    ("reads", "bare Flask"): "poll",
    ("reads", "localstripe"): "reads of a sandbox",
    ("p99", "localstripe"): "p99 beside",
    **{("reads", name): "reads of a mock" for name in ("moto server", "Prism", "Mockoon")},
}


def _run(command: Sequence[str], folder: Path) -> None:
    """Raises BenchError with the first line of what is said."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_LIMIT, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line and not line.startswith("WARNING")]
        raise BenchError(f"{command[-1]} could not be installed: {said[0] if said else done.returncode}")


@dataclass
class Runner:
    """A server of the field: how it is started, and what is read of it."""

    name: str
    make: Callable[[], Server]
    headers: Mapping[str, str]
    prepare: Callable[[str], str]

    def starts(self) -> float:
        """Seconds to the first answer, median; the first start, which compiles, is not counted."""
        seconds = []
        for _ in range(STARTS + 1):
            with self.make() as server:
                seconds.append(server.start_seconds)
        return statistics.median(seconds[1:])


def beside(setup: Setup) -> Iterator[Row]:
    """Start, memory and reads of each."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        field_, left_out = runners(setup, Path(folder))
        yield from left_out
        yield from compared(setup, field_)


def runners(setup: Setup, folder: Path) -> tuple[list[Runner], list[Row]]:
    """mocksrv first, then whoever could be installed and started; and a row for each that could not."""
    with setup.server() as server:
        size = len(get(server.url + _member(server.url), HEADERS)[1])
    found = [
        Runner("mocksrv", setup.server, HEADERS, _member),
        Runner("bare Flask", lambda: bare_flask(STATUS, size), {}, lambda _: STATUS),
    ]
    left_out = []
    for rival in RIVALS:
        place = folder / rival.name.replace(" ", "-")

        def make(rival: Rival = rival, place: Path = place) -> Server:
            return rival.server(place, setup.spec)

        def prepare(url: str, rival: Rival = rival) -> str:
            return rival.prepare(url, size)

        try:
            rival.install(place)
            with make() as trial:
                path = prepare(trial.url)
                if (status := get(trial.url + path, dict(rival.headers))[0]) != 200:
                    raise BenchError(f"GET {path} answered {status}")
        except (BenchError, OSError, subprocess.SubprocessError, http.client.HTTPException) as error:
            left_out.append(Row(f"beside {rival.name}", "", note=f"not measured: {error}"))
        else:
            found.append(Runner(rival.name, make, rival.headers, prepare))
    return found, left_out


def _member(url: str) -> str:
    """The status path of a new, connected member."""
    client = Client(url)
    user = client.create_user("u1")
    path = status_path(user, client.create_member(user, client.login()))
    client.wait_until_connected(path)
    return path


def compared(setup: Setup, field_: Sequence[Runner]) -> Iterator[Row]:
    """Every server of the field, one after the other in each round, so that what disturbs one disturbs all."""
    yield from rows("start", "start", "s", [runner.starts() for runner in field_], field_)
    with ExitStack() as stack:
        servers = [stack.enter_context(runner.make()) for runner in field_]
        urls = [server.url + runner.prepare(server.url) for runner, server in zip(field_, servers, strict=True)]
        idle = [server.memory() for server in servers]
        yield from rows("memory idle", "memory", "MB RSS", [memory.rss for memory in idle], field_)
        for connections in CONNECTIONS:
            totals, broken = reads(setup, field_, urls, connections)
            label = f"reads, {connections} connection{'s' * (connections > 1)}"
            yield from broken
            yield from rows(label, "reads", "calls/s", [total.per_second for total in totals], field_)
            yield from rows(f"{label}, p99", "p99", "ms", [total.percentile_ms(99) for total in totals], field_)


def reads(
    setup: Setup, field_: Sequence[Runner], urls: Sequence[str], connections: int
) -> tuple[list[load.Load], list[Row]]:
    """The load on each, in turns, and a row for each that broke under it, whose load is empty then."""
    totals, broken = [load.Load() for _ in urls], dict[int, Row]()
    for _ in range(setup.rounds):
        for place, (url, runner) in enumerate(zip(urls, field_, strict=True)):
            if place in broken:
                continue
            try:
                totals[place].add(load.run(setup.pool, url, runner.headers, connections, setup.seconds))
            except OSError as error:
                broken[place] = Row(
                    f"beside {runner.name}, {connections} connections", "", note=f"not measured: {error}"
                )
                totals[place] = load.Load()
    return totals, list(broken.values())


def rows(measure: str, kind: str, unit: str, values: Sequence[float], field_: Sequence[Runner]) -> Iterator[Row]:
    """A row for each rival that was measured: mocksrv's value beside its own."""
    ours, *theirs = values
    for runner, value in zip(field_[1:], theirs, strict=True):
        if value:
            yield Row(measure, unit, ours, value, GOALS_BESIDE.get((kind, runner.name)), against=runner.name)
