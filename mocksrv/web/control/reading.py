"""Reading what a control call was given: its query, its body. What is wrong, where, and what is allowed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any

from flask import Request

from mocksrv.engine.engine import Engine
from mocksrv.engine.storage.records import DEEPEST, loads
from mocksrv.providers.provider import Refusal
from mocksrv.web.control.calls import ControlCall, ControlRequest, schema_of
from mocksrv.web.hosting.calls import hosted
from mocksrv.web.hosting.connection import LARGEST_STATE

if TYPE_CHECKING:
    from marshmallow import Schema

JSON_TYPES = ("application/json",)
TEXT_TYPES = ("application/json", "application/yaml", "text/yaml")  # of scenarios


def read_request(engine: Engine, sandbox: str, call: ControlCall, request: Request) -> ControlRequest:
    """The request of a control call. Raises Refusal 400, 415, 422."""
    query = checked(call.query, {name: request.args[name] for name in request.args})
    if call.takes_document:
        request.max_content_length = LARGEST_STATE
    data = request.get_data()
    allowed = TEXT_TYPES if call.takes_text else JSON_TYPES
    if data and request.mimetype not in allowed:
        raise Refusal(
            415,
            f"the body's Content-Type is {request.mimetype or 'missing'}; allowed are {', '.join(allowed)}",
        )
    if call.takes_text or call.takes_document:
        return ControlRequest(engine, sandbox, query, {}, data, hosted(request.environ))
    body = checked(call.body, json_object(data or b"{}")) if data or call.body else {}
    return ControlRequest(engine, sandbox, query, body, b"", hosted(request.environ))


def json_object(data: bytes) -> dict[str, Any]:
    """A JSON object. Raises Refusal 400."""
    try:
        value = loads(data.decode())
    except JSONDecodeError as error:
        raise Refusal(400, f"the body is not valid JSON at line {error.lineno}, column {error.colno}") from None
    except (ValueError, RecursionError):
        raise Refusal(400, f"the body is not valid JSON of at most {DEEPEST} levels") from None
    if not isinstance(value, dict):
        raise Refusal(400, "the body must be a JSON object")
    return value


@cache
def _instance(schema: type[Schema]) -> Schema:
    return schema()


def checked(named: str | type[Schema] | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a schema makes of an object. Raises Refusal 422 with every fault."""
    if named is None and not given:
        return {}  # the answer to the first call for /health does not wait for the schemas
    from marshmallow import ValidationError

    schema = _instance(schema_of(named))
    lines: list[str] = []
    known = _known(schema, given, "", lines)
    try:
        read = dict(schema.load(known))
    except ValidationError as error:
        lines += _lines("", error.messages)
        read = {}
    if lines:
        raise Refusal(422, "; ".join(lines), problems=lines)
    return read


def _known(schema: Schema, given: Mapping[str, Any], path: str, lines: list[str]) -> dict[str, Any]:
    """An object without the members that the schema does not have, of each of which a line is added."""
    from marshmallow import fields

    from mocksrv.providers.fields import did_you_mean

    known: dict[str, Any] = {}
    for name, value in given.items():
        field = schema.load_fields.get(name)
        if field is None:
            allowed = sorted(schema.load_fields)
            told = (
                f"allowed are {', '.join(allowed)}{did_you_mean(name, allowed)}" if allowed else "nothing is taken here"
            )
            lines.append(f"{path}{name}: unknown; {told}")
            continue
        inner = field.inner if isinstance(field, fields.List) else field
        if isinstance(inner, fields.Nested):
            if isinstance(field, fields.List) and isinstance(value, list):
                value = [
                    _known(inner.schema, item, f"{path}{name}.{place}.", lines) if isinstance(item, dict) else item
                    for place, item in enumerate(value)
                ]
            elif isinstance(value, dict):
                value = _known(inner.schema, value, f"{path}{name}.", lines)
        known[name] = value
    return known


def _lines(path: str, messages: Any) -> Iterator[str]:
    """marshmallow's messages as lines: ``endpoints.0.url: missing``."""
    if isinstance(messages, dict):
        for name, inner in messages.items():
            yield from _lines(path if name == "_schema" else f"{path}.{name}" if path else str(name), inner)
        return
    for message in messages if isinstance(messages, list) else [messages]:
        yield f"{path}: {message}" if path else str(message)
