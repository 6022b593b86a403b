"""One isolated world: its clock, seed, bindings, endpoints and faults."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from mocksrv.engine.callbacks.disturbance import Counted, Disturbance
from mocksrv.engine.clock import Clock
from mocksrv.engine.config import Config
from mocksrv.engine.scenarios.own import SandboxScenarios
from mocksrv.engine.storage.queries import Tx
from mocksrv.engine.storage.records import dumps
from mocksrv.engine.storage.rows import StateRow

DEFAULT = "default"


class SandboxNameError(ValueError):
    """The name cannot be a sandbox's."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} is not a sandbox name; allowed are 1 to 64 of a-z A-Z 0-9 . _ - (not '.' or '..')")


class SandboxDropped(Exception):
    """The sandbox was dropped while it was still used."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the sandbox {name} was dropped meanwhile")


class SandboxExists(Exception):
    """There is a sandbox of this name already."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a sandbox {name} already; DELETE /sandbox/{name}/_mocksrv/sandbox drops it")


class SandboxesFull(Exception):
    """There may be no more sandboxes."""

    def __init__(self, most: int) -> None:
        super().__init__(f"there are {most} sandboxes, and --sandboxes allows no more; drop one that is not needed")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where callbacks go. ``events`` are patterns of event names; none means what a plain client gets. ``id`` is unique
    in the sandbox. ``paused``: the secrets that the state it came with has left out (``auth.password``); without them
    nothing is sent, and what it is owed waits.
    """

    id: str
    url: str
    events: tuple[str, ...] = ()
    auth: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    paused: tuple[str, ...] = ()

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> Endpoint:
        """From its fields as JSON has them."""
        lists = {name: tuple(stored.get(name, ())) for name in ("events", "paused")}
        return cls(**{**stored, **lists})


@dataclass(frozen=True, slots=True)
class Fault(Counted):
    """A misbehaviour of the API: which calls it meets, and what they get. Delay in ms."""

    method: str
    path: str
    status: int | None = None
    delay_ms: int = 0
    drop: bool = False

    @classmethod
    def make(cls, on: str, **rule: Any) -> Fault:
        """From a rule as scenarios write it: ``on`` is a method and a path, ``GET /users/*/members/*/status``."""
        method, _, path = on.partition(" ")
        return cls(method.upper(), path.strip(), **rule)

    def meets(self, method: str, path: str) -> bool:
        """Whether a call is one of those; ``*`` in the pattern stands for one segment, a last ``**`` for the rest."""
        return self.method in ("*", method) and _path_fits(self.path, path)


def _path_fits(pattern: str, path: str) -> bool:
    """Whether a path fits a fault's pattern, in time that grows with their lengths and no faster."""
    wanted, given = pattern.split("/"), path.split("/")
    place = next((number for number, part in enumerate(wanted) if "**" in part), None)
    if place is not None:
        wanted = [*wanted[:place], "/".join(wanted[place:])]
        given = [*given[:place], "/".join(given[place:])] if len(given) > place else given
    return len(wanted) == len(given) and all(map(_part_fits, wanted, given))


