"""The bundled files as a whole: valid, commented, tested, and together reaching everything there is."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from mocksrv.engine.engine import Engine
from mocksrv.providers.mx.events.statuses import STATUSES
from mocksrv.server import bundled_scenarios
from tests.conftest import started
from tests.providers.mx.catalog.test_catalogue import SCENARIOS_ONLY

NAMES = [
    "connected",
    "challenged",
    "challenged-options",
    "challenged-image",
    "challenged-twice",
    "challenge-expired",
    "rejected",
    "denied",
    "prevented",
    "locked",
    "impeded",
    "impaired",
    "degraded",
    "disconnected",
    "discontinued",
    "closed",
    "delayed",
    "failed",
    "disabled",
    "imported",
    "reconnected",
    "oauth",
    "oauth-denied",
    "oauth-expired",
    "verify-select-account",
    "no-accounts",
    "slow",
    "flaky-api",
    "messy-webhooks",
    "daily-updates",
]
FOLDER = bundled_scenarios() / "mx"
CHALLENGES = {"TEXT", "OPTIONS", "IMAGE_DATA", "IMAGE_OPTIONS", "TOKEN"}


@pytest.fixture(scope="module")
def engine() -> Any:
    engine, _ = started()
    yield engine
    engine.close()


def test_they_are_those_that_are_promised(engine: Engine) -> None:
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(NAMES)
    assert engine.library.names("mx") == sorted(NAMES)


def test_they_are_valid(engine: Engine) -> None:
    assert [str(problem) for problem in engine.library.check_bundled()] == []


@pytest.mark.parametrize("name", NAMES)
def test_comment(engine: Engine, name: str) -> None:
    text = (FOLDER / f"{name}.yaml").read_text("utf-8")
    comment = re.match(r"(#.*\n)+", text)
    assert comment, "a file begins with its comment"
    for topic in ("Your app:", "Choose it:", "Vary it:"):
        assert f"\n# {topic} " in comment[0]
    assert engine.library.get("mx", name).summary
    lines = [line for line in text.splitlines() if "data:image" not in line]
    assert max(map(len, lines)) <= 124


@pytest.mark.parametrize("name", NAMES)
def test_it_is_played_by_a_test(name: str) -> None:
    tree = ast.parse(Path(__file__).with_name("test_mx_scenarios.py").read_text("utf-8"))
    assert name in {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}


def test_they_reach_every_status_and_every_kind_of_question(engine: Engine) -> None:
    flows = [flow for name in NAMES for flow in engine.library.flows(engine.library.get("mx", name)).values()]
    steps = [step for flow in flows for step in flow]
    assert {step.status for step in steps if step.status} == set(STATUSES)
    assert {challenge.type for step in steps if step.ask for challenge in step.ask.challenges} == CHALLENGES


def test_what_no_call_of_the_api_causes_is_sent_by_a_scenario(engine: Engine) -> None:
    """What is not, in tests/providers/mx/catalog/test_catalogue.py."""
    steps = [step for name in NAMES for flow in engine.library.get("mx", name).flows.values() for step in flow]
    assert {step.event for step in steps if step.event} >= SCENARIOS_ONLY
