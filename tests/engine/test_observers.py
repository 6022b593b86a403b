"""Observers: who is told what happens."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from mocksrv.engine.clock import MINUTE, SECOND
from mocksrv.engine.journal import Entry
from mocksrv.engine.observers import Happening
from tests.conftest import Receiver
from tests.engine.toy import House

SCRIPT = "connect: [{status: NEW}, {after: 10s, status: OPEN}]"


def test_an_observer_is_told_all_that_happens_in_its_order(
    make_house: Callable[..., House], receiver: Receiver
) -> None:
    house = make_house(urls=[receiver.url])
    told: list[Happening] = []
    house.engine.observers.subscribe(told.extend)
    door = house.door(house.script(SCRIPT))
    assert house.engine.dispatcher.settle(house.sandbox, 30)
    house.engine.record(Entry("default", "REQ-1", 5, "GET", "/doors", 200, notes={"subject": door}))
    assert [(each.kind, each.detail) for each in told if each.kind != "change"] == [
        ("event", "toy.door.changed"),
        ("delivery", f"toy.door.changed -> {receiver.url}"),
        ("status", "NEW"),
        ("attempt", f"toy.door.changed -> {receiver.url}: 204"),
        ("call", "GET /doors: 200"),
    ]
    assert {each.sandbox for each in told} == {"default"}
    assert {each.subject for each in told if each.kind in ("status", "event", "call")} == {door}


def test_nothing_is_told_of_what_was_undone(house: House) -> None:
    told: list[Happening] = []
    house.engine.observers.subscribe(told.extend)
    with pytest.raises(RuntimeError), house.engine.change(house.sandbox) as world:  # noqa: PT012
        world.mark("D-1", "tried", status="OPEN")
        raise RuntimeError
    assert told == []


def test_an_observer_sees_what_it_is_told_of(house: House) -> None:
    """It is called after the commit."""
    seen: list[str | None] = []

    def look(happened: Sequence[Happening]) -> None:
        with house.engine.store.read() as tx:
            found = [tx.record("default", each.subject) for each in happened if each.kind == "status" and each.subject]
        seen.extend(record.body["status"] for record in found if record)

    house.engine.observers.subscribe(look)
    house.door(house.script(SCRIPT))
    house.advance(MINUTE)
    assert seen == ["NEW", "OPEN"]


def test_an_observer_that_fails_breaks_nothing(house: House) -> None:
    told: list[Happening] = []

    def failing(_: Sequence[Happening]) -> None:
        raise RuntimeError("a defect of an observer")

    house.engine.observers.subscribe(failing)
    house.engine.observers.subscribe(told.extend)
    door = house.door(house.script(SCRIPT))
    house.advance(MINUTE)
    assert house.status(door) == "OPEN"
    assert "OPEN" in [each.detail for each in told]


def test_who_has_unsubscribed_is_told_nothing_more(house: House) -> None:
    told: list[Happening] = []
    observer = told.extend
    house.engine.observers.subscribe(observer)
    house.engine.observers.unsubscribe(observer)
    house.door(house.script(SCRIPT))
    assert told == []
    assert not house.engine.observers.present


def test_an_advance_ends_its_observation(house: House) -> None:
    house.door(house.script(SCRIPT))
    happened = house.advance(20 * SECOND)
    before = len(happened)
    house.door("test")
    assert not house.engine.observers.present
    assert len(happened) == before > 0
