"""Batches: many events of one name that come at one moment and that no endpoint asks for. A batch is one row, which has
all that they are made of, as it was at that moment; they are written out when somebody looks for them.
"""

from __future__ import annotations

import json
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

Form = Sequence[str | int]  # the text of a payload in pieces; a number stands for the value of that place
Values = Sequence[Any]  # of an event: the number of its form, then the values that stand in it, the first its subject


def possible(world: World, event: str, unasked: frozenset[str]) -> bool:
    """Whether events of this name may be written as a batch: nothing is done to one of them but that it is written."""
    disturbed = any(fits(event, each.events) for each in world.sandbox.settings.disturbances)
    return not disturbed and not world.overrides and not subscribed(world, event, unasked)


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
            world.tx.add_unowed_event(name, ids.last, event, own[0], world.now, _payload(forms[form], own), text)
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
    for seq, id, (form, *own) in zip(seqs, ids, made["values"], strict=True):
        payload = _payload(made["forms"][form], own)
        yield EventRow(seq, id, batch.name, own[0], batch.occurred_at, payload, batch.headers)


def _payload(form: Form, own: Sequence[Any]) -> str:
    texts = list(map(dumps, own))
    return "".join([part if isinstance(part, str) else texts[part] for part in form])
