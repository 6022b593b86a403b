"""Queries, bodies and answers about events and their deliveries."""

from __future__ import annotations

from marshmallow import Schema

from mocksrv.providers.fields import Answer, Anything, Flag, Items, Map, Moment, Number, OneOf, Part, Text, Whole
from mocksrv.web.control.schemas.shared import PATTERN, HeldPage

DELIVERY_STATES = ("pending", "delivered", "failed", "dropped")


class WebhookFilter(HeldPage):
    event = Text("Only events that fit this pattern, `mx.member.*`.", validate=PATTERN)
    subject = Text("Only those about this subject.")
    state = Text("Only those with a delivery in this state.", validate=OneOf(DELIVERY_STATES))


class Attempt(Answer):
    at = Moment("When, in the sandbox's time.")
    status = Whole("The status that the receiver answered.", allow_none=True)
    error = Text("Why there was no answer.", allow_none=True)
    duration_ms = Number("How long it took, in real milliseconds.")


class WholeAttempt(Attempt):
    request = Map("What was sent: `url`, `headers`, `body`.")
    response = Map("What was answered: `headers`, `body`.")


class Delivery(Answer):
    endpoint = Text("The endpoint's URL.")
    state = Text("How it stands.", validate=OneOf(DELIVERY_STATES))
    next_attempt_at = Moment("When it is tried again.", allow_none=True)
    attempts = Items(Part(Attempt), "What was tried, oldest first.")


class WholeDelivery(Delivery):
    attempts = Items(Part(WholeAttempt), "What was tried, oldest first, with what was sent and answered.")


class Webhook(Answer):
    id = Text("The event's id.")
    event = Text("Its name.")
    subject = Text("The id of what it is about.", allow_none=True)
    occurred_at = Moment("When, in the sandbox's time.")
    payload = Anything("The body.")
    headers = Map("The provider's headers.")
    deliveries = Items(Part(Delivery), "What each endpoint was sent.")


class WholeWebhook(Webhook):
    deliveries = Items(Part(WholeDelivery), "What each endpoint was sent.")


class WebhookList(Answer):
    webhooks = Items(Part(Webhook), "Events with their deliveries.")


class WholeWebhookList(Answer):
    webhooks = Items(Part(WholeWebhook), "Events with their deliveries.")


class ReplayBody(Schema):
    since = Moment("From when on, in the sandbox's time.", required=True)
    event = Text("Only events that fit this pattern.", validate=PATTERN)
    subject = Text("Only those about this subject.")


class Replayed(Answer):
    replayed = Items(Text(), "The ids of the events that are sent again.")


class TriggerBody(Schema):
    event = Text("The name of a catalogued event.", required=True)
    subject = Text("What it is about; without one the newest that fits, or an invented one.", allow_none=True)
    payload = Map("Fields over the event's own, wherever they stand in its body.")
    extra = Flag("Fields that the event does not have are meant, too.")


class EventList(Answer):
    events = Items(Text(), "The names of all events.")
