"""``mocksrv demo``: a server and a receiver of its own, one member driven by plain HTTP calls, everything printed as it happens."""

from __future__ import annotations

import base64
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import click

from mocksrv.cli.play import counted

if TYPE_CHECKING:
    from mocksrv.engine.engine import Engine
    from mocksrv.engine.scenario import Scenario

SEED = 7
TRIES = 5  # of a call that fails on the way
TROUBLE = (429, 500, 502, 503)  # answers after which a client tries again
PATIENCE = 5.0  # real seconds that a callback that was sent may take to be noticed
MOST_RETRIES = 50  # of moving on to the next pending callback
HEADERS = {
    "Accept": "application/vnd.mx.api.v1+json",
    "Authorization": "Basic " + base64.b64encode(b"demo-client:demo-key").decode(),
    "Content-Type": "application/json",
    "mono-sec-key": "test_sk_demo",
}


@click.command()
@click.argument("name", default="challenged")
def demo(name: str) -> int:
    """Watch one member (or account) connect: calls, statuses and callbacks as they happen. NAME is a scenario, by default `challenged`.

    Starts a server and a webhook receiver of its own, needs nothing, and leaves nothing behind. The exit status is 0 only if all
    callbacks arrived as the scenario plans it.
    """
    from mocksrv.cli.play import Choices
    from mocksrv.cli.plays import play_of
    from mocksrv.cli.shelf import open_shelf

    scenario = open_shelf(()).find(name)
    screen = Screen()
    with closing(Receiver(screen)) as receiver, server(receiver.url) as (engine, port):
        screen.head(scenario, port, receiver.url)
        stage = Live(engine, port, screen)
        play = play_of(stage, scenario, Choices())
        play.run()
        _look_around(stage, play)
        faults = verdict(stage, receiver)
    for fault in faults:
        click.echo(f"mocksrv demo: {fault}", err=True)
    return 1 if faults else 0


def _look_around(stage: Live, play: Any) -> None:
    """What an app would read now."""
    if play.subject() is not None:
        stage.say(play.found())


@contextmanager
def server(callbacks: str) -> Iterator[tuple[Engine, int]]:
    """A server in this process, on a manual clock: its engine and its port."""
    from werkzeug.serving import WSGIRequestHandler, make_server

    from mocksrv.engine.engine import Options
    from mocksrv.engine.sandbox import Settings, endpoints_from
    from mocksrv.web.server import Setup, build

    class Quiet(WSGIRequestHandler):
        def log(self, *_: Any) -> None:
            """The screen shows the calls."""

    settings = Settings(seed=SEED, endpoints=endpoints_from([{"url": callbacks}]))
    engine, app = build(Setup(engine=Options(settings=settings, clock="manual")))
    engine.start()
    serving = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield engine, serving.server_port
    finally:
        serving.shutdown()
        serving.server_close()
        engine.close()


class Screen:
    """Prints what happens, line by line, with the sandbox's time."""

    def __init__(self) -> None:
        self.lock = threading.RLock()  # held while a call is out, so that its callbacks are printed after it
        self._names: dict[str, str] = {}
        self._day = ""
        self.now = ""  # as 2026-01-01 12:00:00

    def head(self, scenario: Scenario, port: int, callbacks: str) -> None:
        """What is about to be seen."""
        click.echo(f"{scenario.name}: {scenario.summary}\n")
        click.echo(f"  server     http://127.0.0.1:{port}")
        click.echo(f"  callbacks  {callbacks}")
        click.echo("  clock      stands still; the demo moves it on to what happens next\n")

    def abbreviate(self, guid: str, name: str) -> None:
        """From now on a guid is shown as its name."""
        self._names[guid] = name

    def line(self, what: str, result: str = "", *, now: str | None = None) -> None:
        """A line at a moment (default: now); the day is printed when it is another."""
        for guid, name in self._names.items():
            what = what.replace(guid, name)
        with self.lock:
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
                receiver.take(self.rfile.read(int(self.headers.get("Content-Length", 0))), self.headers.get("Date", ""), screen)
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
        screen.line(f"    {_summary(body)}", now=date)
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


def _summary(body: bytes) -> str:
    """A callback in a line."""
    try:
        payload = json.loads(body)
    except ValueError:
        return f"<- callback, damaged: {body[:40].decode(errors='replace')}..."
    if "event" in payload:
        return f"<- callback {payload['event']}{_said(payload.get('data'))}"
    member = payload.get("member", payload)
    kind = payload.get("type") or f"member {payload.get('action')}"
    details = [member.get("connection_status"), "aggregating" if member.get("is_being_aggregated") else None]
    if "transactions_created_count" in payload:
        details.append(counted(payload["transactions_created_count"], "new transaction"))
    return f"<- callback {kind}: {', '.join(filter(None, details))}".removesuffix(": ")


