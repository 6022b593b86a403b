"""The queries of the journal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mocksrv.engine.storage.rows import NewRequestRow, RequestRow
from mocksrv.engine.storage.tables.statements import Statements, direction


class RequestQueries(Statements):
    """The calls of the API."""

    def add_requests(self, rows: Iterable[NewRequestRow]) -> None:
        columns = ", ".join(NewRequestRow._fields)
        marks = ", ".join("?" for _ in NewRequestRow._fields)
        self._many(f"INSERT INTO request ({columns}) VALUES ({marks})", rows)

    def requests(
        self, sandbox: str, *, after: int = 0, limit: int = 100, newest: bool = False, **filters: Any
    ) -> list[RequestRow]:
        """Calls beyond number ``after``, oldest or newest first; filters: id, method, path (a pattern), status."""
        beyond, order = direction(newest)
        clauses, values = self.filtered(filters)
        columns = ", ".join(RequestRow._fields)
        where = " AND ".join(["sandbox = ?", beyond, *clauses])
        sql = f"SELECT {columns} FROM request WHERE {where} ORDER BY {order} LIMIT ?"
        return list(map(RequestRow._make, self._rows(sql, (sandbox, after, *values, limit))))

    def trim_requests(self, sandbox: str, keep: int) -> None:
        """Forgets all but the newest ``keep`` requests."""
        oldest = "SELECT seq FROM request WHERE sandbox = ? ORDER BY seq DESC LIMIT 1 OFFSET ?"
        self._run(f"DELETE FROM request WHERE sandbox = ? AND seq <= ({oldest})", (sandbox, sandbox, keep))
