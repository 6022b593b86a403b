"""Tags, which a user puts on transactions, and the taggings that put them there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, validate

from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import Reply
from mocksrv.providers.mx.events.changes import TransactionGoing, TransactionMoved, UserAdded, after
from mocksrv.providers.mx.events.collection import Collection
from mocksrv.providers.mx.events.resources import Events, changes, names
from mocksrv.providers.mx.http.call import Call, MXError, Routes
from mocksrv.providers.mx.http.schemas import Document
from mocksrv.providers.mx.http.versions import parameters
from mocksrv.providers.mx.money import transactions

routes = Routes()
TAGS = "/users/<user>/tags"
FIRST = "Business"  # the tag that every user starts with


class TagSchema(Document):
    """A tag, as read and as written."""

    guid = fields.String(dump_only=True)
    name = fields.String(required=True, validate=validate.Length(1, 255))
    user_guid = fields.String(dump_only=True)


class TaggingSchema(Document):
    """A tag on a transaction, as read and as written."""

    guid = fields.String(dump_only=True)
    member_is_managed_by_user = fields.Boolean(dump_only=True)
    tag_guid = fields.String(required=True)
    transaction_guid = fields.String(required=True)
    user_guid = fields.String(dump_only=True)


TAG = TagSchema()
TAGGING = TaggingSchema()
TAGGING_UPDATE = TaggingSchema(dump_only=("transaction_guid",))


class Tags(Collection):
    """Tags."""

    def prepare(self, call: Call, world: World, user: Record, record: Record, given: dict[str, Any]) -> None:
        if "name" not in given:
            raise MXError(400, "Required parameter missing: tag.name")

    def remove(self, world: World, user: Record, record: Record) -> None:
        """With a tag go its taggings, whose events show its name."""
        for tagging in world.list(_of_tag(record)):
            taggings.remove(world, user, tagging)
        super().remove(world, user, record)


class Taggings(Collection):
    """Taggings hang on the transaction and its member, with which they go."""

    def loader(self, call: Call) -> Schema:
        return TAGGING_UPDATE if call.request.method == "PUT" else TAGGING

    def add(self, call: Call, world: World, user: Record, given: dict[str, Any], **keys: Any) -> Record:
        transaction = self._transaction(call, world, user, given["transaction_guid"])
        account = world.get("mx.account", transaction.parent or "")
        given["transaction_guid"] = transaction.guid
        given["member_is_managed_by_user"] = account.body["member_is_managed_by_user"] if account else None
        return super().add(call, world, user, given, subject=transaction.subject, parent=transaction.guid, **keys)

    def _transaction(self, call: Call, world: World, user: Record, guid: str) -> Record:
        """The transaction that the client named in a body. Raises MXError 422."""
        try:
            return transactions.find(call, world, user, guid)
        except MXError:
            raise MXError(422, f"tagging.transaction_guid: there is no transaction {guid}") from None

    def prepare(self, call: Call, world: World, user: Record, record: Record, given: dict[str, Any]) -> None:
        if "tag_guid" not in given:
            raise MXError(400, "Required parameter missing: tagging.tag_guid")
        if call.find(world, tags.kind, given["tag_guid"], user.guid) is None:
            raise MXError(422, f"tagging.tag_guid: there is no tag {given['tag_guid']}")

    def details(self, world: World, user: Record | None, record: Record, action: str) -> Mapping[str, Any]:
        tag = world.get(tags.kind, record.body["tag_guid"])
        transaction = world.record(record.body["transaction_guid"])
        return {
            **super().details(world, user, record, action),
            "tag_name": tag.body["name"] if tag else None,
            "transaction_id": transaction.partner_id if transaction else None,
        }


tags = Tags(
    "mx.tag",
    prefix="TAG",
    one="tag",
    many="tags",
    schema=TAG,
    events=Events(changes("a tag"), names("guid revision name updated_at")),
    sample={"name": "Reimbursable"},
)
tags.mount(routes, TAGS, list="listTags", create="createTag", read="readTag", update="updateTag", delete="deleteTag")

taggings = Taggings(
    "mx.tagging",
    prefix="TGN",
    one="tagging",
    many="taggings",
    schema=TAGGING,
    events=Events(
        changes("a tagging", deleted="a tagging was deleted, or went with its transaction"),
        names("guid member_is_managed_by_user revision transaction_id transaction_guid tag_guid tag_name updated_at"),
    ),
    sample={
        "member_is_managed_by_user": True,
        "tag_name": "Reimbursable",
        "tag_guid": "TAG-d7e8f90a-1111-4222-8333-8a8b8c8d8e8f",
        "transaction_guid": "TRN-5e6f7081-1111-4222-8333-0f0e0d0c0b0a",
        "transaction_id": "T-900",
    },
)
taggings.mount(
    routes,
    "/users/<user>/taggings",
    list="listTaggings",
    create="createTagging",
    read="readTagging",
    update="updateTagging",
    delete="deleteTagging",
)


@after(UserAdded)
def start(world: World, change: UserAdded) -> None:
    """Gives a new user the first tag."""
    world.add(Record(tags.kind, world.guid(tags.prefix), {"name": FIRST}, owner=change.user.guid))


@after(TransactionGoing)
def untag(world: World, change: TransactionGoing) -> None:
    """With a transaction go its taggings."""
    for tagging in _of_transaction(world, change.transaction):
        world.remove(guid=tagging.guid)
        taggings.emit(world, "deleted", tagging)


@after(TransactionMoved)
def move_along(world: World, change: TransactionMoved) -> None:
    """Taggings are of the member of their transaction."""
    for tagging in _of_transaction(world, change.transaction):
        tagging.subject = change.transaction.subject
        world.move(tagging)


def _of_transaction(world: World, transaction: Record) -> list[Record]:
    return world.list(Query(taggings.kind, parent=transaction.guid))


def _of_tag(tag: Record) -> Query:
    return Query(taggings.kind, owner=tag.owner, body={"tag_guid": tag.guid})


@routes.add("GET", f"{TAGS}/<tag>/transactions", "listTransactionsByTag", by_id=True)
def list_by_tag(call: Call, user: str, tag: str) -> Reply:
    with call.look() as world:
        owner = call.user(world, user)
        tagged = [
            tagging.body["transaction_guid"] for tagging in world.list(_of_tag(tags.find(call, world, owner, tag)))
        ]
        use_case = "use_case" in parameters("transactions of a tag", call.version)
        return transactions.listed(call, world, owner, Query("mx.transaction", guids=tagged), use_case=use_case)
