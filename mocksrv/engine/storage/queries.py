"""The queries of a transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from mocksrv.engine.storage.recent import Connection, Recent
from mocksrv.engine.storage.records import RECORD, Query, Record, Row, columns_of, dumped, dumps, record_of, records_of
from mocksrv.engine.storage.schema import SANDBOX_TABLES


class Tx:
    """The queries, inside one transaction (or one read)."""

    def __init__(self, connection: Connection, recent: Recent | None = None) -> None:
        self._run = connection.execute
        self._many = connection.executemany
        self._recent = recent
        self.after_commit: list[Callable[[], None]] = []
        self.on_rollback: list[Callable[[], None]] = []
        self.changed: set[tuple[str, str]] | None = set()  # sandbox and guid of the records; None: any may have

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        rows: list[Row] = self._run(sql, values).fetchall()
        return rows

    # sandboxes

    def sandbox(self, name: str) -> Row | None:
        """(settings, clock, guids) of a sandbox."""
        row: Row | None = self._run("SELECT settings, clock, guids FROM sandbox WHERE name = ?", (name,)).fetchone()
        return row

    def sandboxes(self) -> list[str]:
        return [name for (name,) in self._run("SELECT name FROM sandbox ORDER BY name")]

    def add_sandbox(self, name: str, settings: str, clock: str) -> None:
        self._run(
            "INSERT INTO sandbox (name, settings, clock) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (name, settings, clock),
        )

    def set_sandbox(self, name: str, **columns: Any) -> None:
        """Writes settings, clock or guids of a sandbox."""
        names = ", ".join(f"{column} = ?" for column in columns)
        self._run(f"UPDATE sandbox SET {names} WHERE name = ?", (*columns.values(), name))

    def empty_sandbox(self, name: str) -> None:
        """Removes all that a sandbox holds, but not the sandbox."""
        attempts_of = "SELECT seq FROM delivery WHERE sandbox = ?"
        self._run(f"DELETE FROM attempt WHERE delivery IN ({attempts_of})", (name,))
        self.changed = None
        for table in SANDBOX_TABLES:
            self._run(f"DELETE FROM {table} WHERE sandbox = ?", (name,))

    def is_empty(self, name: str) -> bool:
        """Whether a sandbox holds no records."""
        return not self._rows("SELECT 1 FROM record WHERE sandbox = ? LIMIT 1", (name,))

    def drop_sandbox(self, name: str) -> None:
        self.empty_sandbox(name)
        self._run("DELETE FROM sandbox WHERE name = ?", (name,))

    # records

    def get(self, sandbox: str, kind: str, guid: str) -> Record | None:
        if self._recent:
            found = self.get_all(sandbox, guid).get(guid)
            return found if found and found.kind == kind else None
        row = self._run(
            f"SELECT {RECORD} FROM record WHERE sandbox = ? AND guid = ? AND kind = ?", (sandbox, guid, kind)
        ).fetchone()
        return record_of(row) if row else None

    def get_all(self, sandbox: str, *guids: str) -> dict[str, Record]:
        """Records of whatever kind by guid, with one query; those read often, with none."""
        recent = self._recent
        known = [recent.rows.get((sandbox, guid)) for guid in guids] if recent else [None]
        if recent is None or None in known:
            stamp = recent.stamp if recent else 0
            marks = ", ".join("?" * len(guids))
            known = self._run(
                f"SELECT {RECORD} FROM record WHERE sandbox = ? AND guid IN ({marks})", (sandbox, *guids)
            ).fetchall()
            if recent:
                recent.keep(stamp, {(sandbox, row[2]): row for row in known if row})
        return {row[2]: record_of(row) for row in known if row}

    def record(self, sandbox: str, guid: str) -> Record | None:
        """A record of whatever kind."""
        row = self._run(f"SELECT {RECORD} FROM record WHERE sandbox = ? AND guid = ?", (sandbox, guid)).fetchone()
        return record_of(row) if row else None

    def subject(self, sandbox: str, guid: str) -> Record | None:
        """A record that plays, of whatever kind."""
        row = self._run(
            f"SELECT {RECORD} FROM record WHERE sandbox = ? AND guid = ? AND play IS NOT NULL", (sandbox, guid)
        ).fetchone()
        return record_of(row) if row else None

    def subjects(self, sandbox: str, after: int, limit: int) -> list[Record]:
        rows = self._run(
            f"SELECT {RECORD} FROM record WHERE sandbox = ? AND play IS NOT NULL AND seq > ? ORDER BY seq LIMIT ?",
            (sandbox, after, limit),
        )
        return [record_of(row) for row in rows]

    def waiting_for_polls(self, sandbox: str) -> list[Row]:
        """(guid, polls left) of subjects that wait for reads of their status."""
        left = "json_extract(play, '$.polls')"
        return self._rows(
            f"SELECT guid, {left} FROM record WHERE sandbox = ? AND play IS NOT NULL AND {left} > 0", (sandbox,)
        )

    def select(self, sandbox: str, query: Query) -> list[Record]:
        where, values = query.where(sandbox)
        order = "sort DESC, seq DESC" if query.newest_first else "sort, seq"
        page = " LIMIT ? OFFSET ?" if query.limit is not None else ""
        if query.limit is not None:
            values += [query.limit, query.offset]
        return records_of(self._rows(f"SELECT {RECORD} FROM record WHERE {where} ORDER BY {order}{page}", values))

    def count(self, sandbox: str, query: Query) -> int:
        where, values = query.where(sandbox)
        return int(self._run(f"SELECT count(*) FROM record WHERE {where}", values).fetchone()[0])

    def totals(self, sandbox: str, query: Query, by: Sequence[str]) -> dict[tuple[Any, ...], tuple[int, int]]:
        """Members of the body that ``by`` names -> how many records of the query have these, and the sum of their
        ``amount`` in cents.
        """
        where, values = query.where(sandbox)
        groups = ", ".join("json_extract(body, ?)" for _ in by)
        cents = "count(*), sum(CAST(round(json_extract(body, '$.amount') * 100) AS INTEGER))"
        places = ", ".join(str(place) for place in range(1, len(by) + 1))
        sql = f"SELECT {groups}, {cents} FROM record WHERE {where} GROUP BY {places} ORDER BY {places}"
        return {row[:-2]: (row[-2], row[-1] or 0) for row in self._rows(sql, [*(f"$.{name}" for name in by), *values])}

    def values(self, sandbox: str, query: Query, members: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """(guid, subject, parent, sort, members of the body ...) of the records of a query; ``members`` are two or
        more.
        """
        where, values = query.where(sandbox)
        paths = ", ".join("?" * len(members))
        sql = (
            f"SELECT guid, subject, parent, sort, json_extract(body, {paths}) FROM record WHERE {where} ORDER BY "
            "sort, seq"
        )
        rows = self._rows(sql, [*(f"$.{name}" for name in members), *values])
        bodies = json.loads(f"[{','.join(row[4] for row in rows)}]")
        return ((*row[:4], *body) for row, body in zip(rows, bodies, strict=True))

    def insert(self, sandbox: str, records: Iterable[Record]) -> None:
        """Adds records. Their ``seq`` is not filled in."""
        columns = RECORD.removeprefix("seq, ")
        self._many(
            f"INSERT INTO record (sandbox, {columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (columns_of(sandbox, record) for record in records),
        )

    def update(self, sandbox: str, r: Record) -> None:
        columns = "partner_id = ?, sort = ?, revision = ?, updated_at = ?, body = ?, play = ?"
        values = (r.partner_id, r.sort, r.revision, r.updated_at, dumps(r.body), dumped(r.play))
        self._run(f"UPDATE record SET {columns} WHERE sandbox = ? AND guid = ?", (*values, sandbox, r.guid))
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

    # timers

    def set_timer(self, sandbox: str, subject: str, kind: str, due: int) -> None:
        """Sets the subject's timer of this kind, in place of an earlier one."""
        self._run("DELETE FROM timer WHERE sandbox = ? AND subject = ? AND kind = ?", (sandbox, subject, kind))
        self._run("INSERT INTO timer (sandbox, subject, kind, due) VALUES (?, ?, ?, ?)", (sandbox, subject, kind, due))

    def cancel_timers(self, sandbox: str, subject: str, kinds: Sequence[str] = ()) -> None:
        only = f" AND kind IN ({', '.join('?' * len(kinds))})" if kinds else ""
        self._run(f"DELETE FROM timer WHERE sandbox = ? AND subject = ?{only}", (sandbox, subject, *kinds))

    def timer(self, sandbox: str, subject: str, kind: str) -> int | None:
        """When the subject's timer of this kind falls due; None when it is not set."""
        row = self._run(
            "SELECT due FROM timer WHERE sandbox = ? AND subject = ? AND kind = ?", (sandbox, subject, kind)
        ).fetchone()
        return None if row is None else int(row[0])

    def next_timer(self, sandbox: str) -> Row | None:
        """(seq, subject, kind, due) of the timer that falls due first."""
        row: Row | None = self._run(
            "SELECT seq, subject, kind, due FROM timer WHERE sandbox = ? ORDER BY due, seq LIMIT 1", (sandbox,)
        ).fetchone()
        return row

    def drop_timer(self, seq: int) -> None:
        self._run("DELETE FROM timer WHERE seq = ?", (seq,))

    # timelines

    def mark(
        self, sandbox: str, subject: str, at: int, status: str | None, flow: str | None, step: str | None, cause: str
    ) -> int:
        """Writes a line; its number."""
        cursor = self._run(
            "INSERT INTO timeline (sandbox, subject, at, status, flow, step, cause) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (sandbox, subject, at, status, flow, step, cause),
        )
        return int(cursor.lastrowid or 0)

    def trim_timelines(self, sandbox: str, keep: int) -> None:
        """Forgets all but the newest ``keep`` lines."""
        oldest = "SELECT seq FROM timeline WHERE sandbox = ? ORDER BY seq DESC LIMIT 1 OFFSET ?"
        self._run(f"DELETE FROM timeline WHERE sandbox = ? AND seq <= ({oldest})", (sandbox, sandbox, keep))

    def timeline(self, sandbox: str, subject: str) -> list[Row]:
        """(at, status, flow, step, cause), oldest first."""
        sql = "SELECT at, status, flow, step, cause FROM timeline WHERE sandbox = ? AND subject = ? ORDER BY seq"
        return self._rows(sql, (sandbox, subject))

    # events, deliveries, attempts

    def add_event(
        self, sandbox: str, id: str, name: str, subject: str | None, at: int, payload: str, headers: str
    ) -> int:
        cursor = self._run(
            (
                "INSERT INTO event (sandbox, id, name, subject, occurred_at, payload, headers) VALUES (?, ?, ?, ?, "
                "?, ?, ?)"
            ),
            (sandbox, id, name, subject, at, payload, headers),
        )
        return int(cursor.lastrowid or 0)

    def add_delivery(
        self, sandbox: str, event: int, endpoint: str, state: str, due: int | None, rank: int, options: str
    ) -> int:
        cursor = self._run(
            (
                "INSERT INTO delivery (sandbox, event, endpoint, state, next_attempt_at, rank, options) VALUES (?, "
                "?, ?, ?, ?, ?, ?)"
            ),
            (sandbox, event, endpoint, state, due, rank, options),
        )
        return int(cursor.lastrowid or 0)

    def next_deliveries(self, sandbox: str, endpoint: str, now: int, limit: int) -> list[Row]:
        """What an endpoint is owed first: (seq, attempts, options, event name, event id, payload, headers)."""
        return self._rows(
            "SELECT d.seq, d.attempts, d.options, e.name, e.id, e.payload, e.headers FROM delivery d JOIN "
            "event e ON e.seq = d.event"
            " WHERE d.sandbox = ? AND d.endpoint = ? AND d.state = 'pending' AND d.next_attempt_at <= ?"
            " ORDER BY d.next_attempt_at, d.rank, d.seq LIMIT ?",
            (sandbox, endpoint, now, limit),
        )

    def next_due(self, sandbox: str, after: int = -1) -> int | None:
        """When the next pending delivery of a sandbox is due, of those due after a moment."""
        sql = (
            "SELECT min(next_attempt_at) FROM delivery WHERE sandbox = ? AND state = 'pending' AND next_attempt_at > ?"
        )
        row = self._run(sql, (sandbox, after)).fetchone()
        return None if row[0] is None else int(row[0])

    def due_endpoints(self, sandbox: str, now: int) -> list[str]:
        """The endpoints that are owed something by now."""
        sql = "SELECT DISTINCT endpoint FROM delivery WHERE sandbox = ? AND state = 'pending' AND next_attempt_at <= ?"
        return [endpoint for (endpoint,) in self._run(sql, (sandbox, now))]

    def set_delivery(self, seq: int, state: str, due: int | None, attempts: int) -> bool:
        """False when there is no such delivery any more. One that has failed meanwhile, for its endpoint is gone, is
        not pending again.
        """
        sql = (
            "UPDATE delivery SET state = CASE WHEN state = 'pending' OR ? = 'delivered' THEN ? ELSE state END,"
            " next_attempt_at = CASE WHEN state = 'pending' THEN ? END, attempts = ? WHERE seq = ?"
        )
        return bool(self._run(sql, (state, state, due, attempts, seq)).rowcount)

    def fail_orphans(self, sandbox: str, endpoints: Sequence[str]) -> None:
        """Ends the pending deliveries to endpoints that are no longer among these, but for those to endpoints of a
        subject's own.
        """
        marks = ", ".join("?" * len(endpoints))
        others = (
            f"sandbox = ? AND state = 'pending' AND endpoint NOT IN ({marks}) AND json_extract(options, "
            "'$.endpoint') IS NULL"
        )
        self._run(f"UPDATE delivery SET state = 'failed', next_attempt_at = NULL WHERE {others}", (sandbox, *endpoints))

    def add_attempt(
        self,
        delivery: int,
        at: int,
        status: int | None,
        error: str | None,
        duration: float,
        request: str,
        response: str,
    ) -> None:
        self._run(
            (
                "INSERT INTO attempt (delivery, at, status, error, duration_ms, request, response) VALUES (?, ?, "
                "?, ?, ?, ?, ?)"
            ),
            (delivery, at, status, error, duration, request, response),
        )

    def events(self, sandbox: str, *, after: int = 0, limit: int = 100, **filters: Any) -> list[Row]:
        """(seq, id, name, subject, occurred_at, payload, headers), oldest first; filters: id, event, subject, state,
        since.
        """
        clauses, values = ["sandbox = ?", "seq > ?"], [sandbox, after]
        exists = "EXISTS (SELECT 1 FROM delivery d WHERE d.event = event.seq AND d.state = ?)"
        columns = {
            "id": "id = ?",
            "event": "name GLOB ?",
            "subject": "subject = ?",
            "state": exists,
            "since": "occurred_at >= ?",
        }
        for name, value in filters.items():
            if value is not None:
                clauses.append(columns[name])
                values.append(value)
        sql = (
            "SELECT seq, id, name, subject, occurred_at, payload, headers FROM event WHERE "
            f"{' AND '.join(clauses)} ORDER BY seq LIMIT ?"
        )
        return self._rows(sql, (*values, limit))

    def trim_events(self, sandbox: str, keep: int, before: int) -> None:
        """Forgets all but the newest ``keep`` events, and those that occurred ``before`` a moment, with deliveries and
        attempts.

        An event stays as long as a delivery of it is pending.
        """
        row = self._run(
            "SELECT seq FROM event WHERE sandbox = ? ORDER BY seq DESC LIMIT 1 OFFSET ?", (sandbox, keep)
        ).fetchone()
        old = (
            "SELECT seq FROM event WHERE sandbox = ? AND (seq <= ? OR occurred_at < ?)"
            " AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.event = event.seq AND d.state = 'pending')"
        )
        values = (sandbox, row[0] if row else 0, before)
        self._run(f"DELETE FROM attempt WHERE delivery IN (SELECT seq FROM delivery WHERE event IN ({old}))", values)
        gone = self._rows(old, values)
        for table, column in (("delivery", "event"), ("event", "seq")):
            self._many(f"DELETE FROM {table} WHERE {column} = ?", gone)

    def deliveries(self, event: int) -> list[Row]:
        """(seq, endpoint, state, next_attempt_at) of an event."""
        return self._rows(
            "SELECT seq, endpoint, state, next_attempt_at FROM delivery WHERE event = ? ORDER BY seq", (event,)
        )

    def private_endpoints(self, event: int) -> list[str]:
        """The endpoints, as JSON, that an event went to beside the sandbox's own."""
        endpoint = "json_extract(options, '$.endpoint')"
        return [
            text
            for (text,) in self._rows(
                f"SELECT DISTINCT {endpoint} FROM delivery WHERE event = ? AND {endpoint} NOTNULL", (event,)
            )
        ]

    def attempts(self, delivery: int) -> list[Row]:
        """(at, status, error, duration_ms, request, response) of a delivery."""
        sql = "SELECT at, status, error, duration_ms, request, response FROM attempt WHERE delivery = ? ORDER BY seq"
        return self._rows(sql, (delivery,))

    # journal

    def add_requests(self, rows: Iterable[Row]) -> None:
        """Rows of (sandbox, id, at, method, path, status, duration_ms, entry)."""
        self._many(
            (
                "INSERT INTO request (sandbox, id, at, method, path, status, duration_ms, entry) VALUES (?, ?, ?, "
                "?, ?, ?, ?, ?)"
            ),
            rows,
        )

    def requests(self, sandbox: str, *, after: int = 0, limit: int = 100, **filters: Any) -> list[Row]:
        """(seq, id, at, method, path, status, duration_ms, entry), oldest first; filters: id, method, path (a pattern),
        status.
        """
        clauses, values = ["sandbox = ?", "seq > ?"], [sandbox, after]
        for name, value in filters.items():
            if value is not None:
                clauses.append(f"{name} {'GLOB' if name == 'path' else '='} ?")
                values.append(value)
        sql = (
            "SELECT seq, id, at, method, path, status, duration_ms, entry FROM request WHERE "
            f"{' AND '.join(clauses)} ORDER BY seq LIMIT ?"
        )
        return self._rows(sql, (*values, limit))

    def trim_requests(self, sandbox: str, keep: int) -> None:
        """Forgets all but the newest ``keep`` requests."""
        oldest = "SELECT seq FROM request WHERE sandbox = ? ORDER BY seq DESC LIMIT 1 OFFSET ?"
        self._run(f"DELETE FROM request WHERE sandbox = ? AND seq <= ({oldest})", (sandbox, sandbox, keep))

    # scenarios put by the control API

    def scenarios(self) -> list[Row]:
        return self._rows("SELECT provider, name, text FROM scenario ORDER BY provider, name")

    def put_scenario(self, provider: str, name: str, text: str) -> None:
        sql = (
            "INSERT INTO scenario (provider, name, text) VALUES (?, ?, ?) ON CONFLICT (provider, name) DO UPDATE "
            "SET text = excluded.text"
        )
        self._run(sql, (provider, name, text))
