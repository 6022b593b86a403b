"""What an account's salaries say of its owner's income."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt
from typing import Any

from mocksrv.engine.clock import DAY, day
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.mono.bank.transactions import TRANSACTION

MONTHS_A_YEAR = 12
MONTHLY = "MONTHLY"
RARELY, OFTEN = 24, 10  # days between two: from the one on they come by the month, up to the other they are wages


def salaries(world: World, account: Record) -> list[Record]:
    """The account's salaries, oldest first."""
    return world.list(Query(TRANSACTION, parent=account.guid, body={"salary": True}))


def employer(narration: str) -> str:
    """Who pays: what stands after the month."""
    return narration.partition("/")[2]


def summary(world: World, account: Record) -> dict[str, Any]:
    """``income_summary``, ``income_streams`` and what they come to. Amounts are kobo; a stream is all that one employer
    pays, regular where it comes by the month.
    """
    found = salaries(world, account)
    by_employer: dict[str, list[Record]] = {}
    for salary in found:
        by_employer.setdefault(employer(salary.body["narration"]), []).append(salary)
    streams = [_stream(each, account.body["currency"]) for each in by_employer.values()]
    regular = [
        salary
        for each, stream in zip(by_employer.values(), streams, strict=True)
        if stream["frequency"] == MONTHLY
        for salary in each
    ]
    irregular = [salary for salary in found if salary not in regular]
    total, monthly = _total(found), _monthly(found)
    income = {"total_income": total, "annual_income": monthly * MONTHS_A_YEAR, "monthly_income": monthly}
    first, last, months = span(world, account)
    return {
        "income_summary": income | {"employer": next(iter(by_employer), "")},
        "income_streams": streams,
        "income_source_type": "BANK",
        "first_transaction_date": first,
        "last_transaction_date": last,
        "period": f"{months} months",
        "number_of_income_streams": len(streams),
        **income,
        "aggregated_monthly_average": monthly,
        "aggregated_monthly_average_regular": _monthly(regular),
        "aggregated_monthly_average_irregular": _monthly(irregular),
        "total_regular_income_amount": _total(regular),
        "total_irregular_income_amount": _total(irregular),
    }


def monthly_credits(world: World, account: Record) -> int:
    """What comes in in a month, on average."""
    query = Query(TRANSACTION, parent=account.guid, body={"type": "credit"})
    total = sum(amount for *_, amount in world.values(query, "type", "amount"))
    return round(total / (span(world, account)[2] or 1))


def span(world: World, account: Record) -> tuple[str | None, str | None, int]:
    """The days of the first and of the last transaction, and how many months have any."""
    moments = [moment for *_, moment, _, _ in world.values(Query(TRANSACTION, parent=account.guid), "type", "amount")]
    if not moments:
        return None, None, 0
    return day(moments[0]), day(moments[-1]), len({day(moment)[:7] for moment in moments})


def _total(salaries: Sequence[Record]) -> int:
    return sum(salary.body["amount"] for salary in salaries)


def _monthly(salaries: Sequence[Record]) -> int:
    """The average of the months that have any."""
    return round(_total(salaries) / (len(_months(salaries)) or 1))


def _months(salaries: Sequence[Record]) -> list[str]:
    return sorted({day(salary.sort)[:7] for salary in salaries})


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _stream(salaries: Sequence[Record], currency: str) -> dict[str, Any]:
    amounts = [salary.body["amount"] for salary in salaries]
    average = _mean(amounts)
    deviation = sqrt(_mean([(amount - average) ** 2 for amount in amounts]))
    first, last, months = salaries[0], salaries[-1], len(_months(salaries))
    apart = _mean([(after.sort - before.sort) / DAY for before, after in pairwise(salaries)] or [RARELY])
    return {
        "income_type": "SALARY" if apart > OFTEN else "WAGES",
        "frequency": MONTHLY if apart >= RARELY else "VARIABLE",
        "monthly_average": round(sum(amounts) / months),
        "average_income_amount": round(average, 2),
        "currency": currency,
        "stability": round(max(0.0, 1 - deviation / average), 2),
        "first_income_date": day(first.sort),
        "last_income_date": day(last.sort),
        "last_income_amount": last.body["amount"],
        "last_income_description": last.body["narration"].lower(),
        "periods_with_income": months,
        "number_of_incomes": len(salaries),
        "number_of_months": months,
    }
