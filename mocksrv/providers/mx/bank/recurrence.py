"""Recognises what comes again and again among dated amounts: every week, every other week, twice a month, every month,
every year.

Days are counted from 1970-01-01, amounts are integer cents. What was looked for is in the tables: how near to its day
each payment must be, and how many are needed, the less alike their amounts are the nearer and the more. (MX does not
publish its own rules.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple, TypeVar

from mocksrv.providers.calendar import EPOCH, day_in_month, first_day, length, month_number

MOST = 200  # payments of one description: more are no series
MISSED = 2  # periods without a payment after which a series has ended
SKIPS = 5  # of so many payments one may be missing


class Dated(NamedTuple):
    """What is looked at: a payment's day and its amount."""

    day: int
    cents: int


class Rhythm(NamedTuple):
    """When the payments of a series come: ``anchors`` are days of the month, or for weeks the days modulo ``period``,
    or one day.
    """

    name: str
    period: int  # days, about
    anchors: tuple[int, ...]
    expected: Callable[[int, int, tuple[int, ...]], int]

    def after(self, last: int, today: int) -> int:
        """The first day, today or later, on which the payment after that of day ``last`` is expected."""
        return self.expected(self.period, max(today, last + self.period // 2), self.anchors)

    def ended(self, last: int, today: int) -> bool:
        """Whether the series had its last payment too long ago to be expected again."""
        return today - last > MISSED * self.period


Entry = TypeVar("Entry")
Fitting = tuple[int, tuple[int, ...]]  # by how many days the payments miss theirs in all, and the anchors
Fit = Callable[[Sequence[int], int, int], Fitting | None]  # (days, period, tolerance): None when it is no such series


# in step with the weeks


def _weeks(days: Sequence[int], period: int, tolerance: int) -> Fitting | None:
    slots = [round((day - days[0]) / period) for day in days]
    off = [day - days[0] - slot * period for day, slot in zip(days, slots, strict=True)]
    middle = sorted(off)[(len(off) - 1) // 2]
    missed = [abs(each - middle) for each in off]
    return (sum(missed), ((days[0] + middle) % period,)) if max(missed) <= tolerance and _in_turn(slots) else None


def _next_week(period: int, earliest: int, anchors: tuple[int, ...]) -> int:
    return earliest + (anchors[0] - earliest) % period


# in step with the months


def _months(days: Sequence[int], period: int, tolerance: int) -> Fitting | None:
    places = [(number := month_number(day), day - first_day(number) + 1) for day in days]
    at_end = {31 for number, place in places if place == length(number)}
    found = []
    for anchor in sorted(at_end | {place for _, place in places}, reverse=True):
        slots, off = zip(*(_nearest(day, anchor) for day in days), strict=True)
        if max(off) <= tolerance and _in_turn(slots):
            found.append((sum(off), (anchor,)))
    return min(found, key=itemgetter(0), default=None)


def _nearest(day: int, anchor: int) -> tuple[int, int]:
    """The month whose anchor day a payment is nearest to, and by how many days it misses that."""
    number = month_number(day)
    off, slot = min((abs(day_in_month(each, anchor) - day), each) for each in (number - 1, number, number + 1))
    return slot, off


def _twice(days: Sequence[int], period: int, tolerance: int) -> Fitting | None:
    one, other = _months(days[::2], period, tolerance), _months(days[1::2], period, tolerance)
    if one is None or other is None or not 12 <= abs(one[1][0] - other[1][0]) <= 18:
        return None
    return one[0] + other[0], tuple(sorted(one[1] + other[1]))


def _next_month(period: int, earliest: int, anchors: tuple[int, ...]) -> int:
    number = month_number(earliest)
    return min(
        day for each in (number, number + 1) for anchor in anchors if (day := day_in_month(each, anchor)) >= earliest
    )


# in step with the years


def _years(days: Sequence[int], period: int, tolerance: int) -> Fitting | None:
    missed = [abs(later - day - period) for day, later in pairwise(days)]
    return (sum(missed), (days[-1],)) if max(missed) <= tolerance else None


def _next_year(period: int, earliest: int, anchors: tuple[int, ...]) -> int:
    at, start = date.fromordinal(anchors[0] + EPOCH), date.fromordinal(earliest + EPOCH)
    found = (day_in_month(year * 12 + at.month - 1, at.day) for year in (start.year, start.year + 1))
    return next(day for day in found if day >= earliest)


def _in_turn(slots: Sequence[int]) -> bool:
    """Whether each has its turn, and nearly every turn its payment."""
    gaps = [later - slot for slot, later in pairwise(slots)]
    return all(gap >= 1 for gap in gaps) and sum(gaps) - len(gaps) <= len(slots) // SKIPS


class Kind(NamedTuple):
    """A rhythm to look for. ``demands``: by how alike the amounts are, (how many days off at most, how many payments at
    least).
    """

    name: str
    period: int
    fit: Fit
    expected: Callable[[int, int, tuple[int, ...]], int]
    demands: tuple[tuple[int, int] | None, ...]


LIKENESS = (
    1.0,
    1.1,
    2.0,
    float("inf"),
)  # how many times the smallest the largest amount may be: the same, alike, similar, any
KINDS = (
    Kind("EVERY_WEEK", 7, _weeks, _next_week, ((1, 3), (1, 3), (1, 5), None)),
    Kind("EVERY_OTHER_WEEK", 14, _weeks, _next_week, ((2, 3), (2, 3), (1, 4), (0, 4))),
    Kind("TWICE_A_MONTH", 15, _twice, _next_month, ((3, 4), (3, 4), (2, 6), None)),
    Kind("EVERY_MONTH", 30, _months, _next_month, ((3, 2), (3, 3), (2, 3), (0, 3))),
    Kind("EVERY_YEAR", 365, _years, _next_year, ((4, 2), (4, 2), None, None)),
)


def recognise(payments: Sequence[Dated]) -> Rhythm | None:
    """The rhythm of payments in the order of their days, the one that they miss least; None when they have none."""
    if len(payments) < 2:
        return None
    days = [payment.day for payment in payments]
    amounts = [payment.cents for payment in payments]
    ratio = max(amounts) / max(1, min(amounts))
    likeness = next(place for place, most in enumerate(LIKENESS) if ratio <= most)
    gap = (days[-1] - days[0]) / (len(days) - 1)
    found = []
    for kind in KINDS:
        demand = kind.demands[likeness]
        if demand is None or len(days) < demand[1] or not 0.75 * kind.period <= gap <= 1.3 * kind.period:
            continue
        fitting = kind.fit(days, kind.period, demand[0])
        if fitting is not None:
            found.append((fitting[0], Rhythm(kind.name, kind.period, fitting[1], kind.expected)))
    return min(found, key=itemgetter(0))[1] if found else None


def series(entries: Sequence[Entry], dated: Callable[[Entry], Dated]) -> list[tuple[list[Entry], Rhythm]]:
    """The series among entries of one description, which are in the order of their days.

    All of them are one series, or those of one amount are (a subscription beside other purchases), and perhaps the rest
    is another.
    """
    if not 2 <= len(entries) <= MOST:
        return []
    once = {dated(entry): entry for entry in entries}  # what was charged twice on a day counts once
    rhythm = recognise(list(once))
    if rhythm is not None:
        return [(list(once.values()), rhythm)]
    found = []
    for cents, count in Counter(payment.cents for payment in once).items():
        same = [payment for payment in once if payment.cents == cents] if count >= 3 else []
        rhythm = recognise(same)
        if rhythm is not None:
            found.append(([once.pop(payment) for payment in same], rhythm))
    rhythm = recognise(list(once)) if found and len(once) >= 3 else None
    return [*found, (list(once.values()), rhythm)] if rhythm is not None else found
