"""What the store keeps: documents, the questions asked of them, and rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, NamedTuple

from mocksrv.engine.play import Job, Play

Row = tuple[Any, ...]
RECORD = "seq, kind, guid, owner, subject, parent, partner_id, sort, revision, created_at, updated_at, body, play"


class StoreError(Exception):
    """The database cannot be used; the message says why."""


class StoreUnavailable(StoreError):
    """The database does not answer for now; what was asked of it is to be asked again."""


class StoreFull(StoreUnavailable):
    """Nothing can be written for now: the disk is full, for instance. What is there can be read."""


@dataclass(slots=True)
class Record:
    """One document: what a provider stores, owns, lists and returns.

    ``owner`` is whose it is (a user), ``subject`` whose play made it (a member), ``parent`` what it hangs under
    (an account). ``play`` is set on subjects only: where they stand in their scenario. Times are milliseconds.
    """

    kind: str
    guid: str
    body: dict[str, Any]
    owner: str = ""
    subject: str | None = None
    parent: str | None = None
    partner_id: str | None = None
    sort: int = 0
    revision: int = 1
    created_at: int = 0
    updated_at: int = 0
    play: Play | None = None
    seq: int = 0

    @property
    def playing(self) -> Play:
        """Where a subject stands in its scenario."""
        assert self.play is not None, f"{self.guid} does not play"
        return self.play

    @property
    def job(self) -> Job | None:
        """The job that runs on a subject; None when none does, or the record is no subject."""
        return self.play.job if self.play is not None else None


class Query(NamedTuple):
    """Which records of a kind: by key columns, by ranges of a column, by members of the body; paged and ordered.

    ``ranges`` maps a column (sort, created_at, updated_at) to inclusive (low, high) bounds, either may be None.
    ``body`` maps a member of the body to the value it must equal. ``guids``, ``partner_ids``: only these, of which
    there may be many.
    """

    kind: str
    owner: str | None = None
    subject: str | None = None
    parent: str | None = None
    partner_id: str | None = None
    ranges: Mapping[str, tuple[int | None, int | None]] = {}
    body: Mapping[str, str | int | bool | None] = {}
    guids: Sequence[str] | None = None
    partner_ids: Sequence[str] | None = None
    newest_first: bool = False
    limit: int | None = None
    offset: int = 0

    def key(self) -> tuple[Any, ...]:
        """What tells one set of records from another, whatever the order and the page."""
        keys = (self.kind, self.owner, self.subject, self.parent, self.partner_id)
        many = (None if each is None else tuple(each) for each in (self.guids, self.partner_ids))
        return (*keys, tuple(self.ranges.items()), tuple(self.body.items()), *many)


def record_of(row: Row) -> Record:
    """The record of a row; body and play are read as one text, which is faster."""
    body, play = json.loads(f"[{row[11]},{row[12] or 'null'}]")
    return _made(row, body, play)


def records_of(rows: Sequence[Row]) -> list[Record]:
    """The same of many: their bodies are read as one text, which is faster."""
    bodies = json.loads(f"[{','.join([row[11] for row in rows])}]")
    return [_made(row, body, json.loads(row[12]) if row[12] else None) for row, body in zip(rows, bodies, strict=True)]


def _made(row: Row, body: dict[str, Any], play: dict[str, Any] | None) -> Record:
    seq, kind, guid, owner, subject, parent, partner_id, sort, revision, created_at, updated_at, _, _ = row
    return Record(
        kind,
        guid,
        body,
        owner,
        subject,
        parent,
        partner_id,
        sort,
        revision,
        created_at,
        updated_at,
        None if play is None else Play.load(play),
        seq,
    )


DEEPEST = 100  # levels of objects and lists in what others send
# json.dumps would make one for every text; nothing that is stored or sent has itself inside
_encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False)


def dumps(value: Any) -> str:
    """Compact JSON, as stored and as sent."""
    return _encoder.encode(value)


def loads(text: str) -> Any:
    """JSON of somebody else's. Raises ValueError, RecursionError; also for what can be read but not sent: NaN, numbers
    beyond all bounds, and halves of surrogate pairs; and for what is nested deeper than `DEEPEST`.
    """
    value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    if text.count("{") + text.count("[") > DEEPEST:
        _refuse_deep(value)
    if "\\u" in text:
        dumps(value).encode()
    return value


def _refuse_deep(value: Any) -> None:
    """Raises ValueError for what is nested too deep for whoever walks through it, level by level."""
    level = [value]
    for _ in range(DEEPEST + 1):
        inside = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, (dict, list)))
        level = [inner for each in inside for inner in each]
        if not level:
            return
    raise ValueError(f"nested deeper than {DEEPEST} levels")


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text} is beyond all bounds")
    return number


def columns_of(sandbox: str, r: Record) -> Row:
    keys = (sandbox, r.kind, r.guid, r.owner, r.subject, r.parent, r.partner_id)
    return (*keys, r.sort, r.revision, r.created_at, r.updated_at, dumps(r.body), play_text(r))


def play_text(r: Record) -> str | None:
    """The play of a record as it is stored."""
    return None if r.play is None else dumps(r.play.dump())
