"""Observers: who is told what happens."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from mocksrv.engine.clock import MINUTE, SECOND
from mocksrv.engine.journal import Entry
from mocksrv.engine.observers import Happening
from mocksrv.engine.storage.records import Record
from tests.conftest import Receiver
from tests.engine.toy import ToyEngine

SCRIPT = "connect: [{status: NEW}, {after: 10s, status: OPEN}]"


def test_an_observer_is_told_all_that_happens_in_its_order(
    make_toy: Callable[..., ToyEngine], receiver: Receiver
) -> None:
    toy = make_toy(urls=[receiver.url])
    told: list[Happening] = []
    toy.engine.observers.subscribe(told.extend)
    door = toy.door(toy.script(SCRIPT))
    assert toy.engine.dispatcher.settle(toy.sandbox, 30)
    toy.engine.record(toy.sandbox, Entry("default", "REQ-1", 5, "GET", "/doors", 200, notes={"subject": door}))
    assert [(each.kind, each.detail) for each in told if each.kind != "change"] == [
        ("event", "toy.door.changed"),
        ("delivery", f"toy.door.changed -> {receiver.url}"),
        ("status", "NEW"),
        ("attempt", f"toy.door.changed -> {receiver.url}: 204"),
        ("call", "GET /doors: 200"),
    ]
    assert {each.sandbox for each in told} == {"default"}
    assert {each.subject for each in told if each.kind in ("status", "event", "call")} == {door}


def test_nothing_is_told_of_what_was_undone(toy: ToyEngine) -> None:
    told: list[Happening] = []
    toy.engine.observers.subscribe(told.extend)
    with pytest.raises(RuntimeError), toy.engine.change(toy.sandbox) as world:  # noqa: PT012
        world.mark(Record("toy.door", "D-1", {}), "tried", status="OPEN")
        raise RuntimeError
    assert told == []


def test_an_observer_sees_what_it_is_told_of(toy: ToyEngine) -> None:
    """It is called after the commit."""
    seen: list[str | None] = []

    def look(happened: Sequence[Happening]) -> None:
        with toy.engine.store.read() as tx:
            found = [tx.record("default", each.subject) for each in happened if each.kind == "status" and each.subject]
        seen.extend(record.body["status"] for record in found if record)

    toy.engine.observers.subscribe(look)
    toy.door(toy.script(SCRIPT))
    toy.advance(MINUTE)
    assert seen == ["NEW", "OPEN"]


def test_an_observer_that_fails_breaks_nothing(toy: ToyEngine) -> None:
    told: list[Happening] = []

    def failing(_: Sequence[Happening]) -> None:
        raise RuntimeError("a defect of an observer")

    toy.engine.observers.subscribe(failing)
    toy.engine.observers.subscribe(told.extend)
    door = toy.door(toy.script(SCRIPT))
    toy.advance(MINUTE)
    assert toy.status(door) == "OPEN"
    assert "OPEN" in [each.detail for each in told]


def test_who_has_unsubscribed_is_told_nothing_more(toy: ToyEngine) -> None:
    told: list[Happening] = []
    observer = told.extend
    toy.engine.observers.subscribe(observer)
    toy.engine.observers.unsubscribe(observer)
    toy.door(toy.script(SCRIPT))
    assert told == []
    assert not toy.engine.observers.present


def test_an_advance_ends_its_observation(toy: ToyEngine) -> None:
    toy.door(toy.script(SCRIPT))
    happened = toy.advance(20 * SECOND)
    before = len(happened)
    toy.door("test")
    assert not toy.engine.observers.present
    assert len(happened) == before > 0
