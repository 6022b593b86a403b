"""Whose turn it is to write."""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType


class Turns:
    """A lock that threads get in the order in which they asked for it, so that one that takes it again and again keeps
    nobody waiting for longer than one turn. A thread that has it may take it once more.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._owner: int | None = None  # the thread that has it; None while it is free or handed over
        self._taken = False
        self._depth = 0
        self._waiting: deque[threading.Lock] = deque()

    @property
    def is_taken(self) -> bool:
        """Whether a thread has it."""
        return self._taken

    @property
    def waiting(self) -> int:
        """How many threads wait for it."""
        return len(self._waiting)

    def __enter__(self) -> None:
        thread = threading.get_ident()
        if self._owner == thread:
            self._depth += 1
            return
        with self._guard:
            called = None
            if self._taken:
                called = threading.Lock()
                called.acquire()
                self._waiting.append(called)
            self._taken = True
        if called is not None:
            called.acquire()
        self._owner, self._depth = thread, 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth:
            return
        with self._guard:
            self._owner = None
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False
