"""Transactions of the accounts that the client itself manages.

Their figures stand as the client gives them: no balance follows them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate

from mocksrv.engine.clock import DAY
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import NO_CONTENT, Reply
from mocksrv.providers.mx.bank import resources
from mocksrv.providers.mx.bank.categories import BY_NAME, UNCATEGORIZED, Category, labels
from mocksrv.providers.mx.bank.transactions import parts_of
from mocksrv.providers.mx.catalog import categories
from mocksrv.providers.mx.events.changes import SpendingChanged, TransactionsAdded, follow
from mocksrv.providers.mx.http.call import PAGING, Call, MXError, Routes
from mocksrv.providers.mx.http.schemas import Document, Money
from mocksrv.providers.mx.http.versions import V1
from mocksrv.providers.mx.money import transactions
from mocksrv.providers.mx.money.manual_accounts import (
    GivenMoment,
    Number,
    Whole,
)
from mocksrv.providers.mx.money.transaction_changes import DESCRIPTION, FLAGS, POSITIVE, TYPES, check_whole, remove
from mocksrv.providers.mx.money.transaction_rules import apply_rules
from mocksrv.providers.mx.people.managed import ACCOUNT, DEPRECATED, PARTNER_ID, account_of, check_free_id

routes = Routes()
TRANSACTIONS = f"{ACCOUNT}/transactions"
TRANSACTION = f"{TRANSACTIONS}/<transaction>"
UNPOSTED, LONGEST_PENDING = "unposted", 14 * DAY  # a timer of transactions, and how long one may be PENDING
SHARED = (
    "status",
    "posted_at",
    "transacted_at",
)  # what the parts of a transaction that has been split have of the whole
_AMOUNT = re.compile(r"\d{1,11}(\.\d+)?", re.ASCII)


class GivenAmount(Money):
    """An amount, which MX's file writes as text; a number will do."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> float:
        if isinstance(value, str):
            if not _AMOUNT.fullmatch(value):
                raise ValidationError("Not a valid amount.")
            value = float(value)
        return super()._deserialize(value, attr, data, **kwargs)


class ManagedTransactionSchema(Document):
    """What a client says of a transaction."""

    amount = GivenAmount(required=True, validate=POSITIVE)
    category = fields.String(allow_none=True)
    check_number_string = fields.String(allow_none=True)
    currency_code = fields.String(allow_none=True)
    description = fields.String(required=True, validate=DESCRIPTION)
    id = fields.String(validate=PARTNER_ID)
    is_international = fields.Boolean(truthy={True}, falsy={False})
    latitude = Number(validate=validate.Range(-90, 90))
    localized_description = fields.String()
    localized_memo = fields.String()
    longitude = Number(validate=validate.Range(-180, 180))
    memo = fields.String()
    merchant_category_code = Whole()
    merchant_guid = fields.String()
    merchant_location_guid = fields.String()
    metadata = fields.String()
    posted_at = GivenMoment(required=True)
    status = fields.String(required=True, validate=validate.OneOf(("POSTED", "PENDING")))
    transacted_at = GivenMoment(required=True)
    type = fields.String(required=True, validate=validate.OneOf(TYPES))


GIVEN_TRANSACTION = ManagedTransactionSchema()


@routes.add("GET", TRANSACTIONS, "listManagedTransactions", deprecated=DEPRECATED)
def list_transactions(call: Call, user: str, member: str, account: str) -> Reply:
    call.arguments(*PAGING, *transactions.date_parameters("date"))
    with call.look() as world:
        owner = call.user(world, user)
        parent = account_of(call, world, owner, member, account)
        ranges = transactions.date_ranges(
            call, world.now, "date", form=transactions.DATE_FORMS[V1]
        )  # days in both files
        query = Query("mx.transaction", parent=parent.guid, ranges=ranges, newest_first=True)
        return call.paged(world, query, "transactions", transactions.renderer(call, world, owner))


@routes.add("POST", TRANSACTIONS, "createManagedTransaction", deprecated=DEPRECATED)
def create_transaction(call: Call, user: str, member: str, account: str) -> Reply:
    given = call.load("transaction", GIVEN_TRANSACTION)
    with call.change() as world:
        owner = call.user(world, user)
        parent = account_of(call, world, owner, member, account)
        body = {**dict.fromkeys(FLAGS, False), "category_guid": UNCATEGORIZED.guid}
        record = Record(
            "mx.transaction", world.guid(transactions.PREFIX), body, owner.guid, parent.subject, parent.guid
        )
        categorized = given.get("category") is not None
        _fill(world, record, given)
        if not categorized:
            apply_rules(world, owner.guid, record.body)
        world.add(record)
        if record.body["status"] == "PENDING":
            world.set_timer(record.guid, UNPOSTED, world.now + LONGEST_PENDING)
        resources.TRANSACTION.emit(world, "created", record)
        follow(world, TransactionsAdded([record]))
        follow(world, SpendingChanged(owner.guid))
        return Reply({"transaction": transactions.renderer(call, world, owner)(record)})


