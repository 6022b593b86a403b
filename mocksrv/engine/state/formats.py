"""The formats that a state document has had, and how one of an older mocksrv is brought to the present one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Document = dict[str, Any]


class StateError(Exception):
    """A document is no state that can be imported; the message says where and why."""


def _rules_skip(document: Document) -> Document:
    """Faults and disturbances can let some of what they meet through."""
    settings = document["settings"]
    rules = {name: [{**rule, "skip": 0} for rule in settings[name]] for name in ("faults", "disturbances")}
    return {**document, "settings": {**settings, **rules}}


def _steps_of_widgets(document: Document) -> Document:
    """Steps of widgets can be switched on."""
    return {**document, "settings": {**document["settings"], "steps": []}}


def _all_events(document: Document) -> Document:
    """A sandbox can record all events."""
    return {**document, "settings": {**document["settings"], "all_events": False}}


# Each brings a document of the format before it to this one, the first from format 1 to 2; append, never edit.
STEPS: Sequence[Callable[[Document], Document]] = (_rules_skip, _steps_of_widgets, _all_events)


def upgraded(document: Document, steps: Sequence[Callable[[Document], Document]] = STEPS) -> Document:
    """A document in the present format. Raises StateError for what has none, or one of a newer mocksrv."""
    present, written = len(steps) + 1, document.get("format")
    if not isinstance(written, int) or isinstance(written, bool) or "mocksrv" not in document:
        raise StateError("this is no state of a sandbox: GET /state and 'mocksrv state export' write one")
    if not 1 <= written <= present:
        raise StateError(
            f"format: {written} is that of another mocksrv ({document['mocksrv']}); this one reads 1 to {present}"
        )
    try:
        for step in steps[written - 1 :]:
            document = step(document)
    except KeyError as error:
        raise StateError(f"{error.args[0]}: missing; a state of format {written} has it") from None
    except (TypeError, AttributeError):
        raise StateError(f"this is no state of format {written}: it is of another shape") from None
    return document | {"format": present}
