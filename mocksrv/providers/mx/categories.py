"""Categories: the default tree that everybody has, and those that a user has added under it."""

from __future__ import annotations

from mocksrv.engine.sandbox import World
from mocksrv.providers.mx.api import Routes
from mocksrv.providers.mx.bank.categories import BY_GUID, Category

routes = Routes()


def find(world: World, user: str, guid: str) -> Category | None:
    """A default category, or one of this user's own; None when there is none."""
    default = BY_GUID.get(guid)
    if default is not None:
        return default
    record = world.get("mx.category", guid)
    if record is None or record.owner != user:
        return None
    return Category(record.guid, record.body["name"], record.body["parent_guid"], record.body["is_income"])
