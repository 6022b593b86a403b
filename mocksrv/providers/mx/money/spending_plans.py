"""Spending plans: what a user means to spend month by month. A plan has an iteration for each month, and the iteration
has items.

What was really spent is not stored but added up from the transactions of the month on the plan's accounts.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from marshmallow import fields

from mocksrv.engine.clock import DAY
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import NO_CONTENT, Reply
from mocksrv.providers.mx.events.collection import Collection
from mocksrv.providers.mx.events.payloads import client_guid
from mocksrv.providers.mx.events.resources import Events, changes, names
from mocksrv.providers.mx.http.call import PAGING, Call, Routes, not_found
from mocksrv.providers.mx.http.schemas import Day, Document, Moment, shown
from mocksrv.providers.mx.money.spending import month_of

routes = Routes()
PLANS = "/users/<user>/spending_plans"
PLAN = f"{PLANS}/<plan>"
ACCOUNTS = f"{PLAN}/spending_plan_accounts"
ITERATIONS = f"{PLAN}/iterations"

ITERATION, ITEM = "mx.spending_plan_iteration", "mx.spending_plan_item"
NEXT_MONTH = "spending_plan_iteration"  # the timer of a plan
ACCOUNT_TYPES = frozenset(
    {"CASH", "CHECKING", "CHECKING_LINE_OF_CREDIT", "CREDIT_CARD", "PREPAID", "SAVINGS"}
)  # with daily spending
RECURRING_EXPENSE, PLANNED_EXPENSE, OTHER_EXPENSE, INCOME = ITEM_TYPES = range(4)
EVERY_MONTH = (RECURRING_EXPENSE, INCOME)  # the items that the next iteration begins with
MEMBERS = (
    "category_guid",
    "item_type",
    "planned_amount",
    "scheduled_payment_guid",
    "top_level_category_guid",
)  # of an item
_NAMESPACE = uuid.UUID("0d2f6a0e-2a53-5f4e-8d0c-6f6f2b1f9a37")


class PlanSchema(Document):
    """A spending plan."""

    created_at = Moment()
    current_iteration_number = fields.Integer()
    guid = fields.String()
    updated_at = Moment()
    user_guid = fields.String()


class IterationSchema(Document):
    """A month of a plan."""

    created_at = Moment()
    end_on = Day()
    guid = fields.String()
    iteration_number = fields.Integer()
    spending_plan_guid = fields.String()
    start_on = Day()
    updated_at = Moment()
    user_guid = fields.String()


class PlanAccountSchema(Document):
    """That an account belongs to a plan."""

    account_guid = fields.String()
    client_guid = fields.String()
    created_at = Moment()
    guid = fields.String()
    spending_plan_guid = fields.String()
    updated_at = Moment()
    user_guid = fields.String()


SCHEMA, ITERATION_SCHEMA, ACCOUNT_SCHEMA = PlanSchema(), IterationSchema(), PlanAccountSchema()


def single(call: Call, key: str, body: Mapping[str, Any]) -> Reply:
    """One object: bare as in MX's file, or under ``key`` as in its documents."""
    return Reply(body if call.mount.fidelity == "sdk" else {key: body})


# plans


class Plans(Collection):
    """Spending plans. Everything else of a plan is a record whose ``parent`` it is."""

    def changed(self, world: World, user: Record, record: Record, action: str) -> None:
        if action == "created":
            _open_iteration(world, record)
        if action == "deleted":
            world.remove(parent=record.guid)
            world.cancel_timers(record.guid)

    def answer(self, call: Call, world: World, user: Record, record: Record) -> Reply:
        return single(call, self.one, self.renderer(call, world, user)(record))


plans = Plans(
    "mx.spending_plan",
    prefix="SPL",
    one="spending_plan",
    many="spending_plans",
    schema=SCHEMA,
    events=Events(
        changes("a spending plan", updated="a spending plan has gone on to another month"),
        names("created_at current_iteration_number guid updated_at"),
    ),
    sample={"current_iteration_number": 1},
    defaults={"current_iteration_number": 1},
)
plans.mount(routes, PLANS, list="listSpendingPlans", delete="deleteSpendingPlan")


@routes.add("POST", PLANS, "createSpendingPlan")
def create_plan(call: Call, user: str) -> Reply:
    with call.change() as world:
        owner = call.user(world, user)
        return plans.answer(call, world, owner, plans.add(call, world, owner, {}))


@routes.add("GET", PLAN, "readSpendingPlanUser")
def read_plan(call: Call, user: str, plan: str) -> Reply:
    call.arguments(*PAGING)
    return plans.read(call, user, plan)


def plan_of(call: Call, world: World, user: str, plan: str) -> Record:
    """Raises MXError 404."""
    return plans.find(call, world, call.user(world, user), plan)


# iterations


@routes.due(NEXT_MONTH)
def begin_month(world: World, plan: Record) -> None:
    """On the first of a month the plan gets its iteration, with the items that come back every month."""
    last = current_iteration(world, plan)
    plan.body["current_iteration_number"] += 1
    world.save(plan)
    iteration = _open_iteration(world, plan)
    for item in world.list(items_of(plan, last)):
        if item.body["item_type"] in EVERY_MONTH:
            add_item(world, plan, iteration, {name: item.body[name] for name in MEMBERS})
    plans.emit(world, "updated", plan)


