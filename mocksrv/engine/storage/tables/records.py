"""The queries of records."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from mocksrv.engine.storage.records import RECORD, Query, Record, columns_of, dumps, play_text, record_of, records_of
from mocksrv.engine.storage.rows import WaitingRow
from mocksrv.engine.storage.tables.statements import Statements, direction

INSERT = (
    f"INSERT INTO record (sandbox, {RECORD.removeprefix('seq, ')}, load)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
UPDATE = (
    "UPDATE record SET partner_id = ?, sort = ?, revision = ?, updated_at = ?, body = ?, play = ?"
    " WHERE sandbox = ? AND guid = ?"
)
KIND, GUID, OWNER = 1, 2, 3  # places in the row of a record
NOTHING: Mapping[str, str] = {}
KEYS = ("owner", "subject", "parent", "partner_id")  # columns that a query may name


class RecordQueries(Statements):
    """Documents: found by key, listed, added up, changed."""

    def get(self, sandbox: str, kind: str, guid: str) -> Record | None:
        if self._recent:
            found = self.get_all(sandbox, guid).get(guid)
            return found if found and found.kind == kind else None
        row = self._stored(sandbox, guid)
        return record_of(row) if row and row[KIND] == kind else None

    def _stored(self, sandbox: str, guid: str) -> tuple[Any, ...] | None:
        """A record as it is stored. A transaction reads it once, and again when it has changed it."""
        row = None if self.has_changed(sandbox, guid) else self._read.get((sandbox, guid))
        if row is None:
            row = self._row(f"SELECT {RECORD} FROM record WHERE sandbox = ? AND guid = ?{self._seen}", (sandbox, guid))
            if row is not None and self._recent is None:
                self._read[sandbox, guid] = row
        return row

    def read_ahead(self, sandbox: str, guids: Collection[str]) -> None:
        """Reads at once what a transaction will ask for: these records, and those that own them."""
        owners = {row[OWNER] for row in self._read_all(sandbox, guids)} - {""}
        if owners:
            self._read_all(sandbox, owners)

    def _read_all(self, sandbox: str, guids: Collection[str]) -> list[tuple[Any, ...]]:
        marks = ", ".join("?" * len(guids))
        sql = f"SELECT {RECORD} FROM record WHERE sandbox = ? AND guid IN ({marks}){self._seen}"
        rows = self._rows(sql, (sandbox, *guids))
        self._read.update({(sandbox, row[GUID]): row for row in rows})
        return rows

    def get_all(self, sandbox: str, *guids: str) -> dict[str, Record]:
        """Records of whatever kind by guid, with one query; those read often, with none."""
        recent = self._recent
        stamp = recent.stamp if recent else 0
        known = recent.all_of(sandbox, guids) if recent else None
        if known is not None:
            return known
        marks = ", ".join("?" * len(guids))
        sql = f"SELECT {RECORD} FROM record WHERE sandbox = ? AND guid IN ({marks}){self._seen}"
        rows = self._rows(sql, (sandbox, *guids))
        found = {record.guid: record for record in map(record_of, rows)}
        if recent:
            recent.keep(stamp, {(sandbox, guid): record for guid, record in found.items()})
        return found

    def record(self, sandbox: str, guid: str) -> Record | None:
        """A record of whatever kind."""
        row = self._stored(sandbox, guid)
        return record_of(row) if row else None

    def subject(self, sandbox: str, guid: str) -> Record | None:
        """A record that plays, of whatever kind."""
        row = self._run(
            f"SELECT {RECORD} FROM record WHERE sandbox = ? AND guid = ? AND play IS NOT NULL{self._seen}",
            (sandbox, guid),
        ).fetchone()
        return record_of(row) if row else None

    def subjects(
        self,
        sandbox: str,
        after: int,
        limit: int,
        *,
        newest: bool = False,
        play: Mapping[str, str] = NOTHING,
        body: Mapping[str, str] = NOTHING,
    ) -> list[Record]:
        """Records that play a scenario, beyond number ``after``: oldest first, or ``newest`` first. All members of
        ``play`` must be theirs, and one of those of ``body``, if there are any.
        """
        beyond, order = direction(newest)
        member = self._dialect.member
        tests = [f"{member('play', name)} = ?" for name in play]
        if body:
            tests.append("(" + " OR ".join(f"{member('body', name)} = ?" for name in body) + ")")
        wanted = "".join(f" AND {test}" for test in tests)
        rows = self._run(
            f"SELECT {RECORD} FROM record WHERE sandbox = ? AND play IS NOT NULL AND {beyond}{wanted}{self._seen} "
            f"ORDER BY {order} LIMIT ?",
            (sandbox, after, *play.values(), *body.values(), limit),
        )
        return [record_of(row) for row in rows]

    def waiting_for_polls(self, sandbox: str) -> list[WaitingRow]:
        """The subjects that wait for reads of their status."""
        left = self._dialect.number("play", "polls")
        sql = f"SELECT guid, {left} FROM record WHERE sandbox = ? AND play IS NOT NULL AND {left} > 0{self._seen}"
        return list(map(WaitingRow._make, self._rows(sql, (sandbox,))))

    def select(self, sandbox: str, query: Query) -> list[Record]:
        where, values = self._where(sandbox, query)
        order = "sort DESC, seq DESC" if query.newest_first else "sort, seq"
        page = " LIMIT ? OFFSET ?" if query.limit is not None else ""
        if query.limit is not None:
            values += [query.limit, query.offset]
        return records_of(self._rows(f"SELECT {RECORD} FROM record WHERE {where} ORDER BY {order}{page}", values))

    def count(self, sandbox: str, query: Query) -> int:
        where, values = self._where(sandbox, query)
        return int(self._run(f"SELECT count(*) FROM record WHERE {where}", values).fetchone()[0])

    def has_more(self, sandbox: str, query: Query, than: int) -> bool:
        """Whether the records are more than so many. All others are left uncounted: of 100,000 that took 100 ms."""
        where, values = self._where(sandbox, query)
        return bool(self._rows(f"SELECT 1 FROM record WHERE {where} LIMIT 1 OFFSET ?", [*values, than]))

    def totals(self, sandbox: str, query: Query, by: Sequence[str]) -> dict[tuple[Any, ...], tuple[int, int]]:
        """Members of the body that ``by`` names -> how many records of the query have these, and the sum of their
        ``amount`` in cents.
        """
        where, values = self._where(sandbox, query)
        groups = ", ".join(self._dialect.bound_member("body") for _ in by)
        cents = f"count(*), sum({self._dialect.cents('body', 'amount')})"
        places = ", ".join(str(place) for place in range(1, len(by) + 1))
        sql = f"SELECT {groups}, {cents} FROM record WHERE {where} GROUP BY {places} ORDER BY {places}"
        rows = self._rows(sql, [*map(self._dialect.path, by), *values])
        return {row[:-2]: (row[-2], int(row[-1] or 0)) for row in rows}

    def values(self, sandbox: str, query: Query, members: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """(guid, subject, parent, sort, members of the body ...) of the records of a query; ``members`` are two or
        more.
        """
        where, values = self._where(sandbox, query)
        body = self._dialect.members("body", len(members))
        sql = f"SELECT guid, subject, parent, sort, {body} FROM record WHERE {where} ORDER BY sort, seq"
        rows = self._rows(sql, [*map(self._dialect.path, members), *values])
        bodies = json.loads(f"[{','.join(row[4] for row in rows)}]")
        return ((*row[:4], *body) for row, body in zip(rows, bodies, strict=True))

    def by_partner_id(self, sandbox: str, query: Query, member: str) -> dict[str | None, tuple[str, Any]]:
        """Partner id -> (guid, one member of the body), of the records of a query."""
        where, values = self._where(sandbox, query)
        sql = f"SELECT partner_id, guid, {self._dialect.bound_member('body')} FROM record WHERE {where}"
        return {row[0]: (row[1], row[2]) for row in self._rows(sql, [self._dialect.path(member), *values])}

    def _where(self, sandbox: str, query: Query) -> tuple[str, list[Any]]:
        """The WHERE clause of a query, and its values."""
        dialect = self._dialect
        # with guids, the index on those is the one to use, not one that leads with the kind
        clauses = ["sandbox = ?", "kind = ?" if query.guids is None else "kind || '' = ?"]
        values: list[Any] = [sandbox, query.kind]
        for column in KEYS:
            value = getattr(query, column)
            if value is not None:
                # with many partner's ids, the index on those is the one to use, not one that leads with the parent
                clauses.append(f"{column} = ?" if query.partner_ids is None else f"{column} || '' = ?")
                values.append(value)
        for column, bounds in query.ranges.items():
            for sign, bound in zip((">=", "<="), bounds, strict=True):
                if bound is not None:
                    clauses.append(f"{column} {sign} ?")
                    values.append(bound)
        for member, wanted in query.body.items():
            clauses.append(dialect.has_member("body"))
            values += [dialect.path(member), dialect.value(wanted)]
        if query.guids is not None:
            clauses.append(dialect.is_one_of("guid"))
            values.append(dialect.many(query.guids))
        if query.partner_ids is not None:
            clauses.append(dialect.is_one_of("partner_id"))
            values.append(dialect.many(query.partner_ids))
        return " AND ".join(clauses) + self._seen, values

    def insert(self, sandbox: str, records: Iterable[Record]) -> None:
        """Adds records. Their ``seq`` is not filled in."""
        self._many(INSERT, ((*columns_of(sandbox, record), None) for record in records))

    def insert_alike(
        self, sandbox: str, like: Record, rows: Iterable[tuple[str, str | None, int, str]], load: int | None = None
    ) -> None:
        """Adds records without a play that differ from ``like`` in (guid, partner id, sort, body) only. They are unseen
        until their ``load`` is published, if they are of one.
        """
        before, keys = (sandbox, like.kind), (like.owner, like.subject, like.parent)
        after = (like.revision, like.created_at, like.updated_at)
        self._many(
            INSERT,
            ((*before, guid, *keys, partner, sort, *after, body, None, load) for guid, partner, sort, body in rows),
        )

    def update(self, sandbox: str, r: Record) -> None:
        """Writes a record as it is by the end of the transaction, or when something is read before that."""
        self._later(UPDATE, partial(_changed_columns, sandbox, r), (sandbox, r.guid))
        if self.changed is not None:
            self.changed.add((sandbox, r.guid))

    def move(self, sandbox: str, r: Record) -> None:
        """Writes the columns that an update leaves as they are: what a record is and where it hangs."""
        values = (r.kind, r.subject, r.parent, sandbox, r.guid)
        self._run("UPDATE record SET kind = ?, subject = ?, parent = ? WHERE sandbox = ? AND guid = ?", values)
        self.changed = None

    def delete(self, sandbox: str, **keys: str) -> int:
        """Removes the records with all these key columns (guid, owner, subject, parent, kind); how many there were."""
        where = " AND ".join(f"{column} = ?" for column in keys)
        self.changed = None
        return int(self._run(f"DELETE FROM record WHERE sandbox = ? AND {where}", (sandbox, *keys.values())).rowcount)


def _changed_columns(sandbox: str, r: Record) -> tuple[Any, ...]:
    """The values of `UPDATE`."""
    return (r.partner_id, r.sort, r.revision, r.updated_at, dumps(r.body), play_text(r), sandbox, r.guid)
