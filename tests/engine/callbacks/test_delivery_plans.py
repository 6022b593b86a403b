"""Callbacks by random plans: receivers that fail, reset and redirect, kills, clocks that move, faults, endpoints that
come and go, replays.

A model says what may arrive. Every arrival must be one that it allows, at its moment, and nothing that is due may be
missing.
"""

from __future__ import annotations

import shutil
import socket
import struct
import tempfile
import threading
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mocksrv.engine.callbacks import outbox
from mocksrv.engine.callbacks.dispatcher import Retries
from mocksrv.engine.callbacks.disturbance import Disturbance
from mocksrv.engine.clock import DAY, HOUR, MINUTE, Clock
from mocksrv.engine.config import Config
from mocksrv.engine.engine import Engine
from mocksrv.engine.sandbox import endpoints_from
from mocksrv.engine.storage.records import dumps
from tests.conftest import QuietServer
from tests.engine.toy import EVENTS, DoorRole
from tests.properties import examples

SEED = 7
LIMIT = 10.0  # real seconds that anything may take
RETRIES = Retries(delays=(MINUTE, 10 * MINUTE, HOUR), jitter=0.5)
UNASKED = DoorRole.unasked
PATTERNS: Mapping[str, list[str]] = {
    "a": [],
    "b": ["toy.*"],
    "c": ["toy.bell", "toy.o*"],
}  # what each endpoint asks for

