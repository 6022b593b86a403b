"""Answers that are made once until a sandbox changes: clients read the same page of a list again and again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

from mocksrv.engine.sandbox import Sandbox

MOST_KEPT = 4 * 2**20  # bytes of all sandboxes together
LARGEST_KEPT = MOST_KEPT // 16  # bytes of one answer

Key = tuple[Any, ...]
Stamp = tuple[str, int]  # which sandbox of its name, and how many transactions have changed it


def stamp(sandbox: Sandbox) -> Stamp:
    """How a sandbox stands; taken before anything is read of it."""
    return sandbox.made, sandbox.changes


class Kept:
    """What was made of a sandbox's records, until a transaction changes the sandbox. When it is too much, what was
    asked for least recently goes.
    """

    def __init__(self) -> None:
        self._made: OrderedDict[Key, tuple[Stamp, bytes]] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def find(self, sandbox: Sandbox, key: Key) -> bytes | None:
        """What was made for this key, if nothing has changed since."""
        whole = (sandbox.name, key)
        with self._lock:
            found = self._made.get(whole)
            if found is None:
                return None
            self._made.move_to_end(whole)
        return found[1] if found[0] == stamp(sandbox) else None

    def keep(self, sandbox: Sandbox, key: Key, since: Stamp, made: bytes) -> None:
        """``since``: how the sandbox stood before it was read."""
        if len(made) > LARGEST_KEPT:
            return
        whole = (sandbox.name, key)
        with self._lock:
            self._drop(whole)
            self._made[whole] = (since, made)
            self._size += len(made)
            while self._size > MOST_KEPT:
                self._drop(next(iter(self._made)))

    def _drop(self, whole: Key) -> None:
        gone = self._made.pop(whole, None)
        self._size -= len(gone[1]) if gone else 0
