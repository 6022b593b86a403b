"""Traffic that runs beside what is measured."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod


class Background(ABC):
    """Work in a thread of its own while it is entered. What goes wrong in it is raised when it is left."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            self.work()
        except Exception as failure:
            self._failure = failure

    @abstractmethod
    def work(self) -> None:
        """Goes on until it is ``over``."""
