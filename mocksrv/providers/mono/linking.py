"""Linking accounts: the hosted link, what the widget does, the exchange of its code, and reauthorisation.

Sources: docs.mono.co, integration guide, Connect link, reauth link; github.com/withmono (SDKs).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate

from mocksrv.engine.clock import DAY, MINUTE, iso_ms
from mocksrv.engine.play import Play
from mocksrv.engine.scenarios.choosing import SCENARIO_HEADER, Choice, Credentials, choose
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers.http import Document, Reply
from mocksrv.providers.mono.bank.institutions import METHODS, Institution
from mocksrv.providers.mono.customers import CustomerIdentitySchema, find_customer
from mocksrv.providers.mono.http import (
    ACCOUNTS,
    V1,
    Call,
    MonoError,
    Mount,
    Routes,
    not_found,
)
from mocksrv.providers.mono.ids import document_id, link_code, reauth_token, widget_code

routes = Routes()
LIFE = 10 * MINUTE  # of a code and of a token
NUMBER = r"^0?[0-9]{10}\Z"  # of an account to be matched: of ten digits, or of eleven as people write it
CODE, TOKEN, LINK = "mono.code", "mono.token", "mono.link"
VISIT, VISIT_LIFE = "mono.visit", 2 * DAY  # of the widget's page, or of a hosted link's


class CodeSchema(Document):
    """What the widget has given to the app."""

    code = fields.String(required=True, validate=validate.Length(min=1))


class CustomerSchema(Document):
    """A customer that is known by id, or one by name and email."""

    id = fields.String()
    name = fields.String(validate=validate.Length(min=1))
    email = fields.Email()
    identity = fields.Nested(CustomerIdentitySchema)


class MetaSchema(Document):
    ref = fields.String(allow_none=True)


class LinkedBankSchema(Document):
    """Where the user is led at once."""

    id = fields.String(required=True)
    auth_method = fields.String(validate=validate.OneOf(METHODS))
    account_number = fields.String(validate=validate.Regexp(NUMBER, error="Must be ten digits, or a 0 before them."))


class InitiateSchema(Document):
    """A hosted link: to link an account, or to reauthorise one."""

    customer = fields.Nested(CustomerSchema)
    scope = fields.String(required=True, validate=validate.OneOf(("auth", "reauth")))
    meta = fields.Nested(MetaSchema)
    redirect_url = fields.String()
    institution = fields.Nested(LinkedBankSchema)
    account = fields.String()
    check_account_match = fields.Boolean()


@routes.add("POST", "/account/auth", also=["/v2/accounts/auth"])
def exchange(call: Call) -> Reply:
    """A code becomes the id of the account. It may be exchanged again as long as it lives."""
    code = call.load(CodeSchema())["code"]
    with call.look() as world:
        record = living(world, CODE, code)
        if record is None:
            raise MonoError(404, "Code is invalid or has expired")
        account = call.account(world, record.body["account"])
    data = {"id": account.guid}
    return Reply(data) if call.version == V1 else Reply(call.envelope(data, "Account linked successfully") | data)


@routes.add("POST", "/v2/accounts/initiate")
def initiate(call: Call) -> Reply:
    given = call.load(InitiateSchema())
    bank = given.get("institution")
    if bank and call.institutions.find(bank["id"]) is None:
        not_found("Institution", bank["id"])
    with call.change() as world:
        link = _reauth_link(call, world, given) if given["scope"] == "reauth" else _auth_link(call, world, given)
        world.add(link)
    body = link.body
    data = {
        "mono_url": f"{call.base_url}/link/{link.guid}",
        "customer": link.owner,
        "meta": {"ref": body["ref"]} if body["ref"] else {},
        "scope": body["scope"],
        "redirect_url": body["redirect_url"],
        **{name: body[name] for name in ("account", "institution", "auth_method") if body["scope"] == "reauth"},
        "created_at": iso_ms(link.created_at),
    }
    return Reply(call.envelope(data, "Request was successfully completed"))


def _auth_link(call: Call, world: World, given: Mapping[str, Any]) -> Record:
    for name in ("customer", "redirect_url"):
        if not given.get(name):
            raise MonoError(400, f"{name} is required")
    ref = given.get("meta", {}).get("ref")
    customer = find_customer(world, given["customer"], ref)
    bank = given.get("institution", {})
    match = bank["account_number"][-10:] if given.get("check_account_match") and "account_number" in bank else None
    body = {
        "scope": "auth",
        "ref": ref,
        "redirect_url": given["redirect_url"],
        "institution": bank.get("id"),
        "account": None,
        "auth_method": bank.get("auth_method"),
        "account_match": match,
        "scenario": call.request.headers.get(SCENARIO_HEADER),
    }
    return Record(LINK, link_code(world), body, owner=customer.guid)


def _reauth_link(call: Call, world: World, given: Mapping[str, Any]) -> Record:
    if not given.get("account"):
        raise MonoError(400, "account is required where scope is reauth")
    account = call.account(world, given["account"])
    body = {
        "scope": "reauth",
        "ref": given.get("meta", {}).get("ref"),
        "redirect_url": given.get("redirect_url"),
        "account": account.guid,
        "institution": account.body["institution"],
        "auth_method": account.body["auth_method"],
    }
    return Record(LINK, link_code(world), body, owner=account.owner)


@routes.add("POST", "/accounts/<id>/reauthorise", also=["/v2/accounts/<id>/reauthorise"])
def reauthorise(call: Call, id: str) -> Reply:
    """A token that opens the widget for an account that is linked already."""
    with call.change() as world:
        account = call.account(world, id)
        token = Record(TOKEN, reauth_token(world), {"account": account.guid}, parent=account.guid)
        world.add(token)
    return call.answer({"token": token.guid}, "Reauthorisation token generated")


def living(world: World, kind: str, guid: str) -> Record | None:
    """A code, token or session that has not expired."""
    record = world.get(kind, guid)
    return record if record is not None and world.now < record.created_at + LIFE else None


@routes.due(VISIT)
def visit_ends(world: World, visit: Record) -> None:
    world.remove(guid=visit.guid)


# what the widget, a partner's session and control calls do


def typed_credentials(institution: Institution, given: Mapping[str, Any]) -> Credentials | None:
    """What was typed into an institution's form: any text will do. None where a field of it is missing or empty."""
    for field in institution.form:
        text = given.get(field["name"])
        if not isinstance(text, str) or not text.strip():
            return None
    typed = {field["contentType"]: given[field["name"]] for field in reversed(institution.form)}
    return Credentials(institution.identifier, typed.get("string"), typed.get("password"))


