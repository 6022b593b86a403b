"""The journal of API calls: what was asked, what was answered and why. Written in batches, bounded."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from json.encoder import encode_basestring as quoted  # a text as JSON, without the encoder around it
from typing import Any, NamedTuple

from mocksrv.engine.coverage import OPERATION, REFUSAL, Met
from mocksrv.engine.problems import near
from mocksrv.engine.secrets import masked_body, masked_headers, masked_query, masked_urls
from mocksrv.engine.storage.records import StoreUnavailable, dumps
from mocksrv.engine.storage.rows import NewRequestRow, NewViolationRow
from mocksrv.engine.storage.store import Store
from mocksrv.engine.violations import MOST_OF_A_CALL, RULES, Violation

MOST_WAITING = 10_000  # calls that are kept for later where they cannot be written
BATCH = 500  # calls that may wait to be written
KEPT_BODY = 64 * 1024  # bytes of each body
UNPREFIXED = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})  # headers that WSGI does not prefix
CHUNK = 200  # calls that are written in one transaction, so that nobody waits long for it


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
    violations: list[Violation] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    exchange: Exchange | None = None
    provider: str = ""
    polled: bool = False  # it read how a subject stands
    page: tuple[bool, bool] | None = (
        None  # it read a list of a record's: whether its first page, and whether more follow
    )
    in_real_time: bool = False  # the sandbox's clock runs as the machine's
    says: str | None = None  # what takes back violations that held until then
    refusal: str | None = None  # the name that the provider's refusal has in the table of what can be met

    def violate(self, rule: str, detail: str, nearest: str | None = None, until: str | None = None) -> None:
        """The call broke this rule of the provider's contract; ``nearest``: what an unknown name probably means;
        ``until``: what a later call's ``says`` takes it back.
        """
        if len(self.violations) < MOST_OF_A_CALL:
            self.violations.append(Violation(RULES[rule].id, detail, nearest, until))

    def unknown(self, rule: str, name: str, known: Iterable[str], prefix: str = "") -> None:
        """The operation knows no such field or parameter; ``prefix`` is where it stands, before the name."""
        guess = near(name, known) if len(self.violations) < MOST_OF_A_CALL else None
        self.violate(rule, prefix + name, guess and prefix + guess)

    def unread(self, field: str, known: Iterable[str], prefix: str = "") -> None:
        """Nobody reads this field of the body, which breaks the contract, too; ``known`` are those that are read."""
        self.notes.setdefault("unread", []).append(prefix + field)
        self.unknown("unknown-field", field, known, prefix)


class Journal:
    """Keeps the newest calls of every sandbox, and violations: ``keep`` of each."""

    def __init__(self, store: Store, keep: int) -> None:
        self._store = store
        self._keep = keep
        self._lock = threading.Lock()
        self._writing = threading.RLock()  # who flushes while another does waits, and then finds everything written
        self._waiting: list[Entry] = []
        self._met: Counter[tuple[str, Met]] = Counter()  # of each sandbox, not written yet
        self._written: dict[str, int] = {}

    def add(self, entry: Entry) -> bool:
        """Takes a call down; True when it is time to write."""
        with self._lock:
            self._waiting.append(entry)
            return len(self._waiting) >= BATCH

    def count(self, sandbox: str, met: Iterable[Met]) -> None:
        """A sandbox's client has met these."""
        with self._lock:
            self._met.update((sandbox, each) for each in met)

    def flush(self) -> None:
        """Writes what waits. Raises StoreUnavailable."""
        with self._writing:
            with self._lock:
                waiting, self._waiting = self._waiting, []
                met, self._met = self._met, Counter()
            while waiting or met:
                chunk = waiting[:CHUNK]
                try:
                    self._write(chunk, met)
                except StoreUnavailable:
                    with self._lock:  # the newest of them are kept for later
                        self._waiting = [*waiting, *self._waiting][-MOST_WAITING:]
                        self._met.update(met)
                    raise
                self._trim([entry.sandbox for entry in chunk])
                waiting, met = waiting[CHUNK:], Counter()

    def _write(self, entries: Sequence[Entry], met: Counter[tuple[str, Met]]) -> None:
        """Writes some calls, and what was met in them and otherwise. Raises StoreUnavailable."""
        rows = [_row(entry) for entry in entries]
        counted = met + Counter((entry.sandbox, each) for entry in entries for each in _met_in(entry))
        with self._store.write() as tx:
            tx.lock({*(row.sandbox for row in rows), *(sandbox for sandbox, _ in met)})
            tx.add_requests(rows)
            tx.withdraw_violations((entry.sandbox, entry.says) for entry in entries if entry.says)
            tx.add_violations(_violations(entries))
            tx.count_met((sandbox, *each, times) for (sandbox, each), times in sorted(counted.items()))

    def _trim(self, sandboxes: Iterable[str]) -> None:
        """Forgets the oldest calls of the sandboxes that have more than are kept."""
        for sandbox, number in Counter(sandboxes).items():
            written = self._written[sandbox] = self._written.get(sandbox, self._keep) + number
            if written > self._keep + BATCH:
                with self._store.write() as tx:
                    tx.lock([sandbox])
                    tx.trim_requests(sandbox, self._keep)
                    tx.trim_violations(sandbox, self._keep)
                self._written[sandbox] = self._keep

    @contextmanager
    def forgetting(self, sandbox: str) -> Iterator[None]:
        """While a sandbox is emptied: nothing is written meanwhile, and what waits of it is dropped afterwards."""
        with self._writing:
            yield
            with self._lock:
                self._waiting = [entry for entry in self._waiting if entry.sandbox != sandbox]
                self._met = Counter({key: times for key, times in self._met.items() if key[0] != sandbox})


