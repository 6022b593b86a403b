"""YAML text -> a tree of nodes that know their line and column.

Only the plain part of YAML is read: mappings with text keys, lists and scalars, in one document. Anchors, aliases and
tags are refused, and so are tabs, duplicate keys and files that are too big or too deep, each with a message for the
person who wrote the file. The tree is built from the parser's events without recursion.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from mocksrv.engine.scenarios.model import Problem, ScenarioError

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
MAX_NODES = 50_000
NULLS = frozenset({"", "~", "null", "Null", "NULL"})

TOO_DEEP = f"this is nested too deeply: at most {MAX_DEPTH} levels"

Pair = tuple["Node", "Node"]

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAB = re.compile(r"^(?! *#)[^\t\n]*\t", re.MULTILINE)
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(?:[0-9]{1,17}\.[0-9]{0,17}|\.[0-9]{1,17}|[0-9]{1,17}(?=[eE]))(?:[eE][-+]?[0-9]{1,2})?")
_WORDS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}

# What the parser says (a part of it), what a person can do about it, and whether the place that matters is where the
# construct began.
_SYNTAX = (
    (
        "mapping values are not allowed",
        "a ':' is not expected here: check the indentation, and quote text that contains ': '",
        False,
    ),
    ("sequence entries are not allowed", "a list item '- ' is not expected here: put it on a line of its own", False),
    ("expected ',' or ']'", "this list is not closed: a ',' or ']' is missing", True),
    ("expected ',' or '}'", "this mapping is not closed: a ',' or '}' is missing", True),
    ("unexpected end of stream", "this quote is not closed", True),
    ("cannot start any token", "text cannot start with this character: put it in quotes", False),
    ("could not find expected ':'", "a ':' is missing after this key", True),
    ("exceeded maximum nesting depth", TOO_DEEP, False),
    ("expected key", "a 'key: value' line is expected here: check the indentation", False),
    ("expected '-' indicator", "a list item '- ' is expected here: check the indentation", False),
    ("expected <block end>", "this does not belong here: check the indentation", False),
    ("expected '<document start>'", "nothing may follow the end of the document", False),
    ("expected <document start>", "nothing may follow the end of the document", False),
    (
        "unknown escape character",
        "unknown escape in a double-quoted text: write \\\\ for a backslash, or use single quotes",
        False,
    ),
)


@dataclass(slots=True)
class Node:
    """A scalar (``text``), a mapping (``pairs``) or a list (``items``); the others are None. Lines and columns count
    from 1.
    """

    line: int
    column: int
    text: str | None = None
    plain: bool = False
    pairs: list[Pair] | None = None
    items: list[Node] | None = None
    keys: dict[str, int] = field(default_factory=dict)

    @property
    def scalar(self) -> Any:
        """The value of a scalar: true, false, null, integers and floats are typed, everything else is text (``yes`` and
        ``0123`` too).
        """
        text = self.text or ""
        if not self.plain:
            return text
        if text in NULLS:
            return None
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
        return text

    def find(self, path: Iterable[str | int], *, key: bool = False) -> Node:
        """The node at a path of keys and indexes; with ``key`` the last key itself. A missing part gives the nearest
        node above.
        """
        node = self
        parts = list(path)
        for depth, part in enumerate(parts, 1):
            if node.pairs is not None:
                pair = next(((name, value) for name, value in node.pairs if name.text == part), None)
                if pair is None:
                    return node
                node = pair[0] if key and depth == len(parts) else pair[1]
            elif node.items is not None and isinstance(part, int) and part < len(node.items):
                node = node.items[part]
            else:
                return node
        return node


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read: its ``text``, its tree, and the keys that were written twice (the first one counts)."""

    text: str
    root: Node
    problems: tuple[Problem, ...]


def read(data: bytes | str, file: str) -> Document:
    """The tree of a YAML text. Raises ScenarioError with what is wrong, where, when the text cannot be read to its
    end.
    """
    text = decode(data, file)
    builder = _Builder(file)
    try:
        for event in _events(text):
            builder.take(event)
    except _yaml().YAMLError as error:
        builder.report(*_syntax_fault(error))
        raise ScenarioError(builder.sorted_problems()) from None
    except _GivenUpError:
        raise ScenarioError(builder.sorted_problems()) from None
    root = builder.root
    if root is None or (root.text is not None and root.scalar is None):
        raise ScenarioError((Problem(file, 1, 1, "the file is empty"),))
    return Document(text, root, builder.sorted_problems())


def decode(data: bytes | str, file: str) -> str:
    """The text of a file: UTF-8, printable, without tabs, at most 1 MB. Raises ScenarioError."""
    if len(data) > MAX_BYTES:
        raise ScenarioError((Problem(file, 1, 1, f"the file is too big: at most {MAX_BYTES:,} bytes"),))
    if isinstance(data, bytes):
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            line, column = data.count(b"\n", 0, error.start) + 1, error.start - data.rfind(b"\n", 0, error.start)
            message = f"this is not UTF-8 text (byte 0x{data[error.start]:02x}): save the file as UTF-8"
            raise ScenarioError((Problem(file, line, column, message),)) from None
    else:
        text = data
    text = text.removeprefix("\ufeff")
    if bad := _UNPRINTABLE.search(text):
        raise ScenarioError(
            (_at(file, text, bad.start(), f"the character U+{ord(bad[0]):04X} is not allowed in a text file"),)
        )
    if tab := _TAB.search(text):
        raise ScenarioError(
            (_at(file, text, tab.end() - 1, "tabs are not allowed: use spaces (in double quotes, write \\t)"),)
        )
    return text


