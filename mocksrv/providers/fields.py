"""The fields of which the bodies, queries and answers of control calls are made: what they say when a value is wrong,
and what a document says about them. The first argument of each is its description.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from mocksrv.engine.clock import parse_duration, parse_moment
from mocksrv.engine.problems import near


def _told(kind: str) -> dict[str, str]:
    """What a field of this kind says of a value that is none."""
    return dict.fromkeys(("invalid", "null", "type", "too_large", "special"), f"must be {kind}")


def _metadata(description: str, optional: bool) -> dict[str, Any]:
    return {"description": description, "optional": optional}


class Described(fields.Field[Any]):
    """A field with a description and with errors in our own words. ``optional``: an answer may lack it."""

    kind = "a value"

    def __init__(self, description: str = "", *, optional: bool = False, **options: Any) -> None:
        messages = {"required": "missing", **_told(self.kind), **options.pop("error_messages", {})}
        super().__init__(metadata=_metadata(description, optional), error_messages=messages, **options)


class Answer(Schema):
    """The base of what control calls answer: every member is there, but for those that are marked as optional."""


class Text(Described, fields.String):
    kind = "a text"


class Whole(Described, fields.Integer):
    """A whole number; in a query its digits."""

    kind = "a whole number"

    def __init__(self, description: str = "", *, strict: bool = True, **options: Any) -> None:
        super().__init__(description, strict=strict, **options)

    def _validated(self, value: Any) -> int:
        if isinstance(value, (bool, float)):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class Number(Described, fields.Float):
    kind = "a number"


class Flag(Described, fields.Boolean):
    """True or false; in a query those words."""

    kind = "true or false"
    truthy = {True, "true"}
    falsy = {False, "false"}

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> Any:
        if not isinstance(value, (bool, str)):  # 1 equals True
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, *args, **options)


class Anything(Described, fields.Raw):
    """Any JSON value."""


class Map(Described, fields.Dict):
    """An object whose names are the caller's."""

    kind = "an object"

    def __init__(self, description: str = "", values: fields.Field[Any] | None = None, **options: Any) -> None:
        super().__init__(description, values=values, **options)


class Items(fields.List[Any]):
    """A list of what ``inner`` says."""

    def __init__(
        self, inner: fields.Field[Any], description: str = "", *, optional: bool = False, **options: Any
    ) -> None:
        messages: dict[str, Any] = {"required": "missing", **_told("a list")}
        super().__init__(inner, metadata=_metadata(description, optional), error_messages=messages, **options)


class Part(fields.Nested):
    """An object of a schema."""

    def __init__(self, schema: type[Schema], description: str = "", *, optional: bool = False, **options: Any) -> None:
        messages: dict[str, Any] = {"required": "missing", **_told("an object")}
        super().__init__(schema, metadata=_metadata(description, optional), error_messages=messages, **options)


class Duration(Text):
    """A duration such as ``90s``; read as milliseconds."""

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> Any:
        return _parsed(parse_duration, super()._deserialize(value, *args, **options))


class Moment(Text):
    """A moment in ISO 8601; read as milliseconds since the epoch."""

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> Any:
        return _parsed(parse_moment, super()._deserialize(value, *args, **options))


def _parsed(parse: Callable[[str], int], text: str) -> int:
    try:
        return parse(text)
    except ValueError as error:
        raise ValidationError(str(error)) from None


class OneOf(validate.OneOf):
    """One of these values; else the refusal lists them, the nearest first."""

    def __init__(self, allowed: Sequence[Any]) -> None:
        super().__init__(allowed)

    def _format_error(self, value: Any) -> str:
        return not_allowed(value, self.choices)


def not_allowed(value: Any, allowed: Sequence[Any] | Mapping[str, Any] | Any) -> str:
    """What is said of a value that is not one of those allowed."""
    words = list(map(str, allowed))
    return f"{value!r} is not allowed; allowed are {', '.join(words)}{did_you_mean(str(value), words)}"


def did_you_mean(given: str, words: Sequence[str]) -> str:
    """``; did you mean ...?`` where one of the words is near what was given, else nothing."""
    guess = near(given[:100], words)
    return f"; did you mean {guess}?" if guess else ""