class Live:
    """The stage with a server: calls go over HTTP and are printed."""

    def __init__(self, engine: Engine, port: int, screen: Screen) -> None:
        self.engine = engine
        self._port = port
        self._screen = screen
        self._show_time(self.control("GET", "/clock")["now"])

    def call(self, method: str, path: str, body: Any = None, *, scenario: str | None = None) -> Any:
        headers = HEADERS | ({"X-Mocksrv-Scenario": scenario} if scenario else {})
        for _ in range(TRIES):
            status, answer = self._show(method, path, body, headers)
            if status is not None and status not in TROUBLE:
                break
        if status is None or status >= 400:
            raise click.ClickException(f"{method} {path} was answered {status}: {answer}")
        return answer

    def _show(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int | None, Any]:
        """One call, printed."""
        with self._screen.lock:
            status, answer = self._send(method, path, body, headers)
            self._screen.line(f"{method:<4} {path}{_answers(body)}", f"{status or 'connection lost'}{_note(answer)}")
            self._name(answer)
        return status, answer

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """A call of the control API, which is not printed."""
        status, answer = self._send(method, f"/_mocksrv{path}", body, HEADERS)
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
        self._show("GET", path, None, HEADERS)

    def say(self, text: str) -> None:
        self._screen.line(f"    {text}")

    def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int | None, Any]:
        """Status (None: no answer) and JSON of one call."""
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=70)) as connection:
            try:
                connection.request(method, path, None if body is None else json.dumps(body), headers)
                answer = connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException):
                return None, None
        return answer.status, json.loads(text) if text else None

    def _show_time(self, now: str) -> None:
        self._screen.now = _shown(now)

    def _name(self, answer: Any) -> None:
        """Long guids get short names on the screen."""
        for kind in ("user", "member"):
            thing = answer.get(kind) if isinstance(answer, dict) else None
            if isinstance(thing, dict) and thing.get("guid"):
                self._screen.abbreviate(thing["guid"], f"{{{kind}}}")
        if isinstance(answer, dict) and list(answer) == ["id"]:
            self._screen.abbreviate(answer["id"], "{account}")


def _shown(moment: str) -> str:
    """A moment of the control API as it is printed."""
    return moment[:19].replace("T", " ")


def _said(data: Any) -> str:
    """What Mono's data say of a sync: a status, or whether anything is new."""
    if not isinstance(data, dict):
        return ""
    if "updated" in data:
        return f": {'new data' if data['updated'] else 'nothing new'}"
    meta = data.get("meta")
    return f": {meta['data_status']}" if isinstance(meta, dict) and "data_status" in meta else ""


def _answers(body: Any) -> str:
    """The answers to questions that a call sends."""
    found = [answer["value"] for answer in ((body or {}).get("member") or {}).get("challenges", [])]
    return f"  {', '.join(found)}" if found else ""


def _note(answer: Any) -> str:
    """What matters of an answer."""
    if not isinstance(answer, dict):
        return ""
    if "error" in answer:
        return f"  {answer['error']['message']}"
    if "message" in answer or "data" in answer:  # Mono's
        return f"  {answer.get('code') or answer['message']}{_said(answer.get('data'))}"
    member, parts = answer.get("member"), []
    if member:
        parts = [member.get("connection_status"), "aggregating" if member.get("is_being_aggregated") else None]
        parts += [f'asks "{challenge["label"]}"' for challenge in member.get("challenges") or ()]
    elif "credentials" in answer:
        parts = [field["label"] for field in answer["credentials"]]
    elif "user" in answer:
        parts = [answer["user"]["guid"]]
    return f"  {', '.join(filter(None, parts))}" if parts else ""


def verdict(stage: Live, receiver: Receiver) -> list[str]:
    """Compares what the server says it sent with what arrived; prints it, and returns what is wrong."""
    _settle(stage)
    planned: Counter[bytes] = Counter()
    states: Counter[str] = Counter()
    for webhook in stage.control("GET", "/webhooks?limit=1000")["webhooks"]:
        for delivery in stage.control("GET", f"/webhooks/{webhook['id']}")["deliveries"]:
            states[delivery["state"]] += 1
            planned.update(attempt["request"]["body"].encode() for attempt in delivery["attempts"])
    receiver.wait_for(planned.total())
    arrived = Counter(receiver.bodies)
    dropped = f"; {states['dropped']} dropped, as the scenario says" if states["dropped"] else ""
    click.echo(f"\n{counted(planned.total(), 'callback')} sent, {arrived.total()} received{dropped}.")
    faults = [f"{number} callbacks {state}" for state, number in states.items() if state not in ("delivered", "dropped")]
    faults += [f"a callback was sent but did not arrive: {body[:80]!r}" for body in planned - arrived]
    faults += [f"a callback arrived that was not sent: {body[:80]!r}" for body in arrived - planned]
    return faults or ([] if planned else ["no callback was sent"])


def _settle(stage: Live) -> None:
    """Moves on until no callback is due any more."""
    deadline = time.monotonic() + PATIENCE
    for _ in range(MOST_RETRIES):
        pending = stage.control("GET", "/webhooks?state=pending&limit=1000")["webhooks"]
        moments = [
            delivery["next_attempt_at"] for webhook in pending for delivery in webhook["deliveries"] if delivery["state"] == "pending"
        ]
        if not moments or time.monotonic() > deadline:
            return
        now = stage.control("GET", "/clock")["now"]
        stage.control("POST", "/clock/advance", {"to": max(now, min(moments))})
