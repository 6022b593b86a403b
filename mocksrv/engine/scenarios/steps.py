"""The keys of a step. Every table about steps (schema, model, reading, diagram, playing) has an entry for each of them,
or the package cannot be imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields

from mocksrv.engine.declarations import DeclarationError
from mocksrv.engine.scenarios.model import Step

PLACE = frozenset({"flow", "index", "file", "line"})  # where a step stands, which is no key of it
# key -> the fields of `Step` that hold it
KEYS: Mapping[str, tuple[str, ...]] = {
    "after": ("after_ms", "after_polls"),
    "status": ("status",),
    "set": ("set",),
    "data": ("data",),
    "fault": ("fault",),
    "event": ("event",),
    "payload": ("payload",),
    "webhooks": ("webhooks",),
    **dict.fromkeys(("challenges", "wait", "right", "wrong", "silent", "answers"), ("ask",)),
    "oauth": ("oauth",),
    "delete": ("delete",),
    "then": ("then",),
}


def covers(table: Iterable[str], name: str) -> None:
    """Raises DeclarationError unless a table has an entry for every key of a step, and no other; ``name`` is the
    table's, for the message.
    """
    given = set(table)
    if missing := sorted(KEYS.keys() - given):
        raise DeclarationError(f"{name}: has no entry for the step key {', '.join(map(repr, missing))}")
    if unknown := sorted(given - KEYS.keys()):
        raise DeclarationError(f"{name}: {', '.join(map(repr, unknown))} is no step key of {__name__}.KEYS")


def check_model() -> None:
    """Raises DeclarationError unless `Step` has just the fields that hold the keys."""
    held = {name for names in KEYS.values() for name in names}
    there = {each.name for each in fields(Step)} - PLACE
    if held != there:
        raise DeclarationError(f"Step: fields and step keys differ in {', '.join(sorted(held ^ there))}")


check_model()
