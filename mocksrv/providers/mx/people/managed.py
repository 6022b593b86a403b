"""Members, accounts and transactions that the client itself manages: it tells MX what there is, and MX aggregates
nothing.

The figures of managed accounts and transactions stand as the client gives them; one does not move the other.
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
from mocksrv.providers.mx.bank.loading import masked, parts_of
from mocksrv.providers.mx.catalog import categories
from mocksrv.providers.mx.catalog.institutions import page
from mocksrv.providers.mx.events.changes import SpendingChanged, TransactionsAdded, follow
from mocksrv.providers.mx.events.webhooks import emit_member
from mocksrv.providers.mx.http.call import (
    PAGING,
    V1,
    V2,
    Call,
    Document,
    Money,
    MXError,
    Routes,
    not_found,
)
from mocksrv.providers.mx.http.versions import ACCOUNT_TYPES
from mocksrv.providers.mx.money import accounts, transactions
from mocksrv.providers.mx.money.manual_accounts import (
    GivenMoment,
    Number,
    Whole,
    account_body,
    member_body,
    remove_account,
)
from mocksrv.providers.mx.money.transaction_changes import DESCRIPTION, FLAGS, POSITIVE, TYPES, check_whole, remove
from mocksrv.providers.mx.money.transaction_rules import applier
from mocksrv.providers.mx.people import members
from mocksrv.providers.mx.people.members import MEMBER_ID, MEMBERS_OF_A_USER, check_id

routes = Routes()
MEMBERS = "/users/<user>/managed_members"
MEMBER = f"{MEMBERS}/<member>"
ACCOUNTS = f"{MEMBER}/accounts"
ACCOUNT = f"{ACCOUNTS}/<account>"
TRANSACTIONS = f"{ACCOUNT}/transactions"
TRANSACTION = f"{TRANSACTIONS}/<transaction>"
UNPOSTED, LONGEST_PENDING = "unposted", 14 * DAY  # a timer of transactions, and how long one may be PENDING
DEPRECATED = (V2,)
MOST_ON_A_PAGE = 1000
SHARED = (
    "status",
    "posted_at",
    "transacted_at",
)  # what the parts of a transaction that has been split have of the whole
PARTNER_ID = validate.Length(1, 1024)

_AMOUNT = re.compile(r"\d{1,11}(\.\d+)?", re.ASCII)


class GivenAmount(Money):
    """An amount, which MX's file writes as text; a number will do."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> float:
        if isinstance(value, str):
            if not _AMOUNT.fullmatch(value):
                raise ValidationError("Not a valid amount.")
            value = float(value)
        return super()._deserialize(value, attr, data, **kwargs)


class ManagedMemberSchema(Document):
    """What a client says of a member."""

    id = fields.String(validate=MEMBER_ID)
    institution_code = fields.String(required=True)
    metadata = fields.String()
    name = fields.String(validate=validate.Length(min=1))


class ManagedAccountSchema(Document):
    """What a client says of an account."""

    account_number = fields.String()
    apr = Number()
    apy = Number()
    available_balance = Money()
    available_credit = Money(allow_none=True)
    balance = Money(required=True, allow_none=True)
    cash_surrender_value = Money()
    credit_limit = Money()
    currency_code = fields.String(allow_none=True)
    day_payment_is_due = Whole(allow_none=True, validate=validate.Range(1, 31))
    death_benefit = Whole()
    id = fields.String(required=True, validate=PARTNER_ID)
    interest_rate = Number()
    is_closed = fields.Boolean(truthy={True}, falsy={False})
    is_hidden = fields.Boolean(truthy={True}, falsy={False})
    last_payment = Money()
    last_payment_at = GivenMoment()
    loan_amount = Money()
    matures_on = GivenMoment()
    metadata = fields.String()
    minimum_balance = Money()
    minimum_payment = Money()
    name = fields.String(required=True, validate=validate.Length(min=1))
    nickname = fields.String()
    original_balance = Money()
    payment_due_at = GivenMoment()
    payoff_balance = Money()
    routing_number = fields.String()
    started_on = GivenMoment()
    subtype = fields.String()
    type = fields.String(required=True, validate=validate.OneOf(ACCOUNT_TYPES))


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


