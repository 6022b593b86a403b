"""Callbacks that arrive wrong on purpose: late, twice, out of order, damaged, stale, with wrong credentials, or never.

A scenario's step says so in ``webhooks``; a sandbox's settings say so of all events of a pattern (``PUT /faults``).
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from mocksrv.engine.patterns import fits
from mocksrv.engine.storage.records import dumps

Chance = random.Random
Place = tuple[dict[str, Any], str]  # where a value stands in a body


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A rule that lets ``skip`` of what it meets through, then holds ``times`` times (None: for ever)."""

    skip: int = 0
    times: int | None = None

    def met(self) -> tuple[bool, Self | None]:
        """Whether it holds for what it meets now, and what is left of it after that (None: nothing)."""
        if self.skip:
            return False, replace(self, skip=self.skip - 1)
        if self.times is None:
            return True, self
        return True, replace(self, times=self.times - 1) if self.times > 1 else None


@dataclass(frozen=True, slots=True)
class Disturbance(Counted):
    """What happens to the callbacks of the events that fit a pattern.

    ``directives`` are those of a step's ``webhooks``: drop, delay_ms, repeat, shuffle, corrupt, stale,
    wrong_credentials, wrong_content_type.
    """

    events: str
    directives: Mapping[str, Any] = field(default_factory=dict)


def meet(event: str, disturbances: tuple[Disturbance, ...]) -> tuple[dict[str, Any], tuple[Disturbance, ...]]:
    """The directives that an event meets, and the disturbances that are left after it."""
    directives: dict[str, Any] = {}
    left: list[Disturbance | None] = []
    for each in disturbances:
        if not fits(event, each.events):
            left.append(each)
            continue
        holds, rest = each.met()
        directives |= each.directives if holds else {}
        left.append(rest)
    return directives, tuple(each for each in left if each)


# what is done to a callback when it is sent


def _truncated(body: bytes, _: Chance) -> bytes:
    return body[: len(body) * 2 // 3]


def _wrong_type(body: bytes, chance: Chance) -> bytes:
    """One value gets another type: a number or truth becomes a text, anything else a number."""

    def spoil(value: Any) -> Any:
        return str(value) if isinstance(value, (int, float)) else 12345

    return _changed(body, chance, spoil)


def _null_field(body: bytes, chance: Chance) -> bytes:
    return _changed(body, chance, lambda _: None)


def _unknown_field(body: bytes, _: Chance) -> bytes:
    """A member that no document knows, beside the others and in every object among them."""
    payload = json.loads(body)
    for inner in (payload, *(value for value in payload.values() if isinstance(value, dict))):
        inner["field_of_the_future"] = {"since": "tomorrow"}
    return dumps(payload).encode()


def _changed(body: bytes, chance: Chance, change: Callable[[Any], Any]) -> bytes:
    payload = json.loads(body)
    places = [place for place in _places(payload) if place[0][place[1]] is not None]
    if places:
        holder, name = chance.choice(places)
        holder[name] = change(holder[name])
    return dumps(payload).encode()


def _places(payload: dict[str, Any]) -> Iterator[Place]:
    """Where plain values stand, at the top and in the objects right below it."""
    for name, value in payload.items():
        if isinstance(value, dict):
            yield from ((value, inner) for inner, plain in value.items() if not isinstance(plain, (dict, list)))
        elif not isinstance(value, list):
            yield payload, name


CORRUPTIONS: Mapping[str, Callable[[bytes, Chance], bytes]] = {
    "truncated": _truncated,
    "wrong-type": _wrong_type,
    "unknown-field": _unknown_field,
    "null-field": _null_field,
}
AT_SENDING = ("corrupt", "stale", "wrong_credentials", "wrong_content_type")


def disturbed(body: bytes, options: Mapping[str, Any], chance: Chance) -> bytes:
    """The body as it goes out."""
    if options.get("stale"):
        body = _stale(body)
    corrupt = options.get("corrupt")
    return CORRUPTIONS["truncated" if corrupt is True else corrupt](body, chance) if corrupt else body


def _stale(body: bytes) -> bytes:
    """The object as it stood before: one revision back."""
    payload = json.loads(body)
    for inner in (payload, *(value for value in payload.values() if isinstance(value, dict))):
        if isinstance(inner.get("revision"), int):
            inner["revision"] = max(0, inner["revision"] - 1)
    return dumps(payload).encode()


def wrong_content_type(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: "text/plain" if name.lower() == "content-type" else value for name, value in headers.items()}


def wrong_credentials(headers: Iterable[str]) -> dict[str, str]:
    """Something else under the names of the headers that prove who sends; without any, a login that nobody has."""
    wrong = dict.fromkeys(headers, "wrong")
    if not wrong or "Authorization" in wrong:
        wrong["Authorization"] = "Basic d3Jvbmc6d3Jvbmc="
    return wrong