def _part_fits(pattern: str, text: str) -> bool:
    """Whether a text fits a pattern in which ``*`` stands for anything."""
    first, *others = pattern.split("*")
    if not others:
        return text == pattern
    last = others.pop()
    if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
        return False
    place, end = len(first), len(text) - len(last)
    for part in others:
        place = text.find(part, place, end)
        if place < 0:
            return False
        place += len(part)
    return True


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be set on a sandbox. What the command line gives is every new sandbox's start, and what a reset returns
    to.
    """

    seed: int | None = None
    default: str | None = None
    next: tuple[str, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    faults: tuple[Fault, ...] = ()
    disturbances: tuple[Disturbance, ...] = ()
    without: tuple[str, ...] = ()  # products that the client has not bought
    steps: tuple[str, ...] = ()  # of widgets, that a provider switches on for a client
    all_events: bool = False  # also those are recorded that come in great numbers, where no endpoint asks for them
    salt: str | None = None  # what ids are mixed with in place of the sandbox's name: it is a copy of one of that name

    @classmethod
    def initial(cls, config: Config) -> Settings:
        """What new sandboxes of a server start with."""
        endpoints = endpoints_from([{"url": config.webhook_url}]) if config.webhook_url else ()
        return cls(config.seed, config.scenario, endpoints=endpoints)

    def dump(self) -> str:
        return dumps(asdict(self))

    @classmethod
    def load(cls, text: str) -> Settings:
        stored = json.loads(text)
        endpoints = tuple(map(Endpoint.load, stored["endpoints"]))
        faults = tuple(Fault(**f) for f in stored["faults"])
        disturbances = tuple(Disturbance(**d) for d in stored["disturbances"])
        without, steps = (tuple(stored.get(name, ())) for name in ("without", "steps"))  # absent in databases of 0.1.0
        lists = (endpoints, faults, disturbances, without, steps)
        later = (stored.get("all_events", False), stored.get("salt"))
        return cls(stored["seed"], stored["default"], tuple(stored["next"]), *lists, *later)


class Sandbox:
    """A sandbox as one process knows it. Its truth is in the store; changes go through a `World`."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        clock: Clock,
        config: Config,
        scenarios: SandboxScenarios,
        made: str = "",
        revision: int = 0,
    ) -> None:
        self.name = name
        self.config = config
        self.settings = settings
        self.clock = clock
        self.scenarios = scenarios
        self.called_at: str | None = None  # the URL below which this process was called last for it
        self.made = made  # tells it from another sandbox that had, or will have, its name
        self.revision = revision  # of settings, clock and own scenarios
        self.held: int | None = None  # while time is advanced, the moment being played
        self.advanced_elsewhere = False  # by another process, which alone plays and sends meanwhile
        self.listened_elsewhere = False  # somebody is told by another process what happens
        self.quiet_until: int | None = None  # no timer falls due before this moment; None: not known
        self.changes = 0  # transactions on this sandbox that this process knows of
        self.counted: dict[tuple[Any, ...], int] = {}  # how many records queries have found since the last of these
        self.marked = self.told = 0  # lines of timelines, and events, that this process has written
        self.used = 0  # the number of its last use, counted for all sandboxes of the process
        self.advancing = threading.Lock()
        self._lock = threading.Lock()  # while it learns what other processes have changed
        self.dropped = False  # one of the same name that is made later is another sandbox

    @property
    def url(self) -> str:
        """The beginning of URLs that are handed out where no call says one, in callbacks: how it was called last."""
        if self.called_at is not None:
            return self.called_at
        url = (self.config.public_url or f"http://localhost:{self.config.port}").rstrip("/")
        return url if self.name == DEFAULT else f"{url}/sandbox/{self.name}"

    def now(self) -> int:
        """The sandbox's time, in milliseconds."""
        held = self.held
        return self.clock.now() if held is None else held

    def changed(self, state: StateRow | None) -> None:
        """A transaction was committed: what falls due next is not known any more. Where there are several processes,
        ``state`` is the latest with it.
        """
        with self._lock:
            self.changes = max(self.changes, state.changes) if state else self.changes + 1
            self.revision = max(self.revision, state.revision) if state else self.revision
            self.counted = {}
            self.quiet_until = None

    def is_latest(self, state: StateRow) -> bool:
        """Whether this process knows what is the latest. Waits for nobody: False while it is being learnt."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            known = (self.made, self.advanced_elsewhere, self.listened_elsewhere)
            return (
                not self.dropped
                and (state.made, state.advanced, state.listened) == known
                and state.changes <= self.changes
                and state.revision <= self.revision
            )
        finally:
            self._lock.release()

    def learn(self, state: StateRow, tx: Tx, forget: Callable[[], object]) -> None:
        """Reads anew what other processes have changed; ``forget`` is called where what it holds may be different."""
        with self._lock:
            if state.changes > self.changes:
                forget()  # before anybody takes what is kept for the latest
                self.changes = state.changes
                self.counted = {}
                self.quiet_until = None
            if state.revision > self.revision and (row := tx.sandbox(self.name)):
                self.settings, self.clock = Settings.load(row.settings), Clock.load(json.loads(row.clock))
                self.scenarios.take(tx.scenarios(self.name))
                self.revision = state.revision
            if state.advanced:
                self.held = self.clock.virtual
            elif self.advanced_elsewhere:
                self.held = None
            self.advanced_elsewhere = state.advanced
            self.listened_elsewhere = state.listened

    def nothing_due_before(self, until: int, seen: int) -> None:
        """No timer falls due before ``until``, unless there were transactions since ``changes`` was ``seen``."""
        self.quiet_until = until
        if self.changes != seen:
            self.quiet_until = None

    @property
    def salt(self) -> str:
        """The name that ids are made with: its own, or where it is a copy that of the sandbox it was copied from."""
        return self.settings.salt or self.name

    @property
    def seed(self) -> str | None:
        """What its ids and data are made from: its seed, and but for the default sandbox its salt, so that those of two
        sandboxes can lie in one database. None: chance.
        """
        if self.settings.seed is None:
            return None
        return str(self.settings.seed) if self.salt == DEFAULT else f"{self.settings.seed}:{self.salt}"

    def chance(self, key: str) -> random.Random:
        """Chance that is the same again for the same key, seed and name."""
        return random.Random(f"{self.seed}:{key}")


def endpoints_from(items: Sequence[Mapping[str, Any]]) -> tuple[Endpoint, ...]:
    """Endpoints of what the control API takes. One URL is one endpoint, whose id it is here; the last of it counts."""
    made = {
        item["url"]: Endpoint(
            item["url"],
            item["url"],
            tuple(item.get("events") or ()),
            item.get("auth") or {},
            item.get("headers") or {},
            tuple(item.get("paused") or ()),
        )
        for item in items
    }
    return tuple(made.values())
