"""The OpenAPI 3.1 document of the control API, made of the calls' declarations. Imported when it is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import Schema, fields, validate

from mocksrv import __version__
from mocksrv.providers.fields import Answer, Anything, Duration, Flag, Map, Moment, Number, OneOf, Text, Whole
from mocksrv.web.control.calls import PREFIX, STREAM_TYPE, ControlCall, schema_of
from mocksrv.web.control.reading import JSON_TYPES, TEXT_TYPES
from mocksrv.web.control.schemas.shared import ProblemDocument
from mocksrv.web.hosting.calls import PROBLEM_TYPE

TYPES: Mapping[type[fields.Field[Any]], Mapping[str, Any]] = {
    Moment: {"type": "string"},
    Duration: {"type": "string"},
    Text: {"type": "string"},
    Whole: {"type": "integer"},
    Number: {"type": "number"},
    Flag: {"type": "boolean"},
    Anything: {},
}
# Refusals that every call may give, and those of calls that take a body.
ALWAYS = {401: "the token is missing or wrong", 403: "the client is too far away", 422: "what was given is refused"}
WITH_BODY = {400: "the body is no JSON object", 413: "the body is too large", 415: "the body is of another type"}


def plain(path: str) -> str:
    """A path with its parameters in braces."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path)


def document(calls: Sequence[ControlCall], server: str) -> dict[str, Any]:
    """The document; ``server`` is the base URL of the sandbox."""
    components: dict[str, Any] = {}
    paths: dict[str, dict[str, Any]] = {}
    reference(ProblemDocument, components)
    for call in calls:
        paths.setdefault(plain(call.path), {})[call.method.lower()] = _operation(call, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "mocksrv control API", "version": __version__},
        "servers": [{"url": f"{server}{PREFIX}"}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "responses": {
                "Problem": {
                    "description": "Why the call was refused.",
                    "content": {PROBLEM_TYPE: {"schema": reference(ProblemDocument, components)}},
                }
            },
        },
    }


def refusals(call: ControlCall) -> dict[int, str]:
    """The statuses that a call may be refused with, and when."""
    always = ALWAYS if call.checked else {}
    return dict(sorted({**always, **(WITH_BODY if call.body or call.takes_text else {}), **call.refusals}.items()))


def _operation(call: ControlCall, components: dict[str, Any]) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "description": call.parameters[name], "schema": TYPES[Text]}
        for name in re.findall(r"{(\w+)}", plain(call.path))
    ]
    if call.query:
        parameters += [
            {"name": name, "in": "query", "description": _said(field), "schema": _shape(field, components)}
            for name, field in schema_of(call.query)().load_fields.items()
        ]
    words = [call.method.lower(), *re.findall(r"\w+", plain(call.path))]
    made: dict[str, Any] = {"operationId": "_".join(words), "summary": call.summary, "tags": [call.group]}
    if parameters:
        made["parameters"] = parameters
    if call.takes_text:
        content: Any = {kind: {"schema": {"type": "string"} if "yaml" in kind else {}} for kind in TEXT_TYPES}
        made["requestBody"] = {"required": True, "content": content}
    elif call.body:
        schema = schema_of(call.body)
        needed = any(field.required for field in schema().load_fields.values())
        content = {kind: {"schema": reference(schema, components)} for kind in JSON_TYPES}
        made["requestBody"] = {"required": needed, "content": content}
    made["responses"] = {
        **_answer(call, components),
        **{
            str(status): {"$ref": "#/components/responses/Problem", "description": f"{when[0].upper()}{when[1:]}."}
            for status, when in refusals(call).items()
        },
    }
    return made


def _answer(call: ControlCall, components: dict[str, Any]) -> dict[str, Any]:
    if call.media:
        done = "Until one side ends it." if call.media == STREAM_TYPE else "Done."
        return {"200": {"description": done, "content": {call.media: {"schema": TYPES[Text]}}}}
    if call.answer is None:
        return {"204": {"description": "Done."}}
    content = {"application/json": {"schema": reference(schema_of(call.answer), components)}}
    return {"200": {"description": "Done.", "content": content}}


def reference(schema: type[Schema], components: dict[str, Any]) -> dict[str, Any]:
    """A reference to a schema, which is put among the components."""
    name = schema.__name__
    if name not in components:
        components[name] = {}  # a schema may contain itself
        components[name] = object_shape(schema, components)
    return {"$ref": f"#/components/schemas/{name}"}


def object_shape(schema: type[Schema], components: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of an object."""
    members = schema().fields
    answer = issubclass(schema, Answer)
    needed = [
        name for name, field in members.items() if field.required or (answer and not field.metadata.get("optional"))
    ]
    shape: dict[str, Any] = {"type": "object"}
    about = " ".join((schema.__doc__ or "").split())
    if about and "__doc__" in vars(schema):
        shape["description"] = about
    shape["properties"] = {name: _described(field, _shape(field, components)) for name, field in members.items()}
    if needed:
        shape["required"] = needed
    return {**shape, "additionalProperties": False}


def _shape(field: fields.Field[Any], components: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of a field."""
    if isinstance(field, fields.List):
        made: dict[str, Any] = {"type": "array", "items": _shape(field.inner, components)}
    elif isinstance(field, fields.Nested):
        made = reference(type(field.schema), components)
    elif isinstance(field, Map):
        values = _shape(field.value_field, components) if field.value_field else True
        made = {"type": "object", "additionalProperties": values}
    else:
        made = dict(next(shape for kind, shape in TYPES.items() if isinstance(field, kind)))
    for validator in field.validators:
        made |= _limits(validator)
    if field.allow_none and "type" in made:
        made["type"] = [made["type"], "null"]
    return made


def _limits(validator: Any) -> dict[str, Any]:
    """What a validator allows, in the words of JSON Schema."""
    if isinstance(validator, OneOf):
        return {"enum": list(validator.choices)}
    if isinstance(validator, validate.Range):
        return {"minimum": validator.min, "maximum": validator.max}
    if isinstance(validator, validate.Regexp):
        return {"pattern": f"^({str(validator.regex.pattern).removesuffix(chr(92) + 'Z')})$"}
    return {}


def _described(field: fields.Field[Any], shape: dict[str, Any]) -> dict[str, Any]:
    said = _said(field)
    return {**shape, "description": said} if said else shape


def _said(field: fields.Field[Any]) -> str:
    return str(field.metadata.get("description", ""))
