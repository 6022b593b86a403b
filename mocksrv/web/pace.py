"""How often pages that are open ask anew, so that all of them together take a bounded share of the time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

SHARE = 0.03  # of a processor's time: what pages that are open may take by asking anew, all together
SPARE = 1.0  # seconds that they may be ahead of that share before they rest: one page shows what happens at once
LONGEST = 10.0  # seconds: however many pages are open, none shows what is older


class Turn:
    """The making of a page. ``rest``: seconds for which it then is not to be made anew."""

    rest = 0.0


class Pace:
    """The turns of all dashboards that are open: a page that is made anew puts off the next one of every other, too."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free = 0.0  # when the pages made so far have taken no more than their share

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Around the making of a page, in one thread. What counts is its processor time: what it waits for on a busy
        machine costs nobody anything.
        """
        turn = Turn()
        began = time.thread_time()
        try:
            yield turn
        finally:
            now, took = time.monotonic(), time.thread_time() - began
            with self._lock:
                self._free = min(max(now, self._free) + took / SHARE, now + SPARE + LONGEST)
                turn.rest = max(0.0, self._free - now - SPARE)
