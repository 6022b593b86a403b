"""YAML nodes to checked values, each fault with its line and column.

Scalars are read as written: `0123` stays `"0123"` where text is wanted, `no` is text, only `null` means nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from mocksrv.providers.profiles.model import Fault, ProfileError, Span

if TYPE_CHECKING:
    from yaml import Node

T = TypeVar("T")

LARGEST_FILE = 1_000_000  # characters
MOST_VALUES = 100_000  # read from one file; aliases can multiply a short one
LONGEST_MESSAGE = 300  # characters
DEEPEST = 20  # levels of nesting; libyaml's composer recurses in C and crashes on thousands of them
TOO_DEEP = f"nested more than {DEEPEST} levels deep"

_MONEY = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,2}))?", re.ASCII)
_QUANTITY = re.compile(r"(\d{1,10})(?:\.(\d{1,4}))?", re.ASCII)
_RATE = re.compile(r"-?\d{1,4}(\.\d{1,6})?", re.ASCII)


class BadValueError(ValueError):
    """Says what is wrong with one value; becomes a fault where the value stands."""


def compose(text: str, file: str) -> Node | None:
    """The root node of `text`, None when it is empty. Raises ProfileError when it is not YAML, too long or nested too
    deep.
    """
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    if len(text) > LARGEST_FILE:
        raise ProfileError([Fault(file, 1, 1, f"the file is longer than {LARGEST_FILE:,} characters")])
    try:
        depth = 0
        for event in yaml.parse(text, Loader=loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise ProfileError([_fault(file, event.start_mark, TOO_DEEP)])
        node: Node | None = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if "nesting depth" in (error.problem or ""):  # PyYAML itself gives up at some hundreds of levels, from 6.0.4 on
            raise ProfileError([_fault(file, mark, TOO_DEEP)]) from None
        raise ProfileError([_fault(file, mark, f"this is not YAML: {error.problem or error.context}")]) from None
    except yaml.YAMLError as error:
        raise ProfileError([Fault(file, 1, 1, f"this is not YAML: {str(error).splitlines()[0]}")]) from None
    return node


def _fault(file: str, mark: Any, message: str) -> Fault:
    return Fault(file, mark.line + 1, mark.column + 1, message) if mark else Fault(file, 1, 1, message)


class NodeReader:
    """Reads collections of nodes. A wrong value is a fault and reads as None, so that one run finds every fault."""

    def __init__(self, file: str):
        self.faults: list[Fault] = []
        self._file = file
        self._values = 0

    def add(self, node: Node, message: str) -> None:
        """Records a fault at `node`."""
        shown = message if len(message) <= LONGEST_MESSAGE else f"{message[:LONGEST_MESSAGE]} ..."
        self.faults.append(_fault(self._file, node.start_mark, shown))

    def convert(self, node: Node, convert: Callable[[Node], T]) -> T | None:
        """The node's value, None when it is null or wrong."""
        if is_null(node):
            return None
        try:
            return convert(node)
        except BadValueError as error:
            self.add(node, str(error))
            return None

    def pairs(self, node: Node) -> list[tuple[str, Node, Node]]:
        """(key, key node, value node) of a mapping; repeated and nested keys are faults."""
        if kind(node) != "mapping":
            self.add(node, "write a mapping, 'key: value'")
            return []
        self._count(node)
        found: dict[str, tuple[str, Node, Node]] = {}
        for key, value in node.value:
            if not isinstance(key.value, str):
                self.add(key, "a key is a plain word")
            elif key.value in found:
                self.add(key, f"{key.value!r} is written twice")
            else:
                found[key.value] = (key.value, key, value)
        return list(found.values())

    def mapping(
        self, node: Node, fields: Mapping[str, Callable[[Node], Any]], required: Iterable[str] = ()
    ) -> dict[str, Any]:
        """The values of a mapping with known keys; unknown and missing ones are faults."""
        before = len(self.faults)
        got: dict[str, Any] = {}
        for name, key, value in self.pairs(node):
            if name not in fields:
                near = get_close_matches(name, fields, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"allowed: {', '.join(sorted(fields))}"
                self.add(key, f"{name!r} is not known here; {hint}")
                continue
            got[name] = self.convert(value, fields[name])
        missing = [name for name in required if name not in got]
        if missing and (len(self.faults) == before or got):
            self.add(node, f"missing: {', '.join(missing)}")
        for name, _, value in self.pairs(node) if len(self.faults) == before else ():
            if name in required and is_null(value):
                self.add(value, f"{name!r} needs a value")
        return got

    def table(self, node: Node, convert: Callable[[str, Node], T]) -> dict[str, T | None]:
        """The values of a mapping with free keys. `convert` is given key and value."""
        return {name: self.convert(value, partial(convert, name)) for name, _, value in self.pairs(node)}

    def items(self, node: Node, convert: Callable[[Node], T]) -> list[T | None]:
        """The values of a list."""
        if kind(node) != "sequence":
            raise BadValueError("write a list, each entry after '- '")
        self._count(node)
        return [self.convert(item, convert) for item in node.value]

    def _count(self, node: Node) -> None:
        self._values += len(node.value)
        if self._values > MOST_VALUES:
            raise ProfileError(
                [
                    _fault(
                        self._file,
                        node.start_mark,
                        f"the file holds more than {MOST_VALUES:,} values, aliases counted each time",
                    )
                ]
            )


def kind(node: Node) -> str:
    """``mapping``, ``sequence`` or ``scalar``."""
    return str(getattr(node, "id", ""))


def is_null(node: Node) -> bool:
    """Whether null, `~` or nothing is written."""
    return bool(node.tag.endswith(":null")) and kind(node) == "scalar"


def text(node: Node) -> str:
    """A scalar as it is written."""
    if kind(node) != "scalar":
        raise BadValueError("write text here")
    return str(node.value)


def flag(node: Node) -> bool:
    """`true` or `false`."""
    if text(node) not in ("true", "false"):
        raise BadValueError(f"{node.value!r} is not true or false")
    return text(node) == "true"


def integer(low: int, high: int) -> Callable[[Node], int]:
    """A whole number from `low` to `high`."""

    def convert(node: Node) -> int:
        written = text(node)
        if not re.fullmatch(r"\d{1,9}", written, re.ASCII) or not low <= int(written) <= high:
            raise BadValueError(f"{written!r} is not a whole number from {low} to {high}")
        return int(written)

    return convert


def one_of(choices: Iterable[str]) -> Callable[[Node], str]:
    """One of a few words."""
    allowed = sorted(choices)

    def convert(node: Node) -> str:
        if text(node) not in allowed:
            raise BadValueError(f"{node.value!r} is not one of {', '.join(allowed)}")
        return str(node.value)

    return convert


def cents(written: str) -> int | None:
    """Cents of an amount such as ``12``, ``-3.5`` or ``4.99``; None when it is none."""
    match = _MONEY.fullmatch(written)
    if not match:
        return None
    amount = int(match[2]) * 100 + int((match[3] or "0").ljust(2, "0"))
    return -amount if match[1] else amount


def span(node: Node) -> Span:
    """An amount or a range of amounts, ``3.50..6.90``; whole dollars are drawn when both ends are whole."""
    low, dots, high = text(node).partition("..")
    first, last = cents(low), cents(high if dots else low)
    if first is None or last is None or last < first:
        raise BadValueError(f"{node.value!r} is not an amount; write 12.50, or a range from low to high, 3.50..6.90")
    return Span(first, last, 1 if "." in low + high else 100)


def positive(node: Node) -> Span:
    """A range of amounts above zero."""
    amounts = span(node)
    if amounts.low <= 0:
        raise BadValueError(f"{node.value!r} is not above zero; the direction is said by 'credit' or 'debit'")
    return amounts


def dollars(node: Node) -> float:
    """One amount as a float of dollars."""
    amount = cents(text(node))
    if amount is None:
        raise BadValueError(f"{node.value!r} is not an amount such as 12.50")
    return amount / 100


def price(node: Node) -> int:
    """An amount above zero, as cents."""
    amount = cents(text(node))
    if amount is None or amount <= 0:
        raise BadValueError(f"{node.value!r} is not an amount above zero such as 12.50")
    return amount


def quantity(node: Node) -> int:
    """A number of units with up to four decimals, as ten-thousandths."""
    match = _QUANTITY.fullmatch(text(node))
    if not match:
        raise BadValueError(f"{node.value!r} is not a number of units such as 12.5")
    return int(match[1]) * 10_000 + int((match[2] or "0").ljust(4, "0"))


def rate(node: Node) -> float:
    """A rate in per cent with up to six decimals."""
    if not _RATE.fullmatch(text(node)):
        raise BadValueError(f"{node.value!r} is not a rate such as 19.99")
    return float(node.value)


def percent(node: Node) -> float:
    """A part of a hundred."""
    value = rate(node)
    if not 0 <= value <= 100:
        raise BadValueError(f"{node.value!r} is not from 0 to 100")
    return value


def day(node: Node) -> str:
    """A date, ``2027-12-31``."""
    try:
        return date.fromisoformat(text(node)).isoformat()
    except ValueError:
        raise BadValueError(f"{node.value!r} is not a date such as 2027-12-31") from None


def moment(node: Node) -> int:
    """A date or a timestamp as milliseconds since the epoch; UTC unless it says otherwise."""
    try:
        at = datetime.fromisoformat(text(node))
    except ValueError:
        raise BadValueError(
            f"{node.value!r} is not a date or time such as 2027-12-31 or 2027-12-31T12:00:00Z"
        ) from None
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
