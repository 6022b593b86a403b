"""The queries of events, their deliveries and the attempts of these."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mocksrv.engine.storage.rows import AttemptRow, BatchRow, DeliveryRow, DueRow, EventRow
from mocksrv.engine.storage.tables.statements import Statements, direction

EVENT = ", ".join(EventRow._fields)
ADD_EVENT = "INSERT INTO event (sandbox, id, name, subject, occurred_at, payload, headers) VALUES (?, ?, ?, ?, ?, ?, ?)"
ADD_DELIVERY = (
    "INSERT INTO delivery (sandbox, event, endpoint, state, next_attempt_at, rank, options, attempts)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)


class CallbackQueries(Statements):
    """Events, what endpoints are owed for them, and what came of it."""

    def add_event(
        self, sandbox: str, id: str, name: str, subject: str | None, at: int, payload: str, headers: str
    ) -> int:
        """Writes an event; its ``seq``."""
        return self._insert(ADD_EVENT, (sandbox, id, name, subject, at, payload, headers))

    def add_unowed_event(
        self, sandbox: str, id: str, name: str, subject: str | None, at: int, payload: str, headers: str
    ) -> None:
        """Writes an event that no endpoint is owed."""
        self._later(ADD_EVENT, (sandbox, id, name, subject, at, payload, headers))

    def reserve_events(self, number: int) -> Sequence[int]:
        """The numbers of so many events that are written as one row, whose number is the last of them."""
        return self._dialect.reserve(self._session, "event", number)

    def add_batch(
        self, seq: int, sandbox: str, id: str, name: str, at: int, payload: str, headers: str, number: int
    ) -> None:
        """Writes ``number`` events that no endpoint is owed as one row; ``id`` and ``seq`` are those of the last."""
        sql = (
            "INSERT INTO event (seq, sandbox, id, name, occurred_at, payload, headers, number)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        )
        self._run(sql, (seq, sandbox, id, name, at, payload, headers, number))

    def batches(self, sandbox: str, event: str | None = None) -> list[BatchRow]:
        """The rows that are many events each, of those with a name like ``event``, oldest first."""
        where, values = self._of_batches(sandbox, event)
        sql = f"SELECT {', '.join(BatchRow._fields)} FROM event WHERE {where} ORDER BY seq"
        return list(map(BatchRow._make, self._rows(sql, values)))

    def has_batches(self, sandbox: str, event: str | None = None) -> bool:
        """Whether there are such rows."""
        where, values = self._of_batches(sandbox, event)
        return bool(self._rows(f"SELECT 1 FROM event WHERE {where} LIMIT 1", values))

    def _of_batches(self, sandbox: str, event: str | None) -> tuple[str, list[str]]:
        batches = "sandbox = ? AND number > 1"
        if event is None:
            return batches, [sandbox]
        return f"{batches} AND {self._dialect.matches('name')}", [sandbox, self._dialect.pattern(event)]

    def write_out(self, sandbox: str, batch: int, rows: Iterable[EventRow]) -> None:
        """Puts the events of a batch in its place."""
        self._run("DELETE FROM event WHERE seq = ?", (batch,))
        written = ((sandbox, *row) for row in rows)
        self._many(f"INSERT INTO event (sandbox, {EVENT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", written)

    def add_delivery(
        self,
        sandbox: str,
        event: int,
        endpoint: str,
        state: str,
        due: int | None,
        rank: int,
        options: str,
        attempts: int = 0,
    ) -> int:
        """Writes what an endpoint is owed for an event; its ``seq``. What is pending and never ``due`` is held."""
        return self._insert(ADD_DELIVERY, (sandbox, event, endpoint, state, due, rank, options, attempts))

    def owe(
        self, sandbox: str, event: int, endpoint: str, state: str, due: int | None, rank: int, options: str
    ) -> None:
        """The same of what was not tried yet."""
        self._later(ADD_DELIVERY, (sandbox, event, endpoint, state, due, rank, options, 0))

    def next_deliveries(self, sandbox: str, endpoint: str, now: int, limit: int) -> list[DueRow]:
        """What an endpoint is owed first."""
        rows = self._rows(
            "SELECT d.seq, d.attempts, d.options, e.name, e.id, e.payload, e.headers"
            " FROM delivery d JOIN event e ON e.seq = d.event"
            " WHERE d.sandbox = ? AND d.endpoint = ? AND d.state = 'pending' AND d.next_attempt_at <= ?"
            " ORDER BY d.next_attempt_at, d.rank, d.seq LIMIT ?",
            (sandbox, endpoint, now, limit),
        )
        return list(map(DueRow._make, rows))

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

    def present_deliveries(self, seqs: Sequence[int]) -> set[int]:
        """Those that are there still, and stay until the transaction ends."""
        sql = f"SELECT seq FROM delivery WHERE seq IN ({', '.join('?' * len(seqs))}){self._dialect.lock}"
        return {seq for (seq,) in self._rows(sql, seqs)}

    def set_deliveries(self, changes: Iterable[tuple[int, str, int | None, int]]) -> None:
        """Writes state, next attempt (ms) and number of attempts of each of these (by ``seq``). One that has failed
        meanwhile, for its endpoint is gone, is not pending again.
        """
        sql = (
            "UPDATE delivery SET state = CASE WHEN state = 'pending' OR ? = 'delivered' THEN ? ELSE state END,"
            " next_attempt_at = CASE WHEN state = 'pending' THEN CAST(? AS BIGINT) END, attempts = ? WHERE seq = ?"
        )
        self._many(sql, [(state, state, due, attempts, seq) for seq, state, due, attempts in changes])

    def send_held(self, sandbox: str, before: str, endpoint: str, due: int) -> None:
        """What was held for one endpoint is owed to another, or to the same, from now on."""
        held = "sandbox = ? AND endpoint = ? AND state = 'pending' AND next_attempt_at IS NULL"
        self._run(
            f"UPDATE delivery SET endpoint = ?, next_attempt_at = ? WHERE {held}", (endpoint, due, sandbox, before)
        )

    def fail_orphans(self, sandbox: str, endpoints: Sequence[str]) -> None:
        """Ends the pending deliveries to endpoints that are no longer among these, but for those to endpoints of a
        subject's own.
        """
        known, own = self._dialect.is_one_of("endpoint"), self._dialect.member("options", "endpoint")
        others = f"sandbox = ? AND state = 'pending' AND NOT ({known}) AND {own} IS NULL"
        values = (sandbox, self._dialect.many(endpoints))
        self._run(f"UPDATE delivery SET state = 'failed', next_attempt_at = NULL WHERE {others}", values)

    def add_attempts(self, attempts: Iterable[tuple[int, AttemptRow]]) -> None:
        """Writes attempts, each with the delivery that it was of."""
        columns = ", ".join(AttemptRow._fields)
        sql = f"INSERT INTO attempt (delivery, {columns}) VALUES (?, ?, ?, ?, ?, ?, ?)"
        self._many(sql, [(delivery, *attempt) for delivery, attempt in attempts])

    def events(
        self, sandbox: str, *, after: int = 0, limit: int = 100, newest: bool = False, **filters: Any
    ) -> list[EventRow]:
        """Events beyond number ``after``, oldest or newest first; without those that are in a batch yet.

        Filters: id, event (a pattern), subject, state (of a delivery), since (ms).
        """
        columns = {
            "id": "id = ?",
            "event": self._dialect.matches("name"),
            "subject": "subject = ?",
            "state": "EXISTS (SELECT 1 FROM delivery d WHERE d.event = event.seq AND d.state = ?)",
            "since": "occurred_at >= ?",
        }
        beyond, order = direction(newest)
        clauses, values = ["sandbox = ?", "number = 1", beyond], [sandbox, after]
        for name, value in filters.items():
            if value is not None:
                clauses.append(columns[name])
                values.append(self._dialect.pattern(value) if name == "event" else value)
        sql = f"SELECT {EVENT} FROM event WHERE {' AND '.join(clauses)} ORDER BY {order} LIMIT ?"
        return list(map(EventRow._make, self._rows(sql, (*values, limit))))

    def trim_events(self, sandbox: str, keep: int, before: int) -> None:
        """Forgets all but the newest ``keep`` events, and those that occurred ``before`` a moment, with deliveries and
        attempts.

        An event stays as long as a delivery of it is pending, a batch as long as any of its events does.
        """
        if self.has_batches(sandbox):
            row = self._row(
                "SELECT seq FROM (SELECT seq, sum(number) OVER (ORDER BY seq DESC) - number AS newer FROM event"
                " WHERE sandbox = ?) AS counted WHERE newer >= ? ORDER BY seq DESC LIMIT 1",
                (sandbox, keep),
            )
        else:
            sql = "SELECT seq FROM event WHERE sandbox = ? ORDER BY seq DESC LIMIT 1 OFFSET ?"
            row = self._row(sql, (sandbox, keep))
        old = (
            "SELECT seq FROM event WHERE sandbox = ? AND (seq <= ? OR occurred_at < ?)"
            " AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.event = event.seq AND d.state = 'pending')"
        )
        values = (sandbox, row[0] if row else 0, before)
        self._run(f"DELETE FROM attempt WHERE delivery IN (SELECT seq FROM delivery WHERE event IN ({old}))", values)
        gone = self._rows(old, values)
        for table, column in (("delivery", "event"), ("event", "seq")):
            self._many(f"DELETE FROM {table} WHERE {column} = ?", gone)

    def deliveries(self, event: int) -> list[DeliveryRow]:
        """What was owed for an event, oldest first."""
        sql = "SELECT seq, endpoint, state, next_attempt_at FROM delivery WHERE event = ? ORDER BY seq"
        return list(map(DeliveryRow._make, self._rows(sql, (event,))))

    def private_endpoints(self, event: int) -> list[str]:
        """The endpoints, as JSON, that an event went to beside the sandbox's own."""
        own = self._dialect.member("options", "endpoint")
        sql = f"SELECT DISTINCT {own} FROM delivery WHERE event = ? AND {own} IS NOT NULL"
        return [text for (text,) in self._rows(sql, (event,))]

    def attempts(self, delivery: int) -> list[AttemptRow]:
        """What came of a delivery, oldest first."""
        sql = f"SELECT {', '.join(AttemptRow._fields)} FROM attempt WHERE delivery = ? ORDER BY seq"
        return list(map(AttemptRow._make, self._rows(sql, (delivery,))))
