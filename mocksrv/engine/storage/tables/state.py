"""The queries of a sandbox as a whole: all that its state is made of, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mocksrv.engine.storage.records import RECORD, Row
from mocksrv.engine.storage.rows import AttemptRow, EventRow, MomentRow, ScenarioRow
from mocksrv.engine.storage.tables.statements import SEEN, Statements

RECORD_COLUMNS = tuple(RECORD.split(", ")[1:])  # without their number
MOMENT_COLUMNS = ("subject", *MomentRow._fields)
DELIVERY_COLUMNS = ("event", "endpoint", "state", "next_attempt_at", "rank", "attempts", "options")


class SubjectTimerRow(NamedTuple):
    """When a subject is to be moved on, and by what."""

    subject: str
    kind: str
    due: int


class KeptRows(NamedTuple):
    """All rows of a sandbox but those of its journal, in their order. JSON stays text.

    Of ``records``, ``timeline`` and ``deliveries`` the columns are RECORD_COLUMNS, MOMENT_COLUMNS and DELIVERY_COLUMNS,
    of deliveries behind their number; ``attempts`` are by the number of their delivery.
    """

    guids: int
    scenarios: Sequence[ScenarioRow]
    records: Sequence[Row]
    timers: Sequence[SubjectTimerRow]
    timeline: Sequence[Row]
    events: Sequence[EventRow]
    deliveries: Sequence[Row]
    attempts: Sequence[tuple[int, AttemptRow]]


class StateQueries(Statements):
    """Sandboxes as a whole."""

    def kept(self, sandbox: str) -> KeptRows:
        """All that a sandbox holds, but for its journal and what is unseen."""
        columns = ", ".join(RECORD_COLUMNS)
        attempts = self._rows(
            f"SELECT delivery, {', '.join(AttemptRow._fields)} FROM attempt"
            " WHERE delivery IN (SELECT seq FROM delivery WHERE sandbox = ?) ORDER BY seq",
            (sandbox,),
        )
        return KeptRows(
            self._rows("SELECT guids FROM sandbox WHERE name = ?", (sandbox,))[0][0],
            list(map(ScenarioRow._make, self._in_order(sandbox, "provider, name, text", "scenario", "provider, name"))),
            self._rows(f"SELECT {columns} FROM record WHERE sandbox = ?{SEEN} ORDER BY seq", (sandbox,)),
            list(map(SubjectTimerRow._make, self._in_order(sandbox, "subject, kind, due", "timer"))),
            self._in_order(sandbox, ", ".join(MOMENT_COLUMNS), "timeline"),
            list(map(EventRow._make, self._in_order(sandbox, ", ".join(EventRow._fields), "event"))),
            self._in_order(sandbox, f"seq, {', '.join(DELIVERY_COLUMNS)}", "delivery"),
            [(row[0], AttemptRow._make(row[1:])) for row in attempts],
        )

    def _in_order(self, sandbox: str, columns: str, table: str, by: str = "seq") -> list[Row]:
        return self._rows(f"SELECT {columns} FROM {table} WHERE sandbox = ? ORDER BY {by}", (sandbox,))
