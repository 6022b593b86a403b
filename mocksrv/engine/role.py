"""What the player asks of a provider: its jobs, and how its subjects behave when a scenario moves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mocksrv.engine.scenarios.model import Ask, Option, Vocabulary
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World


@dataclass(frozen=True, slots=True)
class Job:
    """What a call starts: the play of the flow of that ``name``.

    ``family``: calls of one family are the same job to the provider. ``opening``: what the leading first status of the
    flow reads here (None: it is skipped). ``login``: the login part of the happy flow is played first. ``background``:
    nobody asked for it.
    """

    name: str
    family: str
    opening: str | None = None
    login: bool = False
    background: bool = False


class WrongSubject(Exception):
    """An event cannot be about this record; the message says what it is about."""


class Role(Protocol):
    """How a provider's subjects behave when a scenario moves them. One for each provider."""

    vocabulary: Vocabulary
    jobs: Mapping[str, Job]
    first_flow: str  # the job and flow of a new subject
    plain_job: str  # the job of a push by hand, and of flows that no call plays
    refresh_job: str  # the job that runs every day by itself
    first_status: str  # what a new subject enters, and one for which the bank's page was agreed to
    resumed: str  # what an answered subject enters
    asking: str  # the status that waits for answers
    consenting: str  # the status that waits for a bank's page
    successful: frozenset[str]  # statuses in which a job ends well
    refreshable: frozenset[str]  # statuses in which the daily refresh runs
    lifetimes: Mapping[str, int]  # statuses that end by themselves: milliseconds until the subject is deleted
    unasked: frozenset[str]  # patterns of the events that an endpoint gets which names none
    branches: Mapping[str, str]  # flows for what a scenario leaves unwritten: right, wrong, silent, approved

    def status(self, subject: Record) -> str | None:
        """The subject's status; None for one that has none."""

    def begin(self, world: World, subject: Record) -> None:
        """A job starts: flags and names of the job. Stored by what follows."""

    def announce(self, world: World, subject: Record, action: str) -> None:
        """Sends the callback of a subject that was ``created``, ``updated`` or ``deleted``."""

    def enter(self, world: World, subject: Record, status: str | None, fields: Mapping[str, Any], over: bool) -> None:
        """One change: a status (None: none), further fields, and ``over``: the job ends with it. Stores it and sends
        its callbacks.
        """

    def ask(self, world: World, subject: Record, ask: Ask) -> list[dict[str, Any]]:
        """The open challenges as the provider shows them; each has a new ``guid``."""

    def choices(self, world: World, subject: Record, name: str) -> Sequence[Option]:
        """The options of a list that a scenario names, for this subject."""

    def after_login(self, world: World, subject: Record, job: str) -> str | None:
        """The flow in which a job goes on whose login part has succeeded; None: in the flow that it plays."""

    def load(self, world: World, subject: Record, profile: str) -> None:
        """Brings a data profile into the subject."""

    def bring(self, world: World, subject: Record) -> None:
        """What the job that is ending well has fetched is there from now on."""

    def complete(self, world: World, subject: Record) -> None:
        """Sends the callbacks of a job that ended well."""

    def trigger(self, world: World, subject: Record | None, event: str, fields: Mapping[str, Any]) -> None:
        """Sends an event that a scenario or a person asks for, with ``fields`` over its payload.

        It is about ``subject`` or what belongs to that; else about the newest record that fits, else about an invented
        one. Raises WrongSubject when it is none that the event can be about.
        """

    def refresh_at(self, world: World) -> int:
        """When the daily refresh runs next, in ms."""

    def refresh_wanted(self, world: World, subject: Record) -> bool:
        """Whether the daily refresh runs for this subject."""

    def due(self, world: World, record: Record, kind: str) -> None:
        """A timer of a record that plays no scenario has fallen due."""

    def remove(self, world: World, subject: Record) -> None:
        """Deletes the subject with all that hangs on it, with its callback."""
