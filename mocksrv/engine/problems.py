"""Faults in files that people write (scenarios, data profiles, institutions, settings): where, what, what is allowed.

One family for all of them: a file has ``Problem``s, and reading it raises ``YamlError`` with every one.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

MAX_LISTED = 40  # names in a message
LONGEST_WORD = 200  # characters of a word that is compared with others
MOST_COMPARED = 2000


class Problem(NamedTuple):
    """One fault in a file: where (lines and columns count from 1), what is wrong and what is allowed."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class YamlError(Exception):
    """A text is not what it should be; ``problems`` holds every fault that was found, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def choose(word: str, likely: Iterable[str], allowed: Iterable[str], intro: str = "allowed") -> tuple[str, str | None]:
    """What may stand instead of an unknown word, as a clause, and the one it probably meant (one of ``likely``)."""
    guess = near(word, likely)
    names = sorted(allowed) if isinstance(allowed, (set, frozenset)) else list(allowed)
    listed = ", ".join(names[:MAX_LISTED]) + (f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else "")
    clause = f"{intro}: {listed}" if names else "there is none to choose from"
    return (f"did you mean '{guess}'? {clause[0].upper()}{clause[1:]}" if guess else clause), guess


def near(word: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The name that is most like a word, if one is; ``cutoff`` says how like, from 0 to 1."""
    return next(iter(nearest(word, names, 1, cutoff)), None)


def nearest(word: str, names: Iterable[str], most: int = 3, cutoff: float = 0.6) -> list[str]:
    """The names that are like a word, the most like one first."""
    from difflib import get_close_matches

    if len(word) > LONGEST_WORD:
        return []
    folded = {name.lower(): name for name in islice(sorted(names), MOST_COMPARED)}
    return [folded[found] for found in get_close_matches(word.lower(), folded, n=most, cutoff=cutoff)]


def short(value: object, limit: int = 60) -> str:
    """A value for a message: quoted, cut when long."""
    text = repr(value if not isinstance(value, str) else value[: limit + 1])
    return text if len(text) <= limit + 2 else text[:limit] + "…'"
