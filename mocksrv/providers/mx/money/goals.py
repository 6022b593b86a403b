"""Goals: what a user saves up or pays off with an account, in the order of their priority."""

from __future__ import annotations

from math import ceil
from typing import Any

from marshmallow import ValidationError, fields, validate

from mocksrv.engine.clock import DAY, LATEST, iso, parse_moment
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import Reply
from mocksrv.providers.mx.events.changes import AccountGoing, AccountMerging, after
from mocksrv.providers.mx.events.collection import Collection, Render
from mocksrv.providers.mx.events.resources import Events, changes, names
from mocksrv.providers.mx.http.call import Call, MXError, Routes
from mocksrv.providers.mx.http.schemas import Document, Moment, Money

routes = Routes()
GOALS = "/users/<user>/goals"
SAVE_AMOUNT, PAYOFF = "SAVE_AMOUNT", "PAYOFF"
TRACKS = {
    "RETIREMENT": "RETIREMENT_TRACK",
    "EMERGENCY": "EMERGENCY_FUND_TRACK",
}  # a word in `meta_type_name` -> the track
DEBTS = frozenset(
    {"CHECKING_LINE_OF_CREDIT", "CREDIT_CARD", "LINE_OF_CREDIT", "LOAN", "MORTGAGE"}
)  # their balance is what is owed
RECENT_DAYS = 90  # what the projection looks back to
TEXTS = (
    "completed_at",
    "metadata",
    "projected_to_complete_at",
    "targeted_to_complete_at",
)  # for which MX's file knows no null


