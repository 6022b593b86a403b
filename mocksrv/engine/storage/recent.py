"""How the store is read beside its writer: connections that threads share, and the rows that polls ask for again and
again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mocksrv.engine.storage.dialect import Connection
from mocksrv.engine.storage.records import Row
from mocksrv.engine.storage.turns import Turns

MOST_RECENT = 10_000  # records that are kept for polls


class Rows(list[Row]):
    """All rows of a statement, where its cursor may not be kept."""

    def fetchone(self) -> Row | None:
        return self[0] if self else None

    def fetchall(self) -> list[Row]:
        return self


class ReadConnection:
    """A connection that several threads read with: each statement takes its turn, and waits for a transaction under
    way.
    """

    def __init__(self, connection: Connection, turn: Turns) -> None:
        self._connection = connection
        self._turn = turn

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Rows:
        with self._turn:
            return Rows(self._connection.execute(sql, values).fetchall())

    def executemany(self, sql: str, values: Iterable[Sequence[Any]], /) -> None:
        raise TypeError("this connection is for reading")


class Recent:
    """Rows of the records that are polled. What a transaction changes is forgotten with its commit."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Row] = {}
        self.stamp = 0  # of the last change; a row that was read before it is not kept
        self._lock = threading.Lock()

    def keep(self, stamp: int, rows: Mapping[tuple[str, str], Row]) -> None:
        with self._lock:
            if stamp == self.stamp:
                if len(self.rows) > MOST_RECENT:
                    self.rows.clear()
                self.rows.update(rows)

    def forget(self, keys: set[tuple[str, str]] | None) -> None:
        with self._lock:
            self.stamp += 1
            if keys is None:
                self.rows.clear()
            else:
                for key in keys:
                    self.rows.pop(key, None)
