"""Who is told what happens, and who waits until something has."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

log = logging.getLogger("mocksrv")
LONGEST_WAIT = 0.5  # real seconds between two looks at what is waited for, should a change go unnoticed


class Happening(NamedTuple):
    """Something that happened in a sandbox, at a moment of its time (ms).

    ``kind`` and ``detail`` are: status (a subject's new one), play (why a play moved, without a status), event (its
    name), delivery (event and endpoint), attempt (what came of it), call (method, path, status of the answer) and
    change (what the player had a role do with a subject). ``subject`` is the guid that it is about, of an attempt
    and a delivery the event's id. ``more`` is what only observers are told: of an event its ``treatment``, of an
    attempt the number of its ``delivery``, of a change the subject's ``status`` and ``body`` afterwards, its
    ``flow``, its ``events``, and whether it was ``asked`` for.
    """

    sandbox: str
    at: int
    kind: str
    subject: str | None
    detail: str
    more: Mapping[str, Any] = {}


Observer = Callable[[Sequence[Happening]], None]


class Observers:
    """The observers of an engine. Each is called after a commit, with all that happened in the transaction, in its
    order, in the thread of whoever made the change: it must return at once. What it raises is logged and breaks
    nothing.
    """

    def __init__(self) -> None:
        self._observers: tuple[Observer, ...] = ()
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._observers)

    def subscribe(self, observer: Observer) -> None:
        with self._lock:
            self._observers = (*self._observers, observer)

    def unsubscribe(self, observer: Observer) -> None:
        """It is told nothing more but of what is being told just now."""
        with self._lock:
            self._observers = tuple(each for each in self._observers if each != observer)

    def tell(self, happened: Sequence[Happening]) -> None:
        if not happened:
            return
        for observer in self._observers:
            try:
                observer(happened)
            except Exception:
                log.exception("an observer failed; the others are told all the same")


class Changes:
    """Lets threads wait until there is something to be seen."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0
        self.waiting = 0  # calls that are held until something changes

    def notify(self) -> None:
        """Something can be seen that could not be seen before."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def wait_for(self, found: Callable[[], Any], seconds: float) -> Any:
        """What ``found`` returns as soon as it is true, or its last answer after that many real seconds."""
        deadline = time.monotonic() + seconds
        with self._condition:
            self.waiting += 1
        try:
            while True:
                seen = self._count
                result = found()
                left = deadline - time.monotonic()
                if result or left <= 0:
                    return result
                with self._condition:
                    self._condition.wait_for(lambda: self._count != seen, min(LONGEST_WAIT, left))  # noqa: B023
        finally:
            with self._condition:
                self.waiting -= 1
