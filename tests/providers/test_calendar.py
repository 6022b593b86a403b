"""Months, counted."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mocksrv.providers.calendar import EPOCH, day_in_month, first_day, length, month_number


@given(st.dates(date(1980, 1, 1), date(2200, 1, 1)))
def test_a_day_lies_in_its_month(at: date) -> None:
    day = at.toordinal() - EPOCH
    number = month_number(day)
    assert (number // 12, number % 12 + 1) == (at.year, at.month)
    assert first_day(number) <= day < first_day(number) + length(number) == first_day(number + 1)
    assert day_in_month(number, at.day) == day


def test_a_shorter_month_ends_on_its_last_day() -> None:
    february = month_number(date(2024, 2, 1).toordinal() - EPOCH)
    assert date(1970, 1, 1) + timedelta(days=day_in_month(february, 31)) == date(2024, 2, 29)
