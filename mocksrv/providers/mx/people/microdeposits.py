"""Microdeposits: two small payments into an account that prove, by their amounts, whose it is.

Sources: MX's microdeposit guides (statuses, test values, three attempts, 21 days), its OpenAPI files (shapes). Where
those are silent about test values, the ones here are said in docs/discrepancies.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from marshmallow import ValidationError, fields, validate

from mocksrv.engine.callbacks.consistency import ordered, twins
from mocksrv.engine.clock import DAY, MINUTE, SECOND, iso
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import NO_CONTENT, Reply
from mocksrv.providers.mx.events.changes import AccountsVerified, after
from mocksrv.providers.mx.events.resources import Events, Resource, names
from mocksrv.providers.mx.http.call import FORBIDDEN, PAGING, Call, MXError, Routes, not_found
from mocksrv.providers.mx.http.schemas import Document, Moment, Money, shown
from mocksrv.providers.mx.http.versions import ACCOUNT_TYPES
from mocksrv.providers.mx.people.users import EMAIL

routes = Routes()
DEPOSITS = "/users/<user>/micro_deposits"
DEPOSIT = f"{DEPOSITS}/<deposit>"
KIND = "mx.micro_deposit"
ATTEMPTS = 3
LEFT_FOR = 21 * DAY  # in a status that waits, then it is removed
REFRESH = MINUTE  # how often MX looks how far the provider is
RIGHT_AMOUNTS = frozenset({(9, 9), (12, 15)})  # in cents: the samples of MX's references
REFUSED_ROUTING_NUMBERS = frozenset(
    {"222222226", "021000021"}
)  # MX names them as bad, though their checksums are right
KNOWN_ROUTING_NUMBERS = {"091000019": "mxbank", "005026788": "mxbank"}  # routing number -> code of the institution


class DepositStatus(NamedTuple):
    """A status: MX's number for it, and what may follow.

    ``then``: the next one, where the provider is ``after`` milliseconds from the creation. ``waits``: it is removed
    when it is left in this status. ``is_open``: there may be no second one of the same account beside it. ``amounts``:
    it can be verified.
    """

    number: int
    then: str | None = None
    after: int = 0
    waits: bool = False
    is_open: bool = False
    amounts: bool = False
    error: str | None = None


STATUSES: Mapping[str, DepositStatus] = {
    "INITIATED": DepositStatus(0, then="REQUESTED", after=SECOND, waits=True, is_open=True),
    "REQUESTED": DepositStatus(1, then="DEPOSITED", after=2 * MINUTE, waits=True, is_open=True),
    "DEPOSITED": DepositStatus(2, waits=True, is_open=True, amounts=True),
    "VERIFIED": DepositStatus(3),
    "ERRORED": DepositStatus(4, error="The deposits could not be made: the bank returned them."),
    "DENIED": DepositStatus(5, is_open=True, amounts=True, error="The amounts are not those of the deposits."),
    "PREVENTED": DepositStatus(6, error="The amounts were wrong three times. Start a new microdeposit."),
    "CONFLICTED": DepositStatus(7, error="There is another microdeposit of this account."),
    "REJECTED": DepositStatus(8, error="The provider refuses deposits into this account."),
    "PREINITIATED": DepositStatus(9),
}
# beginning of an account number, status -> what follows in place of the good status
SENTINELS: Mapping[tuple[str, str], str] = {("4444", "REQUESTED"): "ERRORED", ("5555", "INITIATED"): "REJECTED"}
PERSON = ("email", "first_name", "last_name")
ACCOUNT = ("account_number", "account_type", "routing_number")


def _routing_number(number: str) -> None:
    """Raises ValidationError unless a routing number follows the rules of the American Bankers Association."""
    digits = [int(digit) for digit in number] if len(number) == 9 and number.isascii() and number.isdecimal() else [1]
    if number in REFUSED_ROUTING_NUMBERS or sum(d * w for d, w in zip(digits, (3, 7, 1) * 3, strict=False)) % 10:
        raise ValidationError("Must be a routing number: nine digits with a right ABA checksum, for example 091000019.")


_NAME = validate.And(
    validate.Length(1, 50),
    validate.Regexp(r"[^\W_]([^\W_]|[ '’.,-])*\Z", error="Only letters, digits, spaces and ' . , - are allowed."),
)


class ListedSchema(Document):
    """A microdeposit, as the list shows it."""

    error_message = fields.String(dump_only=True)
    guid = fields.String(dump_only=True)
    institution_code = fields.String(dump_only=True)
    institution_name = fields.String(dump_only=True)
    status = fields.String(dump_only=True)
    updated_at = Moment(dump_only=True)
    verified_at = Moment(dump_only=True)


class MicrodepositSchema(ListedSchema):
    """A microdeposit, as read and as written."""

    account_name = fields.String(validate=validate.Length(1, 50))
    account_number = fields.String(required=True, validate=validate.Length(1, 17))
    account_type = fields.String(required=True, validate=validate.OneOf(("CHECKING", "SAVINGS")))
    email = fields.String(validate=EMAIL)
    first_name = fields.String(validate=_NAME)
    last_name = fields.String(validate=_NAME)
    routing_number = fields.String(required=True, validate=_routing_number)


class AmountsSchema(Document):
    """What the user found in the account, in dollars."""

    deposit_amount_1 = Money(required=True, validate=validate.Range(min=0.01))
    deposit_amount_2 = Money(required=True, validate=validate.Range(min=0.01))


LISTED = ListedSchema()
MICRODEPOSITS = MicrodepositSchema()
AMOUNTS = AmountsSchema()
# what MX's file knows no null for, and what is read there where there is nothing (docs/discrepancies.md)
NEVER_NULL = {
    "account_type": "ANY",
    **dict.fromkeys(
        (
            "account_name",
            "account_number",
            "email",
            "first_name",
            "institution_code",
            "institution_name",
            "last_name",
            "routing_number",
        ),
        "",
    ),
}


# operations


@routes.add("GET", DEPOSITS, "listUserMicrodeposits")
def list_deposits(call: Call, user: str) -> Reply:
    call.arguments(*PAGING)
    with call.look() as world:
        query = Query(KIND, owner=call.user(world, user).guid)
        return call.paged(world, query, "micro_deposits", lambda record: LISTED.dump(_view(call, record)))


@routes.add("POST", DEPOSITS, "createMicrodeposit")
def create_deposit(call: Call, user: str) -> Reply:
    """With the account: starts a microdeposit. With the person only: one that the widget goes on with."""
    given = call.load("micro_deposit", MICRODEPOSITS, partial=True)
    preinitiated = not given.keys() & set(ACCOUNT) and given.keys() >= set(PERSON)
    missing = [] if preinitiated else [name for name in ACCOUNT if name not in given]
    if missing:
        raise MXError(400, f"Required parameter missing: micro_deposit.{missing[0]}")
    institution = call.institutions.get(KNOWN_ROUTING_NUMBERS.get(given.get("routing_number", ""), ""))
    with call.change() as world:
        owner = call.user(world, user)
        status = "PREINITIATED" if preinitiated else "CONFLICTED" if _has_other(world, owner, given) else "INITIATED"
        body = {
            **dict.fromkeys(("account_name", *ACCOUNT, *PERSON)),
            **given,
            "status": status,
            "error_message": STATUSES[status].error,
            "institution_code": institution and institution.code,
            "institution_guid": institution and institution.guid,
            "institution_name": institution and institution.name,
            "verified_at": None,
            "attempts": 0,
        }
        record = Record(KIND, world.guid(deposits.prefix), body, owner=owner.guid)
        world.add(record)
        _set_timers(world, record)
        deposits.emit(world, "created", record)
        return _single(call, record)


def _has_other(world: World, user: Record, given: Mapping[str, Any]) -> bool:
    """Whether another microdeposit of the same account is under way."""
    same = {name: given[name] for name in ("account_number", "routing_number")}
    return any(STATUSES[other.body["status"]].is_open for other in world.list(Query(KIND, owner=user.guid, body=same)))


@routes.add("GET", DEPOSIT, "readUserMicrodeposit")
def read_deposit(call: Call, user: str, deposit: str) -> Reply:
    """A read does not wait for the minute: MX looks at once how far the provider is."""
    with call.look() as world:
        record = _find(call, world, user, deposit)
        stale = _next(record, world.now) is not None
    if stale:
        with call.change() as world:
            record = _find(call, world, user, deposit)
            refresh(world, record)
    return _single(call, record)


@routes.add("DELETE", DEPOSIT, "deleteMicrodeposit")
def delete_deposit(call: Call, user: str, deposit: str) -> Reply:
    with call.change() as world:
        _remove(world, _find(call, world, user, deposit))
    return NO_CONTENT


@routes.add("PUT", "/micro_deposits/<deposit>/verify", "verifyMicrodeposit")
def verify_deposit(call: Call, deposit: str) -> Reply:
    """Compares the amounts, in either order."""
    given = call.load("micro_deposit", AMOUNTS)
    cents = tuple(sorted(round(given[name] * 100) for name in ("deposit_amount_1", "deposit_amount_2")))
    with call.change() as world:
        record = world.get(KIND, deposit) or not_found("Microdeposit", deposit)
        call.user(world, record.owner)
        if not STATUSES[record.body["status"]].amounts:
            allowed = " or ".join(name for name, status in STATUSES.items() if status.amounts)
            present = f"Microdeposit {deposit} is {record.body['status']}"
            raise MXError(422, f"{present}; amounts can be verified while it is {allowed}", FORBIDDEN)
        if cents in RIGHT_AMOUNTS:
            record.body["verified_at"] = world.now
            _enter(world, record, "VERIFIED")
        else:
            record.body["attempts"] += 1
            _enter(world, record, "DENIED" if record.body["attempts"] < ATTEMPTS else "PREVENTED")
        return _single(call, record)


@routes.add("GET", "/users/<user>/account_verifications", "listUserVerifications")
def list_verifications(call: Call, user: str) -> Reply:
    """The microdeposits that are about an account, whole: the file names no other verifications here, and no pages."""
    call.arguments()
    with call.look() as world:
        records = world.list(Query(KIND, owner=call.user(world, user).guid))
        about = [record for record in records if record.body["status"] != "PREINITIATED"]
        return Reply({"micro_deposit": [MICRODEPOSITS.dump(_view(call, record)) for record in about]})


# how they go on


def refresh(world: World, record: Record) -> None:
    """Brings a microdeposit to where the provider is by now."""
    while (status := _next(record, world.now)) is not None:
        _enter(world, record, status)


@routes.due(KIND)
def refresh_due(world: World, record: Record) -> None:
    refresh(world, record)


@routes.due(f"{KIND}.left")
def left_too_long(world: World, record: Record) -> None:
    _remove(world, record)


def _next(record: Record, now: int) -> str | None:
    """The status that the provider has reached beyond the record's."""
    status = STATUSES[record.body["status"]]
    if status.then is None or now < record.created_at + status.after:
        return None
    return SENTINELS.get((str(record.body["account_number"])[:4], record.body["status"]), status.then)


