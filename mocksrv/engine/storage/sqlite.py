"""The database of a process: SQLite, on a file (WAL, readers never wait), by default a temporary one, or in memory (one
shared connection).

A transaction is a `Tx`: ``with store.write() as tx`` commits as a whole or not at all, and writers of the process take
turns.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mocksrv.engine.config import IN_MEMORY, TEMPORARY
from mocksrv.engine.storage.dialect import Connection
from mocksrv.engine.storage.queries import Tx
from mocksrv.engine.storage.recent import ReadConnection, Recent
from mocksrv.engine.storage.records import StoreError, StoreFull, dumps
from mocksrv.engine.storage.schema import SANDBOX_TABLES, SCHEMA_STEPS
from mocksrv.engine.storage.tables.statements import LoadsUnderWay
from mocksrv.engine.storage.temporary import TemporaryFolder
from mocksrv.engine.storage.turns import Turns

RELEASED = 1.0  # real seconds in which a server that was killed lets its database go


class Sqlite:
    """SQLite's words (see `Dialect`)."""

    same = "IS"

    def member(self, column: str, name: str) -> str:
        return f"json_extract({column}, '$.{name}')"

    def bound_member(self, column: str) -> str:
        return f"json_extract({column}, ?)"

    def members(self, column: str, number: int) -> str:
        return f"json_extract({column}, {', '.join('?' * number)})"

    def path(self, name: str) -> str:
        return f"$.{name}"

    def cents(self, column: str, name: str) -> str:
        return f"CAST(round({self.member(column, name)} * 100) AS INTEGER)"

    def is_one_of(self, column: str) -> str:
        return f"{column} IN (SELECT value FROM json_each(?))"

    def many(self, values: Sequence[str]) -> str:
        return dumps(values)

    def matches(self, column: str) -> str:
        return f"{column} GLOB ?"

    def pattern(self, text: str) -> str:
        return text

    def insert(self, connection: Connection, sql: str, values: Sequence[Any]) -> int:
        return int(connection.execute(sql, values).lastrowid)

    def schema(self, step: str) -> str:
        key = "seq INTEGER PRIMARY KEY"
        return step.format(key=key, lasting_key=f"{key} AUTOINCREMENT", polls=self.member("play", "polls"))


SQLITE = Sqlite()
# pages: what is written again and again, as indexes of random ids are, is seldom copied from the log
CHECKPOINT = "wal_autocheckpoint = 8000"
# codes of errors that pass without a restart
UNWRITABLE = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN})


