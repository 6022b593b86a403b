"""Payloads that do not contradict themselves: what follows from a field that was put over one.

A rule is a callable that looks at a `Body`, and changes what was not typed until it agrees with what was. Providers
declare the rules of their events as tables.

    RULES = (in_order("created_at", "updated_at"), twins("status", "status_id", to=NUMBERS.get, back=NAMES.get))
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from mocksrv.engine.problems import choose

Rule = Callable[["Body"], None]
MISSING = object()
DAY_SECONDS = 86_400


class Contradiction(Exception):
    """A field was put over a payload that cannot have this value; the message says which ones it can."""


class Body:
    """A payload, and the names of the fields that were put over it (``typed``), which stay as they are.

    ``places`` are where fields stand: at the top, in the object that the payload wraps, in those in that. ``problems``
    has what cannot be made to agree.
    """

    def __init__(self, payload: dict[str, Any], typed: Collection[str] = ()) -> None:
        wrapped = next((inner for inner in payload.values() if isinstance(inner, dict)), payload)
        self.places = (payload, wrapped, *(inner for inner in wrapped.values() if isinstance(inner, dict)))
        self.typed = frozenset(typed)
        self.problems: list[str] = []

    def __getitem__(self, name: str) -> Any:
        """The value; `MISSING` where the payload has no such field."""
        return next((place[name] for place in self.places if name in place), MISSING)

    def __setitem__(self, name: str, value: Any) -> None:
        """Sets a field that is there and was not typed."""
        holder = next((place for place in self.places if name in place), None)
        if holder is not None and name not in self.typed:
            holder[name] = value

    def refuse(self, name: str, what: str) -> None:
        self.problems.append(f"{name}: {what}")


def flat(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields that are put over a payload by their names, those inside of objects, too."""
    found = dict(fields)
    for value in fields.values():
        if isinstance(value, Mapping):
            found |= flat(value)
    return found


def settle(payload: dict[str, Any], rules: Iterable[Rule], typed: Collection[str] = ()) -> list[str]:
    """Makes a payload agree with itself, in place; what cannot be made to."""
    body = Body(payload, typed)
    for rule in rules:
        rule(body)
    return body.problems


# rules


def twins(name: str, other: str, *, to: Callable[[Any], Any], back: Callable[[Any], Any]) -> Rule:
    """Two fields that say the same: ``to(value)`` of the one is the other, ``back`` the way back.

    None stands for a value that the other cannot have.
    """

    def rule(body: Body) -> None:
        for typed, follower, make in ((name, other, to), (other, name, back)):
            value = body[typed]
            if typed not in body.typed or follower in body.typed or body[follower] is MISSING or value is None:
                continue
            try:
                made = make(value)
            except (TypeError, ValueError, ArithmeticError, OSError):
                made = None
            if made is None:
                body.refuse(typed, f"{value!r} says nothing that {follower} could be")
            else:
                body[follower] = made
        there = body[name] not in (MISSING, None) and body[other] not in (MISSING, None)
        if there and not body.typed & {name, other}:
            body[other] = to(body[name])

    return rule


def always(name: str, *allowed: Any) -> Rule:
    """A field that has one of these values; the first where it has none."""

    def rule(body: Body) -> None:
        value = body[name]
        if value is MISSING or value in allowed:
            return
        if name in body.typed:
            words = [json.dumps(each) if not isinstance(each, str) else each for each in allowed]
            body.refuse(name, f"{value!r} is not what the event is about; {choose(str(value), words, words)[0]}")
        body[name] = allowed[0]

    return rule


def filled(name: str, value: Any = MISSING) -> Rule:
    """A field that is never null here: ``value`` where it was."""

    def rule(body: Body) -> None:
        if body[name] is None:
            if name in body.typed:
                body.refuse(name, "the event is about one that is there: never null")
            elif value is not MISSING:
                body[name] = value

    return rule


def ordered(*names: str) -> Rule:
    """Moments or days, each at or after the one before it; what is typed moves the others along."""

    def rule(body: Body) -> None:
        typed = [place for place, name in enumerate(names) if name in body.typed and _moment(body[name]) is not None]
        for place in typed:
            for earlier in range(place - 1, -1, -1):
                if _before(body[names[place]], body[names[earlier]]):
                    body[names[earlier]] = _in_form(body[names[place]], body[names[earlier]])
            for later in range(place + 1, len(names)):
                if _before(body[names[later]], body[names[place]]):
                    body[names[later]] = _in_form(body[names[place]], body[names[later]])

    return rule


def above(name: str, limit: str, *, moves: str) -> Rule:
    """An amount that is above another; where it is not, ``moves`` (one of the two) is moved, or the other if that was
    typed.
    """

    def rule(body: Body) -> None:
        high, low = _number(body[name]), _number(body[limit])
        if high is None or low is None or high > low:
            return
        moved = moves if moves not in body.typed else name if moves == limit else limit
        body[moved] = round(low + 1.0, 2) if moved == name else round(high - 1.0, 2)

    return rule


def one_of(*flags: str) -> Rule:
    """Flags of which at least one is true."""

    def rule(body: Body) -> None:
        if not any(body[flag] is True for flag in flags):
            free = [flag for flag in flags if flag not in body.typed]
            if free:
                body[free[0]] = True
            else:
                body.refuse(flags[0], f"one of {', '.join(flags)} is true")

    return rule


def with_value(flag: str, name: str) -> Rule:
    """A flag that is only true of a field that has a value."""

    def rule(body: Body) -> None:
        if body[flag] is True and not body[name]:
            if flag in body.typed:
                body.refuse(flag, f"there is no {name}")
            body[flag] = False

    return rule


def tells(flag: str, name: str, limit: str, *, told: Callable[[Any], Any] | None = None) -> Rule:
    """A flag that says whether an amount is above another; typed, it moves the amount."""
    write = told or (lambda value: value)

    def rule(body: Body) -> None:
        high, low = _number(body[name]), _number(body[limit])
        if high is None or low is None or body[flag] is MISSING or body[flag] == (high > low):
            return
        if flag in body.typed:
            body[name] = write(round(low + 1.0, 2) if body[flag] else low)
        else:
            body[flag] = high > low

    return rule


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _moment(value: Any) -> float | None:
    """A moment as a number: seconds, or a text in ISO 8601."""
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value.replace("Z", "+00:00"))
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        except ValueError:
            return None
    return None if isinstance(value, bool) or not isinstance(value, (int, float)) else float(value)


def _in_form(value: Any, like: Any) -> Any:
    """A moment as another is written: as seconds, or as a day."""
    if isinstance(value, str) == isinstance(like, str) and _is_day(value) == _is_day(like):
        return value
    at = _moment(value) or 0.0
    return datetime.fromtimestamp(at, UTC).date().isoformat() if _is_day(like) else int(at)


def _is_day(value: Any) -> bool:
    return isinstance(value, str) and len(value) == len("2026-01-01")


def _before(one: Any, other: Any) -> bool:
    """Whether one moment is before another; where either is a day, whether its day is."""
    first, second = _moment(one), _moment(other)
    if first is None or second is None:
        return False
    if _is_day(one) or _is_day(other):
        return first // DAY_SECONDS < second // DAY_SECONDS
    return first < second
