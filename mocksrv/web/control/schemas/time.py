"""Bodies and answers about a sandbox's clock."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, validates_schema

from mocksrv.engine.clock import EARLIEST_START, LATEST_START, iso_ms
from mocksrv.providers.fields import Answer, Duration, Flag, Items, Moment, Part, Text


class Clock(Answer):
    mode = Text("`real`, `manual`, or a speed such as `x60`: the words of `--clock`.")
    now = Moment("The sandbox's time.")
    next = Moment("When something falls due next; null: nothing waits.", allow_none=True)


class ClockMoment(Moment):
    """A moment that a clock can show, with all that hangs on it."""

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> Any:
        moment = super()._deserialize(value, *args, **options)
        if not EARLIEST_START <= moment <= LATEST_START:
            raise ValidationError(f"a clock shows {iso_ms(EARLIEST_START)} to {iso_ms(LATEST_START)}")
        return moment


class ClockBody(Schema):
    mode = Text("`real`, `manual`, or a speed such as `x60`.")
    now = ClockMoment("The time to set; it may be earlier.")


class Target(ClockMoment):
    """A moment, or ``next``."""

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> Any:
        return value if value == "next" else super()._deserialize(value, *args, **options)


class AdvanceBody(Schema):
    by = Duration("How far, for example `1h`.")
    to = Target("Until when: a moment, or `next`, when something falls due.")
    wait = Duration("Real time that it may take. Default 60s.")

    @validates_schema
    def _one_way(self, data: dict[str, Any], **_: Any) -> None:
        if ("by" in data) == ("to" in data):
            raise ValidationError('say how far: {"by": "1h"}, {"to": "2026-01-01T12:00:00Z"} or {"to": "next"}')


class Happening(Answer):
    at = Moment("When, in the sandbox's time.")
    kind = Text("`status`, `play`, `event`, `callback` or `waits`.")
    subject = Text("Whom it is about: a subject, of a callback the event's id.", allow_none=True)
    detail = Text("What happened.")


class Advanced(Answer):
    now = Moment("The time reached.")
    happened = Items(Part(Happening), "What happened on the way, in order.")
    complete = Flag("False when the time was not enough to get there.", optional=True)
