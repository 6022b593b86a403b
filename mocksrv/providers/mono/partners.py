"""The Partners API: linking and reauthorising without the widget, in sessions.

Source: docs.mono.co, Partners API, sandbox guide and reauth guide. What commits a session (a one-time code, the choice
of one of several accounts) is not documented with its path; each session here is complete after its login.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate

from mocksrv.engine.scenarios.choosing import SCENARIO_HEADER
from mocksrv.engine.scenarios.lookup import UnknownScenario
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers.http import Document, Reply
from mocksrv.providers.mono.bank.institutions import METHODS, Institution
from mocksrv.providers.mono.coverage import SCOPE, login_form
from mocksrv.providers.mono.customers import find_customer
from mocksrv.providers.mono.http import Call, MonoError, Routes, not_found
from mocksrv.providers.mono.ids import document_id
from mocksrv.providers.mono.linking import (
    LIFE,
    CustomerSchema,
    choose_scenario,
    code_of,
    link_account,
    living,
    typed_credentials,
)

routes = Routes()
SESSION, SESSION_HEADER = "mono.session", "x-session-id"
COMPLETE, REFUSED = 99, 400  # response codes
USERS = ("user_good", "ada.obi@example.com")  # logins of the sandbox; their password is the same
PASSWORD = "123456"


class SessionSchema(Document):
    """Where the user is to sign in, and who it is."""

    institution = fields.String(required=True)
    auth_method = fields.String(required=True, validate=validate.OneOf(METHODS))
    scope = fields.String(required=True, validate=validate.OneOf((SCOPE,)))
    customer = fields.Nested(CustomerSchema, required=True)


class ReauthSchema(Document):
    """The account that is to be reauthorised."""

    account = fields.String(required=True, validate=validate.Length(min=1))


@routes.add("POST", "/v2/connect/session")
def open_session(call: Call) -> Reply:
    given = call.load(SessionSchema())
    institution = call.institutions.find(given["institution"]) or not_found("Institution", given["institution"])
    if given["auth_method"] not in institution.methods:
        raise MonoError(400, f"auth_method must be {' or '.join(institution.methods)} at {institution.name}")
    with call.change() as world:
        customer = find_customer(world, given["customer"], None)
        body = {
            "institution": institution.id,
            "auth_method": given["auth_method"],
            "account": None,
            "scenario": call.request.headers.get(SCENARIO_HEADER),
        }
        session = Record(SESSION, document_id(world), body, owner=customer.guid)
        world.add(session)
    bank = {"id": institution.id, "name": institution.name, "identifier": institution.identifier}
    said = {"id": session.guid, "scope": SCOPE, "expiresAt": session.created_at + LIFE, "institution": bank}
    ui = {"title": f"Sign in to {institution.name}", "form": login_form(institution)}
    return Reply(call.envelope({"session": said, "ui": ui}, "Session created successfully"))


@routes.add("GET", "/v2/connect/sandbox")
def list_credentials(call: Call) -> Reply:
    """Logins that work in this session."""
    with call.look() as world:
        form = login_form(_institution(call, _session(call, world)))
    credentials = [{"hasMultipleAccounts": False, "values": _values(form, user)} for user in USERS]
    return Reply(call.envelope({"credentials": credentials, "inputs": form}))


def _values(form: list[dict[str, str]], user: str) -> dict[str, str]:
    return {field["name"]: PASSWORD if field["contentType"] == "password" else user for field in form}


@routes.add("POST", "/v2/connect/login")
def login(call: Call) -> Reply:
    """The user signs in: an account is linked, and the code becomes its id."""
    given = call.body
    with call.change() as world:
        session = _session(call, world)
        if session.body["account"]:
            raise MonoError(
                400, "This session reauthorises an account; sign in at /v2/connect/reauth/login", "forbidden"
            )
        institution = _institution(call, session)
        credentials = typed_credentials(institution, given)
        if credentials is None:
            return _bad_credentials(call)
        customer = world.get("mono.customer", session.owner) or not_found("Customer", session.owner)
        try:
            choice = choose_scenario(call.mount, world, institution, credentials, session.body["scenario"])
        except UnknownScenario as unknown:
            raise MonoError(400, str(unknown)) from None
        account = link_account(call.mount, world, customer, institution, session.body["auth_method"], choice)
        call.about(account, new=True)
        code = code_of(world, account)
        world.remove(guid=session.guid)
    message = "Login successful"
    return Reply({**call.envelope({"code": code}, message), "responseCode": COMPLETE})


@routes.add("POST", "/v2/connect/reauth/session")
def open_reauth_session(call: Call) -> Reply:
    """The bank is asked at once, as its silent reauthorisation would be; the header has a session for a login."""
    given = call.load(ReauthSchema())
    with call.change() as world:
        account = call.account(world, given["account"])
        body = {"institution": account.body["institution"], "account": account.guid}
        session = Record(SESSION, document_id(world), body, owner=account.owner)
        world.add(session)
        data = _reauthorise(call, world, account)
    return _reauthorised(call, data, {SESSION_HEADER: session.guid})


@routes.add("POST", "/v2/connect/reauth/login")
def reauth_login(call: Call) -> Reply:
    given = call.body
    with call.change() as world:
        session = _session(call, world)
        if not session.body["account"]:
            raise MonoError(400, "This session links an account; sign in at /v2/connect/login", "forbidden")
        if typed_credentials(_institution(call, session), given) is None:
            return _bad_credentials(call)
        data = _reauthorise(call, world, call.account(world, session.body["account"]))
    return _reauthorised(call, data, {})


def _bad_credentials(call: Call) -> Reply:
    body = call.envelope({"responseCode": REFUSED, "code": None}, "Invalid credentials", "failed")
    return Reply({**body, "responseCode": REFUSED}, 400)


def _reauthorise(call: Call, world: World, account: Record) -> dict[str, Any]:
    call.engine.player.start(world, account, "reauthorise")
    if account.body["status"] == "REAUTHORISATION_REQUIRED":
        return {"responseCode": REFUSED, "code": None}
    return {"responseCode": COMPLETE, "code": code_of(world, account)}


def _reauthorised(call: Call, data: Mapping[str, Any], headers: Mapping[str, str]) -> Reply:
    """A reauthorisation that failed has changed the account, so it is no error that would undo that."""
    if data["responseCode"] == REFUSED:
        return Reply(call.envelope(data, "The bank has refused the reauthorisation", "failed"), 400, headers=headers)
    return Reply(call.envelope(data, "Reauthorisation successful"), headers=headers)


def _session(call: Call, world: World) -> Record:
    """The session of the header. Raises MonoError 400."""
    id = call.request.headers.get(SESSION_HEADER, "")
    if not id:
        raise MonoError(400, f"{SESSION_HEADER} is required")
    session = living(world, SESSION, id)
    if session is None:
        raise MonoError(400, "Session is invalid or has expired")
    return session


def _institution(call: Call, session: Record) -> Institution:
    id = session.body["institution"]
    return call.institutions.find(id) or not_found("Institution", id)
