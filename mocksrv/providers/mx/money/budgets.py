"""Budgets: what a user means to spend in a category each month, and how this month stands against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from marshmallow import Schema, ValidationError, fields, validate

from mocksrv.engine.callbacks.consistency import above, always, ordered, tells
from mocksrv.engine.clock import DAY
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import Reply
from mocksrv.providers.mx.bank.categories import BY_NAME, Category
from mocksrv.providers.mx.catalog import categories
from mocksrv.providers.mx.events.alerts import AlertGroup
from mocksrv.providers.mx.events.changes import CategoryGoing, SpendingChanged, after, follow
from mocksrv.providers.mx.events.collection import Collection, Render
from mocksrv.providers.mx.events.resources import Events, changes, names
from mocksrv.providers.mx.http.call import Call, MXError, Routes
from mocksrv.providers.mx.http.schemas import Document, Moment, Money
from mocksrv.providers.mx.money.spending import month_of, spent, spent_by_tree

routes = Routes()
BUDGETS = "/users/<user>/budgets"
RECENT_DAYS = 90  # what the projection looks back to
MONTHS_TO_GENERATE = (1, 2)  # a category gets a budget when there were expenses in each of these months before this one
TOO_FEW = {"message": "There aren't enough transactions to automatically create any budgets", "code": 4221}


class Dollars(Money):
    """Whole dollars, as MX's file asks for."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> int:
        dollars = super()._deserialize(value, attr, data, **kwargs)
        if not dollars.is_integer():
            raise ValidationError("Must be whole dollars.")
        return int(dollars)


class BudgetSchema(Document):
    """A budget, as read and as written."""

    amount = Dollars(validate=validate.Range(0))
    category_guid = fields.String(required=True)
    created_at = Moment(dump_only=True)
    guid = fields.String(dump_only=True)
    is_exceeded = fields.Boolean(dump_only=True)
    is_off_track = fields.Boolean(dump_only=True)
    metadata = fields.String(allow_none=True)
    name = fields.String(dump_only=True)
    off_track_percentage = fields.Float(dump_only=True)
    parent_guid = fields.String()
    percent_spent = fields.Float(dump_only=True)
    projected_spending = Money(dump_only=True)
    revision = fields.Integer(dump_only=True)
    transaction_total = Money(dump_only=True)
    updated_at = Moment(dump_only=True)
    user_guid = fields.String(dump_only=True)


SCHEMA = BudgetSchema()
UPDATES = BudgetSchema(dump_only=("category_guid", "parent_guid"))  # which stay what they are


