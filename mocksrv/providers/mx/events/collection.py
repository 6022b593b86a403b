"""A plain kind of resource that belongs to a user, declared once: list, create, read, update, delete, with paging,
errors, webhooks.

    notes = Collection("mx.note", prefix="NOT", one="note", many="notes", schema=NoteSchema(),
      events=Events(changes("a note"), names("guid text updated_at")), sample={"text": "Call the bank"})
    notes.mount(routes, "/users/<user>/notes", list="listNotes", create="createNote", read="readNote",
      update="updateNote", delete="deleteNote")

A kind with rules of its own is a subclass that overrides `prepare`, `changed` or `renderer`; what is more special than
that is a view of its own beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import Schema

from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import NO_CONTENT, Reply, View
from mocksrv.providers.mx.events.resources import Events, Resource
from mocksrv.providers.mx.http.call import PAGING, Call, Routes, not_found
from mocksrv.providers.mx.http.schemas import shown
from mocksrv.providers.mx.http.versions import Versioned

Render = Callable[[Record], dict[str, Any]]


class Collection(Resource):
    """One kind of resource.

    ``kind``, ``prefix``, ``events`` and ``sample`` are those of a `Resource`; ``one`` and ``many`` are the keys in
    bodies; ``schema`` renders and, by its fields that can be loaded, validates; ``defaults`` is what a new body has
    beside what the client sends (the fields without one are null); ``least`` and ``most``: the smallest and the largest
    page.
    """

    def __init__(
        self,
        kind: str,
        *,
        prefix: str,
        one: str,
        many: str,
        schema: Schema | Versioned,
        events: Events | None = None,
        sample: Mapping[str, Any] | None = None,
        defaults: Mapping[str, Any] | None = None,
        least: int = 10,
        most: int = 1000,
    ) -> None:
        super().__init__(kind, prefix=prefix, events=events, sample=sample)
        self.one = one
        self.many = many
        self.schema = schema
        self.defaults = defaults or {}
        self.least = least
        self.most = most
        self.label = one.replace("_", " ").capitalize()

    def mount(self, routes: Routes, path: str, **operations: str) -> None:
        """Mounts the operations named: list, create, read, update, delete -> MX's name of the operation."""
        one = f"{path}/<guid>"
        known: dict[str, tuple[str, str, View]] = {
            "list": ("GET", path, self.list_all),
            "create": ("POST", path, self.create),
            "read": ("GET", one, self.read),
            "update": ("PUT", one, self.update),
            "delete": ("DELETE", one, self.delete),
        }
        for name, operation in operations.items():
            method, where, view = known[name]
            routes.add(method, where, operation)(view)

    # what a special kind overrides

    def prepare(self, call: Call, world: World, user: Record, record: Record, given: dict[str, Any]) -> None:
        """Checks what the client sent against what there is, and completes it, before it is put into the record's body.

        A new record is not stored yet and has ``revision`` 0. Raises MXError.
        """

    def changed(self, world: World, user: Record, record: Record, action: str) -> None:
        """What follows from a change (``created``, ``updated``, ``deleted``), before its event is written."""

    def after_event(self, world: World, user: Record, record: Record, action: str) -> None:
        """What follows from a change once its event is written."""

    def renderer(self, call: Call, world: World, user: Record) -> Render:
        """What renders records of this user."""
        return lambda record: self.dump(call, self.view(world, user, record))

    def view(self, world: World, user: Record, record: Record) -> dict[str, Any]:
        """A record as the schema and the webhooks see it, moments in milliseconds."""
        return shown(record, user_id=user.partner_id)

    # operations

    def list_all(self, call: Call, user: str) -> Reply:
        call.arguments(*PAGING)
        with call.look() as world:
            owner = call.user(world, user)
            query = Query(self.kind, owner=owner.guid)
            return call.paged(
                world, query, self.many, self.renderer(call, world, owner), least=self.least, most=self.most
            )

    def create(self, call: Call, user: str) -> Reply:
        given = call.load(self.one, self.loader(call))
        with call.change() as world:
            owner = call.user(world, user)
            return self.answer(call, world, owner, self.add(call, world, owner, given))

    def read(self, call: Call, user: str, guid: str) -> Reply:
        with call.look() as world:
            owner = call.user(world, user)
            return self.answer(call, world, owner, self.find(call, world, owner, guid))

    def update(self, call: Call, user: str, guid: str) -> Reply:
        given = call.load(self.one, self.loader(call), partial=True)
        with call.change() as world:
            owner = call.user(world, user)
            record = self.find(call, world, owner, guid)
            self.prepare(call, world, owner, record, given)
            record.body.update(given)
            world.save(record)
            self.changed(world, owner, record, "updated")
            self.emit(world, "updated", record)
            self.after_event(world, owner, record, "updated")
            return self.answer(call, world, owner, record)

    def delete(self, call: Call, user: str, guid: str) -> Reply:
        with call.change() as world:
            owner = call.user(world, user)
            record = self.find(call, world, owner, guid)
            self.remove(world, owner, record)
        return NO_CONTENT

    # what they and the special views share

    def loader(self, call: Call) -> Schema:
        """The schema that reads a request of this call's version."""
        return self.schema[call.version] if isinstance(self.schema, Versioned) else self.schema

    def dump(self, call: Call, view: Mapping[str, Any]) -> dict[str, Any]:
        return dict(self.loader(call).dump(view))

    def find(self, call: Call, world: World, user: Record, guid: str) -> Record:
        """A record of this user. Raises MXError 404."""
        return call.find(world, self.kind, guid, user.guid) or not_found(self.label, guid)

    def add(self, call: Call, world: World, user: Record, given: dict[str, Any], **keys: Any) -> Record:
        """Stores a new record of what the client sent, with its event. ``keys``: its other columns (subject, parent,
        sort ...).
        """
        record = Record(self.kind, world.guid(self.prefix), dict(self.defaults), owner=user.guid, revision=0, **keys)
        self.prepare(call, world, user, record, given)
        record.body.update(given)
        record.revision = 1
        world.add(record)
        self.changed(world, user, record, "created")
        self.emit(world, "created", record)
        self.after_event(world, user, record, "created")
        return record

    def remove(self, world: World, user: Record, record: Record) -> None:
        """Deletes a record, with its event."""
        world.remove(guid=record.guid)
        self.changed(world, user, record, "deleted")
        self.emit(world, "deleted", record)
        self.after_event(world, user, record, "deleted")

    def details(self, world: World, user: Record | None, record: Record, action: str) -> Mapping[str, Any]:
        return self.view(world, user, record) if user else {}

    def answer(self, call: Call, world: World, user: Record, record: Record) -> Reply:
        """One record in its wrapper."""
        return Reply({self.one: self.renderer(call, world, user)(record)})
