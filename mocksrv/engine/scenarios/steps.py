"""The keys of a step, and what ``after`` says. Every table about steps (schema, model, reading, diagram, playing) has
an entry for each key, or the package cannot be imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields

from mocksrv.engine.clock import MINUTE, parse_duration
from mocksrv.engine.declarations import DeclarationError
from mocksrv.engine.scenarios.model import Step

LONGEST_HELD = MINUTE  # of a fault's ``delay``, in real time
POLLS = re.compile(r"([1-9][0-9]{0,3}) polls?")
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


def parse_after(text: str) -> tuple[int, int]:
    """What ``after`` says: milliseconds and status reads, one of them 0. Raises ValueError."""
    polls = POLLS.fullmatch(text)
    return (0, int(polls[1])) if polls else (parse_duration(text), 0)


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
