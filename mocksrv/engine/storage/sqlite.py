"""The database of a process: SQLite, on a file (WAL, readers never wait), by default a temporary one, or in memory (one
shared connection).

A transaction is a `Tx`: ``with store.write() as tx`` commits as a whole or not at all, and writers of the process take
turns.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

from mocksrv.engine.config import IN_MEMORY, TEMPORARY
from mocksrv.engine.patterns import fits
from mocksrv.engine.storage.dialect import Session, Values
from mocksrv.engine.storage.queries import Tx
from mocksrv.engine.storage.recent import Recent
from mocksrv.engine.storage.records import StoreError, StoreFull, StoreUnavailable, dumps
from mocksrv.engine.storage.schema import OLDEST_TABLES, SCHEMA_STEPS
from mocksrv.engine.storage.tables.statements import Unseen
from mocksrv.engine.storage.temporary import TemporaryFolder
from mocksrv.engine.storage.turns import Turns

RELEASED = 1.0  # real seconds in which a server that was killed lets its database go


class Sqlite:
    """SQLite's words (see `Dialect`)."""

    lock = ""  # a transaction has the whole database
    now = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
    empties = True

    def member(self, column: str, name: str) -> str:
        return f"json_extract({column}, '$.{name}')"

    def number(self, column: str, name: str) -> str:
        return self.member(column, name)

    def bound_member(self, column: str) -> str:
        return f"json_extract({column}, ?)"

    def has_member(self, column: str) -> str:
        return f"json_extract({column}, ?) IS ?"

    def value(self, value: str | int | bool | None) -> Any:
        return value

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
        return f"fits({column}, ?)"

    def pattern(self, text: str) -> str:
        return text

    def insert(self, session: Session, sql: str, values: Sequence[Any]) -> int:
        return int(session.execute(sql, values).lastrowid)

    def reserve(self, session: Session, table: str, number: int) -> Sequence[int]:
        first = session.execute(f"SELECT coalesce(max(seq), 0) + 1 FROM {table}").fetchone()[0]
        return range(first, first + number)

    def schema(self, step: str) -> str:
        key = "seq INTEGER PRIMARY KEY"
        return step.format(key=key, lasting_key=f"{key} AUTOINCREMENT", polls=self.member("play", "polls"))


SQLITE = Sqlite()


