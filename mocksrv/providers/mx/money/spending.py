"""What a user spent and earned in a span of days, added up from the transactions: for budgets, plans, cash flow and
insights.
"""

from __future__ import annotations

from typing import NamedTuple

from mocksrv.engine.clock import DAY
from mocksrv.engine.storage.records import Query
from mocksrv.engine.world import World
from mocksrv.providers.calendar import first_day, length, month_number
from mocksrv.providers.mx.bank import categories


class SpendingMonth(NamedTuple):
    """A calendar month in UTC: the midnights that begin its first and its last day, in milliseconds."""

    first: int
    last: int

    @property
    def days(self) -> int:
        return (self.last - self.first) // DAY + 1


def month_of(now: int, back: int = 0) -> SpendingMonth:
    """The month of a moment, or the one so many months before it (negative: after it)."""
    number = month_number(now // DAY) - back
    first = first_day(number)
    return SpendingMonth(first * DAY, (first + length(number) - 1) * DAY)


def spent(world: World, user: str, first: int, last: int) -> dict[str, int]:
    """Category guid -> the cents of its expenses on the days from ``first`` to ``last``, midnights in milliseconds,
    both included.

    An expense is a transaction with ``is_expense``: a debit that is no transfer. Of a transaction that has been split,
    the parts count.
    """
    return _cents(world, user, first, last, "is_expense")


def earned(world: World, user: str, first: int, last: int) -> dict[str, int]:
    """The same for income: transactions with ``is_income``."""
    return _cents(world, user, first, last, "is_income")


def _cents(world: World, user: str, first: int, last: int, flag: str) -> dict[str, int]:
    query = Query("mx.transaction", owner=user, ranges={"sort": (first, last)}, body={flag: True})
    return {guid: cents for (guid,), (_, cents) in world.totals(query, "category_guid").items()}


def with_children(sums: dict[str, int], parents: dict[str, str | None]) -> dict[str, int]:
    """The sums with those of sub-categories added to their top-level category. ``parents``: of the user's own
    categories.
    """
    total = dict(sums)
    for guid, cents in sums.items():
        category = categories.BY_GUID.get(guid)
        parent = category.parent_guid if category else parents.get(guid)
        if parent:
            total[parent] = total.get(parent, 0) + cents
    return total


def spent_by_tree(world: World, user: str, first: int, last: int) -> dict[str, int]:
    """What was spent, as `spent` has it, with that of its sub-categories added to a top-level category."""
    parents = {record.guid: record.body["parent_guid"] for record in world.pages(Query("mx.category", owner=user))}
    return with_children(spent(world, user, first, last), parents)