@routes.due(UNPOSTED)
def give_up(world: World, record: Record) -> None:
    """A transaction that nobody has posted in time goes, as MX lets it go."""
    if record.body["status"] == "PENDING":
        remove(world, record)


@routes.add("GET", TRANSACTION, "readManagedTransaction", deprecated=DEPRECATED)
def read_transaction(call: Call, user: str, member: str, account: str, transaction: str) -> Reply:
    with call.look() as world:
        owner = call.user(world, user)
        record = _transaction(call, world, owner, member, account, transaction)
        return Reply({"transaction": transactions.renderer(call, world, owner)(record)})


@routes.add("PUT", TRANSACTION, "updateManagedTransaction", deprecated=DEPRECATED)
def update_transaction(call: Call, user: str, member: str, account: str, transaction: str) -> Reply:
    given = call.load("transaction", GIVEN_TRANSACTION, partial=True)
    with call.change() as world:
        owner = call.user(world, user)
        record = _transaction(call, world, owner, member, account, transaction)
        _check_split(record, given)
        _fill(world, record, given)
        for changed in (record, *parts_of(world, record)):
            changed.body.update({name: record.body[name] for name in SHARED})
            changed.sort = record.sort if "transacted_at" in given else changed.sort
            world.save(changed)
            resources.TRANSACTION.emit(world, "updated", changed)
        follow(world, SpendingChanged(owner.guid))
        return Reply({"transaction": transactions.renderer(call, world, owner)(record)})


@routes.add("DELETE", TRANSACTION, "deleteManagedTransaction", deprecated=DEPRECATED)
def delete_transaction(call: Call, user: str, member: str, account: str, transaction: str) -> Reply:
    with call.change() as world:
        record = _transaction(call, world, call.user(world, user), member, account, transaction)
        if record.body.get("parent_guid"):
            check_whole(record, "a part can be deleted")
        remove(world, record)
    return NO_CONTENT


def _transaction(call: Call, world: World, user: Record, member: str, account: str, guid: str) -> Record:
    """A transaction of an account of a managed member. Raises MXError 404."""
    return transactions.find(call, world, user, guid, parent=account_of(call, world, user, member, account).guid)


def _check_split(record: Record, given: Mapping[str, Any]) -> None:
    """Raises MXError 422 when what the parts of a transaction share or sum up to would not agree any more."""
    for name in ("amount", "type", *(SHARED if record.body.get("parent_guid") else ())):
        if name in given and given[name] != record.body[name]:
            check_whole(record, f"its {name} can be changed")


def _fill(world: World, record: Record, given: dict[str, Any]) -> None:
    """Puts what the client said into a transaction. Raises MXError 409, 422."""
    if "id" in given:
        partner_id = given.pop("id")
        for kind in transactions.KINDS:
            check_free_id(
                world, Query(kind, parent=record.parent, partner_id=partner_id, limit=1), "transaction", record
            )
        record.partner_id = partner_id
    if "transacted_at" in given:
        record.sort = given["transacted_at"] // DAY * DAY
    if "description" in given:
        given["original_description"] = given["description"]
    category = _category(world, record, given)
    record.body.update(given)
    record.body.update(labels(category, credit=record.body["type"] == "CREDIT"))


def _category(world: World, record: Record, given: dict[str, Any]) -> Category:
    """The category that the client named, else the one that the transaction has. Raises MXError 422 for a name that
    there is not.
    """
    if "category" not in given:
        return categories.find(world, record.owner, record.body["category_guid"]) or UNCATEGORIZED
    name = given.pop("category")
    if name is None or name in BY_NAME:
        return BY_NAME[name] if name else UNCATEGORIZED
    own = world.list(Query("mx.category", owner=record.owner, body={"name": name}, limit=1))
    category = categories.find(world, record.owner, own[0].guid) if own else None
    if category is None:
        raise MXError(422, f"transaction.category: {name!r} is not the name of a category")
    return category
