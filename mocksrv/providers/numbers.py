"""JSON whose numbers stay as they are when JavaScript parses and prints them: receivers sign what they have parsed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from mocksrv.engine.storage.records import dumps

LARGEST = 2**53 - 1  # the largest whole number that JavaScript keeps
PLAIN_FLOATS = 1e16  # larger floats have an exponent in Python
LEAST, MOST = Decimal("1e-6"), Decimal("1e21")  # between them JavaScript prints numbers without an exponent
WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,400}", re.ASCII)
TEXT_OR_EXPONENT = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?e[+-][0-9]+')


def dumps_for_javascript(value: Any) -> str:
    """Compact JSON with numbers as JavaScript prints them: ``2494`` for 2494.0, ``0.00001`` for 1e-05."""
    text = dumps(_plain(value))
    return TEXT_OR_EXPONENT.sub(_printed, text) if "e-" in text or "e+" in text else text


def too_large(value: Any, path: str = "") -> str | None:
    """Where in a JSON value a number stands that JavaScript does not keep, as ``a.b.0``; None: nowhere."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return None if abs(value) <= LARGEST else path
    found = (too_large(inner, f"{path}.{name}" if path else name) for name, inner in _members(value))
    return next((each for each in found if each is not None), None)


def whole_number(text: str) -> int | None:
    """The whole number that a text of a query is, at most `LARGEST`; None where it is none."""
    return max(-LARGEST, min(int(text), LARGEST)) if WHOLE_NUMBER.fullmatch(text) else None


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, list):
        yield from ((str(index), inner) for index, inner in enumerate(value))


def _plain(value: Any) -> Any:
    """The value with its whole floats as integers, and integers that JavaScript rounds as the floats that it makes."""
    kind = type(value)
    if kind is dict:
        return {name: _plain(inner) for name, inner in value.items()}
    if kind is list or kind is tuple:
        return [_plain(inner) for inner in value]
    if kind is float:
        return int(value) if value.is_integer() and abs(value) < PLAIN_FLOATS else value
    if kind is int and abs(value) > LARGEST:
        return _plain(float(value))
    return value


def _printed(match: re.Match[str]) -> str:
    """A number with an exponent, in JavaScript's form; texts stay."""
    text = match[0]
    if text.startswith('"'):
        return text
    number = Decimal(text)
    return format(number, "f") if LEAST <= abs(number) < MOST else re.sub(r"e([+-])0+", r"e\1", text)
