"""The database as the engine sees it, whatever kind it is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from mocksrv.engine.storage import sqlite
from mocksrv.engine.storage.queries import Tx


class Store(Protocol):
    """The database of a process."""

    def read(self) -> AbstractContextManager[Tx]:
        """For looking only; every statement sees what is committed by then."""

    def write(self) -> AbstractContextManager[Tx]:
        """One transaction: committed at the end, undone by an exception; then its ``after_commit`` is called."""

    def forget(self) -> None:
        """Another process may have changed any record."""

    def close(self) -> None:
        """Ends all connections."""


def open_store(database: str, may_wait: Callable[[], object] = lambda: None, *, shared: bool = False) -> Store:
    """The store of a database: a file, TEMPORARY or IN_MEMORY. ``may_wait`` and ``shared`` as in `sqlite.Store`. Raises
    StoreError.
    """
    return sqlite.Store(database, may_wait, shared=shared)
