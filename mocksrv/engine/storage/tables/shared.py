"""The queries of what several processes agree on."""

from __future__ import annotations

from mocksrv.engine.storage.rows import StateRow
from mocksrv.engine.storage.tables.statements import Statements


class SharedQueries(Statements):
    """Revisions and leases. Moments are real milliseconds here."""

    def state(self, sandbox: str, advance: str, owner: str, now: int) -> StateRow | None:
        """What is the latest of a sandbox. ``advance`` is the lease of who advances it, ``owner`` who asks."""
        row = self._row(
            "SELECT made, revision, changes,"
            " EXISTS (SELECT 1 FROM lease WHERE lease.name = ? AND owner <> ? AND until > ?)"
            " FROM sandbox WHERE name = ?",
            (advance, owner, now, sandbox),
        )
        if row is None:
            return None
        made, revision, changes, advanced = row
        return StateRow(made, revision, changes, bool(advanced))

    def count_change(self, sandbox: str) -> None:
        """A transaction has changed what a sandbox holds."""
        self._run("UPDATE sandbox SET changes = changes + 1 WHERE name = ?", (sandbox,))

    def claim_lease(self, name: str, owner: str, now: int, until: int) -> bool:
        """Takes a lease, or prolongs it; False when it is another's and has not run out."""
        sql = (
            "INSERT INTO lease (name, owner, until) VALUES (?, ?, ?) ON CONFLICT (name)"
            " DO UPDATE SET owner = excluded.owner, until = excluded.until WHERE lease.owner = ? OR lease.until <= ?"
        )
        return bool(self._run(sql, (name, owner, until, owner, now)).rowcount)

    def drop_lease(self, name: str, owner: str) -> None:
        self._run("DELETE FROM lease WHERE name = ? AND owner = ?", (name, owner))

    def has_lease(self, prefix: str, other_than: str, now: int) -> bool:
        """Whether somebody else has a lease whose name begins with this and a slash."""
        sql = "SELECT 1 FROM lease WHERE substr(name, 1, ?) = ? AND owner <> ? AND until > ? LIMIT 1"
        return self._row(sql, (len(prefix) + 1, f"{prefix}/", other_than, now)) is not None
