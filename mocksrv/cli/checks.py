"""What `mocksrv check-consumer` asks of a webhook endpoint: named checks over genuine events, each a few requests and a
verdict.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Any, NamedTuple

from mocksrv.cli.consumer import EVENT_IDS, TIME_LIMIT, ConsumerReply, Headers, SampleEvent, Subject, changed, encoded

PROMPT = 1.0  # seconds in which a receiver that works later answers
BURST = 40
SLOW_PARTS, SLOW_PAUSE = 8, 0.1
KINDS = ("action", "type", "event", "eventType")  # what says which event it is
# What says who or what it is about, beside all names with guid and those that end in Id.
IDS = ("id", "_id", *EVENT_IDS, "account", "app", "business", "customer")
STATUSES = ("connection_status", "status", "status_name", "data_status", "code")


class Verdict(NamedTuple):
    """``passed`` None: the check does not apply."""

    passed: bool | None
    detail: str


Check = Callable[[Subject], Verdict]
CHECKS: dict[str, tuple[str, Check]] = {}


def check(name: str, what: str) -> Callable[[Check], Check]:
    """Enters a check under its name, with what a good endpoint does."""

    def enter(function: Check) -> Check:
        CHECKS[name] = (what, function)
        return function

    return enter


def _all(replies: Sequence[tuple[str, ConsumerReply]], good: Callable[[ConsumerReply], bool]) -> Verdict:
    bad = [f"{name}: {reply}" for name, reply in replies if not good(reply)]
    if not bad:
        return Verdict(True, f"{len(replies)} request{'' if len(replies) == 1 else 's'}")
    more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
    return Verdict(False, "; ".join(bad[:3]) + more)


def _accepted(subject: Subject, *events: SampleEvent) -> Verdict:
    return _all([(event.name, subject.consumer.send(event)) for event in events], lambda reply: reply.accepted)


def _survived(subject: Subject, body: bytes, headers: Headers | None = None) -> Verdict:
    reply = subject.consumer.raw(body, subject.central.headers if headers is None else headers)
    return Verdict(reply.survived, str(reply))


def _is_id(name: str, inner: Mapping[str, Any]) -> bool:
    """Whether a member says who or what it is about. An ``id`` beside a guid is the client's own, and may be
    missing.
    """
    return "guid" in name.lower() or name.endswith("Id") or (name in IDS and not (name == "id" and "guid" in inner))


def _revised(event: SampleEvent) -> bool:
    """Whether it shows a whole object with its revision."""
    return any(isinstance(value, dict) and "revision" in value for value in event.payload.values())


# what comes every day


@check("every event", "accepts every event of the catalogue with 2xx")
def _every_event(subject: Subject) -> Verdict:
    return _accepted(subject, *subject.events)


@check("prompt answer", f"answers within {PROMPT:.0f} s, and works afterwards")
def _prompt(subject: Subject) -> Verdict:
    slowest = max(subject.consumer.send(subject.central).seconds for _ in range(5))
    return Verdict(slowest <= PROMPT, f"slowest of five: {slowest:.2f} s")


@check("no redirect", "answers itself: providers do not follow redirects")
def _no_redirect(subject: Subject) -> Verdict:
    reply = subject.consumer.send(subject.central)
    return Verdict(reply.status is not None and not 300 <= reply.status < 400, str(reply))


@check("keep-alive", "takes several events over one connection")
def _keep_alive(subject: Subject) -> Verdict:
    with closing(subject.consumer.connect()) as connection:
        events = [subject.central for _ in range(3)]
        replies = [subject.consumer.raw(encoded(event), event.headers, connection=connection) for event in events]
    return _all([(f"event {n}", reply) for n, reply in enumerate(replies, 1)], lambda reply: reply.accepted)


@check("burst", f"accepts {BURST} events at once in time")
def _burst(subject: Subject) -> Verdict:
    with ThreadPoolExecutor(BURST) as pool:
        replies = list(pool.map(subject.consumer.send, [subject.central for _ in range(BURST)]))
    return _all([(f"event {n}", reply) for n, reply in enumerate(replies, 1)], lambda reply: reply.accepted)


@check("slow sender", "waits for a body that comes in pieces")
def _slow(subject: Subject) -> Verdict:
    body = encoded(subject.central)
    began = time.monotonic()
    with closing(subject.consumer.connect()) as connection:
        try:
            connection.putrequest("POST", subject.consumer.path)
            for name, value in {
                **subject.central.headers,
                **subject.consumer.proof(body),
                "Content-Length": str(len(body)),
            }.items():
                connection.putheader(name, value)
            connection.endheaders()
            size = -(-len(body) // SLOW_PARTS)
            for start in range(0, len(body), size):
                time.sleep(SLOW_PAUSE)
                with suppress(BrokenPipeError, ConnectionResetError):  # who has answered already need not read on
                    connection.send(body[start : start + size])
            reply = ConsumerReply(connection.getresponse().status, None, time.monotonic() - began)
        except (OSError, http.client.HTTPException) as error:
            reply = ConsumerReply(None, f"{type(error).__name__}: {error}", time.monotonic() - began)
    return Verdict(reply.accepted, str(reply))


# what at-least-once delivery brings


@check("duplicate", "accepts the same event twice")
def _duplicate(subject: Subject) -> Verdict:
    event = subject.central
    return _accepted(subject, event, event)


@check("stale revision", "accepts an older revision after a newer one")
def _stale(subject: Subject) -> Verdict:
    newest = next((event for event in (subject.central, *subject.events) if _revised(event)), None)
    if newest is None:
        return Verdict(None, "this provider's events have no revision")

    def older(inner: dict[str, Any]) -> None:
        if isinstance(inner.get("revision"), int):
            inner["revision"] = max(0, inner["revision"] - 1)

    return _accepted(subject, newest, changed(newest, older))


@check("out of order", "accepts events in the reverse of their order")
def _reverse(subject: Subject) -> Verdict:
    return _accepted(subject, *reversed(subject.events))


@check("unknown subject", "accepts an event about somebody it has never seen")
def _unknown_subject(subject: Subject) -> Verdict:
    def stranger(inner: dict[str, Any]) -> None:
        for name, value in inner.items():
            if isinstance(value, str) and (name in IDS or name == "guid" or name.endswith(("_guid", "Id", "_id"))):
                inner[name] = re.sub(r"[0-9a-f]", "9", value)  # of the same shape

    return _accepted(subject, changed(subject.central, stranger))


# what the future brings


@check("unknown field", "ignores members that it does not know")
def _unknown_field(subject: Subject) -> Verdict:
    return _accepted(
        subject, changed(subject.central, lambda inner: inner.update(field_of_the_future={"since": ["tomorrow"]}))
    )


@check("unknown event", "accepts, and ignores, an event of a kind that does not exist yet")
def _unknown_event(subject: Subject) -> Verdict:
    event = subject.central
    payload = {**event.payload, **{name: "future_event" for name in KINDS if name in event.payload}}
    return _accepted(subject, event._replace(payload=payload))


@check("unknown value", "accepts a status that does not exist yet")
def _unknown_value(subject: Subject) -> Verdict:
    def future(inner: dict[str, Any]) -> None:
        for name in inner:
            if name in STATUSES:
                inner[name] = "TELEPORTED" if isinstance(inner[name], str) else 99

    events = subject.events
    met = [new for event in events if (new := changed(event, future)).payload != event.payload]
    return _accepted(subject, *met) if met else Verdict(None, "this provider's events have no status")


@check("nulls", "accepts null for every value that is no id")
def _nulls(subject: Subject) -> Verdict:
    def empty(inner: dict[str, Any]) -> None:
        for name, value in inner.items():
            if not isinstance(value, (dict, list)) and name not in KINDS and not _is_id(name, inner):
                inner[name] = None

    return _accepted(subject, *[changed(event, empty) for event in subject.events])


@check("missing fields", "accepts an object with nothing but its ids")
def _missing(subject: Subject) -> Verdict:
    def bare(inner: dict[str, Any]) -> None:
        for name in [n for n, v in inner.items() if not isinstance(v, (dict, list)) and n not in KINDS]:
            if "id" not in name.lower():
                del inner[name]

    return _accepted(subject, changed(subject.central, bare))


@check("field order", "does not rely on the order of members")
def _order(subject: Subject) -> Verdict:
    event = subject.central
    payload = {name: _reversed(value) for name, value in reversed(event.payload.items())}
    return _accepted(subject, event._replace(payload=payload))


def _reversed(value: Any) -> Any:
    return dict(reversed(value.items())) if isinstance(value, dict) else value


@check("unicode", "accepts names in any script")
def _unicode(subject: Subject) -> Verdict:
    def foreign(inner: dict[str, Any]) -> None:
        for name in ("name", "metadata", "description", "title"):
            if name in inner:
                inner[name] = "Zoë 🏦 中文 עברית \u202e"

    return _accepted(subject, changed(subject.central, foreign))


@check("large body", "accepts a body of half a megabyte")
def _large(subject: Subject) -> Verdict:
    rows = [{"guid": f"ACT-{number:032x}", "name": "x" * 100} for number in range(4000)]
    event = subject.central
    return _accepted(subject, event._replace(payload={**event.payload, "accounts": rows}))


@check("unknown header", "accepts headers that it does not know")
def _header(subject: Subject) -> Verdict:
    event = subject.central
    headers = {**event.headers, "X-CALLBACK-PAYLOAD": "Zm9v", "X-Header-Of-The-Future": "1"}
    return _accepted(subject, event._replace(headers=headers))


# what goes wrong on the way


@check("truncated body", "refuses half a JSON text without breaking down")
def _truncated(subject: Subject) -> Verdict:
    body = encoded(subject.central)
    return _survived(subject, body[: len(body) * 2 // 3])


@check("empty body", "refuses an empty body without breaking down")
def _empty(subject: Subject) -> Verdict:
    return _survived(subject, b"")


@check("no object", "refuses JSON that is no object without breaking down")
def _no_object(subject: Subject) -> Verdict:
    return _survived(subject, b'["created", null]')


@check("wrong types", "refuses or ignores values of another type without breaking down")
def _wrong_types(subject: Subject) -> Verdict:
    def spoil(inner: dict[str, Any]) -> None:
        for name, value in inner.items():
            if not isinstance(value, (dict, list)):
                inner[name] = str(value) if isinstance(value, (int, float)) else 12345

    return _survived(subject, encoded(changed(subject.central, spoil)))


@check("wrapper of another type", "survives a list where an object belongs")
def _wrapper(subject: Subject) -> Verdict:
    payload = {name: [value] if isinstance(value, dict) else value for name, value in subject.central.payload.items()}
    return _survived(subject, json.dumps(payload).encode())


@check("wrong content type", "survives a body that is called text/plain")
def _content_type(subject: Subject) -> Verdict:
    headers = {name: value for name, value in subject.central.headers.items() if name.lower() != "content-type"}
    return _survived(subject, encoded(subject.central), {**headers, "Content-Type": "text/plain"})


@check("broken connection", "goes on after a sender that hangs up in the middle")
def _broken(subject: Subject) -> Verdict:
    consumer = subject.consumer
    try:
        with socket.create_connection(
            (consumer.parts.hostname or "", consumer.parts.port or 80), timeout=TIME_LIMIT
        ) as wire:
            wire.sendall(f"POST {consumer.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n{{".encode())
    except OSError as error:
        return Verdict(False, str(error))
    return _accepted(subject, subject.central)


@check("other method", "refuses a GET")
def _get(subject: Subject) -> Verdict:
    reply = subject.consumer.raw(b"", {}, method="GET")
    return Verdict(reply.status is not None and 400 <= reply.status < 500, str(reply))


# who may send


@check("right credentials", "accepts the provider")
def _right(subject: Subject) -> Verdict:
    return _accepted(subject, subject.central)


@check("no credentials", "refuses a stranger with 401 or 403")
def _stranger(subject: Subject) -> Verdict:
    if subject.consumer.wrong is None:
        return Verdict(None, "without --auth nobody can be told from a stranger")
    body = encoded(subject.central)
    reply = subject.consumer.raw(body, subject.central.headers, proof={})
    return Verdict(reply.refused, str(reply))


@check("wrong credentials", "refuses wrong credentials with 401 or 403")
def _wrong(subject: Subject) -> Verdict:
    if subject.consumer.wrong is None:
        return Verdict(None, "without --auth nobody can be told from a stranger")
    body = encoded(subject.central)
    reply = subject.consumer.raw(body, subject.central.headers, proof=subject.consumer.wrong(body))
    return Verdict(reply.refused, str(reply))


@check("still there", "works as before after all of this")
def _still_there(subject: Subject) -> Verdict:
    return _accepted(subject, *[subject.central for _ in range(3)])
