"""A query on PostgreSQL that no thread waits for: whoever has an event loop is told when there is something to read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count
from typing import Any

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus

from mocksrv.engine.storage.records import Row, StoreUnavailable

NAME = b"query"  # of the prepared statement
PLANNED_ONCE = "SET plan_cache_mode = force_generic_plan"


class AsyncQuery:
    """One statement, prepared on a connection of its own, that is sent again and again. One at a time is under way, of
    some kilobytes: more may not be taken at once. After `StoreUnavailable` it is of no use.
    """

    def __init__(self, connection: psycopg.Connection[Any], sql: str) -> None:
        """Waits for the statement to be prepared. Raises psycopg.Error; the connection is closed then."""
        numbers = count(1)
        numbered = re.sub(r"\?", lambda _: f"${next(numbers)}", sql)
        try:
            connection.execute(PLANNED_ONCE)
            prepared = connection.pgconn.prepare(NAME, numbered.encode())
            if prepared.status != ExecStatus.COMMAND_OK:
                raise psycopg.errors.error_from_result(prepared)
        except psycopg.Error:
            connection.close()
            raise
        connection.pgconn.nonblocking = 1
        self._connection = connection
        self._file = connection.pgconn.socket
        self._rows: list[Row] = []

    def fileno(self) -> int:
        """What there is something to read from when rows have come, or the connection is lost."""
        return self._file

    def send(self, values: Sequence[Any]) -> None:
        """Asks. Raises StoreUnavailable."""
        pgconn = self._connection.pgconn
        try:
            dumped = Transformer(self._connection).dump_sequence(values, [PyFormat.TEXT] * len(values))
            pgconn.send_query_prepared(NAME, dumped)
            if pgconn.flush():
                raise psycopg.OperationalError("it takes no query")
        except psycopg.Error as error:
            raise _lost(error) from error

    def rows(self) -> list[Row] | None:
        """What there is to read is read: the rows, when all of them have come. Raises StoreUnavailable."""
        pgconn = self._connection.pgconn
        try:
            pgconn.consume_input()
            while not pgconn.is_busy():
                result = pgconn.get_result()
                if result is None:
                    rows, self._rows = self._rows, []
                    return rows
                if result.status != ExecStatus.TUPLES_OK:
                    raise psycopg.errors.error_from_result(result)
                reader = Transformer(self._connection)
                reader.set_pgresult(result)
                self._rows = reader.load_rows(0, result.ntuples, tuple)
        except psycopg.Error as error:
            raise _lost(error) from error
        return None

    def close(self) -> None:
        self._connection.close()


def _lost(error: psycopg.Error) -> StoreUnavailable:
    return StoreUnavailable(f"the database does not answer: {error}")
