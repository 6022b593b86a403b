"""The background thread of an engine: it plays what falls due and sends what is owed where nobody is looking."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from mocksrv.engine.callbacks.dispatcher import Dispatcher
from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.storage.records import StoreUnavailable
from mocksrv.engine.time import TICK, Schedule

log = logging.getLogger("mocksrv")
FULL_FOR = 10.0  # real seconds for which a database that cannot be written is not news
RETRY_AFTER = 1.0  # real seconds after which a sandbox that failed is tried again


class Ticker:
    """The background thread, started and stopped with its engine. ``chores`` are done every `TICK`."""

    def __init__(self, schedule: Schedule, dispatcher: Dispatcher, chores: Sequence[Callable[[], object]]) -> None:
        self._schedule = schedule
        self._dispatcher = dispatcher
        self._chores = chores
        self._lock = threading.Lock()
        self._changed: dict[str, Sandbox] = {}  # whose next moment is not known
        self._due: dict[str, tuple[float, Sandbox]] = {}  # real (monotonic) moments
        self._wake = threading.Event()
        self._stopping = False
        self._last_chores = 0.0  # a monotonic moment
        self._full: float | None = None  # when nothing could be written last, a monotonic moment
        self._thread = threading.Thread(target=self._run, name="ticker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def check(self, sandbox: Sandbox) -> None:
        """What is due in this sandbox may have changed."""
        with self._lock:
            self._changed[sandbox.name] = sandbox
        self._wake.set()

    def forget(self, name: str) -> None:
        with self._lock:
            self._changed.pop(name, None)
            self._due.pop(name, None)

    def do_chores(self) -> None:
        """The chores cannot wait for the next tick."""
        self._last_chores = 0.0
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                self._tick()
            except StoreUnavailable as error:
                self._tell_full(error)
            except Exception:
                log.exception("the background work failed once; it goes on")
            self._wake.wait(self._pause())

    def _tell_full(self, error: StoreUnavailable) -> None:
        """Says that nothing can be written, once until it has gone well for a while."""
        now = time.monotonic()
        if self._full is None or now - self._full > FULL_FOR:
            log.error("%s; changes are refused and callbacks pause until it can", error)
        self._full = now

    def _pause(self) -> float:
        with self._lock:
            soonest = min((moment for moment, _ in self._due.values()), default=None)
        return TICK if soonest is None else max(0.0, min(TICK, soonest - time.monotonic()))

    def _tick(self) -> None:
        if time.monotonic() - self._last_chores >= TICK:
            self._last_chores = time.monotonic()
            for chore in self._chores:
                chore()
        self._dispatcher.record()
        with self._lock:
            changed, self._changed = self._changed, {}
            passed = {name: sandbox for name, (moment, sandbox) in self._due.items() if moment <= time.monotonic()}
        for name, sandbox in {**changed, **passed}.items():
            try:
                left = name in passed and self._schedule.play_slice(sandbox)
                seconds = self._schedule.send_due(sandbox)
                seconds = 0.0 if left else seconds
            except StoreUnavailable as error:
                self._tell_full(error)
                seconds = RETRY_AFTER
            except Exception:
                log.exception("the background work for the sandbox %s failed; it is tried again", name)
                seconds = RETRY_AFTER
            with self._lock:
                self._due.pop(name, None)
                if seconds is not None:
                    self._due[name] = (time.monotonic() + seconds, sandbox)
