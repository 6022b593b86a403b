"""YAML text -> a tree of nodes that know their line and column.

Only the plain part of YAML is read: mappings with text keys, lists and scalars, in one document. Tags are refused, and
so are tabs, duplicate keys, files that are too big or too deep, and anchors and aliases unless they are asked for, each
with a message for the person who wrote the file. The tree is built from the parser's events without recursion.
``load`` reads the package's own catalogues, which need neither places nor limits.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from mocksrv.engine.problems import Problem, YamlError, short

SUFFIXES = (".yaml", ".yml")
MAX_BYTES = 1_000_000
MAX_DEPTH = 20
MAX_NODES = 50_000
NULLS = frozenset({"", "~", "null", "Null", "NULL"})

TOO_DEEP = f"this is nested too deeply: at most {MAX_DEPTH} levels"

Pair = tuple["Node", "Node"]

# What YAML does not allow in a text. As the set of all that it allows it would take longer to compile than the rest.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
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


class YamlDocument(NamedTuple):
    """A file that was read: its ``text``, its tree, and the keys that were written twice (the first one counts)."""

    text: str
    root: Node
    problems: tuple[Problem, ...]


def yaml_files(folder: Path) -> Iterator[Path]:
    """The YAML files of a folder and its sub-folders, but for hidden ones, in order. None if it is not there."""
    for parent, names, files in os.walk(folder):
        names[:] = sorted(name for name in names if not name.startswith("."))
        for name in sorted(files):
            if name.endswith(SUFFIXES) and not name.startswith("."):
                yield Path(parent, name)


def load(path: Path) -> Any:
    """The values of one of the package's own files, by the quick way: without places, limits and checks."""
    yaml = _yaml()
    return yaml.load(path.read_text("utf-8"), Loader=_loader(yaml))


def read(data: bytes | str, file: str, *, aliases: bool = False) -> YamlDocument:
    """The tree of a YAML text. Raises YamlError with what is wrong, where, when the text cannot be read to its end.

    ``aliases``: anchors and aliases are read, too; what an alias stands for counts each time for the limits, and its
    nodes are the same objects, with the places where they are written.
    """
    text = decode(data, file)
    builder = _Builder(file, aliases)
    try:
        for event in _events(text):
            builder.take(event)
    except _yaml().YAMLError as error:
        builder.report(*_syntax_fault(error))
        raise YamlError(builder.sorted_problems()) from None
    except _GivenUpError:
        raise YamlError(builder.sorted_problems()) from None
    root = builder.root
    if root is None or (root.text is not None and root.scalar is None):
        raise YamlError((Problem(file, 1, 1, "the file is empty"),))
    return YamlDocument(text, root, builder.sorted_problems())


def decode(data: bytes | str, file: str) -> str:
    """The text of a file: UTF-8, printable, without tabs, at most 1 MB. Raises YamlError."""
    if len(data) > MAX_BYTES:
        raise YamlError((Problem(file, 1, 1, f"the file is too big: at most {MAX_BYTES:,} bytes"),))
    if isinstance(data, bytes):
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            line, column = data.count(b"\n", 0, error.start) + 1, error.start - data.rfind(b"\n", 0, error.start)
            message = f"this is not UTF-8 text (byte 0x{data[error.start]:02x}): save the file as UTF-8"
            raise YamlError((Problem(file, line, column, message),)) from None
    else:
        text = data
    text = text.removeprefix("\ufeff")
    if bad := _UNPRINTABLE.search(text):
        raise YamlError(
            (_at(file, text, bad.start(), f"the character U+{ord(bad[0]):04X} is not allowed in a text file"),)
        )
    if tab := _TAB.search(text):
        raise YamlError(
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


def _loader(yaml: Any) -> Any:
    """The parser in C; it is missing where PyYAML was built without libyaml."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _events(text: str) -> Iterator[Any]:
    yaml = _yaml()
    return iter(yaml.parse(text, Loader=_loader(yaml)))


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


class _Size(NamedTuple):
    """What an alias brings along."""

    nodes: int
    depth: int  # levels of collections


class _Builder:
    """Puts events together to a tree, with a stack of its own."""

    def __init__(self, file: str, aliases: bool) -> None:
        self.file = file
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self._aliases = aliases
        self._anchors: dict[str, Node] = {}  # those whose value is complete: no value contains itself
        self._sizes: dict[int, _Size] = {}
        self._open: list[Node] = []
        self._names: list[str | None] = []  # the anchors of the open collections
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
                self._stop(line, column, "a second document starts here: one file holds one")
        elif kind in ("SequenceEndEvent", "MappingEndEvent"):
            self._remember(self._names.pop(), self._open.pop())
            self._keys.pop()
        elif kind == "AliasEvent" and self._aliases:
            self._repeat(event.anchor, line, column)
        elif kind in ("ScalarEvent", "SequenceStartEvent", "MappingStartEvent", "AliasEvent"):
            self._refuse(event, line, column)
            self._start(kind, event, Node(line, column))

    def _refuse(self, event: Any, line: int, column: int) -> None:
        if event.anchor is not None and not self._aliases:
            self._stop(
                line,
                column,
                f"anchors and aliases are not allowed (&{event.anchor}, *{event.anchor}): write the value out",
            )
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._stop(line, column, f"tags are not allowed ({tag}): write the plain value")
        self._count(1, line, column)

    def _count(self, nodes: int, line: int, column: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            counted = ", aliases counted each time" if self._aliases else ""
            self._stop(line, column, f"the file holds too much: at most {MAX_NODES:,} values{counted}")

    def _remember(self, name: str | None, node: Node) -> None:
        if name is not None:
            self._anchors[name] = node
            self._sizes[id(node)] = _size(node)

    def _repeat(self, name: str, line: int, column: int) -> None:
        node = self._anchors.get(name)
        if node is None:
            self._stop(line, column, f"there is no anchor &{name} before this alias")
        size = self._sizes[id(node)]
        self._count(size.nodes, line, column)
        if len(self._open) + size.depth > MAX_DEPTH:
            self._stop(line, column, TOO_DEEP)
        self._place(node)

    def _start(self, kind: str, event: Any, node: Node) -> None:
        if kind == "ScalarEvent":
            node.text, node.plain = event.value, bool(event.implicit[0])
        elif kind == "SequenceStartEvent":
            node.items = []
        else:
            node.pairs = []
        self._place(node)
        if kind == "ScalarEvent":
            self._remember(event.anchor, node)
            return
        if len(self._open) == MAX_DEPTH:
            self._stop(node.line, node.column, TOO_DEEP)
        self._open.append(node)
        self._names.append(event.anchor)
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

    def _stop(self, line: int, column: int, message: str) -> NoReturn:
        self.report(line, column, message)
        raise _GivenUpError


def _size(node: Node) -> _Size:
    """How many nodes there are under a node, itself among them, and how many levels they are deep."""
    nodes, depth, level = 0, 0, [node]
    while level:
        nodes += len(level)
        depth += any(each.text is None for each in level)
        level = [inner for each in level for inner in (*(each.items or ()), *chain.from_iterable(each.pairs or ()))]
        if nodes > MAX_NODES:
            break  # more than is allowed anyway
    return _Size(nodes, depth)


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
