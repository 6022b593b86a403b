"""Memory that the process has from the system and does not use any more."""

from __future__ import annotations

import ctypes
from contextlib import suppress


def give_back() -> None:
    """The C library gives the system back what it keeps free; those that cannot be told to, do as they do."""
    with suppress(OSError, AttributeError, TypeError):  # TypeError: Windows wants the name of a library
        ctypes.CDLL(None).malloc_trim(0)
