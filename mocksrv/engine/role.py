"""What the player asks of a provider: its jobs, and how its subjects behave when a scenario moves them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from mocksrv.engine.callbacks import outbox
from mocksrv.engine.callbacks.credentials import Signer
from mocksrv.engine.callbacks.dispatcher import NO_RETRIES, Retries
from mocksrv.engine.clock import DAY
from mocksrv.engine.counting import NOTHING_COUNTS, Counting
from mocksrv.engine.declarations import declared_by
from mocksrv.engine.patterns import fits
from mocksrv.engine.play import Job
from mocksrv.engine.scenarios.model import Option, Scenario
from mocksrv.engine.scenarios.parsing import parse
from mocksrv.engine.scenarios.vocabulary import Vocabulary
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World

# What may be the name of a flow. A start looks no closer: PyYAML alone is a twentieth of it.
FLOW = re.compile(r"^ +(\w[\w ]*):", re.MULTILINE)


class JobKind(NamedTuple):
    """What a call starts: the play of the flow of that ``name``.

    ``family``: calls of one family are the same job to the provider. ``opening``: what the leading first status of the
    flow reads here (None: it is skipped). ``login``: where the scenario writes no flow of this name, the login part of
    another is played first, then what `Role.after_login` says. ``renews``: it begins with new credentials.
    ``background``: nobody asked for it, and nobody watches.
    """

    name: str
    family: str
    opening: str | None = None
    login: bool = False
    renews: bool = False
    background: bool = False


class WrongSubject(Exception):
    """An event cannot be about this record; the message says what it is about."""


class Role:
    """How a provider's subjects behave when a scenario moves them. One for each provider; here is what most of them do.

    ``defaults`` is the YAML file with what flows do that no scenario writes.
    """

    vocabulary: Vocabulary
    defaults: ClassVar[Path]
    jobs: ClassVar[Mapping[str, JobKind]]
    first_flow: ClassVar[str]  # the job and flow of a new subject
    plain_job: ClassVar[str]  # the job of a push by hand, and of flows that no call plays
    refresh_job: ClassVar[str]  # the job that runs every day by itself
    first_status: ClassVar[str]  # what a new subject enters, and one for which the bank's page was agreed to
    resumed: ClassVar[str]  # what an answered subject enters
    asking: ClassVar[str] = ""  # the status that waits for answers, if one says so
    consenting: ClassVar[str] = ""  # the status that waits for a bank's page, if one says so
    delayed: ClassVar[frozenset[str]] = frozenset()  # statuses that only say that a job takes long
    successful: ClassVar[frozenset[str]]  # statuses in which a job ends well
    refreshable: ClassVar[frozenset[str]]  # statuses in which the daily refresh runs
    partner_kinds: ClassVar[Sequence[str]] = ()  # kinds of records that clients may name by their own ids
    counting: ClassVar[Counting] = NOTHING_COUNTS  # statuses that are reached by counting
    lifetimes: ClassVar[Mapping[str, int]] = {}  # statuses that end by themselves: ms until the subject is deleted
    challenge_prefix: ClassVar[str] = ""  # of the guids of challenges
    option_prefix: ClassVar[str] = ""  # of the guids of their options
    challenge_types: ClassVar[Sequence[str]] = ()  # those that the provider's API shows to its clients
    branches: ClassVar[Mapping[str, str]] = {  # flows for what a scenario leaves unwritten
        "right": "unwritten right",
        "wrong": "unwritten wrong",
        "silent": "unwritten silent",
        "approved": "unwritten approved",
    }
    subject_kind: ClassVar[str] = ""  # of the records that play
    status_member: ClassVar[str] = "status"  # of the body of such a record
    payloads: ClassVar[Mapping[str, Callable[[World, Record], Mapping[str, Any]]]] = {}  # of the events, as JSON
    unasked: ClassVar[frozenset[str]]  # patterns of the events that an endpoint gets which names none
    timers: Mapping[str, Callable[[World, Record], None]] = {}  # what falls due on records that play no scenario
    retries: ClassVar[Retries] = NO_RETRIES  # of callbacks
    dated: ClassVar[bool] = True  # whether callbacks have a ``Date``, in sandbox time
    signers: ClassVar[Mapping[str, Signer]] = {}  # the provider's own kinds of ``auth`` of endpoints
    secret_kinds: ClassVar[frozenset[str]] = frozenset()  # kinds of records with what a client proves itself with

    def check(self) -> None:
        """Raises DeclarationError for what this role names and its vocabulary does not have."""
        words, owner = self.vocabulary, type(self)
        statuses = {self.first_status, self.resumed, self.asking, self.consenting, *self.successful}
        declared_by(owner).known(
            "status", statuses | self.refreshable | self.delayed | self.lifetimes.keys(), {*words.statuses, ""}
        )
        declared_by(owner).known("job", {self.first_flow, self.plain_job, self.refresh_job}, self.jobs)
        flows = words.flows.union(FLOW.findall(self.defaults.read_text("utf-8")))
        declared_by(owner).known("flow", self.branches.values(), flows)
        for pattern in self.unasked:
            if pattern not in words.events and not any(fits(event, pattern) for event in words.events):
                raise declared_by(owner).error(f"unasked: {pattern!r} fits no event of the catalogue")
        if self.secret_kinds and owner.without_secrets is Role.without_secrets:
            raise declared_by(owner).error("without_secrets is missing; it says what is secret in its secret_kinds")
        if owner.trigger is Role.trigger:
            if not self.subject_kind:
                raise declared_by(owner).error("subject_kind is missing; the events are about a record of it")
            for event in sorted(words.events - self.payloads.keys()):
                raise declared_by(owner).error(f"payloads: the event {event!r} has none")

    @cached_property
    def default_flows(self) -> Scenario:
        """What flows do that no scenario writes."""
        words = {self.vocabulary.provider: self.vocabulary}
        file = f"{self.vocabulary.provider}/{self.defaults.name}"
        return parse(self.defaults.read_bytes(), file=file, vocabularies=words, check=False)

    def status(self, subject: Record) -> str | None:
        """The subject's status; None for one that has none."""
        status: str | None = subject.body[self.status_member]
        return status

    def encode(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        """The body of a callback as it is sent, of its JSON and with these headers."""
        return body

    def begin_job(self, world: World, subject: Record) -> None:
        """A job starts: flags and names of the job. Stored by what follows."""

    def announce(self, world: World, subject: Record, action: str) -> None:
        """Sends the callback of a subject that was ``created``, ``updated`` or ``deleted``, if there is one."""

    def enter(self, world: World, subject: Record, status: str | None, fields: Mapping[str, Any], over: bool) -> None:
        """One change: a status (None: none), further fields, and ``over``: the job ends with it. Stores it and sends
        its callbacks.
        """
        subject.body.update(fields)
        if status:
            subject.body["status"] = status
        world.save(subject)
        self.announce(world, subject, "updated")

    def refuses(self, world: World, subject: Record, status: str) -> str | None:
        """Why a subject cannot be in a status; None when it can."""
        return None

    def renew(self, world: World, subject: Record) -> None:
        """The bank's page was agreed to anew, which is as good as new credentials. Stored by what follows."""

    def choices(self, world: World, subject: Record, name: str) -> Sequence[Option]:
        """The options of a list that a scenario names, for this subject."""
        return ()

    def adopt(self, world: World, subject: Record, profile: str) -> None:
        """What is fetched from now on is of this data profile."""

    def after_login(self, world: World, subject: Record, job: str) -> str | None:
        """The flow in which a job goes on whose login part has succeeded; None: in the flow that it plays."""
        return None

    def load(self, world: World, subject: Record, profile: str) -> None:
        """Brings a data profile into the subject."""

    def fetch(self, world: World, subject: Record, job: Job) -> None:
        """What the job that is ending well has fetched is there from now on."""

    def complete(self, world: World, subject: Record, job: Job) -> None:
        """Sends the callbacks of a job that ended well."""

    def trigger(self, world: World, subject: Record | None, event: str) -> None:
        """Sends an event that a scenario or a person asks for.

        It is about ``subject`` or what belongs to that; else about the newest record that fits, else about an invented
        one. Raises WrongSubject when it is none that the event can be about.
        """
        self.emit(world, event, subject or self.newest(world) or self.sample(world))

    def newest(self, world: World) -> Record | None:
        """The newest subject, if there is one."""
        return next(iter(world.list(Query(self.subject_kind, newest_first=True, limit=1))), None)

    def sample(self, world: World) -> Record:
        """An invented subject, for events that are asked for where there is none."""
        raise WrongSubject(f"there is no {self.subject_kind} that it could be about")

    def emit(self, world: World, event: str, subject: Record) -> None:
        """Writes an event with its payload, for the endpoints that want it."""
        payload = self.payloads[event](world, subject)
        outbox.emit(world, event, subject.guid, payload, {"content-type": "application/json"}, self.unasked)

    def without_secrets(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        """The body of a record of one of the ``secret_kinds``, as an exported state has it: without what its client
        proves itself with. A role that has such kinds has a method of its own.
        """
        return body

    def refresh_at(self, world: World, subject: Record) -> int | None:
        """When the daily refresh runs next, in ms; None for a subject that has none to expect."""
        return world.now + DAY

    def refresh_wanted(self, world: World, subject: Record) -> bool:
        """Whether the daily refresh runs for this subject."""
        return True

    def remove(self, world: World, subject: Record) -> None:
        """Deletes the subject with all that hangs on it, with its callback."""
        world.cancel_timers(subject.guid)
        world.remove(guid=subject.guid)
        self.announce(world, subject, "deleted")


@contextmanager
def telling(role: Role, world: World, subject: Record, action: str, *, asked: bool = True) -> Iterator[None]:
    """Tells the observers what a role does inside: ``action`` is the method of the role that is called.

    ``asked``: somebody wanted something to be different afterwards.
    """
    before = len(world.happened)
    yield
    if world.observed:
        events = [each for each in world.happened[before:] if each.kind == "event"]
        seen = {"status": role.status(subject), "body": dict(subject.body), "flow": subject.playing.flow}
        world.note("change", subject.guid, action, events=events, asked=asked, **seen)
