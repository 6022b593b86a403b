"""The shape of a scenario file: ``schema.json`` says what is allowed, this module says it to people.

The schema is JSON Schema 2020-12 with one keyword of its own: ``errorMessage`` completes the sentence "… is not
allowed: write …".
"""

from __future__ import annotations

import difflib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from mocksrv.engine.scenarios.model import Problem
from mocksrv.engine.yamlnodes import NULLS, Node, short

Schema = dict[str, Any]
Place = tuple[str | int, ...]

MAX_PROBLEMS = 100
MAX_LISTED = 40

_KINDS = {
    "object": "a mapping ('key: value' lines)",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "boolean": "true or false",
}


class Faults:
    """Collects problems: at most one for each place, in all at most MAX_PROBLEMS."""

    def __init__(self, file: str, root: Node, known: Iterable[Problem] = ()) -> None:
        self._file = file
        self._root = root
        self._found = {(problem.line, problem.column): problem for problem in known}

    @property
    def full(self) -> bool:
        """True when there are so many that looking for more is of no use."""
        return len(self._found) >= MAX_PROBLEMS

    def at(self, path: Place, message: str, *, key: bool = False) -> None:
        """A problem at the value at ``path``, or at its key."""
        node = self._root.find(path, key=key)
        if not self.full:
            self._found.setdefault((node.line, node.column), Problem(self._file, node.line, node.column, message))

    def problems(self) -> tuple[Problem, ...]:
        """All of them, in the order of the file."""
        return tuple(sorted(self._found.values()))


@cache
def base_schema() -> Schema:
    """The language, without the words of any provider. Shared: copy before changing."""
    loaded: Schema = json.loads(Path(__file__).with_name("schema.json").read_text("utf-8"))
    return loaded


def plain(node: Node, rule: Schema | None = None) -> Any:
    """The values of a tree. Scalars are typed, but where the schema asks for text they stay as written: ``0123`` and
    ``yes`` too.
    """
    rule = _branch(base_schema() if rule is None else rule, node)
    if node.pairs is not None:
        known, other = rule.get("properties", {}), rule.get("additionalProperties")
        values: dict[str, Any] = {}
        for key, value in node.pairs:
            name = str(key.text)
            values.setdefault(name, plain(value, known.get(name, other if isinstance(other, dict) else {})))
        return values
    if node.items is not None:
        return [plain(item, rule.get("items", {})) for item in node.items]
    types = rule.get("type", ())
    if "string" not in types or (node.plain and node.text in (NULLS if "null" in types else ("",))):
        return node.scalar
    return node.text


def _branch(rule: Schema, node: Node) -> Schema:
    """The part of a rule that speaks about this kind of node."""
    while "$ref" in rule:
        rule = base_schema()["$defs"][rule["$ref"].rpartition("/")[2]]
    if "anyOf" not in rule or "type" in rule:
        return rule
    kind = "object" if node.pairs is not None else "array" if node.items is not None else "string"
    branches = (_branch(branch, node) for branch in rule["anyOf"])
    return next((branch for branch in branches if branch.get("type") == kind), {})


@cache
def _validator() -> Any:
    """Imported when the first file is checked: jsonschema takes longer to import than the server to start."""
    from jsonschema import Draft202012Validator, ValidationError
    from jsonschema.validators import extend

    def whole_pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[Any]:
        # In Python a '$' also matches before a line break at the end of the text, which no editor's schema support
        # does.
        if isinstance(value, str) and not re.search(pattern.replace("$", r"\Z"), value):
            yield ValidationError(f"{value!r} does not match")

    validator: Any = extend(Draft202012Validator, {"pattern": whole_pattern})  # type: ignore[no-untyped-call]
    return validator(base_schema())


def check(values: Any, faults: Faults) -> list[Place]:
    """Reports everything about ``values`` that the schema does not allow. Returns the places of the faults."""
    unknown: dict[Place, set[str]] = defaultdict(set)
    missing: dict[Place, tuple[Any, list[str]]] = {}
    orphans: dict[Place, Any] = {}
    places: list[Place] = []
    for error in islice(_leaves(_validator().iter_errors(values)), 1000):
        path: Place = tuple(error.absolute_path)
        places.append(path)
        if error.validator == "additionalProperties":
            unknown[path] |= set(_unknown_keys(error, path, faults))
        elif error.validator == "required":
            lacking = [key for key in error.validator_value if key not in error.instance]
            missing.setdefault(path, (error, []))[1].extend(lacking)
        elif error.validator == "dependentRequired":
            orphans[path] = error
        elif "propertyNames" in error.absolute_schema_path:
            faults.at(
                (*path, error.instance),
                f"the name {short(error.instance)} is not allowed: {error.schema['errorMessage']}",
                key=True,
            )
        else:
            faults.at(path, _sentence(error, path))
    for path, (error, keys) in missing.items():
        if lacking := sorted(set(keys) - unknown[path], key=keys.index):
            faults.at(path, f"{_subject(path, error.schema)} needs {' and '.join(map(repr, lacking))}")
    for path, error in orphans.items():
        if not unknown[path]:
            _orphan(error, path, faults)
    return places


