"""The queries of violations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mocksrv.engine.storage.rows import NewViolationRow, ViolationRow
from mocksrv.engine.storage.tables.statements import Statements, direction

COLUMNS = ", ".join(ViolationRow._fields)


class ViolationQueries(Statements):
    """What broke the providers' contracts."""

    def add_violations(self, rows: Iterable[NewViolationRow]) -> None:
        names = NewViolationRow._fields
        self._many(f"INSERT INTO violation ({', '.join(names)}) VALUES ({', '.join('?' for _ in names)})", rows)

    def withdraw_violations(self, said: Iterable[tuple[str, str]]) -> None:
        """Takes back what held until this was said: pairs of sandbox and ``until``."""
        self._many("DELETE FROM violation WHERE sandbox = ? AND until = ?", said)

    def violations(
        self,
        sandbox: str,
        *,
        after: int = 0,
        limit: int = 100,
        newest: bool = False,
        rules: Sequence[str] | None = None,
        **filters: Any,
    ) -> list[ViolationRow]:
        """Violations beyond number ``after``, oldest or newest first; filters: id, provider, method, path (a pattern),
        status, and of which rules.
        """
        beyond, order = direction(newest)
        clauses, values = self.filtered(filters)
        if rules is not None:
            clauses.append(self._dialect.is_one_of("rule"))
            values.append(self._dialect.many(rules))
        where = " AND ".join(["sandbox = ?", beyond, *clauses])
        sql = f"SELECT {COLUMNS} FROM violation WHERE {where} ORDER BY {order} LIMIT ?"
        return list(map(ViolationRow._make, self._rows(sql, (sandbox, after, *values, limit))))

    def violations_of(self, sandbox: str, calls: Sequence[str]) -> list[ViolationRow]:
        """Those of some calls, in the order in which they were noted."""
        sql = f"SELECT {COLUMNS} FROM violation WHERE sandbox = ? AND {self._dialect.is_one_of('call')} ORDER BY seq"
        return list(map(ViolationRow._make, self._rows(sql, (sandbox, self._dialect.many(calls)))))

    def trim_violations(self, sandbox: str, keep: int) -> None:
        """Forgets all but the newest ``keep`` violations."""
        oldest = "SELECT seq FROM violation WHERE sandbox = ? ORDER BY seq DESC LIMIT 1 OFFSET ?"
        self._run(f"DELETE FROM violation WHERE sandbox = ? AND seq <= ({oldest})", (sandbox, sandbox, keep))
