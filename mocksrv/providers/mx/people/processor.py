"""Processor tokens: a client's code for a payment processor, the processor's access token for it, and what that one may
read.

Sources: MX's guides for clients and for processors (codes, scopes, 60 days), its OpenAPI files (shapes).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields

from mocksrv.engine.clock import DAY, MINUTE
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import Reply
from mocksrv.providers.mx.http.call import PAGING, Call, MXError, Routes, not_found
from mocksrv.providers.mx.http.schemas import Document, Moment, Money, shown
from mocksrv.providers.mx.http.versions import V1
from mocksrv.providers.mx.money.transactions import listed
from mocksrv.providers.mx.people.identities import guid_of, opaque
from mocksrv.providers.mx.people.jobs import start_job

routes = Routes()
CODE, TOKEN = "mx.authorization_code", "mx.access_token"
CODE_LIFETIME = 10 * MINUTE
TOKEN_LIFETIME = 60 * DAY
PROTECTED = "read-protected"
# what a scope may name -> the kind of record, and MX's word for it
PARTIES: Mapping[str, tuple[str, str]] = {
    "user_guid": ("mx.user", "User"),
    "member_guid": ("mx.member", "Member"),
    "account_guid": ("mx.account", "Account"),
}


class ScopeSchema(Document):
    """Whom a token is for, as an object."""

    account_guid = fields.String()
    member_guid = fields.String()
    user_guid = fields.String()


class PartiesSchema(Document):
    """The same, where all of them are needed."""

    account_guid = fields.String(required=True)
    member_guid = fields.String(required=True)
    user_guid = fields.String(required=True)


class CodeRequestSchema(Document):
    """A client's request of a code."""

    scope = fields.String(required=True)


class TokenSchema(Document):
    """A token, as the client that gave the code sees it."""

    access_token = fields.String()
    active = fields.Boolean()
    expires_at = Moment()
    payment_processor_guid = fields.String()


class ProcessorNumberSchema(ScopeSchema):
    """The numbers of an account; how ``account_number`` and ``routing_number`` are written depends on the fidelity."""

    account_number = fields.Raw()
    guid = fields.String()
    institution_number = fields.String()
    loan_guarantor = fields.String()
    loan_reference_number = fields.String()
    passed_validation = fields.Boolean()
    routing_number = fields.Raw()
    sequence_number = fields.String()
    transit_number = fields.String()


class ProcessorOwnerSchema(ScopeSchema):
    """A person to whom the account belongs."""

    address = fields.String()
    city = fields.String()
    country = fields.String()
    email = fields.String()
    guid = fields.String()
    owner_name = fields.String()
    phone = fields.String()
    postal_code = fields.String()
    state = fields.String()


class PaymentAccountSchema(ScopeSchema):
    """What is needed to take money from the account."""

    account_name = fields.String()
    account_number = fields.Raw()
    account_type = fields.String()
    available_balance = Money()
    balance = Money()
    created_at = Moment()
    routing_number = fields.Raw()
    transit_number = fields.String()
    updated_at = Moment()


SCOPE = ScopeSchema()
PARTIES_OF_OLD = PartiesSchema()
CODE_REQUEST = CodeRequestSchema()
TOKENS = TokenSchema()
NUMBERS = ProcessorNumberSchema()
OWNERS = ProcessorOwnerSchema()
PAYMENT_ACCOUNT = PaymentAccountSchema()


# the client's part


@routes.add("POST", "/authorization_code", "requestAuthorizationCode")
def request_code(call: Call) -> Reply:
    scope = call.load("authorization_code", CODE_REQUEST)["scope"]
    guids, protected = _read_scope(scope)
    if "user_guid" not in guids:
        raise MXError(
            400, "Required parameter missing: authorization_code.scope must name a user, as user-guid:USR-..."
        )
    return Reply({"authorization_code": {"code": _issue(call, guids, scope, protected)}})


@routes.add(
    "POST",
    "/payment_processor_authorization_code",
    "deprecatedRequestPaymentProcessorAuthorizationCode",
    versions=(V1,),
    deprecated=(V1,),
)
def request_old_code(call: Call) -> Reply:
    guids = call.load("payment_processor_authorization_code", PARTIES_OF_OLD)
    scope = " ".join(f"{name.replace('_', '-')}:{guids[name]}" for name in PARTIES)
    code = _issue(call, guids, f"{scope} {PROTECTED}", protected=True)
    return Reply({"payment_processor_authorization_code": {"authorization_code": code}})


