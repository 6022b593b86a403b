"""Bodies and answers about sandboxes."""

from __future__ import annotations

from marshmallow import Schema

from mocksrv.providers.fields import Answer, Items, Part, Text, Whole
from mocksrv.web.control.schemas.subjects import Bindings
from mocksrv.web.control.schemas.time import Clock


class SandboxList(Answer):
    sandboxes = Items(Text(), "The names of all sandboxes.")


class SandboxBody(Schema):
    """What is left out stays as it is."""

    seed = Whole(
        "What all ids, names and amounts follow from; null: chance. Only of an empty sandbox.", allow_none=True
    )
    without = Items(Text(), "Products that the client has not bought: its calls answer as the provider refuses them.")


class SandboxShown(Answer):
    name = Text("Its name.")
    seed = Whole("What all ids, names and amounts follow from.", allow_none=True)
    without = Items(Text(), "Products that the client has not bought.")
    clock = Part(Clock, "Its time.")
    bindings = Part(Bindings, "What new subjects play.")
