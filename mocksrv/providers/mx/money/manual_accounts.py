"""Accounts that a user tracks by hand, what a client may change on any account, and the merging of accounts.

Manual accounts belong to a member of the Manual Institution, which is made with the first of them and never aggregates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate

from mocksrv.engine.clock import parse_moment
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import NO_CONTENT, Reply
from mocksrv.providers.mx.bank import institutions, resources
from mocksrv.providers.mx.bank.institutions import Institution
from mocksrv.providers.mx.bank.resources import SPLIT
from mocksrv.providers.mx.events.changes import AccountChanged, AccountGoing, AccountMerging, TransactionMoved, follow
from mocksrv.providers.mx.events.webhooks import emit_member
from mocksrv.providers.mx.http.call import MEMBER, Call, MXError, Routes, not_found
from mocksrv.providers.mx.http.schemas import Document, Moment, Money
from mocksrv.providers.mx.http.versions import ACCOUNT_TYPES, V2
from mocksrv.providers.mx.money.accounts import ACCOUNT, renderer
from mocksrv.providers.mx.money.transaction_changes import cents, direction, remove
from mocksrv.providers.mx.money.transactions import KINDS

routes = Routes()
ON_ANY_ACCOUNT = frozenset(
    {"is_business", "is_hidden", "metadata"}
)  # what can be changed on an account that MX aggregates
PROPERTY_TYPES = (
    "APPLIANCES",
    "ART",
    "COMPUTER",
    "ELECTRONICS",
    "FURNITURE",
    "JEWELRY",
    "MISCELLANEOUS",
    "REAL_ESTATE",
    "SPORTS_EQUIPMENT",
    "VEHICLE",
)
LARGEST = 1e12
MERGED = 2  # the fewest accounts that can be merged
VALUED = ("mx.holding",)  # belongings that a balance is made of: the kept account's bank says what it holds
BELONGINGS = (
    "mx.holding",
    "mx.account_number",
    "mx.account_owner",
    "mx.statement",
    "mx.reward",
)  # of an account, beside transactions


class Number(fields.Float):
    """A JSON number; text is none."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) >= LARGEST:
            raise ValidationError("Not a valid number.")
        return float(value)


class Whole(fields.Integer):
    """A JSON number without fraction."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> int:
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float))
            or abs(value) >= LARGEST
            or value != int(value)
        ):
            raise ValidationError("Not a valid integer.")
        return int(value)


class GivenMoment(Moment):
    """A moment in a request, ISO 8601; milliseconds in a record."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> int:
        try:
            return parse_moment(value)
        except ValueError as error:
            raise ValidationError(f"{error}.") from None


