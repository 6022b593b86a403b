"""Batches: many events of one name that come at one moment and that no endpoint asks for. A batch is one row, which has
all that they are made of, as it was at that moment; they are written out when somebody looks for them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mocksrv.engine.callbacks.outbox import subscribed
from mocksrv.engine.coverage import EVENT
from mocksrv.engine.observers import Happening
from mocksrv.engine.patterns import fits
from mocksrv.engine.storage.records import dumps
from mocksrv.engine.storage.rows import BatchRow, EventRow
from mocksrv.engine.world import GuidRange, World

MOST = 1000  # events of one batch, which are written out in one transaction

# stands, with the digits of a place and the middle of these behind it, for a value that is left open: a number that
# nothing else is
MARK, MIDDLE = 2_718_281_828_459_045_235_360_287_471_352_662_497_757_247_093_699_959_574, 500
MARKED = re.compile(f"{MARK}([0-9]{{3}})")

# The text of a payload in pieces; a number stands for the value of that place. One that begins with a number is as the
# form of that number, with the values that follow in the places below zero: the first in -1.
Form = Sequence[Any]
Values = Sequence[Any]  # of an event: the number of its form, then the values that stand in it, the first its subject


def possible(world: World, event: str, unasked: frozenset[str]) -> bool:
    """Whether events of this name may be written as a batch: nothing is done to one of them but that it is written."""
    disturbed = any(fits(event, each.events) for each in world.sandbox.settings.disturbances)
    return not disturbed and not world.overrides and not subscribed(world, event, unasked)


def forms_of(payloads: Sequence[Mapping[str, Any]], inside: str, places: Mapping[str, int]) -> list[Form]:
    """The forms of payloads, one each, that differ in the object ``inside`` alone. It has the same fields in all; those
    in ``places`` are left open.

    Most have nearly all in common, so that the text is there once, in a form behind these.
    """
    objects = [payload[inside] for payload in payloads]
    columns = dict(zip(objects[0], zip(*(each.values() for each in objects), strict=True), strict=True))
    differ = [name for name, column in columns.items() if name not in places and not _alike(column)]
    opened = {**places, **{name: -1 - place for place, name in enumerate(differ)}}
    marks = {name: MARK * 1000 + MIDDLE + place for name, place in opened.items()}
    texts = MARKED.split(dumps({**payloads[0], inside: {**objects[0], **marks}}))
    pieces = [int(each) - MIDDLE if place % 2 else each for place, each in enumerate(texts)]
    return [*([len(objects), *(each[name] for name in differ)] for each in objects), pieces]


def _alike(column: Sequence[Any]) -> bool:
    """Whether the texts of these values are the same; those of True and of 1 are not."""
    return column.count(column[0]) == len(column) and len(set(map(type, column))) == 1


def emit(world: World, event: str, forms: Sequence[Form], values: Sequence[Values], headers: Mapping[str, str]) -> None:
    """Writes events of one name as batches, the events of which are those that `outbox.emit` would write one by one."""
    if world.muted or world.directives.get("off"):
        return
    name, text = world.sandbox.name, dumps(headers)
    for start in range(0, len(values), MOST):
        part = values[start : start + MOST]
        ids = world.guids("EVT", len(part))
        if len(part) == 1:
            [(form, *own)] = part
            payload = _payload(_in_full(forms[form], forms), own)
            world.tx.add_unowed_event(name, ids.last, event, own[0], world.now, payload, text)
        else:
            seqs = world.tx.reserve_events(len(part))
            made = {"seqs": list(seqs), "ids": [ids.seed, ids.first], "forms": forms, "values": part}
            world.tx.add_batch(seqs[-1], name, ids.last, event, world.now, dumps(made), text, len(part))
        world.trim_events(len(part))
    if not world.directives.get("drop") and not world.sandbox.settings.endpoints:
        world.meet(event.partition(".")[0], EVENT, event, len(values))
    told = {"treatment": world.directives}
    world.happened += [Happening(name, world.now, "event", each[1], event, told) for each in values]


def write_out(world: World, event: str | None = None) -> None:
    """Writes out the batches of events with a name like ``event``, so that each can be found."""
    batches = world.tx.batches(world.sandbox.name, event)
    for batch in batches:
        world.tx.write_out(world.sandbox.name, batch.seq, _rows(batch))
    if batches:
        world.forget_old_events()


def _rows(batch: BatchRow) -> Iterator[EventRow]:
    made = json.loads(batch.payload)
    seqs, (seed, first) = made["seqs"], made["ids"]
    ids = GuidRange("EVT", seed, first, len(seqs)).all()
    forms = [_in_full(form, made["forms"]) for form in made["forms"]]
    for seq, id, (form, *own) in zip(seqs, ids, made["values"], strict=True):
        payload = _payload(forms[form], own)
        yield EventRow(seq, id, batch.name, own[0], batch.occurred_at, payload, batch.headers)


def _in_full(form: Form, forms: Sequence[Form]) -> Form:
    """A form in which no other is named."""
    if isinstance(form[0], str):
        return form
    number, *values = form
    texts = [dumps(value) for value in values]
    return [texts[-1 - part] if isinstance(part, int) and part < 0 else part for part in forms[number]]


def _payload(form: Form, own: Sequence[Any]) -> str:
    texts = list(map(dumps, own))
    return "".join([part if isinstance(part, str) else texts[part] for part in form])
