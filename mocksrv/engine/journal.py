"""The journal of API calls: what was asked, what was answered and why. Written in batches, bounded."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from json.encoder import encode_basestring as quoted  # a text as JSON, without the encoder around it
from typing import Any, NamedTuple

from mocksrv.engine.secrets import masked_body, masked_headers, masked_query, masked_urls
from mocksrv.engine.storage.records import StoreFull, dumps
from mocksrv.engine.storage.rows import NewRequestRow
from mocksrv.engine.storage.store import Store

KEPT = 10_000  # calls of a sandbox
BATCH = 500  # calls that may wait to be written
KEPT_BODY = 64 * 1024  # bytes of each body
UNPREFIXED = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})  # headers that WSGI does not prefix
CHUNK = 50  # calls that are written in one transaction, so that nobody waits long for it


Headers = tuple[tuple[str, str], ...]


class Exchange(NamedTuple):
    """What was sent and answered, as it is taken down during a call: the background thread makes it readable.

    ``asked`` are the request's headers under the names of WSGI; of bodies the beginning is enough.
    """

    query: str
    asked: Headers
    body: bytes
    headers: Headers
    answer: bytes


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
    exchange: Exchange | None = None

    def violate(self, rule: str, detail: str) -> None:
        """The call broke the provider's contract."""
        self.violations.append({"rule": rule, "detail": detail})

    def unread(self, field: str) -> None:
        """Nobody reads this field of the body, which breaks the contract, too."""
        self.notes.setdefault("unread", []).append(field)
        self.violate("unknown-field", field)


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
        """Writes what waits. Raises StoreFull."""
        with self._writing:
            with self._lock:
                waiting, self._waiting = self._waiting, []
            rows = [_row(entry) for entry in waiting]
            for start in range(0, len(rows), CHUNK):
                try:
                    with self._store.write() as tx:
                        tx.add_requests(rows[start : start + CHUNK])
                except StoreFull:
                    with self._lock:  # the newest of them are kept for later
                        self._waiting = [*waiting[start:], *self._waiting][-KEPT:]
                    raise
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
        _shown(e.exchange) if e.exchange else "{}",
    )


def _shown(exchange: Exchange) -> str:
    """What was sent and answered as JSON, without its secrets. It is put together of texts, for speed."""
    query, asked, sent, told, answered = exchange
    request = _message(_request_headers(asked), sent, urls=True)
    response = _message(_response_headers(told), answered)
    shown = masked_query(query.encode("latin-1", "replace").decode("utf-8", "replace")) if query else ""
    return f'{{"query":{quoted(shown)},"request":{request},"response":{response}}}'


@lru_cache(1000)
def _request_headers(asked: Headers) -> str:
    """The headers of a request, with their own names: a client sends much the same ones again and again."""
    named = {name.removeprefix("HTTP_").replace("_", "-").title(): value for name, value in asked}
    return dumps(masked_headers(named))


@lru_cache(1000)
def _response_headers(told: Headers) -> str:
    return dumps(masked_headers(dict(told)))


def _message(headers: str, body: bytes, *, urls: bool = False) -> str:
    """One side of a call; ``urls``: those in its body have secrets of their own (an endpoint's)."""
    if not body:
        return f'{{"headers":{headers},"body":""}}'
    kept = masked_body(body[:KEPT_BODY].decode("utf-8", "replace"))
    kept = masked_urls(kept) if urls else kept
    cut = ',"truncated":true' if len(body) > KEPT_BODY else ""
    return f'{{"headers":{headers},"body":{quoted(kept)}{cut}}}'
