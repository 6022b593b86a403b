"""What several processes on one database must agree on: which revision of a sandbox's settings, clock and contents is
the latest, who plays its time, and who owns the order of an endpoint's callbacks.

Whatever a process keeps in memory knows the revision it was read at, and is read anew when that is stale. A timer is
taken in the transaction that plays it, so it is played once. What takes longer than a transaction (an advance, the
callbacks of an endpoint) is leased. A process prolongs its leases as long as it lives; those of one that died run out.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from threading import Event, Lock, Thread

from mocksrv.engine.storage.queries import Tx
from mocksrv.engine.storage.records import Row, StoreUnavailable
from mocksrv.engine.storage.rows import StateRow
from mocksrv.engine.storage.store import Store
from mocksrv.engine.storage.tables.shared import states_values

LEASE = 2.0  # real seconds after which the leases of a process that died are anybody's
BEAT = 0.5  # real seconds between two times that a process prolongs its leases
log = logging.getLogger("mocksrv")
ADVANCE = "advance"
CALLBACKS = "callbacks"
LISTENING = "listening"
EMPTYING = "emptying"
LOAD = "load"
REMOVAL = "removal"


class OneProcess:
    """Nothing to agree on: what this process has in memory is what there is."""

    alone = True
    owner = ""  # whose leases are this process's

    def start(self) -> None:
        """Begins to prolong the leases of this process."""

    def state(self, tx: Tx, sandbox: str) -> StateRow | None:
        """What is the latest of a sandbox; None when there is no such sandbox (any more), or nobody else."""
        return None

    def states_values(self, sandboxes: Sequence[str]) -> Row:
        """The values of `Store.latest_query`."""
        return ()

    def changed(self, tx: Tx, sandbox: str) -> StateRow | None:
        """A transaction has changed a sandbox: what is the latest with it."""
        return None

    def claim(self, kind: str, sandbox: str, of: str = "") -> bool:
        """Leases something of a sandbox to this process, or goes on leasing it; False when another process has it."""
        return True

    def keep(self, kind: str, sandbox: str) -> bool:
        """Goes on with a lease; False when it ran out and another process has had it since."""
        return True

    def claim_new(self, tx: Tx, kind: str, sandbox: str, of: str) -> None:
        """Leases what this transaction makes, so that it is never seen without a lease."""

    def holds(self, kind: str, sandbox: str, of: str = "") -> bool:
        """Whether something is surely leased to this process, and for some time yet; asks nobody."""
        return True

    def release(self, kind: str, sandbox: str, of: str = "") -> None:
        """Ends a lease."""

    def release_endpoint(self, sandbox: str, endpoint: str, now: int) -> bool:
        """Ends the lease of an endpoint's callbacks; False, and it goes on, when something is due there by ``now``."""
        return True

    def others_send(self, sandbox: str) -> bool:
        """Whether another process has callbacks of a sandbox out."""
        return False

    def close(self) -> None:
        """Ends all leases of this process."""


class ManyProcesses(OneProcess):
    """This process is one of several."""

    alone = False

    def __init__(self, store: Store) -> None:
        self._store = store
        self.owner = f"{os.getpid()}-{os.urandom(6).hex()}"
        self._lock = Lock()
        self._leases: dict[str, float] = {}  # name -> until when they are surely its own, a monotonic moment
        self._ending = Event()
        self._heart = Thread(target=self._beat, name="leases", daemon=True)

    def start(self) -> None:
        self._heart.start()

    def _beat(self) -> None:
        while not self._ending.wait(BEAT):
            try:
                if self._leases:
                    self._prolong()
            except StoreUnavailable:
                pass  # of which the background work tells; what runs out meanwhile is claimed anew
            except Exception:
                log.exception("the leases of this process could not be prolonged; it is tried again")

    def _prolong(self) -> None:
        with self._lock:
            until = time.monotonic() + LEASE
            with self._store.write() as tx:
                held = tx.prolong_leases(self.owner, _ms(LEASE))
            self._leases = {name: until for name in held if name in self._leases}

    def state(self, tx: Tx, sandbox: str) -> StateRow | None:
        return tx.state(sandbox, ADVANCE, LISTENING, self.owner)

    def states_values(self, sandboxes: Sequence[str]) -> Row:
        return states_values(sandboxes, ADVANCE, LISTENING, self.owner)

    def changed(self, tx: Tx, sandbox: str) -> StateRow | None:
        tx.count_change(sandbox)
        return self.state(tx, sandbox)

    def claim(self, kind: str, sandbox: str, of: str = "") -> bool:
        name = _name(kind, sandbox, of)
        with self._lock:
            if self.holds(kind, sandbox, of):
                return True
            now = time.monotonic()
            with self._store.write() as tx:
                claimed = tx.claim_lease(name, self.owner, _ms(LEASE))
            if claimed:
                self._leases[name] = now + LEASE
            else:
                self._leases.pop(name, None)
            return claimed

    def keep(self, kind: str, sandbox: str) -> bool:
        name = _name(kind, sandbox)
        with self._lock:
            if self.holds(kind, sandbox):
                return True
            now = time.monotonic()
            with self._store.write() as tx:
                kept = tx.prolong_lease(name, self.owner, _ms(LEASE))
            if kept:
                self._leases[name] = now + LEASE
            else:
                self._leases.pop(name, None)
            return kept

    def claim_new(self, tx: Tx, kind: str, sandbox: str, of: str) -> None:
        name, now = _name(kind, sandbox, of), time.monotonic()
        tx.claim_lease(name, self.owner, _ms(LEASE))
        self._leases[name] = now + LEASE  # without the lock: who waits for a turn to write may have it

    def holds(self, kind: str, sandbox: str, of: str = "") -> bool:
        now = time.monotonic()
        return self._leases.get(_name(kind, sandbox, of), now) - now > BEAT

    def release(self, kind: str, sandbox: str, of: str = "") -> None:
        name = _name(kind, sandbox, of)
        with self._lock:
            self._leases.pop(name, None)
            with self._store.write() as tx:
                tx.drop_lease(name, self.owner)

    def release_endpoint(self, sandbox: str, endpoint: str, now: int) -> bool:
        name = _name(CALLBACKS, sandbox, endpoint)
        with self._lock, self._store.write() as tx:
            if name not in self._leases:
                return True  # another process has it, and sends what is due
            tx.drop_lease(name, self.owner)  # first: who wants it meanwhile waits for what comes of this
            if tx.next_deliveries(sandbox, endpoint, now, 1):  # written since it was looked for, by a process that
                tx.claim_lease(name, self.owner, _ms(LEASE))  # leaves it to the owner of the lease
                return False
            self._leases.pop(name, None)
            return True

    def others_send(self, sandbox: str) -> bool:
        with self._store.read() as tx:
            return tx.has_lease(_name(CALLBACKS, sandbox), self.owner)

    def close(self) -> None:
        self._ending.set()
        with suppress(StoreUnavailable), self._lock, self._store.write() as tx:  # else they run out
            for name in self._leases:
                tx.drop_lease(name, self.owner)
            self._leases.clear()


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _name(*parts: str) -> str:
    """The name of a lease; those of a sandbox's endpoints begin with what stands for all of them."""
    return "/".join(part for part in parts if part)
