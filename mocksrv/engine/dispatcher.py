"""Sends deliveries: first attempts to an endpoint in order, retries by the provider's schedule, attempts kept.

Every endpoint has a lane of its own, so a slow or dead one delays nobody else. Nothing is locked while a callback is out.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from mocksrv.engine.clock import iso_ms
from mocksrv.engine.credentials import Credentials, NoToken, Signer, tls_of
from mocksrv.engine.disturbance import disturbed, wrong_content_type, wrong_credentials
from mocksrv.engine.outbox import PRIVATE
from mocksrv.engine.reading import Row
from mocksrv.engine.sandbox import Endpoint, Sandbox
from mocksrv.engine.store import Store, dumps

if TYPE_CHECKING:
    from mocksrv.engine.transport import Answer, Transport

log = logging.getLogger("mocksrv")
MOST_LANES = 128  # endpoints that are sent to at the same time
TROUBLE = 1.0  # real seconds after which a lane that failed goes on
SECRET_HEADER = re.compile(r"authorization|secret|token|api-?key", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Retries:
    """A provider's schedule: the delay before each retry, in ms, and the share by which it may be longer."""

    delays: Sequence[int]
    jitter: float = 0.0


Encoder = Callable[[bytes, Mapping[str, str]], bytes]
NO_RETRIES = Retries(())


