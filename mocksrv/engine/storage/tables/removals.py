"""The queries of removals: a record goes at once, and with it, unseen from then on, what hangs on it, however much it
is; that is removed bit by bit.
"""

from __future__ import annotations

from typing import Any

from mocksrv.engine.storage.rows import RemovalRow
from mocksrv.engine.storage.tables.shared import SharedQueries

SLICE = 100  # records that one transaction removes: they lie far apart


class RemovalQueries(SharedQueries):
    """Removals under way."""

    def remove_below(self, sandbox: str, relation: str, guid: str) -> bool:
        """Removes what hangs on a record, which goes with the same transaction; whether it is so much that it is only
        unseen from now on, until `remove_part` has removed all of it.
        """
        hanging, values = self._hanging(sandbox, relation, guid)
        self.changed = None
        if not self._rows(f"SELECT 1 FROM record WHERE {hanging} LIMIT 1 OFFSET ?", (*values, SLICE)):
            self._run(f"DELETE FROM record WHERE {hanging}", values)
            return False
        self._hide()
        sql = "INSERT INTO removal (sandbox, relation, guid) VALUES (?, ?, ?)"
        self._insert(sql, (sandbox, relation, guid))
        return True

    def removals(self) -> list[RemovalRow]:
        """All that are under way, or were when a process ended."""
        return list(map(RemovalRow._make, self._rows("SELECT seq, sandbox, relation, guid FROM removal ORDER BY seq")))

    def remove_part(self, row: RemovalRow) -> bool:
        """Removes a part of what is to be removed; False when nothing is left, nor the removal."""
        self.lock([row.sandbox])
        hanging, values = self._hanging(row.sandbox, row.relation, row.guid)
        part = f"SELECT seq FROM record WHERE {hanging} LIMIT ?"
        if self._run(f"DELETE FROM record WHERE seq IN ({part})", (*values, SLICE)).rowcount:
            return True
        self._unhide(self._run("DELETE FROM removal WHERE seq = ?", (row.seq,)).rowcount)
        return False

    def _hanging(self, sandbox: str, relation: str, guid: str) -> tuple[str, tuple[Any, ...]]:
        """The condition for what hangs on a record, and its values."""
        if relation != "owner":
            return f"sandbox = ? AND {relation} = ?", (sandbox, guid)
        # the index on owners leads with the kind: without it all records of the sandbox would be read
        kinds = self._kinds(sandbox) or [""]
        return f"sandbox = ? AND kind IN ({', '.join('?' * len(kinds))}) AND owner = ?", (sandbox, *kinds, guid)

    def _kinds(self, sandbox: str) -> list[str]:
        """The kinds of records that a sandbox has, each found by its index."""
        first = "SELECT min(kind) FROM record WHERE sandbox = ?"
        sql = (
            f"WITH RECURSIVE found (kind) AS ({first} UNION ALL SELECT ({first} AND record.kind > found.kind)"
            " FROM found WHERE found.kind IS NOT NULL) SELECT kind FROM found WHERE kind IS NOT NULL"
        )
        return [kind for (kind,) in self._rows(sql, (sandbox, sandbox))]
