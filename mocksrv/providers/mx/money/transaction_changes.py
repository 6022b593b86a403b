"""What a client does to transactions: enters them by hand, changes, splits and deletes them.

A transaction that has been split stands apart, as a record of the kind SPLIT; its parts are transactions with its guid
as ``parent_guid``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import ValidationError, fields, validate

from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers.http import NO_CONTENT, Reply
from mocksrv.providers.mx.bank import resources
from mocksrv.providers.mx.bank.categories import UNCATEGORIZED, labels
from mocksrv.providers.mx.bank.resources import SPLIT
from mocksrv.providers.mx.bank.transactions import parts_of
from mocksrv.providers.mx.catalog import categories
from mocksrv.providers.mx.events.changes import (
    AccountChanged,
    SpendingChanged,
    TransactionGoing,
    TransactionsAdded,
    TransactionTakenBack,
    after,
    follow,
)
from mocksrv.providers.mx.http.call import FORBIDDEN, Call, MXError, Routes
from mocksrv.providers.mx.http.schemas import Day, Document, Money
from mocksrv.providers.mx.http.versions import V1, V2, Versioned
from mocksrv.providers.mx.money.accounts import ACCOUNT
from mocksrv.providers.mx.money.transaction_rules import apply_rules
from mocksrv.providers.mx.money.transactions import (
    DATE_FORMS,
    OF_ACCOUNT,
    PREFIX,
    TRANSACTIONS,
    find,
    find_of_account,
    renderer,
)
from mocksrv.providers.profiles.model import DEBTS

routes = Routes()
TYPES = ("CREDIT", "DEBIT")
PARTS = 2  # the fewest that a transaction can be split into
POSITIVE = validate.Range(min=0, min_inclusive=False, error="Must be more than 0.")
DESCRIPTION = validate.Length(1, 1024)
FLAGS = (
    "is_bill_pay",
    "is_direct_deposit",
    "is_fee",
    "is_international",
    "is_overdraft_fee",
    "is_payroll_advance",
    "is_recurring",
    "is_subscription",
)
SET_BY_USER = {"category_guid": "category"}  # fields whose name in the webhooks' `..._set_by` is another one


class GivenDay(Day):
    """A date in a request, ``YYYY-MM-DD``; milliseconds of its midnight in a record."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> int:
        try:
            return DATE_FORMS[V1].reads(value)[0]
        except (TypeError, ValueError):
            raise ValidationError("Must be a date, YYYY-MM-DD.") from None


class ManualTransactionSchema(Document):
    """What a user enters by hand."""

    amount = Money(required=True, validate=POSITIVE)
    category_guid = fields.String(allow_none=True)
    currency_code = fields.String(allow_none=True)
    date = GivenDay(required=True)
    description = fields.String(required=True, validate=DESCRIPTION)
    has_been_viewed = fields.Boolean(truthy={True}, falsy={False})
    is_hidden = fields.Boolean(truthy={True}, falsy={False})
    is_international = fields.Boolean(truthy={True}, falsy={False})
    memo = fields.String()
    metadata = fields.String()
    type = fields.String(required=True, validate=validate.OneOf(TYPES))


class TransactionUpdateSchema(Document):
    """What a user changes on any transaction."""

    category_guid = fields.String()
    date = GivenDay()
    description = fields.String(validate=DESCRIPTION)
    memo = fields.String()


class PartSchema(Document):
    """One part of a transaction that is being split."""

    amount = Money(required=True, validate=POSITIVE)
    category_guid = fields.String(allow_none=True)
    description = fields.String(validate=DESCRIPTION)
    memo = fields.String()


MANUAL = ManualTransactionSchema()
UPDATES = Versioned("transaction_update", TransactionUpdateSchema)
PART = PartSchema()


# what other families use, too


def cents(amount: float) -> int:
    return round(amount * 100)


def direction(account: Record) -> int:
    """1 where a credit makes the balance grow, -1 on debts, where a debit does."""
    return -1 if account.body["type"] in DEBTS else 1


def incoming(transaction: Record) -> int:
    """The cents that a transaction brings to its owner: negative for what is spent. Nothing as long as it is
    pending.
    """
    body = transaction.body
    if body["status"] != "POSTED":
        return 0
    return cents(body["amount"]) * (1 if body["type"] == "CREDIT" else -1)


def _post(world: World, transaction: Record, amount: int) -> None:
    """Moves the balances of a manual account by so many incoming cents; those of other accounts are what their bank
    says.
    """
    account = world.get("mx.account", transaction.parent or "") if amount else None
    if account is None or not account.body["is_manual"]:
        return
    before = account.body.get("balance")
    for name in ("balance", "available_balance"):
        if account.body.get(name) is not None:
            account.body[name] = (cents(account.body[name]) + direction(account) * amount) / 100
    world.save(account)
    resources.ACCOUNT.emit(world, "updated", account)
    follow(world, AccountChanged(account, before))


