"""The import of marshmallow without the patterns of its validator of e-mail addresses.

They name half of Unicode, and compiling them took two thirds of that import and a tenth of a start, while few calls
send an address. `mocksrv.providers.http`, which comes before any schema, imports marshmallow in this way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

LARGE = "\uffff"  # what a pattern has in it that takes long
_compile = re.compile


class LatePattern:
    """A pattern that is compiled when it is first used, in whatever way: an app that has mocksrv in its own process
    shares marshmallow with it.
    """

    def __init__(self, pattern: str, flags: int) -> None:
        self._compiled = cache(lambda: _compile(pattern, flags))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # classes ask each of their members whether it is abstract
            raise AttributeError(name)
        return getattr(self._compiled(), name)


@contextmanager
def late_patterns() -> Iterator[None]:
    """Large patterns that are compiled meanwhile are `LatePattern`s."""

    def late(pattern: Any, flags: int = 0) -> Any:
        large = isinstance(pattern, str) and LARGE in pattern
        return LatePattern(pattern, flags) if large else _compile(pattern, flags)

    re.compile = late
    try:
        yield
    finally:
        re.compile = _compile