def _leaves(errors: Iterable[Any]) -> Iterator[Any]:
    """The errors that matter: of alternatives, those of the one that was meant."""
    for error in errors:
        if error.validator != "anyOf" or "errorMessage" in error.schema:
            yield error
            continue
        branches = defaultdict(list)
        for inner in error.context:
            branches[inner.schema_path[0]].append(inner)
        meant = [
            found
            for found in branches.values()
            if not any(e.validator == "type" and not e.relative_path for e in found)
        ]
        yield from _leaves(meant[0]) if meant else [error]


def _unknown_keys(error: Any, path: Place, faults: Faults) -> Iterator[str]:
    """Reports unknown keys; gives the allowed key that each may stand for."""
    allowed = list(error.schema["properties"])
    for key in error.instance:
        if key in allowed or faults.full:
            continue
        said, guess = choose(key, [name for name in allowed if name not in error.instance], allowed)
        faults.at((*path, key), f"unknown key {short(key)} in {_subject(path, error.schema)}; {said}", key=True)
        yield guess or ""


def _orphan(error: Any, path: Place, faults: Faults) -> None:
    step = error.instance
    owner = "event" if "payload" in step and "event" not in step else "challenges"
    keys = [key for key in step if error.validator_value.get(key) == [owner]]
    verb = "belongs" if len(keys) == 1 else "belong"
    hint = "; for the bank's page write it inside oauth: {…}" if owner == "challenges" and "oauth" in step else ""
    message = f"{', '.join(map(repr, keys))} {verb} to '{owner}', which this step does not have{hint}"
    faults.at((*path, keys[0]), message, key=True)


def _sentence(error: Any, path: Place) -> str:
    """What is wrong with one value, and what is allowed."""
    subject, value, wanted = _subject(path, error.schema), error.instance, error.validator_value
    if "errorMessage" in error.schema and error.validator == "anyOf":
        return f"{subject} {error.schema['errorMessage']}"
    if error.validator == "enum" and isinstance(value, str):
        return f"{subject} cannot be {short(value)}; {choose(value, wanted, wanted)[0]}"
    if error.validator in ("type", "anyOf", "enum"):
        wanted = (
            [branch.get("type", "object") for branch in wanted] if error.validator == "anyOf" else error.schema["type"]
        )
        kinds = [_KINDS[kind] for kind in ([wanted] if isinstance(wanted, str) else wanted) if kind != "null"]
        return f"{subject} must be {' or '.join(kinds)}, {_kind(value)}"
    if "errorMessage" in error.schema:
        return (
            f"{subject} cannot be {str(value).lower() if isinstance(value, bool) else short(value)}: write "
            f"{error.schema['errorMessage']}"
        )
    if error.validator in ("minimum", "maximum"):
        return f"{subject} cannot be {value}: it must be from {error.schema['minimum']} to {error.schema['maximum']}"
    if error.validator in ("minItems", "minProperties", "minLength"):
        return f"{subject} is empty"
    return f"{subject} holds too much: at most {wanted}"


def _kind(value: Any) -> str:
    if value is None:
        return "but it is empty"
    if isinstance(value, bool):
        return f"not {str(value).lower()}"
    return f"not {'a mapping' if isinstance(value, dict) else 'a list' if isinstance(value, list) else short(value)}"


def _subject(path: Place, rule: Mapping[str, Any]) -> str:
    """A value's name in a sentence."""
    if not path:
        return "a scenario"
    last = path[-1]
    if isinstance(last, int):
        return str(rule.get("title") or f"an item of {short(path[-2])}")
    return f"flow {short(last)}" if path[:-1] == ("flows",) else short(last)


def choose(word: str, likely: Iterable[str], allowed: Iterable[str], intro: str = "allowed") -> tuple[str, str | None]:
    """What may stand instead of an unknown word, as a clause, and the one it probably meant (one of ``likely``)."""
    guess = near(word, likely)
    names = sorted(allowed) if isinstance(allowed, (set, frozenset)) else list(allowed)
    listed = ", ".join(names[:MAX_LISTED]) + (f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else "")
    clause = f"{intro}: {listed}" if names else "there is none to choose from"
    return (f"did you mean '{guess}'? {clause[0].upper()}{clause[1:]}" if guess else clause), guess


def near(word: str, names: Iterable[str]) -> str | None:
    """The name that is most like a word, if one is."""
    if len(word) > 64:
        return None
    folded = {name.lower(): name for name in islice(sorted(names), 2000)}
    found = difflib.get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None
