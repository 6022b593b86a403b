"""The queries of what a sandbox's client has met."""

from __future__ import annotations

from collections.abc import Iterable

from mocksrv.engine.storage.rows import MetRow
from mocksrv.engine.storage.tables.statements import Statements


class MetQueries(Statements):
    """How often a sandbox's client has met what the providers have: counted, so that nothing is forgotten."""

    def count_met(self, rows: Iterable[tuple[str, str, str, str, int]]) -> None:
        """Adds to the counts; rows are (sandbox, provider, kind, name, times)."""
        self._many(
            "INSERT INTO met (sandbox, provider, kind, name, times) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (sandbox, provider, kind, name) DO UPDATE SET times = met.times + excluded.times",
            rows,
        )

    def met(self, sandbox: str) -> list[MetRow]:
        sql = "SELECT provider, kind, name, times FROM met WHERE sandbox = ? ORDER BY provider, kind, name"
        return list(map(MetRow._make, self._rows(sql, (sandbox,))))
