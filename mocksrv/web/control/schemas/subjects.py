"""Queries, bodies and answers about what plays scenarios."""

from __future__ import annotations

from marshmallow import Schema

from mocksrv.engine.scenarios.model import ACTS
from mocksrv.providers.fields import Answer, Flag, Items, Map, Moment, OneOf, Part, Text
from mocksrv.web.control.schemas.shared import HeldPage


class BindingsBody(Schema):
    default = Text("What new subjects play; null: the provider's happy scenario.", allow_none=True)
    next = Items(Text(), "What the next subjects play, one after the other.")


class Bindings(BindingsBody, Answer):
    """What new subjects play."""


class SubjectFilter(HeldPage):
    provider = Text("Only those of this provider.")
    scenario = Text("Only those that play this scenario.")
    status = Text("Only those in this status.")


class Subject(Answer):
    id = Text("The provider's id of it.")
    provider = Text("Whose it is.")
    scenario = Text("What it plays.")
    chosen_by = Text("Why it plays that: `header`, `institution`, `next`, `login`, `default`, `happy`, `hand`.")
    status = Text("The provider's word for how it stands.", allow_none=True)
    owner = Text("The id of the user or customer whose it is.")
    job = Text("The job that runs.", allow_none=True)
    flow = Text("The flow that is played.", allow_none=True)


class SubjectList(Answer):
    subjects = Items(Part(Subject), "Members, accounts and sessions.")


class TimelineEntry(Answer):
    at = Moment("When, in the sandbox's time.")
    status = Text("The status that was entered.", allow_none=True)
    flow = Text("The flow that was played.", allow_none=True)
    step = Text("File and line of the step.", allow_none=True)
    cause = Text("Why.")


class SubjectShown(Subject):
    """A subject; of one that is deleted only id, status, `deleted` and timeline."""

    provider = Text("Whose it is.", optional=True)
    scenario = Text("What it plays.", optional=True)
    chosen_by = Text("Why it plays that.", optional=True)
    owner = Text("The id of the user or customer whose it is.", optional=True)
    job = Text("The job that runs.", allow_none=True, optional=True)
    flow = Text("The flow that is played.", allow_none=True, optional=True)
    deleted = Flag("True when it is deleted.", optional=True)
    timeline = Items(Part(TimelineEntry), "What happened to it, oldest first.")


class MoveBody(Schema):
    scenario = Text("The scenario that it plays from now on.", required=True)
    flow = Text("The flow to play now; without it the next call plays one.", allow_none=True)


class PushBody(Schema):
    status = Text("The status to enter, in the provider's words.", required=True)
    set = Map("Further fields of the subject, for example `connection_status_message`.")


class ActBody(Schema):
    do = Text("What the person does.", required=True, validate=OneOf(ACTS))
    answers = Items(Text(), "With `answer`: a text for each open question, in their order.")
