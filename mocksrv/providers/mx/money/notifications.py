"""Notifications: the messages that a client sends to a user's mobile application."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import fields, validate

from mocksrv.engine.storage.records import Query, Record
from mocksrv.providers.http import Reply
from mocksrv.providers.mx.http.call import PAGING, Call, Routes, not_found
from mocksrv.providers.mx.http.schemas import Document, Moment, shown
from mocksrv.providers.mx.http.versions import V1, V2, Versioned
from mocksrv.providers.mx.money.transactions import date_parameters, date_ranges

routes = Routes()
NOTIFICATIONS = "/users/<user>/notifications"
API_NOTIFICATION = 11  # MX's number of the only type that a client can send
CHANNEL = "PUSH"


class NotificationSchema(Document):
    """A notification as MX shows it."""

    channel = fields.String()
    content = fields.String()
    created_at = Moment()
    deep_link_guid = fields.String()
    delivered_at = Moment()
    entity_guid = fields.String()
    guid = fields.String()
    has_been_delivered = fields.Boolean()
    has_been_viewed = fields.Boolean()
    notification_type = fields.Integer()
    subject = fields.String()
    threshold = fields.Integer()


class RequestSchema(Document):
    """What a client writes."""

    content = fields.String(required=True, validate=validate.Length(1))
    subject = fields.String(required=True, validate=validate.Length(1))


SCHEMA = Versioned("notification", NotificationSchema)
REQUEST = RequestSchema()


def _from_query(call: Call) -> dict[str, Any]:
    given = call.arguments(*REQUEST.fields)
    return call.read({name: given[name] for name in REQUEST.fields if name in given}, REQUEST)


def _from_body(call: Call) -> dict[str, Any]:
    call.arguments()
    return call.load("notification", REQUEST)


# where a version has what a client writes, and which dates it filters by
GIVEN: Mapping[str, Callable[[Call], dict[str, Any]]] = {V1: _from_query, V2: _from_body}
DATES: Mapping[str, tuple[str, ...]] = {V1: ("date",), V2: ()}


def _render(call: Call, record: Record) -> dict[str, Any]:
    return SCHEMA.dump(call.version, shown(record))


@routes.add("POST", NOTIFICATIONS, "createNotification")
def create(call: Call, user: str) -> Reply:
    """Nobody has MX's mobile application here: it is not delivered."""
    given = GIVEN[call.version](call)
    with call.change() as world:
        owner = call.user(world, user)
        body = {
            **given,
            "channel": CHANNEL,
            "notification_type": API_NOTIFICATION,
            "has_been_delivered": False,
            "has_been_viewed": False,
        }
        record = Record("mx.notification", world.guid("NTF"), body, owner=owner.guid, sort=world.now)
        world.add(record)
        return Reply({"notification": _render(call, record)})


@routes.add("GET", NOTIFICATIONS, "listNotifications")
def list_all(call: Call, user: str) -> Reply:
    """Newest first; in pages, but without MX's pagination object."""
    dates = DATES[call.version]
    call.arguments(*PAGING, *date_parameters(*dates))
    page, size = call.page()
    with call.look() as world:
        owner = call.user(world, user)
        ranges = date_ranges(call, world.now, *dates)
        query = Query(
            "mx.notification", owner=owner.guid, ranges=ranges, newest_first=True, limit=size, offset=(page - 1) * size
        )
        return Reply({"notifications": [_render(call, record) for record in world.list(query)]})


@routes.add("GET", f"{NOTIFICATIONS}/<notification>", "readNotifications")
def read(call: Call, user: str, notification: str) -> Reply:
    with call.look() as world:
        owner = call.user(world, user)
        record = call.find(world, "mx.notification", notification, owner.guid) or not_found(
            "Notification", notification
        )
        return Reply({"notification": _render(call, record)})