class Store:
    """The database of a process. ``path`` is a file, TEMPORARY or IN_MEMORY; ``shared``: other processes that say so,
    too, may have the file open at the same time. ``may_wait`` raises in threads that must not wait for their turn to
    write. Raises StoreError.
    """

    def __init__(
        self, path: str = TEMPORARY, may_wait: Callable[[], object] = lambda: None, *, shared: bool = False
    ) -> None:
        if shared and path in (IN_MEMORY, TEMPORARY):
            raise StoreError("a database in memory, or a temporary one, cannot be shared by processes")
        self._folder = _temporary_folder() if path == TEMPORARY else None
        self.path = str(self._folder.path / "state.db") if self._folder else path
        self.shared = shared
        self._may_wait = may_wait
        self._turn = Turns()  # writers take turns; in memory readers too, for they share the connection
        self._thread = threading.local()
        self._recent = Recent()
        self._loads = LoadsUnderWay(int(shared))  # of other processes nothing is known
        self._lock = self._own()
        if self._lock is not None:
            self._check_owner()
        self._writer = self._connect()
        self._check_writable()
        self._writer.execute("PRAGMA cache_size = -16000")  # KiB; readers, of which there are many, have 2 MB each
        self._reader = ReadConnection(self._writer, self._turn)
        self._migrate()
        self._loads.under_way += self._writer.execute("SELECT count(*) FROM load").fetchone()[0]

    def _own(self) -> sqlite3.Connection | None:
        """A lock on the file for as long as the process lives: two servers that do not know of each other would send
        every callback twice. Raises StoreError.
        """
        if self.path == IN_MEMORY or self._folder is not None:
            return None
        try:
            Path(self.path).parent.mkdir(parents=True, exist_ok=True)
            self.path = str(Path(self.path).resolve())  # two names of one file have one lock
            if Path(self.path).exists() and Path(self.path).stat().st_nlink > 1:
                raise StoreError(f"the database {self.path} has another name (a hard link); give it one")
            lock = sqlite3.connect(f"{self.path}-lock", timeout=RELEASED, isolation_level=None, check_same_thread=False)
            lock.execute("BEGIN" if self.shared else "BEGIN EXCLUSIVE")
            lock.execute("SELECT count(*) FROM sqlite_master").fetchone()  # a shared lock is taken by reading
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise StoreError(f"the database {self.path} is in use by another mocksrv") from error
            raise StoreError(f"cannot open the database {self.path}: {error}") from error
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"cannot open the database {self.path}: {error}") from error
        return lock

    def _check_owner(self) -> None:
        """Looks at a file before anything is changed there. Raises StoreError for somebody else's database."""
        looking = sqlite3.connect(self.path, isolation_level=None)
        try:
            version = looking.execute("PRAGMA user_version").fetchone()[0]
            tables = {row[0] for row in looking.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        except sqlite3.Error as error:
            raise StoreError(f"cannot open the database {self.path}: {error}") from error
        finally:
            looking.close()
        if (tables and not version) or (0 < version <= len(SCHEMA_STEPS) and not tables.issuperset(SANDBOX_TABLES)):
            raise StoreError(f"{self.path} is a database of something else; give the name of a new file")

    def _connect(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(self.path, timeout=10, isolation_level=None, check_same_thread=False)
            for pragma in self._pragmas():
                connection.execute(f"PRAGMA {pragma}")
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"cannot open the database {self.path}: {error}") from error
        return connection

    def _check_writable(self) -> None:
        """Raises StoreError for a file that may only be read: SQLite opens it all the same, and fails with a change."""
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                self._writer.execute(f"PRAGMA user_version = {self._version()}")
            finally:
                self._writer.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise StoreError(f"cannot open the database {self.path}: {error}") from error

    def _pragmas(self) -> Sequence[str]:
        if self._folder is not None:  # it is never read again: nothing waits for the disk
            return ("synchronous = OFF", "journal_mode = WAL", CHECKPOINT)
        return ("journal_mode = WAL", "synchronous = NORMAL", CHECKPOINT)

    def _migrate(self) -> None:
        version = self._version()
        if version > len(SCHEMA_STEPS):
            raise StoreError(
                f"the database {self.path} was written by a newer mocksrv (schema {version}, this one knows "
                f"{len(SCHEMA_STEPS)})"
            )
        while version < len(SCHEMA_STEPS):
            number = version + 1
            step = SQLITE.schema(SCHEMA_STEPS[version])
            try:
                self._writer.executescript(f"BEGIN IMMEDIATE; {step}; PRAGMA user_version = {number}; COMMIT;")
            except sqlite3.Error as error:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                version = self._version()
                if version >= number:
                    continue  # another process has done it meanwhile
                raise StoreError(f"cannot bring the database {self.path} to schema {number}: {error}") from error

            version = number

    def _version(self) -> int:
        """How many steps the tables have come."""
        return int(self._writer.execute("PRAGMA user_version").fetchone()[0])

    def forget(self) -> None:
        """Another process may have changed any record."""
        self._recent.forget(None)

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """For looking only; every statement sees what is committed by then."""
        if self.path == IN_MEMORY:
            if self._turn.is_taken:
                self._may_wait()
            yield Tx(self._reader, SQLITE, self._recent, self._loads)
            return
        connection = getattr(self._thread, "connection", None)
        if connection is None:
            connection = self._thread.connection = self._connect()
        yield Tx(connection, SQLITE, self._recent, self._loads)

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """One transaction: committed at the end, undone by an exception; then ``after_commit`` is called, outside of
        it. Raises StoreFull.
        """
        self._may_wait()
        with self._turn:
            tx = Tx(self._writer, SQLITE, loads=self._loads)
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                yield tx
                self._writer.execute("COMMIT")
                if tx.changed is None or tx.changed:
                    self._recent.forget(tx.changed)
            except BaseException as error:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                for undo in reversed(tx.on_rollback):
                    undo()
                if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF in UNWRITABLE:
                    raise StoreFull(f"nothing can be written to the database: {error}") from error
                raise
        for call in tx.after_commit:
            call()

    def close(self) -> None:
        with self._turn:
            self._writer.close()
            if self._lock is not None:
                self._lock.close()
            if self._folder is not None:
                self._folder.close()


def _temporary_folder() -> TemporaryFolder:
    """Raises StoreError."""
    try:
        return TemporaryFolder()
    except OSError as error:
        reason = f"cannot make a temporary database: {error.strerror or error}"
        raise StoreError(f"{reason}; --database {IN_MEMORY} keeps the state in memory") from error
