"""The rows that the store answers. Columns that end in ``at``, and ``due``, are milliseconds of the sandbox's time;
JSON stays text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class SandboxRow(NamedTuple):
    """A sandbox; ``guids`` counts the ids that its seed has given, ``made`` tells it from a later one of its name.

    ``revision`` counts the changes of settings and clock.
    """

    settings: str
    clock: str
    guids: int
    made: str
    revision: int


class StateRow(NamedTuple):
    """What is the latest of a sandbox: ``revision`` of settings, clock and own scenarios, ``changes`` of all it holds.
    ``advanced``: another process advances its time. ``listened``: somebody listens in another process.
    """

    made: str
    revision: int
    changes: int
    advanced: bool
    listened: bool


class HappeningRow(NamedTuple):
    """What has happened in a sandbox, as JSON, for the observers of other processes."""

    seq: int
    told: str


class TimerRow(NamedTuple):
    """When a record is to be moved on; ``kind`` says by what."""

    seq: int
    subject: str
    kind: str
    due: int


class LoadRow(NamedTuple):
    """A load: what is brought for a subject before the play of a ``timer``, which was ``due`` then."""

    seq: int
    sandbox: str
    subject: str
    timer: int
    due: int


class Scope(NamedTuple):
    """Whose timers: of these records (by guid), and of all that these own."""

    records: Sequence[str]
    owners: Sequence[str]


class WaitingRow(NamedTuple):
    """A subject that waits for so many more reads of its status."""

    subject: str
    polls: int


class MomentRow(NamedTuple):
    """A line of a subject's timeline; ``step`` is the file and line that caused it."""

    at: int
    status: str | None
    flow: str | None
    step: str | None
    cause: str


class EventRow(NamedTuple):
    """What happened, as the webhooks tell it."""

    seq: int
    id: str
    name: str
    subject: str | None
    occurred_at: int
    payload: str
    headers: str


class BatchRow(NamedTuple):
    """Many events of one name that are one row yet: ``payload`` is what they are made of, as JSON."""

    seq: int
    name: str
    occurred_at: int
    payload: str
    headers: str


class DeliveryRow(NamedTuple):
    """What an endpoint is owed for an event; ``state`` is pending, delivered, failed or dropped."""

    seq: int
    endpoint: str
    state: str
    next_attempt_at: int | None


class DueRow(NamedTuple):
    """A pending delivery with its event: all that the next attempt needs."""

    seq: int
    attempts: int
    options: str
    event: str
    event_id: str
    payload: str
    headers: str


class AttemptRow(NamedTuple):
    """What came of one attempt of a delivery; the duration is in real milliseconds."""

    at: int
    status: int | None
    error: str | None
    duration_ms: float
    request: str
    response: str


class RequestRow(NamedTuple):
    """A call of the API in the journal; ``entry``: why it was answered so, ``exchange``: what was sent and answered."""

    seq: int
    id: str
    at: int
    method: str
    path: str
    status: int
    duration_ms: float
    entry: str
    exchange: str


class NewRequestRow(NamedTuple):
    """The same, to be written."""

    sandbox: str
    id: str
    at: int
    method: str
    path: str
    status: int
    duration_ms: float
    entry: str
    exchange: str


class RemovalRow(NamedTuple):
    """Records that are removed bit by bit: those whose ``relation`` (owner, subject, parent) was this record."""

    seq: int
    sandbox: str
    relation: str
    guid: str


class ViolationRow(NamedTuple):
    """A rule was broken by a call, or by the answer to a webhook: ``call`` and ``webhook`` are their ids."""

    seq: int
    id: str
    at: int
    provider: str
    rule: str
    detail: str
    nearest: str | None
    call: str | None
    webhook: str | None
    method: str
    path: str
    status: int | None


class NewViolationRow(NamedTuple):
    """The same, to be written; ``until`` is what a later call may say that takes it back."""

    sandbox: str
    id: str
    at: int
    provider: str
    rule: str
    detail: str
    nearest: str | None
    until: str | None
    call: str | None
    webhook: str | None
    method: str
    path: str
    status: int | None


class MetRow(NamedTuple):
    """How often a sandbox's client has met one thing of a provider; ``kind`` is one of `mocksrv.engine.coverage`."""

    provider: str
    kind: str
    name: str
    times: int


class ScenarioRow(NamedTuple):
    """A scenario that the control API put in."""

    provider: str
    name: str
    text: str
