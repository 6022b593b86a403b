"""A sandbox inside one transaction."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

from mocksrv.engine.clock import Clock
from mocksrv.engine.coverage import STATUS, Met
from mocksrv.engine.observers import Happening
from mocksrv.engine.sandbox import Sandbox, Settings
from mocksrv.engine.scenarios.files import Key
from mocksrv.engine.scenarios.model import Scenario
from mocksrv.engine.storage.queries import Tx
from mocksrv.engine.storage.records import Query, Record, dumps
from mocksrv.engine.storage.rows import LoadRow, ScenarioRow
from mocksrv.engine.storage.tables.statements import WHEN_ASKED

MOST_MOMENTS = 100_000  # lines of its subjects' timelines that a sandbox keeps
MOST_COUNTED = 1000  # queries whose counts are kept
TRIM_EVERY = 500  # events, or lines of timelines, after which the oldest are forgotten


def numbered_guid(seed: str, number: int) -> str:
    """The id that a seed gives with a number: a lower-case UUID."""
    return guid_text(hashlib.blake2b(f"{seed}:{number}".encode(), digest_size=16).hexdigest())


def guid_text(digits: str) -> str:
    """32 hexadecimal digits as a UUID."""
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


class GuidRange(NamedTuple):
    """``number`` ids in a row, each ``PREFIX-`` and a UUID: those of a seed from ``first`` on. They are made when they
    are needed.
    """

    prefix: str
    seed: str
    first: int
    number: int

    def all(self) -> list[str]:
        before, blake2b, text = f"{self.seed}:", hashlib.blake2b, guid_text
        numbers = range(self.first, self.first + self.number)
        digits = [blake2b(f"{before}{number}".encode(), digest_size=16).hexdigest() for number in numbers]
        return [f"{self.prefix}-{text(each)}" for each in digits]

    @property
    def last(self) -> str:
        return f"{self.prefix}-{numbered_guid(self.seed, self.first + self.number - 1)}"


class Ids:
    """Digests by chance, which can be given once more from the beginning."""

    def __init__(self) -> None:
        self._seed = os.urandom(16)
        self._given = 0

    def digest(self) -> str:
        self._given += 1
        return hashlib.blake2b(self._seed + self._given.to_bytes(8, "big"), digest_size=16).hexdigest()

    def restart(self) -> None:
        self._given = 0


class World:
    """A sandbox inside one transaction, at one moment (``now``, milliseconds)."""

    def __init__(self, sandbox: Sandbox, tx: Tx, now: int) -> None:
        self.sandbox = sandbox
        self.tx = tx
        self.now = now
        self.looking = False  # nothing is written
        self.muted = False  # the caller wants no callbacks of this transaction
        self.directives: Mapping[str, Any] = {}  # what happens to the callbacks of the step being played
        self.overrides: Mapping[str, Any] = {}  # what is put over the payloads of its events
        self.rank: int | None = None  # shared by the shuffled callbacks of a step
        self.owed: set[str] = set()  # the endpoints that this transaction owes something
        self.happened: list[Happening] = []
        self.met: list[Met] = []
        self.may_restart = False  # what needs something that is not ready may raise Unready
        self.may_postpone = False  # what needs a load may raise Postponed
        self.timer_of: str | None = None  # the subject of the timer that is played, which alone may have loads then
        self.brought: dict[str, tuple[Any, LoadRow] | Exception] = {}  # its loads that were brought
        self.plays = False  # what is due: a call that begins again does not do it again
        self.committed = False
        self.ids: Ids | None = None  # what ids are made of without a seed, where the transaction may begin again
        self.observed = False  # somebody is told of it afterwards
        self.strange: list[str] = []  # what is wrong with fields put over payloads that do not have them
        self.contradictions: list[str] = []  # fields put over payloads that cannot have these values
        self.written: list[str] = []  # the ids of the events of this transaction
        self.removing = False  # much was removed, which goes bit by bit afterwards
        self._guids: int | None = None

    # identity

    def guid(self, prefix: str = "") -> str:
        """A new id, ``PREFIX-`` and a lower-case UUID; the same again for the same seed, sandbox and calls, and for a
        transaction that begins again.
        """
        seed = self.sandbox.seed
        text = guid_text(self._digits()) if seed is None else numbered_guid(seed, self._next_numbers(1))
        return f"{prefix}-{text}" if prefix else text

    def guids(self, prefix: str, number: int) -> GuidRange:
        """So many new ids at once, in a row."""
        seed = self.sandbox.seed
        if seed is None:
            return GuidRange(prefix, self._digits(), 1, number)
        return GuidRange(prefix, seed, self._next_numbers(number), number)

    def _digits(self) -> str:
        """Hexadecimal digits by chance."""
        return os.urandom(16).hex() if self.ids is None else self.ids.digest()

    def _next_numbers(self, many: int) -> int:
        """The first of so many numbers that the sandbox's seed gives ids with."""
        if self._guids is None:
            row = self.tx.sandbox(self.sandbox.name)
            self._guids = row.guids if row else 0
        first = self._guids + 1
        self._guids += many
        return first

    # records

    def get(self, kind: str, guid: str) -> Record | None:
        return self.tx.get(self.sandbox.name, kind, guid)

    def record(self, guid: str) -> Record | None:
        """A record of whatever kind."""
        return self.tx.record(self.sandbox.name, guid)

    def subject(self, guid: str) -> Record | None:
        """A record that plays a scenario."""
        return self.tx.subject(self.sandbox.name, guid)

    def list(self, query: Query) -> list[Record]:
        return self.tx.select(self.sandbox.name, query)

    def count(self, query: Query) -> int:
        """How many records there are. Pages of a list ask for the same number again and again: it is found once."""
        if not self.looking:
            return self.tx.count(self.sandbox.name, query)
        counted = self.sandbox.counted  # taken before the query: after a change it is another one
        key = query.key()
        found = counted.get(key)
        if found is None:
            found = self.tx.count(self.sandbox.name, query)
            if len(counted) < MOST_COUNTED:
                counted[key] = found
        return found

    def has_more(self, query: Query, than: int) -> bool:
        """Whether the records are more than so many."""
        return self.tx.has_more(self.sandbox.name, query, than)

    def totals(self, query: Query, *by: str) -> dict[tuple[Any, ...], tuple[int, int]]:
        """The records of a query, grouped by these members of their bodies: how many, and the sum of ``amount`` in
        cents.
        """
        return self.tx.totals(self.sandbox.name, query, by)

    def values(self, query: Query, *members: str) -> Iterator[tuple[Any, ...]]:
        """(guid, subject, parent, sort, members of the body ...) of all records of a query: for what adds up many of
        them.
        """
        return self.tx.values(self.sandbox.name, query, members)

    def by_partner_id(self, query: Query, member: str) -> dict[str | None, tuple[str, Any]]:
        """Partner id -> (guid, one member of the body), of all records of a query."""
        return self.tx.by_partner_id(self.sandbox.name, query, member)

    def pages(self, query: Query, size: int = 500) -> Iterator[Record]:
        """All records of a query, read in pages."""
        while rows := self.list(query._replace(limit=size)):
            yield from rows
            if len(rows) < size:
                return
            query = query._replace(offset=query.offset + size)

    def add(self, *records: Record) -> None:
        """Stores new records, made now."""
        for record in records:
            record.created_at = record.created_at or self.now
            record.updated_at = self.now
        self.tx.insert(self.sandbox.name, records)

    def add_alike(
        self, like: Record, rows: Iterable[tuple[str, str | None, int, str]], load: int | None = None
    ) -> None:
        """Stores many new records that differ from one in nothing but (guid, partner id, sort, body as JSON); those of
        a ``load`` are unseen until it is published.
        """
        like.created_at = like.updated_at = self.now
        self.tx.insert_alike(self.sandbox.name, like, rows, load)

    def publish(self, load: int) -> None:
        """What a load has brought is seen from this transaction on."""
        self.tx.publish_load(load)

    def save(self, record: Record) -> None:
        """Stores a changed record: one revision more, updated now."""
        record.revision += 1
        record.updated_at = self.now
        self.tx.update(self.sandbox.name, record)

    def move(self, record: Record) -> None:
        """Stores a changed record that is of another kind now, or has another subject or parent."""
        self.tx.move(self.sandbox.name, record)
        self.save(record)

    def save_play(self, record: Record) -> None:
        """Stores where a subject stands in its scenario, which is no change of the record."""
        self.tx.update(self.sandbox.name, record)

    def remove(self, **keys: str) -> int:
        return self.tx.delete(self.sandbox.name, **keys)

    def remove_below(self, relation: str, guid: str) -> None:
        """Removes all records whose ``relation`` (owner, subject, parent) this one is, which goes with this transaction
        itself: it must never get new ones.
        """
        self.removing |= self.tx.remove_below(self.sandbox.name, relation, guid)

    # time

    def set_timer(self, subject: str, kind: str, due: int) -> None:
        """Sets the timer of this kind of a subject, or of any record that its provider's role knows what to do with."""
        self.tx.set_timer(self.sandbox.name, subject, kind, due)

    def leave_until_asked(self, subject: str, kind: str) -> None:
        """Sets a timer that never falls due: what it stands for is done by whoever asks for it (see `timer`)."""
        self.set_timer(subject, kind, WHEN_ASKED)

    @property
    def advancing(self) -> bool:
        """Whether time is being advanced, which tells of all that happens on its way."""
        return self.sandbox.held is not None

    def timer(self, subject: str, kind: str) -> int | None:
        """When a timer falls due; None when it is not set."""
        return self.tx.timer(self.sandbox.name, subject, kind)

    def cancel_timers(self, subject: str, *kinds: str) -> None:
        self.tx.cancel_timers(self.sandbox.name, subject, kinds)

    def mark(
        self,
        subject: Record,
        cause: str,
        *,
        status: str | None = None,
        flow: str | None = None,
        step: str | None = None,
    ) -> None:
        """Writes a line of the subject's timeline; ``step`` is the file and line that caused it."""
        guid = subject.guid
        self.tx.mark(self.sandbox.name, guid, self.now, status, flow, step, cause)
        self.sandbox.marked += 1
        if self.sandbox.marked % TRIM_EVERY == 0:
            self.tx.trim_timelines(self.sandbox.name, MOST_MOMENTS)
        if status:
            self.meet(subject.kind.partition(".")[0], STATUS, status)
        self.note("status" if status else "play", guid, status or cause)

    def meet(self, provider: str, kind: str, name: str, times: int = 1) -> None:
        """The sandbox's client has met something of a provider, which is counted after the commit."""
        self.met += [Met(provider, kind, name)] * times

    def note(self, kind: str, subject: str | None, detail: str, **more: Any) -> None:
        """Something has happened, of which the observers are told after the commit (see `Happening`)."""
        self.happened.append(Happening(self.sandbox.name, self.now, kind, subject, detail, more))

    def trim_events(self, written: int = 1) -> None:
        """So many events were written: forgets the oldest ones, every so often."""
        before = self.sandbox.told // TRIM_EVERY
        self.sandbox.told += written
        if self.sandbox.told // TRIM_EVERY > before:
            self.forget_old_events()

    def forget_old_events(self) -> None:
        """Forgets the events that are more, or older, than a sandbox keeps."""
        config = self.sandbox.config
        self.tx.trim_events(self.sandbox.name, config.keep_events, self.now - config.keep_for)

    # settings

    def configure(self, **changes: Any) -> None:
        """Changes the sandbox's settings with this transaction."""
        settings = replace(self.sandbox.settings, **changes)
        self.tx.set_settings(self.sandbox.name, settings.dump())
        before, self.sandbox.settings = self.sandbox.settings, settings
        self.tx.on_rollback.append(lambda: setattr(self.sandbox, "settings", before))

    def set_clock(self, clock: Clock) -> None:
        """Changes the sandbox's clock with this transaction."""
        self.tx.set_clock(self.sandbox.name, dumps(clock.dump()))
        before, self.sandbox.clock = self.sandbox.clock, clock
        self.tx.on_rollback.append(lambda: setattr(self.sandbox, "clock", before))

    def put_scenario(self, scenario: Scenario) -> None:
        """Gives the sandbox a scenario of its own with this transaction. Raises YamlError."""
        self._see(self.sandbox.scenarios.with_one(scenario))
        self.tx.put_scenario(self.sandbox.name, scenario.provider, scenario.name, scenario.text)

    def delete_scenario(self, scenario: Scenario) -> None:
        """Takes a scenario of its own from the sandbox with this transaction. Raises NotDeletable."""
        self._see(self.sandbox.scenarios.without(scenario))
        self.tx.delete_scenario(self.sandbox.name, scenario.provider, scenario.name)

    def empty(self) -> None:
        """Removes all that the sandbox holds, scenarios of its own included, with this transaction."""
        self.tx.empty_sandbox(self.sandbox.name)
        self._see({})

    def restore(
        self,
        settings: Settings,
        clock: Clock,
        scenarios: Mapping[Key, Scenario],
        rows: Iterable[ScenarioRow],
        guids: int,
    ) -> None:
        """Gives the sandbox, which is empty, settings, a clock, scenarios of its own (``rows`` are their texts), and
        the number of ids that its seed has given.
        """
        self.configure(**{name: getattr(settings, name) for name in Settings.__dataclass_fields__})
        self.set_clock(clock)
        self._see(scenarios)
        for row in rows:
            self.tx.put_scenario(self.sandbox.name, *row)
        self.tx.set_guids(self.sandbox.name, guids)

    def _see(self, own: Mapping[Key, Scenario]) -> None:
        scenarios = self.sandbox.scenarios
        before, scenarios.own = scenarios.own, own
        self.tx.on_rollback.append(lambda: setattr(scenarios, "own", before))

    @contextmanager
    def overriding(self, fields: Mapping[str, Any]) -> Iterator[None]:
        """What is written to the outbox meanwhile has these fields over its payload."""
        self.overrides = fields
        try:
            yield
        finally:
            self.overrides = {}

    def close(self) -> None:
        """Writes what was only counted; called before the commit."""
        if self._guids is not None:
            self.tx.set_guids(self.sandbox.name, self._guids)