def _row(e: Entry) -> NewRequestRow:
    return NewRequestRow(
        e.sandbox,
        e.id,
        e.at,
        e.method,
        e.path,
        e.status,
        e.duration_ms,
        dumps({"provider": e.provider, **e.notes}),
        _shown(e.exchange) if e.exchange else "{}",
    )


def _met_in(e: Entry) -> Iterator[Met]:
    """What the client has met in a call."""
    if operation := e.notes.get("operation"):
        yield Met(e.provider, OPERATION, operation)
    if e.refusal is not None:
        yield Met(e.provider, REFUSAL, e.refusal)


def _violations(entries: Iterable[Entry]) -> Iterator[NewViolationRow]:
    """Each has an id of its own: that of the call, and its place among the call's."""
    for e in entries:
        for place, broken in enumerate(e.violations, 1):
            id = f"{e.id}.{place}"
            yield NewViolationRow(
                e.sandbox,
                id,
                e.at,
                e.provider,
                *broken,
                call=e.id,
                webhook=None,
                method=e.method,
                path=e.path,
                status=e.status,
            )


def _shown(exchange: Exchange) -> str:
    """What was sent and answered as JSON, without its secrets. It is put together of texts, for speed."""
    query, asked, sent, told, answered = exchange
    request = _message(_request_headers(asked), sent, quoted(masked_urls(_kept(sent))))
    response = _message(_response_headers(told), answered, _quoted_answer(answered))
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


def _message(headers: str, body: bytes, kept: str) -> str:
    """One side of a call; ``kept`` is what is shown of its body, as JSON."""
    cut = ',"truncated":true' if len(body) > KEPT_BODY else ""
    return f'{{"headers":{headers},"body":{kept}{cut}}}'


def _kept(body: bytes) -> str:
    return masked_body(body[:KEPT_BODY].decode("utf-8", "replace")) if body else ""


@lru_cache(16)
def _quoted_answer(body: bytes) -> str:
    """Long answers are the same again and again: pages of lists, which are longest to look through for secrets."""
    return quoted(_kept(body))
