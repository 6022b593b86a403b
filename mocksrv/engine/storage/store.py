"""The database as the engine sees it, whatever kind it is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from types import ModuleType
from typing import TYPE_CHECKING, Protocol, cast

from mocksrv.engine.config import is_postgres
from mocksrv.engine.storage import sqlite
from mocksrv.engine.storage.queries import Tx
from mocksrv.engine.storage.records import StoreError

if TYPE_CHECKING:
    from mocksrv.engine.storage.postgres_query import AsyncQuery


class Store(Protocol):
    """The database of a process."""

    shared: bool  # whether other processes may have it, too
    waits: bool  # whether a statement waits, for it goes over a network

    def read(self) -> AbstractContextManager[Tx]:
        """For looking only; every statement sees what is committed by then."""

    def latest_query(self) -> AsyncQuery:
        """Where statements wait: what asks for the latest of sandboxes on a connection of its own, which ends with the
        store. Raises StoreUnavailable.
        """

    def write(self) -> AbstractContextManager[Tx]:
        """One transaction: committed at the end, undone by an exception; then its ``after_commit`` is called."""

    def forget(self) -> None:
        """Another process may have changed any record."""

    def listen(self, heard: Callable[[str | None], object]) -> None:
        """From now on ``heard`` is called with all that processes `tell`, in a thread of its own; with None where some
        of it may have been lost.
        """

    def tell(self, text: str) -> None:
        """Tells all processes that listen, as far as the database can."""

    def leave_out(self, sandbox: str) -> None:
        """Removes what a sandbox holds at one stroke, however much it is, if that is possible here and now."""

    def shrink(self) -> None:
        """Gives up memory that it keeps to be quick, after much was removed."""

    def close(self) -> None:
        """Ends all connections."""


def open_store(database: str, may_wait: Callable[[], object] = lambda: None, *, shared: bool = False) -> Store:
    """The store of a database: a file, TEMPORARY, IN_MEMORY, or the URL of a PostgreSQL, which is always shared.
    ``may_wait`` and ``shared`` as in `sqlite.Store`. Raises StoreError.
    """
    if is_postgres(database):
        return cast(Store, _postgres().Store(database, may_wait))
    return sqlite.Store(database, may_wait, shared=shared)


def schema_of(database: str) -> int:
    """How many steps the tables of a file, or of a PostgreSQL, have come; nothing is changed. Raises StoreError."""
    home = _postgres() if is_postgres(database) else sqlite
    return cast(int, home.schema_of(database))


def _postgres() -> ModuleType:
    """The module of PostgreSQL, which is imported when it is used. Raises StoreError."""
    try:
        from mocksrv.engine.storage import postgres
    except ImportError as error:
        raise StoreError(f"PostgreSQL needs its driver: pip install 'mocksrv[postgres]' ({error})") from error
    return postgres
