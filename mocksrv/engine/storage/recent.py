"""How the store is read beside its writer: connections that threads share, and the records that polls ask for again and
again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mocksrv.engine.storage.dialect import Connection
from mocksrv.engine.storage.records import Record, Row
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
    """The records that are polled, by sandbox and guid. What a transaction changes is forgotten with its commit. They
    are shared by all who look, and who look change nothing.
    """

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], Record] = {}
        self.stamp = 0  # of the last change; a record that was read before it is not kept
        self._lock = threading.Lock()

    def all_of(self, sandbox: str, guids: Sequence[str]) -> dict[str, Record] | None:
        """These records; None when not all of them are known."""
        records = self.records
        try:
            return {guid: records[sandbox, guid] for guid in guids}
        except KeyError:
            return None

    def keep(self, stamp: int, records: Mapping[tuple[str, str], Record]) -> None:
        with self._lock:
            if stamp == self.stamp:
                if len(self.records) > MOST_RECENT:
                    self.records.clear()
                self.records.update(records)

    def forget(self, keys: set[tuple[str, str]] | None) -> None:
        with self._lock:
            self.stamp += 1
            if keys is None:
                self.records.clear()
            else:
                for key in keys:
                    self.records.pop(key, None)
