"""State diagrams: every bundled scenario has one on which nothing lies over anything else; the present state is lit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from mocksrv.engine.engine import Engine
from mocksrv.engine.sandbox import DEFAULT
from mocksrv.engine.scenarios.diagram import drawn_flows
from mocksrv.web.dashboard.diagrams import Box, Drawing, drawing_of, wrapped
from tests.conftest import MX, started
from tests.web.dashboard.test_views import shown


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    engine, _ = started()
    yield engine
    engine.close()


def pictures(engine: Engine) -> Iterator[tuple[str, Drawing, int]]:
    """Each scenario with its diagram, and how many states it has."""
    sandbox = engine.sandbox(DEFAULT)
    for provider in engine.vocabularies:
        for name in sandbox.scenarios.names(provider):
            scenario = sandbox.scenarios.get(provider, name)
            states = sum(len(flow.states) for flow in drawn_flows(scenario, sandbox.scenarios))
            yield f"{provider}/{name}", drawing_of(sandbox, scenario), states


def overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def test_every_bundled_scenario_is_drawn_without_overlaps(engine: Engine) -> None:
    for name, drawing, states in pictures(engine):
        flows = [box for box in drawing.boxes if box.kind == "flow"]
        assert sum(box.kind == "state" for box in drawing.boxes) == states, name
        assert not any(overlap(*pair) for pair in combinations(flows, 2)), name
        for box in drawing.boxes:
            assert 0 < box.x < box.x + box.width < drawing.width, name
            assert 0 < box.y < box.y + box.height < drawing.height, name
        for text in drawing.texts:
            assert any(box.x < text.x < box.x + box.width and box.y < text.y < box.y + box.height for box in flows), (
                name
            )
        for line in drawing.lines:  # from the side of a box, or a dot before one, to the side of another
            numbers = [float(each) for each in re.findall(r"[\d.]+", line)]
            assert any(box.x == numbers[-2] or box.x == numbers[-1] for box in flows), name


def test_the_description_says_what_the_picture_shows(engine: Engine) -> None:
    sandbox = engine.sandbox(DEFAULT)
    drawing = drawing_of(sandbox, sandbox.scenarios.get("mx", "denied"))
    assert drawing.title == "State diagram of denied"
    assert "DENIED" in drawing.description
    assert "the end" in drawing.description


def lit(page: str) -> list[str]:
    return re.findall(r'<text class="status on-lit"[^>]*>([^<]+)', page)


def test_the_present_state_of_a_subject_is_lit(mx: MX) -> None:
    user = mx.user(id="customer-42")
    member = mx.create(user, password="challenge")["guid"]
    assert lit(shown(mx, f"/subjects/{member}")) == ["CREATED"]
    mx.advance("10s")
    page = shown(mx, f"/subjects/{member}")
    assert lit(page) == ["CHALLENGED"]
    assert "The present state is CHALLENGED of ask." in page
    mx.control("PUT", f"/subjects/{member}/status", {"status": "DENIED"})
    assert lit(shown(mx, f"/subjects/{member}")) == []  # no step of the scenario has led there


def test_a_scenario_of_the_library_is_drawn_with_nothing_lit(mx: MX) -> None:
    page = shown(mx, "/scenarios/mx/challenged")
    assert '<title id="diagram-title">State diagram of challenged</title>' in page
    assert lit(page) == []


def test_long_texts_are_broken_and_lose_nothing() -> None:
    text = "What is the name of " + "x" * 60 + " the street"
    lines = list(wrapped(text, 150))
    assert max(map(len, lines)) < 30
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
