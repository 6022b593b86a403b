"""The queries of what several processes agree on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mocksrv.engine.storage.dialect import Dialect
from mocksrv.engine.storage.records import Row
from mocksrv.engine.storage.rows import HappeningRow, StateRow
from mocksrv.engine.storage.tables.statements import Statements


def states_query(dialect: Dialect, which: str) -> str:
    """The query of what is the latest of sandboxes; ``which`` is its condition, with one value."""
    others = f"EXISTS (SELECT 1 FROM lease WHERE {{}} AND owner <> ? AND until > {dialect.now})"
    listens = others.format("lease.name > ? || sandbox.name || '/' AND lease.name < ? || sandbox.name || '0'")
    return (  # "0" comes after "/"
        f"SELECT name, made, revision, changes, {others.format('lease.name = ? || sandbox.name')}, {listens}"
        f" FROM sandbox WHERE {which}"
    )


def states_values(which: Any, advance: str, listening: str, owner: str) -> Row:
    """Its values: that of the condition, and as of `SharedQueries.state`."""
    return (f"{advance}/", owner, f"{listening}/", f"{listening}/", owner, which)


def states_of(rows: Iterable[Row]) -> dict[str, StateRow]:
    """Its rows, by sandbox."""
    return {
        name: StateRow(made, revision, changes, bool(advanced), bool(listened))
        for name, made, revision, changes, advanced, listened in rows
    }


class SharedQueries(Statements):
    """Revisions and leases. What time it is for leases is what the database says."""

    def state(self, sandbox: str, advance: str, listening: str, owner: str) -> StateRow | None:
        """What is the latest of a sandbox, and will be until the end of a transaction. ``advance`` and a slash begin
        the lease of who advances a sandbox, ``listening`` and a slash those of who listens there, then comes its name;
        ``owner`` is who asks.
        """
        lock = "" if self._recent else self._dialect.lock
        sql = states_query(self._dialect, "name = ?") + lock
        return states_of(self._rows(sql, states_values(sandbox, advance, listening, owner))).get(sandbox)

    def states(self) -> dict[str, int]:
        """The sandboxes that there are, and how often each was changed."""
        return dict(self._rows("SELECT name, changes FROM sandbox"))

    def lock(self, sandboxes: Iterable[str]) -> None:
        """Nobody else changes these until the end of the transaction, which is its first statement with a sandbox: all
        transactions begin with that lock, so that no two wait for each other.
        """
        if self._dialect.lock:
            for name in sorted(sandboxes):
                self._run(f"SELECT 1 FROM sandbox WHERE name = ?{self._dialect.lock}", (name,))

    def count_change(self, sandbox: str) -> None:
        """A transaction has changed what a sandbox holds."""
        self._later("UPDATE sandbox SET changes = changes + 1 WHERE name = ?", (sandbox,))

    def claim_lease(self, name: str, owner: str, ms: int) -> bool:
        """Takes a lease for so long, or prolongs it; False when it is another's and has not run out."""
        now = self._dialect.now
        sql = (
            f"INSERT INTO lease (name, owner, until) VALUES (?, ?, {now} + ?) ON CONFLICT (name) DO UPDATE"
            f" SET owner = excluded.owner, until = excluded.until WHERE lease.owner = ? OR lease.until <= {now}"
        )
        return bool(self._run(sql, (name, owner, ms, owner)).rowcount)

    def prolong_lease(self, name: str, owner: str, ms: int) -> bool:
        """Prolongs a lease for so long from now on; False when it is not this owner's any more."""
        sql = f"UPDATE lease SET until = {self._dialect.now} + ? WHERE name = ? AND owner = ?"
        return bool(self._run(sql, (ms, name, owner)).rowcount)

    def prolong_leases(self, owner: str, ms: int) -> list[str]:
        """All that somebody has hold for so long from now on; their names."""
        self._run(f"UPDATE lease SET until = {self._dialect.now} + ? WHERE owner = ?", (ms, owner))
        return [name for (name,) in self._rows("SELECT name FROM lease WHERE owner = ?", (owner,))]

    def drop_lease(self, name: str, owner: str) -> None:
        self._run("DELETE FROM lease WHERE name = ? AND owner = ?", (name, owner))

    def has_lease(self, prefix: str, other_than: str) -> bool:
        """Whether somebody else has a lease whose name begins with this and a slash."""
        sql = f"SELECT 1 FROM lease WHERE substr(name, 1, ?) = ? AND owner <> ? AND until > {self._dialect.now} LIMIT 1"
        return self._row(sql, (len(prefix) + 1, f"{prefix}/", other_than)) is not None

    # what has happened, for the observers of other processes

    def add_happenings(self, sandbox: str, owner: str, told: Iterable[str], kept: int) -> None:
        """Writes what has happened through a process, and forgets what is older than ``kept`` ms."""
        now = self._dialect.now
        self._run(f"DELETE FROM happening WHERE sandbox = ? AND told_at < {now} - ?", (sandbox, kept))
        sql = f"INSERT INTO happening (sandbox, owner, told_at, told) VALUES (?, ?, {now}, ?)"
        self._many(sql, ((sandbox, owner, text) for text in told))

    def last_happening(self, sandbox: str) -> int:
        """The number of the last one."""
        return int(self._run("SELECT coalesce(max(seq), 0) FROM happening").fetchone()[0])

    def happenings(self, sandbox: str, other_than: str, after: int) -> list[HappeningRow]:
        """What has happened through other processes, beyond a number."""
        sql = "SELECT seq, told FROM happening WHERE sandbox = ? AND owner <> ? AND seq > ? ORDER BY seq"
        return list(map(HappeningRow._make, self._rows(sql, (sandbox, other_than, after))))