def _at(file: str, text: str, offset: int, message: str) -> Problem:
    return Problem(file, text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset), message)


@cache
def _yaml() -> Any:
    """PyYAML, imported when the first file is read: a server that plays no scenario yet starts sooner."""
    import yaml

    return yaml


def _events(text: str) -> Iterator[Any]:
    yaml = _yaml()
    loader = getattr(
        yaml, "CSafeLoader", yaml.SafeLoader
    )  # the C loader is missing where PyYAML was built without libyaml
    return iter(yaml.parse(text, Loader=loader))


def _syntax_fault(error: Any) -> tuple[int, int, str]:
    said = str(getattr(error, "problem", None) or error)
    place = getattr(error, "problem_mark", None)
    message = f"this is not YAML: {said}"
    for part, advice, at_start in _SYNTAX:
        if part in said:
            message = advice
            place = (at_start and getattr(error, "context_mark", None)) or place
            break
    return (place.line + 1, place.column + 1, message) if place else (1, 1, message)


class _GivenUpError(Exception):
    """Reading on would not help."""


class _Builder:
    """Puts events together to a tree, with a stack of its own."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self._open: list[Node] = []
        self._keys: list[Node | None] = []
        self._documents = 0
        self._nodes = 0

    def report(self, line: int, column: int, message: str) -> None:
        self.problems.append(Problem(self.file, line, column, message))

    def sorted_problems(self) -> tuple[Problem, ...]:
        return tuple(sorted(self.problems))

    def take(self, event: Any) -> None:
        """The next event of the parser. Raises _GivenUpError when the rest is of no use."""
        kind = type(event).__name__
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if kind == "DocumentStartEvent":
            self._documents += 1
            if self._documents > 1:
                self._stop(line, column, "a second document starts here: one file is one scenario")
        elif kind in ("SequenceEndEvent", "MappingEndEvent"):
            self._open.pop()
            self._keys.pop()
        elif kind in ("ScalarEvent", "SequenceStartEvent", "MappingStartEvent", "AliasEvent"):
            self._refuse(event, line, column)
            self._start(kind, event, Node(line, column))

    def _refuse(self, event: Any, line: int, column: int) -> None:
        if event.anchor is not None:
            self._stop(
                line,
                column,
                f"anchors and aliases are not allowed (&{event.anchor}, *{event.anchor}): write the value out",
            )
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._stop(line, column, f"tags are not allowed ({tag}): write the plain value")
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._stop(line, column, f"the file holds too much: at most {MAX_NODES:,} values")

    def _start(self, kind: str, event: Any, node: Node) -> None:
        if kind == "ScalarEvent":
            node.text, node.plain = event.value, bool(event.implicit[0])
        elif kind == "SequenceStartEvent":
            node.items = []
        else:
            node.pairs = []
        self._place(node)
        if kind != "ScalarEvent":
            if len(self._open) == MAX_DEPTH:
                self._stop(node.line, node.column, TOO_DEEP)
            self._open.append(node)
            self._keys.append(None)

    def _place(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        parent, key = self._open[-1], self._keys[-1]
        if parent.items is not None:
            parent.items.append(node)
        elif key is None:
            self._check_key(parent, node)
            self._keys[-1] = node
        elif parent.pairs is not None:
            parent.pairs.append((key, node))
            self._keys[-1] = None

    def _check_key(self, parent: Node, key: Node) -> None:
        if key.text is None:
            self._stop(key.line, key.column, "a key must be plain text, not a list or a mapping")
        elif key.text in parent.keys:
            self.report(
                key.line,
                key.column,
                f"the key {short(key.text)} is written twice, first on line {parent.keys[key.text]}",
            )
        else:
            parent.keys[key.text] = key.line

    def _stop(self, line: int, column: int, message: str) -> None:
        self.report(line, column, message)
        raise _GivenUpError


def short(value: object, limit: int = 60) -> str:
    """A value for a message: quoted, cut when long."""
    text = repr(value if not isinstance(value, str) else value[: limit + 1])
    return text if len(text) <= limit + 2 else text[:limit] + "…'"


def texts(node: Node) -> Iterator[str]:
    """Every scalar under a node, as written."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if node.text is not None:
            yield node.text
        waiting += node.items or [value for _, value in node.pairs or ()]


def repeated(node: Node) -> Iterator[Node]:
    """The values under keys that were already written before in the same mapping."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        seen: set[str | None] = set()
        for key, value in node.pairs or ():
            if key.text in seen:
                yield value
            seen.add(key.text)
            waiting.append(value)
        waiting += node.items or ()
