"""Linking accounts: the hosted link, what the widget does, the exchange of its code, and reauthorisation.

Sources: docs.mono.co, integration guide, Connect link, reauth link; github.com/withmono (SDKs).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate

from mocksrv.engine.clock import MINUTE, iso_ms
from mocksrv.engine.engine import Engine
from mocksrv.engine.play import Play
from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.scenarios.choosing import SCENARIO_HEADER, Credentials, choose
from mocksrv.engine.scenarios.library import UnknownScenario
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import Document, Reply, sentence
from mocksrv.providers.mono.bank.institutions import ANY, METHODS, Institution
from mocksrv.providers.mono.control import ConnectAnswer, ConnectBody
from mocksrv.providers.mono.http import (
    ACCOUNTS,
    V1,
    Call,
    MonoError,
    Mount,
    Routes,
    linked,
    not_found,
)
from mocksrv.providers.mono.ids import document_id, link_code, reauth_token, widget_code
from mocksrv.providers.provider import ControlRoute, Refusal

routes = Routes()
LIFE = 10 * MINUTE  # of a code and of a token
NUMBER = r"^0?[0-9]{10}\Z"  # of an account to be matched: of ten digits, or of eleven as people write it
CODE, TOKEN, LINK, CUSTOMER = "mono.code", "mono.token", "mono.link", "mono.customer"


class CodeSchema(Document):
    """What the widget has given to the app."""

    code = fields.String(required=True, validate=validate.Length(min=1))


class IdentitySchema(Document):
    type = fields.String(required=True)
    number = fields.String(required=True)


class CustomerSchema(Document):
    """A customer that is known by id, or one by name and email."""

    id = fields.String()
    name = fields.String(validate=validate.Length(min=1))
    email = fields.Email()
    identity = fields.Nested(IdentitySchema)


class MetaSchema(Document):
    ref = fields.String(allow_none=True)


class BankSchema(Document):
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
    institution = fields.Nested(BankSchema)
    account = fields.String()
    check_account_match = fields.Boolean()


@routes.add("POST", "/account/auth", also=["/v2/accounts/auth"])
def exchange(call: Call) -> Reply:
    """A code becomes the id of the account. It may be exchanged again as long as it lives."""
    code = call.load(CodeSchema())["code"]
    with call.look() as world:
        record = _living(world, CODE, code)
        if record is None:
            raise MonoError(404, "Code is invalid or has expired")
        account = call.account(world, record.body["account"])
    data = {"id": account.guid}
    return Reply(data) if call.version == V1 else Reply(call.envelope(data, "Account linked successfully") | data)


@routes.add("POST", "/v2/accounts/initiate")
def initiate(call: Call) -> Reply:
    given = call.load(InitiateSchema())
    bank = given.get("institution")
    if bank and call.mount.institutions.find(bank["id"]) is None:
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
    customer = _customer(world, given["customer"], ref)
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


def _customer(world: World, given: Mapping[str, Any], ref: str | None) -> Record:
    """The customer of that id, or of that email; else a new one. Raises MonoError 400, 404."""
    if given.get("id"):
        return world.get(CUSTOMER, given["id"]) or not_found("Customer", given["id"])
    for name in ("name", "email"):
        if not given.get(name):
            raise MonoError(400, f"customer.{name} is required")
    known = world.list(Query(CUSTOMER, partner_id=given["email"], limit=1))
    return (
        known[0]
        if known
        else _new_customer(world, given["name"], given["email"], person=ref or given["email"], named=True)
    )


def _new_customer(world: World, name: str, email: str, *, person: str | None, named: bool) -> Record:
    """``person``: the app's own id of that person, as far as it has said one; ``named``: the app has said who it is."""
    guid = document_id(world)
    record = Record(
        CUSTOMER, guid, {"name": name, "email": email, "person": person or guid, "named": named}, partner_id=email
    )
    world.add(record)
    return record


@routes.add("POST", "/accounts/<id>/reauthorise", also=["/v2/accounts/<id>/reauthorise"])
def reauthorise(call: Call, id: str) -> Reply:
    """A token that opens the widget for an account that is linked already."""
    with call.change() as world:
        account = call.account(world, id)
        token = Record(TOKEN, reauth_token(world), {"account": account.guid}, parent=account.guid)
        world.add(token)
    return call.answer({"token": token.guid}, "Reauthorisation token generated")


def _living(world: World, kind: str, guid: str) -> Record | None:
    """A code or token that has not expired."""
    record = world.get(kind, guid)
    return record if record is not None and world.now < record.created_at + LIFE else None


