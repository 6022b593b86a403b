"""A sandbox's time. The only module that reads the machine's clock.

Moments are integer milliseconds since the Unix epoch, UTC; durations are integer milliseconds.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

SEEDED_START = 1_767_268_800_000  # 2026-01-01T12:00:00Z, where a manual clock with a seed begins
LATEST = 253_402_300_799_000  # 9999-12-31T23:59:59Z, the last moment that can be written as a date

_UNITS = {"ms": 1, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)", re.ASCII)
_SPEED = re.compile(r"x(\d{1,6}(?:\.\d{1,3})?)", re.ASCII)


def wall_ms() -> int:
    """The machine's time in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def parse_duration(text: str) -> int:
    """Milliseconds of a duration such as ``250ms``, ``90s``, ``10m``, ``1h``, ``2d`` or ``1h30m``.

    Raises ValueError that names what is allowed.
    """
    compact = text.strip()
    parts = list(_DURATION.finditer(compact))
    if not parts or "".join(part.group() for part in parts) != compact:
        raise ValueError(
            f"{text!r} is not a duration; write a number and ms, s, m, h or d, for example 250ms, 90s, 10m, 1h, 2d"
        )
    total = sum(round(float(part[1]) * _UNITS[part[2]]) for part in parts)
    if total > 3650 * DAY:
        raise ValueError(f"{text!r} is longer than ten years")
    return total


def duration_text(ms: int) -> str:
    """A duration as people write it: 5400000 -> ``1h30m``."""
    if ms == 0:
        return "0s"
    parts = []
    for unit, size in (("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", 1)):
        count, ms = divmod(ms, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


@lru_cache(10_000)
def iso(ms: int) -> str:
    """A moment as ISO 8601 with whole seconds, for example ``2026-01-01T12:00:00Z``."""
    return f"{datetime.fromtimestamp(ms // 1000, UTC).isoformat()[:19]}Z"


def iso_ms(ms: int) -> str:
    """A moment as ISO 8601 with milliseconds, the way the control API writes it."""
    return f"{iso(ms)[:-1]}.{ms % 1000:03d}Z"


def day(ms: int) -> str:
    """The UTC date of a moment, ``YYYY-MM-DD``."""
    return iso(ms)[:10]


def parse_moment(text: str) -> int:
    """Milliseconds of an ISO 8601 moment or date; without an offset it is UTC. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except (ValueError, AttributeError):
        raise ValueError(f"{text!r} is not a moment; write ISO 8601, for example 2026-01-01T12:00:00Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        ms = round(moment.timestamp() * 1000)
    except (OverflowError, ValueError):
        ms = -1
    if not 0 <= ms <= LATEST:
        raise ValueError(f"{text!r} is outside of 1970 to 9999")
    return ms


EARLIEST_START, LATEST_START = parse_moment("1980-01-01"), parse_moment("9900-01-01")  # data and timers reach further


class Clock(NamedTuple):
    """A sandbox's clock: ``virtual`` was the time when the machine's clock said ``wall``.

    ``mode`` is ``real`` (runs, ``speed`` times as fast as the machine's clock) or ``manual`` (stands still).
    """

    mode: str
    speed: float
    virtual: int
    wall: int

    @classmethod
    def make(cls, setting: str = "real", *, now: int | None = None, seeded: bool = False) -> Clock:
        """A clock from a setting: ``real``, ``manual`` or a speed such as ``x60``. Raises ValueError."""
        wall = wall_ms()
        speed = _SPEED.fullmatch(setting)
        if setting not in ("real", "manual") and not (speed and float(speed[1]) > 0):
            raise ValueError(f"{setting!r} is not a clock; allowed are real, manual, or a speed such as x60")
        mode = "manual" if setting == "manual" else "real"
        start = now if now is not None else SEEDED_START if seeded and mode == "manual" else wall
        return cls(mode, float(speed[1]) if speed else 1.0, start, wall)

    @property
    def word(self) -> str:
        """The setting that makes such a clock: ``real``, ``manual``, ``x60``."""
        if self.mode == "manual" or self.speed == 1:
            return self.mode
        return "x" + f"{self.speed:.3f}".rstrip("0").rstrip(".")

    def now(self) -> int:
        """The sandbox's time, in milliseconds."""
        if self.mode == "manual":
            return self.virtual
        return min(LATEST, self.virtual + int((wall_ms() - self.wall) * self.speed))

    def at(self, moment: int) -> Clock:
        """This clock, showing ``moment`` now."""
        return self._replace(virtual=min(moment, LATEST), wall=wall_ms())

    def until(self, moment: int) -> float | None:
        """Real seconds until the sandbox's time reaches ``moment``; None when a manual clock must be moved for it."""
        ahead = moment - self.now()
        if ahead <= 0:
            return 0.0
        return None if self.mode == "manual" else ahead / self.speed / 1000

    def dump(self) -> dict[str, Any]:
        """As stored."""
        return {"mode": self.mode, "speed": self.speed, "virtual": self.virtual, "wall": self.wall}

    @classmethod
    def load(cls, stored: dict[str, Any]) -> Clock:
        """From what ``dump`` gave."""
        return cls(stored["mode"], stored["speed"], stored["virtual"], stored["wall"])
