"""The monthly cash flow profile: what a user takes in, means to spend, and puts aside for goals each month."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import Reply
from mocksrv.providers.mx.catalog import categories
from mocksrv.providers.mx.http.call import Call, Routes
from mocksrv.providers.mx.http.schemas import Document, Money, shown
from mocksrv.providers.mx.http.versions import CASH_FLOW_ROOTS
from mocksrv.providers.mx.money.spending import earned, month_of

routes = Routes()
PROFILE = "/users/<user>/monthly_cash_flow_profile"
KIND, ROOT = "mx.monthly_cash_flow_profile", "monthly_cash_flow_profile"
MONTHS_OF_INCOME = (1, 2)  # the months before this one whose average is the income of a user without a budget for it


class CashFlowSchema(Document):
    """A profile, as read; two of its fields can be written."""

    budgeted_expenses = Money(dump_only=True)
    budgeted_income = Money(dump_only=True)
    estimated_goals_contribution = Money(dump_only=True)
    goals_contribution = Money(validate=validate.Range(0))
    guid = fields.String(dump_only=True)
    user_guid = fields.String(dump_only=True)
    uses_estimated_goals_contribution = fields.Boolean(truthy={True}, falsy={False})


SCHEMA = CashFlowSchema()


@routes.add("GET", PROFILE, "readMonthlyCashFlowProfile", by_id=True)
def read_profile(call: Call, user: str) -> Reply:
    with call.look() as world:
        owner = call.user(world, user)
        return _answer(world, _profile(world, owner))


@routes.add("PUT", PROFILE, "updateMonthlyCashFlowProfile", by_id=True)
def update_profile(call: Call, user: str) -> Reply:
    roots = CASH_FLOW_ROOTS[call.version]
    given = call.load(next((root for root in roots if root in call.json), roots[0]), SCHEMA)
    with call.change() as world:
        profile = _profile(world, call.user(world, user))
        profile.body.update(given)
        if profile.revision:
            world.save(profile)
        else:
            profile.revision = 1
            world.add(profile)
        return _answer(world, profile)


def _profile(world: World, user: Record) -> Record:
    """The profile of a user, which is there from the beginning and stored when it is first changed."""
    guid = f"MCF-{user.guid.partition('-')[2]}"
    body = {"goals_contribution": 0, "uses_estimated_goals_contribution": False}
    return world.get(KIND, guid) or Record(KIND, guid, body, owner=user.guid, revision=0)


def _answer(world: World, profile: Record) -> Reply:
    return Reply({ROOT: SCHEMA.dump(shown(profile, **_derived(world, profile.owner)))})


def _derived(world: World, user: str) -> dict[str, Any]:
    """What follows from the user's budgets and income.

    Expenses are the budgets of top-level categories (those of sub-categories are part of them); income is the budgets
    of income categories, without any the average income of the two months before; the estimate is what is left of it,
    None without budgets.
    """
    dollars = {True: 0, False: 0}  # budgeted: whether it is income -> how much
    budgets = world.list(Query("mx.budget", owner=user, body={"parent_guid": None}))
    for budget in budgets:
        category = categories.find(world, user, budget.body["category_guid"])
        dollars[category is not None and category.is_income] += budget.body["amount"]
    income, expenses = dollars[True] * 100 or _usual_income(world, user), dollars[False] * 100
    estimate = max(0, income - expenses) / 100 if budgets else None
    return {
        "budgeted_income": income / 100,
        "budgeted_expenses": expenses / 100,
        "estimated_goals_contribution": estimate,
    }


def _usual_income(world: World, user: str) -> int:
    """Cents a month."""
    months = [sum(earned(world, user, *month_of(world.now, back)).values()) for back in MONTHS_OF_INCOME]
    return round(sum(months) / len(months))
