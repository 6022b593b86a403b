"""``mocksrv demo``: a server and a receiver of its own, one scenario driven by plain HTTP calls, everything printed as
it happens.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from mocksrv.cli import words
from mocksrv.providers.demo import Choices, Demo, counted
from mocksrv.registry import declared, nouns

if TYPE_CHECKING:
    from mocksrv.engine.scenarios.model import Scenario
    from mocksrv.server import LocalServer

SEED = 7
TRIES = 5  # of a call that fails on the way
TROUBLE = (429, 500, 502, 503)  # answers after which a client tries again
PATIENCE = 5.0  # real seconds that a callback that was sent may take to be noticed
MOST_RETRIES = 50  # of moving on to the next pending callback


HELP = f"""Watch a scenario play: calls, statuses and callbacks as they happen. Needs no server.

NAME is a scenario, by default `challenged`; where two providers have one of that name, `finicity/oauth` says which. It
is played by a new {nouns()}. Starts a server and a webhook receiver of its own, needs nothing, and leaves nothing
behind. The exit status is 0 only if all callbacks arrived as the scenario plans it.
"""


@click.command(help=HELP)
@click.argument("name", default="challenged", shell_complete=words.bundled)
def demo(name: str) -> int:
    from mocksrv.cli.library import open_library
    from mocksrv.engine.config import Config
    from mocksrv.server import LocalServer

    scenario = open_library(()).find(name)
    kind = declared(scenario.provider).demo()
    screen = Screen(kind)
    with (
        closing(Receiver(screen)) as receiver,
        LocalServer(Config(port=0, seed=SEED, clock="manual", webhook_url=receiver.url)) as server,
    ):
        screen.head(scenario, server.url, receiver.url)
        runner = ServerRunner(server, screen, receiver.url)
        play = kind(runner, scenario, Choices(acts=True))
        play.run()
        if play.subject() is not None:
            runner.say(play.found())
        faults = verdict(runner, receiver)
    for fault in faults:
        click.echo(f"mocksrv demo: {fault}", err=True)
    return 1 if faults else 0


class Screen:
    """Prints what happens, line by line, with the sandbox's time, in the words of a provider's demo."""

    def __init__(self, kind: type[Demo]) -> None:
        self.kind = kind
        self.now = ""  # as 2026-01-01 12:00:00
        self._names: dict[str, str] = {}
        self._day = ""
        self._lock = threading.Lock()
        self._first: int | None = None  # the thread whose lines come first
        self._waiting: list[tuple[str, str, str | None]] = []  # lines of the others

    def head(self, scenario: Scenario, url: str, callbacks: str) -> None:
        """What is about to be seen."""
        click.echo(f"{scenario.name}: {scenario.summary}\n")
        click.echo(f"  server     {url}")
        click.echo(f"  callbacks  {callbacks}")
        click.echo("  clock      stands still; the demo moves it on to what happens next\n")

    @contextmanager
    def first(self) -> Iterator[None]:
        """While a call is out: its line comes before those of its callbacks."""
        self._first = threading.get_ident()
        try:
            yield
        finally:
            with self._lock:
                self._first = None
                for line in self._waiting:
                    self._print(*line)
                self._waiting.clear()

    def abbreviate(self, names: Mapping[str, str]) -> None:
        """From now on these ids are shown as their names."""
        self._names.update(names)

    def line(self, what: str, result: str = "", *, now: str | None = None) -> None:
        """A line at a moment (default: now); the day is printed when it is another."""
        with self._lock:
            if self._first in (None, threading.get_ident()):
                self._print(what, result, now)
            else:
                self._waiting.append((what, result, now))

    def _print(self, what: str, result: str, now: str | None) -> None:
        for id, name in self._names.items():
            what = what.replace(id, name)
        day, _, moment = (now or self.now).partition(" ")
        if self._day not in ("", day):
            click.echo(f"--- {day}")
        self._day = day
        click.echo(f"{moment:<9} {what:<56} {result}".rstrip())


class Receiver:
    """An endpoint for callbacks that takes all of them. ``bodies`` are what it was sent, in order."""

    def __init__(self, screen: Screen) -> None:
        self.bodies: list[bytes] = []
        self.changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                receiver.take(
                    self.rfile.read(int(self.headers.get("Content-Length", 0))), self.headers.get("Date", ""), screen
                )
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """The screen shows the callbacks."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhooks"

    def take(self, body: bytes, date: str, screen: Screen) -> None:
        """One callback."""
        with suppress(ValueError):
            date = parsedate_to_datetime(date).strftime("%Y-%m-%d %H:%M:%S")
        screen.line(f"    {_summary(body, screen.kind)}", now=date)
        with self.changed:
            self.bodies.append(body)
            self.changed.notify_all()

    def wait_for(self, count: int) -> None:
        """Waits until so many have come."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.bodies) >= count, PATIENCE)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _summary(body: bytes, kind: type[Demo]) -> str:
    """A callback in a line."""
    try:
        payload = json.loads(body)
    except ValueError:
        return f"<- callback, damaged: {body[:40].decode(errors='replace')}..."
    return f"<- callback {kind.told(payload)}"


class ServerRunner:
    """Plays on a server: calls go over HTTP and are printed."""

    def __init__(self, server: LocalServer, screen: Screen, callbacks: str | None) -> None:
        self.engine = server.engine
        self.headers = {"Content-Type": "application/json"}
        self.callbacks = callbacks
        self.kind = screen.kind
        self._address = urlsplit(server.url).netloc
        self._screen = screen
        self._show_time(self.control("GET", "/clock")["now"])

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        refusals: Collection[int] = (),
    ) -> Any:
        for _ in range(TRIES):
            status, answer = self._show(method, path, body, headers or {})
            if status is not None and (status in refusals or status not in TROUBLE):
                break
        if status is None or (status >= 400 and status not in refusals):
            raise click.ClickException(f"{method} {path} was answered {status}: {answer}")
        return answer

    def _show(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> tuple[int | None, Any]:
        """One call, printed."""
        with self._screen.first():
            status, answer = self._send(method, path, body, headers)
            said = (body.get("do") or self.kind.sent(body)) if body else ""
            note = self.kind.answered(answer) if isinstance(answer, dict) else ""
            self._screen.line(
                f"{method:<4} {path}{said and f'  {said}'}", f"{status or 'connection lost'}{note and f'  {note}'}"
            )
            if isinstance(answer, dict):
                self._screen.abbreviate(self.kind.names(answer))
        return status, answer

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """A call of the control API, which is not printed."""
        status, answer = self._send(method, f"/_mocksrv{path}", body, {})
        if status != 200:
            raise click.ClickException(f"{method} /_mocksrv{path} was answered {status}: {answer}")
        return answer

    def move_to(self, moment: int) -> None:
        from mocksrv.engine.clock import iso_ms

        done = self.control("POST", "/clock/advance", {"to": iso_ms(moment)})
        for line in done["happened"]:
            if line["kind"] == "play" and line["detail"] != "deleted":
                self._screen.line(f"    ({line['detail']})", now=_shown(line["at"]))
        self._show_time(done["now"])

    def look(self, path: str, *, counts: bool) -> None:
        self._show("GET", path, None, {})

    def say(self, text: str) -> None:
        self._screen.line(f"    {text}")

    def _send(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> tuple[int | None, Any]:
        """Status (None: no answer) and JSON of one call."""
        with closing(http.client.HTTPConnection(self._address, timeout=70)) as connection:
            try:
                connection.request(
                    method, path, None if body is None else json.dumps(body), {**self.headers, **headers}
                )
                answer = connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException):
                return None, None
        return answer.status, json.loads(text) if text else None

    def _show_time(self, now: str) -> None:
        self._screen.now = _shown(now)


def _shown(moment: str) -> str:
    """A moment of the control API as it is printed."""
    return moment[:19].replace("T", " ")


def verdict(runner: ServerRunner, receiver: Receiver) -> list[str]:
    """Compares what the server says it sent with what arrived; prints it, and returns what is wrong."""
    _settle(runner)
    planned: Counter[bytes] = Counter()
    states: Counter[str] = Counter()
    probes = 0  # sent inside a call: the event has no delivery, and is written with another id
    for webhook in runner.control("GET", "/webhooks?limit=1000")["webhooks"]:
        probes += webhook["event"] == runner.kind.probe
        for delivery in runner.control("GET", f"/webhooks/{webhook['id']}")["deliveries"]:
            states[delivery["state"]] += 1
            planned.update(attempt["request"]["body"].encode() for attempt in delivery["attempts"])
    receiver.wait_for(planned.total() + probes)
    arrived = Counter(receiver.bodies)
    dropped = f"; {states['dropped']} dropped, as the scenario says" if states["dropped"] else ""
    click.echo(f"\n{counted(planned.total() + probes, 'callback')} sent, {arrived.total()} received{dropped}.")
    faults = [
        f"{number} callbacks {state}" for state, number in states.items() if state not in ("delivered", "dropped")
    ]
    faults += [f"a callback was sent but did not arrive: {body[:80]!r}" for body in planned - arrived]
    extra = list((arrived - planned).elements())
    if len(extra) < probes:
        faults.append(f"{probes} of {runner.kind.probe} were sent, {len(extra)} arrived")
    faults += [f"a callback arrived that was not sent: {body[:80]!r}" for body in extra[probes:]]
    return faults or ([] if planned else ["no callback was sent"])


def _settle(runner: ServerRunner) -> None:
    """Moves on until no callback is due any more."""
    deadline = time.monotonic() + PATIENCE
    for _ in range(MOST_RETRIES):
        pending = runner.control("GET", "/webhooks?state=pending&limit=1000")["webhooks"]
        moments = [
            delivery["next_attempt_at"]
            for webhook in pending
            for delivery in webhook["deliveries"]
            if delivery["state"] == "pending"
        ]
        if not moments or time.monotonic() > deadline:
            return
        now = runner.control("GET", "/clock")["now"]
        runner.control("POST", "/clock/advance", {"to": max(now, min(moments))})
