"""Repeating transactions: bills, subscriptions and income that come again and again, found in a user's transactions.

Nothing is stored: a series is what the transactions of the last months show at the moment of the call. Its guid is
derived from the user, the account, the direction and the description, so it is the same on every read.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from marshmallow import fields

from mocksrv.engine.clock import DAY
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import Reply
from mocksrv.providers.mx.bank import recurrence
from mocksrv.providers.mx.bank.recurrence import Dated, Rhythm
from mocksrv.providers.mx.http.call import Call, Routes, not_found
from mocksrv.providers.mx.http.schemas import Day, Document, Money

routes = Routes()
REPEATING = "/users/<user>/repeating_transactions"
DAYS_BACK = 400
_NAMESPACE = uuid.UUID("3f0e9d7c-52a4-5b7e-8c11-6d0a4be2f913")

# Categories by what their series are; a top-level one stands for those under it.
BILLS = frozenset(
    {
        "Bills & Utilities",
        "Mortgage & Rent",
        "Home Insurance",
        "Auto Insurance",
        "Auto Payment",
        "Health Insurance",
        "Life Insurance",
        "Student Loan",
        "Tuition",
        "Mortgage Payment",
        "Credit Card Payment",
        "Child Support",
        "Babysitter & Daycare",
        "Financial",
        "Taxes",
    }
)
SUBSCRIPTIONS = frozenset(
    {"Entertainment", "Gym", "Electronics & Software", "Books", "Hobbies", "Hosting", "Domain Names", "Personal Care"}
)
DEAREST_SUBSCRIPTION = 100_00  # cents


class TransactionRow(NamedTuple):
    """What is looked at of a transaction. ``date`` is midnight in milliseconds."""

    guid: str
    member: str
    account: str
    date: int
    type: str
    amount: float
    description: str | None
    merchant: str | None
    category: str | None
    category_guid: str | None
    top_level: str | None
    top_level_guid: str | None
    is_expense: bool
    is_income: bool
    is_fee: bool
    is_subscription: bool
    is_bill_pay: bool

    @property
    def cents(self) -> int:
        return round(self.amount * 100)


_MEMBERS = (
    "type",
    "amount",
    "description",
    "merchant_guid",
    "category",
    "category_guid",
    "top_level_category",
    "top_level_category_guid",
    "is_expense",
    "is_income",
    "is_fee",
    "is_subscription",
    "is_bill_pay",
)


class Repeating(NamedTuple):
    """A series. ``payments`` are its transactions, oldest first; ``predicted`` is the midnight of the day of the next
    one.
    """

    guid: str
    payments: tuple[TransactionRow, ...]
    rhythm: Rhythm
    predicted: int
    kind: str

    @property
    def last(self) -> TransactionRow:
        return self.payments[-1]

    def view(self) -> dict[str, Any]:
        """As the schema sees it."""
        last = self.last
        return {
            "account_guid": last.account,
            "amount": last.amount,
            "description": last.description,
            "guid": self.guid,
            "last_posted_date": last.date,
            "member_guid": last.member,
            "merchant_guid": last.merchant,
            "predicted_occurs_on": self.predicted,
            "recurrence_type": self.rhythm.name,
            "repeating_transaction_type": self.kind,
            "transaction_type": last.type,
        }


class RepeatingSchema(Document):
    """A repeating transaction."""

    account_guid = fields.String()
    amount = Money()
    description = fields.String()
    guid = fields.String()
    last_posted_date = Day()
    member_guid = fields.String()
    merchant_guid = fields.String()
    predicted_occurs_on = Day()
    recurrence_type = fields.String()
    repeating_transaction_type = fields.String()
    transaction_type = fields.String()
    user_guid = fields.String()


SCHEMA = RepeatingSchema()
NEVER_NULL = ("member_guid", "merchant_guid")  # for which the file knows no null (docs/discrepancies.md)


# finding


def recent(world: World, user: str) -> list[TransactionRow]:
    """The user's transactions of the last months, oldest first."""
    query = Query("mx.transaction", owner=user, ranges={"sort": (world.now - DAYS_BACK * DAY, None)})
    return [TransactionRow._make(values) for values in world.values(query, *_MEMBERS)]


