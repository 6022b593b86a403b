"""The queries of timers and timelines."""

from __future__ import annotations

from collections.abc import Container, Sequence

from mocksrv.engine.storage.rows import MomentRow, Scope, TimerRow
from mocksrv.engine.storage.tables.statements import WHEN_ASKED, Statements

CANCEL = "DELETE FROM timer WHERE sandbox = ? AND subject = ? AND kind = ?"
SET = (
    "INSERT INTO timer (sandbox, subject, kind, due, owner)"
    " VALUES (?, ?, ?, ?, (SELECT owner FROM record WHERE sandbox = ? AND guid = ?))"
)


class TimerQueries(Statements):
    """What falls due, and what has happened to a subject. ``retimed`` are the subjects whose timers were set or
    cancelled: the moment that was set, `WHEN_ASKED` for none.
    """

    retimed: dict[str, int]

    def set_timer(self, sandbox: str, subject: str, kind: str, due: int) -> None:
        """Sets the subject's timer of this kind, in place of an earlier one."""
        self.retimed[subject] = min(due, self.retimed.get(subject, WHEN_ASKED))
        key = (sandbox, subject, kind)
        self._later(CANCEL, key, key)
        self._later(SET, (*key, due, sandbox, subject), key)

    def cancel_timers(self, sandbox: str, subject: str, kinds: Sequence[str] = ()) -> None:
        self.retimed.setdefault(subject, WHEN_ASKED)
        self._session.not_later(SET, lambda key: key[:2] == (sandbox, subject) and (not kinds or key[2] in kinds))
        for kind in kinds:
            self._later(CANCEL, (sandbox, subject, kind), (sandbox, subject, kind))
        if not kinds:
            self._later("DELETE FROM timer WHERE sandbox = ? AND subject = ?", (sandbox, subject))

    def timer(self, sandbox: str, subject: str, kind: str) -> int | None:
        """When the subject's timer of this kind falls due; None when it is not set."""
        row = self._row(
            "SELECT due FROM timer WHERE sandbox = ? AND subject = ? AND kind = ?", (sandbox, subject, kind)
        )
        return None if row is None else int(row[0])

    def take_retimed(self, but: Container[str]) -> int:
        """The first moment that a timer was set to since this was asked last; 0 where timers of other subjects than
        these were set or cancelled.
        """
        retimed, self.retimed = self.retimed, {}
        return min((due if subject in but else 0 for subject, due in retimed.items()), default=WHEN_ASKED)

    def next_timer(self, sandbox: str, scope: Scope | None = None) -> TimerRow | None:
        """The timer that falls due first, of a scope or of all."""
        return next(iter(self.next_timers(sandbox, 1, WHEN_ASKED - 1, scope)), None)

    def next_timers(self, sandbox: str, limit: int, until: int, scope: Scope | None = None) -> list[TimerRow]:
        """The timers that fall due first, by a moment, of a scope or of all."""
        columns = "SELECT seq, subject, kind, due FROM timer WHERE sandbox = ?"
        parts, values = [], []
        if scope is None:
            parts, values = [f"{columns} AND due <= ?"], [sandbox, until]
        else:
            for column, names in (("subject", scope.records), ("owner", scope.owners)):
                for name in names:  # each by its index
                    parts.append(f"{columns} AND {column} = ? AND due <= ?")
                    values += [sandbox, name, until]
        if not parts:
            return []
        rows = self._rows(f"{' UNION '.join(parts)} ORDER BY due, seq LIMIT ?", (*values, limit))
        return list(map(TimerRow._make, rows))

    def has_timer(self, timer: TimerRow) -> bool:
        """Whether this very timer is set: the number of one that is not may be another's."""
        sql = "SELECT 1 FROM timer WHERE seq = ? AND subject = ? AND kind = ? AND due = ?"
        return self._row(sql, timer) is not None

    def scope(self, sandbox: str, names: Sequence[str], kinds: Sequence[str]) -> Scope | None:
        """Whose timers a call is about that names records, the most special last: those of the subject named or that
        the record named belongs to; where there is none, of all that its owner has. ``kinds``: those that a client may
        name by its own ids. None when no record is named.
        """
        marks = ", ".join("?" * len(kinds)) or "NULL"
        for name in reversed(names):
            found = self._rows(
                "SELECT guid, subject, owner, play IS NOT NULL FROM record WHERE sandbox = ? AND guid = ?"
                f"{self._seen} UNION ALL"
                " SELECT guid, subject, owner, play IS NOT NULL FROM record"
                f" WHERE sandbox = ? AND kind IN ({marks}) AND partner_id = ?{self._seen}",
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
        self._later("DELETE FROM timer WHERE seq = ?", (seq,))

    # timelines

    def mark(
        self, sandbox: str, subject: str, at: int, status: str | None, flow: str | None, step: str | None, cause: str
    ) -> None:
        """Writes a line."""
        self._later(
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
