"""What users of CI and containers are given: the steps of action.yml run, and docker-compose.yml says what there is."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from mocksrv.cli import main
from mocksrv.cli.serve import serve
from tests.cli.running import LIMIT, ROOT, environment
from tests.test_guides import files, text_of

ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
MAIN = click.Context(main, **main.context_settings)
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))


def runner(folder: Path) -> dict[str, str]:
    """The variables and the environment of a runner whose first step is done: mocksrv is installed."""
    bin_ = folder / "mocksrv" / "bin"
    bin_.mkdir(parents=True)
    (bin_ / "mocksrv").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mocksrv "$@"\n')
    (bin_ / "mocksrv").chmod(0o755)
    places = {name: str(folder / name.lower()) for name in ("GITHUB_ENV", "GITHUB_PATH")}
    return environment(RUNNER_TEMP=str(folder), GITHUB_ACTION_PATH=str(ROOT), **places)


def run(step: dict[str, Any], options: str, folder: Path) -> subprocess.CompletedProcess[str]:
    expression = {"OPTIONS": "${{ inputs.options }}"}
    assert step.get("env", expression) == expression
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(
        command,
        cwd=folder,
        env=runner(folder) | {"OPTIONS": options},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="the steps are bash: run it on Linux or macOS")
def test_the_action_leaves_a_server_and_its_address_to_the_steps_after_it(tmp_path: Path) -> None:
    done = run(ACTION["runs"]["steps"][1], "--clock manual --seed 7", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    left = dict(line.split("=", 1) for line in (tmp_path / "github_env").read_text().splitlines())
    try:
        with urllib.request.urlopen(f"{left['MOCKSRV_URL']}/_mocksrv/clock", timeout=LIMIT) as answer:
            assert b'"manual"' in answer.read()
        assert set(left) == {"MX_BASE_URL", "MONO_BASE_URL", "FINICITY_BASE_URL", "MOCKSRV_URL"}
        assert (tmp_path / "github_path").read_text() == f"{tmp_path}/mocksrv/bin\n"
    finally:
        port = (tmp_path / "mocksrv.port").read_text()
        pids = [each for each in Path("/proc").iterdir() if each.name.isdigit() and serves(each, tmp_path)]
        os.kill(min(int(each.name) for each in pids), signal.SIGTERM)  # it ends its worker
    assert left["MOCKSRV_URL"].endswith(f":{port.strip()}")


def serves(process: Path, folder: Path) -> bool:
    try:
        return f"{folder}/mocksrv.port" in (process / "cmdline").read_text().split("\0")
    except OSError:
        return False  # it has ended


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="the steps are bash: run it on Linux or macOS")
def test_an_action_whose_server_does_not_start_shows_why(tmp_path: Path) -> None:
    done = run(ACTION["runs"]["steps"][1] | {"run": short(ACTION["runs"]["steps"][1]["run"])}, "--clok real", tmp_path)
    assert done.returncode != 0
    assert "--clok" in done.stdout


def short(script: str) -> str:
    """The step with less patience."""
    assert "wait --port-file" in script
    return script.replace("wait --port-file", "wait --for 2s --port-file")


def test_the_workflow_of_the_guide_gives_the_action_what_it_takes() -> None:
    workflow = yaml.safe_load(files(text_of("ci"))["workflow.yml"])
    [step] = [each for each in workflow["jobs"]["test"]["steps"] if each.get("uses") == "./"]
    assert set(step["with"]) == set(ACTION["inputs"]) == {"options"}
    serve.make_context("serve", shlex.split(step["with"]["options"]), parent=MAIN)


def test_compose_starts_the_server_with_options_that_there_are_and_an_app_that_finds_it() -> None:
    server, app = COMPOSE["services"]["mocksrv"], COMPOSE["services"]["app"]
    name, *options = shlex.split(server["command"])
    assert name == "serve"
    given = serve.make_context("serve", options, parent=MAIN).params
    assert given["webhook_url"] == "http://app:3000/webhooks"
    assert app["environment"]["MX_BASE_URL"] == "http://mocksrv:8484"
    assert app["depends_on"] == {"mocksrv": {"condition": "service_healthy"}}
    [mounted] = app["volumes"]
    assert (ROOT / mounted.partition(":")[0] / "banks.py").exists()