def find_all(world: World, user: Record, rows: Sequence[TransactionRow] | None = None) -> list[Repeating]:
    """The user's series that go on, in the order of their first payments. ``rows`` are those of `recent`, where they
    are known.
    """
    today = world.now // DAY
    found = []
    for key, group in _groups(recent(world, user.guid) if rows is None else rows).items():
        for place, (payments, rhythm) in enumerate(recurrence.series(group, _dated)):
            last = payments[-1].date // DAY
            if not rhythm.ended(last, today):
                guid = f"RPT-{uuid.uuid5(_NAMESPACE, '|'.join((user.guid, *key, str(place))))}"
                found.append(Repeating(guid, tuple(payments), rhythm, rhythm.after(last, today) * DAY, _kind(payments)))
    return sorted(found, key=lambda each: each.payments[0].date)


def finder(world: World, user: Record) -> Callable[[Record], dict[str, Any] | None]:
    """What tells of a transaction which series it belongs to, as ``includes`` shows it. The series are found once, on
    first need.
    """

    @cache
    def series() -> Mapping[str, Repeating]:
        return {row.guid: each for each in find_all(world, user) for row in each.payments}

    def find(transaction: Record) -> dict[str, Any] | None:
        each = series().get(transaction.guid)
        if each is None:
            return None
        return {"repeating_transaction_type": each.kind, "recurrence_type": each.rhythm.name, "guid": each.guid}

    return find


def _groups(rows: Sequence[TransactionRow]) -> dict[tuple[str, str, str], list[TransactionRow]]:
    """Transactions of one account, direction and description."""
    groups: dict[tuple[str, str, str], list[TransactionRow]] = {}
    for row in rows:
        groups.setdefault((row.account or "", row.type, row.description or ""), []).append(row)
    merged: dict[tuple[str, str, str], list[TransactionRow]] = {}
    for (account, type, description), group in groups.items():
        merged.setdefault((account, type, _plain(description)), []).extend(group)
    for group in merged.values():
        group.sort(key=lambda row: row.date)
    return merged


def _plain(description: str) -> str:
    """A description without the numbers and signs in which those of one payee differ."""
    words = re.sub(r"[\d#*./-]+", " ", description.casefold()).split()
    return " ".join(words) or description


def _dated(row: TransactionRow) -> Dated:
    return Dated(row.date // DAY, row.cents)


def _kind(payments: Sequence[TransactionRow]) -> str:
    """MX's type of a series, from its direction and category."""
    last = payments[-1]
    names = {last.category, last.top_level}
    if last.type == "CREDIT":
        return "INCOME" if last.is_income else "UNKNOWN"
    if last.is_subscription:
        return "SUBSCRIPTION"
    if names & BILLS:
        return "BILL"
    if names & SUBSCRIPTIONS and last.cents <= DEAREST_SUBSCRIPTION:
        return "SUBSCRIPTION"
    return "BILL" if last.is_bill_pay else "UNKNOWN"


# views


def _views(call: Call, world: World, user: Record) -> Iterator[dict[str, Any]]:
    for each in find_all(world, user):
        view = {**each.view(), "user_guid": user.guid}
        if call.mount.fidelity == "sdk":
            view |= {name: view[name] or "" for name in NEVER_NULL}
        yield SCHEMA.dump(view)


@routes.add("GET", REPEATING, "repeatingTransactions")
def list_all(call: Call, user: str) -> Reply:
    call.arguments()
    with call.look() as world:
        return Reply({"repeating_transactions": list(_views(call, world, call.user(world, user)))})


@routes.add("GET", f"{REPEATING}/<guid>", "specificRepeatingTransaction")
def read(call: Call, user: str, guid: str) -> Reply:
    """One: typed as a list in MX's file, an object elsewhere (docs/discrepancies.md)."""
    call.arguments()
    with call.look() as world:
        owner = call.user(world, user)
        found = [view for view in _views(call, world, owner) if view["guid"] == guid] or not_found(
            "Repeating transaction", guid
        )
    return Reply(
        {"repeating_transaction": found[0]} if call.mount.fidelity == "wire" else {"repeating_transactions": found}
    )