@after(TransactionsAdded)
def move_balances(world: World, change: TransactionsAdded) -> None:
    """The balances of manual accounts follow what is entered there."""
    for transaction in change.transactions:
        if transaction.body.get("is_manual"):
            _post(world, transaction, incoming(transaction))


@after(TransactionTakenBack)
def move_back(world: World, change: TransactionTakenBack) -> None:
    _post(world, change.transaction, -incoming(change.transaction))


def remove(world: World, transaction: Record) -> None:
    """Deletes a transaction with its parts and their taggings."""
    for gone in (*parts_of(world, transaction), transaction):
        follow(world, TransactionGoing(gone))
        world.remove(parent=gone.guid)
        world.remove(guid=gone.guid)
        resources.TRANSACTION.emit(world, "deleted", gone)


def check_whole(transaction: Record, what: str) -> None:
    """Raises MXError 422 for a transaction that has been split, and for a part of one: their amounts belong
    together.
    """
    if transaction.kind == SPLIT or transaction.body.get("parent_guid"):
        raise MXError(422, f"Transaction {transaction.guid} is split: {what} only after DELETE .../split", FORBIDDEN)


def _labels(world: World, user: Record, guid: str | None, path: str, *, type: str) -> dict[str, Any]:
    """What a transaction shows of the category that the client named. Raises MXError 422."""
    category = UNCATEGORIZED if guid is None else categories.find(world, user.guid, guid)
    if category is None:
        raise MXError(422, f"{path}.category_guid: {guid} is not a category of this user")
    return labels(category, credit=type == "CREDIT")


# entering and deleting


@routes.add("POST", f"{ACCOUNT}/transactions", "createManualTransaction")
def create_manual(call: Call, user: str, account: str) -> Reply:
    """The answer has the fields at its root, as MX's file has them (docs/discrepancies.md)."""
    given = call.load("transaction", MANUAL)
    with call.change() as world:
        owner = call.user(world, user)
        parent = call.account(world, owner, account)
        if not parent.body["is_manual"]:
            raise MXError(
                405, f"Account {parent.guid} is not a manual account: its transactions come from its institution"
            )
        shown_as = _labels(world, owner, given.get("category_guid"), "transaction", type=given["type"])
        sort = given.pop("date")
        body = {**dict.fromkeys(FLAGS, False), **given, **shown_as, "is_manual": True, "status": "POSTED"}
        if given.get("category_guid") is None:  # a category that the user has chosen stands
            apply_rules(world, owner.guid, body)
        record = Record("mx.transaction", world.guid(PREFIX), body, owner.guid, parent.subject, parent.guid, sort=sort)
        world.add(record)
        resources.TRANSACTION.emit(world, "created", record)
        follow(world, TransactionsAdded([record]))
        follow(world, SpendingChanged(owner.guid))
        return Reply(renderer(call, world, owner)(record))


@routes.add("DELETE", f"{TRANSACTIONS}/<transaction>", "deleteManualTransactions")
def delete_manual(call: Call, user: str, transaction: str) -> Reply:
    with call.change() as world:
        owner = call.user(world, user)
        record = find(call, world, owner, transaction)
        if not record.body.get("is_manual"):
            raise MXError(405, f"Transaction {record.guid} is not a manual transaction")
        if record.body.get("parent_guid"):
            raise MXError(
                405, f"Transaction {record.guid} is part of a split, which is deleted as a whole with DELETE .../split"
            )
        remove(world, record)
        follow(world, TransactionTakenBack(record))
    return NO_CONTENT


# changing


@routes.add("PUT", f"{TRANSACTIONS}/<transaction>", "updateTransaction")
def update(call: Call, user: str, transaction: str) -> Reply:
    given = call.load("transaction", UPDATES[call.version])
    with call.change() as world:
        owner = call.user(world, user)
        return _update(call, world, owner, find(call, world, owner, transaction), given)


@routes.add("PUT", f"{OF_ACCOUNT}/<transaction>", "updateTransactionByAccount", by_id=True)
def update_of_account(call: Call, user: str, member: str, account: str, transaction: str) -> Reply:
    given = call.load("transaction", UPDATES[call.version])
    with call.change() as world:
        owner = call.user(world, user)
        return _update(call, world, owner, find_of_account(call, world, owner, member, account, transaction), given)


