"""Sends deliveries: first attempts to an endpoint in order, retries by the provider's schedule, attempts kept.

Every endpoint has a queue of its own, so a slow or dead one delays nobody else. A sandbox has a share of the threads,
in which its queues take turns: what hangs in one is no matter in another. Nothing is locked while a callback is out.
What came of attempts is recorded a few at a time.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from mocksrv.engine.callbacks.credentials import EndpointCredentials, NoToken, tls_of
from mocksrv.engine.callbacks.disturbance import disturbed, wrong_content_type, wrong_credentials
from mocksrv.engine.callbacks.outbox import PRIVATE
from mocksrv.engine.callbacks.receivers import broken_by
from mocksrv.engine.clock import iso_ms
from mocksrv.engine.observers import Happening
from mocksrv.engine.sandbox import Endpoint, Sandbox
from mocksrv.engine.secrets import kept_exchange, masked_urls
from mocksrv.engine.storage.records import StoreUnavailable
from mocksrv.engine.storage.rows import AttemptRow, DueRow, NewViolationRow
from mocksrv.engine.storage.shared import CALLBACKS, OneProcess
from mocksrv.engine.storage.store import Store

if TYPE_CHECKING:
    from mocksrv.engine.callbacks.transport import Answer, Transport
    from mocksrv.engine.role import Role

log = logging.getLogger("mocksrv")
MOST_ENDPOINTS = 512  # endpoints that are sent to at the same time
SHARE = 64  # of them, those of one sandbox
TROUBLE, MOST_TROUBLE = 1.0, 60.0  # real seconds after which a queue that failed goes on: twice as long each time
BATCH = 25  # callbacks that a queue sends before it records what came of them
BATCH_TIME = 0.02  # real seconds after which it begins no other before that; what was not recorded is sent again


class Retries(NamedTuple):
    """A provider's schedule: the delay before each retry, in ms, and the share by which it may be longer."""

    delays: Sequence[int]
    jitter: float = 0.0


Queue = tuple[Sandbox, str]  # what an endpoint (its id) of a sandbox is owed
NO_RETRIES = Retries(())


class Attempt(NamedTuple):
    """What came of an attempt: the state of its delivery, when to try again, what is kept and what is told of it."""

    sandbox: Sandbox
    delivery: int
    state: str
    due: int | None
    number: int
    kept: AttemptRow
    told: Happening
    broken: Sequence[NewViolationRow]


