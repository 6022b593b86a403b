"""README and the pages below it cannot lie: their commands and their Python run, their tables are what the code says.

``python -m tests.test_readme`` writes the tables and what the demo prints anew.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mocksrv.cli import COMMANDS
from mocksrv.cli.settings import resolve
from mocksrv.engine.callbacks.credentials import KINDS, SECRET
from mocksrv.engine.callbacks.disturbance import CORRUPTIONS
from mocksrv.registry import all_declared
from mocksrv.settings import SETTINGS
from mocksrv.web.control.schemas.faults import CALLBACK_FAULT
from tests.cli import running
from tests.cli.running import ROOT, Serving
from tests.cli.test_listen import Listening
from tests.conftest import Receiver
from tests.consumers import careful

README = ROOT / "README.md"
PAGES = [
    README,
    *(ROOT / "docs" / f"{name}.md" for name in ("providers", "library", "callbacks", "sandboxes", "settings")),
]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
APP = "http://localhost:3000/webhooks"
HERE = "http://127.0.0.1:8484"
PROVIDERS = {provider.name: provider.title for provider in all_declared()}
STARTS = re.compile(r"^(make serve|mocksrv serve)\b(?!.*&)", re.MULTILINE)  # and stays in the foreground
TALKS = re.compile(r"8484|^mocksrv (endpoints|faults|members|trigger|webhooks)\b", re.MULTILINE)  # to a running server
# What a checkout's commands would do for minutes or over the network is stood in for; test_packaging and .ci/run do it
# in earnest.
PYTHON = '#!/bin/sh\ncase "$*" in "-m pytest"*) echo "would test: $*";; *) exec {python} "$@";; esac\n'
PIP = '#!/bin/sh\n[ "$1" = install ] && [ "$2" = . ] && [ -f {root}/pyproject.toml ]\n'


def text() -> str:
    """All pages, one after the other."""
    return "\n".join(page.read_text("utf-8") for page in PAGES)


def blocks(language: str) -> list[str]:
    return [body for found, body in BLOCK.findall(text()) if found == language]


# tables


def settings_table() -> str:
    rows = ["| option | meaning | default |", "| --- | --- | --- |"]
    for setting in SETTINGS:
        name = f"{setting.option} {setting.metavar}".strip().replace("|", "\\|")
        default = setting.shown or (setting.default_text and f"`{setting.default_text}`")
        rows.append(f"| `{name}` | {setting.help} | {default} |")
    return "\n".join(rows)


def scenarios_table() -> str:
    rows = ["| provider | scenario | what happens |", "| --- | --- | --- |"]
    for provider, title in PROVIDERS.items():
        for file in sorted((ROOT / "scenarios" / provider).glob("*.yaml")):
            scenario = yaml.safe_load(file.read_text("utf-8"))
            rows.append(
                f"| {title} | [`{scenario['name']}`](../scenarios/{provider}/{file.name}) | {scenario['summary']} |"
            )
    return "\n".join(rows)


def commands_table() -> str:
    return "\n".join(
        [
            "| command | what it does |",
            "| --- | --- |",
            *(f"| `mocksrv {name}` | {what} |" for name, what in COMMANDS.items()),
        ]
    )


def auth_table() -> str:
    rows = ["| `--auth` | members, each with `--set auth.NAME=VALUE` |", "| --- | --- |"]
    own = {kind: SECRET for provider in all_declared() for kind in provider.auth_kinds}
    for kind, (required, optional) in {**KINDS, **own}.items():
        members = [f"`{name}`" for name in required] + [f"perhaps `{name}`" for name in optional]
        rows.append(f"| `{kind}` | {', '.join(members)} |")
    return "\n".join(rows)


TABLES = {"settings": settings_table, "scenarios": scenarios_table, "commands": commands_table, "auth": auth_table}


def between(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {name} -->\n)(.*?)(<!-- /{name} -->)", re.DOTALL)


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_are_what_the_code_says(name: str) -> None:
    found = between(name).search(text())
    assert found
    assert found[2].strip() == TABLES[name](), "python -m tests.test_readme writes it anew"


def test_every_fault_of_callbacks_is_there() -> None:
    found = between("faults").search(text())
    assert found
    assert tuple(re.findall(r"^\| `(\w+)`", found[2], re.MULTILINE)) == CALLBACK_FAULT
    assert all(f"`{kind}`" in found[2] for kind in CORRUPTIONS)


# commands


@pytest.fixture(scope="module")
def bin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment as `make` would have made it, with this Python and this checkout in it."""
    folder = tmp_path_factory.mktemp("venv")
    bin_ = folder / "bin"
    bin_.mkdir()
    python = shlex.quote(sys.executable)
    programs = {
        "python": PYTHON.format(python=python),
        "mocksrv": f'#!/bin/sh\nexec {python} -m mocksrv "$@"\n',
        "pip": PIP.format(root=ROOT),
    }
    for name, text in programs.items():
        (bin_ / name).write_text(text)
        (bin_ / name).chmod(0o755)
    for marker in (".run", ".test"):
        (folder / marker).touch()
    return bin_


