"""Accounts, their numbers and their owners: what is read of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from marshmallow import fields

from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import Reply
from mocksrv.providers.mx.http.call import MEMBER, PAGING, Call, Routes
from mocksrv.providers.mx.http.schemas import Document, Moment, Money, shown
from mocksrv.providers.mx.http.versions import ACCOUNT_FEED, ACCOUNT_SET_BY, NEVER_NULL, Versioned, account_twins

routes = Routes()
ACCOUNT = "/users/<user>/accounts/<account>"

_FIELDS: Mapping[type[fields.Field[Any]], str] = {
    fields.Boolean: "is_closed is_hidden is_manual member_is_managed_by_user",
    fields.Float: "apr apy calculated_apr interest_rate today_ugl_percentage",
    fields.Integer: "annuity_term_year day_payment_is_due death_benefit",
    fields.String: """account_number account_ownership annuity_policy_to_date annuity_provider
        credit_card_product_guid currency_code federal_insurance_status guid id institution_code institution_guid
        insured_name member_guid member_id metadata name nickname property_type routing_number subtype type user_guid
        user_id""",
    Moment: "created_at imported_at last_payment_at matures_on payment_due_at started_on updated_at",
    Money: """available_balance available_credit balance cash_balance cash_surrender_value credit_limit holdings_value
        last_payment loan_amount margin_balance minimum_balance minimum_payment original_balance pay_out_amount
        payoff_balance premium_amount statement_balance today_ugl_amount total_account_value total_account_value_ugl""",
}


def _account_fields() -> dict[str, type[fields.Field[Any]]]:
    base = {name: kind for kind, names in _FIELDS.items() for name in names.split()}
    feed = {f"feed_{name}": base[name] for name in ACCOUNT_FEED}
    numbers = (*(f"{name}_set_by" for name in ACCOUNT_SET_BY), "feed_account_type", "feed_account_subtype")
    return base | feed | dict.fromkeys(numbers, fields.Integer)


AccountSchema = Document.from_dict(
    {name: kind() for name, kind in sorted(_account_fields().items())}, name="AccountSchema"
)


class AccountNumberSchema(Document):
    """What is needed to move money to or from an account."""

    account_guid = fields.String()
    account_number = fields.String()
    guid = fields.String()
    institution_number = fields.String()
    loan_guarantor = fields.String()
    loan_reference_number = fields.String()
    member_guid = fields.String()
    passed_validation = fields.Boolean()
    routing_number = fields.String()
    sequence_number = fields.String()
    transit_number = fields.String()
    user_guid = fields.String()


class AccountOwnerSchema(Document):
    """A person to whom an account belongs."""

    account_guid = fields.String()
    address = fields.String()
    city = fields.String()
    country = fields.String()
    email = fields.String()
    first_name = fields.String()
    guid = fields.String()
    last_name = fields.String()
    member_guid = fields.String()
    owner_name = fields.String()
    phone = fields.String()
    postal_code = fields.String()
    state = fields.String()
    user_guid = fields.String()


ACCOUNTS = Versioned("account", AccountSchema)
ACCOUNT_NUMBERS = AccountNumberSchema()
ACCOUNT_OWNERS = AccountOwnerSchema()


def renderer(call: Call, world: World, user: Record) -> Callable[[Record], dict[str, Any]]:
    """What renders accounts of this user as the call's version shows them."""

    @cache
    def member_id(guid: str) -> str | None:
        member = world.get("mx.member", guid)
        return member.partner_id if member else None

    def render(account: Record) -> dict[str, Any]:
        more = {
            "user_id": user.partner_id,
            "member_guid": account.subject,
            "member_id": member_id(account.subject or ""),
        }
        if call.mount.fidelity == "sdk":
            more |= {name: account.body.get(name) or value for name, value in NEVER_NULL[call.version].items()}
        return ACCOUNTS.dump(call.version, {**account_twins(account.body), **shown(account, **more)})

    return render


