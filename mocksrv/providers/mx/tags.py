"""Tags, which a user puts on transactions, and the taggings that put them there."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from mocksrv.engine.sandbox import World
from mocksrv.engine.store import Query, Record
from mocksrv.providers.mx.api import Call, Document, MXError, Routes
from mocksrv.providers.mx.collection import Collection

routes = Routes()


class TagSchema(Document):
    """A tag, as read and as written."""

    guid = fields.String(dump_only=True)
    name = fields.String(required=True, validate=validate.Length(1, 255))
    user_guid = fields.String(dump_only=True)


class Tags(Collection):
    """Tags: each name once."""

    def prepare(self, call: Call, world: World, user: Record, record: Record, given: dict[str, Any]) -> None:
        same = world.list(Query(self.kind, owner=user.guid, body={"name": given.get("name")}, limit=1)) if "name" in given else []
        if same and same[0].guid != record.guid:
            raise MXError(409, f"A tag with the name {given['name']} exists already")


tags = Tags("mx.tag", prefix="TAG", one="tag", many="tags", schema=TagSchema(), event="mx.tag")
tags.mount(routes, "/users/<user>/tags", list="listTags", create="createTag", read="readTag", update="updateTag", delete="deleteTag")
