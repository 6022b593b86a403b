"""The large banks of the United States and Canada, which more than one provider has in its catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from mocksrv.engine import yamlnodes


class LargeBank(NamedTuple):
    """One bank. ``also``: other names that people know it by; ``oauth``: whether users may log in at its own page."""

    code: str
    name: str
    url: str
    kind: Literal["bank", "union", "card", "broker"] = "bank"
    country: str = "US"
    oauth: bool = False
    also: Sequence[str] = ()


@cache
def large_banks() -> Sequence[LargeBank]:
    """All of them, as their file has them, read once in a process."""
    return [LargeBank(**row) for row in yamlnodes.load(Path(__file__).with_name("banks.yaml"))]
