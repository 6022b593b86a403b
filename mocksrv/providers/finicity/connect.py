"""Connect URLs: generate full, lite, fix and joint borrower, each with the ping that the app's webhook must answer.

Source: Mastercard's OpenAPI file and its page on the generate calls; the error of a failed ping is inferred.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from marshmallow import ValidationError, fields, validate

from mocksrv.engine.callbacks.addresses import is_header, is_http_url
from mocksrv.engine.clock import HOUR
from mocksrv.engine.play import Play
from mocksrv.engine.scenarios.choosing import SCENARIO_HEADER, Credentials, choose
from mocksrv.engine.scenarios.lookup import UnknownScenario
from mocksrv.engine.storage.records import Record, dumps
from mocksrv.engine.world import World
from mocksrv.providers.finicity.http import (
    Call,
    Document,
    FinicityError,
    Routes,
    refusal,
    sendable,
)
from mocksrv.providers.finicity.lifecycle import new_body
from mocksrv.providers.finicity.webhooks import (
    FIX,
    FULL,
    JOINT,
    JSON,
    LITE,
    XML,
    emit,
    endpoint,
    event_id,
    headers,
    wrapped,
)
from mocksrv.providers.http import Reply
from mocksrv.providers.numbers import dumps_for_javascript

routes = Routes(wide=True)
LIFETIME = 2 * HOUR
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}", re.IGNORECASE)
INVALID = 10010
NOT_OURS = "Customer ID does not exist or does not belong to this partner"
NO_LOGIN = "Customer does not have any accounts associated with institutionLoginId."
KEPT = (
    "origin",
    "consumerId",
    "redirectUri",
    "language",
    "experience",
    "webhook",
    "webhookContentType",
    "webhookData",
    "webhookHeaders",
)


def _is_url(text: str) -> None:
    if not is_http_url(text) or not text.isascii():
        raise ValidationError("must be a URL")


def _is_experience(text: str) -> None:
    if text != "default" and not GUID.fullmatch(text):
        raise ValidationError("must be a valid GUID")


def _header(value: Any) -> str:
    return value if isinstance(value, str) else dumps(value)


def _are_headers(values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if not is_header(name, _header(value)):
            raise ValidationError(f"{name!r} is no header that can be sent")


class Parameters(Document):
    """What all the calls take."""

    partnerId = fields.String(required=True)
    customerId = fields.String(required=True)
    consumerId = fields.String()
    language = fields.String()
    redirectUri = fields.String()
    webhook = fields.String(validate=_is_url)
    webhookContentType = fields.String(validate=validate.OneOf((JSON, XML)))
    webhookData = fields.Dict(validate=sendable)
    webhookHeaders = fields.Dict(keys=fields.String(), validate=_are_headers)
    singleUseUrl = fields.Boolean(truthy={True}, falsy={False})
    experience = fields.String(validate=_is_experience)
    institutionSettings = fields.Dict()
    fromDate = fields.Integer(validate=validate.Range(10**9, 10**10 - 1))  # ten digits: seconds, not milliseconds
    reportCustomFields = fields.List(fields.Dict(), validate=validate.Length(max=5))
    optionalConsumerInfo = fields.Dict()
    isHostedInMobileApp = fields.Boolean()
    isWebView = fields.Boolean()


class EmailOptions(Document):
    """How the message to the customer is written."""

    to = fields.String(required=True, validate=validate.Email())
    sender = fields.String(data_key="from")
    supportPhone = fields.String()
    subject = fields.String(load_default="Verify your Financial Information")
    firstName = fields.String()
    institutionName = fields.String()
    institutionAddress = fields.String()
    signature = fields.List(fields.String())


class Email(Parameters):
    consumerId = fields.String(required=True)
    email = fields.Nested(EmailOptions, required=True)


class Lite(Parameters):
    institutionId = fields.Integer(required=True)


class Fix(Parameters):
    institutionLoginId = fields.String(required=True)


class Borrower(Document):
    customerId = fields.String(required=True)
    consumerId = fields.String(required=True)
    type = fields.String(required=True, validate=validate.OneOf(("primary", "jointBorrower")))
    optionalConsumerInfo = fields.Dict()


class Joint(Parameters):
    customerId = fields.String()
    borrowers = fields.List(fields.Nested(Borrower), required=True, validate=validate.Length(min=1))


@routes.add("POST", "/connect/v2/generate", "GenerateConnectUrl")
def generate(call: Call) -> Reply:
    return _generate(call, FULL, call.load(Parameters()))


@routes.add("POST", "/connect/v2/send/email", "SendConnectEmail")
def send_email(call: Call) -> Reply:
    """A link as of `generate`; no message is sent, the answer has what it would say."""
    given = call.load(Email())
    link = _generate(call, FULL, {**given, "origin": "email"}).body
    return Reply({**link, "emailConfig": EmailOptions().dump(given["email"])})


@routes.add("POST", "/connect/v2/generate/lite", "GenerateLiteConnectUrl")
def generate_lite(call: Call) -> Reply:
    given = call.load(Lite())
    if call.institutions.get(str(given["institutionId"])) is None:
        raise FinicityError(
            400,
            INVALID,
            f"Request failed with status code 404 GET /institution/v2/institutions/{given['institutionId']}",
        )
    return _generate(call, LITE, given)


@routes.add("POST", "/connect/v2/generate/fix", "GenerateFixConnectUrl")
def generate_fix(call: Call) -> Reply:
    return _generate(call, FIX, call.load(Fix()))


@routes.add("POST", "/connect/v2/generate/jointBorrower", "GenerateJointBorrowerConnectUrl")
def generate_joint(call: Call) -> Reply:
    given = call.load(Joint())
    borrowers = sorted(given["borrowers"], key=lambda each: each["type"] != "primary")
    first = borrowers[0]
    named = {"customerId": first["customerId"], "consumerId": first["consumerId"], "borrowers": borrowers}
    return _generate(call, JOINT, {**given, **named})


def _generate(call: Call, type: str, given: Mapping[str, Any]) -> Reply:
    """Pings the app's webhook, and only then makes the session and its link."""
    if given["partnerId"] != call.partner:
        raise FinicityError(400, INVALID, 'Invalid "partnerId" in request body')
    if given.get("isWebView") and not given.get("redirectUri"):
        raise refusal("missing", name="redirectUri")
    with call.change() as world:
        session = _session(call, world, type, given)
        id = event_id(world)
    _ping(call, session, id)
    with call.change() as world:
        session = _session(call, world, type, given)
        session.guid = world.guid("SES")
        session.play = _new_play(call, world, session)
        link = _link(call, session)
        world.add(session)
        world.mark(session, "a Connect URL was generated", status="ping")
        emit(world, session, "ping", sent=id)
        call.about(session, new=True)
    return Reply({"link": link})


