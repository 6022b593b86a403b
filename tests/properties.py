"""How thoroughly properties are tried."""

from __future__ import annotations

from hypothesis import settings


def examples(whole: int) -> int:
    """``max_examples`` of a property that is tried ``whole`` times in a run of all tests; the plain run has fewer."""
    return max(5, whole * settings().max_examples // 100)
