"""`mocksrv completion`: the scripts that shells read, and the words that they ask for."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mocksrv import Server
from mocksrv.cli.completion import SHELLS, VARIABLE
from tests.cli.running import MOCKSRV, environment, mocksrv


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_is_given_a_script_that_asks_mocksrv(shell: str, tmp_path: Path) -> None:
    done = mocksrv("completion", shell, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{VARIABLE}={shell}_complete" in done.stdout


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("sc", ["scenarios"]),
        ("scenarios s", ["schema", "show", "simulate"]),
        ("clock advance --t", ["--to", "--token"]),
        ("serve --log", ["--log-format"]),
        ("--v", ["--version"]),
    ],
)
def test_the_words_that_go_on(words: str, found: list[str]) -> None:
    assert completed(words) == found


def completed(words: str, **variables: str) -> list[str]:
    """What bash is told: the last of the words may be half-written, or empty."""
    asking = {VARIABLE: "bash_complete", "COMP_WORDS": f"mocksrv {words}", "COMP_CWORD": str(len(words.split(" ")))}
    env = environment(**asking, **variables)
    done = subprocess.run(MOCKSRV, env=env, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.split("\n") if line]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("demo challenged-", ["challenged-image", "challenged-options", "challenged-twice"]),
        ("serve --scenario sync", ["sync-failed", "synced"]),
        ("subjects play MBR-1 deni", ["denied"]),
        ("bindings set --next deni", ["denied"]),
        ("serve --log-format ", ["json", "text"]),
        ("violations --provider m", ["mono", "mx"]),
        ("violations --rule no-", ["no-back-off"]),
        ("trigger mx.member.", ["mx.member.created", "mx.member.deleted", "mx.member.updated"]),
        ("webhooks list --event finicity.add", ["finicity.added", "finicity.adding"]),
    ],
)
def test_the_values_that_are_known(words: str, found: list[str]) -> None:
    assert completed(words) == found


def test_scenarios_of_ones_own_are_known_as_far_as_they_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: zz-mine\nprovider: mx\n")
    (tmp_path / "b.yaml").write_text("name: [zz\n")
    assert completed(f"scenarios simulate --scenarios {tmp_path} zz") == ["zz-mine"]
    assert completed("scenarios show zz", MOCKSRV_SCENARIOS=str(tmp_path)) == ["zz-mine"]
    assert completed("scenarios show zz", MOCKSRV_SCENARIOS="no/such/folder") == []


def test_sandboxes_are_those_of_the_server() -> None:
    with Server() as server:
        for name in ("ci-1", "ci-2", "other"):
            server.sandbox(name).clock.show()
        assert completed("clock show --sandbox ci", MOCKSRV_URL=server.url) == ["ci-1", "ci-2"]
        assert completed(f"sandboxes drop --url {server.url} o") == ["other"]


def test_a_server_that_does_not_answer_does_not_hold_the_shell_up() -> None:
    assert completed("clock show --sandbox ci", MOCKSRV_URL="http://127.0.0.1:9") == []
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        assert completed("clock show --sandbox ci", MOCKSRV_URL=url) == []


BASH = """
eval "$(mocksrv completion bash)"
COMP_WORDS=(mocksrv sandboxes d)
COMP_CWORD=2
_mocksrv_completion mocksrv
echo "${COMPREPLY[@]}"
"""
ZSH = r"""
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'autoload -Uz compinit; compinit -D -u; eval "$(mocksrv completion zsh)"; echo read""y'
zpty -r shell said '*ready*'
zpty -n -w shell $'mocksrv sandboxes d\t'
zpty -r shell said '*sandboxes drop*'
echo drop
"""  # what somebody types in a terminal, and what stands there after the Tab key
FISH = """
mocksrv completion fish | source
complete --do-complete 'mocksrv scen'
"""


@pytest.mark.parametrize(
    ("shell", "options", "typed", "said"),
    [
        ("bash", (), BASH, "drop"),
        ("zsh", ("-f",), ZSH, "drop"),
        ("fish", ("--no-config",), FISH, "scenarios\tList, show, check and try out scenarios. Needs no server."),
    ],
    ids=SHELLS,
)
def test_a_shell_completes(shell: str, options: tuple[str, ...], typed: str, said: str, tmp_path: Path) -> None:
    if (there := shutil.which(shell)) is None:
        pytest.skip(f"there is no {shell}; on Debian: apt install {shell}")
    command = tmp_path / "mocksrv"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m mocksrv "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    env = environment(PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    done = subprocess.run([there, *options, "-c", typed], env=env, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == said, done.stderr


def test_a_shell_that_is_not_known(tmp_path: Path) -> None:
    done = mocksrv("completion", "tcsh", cwd=tmp_path)
    assert done.returncode == 2
    assert "bash" in done.stderr
