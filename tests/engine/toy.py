"""A provider made up for the engine's tests: doors that open when asked well. It shows how little the engine knows of
providers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from mocksrv.engine.callbacks import outbox
from mocksrv.engine.callbacks.dispatcher import Retries
from mocksrv.engine.clock import HOUR, MINUTE
from mocksrv.engine.config import Config
from mocksrv.engine.engine import Engine
from mocksrv.engine.observers import Happening
from mocksrv.engine.play import Job, Play
from mocksrv.engine.role import JobKind, Role
from mocksrv.engine.sandbox import Sandbox, endpoints_from
from mocksrv.engine.scenarios.model import Option, Scenario
from mocksrv.engine.scenarios.parsing import parse
from mocksrv.engine.scenarios.vocabulary import Vocabulary
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World

STATUSES = frozenset({"NEW", "RENEWED", "KNOCKED", "ASKED", "HEARD", "OPEN", "SHUT", "LATE", "AWAY"})
EVENTS = frozenset({"toy.door.changed", "toy.opened", "toy.bell"})
RETRIES = Retries(delays=(MINUTE, 10 * MINUTE, HOUR))
WORDS = Vocabulary(
    provider="toy",
    statuses=STATUSES,
    flows=frozenset({"connect", "update", "aggregate", "verify", "oauth", "background"}),
    events=EVENTS,
    happy="opens",
    fields={"colour": {"type": "string"}},
    options=frozenset({"keys"}),
    profiles=lambda: frozenset({"furniture"}),
)
DEFAULTS = """
name: defaults
provider: toy
flows:
  connect: [{status: NEW}, {after: 1s, status: OPEN}]
  update: [{then: connect}]
  aggregate: [{then: connect}]
  verify:
    - status: ASKED
      challenges: [{type: OPTIONS, label: "Which key?", options: keys, answer: any}]
      right: unwritten right
  background: [{after: 1s, status: OPEN}]
  oauth: [{status: AWAY, oauth: {approved: connect}}]
  unwritten right: [{status: HEARD}, {after: 1s, status: OPEN}]
  unwritten wrong: [{status: SHUT}]
  unwritten silent: [{status: LATE}]
