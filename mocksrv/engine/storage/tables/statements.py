"""What all queries are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import Any

from mocksrv.engine.clock import LATEST
from mocksrv.engine.storage.dialect import Connection, Dialect
from mocksrv.engine.storage.recent import Recent

WHEN_ASKED = LATEST  # the moment of a timer that does not fall due by itself


class LoadsUnderWay:
    """How many loads of the database may be under way: while there are none, no query looks for what they hide."""

    def __init__(self, under_way: int = 0) -> None:
        self.under_way = under_way
        self._lock = Lock()

    def count(self, by: int) -> None:
        with self._lock:
            self.under_way += by


class Statements:
    """Runs statements on a connection. ``recent`` are the rows that need not be read again (None: in a transaction)."""

    def __init__(
        self,
        connection: Connection,
        dialect: Dialect,
        recent: Recent | None = None,
        loads: LoadsUnderWay | None = None,
    ) -> None:
        self._connection = connection
        self._run = connection.execute
        self._dialect = dialect
        self._recent = recent
        self._loads = loads or LoadsUnderWay()
        self.after_commit: list[Callable[[], None]] = []
        self.on_rollback: list[Callable[[], None]] = []
        self.changed: set[tuple[str, str]] | None = set()  # sandbox and guid of the records; None: any may have

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self._run(sql, values).fetchall()
        return rows

    def _row(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._run(sql, values).fetchone()
        return row

    def _many(self, sql: str, values: Iterable[Sequence[Any]]) -> None:
        self._connection.executemany(sql, values)

    def _insert(self, sql: str, values: Sequence[Any]) -> int:
        """Adds a row; its ``seq``."""
        return self._dialect.insert(self._connection, sql, values)


def direction(newest: bool) -> tuple[str, str]:
    """The clause for what lies beyond a number, and the order, of a list that begins with the newest or the oldest."""
    return ("seq < ?", "seq DESC") if newest else ("seq > ?", "seq")
