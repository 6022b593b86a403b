"""Two engines on one database, asked in turns at random, answer as one engine does that is asked all of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mocksrv.engine.clock import MINUTE, SECOND
from mocksrv.engine.config import Config
from tests import postgres
from tests.engine.other_process import Calls
from tests.engine.toy import ToyEngine

OPENS = "connect: [{status: NEW}, {after: 10s, status: OPEN}, {after: 1m, status: SHUT}, {then: connect}]"
BOX = "default"


@pytest.fixture(scope="module", params=["file", pytest.param("postgres", marks=postgres.needs_postgres)])
def three(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Calls]]:
    """One that is alone, and two that share a database. Nothing happens in them but what calls do."""
    folder: Path = tmp_path_factory.mktemp("shared")
    database = postgres.Schemas().take() if request.param == "postgres" else str(folder / "state.db")
    configs = [Config(clock="manual", seed=7), *[Config(database=database, clock="manual", seed=7)] * 2]
    engines = [ToyEngine(folder / "none", config, shared=bool(config.database)) for config in configs]
    yield [Calls(engine) for engine in engines]
    for engine in engines:
        engine.engine.close()


CALLS = st.one_of(
    st.just(("door", "test")),
    st.tuples(st.just("advance"), st.sampled_from([SECOND, 10 * SECOND, 2 * MINUTE])),
    st.tuples(st.just("later"), st.sampled_from([SECOND, 10 * SECOND, 2 * MINUTE])),
    st.just(("take_next",)),
    st.just(("doors",)),
    st.just(("settings",)),
    st.just(("reset",)),
)


def _asked(calls: Calls, doors: list[str], name: str, argument: Any = None) -> Any:
    """The answer to a call, as a request asks it."""
    calls.use(BOX)
    if name == "later":  # the clock is set; calls about the doors play what is due then
        calls.set_clock(calls.toy.sandbox.now() + argument)
        for door in doors:
            calls.engine.schedule.catch_up(calls.toy.sandbox, door)
        return None
    if name == "take_next":
        calls.configure(next=["a", *calls.settings()["next"]])
        return calls.take_next()
    if name == "door":
        calls.script(OPENS, argument)
    return getattr(calls, name)(*([] if argument is None else [argument]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CALLS, st.integers(1, 2)), min_size=5, max_size=15))
def test_two_engines_answer_as_one(three: list[Calls], asked: list[tuple[Any, int]]) -> None:
    for calls in three[:2]:
        calls.use(BOX)
        calls.reset()
    start = three[0].toy.sandbox.now()
    three[1].set_clock(start)
    doors: list[str] = []
    for call, which in asked:
        one, shared = (_asked(calls, doors, *call) for calls in (three[0], three[which]))
        assert shared == one, call
        if call[0] == "door":
            doors.append(one)
        elif call[0] == "reset":
            doors.clear()
            for calls in (three[0], three[which]):
                calls.set_clock(start)
        _agree(three, doors)


def _agree(three: list[Calls], doors: list[str]) -> None:
    """All that can be read is the same."""
    for calls in three:
        calls.use(BOX)
    told = [
        [calls.settings(), calls.doors(), [(calls.polled(door), calls.timeline(door)) for door in doors]]
        for calls in three
    ]
    assert told[1] == told[2] == told[0]
