"""Users: the people whose accounts are connected."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import NO_CONTENT, Reply
from mocksrv.providers.mx.events.changes import UserAdded, follow
from mocksrv.providers.mx.events.verifications import EMAIL_ADDRESS, enabled_channels
from mocksrv.providers.mx.events.webhooks import emit_user
from mocksrv.providers.mx.http.call import PAGING, Call, MXError, Routes
from mocksrv.providers.mx.http.schemas import Document, shown
from mocksrv.providers.mx.people.contacts import address_changed, ask_to_verify

routes = Routes()
USER = "/users/<user>"
MEMBERS_AT_ONCE = 100

USER_ID = validate.And(
    validate.Length(1, 1024),
    validate.Regexp(r"[A-Za-z0-9_-]*\Z", error="Only letters, digits, '-' and '_' are allowed."),
    validate.Regexp(r"(?!USR-)", error="May not begin with 'USR-'."),
)
_LABEL = r"(?!-)[A-Za-z0-9-]+(?<!-)"
EMAIL = validate.Regexp(
    rf"[A-Za-z0-9.!#$%&'*+/=?^_{{}}|~-]+@{_LABEL}(?:\.{_LABEL})+\Z",
    error="Must be an email address, for example email@provider.com.",
)


class UserSchema(Document):
    """A user, as read and as written."""

    email = fields.String(allow_none=True, validate=EMAIL)
    guid = fields.String(dump_only=True)
    id = fields.String(allow_none=True, validate=USER_ID)
    is_disabled = fields.Boolean(truthy={True}, falsy={False})
    metadata = fields.String(allow_none=True)


USERS = UserSchema()


def render(user: Record) -> dict[str, Any]:
    """A user as MX shows it."""
    return dict(USERS.dump(shown(user)))


@routes.add("GET", "/users", "listUsers")
def list_users(call: Call) -> Reply:
    given = call.arguments(*PAGING, "id", "email", "is_disabled")
    disabled = call.flag("is_disabled")
    body: dict[str, Any] = {"email": given["email"]} if given.get("email") else {}
    if disabled is not None:
        body["is_disabled"] = disabled
    partner_id = given.get("id") or None
    with call.look() as world:
        owner = None if partner_id else ""  # which of the two leads to an index
        query = Query("mx.user", owner=owner, partner_id=partner_id, body=body)
        return call.paged(world, query, "users", render, lasting=True)


@routes.add("POST", "/users", "createUser")
def create_user(call: Call) -> Reply:
    given = _given(call)
    body = {"email": None, "is_disabled": False, "metadata": None, **given}
    partner_id = body.pop("id", None)
    with call.change() as world:
        if call.mount.limits is not None:
            call.mount.limits.check_users(world)
        _check_id(world, partner_id, None)
        record = Record("mx.user", world.guid("USR"), body, partner_id=partner_id)
        world.add(record)
        follow(world, UserAdded(record))
        emit_user(world, record, "created")
        return Reply({"user": render(record)})


@routes.add("GET", USER, "readUser", by_id=True)
def read_user(call: Call, user: str) -> Reply:
    with call.look() as world:
        return Reply({"user": render(call.user(world, user, disabled=True))})


@routes.add("PUT", USER, "updateUser", by_id=True)
def update_user(call: Call, user: str) -> Reply:
    given = _given(call)
    with call.change() as world:
        record = call.user(world, user, disabled=True)
        if "id" in given:
            _check_id(world, given["id"], record)
            record.partner_id = given.pop("id")
        before, new_email = enabled_channels(record), given.get("email", record.body["email"]) != record.body["email"]
        record.body.update(given)
        if new_email:
            address_changed(record, EMAIL_ADDRESS)
        world.save(record)
        emit_user(world, record, "updated")
        if new_email and record.body.get("channels") is not None:
            ask_to_verify(world, record, before, EMAIL_ADDRESS)
        return Reply({"user": render(record)})


@routes.add("DELETE", USER, "deleteUser", by_id=True)
def delete_user(call: Call, user: str) -> Reply:
    """Deletes the user's members, each with its callback, then all else that is the user's, then the user."""
    with call.change() as world:
        record = call.user(world, user, disabled=True)
        while members := world.list(Query("mx.member", owner=record.guid, limit=MEMBERS_AT_ONCE)):
            for member in members:
                call.mount.role.remove(world, member)
        world.remove_below("owner", record.guid)
        world.remove(guid=record.guid)
        record.revision += 1
        record.updated_at = world.now
        emit_user(world, record, "deleted")
    return NO_CONTENT


def _given(call: Call) -> dict[str, Any]:
    """The fields of a user that the client sent. Raises MXError 400 when there are none at all."""
    if call.json.get("user") == {}:
        raise MXError(400, "Required parameter missing: user must not be empty")
    return call.load("user", USERS)


def _check_id(world: World, partner_id: str | None, own: Record | None) -> None:
    """Raises MXError 409 when another user has this id."""
    if partner_id is None:
        return
    others = world.list(Query("mx.user", partner_id=partner_id, limit=1))
    if others and (own is None or others[0].guid != own.guid):
        raise MXError(409, f"A user with the id {partner_id} exists already")