"""


class DoorRole(Role):
    """The `Role` of doors. ``choosable``: how many keys a verification may choose from."""

    vocabulary = WORDS
    jobs: Mapping[str, JobKind] = {
        "connect": JobKind("connect", "open", opening="NEW"),
        "oauth": JobKind("oauth", "open", opening="NEW"),
        "update": JobKind("update", "open", opening="RENEWED"),
        "aggregate": JobKind("aggregate", "open"),
        "background": JobKind("background", "open", background=True),
        "verify": JobKind("verify", "verify", login=True),
    }
    first_flow, plain_job, refresh_job = "connect", "aggregate", "background"
    first_status, resumed, asking, consenting = "NEW", "HEARD", "ASKED", "AWAY"
    successful = frozenset({"OPEN"})
    refreshable = frozenset({"OPEN"})
    lifetimes: Mapping[str, int] = {"AWAY": HOUR}
    challenge_prefix, option_prefix = "ASK", "OPT"
    unasked = EVENTS - {"toy.bell"}
    branches: Mapping[str, str] = {
        "right": "unwritten right",
        "wrong": "unwritten wrong",
        "silent": "unwritten silent",
        "approved": "connect",
    }
    retries = RETRIES
    choosable = 2

    @cached_property
    def default_flows(self) -> Scenario:
        return parse(DEFAULTS, file="defaults.yaml", vocabularies={"toy": WORDS}, check=False)

    def begin_job(self, world: World, subject: Record) -> None:
        subject.body["busy"] = True

    def announce(self, world: World, subject: Record, action: str) -> None:
        self._emit(world, "toy.door.changed", subject, action=action)

    def enter(self, world: World, subject: Record, status: str | None, fields: Mapping[str, Any], over: bool) -> None:
        subject.body.update(status=status or subject.body["status"], busy=not over, **fields)
        world.save(subject)
        self.announce(world, subject, "updated")

    def choices(self, world: World, subject: Record, name: str) -> Sequence[Option]:
        return [Option(f"Key {n}", f"key-{n}") for n in range(self.choosable)]

    def after_login(self, world: World, subject: Record, job: str) -> str | None:
        return "verify" if self.choosable else None

    def load(self, world: World, subject: Record, profile: str) -> None:
        subject.body.setdefault("loaded", []).append(profile)

    def fetch(self, world: World, subject: Record, job: Job) -> None:
        if not job.loaded:
            self.load(world, subject, "default")

    def complete(self, world: World, subject: Record, job: Job) -> None:
        self._emit(world, "toy.opened", subject, job=job.name)

    def trigger(self, world: World, subject: Record | None, event: str) -> None:
        self._emit(world, event, subject or Record("toy.door", world.guid("DOOR"), {"status": "NEW", "busy": False}))

    def refresh_wanted(self, world: World, subject: Record) -> bool:
        return not subject.body.get("quiet")

    def remove(self, world: World, subject: Record) -> None:
        world.cancel_timers(subject.guid)
        world.remove(guid=subject.guid)
        self.announce(world, subject, "deleted")

    def _emit(self, world: World, event: str, subject: Record, **fields: Any) -> None:
        payload = {"door": subject.guid, "status": subject.body["status"], "busy": subject.body["busy"], **fields}
        outbox.emit(world, event, subject.guid, payload, {"content-type": "application/json"}, self.unasked)


class ToyEngine:
    """An engine with doors, and the handles that the tests pull."""

    def __init__(self, folder: Path, config: Config, *, shared: bool = False) -> None:
        self.role = DoorRole()
        self.engine = Engine(config, [self.role], folder, shared=shared)
        self.sandbox: Sandbox = self.engine.sandbox("default")

    def endpoints(self, items: list[dict[str, Any]]) -> None:
        """Sets where callbacks go, as the control API does."""
        with self.engine.change(self.sandbox) as world:
            world.configure(endpoints=endpoints_from(items))

    def script(self, flows: str, name: str = "test") -> str:
        """Puts in a scenario whose flows are this YAML; its name."""
        body = "\n".join(f"  {line}" for line in flows.strip("\n").splitlines())
        return self.put(f"name: {name}\nprovider: toy\nflows:\n{body}\n")

    def put(self, text: str) -> str:
        """Puts in a scenario; its name."""
        scenario = self.sandbox.scenarios.parse(text)
        self.engine.put_scenario(self.sandbox, scenario)
        return scenario.name

    def door(self, scenario: str, job: str = "connect", *, skip: bool = False) -> str:
        """A new door that plays a scenario; its guid."""
        with self.engine.change(self.sandbox) as world:
            status = self.role.consenting if job == "oauth" else self.role.first_status
            record = Record(
                "toy.door", world.guid("DOOR"), {"status": status, "busy": False}, play=Play("toy", scenario, "hand")
            )
            self.engine.player.start(world, record, job, created=True, skip=skip)
            return record.guid

    def start(self, guid: str, job: str, *, skip: bool = False) -> None:
        with self.engine.change(self.sandbox) as world:
            self.engine.player.start(world, self.record(guid, world), job, skip=skip)

    def record(self, guid: str, world: World | None = None) -> Record:
        if world is None:
            with self.engine.look(self.sandbox) as looked:
                return self.record(guid, looked)
        found = world.subject(guid)
        assert found is not None, f"{guid} is gone"
        return found

    def there(self, guid: str) -> bool:
        with self.engine.look(self.sandbox) as world:
            return world.subject(guid) is not None

    def status(self, guid: str) -> str:
        status: str = self.record(guid).body["status"]
        return status

    def answer(self, guid: str, *values: str) -> None:
        with self.engine.change(self.sandbox) as world:
            subject = self.record(guid, world)
            asked = subject.playing.asked
            guids = [challenge.guid for challenge in asked.challenges] if asked is not None else []
            self.engine.player.answer(world, subject, dict(zip(guids, values, strict=False)))

    def consent(self, guid: str, do: str) -> None:
        with self.engine.change(self.sandbox) as world:
            self.engine.player.consent(world, self.record(guid, world), do)

    def poll(self, guid: str) -> str:
        """A read of the status, as a provider does it."""
        record = self.record(guid)
        with self.engine.change(self.sandbox) as world:
            self.engine.player.polled(world, self.record(guid, world))
        status: str = record.body["status"]
        return status

    def advance(self, ms: int) -> Sequence[Happening]:
        return self.engine.advance(self.sandbox, self.sandbox.now() + ms).happened

    def events(self) -> list[str]:
        """What was written to the outbox: event, status and action or job."""
        with self.engine.look(self.sandbox) as world:
            return [row.name for row in world.tx.events("default", limit=1000)]

    def timeline(self, guid: str) -> list[tuple[str | None, str]]:
        """(status, cause) lines."""
        with self.engine.look(self.sandbox) as world:
            return [(row.status, row.cause) for row in world.tx.timeline("default", guid)]

    def doors(self) -> int:
        with self.engine.look(self.sandbox) as world:
            return world.count(Query("toy.door"))
