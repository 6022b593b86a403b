"""What databases write differently, in one place. Statements stand in the code with ``?`` for every value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol


class Connection(Protocol):
    """What runs statements."""

    def execute(self, sql: str, values: Sequence[Any] = ..., /) -> Any: ...
    def executemany(self, sql: str, values: Iterable[Sequence[Any]], /) -> Any: ...


class Dialect(Protocol):
    """The words of one kind of database. Methods that give SQL take names of columns; values are always bound."""

    same: str  # equality that holds for two NULLs, too

    def member(self, column: str, name: str) -> str:
        """SQL for a member of a JSON column whose name the code knows, the same text that an index is made of."""

    def bound_member(self, column: str) -> str:
        """SQL for a member of a JSON column whose name is bound: as `path`."""

    def members(self, column: str, number: int) -> str:
        """SQL for a JSON array of so many (two or more) members, whose names are bound: each as `path`."""

    def path(self, name: str) -> str:
        """The value that is bound for the name of a member."""

    def cents(self, column: str, name: str) -> str:
        """SQL for an amount in a JSON column, in cents."""

    def is_one_of(self, column: str) -> str:
        """SQL for a column that is one of many values, bound as one: as `many`."""

    def many(self, values: Sequence[str]) -> Any:
        """The value that is bound for many."""

    def matches(self, column: str) -> str:
        """SQL for a column that fits a pattern with ``*`` and ``?``, bound as `pattern`."""

    def pattern(self, text: str) -> str:
        """The value that is bound for a pattern."""

    def insert(self, connection: Connection, sql: str, values: Sequence[Any]) -> int:
        """Runs an INSERT into a table with a ``seq``; the new row's."""

    def schema(self, step: str) -> str:
        """A step of the schema, whose ``{key}`` and ``{lasting_key}`` (never used again) are columns ``seq``, and whose
        ``{polls}`` is the member of a play of that name.
        """