class Spending(NamedTuple):
    """What a user has spent, in cents by category: this month, and in the last 90 days; and how many days this month
    still has.
    """

    month: Mapping[str, int]
    recent: Mapping[str, int]
    days_left: int

    @classmethod
    def of(cls, world: World, user: str) -> Spending:
        """As it stands now."""
        month, today = month_of(world.now), world.now // DAY * DAY
        recent = spent_by_tree(world, user, today - (RECENT_DAYS - 1) * DAY, today)
        return cls(spent_by_tree(world, user, month.first, month.last), recent, (month.last - today) // DAY)

    def against(self, category: str, amount: int) -> dict[str, Any]:
        """How the month stands against a budget of so many dollars.

        Projected: what was spent this month, and for each day that is left the average day of the last 90.
        """
        total, limit = self.month.get(category, 0), amount * 100
        projected = total + round(self.days_left * self.recent.get(category, 0) / RECENT_DAYS)
        percent = round(total / limit * 100, 2) if limit else 0
        return {
            "transaction_total": total / 100,
            "percent_spent": percent,
            "is_exceeded": 0 < limit < total,
            "projected_spending": projected / 100,
            "is_off_track": projected > limit,
            "off_track_percentage": round(max(0, projected - limit) / limit * 100, 2) if limit else 0,
        }


class Budgets(Collection):
    """Budgets: one for a category."""

    def loader(self, call: Call) -> Schema:
        return UPDATES if call.request.method == "PUT" else SCHEMA

    def prepare(self, call: Call, world: World, user: Record, record: Record, given: dict[str, Any]) -> None:
        if record.revision:
            return
        guid = given["category_guid"]
        category = categories.find(world, user.guid, guid)
        if category is None:
            raise MXError(422, f"budget.category_guid: there is no category {guid}")
        if world.count(Query(self.kind, owner=user.guid, body={"category_guid": guid})):
            raise MXError(422, f"A budget for the category {category.name} exists already")
        given["parent_guid"] = self._parent(call, world, user, category, given)

    def _parent(
        self, call: Call, world: World, user: Record, category: Category, given: Mapping[str, Any]
    ) -> str | None:
        """The budget that the one of a sub-category is part of; a generated one may be without (None). Raises MXError
        400, 422.
        """
        if category.parent_guid is None:
            return None
        if "parent_guid" not in given:
            raise MXError(
                400, f"Required parameter missing: budget.parent_guid, because {category.name} is a sub-category"
            )
        guid = given["parent_guid"]
        if guid is None:
            return None
        parent = call.find(world, self.kind, guid, user.guid)
        if parent is None or parent.body["category_guid"] != category.parent_guid:
            raise MXError(
                422, f"budget.parent_guid: must be the budget of the category {category.parent_guid}, {guid} is not"
            )
        return parent.guid

    def changed(self, world: World, user: Record, record: Record, action: str) -> None:
        """With a budget go those of its sub-categories; a new one takes in those that were generated before it."""
        if action == "deleted":
            for child in world.list(Query(self.kind, owner=user.guid, body={"parent_guid": record.guid})):
                self.remove(world, user, child)
        if action == "created":
            for child in world.list(Query(self.kind, owner=user.guid, body={"parent_guid": None})):
                category = categories.find(world, user.guid, child.body["category_guid"])
                if category is not None and category.parent_guid == record.body["category_guid"]:
                    child.body["parent_guid"] = record.guid
                    world.save(child)
                    self.emit(world, "updated", child)
                    self.after_event(world, user, child, "updated")

    def after_event(self, world: World, user: Record, record: Record, action: str) -> None:
        if action != "deleted":
            follow(world, SpendingChanged(user.guid))

    def check(self, world: World, user: Record) -> None:
        """After spending or budgets have changed: alerts of those that went over."""
        present = world.list(Query(self.kind, owner=user.guid)) if alerts.asked(world) else []
        if present:
            spending = Spending.of(world, user.guid)
            for budget, view in [(each, self._view(world, user, each, spending)) for each in present]:
                _raise_alerts(world, user, budget, view)

    def renderer(self, call: Call, world: World, user: Record) -> Render:
        spending = Spending.of(world, user.guid)
        return lambda record: self.dump(call, self._view(world, user, record, spending))

    def view(self, world: World, user: Record, record: Record) -> dict[str, Any]:
        return self._view(world, user, record, Spending.of(world, user.guid))

    def _view(self, world: World, user: Record, record: Record, spending: Spending) -> dict[str, Any]:
        guid = record.body["category_guid"]
        category = categories.find(world, user.guid, guid)
        name = category.name if category else None
        return {**super().view(world, user, record), "name": name, **spending.against(guid, record.body["amount"])}

    def answer_all(self, call: Call, world: World, user: Record) -> Reply:
        """All budgets. MX's file has one under ``budget`` where the prose has an array: for its readers the first is
        there, too.
        """
        shown = [*map(self.renderer(call, world, user), world.list(Query(self.kind, owner=user.guid)))]
        first = {self.one: shown[0]} if shown and call.mount.fidelity == "sdk" else {}
        return Reply({**first, self.many: shown})


def _text(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"


budgets = Budgets(
    "mx.budget",
    prefix="BGT",
    one="budget",
    many="budgets",
    schema=SCHEMA,
    events=Events(
        changes("a budget", updated="a budget has changed; not when only what is spent against it has"),
        names(
            """amount category_guid client_id created_at guid is_exceeded is_off_track metadata name parent_guid
                projected_spending revision transaction_total updated_at"""
        ),
        forms={"projected_spending": _text, "transaction_total": _text},
        rules=(
            ordered("created_at", "updated_at"),
            tells("is_exceeded", "transaction_total", "amount", told=_text),
            tells("is_off_track", "projected_spending", "amount", told=_text),
        ),
    ),
    sample={
        "amount": 350,
        "category_guid": BY_NAME["Groceries"].guid,
        "is_exceeded": True,
        "is_off_track": True,
        "name": "Groceries",
        "projected_spending": 410.4,
        "transaction_total": 362.15,
    },
    defaults={"amount": 0, "metadata": None, "parent_guid": None},
)
budgets.mount(
    routes,
    BUDGETS,
    create="createBudget",
    read="readSpecificBudget",
    update="updateSpecificBudget",
    delete="deleteBudget",
)


class BudgetAlerts(AlertGroup):
    """Alerts about budgets, each told once a month."""

    def view(self, world: World, user: Record, record: Record, action: str) -> Mapping[str, Any]:
        return budgets.view(world, user, record)


alerts = BudgetAlerts(
    budgets,
    """amount category_guid client_id created_at guid is_exceeded is_off_track metadata name parent_guid
        projected_spending revision transaction_total updated_at user_guid user_id""",
    {
        "BUDGET_EXCEEDED": "more is spent than the budget has; told once a month",
        "BUDGET_OFF_TARGET": (
            "by this month and the last 90 days more will be spent than the budget has; told once a month"
        ),
    },
    sample=budgets.sample or {},
    rules={
        "BUDGET_EXCEEDED": (
            always("is_exceeded", True),
            above("transaction_total", "amount", moves="transaction_total"),
            tells("is_off_track", "projected_spending", "amount"),
        ),
        "BUDGET_OFF_TARGET": (
            always("is_off_track", True),
            above("projected_spending", "amount", moves="projected_spending"),
            tells("is_exceeded", "transaction_total", "amount"),
        ),
    },
)


def _raise_alerts(world: World, user: Record, budget: Record, view: Mapping[str, Any]) -> None:
    """Tells that a budget, with what is computed of it, went over in this month."""
    month = month_of(world.now).first
    for flag, action in (("is_exceeded", "BUDGET_EXCEEDED"), ("is_off_track", "BUDGET_OFF_TARGET")):
        told = f"{action}_told"
        if view[flag] and budget.body.get(told) != month:
            budget.body[told] = month
            world.save_play(budget)
            alerts.alert(world, action, user, budget, view)


@after(SpendingChanged)
def check(world: World, change: SpendingChanged) -> None:
    user = world.get("mx.user", change.user)
    if user is not None:
        budgets.check(world, user)


@after(CategoryGoing)
def go_with_category(world: World, change: CategoryGoing) -> None:
    for budget in world.list(categories.naming(change.category.guid, change.user, budgets.kind)):
        budgets.remove(world, change.user, budget)


@routes.add("GET", BUDGETS, "listAllBudgets")
def list_budgets(call: Call, user: str) -> Reply:
    call.arguments()
    with call.look() as world:
        return budgets.answer_all(call, world, call.user(world, user))


@routes.add("POST", f"{BUDGETS}/generate", "autoGenerateBudgets")
def generate(call: Call, user: str) -> Reply:
    """Makes budgets for the categories that had expenses of their own in each of the two months before: the average, in
    whole dollars.
    """
    with call.change() as world:
        owner = call.user(world, user)
        months = [spent(world, owner.guid, *month_of(world.now, back)) for back in MONTHS_TO_GENERATE]
        steady = _known(world, owner, set(months[0]).intersection(*months[1:]))
        if not steady:
            return Reply({"error": TOO_FEW}, 422)
        there = {
            record.body["category_guid"]: record.guid for record in world.list(Query(budgets.kind, owner=owner.guid))
        }
        for category in steady:
            if category.guid not in there:
                dollars = round(sum(month[category.guid] for month in months) / len(months) / 100)
                parent = there.get(category.parent_guid or "")
                given = {"category_guid": category.guid, "amount": dollars, "parent_guid": parent}
                there[category.guid] = budgets.add(call, world, owner, given).guid
        return budgets.answer_all(call, world, owner)


def _known(world: World, user: Record, guids: set[str]) -> Sequence[Category]:
    """The categories with these guids, those of the top level first, each by name."""
    found = (categories.find(world, user.guid, guid) for guid in guids)
    return sorted(
        (c for c in found if c is not None), key=lambda category: (category.parent_guid is not None, category.name)
    )