class Dispatcher:
    """Sends what the outbox holds, as the roles of the providers say (``roles``, by name). ``report`` is told of every
    attempt, after it was recorded, and whether another one follows.
    """

    def __init__(
        self,
        store: Store,
        transport: Callable[[], Transport],
        roles: Mapping[str, Role],
        report: Callable[[Sandbox, Happening, bool], None],
        shared: OneProcess,
        refresh: Callable[[Sandbox], bool],
    ) -> None:
        self._store = store
        self._roles = roles
        self._shared = shared
        self._refresh = refresh
        self._transport = lru_cache(1)(transport)
        self.warm = False  # the transport is there, or being made
        self._credentials = EndpointCredentials(
            lambda *sent, **options: self._transport().post(*sent, **options),
            {kind: signer for role in roles.values() for kind, signer in role.signers.items()},
        )
        self._report = report
        self._pool = ThreadPoolExecutor(MOST_ENDPOINTS, thread_name_prefix="callbacks")
        self._changed = threading.Condition()
        self._queues: dict[Queue, bool] = {}  # those with something to do; True: look once more before ending
        self._running: Counter[Sandbox] = Counter()  # how many of them have a thread
        self._waiting: dict[Sandbox, deque[Queue]] = {}  # those that have none
        self._recording = threading.Lock()
        self._done: deque[Attempt] = deque()  # not recorded yet
        self._closed = False

    def warm_up(self) -> None:
        """Callbacks are to be expected: the first of them need not wait for the HTTP client to be imported."""
        with self._changed:
            if self.warm or self._closed:
                return
            self.warm = True
        self._pool.submit(self._transport)

    def wake(self, sandbox: Sandbox, endpoints: Sequence[str]) -> None:
        """There may be something to send to these endpoints now."""
        with self._changed:
            if self._closed:
                return
            for endpoint in endpoints:
                queue = (sandbox, endpoint)
                if queue in self._queues:
                    self._queues[queue] = True
                else:
                    self._queues[queue] = False
                    self._begin(queue)

    def _begin(self, queue: Queue) -> None:
        """Gives a queue a thread, now or when its sandbox has one; for who has the lock."""
        sandbox = queue[0]
        if self._running[sandbox] < SHARE:
            self._running[sandbox] += 1
            self._pool.submit(self._run, *queue)
        else:
            self._waiting.setdefault(sandbox, deque()).append(queue)

    def _leave(self, sandbox: Sandbox) -> None:
        """A thread of a sandbox goes to the queue that has waited longest; for who has the lock."""
        self._running[sandbox] -= 1
        waiting = self._waiting.get(sandbox)
        if waiting and not self._closed:
            self._begin(waiting.popleft())
        elif not self._running[sandbox]:
            del self._running[sandbox]
            self._waiting.pop(sandbox, None)

    def _yield(self, queue: Queue) -> bool:
        """Whether another queue of the sandbox waits: it goes on in this one's place, this one behind the others."""
        with self._changed:
            if self._closed or not self._waiting.get(queue[0]):
                return False
            self._waiting[queue[0]].append(queue)
            self._leave(queue[0])
            return True

    def wake_due(self, sandbox: Sandbox, now: int | None = None) -> bool:
        """Sends whatever is due in a sandbox, ``now`` or at that moment; False when nothing is."""
        with self._store.read() as tx:
            endpoints = tx.due_endpoints(sandbox.name, sandbox.now() if now is None else now)
        if endpoints:
            self.wake(sandbox, endpoints)
        return bool(endpoints)

    @property
    def closed(self) -> bool:
        """Whether nothing is sent any more."""
        return self._closed

    def settle(self, sandbox: Sandbox, timeout: float) -> bool:
        """Waits until no callback of a sandbox is out; False when the time (real seconds) ran out before, or the end
        has come.
        """

        def out() -> bool:
            return any(of is sandbox for of, _ in self._queues)

        with self._changed:
            self._changed.wait_for(lambda: self._closed or not out(), timeout)
            return not out()

    def forget(self, sandbox: Sandbox) -> None:
        """The sandbox begins anew: nothing that was learned for its endpoints holds any more."""
        self._credentials.forget_all(sandbox)

    def close(self) -> None:
        """Starts nothing more and waits for what is out."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._transport.cache_info().currsize:  # something was sent
            self._transport().close()

    def _run(self, sandbox: Sandbox, endpoint: str) -> None:
        """A queue: sends what one endpoint is owed, one after the other, until nothing is due."""
        queue, trouble = (sandbox, endpoint), TROUBLE
        while True:
            try:
                self.record()  # what could not be recorded before: nothing is sent a second time meanwhile
                if self._may_send(sandbox, endpoint) and self._send_some(sandbox, endpoint):
                    trouble = TROUBLE
                    if self._yield(queue):
                        return
                    continue
                if self._may_end(sandbox, endpoint) and not self._look_again(queue):
                    return
            except Exception as failure:
                if self.pause(trouble):
                    return
                trouble = min(MOST_TROUBLE, 2 * trouble)
                if not isinstance(failure, StoreUnavailable):  # of which the background work tells
                    log.exception(
                        "a callback to %s could not be sent or recorded; it is tried again", masked_urls(endpoint)
                    )

    def _may_send(self, sandbox: Sandbox, endpoint: str) -> bool:
        """Whether it is this process that sends to an endpoint now, and not another one or, while that advances the
        sandbox's time, that one alone.
        """
        if self._shared.alone:
            return True
        here = self._refresh(sandbox) and not sandbox.advanced_elsewhere
        return here and self._shared.claim(CALLBACKS, sandbox.name, endpoint)

    def _may_end(self, sandbox: Sandbox, endpoint: str) -> bool:
        """Leaves the endpoint to whoever wants to send next; False when something is due there that nobody sends."""
        if self._closed or sandbox.dropped or sandbox.advanced_elsewhere:
            self._shared.release(CALLBACKS, sandbox.name, endpoint)
            return True
        return self._shared.release_endpoint(sandbox.name, endpoint, sandbox.now())

    def pause(self, seconds: float) -> bool:
        """Lets some real time pass; True when the end has come."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed, seconds)

    def _send_some(self, sandbox: Sandbox, endpoint: str) -> bool:
        """Sends the first callbacks that the endpoint is owed; False when there are none."""
        settings, end = sandbox.settings, time.monotonic() + BATCH_TIME
        with self._store.read() as tx:
            rows = tx.next_deliveries(sandbox.name, endpoint, sandbox.now(), BATCH)
        self._refresh(sandbox)
        try:
            for row in rows:
                if self._closed or sandbox.dropped:  # looked at last: the row may be of a sandbox that has its name now
                    return False
                if sandbox.settings is not settings:  # it was reset, perhaps
                    break
                if not self._shared.holds(CALLBACKS, sandbox.name, endpoint):
                    break  # this process stood still; another one may send these now
                self._deliver(sandbox, endpoint, row)
                if time.monotonic() > end:
                    break
        finally:
            self.record()
        return bool(rows)

    def _look_again(self, queue: Queue) -> bool:
        with self._changed:
            if self._queues[queue] and not self._closed and not queue[0].dropped:
                self._queues[queue] = False
                return True
            del self._queues[queue]
            self._leave(queue[0])
            self._changed.notify_all()
            return False

    def _deliver(self, sandbox: Sandbox, endpoint_id: str, row: DueRow) -> None:
        event, event_id, attempts = row.event, row.event_id, row.attempts
        wrong = _read(row.options)
        place, endpoint = _endpoint(sandbox, endpoint_id, wrong)
        if endpoint is None:
            with self._store.write() as tx:
                tx.set_deliveries([(row.seq, "failed", None, attempts)])
            return
        at = sandbox.now()
        headers = self._headers(endpoint, event, _read(row.headers), at)
        body = row.payload.encode()
        if wrong:
            body = disturbed(body, wrong, sandbox.chance(f"corrupt:{event_id}:{place}"))
        body = self._role(event).encode(body, headers)
        answer = self._post(sandbox, endpoint, body, headers, wrong)
        delivered = answer.status is not None and 200 <= answer.status < 300
        if answer.status == 401 and not wrong.get("wrong_credentials") and self._credentials.forget(sandbox, endpoint):
            due: int | None = at
            attempts -= 1  # at once, with a new token: no attempt of the schedule is used up
        else:
            due = None if delivered else self._next(sandbox, event, f"{event_id}:{place}", attempts, sandbox.now())
        state = "delivered" if delivered else "failed" if due is None else "pending"
        exchange = kept_exchange(endpoint, headers, body, answer)
        kept = AttemptRow(at, answer.status, answer.error, answer.duration_ms, *exchange)
        again = f", again at {iso_ms(due)}" if due else ""
        detail = f"{event} -> {masked_urls(endpoint.url)}: {answer.error or answer.status}{again}"
        told = Happening(sandbox.name, at, "attempt", event_id, detail, {"delivery": row.seq, "state": state})
        broken = [] if due == at else [*broken_by(sandbox, at, row, endpoint, answer, wrong)]
        self._done.append(Attempt(sandbox, row.seq, state, due, attempts + 1, kept, told, broken))

    def record(self) -> None:
        """Writes what came of the attempts so far, of all queues in one transaction. Afterwards none of them is out any
        more.
        """
        with self._recording:
            done = [self._done.popleft() for _ in range(len(self._done))]
            if not done:
                return
            try:
                with self._store.write() as tx:
                    for name in sorted({attempt.sandbox.name for attempt in done}):
                        self._shared.changed(tx, name)
                    present = tx.present_deliveries([attempt.delivery for attempt in done])
                    known = [each for each in done if each.delivery in present]  # the others' sandboxes were emptied
                    tx.set_deliveries((each.delivery, each.state, each.due, each.number) for each in known)
                    tx.add_attempts((each.delivery, each.kept) for each in known)
                    if broken := [violation for each in known for violation in each.broken]:
                        tx.add_violations(broken)
            except StoreUnavailable:
                self._done.extendleft(reversed(done))
                raise
            for attempt in known:
                self._report(attempt.sandbox, attempt.told, attempt.due is not None)

    def _role(self, event: str) -> Role:
        """The role of the provider whose event it is."""
        return self._roles[event.partition(".")[0]]

    def probe(self, sandbox: Sandbox, endpoint: Endpoint, event: str, body: str, headers: Mapping[str, str]) -> Answer:
        """One attempt at once, inside a request, with nothing written: the only callback that anybody waits for."""
        sent = self._headers(endpoint, event, headers, sandbox.now())
        return self._post(sandbox, endpoint, self._role(event).encode(body.encode(), sent), sent, {})

    def _headers(self, endpoint: Endpoint, event: str, headers: Mapping[str, str], at: int) -> dict[str, str]:
        """What goes out, but for the credentials: the event's own headers, the date in sandbox time unless the provider
        sends none, the endpoint's.
        """
        date = {"Date": _date(at // 1000)} if self._role(event).dated else {}
        return {**headers, **date, **endpoint.headers}

    def _post(
        self, sandbox: Sandbox, endpoint: Endpoint, body: bytes, headers: dict[str, str], wrong: Mapping[str, Any]
    ) -> Answer:
        """One attempt with the endpoint's credentials, or with ``wrong`` ones, which are put into ``headers``."""
        transport = self._transport()
        try:
            proof = self._credentials.headers(sandbox, endpoint, body)
        except NoToken as error:
            return transport.unsent(str(error))
        except Exception as error:  # whatever a provider's signer makes of the auth: the queue goes on
            log.exception("a callback to %s could not be signed", masked_urls(endpoint.url))
            return transport.unsent(f"could not be signed: {type(error).__name__}")
        headers.update(wrong_credentials(proof) if wrong.get("wrong_credentials") else proof)
        if wrong.get("wrong_content_type"):
            headers.update(wrong_content_type(headers))
        return transport.post(
            endpoint.url, body, headers, tls_of(endpoint, anonymous=bool(wrong.get("wrong_credentials")))
        )

    def _next(self, sandbox: Sandbox, event: str, key: str, attempts: int, now: int) -> int | None:
        """When to try again, in sandbox time; None after the last retry. ``key`` is the same again for the same seed
        and calls.
        """
        retries = self._role(event).retries
        if attempts >= len(retries.delays):
            return None
        chance = sandbox.chance(f"retry:{key}:{attempts}")
        return now + round(retries.delays[attempts] * (1 + retries.jitter * chance.random()))


_read = lru_cache(1000)(json.loads)  # headers and options, which are alike in most deliveries; nobody changes them
_date = lru_cache(100)(lambda seconds: formatdate(seconds, usegmt=True))  # what a second is in a header


def _endpoint(sandbox: Sandbox, id: str, options: Mapping[str, Any]) -> tuple[int, Endpoint | None]:
    """Where a delivery goes, and its place among the sandbox's endpoints; None when that endpoint is gone."""
    endpoints = sandbox.settings.endpoints
    if PRIVATE in options:
        return len(endpoints), Endpoint.load(options[PRIVATE])
    return next(((place, each) for place, each in enumerate(endpoints) if each.id == id), (0, None))
