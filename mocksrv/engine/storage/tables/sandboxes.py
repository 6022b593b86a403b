"""The queries of sandboxes, and of scenarios that the control API put in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mocksrv.engine.storage.rows import SandboxRow, ScenarioRow
from mocksrv.engine.storage.schema import SANDBOX_TABLES
from mocksrv.engine.storage.tables.shared import SharedQueries

MANY = (
    "record",
    "timer",
    "timeline",
    "delivery",
    "event",
    "request",
    "violation",
)  # the tables with many rows of a sandbox
UNSEEN = ("load", "removal")  # the tables of what hides records
# what of these has more than so many rows of a sandbox, and which tables have any: one statement where most have none
BIG = " UNION ALL ".join(
    f"SELECT '{each}' WHERE EXISTS (SELECT 1 FROM {each} WHERE sandbox = ? LIMIT 1 OFFSET ?)" for each in MANY
)
HOLDING = " UNION ALL ".join(
    f"SELECT '{each}' WHERE EXISTS (SELECT 1 FROM {each} WHERE sandbox = ?)" for each in SANDBOX_TABLES
)
SLICE = 250  # rows that are removed in one transaction
LITTLE = 1000  # rows
AT_ONCE = 2000  # rows that are removed in one transaction where no other sandbox has any: nothing is looked at


class SandboxQueries(SharedQueries):
    """Sandboxes as such, and the scenarios beside the files."""

    def sandbox(self, name: str) -> SandboxRow | None:
        row = self._row("SELECT settings, clock, guids, made, revision FROM sandbox WHERE name = ?", (name,))
        return SandboxRow(*row) if row else None

    def sandboxes(self) -> list[str]:
        return [name for (name,) in self._rows("SELECT name FROM sandbox ORDER BY name")]

    def count_sandboxes(self) -> int:
        return int(self._run("SELECT count(*) FROM sandbox").fetchone()[0])

    def add_sandbox(self, name: str, settings: str, clock: str, made: str = "") -> None:
        sql = "INSERT INTO sandbox (name, settings, clock, made) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
        self._run(sql, (name, settings, clock, made))

    def note_uses(self, names: Iterable[str]) -> None:
        """These were used just now, and all of which nothing is known yet."""
        present = f"UPDATE sandbox SET used_at = {self._dialect.now} WHERE"
        for name in sorted(names):
            self._run(f"{present} name = ?", (name,))
        self._run(f"{present} used_at = 0")

    def idle_sandboxes(self, ms: int) -> list[str]:
        """Those that were not used for so long."""
        sql = f"SELECT name FROM sandbox WHERE used_at < {self._dialect.now} - ? ORDER BY name"
        return [name for (name,) in self._rows(sql, (ms,))]

    def set_settings(self, name: str, settings: str) -> None:
        self._run("UPDATE sandbox SET settings = ?, revision = revision + 1 WHERE name = ?", (settings, name))

    def set_clock(self, name: str, clock: str) -> None:
        self._later("UPDATE sandbox SET clock = ?, revision = revision + 1 WHERE name = ?", (clock, name))

    def set_guids(self, name: str, guids: int) -> None:
        """Writes how many ids the sandbox's seed has given."""
        self._later("UPDATE sandbox SET guids = ? WHERE name = ?", (guids, name))

    def is_big(self, name: str) -> bool:
        """Whether it takes long to remove what a sandbox holds."""
        many = self._with_more(name, SLICE)
        return not all(self._is_alone(name, table) for table in many) or bool(many and self._with_more(name, AT_ONCE))

    def _with_more(self, name: str, than: int) -> list[str]:
        """Which tables have more than so many rows of a sandbox."""
        return [table for (table,) in self._rows(BIG, (name, than) * len(MANY))]

    def begin_emptying(self, name: str, purpose: str) -> None:
        """The sandbox is being emptied for this purpose from now on."""
        self._run("UPDATE sandbox SET emptied_for = ? WHERE name = ?", (purpose, name))

    def thin_out(self, name: str) -> None:
        """Removes a part of what a sandbox holds."""
        some = "(SELECT seq FROM {} WHERE sandbox = ? LIMIT ?)"
        self.lock([name])
        self._run(f"DELETE FROM attempt WHERE delivery IN {some.format('delivery')}", (name, SLICE))
        self.changed = None
        # records that lie together in most of the indexes, which is several times as fast
        ordered = "(SELECT seq FROM record WHERE sandbox = ? ORDER BY kind, owner, sort, seq LIMIT ?)"
        left = SLICE
        for table in MANY:
            chosen = ordered if table == "record" else some.format(table)
            if left:
                left -= self._run(f"DELETE FROM {table} WHERE seq IN {chosen}", (name, left)).rowcount

    def rest(self, name: str) -> dict[str, list[tuple[Any, ...]]] | None:
        """All that there is but what a sandbox holds: the rows of each table; None when this is not little, or the
        sandbox does not hold much.
        """
        if not self._with_more(name, AT_ONCE):
            return None
        of_others = "SELECT * FROM {0} WHERE sandbox < ? UNION ALL SELECT * FROM {0} WHERE sandbox > ?"  # by its index
        attempts = "SELECT attempt.* FROM delivery JOIN attempt ON delivery = delivery.seq WHERE sandbox <> ?"
        parts: dict[str, tuple[str, tuple[str, ...]]] = {}
        for table in ("sqlite_sequence", "sandbox", "lease", *UNSEEN):
            parts[table] = ("SELECT * FROM {}", ())
        for table in SANDBOX_TABLES:
            parts.setdefault(table, (of_others, (name, name)))
        parts["attempt"] = (attempts, (name,))
        found, left = {}, LITTLE
        for table, (sql, values) in parts.items():
            found[table] = self._rows(f"{sql.format(table)} LIMIT ?", (*values, left + 1))
            left -= len(found[table])
            if left < 0:
                return None
        return found

    def emptied_for(self, name: str) -> str | None:
        """What a sandbox is being emptied for; None: it is not."""
        row = self._row("SELECT emptied_for FROM sandbox WHERE name = ?", (name,))
        return row[0] if row else None

    def being_emptied(self) -> list[str]:
        """The sandboxes that are being emptied, or were when a process ended."""
        return [name for (name,) in self._rows("SELECT name FROM sandbox WHERE emptied_for IS NOT NULL")]

    def _is_alone(self, name: str, table: str) -> bool:
        """Whether no other sandbox has rows in a table, or gets any before the transaction ends."""
        if not self._dialect.empties:
            return False
        others = (f"SELECT 1 FROM {table} WHERE sandbox {sign} ? LIMIT 1" for sign in "<>")
        return not any(self._rows(sql, (name,)) for sql in others)

    def empty_sandbox(self, name: str) -> None:
        """Removes all that a sandbox holds, but not the sandbox."""
        attempts_of = "SELECT seq FROM delivery WHERE sandbox = ?"
        self.lock([name])
        self._run(f"DELETE FROM attempt WHERE delivery IN ({attempts_of})", (name,))
        self.changed = None
        for table in UNSEEN:
            self._unhide(self._run(f"DELETE FROM {table} WHERE sandbox = ?", (name,)).rowcount)
        for (table,) in self._rows(HOLDING, (name,) * len(SANDBOX_TABLES)):
            if self._is_alone(name, table):
                self._run(f"DELETE FROM {table}")  # without looking at the rows
            else:
                self._run(f"DELETE FROM {table} WHERE sandbox = ?", (name,))
        self._run("UPDATE sandbox SET emptied_for = NULL WHERE name = ?", (name,))

    def is_empty(self, name: str) -> bool:
        """Whether a sandbox holds no records."""
        return not self._rows(f"SELECT 1 FROM record WHERE sandbox = ?{self._seen} LIMIT 1", (name,))

    def drop_sandbox(self, name: str) -> None:
        self.empty_sandbox(name)
        self._run("DELETE FROM sandbox WHERE name = ?", (name,))

    # scenarios put by the control API

    def scenarios(self, sandbox: str) -> list[ScenarioRow]:
        """A sandbox's own."""
        sql = "SELECT provider, name, text FROM scenario WHERE sandbox = ? ORDER BY provider, name"
        return list(map(ScenarioRow._make, self._rows(sql, (sandbox,))))

    def put_scenario(self, sandbox: str, provider: str, name: str, text: str) -> None:
        sql = (
            "INSERT INTO scenario (sandbox, provider, name, text) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (sandbox, provider, name) DO UPDATE SET text = excluded.text"
        )
        self._run(sql, (sandbox, provider, name, text))
        self._count_revision(sandbox)

    def delete_scenario(self, sandbox: str, provider: str, name: str) -> None:
        self._run("DELETE FROM scenario WHERE sandbox = ? AND provider = ? AND name = ?", (sandbox, provider, name))
        self._count_revision(sandbox)

    def _count_revision(self, sandbox: str) -> None:
        self._run("UPDATE sandbox SET revision = revision + 1 WHERE name = ?", (sandbox,))
