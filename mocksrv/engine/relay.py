"""What processes on one database tell each other: that a sandbox has changed, and what has happened where somebody in
another process listens.

It is told after the commit, all of some milliseconds together. A word that is lost is no matter for what is due, for
every process looks for itself now and then; who listens has missed it.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from threading import Event, Lock, Thread

from mocksrv.engine.observers import Happening, Observers
from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.storage.records import StoreUnavailable, dumps
from mocksrv.engine.storage.shared import LISTENING, OneProcess
from mocksrv.engine.storage.store import Store

GATHERED = 0.005  # real seconds in which what is told is taken together
TOLD = 100  # sandboxes that are told of at once
KEPT = 10_000  # real ms for which others may learn what has happened
log = logging.getLogger("mocksrv")


class Relay:
    """Tells other processes, and hears of them: ``heard`` is called with the name of a sandbox that another one has
    changed, None: any. One process alone has nobody to tell.
    """

    def __init__(
        self, store: Store, shared: OneProcess, observers: Observers, heard: Callable[[str | None], object]
    ) -> None:
        self._store = store
        self._shared = shared
        self._observers = observers
        self._heard = heard
        self._lock = Lock()
        self._wake = Event()
        self._ending = False
        self._pending: dict[str, list[Happening]] = {}  # by sandbox that has changed
        self._left: set[str] = set()  # sandboxes to which nobody here listens any more
        self._seen: dict[str, int] = {}  # sandbox that is listened to -> the number of the last happening
        self._receiving = Lock()
        self._thread = Thread(target=self._run, name="relay", daemon=True)

    def start(self) -> None:
        if not self._shared.alone:
            self._thread.start()
            self._store.listen(self._hear)

    def close(self) -> None:
        """Tells what is left."""
        self._ending = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def tell(self, sandbox: Sandbox, happened: Sequence[Happening]) -> None:
        """A sandbox has changed, and this has happened there."""
        if self._shared.alone:
            return
        with self._lock:
            self._pending.setdefault(sandbox.name, []).extend(happened if sandbox.listened_elsewhere else ())
        self._wake.set()

    def listen(self, sandbox: str) -> None:
        """From now on the observers are told what happens in a sandbox through other processes, too."""
        if self._shared.alone:
            return
        self._shared.claim(LISTENING, sandbox, self._shared.owner)
        with self._store.read() as tx:
            last = tx.last_happening(sandbox)
        with self._lock:
            self._left.discard(sandbox)
            self._seen[sandbox] = last

    def leave(self, sandbox: str) -> None:
        """They need not be told any more."""
        with self._lock:
            if self._seen.pop(sandbox, None) is not None:
                self._left.add(sandbox)
        self._wake.set()

    def receive(self) -> None:
        """Tells the observers what has happened elsewhere."""
        with self._receiving:
            for name, last in list(self._seen.items()):
                with self._store.read() as tx:
                    rows = tx.happenings(name, self._shared.owner, last)
                if rows and name in self._seen:
                    self._seen[name] = rows[-1].seq
                    self._observers.tell_elsewhere([Happening(name, *json.loads(row.told)) for row in rows])

    def _hear(self, told: str | None) -> None:
        """Another process, or this one, has told something; None: what was told meanwhile may be lost."""
        owner, *names = (told or "").split(" ")
        if told is None:
            self._heard(None)
        elif owner != self._shared.owner:
            for name in names:
                self._heard(name)

    def _run(self) -> None:
        while not self._ending:
            self._wake.wait()
            self._wake.clear()
            try:
                self._send()
            except StoreUnavailable:
                pass  # of which the background work tells
            except Exception:
                log.exception("other processes could not be told of changes; they look for themselves")
            time.sleep(GATHERED)

    def _send(self) -> None:
        with self._lock:
            pending, self._pending = self._pending, {}
            left, self._left = self._left, set()
        for name in left:
            self._shared.release(LISTENING, name, self._shared.owner)
        for name, happened in pending.items():
            if happened:
                told = [dumps([each.at, each.kind, each.subject, each.detail]) for each in happened]
                with self._store.write() as tx:
                    tx.lock([name])  # so that their numbers are in the order of the commits
                    tx.add_happenings(name, self._shared.owner, told, KEPT)
        names = list(pending)
        for start in range(0, len(names), TOLD):
            self._store.tell(" ".join([self._shared.owner, *names[start : start + TOLD]]))
