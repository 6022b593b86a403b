"""What an account's salaries say of its owner's income."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt
from typing import Any

from mocksrv.engine.clock import DAY, day
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.mono.bank.loading import TRANSACTION

MONTHS_A_YEAR = 12
RARELY, OFTEN = 24, 10  # days between two: from the one on they come by the month, up to the other they are wages


def salaries(world: World, account: Record) -> list[Record]:
    """The account's salaries, oldest first."""
    return world.list(Query(TRANSACTION, parent=account.guid, body={"salary": True}))


def employer(narration: str) -> str:
    """Who pays: what stands after the month."""
    return narration.partition("/")[2]


def summary(world: World, account: Record) -> dict[str, Any]:
    """``income_summary`` and ``income_streams``. Amounts are kobo; a stream is all that one employer pays."""
    found = salaries(world, account)
    streams: dict[str, list[Record]] = {}
    for salary in found:
        streams.setdefault(employer(salary.body["narration"]), []).append(salary)
    total, months = sum(salary.body["amount"] for salary in found), len(_months(found)) or 1
    monthly = round(total / months)
    said = {
        "total_income": total,
        "annual_income": monthly * MONTHS_A_YEAR,
        "monthly_income": monthly,
        "employer": next(iter(streams), ""),
    }
    return {"income_summary": said, "income_streams": [_stream(each) for each in streams.values()]}


def _months(salaries: list[Record]) -> list[str]:
    return sorted({day(salary.sort)[:7] for salary in salaries})


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _stream(salaries: list[Record]) -> dict[str, Any]:
    amounts = [salary.body["amount"] for salary in salaries]
    average = _mean(amounts)
    deviation = sqrt(_mean([(amount - average) ** 2 for amount in amounts]))
    first, last, months = salaries[0], salaries[-1], len(_months(salaries))
    apart = _mean([(after.sort - before.sort) / DAY for before, after in pairwise(salaries)] or [RARELY])
    return {
        "income_type": "SALARY" if apart > OFTEN else "WAGES",
        "frequency": "MONTHLY" if apart >= RARELY else "VARIABLE",
        "monthly_average": round(sum(amounts) / months),
        "average_income_amount": round(average, 2),
        "stability": round(max(0.0, 1 - deviation / average), 2),
        "first_income_date": day(first.sort),
        "last_income_date": day(last.sort),
        "last_income_amount": last.body["amount"],
        "last_income_description": last.body["narration"].lower(),
        "periods_with_income": months,
        "number_of_incomes": len(salaries),
        "number_of_months": months,
    }
