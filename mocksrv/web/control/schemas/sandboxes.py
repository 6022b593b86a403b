"""Bodies and answers about sandboxes."""

from __future__ import annotations

from marshmallow import Schema, validate

from mocksrv.providers.fields import Answer, Flag, Items, Part, Text, Whole
from mocksrv.providers.numbers import LARGEST
from mocksrv.web.control.schemas.shared import PATTERN, Page
from mocksrv.web.control.schemas.subjects import Bindings
from mocksrv.web.control.schemas.time import Clock


class SandboxFilter(Page):
    name = Text("Only those whose names fit this pattern, `ci-*`.", validate=PATTERN)


class SandboxList(Answer):
    sandboxes = Items(Text(), "The names of all sandboxes.")


class SandboxBody(Schema):
    """What is left out stays as it is."""

    seed = Whole(
        "What all ids, names and amounts follow from; null: chance. Only of an empty sandbox.",
        allow_none=True,
        validate=validate.Range(-LARGEST, LARGEST, error="allowed are {min} to {max}"),
    )
    without = Items(Text(), "Products that the client has not bought: its calls answer as the provider refuses them.")
    steps = Items(
        Text(), "Steps of widgets that a provider switches on for a client; of MX's `disclosure` and `consent`."
    )
    all_events = Flag("Whether events that come in great numbers are recorded, too, where no endpoint asks for them.")


class SandboxShown(Answer):
    name = Text("Its name.")
    seed = Whole("What all ids, names and amounts follow from.", allow_none=True)
    without = Items(Text(), "Products that the client has not bought.")
    steps = Items(Text(), "Steps of widgets that are switched on.")
    all_events = Flag("Whether all events are recorded, asked for or not.")
    clock = Part(Clock, "Its time.")
    bindings = Part(Bindings, "What new subjects play.")
