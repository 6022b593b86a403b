"""Reading the arguments and bodies of control calls: what is wrong, where, and what is allowed."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from flask import request
from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates_schema

from mocksrv.engine.callbacks.credentials import KINDS
from mocksrv.engine.callbacks.disturbance import CORRUPTIONS, Disturbance
from mocksrv.engine.clock import iso_ms, parse_duration, parse_moment
from mocksrv.engine.sandbox import Fault
from mocksrv.engine.storage.records import dumps
from mocksrv.web.problems import Problem

NAMES = {str: "a text", int: "a whole number", float: "a number", dict: "an object", None: "null"}
PAGE, LARGEST_PAGE = 100, 1000
LONGEST_PATTERN = 1000  # characters of a filter that is a pattern
EARLIEST, LATEST = (
    parse_moment("1980-01-01"),
    parse_moment("9900-01-01"),
)  # of a clock: data and timers reach further, both ways
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
EVENT_PATTERN = validate.Regexp(r"^[A-Za-z0-9_.*?\[\]!-]{1,100}\Z", error="{input!r} is no pattern of event names")
FAULT_ON = re.compile(r"([A-Za-z]+|\*) +/\S*")


def body() -> dict[str, Any]:
    """The request's JSON object. Raises Problem 400."""
    try:
        value = json.loads(request.get_data() or b"{}", parse_constant=_no_constant)
        dumps(value).encode()
    except (ValueError, RecursionError):
        raise Problem(400, "the body is not valid JSON") from None
    if not isinstance(value, dict):
        raise Problem(400, "the body must be a JSON object")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(name)


def read_json(*, required: Sequence[str] = (), **shape: Any) -> dict[str, Any]:
    """The body with exactly these members: name = a type, a tuple of types (None for null), or a list of one type.
    Raises Problem.
    """
    given = body()
    for name in given:
        if name not in shape:
            raise Problem(422, f"{name}: unknown; allowed are {', '.join(sorted(shape))}")
    for name in required:
        if name not in given:
            raise Problem(422, f"{name}: missing")
    return {name: _checked(name, value, shape[name]) for name, value in given.items()}


def _checked(name: str, value: Any, shape: Any) -> Any:
    if isinstance(shape, list):
        if not isinstance(value, list):
            raise Problem(422, f"{name}: must be a list")
        return [_checked(f"{name}[{place}]", item, shape[0]) for place, item in enumerate(value)]
    allowed = shape if isinstance(shape, tuple) else (shape,)
    for kind in allowed:
        if _fits(value, kind):
            return value
    raise Problem(422, f"{name}: must be {' or '.join(NAMES[kind] for kind in allowed)}")


def _fits(value: Any, kind: type | None) -> bool:
    if kind is None:
        return value is None
    return isinstance(value, (int, float) if kind is float else kind) and not isinstance(value, bool)


def page(*filters: str) -> tuple[str | None, int]:
    """``after`` (an id) and ``limit`` of a list that has these filters. Raises Problem 422, also for another
    parameter.
    """
    known = ("after", "limit", "wait", *filters)
    for name in request.args:
        if name not in known:
            raise Problem(422, f"{name}: unknown; allowed are {', '.join(sorted(known))}")
    text = request.args.get("limit", str(PAGE))
    if not re.fullmatch(r"[0-9]{1,4}", text, re.ASCII) or not 1 <= int(text) <= LARGEST_PAGE:
        raise Problem(422, f"limit: {text!r} is not allowed; allowed are 1 to {LARGEST_PAGE}")
    return request.args.get("after"), int(text)


def one_of(name: str, allowed: Sequence[str]) -> None:
    """Raises Problem 422 when the filter has another value."""
    text = request.args.get(name)
    if text is not None and text not in allowed:
        raise Problem(422, f"{name}: {text!r} is not allowed; allowed are {', '.join(allowed)}")


def fitting(text: str | None, name: str) -> str | None:
    """A filter that is a pattern with ``*``. Raises Problem 422 for one that is too long."""
    if text is not None and len(text) > LONGEST_PATTERN:
        raise Problem(422, f"{name}: may have {LONGEST_PATTERN} characters, this one has {len(text)}")
    return text


def check_moment(moment: int, name: str) -> None:
    """Raises Problem 422 for a time that a clock cannot show with all that hangs on it."""
    if not EARLIEST <= moment <= LATEST:
        raise Problem(422, f"{name}: a clock shows {iso_ms(EARLIEST)} to {iso_ms(LATEST)}")


