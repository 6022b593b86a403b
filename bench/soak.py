"""Mixed traffic for a long time: two servers, one of which is killed again and again, with faults and slow endpoints.

It holds when memory stays flat after the warm-up, no callback of an acknowledged change is lost, and no call is
answered 5xx that was not asked for. Run by `make soak`; `.ci/run` runs a minute of it.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import signal
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bench.mx import HEADERS, MX_BANK
from bench.server import Server, default_command, get

DOCUMENT = Path(__file__).parents[1] / "docs" / "reliability.md"
BEGIN, END = "<!-- figures of make soak: begin -->", "<!-- figures of make soak: end -->"
LENGTH = 1800.0  # seconds
WARM_UP = 1 / 3  # of the length, in which memory may grow
FLAT = 0.05  # how far the memory of the last quarter may be from that of the first
SHORT = 600.0  # seconds; in a shorter run the quarters are seconds, in which memory swings by a tenth
FLAT_OF_SHORT = 0.15
WORKERS = 3  # clients of each server
MEMBERS = 3  # of each sandbox
FAULTS = 2  # 503 that a sandbox asks for
SLOW = 1.0  # seconds that the slow endpoint takes
KILL_EVERY = (4.0, 9.0)  # seconds between two kills, from and to
PATIENCE = 30.0  # seconds for a restart, for a status, for a callback
AGGREGATED = "member_data_updated"  # the action of the callback that ends a first connection
PAUSE = 0.02  # seconds between two polls: the load is steady, not as much as there can be


class Gone(Exception):
    """The server does not answer: it was killed, or the soak is over."""


class Receiver(ThreadingHTTPServer):
    """Where callbacks go: `/ok`, `/slow`, and `/broken`, which answers 500. Keeps what came to `/ok`: pairs of a member
    and the action.
    """

    daemon_threads = True

    def __init__(self) -> None:
        self.came: set[tuple[str, str]] = set()
        self.changed = threading.Condition()
        super().__init__(("127.0.0.1", 0), Inbox)
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_: Any) -> None:
        """A sender that was killed is part of the traffic."""

    def note(self, body: Any) -> None:
        member = (body.get("member") or {}).get("guid") or body.get("member_guid")
        with self.changed:
            self.came.add((member, str(body.get("action"))))
            self.changed.notify_all()

    def has(self, wanted: set[tuple[str, str]], seconds: float) -> set[tuple[str, str]]:
        """What of it has not come within that time."""
        with self.changed:
            self.changed.wait_for(lambda: wanted <= self.came, seconds)
            missing = wanted - self.came
            self.came -= wanted
            return missing


class Inbox(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.path == "/slow":
            time.sleep(SLOW)
        if self.path == "/ok":
            self.server.note(json.loads(body))
        self.send_response(500 if self.path == "/broken" else 204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Stays silent."""