@routes.add("GET", "/tokens", "listTokens")
def list_tokens(call: Call) -> Reply:
    """The tokens of a scope, which comes in the body of the GET, as text or as an object, or as query parameters."""
    given = call.arguments("scope", *PARTIES)
    body = call.json if call.request.get_data(cache=True) else {}
    scope = body.get("scope", given.get("scope") or {name: given[name] for name in PARTIES if given.get(name)})
    if isinstance(scope, str):
        guids, _ = _read_scope(scope)
    elif isinstance(scope, dict):
        guids = call.read(scope, SCOPE, "scope")
    else:
        raise MXError(
            422, "scope: Must be an object with user_guid, member_guid and account_guid, or a text like that of a code"
        )
    with call.look() as world:
        for name, guid in guids.items():
            kind, label = PARTIES[name]
            _ = world.get(kind, guid) or not_found(label, guid)
        user, member, account = (guids.get(name) for name in PARTIES)
        tokens = world.list(Query(TOKEN, owner=user, subject=member, parent=account))
        return Reply({"tokens": [_shown_token(token, world.now) for token in tokens]})


def _read_scope(scope: str) -> tuple[dict[str, str], bool]:
    """The guids that a scope names, and whether protected data may be read. Raises MXError 400."""
    guids = {}
    words = scope.split()
    for word in words:
        name, _, guid = word.partition(":")
        if name.replace("-", "_") in PARTIES and guid:
            guids[name.replace("-", "_")] = guid
        elif word != PROTECTED:
            raise MXError(
                400,
                f"scope: {word!r} is none of user-guid:USR-..., member-guid:MBR-..., account-guid:ACT-..., {PROTECTED}",
            )
    return guids, PROTECTED in words


def _issue(call: Call, guids: Mapping[str, str], scope: str, protected: bool) -> str:
    """A new code for what these guids name. Raises MXError 404 for what is not there or is not of the same user and
    member.
    """
    with call.change() as world:
        user = call.user(world, guids["user_guid"])
        member = call.member(world, user, guids["member_guid"]) if "member_guid" in guids else None
        account = call.account(world, user, guids["account_guid"], member) if "account_guid" in guids else None
        subject = member.guid if member else account.subject if account else None
        if subject and not world.count(Query("mx.account_number", subject=subject)):
            call.entry.violate(
                "forbidden", f"a member is verified before a code for it is asked for; {subject} was not"
            )
        body = {"scope": scope, "protected": protected}
        parent = account.guid if account else None
        code = Record(CODE, world.guid("CDE"), body, user.guid, subject, parent, partner_id=opaque(world))
        world.add(code)
        world.set_timer(code.guid, "authorization_code", world.now + CODE_LIFETIME)
        return str(code.partner_id)


@routes.due("authorization_code")
def code_expires(world: World, code: Record) -> None:
    world.remove(guid=code.guid)


def _shown_token(token: Record, now: int) -> dict[str, Any]:
    more = {"access_token": token.partner_id, "active": now < token.body["expires_at"]}
    return dict(TOKENS.dump({**token.body, **more}))


# the processor's part


@routes.add("POST", "/token", "requestAccessToken")
def request_token(call: Call) -> Reply:
    """Takes a code, once, and gives the token that it stands for."""
    given = _token_request(call)
    for name in ("grant_type", "code"):
        if not given.get(name):
            raise MXError(400, f"Required parameter missing: {name}")
    if given["grant_type"] != "authorization_code":
        raise MXError(400, "grant_type must be authorization_code")
    with call.change() as world:
        code = _by_text(world, CODE, str(given["code"]))
        if code is None:
            raise MXError(
                400,
                (
                    "The code is unknown, was used or has expired. A code works once, for ten minutes; ask the "
                    "client for another."
                ),
            )
        world.cancel_timers(code.guid)
        world.remove(guid=code.guid)
        processor = call.request.authorization.username if call.request.authorization else None
        body = {
            **code.body,
            "payment_processor_guid": guid_of("PPR", processor or ""),
            "expires_at": world.now + TOKEN_LIFETIME,
        }
        token = Record(TOKEN, world.guid("TKN"), body, code.owner, code.subject, code.parent, partner_id=opaque(world))
        world.add(token)
        return Reply(
            {"access_token": token.partner_id, "expires_at": None, "scope": token.body["scope"], "token_type": "Bearer"}
        )