def duration_of(text: str, name: str) -> int:
    """Milliseconds. Raises Problem 422."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise Problem(422, f"{name}: {error}") from None


def moment_of(text: str, name: str) -> int:
    """Milliseconds since the epoch. Raises Problem 422."""
    try:
        return parse_moment(text)
    except ValueError as error:
        raise Problem(422, f"{name}: {error}") from None


def read(schema: Schema) -> dict[str, Any]:
    """The body as a schema reads it. Raises Problem 422 with every fault."""
    try:
        return dict(schema.load(body()))
    except ValidationError as error:
        lines = list(_lines("", error.messages))
        raise Problem(422, "; ".join(lines), problems=lines) from None


def _lines(path: str, messages: Any) -> list[str]:
    if isinstance(messages, dict):
        inner = (
            (f"{path}.{name}" if path and name != "_schema" else path if name == "_schema" else str(name), m)
            for name, m in messages.items()
        )
        return [line for where, message in inner for line in _lines(where, message)]
    return [f"{path}: {message}" for message in messages]


def is_callback_url(text: str) -> None:
    """Raises ValidationError unless it is a URL that callbacks can go to."""
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid or not text.isascii() or re.search(r"\s|[\x00-\x1f\x7f]", text):
        raise ValidationError(f"{text!r} is not a URL; write http://host:port/path or https://...")
    if parts.username is not None:
        raise ValidationError("a URL with a login in it is shown to everybody; write it as auth of the type basic")


class Auth(Schema):
    """How the receiver is convinced that it is the provider."""

    class Meta:
        unknown = RAISE

    type = fields.String(
        required=True, validate=validate.OneOf(tuple(KINDS), error="{input!r} is not offered; allowed are {choices}")
    )
    username = fields.String()
    password = fields.String()
    token_url = fields.String(validate=is_callback_url)
    client_id = fields.String()
    client_secret = fields.String()
    scope = fields.String()
    cert = fields.String()
    key = fields.String()
    ca = fields.String()
    secret = fields.String()

    @validates_schema
    def _members(self, data: dict[str, Any], **_: Any) -> None:
        required, allowed = KINDS[data["type"]]
        for name in required:
            if name not in data:
                raise ValidationError(f"{data['type']} needs {', '.join(required)}", name)
        for name in data.keys() - {"type", *required, *allowed}:
            raise ValidationError(
                f"does not belong to {data['type']}, which takes {', '.join((*required, *allowed))}", name
            )


class EndpointFields(Schema):
    class Meta:
        unknown = RAISE

    url = fields.String(required=True, validate=is_callback_url)
    events = fields.List(fields.String(validate=EVENT_PATTERN))
    auth = fields.Nested(Auth)
    headers = fields.Dict(keys=fields.String(validate=validate.Regexp(HEADER_NAME)), values=fields.String())

    @validates_schema
    def _header_values(self, data: dict[str, Any], **_: Any) -> None:
        for name, value in data.get("headers", {}).items():
            if not HEADER_NAME.fullmatch(name) or not value.isascii() or re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
                raise ValidationError(f"{name!r} is not a header that can be sent", "headers")


class EndpointList(Schema):
    class Meta:
        unknown = RAISE

    endpoints = fields.List(fields.Nested(EndpointFields), required=True, validate=validate.Length(max=1000))


# What a rule of each kind may say beside ``times``: one of the API's calls, and one of callbacks, as a scenario's
# `fault` and `webhooks`.
CALL_FAULT = ("status", "delay", "drop")
CALLBACK_FAULT = ("drop", "delay", "repeat", "shuffle", "corrupt", "stale", "wrong_credentials", "wrong_content_type")


class FaultFields(Schema):
    """A rule of misbehaviour: of calls (``on``: METHOD /path) or of callbacks (``events``: a pattern of event
    names).
    """

    class Meta:
        unknown = RAISE

    on = fields.String(
        validate=validate.Regexp(FAULT_ON, error="{input!r} is not METHOD /path, for example GET /users/*")
    )
    events = fields.String(validate=EVENT_PATTERN)
    times = fields.Integer(strict=True, validate=validate.Range(1, 1_000_000))
    status = fields.Integer(strict=True, validate=validate.Range(400, 599))
    delay = fields.String()
    drop = fields.Boolean(truthy={True}, falsy={False})
    repeat = fields.Integer(strict=True, validate=validate.Range(1, 100))
    shuffle = fields.Boolean(truthy={True}, falsy={False})
    corrupt = fields.Raw(
        validate=validate.OneOf((True, False, *CORRUPTIONS), error="{input!r} is not offered; allowed are {choices}")
    )
    stale = fields.Boolean(truthy={True}, falsy={False})
    wrong_credentials = fields.Boolean(truthy={True}, falsy={False})
    wrong_content_type = fields.Boolean(truthy={True}, falsy={False})

    @validates_schema
    def _one_kind(self, data: dict[str, Any], **_: Any) -> None:
        if ("on" in data) == ("events" in data):
            raise ValidationError(
                'say what it meets: {"on": "GET /users/*", ...} for calls, {"events": "mx.member.*", ...} for callbacks'
            )
        allowed = CALL_FAULT if "on" in data else CALLBACK_FAULT
        for name in data.keys() - {"on", "events", "times", *allowed}:
            raise ValidationError(f"does not belong here; allowed are {', '.join(allowed)}", name)
        if "events" in data and data.keys() <= {"events", "times"}:
            raise ValidationError(f"say what happens to them: {', '.join(CALLBACK_FAULT)}", "events")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Fault | Disturbance:
        try:
            delay = parse_duration(data.pop("delay", "0s"))
        except ValueError as error:
            raise ValidationError(str(error), "delay") from None
        if "on" in data:
            return Fault.make(**data, delay_ms=delay)
        events, times = data.pop("events"), data.pop("times", None)
        return Disturbance(events, {**data, **({"delay_ms": delay} if delay else {})}, times)


class FaultList(Schema):
    class Meta:
        unknown = RAISE

    faults = fields.List(fields.Nested(FaultFields), required=True, validate=validate.Length(max=100))


ENDPOINTS = EndpointList()
FAULTS = FaultList()