def _open_iteration(world: World, plan: Record) -> Record:
    """The plan's iteration of this month, with the timer of the next."""
    month, number = month_of(world.now), plan.body["current_iteration_number"]
    body = {"start_on": month.first, "end_on": month.last, "iteration_number": number}
    iteration = Record(ITERATION, world.guid("SPI"), body, owner=plan.owner, parent=plan.guid, sort=number)
    world.add(iteration)
    world.set_timer(plan.guid, NEXT_MONTH, month.last + DAY)
    return iteration


def _iteration(world: World, plan: Record, number: int) -> Record | None:
    return next(iter(world.list(Query(ITERATION, parent=plan.guid, ranges={"sort": (number, number)}, limit=1))), None)


def current_iteration(world: World, plan: Record) -> Record:
    number = plan.body["current_iteration_number"]
    return _iteration(world, plan, number) or not_found("Iteration", str(number))


def _show_iteration(iteration: Record) -> dict[str, Any]:
    return dict(ITERATION_SCHEMA.dump(shown(iteration, spending_plan_guid=iteration.parent)))


@routes.add("GET", ITERATIONS, "listSpendingPlanIterations")
def list_iterations(call: Call, user: str, plan: str) -> Reply:
    call.arguments(*PAGING)
    with call.look() as world:
        record = plan_of(call, world, user, plan)
        return call.paged(world, Query(ITERATION, parent=record.guid), "iterations", _show_iteration)


@routes.add("GET", f"{ITERATIONS}/current", "readCurrentSpendingPlanIteration")
def read_current_iteration(call: Call, user: str, plan: str) -> Reply:
    call.arguments(*PAGING)
    with call.look() as world:
        return single(call, "iteration", _show_iteration(current_iteration(world, plan_of(call, world, user, plan))))


@routes.add("GET", f"{ITERATIONS}/<number>", "readSpendingPlanIteration")
def read_iteration(call: Call, user: str, plan: str, number: str) -> Reply:
    call.arguments(*PAGING)
    with call.look() as world:
        record = plan_of(call, world, user, plan)
        known = re.fullmatch(r"\d{1,9}", number, re.ASCII) and _iteration(world, record, int(number))
        return single(call, "iteration", _show_iteration(known or not_found("Iteration", number)))


# accounts


def accounts_of(world: World, plan: Record) -> list[Record]:
    """The accounts that a plan takes into account: the user's of everyday types, but for those taken out of the
    plan.
    """
    left_out = plan.body.get("left_out", ())
    rows = world.list(Query("mx.account", owner=plan.owner))
    return [row for row in rows if row.body.get("type") in ACCOUNT_TYPES and row.guid not in left_out]


def _account_guid(plan: Record, account: Record) -> str:
    """Of the account in the plan: nothing is stored of it, so the guid follows from the two."""
    return f"SPA-{uuid.uuid5(_NAMESPACE, f'{plan.guid}/{account.guid}')}"


def _account_of(world: World, plan: Record, guid: str) -> Record:
    """The account with this guid in the plan. Raises MXError 404."""
    found = (account for account in accounts_of(world, plan) if _account_guid(plan, account) == guid)
    return next(found, None) or not_found("Spending plan account", guid)


def _show_account(call: Call, plan: Record, account: Record) -> dict[str, Any]:
    since = max(plan.created_at, account.created_at)
    own = {"guid": _account_guid(plan, account), "created_at": since, "updated_at": since}
    keys = {
        "account_guid": account.guid,
        "client_guid": client_guid(call.sandbox.salt),
        "spending_plan_guid": plan.guid,
        "user_guid": plan.owner,
    }
    return dict(ACCOUNT_SCHEMA.dump(own | keys))


@routes.add("GET", ACCOUNTS, "listSpendingPlanAccounts")
def list_accounts(call: Call, user: str, plan: str) -> Reply:
    call.arguments(*PAGING)
    with call.look() as world:
        record = plan_of(call, world, user, plan)
        return call.paged_list(
            accounts_of(world, record), "spending_plan_accounts", lambda account: _show_account(call, record, account)
        )


@routes.add("GET", f"{ACCOUNTS}/<guid>", "readSpendingPlanAccount")
def read_account(call: Call, user: str, plan: str, guid: str) -> Reply:
    call.arguments(*PAGING)
    with call.look() as world:
        record = plan_of(call, world, user, plan)
        return single(call, "spending_plan_account", _show_account(call, record, _account_of(world, record, guid)))


@routes.add("DELETE", f"{ACCOUNTS}/<guid>", "deleteSpendingPlanAccount")
def delete_account(call: Call, user: str, plan: str, guid: str) -> Reply:
    """The account's transactions do not count any more."""
    with call.change() as world:
        record = plan_of(call, world, user, plan)
        account = _account_of(world, record, guid)
        record.body["left_out"] = [*record.body.get("left_out", ()), account.guid]
        world.save(record)
    return NO_CONTENT


# items


def items_of(plan: Record, iteration: Record) -> Query:
    return Query(ITEM, parent=plan.guid, body={"spending_plan_iteration_guid": iteration.guid})


def add_item(world: World, plan: Record, iteration: Record, given: Mapping[str, Any]) -> Record:
    body = {**dict.fromkeys(MEMBERS), **given, "spending_plan_iteration_guid": iteration.guid}
    item = Record(ITEM, world.guid("SII"), body, owner=plan.owner, parent=plan.guid)
    world.add(item)
    return item
