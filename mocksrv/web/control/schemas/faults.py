"""Rules of misbehaviour: bodies and answers."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, post_load, validate, validates_schema

from mocksrv.engine.callbacks.disturbance import CORRUPTIONS, Disturbance
from mocksrv.engine.clock import duration_text
from mocksrv.engine.sandbox import Fault
from mocksrv.engine.scenarios.steps import LONGEST_HELD
from mocksrv.providers.fields import Answer, Anything, Duration, Flag, Items, Map, OneOf, Part, Text, Whole
from mocksrv.web.control.schemas.shared import EVENT_PATTERN

LONGEST_FAULT = 300  # characters of what a fault meets
FAULT_ON = validate.And(
    validate.Length(max=LONGEST_FAULT, error="may have {max} characters"),
    validate.Regexp(r"([A-Za-z]+|\*) +/\S*\Z", error="{input!r} is not METHOD /path, for example GET /users/*"),
)


# What a rule of each kind may say beside ``COUNTS``: one of the API's calls, and one of callbacks, as a scenario's
# `fault` and `webhooks`.
COUNTS = ("skip", "times")
CALL_FAULT = ("status", "delay", "drop")
CALLBACK_FAULT = ("drop", "delay", "repeat", "shuffle", "corrupt", "stale", "wrong_credentials", "wrong_content_type")


class FaultRule(Schema):
    """A rule of misbehaviour: of calls (`on`) or of callbacks (`events`)."""

    on = Text("Calls: METHOD /path; `*` stands for one segment, a last `**` for the rest.", validate=FAULT_ON)
    events = Text("Callbacks: a pattern of event names.", validate=EVENT_PATTERN)
    times = Whole(
        "How many of them it meets; without it all.",
        allow_none=True,
        validate=validate.Range(1, 1_000_000, error="allowed are {min} to {max}"),
    )
    skip = Whole(
        "How many of them it lets through first; without it none.",
        validate=validate.Range(0, 1_000_000, error="allowed are {min} to {max}"),
    )
    status = Whole(
        "Calls: the status that is answered.",
        allow_none=True,
        validate=validate.Range(400, 599, error="allowed are {min} to {max}"),
    )
    delay = Duration("How long the answer is held, in real time; or the callback, in the sandbox's.")
    drop = Flag("Calls: the connection is closed without an answer. Callbacks: they are not sent.")
    repeat = Whole(
        "Callbacks: how often each is sent.", validate=validate.Range(1, 100, error="allowed are {min} to {max}")
    )
    shuffle = Flag("Callbacks: their order is changed.")
    corrupt = Anything("Callbacks: what is wrong with the body.", validate=OneOf((True, False, *CORRUPTIONS)))
    stale = Flag("Callbacks: an earlier state is sent.")
    wrong_credentials = Flag("Callbacks: with wrong credentials.")
    wrong_content_type = Flag("Callbacks: with a wrong Content-Type.")


class FaultBody(FaultRule):
    @validates_schema
    def _one_kind(self, data: dict[str, Any], **_: Any) -> None:
        if ("on" in data) == ("events" in data):
            raise ValidationError(
                'say what it meets: {"on": "GET /users/*", ...} for calls, {"events": "mx.member.*", ...} for callbacks'
            )
        allowed = CALL_FAULT if "on" in data else CALLBACK_FAULT
        for name in data.keys() - {"on", "events", *COUNTS, *allowed}:
            raise ValidationError(f"does not belong here; allowed are {', '.join(allowed)}", name)
        if "on" in data and data.get("delay", 0) > LONGEST_HELD:
            raise ValidationError(f"an answer is held for {duration_text(LONGEST_HELD)} at most", "delay")
        if "events" in data and data.keys() <= {"events", *COUNTS}:
            raise ValidationError(f"say what happens to them: {', '.join(CALLBACK_FAULT)}", "events")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Fault | Disturbance:
        if "delay" in data:
            data["delay_ms"] = data.pop("delay")
        if "on" in data:
            return Fault.make(**data)
        events, counts = data.pop("events"), {name: data.pop(name) for name in COUNTS if name in data}
        return Disturbance(events, data, **counts)


class FaultsBody(Schema):
    faults = Items(
        Part(FaultBody), "All rules.", required=True, validate=validate.Length(max=100, error="at most {max}")
    )


class Faults(Answer):
    faults = Items(Map(), "All rules, as they are put; `skip` and `times` are what is left of them (null: for ever).")
