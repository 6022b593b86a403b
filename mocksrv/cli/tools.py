"""The control calls of a running server as tools for coding agents, made of its OpenAPI document.

One tool is one call; its arguments are those of path, query and body, by their own names. Knows nothing of how agents
ask for tools: that is `mocksrv.cli.mcp`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from mocksrv.engine.problems import near

Json = dict[str, Any]
COMPONENT, DEFINITION = "#/components/schemas/", "#/$defs/"
YAML = "yaml"  # the argument that is the whole body of a call that takes a scenario
ABOUT_ITSELF = frozenset({"/", "/openapi.json"})  # what the list of tools says already
ANSWERS = "application/json"  # other answers (streams, pages) are for programs and people


class ArgumentError(Exception):
    """What is wrong with the arguments of a tool, and what is allowed."""


class Tool(NamedTuple):
    """A control call. ``arguments`` is the JSON Schema of what it takes: an object; ``query`` names those that belong
    into the query; ``path`` has its parameters in braces.
    """

    name: str
    about: str
    method: str
    path: str
    arguments: Json
    query: frozenset[str]

    def request(self, given: Mapping[str, Any]) -> tuple[str, Json | str | None]:
        """Path with query, and body (a text: YAML), of a call with these arguments. Raises ArgumentError; what the
        server checks is left to it.
        """
        known = self.arguments["properties"]
        unknown = next((name for name in given if name not in known), None)
        if unknown is not None:
            meant = near(unknown, known)
            hint = f"; did you mean {meant}?" if meant else f"; allowed are {', '.join(known) or 'none'}"
            raise ArgumentError(f"{unknown}: {self.name} has no such argument{hint}")
        missing = [name for name in self.arguments["required"] if name not in given]
        if missing:
            raise ArgumentError(f"{missing[0]}: {self.name} needs it")
        in_path = {name for name in known if f"{{{name}}}" in self.path}
        path = self.path.format(**{name: quote(str(given[name]), safe="") for name in in_path})
        asked = {name: _text(value) for name, value in given.items() if name in self.query}
        if asked:
            path = f"{path}?{urlencode(asked)}"
        if YAML in given:
            return path, given[YAML]
        return path, {name: value for name, value in given.items() if name not in in_path | self.query} or None


def tools(document: Mapping[str, Any]) -> list[Tool]:
    """The tools of an OpenAPI document of the control API, in its order: one for each call that answers JSON."""
    components = document["components"]["schemas"]
    return [
        _tool(method.upper(), path, operation, components)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if path not in ABOUT_ITSELF and _answers_json(operation)
    ]


def _answers_json(operation: Mapping[str, Any]) -> bool:
    answers = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
    return all(ANSWERS in answer.get("content", {ANSWERS: {}}) for answer in answers)


def _tool(method: str, path: str, operation: Mapping[str, Any], components: Mapping[str, Any]) -> Tool:
    parameters: Sequence[Json] = operation.get("parameters", [])
    properties = {each["name"]: {**each["schema"], "description": each["description"]} for each in parameters}
    required = [each["name"] for each in parameters if each.get("required")]
    body = operation.get("requestBody")
    if body and any("yaml" in kind for kind in body["content"]):
        properties[YAML] = {"type": "string", "description": "The scenario, as YAML text."}
        required.append(YAML)
    elif body:
        shape = _object(body["content"][ANSWERS]["schema"], components)
        properties |= shape["properties"]
        required += shape.get("required", [])
    arguments: Json = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    needed = dict(sorted(_definitions(arguments, components)))
    if needed:
        arguments["$defs"] = needed
    return Tool(
        operation["operationId"],
        operation["summary"],
        method,
        path,
        _local(arguments),
        frozenset(each["name"] for each in parameters if each["in"] == "query"),
    )


def _object(schema: Mapping[str, Any], components: Mapping[str, Any]) -> Json:
    found: Json = components[schema["$ref"].removeprefix(COMPONENT)]
    return found


def _definitions(shape: Any, components: Mapping[str, Any], seen: frozenset[str] = frozenset()) -> Iterator[Any]:
    """Names and schemas of all components that a schema refers to."""
    for reference in _references(shape):
        name = reference.removeprefix(COMPONENT)
        if name not in seen:
            yield name, components[name]
            yield from _definitions(components[name], components, seen | {name})


def _references(shape: Any) -> Iterator[str]:
    if isinstance(shape, Mapping):
        if "$ref" in shape:
            yield shape["$ref"]
        for inner in shape.values():
            yield from _references(inner)
    elif isinstance(shape, list):
        for inner in shape:
            yield from _references(inner)


def _local(shape: Any) -> Any:
    """A schema whose references lead to its own definitions."""
    if isinstance(shape, Mapping):
        return {
            name: value.replace(COMPONENT, DEFINITION) if name == "$ref" else _local(value)
            for name, value in shape.items()
        }
    return [_local(inner) for inner in shape] if isinstance(shape, list) else shape


def _text(value: Any) -> str:
    """A value as a query has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
