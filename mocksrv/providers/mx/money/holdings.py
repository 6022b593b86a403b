"""Investment holdings: what a user's investment accounts hold, and the billing of whoever reads that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import fields

from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import Reply
from mocksrv.providers.mx.http.call import MEMBER, PAGING, Call, Routes, not_found
from mocksrv.providers.mx.http.schemas import Document, Moment, Money, shown
from mocksrv.providers.mx.money.accounts import ACCOUNT

routes = Routes()
KIND = "mx.holding"
USER = "/users/<user>"
ENROLLED = "reads_holdings"  # of a user: MX bills the client for it


class HoldingSchema(Document):
    """A holding. Percentages are per cent; money of one unit (prices) has up to four decimals, of all units two."""

    account_guid = fields.String()
    cost_basis = Money()
    coupon_yield = fields.String()
    created_at = Moment()
    currency_code = fields.String()
    current_price = Money()
    current_price_as_of = Moment()
    daily_change = Money()
    description = fields.String()
    expiration = fields.String()
    face_value = Money()
    frequency = fields.String()
    guid = fields.String()
    holding_type = fields.String()
    issue_date = fields.String()
    market_value = Money()
    maturity_date = fields.String()
    percentage_change = fields.Float()
    purchase_price = Money()
    put_or_call = fields.String()
    quantity = fields.String()
    rate = fields.Float()
    strike_price = Money()
    symbol = fields.String()
    term = fields.String()
    term_unit = fields.String()
    today_ugl_amount = Money()
    today_ugl_percentage = fields.Float()
    total_ugl_amount = Money()
    total_ugl_percentage = fields.Float()
    unvested_quantity = fields.Float()
    unvested_value = Money()
    user_guid = fields.String()
    vested_quantity = fields.Float()
    vested_value = Money()
    vesting_end_date = fields.String()
    vesting_start_date = fields.String()


SCHEMA = HoldingSchema()


def render(holding: Record) -> dict[str, Any]:
    return dict(SCHEMA.dump(shown(holding, account_guid=holding.parent)))


def _read(call: Call, user: str, answer: Callable[[World, Record], Reply]) -> Reply:
    """Answers a call that reads holdings. That enrols the user, who stays enrolled until it is deactivated."""
    with call.look() as world:
        owner = call.user(world, user)
        reply = answer(world, owner)
        enrolled = owner.body.get(ENROLLED)
    if not enrolled:
        _enrol(call, user, True)
    return reply


def _enrol(call: Call, user: str, enrolled: bool) -> None:
    """Enrols a user in the product, or ends that; the journal tells."""
    with call.change() as world:
        owner = call.user(world, user)
        owner.body[ENROLLED] = enrolled
        world.save_play(owner)  # no change of the user that clients see
    call.entry.notes["investment_holdings"] = "enrolled" if enrolled else "deactivated"


@routes.add("GET", f"{USER}/investment_holdings", "listHoldings")
def list_by_user(call: Call, user: str) -> Reply:
    call.arguments(*PAGING)
    return _read(call, user, lambda world, owner: _listed(call, world, Query(KIND, owner=owner.guid)))


@routes.add("GET", f"{ACCOUNT}/investment_holdings", "listHoldingsByAccount")
def list_by_account(call: Call, user: str, account: str) -> Reply:
    call.arguments(*PAGING)
    return _read(
        call,
        user,
        lambda world, owner: _listed(call, world, Query(KIND, parent=call.account(world, owner, account).guid)),
    )


@routes.add("GET", f"{MEMBER}/investment_holdings", "listHoldingsByMember")
def list_by_member(call: Call, user: str, member: str) -> Reply:
    call.arguments(*PAGING)
    return _read(
        call,
        user,
        lambda world, owner: _listed(call, world, Query(KIND, subject=call.member(world, owner, member).guid)),
    )


def _listed(call: Call, world: World, query: Query) -> Reply:
    return call.paged(world, query, "investment_holdings", render, lasting=True)


@routes.add("GET", f"{USER}/investment_holdings/<holding>", "readHolding")
def read_holding(call: Call, user: str, holding: str) -> Reply:
    def answer(world: World, owner: Record) -> Reply:
        return Reply(
            {"investment_holding": render(call.find(world, KIND, holding, owner.guid) or not_found("Holding", holding))}
        )

    return _read(call, user, answer)


@routes.add("GET", f"{USER}/investment_holdings_deactivate", "deactivateUser")
def deactivate_user(call: Call, user: str) -> Reply:
    _enrol(call, user, False)
    return Reply({"message": "Successfully deactivated user from billing", "status": 200})
