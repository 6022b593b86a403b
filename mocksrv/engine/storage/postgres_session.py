"""A connection to PostgreSQL as what runs statements.

A text of PostgreSQL has no NUL: what is stored with one has U+FFFD in its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.types.string import StrDumper

from mocksrv.engine.storage.dialect import Session, Values

NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")  # escaped, in JSON
INSERT = re.compile(r"INSERT INTO (\w+ \([\w, ]+\)) VALUES \([?, ]+\)")


class TextDumper(StrDumper):
    """A text as it is sent: NUL, also as JSON writes it, becomes U+FFFD."""

    def dump(self, text: str) -> Any:
        if "\0" in text:
            text = text.replace("\0", "\ufffd")
        if "\\u0000" in text:
            text = NUL.sub("\\1\ufffd", text)
        return super().dump(text)


@lru_cache(4096)
def _translated(sql: str) -> str:
    """A statement as the driver reads it."""
    return sql.replace("%", "%%").replace("?", "%s")


@lru_cache(4096)
def _copying(sql: str) -> str:
    """What adds many rows in half the time that an INSERT of plain values takes; empty for other statements."""
    found = INSERT.fullmatch(sql)
    return f"COPY {found[1]} FROM STDIN" if found else ""


class PostgresSession(Session):
    """A connection that takes statements as they stand in the code."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        super().__init__()
        self.connection = connection

    def execute(self, sql: str, values: Values = (), /) -> Any:
        if self._number_held:
            self.run_held()
        return self.connection.execute(_translated(sql), values)

    def run_held(self) -> None:
        """In one pipeline, so that nobody waits for each of them."""
        with self.connection.pipeline():
            super().run_held()

    def _run_all(self, sql: str, rows: Sequence[Values]) -> None:
        if len(rows) == 1:
            self.connection.execute(_translated(sql), rows[0])
        else:
            self.connection.cursor().executemany(_translated(sql), rows)

    def roll_back(self) -> None:
        self.forget_held()
        if self.is_open:
            self.execute("ROLLBACK")

    def executemany(self, sql: str, values: Iterable[Values], /) -> None:
        if self._number_held:
            self.run_held()
        rows = list(values)
        copying = _copying(sql)
        if len(rows) == 1:  # without the pipeline that many are sent by
            self.execute(sql, rows[0])
        elif rows and copying:
            with self.connection.cursor().copy(copying) as copy:
                for row in rows:
                    copy.write_row(row)
        elif rows:
            self.connection.cursor().executemany(_translated(sql), rows)

    @property
    def is_open(self) -> bool:
        return not self.connection.closed


class LateSession(Session):
    """For looking only: takes a connection with its first statement, for what is in memory needs none."""

    def __init__(self, take: Callable[[], PostgresSession]) -> None:
        super().__init__()
        self._take = take

    def execute(self, sql: str, values: Values = (), /) -> Any:
        return self._take().execute(sql, values)

    def executemany(self, sql: str, values: Iterable[Values], /) -> None:
        self._take().executemany(sql, values)

    def _run_all(self, sql: str, rows: Sequence[Values]) -> None:
        self.executemany(sql, rows)