def _token_request(call: Call) -> dict[str, Any]:
    """What stands in the query, and in a form or a JSON body if there is one."""
    given: dict[str, Any] = dict(call.arguments("grant_type", "code"))
    if call.request.mimetype == "application/x-www-form-urlencoded":
        return given | dict(call.request.form)
    return given | call.json if call.request.get_data(cache=True) else given


def _by_text(world: World, kind: str, text: str) -> Record | None:
    return next(iter(world.list(Query(kind, partner_id=text, limit=1))), None)


def _bearer(call: Call, world: World, *needs: str) -> Record:
    """The token of the call. ``needs``: out of the parties and `PROTECTED`, what its scope must have.

    Raises MXError 401 when it is unknown or too old, 403 when it is not for this.
    """
    given = call.request.authorization
    token = _by_text(world, TOKEN, (given and given.token) or "")
    if token is None:
        raise MXError(401, "Unauthorized: the access token is unknown")
    if world.now >= token.body["expires_at"]:
        raise MXError(401, "Unauthorized: the access token has expired; ask the client for a new code")
    call.engine.schedule.catch_up(call.sandbox, token.owner, *filter(None, (token.subject, token.parent)))
    call.user(world, token.owner)
    has = {"member_guid": token.subject, "account_guid": token.parent, PROTECTED: token.body["protected"]}
    for need in needs:
        if not has[need]:
            raise MXError(403, f"The scope of the access token lacks {need.replace('_', '-')}")
    return token


@routes.add("POST", "/account/check_balance", "checkRealTimeAccountBalance", bearer=True)
def check_balance(call: Call) -> Reply:
    with call.look() as world:
        token = _bearer(call, world, "member_guid")
    return Reply(start_job(call, token.owner, str(token.subject), "balance").body)


@routes.add("GET", "/account/account_numbers", "requestAccountNumber", bearer=True)
def account_numbers(call: Call) -> Reply:
    with call.look() as world:
        token = _bearer(call, world, "account_guid", PROTECTED)
        rows = world.list(Query("mx.account_number", parent=token.parent))
        return Reply({"account_numbers": [NUMBERS.dump(_of_account(call, row)) for row in rows]})


@routes.add("GET", "/payment_account", "readAccountBalance", bearer=True)
def payment_account(call: Call) -> Reply:
    with call.look() as world:
        token = _bearer(call, world, "account_guid", PROTECTED)
        account = world.get("mx.account", str(token.parent)) or not_found("Account", str(token.parent))
        numbers = world.list(Query("mx.account_number", parent=account.guid, limit=1))
        body, verified = account.body, numbers[0].body if numbers else {}
        available = body.get("available_balance")
        more = {
            "account_guid": account.guid,
            "member_guid": account.subject,
            "account_name": body.get("name"),
            "account_type": body.get("type"),
            "transit_number": verified.get("transit_number"),
            "available_balance": body.get("balance") if available is None else available,
            **{name: _written(call, verified.get(name)) for name in ("account_number", "routing_number")},
        }
        return Reply({"payment_account": PAYMENT_ACCOUNT.dump(shown(account, **more))})


@routes.add("GET", "/account/transactions", "getAccountOwnerInfo", bearer=True)
def owners_or_transactions(call: Call) -> Reply:
    """The file folded two operations together: the path is that of the transactions, the shape that of the owners."""
    wire = call.mount.fidelity == "wire"
    with call.look() as world:
        token = _bearer(call, world, "account_guid", *(() if wire else (PROTECTED,)))
        if wire:
            return listed(call, world, call.user(world, token.owner), Query("mx.transaction", parent=token.parent))
        call.arguments(*PAGING)
        query = Query("mx.account_owner", parent=token.parent)
        return call.paged(world, query, "account_owners", lambda row: OWNERS.dump(_of_account(call, row)))


def _of_account(call: Call, row: Record) -> dict[str, Any]:
    numbers = {name: _written(call, row.body.get(name)) for name in ("account_number", "routing_number")}
    return shown(row, account_guid=row.parent, member_guid=row.subject, **numbers)


def _written(call: Call, number: str | None) -> str | int | None:
    """A bank's number: whole numbers in the file, text everywhere else (docs/discrepancies.md)."""
    if number is None or call.mount.fidelity == "wire" or not number.isdecimal():
        return number
    return int(number)