NEW_MEMBER = ManagedMemberSchema()
MEMBER_CHANGES = ManagedMemberSchema(exclude=("institution_code",))
GIVEN_ACCOUNT = ManagedAccountSchema()
GIVEN_TRANSACTION = ManagedTransactionSchema()


# members


@routes.add("GET", "/managed_institutions", "listManagedInstitutions", deprecated=DEPRECATED)
def list_institutions(call: Call) -> Reply:
    """The institutions under which a client may manage members: those that are favorites."""
    call.arguments(*PAGING)
    return page(call, call.mount.institutions.favorites(), most=MOST_ON_A_PAGE)


@routes.add("GET", MEMBERS, "listManagedMembers", deprecated=DEPRECATED)
def list_members(call: Call, user: str) -> Reply:
    call.arguments(*PAGING)
    with call.look() as world:
        owner = call.user(world, user)
        query = Query("mx.member", owner=owner.guid, body={"is_managed_by_user": False})
        return call.paged(world, query, "members", lambda member: members.render(call, member, owner))


@routes.add("POST", MEMBERS, "createManagedMember", deprecated=DEPRECATED)
def create_member(call: Call, user: str) -> Reply:
    given = call.load("member", NEW_MEMBER)
    code = given.pop("institution_code")
    institution = next((each for each in call.mount.institutions.favorites() if each.code == code), None)
    if institution is None:
        if call.mount.institutions.get(code) is None:
            not_found("Institution", code)
        raise MXError(422, f"member.institution_code: {code} is not one of GET /managed_institutions")
    with call.change() as world:
        owner = call.user(world, user)
        if world.count(Query("mx.member", owner=owner.guid)) >= MEMBERS_OF_A_USER:
            raise MXError(405, f"A user may have {MEMBERS_OF_A_USER} members")
        partner_id = given.pop("id", None)
        check_id(world, partner_id, None)
        body = member_body(institution, is_managed_by_user=False, **given)
        record = Record("mx.member", world.guid("MBR"), body, owner=owner.guid, partner_id=partner_id)
        world.add(call.about(record))
        emit_member(world, "mx.member.created", record)
        return Reply({"member": members.render(call, record, owner)}, 202)


@routes.add("GET", MEMBER, "readManagedMember", deprecated=DEPRECATED)
def read_member(call: Call, user: str, member: str) -> Reply:
    with call.look() as world:
        owner = call.user(world, user)
        return Reply({"member": members.render(call, _member(call, world, owner, member), owner)})


@routes.add("PUT", MEMBER, "updateManagedMember", deprecated=DEPRECATED)
def update_member(call: Call, user: str, member: str) -> Reply:
    given = call.load("member", MEMBER_CHANGES, partial=True)
    with call.change() as world:
        owner = call.user(world, user)
        record = _member(call, world, owner, member)
        if "id" in given:
            check_id(world, given["id"], record)
            record.partner_id = given.pop("id")
        record.body.update(given)
        world.save(record)
        emit_member(world, "mx.member.updated", record)
        return Reply({"member": members.render(call, record, owner)})


@routes.add("DELETE", MEMBER, "deleteManagedMember", deprecated=DEPRECATED)
def delete_member(call: Call, user: str, member: str) -> Reply:
    with call.change() as world:
        record = _member(call, world, call.user(world, user), member)
        for account in world.list(Query("mx.account", subject=record.guid)):
            remove_account(world, account)
        call.mount.role.remove(world, record)
    return NO_CONTENT


def _member(call: Call, world: World, user: Record, guid: str) -> Record:
    """A managed member of this user. Raises MXError 404."""
    record = call.member(world, user, guid)
    return record if not record.body["is_managed_by_user"] else not_found("Managed member", guid)


# accounts


@routes.add("GET", ACCOUNTS, "listManagedAccounts", deprecated=DEPRECATED)
def list_accounts(call: Call, user: str, member: str) -> Reply:
    call.arguments(*PAGING)
    with call.look() as world:
        owner = call.user(world, user)
        query = Query("mx.account", subject=_member(call, world, owner, member).guid)
        return call.paged(world, query, "accounts", accounts.renderer(call, world, owner))


