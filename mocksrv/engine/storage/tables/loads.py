"""The queries of loads: records that are written bit by bit, and unseen until a transaction publishes them."""

from __future__ import annotations

from mocksrv.engine.storage.rows import LoadRow
from mocksrv.engine.storage.tables.statements import WHEN_ASKED, Statements

DISCARDED = 250  # records that one transaction removes


class LoadQueries(Statements):
    """Loads under way. A load belongs to the timer whose play it is for, which does not fall due meanwhile, or to a
    call.
    """

    def begin_load(self, sandbox: str, subject: str, timer: int) -> int | None:
        """A new load, for a timer that waits from now on; None when there is no such timer any
        more, or it has a load."""
        row = self._row("SELECT due FROM timer WHERE seq = ? AND sandbox = ? AND due < ?", (timer, sandbox, WHEN_ASKED))
        if row is None:
            return None
        self._run("UPDATE timer SET due = ? WHERE seq = ?", (WHEN_ASKED, timer))
        return self.add_load(sandbox, subject, timer, row[0])

    def add_load(self, sandbox: str, subject: str, timer: int, due: int) -> int:
        """A new load."""
        self._hide()
        sql = "INSERT INTO load (sandbox, subject, timer, due) VALUES (?, ?, ?, ?)"
        return self._insert(sql, (sandbox, subject, timer, due))

    def is_wanted(self, load: LoadRow) -> bool:
        """Whether the timer waits for its load."""
        sql = "SELECT 1 FROM timer WHERE seq = ? AND subject = ? AND due = ?"
        return self._row(sql, (load.timer, load.subject, WHEN_ASKED)) is not None

    def loads(self) -> list[LoadRow]:
        """All that are under way, or were when a process ended."""
        return list(map(LoadRow._make, self._rows("SELECT seq, sandbox, subject, timer, due FROM load ORDER BY seq")))

    def release_timer(self, load: LoadRow) -> None:
        """The timer of a load falls due again."""
        sql = "UPDATE timer SET due = ? WHERE seq = ? AND subject = ? AND due = ?"
        self._run(sql, (load.due, load.timer, load.subject, WHEN_ASKED))

    def publish_load(self, seq: int) -> None:
        """What a load has brought is seen from this transaction on."""
        self._run("DELETE FROM load WHERE seq = ?", (seq,))
        self._unhide()
        self.changed = None

    def discard_load(self, load: LoadRow) -> bool:
        """Removes a part of what a load has brought; False when nothing is left, nor the load."""
        part = "SELECT seq FROM record WHERE sandbox = ? AND subject = ? AND load = ? LIMIT ?"
        values = (load.sandbox, load.subject, load.seq, DISCARDED)
        if self._run(f"DELETE FROM record WHERE seq IN ({part})", values).rowcount:
            return True
        self._run("DELETE FROM load WHERE seq = ?", (load.seq,))
        self._unhide()
        return False

    def has_load(self, seq: int) -> bool:
        return self._row("SELECT 1 FROM load WHERE seq = ?", (seq,)) is not None
