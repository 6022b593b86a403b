"""`mocksrv state`: a sandbox of a running server as a whole."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from mocksrv import Sandbox, Server
from tests.cli.running import ROOT, environment, mocksrv
from tests.cli.test_webhooks import Run, printed, refused


@pytest.fixture
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Server(clock="manual", seed=7) as server:
        yield server.sandbox(request.node.name[:60])


@pytest.fixture
def run(sandbox: Sandbox, tmp_path: Path) -> Run:
    url = sandbox.base_url.partition("/sandbox/")[0]
    return partial(mocksrv, cwd=tmp_path, env=environment(MOCKSRV_URL=url, MOCKSRV_SANDBOX=sandbox.name))


def test_the_commands_of_the_page(sandbox: Sandbox, run: Run, tmp_path: Path) -> None:
    commands = re.findall(r"^    mocksrv ([^#\n]+)", (ROOT / "docs" / "state.md").read_text("utf-8"), re.MULTILINE)
    assert [command.split()[:2] for command in commands] == [
        ["state", each] for each in ("export", "import", "fork", "reset")
    ]
    sandbox.play("denied")
    exported, imported, forked, reset = (shlex.split(command) for command in commands)
    assert printed(run(*exported)) == []
    sandbox.play("connected")
    assert printed(run(*imported)) == [f"{sandbox.name} is as before.json says; its time is 2026-01-01T12:00:00.000Z"]
    assert sandbox.control.get("/bindings")["next"] == ["denied"]
    assert printed(run(*forked)) == ["copy is a copy; its time is 2026-01-01T12:00:00.000Z"]
    assert "copy" in sandbox.control.get("/sandboxes")["sandboxes"]
    refused(run(*forked), 1, "there is a sandbox copy already")
    assert printed(run(*reset)) == [f"{sandbox.name} is empty; its time is 2026-01-01T12:00:00.000Z"]
    assert sandbox.control.get("/bindings")["next"] == []


def test_a_state_goes_through_a_pipe(sandbox: Sandbox, run: Run) -> None:
    state = "\n".join(printed(run("state", "export")))
    assert json.loads(state)["sandbox"] == sandbox.name
    assert state == "\n".join(printed(run("state", "export", "-")))


def test_secrets_are_for_oneself_and_without_them_endpoints_are_paused(
    sandbox: Sandbox, run: Run, tmp_path: Path
) -> None:
    auth = {"type": "basic", "username": "mx", "password": "s3cret"}
    sandbox.endpoints = [{"url": "http://127.0.0.1:9/hooks", "auth": auth}]
    printed(run("state", "export", "all.json", "--secrets"))
    assert (tmp_path / "all.json").stat().st_mode & 0o077 == 0
    assert "s3cret" in (tmp_path / "all.json").read_text("utf-8")
    printed(run("state", "export", "bare.json"))
    assert "s3cret" not in (tmp_path / "bare.json").read_text("utf-8")
    done = run("state", "import", "bare.json")
    assert (done.returncode, done.stderr) == (0, "paused: http://127.0.0.1:9/hooks lacks auth.password\n")
    assert json.loads("\n".join(printed(run("state", "import", "all.json", "--json"))))["name"] == sandbox.name


def test_what_cannot_be_imported(run: Run, tmp_path: Path) -> None:
    refused(run("state", "import", "none.json"), 2, "none.json: No such file")
    printed(run("state", "export", "good.json"))
    good = (tmp_path / "good.json").read_text("utf-8")
    for bad, said in (
        ('{"name": "app"}', "this is no state of a sandbox"),
        (good[:100], "the body is not valid JSON at line "),
        (good.replace('"mode":"manual"', '"mode":5'), "clock.mode: must be a text"),
        (good.replace('"mode":"manual"', '"mode":"fast"'), "clock: 'fast' is not a clock; allowed are real, manual"),
        (good.replace('"ids":', '"idz":'), "ids: missing; idz: unknown; did you mean ids?"),
    ):
        assert bad != good
        (tmp_path / "bad.json").write_text(bad, encoding="utf-8")
        refused(run("state", "import", "bad.json"), 1, f"bad.json: {said}")
    refused(run("state", "export", "no/folder.json"), 2, "no/folder.json: No such file")
