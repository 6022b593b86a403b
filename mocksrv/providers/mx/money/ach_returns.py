"""ACH returns: payments that a bank sent back, which a client reports to MX and MX investigates.

Sources: MX's overview of ACH returns (fields, beta), its OpenAPI files. Their lists of statuses and codes could not be
read: how a return goes on, and its codes, are inferred (docs/discrepancies.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate

from mocksrv.engine.clock import DAY, HOUR, LATEST, SECOND, parse_moment
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import Reply
from mocksrv.providers.mx.events.payloads import client_guid
from mocksrv.providers.mx.http.call import PAGING, Call, MXError, Routes, not_found
from mocksrv.providers.mx.http.schemas import Document, Moment, Money, shown

routes = Routes()
KIND = "mx.ach_return"
MOST_ON_A_PAGE = 100
DATES = ("returned_at", "resolved_status_at")  # filters by day, or by second
EXACT = ("institution_guid", "return_code", "return_status")  # filters by the same text
NOTICE_OF_CHANGE = "NOTICE_OF_CHANGE"
CORRECTIONS = ("corrected_account_number", "corrected_routing_number")
# status -> what follows, how much later, and the field that takes down when
PROGRESS: Mapping[str, tuple[str, int, str]] = {
    "SUBMITTED": ("PROCESSING", HOUR, "started_processing_at"),
    "PROCESSING": ("RESOLVED", DAY, "resolved_status_at"),
}


class DayOrMoment(Moment):
    """A moment that clients write, too: ISO 8601, with a time or without."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> int:
        try:
            moment = parse_moment(value)
        except (ValueError, OverflowError):
            moment = -1
        if not 0 <= moment <= LATEST:
            raise ValidationError("Must be a date or a moment in ISO 8601, for example 2025-02-13.")
        return moment


_RETURN_CODE = validate.Regexp(
    r"(R\d\d|C\d\d|NOC)\Z", error="Must be a return code (R01 ...) or one of a notice of change (C01 ..., NOC)."
)
_NINE_DIGITS = validate.Regexp(r"[0-9]{9}\Z", error="Must have nine digits.")


class ReturnSchema(Document):
    """An ACH return, as read and as written."""

    account_guid = fields.String(required=True)
    account_number_last_four = fields.String(
        allow_none=True, validate=validate.Regexp(r"[0-9]{4}\Z", error="Must have four digits.")
    )
    account_type = fields.String(dump_only=True)
    ach_initiated_at = DayOrMoment(allow_none=True)
    client_guid = fields.String(dump_only=True)
    corrected_account_number = fields.String(allow_none=True)
    corrected_routing_number = fields.String(allow_none=True, validate=_NINE_DIGITS)
    created_at = Moment(dump_only=True)
    guid = fields.String(dump_only=True)
    id = fields.String(required=True, validate=validate.Length(min=1))
    institution_guid = fields.String(dump_only=True)
    investigation_notes = fields.String(dump_only=True)
    member_guid = fields.String(required=True)
    processing_errors = fields.String(dump_only=True)
    resolution_code = fields.String(dump_only=True)
    resolution_detail = fields.String(dump_only=True)
    resolved_status_at = Moment(dump_only=True)
    return_account_number = fields.String(allow_none=True)
    return_code = fields.String(required=True, validate=_RETURN_CODE)
    return_notes = fields.String(allow_none=True)
    return_routing_number = fields.String(allow_none=True)
    return_status = fields.String(dump_only=True)
    returned_at = DayOrMoment(allow_none=True)
    sec_code = fields.String(
        allow_none=True, validate=validate.Regexp(r"[A-Z]{3}\Z", error="Must have three capital letters, as WEB.")
    )
    started_processing_at = Moment(dump_only=True)
    submitted_at = Moment(dump_only=True)
    transaction_amount = Money(allow_none=True)
    transaction_amount_range = Money(allow_none=True, load_only=True)
    updated_at = Moment(dump_only=True)
    user_guid = fields.String(required=True)


