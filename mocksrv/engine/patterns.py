"""The patterns that users write, for events, paths, names and hosts: the same everywhere.

``*`` stands for anything, ``?`` for one character, ``[ab]`` and ``[a-c]`` for one of these, ``[!a]`` (or ``[^a]``) for
any other. A ``[`` without its ``]`` stands for itself.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import lru_cache

ANYTHING = {"*": ".*", "?": "."}
TOKEN = re.compile(r"\*+|\[(?P<other>[!^]?+)(?P<set>.[^\]]*)\]|.", re.DOTALL)
MEMBER = re.compile(r"(?P<first>.)-(?P<last>.)|.", re.DOTALL)


def fits(text: str, pattern: str) -> bool:
    """Whether a text as a whole fits a pattern."""
    return fnmatchcase(text, _plain(pattern))


@lru_cache(1024)
def _plain(pattern: str) -> str:
    """A pattern as the standard library reads it."""

    def plain(token: re.Match[str]) -> str:
        if token[0] == "[":
            return "[[]"  # without its end
        return f"[!{token['set']}]" if token["other"] == "^" else token[0]

    return TOKEN.sub(plain, pattern)


@lru_cache(1024)
def regular_expression(pattern: str) -> str:
    """The regular expression of PostgreSQL that fits the same texts, as a whole."""
    parts = []
    for token in TOKEN.finditer(pattern):
        text = token[0]
        if token["set"] is not None:
            parts.append(_one_of(token["set"], bool(token["other"])))
        else:
            parts.append(ANYTHING.get(text[0]) or _escaped(text))
    return f"^{''.join(parts)}$"


def _one_of(members: str, other: bool) -> str:
    """A character that is one of these, or any other."""
    found = ""
    for member in MEMBER.finditer(members):
        first, last = member["first"] or member[0], member["last"] or member[0]
        if member["first"] is None:
            found += _escaped(first)
        elif first <= last:
            found += f"{_escaped(first)}-{_escaped(last)}"
    if not found:
        return "." if other else "(?!.*).*"  # of ranges that have none
    return f"[{'^' if other else ''}{found}]"


def _escaped(text: str) -> str:
    """A character that stands for itself."""
    return text if text.isalnum() or text.isspace() else f"\\{text}"
