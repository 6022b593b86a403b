"""What hangs on records that were removed goes bit by bit, unseen since then. What a process that is killed meanwhile
leaves, another one removes, or the same after its next start.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from mocksrv.engine.storage.records import StoreUnavailable
from mocksrv.engine.storage.rows import RemovalRow
from mocksrv.engine.storage.shared import REMOVAL, OneProcess
from mocksrv.engine.storage.store import Store

log = logging.getLogger("mocksrv")


class Removals:
    """The removals of an engine, in a thread of their own."""

    def __init__(self, store: Store, shared: OneProcess) -> None:
        self._store = store
        self._shared = shared
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._wanted = False  # something may be left
        self._running = False
        self._closed = False

    def begin(self) -> None:
        """There is something to be removed."""
        self._wanted = True
        self.go_on()

    def resume(self) -> None:
        """Removes what a process that ended has left."""
        with self._store.read() as tx:
            self._wanted = self._wanted or bool(tx.removals())
        self.go_on()

    def go_on(self) -> None:
        """Removes what is left, if nobody does."""
        with self._lock:
            if self._closed or self._running or not self._wanted:
                return
            self._running = True
            if self._pool is None:
                self._pool = ThreadPoolExecutor(1, thread_name_prefix="removals")
            self._pool.submit(self._run)

    def _run(self) -> None:
        try:
            while self._wanted and not self._closed:
                self._wanted = False
                with self._store.read() as tx:
                    rows = tx.removals()
                for row in rows:
                    self._remove(row)
        except StoreUnavailable:
            self._wanted = True  # the background work tells of it, and it is tried again
        except Exception:
            log.exception("what was removed could not be cleared away; it is tried with the next removal")
        finally:
            self._running = False

    def _remove(self, row: RemovalRow) -> None:
        lease = (REMOVAL, row.sandbox, str(row.seq))
        while not self._closed and self._shared.claim(*lease):  # else another process is at it
            with self._store.write() as tx:
                left = tx.remove_part(row)
            if not left:
                self._shared.release(*lease)
                return

    def close(self) -> None:
        with self._lock:
            self._closed = True
        if self._pool is not None:
            self._pool.shutdown(wait=True)
