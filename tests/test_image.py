"""The container image, without a container: its lines are read, and run in folders of the test's own."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mocksrv.settings import SETTINGS
from tests.cli import running
from tests.cli.running import ROOT, Serving

FOLDERS = re.compile(r"(?<![\w.])/(venv|src|dist|health\.py|data)\b")  # those that the image makes


def instructions() -> list[tuple[str, str]]:
    """The names with their arguments, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text("utf-8"))
    return [
        (name, rest) for name, _, rest in (line.partition(" ") for line in text.splitlines()) if name not in ("", "#")
    ]


def said(name: str) -> list[str]:
    return [rest for each, rest in instructions() if each == name]


def variables() -> dict[str, str]:
    pairs = (pair.partition("=") for line in said("ENV") for pair in line.split())
    return {name: value for name, _, value in pairs}


def test_it_does_not_run_as_root() -> None:
    assert said("USER")
    assert said("USER")[-1] not in {"root", "0"}


def test_its_arguments_are_those_of_mocksrv() -> None:
    assert [json.loads(line) for line in said("ENTRYPOINT")] == [["mocksrv"]]
    assert [json.loads(line) for line in said("CMD")] == [["serve"]]


def test_it_serves_to_other_containers() -> None:
    ours = {name: value for name, value in variables().items() if name.startswith("MOCKSRV_")}
    assert ours == {"MOCKSRV_HOST": "0.0.0.0", "MOCKSRV_CONTROL_FROM": "private"}
    assert set(ours) <= {setting.variable for setting in SETTINGS}


def test_it_runs_in_its_volume() -> None:
    assert said("VOLUME") == said("WORKDIR") == ["/data"]


def test_what_is_installed_does_not_depend_on_the_code() -> None:
    """So that a change of the code does not install everything anew."""
    names = [f"{name} {rest}" for name, rest in instructions()]
    installed = next(place for place, line in enumerate(names) if "requirements/run.txt" in line)
    assert installed < names.index("COPY . /src")
    assert names.index("COPY requirements /src/requirements") < installed


def test_it_gets_every_file_that_it_is_built_from() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    copied = {line.split()[0].split("/")[0] for line in said("COPY") if not line.startswith(("--from", ". "))}
    assert {"pyproject.toml", "README.md", "LICENSE", "mocksrv", "scenarios"} | copied <= allowed


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which the image's COPY and RUN were done."""
    folder = tmp_path_factory.mktemp("image")
    base = folder / "base"
    subprocess.run([sys.executable, "-m", "venv", str(base)], check=True, timeout=120)
    env = environment(PATH=f"{base / 'bin'}{os.pathsep}{os.environ['PATH']}")
    for name, rest in instructions():
        if name == "COPY" and not rest.startswith("--from"):
            source, target = rest.split()
            _copy(ROOT / source, folder / target[1:])
        elif name == "RUN" and "useradd" not in rest:
            done = subprocess.run(
                ["sh", "-c", inside(folder, rest)], env=env, capture_output=True, text=True, timeout=400, check=False
            )
            assert done.returncode == 0, f"{rest}\n{done.stdout}\n{done.stderr}"
    yield folder
    shutil.rmtree(folder)


def environment(**more: str) -> dict[str, str]:
    """As the image has it: without this checkout."""
    return {name: value for name, value in running.environment(**more).items() if name != "PYTHONPATH"}


def inside(folder: Path, line: str) -> str:
    return FOLDERS.sub(lambda found: str(folder / found[1]), line)


def _copy(source: Path, target: Path) -> None:
    if source == ROOT:
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
            if line.startswith("!"):
                _copy(ROOT / line[1:], target / line[1:])
    elif source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


needs_proc = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="the image is Linux's: run this on Linux")


@pytest.mark.slow
@needs_proc
@pytest.mark.parametrize("options", [(), ("--tls", "self")])
def test_its_health_check_finds_the_port(tmp_path: Path, options: tuple[str, ...]) -> None:
    health = runpy.run_path(str(ROOT / "docker" / "health.py"))
    with Serving(options=options, cwd=tmp_path) as server:
        port = int(server.url.rpartition(":")[2])
        assert port in health["ports"](Path("/proc/net/tcp").read_text("utf-8"))
        assert health["is_well"](port)
    assert port not in health["ports"](Path("/proc/net/tcp").read_text("utf-8"))
    assert not health["is_well"](port)


@needs_proc
@pytest.mark.slow
def test_what_it_builds_serves_and_is_found_well(built: Path, tmp_path: Path) -> None:
    env = environment(
        **{name: value for name, value in variables().items() if name.startswith("MOCKSRV_")},
        PATH=f"{built / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}",
    )
    [check] = [json.loads(line.partition(" CMD ")[2]) for line in said("HEALTHCHECK")]
    command = [*json.loads(said("ENTRYPOINT")[0]), *json.loads(said("CMD")[0])]
    for program in (command[0], check[0]):
        assert (built / "venv" / "bin" / program).exists()
    command[0] = str(built / "venv" / "bin" / command[0])
    check[0] = str(built / "venv" / "bin" / check[0])
    with Serving([*command, "--port", "0"], env, tmp_path) as server:
        port = int(server.url.rpartition(":")[2])
        assert f" 00000000:{port:04X} " in Path("/proc/net/tcp").read_text("utf-8")  # from everywhere
        done = subprocess.run([inside(built, part) for part in check], env=env, timeout=60, check=False)
        assert done.returncode == 0
