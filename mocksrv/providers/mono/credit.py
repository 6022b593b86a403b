"""Whether somebody can afford a loan: what a creditworthiness report says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import expm1, log1p
from typing import Any

from mocksrv.engine.clock import day
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers.mono.income import monthly_credits, span

LOAN: Mapping[str, Any] = {  # of a report that nobody asked for
    "principal": 300_000_00,
    "interest_rate": 5,
    "term": 12,
    "run_credit_check": False,
}
AFFORDABLE = 3  # a third of what comes in may go to loans


def report(world: World, account: Record, loan: Mapping[str, Any]) -> dict[str, Any]:
    """``months_assessed``, ``summary`` and ``debt``. The credit bureau knows the loans that the app names; without
    ``run_credit_check`` it is not asked.
    """
    loan = {**LOAN, **loan}
    start, end, _ = span(world, account)
    payment = monthly_payment(loan["principal"], loan["interest_rate"], loan["term"])
    open_loans = _open(loan.get("existing_loans") or (), day(world.now)) if loan["run_credit_check"] else []
    repaid = sum(each["repayment_amount"] for each in open_loans)
    debts: dict[str, int] = {}
    for each in open_loans:
        debts[each["institution"]] = debts.get(each["institution"], 0) + _owed(each)
    return {
        "months_assessed": {"start": start, "end": end},
        "summary": {
            "can_afford": (payment + repaid) * AFFORDABLE <= monthly_credits(world, account),
            "monthly_payment": payment,
        },
        "debt": {
            "credit_check": loan["run_credit_check"],
            "total_debt": sum(debts.values()),
            "debt_by_institution": [{"institution": name, "amount_owed": amount} for name, amount in debts.items()],
        },
    }


def monthly_payment(principal: int, interest_rate: float, term: int) -> int:
    """What is paid each month, in kobo, for a loan whose rate is in percent a month, with equal payments.

    Mono's sample: 300,000 naira at 5 for 12 months is 33,847.62 a month.
    """
    rate = interest_rate / 100
    if 1 + rate == 1:
        return round(principal / term)
    return round(principal * rate / -expm1(-term * log1p(rate)))


def _open(loans: Sequence[Mapping[str, Any]], today: str) -> list[Mapping[str, Any]]:
    return [each for each in loans if not each.get("closed_date") or each["closed_date"] > today]


def _owed(loan: Mapping[str, Any]) -> int:
    """What is left after the payments that were made."""
    paid = sum(state == "paid" for month in loan.get("repayment_schedule") or () for state in month.values())
    return int(max(0, loan["opening_balance"] - paid * loan["repayment_amount"]))
