"""Categories: the default tree that everybody has, and those that a user has added under it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from marshmallow import Schema, fields, validate

from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import Reply
from mocksrv.providers.mx.bank import resources
from mocksrv.providers.mx.bank.categories import BY_GUID, BY_NAME, CATEGORIES, Category, labels
from mocksrv.providers.mx.bank.resources import SPLIT
from mocksrv.providers.mx.events.changes import CategoryGoing, CategoryReplaced, follow
from mocksrv.providers.mx.events.collection import Collection, Render
from mocksrv.providers.mx.events.resources import Events, changes, names
from mocksrv.providers.mx.http.call import PAGING, Call, MXError, Routes, not_found
from mocksrv.providers.mx.http.schemas import Document, Moment

routes = Routes()
OF_USER = "/users/<user>/categories"
MOST_DEFAULT = 100  # of a page of what belongs to no user


class CategorySchema(Document):
    """A category, as read and as written."""

    created_at = Moment(dump_only=True)
    guid = fields.String(dump_only=True)
    is_default = fields.Boolean(dump_only=True)
    is_income = fields.Boolean(dump_only=True)
    metadata = fields.String()
    name = fields.String(required=True, validate=validate.Length(1, 255))
    parent_guid = fields.String(required=True)
    updated_at = Moment(dump_only=True)


SCHEMA = CategorySchema()
UPDATES = CategorySchema(dump_only=("parent_guid",))  # which stays what it is


@dataclass(frozen=True, slots=True)
class CustomCategory(Category):
    """A category that a user has added. `is_income` says whether it hangs under Income. Moments are milliseconds."""

    metadata: str | None
    created_at: int
    updated_at: int

    @classmethod
    def of(cls, record: Record) -> CustomCategory:
        body = record.body
        return cls(
            record.guid,
            body["name"],
            body["parent_guid"],
            body["is_income"],
            body["metadata"],
            record.created_at,
            record.updated_at,
        )


def find(world: World, user: str, guid: str) -> Category | None:
    """A default category, or one of this user's own; None when there is none."""
    default = BY_GUID.get(guid)
    if default is not None:
        return default
    record = world.get("mx.category", guid)
    return CustomCategory.of(record) if record is not None and record.owner == user else None


def render(category: Category) -> dict[str, Any]:
    """A category as MX shows it: ``is_income`` of its own only, though transactions of others under Income count as
    income, too.
    """
    is_default = not isinstance(category, CustomCategory)
    return dict(
        SCHEMA.dump({**asdict(category), "is_default": is_default, "is_income": is_default and category.is_income})
    )


class CustomCategories(Collection):
    """A user's own categories: under one of the top level. Their transactions follow them."""

    def loader(self, call: Call) -> Schema:
        return UPDATES if call.request.method == "PUT" else SCHEMA

    def find(self, call: Call, world: World, user: Record, guid: str) -> Record:
        if guid in BY_GUID:
            raise MXError(405, f"{BY_GUID[guid].name} is a default category, which cannot be changed or deleted")
        return super().find(call, world, user, guid)

    def prepare(self, call: Call, world: World, user: Record, record: Record, given: dict[str, Any]) -> None:
        if not record.revision:
            parent = BY_GUID.get(given["parent_guid"])
            if parent is None or parent.parent_guid is not None:
                raise MXError(422, "category.parent_guid: must be a default category that has no parent itself")
            given["is_income"] = parent.is_income

    def remove(self, world: World, user: Record, record: Record) -> None:
        """With a category goes its budget, whose event shows its name."""
        follow(world, CategoryGoing(user, record))
        super().remove(world, user, record)

    def changed(self, world: World, user: Record, record: Record, action: str) -> None:
        """Transactions show the new name of their category; of one that is gone they show the parent, where rules and
        plans lead, too.
        """
        if action == "updated":
            _label(world, user, record.guid, CustomCategory.of(record))
        elif action == "deleted":
            parent = BY_GUID[record.body["parent_guid"]]
            _label(world, user, record.guid, parent)
            follow(world, CategoryReplaced(user, record, parent.guid))

    def renderer(self, call: Call, world: World, user: Record) -> Render:
        return lambda record: render(CustomCategory.of(record))

    def view(self, world: World, user: Record, record: Record) -> dict[str, Any]:
        return {**super().view(world, user, record), "is_default": False, "is_income": False}


def naming(guid: str, user: Record, kind: str) -> Query:
    """The records of a user that name a category."""
    return Query(kind, owner=user.guid, body={"category_guid": guid})


def _label(world: World, user: Record, guid: str, category: Category) -> None:
    """Puts the transactions that were of one category into another, with their events."""
    transactions: Iterable[Record] = (
        t for kind in ("mx.transaction", SPLIT) for t in world.list(naming(guid, user, kind))
    )
    for transaction in transactions:
        shown = labels(category, credit=transaction.body["type"] == "CREDIT")
        if any(transaction.body.get(name) != value for name, value in shown.items()):
            transaction.body.update(shown)
            world.save(transaction)
            resources.TRANSACTION.emit(world, "updated", transaction)


custom = CustomCategories(
    "mx.category",
    prefix="CAT",
    one="category",
    many="categories",
    schema=SCHEMA,
    events=Events(
        changes("a category of a user"),
        names("created_at guid is_default is_income metadata name parent_guid revision updated_at"),
    ),
    sample={
        "is_default": False,
        "is_income": False,
        "name": "Climbing",
        "parent_guid": BY_NAME["Entertainment"].guid,
    },
    defaults={"metadata": None},
)
custom.mount(routes, OF_USER, create="createCategory", update="updateCategory", delete="deleteCategory")


@routes.add("GET", "/categories/default", "listDefaultCategories")
def list_default(call: Call) -> Reply:
    call.arguments(*PAGING)
    return call.paged_list(CATEGORIES, "categories", render, most=MOST_DEFAULT)


@routes.add("GET", "/categories/<category>", "readDefaultCategory")
def read_default(call: Call, category: str) -> Reply:
    return Reply({"category": render(BY_GUID.get(category) or not_found("Category", category))})


@routes.add("GET", f"{OF_USER}/default", "listDefaultCategoriesByUser")
def list_default_by_user(call: Call, user: str) -> Reply:
    call.arguments(*PAGING)
    with call.look() as world:
        call.user(world, user)
    return call.paged_list(CATEGORIES, "categories", render)


@routes.add("GET", OF_USER, "listCategories")
def list_categories(call: Call, user: str) -> Reply:
    call.arguments(*PAGING)
    with call.look() as world:
        owner = call.user(world, user)
        own = map(CustomCategory.of, world.list(Query(custom.kind, owner=owner.guid)))
        return call.paged_list([*CATEGORIES, *own], "categories", render)


@routes.add("GET", f"{OF_USER}/<category>", "readCategory")
def read_category(call: Call, user: str, category: str) -> Reply:
    with call.look() as world:
        owner = call.user(world, user)
        return Reply({"category": render(find(world, owner.guid, category) or not_found("Category", category))})
