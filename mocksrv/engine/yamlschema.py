"""The shape of a YAML file: a JSON Schema beside the code says what is allowed, this module says it to people.

The schemas are JSON Schema 2020-12 with keywords of their own that only messages read: ``errorMessage`` completes the
sentence "… is not allowed: write …", ``subject`` names a value (``flow {}``), ``hints`` what is said beside a
``dependentRequired`` that is not met, by the key that is missing and another that is there.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from mocksrv.engine.problems import Problem, choose, short
from mocksrv.engine.yamlnodes import NULLS, Node

Rule = Mapping[str, Any]
Place = tuple[str | int, ...]

MAX_PROBLEMS = 100

_KINDS = {
    "object": "a mapping ('key: value' lines)",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


class Problems:
    """Collects the faults of one file: at most one for each place, in all at most MAX_PROBLEMS."""

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

    def sorted(self) -> tuple[Problem, ...]:
        """All of them, in the order of the file."""
        return tuple(sorted(self._found.values()))


class Reports(Protocol):
    """Who is told of faults."""

    @property
    def full(self) -> bool:
        """True when there are so many that looking for more is of no use."""

    def at(self, path: Place, message: str, *, key: bool = False) -> None:
        """A problem at the value at ``path``, or at its key."""


class _Sentences:
    """Faults without a file."""

    full = False

    def __init__(self) -> None:
        self.all: list[tuple[Place, str]] = []

    def at(self, path: Place, message: str, *, key: bool = False) -> None:
        self.all.append((path, message))


class FileSchema:
    """What one kind of file, or a part of one, may say: a JSON Schema, or the file that it stands in."""

    def __init__(self, source: Path | Rule) -> None:
        self._source = source

    @cached_property
    def rules(self) -> dict[str, Any]:
        """The JSON Schema, without the words of any provider. Shared: copy before changing."""
        if not isinstance(self._source, Path):
            return dict(self._source)
        loaded: dict[str, Any] = json.loads(self._source.read_text("utf-8"))
        return loaded

    @cached_property
    def _validator(self) -> Any:
        return _validator_class()(self.rules)

    def values(self, node: Node) -> Any:
        """The values of a tree. Scalars are typed, but where the schema asks for text they stay as written: ``0123``
        and ``yes`` too.
        """
        return self._values(node, self.rules)

    def _values(self, node: Node, rule: Rule) -> Any:
        rule = self._branch(rule, node)
        if node.pairs is not None:
            known, other = rule.get("properties", {}), rule.get("additionalProperties")
            values: dict[str, Any] = {}
            for key, value in node.pairs:
                name = str(key.text)
                if name not in values:
                    values[name] = self._values(value, known.get(name, other if isinstance(other, dict) else {}))
            return values
        if node.items is not None:
            return [self._values(item, rule.get("items", {})) for item in node.items]
        types = rule.get("type", ())
        if "string" not in types or (node.plain and node.text in (NULLS if "null" in types else ("",))):
            return node.scalar
        return node.text

    def resolved(self, rule: Rule) -> Rule:
        """A rule, or the one that it refers to."""
        while "$ref" in rule:
            rule = self.rules["$defs"][rule["$ref"].rpartition("/")[2]]
        return rule

    def _branch(self, rule: Rule, node: Node) -> Rule:
        """The part of a rule that speaks about this kind of node."""
        rule = self.resolved(rule)
        if "anyOf" not in rule or "type" in rule:
            return rule
        kind = "object" if node.pairs is not None else "array" if node.items is not None else "string"
        branches = (self._branch(branch, node) for branch in rule["anyOf"])
        return next((branch for branch in branches if branch.get("type") == kind), {})

    def faults(self, values: Any) -> list[tuple[Place, str]]:
        """What the schema does not allow about values that stand in no file: places and sentences."""
        found = _Sentences()
        self.check(values, found)
        return found.all

    def check(self, values: Any, problems: Reports, at: Place = ()) -> list[Place]:
        """Reports everything about ``values`` that the schema does not allow; ``at`` is where they stand in the file.
        Returns the places of the faults.
        """
        unknown: dict[Place, set[str]] = defaultdict(set)
        missing: dict[Place, tuple[Any, list[str]]] = {}
        orphans: dict[Place, Any] = {}
        places: list[Place] = []
        for error in islice(_leaves(self._validator.iter_errors(values)), 1000):
            path: Place = (*at, *error.absolute_path)
            places.append(path)
            if error.validator == "additionalProperties":
                unknown[path] |= set(_unknown_keys(error, path, problems))
            elif error.validator == "required":
                lacking = [key for key in error.validator_value if key not in error.instance]
                missing.setdefault(path, (error, []))[1].extend(lacking)
            elif error.validator == "dependentRequired":
                orphans[path] = error
            elif "propertyNames" in error.absolute_schema_path:
                problems.at(
                    (*path, error.instance),
                    f"the name {short(error.instance)} is not allowed: {error.schema['errorMessage']}",
                    key=True,
                )
            else:
                problems.at(path, _sentence(error, path))
        for path, (error, keys) in missing.items():
            if lacking := sorted(set(keys) - unknown[path], key=keys.index):
                problems.at(path, f"{_subject(path, error.schema)} needs {' and '.join(map(repr, lacking))}")
        for path, error in orphans.items():
            if not unknown[path]:
                _orphan(error, path, problems)
        return places


def mapping(value: Any) -> Mapping[str, Any]:
    """A value that may be misshapen, as a mapping: empty if it is none."""
    return value if isinstance(value, dict) else {}


@cache
def _validator_class() -> Any:
    """Imported when the first file is checked: jsonschema takes longer to import than the server to start."""
    from jsonschema import Draft202012Validator, ValidationError
    from jsonschema.validators import extend

    def whole_pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[Any]:
        # In Python a '$' also matches before a line break at the end of the text, which no editor's schema support
        # does.
        if isinstance(value, str) and not re.search(pattern.replace("$", r"\Z"), value):
            yield ValidationError(f"{value!r} does not match")

    return extend(Draft202012Validator, {"pattern": whole_pattern})  # type: ignore[no-untyped-call]


def _leaves(errors: Iterable[Any]) -> Iterator[Any]:
    """The errors that matter: of alternatives, those of the one that was meant."""
    for error in errors:
        if error.validator not in ("anyOf", "oneOf") or "errorMessage" in error.schema:
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


def _unknown_keys(error: Any, path: Place, problems: Reports) -> Iterator[str]:
    """Reports unknown keys; gives the allowed key that each may stand for."""
    allowed = list(error.schema["properties"])
    for key in error.instance:
        if key in allowed or problems.full:
            continue
        said, guess = choose(key, [name for name in allowed if name not in error.instance], allowed)
        problems.at((*path, key), f"unknown key {short(key)} in {_subject(path, error.schema)}; {said}", key=True)
        yield guess or ""


def _orphan(error: Any, path: Place, problems: Reports) -> None:
    """Keys without the key that they belong to."""
    written: Mapping[str, Any] = error.instance
    owners = {key: needs[0] for key, needs in error.validator_value.items() if key in written}
    owner = next(needed for needed in owners.values() if needed not in written)
    keys = [key for key in written if owners.get(key) == owner]
    verb = "belongs" if len(keys) == 1 else "belong"
    hints = error.schema.get("hints", {}).get(owner, {})
    hint = "".join(f"; {said}" for key, said in hints.items() if key in written)
    subject = _subject(path, error.schema).removeprefix("a ")
    problems.at(
        (*path, keys[0]),
        f"{', '.join(map(repr, keys))} {verb} to '{owner}', which this {subject} does not have{hint}",
        key=True,
    )


def _sentence(error: Any, path: Place) -> str:
    """What is wrong with one value, and what is allowed."""
    subject, value, wanted = _subject(path, error.schema), error.instance, error.validator_value
    if "errorMessage" in error.schema and error.validator in ("anyOf", "oneOf"):
        return f"{subject} {error.schema['errorMessage']}"
    if error.validator == "enum" and isinstance(value, str):
        words = [word for word in wanted if isinstance(word, str)]
        return f"{subject} cannot be {short(value)}; {choose(value, words, words)[0]}"
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


def _subject(path: Place, rule: Rule) -> str:
    """A value's name in a sentence."""
    if not path:
        return str(rule.get("title", "the file"))
    last = path[-1]
    if isinstance(last, int):
        return str(rule.get("title") or f"an item of {short(path[-2])}")
    return str(rule.get("subject", "{}")).format(short(last))