@routes.add("POST", ACCOUNTS, "createManagedAccount", deprecated=DEPRECATED)
def create_account(call: Call, user: str, member: str) -> Reply:
    given = call.load("account", GIVEN_ACCOUNT)
    with call.change() as world:
        owner = call.user(world, user)
        parent = _member(call, world, owner, member)
        partner_id = given.pop("id")
        _check_id(world, Query("mx.account", subject=parent.guid, partner_id=partner_id, limit=1), "account", None)
        body = account_body(parent, _masked(given))
        record = Record(
            "mx.account", world.guid(resources.ACCOUNT.prefix), body, owner.guid, parent.guid, partner_id=partner_id
        )
        world.add(record)
        resources.ACCOUNT.emit(world, "created", record)
        return Reply({"account": accounts.renderer(call, world, owner)(record)})


@routes.add("GET", ACCOUNT, "readManagedAccount", deprecated=DEPRECATED)
def read_account(call: Call, user: str, member: str, account: str) -> Reply:
    with call.look() as world:
        owner = call.user(world, user)
        return Reply({"account": accounts.renderer(call, world, owner)(_account(call, world, owner, member, account))})


@routes.add("PUT", ACCOUNT, "updateManagedAccount", deprecated=DEPRECATED)
def update_account(call: Call, user: str, member: str, account: str) -> Reply:
    given = call.load("account", GIVEN_ACCOUNT, partial=True)
    with call.change() as world:
        owner = call.user(world, user)
        record = _account(call, world, owner, member, account)
        if "id" in given:
            partner_id = given.pop("id")
            _check_id(
                world, Query("mx.account", subject=record.subject, partner_id=partner_id, limit=1), "account", record
            )
            record.partner_id = partner_id
        record.body.update(_masked(given))
        world.save(record)
        resources.ACCOUNT.emit(world, "updated", record)
        return Reply({"account": accounts.renderer(call, world, owner)(record)})


@routes.add("DELETE", ACCOUNT, "deleteManagedAccount", deprecated=DEPRECATED)
def delete_account(call: Call, user: str, member: str, account: str) -> Reply:
    with call.change() as world:
        remove_account(world, _account(call, world, call.user(world, user), member, account))
    return NO_CONTENT


def _account(call: Call, world: World, user: Record, member: str, guid: str) -> Record:
    """An account of a managed member. Raises MXError 404."""
    return call.account(world, user, guid, _member(call, world, user, member))


def _masked(given: dict[str, Any]) -> dict[str, Any]:
    """Answers show the last digits of a number only."""
    number = given.get("account_number")
    return {**given, "account_number": masked(number), "full_number": number} if number else given


def _check_id(world: World, same: Query, kind: str, own: Record | None) -> None:
    """Raises MXError 409 when another record has the id that the query asks for."""
    found = world.list(same)
    if found and (own is None or found[0].guid != own.guid):
        raise MXError(409, f"There is {kind} {found[0].guid} with the id {same.partner_id} already")


# transactions


@routes.add("GET", TRANSACTIONS, "listManagedTransactions", deprecated=DEPRECATED)
def list_transactions(call: Call, user: str, member: str, account: str) -> Reply:
    call.arguments(*PAGING, *transactions.date_parameters("date"))
    with call.look() as world:
        owner = call.user(world, user)
        parent = _account(call, world, owner, member, account)
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
        parent = _account(call, world, owner, member, account)
        body = {**dict.fromkeys(FLAGS, False), "category_guid": UNCATEGORIZED.guid}
        record = Record(
            "mx.transaction", world.guid(transactions.PREFIX), body, owner.guid, parent.subject, parent.guid
        )
        categorized = given.get("category") is not None
        _fill(world, record, given)
        if not categorized:
            applier(world, owner.guid)(record.body)
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
    return transactions.find(call, world, user, guid, parent=_account(call, world, user, member, account).guid)


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
            _check_id(world, Query(kind, parent=record.parent, partner_id=partner_id, limit=1), "transaction", record)
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
