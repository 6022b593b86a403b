"""Rewards of credit cards, and the catalogue of card products."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from mocksrv.engine.storage.records import Query, Record
from mocksrv.providers.http import Reply
from mocksrv.providers.mx.bank.cards import PRODUCTS
from mocksrv.providers.mx.http.call import MEMBER, PAGING, Call, Routes, not_found
from mocksrv.providers.mx.http.schemas import Document, Moment, Money, shown

routes = Routes()
KIND = "mx.reward"
REWARDS = f"{MEMBER}/rewards"
NEVER = "9999-12-31"  # what a reward without an end reads where the file knows no null (docs/discrepancies.md)


class RewardSchema(Document):
    """A reward: a balance of points or miles."""

    account_guid = fields.String()
    balance = fields.Integer()
    balance_type = fields.String()
    created_at = Moment()
    description = fields.String()
    expires_on = fields.String()
    guid = fields.String()
    member_guid = fields.String()
    unit_type = fields.String()
    updated_at = Moment()
    user_guid = fields.String()


class CardProductSchema(Document):
    """A credit card as an institution offers it; durations are months."""

    annual_fee = Money()
    duration_of_introductory_rate_on_balance_transfer = fields.Integer()
    duration_of_introductory_rate_on_purchases = fields.Integer()
    guid = fields.String()
    has_cashback_rewards = fields.Boolean()
    has_other_rewards = fields.Boolean()
    has_travel_rewards = fields.Boolean()
    has_zero_introductory_annual_fee = fields.Boolean()
    has_zero_percent_introductory_rate = fields.Boolean()
    has_zero_percent_introductory_rate_on_balance_transfer = fields.Boolean()
    is_accepting_applicants = fields.Boolean()
    is_active_credit_card_product = fields.Boolean()
    is_small_business_card = fields.Boolean()
    name = fields.String()


SCHEMA = RewardSchema()
CARD_PRODUCTS = CardProductSchema()


def render(call: Call, reward: Record) -> dict[str, Any]:
    view = shown(reward, account_guid=reward.parent, member_guid=reward.subject)
    if call.mount.fidelity == "sdk" and view["expires_on"] is None:
        view["expires_on"] = NEVER
    return dict(SCHEMA.dump(view))


@routes.add("GET", REWARDS, "listRewards")
def list_rewards(call: Call, user: str, member: str) -> Reply:
    call.arguments(*PAGING)
    with call.look() as world:
        subject = call.member(world, call.user(world, user), member)
        return call.paged(world, Query(KIND, subject=subject.guid), "rewards", lambda reward: render(call, reward))


@routes.add("GET", f"{REWARDS}/<reward>", "readRewards")
def read_reward(call: Call, user: str, member: str, reward: str) -> Reply:
    with call.look() as world:
        owner = call.user(world, user)
        subject = call.member(world, owner, member)
        found = call.find(world, KIND, reward, owner.guid, subject=subject.guid) or not_found("Reward", reward)
        return Reply({"reward": render(call, found)})


@routes.add("GET", "/credit_card_products/<product>", "creditCard")
def read_card_product(call: Call, product: str) -> Reply:
    found = PRODUCTS.get(product) or not_found("Credit card product", product)
    return Reply({"credit_card_product": dict(CARD_PRODUCTS.dump({**found, "guid": product}))})