def choose_scenario(
    mount: Mount, world: World, institution: Institution, login: Credentials, scenario: str | None
) -> Choice:
    """The scenario of a new account. ``scenario``: the one that was asked for. Raises UnknownScenario."""
    return choose(world, mount.role.vocabulary, header=scenario, institution=institution.scenario, login=login)


def link_account(
    mount: Mount,
    world: World,
    customer: Record,
    institution: Institution,
    method: str,
    choice: Choice,
    *,
    ref: str | None = None,
    match: str | None = None,
    place: int | None = None,
) -> Record:
    """Links an account at an institution, which plays the scenario of ``choice``. ``match``: the number that it is
    compared with; ``place``: which of the person's accounts it is, as `Loader.offered` counts them; None: the next.
    """
    body = {**_new_account(institution, method, ref, match), "place": place}
    account = Record(ACCOUNTS, document_id(world), body, owner=customer.guid, play=Play("mono", *choice))
    mount.engine.player.start(world, account, "link", created=True)
    return account


def code_of(world: World, account: Record) -> str:
    """A new code, which becomes the account's id."""
    code = Record(CODE, widget_code(world), {"account": account.guid}, parent=account.guid)
    world.add(code)
    return code.guid


def _new_account(institution: Institution, method: str, ref: str | None, match: str | None) -> dict[str, Any]:
    """What is known of an account before anything was fetched."""
    bank = {"name": institution.name, "bank_code": institution.bank_code, "type": institution.type}
    unknown = ("name", "account_number", "type", "currency", "balance", "bvn", "identity")  # to the app
    unset = ("profile", "loaded_profile", "place", "data_until", "sync_error", "synced_at")
    return {
        **dict.fromkeys((*unknown, *unset)),
        "status": "PROCESSING",
        "data_status": "PROCESSING",
        "retrieved_data": [],
        "wants_user": False,
        "institution": institution.id,
        "bank": bank,
        "auth_method": method,
        "ref": ref,
        "account_match": match,
        "found": False,
    }
