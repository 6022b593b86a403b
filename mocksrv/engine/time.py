"""The background thread: lets time pass in sandboxes nobody is looking at, writes the journal, looks for changed
scenario files.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mocksrv.engine.engine import Engine
    from mocksrv.engine.sandbox import Sandbox

log = logging.getLogger("mocksrv")
TICK = 0.5  # real seconds between two looks at what nobody waits for
TROUBLE = 1.0  # real seconds after which a sandbox that failed is looked at again


class Ticker:
    """Started and stopped with its engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._look: dict[str, Sandbox] = {}  # whose next moment is not known
        self._due: dict[str, tuple[float, Sandbox]] = {}  # real (monotonic) moments
        self._wake = threading.Event()
        self._stopping = False
        self._written = 0.0  # when the journal was, a monotonic moment
        self._thread = threading.Thread(target=self._run, name="ticker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self, sandbox: Sandbox) -> None:
        """What is due in this sandbox may have changed."""
        with self._lock:
            self._look[sandbox.name] = sandbox
        self._wake.set()

    def forget(self, name: str) -> None:
        with self._lock:
            self._look.pop(name, None)
            self._due.pop(name, None)

    def hurry(self) -> None:
        """The journal wants to be written."""
        self._written = 0.0
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                self._tick()
            except Exception:
                log.exception("the background work failed once; it goes on")
            self._wake.wait(self._pause())

    def _pause(self) -> float:
        with self._lock:
            soonest = min((moment for moment, _ in self._due.values()), default=None)
        return TICK if soonest is None else max(0.0, min(TICK, soonest - time.monotonic()))

    def _tick(self) -> None:
        if time.monotonic() - self._written >= TICK:
            self._written = time.monotonic()
            self._engine.journal.flush()
            self._engine.library.refresh()
        self._engine.dispatcher.record()
        with self._lock:
            looked, self._look = self._look, {}
            passed = {name: sandbox for name, (moment, sandbox) in self._due.items() if moment <= time.monotonic()}
        for name, sandbox in {**looked, **passed}.items():
            try:
                if name in passed:
                    self._engine.catch_up(sandbox)
                seconds = self._next(sandbox)
            except Exception:
                log.exception("the background work for the sandbox %s failed; it is tried again", name)
                seconds = TROUBLE
            with self._lock:
                self._due.pop(name, None)
                if seconds is not None:
                    self._due[name] = (time.monotonic() + seconds, sandbox)

    def _next(self, sandbox: Sandbox) -> float | None:
        """Sends what is due in a sandbox by now; real seconds until something else falls due, of all that is due after
        that very moment.
        """
        if sandbox.held is not None or sandbox.dropped:
            return None
        now = sandbox.now()
        self._engine.dispatcher.wake_due(sandbox, now)
        with self._engine.store.read() as tx:
            timer, retry = tx.next_timer(sandbox.name), tx.next_due(sandbox.name, after=now)
        waits = [sandbox.clock.until(moment) for moment in (timer.due if timer else None, retry) if moment is not None]
        return min((wait for wait in waits if wait is not None), default=None)