def _enter(world: World, record: Record, status: str) -> None:
    record.body.update(status=status, error_message=STATUSES[status].error)
    world.save(record)
    _set_timers(world, record)
    deposits.emit(world, "updated", record)


def _set_timers(world: World, record: Record) -> None:
    """The refresh that finds the next status, at a whole minute of its life; and the removal of one that is left as it
    is.
    """
    status = STATUSES[record.body["status"]]
    world.cancel_timers(record.guid)
    if status.then is not None:
        world.set_timer(record.guid, KIND, record.created_at - -status.after // REFRESH * REFRESH)
    if status.waits:
        world.set_timer(record.guid, f"{KIND}.left", world.now + LEFT_FOR)


def _remove(world: World, record: Record) -> None:
    world.cancel_timers(record.guid)
    world.remove(guid=record.guid)


@after(AccountsVerified)
def remove_preinitiated(world: World, change: AccountsVerified) -> None:
    """Deletes those of a user that only name the person: an account was verified at once, without deposits."""
    for record in world.list(Query(KIND, owner=change.user, body={"status": "PREINITIATED"})):
        _remove(world, record)


class Deposits(Resource):
    """Microdeposits, whose events have numbers where the API has words."""

    def details(self, world: World, user: Record | None, record: Record, action: str) -> Mapping[str, Any]:
        kind, status = record.body["account_type"], record.body["status"]
        number = ACCOUNT_TYPES.index(kind) if kind else None
        return {"status": STATUSES[status].number, "status_name": status, "account_type": number}


def _iso_ms(ms: int | None) -> str | None:
    """A moment as these events write it, with milliseconds."""
    return None if ms is None else f"{iso(ms)[:-1]}.{ms % 1000:03}+00:00"


def _number_of(status: str) -> int | None:
    return STATUSES[status].number if status in STATUSES else None


deposits = Deposits(
    KIND,
    prefix="MIC",
    events=Events(
        {"created": "a microdeposit was started", "updated": "the status of a microdeposit has changed"},
        (
            *names(
                """account_number account_type created_at guid institution_guid routing_number status status_name
                    updated_at"""
            ),
            "verified_at",
        ),
        forms=dict.fromkeys(("created_at", "updated_at", "verified_at"), _iso_ms),
        beside={"version": 1},
        optional=frozenset({"verified_at"}),
        rules=(
            ordered("created_at", "updated_at", "verified_at"),
            twins("status_name", "status", to=_number_of, back={s.number: name for name, s in STATUSES.items()}.get),
        ),
    ),
    sample={
        "account_number": "333398765",
        "account_type": 1,
        "routing_number": "091000019",
        "status": 2,
        "status_name": "DEPOSITED",
    },
)


# rendering


def _find(call: Call, world: World, user: str, deposit: str) -> Record:
    return call.find(world, KIND, deposit, call.user(world, user).guid) or not_found("Microdeposit", deposit)


def _view(call: Call, record: Record) -> dict[str, Any]:
    filled = (
        {name: value for name, value in NEVER_NULL.items() if record.body[name] is None}
        if call.mount.fidelity == "sdk"
        else {}
    )
    return shown(record, **filled)


def _single(call: Call, record: Record) -> Reply:
    """One microdeposit: typed as a list in MX's file, an object elsewhere (docs/discrepancies.md)."""
    rendered = MICRODEPOSITS.dump(_view(call, record))
    return Reply({"micro_deposit": rendered if call.mount.fidelity == "wire" else [rendered]})
