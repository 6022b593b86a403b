"""Checks a large document by its schema and makes nothing of it: what marshmallow would make takes many times as long,
and would keep other calls waiting.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

from marshmallow import Schema, ValidationError, fields

from mocksrv.providers.fields import Flag, Map, Number, Text, Whole, did_you_mean
from mocksrv.providers.numbers import LARGEST

MOST = 10  # faults that are told
KINDS: Mapping[type[Any], tuple[type | tuple[type, ...], str]] = {
    Text: (str, Text.kind),
    Whole: (int, Whole.kind),
    Number: ((int, float), Number.kind),
    Flag: (bool, Flag.kind),
    Map: (dict, Map.kind),
    fields.List: (list, "a list"),
    fields.Nested: (dict, "an object"),
}


class _Member(NamedTuple):
    """What is wanted of a value: its Python type, that in words, whether it may be null, what is in it."""

    name: str
    wanted: type | tuple[type, ...]
    told: str
    nullable: bool
    inner: type[Schema] | None
    each: _Member | None
    field: fields.Field[Any]


@cache
def _members(schema: type[Schema]) -> tuple[_Member, ...]:
    return tuple(_member(name, field) for name, field in schema().fields.items())


def _member(name: str, field: fields.Field[Any]) -> _Member:
    kind, told = next(found for base, found in KINDS.items() if isinstance(field, base))
    inner = type(field.schema) if isinstance(field, fields.Nested) else None
    values = field.inner if isinstance(field, fields.List) else getattr(field, "value_field", None)
    return _Member(name, kind, told, field.allow_none, inner, _member("", values) if values else None, field)


def faults(schema: type[Schema], document: Mapping[str, Any]) -> list[str]:
    """What is wrong with a document, of which every member must be there: the first faults, each with its place."""
    return list(islice(_object(schema, document, ""), MOST))


def _object(schema: type[Schema], value: Mapping[str, Any], path: str) -> Iterator[str]:
    members, there = _members(schema), 0
    for member in members:
        if member.name in value:
            there += 1
            yield from _value(member, value[member.name], f"{path}{member.name}")
        else:
            yield f"{path}{member.name}: missing"
    if len(value) > there:
        known = [member.name for member in members]
        yield from (f"{path}{name}: unknown{did_you_mean(name, known)}" for name in value if name not in known)


def _value(member: _Member, value: Any, path: str) -> Iterator[str]:
    if value is None and member.nullable:
        return
    if not _is_one(member, value):
        yield f"{path}: must be {member.told}"
        return
    if member.inner is not None:
        yield from _object(member.inner, value, f"{path}.")
    elif member.each is not None:
        for place, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _value(member.each, item, f"{path}.{place}")
    for validator in member.field.validators:
        try:
            validator(value)
        except ValidationError as error:
            yield f"{path}: {error.messages[0]}"


def _is_one(member: _Member, value: Any) -> bool:
    """Whether a value is of the type that is wanted: a truth is no number, and one that cannot be kept is none."""
    if isinstance(value, int):
        truth = isinstance(value, bool)
        return isinstance(value, member.wanted) and truth == (member.wanted is bool) and abs(value) <= LARGEST
    return isinstance(value, member.wanted)
