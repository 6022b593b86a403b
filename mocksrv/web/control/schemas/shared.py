"""What several control calls take or answer."""

from __future__ import annotations

from marshmallow import Schema, validate

from mocksrv.providers.fields import Answer, Anything, Duration, Flag, Items, Text, Whole
from mocksrv.web.control.calls import LARGEST_PAGE, PAGE

LONGEST_PATTERN = 1000  # characters of a filter that is a pattern
EVENT_PATTERN = validate.Regexp(r"[A-Za-z0-9_.*?\[\]!^-]{1,100}\Z", error="{input!r} is no pattern of event names")
PATTERN = validate.Length(max=LONGEST_PATTERN, error="may have {max} characters")


class Nothing(Schema):
    """Neither parameters nor members."""


class ProblemDocument(Answer):
    """An RFC 9457 problem document: why a call was refused."""

    type = Text("Always `about:blank`.")
    title = Text("The status in words.")
    status = Whole("The HTTP status.")
    detail = Text("What is wrong, where, and what is allowed.")
    problems = Items(Anything(), "Where there are several: each fault.", optional=True)


class Page(Schema):
    """What every list takes."""

    limit = Whole(
        f"How many, at most. Default {PAGE}.",
        strict=False,
        validate=validate.Range(1, LARGEST_PAGE, error="{input} is not allowed; allowed are {min} to {max}"),
        error_messages={"invalid": f"not a whole number; allowed are 1 to {LARGEST_PAGE}"},
    )
    after = Text("Only what is listed after the one with this id.")
    newest = Flag("`true`: the newest first. Default: the oldest first.")


class HeldPage(Page):
    wait = Duration("Holds the answer until something matches, at most so long (`5s`; at most a minute).")