class OptionalMoment(Moment):
    """A moment that a client sets; an empty text is none."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> int | None:
        if value == "":
            return None
        try:
            return parse_moment(value)
        except ValueError as error:
            raise ValidationError(str(error)) from None


class TargetMoment(OptionalMoment):
    """A moment in the form that MX's file shows it in: ``2026-12-08 00:00:00.000000``."""

    def _serialize(self, value: int | None, attr: Any, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else f"{iso(value)[:-1].replace('T', ' ')}.000000"


class GoalSchema(Document):
    """A goal, as read and as written."""

    account_guid = fields.String(required=True)
    amount = Money(required=True, validate=validate.Range(0))
    completed_at = OptionalMoment(allow_none=True)
    current_amount = Money(dump_only=True)
    goal_type_name = fields.String(required=True, validate=validate.OneOf((SAVE_AMOUNT, PAYOFF)))
    guid = fields.String(dump_only=True)
    has_been_spent = fields.Boolean(truthy={True}, falsy={False})
    is_complete = fields.Boolean(truthy={True}, falsy={False})
    meta_type_name = fields.String(required=True, validate=validate.Length(1, 255))
    metadata = fields.String(allow_none=True)
    name = fields.String(required=True, validate=validate.Length(1, 255))
    position = fields.Integer(strict=True, validate=validate.Range(1))
    projected_to_complete_at = Moment(dump_only=True)
    targeted_to_complete_at = TargetMoment(allow_none=True)
    track_type_name = fields.String(dump_only=True)
    user_guid = fields.String(dump_only=True)


class MoveSchema(Document):
    """Where a goal goes."""

    guid = fields.String(required=True)
    position = fields.Integer(required=True, strict=True, validate=validate.Range(1))


SCHEMA = GoalSchema()
MOVES = MoveSchema()


class Goals(Collection):
    """Goals: ``sort`` is their order, the place in it their position, ``parent`` the account, with which they go."""

    def prepare(self, call: Call, world: World, user: Record, record: Record, given: dict[str, Any]) -> None:
        if "account_guid" in given:
            self._attach(world, user, record, given.pop("account_guid"))
        if "is_complete" in given and "completed_at" not in given:
            given["completed_at"] = (record.body["completed_at"] or world.now) if given["is_complete"] else None
        self._place(world, user, record, given.pop("position", None))

    def _attach(self, world: World, user: Record, record: Record, guid: str) -> None:
        """Raises MXError 422 when this is no account of the user."""
        account = world.get("mx.account", guid)
        if account is None or account.owner != user.guid:
            raise MXError(422, f"goal.account_guid: there is no account {guid}")
        moved = record.revision > 0 and record.parent != account.guid
        record.parent, record.subject = account.guid, account.subject
        if moved:  # the keys of a stored record stay what they are
            world.remove(guid=record.guid)
            world.add(record)

    def _place(self, world: World, user: Record, record: Record, position: int | None) -> None:
        """Puts a goal where it is wanted: else where it is, a new one at the end."""
        order = self.ordered(world, user)
        there = next((place for place, goal in enumerate(order) if goal.guid == record.guid), len(order))
        order = [goal for goal in order if goal.guid != record.guid]
        place = there if position is None else min(position - 1, len(order))
        order.insert(place, record)
        record.sort = place + 1
        self.number(world, user, order, but=record)

    def number(self, world: World, user: Record, order: list[Record], *, but: Record | None = None) -> None:
        """Numbers the goals in this order, each change with its event; ``but`` is stored by another."""
        moved = []
        for place, goal in enumerate(order, 1):
            if goal is not but and goal.sort != place:
                goal.sort = place
                world.save(goal)
                moved.append(goal)
        for goal in moved:
            self.emit(world, "updated", goal)

    def changed(self, world: World, user: Record, record: Record, action: str) -> None:
        if action == "deleted":
            self.number(world, user, self.ordered(world, user))

    def remove_of_account(self, world: World, account: Record) -> None:
        """Deletes the goals of an account that is about to go, each with its event."""
        going = world.list(Query(self.kind, parent=account.guid))
        user = world.get("mx.user", account.owner) if going else None
        if user is not None:
            for goal in going:
                world.remove(guid=goal.guid)
                self.emit(world, "deleted", goal)
            self.number(world, user, self.ordered(world, user))

    def ordered(self, world: World, user: Record) -> list[Record]:
        return world.list(Query(self.kind, owner=user.guid))

    def renderer(self, call: Call, world: World, user: Record) -> Render:
        places = {goal.guid: place for place, goal in enumerate(self.ordered(world, user), 1)}
        return lambda goal: self.dump(call, {**self.view(world, user, goal), "position": places[goal.guid]})

    def view(self, world: World, user: Record, record: Record) -> dict[str, Any]:
        keys = {"account_guid": record.parent, "position": record.sort, "track_type_name": _track(record)}
        return {**super().view(world, user, record), **keys, **_progress(world, record)}

    def dump(self, call: Call, view: Any) -> dict[str, Any]:
        shown = super().dump(call, view)
        return shown | {name: shown[name] or "" for name in TEXTS} if call.mount.fidelity == "sdk" else shown


goals = Goals(
    "mx.goal",
    prefix="GOL",
    one="goal",
    many="goals",
    schema=SCHEMA,
    events=Events(
        changes("a goal", updated="a goal has changed; not when only its account has"),
        names(
            """account_guid amount completed_at created_by current_amount goal_type_name guid has_been_spent
                is_complete meta_type metadata name position projected_to_complete_at revision"""
        ),
        renamed={"meta_type": "meta_type_name"},
    ),
    sample={
        "amount": 2500.0,
        "current_amount": 400.0,
        "goal_type_name": "SAVE_AMOUNT",
        "has_been_spent": False,
        "is_complete": False,
        "meta_type_name": "VACATION",
        "name": "Summer trip",
        "position": 1,
    },
    defaults={
        "completed_at": None,
        "has_been_spent": False,
        "is_complete": False,
        "metadata": None,
        "targeted_to_complete_at": None,
    },
)
goals.mount(
    routes, GOALS, list="listGoals", create="createGoal", read="readGoal", update="updateGoal", delete="deleteGoal"
)


@after(AccountGoing)
def go_with_account(world: World, change: AccountGoing) -> None:
    goals.remove_of_account(world, change.account)


@after(AccountMerging)
def move_to_kept(world: World, change: AccountMerging) -> None:
    for goal in world.list(Query(goals.kind, parent=change.account.guid)):
        goal.parent, goal.subject = change.kept.guid, change.kept.subject
        world.move(goal)
        goals.emit(world, "updated", goal)


@routes.add("PUT", f"{GOALS}/reposition", "repositionGoals")
def reposition(call: Call, user: str) -> Reply:
    """Puts goals at the positions wanted, and the others, in the order they have, at those that are left."""
    given = call.json.get("goals")
    if not isinstance(given, list) or not all(isinstance(move, dict) for move in given):
        raise MXError(400, "Required parameter missing: goals, a list of objects")
    moves = [call.read(move, MOVES, f"goals[{place}]") for place, move in enumerate(given)]
    wanted = {move["guid"]: move["position"] for move in moves}
    if len(wanted) < len(moves):
        raise MXError(422, "goals: each goal may be moved once")
    with call.change() as world:
        owner = call.user(world, user)
        order = goals.ordered(world, owner)
        unknown = wanted.keys() - {goal.guid for goal in order}
        if unknown:
            raise MXError(422, f"goals: there is no goal {min(unknown)}")
        moving = [goal for goal in order if goal.guid in wanted]
        order = [goal for goal in order if goal.guid not in wanted]
        for goal in sorted(moving, key=lambda goal: wanted[goal.guid]):
            order.insert(min(wanted[goal.guid] - 1, len(order)), goal)
        goals.number(world, owner, order)
        return Reply({"goals": [*map(goals.renderer(call, world, owner), order)]})


def _track(goal: Record) -> str:
    if goal.body["goal_type_name"] == PAYOFF:
        return "DEBT_TRACK"
    kind = goal.body["meta_type_name"].upper()
    return next((track for word, track in TRACKS.items() if word in kind), "SAVINGS_TRACK")


def _progress(world: World, goal: Record) -> dict[str, Any]:
    """How far the account has brought the goal, and when it will be reached at the pace of the last 90 days (None:
    never).

    Saved is the account's balance, paid off is the amount without what is still owed; neither is more than the amount
    nor less than 0. The pace is the account's credits without its debits.
    """
    account, amount = world.get("mx.account", goal.parent or ""), round(goal.body["amount"] * 100)
    balance = round((account.body.get("balance") or 0) * 100) if account else 0
    debt = account is not None and account.body.get("type") in DEBTS
    worth = -balance if debt else balance
    current = amount - max(0, -worth) if goal.body["goal_type_name"] == PAYOFF else worth
    current = min(amount, max(0, current))
    return {"current_amount": current / 100, "projected_to_complete_at": _projected(world, goal, amount - current)}


def _projected(world: World, goal: Record, missing: int) -> int | None:
    """When so many cents will have come together."""
    if goal.body["is_complete"]:
        completed: int | None = goal.body["completed_at"]
        return completed
    if missing <= 0:
        return world.now
    today = world.now // DAY * DAY
    dates = {"sort": (today - (RECENT_DAYS - 1) * DAY, today)}
    sums = world.totals(Query("mx.transaction", parent=goal.parent, ranges=dates), "type")
    gained = sum(cents if kind == "CREDIT" else -cents for (kind,), (_, cents) in sums.items())
    if gained <= 0:
        return None
    at = world.now + ceil(missing * RECENT_DAYS / gained) * DAY
    return at if at <= LATEST else None
