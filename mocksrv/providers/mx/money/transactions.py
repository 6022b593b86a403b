"""Transactions: listing them by date, category and use case, and reading one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any, NamedTuple

from marshmallow import fields

from mocksrv.engine.clock import DAY, LATEST
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.calendar import EPOCH, first_day, month_number
from mocksrv.providers.http import Reply
from mocksrv.providers.mx.bank.resources import SPLIT
from mocksrv.providers.mx.http.call import MEMBER, PAGE_SIZE, PAGING, Call, MXError, Routes, not_found, pagination
from mocksrv.providers.mx.http.schemas import Day, Document, Moment, Money, shown
from mocksrv.providers.mx.http.versions import V1, V2, parameters
from mocksrv.providers.mx.money.accounts import ACCOUNT, in_use_case
from mocksrv.providers.mx.money.includes import included

routes = Routes()
TRANSACTIONS = "/users/<user>/transactions"
OF_ACCOUNT = f"{MEMBER}/accounts/<account>/transactions"

KINDS = ("mx.transaction", SPLIT)
PREFIX, MANUAL_PREFIX = "TRN", "MAN-"  # of guids; how MX's file calls manual transactions in paths

DAYS_BACK, DAYS_AHEAD = 120, 5  # what is listed when no date is asked for
# what can be filtered by date -> the column of the record, and whether its two bounds must come together
DATED = {
    "date": ("sort", False),
    "created_at": ("created_at", True),
    "updated_at": ("updated_at", True),
    "timestamp": ("created_at", False),
}

Range = tuple[int | None, int | None]
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_UNIX_SECOND = re.compile(r"\d{1,12}", re.ASCII)


class TransactionSchema(Document):
    """A transaction. Its date is the day of ``date``, which is milliseconds like every moment."""

    account_guid = fields.String()
    account_id = fields.String()
    amount = Money()
    category = fields.String()
    category_guid = fields.String()
    check_number_string = fields.String()
    created_at = Moment()
    currency_code = fields.String()
    date = Day()
    description = fields.String()
    extended_transaction_type = fields.String()
    guid = fields.String()
    id = fields.String()
    is_bill_pay = fields.Boolean()
    is_direct_deposit = fields.Boolean()
    is_expense = fields.Boolean()
    is_fee = fields.Boolean()
    is_income = fields.Boolean()
    is_international = fields.Boolean()
    is_manual = fields.Boolean()
    is_overdraft_fee = fields.Boolean()
    is_payroll_advance = fields.Boolean()
    is_recurring = fields.Boolean()
    is_subscription = fields.Boolean()
    latitude = fields.Float()
    localized_description = fields.String()
    localized_memo = fields.String()
    longitude = fields.Float()
    member_guid = fields.String()
    member_is_managed_by_user = fields.Boolean()
    memo = fields.String()
    merchant_category_code = fields.Integer()
    merchant_guid = fields.String()
    merchant_location_guid = fields.String()
    metadata = fields.String()
    original_description = fields.String()
    posted_at = Moment()
    status = fields.String()
    top_level_category = fields.String()
    transacted_at = Moment()
    type = fields.String()
    updated_at = Moment()
    user_guid = fields.String()
    user_id = fields.String()


SCHEMA = TransactionSchema()


def find(call: Call, world: World, user: Record, identifier: str, *, parent: str | None = None) -> Record:
    """A transaction of this user (and account), split or not. ``MAN-`` instead of ``TRN-`` names one that was entered
    by hand.

    Raises MXError 404.
    """
    for kind in KINDS:
        found = call.find(world, kind, identifier, user.guid, parent=parent)
        if found is None and identifier.startswith(MANUAL_PREFIX):
            manual = call.find(
                world, kind, f"{PREFIX}-{identifier.removeprefix(MANUAL_PREFIX)}", user.guid, parent=parent
            )
            found = manual if manual and manual.body.get("is_manual") else None
        if found is not None:
            return found
    return not_found("Transaction", identifier)


def find_of_account(call: Call, world: World, user: Record, member: str, account: str, identifier: str) -> Record:
    """The same, called by its member and account. Raises MXError 404."""
    parent = call.account(world, user, account, call.member(world, user, member))
    return find(call, world, user, identifier, parent=parent.guid)


# rendering


def renderer(call: Call, world: World, user: Record) -> Callable[[Record], dict[str, Any]]:
    """What renders transactions of this user, with the enrichments that the call asked for. Raises MXError 400."""
    include = included(call, world, user)

    @cache
    def account(guid: str) -> Record | None:
        return world.get("mx.account", guid)

    def render(transaction: Record) -> dict[str, Any]:
        parent = account(transaction.parent or "")
        more = {
            "account_guid": transaction.parent,
            "account_id": parent.partner_id if parent else None,
            "date": transaction.sort,
            "is_manual": transaction.body.get("is_manual", False),
            "member_guid": transaction.subject,
            "member_is_managed_by_user": parent.body.get("member_is_managed_by_user") if parent else None,
            "user_id": user.partner_id,
        }
        rendered: dict[str, Any] = SCHEMA.dump(shown(transaction, **more))
        rendered.update(include(transaction))
        return rendered

    return render


# filtering


class DateForm(NamedTuple):
    """How a version writes the dates of its filters."""

    reads: Callable[
        [str], tuple[int, int]
    ]  # the first and the last millisecond that a text stands for; raises ValueError
    refusal: str  # {name}: the parameter, in words
    months: int | None  # the longest range of created_at and updated_at


def _iso_day(text: str) -> tuple[int, int]:
    if not _ISO_DAY.fullmatch(text):
        raise ValueError(text)
    first = (date.fromisoformat(text).toordinal() - EPOCH) * DAY
    return first, first + DAY - 1


def _unix_second(text: str) -> tuple[int, int]:
    if not _UNIX_SECOND.fullmatch(text) or int(text) * 1000 > LATEST:
        raise ValueError(text)
    return int(text) * 1000, int(text) * 1000 + 999


DATE_FORMS: Mapping[str, DateForm] = {
    V1: DateForm(_iso_day, "Please confirm YYYY-MM-DD format", 6),
    V2: DateForm(_unix_second, "{name} is not a valid integer", None),
}


def date_parameters(*names: str) -> list[str]:
    """The query parameters that filter by these dates: ``date`` -> from_date, to_date."""
    return [f"{end}_{name}" for name in names for end in ("from", "to")]


def date_ranges(call: Call, now: int, *names: str, form: DateForm | None = None) -> dict[str, Range]:
    """The ranges of a query that the date filters ask for, out of the names in `DATED`. Both ends are inclusive.

    ``form``: how the dates are written, where it is not as elsewhere in the call's version. Raises MXError 400 with
    MX's messages.
    """
    ranges: dict[str, Range] = {}
    for name in names:
        column, together = DATED[name]
        low, high = _bounds(call, name, form or DATE_FORMS[call.version], together=together)
        if name == "date":
            today = now // DAY * DAY
            low = today - DAYS_BACK * DAY if low is None else low // DAY * DAY  # records stand at midnight
            high = today + DAYS_AHEAD * DAY if high is None else high
        if low is not None or high is not None:
            ranges[column] = _narrowed(ranges.get(column, (None, None)), (low, high))
    return ranges


def _bounds(call: Call, name: str, form: DateForm, *, together: bool) -> Range:
    bounds: list[int | None] = []
    for place, parameter in enumerate(date_parameters(name)):
        text = call.request.args.get(parameter)
        try:
            bounds.append(form.reads(text)[place] if text else None)
        except ValueError:
            raise MXError(400, form.refusal.format(name=parameter.replace("_", " ").capitalize())) from None
    low, high = bounds
    if together and (low is None) != (high is None):
        raise MXError(400, "Both '{}' and '{}' are required".format(*date_parameters(name)))
    if (
        together
        and form.months is not None
        and low is not None
        and high is not None
        and _in_month(low, form.months) < _in_month(high)
    ):
        raise MXError(400, f"Maximum date range limit of '{name}' is {form.months} months")
    return low, high


def _in_month(ms: int, later: int = 0) -> tuple[int, int]:
    """Month and day in it, or the same day so many months later, to compare with (the month may have no such day)."""
    number = month_number(ms // DAY)
    return number + later, ms // DAY - first_day(number)


def _narrowed(one: Range, other: Range) -> Range:
    """What two ranges share."""
    lows = [low for low, _ in (one, other) if low is not None]
    highs = [high for _, high in (one, other) if high is not None]
    return max(lows, default=None), min(highs, default=None)


def _in_categories(call: Call) -> Callable[[Record], bool] | None:
    """Tells what has one of the categories asked for; None when none is."""
    wanted = {name: frozenset(call.many(name)) for name in parameters("transactions", call.version)}
    tests = [(name, guids) for name, guids in wanted.items() if guids]
    return (lambda record: all(record.body.get(name) in guids for name, guids in tests)) if tests else None


# views


def listed(
    call: Call, world: World, user: Record, query: Query, *, dates: Sequence[str] = (), use_case: bool = False
) -> Reply:
    """A page of the transactions of a query, newest first, filtered as the call asks.

    ``dates`` names date filters beside date, created_at and updated_at. Raises MXError 400.
    """
    dates = ("date", "created_at", "updated_at", *dates)
    categories = [f"{name}{form}" for name in parameters("transactions", call.version) for form in ("", "[]")]
    call.arguments(*PAGING, *date_parameters(*dates), *categories, "includes", *(("use_case",) if use_case else ()))
    ranges = date_ranges(call, world.now, *dates)
    tests = [
        test
        for test in (_in_categories(call), in_use_case(call, world, user) if use_case else None)
        if test is not None
    ]
    keep = (lambda record: all(test(record) for test in tests)) if tests else None
    query = query._replace(ranges=ranges, newest_first=True)
    lasting = not call.request.args.get("includes")  # series are told by the day
    return call.paged(world, query, "transactions", renderer(call, world, user), keep=keep, lasting=lasting)


@routes.add("GET", TRANSACTIONS, "listTransactions", by_id=True)
def list_by_user(call: Call, user: str) -> Reply:
    with call.look() as world:
        owner = call.user(world, user)
        return listed(call, world, owner, Query("mx.transaction", owner=owner.guid), use_case=True)


@routes.add("GET", f"{ACCOUNT}/transactions", "listTransactionsByAccount")
def list_by_account(call: Call, user: str, account: str) -> Reply:
    with call.look() as world:
        owner = call.user(world, user)
        return listed(call, world, owner, Query("mx.transaction", parent=call.account(world, owner, account).guid))


@routes.add("GET", f"{MEMBER}/transactions", "listTransactionsByMember", by_id=True)
def list_by_member(call: Call, user: str, member: str) -> Reply:
    with call.look() as world:
        owner = call.user(world, user)
        query = Query("mx.transaction", subject=call.member(world, owner, member).guid)
        return listed(call, world, owner, query, dates=parameters("transactions of a member", call.version))


@routes.add("GET", OF_ACCOUNT, "listTransactionsByAccountPerMember", versions=(V2,))
def list_by_account_of_member(call: Call, user: str, member: str, account: str) -> Reply:
    with call.look() as world:
        owner = call.user(world, user)
        record = call.account(world, owner, account, call.member(world, owner, member))
        return listed(call, world, owner, Query("mx.transaction", parent=record.guid))


@routes.add("GET", f"{TRANSACTIONS}/<transaction>", "readTransaction")
def read_transaction(call: Call, user: str, transaction: str) -> Reply:
    call.arguments("includes")
    with call.look() as world:
        owner = call.user(world, user)
        return _single(call, world, owner, find(call, world, owner, transaction))


@routes.add("GET", f"{OF_ACCOUNT}/<transaction>", "readTransactionByAccount", versions=(V2,), by_id=True)
def read_transaction_of_account(call: Call, user: str, member: str, account: str, transaction: str) -> Reply:
    call.arguments("includes")
    with call.look() as world:
        owner = call.user(world, user)
        return _single(call, world, owner, find_of_account(call, world, owner, member, account, transaction))


def _single(call: Call, world: World, user: Record, transaction: Record) -> Reply:
    """One transaction: typed as a list in MX's file, an object elsewhere (docs/discrepancies.md)."""
    rendered = renderer(call, world, user)(transaction)
    if call.mount.fidelity == "wire":
        return Reply({"transaction": rendered})
    return Reply({"transactions": [rendered], "pagination": pagination(1, PAGE_SIZE, 1)})