# what the widget does


class Widget:
    """Mono Connect without its pages: picks an institution, signs in, and links an account as its scenario says."""

    def __init__(self, mount: Mount) -> None:
        self._mount = mount
        self._engine: Engine = mount.engine

    def routes(self) -> list[ControlRoute]:
        refusals = {
            404: "the token is none, or has expired; or there is no such account",
            409: "the reauthorisation has failed",
        }
        summary = "Plays Mono's widget: links an account, or with a token or an account's id reauthorises one."
        return [ControlRoute("POST", "/connect", self.connect, summary, ConnectBody, ConnectAnswer, refusals)]

    def connect(self, sandbox: Sandbox, given: Mapping[str, Any]) -> dict[str, str]:
        """The code that the app's `onSuccess` gets. ``token``: of a reauthorisation, or a hosted link (its code or its
        URL); ``account``: the id of the account that is reauthorised, without a token.

        Raises Refusal.
        """
        if given.get("token") and given.get("account"):
            raise Refusal(422, "account: a token says already which account it is of; give one of the two")
        with self._engine.change(sandbox) as world:
            link = world.get(LINK, given["token"].partition("?")[0].rpartition("/")[2]) if given.get("token") else None
            token = _living(world, TOKEN, given["token"]) if given.get("token") and link is None else None
            if given.get("token") and link is None and token is None:
                raise Refusal(
                    404, f"token: {given['token']!r} is no token of a reauthorisation and no link, or it has expired"
                )
            again = token.body["account"] if token else link.body["account"] if link else given.get("account")
            account = self._again(world, again, link) if again else self._link(world, given, link)
            code = Record(CODE, widget_code(world), {"account": account.guid}, parent=account.guid)
            world.add(code)
        if again and account.body["status"] == "REAUTHORISATION_REQUIRED":
            raise Refusal(
                409, f"the reauthorisation of {account.guid} has failed: it still is {account.body['status']}"
            )
        return {"code": code.guid}

    def _again(self, world: World, id: str, link: Record | None) -> Record:
        account = world.get(ACCOUNTS, id)
        if account is None or not linked(account):
            raise Refusal(404, f"there is no linked account {id}")
        if link and link.body["ref"]:
            account.body["ref"] = link.body["ref"]
            world.save(account)
        self._engine.player.start(world, account, "reauthorise")
        return account

    def _link(self, world: World, given: Mapping[str, Any], link: Record | None) -> Record:
        said = link.body if link else {}
        institution = self._institution(given.get("institution") or said.get("institution") or ANY)
        method = given.get("auth_method") or said.get("auth_method") or institution.methods[0]
        ref = given.get("ref") or said.get("ref")
        customer = (world.get(CUSTOMER, link.owner) if link else None) or self._customer(
            world, given.get("customer"), ref
        )
        try:
            choice = choose(
                world,
                self._engine.library,
                self._mount.role.vocabulary,
                header=given.get("scenario") or said.get("scenario"),
                institution=institution.scenario,
                login=Credentials(institution.identifier, None, None),
            )
        except UnknownScenario as unknown:
            raise Refusal(422, f"scenario: {unknown}") from None
        body = _new_account(institution, method, ref, said.get("account_match"))
        account = Record(ACCOUNTS, document_id(world), body, owner=customer.guid, play=Play("mono", *choice))
        self._engine.player.start(world, account, "link", created=True)
        return account

    def _institution(self, wanted: str) -> Institution:
        found = self._mount.institutions.find(wanted)
        if found is None:
            raise Refusal(
                422, f"institution: {wanted!r} is not known; GET /mono/coverage lists them by name, or say 'any'"
            )
        return found

    def _customer(self, world: World, given: Mapping[str, Any] | None, ref: str | None) -> Record:
        """The customer that the app gave the widget, or the one of this ``ref``; where nobody is named, an invented
        one.
        """
        if given:
            try:
                return _customer(world, CustomerSchema().load(given), ref)
            except MonoError as error:
                raise Refusal(422, f"customer: {error}") from None
            except ValidationError as error:
                raise Refusal(422, sentence("customer", error.messages)) from None
        known = world.list(Query(CUSTOMER, body={"person": ref}, limit=1)) if ref else []
        if known:
            return known[0]
        person = self._mount.people.identity(f"{world.sandbox.settings.seed}:{world.guid()}")
        return _new_customer(world, person["name"], person["email"], person=ref, named=bool(ref))


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
