"""What the dashboards' pages may take of the time."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from mocksrv.web import pace
from mocksrv.web.pace import LONGEST, SHARE, SPARE, Pace

TOOK = 0.01  # s
EACH = TOOK / SHARE


class Clock:
    """Time that passes where a test says so, of the world and of a processor."""

    now, busy = 1000.0, 0.0

    def page(self, of: Pace, waited: float = 0) -> float:
        """A page that takes a while; how long it rests."""
        with of.turn() as turn:
            self.busy += TOOK
            self.now += TOOK + waited
        return turn.rest


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=lambda: made.now, thread_time=lambda: made.busy))
    return made


def test_pages_rest_for_as_long_as_those_before_them_have_taken_too_much(clock: Clock) -> None:
    made = Pace()
    rests = [clock.page(made) for _ in range(10)]
    ends = [turn * TOOK + rest for turn, rest in enumerate(rests)]
    assert ends == pytest.approx([max(turn * TOOK, EACH * (turn + 1) - SPARE) for turn in range(10)])
    clock.now += 3600
    assert clock.page(made) == 0


def test_what_a_page_waits_for_does_not_count(clock: Clock) -> None:
    made = Pace()
    assert [clock.page(made, waited=2 * EACH) for _ in range(50)] == [0] * 50


def test_however_many_pages_are_open_none_rests_long(clock: Clock) -> None:
    made = Pace()
    assert max(clock.page(made) for _ in range(100)) == pytest.approx(LONGEST)


def test_a_page_that_fails_has_taken_its_time(clock: Clock) -> None:
    made = Pace()

    def fail() -> None:
        with made.turn():
            clock.busy += 2 * SPARE * SHARE
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert clock.page(made) == pytest.approx(SPARE + EACH - TOOK)
