"""What all queries are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Lock
from typing import Any

from mocksrv.engine.clock import LATEST
from mocksrv.engine.storage.dialect import Dialect, Session
from mocksrv.engine.storage.recent import Recent

WHEN_ASKED = LATEST  # the moment of a timer that does not fall due by itself


# what loads under way have brought is unseen, and what hangs on records that were removed (see `RemovalQueries`)
SEEN = " AND (load IS NULL OR load NOT IN (SELECT seq FROM load))" + "".join(
    f" AND (sandbox, coalesce({relation}, '')) NOT IN (SELECT sandbox, guid FROM removal WHERE relation = '{relation}')"
    for relation in ("owner", "subject", "parent")
)


class Unseen:
    """How many loads and removals of the database may be under way: while there are none, no query looks for what they
    hide.
    """

    def __init__(self, under_way: int = 0) -> None:
        self.under_way = under_way
        self._lock = Lock()

    def count(self, by: int) -> None:
        with self._lock:
            self.under_way += by


class Statements:
    """Runs statements in a session. ``recent`` are the rows that need not be read again (None: in a transaction)."""

    def __init__(
        self,
        session: Session,
        dialect: Dialect,
        recent: Recent | None = None,
        unseen: Unseen | None = None,
    ) -> None:
        self._session = session
        self._run = session.execute
        self._later = session.later  # for statements of which nothing is asked
        self._dialect = dialect
        self._recent = recent
        self._unseen = unseen or Unseen()
        self.after_commit: list[Callable[[], None]] = []
        self.on_rollback: list[Callable[[], None]] = []
        self.retimed: dict[str, int] = {}
        self._read: dict[tuple[str, str], tuple[Any, ...]] = {}  # records by sandbox and guid, valid until changed
        self.changed: set[tuple[str, str]] | None = set()  # sandbox and guid of the records; None: any may have

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self._run(sql, values).fetchall()
        return rows

    def _row(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._run(sql, values).fetchone()
        return row

    def _many(self, sql: str, values: Iterable[Sequence[Any]]) -> None:
        self._session.executemany(sql, values)

    def has_changed(self, sandbox: str, guid: str) -> bool:
        """Whether this transaction may have changed a record."""
        return self.changed is None or (sandbox, guid) in self.changed

    @property
    def _seen(self) -> str:
        """What a condition on records ends with, so that it finds none that are unseen."""
        return SEEN if self._unseen.under_way else ""

    def _hide(self) -> None:
        """Something is unseen with this transaction: counted before the commit, for it hides at once."""
        self._unseen.count(1)
        self.on_rollback.append(lambda: self._unseen.count(-1))

    def _unhide(self, number: int = 1) -> None:
        """So much is not unseen any more, or gone, with this transaction."""
        self.after_commit.append(lambda: self._unseen.count(-number))

    def filtered(self, filters: Mapping[str, Any]) -> tuple[list[str], list[Any]]:
        """The clauses and their values for columns that are wanted to be so; ``path`` is a pattern, None is any."""
        clauses, values = [], []
        for name, value in filters.items():
            if value is not None:
                clauses.append(self._dialect.matches(name) if name == "path" else f"{name} = ?")
                values.append(self._dialect.pattern(value) if name == "path" else value)
        return clauses, values

    def _insert(self, sql: str, values: Sequence[Any]) -> int:
        """Adds a row; its ``seq``."""
        return self._dialect.insert(self._session, sql, values)


def direction(newest: bool) -> tuple[str, str]:
    """The clause for what lies beyond a number, and the order, of a list that begins with the newest or the oldest."""
    return ("seq < ?", "seq DESC") if newest else ("seq > ?", "seq")
