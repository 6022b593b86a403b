"""Of which sandboxes this process knows what is the latest, where it takes a network to know."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from mocksrv.engine.sandbox import DEFAULT, Sandbox
from mocksrv.engine.storage.shared import OneProcess
from mocksrv.engine.storage.tables.shared import states_of

if TYPE_CHECKING:
    from mocksrv.engine.storage.postgres_query import AsyncQuery


class Freshness:
    """Asks with one query, which no thread waits for; one at a time is under way. ``query`` is that of
    `Store.latest_query`, ``known`` are the sandboxes that this process knows.
    """

    def __init__(self, query: AsyncQuery, shared: OneProcess, known: Mapping[str, Sandbox]) -> None:
        self._query = query
        self._shared = shared
        self._known = known
        self._asked: dict[str, Sandbox] = {}

    def fileno(self) -> int:
        """What there is something to read from when the answer has come, or the connection is lost."""
        return self._query.fileno()

    def ask(self, names: Collection[str]) -> None:
        """Asks of these sandboxes. They are named as in paths, where the default one has no name. Raises
        StoreUnavailable: it is of no use any more.
        """
        self._asked = {name: found for name in names if (found := self._known.get(name or DEFAULT))}
        self._query.send(self._shared.states_values([found.name for found in self._asked.values()]))

    def answer(self) -> set[str] | None:
        """Those of which this process knows what is the latest; None: it is not known yet. Raises StoreUnavailable."""
        rows = self._query.rows()
        if rows is None:
            return None
        states = states_of(rows)
        return {
            name for name, found in self._asked.items() if found.name in states and found.is_latest(states[found.name])
        }

    def close(self) -> None:
        self._query.close()
