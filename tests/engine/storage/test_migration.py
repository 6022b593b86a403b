"""A database of any earlier day is brought forward, with what it holds."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from mocksrv.engine.config import Config, is_postgres
from mocksrv.engine.storage.records import StoreError
from mocksrv.engine.storage.schema import SCHEMA_STEPS
from mocksrv.engine.storage.sqlite import SQLITE
from mocksrv.engine.storage.store import open_store, schema_of
from tests import postgres
from tests.engine.toy import ToyEngine

# what the first mocksrv wrote of a sandbox
SETTINGS = {"seed": 7, "default": None, "next": ["opens"], "endpoints": [], "faults": [], "disturbances": []}
CLOCK = {"mode": "manual", "speed": 1.0, "virtual": 1_767_268_800_000, "wall": 1_767_268_800_000}
ROWS = (
    "INSERT INTO sandbox (name, settings, clock) VALUES ('default', '{settings}', '{clock}')",
    (
        "INSERT INTO record (sandbox, kind, guid, owner, sort, revision, created_at, updated_at, body)"
        " VALUES ('default', 'toy.door', 'D-1', '', 0, 1, 5, 5, '{{\"status\":\"OPEN\"}}')"
    ),
    "INSERT INTO timer (sandbox, subject, kind, due) VALUES ('default', 'D-1', 'step', 9)",
)


def make(database: str, version: int) -> None:
    """A database as the steps up to a version left it, with a few rows."""
    rows = [row.format(settings=json.dumps(SETTINGS), clock=json.dumps(CLOCK)) for row in ROWS]
    if is_postgres(database):
        from mocksrv.engine.storage.postgres import POSTGRES

        with postgres.connected(database) as connection:
            connection.execute(f"CREATE TABLE mocksrv_schema (version INTEGER); {';'.join(_done(POSTGRES, 1))}")
            connection.execute(";".join(rows))
            connection.execute(";".join(_done(POSTGRES, version)[1:]) or "SELECT 1")
            connection.execute(f"INSERT INTO mocksrv_schema VALUES ({version})")
        return
    written = sqlite3.connect(database)
    written.executescript(";".join([*_done(SQLITE, 1), *rows, *_done(SQLITE, version)[1:]]))
    written.execute(f"PRAGMA user_version = {version}")
    written.commit()
    written.close()


def _done(dialect: Any, version: int) -> list[str]:
    return [dialect.schema(step) for step in SCHEMA_STEPS[:version]]


@pytest.fixture(params=["file", pytest.param("postgres", marks=postgres.needs_postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "file" and request.config.getoption("on_postgres"):
        pytest.skip("with --on-postgres engines have no files")
    return postgres.Schemas().take() if request.param == "postgres" else str(tmp_path / "state.db")


@pytest.mark.parametrize("version", range(1, len(SCHEMA_STEPS)))
def test_a_database_of_every_earlier_step_is_brought_forward(database: str, version: int, tmp_path: Path) -> None:
    make(database, version)
    assert schema_of(database) == version
    toy = ToyEngine(tmp_path / "none", Config(database=database))
    try:
        sandbox = toy.engine.sandbox("default")
        assert (sandbox.settings.next, sandbox.settings.without, sandbox.now()) == (("opens",), (), CLOCK["virtual"])
        with toy.engine.look(sandbox) as world:
            record = world.record("D-1")
            assert record is not None
            assert record.body == {"status": "OPEN"}
            assert world.timer("D-1", "step") == 9
    finally:
        toy.engine.close()
    assert schema_of(database) == len(SCHEMA_STEPS)


def test_a_step_that_fails_leaves_all_as_it_was(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make(database, 1)
    for home in ("sqlite", *(["postgres"] if is_postgres(database) else [])):
        module = f"mocksrv.engine.storage.{home}.SCHEMA_STEPS"
        monkeypatch.setattr(module, (SCHEMA_STEPS[0], "CREATE TABLE half (a INTEGER); CREATE TABLE record (b INTEGER)"))
    with pytest.raises(StoreError):
        open_store(database)
    assert schema_of(database) == 1
    monkeypatch.undo()
    open_store(database).close()
    assert schema_of(database) == len(SCHEMA_STEPS)
