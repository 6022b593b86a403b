"""Which operation a method and a path mean. Paths are in Flask's spelling, and mean what Flask takes them for; but its
rules, hundreds of which would be compiled, took a twentieth of the start and a fifth of a poll.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

PARAMETER = re.compile(r"<(?:(\w+):|)(\w+)>")
Target = TypeVar("Target")


class Converter(NamedTuple):
    """What the values of a parameter look like, and what views are given of them."""

    pattern: str
    convert: Callable[[str], Any]
    rank: int  # of two that fit, the lower is taken


CONVERTERS = {"": Converter("([^/]+)", str, 1), "int": Converter(r"(\d+)", int, 0)}


class Parameter(NamedTuple):
    """A part of paths with a parameter in it, and what follows it."""

    pattern: re.Pattern[str]
    rank: tuple[int, int]
    convert: Callable[[str], Any]
    following: Branch


class Branch:
    """The parts that may follow one of a path, and what it means when none does."""

    def __init__(self) -> None:
        self.fixed: dict[str, Branch] = {}
        self.parameters: list[Parameter] = []  # in the order in which they are tried
        self.ends: dict[str, tuple[Any, list[str]]] = {}  # method -> target, names of the parameters
        self._added: dict[str, Branch] = {}  # by the text of a rule

    def add(self, text: str) -> Branch:
        """The part that follows with this text of a rule. Raises ValueError."""
        branch = self._added.get(text)
        if branch is None:
            branch = self._added[text] = self._branch(text)
        return branch

    def _branch(self, text: str) -> Branch:
        found = PARAMETER.search(text)
        if found is None:
            return self.fixed.setdefault(text, Branch())
        around = text.replace(found[0], "")
        if (found[1] or "") not in CONVERTERS or "<" in around:
            raise ValueError(f"{text!r} is not a part of a path; it has one parameter at most, <name> or <int:name>")
        converter = CONVERTERS[found[1] or ""]
        pattern = re.compile(re.escape(text[: found.start()]) + converter.pattern + re.escape(text[found.end() :]))
        for known in self.parameters:
            if known.pattern == pattern:
                return known.following
        added = Parameter(pattern, (-len(around), converter.rank), converter.convert, Branch())
        self.parameters = sorted([*self.parameters, added], key=lambda each: each.rank)
        return added.following


class RouteTable(Generic[Target]):
    """Operations by method and path. What is fixed in a path goes before a parameter, and HEAD is GET."""

    def __init__(self) -> None:
        self._root = Branch()

    def add(self, method: str, path: str, target: Target) -> None:
        part = self._root
        for text in path.split("/"):
            part = part.add(text)
        part.ends[method] = target, [name for _, name in PARAMETER.findall(path)]

    def find(self, method: str, path: str) -> tuple[Target, dict[str, Any]] | None:
        """What a call means, and the values of its parameters; None when nobody has declared it."""
        values: list[Any] = []
        end = _find(self._root, path.split("/"), 0, "GET" if method == "HEAD" else method, values)
        return (end[0], dict(zip(end[1], values, strict=True))) if end else None


def _find(part: Branch, texts: list[str], place: int, method: str, values: list[Any]) -> tuple[Any, list[str]] | None:
    """The end to which the texts from ``place`` on lead; ``values`` takes those of the parameters on the way."""
    if place == len(texts):
        return part.ends.get(method)
    text = texts[place]
    if text in part.fixed:
        end = _find(part.fixed[text], texts, place + 1, method, values)
        if end is not None:
            return end
    for parameter in part.parameters:
        found = parameter.pattern.fullmatch(text)
        if found is not None:
            values.append(parameter.convert(found[1]))
            end = _find(parameter.following, texts, place + 1, method, values)
            if end is not None:
                return end
            values.pop()
    return None
