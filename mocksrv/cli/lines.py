"""What a running server prints: a line for every call and every callback."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TextIO

from mocksrv.cli.output import printable
from mocksrv.engine.clock import iso_ms
from mocksrv.engine.observers import Happening
from mocksrv.engine.sandbox import DEFAULT

MOST_WAITING = 10_000  # lines; what comes when they are not printed yet is dropped and counted
PAUSE = 0.02  # seconds in which lines gather
KINDS = {"call": "call", "attempt": "callback"}  # of what happens: those that are printed, and how they are called


def as_text(happening: Happening) -> str:
    kind = KINDS[happening.kind]
    sandbox = "" if happening.sandbox == DEFAULT else f"  [{happening.sandbox}]"
    return f"{iso_ms(happening.at)}  {kind:<8}  {printable(happening.detail)}{sandbox}"


def as_json(happening: Happening) -> str:
    shown = {"at": iso_ms(happening.at), "sandbox": happening.sandbox, "kind": KINDS[happening.kind]}
    more = {name: happening.more[name] for name in ("operation", "status", "state") if name in happening.more}
    return json.dumps({**shown, "subject": happening.subject, "detail": happening.detail, **more})


FORMATS: dict[str, Callable[[Happening], str]] = {"text": as_text, "json": as_json}


class Lines:
    """An observer that prints calls and callbacks. It never keeps them waiting: a thread of its own writes, a batch at
    a time.
    """

    def __init__(self, output: TextIO, form: Callable[[Happening], str], most: int = MOST_WAITING) -> None:
        self._output = output
        self._form = form
        self._most = most
        self._waiting: deque[Happening] = deque()
        self._dropped = 0
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lines", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def tell(self, happened: Sequence[Happening]) -> None:
        for happening in happened:
            if happening.kind not in KINDS:
                continue
            if len(self._waiting) < self._most:
                self._waiting.append(happening)
            else:
                self._dropped += 1
            if not self._wake.is_set():
                self._wake.set()

    def close(self) -> None:
        """Prints what waits, unless nobody reads it."""
        self._closing.set()
        self._wake.set()
        self._thread.join(1)

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._wake.wait()
                self._closing.wait(PAUSE)
                self._wake.clear()
                self._write()
        except (OSError, ValueError):
            return  # nobody reads any more

    def _write(self) -> None:
        lines = [self._form(self._waiting.popleft()) for _ in range(len(self._waiting))]
        dropped, self._dropped = self._dropped, 0
        if dropped:
            lines.append(f"{dropped} more were not printed: nobody reads them fast enough")
        if lines:
            self._output.write("\n".join(lines) + "\n")
            self._output.flush()
