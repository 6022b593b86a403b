"""What several processes on one database must agree on: which revision of a sandbox's settings, clock and contents is
the latest, who plays its time, and who owns the order of an endpoint's callbacks.

Whatever a process keeps in memory knows the revision it was read at, and is read anew when that is stale. A timer is
taken in the transaction that plays it, so it is played once. What takes longer than a transaction (an advance, the
callbacks of an endpoint) is leased: the lease of a process that died runs out.
"""

from __future__ import annotations

import os
from threading import Lock

from mocksrv.engine.clock import SECOND, wall_ms
from mocksrv.engine.storage.queries import Tx
from mocksrv.engine.storage.rows import StateRow
from mocksrv.engine.storage.store import Store

LEASE = 30 * SECOND  # real ms; longer than any callback is out
ADVANCE = "advance"
CALLBACKS = "callbacks"


class OneProcess:
    """Nothing to agree on: what this process has in memory is what there is."""

    alone = True

    def state(self, tx: Tx, sandbox: str) -> StateRow | None:
        """What is the latest of a sandbox; None when there is no such sandbox (any more), or nobody else."""
        return None

    def changed(self, tx: Tx, sandbox: str) -> StateRow | None:
        """A transaction has changed a sandbox: what is the latest with it."""
        return None

    def claim(self, kind: str, sandbox: str, of: str = "") -> bool:
        """Leases something of a sandbox to this process, or goes on leasing it; False when another process has it."""
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
        self._owner = f"{os.getpid()}-{os.urandom(6).hex()}"
        self._lock = Lock()
        self._leases: dict[str, int] = {}  # name -> until, real ms

    def state(self, tx: Tx, sandbox: str) -> StateRow | None:
        return tx.state(sandbox, _name(ADVANCE, sandbox), self._owner, wall_ms())

    def changed(self, tx: Tx, sandbox: str) -> StateRow | None:
        tx.count_change(sandbox)
        return self.state(tx, sandbox)

    def claim(self, kind: str, sandbox: str, of: str = "") -> bool:
        name, now = _name(kind, sandbox, of), wall_ms()
        with self._lock:
            if self._leases.get(name, 0) - now > LEASE / 2:
                return True
            with self._store.write() as tx:
                claimed = tx.claim_lease(name, self._owner, now, now + LEASE)
            if claimed:
                self._leases[name] = now + LEASE
            else:
                self._leases.pop(name, None)
            return claimed

    def release(self, kind: str, sandbox: str, of: str = "") -> None:
        name = _name(kind, sandbox, of)
        with self._lock:
            self._leases.pop(name, None)
            with self._store.write() as tx:
                tx.drop_lease(name, self._owner)

    def release_endpoint(self, sandbox: str, endpoint: str, now: int) -> bool:
        name = _name(CALLBACKS, sandbox, endpoint)
        with self._lock, self._store.write() as tx:
            if name not in self._leases:
                return True  # another process has it, and sends what is due
            if tx.next_deliveries(sandbox, endpoint, now, 1):
                return False  # written since it was looked for, by a process that leaves it to the owner of the lease
            self._leases.pop(name, None)
            tx.drop_lease(name, self._owner)
            return True

    def others_send(self, sandbox: str) -> bool:
        with self._store.read() as tx:
            return tx.has_lease(_name(CALLBACKS, sandbox), self._owner, wall_ms())

    def close(self) -> None:
        with self._lock, self._store.write() as tx:
            for name in self._leases:
                tx.drop_lease(name, self._owner)
            self._leases.clear()


def _name(*parts: str) -> str:
    """The name of a lease; those of a sandbox's endpoints begin with what stands for all of them."""
    return "/".join(part for part in parts if part)