def _session(call: Call, world: World, type: str, given: Mapping[str, Any]) -> Record:
    """The session that is asked for. Raises FinicityError for a customer or login that is not there; any ``consumerId``
    is taken.
    """
    for each in (given, *given.get("borrowers", ())):
        if world.get("finicity.customer", each["customerId"]) is None:
            inner = f"Request failed with status code 404 GET /aggregation/v1/customers/{each['customerId']}"
            raise FinicityError(400, INVALID, inner if type == LITE else NOT_OURS)
    customer = given["customerId"]
    body = {
        **new_body(type, call.mount.fidelity),
        "secret": call.secret,
        "partnerId": given["partnerId"],
        "single_use": given.get("singleUseUrl", False),
        "timestamp": world.now,
        "ttl": world.now + LIFETIME,
        **{name: given[name] for name in KEPT if name in given},
    }
    body["webhookHeaders"] = {name: _header(value) for name, value in given.get("webhookHeaders", {}).items()}
    if type == JOINT:
        names = ("customerId", "consumerId", "type")
        body["borrowers"] = [{name: each[name] for name in names} for each in given["borrowers"]]
    if type == LITE:
        body["institution"] = str(given["institutionId"])
    if type == FIX:
        login = world.get("finicity.login", given["institutionLoginId"])
        if login is None or login.owner != customer or not call.mount.bank.active(world, parent=login.guid):
            raise FinicityError(
                404, 38007, NO_LOGIN, title="Connecting accounts error", user_message=NO_LOGIN, level="error"
            )
        body.update(institution=login.body["institution"], login_id=login.guid, username=login.body["username"])
    return Record("finicity.session", "", body, owner=customer)


def _ping(call: Call, session: Record, id: str) -> None:
    """One attempt at the session's webhook. Raises FinicityError unless that answers 2xx."""
    target = endpoint(session)
    if target is None:
        return
    body = wrapped(session, "ping", id, {})
    answer = call.engine.dispatcher.probe(
        call.sandbox, target, "finicity.ping", dumps_for_javascript(body), headers(session)
    )
    call.entry.notes["ping"] = answer.error or answer.status
    if answer.status is None or not 200 <= answer.status < 300:
        raise FinicityError(400, INVALID, "Webhook URL did not respond with a 2xx status")  # the journal says what came


def _new_play(call: Call, world: World, session: Record) -> Play:
    """Which scenario the session plays when it is opened."""
    body = session.body
    institution = call.institutions.get(body["institution"]) if body["institution"] else None
    login = Credentials(institution.code, body.get("username"), None) if institution else None
    try:
        choice = choose(
            world,
            call.mount.role.vocabulary,
            header=call.request.headers.get(SCENARIO_HEADER),
            institution=institution.scenario if institution else None,
            login=login,
        )
    except UnknownScenario as unknown:
        raise FinicityError(400, INVALID, str(unknown)) from None
    return Play("finicity", *choice)


def link_parameters(session: Record) -> dict[str, str]:
    """What a session's link says, but for the signature, in alphabetical order."""
    body = session.body
    parameters = {
        "customerId": session.owner,
        "consumerId": body.get("consumerId"),
        "experience": body.get("experience"),
        "origin": body.get("origin", "url"),
        "institutionId": body["institution"] if body["type"] == LITE else None,
        "institutionLoginId": body["login_id"] if body["type"] == FIX else None,
        "language": body.get("language"),
        "partnerId": body["partnerId"],
        "redirectUri": body.get("redirectUri"),
        "timestamp": body["timestamp"],
        "ttl": body["ttl"],
        "type": None if body["type"] == FULL else body["type"],
        "webhookContentType": body.get("webhookContentType") or JSON,
    }
    return {name: str(value) for name, value in sorted(parameters.items()) if value is not None}


def _link(call: Call, session: Record) -> str:
    """The URL, its parameters in alphabetical order; the signature, which no other session has, leads back to the
    session.
    """
    said = link_parameters(session)
    text = f"{urlencode(said)}&session={session.guid}"
    session.partner_id = hmac.new(session.body["secret"].encode(), text.encode(), hashlib.sha256).hexdigest()
    return f"{call.base_url}/finicity/connect?{urlencode(sorted({**said, 'signature': session.partner_id}.items()))}"