names = st.sampled_from(sorted(EVENTS))
answers = st.lists(
    st.sampled_from([200, 204, 302, 400, 401, 404, 410, 500, 503, "reset", "silence"]), min_size=1, max_size=6
)
FAULTS: list[dict[str, Any]] = [
    {"drop": True},
    {"delay_ms": 30_000},
    {"repeat": 2},
    {"shuffle": True},
    {"shuffle": True, "repeat": 3},
    {"corrupt": "truncated"},
]
faults = st.sampled_from(FAULTS)
directives = st.sampled_from([{}, {}, {}, *FAULTS, {"off": True}])
spans = st.sampled_from([0, MINUTE // 2, MINUTE, 2 * MINUTE, 10 * MINUTE, HOUR, 2 * HOUR])


@dataclass(eq=False)
class Owed:
    """What an endpoint is owed: the model of a delivery."""

    endpoint: str
    event: int
    place: tuple[int, int]  # in line: the event, the copy
    due: int | None
    state: str = "pending"
    plain: bool = True  # its body is as it was written
    ordered: bool = True  # its first attempt keeps its place in line
    failures: int = 0
    attempts: int = 0

    def is_due(self, at: int) -> bool:
        return self.state == "pending" and self.due is not None and self.due <= at


@dataclass
class Arrival:
    endpoint: str
    event: int
    body: bytes
    at: int  # sandbox time
    answer: Any


@dataclass
class World:
    """The receivers, and what they answer. While ``gate`` is closed nobody is answered, and the plans are not used."""

    plans: dict[str, deque[Any]] = field(default_factory=dict)
    arrived: list[Arrival] = field(default_factory=list)
    now: Any = None
    gate: threading.Event | None = None
    knocked: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, endpoint: str, event: int, body: bytes) -> Any:
        gate = self.gate
        with self.lock:
            plan = self.plans.get(endpoint)
            answer = 204 if gate or not plan else plan.popleft()
            self.arrived.append(Arrival(endpoint, event, body, self.now(), answer))
        if gate:
            self.knocked.set()
            gate.wait(LIMIT)
        return answer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = self.server.world.take(self.path[1:], int(self.headers["X-Number"]), body)  # type: ignore[attr-defined]
        if answer == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            socket.close(self.connection.detach())
        if isinstance(answer, str):
            self.close_connection = True
            return
        self.send_response(answer)
        self.send_header("Content-Length", "0")
        if answer == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """The model is told."""


class Street(QuietServer):
    """One server for the receivers of all runs: its paths are the endpoints. ``world`` is that of the run."""

    world = World()


@pytest.fixture(scope="module", autouse=True)
def street() -> Iterator[None]:
    Plans.street = server = Street(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield
    server.shutdown()
    server.server_close()


class Plans(RuleBasedStateMachine):
    """An engine on a database, its receivers, and the model of what is owed."""

    street: Street

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="mocksrv-plans-"))
        self.world = self.street.world = World()
        self.bodies: list[tuple[str, str, bytes]] = []  # id, name and body of each event
        self.owed: list[Owed] = []
        self.rules: list[list[Any]] = []  # pattern, directives, times left
        self.endpoints: list[str] = []
        self.killed: str | None = None  # whose leases are left

    @initialize()
    def begin(self) -> None:
        self.open()
        with self.engine.change(self.sandbox) as world:
            world.set_clock(Clock("manual", 1.0, 1_800_000_000_000, 0))
        self.place(["a", "b", "c"])

    def open(self) -> None:
        config = Config(database=str(self.folder / "state.db"), clock="manual", seed=SEED)
        role = DoorRole()
        role.retries = RETRIES
        self.engine = Engine(config, [role], self.folder / "none")
        self.sandbox = self.engine.sandbox("default")
        self.world.now = self.sandbox.now
        if self.killed is not None:
            with self.engine.store.write() as tx:
                tx.prolong_leases(self.killed, 0)  # they run out at once: nobody waits for it in each of many runs
        self.engine.start()

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            self.world.plans.clear()
            self.advance(DAY)  # nothing fails any more
            assert [owed for owed in self.owed if owed.state == "pending"] == []
            self.engine.close()
        shutil.rmtree(self.folder)

    # what is done

    def place(self, endpoints: list[str]) -> None:
        """Sets the endpoints. What is owed to those that are gone has failed."""
        self.endpoints = endpoints
        host = f"http://127.0.0.1:{self.street.server_address[1]}"
        made = endpoints_from([{"url": f"{host}/{name}", "events": PATTERNS[name]} for name in endpoints])
        with self.engine.change(self.sandbox) as world:
            world.configure(endpoints=made)
            world.tx.fail_orphans(world.sandbox.name, [endpoint.id for endpoint in made])
        for owed in self.owed:
            if owed.state == "pending" and owed.endpoint not in endpoints:
                owed.state, owed.due = "failed", None

    @rule(endpoint=st.sampled_from("abc"))
    def add_or_remove(self, endpoint: str) -> None:
        left = [name for name in self.endpoints if name != endpoint]
        self.place(left if endpoint in self.endpoints else [*left, endpoint])

    @rule(endpoint=st.sampled_from("abc"), plan=answers)
    def plan(self, endpoint: str, plan: list[Any]) -> None:
        self.world.plans[endpoint] = deque(plan)

    @rule(pattern=st.sampled_from(["toy.*", "toy.bell"]), directives=faults, times=st.sampled_from([1, 2, None]))
    def disturb(self, pattern: str, directives: dict[str, Any], times: int | None) -> None:
        self.rules = [[pattern, directives, times]]
        with self.engine.change(self.sandbox) as world:
            world.configure(disturbances=(Disturbance(pattern, directives, times=times),))

    @rule(events=st.lists(names, min_size=1, max_size=3), directives=directives)
    def emit(self, events: list[str], directives: dict[str, Any]) -> None:
        with self.moment():
            self.write(events, directives)

    def write(self, events: list[str], directives: dict[str, Any]) -> None:
        with self.engine.change(self.sandbox) as world:
            world.directives = directives
            for name in events if not directives.get("off") else []:
                self.owe(name, directives)
                payload = {"n": len(self.bodies), "text": "é" * 40}
                outbox.emit(world, name, None, payload, {"X-Number": str(len(self.bodies))}, UNASKED)
                self.bodies.append((world.written[-1], name, dumps(payload).encode()))
            if directives.get("off"):
                outbox.emit(world, events[0], None, {}, {"X-Number": "-1"}, UNASKED)

    def owe(self, name: str, directives: dict[str, Any]) -> None:
        """What the model says of an event."""
        said: dict[str, Any] = {}
        for pattern, own, times in self.rules:
            if fnmatchcase(name, pattern):
                said |= own
                if times is not None:
                    self.rules = [[pattern, own, times - 1]] if times > 1 else []
        said |= directives
        due = self.sandbox.now() + said.get("delay_ms", 0)
        for endpoint in self.wanting(name):
            for copy in range(said.get("repeat", 1)):
                one = Owed(endpoint, len(self.bodies), (len(self.bodies), copy), due)
                one.plain, one.ordered = "corrupt" not in said, not {"shuffle", "delay_ms"} & said.keys()
                if "drop" in said:
                    one.state, one.due = "dropped", None
                self.owed.append(one)

    def wanting(self, name: str) -> list[str]:
        return [e for e in self.endpoints if any(fnmatchcase(name, pattern) for pattern in PATTERNS[e] or UNASKED)]

    @precondition(lambda self: self.bodies)
    @rule(chosen=st.integers(0, 1000))
    def replay(self, chosen: int) -> None:
        number = chosen % len(self.bodies)
        id, name, _ = self.bodies[number]
        had = {owed.endpoint for owed in self.owed if owed.event == number}
        again = [endpoint for endpoint in self.endpoints if endpoint in had or endpoint in self.wanting(name)]
        with self.moment():
            self.owed += [Owed(endpoint, number, (number, 0), self.sandbox.now()) for endpoint in again]
            with self.engine.change(self.sandbox) as world:
                assert outbox.replay(world, world.tx.events("default", id=id)[0].seq, name, UNASKED) == bool(again)

    @rule(span=spans)
    def advance(self, span: int) -> None:
        with self.moment(settle=False):
            done = self.engine.advance(self.sandbox, self.sandbox.now() + span, LIMIT)
            assert done.complete

    @rule(span=spans, back=st.booleans())
    def set_clock(self, span: int, back: bool) -> None:
        with self.engine.change(self.sandbox) as world:
            world.set_clock(Clock("manual", 1.0, self.sandbox.now() + (-span if back else span), 0))
        with self.moment():
            self.engine.dispatcher.wake_due(self.sandbox)

    @rule()
    def kill_at_rest(self) -> None:
        self.kill()
        with self.moment():
            self.open()

    @rule(events=st.lists(names, min_size=1, max_size=3), directives=directives)
    def kill_while_callbacks_are_out(self, events: list[str], directives: dict[str, Any]) -> None:
        with self.cut():
            self.write(events, directives)
        with self.moment():
            self.open()

    @precondition(lambda self: any(owed.state == "pending" for owed in self.owed))
    @rule()
    def kill_during_an_advance(self) -> None:
        to = self.sandbox.now() + DAY
        errors: list[Exception] = []

        def advance(engine: Engine = self.engine) -> None:
            try:
                engine.advance(self.sandbox, to)
            except Exception as error:
                errors.append(error)

        thread = threading.Thread(target=advance)
        with self.cut(at=min(owed.due for owed in self.owed if owed.due is not None)):
            thread.start()
        thread.join(LIMIT)
        assert errors, "the advance ended although the database was gone"
        with self.moment():
            self.open()

    def kill(self) -> None:
        """What a killed process leaves behind: nothing is written any more, and nobody waits for what is out."""
        self.engine._ticker.stop()
        self.engine.store.close()
        self.engine.dispatcher._closed = True
        if self.world.gate:
            self.world.gate.set()
        self.engine.dispatcher.close()
        self.killed = self.engine.shared.owner
        self.engine.shared.close()
        del self.engine

    @contextmanager
    def cut(self, at: int | None = None) -> Iterator[None]:
        """A kill while what is done goes out, at ``at`` (default: now): whatever arrives is not recorded."""
        at = self.sandbox.now() if at is None else at
        self.world.now = lambda: at  # what is out when the advance breaks off may be read later
        self.world.gate = threading.Event()
        self.world.knocked.clear()
        yield
        if any(owed.is_due(at) for owed in self.owed):
            assert self.world.knocked.wait(LIMIT), "what is due does not come"
        self.kill()
        self.world.gate = None
        came: list[Owed] = []
        for arrival in self.world.arrived:
            came.append(self.match(arrival, at, [owed for owed in self.owed if owed not in came]))
        self.world.arrived.clear()

    @contextmanager
    def moment(self, *, settle: bool = True) -> Iterator[None]:
        """What is done, and what comes of it."""
        start = self.sandbox.now()
        yield
        if settle:
            assert self.engine.dispatcher.settle(self.sandbox, LIMIT)
        for arrival in self.world.arrived:
            self.accept(arrival, start)
        self.world.arrived.clear()
        missing = [owed for owed in self.owed if owed.is_due(self.sandbox.now())]
        assert missing == [], "due, but it did not arrive"

    # what may arrive

    def match(self, arrival: Arrival, start: int, owed: list[Owed]) -> Owed:
        """What an arrival is; ``start``: the time when this began."""
        same = [o for o in owed if (o.endpoint, o.event) == (arrival.endpoint, arrival.event) and o.is_due(arrival.at)]
        fitting = [o for o in same if o.plain == (arrival.body == self.bodies[arrival.event][2])]
        assert fitting, f"{arrival} is not owed; {same}"
        found = min(fitting, key=lambda o: (o.due, o.place))
        assert arrival.at == max(found.due or 0, start), f"{arrival} comes too late: {found}"
        first = [
            o for o in owed if o.endpoint == found.endpoint and o.is_due(arrival.at) and o.ordered and not o.attempts
        ]
        if found.ordered and not found.attempts:
            assert found.place == min(o.place for o in first), f"{found} has overtaken {first}"
        return found

    def accept(self, arrival: Arrival, start: int) -> None:
        """Notes an arrival and what was answered."""
        found = self.match(arrival, start, self.owed)
        found.attempts += 1
        if arrival.answer in (200, 204):
            found.state, found.due = "delivered", None
            return
        if found.failures == len(RETRIES.delays):
            found.state, found.due = "failed", None
            return
        id = self.bodies[found.event][0]
        place = self.endpoints.index(found.endpoint)
        jitter = Random(f"{SEED}:retry:{id}:{place}:{found.failures}").random() * RETRIES.jitter
        found.due = arrival.at + round(RETRIES.delays[found.failures] * (1 + jitter))
        found.failures += 1

    @invariant()
    def it_is_recorded(self) -> None:
        if not hasattr(self, "engine"):
            return
        with self.engine.look(self.sandbox) as world:
            rows = world.tx.events("default", limit=1000)
            kept = [
                (
                    int(row.payload[5:].partition(",")[0]),
                    owed.endpoint.rpartition("/")[2],
                    owed.state,
                    owed.next_attempt_at or None,
                    len(world.tx.attempts(owed.seq)),
                )
                for row in rows
                for owed in world.tx.deliveries(row.seq)
            ]
        assert len(rows) == len(self.bodies)
        assert Counter(kept) == Counter((o.event, o.endpoint, o.state, o.due, o.attempts) for o in self.owed)


TestPlans = pytest.mark.slow(Plans.TestCase)
TestPlans.settings = settings(
    max_examples=examples(60), stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
