"""The insights that there are: a table of templates, each with its words and what finds its cases in a user's data.

Source: the names are those of MX's insight library (Subscription Price Increase, Duplicate Payment, Fee Detected ...).
The words are this project's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from mocksrv.providers.mx.money import insight_cases
from mocksrv.providers.mx.money.insight_cases import Books, Case

MOST_TRANSACTIONS = 100  # named by one insight, the newest
Finder = Callable[[Books], Iterator[Case]]


class InsightTemplate(NamedTuple):
    """One kind of insight: its words, what finds its cases, and how many (``most``) of these are told at once."""

    name: str
    title: str
    description: str
    micro_description: str
    find: Finder
    call_to_action: str = "View transactions"
    most: int = 1


class NewInsight(NamedTuple):
    """An insight to be: what goes into its record."""

    digest: str
    texts: Mapping[str, str]
    associated: Mapping[str, list[str]] = {}


# In the order of their weight: where there are many at once, the first are told.
TEMPLATES = (
    InsightTemplate(
        "LowBalance",
        "Low balance",
        "{name} is down to {amount}.",
        "{name}: {amount} left.",
        insight_cases.low_balance,
        "View account",
    ),
    InsightTemplate(
        "DuplicatePayment",
        "Possible duplicate payment",
        "{name} charged you {amount} twice around {date}. Is that right?",
        "{name} charged {amount} twice.",
        insight_cases.duplicates,
    ),
    InsightTemplate(
        "SubscriptionPriceIncrease",
        "Price increase",
        "{name} charged you {more} more than the last time: {amount}. Did your plan change?",
        "{name} charged you {more} more than before.",
        insight_cases.price_increase,
        most=2,
    ),
    InsightTemplate(
        "UpcomingBill",
        "Upcoming bill",
        "A payment of about {amount} to {name} is expected on {date}.",
        "{name}, about {amount}, on {date}.",
        insight_cases.upcoming_bills,
        "View bill history",
        most=2,
    ),
    InsightTemplate(
        "DebtPaymentReminder",
        "Payment due",
        "The payment for {name} is due on {date}. You owe {amount}.",
        "{name} is due on {date}.",
        insight_cases.debt_due,
        "View account",
    ),
    InsightTemplate(
        "CreditCardCloseToLimit",
        "Close to the limit",
        "{name} is at {percent}% of its credit limit.",
        "{name}: {percent}% of the limit.",
        insight_cases.close_to_limit,
        "View account",
    ),
    InsightTemplate(
        "FeeDetected",
        "Fees charged",
        "Fees charged in the last {days} days: {count}, together {amount}.",
        "{amount} of fees in {days} days.",
        insight_cases.fees,
    ),
    InsightTemplate(
        "PaycheckDeposit",
        "Paycheck deposit",
        "A paycheck of {amount} came in on {date} ({name}).",
        "{amount} came in.",
        insight_cases.paycheck,
    ),
    InsightTemplate(
        "BillAmountNotStandard",
        "Bill not as usual",
        "Your bill from {name} was {way} than usual: {amount}, on average it is {usual}.",
        "{name}: {amount}, {way} than usual.",
        insight_cases.bill_not_standard,
    ),
    InsightTemplate(
        "LargeTransaction",
        "Large transaction",
        "You spent {amount} at {name} on {date}.",
        "{amount} at {name}.",
        insight_cases.large,
        "View transaction",
    ),
    InsightTemplate(
        "CategorySpending",
        "Spending is up",
        "In {month} you spent {amount} on {name}, {more} more than in the month before.",
        "{name}: {more} more than in the month before.",
        insight_cases.spent_more,
        "View category",
    ),
    InsightTemplate(
        "MonthlySpendToIncome",
        "Spent more than earned",
        "In {month} you spent {spent} and earned {earned}.",
        "{spent} spent, {earned} earned.",
        insight_cases.spent_over_income,
    ),
    InsightTemplate(
        "MonthlyCategoryTotal",
        "Where your money went",
        "In {month} you spent most on {name}: {amount}.",
        "{name}: {amount} in {month}.",
        insight_cases.month_total,
        "View category",
    ),
    InsightTemplate(
        "SubscriptionDetected",
        "New subscription",
        "{name} now charges you {amount} regularly.",
        "{name}, {amount}.",
        insight_cases.new_subscription,
        "View subscription",
    ),
    InsightTemplate(
        "SubscriptionSummary",
        "Your subscriptions",
        "You have {count} subscriptions that cost about {amount} a month together.",
        "{count} subscriptions, {amount} a month.",
        insight_cases.subscriptions,
        "View subscriptions",
    ),
    InsightTemplate(
        "InterestEarned",
        "Interest earned",
        "{name} brought you {amount} of interest.",
        "{amount} of interest.",
        insight_cases.interest,
    ),
)


def derive(books: Books) -> Iterator[NewInsight]:
    """What the data show, the weightiest first."""
    for template in TEMPLATES if books.rows or books.accounts else ():
        for _, case in zip(range(template.most), template.find(books), strict=False):
            yield _found(template, case)


def _found(template: InsightTemplate, case: Case) -> NewInsight:
    rows = case.transactions[-MOST_TRANSACTIONS:]
    texts = {
        "template": template.name,
        "title": template.title,
        "description": template.description.format_map(case.words),
        "micro_title": template.title,
        "micro_description": template.micro_description.format_map(case.words),
        "micro_call_to_action": template.call_to_action,
    }
    associated = {
        "accounts": _each(*case.accounts, *(row.account for row in rows)),
        "categories": _each(*case.categories),
        "merchants": _each(*(row.merchant for row in rows)),
        "scheduled_payments": [payment.guid for payment in case.scheduled],
        "transactions": [row.guid for row in rows],
    }
    return NewInsight(f"{template.name}:{case.key}", texts, associated)


def _each(*guids: str | None) -> list[str]:
    """Each once, in their order."""
    return [guid for guid in dict.fromkeys(guids) if guid]
