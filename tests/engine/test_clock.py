"""Time: durations, moments, and the three kinds of clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocksrv.engine import clock
from mocksrv.engine.clock import DAY, HOUR, LATEST, SECOND, SEEDED_START, Clock


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("250ms", 250),
        ("90s", 90_000),
        ("10m", 600_000),
        ("1h", HOUR),
        ("2d", 2 * DAY),
        ("1h30m", 5_400_000),
        ("0.5s", 500),
    ],
)
def test_durations_are_read(text: str, ms: int) -> None:
    assert clock.parse_duration(text) == ms


@pytest.mark.parametrize("text", ["", "10", "s", "1 h", "-1s", "1y", "1h,2m", "٣s", "99999999d"])
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|ten years"):
        clock.parse_duration(text)


@given(st.integers(0, 3650 * DAY))
def test_durations_survive_being_written_and_read(ms: int) -> None:
    assert clock.parse_duration(clock.duration_text(ms)) == ms


@given(st.integers(0, LATEST))
def test_moments_survive_being_written_and_read(ms: int) -> None:
    assert clock.parse_moment(clock.iso_ms(ms)) == ms


@pytest.mark.parametrize("text", ["", "tomorrow", "1969-12-31", "2026-13-01", "2026-01-01T25:00:00Z"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"moment|outside"):
        clock.parse_moment(text)


def test_a_manual_clock_stands_still_and_a_seeded_one_starts_where_all_do() -> None:
    manual = Clock.make("manual", seeded=True)
    assert (manual.now(), manual.until(SEEDED_START + 1)) == (SEEDED_START, None)


def test_a_running_clock_is_as_fast_as_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = 1_000_000
    monkeypatch.setattr(clock, "wall_ms", lambda: wall)
    fast = Clock.make("x60", now=0)
    wall += SECOND
    assert fast.now() == 60 * SECOND
    assert fast.until(120 * SECOND) == 1.0
    assert fast.at(5 * HOUR).now() == 5 * HOUR


@pytest.mark.parametrize("setting", ["", "fast", "x0", "x-1", "60", "x1e9"])
def test_what_is_no_clock_is_refused(setting: str) -> None:
    with pytest.raises(ValueError, match="allowed are real, manual, or a speed"):
        Clock.make(setting)


def test_a_clock_is_stored_as_it_is() -> None:
    made = Clock.make("x2.5", now=77)
    assert Clock.load(made.dump()) == made
