"""The items of spending plans: what is planned for a month, and what came of it.

What was really spent is not stored but added up from the transactions of the month on the plan's accounts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate

from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import NO_CONTENT, Reply
from mocksrv.providers.mx.catalog import categories
from mocksrv.providers.mx.events.changes import CategoryReplaced, after
from mocksrv.providers.mx.http.call import PAGING, Call, MXError, Routes, not_found
from mocksrv.providers.mx.http.schemas import Document, Moment, Money, shown
from mocksrv.providers.mx.http.versions import Versioned
from mocksrv.providers.mx.money import scheduled
from mocksrv.providers.mx.money.spending_plans import (
    INCOME,
    ITEM,
    ITEM_TYPES,
    ITERATIONS,
    accounts_of,
    add_item,
    current_iteration,
    items_of,
    plan_of,
    single,
)

routes = Routes()
ITEMS = f"{ITERATIONS}/current/iteration_items"


class ItemSchema(Document):
    """Something that is planned for a month, and what came of it."""

    actual_amount = Money()
    category_guid = fields.String()
    created_at = Moment()
    guid = fields.String()
    item_type = fields.Integer()
    planned_amount = Money()
    scheduled_payment_guid = fields.String()
    spending_plan_iteration_guid = fields.String()
    top_level_category_guid = fields.String()
    transaction_guids = fields.List(fields.String())
    updated_at = Moment()
    user_guid = fields.String()


class ItemRequest(Document):
    """An item as a client writes it."""

    category_guid = fields.String(allow_none=True)
    item_type = fields.Float(allow_none=True, validate=validate.OneOf(ITEM_TYPES))
    planned_amount = Money(required=True, validate=validate.Range(0))
    scheduled_payment_guid = fields.String(allow_none=True)
    top_level_category_guid = fields.String(allow_none=True)


ITEM_SCHEMA, ITEM_REQUEST = Versioned("iteration_item", ItemSchema), ItemRequest()


def _item(world: World, plan: Record, guid: str) -> Record:
    """An item of the current iteration. Raises MXError 404."""
    item = world.get(ITEM, guid)
    if (
        item is None
        or item.parent != plan.guid
        or item.body["spending_plan_iteration_guid"] != current_iteration(world, plan).guid
    ):
        not_found("Iteration item", guid)
    return item


def _given_item(call: Call) -> dict[str, Any]:
    """What the client sent: as `iteration_item` as in MX's documents, or bare as in its file. Raises MXError 400,
    422.
    """
    wrapped = "iteration_item" in call.json
    given = call.load("iteration_item", ITEM_REQUEST) if wrapped else call.read(call.json, ITEM_REQUEST)
    if given.get("item_type") is not None:
        given["item_type"] = int(given["item_type"])
    return given


def _check_categories(world: World, user: str, given: Mapping[str, Any]) -> None:
    """Raises MXError 422."""
    for name in ("category_guid", "top_level_category_guid"):
        guid = given.get(name)
        category = categories.find(world, user, guid) if guid else None
        if guid and (category is None or (name != "category_guid" and category.parent_guid)):
            raise MXError(422, f"{name}: there is no such category {guid}")


def _about(world: World, plan: Record, item: Record) -> dict[str, Any] | None:
    """What the transactions of an item have in common: its scheduled payment, else its category; None when it names
    neither.
    """
    payment = world.get(scheduled.KIND, item.body["scheduled_payment_guid"] or "")
    if payment is not None and payment.owner == plan.owner:
        return {"description": payment.body["description"], "type": payment.body["transaction_type"]}
    guid = item.body["category_guid"] or item.body["top_level_category_guid"]
    category = categories.find(world, plan.owner, guid) if guid else None
    if category is None:
        return None
    income = item.body["item_type"] == INCOME or (item.body["item_type"] is None and category.is_income)
    level = "category_guid" if category.parent_guid else "top_level_category_guid"
    return {level: category.guid, "is_income" if income else "is_expense": True}


def _transactions(world: World, plan: Record, iteration: Record, about: Mapping[str, Any]) -> list[Record]:
    """The transactions of a month on the plan's accounts."""
    counting = {account.guid for account in accounts_of(world, plan)}
    month = (iteration.body["start_on"], iteration.body["end_on"])
    rows = world.pages(Query("mx.transaction", owner=plan.owner, ranges={"sort": month}, body=about))
    return [row for row in rows if row.parent in counting]


def _show_item(call: Call, world: World, plan: Record, item: Record) -> dict[str, Any]:
    about = _about(world, plan, item)
    rows = _transactions(world, plan, current_iteration(world, plan), about) if about else []
    actual = sum(round(row.body["amount"] * 100) for row in rows) / 100 if about else None
    return ITEM_SCHEMA.dump(
        call.version, shown(item, actual_amount=actual, transaction_guids=[row.guid for row in rows])
    )


@routes.add("GET", ITEMS, "listSpendingPlanIterationItems")
def list_items(call: Call, user: str, plan: str) -> Reply:
    call.arguments(*PAGING)
    with call.look() as world:
        record = plan_of(call, world, user, plan)
        query = items_of(record, current_iteration(world, record))
        return call.paged(world, query, "iteration_items", lambda item: _show_item(call, world, record, item))


@routes.add("POST", ITEMS, "createSpendingPlanIterationItem")
def create_item(call: Call, user: str, plan: str) -> Reply:
    given = _given_item(call)
    with call.change() as world:
        record = plan_of(call, world, user, plan)
        _check_categories(world, record.owner, given)
        item = add_item(world, record, current_iteration(world, record), given)
        return single(call, "iteration_item", _show_item(call, world, record, item))


@routes.add("GET", f"{ITEMS}/<guid>", "readSpendingPlanIterationItem")
def read_item(call: Call, user: str, plan: str, guid: str) -> Reply:
    call.arguments(*PAGING)
    with call.look() as world:
        record = plan_of(call, world, user, plan)
        return single(call, "iteration_item", _show_item(call, world, record, _item(world, record, guid)))


@routes.add("PUT", f"{ITEMS}/<guid>", "updateSpendingPlanIterationItem")
def update_item(call: Call, user: str, plan: str, guid: str) -> Reply:
    given = _given_item(call)
    with call.change() as world:
        record = plan_of(call, world, user, plan)
        item = _item(world, record, guid)
        _check_categories(world, record.owner, given)
        item.body.update(given)
        world.save(item)
        return single(call, "iteration_item", _show_item(call, world, record, item))


@routes.add("DELETE", f"{ITEMS}/<guid>", "deleteSpendingPlanIterationItem")
def delete_item(call: Call, user: str, plan: str, guid: str) -> Reply:
    with call.change() as world:
        world.remove(guid=_item(world, plan_of(call, world, user, plan), guid).guid)
    return NO_CONTENT


@after(CategoryReplaced, rank=2)
def follow_category(world: World, change: CategoryReplaced) -> None:
    """Items of a category that is gone are of the one in its place."""
    for item in world.list(categories.naming(change.category.guid, change.user, ITEM)):
        item.body["category_guid"] = change.parent
        world.save(item)
