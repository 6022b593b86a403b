"""What is logged goes to standard error without keeping anybody waiting: nobody may be reading there."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from contextlib import suppress

MOST_WAITING = 1000  # records; a pipe that nobody reads costs the rest of them
LONGEST_FLUSH = 0.5  # real seconds


class PatientHandler(logging.Handler):
    """Writes in a thread of its own, which is started with the first record (so that a process may fork before)."""

    def __init__(self, descriptor: int = 2, most: int = MOST_WAITING) -> None:
        super().__init__(logging.WARNING)
        self._descriptor = descriptor
        self._most = most
        self._waiting: deque[bytes] = deque()
        self._dropped = 0
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if len(self._waiting) >= self._most:
            self._dropped += 1
            return
        self._waiting.append(f"{self.format(record)}\n".encode(errors="replace"))
        self._wake.set()
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._write, name="mocksrv-log", daemon=True)
            self._thread.start()

    def flush(self) -> None:
        """Waits until all is written, for a moment."""
        until = time.monotonic() + LONGEST_FLUSH
        while self._waiting and time.monotonic() < until:
            self._wake.set()
            time.sleep(0.005)

    def _write(self) -> None:
        with suppress(OSError):  # nobody reads any more
            while True:
                self._wake.wait()
                self._wake.clear()
                while self._waiting:
                    dropped, self._dropped = self._dropped, 0
                    if dropped:
                        self._put(f"{dropped} more were not logged: nobody reads them fast enough\n".encode())
                    self._put(self._waiting[0])
                    self._waiting.popleft()

    def _put(self, text: bytes) -> None:
        while text:
            text = text[os.write(self._descriptor, text) :]


def log_patiently() -> PatientHandler:
    """Whatever this process logs, and whatever it forks does, is written so."""
    handler = PatientHandler()
    logging.getLogger().addHandler(handler)
    return handler