@dataclass
class Figures:
    """What is counted, by all threads; ``memory`` in MB resident, with the share of the run that was over."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: str, number: int = 1) -> None:
        with self.lock:
            self.counts[what] += number

    def fail(self, what: str, why: str) -> None:
        with self.lock:
            self.counts[what] += 1
            if len(self.failures) < 20:
                self.failures.append(f"{what}: {why}")

    @property
    def growth(self) -> float:
        """The memory of the last quarter after the warm-up over that of the first."""
        later = [megabytes for share, megabytes in self.memory if share >= WARM_UP]
        quarter = max(1, len(later) // 4)
        return statistics.median(later[-quarter:]) / statistics.median(later[:quarter]) if later else 1.0


class Client:
    """One sandbox of a server. A call is repeated while the server is down, where it is one that is killed."""

    def __init__(self, url: str, sandbox: str, figures: Figures, over: threading.Event, *, killed: bool) -> None:
        self._address = url.removeprefix("http://")
        self._prefix = f"/sandbox/{sandbox}"
        self._figures, self._over, self._killed = figures, over, killed
        self.asked = 0  # 503 that this sandbox may still answer

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON. Raises Gone."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return self._once(method, path, body)
            except (OSError, http.client.HTTPException, ValueError) as error:
                if not self._killed:
                    self._figures.fail("connections that broke", f"{method} {path}: {error!r}")
                    raise Gone from None
                if time.monotonic() > end or self._over.is_set():
                    raise Gone from None
                time.sleep(0.05)

    def _once(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(self._address, timeout=PATIENCE)
        try:
            data = None if body is None else json.dumps(body)
            headers = HEADERS | ({"Content-Type": "application/json"} if data else {})
            connection.request(method, self._prefix + path, data, headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        self._figures.count("calls")
        if answer.status >= 500:
            self._note_error(f"{method} {path}: {answer.status} {text[:200]!r}")
        return answer.status, json.loads(text) if text and answer.status < 500 else None

    def _note_error(self, said: str) -> None:
        if self.asked > 0 and "503" in said:
            self.asked -= 1
            self._figures.count("5xx that were asked for")
        else:
            self._figures.fail("5xx that were not asked for", said)


@dataclass
class Target:
    """A server under traffic: ``kill`` says whether it is killed now and then."""

    url: str
    kill: bool
    receiver: Receiver
    figures: Figures
    over: threading.Event

    def work(self, worker: str) -> None:
        """One client's traffic until the end: a sandbox after the other."""
        number = 0
        while not self.over.is_set():
            number += 1
            client = Client(self.url, f"soak-{worker}-{number}", self.figures, self.over, killed=self.kill)
            try:
                self._cycle(client)
                self.figures.count("sandboxes")
            except Gone:
                continue
            except Exception as error:  # an answer that nobody expects: the other clients go on, the soak has failed
                self.figures.fail("answers that were not understood", repr(error))

    def _cycle(self, client: Client) -> None:
        endpoints = [{"url": f"{self.receiver.url}/{name}"} for name in ("ok", "slow", "broken")]
        client.call("PUT", "/_mocksrv/endpoints", {"endpoints": endpoints})
        # without an id: where a kill took the answer away, the repeated call makes another one
        user = client.call("POST", "/users", {"user": {"metadata": "soak"}})[1]["user"]["guid"]
        fields = client.call("GET", f"/institutions/{MX_BANK}/credentials")[1]["credentials"]
        members = [self._member(client, user, fields, f"mxuser{number}") for number in range(MEMBERS)]
        connected = [member for member in members if member and self._connects(client, user, member)]
        client.call("GET", f"/users/{user}/transactions?records_per_page=25")
        self._meet_faults(client)
        wanted = {(member, said) for member in connected for said in ("created", AGGREGATED)}
        for member, said in self.receiver.has(wanted, PATIENCE):
            self.figures.fail("events lost", f"{member} {said}")
        self.figures.count("callbacks of acknowledged changes", len(wanted))
        client.call("DELETE", "/_mocksrv/sandbox")

    def _member(self, client: Client, user: str, fields: Sequence[Any], name: str) -> str | None:
        """A new member's guid; None for one whose answer a kill took away, so that nothing was promised."""
        filled = [{"guid": each["guid"], "value": name if not place else "x"} for place, each in enumerate(fields)]
        body = {"member": {"institution_code": MX_BANK, "credentials": filled}}
        status, answer = client.call("POST", f"/users/{user}/members", body)
        return answer["member"]["guid"] if status == 202 else None

    def _connects(self, client: Client, user: str, member: str) -> bool:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and not self.over.is_set():
            _, answer = client.call("GET", f"/users/{user}/members/{member}/status")
            if answer and answer["member"]["connection_status"] == "CONNECTED":
                return True
            time.sleep(PAUSE)
        if not self.over.is_set():
            self.figures.fail("members that did not connect", member)
        return False

    def _meet_faults(self, client: Client) -> None:
        """Asks for a fault and meets it."""
        client.call("PUT", "/_mocksrv/faults", {"faults": [{"on": "GET /users", "status": 503, "times": FAULTS}]})
        client.asked = FAULTS
        statuses = [client.call("GET", "/users")[0] for _ in range(FAULTS + 1)]
        if statuses[-1] != 200:
            self.figures.fail("faults that did not end", str(statuses))


