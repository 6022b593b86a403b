"""Statuses that wait for a person's act."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.engine.toy import WORDS, DoorRole, House

FLOW = "connect: [{status: NEW}, {status: KNOCKED}, {status: HEARD}, {after: 1s, status: OPEN}]"


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    """Doors that are knocked at (act 1), and opened (act 2) a second later."""
    made = make_house()
    assert isinstance(made.role, DoorRole)
    made.role.vocabulary = replace(WORDS, acts={"KNOCKED": 1, "OPEN": 2})
    return made


def act(house: House, door: str, number: int) -> str:
    with house.engine.change(house.sandbox) as world:
        house.engine.player.acted(world, house.record(door, world), number)
    return house.status(door)


def test_a_status_waits_for_its_act(house: House) -> None:
    door = house.door(house.script(FLOW))
    house.advance(60_000)
    assert house.status(door) == "NEW"
    assert act(house, door, 1) == "HEARD"
    house.advance(60_000)
    assert house.status(door) == "HEARD"
    assert act(house, door, 2) == "HEARD"  # the step's own time begins with the act
    house.advance(1_000)
    assert house.status(door) == "OPEN"


def test_an_act_implies_those_before_it(house: House) -> None:
    door = house.door(house.script(FLOW))
    assert act(house, door, 2) == "HEARD"
    house.advance(1_000)
    assert house.status(door) == "OPEN"


def test_a_play_can_begin_at_a_later_step(house: House) -> None:
    door = house.door(house.script(FLOW))
    act(house, door, 2)
    with house.engine.change(house.sandbox) as world:
        house.engine.player.start(world, house.record(door, world), "aggregate", flow="connect", step=3)
    house.advance(1_000)
    assert house.status(door) == "OPEN"
