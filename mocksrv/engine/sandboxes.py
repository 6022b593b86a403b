"""The sandboxes that a process knows, as fresh as those in the store."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING

from mocksrv.engine.clock import SECOND, Clock
from mocksrv.engine.config import Config
from mocksrv.engine.names import NAME
from mocksrv.engine.sandbox import DEFAULT, Sandbox, SandboxesFull, SandboxNameError, Settings
from mocksrv.engine.scenarios.library import Library
from mocksrv.engine.scenarios.own import SandboxScenarios
from mocksrv.engine.storage.queries import Tx
from mocksrv.engine.storage.records import dumps
from mocksrv.engine.storage.shared import OneProcess
from mocksrv.engine.storage.store import Store

if TYPE_CHECKING:
    from mocksrv.engine.freshness import Freshness

LOOKS = 10  # times that idle sandboxes are looked for while one becomes idle


class Sandboxes:
    """Opens sandboxes on first use. ``library`` has the scenarios of all of them; ``drop`` drops one."""

    def __init__(
        self, store: Store, shared: OneProcess, library: Library, config: Config, drop: Callable[[str], object]
    ) -> None:
        self.initial = Settings.initial(config)
        self._store = store
        self._shared = shared
        self._library = library
        self._config = config
        self._lock = threading.Lock()
        self._known: dict[str, Sandbox] = {}
        self._drop = drop
        self._uses = count(1)
        self._looked = 0  # the number of the last use when idle ones were looked for
        self._next_look = 0.0  # a monotonic moment

    def all(self) -> list[Sandbox]:
        """Those that this process knows."""
        return [sandbox for sandbox in list(self._known.values()) if not sandbox.dropped]

    def get(self, name: str, up_to_date: bool = False) -> Sandbox:
        """The sandbox of that name, made on first use. ``up_to_date``: it was found to be. Raises SandboxNameError,
        SandboxesFull.
        """
        found = self._known.get(name)
        fresh = up_to_date or self._shared.alone
        if found is not None and not found.dropped and (fresh or self.refresh(found)):
            found.used = next(self._uses)
            return found
        if not NAME.fullmatch(name):
            raise SandboxNameError(name)
        found = self._open(name) or self._make(name)
        found.used = next(self._uses)
        return found

    def keep(self, name: str) -> None:
        """Somebody still looks at a sandbox, which is as good as a call."""
        found = self._known.get(name)
        if found is not None:
            found.used = next(self._uses)

    def _open(self, name: str) -> Sandbox | None:
        """The sandbox as it is stored; None when it is not."""
        with self._lock:
            found = self._known.get(name)
            if found is not None and not found.dropped:
                return found
            with self._store.read() as tx:
                row, scenarios = tx.sandbox(name), tx.scenarios(name)
            if row is None:
                return None
            settings, clock = Settings.load(row.settings), Clock.load(json.loads(row.clock))
            own = SandboxScenarios(self._library, scenarios)
            self._known[name] = Sandbox(name, settings, clock, self._config, own, row.made, row.revision)
            return self._known[name]

    def _make(self, name: str) -> Sandbox:
        self._make_room()
        with self._store.write() as tx:
            tx.add_sandbox(name, self.initial.dump(), dumps(self.new_clock().dump()), os.urandom(8).hex())
        return self._open(name) or self._make(name)  # it may have been dropped at once

    def _make_room(self) -> None:
        """Raises SandboxesFull where state is kept; else the longest idle sandboxes go, but never the default one."""
        with self._store.read() as tx:
            more = tx.count_sandboxes() - self._config.sandboxes + 1
        if more > 0 and not self._config.temporary:
            raise SandboxesFull(self._config.sandboxes)
        if more > 0:
            others = sorted((each for each in self.all() if each.name != DEFAULT), key=lambda each: each.used)
            for sandbox in others[:more]:
                self._drop(sandbox.name)

    def drop_idle(self, idle: int) -> None:
        """Drops the sandboxes that no process had a call for in so long (real ms), but never the default one. Each
        process writes again and again which ones it uses; what it may not have written yet is waited for.
        """
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + idle / SECOND / LOOKS
        since, self._looked = self._looked, next(self._uses)
        with self._store.write() as tx:
            tx.note_uses(sandbox.name for sandbox in self.all() if sandbox.used > since)
            names = tx.idle_sandboxes(idle + idle // LOOKS)
        for name in names:
            found = self._known.get(name)
            if name != DEFAULT and (found is None or found.used < self._looked):
                self._drop(name)

    def new_clock(self) -> Clock:
        """The clock of a new sandbox."""
        return Clock.make(self._config.clock, now=self._config.now, seeded=self.initial.seed is not None)

    def refresh(self, sandbox: Sandbox, tx: Tx | None = None) -> bool:
        """Takes over what other processes have changed; False when the sandbox is not there any more. With a
        transaction, nobody changes anything until its end.
        """
        if self._shared.alone or sandbox.dropped:
            return not sandbox.dropped
        if tx is None:
            with self._store.read() as reading:
                return self.refresh(sandbox, reading)
        state = self._shared.state(tx, sandbox.name)
        if state is None or state.made != sandbox.made:
            sandbox.dropped = True  # one of the same name that was made later is another sandbox
            self._store.forget()
            return False
        sandbox.learn(state, tx, self._store.forget)
        return True

    def freshness(self) -> Freshness:
        """What tells which of them this process knows the latest of, where statements wait. Raises StoreUnavailable."""
        from mocksrv.engine.freshness import Freshness  # only where it is needed

        return Freshness(self._store.latest_query(), self._shared, self._known)

    def look(self, name: str) -> Sandbox | None:
        """A sandbox that another process has changed, as it is now; None when it is not there any more."""
        found = self._known.get(name) or self._open(name)
        return found if found is not None and self.refresh(found) else None

    def changed(self) -> list[Sandbox]:
        """Those that other processes have made or changed since they were looked at last."""
        with self._store.read() as tx:
            states = tx.states()
        known = {sandbox.name: sandbox for sandbox in self.all()}
        opened = [self._open(name) for name in states if name not in known]
        stale = [each for each in known.values() if each.changes != states.get(each.name)]
        return [each for each in (*opened, *filter(self.refresh, stale)) if each is not None]

    def drop(self, name: str) -> bool:
        """Removes a sandbox with all that it holds; False when there is none."""
        with self._lock:
            sandbox = self._known.pop(name, None)
            with self._store.write() as tx:
                stored = tx.sandbox(name) is not None
                tx.drop_sandbox(name)
                if sandbox is not None:
                    sandbox.dropped = True
        return stored or sandbox is not None
