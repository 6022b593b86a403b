"""What can be read out of the tests themselves: which refusals they expect of which operation. For docs/coverage.md."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

METHODS = frozenset({"GET", "POST", "PUT", "DELETE"})
HOLE = "\0"  # a part of a path that is only known when the test runs

Scope = Mapping[str, ast.expr]


def refused(files: Sequence[Path], operations: Mapping[str, tuple[str, str]]) -> dict[str, set[int]]:
    """Operation -> the statuses from 400 to 499 that tests expect of it.

    Found in calls and tuples that name a method, a path and a status: ``mx.call("PUT", f"/users/{user}", {},
    status=400)``. What is put together when the test runs counts only where it is a whole segment of the path, and then
    for a parameter: so some refusals are not seen here, but none is seen that there is not.
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