def environment(bin_folder: Path) -> dict[str, str]:
    return running.environment(PATH=f"{bin_folder}{os.pathsep}{os.environ['PATH']}", VENV=str(bin_folder.parent))


def shell(script: str, bin_folder: Path, folder: Path, **variables: str) -> str:
    """Runs lines of shell, as typed; what they print."""
    command = ["bash", "-euo", "pipefail", "-c", script.replace("curl ", "curl --silent --show-error --fail ")]
    env = environment(bin_folder) | variables
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("block", [pytest.param(block, id=block.partition("\n")[0]) for block in blocks("sh")])
def test_shell_commands_run(block: str, bin_folder: Path, receiver: Receiver, tmp_path: Path) -> None:
    block = block.replace(
        APP, careful.Server(careful.App(), careful.from_any).url if "check-consumer" in block else receiver.url
    )
    folder = ROOT if "make " in block else tmp_path
    lines = [line for line in block.splitlines() if STARTS.match(line)]
    for line in lines:
        with Serving(shlex.split(line), environment(bin_folder) | {"MOCKSRV_PORT": "0"}, folder) as server:
            assert server.get("/_mocksrv/health")["status"] == "ok"
            assert (receiver.url in server.banner) == ("--webhook-url" in line)
    listening = [line for line in block.splitlines() if line.startswith("mocksrv listen")]
    for line in listening:
        with Listening(*shlex.split(line)[2:]) as listener:
            assert listener.url
    rest = "\n".join(line for line in block.splitlines() if line not in (*lines, *listening))
    if not TALKS.search(rest):
        shell(rest, bin_folder, folder)
        return
    with Serving(options=["--webhook-url", receiver.url], cwd=tmp_path) as server:
        for _ in range(2):  # whoever reads runs it again
            shell(rest.replace(HERE, server.url), bin_folder, folder, MOCKSRV_URL=server.url)
        events = [body["eventId"] for body in receiver.bodies() if "eventId" in body]  # Finicity's; MX's have none
        assert ("finicity()" in rest) == bool(events)
        assert len(events) == len(set(events)), "an event came twice"


@pytest.mark.slow
def test_python_runs(receiver: Receiver, tmp_path: Path) -> None:
    program, _ = blocks("python")
    with Serving(options=["--clock", "x20", "--webhook-url", receiver.url], cwd=tmp_path) as server:
        command = [sys.executable, "-c", program.replace(HERE, server.url)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    statuses = [line for line in done.stdout.splitlines() if line.isupper()]
    assert statuses[-1] == "CONNECTED"
    assert "CHALLENGED" in statuses
    assert "CONNECTION_STATUS" in [body.get("type") for body in receiver.bodies()]


@pytest.mark.slow
def test_python_with_a_server_of_its_own_runs(tmp_path: Path) -> None:
    _, program = blocks("python")
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("DENIED 3 []\n", "")


@pytest.mark.slow
def test_what_is_shown_is_what_is_printed(bin_folder: Path, tmp_path: Path) -> None:
    banner, played = blocks("text")
    with Serving(options=["--webhook-url", APP], cwd=tmp_path) as server:
        assert banner.strip() in server.banner.replace(server.url, HERE)
    assert played == connecting(shell("mocksrv demo", bin_folder, tmp_path))


def connecting(printed: str) -> str:
    """What the demo prints from the call that creates the member to the end of its aggregation."""
    lines = printed.splitlines(keepends=True)
    first = next(place for place, line in enumerate(lines) if "POST /users/{user}/members" in line)
    last = next(place for place, line in enumerate(lines) if "AGGREGATION" in line)
    return "".join(lines[first : last + 1])


# examples of files


@pytest.mark.slow
def test_the_scenario_is_valid_and_plays_as_explained(bin_folder: Path, tmp_path: Path) -> None:
    [scenario] = [block for block in blocks("yaml") if block.startswith("name:")]
    (tmp_path / "lost-phone.yaml").write_text(scenario)
    assert shell("mocksrv scenarios validate lost-phone.yaml", bin_folder, tmp_path).startswith("OK")
    assert "Ends with CONNECTED." in shell("mocksrv scenarios simulate lost-phone", bin_folder, tmp_path)
    assert "Ends with LOCKED." in shell("mocksrv scenarios simulate lost-phone --answer ''", bin_folder, tmp_path)


def test_the_settings_file_is_valid(tmp_path: Path) -> None:
    [settings] = [block for block in blocks("yaml") if block.startswith("# mocksrv.yaml")]
    (tmp_path / "mocksrv.yaml").write_text(settings)
    assert resolve({}, {}, tmp_path).clock == "x60"


if __name__ == "__main__":
    played, shown = connecting(running.mocksrv("demo", cwd=ROOT).stdout), blocks("text")[1]
    for page in PAGES:
        written = page.read_text("utf-8").replace(shown, played)
        for table in TABLES:
            written = between(table).sub(lambda found, table=table: f"{found[1]}{TABLES[table]()}\n{found[3]}", written)  # type: ignore[misc]
        page.write_text(written, "utf-8")
