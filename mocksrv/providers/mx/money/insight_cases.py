"""What insights are derived from: a user's data, and what finds in it the cases that something is said of.

Source: MX's insight library says when an insight appears, and the limits here follow it where it names numbers.
"""

from __future__ import annotations

from bisect import bisect_left
from calendar import month_name
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mocksrv.engine.clock import DAY, day
from mocksrv.engine.storage.records import Record
from mocksrv.providers.mx.money.alerts import DEPOSITS, LOW_BALANCE
from mocksrv.providers.mx.money.repeating import Repeating, TransactionRow
from mocksrv.providers.mx.money.spending import SpendingMonth, month_of

SOON, LATELY, OF_LATE = 7, 14, 30  # days
DEBT_DUE = 10  # days
PRICE_STEP, BILL_STEP = 0.02, 0.20  # by how much a price has risen, and a bill differs from those before
SPENT_MORE, SPENT_MORE_CENTS = 0.25, 50_00
LARGE_CENTS, LARGE_TIMES = 100_00, 4  # a large transaction: so much at least, and so many times the usual one
SMALLEST_DUPLICATE = 5_00  # cents
CLOSE_TO_LIMIT = 0.75
NEW_AFTER = 5  # days beyond a whole period without it, before a subscription counts as new


class Books(NamedTuple):
    """A user's data, as the rules see them. ``rows`` are in the order of their dates, ``scheduled`` is by the guid of
    the series.
    """

    now: int
    rows: Sequence[TransactionRow]
    series: Sequence[Repeating]
    accounts: Mapping[str, Record]
    scheduled: Mapping[str, Record]

    def between(self, first: int, last: int) -> Sequence[TransactionRow]:
        """The transactions of the days from ``first`` to ``last``, midnights in milliseconds."""
        low = bisect_left(self.rows, first, key=lambda row: row.date)
        return self.rows[low : bisect_left(self.rows, last + 1, key=lambda row: row.date)]

    def since(self, days: int) -> Sequence[TransactionRow]:
        return self.between(self.now // DAY * DAY - days * DAY, self.now)

    def whole(self, month: SpendingMonth) -> bool:
        """Whether the transactions of all of a month are known."""
        return bool(self.rows) and self.rows[0].date <= month.first

    def of(self, *kinds: str) -> list[Repeating]:
        return [each for each in self.series if each.kind in kinds]


class Case(NamedTuple):
    """One case of a template. ``key`` tells it from others of the same template, ``words`` go into its texts."""

    key: str
    words: Mapping[str, Any]
    transactions: Sequence[TransactionRow] = ()
    categories: Sequence[str | None] = ()
    accounts: Sequence[str] = ()
    scheduled: Sequence[Record] = ()


def money(cents: float) -> str:
    """An amount in a text: ``$1,640.00``."""
    return f"{'-' if cents < 0 else ''}${abs(cents) / 100:,.2f}"


def named(month: SpendingMonth) -> str:
    """A month in a text: ``December 2025``."""
    year, number = day(month.first).split("-")[:2]
    return f"{month_name[int(number)]} {year}"


# what finds the cases


def price_increase(books: Books) -> Iterator[Case]:
    for each in books.of("SUBSCRIPTION"):
        before, last = each.payments[-2], each.last
        if last.cents > before.cents * (1 + PRICE_STEP):
            words = {"name": last.description, "more": money(last.cents - before.cents), "amount": money(last.cents)}
            yield Case(last.guid, words, (before, last))


def bill_not_standard(books: Books) -> Iterator[Case]:
    for each in books.of("BILL"):
        last, before = each.last, [payment.cents for payment in each.payments[:-1]]
        usual = sum(before) / len(before)
        if last.top_level == "Bills & Utilities" and len(before) >= 2 and abs(last.cents - usual) > usual * BILL_STEP:
            way = "higher" if last.cents > usual else "lower"
            words = {"name": last.description, "amount": money(last.cents), "way": way, "usual": money(usual)}
            yield Case(last.guid, words, each.payments)


def new_subscription(books: Books) -> Iterator[Case]:
    for each in books.of("SUBSCRIPTION"):
        known_from = next(row.date for row in books.rows if row.account == each.last.account)
        if len(each.payments) <= 3 and each.payments[0].date - known_from > (each.rhythm.period + NEW_AFTER) * DAY:
            words = {"name": each.last.description, "amount": money(each.last.cents)}
            yield Case(each.guid, words, each.payments, scheduled=_payments(books, [each]))


def subscriptions(books: Books) -> Iterator[Case]:
    found = books.of("SUBSCRIPTION")
    if len(found) >= 2:
        monthly = sum(each.last.cents * 30 / each.rhythm.period for each in found)
        words = {"count": len(found), "amount": money(monthly)}
        yield Case(day(books.now)[:7], words, [each.last for each in found], scheduled=_payments(books, found))


def upcoming_bills(books: Books) -> Iterator[Case]:
    soon = [each for each in books.of("BILL") if each.predicted <= books.now + SOON * DAY]
    for each in sorted(soon, key=lambda each: each.predicted):
        words = {"name": each.last.description, "amount": money(each.last.cents), "date": day(each.predicted)}
        yield Case(f"{each.guid}:{day(each.predicted)}", words, (each.last,), scheduled=_payments(books, [each]))


def _payments(books: Books, series: Sequence[Repeating]) -> list[Record]:
    return [books.scheduled[each.guid] for each in series if each.guid in books.scheduled]


def paycheck(books: Books) -> Iterator[Case]:
    for row in reversed(books.since(LATELY)):
        if row.type == "CREDIT" and row.category == "Paycheck":
            yield Case(
                row.guid,
                {"amount": money(row.cents), "date": day(row.date), "name": _account(books, row.account)},
                (row,),
            )


def interest(books: Books) -> Iterator[Case]:
    found = [row for row in books.since(OF_LATE) if row.type == "CREDIT" and row.category == "Interest Income"]
    if found:
        words = {"amount": money(sum(row.cents for row in found)), "name": _account(books, found[-1].account)}
        yield Case(found[-1].guid, words, found)


def fees(books: Books) -> Iterator[Case]:
    found = [row for row in books.since(OF_LATE) if row.is_fee and row.type == "DEBIT"]
    if found:
        words = {"count": len(found), "amount": money(sum(row.cents for row in found)), "days": OF_LATE}
        yield Case(found[-1].guid, words, found, [found[-1].category_guid])


def duplicates(books: Books) -> Iterator[Case]:
    seen: dict[tuple[str, str | None, int], TransactionRow] = {}
    for row in books.since(OF_LATE):
        if row.is_expense and not row.is_fee and row.cents >= SMALLEST_DUPLICATE:
            before = seen.get((row.account, row.description, row.cents))
            if before is not None and row.date - before.date <= DAY:
                yield Case(
                    row.guid,
                    {"name": row.description, "amount": money(row.cents), "date": day(row.date)},
                    (before, row),
                )
            seen[row.account, row.description, row.cents] = row


def large(books: Books) -> Iterator[Case]:
    spent = sorted(row.cents for row in books.rows if row.is_expense)
    middle = len(spent) // 2
    least = max(LARGE_CENTS, LARGE_TIMES * (spent[middle] + spent[~middle]) / 2) if spent else 0  # of the median
    repeated = {row.guid for each in books.series for row in each.payments}
    lately = [row for row in books.since(LATELY) if row.is_expense and row.cents >= least and row.guid not in repeated]
    for row in sorted(lately, key=lambda row: -row.cents):
        yield Case(
            row.guid,
            {"name": row.description, "amount": money(row.cents), "date": day(row.date)},
            (row,),
            [row.category_guid],
        )


def low_balance(books: Books) -> Iterator[Case]:
    for account in books.accounts.values():
        body = account.body
        left = body.get("balance") if body.get("available_balance") is None else body["available_balance"]
        if body.get("type") in DEPOSITS and left is not None and left < LOW_BALANCE and not body.get("is_closed"):
            words = {"name": body.get("name"), "amount": money(round(left * 100))}
            yield Case(f"{account.guid}:{day(books.now)[:7]}", words, accounts=[account.guid])


def debt_due(books: Books) -> Iterator[Case]:
    for account in books.accounts.values():
        due = account.body.get("payment_due_at")
        if (
            due is not None
            and books.now <= due <= books.now + DEBT_DUE * DAY
            and (account.body.get("balance") or 0) > 0
        ):
            words = {"name": account.body.get("name"), "amount": money(account.body["balance"] * 100), "date": day(due)}
            yield Case(f"{account.guid}:{day(due)}", words, accounts=[account.guid])


def close_to_limit(books: Books) -> Iterator[Case]:
    for account in books.accounts.values():
        owed, limit = account.body.get("balance") or 0, account.body.get("credit_limit") or 0
        if account.body.get("type") == "CREDIT_CARD" and limit > 0 and owed >= limit * CLOSE_TO_LIMIT:
            words = {"name": account.body.get("name"), "percent": round(owed / limit * 100)}
            yield Case(f"{account.guid}:{day(books.now)[:7]}", words, accounts=[account.guid])


def month_total(books: Books) -> Iterator[Case]:
    month = month_of(books.now, 1)
    totals = _spent(books, month)
    if totals and books.whole(month):
        guid, (name, cents, rows) = max(totals.items(), key=lambda item: item[1][1])
        yield Case(
            f"{guid}:{named(month)}", {"name": name, "amount": money(cents), "month": named(month)}, rows, [guid]
        )


def spent_more(books: Books) -> Iterator[Case]:
    month, before = month_of(books.now, 1), month_of(books.now, 2)
    earlier = _spent(books, before) if books.whole(before) else {}
    grown = []
    for guid, (name, cents, rows) in _spent(books, month).items():
        usual = earlier[guid][1] if guid in earlier else cents
        if cents - usual >= max(SPENT_MORE_CENTS, usual * SPENT_MORE):
            words = {"name": name, "more": money(cents - usual), "amount": money(cents), "month": named(month)}
            grown.append((cents - usual, Case(f"{guid}:{words['month']}", words, rows, [guid])))
    yield from (case for _, case in sorted(grown, key=lambda each: -each[0]))


def _spent(books: Books, month: SpendingMonth) -> dict[str, tuple[str | None, int, list[TransactionRow]]]:
    """Top-level category -> its name, cents and transactions in a month."""
    rows: dict[str, list[TransactionRow]] = {}
    for row in books.between(month.first, month.last):
        if row.is_expense and row.top_level_guid:
            rows.setdefault(row.top_level_guid, []).append(row)
    return {guid: (group[0].top_level, sum(row.cents for row in group), group) for guid, group in rows.items()}


def spent_over_income(books: Books) -> Iterator[Case]:
    month = month_of(books.now, 1)
    rows = books.between(month.first, month.last) if books.whole(month) else ()
    earned = sum(row.cents for row in rows if row.is_income)
    spent = sum(row.cents for row in rows if row.is_expense)
    if 0 < earned < spent:
        words = {"spent": money(spent), "earned": money(earned), "month": named(month)}
        yield Case(words["month"], words, [row for row in rows if row.is_income])


def _account(books: Books, guid: str) -> str:
    account = books.accounts.get(guid)
    return (account and account.body.get("name")) or "account"