class ManualAccountSchema(Document):
    """What a user says of an account; answers call the type and the subtype by other names."""

    account_subtype = fields.String(attribute="subtype", allow_none=True)
    account_type = fields.String(
        attribute="type", required=True, allow_none=True, validate=validate.OneOf(ACCOUNT_TYPES)
    )
    apr = Number(allow_none=True)
    apy = Number()
    available_balance = Money()
    balance = Money()
    cash_surrender_value = Money()
    credit_limit = Money(allow_none=True)
    currency_code = fields.String(allow_none=True)
    death_benefit = Whole()
    interest_rate = Number()
    is_business = fields.Boolean(truthy={True}, falsy={False})
    is_closed = fields.Boolean(truthy={True}, falsy={False})
    is_hidden = fields.Boolean(truthy={True}, falsy={False})
    loan_amount = Money()
    metadata = fields.String()
    name = fields.String(required=True, validate=validate.Length(min=1))
    nickname = fields.String()
    original_balance = Money()
    property_type = fields.String(validate=validate.OneOf(PROPERTY_TYPES))

    @post_load
    def _some_type(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """No type is the type of those that have none."""
        return data | {"type": data["type"] or "ANY"} if "type" in data else data


class MergeSchema(Document):
    """The accounts to merge; the first of them stays."""

    account_guids = fields.List(fields.String(), required=True, validate=validate.Length(min=MERGED))


ACCOUNTS = ManualAccountSchema()
MERGES = MergeSchema()


# members without credentials, and their accounts


def member_body(institution: Institution, **fields: Any) -> dict[str, Any]:
    """The body of a member that MX does not aggregate: it has no credentials, hence no status."""
    unset = dict.fromkeys(
        (
            "aggregated_at",
            "connection_status",
            "duplicate_key",
            "metadata",
            "most_recent_job_guid",
            "oauth_state",
            "successfully_aggregated_at",
        )
    )
    no = dict.fromkeys(
        (
            "background_aggregation_is_disabled",
            "has_processed_account_numbers",
            "has_processed_accounts",
            "has_processed_transactions",
            "is_authenticated",
            "is_being_aggregated",
            "is_manual",
            "is_oauth",
            "needs_updated_credentials",
        ),
        False,
    )
    known = {
        "institution_code": institution.code,
        "institution_guid": institution.guid,
        "institution_name": institution.name,
    }
    return {**unset, **no, **known, "credentials": {}, "error": {}, "name": institution.name, "use_cases": [], **fields}


def account_body(member: Record, given: dict[str, Any]) -> dict[str, Any]:
    """The body of an account of such a member."""
    of_member = {name: member.body[name] for name in ("institution_code", "institution_guid", "is_manual")}
    no = dict.fromkeys(("is_business", "is_closed", "is_hidden"), False)
    managed = {
        "member_is_managed_by_user": member.body["is_managed_by_user"],
        "federal_insurance_status": "UNKNOWN_INSURED",
    }
    return {**of_member, **no, **managed, **given}


def remove_account(world: World, account: Record) -> None:
    """Deletes an account with all that hangs on it, each object with its event."""
    for kind in reversed(KINDS):  # those that have been split go with their parts
        for transaction in world.list(Query(kind, parent=account.guid)):
            remove(world, transaction)
    for holding in world.list(Query("mx.holding", parent=account.guid)):
        world.remove(guid=holding.guid)
        resources.HOLDING.emit(world, "deleted", holding)
    follow(world, AccountGoing(account))
    world.remove_below("parent", account.guid)
    world.remove(guid=account.guid)
    resources.ACCOUNT.emit(world, "deleted", account)


def _manual_member(call: Call, world: World, user: Record) -> Record:
    """The member that holds the user's manual accounts, made with the first of them."""
    found = world.list(Query("mx.member", owner=user.guid, body={"is_manual": True}, limit=1))
    if found:
        return found[0]
    institution = call.institutions.get(institutions.MANUAL)
    body = member_body(institution, is_manual=True, is_managed_by_user=True)
    record = Record("mx.member", world.guid("MBR"), body, owner=user.guid)
    world.add(record)
    emit_member(world, "mx.member.created", record)
    return record


# views


@routes.add("POST", "/users/<user>/accounts", "createManualAccount", by_id=True)
def create(call: Call, user: str) -> Reply:
    given = call.load("account", ACCOUNTS)
    with call.change() as world:
        owner = call.user(world, user)
        if owner.guid != user:
            not_found("This call takes the guid of a user, no id; user", user)
        member = _manual_member(call, world, owner)
        body = account_body(member, {"balance": 0.0, **given})
        record = Record("mx.account", world.guid(resources.ACCOUNT.prefix), body, owner=owner.guid, subject=member.guid)
        world.add(record)
        resources.ACCOUNT.emit(world, "created", record)
        return Reply({"account": renderer(call, world, owner)(record)})


@routes.add("PUT", f"{MEMBER}/accounts/<account>", "updateAccountByMember", by_id=True)
def update(call: Call, user: str, member: str, account: str) -> Reply:
    """Of an account that is not manual only some fields can be changed: the others are ignored."""
    given = call.load("account", ACCOUNTS, partial=True)
    with call.change() as world:
        owner = call.user(world, user)
        record = call.account(world, owner, account, call.member(world, owner, member))
        if not record.body["is_manual"]:
            for name in sorted((call.json["account"].keys() & ACCOUNTS.load_fields.keys()) - ON_ANY_ACCOUNT):
                call.entry.violate("ignored-field", f"account.{name} can be changed on manual accounts only")
            given = {name: value for name, value in given.items() if name in ON_ANY_ACCOUNT}
        if given:
            before = record.body.get("balance")
            record.body.update(given)
            world.save(record)
            resources.ACCOUNT.emit(world, "updated", record)
            follow(world, AccountChanged(record, before))
        return Reply({"account": renderer(call, world, owner)(record)})


@routes.add("DELETE", ACCOUNT, "deleteManualAccount")
def delete(call: Call, user: str, account: str) -> Reply:
    with call.change() as world:
        record = call.account(world, call.user(world, user), account)
        if not record.body["is_manual"]:
            raise MXError(405, f"Account {record.guid} is not a manual account")
        remove_account(world, record)
    return NO_CONTENT


@routes.add("POST", "/users/<user>/accounts/merge", "mergeAccounts", versions=(V2,))
def merge(call: Call, user: str) -> Reply:
    guids = call.load("account", MERGES)["account_guids"]
    with call.change() as world:
        owner = call.user(world, user)
        kept, *others = _to_merge(world, owner, guids)
        for other in others:
            _absorb(world, kept, other)
        world.save(kept)
        resources.ACCOUNT.emit(world, "updated", kept)
        return Reply({"account": renderer(call, world, owner)(kept)})


# merging


def _to_merge(world: World, user: Record, guids: Sequence[str]) -> list[Record]:
    """Raises MXError 422 unless these are different accounts of the user."""
    if len(set(guids)) < len(guids):
        raise MXError(422, "account.account_guids: an account can be named only once")
    found = [world.get("mx.account", guid) for guid in guids]
    accounts = [account for account in found if account is not None and account.owner == user.guid]
    if len(accounts) < len(guids):
        strange = next(
            guid for guid, account in zip(guids, found, strict=True) if account is None or account.owner != user.guid
        )
        raise MXError(422, f"account.account_guids: {strange} is not an account of this user")
    return accounts


def _absorb(world: World, kept: Record, other: Record) -> None:
    """Puts what hangs on the other account under the one that is kept, and deletes the other.

    What the bank gave stands, balance and belongings: both accounts are views of the same money. What is tracked by
    hand is added up.
    """
    if kept.body["is_manual"]:
        for name in ("balance", "available_balance"):
            values = [(account.body.get(name), direction(account) * direction(kept)) for account in (kept, other)]
            if any(value is not None for value, _ in values):
                kept.body[name] = sum(cents(value or 0) * sign for value, sign in values) / 100
    _move_transactions(world, kept, other)
    for kind in BELONGINGS:
        if kept.body["is_manual"] or (kind not in VALUED and not world.count(Query(kind, parent=kept.guid))):
            for record in world.list(Query(kind, parent=other.guid)):
                _move(world, kept, record)
    follow(world, AccountMerging(other, kept))
    _forget(world, other)
    remove_account(world, other)


def _move_transactions(world: World, kept: Record, other: Record) -> None:
    """All but those that the kept account has from the bank, too, and those that no bank will post any more.

    They are deleted with the other account.
    """
    of_bank = other.body["member_is_managed_by_user"] and not other.body["is_manual"]
    known = {record.partner_id for kind in KINDS for record in world.pages(Query(kind, parent=kept.guid))} - {None}
    for kind in reversed(KINDS):
        for record in world.list(Query(kind, parent=other.guid)):
            if record.partner_id in known or _whole_of(world, record).partner_id in known:
                continue
            if of_bank and record.body["status"] == "PENDING":
                continue
            _move(world, kept, record)
            follow(world, TransactionMoved(record))
            resources.TRANSACTION.emit(world, "updated", record, bulk=True)


def _whole_of(world: World, transaction: Record) -> Record:
    """The transaction of which this one is a part, else itself."""
    return world.get(SPLIT, transaction.body.get("parent_guid") or "") or transaction


def _move(world: World, account: Record, record: Record) -> None:
    record.parent, record.subject = account.guid, account.subject
    world.move(record)


def _forget(world: World, account: Record) -> None:
    """The member's next loads bring this account of the bank no more."""
    member = world.get("mx.member", account.subject or "")
    if member is not None and account.partner_id is not None:
        member.body["merged_accounts"] = [*member.body.get("merged_accounts", ()), account.partner_id]
        world.save_play(member)
