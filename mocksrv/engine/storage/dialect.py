"""What databases do differently, in one place: what they write, and how statements come to them. These stand in the
code with ``?`` for every value.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import count
from typing import Any, Protocol

Values = Sequence[Any]
MOST_HELD = 1000  # statements; what comes then goes with them


class Session(ABC):
    """Holds statements back, so that those alike go to the database together and what is written twice goes once.

    Those of one text keep their order; of several texts, what removes rows goes first (none that is held would remove
    what another one has added), then they go as they first came. A database's own session runs them.
    """

    def __init__(self) -> None:
        self._held: dict[str, dict[Hashable, Values | Callable[[], Values]]] = {}
        self._number_held = 0
        self._numbers = count()

    @abstractmethod
    def execute(self, sql: str, values: Values = (), /) -> Any:
        """Runs a statement, after those that are held."""

    @abstractmethod
    def executemany(self, sql: str, values: Iterable[Values], /) -> Any:
        """The same with many values."""

    def later(self, sql: str, values: Values | Callable[[], Values], key: Hashable = None) -> None:
        """A statement of which nothing is asked, in place of one with the same ``key``. ``values`` may be what gives
        them when it is run.
        """
        held = self._held.setdefault(sql, {})
        if key is None:
            key = next(self._numbers)
        elif key in held:
            del held[key]
            self._number_held -= 1
        held[key] = values
        self._number_held += 1
        if self._number_held > MOST_HELD:
            self.run_held()

    def not_later(self, sql: str, wanted: Callable[[Any], bool]) -> None:
        """Forgets what is held of a statement, where its key is wanted."""
        held = self._held.get(sql, {})
        for key in [key for key in held if wanted(key)]:
            del held[key]
            self._number_held -= 1

    def forget_held(self) -> None:
        """Nothing that is held is run any more."""
        self._held, self._number_held = {}, 0

    def run_held(self) -> None:
        """Runs what is held."""
        held = self._held
        self.forget_held()
        for sql in sorted(held, key=lambda text: not text.startswith("DELETE")):
            rows = [each() if callable(each) else each for each in held[sql].values()]
            if rows:
                self._run_all(sql, rows)

    @abstractmethod
    def _run_all(self, sql: str, rows: Sequence[Values]) -> None:
        """Runs a statement with many values."""


class Dialect(Protocol):
    """The words of one kind of database. Methods that give SQL take names of columns; values are always bound."""

    lock: str  # at the end of a SELECT of rows that nobody else may change until the transaction ends
    now: str  # SQL for the present, in ms: the same for all processes
    empties: bool  # whether all rows of a table can be removed at once while others write to it

    def member(self, column: str, name: str) -> str:
        """SQL for a member of a JSON column whose name the code knows, the same text that an index is made of."""

    def number(self, column: str, name: str) -> str:
        """The same of a member that is a whole number."""

    def bound_member(self, column: str) -> str:
        """SQL for a member of a JSON column whose name is bound: as `path`."""

    def has_member(self, column: str) -> str:
        """SQL for a JSON column with a member whose name and value are bound: as `path` and as `value`. None is the
        value of a member that is not there.
        """

    def value(self, value: str | int | bool | None) -> Any:
        """The value that is bound for that of a member."""

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
        """SQL for a column that fits a pattern (see `mocksrv.engine.patterns`), bound as `pattern`."""

    def pattern(self, text: str) -> str:
        """The value that is bound for a pattern."""

    def insert(self, session: Session, sql: str, values: Sequence[Any]) -> int:
        """Runs an INSERT into a table with a ``seq``; the new row's."""

    def reserve(self, session: Session, table: str, number: int) -> Sequence[int]:
        """So many numbers that no other row of a table with a ``seq`` gets, ascending. The last must be given to a row
        in this transaction.
        """

    def schema(self, step: str) -> str:
        """A step of the schema, in SQLite's types, whose ``{key}`` and ``{lasting_key}`` (never used again) are columns
        ``seq``, and whose ``{polls}`` is the member of a play of that name.
        """
