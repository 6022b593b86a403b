"""`mocksrv db`: how a database stands, and bringing it forward, without a server."""

from __future__ import annotations

import json
from pathlib import Path

from mocksrv.engine.storage.schema import SCHEMA_STEPS
from tests.cli.running import environment, mocksrv
from tests.engine.storage.test_migration import make

LATEST = len(SCHEMA_STEPS)


def test_a_database_is_checked_and_upgraded(tmp_path: Path) -> None:
    make(str(tmp_path / "state.db"), 3)
    env = environment(MOCKSRV_DATABASE="state.db")
    old = mocksrv("db", "check", cwd=tmp_path, env=env)
    assert (old.returncode, old.stdout) == (
        1,
        f"schema 3: 'mocksrv db upgrade', or the start of a server, brings it to {LATEST}\n",
    )
    done = mocksrv("db", "upgrade", "--database", "sqlite:///state.db", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"state.db: schema {LATEST}\n")
    new = mocksrv("db", "check", cwd=tmp_path, env=env)
    assert (new.returncode, new.stdout) == (0, f"schema {LATEST}: up to date\n")


def test_programs_are_told_in_json(tmp_path: Path) -> None:
    make(str(tmp_path / "state.db"), 3)
    env = environment(MOCKSRV_DATABASE="state.db")
    told = [mocksrv("db", each, "--json", cwd=tmp_path, env=env) for each in ("check", "upgrade", "check")]
    assert [json.loads(each.stdout)["schema"] for each in told] == [3, LATEST, LATEST]
    assert [each.returncode for each in told] == [1, 0, 0]
    assert json.loads(told[0].stdout)["latest"] == LATEST


def test_a_check_changes_and_makes_nothing(tmp_path: Path) -> None:
    missing = mocksrv("db", "check", "--database", "state.db", cwd=tmp_path)
    assert (missing.returncode, missing.stderr) == (1, "mocksrv: there is no database state.db\n")
    (tmp_path / "notes.txt").write_text("dear to somebody " * 100)
    other = mocksrv("db", "check", "--database", "notes.txt", cwd=tmp_path)
    assert other.returncode == 1
    assert other.stderr.startswith("mocksrv: cannot open the database notes.txt: ")
    assert [each.name for each in tmp_path.iterdir()] == ["notes.txt"]


def test_which_database_has_to_be_said(tmp_path: Path) -> None:
    done = mocksrv("db", "upgrade", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        2,
        "mocksrv db upgrade: --database: which one? Give a FILE or postgresql://…\n",
    )
