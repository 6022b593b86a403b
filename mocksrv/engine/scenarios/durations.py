"""What ``after`` says, and how long a fault may hold an answer."""

from __future__ import annotations

import re

from mocksrv.engine.clock import MINUTE, parse_duration

LONGEST_HELD = MINUTE  # of a fault's ``delay``, in real time
_POLLS = re.compile(r"([1-9][0-9]{0,3}) polls?")


def parse_after(text: str) -> tuple[int, int]:
    """What ``after`` says: milliseconds and status reads, one of them 0. Raises ValueError."""
    polls = _POLLS.fullmatch(text)
    return (0, int(polls[1])) if polls else (parse_duration(text), 0)
