"""Whose turn it is to write, or to read where readers share the writer's connection."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

MOST_PASSED = 50  # readers that go before a writer who asked earlier


class Turns:
    """A lock that threads get in the order in which they asked for it, so that one that takes it again and again keeps
    nobody waiting for longer than one turn. Readers, whose turns are short, go before writers (`first`). A thread that
    has it may take it once more.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._owner: int | None = None  # the thread that has it; None while it is free or handed over
        self._taken = False
        self._depth = 0
        self._waiting: deque[threading.Lock] = deque()
        self._readers: deque[threading.Lock] = deque()
        self._passed = 0  # readers that went before the writer that waits for longest

    @property
    def is_taken(self) -> bool:
        """Whether a thread has it."""
        return self._taken

    @property
    def waiting(self) -> int:
        """How many threads wait for it."""
        return len(self._waiting) + len(self._readers)

    def __enter__(self) -> None:
        self._take(self._waiting)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give()

    @contextmanager
    def first(self) -> Iterator[None]:
        """For readers."""
        self._take(self._readers)
        try:
            yield
        finally:
            self._give()

    def _take(self, waiting: deque[threading.Lock]) -> None:
        thread = threading.get_ident()
        if self._owner == thread:
            self._depth += 1
            return
        with self._guard:
            called = None
            if self._taken:
                called = threading.Lock()
                called.acquire()
                waiting.append(called)
            self._taken = True
        if called is not None:
            called.acquire()
        self._owner, self._depth = thread, 1

    def _give(self) -> None:
        self._depth -= 1
        if self._depth:
            return
        with self._guard:
            self._owner = None
            if self._readers and (self._passed < MOST_PASSED or not self._waiting):
                self._passed += bool(self._waiting)
                self._readers.popleft().release()
            elif self._waiting:
                self._passed = 0
                self._waiting.popleft().release()
            else:
                self._taken = False