def _update(call: Call, world: World, user: Record, record: Record, given: dict[str, Any]) -> Reply:
    """Changes what the user said; later loads of the account leave it as it is."""
    if given:
        body = record.body
        names = {SET_BY_USER.get(name, name) for name in given}
        if "category_guid" in given:
            body.update(_labels(world, user, given.pop("category_guid"), "transaction", type=body["type"]))
        record.sort = given.pop("date", record.sort)
        body.update(given, set_by_user=sorted({*body.get("set_by_user", ()), *names}))
        world.save(record)
        resources.TRANSACTION.emit(world, "updated", record)
        follow(world, SpendingChanged(user.guid))
    return Reply({"transaction": renderer(call, world, user)(record)})


# splitting


@routes.add("POST", f"{TRANSACTIONS}/<transaction>/split", "createSplitTransactions")
def split(call: Call, user: str, transaction: str) -> Reply:
    given = _given_parts(call)
    with call.change() as world:
        owner = call.user(world, user)
        return _split(call, world, owner, find(call, world, owner, transaction), given)


@routes.add("POST", f"{OF_ACCOUNT}/<transaction>/split", "createSplitTransactionsByAccount", versions=(V2,), by_id=True)
def split_of_account(call: Call, user: str, member: str, account: str, transaction: str) -> Reply:
    given = _given_parts(call)
    with call.change() as world:
        owner = call.user(world, user)
        return _split(call, world, owner, find_of_account(call, world, owner, member, account, transaction), given)


@routes.add("DELETE", f"{TRANSACTIONS}/<transaction>/split", "deleteSplitTransactions")
def unsplit(call: Call, user: str, transaction: str) -> Reply:
    with call.change() as world:
        owner = call.user(world, user)
        return _unsplit(world, owner, find(call, world, owner, transaction))


@routes.add(
    "DELETE", f"{OF_ACCOUNT}/<transaction>/split", "deleteSplitTransactionByAccount", versions=(V2,), by_id=True
)
def unsplit_of_account(call: Call, user: str, member: str, account: str, transaction: str) -> Reply:
    with call.change() as world:
        owner = call.user(world, user)
        return _unsplit(world, owner, find_of_account(call, world, owner, member, account, transaction))


def _given_parts(call: Call) -> list[dict[str, Any]]:
    """The parts asked for. MX's file has one object where its prose has two or more. Raises MXError 400, 422."""
    if "transactions" not in call.json:
        raise MXError(400, "Required parameter missing: transactions")
    given = call.json["transactions"]
    if not isinstance(given, list) or len(given) < PARTS or not all(isinstance(part, dict) for part in given):
        raise MXError(422, f"transactions: must be a list of at least {PARTS} objects")
    return [call.read(part, PART, f"transactions[{place}]") for place, part in enumerate(given)]


def _split(call: Call, world: World, user: Record, whole: Record, given: Sequence[Mapping[str, Any]]) -> Reply:
    """The parts take the transaction's place in lists and sums."""
    check_whole(whole, "it can be split again")
    total = sum(cents(part["amount"]) for part in given)
    if total != cents(whole.body["amount"]):
        raise MXError(
            422,
            f"transactions: the amounts add up to {total / 100:.2f}, the transaction's is {whole.body['amount']:.2f}",
        )
    parts = [_part(world, user, whole, part, f"transactions[{place}]") for place, part in enumerate(given)]
    whole.kind = SPLIT
    whole.body["has_been_split"] = True
    world.move(whole)
    resources.TRANSACTION.emit(world, "updated", whole)
    world.add(*parts)
    for part in parts:
        resources.TRANSACTION.emit(world, "created", part)
    follow(world, SpendingChanged(user.guid))
    render = renderer(call, world, user)
    return Reply({"transactions": [render(part) for part in parts]})


def _part(world: World, user: Record, whole: Record, given: Mapping[str, Any], path: str) -> Record:
    """A part: what the whole has, but for what the client said."""
    guid = given.get("category_guid") or whole.body["category_guid"]
    shown_as = _labels(world, user, guid, path, type=whole.body["type"])
    body = {**whole.body, "memo": None, **given, **shown_as, "parent_guid": whole.guid, "has_been_split": False}
    return Record("mx.transaction", world.guid(PREFIX), body, whole.owner, whole.subject, whole.parent, sort=whole.sort)


def _unsplit(world: World, user: Record, whole: Record) -> Reply:
    """Where nothing is split there is nothing to delete."""
    if whole.kind == SPLIT:
        for part in parts_of(world, whole):
            remove(world, part)
        whole.kind = "mx.transaction"
        whole.body["has_been_split"] = False
        world.move(whole)
        resources.TRANSACTION.emit(world, "updated", whole)
        follow(world, SpendingChanged(user.guid))
    return NO_CONTENT
