"""Answers against the schemas of MX's OpenAPI files, where those are beside the project."""

from __future__ import annotations

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from tests.providers.mx.http.test_shapes import openapi


@cache
def responses(version: str) -> dict[str, dict[str, Any]]:
    """Operation -> status -> what the file says of the answer."""
    return {
        operation["operationId"]: {str(status): answer for status, answer in operation["responses"].items()}
        for methods in openapi(version)["paths"].values()
        for method, operation in methods.items()
        if method != "parameters"
    }


def problems(version: str, operation: str, status: int, body: Any) -> list[str]:
    """What is wrong with a JSON answer (None: no content) by the file: nothing when it is as documented."""
    answer = responses(version)[operation].get(str(status))
    if answer is None:
        return [f"{operation}: {status} is not documented"]
    if not answer.get("content"):
        return [] if body is None else [f"{operation}: no content is documented"]
    schema = next(iter(answer["content"].values()))["schema"]
    return [
        f"{operation}: {'.'.join(map(str, error.absolute_path))}: {error.message}"
        for error in _validator(version, schema).iter_errors(body)
    ]


def _validator(version: str, schema: Any) -> Draft202012Validator:
    return Draft202012Validator({"allOf": [modern(schema)], "components": _components(version)})


@cache
def _components(version: str) -> Any:
    return modern(openapi(version)["components"])


def modern(node: Any) -> Any:
    """OpenAPI 3.0's ``nullable`` in the words of JSON Schema."""
    if isinstance(node, list):
        return [modern(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    plain = {
        name: inner if name in ("example", "enum", "default", "required") else modern(inner)
        for name, inner in node.items()
    }
    return {"anyOf": [plain, {"type": "null"}]} if plain.pop("nullable", False) is True else plain