def serve(folder: Path, name: str, port: int) -> Server:
    """mocksrv with a database of its own."""
    database = folder / f"{name}.sqlite3"
    command = f"{default_command()} serve --quiet --clock x60 --port {port} --database {database}"
    url = f"http://127.0.0.1:{port}"
    return Server(command, lambda at: get(at + "/_mocksrv/health")[0] == 200, url=url)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def soak(seconds: float) -> Figures:
    """The traffic, for that long."""
    figures, over, receiver = Figures(), threading.Event(), Receiver()
    chance = random.Random(7)
    with tempfile.TemporaryDirectory() as folder:
        steady, mortal = (serve(Path(folder), name, free_port()) for name in ("steady", "mortal"))
        with steady:
            mortal.__enter__()
            targets = [
                Target(each.url, kill, receiver, figures, over) for each, kill in ((steady, False), (mortal, True))
            ]
            threads = [
                threading.Thread(target=target.work, args=(f"{place}{worker}",), daemon=True)
                for place, target in enumerate(targets)
                for worker in range(WORKERS)
            ]
            for thread in threads:
                thread.start()
            began = time.monotonic()
            next_kill = began + chance.uniform(*KILL_EVERY)
            while (now := time.monotonic()) < began + seconds:
                figures.memory.append(((now - began) / seconds, steady.memory().rss))
                if now >= next_kill:
                    kill(mortal, figures)
                    next_kill = time.monotonic() + chance.uniform(*KILL_EVERY)
                time.sleep(0.5)
            over.set()
            for thread in threads:
                thread.join(PATIENCE + 5)
            mortal.__exit__(None, None, None)
    receiver.shutdown()
    receiver.server_close()
    return figures


def kill(server: Server, figures: Figures) -> None:
    """Kills all processes of a server at once and starts it again."""
    os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait(10)
    server.output.close()
    server.__enter__()
    figures.count("kills")


NONE = (
    "events lost",
    "5xx that were not asked for",
    "members that did not connect",
    "faults that did not end",
    "answers that were not understood",
)


def lines(figures: Figures) -> list[str]:
    """The figures for people: counts and ratios."""
    counts = figures.counts
    shown = ("sandboxes", "calls", "callbacks of acknowledged changes", "kills", "5xx that were asked for", *NONE)
    rows = [f"| {what} | {counts[what]:,} |" for what in shown]
    growth = f"| memory of the last quarter after the warm-up, over the first | {figures.growth:.3f} |"
    return ["| what | figure |", "| --- | ---: |", *rows, growth]


def verdict(figures: Figures, seconds: float) -> list[str]:
    """What does not hold of a run of that length."""
    wrong = [f"{what}: {figures.counts[what]:,}" for what in (*NONE, "connections that broke") if figures.counts[what]]
    if abs(figures.growth - 1) > (FLAT if seconds >= SHORT else FLAT_OF_SHORT):
        wrong.append(f"memory is not flat: {figures.growth:.3f} of what it was after the warm-up")
    if not figures.counts["sandboxes"] or not figures.counts["kills"]:
        wrong.append("too short: no sandbox came to its end, or nothing was killed")
    return wrong


def write(path: Path, text: str) -> None:
    """Puts the figures between the marks of the document."""
    before, _, rest = path.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=LENGTH, help="length of the traffic (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help=f"put the figures into docs/{DOCUMENT.name}")
    options = parser.parse_args()
    figures = soak(options.seconds)
    length = f"{options.seconds / 60:g} minutes of traffic, {WORKERS} clients at each of two servers."
    text = "\n".join([length, "", *lines(figures)])
    print(text)
    wrong = verdict(figures, options.seconds)
    for line in (*wrong, *figures.failures):
        print(line, file=sys.stderr)
    if options.write and not wrong:
        write(DOCUMENT, text)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