RETURNS = ReturnSchema()


def render(record: Record) -> dict[str, Any]:
    """An ACH return as MX shows it."""
    return dict(RETURNS.dump(shown(record)))


@routes.add("GET", "/ach_returns", "listACHRetruns")
def list_returns(call: Call) -> Reply:
    given = call.arguments(*PAGING, *EXACT, *DATES)
    body = {name: given[name] for name in EXACT if given.get(name)}
    wanted = {name: _span(name, given[name]) for name in DATES if given.get(name)}

    def keep(record: Record) -> bool:
        return all(
            (at := record.body.get(name)) is not None and first <= at <= last for name, (first, last) in wanted.items()
        )

    chosen: Callable[[Record], bool] | None = keep if wanted else None
    with call.look() as world:
        return call.paged(world, Query(KIND, body=body), "ach_returns", render, keep=chosen, most=MOST_ON_A_PAGE)


def _span(name: str, text: str) -> tuple[int, int]:
    """The first and the last millisecond that a filter means: those of a day, or of a second. Raises MXError 400."""
    try:
        moment = parse_moment(text.replace(" ", "+"))  # the plus of an offset, which a query reads as a space
    except (ValueError, OverflowError):
        raise MXError(400, f"{name} must be a date or a moment in ISO 8601, for example 2025-02-13") from None
    return moment, moment + (DAY if len(text) == len("2025-02-13") else SECOND) - 1


@routes.add("GET", "/ach_returns/<ach_return>", "readACHRetrun")
def read_return(call: Call, ach_return: str) -> Reply:
    """One return, by its guid or the client's id of it."""
    with call.look() as world:
        record = world.get(KIND, ach_return) or _by_id(world, ach_return) or not_found("ACH return", ach_return)
        return Reply({"ach_return": render(record)})


@routes.add("POST", "/ach_returns", "createACHReturn")
def create_return(call: Call) -> Reply:
    given = call.load("ach_return", RETURNS)
    corrected = [name for name in CORRECTIONS if given.get(name) is not None]
    if corrected and not _is_notice(given["return_code"]):
        raise MXError(
            422, f"ach_return.{corrected[0]}: Belongs to a notice of change only (return_code C01 ... or NOC)."
        )
    with call.change() as world:
        user = call.user(world, given["user_guid"])
        member = call.member(world, user, given["member_guid"])
        account = call.account(world, user, given["account_guid"], member)
        partner_id = given.pop("id")
        if _by_id(world, partner_id):
            raise MXError(409, f"An ACH return with the id {partner_id} exists already")
        body = {
            **given,
            "account_type": account.body.get("type"),
            "institution_guid": member.body.get("institution_guid"),
            "client_guid": client_guid(call.sandbox.salt),
            "return_status": "SUBMITTED",
            "submitted_at": world.now,
        }
        record = Record(KIND, world.guid("ACH"), body, owner=user.guid, partner_id=partner_id)
        world.add(record)
        _await_progress(world, record)
        return Reply({"ach_return": render(record)})


@routes.due(KIND)
def investigated(world: World, record: Record) -> None:
    """MX has come one step further with a return."""
    status, _, moment = PROGRESS[record.body["return_status"]]
    record.body |= {"return_status": status, moment: world.now}
    if status == "RESOLVED" and _is_notice(record.body["return_code"]):
        record.body |= {
            "resolution_code": NOTICE_OF_CHANGE,
            "resolution_detail": "The bank reported corrected details of the account.",
        }
    world.save(record)
    _await_progress(world, record)


def _await_progress(world: World, record: Record) -> None:
    if record.body["return_status"] in PROGRESS:
        _, later, _ = PROGRESS[record.body["return_status"]]
        world.set_timer(record.guid, KIND, world.now + later)


def _is_notice(return_code: str) -> bool:
    return return_code == "NOC" or return_code.startswith("C")


def _by_id(world: World, partner_id: str) -> Record | None:
    return next(iter(world.list(Query(KIND, partner_id=partner_id, limit=1))), None)