class SqliteSession(Session):
    """A connection of SQLite."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__()
        self.connection = connection

    def execute(self, sql: str, values: Values = (), /) -> sqlite3.Cursor:
        if self._number_held:
            self.run_held()
        return self.connection.execute(sql, values)

    def executemany(self, sql: str, values: Iterable[Values], /) -> None:
        if self._number_held:
            self.run_held()
        self.connection.executemany(sql, values)

    def _run_all(self, sql: str, rows: Sequence[Values]) -> None:
        self.connection.executemany(sql, rows)

    def roll_back(self) -> None:
        self.forget_held()
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")


# pages: what is written again and again, as indexes of random ids are, is seldom copied from the log
CHECKPOINT = "wal_autocheckpoint = 8000"
# codes of errors that pass without a restart
UNWRITABLE = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN})


class Store:
    """The database of a process. ``path`` is a file, TEMPORARY or IN_MEMORY; ``shared``: other processes that say so,
    too, may have the file open at the same time. ``may_wait`` raises in threads that must not wait for their turn to
    write. Raises StoreError.
    """

    waits = False

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
        self._free: list[SqliteSession] = []  # for looking; the one that was used last comes last
        self._closed = False
        self._recent = Recent()
        self._unseen = Unseen(int(shared))  # of other processes nothing is known
        self._lock = self._own()
        try:
            if self._lock is not None:
                self._check_owner()
            self._open()
        except BaseException:
            if self._lock is not None:
                self._lock.close()
            raise

    def _open(self) -> None:
        """Raises StoreError."""
        self._writer = self._connect()
        self._check_writable()
        self._writer.execute("PRAGMA cache_size = -16000")  # KiB; readers, of which there are many, have 2 MB each
        if self._lock is None:  # it is new, and no other process has it
            _empty_database().backup(self._writer.connection)
        self._migrate()
        unseen = "SELECT (SELECT count(*) FROM load) + (SELECT count(*) FROM removal)"
        self._unseen.under_way += self._writer.execute(unseen).fetchone()[0]

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
            version, tables = _standing(looking)
        except sqlite3.Error as error:
            raise StoreError(f"cannot open the database {self.path}: {error}") from error
        finally:
            looking.close()
        _check_standing(self.path, version, tables)

    def _connect(self) -> SqliteSession:
        try:
            connection = sqlite3.connect(self.path, timeout=10, isolation_level=None, check_same_thread=False)
            for pragma in self._pragmas():
                connection.execute(f"PRAGMA {pragma}")
            connection.create_function("fits", 2, fits, deterministic=True)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"cannot open the database {self.path}: {error}") from error
        return SqliteSession(connection)

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
        if self._folder is not None:  # it is never read again: nothing waits for the disk or is wiped
            return ("synchronous = OFF", "secure_delete = OFF", "journal_mode = WAL", CHECKPOINT)
        return ("journal_mode = WAL", "synchronous = NORMAL", CHECKPOINT)

    def _migrate(self) -> None:
        """All steps that are missing."""
        while (version := self._version()) < (latest := len(SCHEMA_STEPS)):
            try:
                self._writer.connection.executescript(_script(version))
            except sqlite3.Error as error:
                self._writer.roll_back()
                if self._version() > version:
                    continue  # another process has done it meanwhile
                raise StoreError(f"cannot bring the database {self.path} to schema {latest}: {error}") from error

    def _version(self) -> int:
        """How many steps the tables have come."""
        return int(self._writer.execute("PRAGMA user_version").fetchone()[0])

    def forget(self) -> None:
        """Another process may have changed any record."""
        self._recent.forget(None)

    def listen(self, heard: Callable[[str | None], object]) -> None:
        """A file has no way to tell: every process looks for itself."""

    def tell(self, text: str) -> None:
        """The same."""

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """For looking only; every statement sees what is committed by then."""
        if self.path == IN_MEMORY:
            if self._turn.is_taken:
                self._may_wait()
            with self._turn.first():  # one for all that is read, not one for each statement
                yield Tx(self._writer, SQLITE, self._recent, self._unseen)
            return
        try:
            session = self._free.pop()
        except IndexError:
            if self._closed:
                raise StoreUnavailable("the database is closed") from None
            session = self._connect()
        try:
            yield Tx(session, SQLITE, self._recent, self._unseen)
        finally:
            self._free.append(session)
            if self._closed:
                self._close_free()

    def _close_free(self) -> None:
        with suppress(IndexError):
            while True:
                self._free.pop().connection.close()

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """One transaction: committed at the end, undone by an exception; then ``after_commit`` is called, outside of
        it. Raises StoreFull.
        """
        self._may_wait()
        with self._turn, _told_when_full():
            tx = Tx(self._writer, SQLITE, unseen=self._unseen)
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                yield tx
                self._writer.execute("COMMIT")
                if tx.changed is None or tx.changed:
                    self._recent.forget(tx.changed)
            except BaseException:
                self._writer.roll_back()
                for undo in reversed(tx.on_rollback):
                    undo()
                raise
        for call in tx.after_commit:
            call()

    def latest_query(self) -> NoReturn:
        raise StoreUnavailable("no statement waits")

    def leave_out(self, sandbox: str) -> None:
        """Where all else is little the database becomes a new one with that alone, in which nothing has to be looked
        for and removed. Raises StoreFull.
        """
        if self.shared:  # another process may write meanwhile
            return
        self._may_wait()
        with self._turn:
            rest = Tx(self._writer, SQLITE).rest(sandbox)
            if rest is None:
                return
            with _told_when_full(), closing(_empty_copy()) as made:
                for table, rows in rest.items():
                    if rows:
                        made.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
                made.backup(self._writer.connection)
            self._recent.forget(None)

    def shrink(self) -> None:
        """Drops the pages that the writer keeps, which are 16 MB at most."""
        with self._turn:
            self._writer.execute("PRAGMA shrink_memory")

    def close(self) -> None:
        self._closed = True
        self._close_free()
        with self._turn:
            self._writer.connection.close()
            if self._lock is not None:
                self._lock.close()
            if self._folder is not None:
                self._folder.close()


def schema_of(path: str) -> int:
    """How many steps the tables of a file have come; it is not changed. Raises StoreError."""
    if not Path(path).is_file():
        raise StoreError(f"there is no database {path}")
    try:
        with closing(sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro", uri=True)) as looking:
            version, tables = _standing(looking)
    except sqlite3.Error as error:
        raise StoreError(f"cannot open the database {path}: {error}") from error
    _check_standing(path, version, tables)
    return version


def _standing(connection: sqlite3.Connection) -> tuple[int, set[str]]:
    """How many steps the tables have come, and which there are."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    return version, {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _check_standing(path: str, version: int, tables: set[str]) -> None:
    """Raises StoreError for somebody else's database, and for a newer mocksrv's."""
    if (tables and not version) or (0 < version <= len(SCHEMA_STEPS) and not tables >= OLDEST_TABLES):
        raise StoreError(f"{path} is a database of something else; give the name of a new file")
    if version > len(SCHEMA_STEPS):
        raise StoreError(
            f"the database {path} was written by a newer mocksrv (schema {version}, this one knows {len(SCHEMA_STEPS)})"
        )


@contextmanager
def _told_when_full() -> Iterator[None]:
    """Raises StoreFull when nothing can be written."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in UNWRITABLE:
            raise StoreFull(f"nothing can be written to the database: {error}") from error
        raise


@lru_cache(1)
def _empty_database() -> sqlite3.Connection:
    """All tables, for the servers of a process to begin with copies: making them would be a quarter of such a start."""
    made = sqlite3.connect(IN_MEMORY, isolation_level=None, check_same_thread=False)
    made.executescript(_script(0))
    return made


def _empty_copy() -> sqlite3.Connection:
    """All tables, with nothing in them."""
    copy = sqlite3.connect(IN_MEMORY, isolation_level=None)
    _empty_database().backup(copy)
    return copy


def _script(version: int) -> str:
    """What brings a database from a version to the latest, in one transaction: a commit of each step would take most of
    a start.
    """
    latest = len(SCHEMA_STEPS)
    steps = "; ".join(SQLITE.schema(step) for step in SCHEMA_STEPS[version:])
    return f"BEGIN IMMEDIATE; {steps}; PRAGMA user_version = {latest}; COMMIT;"


def _temporary_folder() -> TemporaryFolder:
    """Raises StoreError."""
    try:
        return TemporaryFolder()
    except OSError as error:
        reason = f"cannot make a temporary database: {error.strerror or error}"
        raise StoreError(f"{reason}; --database {IN_MEMORY} keeps the state in memory") from error
