"""Measures turns to write, in which nobody else writes: processor time of the thread that has the turn, of which what
else the machine does is no part.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from mocksrv.engine.engine import Engine
from mocksrv.engine.storage.sqlite import Store
from mocksrv.engine.storage.turns import Turns


class MeasuredTurns(Turns):
    """Keeps what each turn of a writer took, in ms of processor time."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[float] = []

    def _take(self, waiting: deque[Lock]) -> None:
        super()._take(waiting)
        if self._depth == 1:
            self._began, self._writes = time.thread_time(), waiting is self._waiting

    def _give(self) -> None:
        if self._depth == 1 and self._writes:
            self.found.append((time.thread_time() - self._began) * 1000)
        super()._give()


@contextmanager
def measured(engine: Engine) -> Iterator[list[float]]:
    """The turns that writers have meanwhile, of an engine on SQLite that does nothing at the moment."""
    store = engine.store
    assert isinstance(store, Store)
    before, turns = store._turn, MeasuredTurns()
    store._turn = turns
    try:
        yield turns.found
    finally:
        store._turn = before
