"""What several calls of a client say together: that it polls too fast, retries without a pause, or leaves pages unread.

Kept in memory, for each process its own; what is fast is measured in real time, and only where the sandbox's clock runs
as that does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from mocksrv.engine.journal import Entry

FAST = 1.0  # seconds of real time
POLLS, RETRIES = 10, 3  # running, each faster than that
MOST = 10_000  # paths that are remembered, and lists that are noted
Key = tuple[str, str, str]  # sandbox, method, path


@dataclass(slots=True)
class Habit:
    """The latest call of a path: when (monotonic seconds), whether it was a poll or was refused for now, and how many
    polls and retries came fast one after the other.
    """

    at: float = float("-inf")
    refused: bool = False
    polls: int = 0
    retries: int = 0


class Conduct:
    """Notes in the entries of calls what these and earlier ones break together."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._habits: dict[Key, Habit] = {}
        self._unread: set[Key] = set()  # lists whose first page was read, and no other

    def look(self, entry: Entry) -> None:
        """Looks at a call that was answered, before it is taken down."""
        key = (entry.sandbox, entry.method, entry.path)
        polled = entry.polled and entry.page is None  # pages of a list may come as fast as they are answered
        if entry.page is None and not polled and not _is_refused(entry) and key not in self._habits:
            return
        with self._lock:
            if len(self._habits) > MOST:
                self._habits.clear()
            if entry.page is not None:
                self._look_at_page(key, entry)
            if entry.in_real_time:
                self._look_at_pace(self._habits.setdefault(key, Habit()), entry, polled)

    def _look_at_page(self, key: Key, entry: Entry) -> None:
        first, more = entry.page or (True, False)
        if first and more:
            if key not in self._unread and len(self._unread) < MOST:
                self._unread.add(key)
                said = "the first page of several was read, and no other since"
                entry.violate("pagination", said, until=" ".join(key))
        else:
            self._unread.discard(key)
            entry.says = " ".join(key)

    def _look_at_pace(self, habit: Habit, entry: Entry, polled: bool) -> None:
        now = self._now()
        fast = now - habit.at < FAST
        habit.polls = habit.polls + 1 if fast and polled else 0
        habit.retries = habit.retries + 1 if fast and habit.refused else 0
        habit.at, habit.refused = now, _is_refused(entry)
        if habit.polls == POLLS:
            habit.polls = 0
            entry.violate("polling", f"{POLLS} polls running came less than a second after the one before")
        if habit.retries == RETRIES:
            habit.retries = 0
            entry.violate("no-back-off", f"{RETRIES} retries running came less than a second after a refusal")

    def forget(self, sandbox: str) -> None:
        """A sandbox begins anew."""
        with self._lock:
            self._habits = {key: habit for key, habit in self._habits.items() if key[0] != sandbox}
            self._unread = {key for key in self._unread if key[0] != sandbox}


def _is_refused(entry: Entry) -> bool:
    """Whether the call may be made again: the provider is overwhelmed, or out of order."""
    return entry.status == 429 or entry.status >= 500
