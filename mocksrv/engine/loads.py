"""What a transaction needs that is too much for one: it is prepared beforehand, outside of transactions, and written
bit by bit, unseen; the transaction begins again then, and what was written is seen with it. A process that is killed
meanwhile leaves nothing: what it has written is discarded, and brought anew.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar, cast

from mocksrv.engine.sandbox import Sandbox, SandboxDropped
from mocksrv.engine.storage.records import StoreUnavailable
from mocksrv.engine.storage.rows import LoadRow, TimerRow
from mocksrv.engine.storage.shared import LOAD, OneProcess
from mocksrv.engine.storage.store import Store
from mocksrv.engine.world import Ids, World

log = logging.getLogger("mocksrv")
MOST_AT_ONCE = 1000  # rows that one transaction brings
SLICE = 250  # of those that are brought bit by bit: some 15 ms, in which nobody else writes
MOST_OF_A_CALL = 20  # loads that one call has brought for it; what it needs beyond comes in one transaction
NO_TIMER = 0  # of loads that a call waits for
T = TypeVar("T")


class Load(Protocol):
    """What is brought for a subject, at a moment (``at``, ms of the sandbox's time). ``key`` tells it from others that
    one transaction may need.
    """

    subject: str
    key: str
    at: int

    def prepare(self, world: World) -> None:
        """Reads and makes what is written; outside of transactions."""

    def slices(self) -> Iterator[Callable[[World, int], None]]:
        """What writes the slices: each is given a transaction, and the number of the load."""


def slices_of(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """The rows in as many parts as there are transactions that write them."""
    return (rows[start : start + SLICE] for start in range(0, len(rows), SLICE))


class Unready(BaseException):
    """What was begun begins again when `get_ready` has been called, which takes too long for a transaction: it imports
    something, for instance, with the first that needs it. As `Postponed` no Exception.
    """

    def __init__(self, get_ready: Callable[[], object]) -> None:
        super().__init__("a transaction needs what is not ready")
        self.get_ready = get_ready


def need(world: World, is_ready: bool, get_ready: Callable[[], object]) -> None:
    """Raises Unready for what is not ready, where the transaction can begin again; else it gets ready within."""
    if world.may_restart and not is_ready:
        raise Unready(get_ready)


L = TypeVar("L", bound=Load)


class Postponed(BaseException):
    """What was begun begins again when this load has been brought.

    Not an Exception, so that whatever turns these into answers lets it pass.
    """

    def __init__(self, world: World, load: Load) -> None:
        super().__init__(f"the data of {load.subject} come bit by bit")
        self.sandbox = world.sandbox
        self.load = load


def brought(world: World, load: L) -> L | None:
    """The load of this key that has been brought, which is seen from now on; None where all has to come with this
    transaction. Raises Postponed where it can be brought beforehand, else what kept it from being brought.
    """
    found = world.brought.pop(load.key, None)
    if isinstance(found, Exception):
        raise found
    if found is not None:
        made, row = found
        world.publish(row.seq)
        return cast(L, made)
    if world.may_postpone and world.timer_of in (None, load.subject):
        raise Postponed(world, load)
    return None


class Abandoned(Exception):
    """What a load was for is over."""


Brought = dict[str, tuple[Load, LoadRow] | Exception]  # by key; an exception is what kept one from being brought


class Loads:
    """The loads of an engine: those of timers are brought one after the other by a thread of their own, those of calls
    by the call's. ``change`` and ``look`` are those of the engine, ``check`` is told when a sandbox has something to
    play.
    """

    def __init__(
        self,
        store: Store,
        shared: OneProcess,
        change: Callable[[Sandbox, int], AbstractContextManager[World]],
        look: Callable[[Sandbox], AbstractContextManager[World]],
        check: Callable[[Sandbox], None],
    ) -> None:
        self._store = store
        self._shared = shared
        self._change = change
        self._look = look
        self._check = check
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._own: set[int] = set()  # the numbers of those that this process brings, or has brought
        self._under_way: dict[tuple[str, str], Future[None]] = {}  # by sandbox and subject
        self._brought: dict[tuple[str, str], Brought] = {}
        # of its call: what was ``brought`` for it, its ``ids``, whether it ``did`` commit, the world ``before``
        self._call = threading.local()
        self._closed = False

    # for calls

    def attempt(self, act: Callable[[], T]) -> T:
        """Does what may need loads: each is brought when it turns out to be needed, and all is begun again. What has
        committed something (but plays that were due) cannot begin again: it has what it needs in its transaction.
        """
        found: Brought = {}
        self._call.brought, self._call.ids, self._call.did, self._call.before = found, None, False, None
        try:
            while True:
                try:
                    return act()
                except Unready as unready:
                    self._restart()
                    unready.get_ready()
                except Postponed as postponed:
                    self._restart()
                    found[postponed.load.key] = self._bring_for_call(postponed.sandbox, postponed.load)
                self._call.brought = found
        finally:
            self._call.brought = None
            if found:
                self._remove_all(found)

    def _restart(self) -> None:
        """What the call has begun is undone, and has the same ids when it begins again."""
        self._call.brought = None  # what it needs has transactions of its own
        if self._call.ids is not None:
            self._call.ids.restart()

    def _bring_for_call(self, sandbox: Sandbox, load: Load) -> tuple[Load, LoadRow] | Exception:
        row = None
        try:
            with self._change(sandbox, load.at) as world:
                number = world.tx.add_load(sandbox.name, load.subject, NO_TIMER, load.at)
                self._claim(world, number)
            row = LoadRow(number, sandbox.name, load.subject, NO_TIMER, load.at)
            self._write(sandbox, load, row)
        except Exception as failure:
            if row is not None:
                self._remove(row)
            return failure  # for the call, which knows what to answer
        return Abandoned("the server ends") if self._closed else (load, row)  # the next start discards it

    def prepare(self, world: World) -> None:
        """What the transaction of a call has: whether it may be postponed, and what was brought for it."""
        found: Brought | None = getattr(self._call, "brought", None)
        if found is not None:
            before, self._call.before = self._call.before, world
            if before is not None and before.committed:
                self._call.ids = None  # those are used, and the call does not begin before them again
                self._call.did = self._call.did or not before.plays
            world.may_restart = not self._call.did
            world.may_postpone = not self._call.did and len(found) < MOST_OF_A_CALL
            world.brought = dict(found)
            if self._call.ids is None:
                self._call.ids = Ids()
            world.ids = self._call.ids

    # for timers

    def prepare_play(self, world: World, subject: str) -> None:
        """The same for the transaction of a timer."""
        found = self._brought.get((world.sandbox.name, subject), {})
        world.timer_of = subject
        world.may_restart = True
        world.may_postpone = not found  # one load for a play: what else it needs comes in one transaction
        world.brought = dict(found)

    def begin(self, sandbox: Sandbox, timer: TimerRow, load: Load) -> None:
        """Brings a load for the play of a timer, which falls due again afterwards."""
        with self._change(sandbox, load.at) as world:
            world.plays = True
            number = world.tx.begin_load(sandbox.name, load.subject, timer.seq)
            if number is not None:
                self._claim(world, number)
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
        try:
            self._write(sandbox, load, row)
            if self._closed:
                return  # the next start discards it
            self._brought[sandbox.name, load.subject] = {load.key: (load, row)}
        except (Abandoned, SandboxDropped):
            self._remove(row)
        except Exception as failure:
            if not isinstance(failure, StoreUnavailable):
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

    def discard(self, sandbox: str, subject: str) -> None:
        """What was brought for a subject's timer is of no use any more, unless it was published."""
        self._remove_all(self._brought.pop((sandbox, subject), {}))

    # both

    def _claim(self, world: World, number: int) -> None:
        """A new load is this process's."""
        self._own.add(number)
        self._shared.claim_new(world.tx, LOAD, world.sandbox.name, str(number))

    def _write(self, sandbox: Sandbox, load: Load, row: LoadRow) -> None:
        """Raises Abandoned, SandboxDropped, StoreFull, and what the load raises."""
        with self._look(sandbox) as world:
            world.now = load.at
            load.prepare(world)
        for write in load.slices():
            if self._closed:
                return
            self._shared.claim(LOAD, sandbox.name, str(row.seq))
            with self._change(sandbox, load.at) as world:
                if row.timer != NO_TIMER and not world.tx.is_wanted(row):
                    raise Abandoned
                write(world, row.seq)

    def forget(self, sandbox: Sandbox) -> None:
        """Until no load of this sandbox is under way, and what was brought for it is of no use any more."""
        self.wait(sandbox)
        for name, subject in list(self._brought):
            if name == sandbox.name:
                self.discard(name, subject)

    def resume(self) -> None:
        """Discards what a process that ended has left; what it was for is played anew."""
        with self._store.read() as tx:
            left = [row for row in tx.loads() if row.seq not in self._own]
        for row in left:
            if not self._shared.claim(LOAD, row.sandbox, str(row.seq)):
                continue  # another process is at it
            self._own.add(row.seq)
            with self._store.write() as tx:
                tx.release_timer(row)
            self._submit(lambda row=row: self._remove(row))  # type: ignore[misc]

    def _remove_all(self, found: Brought) -> None:
        for each in found.values():
            if not isinstance(each, Exception):
                self._remove(each[1])

    def _remove(self, row: LoadRow) -> None:
        """Removes what a load has brought, unless it was published."""
        while True:
            with self._store.write() as tx:
                if not tx.has_load(row.seq) or not tx.discard_load(row):
                    break
        self._own.discard(row.seq)
        self._shared.release(LOAD, row.sandbox, str(row.seq))

    def close(self) -> None:
        with self._lock:
            self._closed = True
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
