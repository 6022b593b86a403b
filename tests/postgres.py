"""The tests on PostgreSQL: MOCKSRV_TEST_POSTGRES is the URL of a server on which a test may make schemas. With
``pytest --on-postgres`` engines are on it: each database that a test asks for is a schema of its own there. Engines of
the tests' own process are opened there, servers in processes of their own are told its URL by `of_process`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, cast

import pytest

from mocksrv.engine import engine
from mocksrv.engine.config import IN_MEMORY, TEMPORARY, is_postgres
from mocksrv.engine.storage import postgres as storage
from mocksrv.engine.storage.store import Store, open_store

URL = os.environ.get("MOCKSRV_TEST_POSTGRES", "")
USED = "MOCKSRV_TEST_ON_POSTGRES" in os.environ  # the same for processes that tests start
needs_postgres = pytest.mark.skipif(
    not URL,
    reason="needs a PostgreSQL: MOCKSRV_TEST_POSTGRES=postgresql://USER@HOST/DATABASE, where it may make schemas",
)


def of_sqlite(why: str) -> pytest.MarkDecorator:
    """Marks a test that is about SQLite alone."""
    return pytest.mark.skipif("config.getoption('on_postgres')", reason=f"about SQLite: {why}")


NUMBERS = count(1)  # of the schemas of a process


class Schemas:
    """Schemas of a process of tests; those that nobody needs any more are emptied and used again."""

    def __init__(self) -> None:
        self._free: list[str] = []
        self._emptying = ""  # the statements for it, which are the same for all

    def take(self) -> str:
        """The URL of an empty schema."""
        if self._free:
            return self._free.pop()
        return self.named(f"test_{os.getpid()}_{next(NUMBERS)}", anew=True)

    def named(self, name: str, *, anew: bool = False) -> str:
        """The URL of a schema of that name."""
        with connected(URL) as connection:
            if anew:
                connection.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name}")
        return f"{URL}{'&' if '?' in URL else '?'}options=-csearch_path%3D{name}"

    def give(self, url: str) -> None:
        """It is not needed any more."""
        with connected(url) as connection:
            if not self._emptying:
                here = "WHERE schemaname = current_schema()"
                tables = connection.execute(f"SELECT tablename FROM pg_tables {here} AND tablename <> 'mocksrv_schema'")
                self._emptying = "".join(f"DELETE FROM {name};" for (name,) in tables)
                numbers = connection.execute(f"SELECT sequencename FROM pg_sequences {here}")
                self._emptying += "".join(f"SELECT setval('{name}', 1, false);" for (name,) in numbers)
            connection.execute(self._emptying)
        self._free.append(url)


class Cluster:
    """A PostgreSQL server of a test's own, which can be killed and started again. Made of the newest installed."""

    def __init__(self) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        if not found and shutil.which("initdb") is None:
            pytest.skip("needs PostgreSQL's own programs: apt-get install postgresql")
        self._programs = found[-1] if found else Path(str(shutil.which("initdb"))).parent
        self._folder = Path(tempfile.mkdtemp(prefix="mocksrv-postgres-"))
        if os.getuid() == 0:
            shutil.chown(self._folder, "postgres")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"postgresql://mocksrv@127.0.0.1:{self._port}/postgres"
        self._run("initdb", "-U", "mocksrv", "-A", "trust", "-E", "UTF8", "--locale", "C.UTF-8")
        self.end()

    def begin(self) -> None:
        """It is killed: nothing is written any more, nobody answers at its port."""
        self._run("pg_ctl", "-m", "immediate", "stop")

    def end(self) -> None:
        """It starts, and finds what was committed."""
        options = f"-p {self._port} -k {self._folder} -c listen_addresses=127.0.0.1"
        self._run("pg_ctl", "-l", str(self._folder / "log"), "-w", "start", "-o", options)

    def close(self) -> None:
        self.begin()
        shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str) -> None:
        """PostgreSQL does not run as root."""
        user = ("runuser", "-u", "postgres", "--") if os.getuid() == 0 else ()
        command = (*user, str(self._programs / program), "-D", str(self._folder / "data"), *arguments)
        subprocess.run(command, check=True, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


@contextmanager
def connected(url: str) -> Iterator[Any]:
    """A connection of the driver."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def in_transactions(application: str) -> bool:
    """Whether a connection of that name has begun something that is not committed."""
    with connected(URL) as connection:
        sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND xact_start IS NOT NULL"
        return bool(connection.execute(sql, (application,)).fetchone()[0])


class ForATime(storage.Store):
    """A store in a schema that is given back at its end. Its connections are kept for the next one there: new ones
    would have to read what tables there are, and to plan their statements again.
    """

    _kept: defaultdict[str, list[storage.PostgresSession]] = defaultdict(list)  # by the schema's URL

    def __init__(self, may_wait: Callable[[], object]) -> None:
        super().__init__(all_schemas().take(), may_wait)

    def _connect(self) -> storage.PostgresSession:
        kept = self._kept[self._url]
        return kept.pop() if kept else super()._connect()

    def _close_free(self) -> None:
        while self._closed and (session := self._take_free()):
            self._kept[self._url].append(session)
        super()._close_free()  # those that have lost their server

    def close(self) -> None:
        super().close()
        all_schemas().give(self._url)


def use_it() -> None:
    """From now on the engines of this process are on it."""
    if not URL:
        raise pytest.UsageError("--on-postgres needs MOCKSRV_TEST_POSTGRES=postgresql://USER@HOST/DATABASE")
    os.environ["MOCKSRV_TEST_ON_POSTGRES"] = "1"

    def opened(database: str, may_wait: Callable[[], object] = lambda: None, *, shared: bool = False) -> Store:
        if is_postgres(database):
            return open_store(database, may_wait)
        if database not in (TEMPORARY, IN_MEMORY):
            return open_store(schema_of_file(database), may_wait)
        return cast(Store, ForATime(may_wait))

    engine.open_store = opened


@cache
def all_schemas() -> Schemas:
    """Those of this process."""
    return Schemas()


def schema_of_file(path: str) -> str:
    """The URL of the schema that stands for a file."""
    digest = hashlib.blake2b(path.encode(), digest_size=8).hexdigest()
    return all_schemas().named(f"test_{digest}")


@contextmanager
def of_process(file: Path | None) -> Iterator[str | None]:
    """The database of a process that a test starts, which others would have in a ``file`` (None: in a temporary one):
    the URL of a schema with ``--on-postgres``, else the file.
    """
    if "MOCKSRV_TEST_ON_POSTGRES" not in os.environ:
        yield None if file is None else str(file)
    elif file is not None:
        yield schema_of_file(str(file))
    else:
        url = all_schemas().take()
        yield url
        all_schemas().give(url)
