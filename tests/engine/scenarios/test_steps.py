"""A key of a step has one entry in each table; what is missing fails when the package is imported."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from mocksrv.engine.declarations import DeclarationError
from mocksrv.engine.scenarios import steps
from mocksrv.engine.scenarios.diagram import CAPTIONS
from mocksrv.engine.scenarios.model import Step
from mocksrv.engine.scenarios.parsing import READING, SCHEMA
from mocksrv.engine.step_player import PLAYING

TABLES = {
    "schema": SCHEMA.rules["$defs"]["step"]["properties"],
    "reading": READING,
    "diagram": CAPTIONS,
    "playing": PLAYING,
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_new_key_needs_an_entry_in_every_table(table: Iterable[str], monkeypatch: pytest.MonkeyPatch) -> None:
    steps.covers(table, "table")
    monkeypatch.setattr(steps, "KEYS", {**steps.KEYS, "pause": ("pause_ms",)})
    with pytest.raises(DeclarationError, match="table: has no entry for the step key 'pause'"):
        steps.covers(table, "table")


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_an_entry_for_no_key_is_an_error(table: Iterable[str]) -> None:
    with pytest.raises(DeclarationError, match=r"table: 'pause' is no step key of mocksrv.engine.scenarios.steps.KEYS"):
        steps.covers([*table, "pause"], "table")


def test_the_model_holds_every_key(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass(frozen=True, slots=True)
    class Longer(Step):
        pause_ms: int = 0

    monkeypatch.setattr(steps, "Step", Longer)
    with pytest.raises(DeclarationError, match="Step: fields and step keys differ in pause_ms"):
        steps.check_model()


@pytest.mark.parametrize("module", ["parsing", "diagram"])
def test_what_is_missing_fails_at_import(module: str) -> None:
    code = (
        "from mocksrv.engine.scenarios import steps\n"
        "steps.KEYS = {**steps.KEYS, 'pause': ('pause_ms',)}\n"
        f"import mocksrv.engine.scenarios.{module}\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1].startswith(
        "mocksrv.engine.declarations.DeclarationError: mocksrv.engine.scenarios"
    )
    assert run.stderr.splitlines()[-1].endswith("has no entry for the step key 'pause'")
