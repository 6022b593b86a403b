"""The webhook endpoint that `mocksrv check-consumer` asks, and the genuine events that it is sent."""

from __future__ import annotations

import copy
import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

Headers = Mapping[str, str]
TIME_LIMIT = 5.0  # seconds that a provider waits for an answer
EVENT_IDS = ("eventId", "event_id")


class SampleEvent(NamedTuple):
    """A callback as the provider sends it."""

    name: str
    headers: dict[str, str]
    payload: dict[str, Any]


def encoded(event: SampleEvent) -> bytes:
    return json.dumps(event.payload, separators=(",", ":")).encode()


class ConsumerReply(NamedTuple):
    """What the endpoint did: a status or an error, after so many seconds."""

    status: int | None
    error: str | None
    seconds: float

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        return self.status in (401, 403)

    @property
    def survived(self) -> bool:
        """It answered, and not by breaking down."""
        return self.status is not None and self.status < 500

    def __str__(self) -> str:
        return self.error or f"answered {self.status}"


@dataclass(frozen=True, slots=True)
class Consumer:
    """The endpoint under test. ``proof(body)`` are the headers of right credentials, ``wrong(body)`` those of wrong
    ones.
    """

    url: str
    proof: Callable[[bytes], Headers] = lambda _: {}
    wrong: Callable[[bytes], Headers] | None = None
    parts: SplitResult = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", urlsplit(self.url))

    @property
    def path(self) -> str:
        return (self.parts.path or "/") + (f"?{self.parts.query}" if self.parts.query else "")

    def connect(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self.parts.scheme == "https" else http.client.HTTPConnection
        return kind(self.parts.hostname or "", self.parts.port, timeout=TIME_LIMIT)

    def send(self, event: SampleEvent) -> ConsumerReply:
        """One event over a connection of its own."""
        return self.raw(encoded(event), event.headers)

    def raw(
        self,
        body: bytes,
        headers: Headers,
        *,
        proof: Headers | None = None,
        connection: http.client.HTTPConnection | None = None,
        method: str = "POST",
    ) -> ConsumerReply:
        """One request. ``proof`` is sent in place of the right credentials."""
        began = time.monotonic()
        mine = connection or self.connect()
        try:
            mine.request(method, self.path, body, {**headers, **(self.proof(body) if proof is None else proof)})
            answer = mine.getresponse()
            answer.read()
            return ConsumerReply(answer.status, None, time.monotonic() - began)
        except TimeoutError:
            return ConsumerReply(None, f"no answer within {TIME_LIMIT:.0f} s", time.monotonic() - began)
        except (OSError, http.client.HTTPException) as error:
            return ConsumerReply(None, f"{type(error).__name__}: {error}", time.monotonic() - began)
        finally:
            if connection is None:
                mine.close()


def changed(event: SampleEvent, change: Callable[[dict[str, Any]], None]) -> SampleEvent:
    """The event with another payload; ``change`` is given every object in it that is in no list, the outer ones
    first.
    """
    payload = copy.deepcopy(event.payload)
    for inner in list(_objects(payload)):
        change(inner)
    return event._replace(payload=payload)


def _objects(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield payload
    for value in payload.values():
        if isinstance(value, dict):
            yield from _objects(value)


class Subject:
    """What a check works on: the endpoint and one genuine event of each kind, of which ``central`` is the most usual
    one.

    Whatever is taken from it has a revision (or id) that was not sent before, so that one fault shows in one check.
    """

    def __init__(self, consumer: Consumer, events: Sequence[SampleEvent], central: str) -> None:
        self.consumer = consumer
        self._events = {event.name: event for event in events}
        self._central = central
        self._number = count(1000)

    @property
    def events(self) -> list[SampleEvent]:
        return [self._fresh(event) for event in self._events.values()]

    @property
    def central(self) -> SampleEvent:
        return self._fresh(self._events[self._central])

    def _fresh(self, event: SampleEvent) -> SampleEvent:
        number = next(self._number)

        def renew(inner: dict[str, Any]) -> None:
            for name in ("revision", *EVENT_IDS):
                if name in inner:
                    inner[name] = number if name == "revision" else f"event-{number}"

        return changed(event, renew)
