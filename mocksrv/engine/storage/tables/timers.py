"""The queries of timers and timelines."""

from __future__ import annotations

from collections.abc import Sequence

from mocksrv.engine.storage.rows import MomentRow, Scope, TimerRow
from mocksrv.engine.storage.tables.statements import WHEN_ASKED, Statements


class TimerQueries(Statements):
    """What falls due, and what has happened to a subject."""

    def set_timer(self, sandbox: str, subject: str, kind: str, due: int) -> None:
        """Sets the subject's timer of this kind, in place of an earlier one."""
        self._run("DELETE FROM timer WHERE sandbox = ? AND subject = ? AND kind = ?", (sandbox, subject, kind))
        self._run(
            "INSERT INTO timer (sandbox, subject, kind, due, owner)"
            " VALUES (?, ?, ?, ?, (SELECT owner FROM record WHERE sandbox = ? AND guid = ?))",
            (sandbox, subject, kind, due, sandbox, subject),
        )

    def cancel_timers(self, sandbox: str, subject: str, kinds: Sequence[str] = ()) -> None:
        only = f" AND kind IN ({', '.join('?' * len(kinds))})" if kinds else ""
        self._run(f"DELETE FROM timer WHERE sandbox = ? AND subject = ?{only}", (sandbox, subject, *kinds))

    def timer(self, sandbox: str, subject: str, kind: str) -> int | None:
        """When the subject's timer of this kind falls due; None when it is not set."""
        row = self._row(
            "SELECT due FROM timer WHERE sandbox = ? AND subject = ? AND kind = ?", (sandbox, subject, kind)
        )
        return None if row is None else int(row[0])

    def next_timer(self, sandbox: str, scope: Scope | None = None) -> TimerRow | None:
        """The timer that falls due first, of a scope or of all."""
        if scope is None:
            sql = "SELECT seq, subject, kind, due FROM timer WHERE sandbox = ? AND due < ? ORDER BY due, seq LIMIT 1"
            row = self._row(sql, (sandbox, WHEN_ASKED))
            return TimerRow(*row) if row else None
        parts, values = [], []
        for column, names in (("subject", scope.records), ("owner", scope.owners)):
            for name in names:  # each by its index
                parts.append(
                    f"SELECT seq, subject, kind, due FROM timer WHERE sandbox = ? AND {column} = ? AND due < ?"
                )
                values += [sandbox, name, WHEN_ASKED]
        row = self._row(f"{' UNION '.join(parts)} ORDER BY due, seq LIMIT 1", values) if parts else None
        return TimerRow(*row) if row else None

    def has_timer(self, timer: TimerRow) -> bool:
        """Whether this very timer is set: the number of one that is not may be another's."""
        sql = "SELECT 1 FROM timer WHERE seq = ? AND subject = ? AND kind = ? AND due = ?"
        return self._row(sql, timer) is not None

    def scope(self, sandbox: str, names: Sequence[str], kinds: Sequence[str]) -> Scope | None:
        """Whose timers a call is about that names records, the most special last: those of the subject named or that
        the record named belongs to; where there is none, of all that its owner has. ``kinds``: those that a client may
        name by its own ids. None when no record is named.
        """
        marks = ", ".join("?" * len(kinds))
        for name in reversed(names):
            found = self._rows(
                "SELECT guid, subject, owner, play IS NOT NULL FROM record WHERE sandbox = ? AND guid = ? UNION ALL"
                " SELECT guid, subject, owner, play IS NOT NULL FROM record"
                f" WHERE sandbox = ? AND kind IN ({marks}) AND partner_id = ?",
                (sandbox, name, sandbox, *kinds, name),
            )
            if found:
                records = {guid for guid, *_ in found} | {subject for _, subject, *_ in found if subject}
                owners = {
                    of for guid, subject, owner, plays in found if not plays and not subject for of in (guid, owner)
                }
                return Scope(sorted(records), sorted(owners - {""}))
        return None

    def drop_timer(self, seq: int) -> None:
        self._run("DELETE FROM timer WHERE seq = ?", (seq,))

    # timelines

    def mark(
        self, sandbox: str, subject: str, at: int, status: str | None, flow: str | None, step: str | None, cause: str
    ) -> int:
        """Writes a line; its number."""
        return self._insert(
            "INSERT INTO timeline (sandbox, subject, at, status, flow, step, cause) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (sandbox, subject, at, status, flow, step, cause),
        )

    def trim_timelines(self, sandbox: str, keep: int) -> None:
        """Forgets all but the newest ``keep`` lines."""
        oldest = "SELECT seq FROM timeline WHERE sandbox = ? ORDER BY seq DESC LIMIT 1 OFFSET ?"
        self._run(f"DELETE FROM timeline WHERE sandbox = ? AND seq <= ({oldest})", (sandbox, sandbox, keep))

    def timeline(self, sandbox: str, subject: str) -> list[MomentRow]:
        """The lines of a subject, oldest first."""
        sql = "SELECT at, status, flow, step, cause FROM timeline WHERE sandbox = ? AND subject = ? ORDER BY seq"
        return list(map(MomentRow._make, self._rows(sql, (sandbox, subject))))
