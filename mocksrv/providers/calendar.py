"""Months, counted: the number of a month is its year times 12, plus 0 for January to 11; days count from 1970-01-01."""

from __future__ import annotations

from calendar import monthrange
from datetime import date

EPOCH = date(1970, 1, 1).toordinal()


def month_number(day: int) -> int:
    """The number of the month that a day lies in."""
    at = date.fromordinal(EPOCH + day)
    return at.year * 12 + at.month - 1


def first_day(number: int) -> int:
    """The first day of a month."""
    return date(number // 12, number % 12 + 1, 1).toordinal() - EPOCH


def length(number: int) -> int:
    """How many days a month has."""
    return monthrange(number // 12, number % 12 + 1)[1]


def day_in_month(number: int, wanted: int) -> int:
    """The day of a month with this number, counted from 1, or the last one of a shorter month."""
    return first_day(number) + min(wanted, length(number)) - 1
