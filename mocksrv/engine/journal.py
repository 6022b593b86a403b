"""The journal of API calls: what was asked, what was answered and why. Written in batches, bounded."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from mocksrv.engine.store import Store, dumps

KEPT = 10_000  # calls of a sandbox
BATCH = 500  # calls that may wait to be written


@dataclass(slots=True)
class Entry:
    """One call. ``notes`` says why this answer: operation, subject, scenario, flow, step, statuses, unread fields, nearest route."""

    sandbox: str
    id: str
    at: int
    method: str
    path: str
    status: int = 0
    duration_ms: float = 0.0
    violations: list[dict[str, str]] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)

    def violate(self, rule: str, detail: str) -> None:
        """The call broke the provider's contract."""
        self.violations.append({"rule": rule, "detail": detail})


class Journal:
    """Keeps the newest calls of every sandbox."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._waiting: list[Entry] = []
        self._written: dict[str, int] = {}

    def add(self, entry: Entry) -> bool:
        """Takes a call down; True when it is time to write."""
        with self._lock:
            self._waiting.append(entry)
            return len(self._waiting) >= BATCH

    def flush(self) -> None:
        """Writes what waits."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        with self._store.write() as tx:
            tx.add_requests(
                (e.sandbox, e.id, e.at, e.method, e.path, e.status, e.duration_ms, dumps({"violations": e.violations, **e.notes}))
                for e in waiting
            )
            for entry in waiting:
                written = self._written[entry.sandbox] = self._written.get(entry.sandbox, KEPT) + 1
                if written > KEPT + BATCH:
                    tx.trim_requests(entry.sandbox, KEPT)
                    self._written[entry.sandbox] = KEPT

    def forget(self, sandbox: str) -> None:
        """Drops what waits of a sandbox that is emptied."""
        with self._lock:
            self._waiting = [entry for entry in self._waiting if entry.sandbox != sandbox]