def in_use_case(call: Call, world: World, user: Record) -> Callable[[Record], bool] | None:
    """Tells what belongs to members with the ``use_case`` asked for; None when none is. Raises MXError 400."""
    wanted = call.use_case()
    if wanted is None:
        return None
    members = {
        m.guid for m in world.list(Query("mx.member", owner=user.guid)) if wanted in (m.body.get("use_cases") or ())
    }
    return lambda record: record.subject in members


@routes.add("GET", "/users/<user>/accounts", "listUserAccounts", by_id=True)
def list_by_user(call: Call, user: str) -> Reply:
    call.arguments(*PAGING, "is_manual", "member_is_managed_by_user", "use_case")
    with call.look() as world:
        owner = call.user(world, user)
        query = Query("mx.account", owner=owner.guid, body=_flags(call, "is_manual", "member_is_managed_by_user"))
        keep = in_use_case(call, world, owner)
        return call.paged(world, query, "accounts", renderer(call, world, owner), keep=keep, lasting=True)


@routes.add("GET", f"{MEMBER}/accounts", "listMemberAccounts", by_id=True)
def list_by_member(call: Call, user: str, member: str) -> Reply:
    call.arguments(*PAGING, "member_is_managed_by_user")
    with call.look() as world:
        owner = call.user(world, user)
        query = Query(
            "mx.account", subject=call.member(world, owner, member).guid, body=_flags(call, "member_is_managed_by_user")
        )
        return call.paged(world, query, "accounts", renderer(call, world, owner), lasting=True)


@routes.add("GET", ACCOUNT, "readAccount")
def read_account(call: Call, user: str, account: str) -> Reply:
    with call.look() as world:
        owner = call.user(world, user)
        return Reply({"account": renderer(call, world, owner)(call.account(world, owner, account))})


@routes.add("GET", f"{MEMBER}/accounts/<account>", "readAccountByMember", by_id=True)
def read_account_by_member(call: Call, user: str, member: str, account: str) -> Reply:
    with call.look() as world:
        owner = call.user(world, user)
        record = call.account(world, owner, account, call.member(world, owner, member))
        return Reply({"account": renderer(call, world, owner)(record)})


@routes.add("GET", f"{ACCOUNT}/account_numbers", "listAccountNumbersByAccount", by_id=True)
def list_numbers_by_account(call: Call, user: str, account: str) -> Reply:
    call.arguments(*PAGING)
    with call.look() as world:
        record = call.account(world, call.user(world, user), account)
        return call.paged(
            world, Query("mx.account_number", parent=record.guid), "account_numbers", _number, lasting=True
        )


@routes.add("GET", f"{MEMBER}/account_numbers", "listAccountNumbersByMember")
def list_numbers_by_member(call: Call, user: str, member: str) -> Reply:
    call.arguments(*PAGING)
    with call.look() as world:
        record = call.member(world, call.user(world, user), member)
        return call.paged(
            world, Query("mx.account_number", subject=record.guid), "account_numbers", _number, lasting=True
        )


@routes.add("GET", f"{MEMBER}/account_owners", "listAccountOwnersByMember", by_id=True)
def list_owners(call: Call, user: str, member: str) -> Reply:
    call.arguments(*PAGING)
    with call.look() as world:
        record = call.member(world, call.user(world, user), member)
        return call.paged(world, Query("mx.account_owner", subject=record.guid), "account_owners", _owner, lasting=True)


def _flags(call: Call, *names: str) -> dict[str, bool]:
    """The boolean filters that were given."""
    values = {name: call.flag(name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _number(record: Record) -> dict[str, Any]:
    return dict(ACCOUNT_NUMBERS.dump(shown(record, account_guid=record.parent, member_guid=record.subject)))


def _owner(record: Record) -> dict[str, Any]:
    return dict(ACCOUNT_OWNERS.dump(shown(record, account_guid=record.parent, member_guid=record.subject)))
