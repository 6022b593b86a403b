"""The control API for people, made of its OpenAPI document: what each call takes and gives, member by member."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mocksrv.web.control.calls import STREAM_TYPE

Json = Mapping[str, Any]
COMPONENT = "#/components/schemas/"
JSON_TYPE, YAML_TYPE = "application/json", "application/yaml"


class Member(NamedTuple):
    """A parameter, or a member of a body or an answer: its name (of an inner one the path to it, ``calls[].method``),
    its JSON types or what is allowed, whether it is needed, what it says.
    """

    name: str
    kind: str
    needed: bool
    about: str


class Operation(NamedTuple):
    """A call. ``takes`` is the type of a body (empty: there is none), ``sample`` one with what is needed in it, if it
    is JSON. ``status`` is that of a call that is done, ``media`` the type of what is answered (empty: nothing).
    ``refusals`` are statuses, and when. ``endless``: the answer does not end.
    """

    id: str
    method: str
    path: str
    summary: str
    in_path: Sequence[Member]
    query: Sequence[Member]
    takes: str
    body: Sequence[Member]
    sample: Any
    status: str
    media: str
    answer: Sequence[Member]
    refusals: Mapping[str, str]
    endless: bool

    @property
    def words(self) -> str:
        """What a search looks through."""
        members = (*self.in_path, *self.query, *self.body, *self.answer)
        names = (each.name for each in members)
        return " ".join((self.method, self.path, self.id, self.summary, *names)).lower()


def groups(document: Json) -> dict[str, list[Operation]]:
    """The calls of an OpenAPI document of the control API by their headings, in its order."""
    found: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            made = _operation(method.upper(), path, operation, document["components"]["schemas"])
            found.setdefault(operation["tags"][0], []).append(made)
    return found


def _operation(method: str, path: str, operation: Json, schemas: Json) -> Operation:
    parameters = {
        place: [_parameter(each) for each in operation.get("parameters", ()) if each["in"] == place]
        for place in ("path", "query")
    }
    content = operation.get("requestBody", {}).get("content", {})
    takes = next((kind for kind in (YAML_TYPE, JSON_TYPE) if kind in content), "")
    taken = content[takes]["schema"] if takes else {}
    status, done = next((status, each) for status, each in operation["responses"].items() if status.startswith("2"))
    media, answered = next(iter(done.get("content", {"": {}}).items()))
    return Operation(
        operation["operationId"],
        method,
        path,
        operation["summary"],
        parameters["path"],
        parameters["query"],
        takes,
        list(_members(taken, schemas)),
        _sample(taken, schemas) if takes == JSON_TYPE else None,
        status,
        media,
        list(_members(answered.get("schema", {}), schemas)),
        {status: each["description"] for status, each in operation["responses"].items() if "$ref" in each},
        media == STREAM_TYPE,
    )


def _parameter(parameter: Json) -> Member:
    needed, about = parameter.get("required", False), parameter.get("description", "")
    return Member(parameter["name"], _kind(parameter["schema"]), needed, about)


def _members(schema: Json, schemas: Json, prefix: str = "", around: frozenset[str] = frozenset()) -> Iterator[Member]:
    """The members of an object, behind each those of the objects in it; ``around``: the schemas that it stands in."""
    name = _named(schema)
    if name is None or name in around:
        return
    shape = schemas[name]
    for member, inner in shape["properties"].items():
        path = f"{prefix}{member}"
        yield Member(path, _kind(inner), member in shape.get("required", ()), inner.get("description", ""))
        items = "[]" if "items" in inner else ""
        yield from _members(inner.get("items", inner), schemas, f"{path}{items}.", around | {name})


def _named(schema: Json) -> str | None:
    """The component that a schema refers to."""
    reference: str | None = schema.get("$ref")
    return reference and reference.removeprefix(COMPONENT)


def _kind(schema: Json) -> str:
    """The types of a value, or all that it can be."""
    if "enum" in schema:
        return " | ".join(each if isinstance(each, str) else json.dumps(each) for each in schema["enum"])
    types = schema.get("type", "object" if "$ref" in schema else "any")
    if types == "array":
        return f"list of {_kind(schema['items'])}"
    return types if isinstance(types, str) else " or ".join(types)


SAMPLES: Mapping[str, Any] = {"string": "", "integer": 0, "number": 0, "boolean": False, "object": {}}


def _sample(schema: Json, schemas: Json) -> Any:
    """A value with no more than is needed in it."""
    name = _named(schema)
    if name is not None:
        shape = schemas[name]
        return {each: _sample(shape["properties"][each], schemas) for each in shape.get("required", ())}
    if schema.get("type") == "array":
        return [_sample(schema["items"], schemas)]
    types = schema.get("type")
    return SAMPLES.get(types) if isinstance(types, str) else None