class Dispatcher:
    """Sends what the outbox holds. ``report`` is told of every attempt, after it was recorded."""

    def __init__(
        self,
        store: Store,
        transport: Callable[[], Transport],
        retries: Mapping[str, Retries],
        report: Callable[[Sandbox, dict[str, Any]], None],
        signers: Mapping[str, Signer] | None = None,
        encoders: Mapping[str, Encoder] | None = None,
    ) -> None:
        self._store = store
        self._make_transport = transport
        self._transport: Transport | None = None
        self._making = threading.Lock()
        self._credentials = Credentials(lambda url, body, headers: self._ready_transport().post(url, body, headers), signers or {})
        self._encoders = encoders or {}
        self._retries = retries
        self._report = report
        self._pool = ThreadPoolExecutor(MOST_LANES, thread_name_prefix="callbacks")
        self._changed = threading.Condition()
        self._lanes: dict[tuple[Sandbox, str], bool] = {}  # the running ones; True: look once more before ending
        self._closed = False

    def warm_up(self) -> None:
        """Callbacks are to be expected: the first of them need not wait for the HTTP client to be imported."""
        self._pool.submit(self._ready_transport)

    def _ready_transport(self) -> Transport:
        with self._making:
            if self._transport is None:
                self._transport = self._make_transport()
            return self._transport

    def wake(self, sandbox: Sandbox, endpoints: Sequence[str]) -> None:
        """There may be something to send to these endpoints now."""
        with self._changed:
            if self._closed:
                return
            for endpoint in endpoints:
                lane = (sandbox, endpoint)
                if lane in self._lanes:
                    self._lanes[lane] = True
                else:
                    self._lanes[lane] = False
                    self._pool.submit(self._run, sandbox, endpoint)

    def wake_due(self, sandbox: Sandbox, now: int | None = None) -> None:
        """Sends whatever is due in a sandbox, ``now`` or at that moment."""
        with self._store.read() as tx:
            endpoints = tx.due_endpoints(sandbox.name, sandbox.now() if now is None else now)
        if endpoints:
            self.wake(sandbox, endpoints)

    def settle(self, sandbox: Sandbox, timeout: float) -> bool:
        """Waits until no callback of a sandbox is out; False when the time (real seconds) ran out before."""
        with self._changed:
            return self._changed.wait_for(lambda: not any(of is sandbox for of, _ in self._lanes), timeout)

    def close(self) -> None:
        """Starts nothing more and waits for what is out."""
        with self._changed:
            self._closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, sandbox: Sandbox, endpoint: str) -> None:
        """A lane: sends what one endpoint is owed, one at a time, until nothing is due."""
        lane = (sandbox, endpoint)
        while True:
            try:
                if not self._send_next(sandbox, endpoint) and not self._look_again(lane):
                    return
            except Exception:
                log.exception("a callback to %s could not be sent or recorded; it is tried again", endpoint)
                time.sleep(TROUBLE)

    def _send_next(self, sandbox: Sandbox, endpoint: str) -> bool:
        """Sends what the endpoint is owed first; False when that is nothing."""
        with self._store.read() as tx:
            row = tx.next_delivery(sandbox.name, endpoint, sandbox.now())
        if row is None or self._closed or sandbox.dropped:  # looked at last: the row may be of a sandbox that has its name now
            return False
        self._deliver(sandbox, endpoint, row)
        return True

    def _look_again(self, lane: tuple[Sandbox, str]) -> bool:
        with self._changed:
            if self._lanes[lane] and not self._closed and not lane[0].dropped:
                self._lanes[lane] = False
                return True
            del self._lanes[lane]
            self._changed.notify_all()
            return False

    def _deliver(self, sandbox: Sandbox, endpoint_id: str, row: Row) -> None:
        seq, attempts, options, event, event_id, payload, stored_headers = row
        wrong = json.loads(options)
        place, endpoint = _endpoint(sandbox, endpoint_id, wrong)
        if endpoint is None:
            with self._store.write() as tx:
                tx.set_delivery(seq, "failed", None, attempts)
            return
        at = sandbox.now()
        headers = _headers(endpoint, json.loads(stored_headers), at)
        body = self._encode(event, disturbed(payload.encode(), wrong, sandbox.chance(f"corrupt:{event_id}:{place}")), headers)
        answer = self._post(sandbox, endpoint, body, headers, wrong)
        delivered = answer.status is not None and 200 <= answer.status < 300
        if answer.status == 401 and self._credentials.forget(sandbox, endpoint):
            due: int | None = at
            attempts -= 1  # at once, with a new token: no attempt of the schedule is used up
        else:
            due = None if delivered else self._next(sandbox, event, f"{event_id}:{place}", attempts, sandbox.now())
        state = "delivered" if delivered else "failed" if due is None else "pending"
        with self._store.write() as tx:
            if not tx.set_delivery(seq, state, due, attempts + 1):
                return  # its sandbox was emptied while it was out
            request = dumps({"url": endpoint.url, "headers": _masked(headers), "body": body.decode("utf-8", "replace")})
            response = dumps({"headers": dict(answer.headers), "body": answer.body})
            tx.add_attempt(seq, at, answer.status, answer.error, answer.duration_ms, request, response)
        self._report(sandbox, _news(at, event, event_id, endpoint, answer, due))

    def _encode(self, event: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        """The body as the provider writes it: JSON, unless it has an encoder that says otherwise."""
        encoder = self._encoders.get(event.partition(".")[0])
        return encoder(body, headers) if encoder else body

    def probe(self, sandbox: Sandbox, endpoint: Endpoint, event: str, payload: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        """One attempt at once, inside a request, with nothing written: the only callback that anybody waits for."""
        sent = _headers(endpoint, headers, sandbox.now())
        return self._post(sandbox, endpoint, self._encode(event, dumps(payload).encode(), sent), sent, {})

    def _post(self, sandbox: Sandbox, endpoint: Endpoint, body: bytes, headers: dict[str, str], wrong: Mapping[str, Any]) -> Answer:
        """One attempt with the endpoint's credentials, or with ``wrong`` ones, which are put into ``headers``."""
        transport = self._ready_transport()
        try:
            proof = self._credentials.headers(sandbox, endpoint, body)
        except NoToken as error:
            return transport.unsent(str(error))
        headers.update(wrong_credentials(proof) if wrong.get("wrong_credentials") else proof)
        if wrong.get("wrong_content_type"):
            headers.update(wrong_content_type(headers))
        return transport.post(endpoint.url, body, headers, tls_of(endpoint, anonymous=bool(wrong.get("wrong_credentials"))))

    def _next(self, sandbox: Sandbox, event: str, key: str, attempts: int, now: int) -> int | None:
        """When to try again, in sandbox time; None after the last retry. ``key`` is the same again for the same seed and calls."""
        retries = self._retries.get(event.partition(".")[0], NO_RETRIES)
        if attempts >= len(retries.delays):
            return None
        chance = sandbox.chance(f"retry:{key}:{attempts}")
        return now + round(retries.delays[attempts] * (1 + retries.jitter * chance.random()))


def _endpoint(sandbox: Sandbox, id: str, options: Mapping[str, Any]) -> tuple[int, Endpoint | None]:
    """Where a delivery goes, and its place among the sandbox's endpoints; None when that endpoint is gone."""
    endpoints = sandbox.settings.endpoints
    if PRIVATE in options:
        return len(endpoints), Endpoint(**options[PRIVATE])
    return next(((place, each) for place, each in enumerate(endpoints) if each.id == id), (0, None))


def _headers(endpoint: Endpoint, headers: Mapping[str, str], at: int) -> dict[str, str]:
    """What goes out, but for the credentials: the event's own headers, the date in sandbox time, the endpoint's."""
    return {**headers, "Date": formatdate(at / 1000, usegmt=True), **endpoint.headers}


def _masked(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: "***" if SECRET_HEADER.search(name) else value for name, value in headers.items()}


def _news(at: int, event: str, event_id: str, endpoint: Endpoint, answer: Answer, due: int | None) -> dict[str, Any]:
    result = answer.error or str(answer.status)
    again = f", again at {iso_ms(due)}" if due else ""
    return {"at": at, "kind": "callback", "subject": event_id, "detail": f"{event} -> {endpoint.url}: {result}{again}"}
