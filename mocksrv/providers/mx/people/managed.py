"""Members and accounts that the client itself manages: it tells MX what there is, and MX aggregates nothing."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import NO_CONTENT, Reply
from mocksrv.providers.mx.bank import resources
from mocksrv.providers.mx.bank.loading import masked
from mocksrv.providers.mx.catalog.institutions import page
from mocksrv.providers.mx.events.webhooks import emit_member
from mocksrv.providers.mx.http.call import PAGING, Call, MXError, Routes, not_found
from mocksrv.providers.mx.http.schemas import Document, Money
from mocksrv.providers.mx.http.versions import ACCOUNT_TYPES, V2
from mocksrv.providers.mx.money import accounts
from mocksrv.providers.mx.money.manual_accounts import (
    GivenMoment,
    Number,
    Whole,
    account_body,
    member_body,
    remove_account,
)
from mocksrv.providers.mx.people import members
from mocksrv.providers.mx.people.members import MEMBER_ID, MEMBERS_OF_A_USER, check_id

routes = Routes()
MEMBERS = "/users/<user>/managed_members"
MEMBER = f"{MEMBERS}/<member>"
ACCOUNTS = f"{MEMBER}/accounts"
ACCOUNT = f"{ACCOUNTS}/<account>"
DEPRECATED = (V2,)
MOST_ON_A_PAGE = 1000
PARTNER_ID = validate.Length(1, 1024)


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


NEW_MEMBER = ManagedMemberSchema()
MEMBER_CHANGES = ManagedMemberSchema(exclude=("institution_code",))
GIVEN_ACCOUNT = ManagedAccountSchema()


# members


@routes.add("GET", "/managed_institutions", "listManagedInstitutions", deprecated=DEPRECATED)
def list_institutions(call: Call) -> Reply:
    """The institutions under which a client may manage members: those that are favorites."""
    call.arguments(*PAGING)
    return page(call, call.institutions.favorites(), most=MOST_ON_A_PAGE)


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
    institution = next((each for each in call.institutions.favorites() if each.code == code), None)
    if institution is None:
        if call.institutions.get(code) is None:
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
        world.add(call.about(record, new=True))
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
        call.delete(world, record)
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
        check_free_id(world, Query("mx.account", subject=parent.guid, partner_id=partner_id, limit=1), "account", None)
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
        return Reply(
            {"account": accounts.renderer(call, world, owner)(account_of(call, world, owner, member, account))}
        )


@routes.add("PUT", ACCOUNT, "updateManagedAccount", deprecated=DEPRECATED)
def update_account(call: Call, user: str, member: str, account: str) -> Reply:
    given = call.load("account", GIVEN_ACCOUNT, partial=True)
    with call.change() as world:
        owner = call.user(world, user)
        record = account_of(call, world, owner, member, account)
        if "id" in given:
            partner_id = given.pop("id")
            check_free_id(
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
        remove_account(world, account_of(call, world, call.user(world, user), member, account))
    return NO_CONTENT


def account_of(call: Call, world: World, user: Record, member: str, guid: str) -> Record:
    """An account of a managed member. Raises MXError 404."""
    return call.account(world, user, guid, _member(call, world, user, member))


def _masked(given: dict[str, Any]) -> dict[str, Any]:
    """Answers show the last digits of a number only."""
    number = given.get("account_number")
    return {**given, "account_number": masked(number), "full_number": number} if number else given


def check_free_id(world: World, same: Query, kind: str, own: Record | None) -> None:
    """Raises MXError 409 when another record has the id that the query asks for."""
    found = world.list(same)
    if found and (own is None or found[0].guid != own.guid):
        raise MXError(409, f"There is {kind} {found[0].guid} with the id {same.partner_id} already")
