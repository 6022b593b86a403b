"""What can be read out of MX's file and of the tests themselves about each operation, for docs/coverage.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

METHODS = frozenset({"GET", "POST", "PUT", "DELETE"})
HOLE = "\0"  # a part of a path that is only known when the test runs

Scope = Mapping[str, ast.expr]


# refusals that tests expect


def refused(files: Sequence[Path], operations: Mapping[str, tuple[str, str]]) -> dict[str, set[int]]:
    """Operation -> the statuses from 400 to 499 that tests expect of it.

    Found in calls and tuples that name a method, a path and a status: ``mx.call("PUT", f"/users/{user}", {}, status=400)``. What is
    put together when the test runs counts only where it is a whole segment of the path, and then for a parameter: so some refusals
    are not seen here, but none is seen that there is not.
    """
    found: dict[str, set[int]] = {}
    for file in files:
        for method, path, statuses in _expectations(ast.parse(file.read_text("utf-8"))):
            operation = match(method, path, operations)
            if operation:
                found.setdefault(operation, set()).update(statuses)
    return found


def match(method: str, path: str, operations: Mapping[str, tuple[str, str]]) -> str | None:
    """The operation that a path belongs to: the one with the fewest parameters among those that fit."""
    given = path.partition("?")[0].split("/")
    fitting = []
    for operation, (its_method, template) in operations.items():
        wanted = template.split("/")
        if its_method == method and len(wanted) == len(given) and all(map(_fits, wanted, given)):
            fitting.append((template.count("{"), operation))
    return min(fitting)[1] if fitting else None


def _fits(wanted: str, given: str) -> bool:
    if "{" in wanted:
        return HOLE not in given or given == HOLE
    return wanted == given


def _expectations(tree: ast.Module) -> Iterator[tuple[str, str, set[int]]]:
    outer = _assigned(tree.body)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for function in functions:
        scope = {**outer, **_assigned(list(ast.walk(function)))}
        for node in ast.walk(function):
            if isinstance(node, ast.Call):
                yield from _expectation([*node.args, *(keyword.value for keyword in node.keywords)], scope)
            elif isinstance(node, ast.Tuple):
                yield from _expectation(node.elts, scope)


def _expectation(parts: Sequence[ast.expr], scope: Scope) -> Iterator[tuple[str, str, set[int]]]:
    constants = [part.value if isinstance(part, ast.Constant) else None for part in parts]
    statuses = {value for value in constants if isinstance(value, int) and 400 <= value < 500}
    for place, value in enumerate(constants[:-1]):
        if statuses and value in METHODS:
            path = _text(parts[place + 1], scope, 0)
            if path and path.startswith("/"):
                yield str(value), path, statuses


def _assigned(nodes: Sequence[ast.AST]) -> dict[str, ast.expr]:
    """Names that are assigned once -> what they are."""
    seen: dict[str, list[ast.expr]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                names, values = [target], [node.value]
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    names, values = list(target.elts), list(node.value.elts)
                for name, value in zip(names, values, strict=False):
                    if isinstance(name, ast.Name):
                        seen.setdefault(name.id, []).append(value)
        elif isinstance(node, ast.For) and isinstance(node.target, ast.Name):
            seen.setdefault(node.target.id, []).extend([node.iter, node.iter])  # changes
    return {name: values[0] for name, values in seen.items() if len(values) == 1}


def _text(node: ast.expr, scope: Scope, depth: int) -> str | None:
    """A text as far as it can be known, with holes."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else HOLE
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part, scope, depth) or HOLE for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return _text(node.value, scope, depth)
    if isinstance(node, ast.Name) and node.id in scope and depth < 5:
        return _text(scope[node.id], scope, depth + 1)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return f"{_text(node.left, scope, depth) or HOLE}{_text(node.right, scope, depth) or HOLE}"
    return HOLE


# response schemas


def schemas(document: Any, operation: str) -> set[str]:
    """The schemas of the file that an operation's answer is made of, without the bodies around them and the pagination."""
    names: set[str] = set()
    for methods in document["paths"].values():
        for method, found in methods.items():
            if method != "parameters" and found["operationId"] == operation:
                for status, response in found["responses"].items():
                    if str(status).startswith("2"):
                        _collect(document, response, names)
    return {name for name in names if not _is_wrapper(document["components"]["schemas"][name])}


def _collect(document: Any, node: Any, names: set[str]) -> None:
    if isinstance(node, list):
        for inner in node:
            _collect(document, inner, names)
    elif isinstance(node, dict):
        reference = re.fullmatch(r"#/components/(\w+)/(\w+)", str(node.get("$ref", "")))
        if reference:
            kind, name = reference.groups()
            if kind != "schemas" or name not in names:
                names |= {name} if kind == "schemas" else set()
                _collect(document, document["components"][kind][name], names)
        for key, inner in node.items():
            if key != "examples":
                _collect(document, inner, names)


def _is_wrapper(schema: Any) -> bool:
    """Whether a schema has nothing of its own: objects, lists of objects, or what stands in every paged answer."""
    properties = schema.get("properties")
    if not properties or "total_entries" in properties:
        return True
    return all("$ref" in each or "$ref" in each.get("items", {}) or "allOf" in each.get("items", {}) for each in properties.values())
