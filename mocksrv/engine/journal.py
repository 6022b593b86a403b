"""The journal of API calls: what was asked, what was answered and why. Written in batches, bounded."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mocksrv.engine.storage.records import dumps
from mocksrv.engine.storage.rows import NewRequestRow
from mocksrv.engine.storage.store import Store

KEPT = 10_000  # calls of a sandbox
BATCH = 500  # calls that may wait to be written
CHUNK = 50  # calls that are written in one transaction, so that nobody waits long for it


@dataclass(slots=True)
class Entry:
    """One call. ``notes`` says why this answer: operation, subject, scenario, flow, step, statuses, unread fields,
    nearest route.
    """

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
        self._writing = threading.RLock()  # who flushes while another does waits, and then finds everything written
        self._waiting: list[Entry] = []
        self._written: dict[str, int] = {}

    def add(self, entry: Entry) -> bool:
        """Takes a call down; True when it is time to write."""
        with self._lock:
            self._waiting.append(entry)
            return len(self._waiting) >= BATCH

    def flush(self) -> None:
        """Writes what waits."""
        with self._writing:
            with self._lock:
                waiting, self._waiting = self._waiting, []
            rows = [_row(entry) for entry in waiting]
            for start in range(0, len(rows), CHUNK):
                with self._store.write() as tx:
                    tx.add_requests(rows[start : start + CHUNK])
            self._trim([entry.sandbox for entry in waiting])

    def _trim(self, sandboxes: Iterable[str]) -> None:
        """Forgets the oldest calls of the sandboxes that have more than are kept."""
        for sandbox, number in Counter(sandboxes).items():
            written = self._written[sandbox] = self._written.get(sandbox, KEPT) + number
            if written > KEPT + BATCH:
                with self._store.write() as tx:
                    tx.trim_requests(sandbox, KEPT)
                self._written[sandbox] = KEPT

    @contextmanager
    def forgetting(self, sandbox: str) -> Iterator[None]:
        """While a sandbox is emptied: nothing is written meanwhile, and what waits of it is dropped afterwards."""
        with self._writing:
            yield
            with self._lock:
                self._waiting = [entry for entry in self._waiting if entry.sandbox != sandbox]


def _row(e: Entry) -> NewRequestRow:
    return NewRequestRow(
        e.sandbox,
        e.id,
        e.at,
        e.method,
        e.path,
        e.status,
        e.duration_ms,
        dumps({"violations": e.violations, **e.notes}),
    )
