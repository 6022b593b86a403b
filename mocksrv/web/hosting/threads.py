"""Threads for what may wait or takes long: bounded, each sandbox with a share of them, in turns."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable

Task = Callable[[], None]


class Threads:
    """At most ``most`` threads, started when they are needed. One sandbox has at most half of them at a time, and those
    that wait have their turns one after the other.
    """

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._share = max(1, most // 2)
        self._name = name
        self._condition = threading.Condition()
        self._waiting: OrderedDict[str, deque[Task]] = OrderedDict()  # by sandbox; the first one's turn is next
        self._running: Counter[str] = Counter()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._ended = False

    def run(self, sandbox: str, task: Task) -> None:
        """Runs a task of a sandbox when it has its turn. The task must not raise."""
        with self._condition:
            self._waiting.setdefault(sandbox, deque()).append(task)
            if self._idle:
                self._condition.notify()
            if self._idle < sum(map(len, self._waiting.values())) and len(self._threads) < self._most:
                number = len(self._threads) + 1
                thread = threading.Thread(target=self._work, name=f"{self._name}-{number}", daemon=True)
                self._threads.append(thread)
                thread.start()

    def cancel(self, sandbox: str, task: Task) -> bool:
        """Takes a task back; False when it is running or has run."""
        with self._condition:
            tasks = self._waiting.get(sandbox)
            if tasks is None or task not in tasks:
                return False
            tasks.remove(task)
            if not tasks:
                del self._waiting[sandbox]
            return True

    def end(self) -> None:
        """No task is begun any more."""
        with self._condition:
            self._ended = True
            self._waiting.clear()
            self._condition.notify_all()

    def join(self, seconds: float) -> None:
        """After `end`: waits for the tasks that are running, each for so long at most."""
        for thread in self._threads:
            thread.join(seconds)

    def _work(self) -> None:
        while True:
            with self._condition:
                while not (turn := self._next()):
                    if self._ended:
                        return
                    self._idle += 1
                    self._condition.wait()
                    self._idle -= 1
                sandbox, task = turn
                self._running[sandbox] += 1
            try:
                task()
            finally:
                with self._condition:
                    self._running[sandbox] -= 1
                    if not self._running[sandbox]:
                        del self._running[sandbox]

    def _next(self) -> tuple[str, Task] | None:
        """Whose turn it is, of those that have not had their share."""
        for sandbox, tasks in self._waiting.items():
            if self._running[sandbox] < self._share:
                task = tasks.popleft()
                if tasks:
                    self._waiting.move_to_end(sandbox)
                else:
                    del self._waiting[sandbox]
                return sandbox, task
        return None
