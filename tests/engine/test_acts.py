"""Statuses that wait for a person's act."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.engine.toy import WORDS, DoorRole, ToyEngine

FLOW = "connect: [{status: NEW}, {status: KNOCKED}, {status: HEARD}, {after: 1s, status: OPEN}]"


@pytest.fixture
def toy(make_toy: Callable[..., ToyEngine]) -> ToyEngine:
    """Doors that are knocked at (act 1), and opened (act 2) a second later."""
    made = make_toy()
    assert isinstance(made.role, DoorRole)
    made.role.vocabulary = WORDS._replace(acts={"KNOCKED": 1, "OPEN": 2})
    return made


def act(toy: ToyEngine, door: str, number: int) -> str:
    with toy.engine.change(toy.sandbox) as world:
        toy.engine.player.acted(world, toy.record(door, world), number)
    return toy.status(door)


def test_a_status_waits_for_its_act(toy: ToyEngine) -> None:
    door = toy.door(toy.script(FLOW))
    toy.advance(60_000)
    assert toy.status(door) == "NEW"
    assert act(toy, door, 1) == "HEARD"
    toy.advance(60_000)
    assert toy.status(door) == "HEARD"
    assert act(toy, door, 2) == "HEARD"  # the step's own time begins with the act
    toy.advance(1_000)
    assert toy.status(door) == "OPEN"


def test_an_act_implies_those_before_it(toy: ToyEngine) -> None:
    door = toy.door(toy.script(FLOW))
    assert act(toy, door, 2) == "HEARD"
    toy.advance(1_000)
    assert toy.status(door) == "OPEN"


def test_a_play_can_begin_at_a_later_step(toy: ToyEngine) -> None:
    door = toy.door(toy.script(FLOW))
    act(toy, door, 2)
    with toy.engine.change(toy.sandbox) as world:
        toy.engine.player.start(world, toy.record(door, world), "aggregate", flow="connect", step=3)
    toy.advance(1_000)
    assert toy.status(door) == "OPEN"
