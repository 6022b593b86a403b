"""What a play brings that is too much for one transaction: it is written bit by bit beforehand, unseen, and seen with
the transaction of the play. A process that is killed meanwhile discards it, and plays anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from threading import Lock
from typing import Protocol

from mocksrv.engine.sandbox import Sandbox, SandboxDropped
from mocksrv.engine.storage.records import StoreFull
from mocksrv.engine.storage.rows import LoadRow, TimerRow
from mocksrv.engine.storage.store import Store
from mocksrv.engine.world import World

log = logging.getLogger("mocksrv")


class Load(Protocol):
    """What is brought for a subject, at a moment (``at``, ms of the sandbox's time)."""

    subject: str
    at: int

    def prepare(self, world: World) -> None:
        """Reads and makes what is written; outside of transactions."""

    def slices(self) -> Iterator[Callable[[World, int], None]]:
        """What writes the slices: each is given a transaction, and the number of the load."""


class Postponed(Exception):
    """The play goes on when this load has been brought."""

    def __init__(self, load: Load) -> None:
        super().__init__(f"the data of {load.subject} come bit by bit")
        self.load = load


class Abandoned(Exception):
    """The play that a load was for is over."""


class Loads:
    """The loads of an engine, brought one after the other by a thread of their own. ``change`` and ``look`` are those
    of the engine, ``check`` is told when a sandbox has something to play.
    """

    def __init__(
        self,
        store: Store,
        change: Callable[[Sandbox, int], AbstractContextManager[World]],
        look: Callable[[Sandbox], AbstractContextManager[World]],
        check: Callable[[Sandbox], None],
    ) -> None:
        self._store = store
        self._change = change
        self._look = look
        self._check = check
        self._lock = Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._under_way: dict[tuple[str, str], Future[None]] = {}  # by sandbox and subject
        self._brought: dict[tuple[str, str], tuple[Load, LoadRow]] = {}
        self._closed = False

    def begin(self, sandbox: Sandbox, timer: TimerRow, load: Load) -> None:
        """Brings a load for the play of a timer, which falls due again afterwards."""
        with self._change(sandbox, load.at) as world:
            number = world.tx.begin_load(sandbox.name, load.subject, timer.seq)
        if number is not None:  # else another thread has begun, or the play is over
            self.discard(sandbox.name, load.subject)
            row = LoadRow(number, sandbox.name, load.subject, timer.seq, timer.due)
            key = (sandbox.name, load.subject)
            future = self._submit(lambda: self._bring(sandbox, load, row))
            if future is not None:
                self._under_way[key] = future
                future.add_done_callback(lambda _: self._under_way.pop(key, None))

    def _submit(self, work: Callable[[], None]) -> Future[None] | None:
        with self._lock:
            if self._closed:
                return None
            if self._pool is None:
                self._pool = ThreadPoolExecutor(1, thread_name_prefix="loads")
            return self._pool.submit(work)

    def _bring(self, sandbox: Sandbox, load: Load, row: LoadRow) -> None:
        key = (sandbox.name, load.subject)
        try:
            with self._look(sandbox) as world:
                world.now = load.at
                load.prepare(world)
            for write in load.slices():
                if self._closed:
                    return  # the next start discards it
                with self._change(sandbox, load.at) as world:
                    if not world.tx.is_wanted(row):
                        raise Abandoned
                    write(world, row.seq)
            self._brought[key] = (load, row)
        except (Abandoned, SandboxDropped):
            self._remove(row)
        except Exception as failure:
            if not isinstance(failure, StoreFull):
                log.exception("data could not be brought; they are brought again")
            self._remove(row)
        finally:
            if not self._closed:
                self._release(row)
                self._check(sandbox)

    def _release(self, row: LoadRow) -> None:
        """The timer falls due again; what came for one that is gone is of no use."""
        with self._store.write() as tx:
            wanted = tx.is_wanted(row)
            tx.release_timer(row)
        if not wanted:
            self.discard(row.sandbox, row.subject)

    def wait(self, sandbox: Sandbox) -> None:
        """Until no load of this sandbox is under way."""
        for (name, _), future in list(self._under_way.items()):
            if name == sandbox.name:
                future.result()

    def brought(self, sandbox: Sandbox, subject: str) -> tuple[Load, int] | None:
        """The load that has been brought for a subject, and its number."""
        found = self._brought.get((sandbox.name, subject))
        return None if found is None else (found[0], found[1].seq)

    def discard(self, sandbox: str, subject: str) -> None:
        """What was brought for a subject is of no use any more, unless it was published."""
        found = self._brought.pop((sandbox, subject), None)
        if found is not None:
            self._remove(found[1])

    def resume(self) -> None:
        """Discards what a process that ended has left; what it was for is played anew."""
        with self._store.read() as tx:
            left = tx.loads()
        for row in left:
            with self._store.write() as tx:
                tx.release_timer(row)
            self._submit(lambda row=row: self._remove(row))  # type: ignore[misc]

    def _remove(self, row: LoadRow) -> None:
        while True:
            with self._store.write() as tx:
                if not tx.has_load(row.seq) or not tx.discard_load(row):
                    return

    def close(self) -> None:
        with self._lock:
            self._closed = True
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
