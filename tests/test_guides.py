"""The guides in docs/ cannot lie: their commands are run, in the order in which they stand, and print what is shown.

``python -m tests.test_guides`` writes what they print anew.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

import mocksrv
from tests.cli.running import LIMIT, ROOT, environment

# Each page with where a session begins: a server that nobody has used, a folder of its own.
PAGES = {"recipes": r"^(?=### )", "backend": r"\A", "qa": r"\A", "ci": r"\A"}
HERE = "http://127.0.0.1:8484"
PORTS = ("9000", "3000")  # of receivers
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
COMMANDS = re.compile(r"(^```sh\n.*?^```\n)(?:\n```text\n.*?^```\n)?", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# (\S+\.\w+)\n")  # the first line of a block that is a file
SERVES = re.compile(r"(mocksrv|make) serve\b(?!.*&)|pip install")  # what the reader has done, in another terminal
CALL = re.compile(r"REQ-[0-9a-f]{16}")  # made up anew in every run
PROGRAMS = {"python": 'exec "{python}" "$@"', "mocksrv": 'exec "{python}" -m mocksrv "$@"'}
END = "\x1e"  # between the outputs of blocks


class Session(NamedTuple):
    """Part of a page: its files by name, and its blocks of commands with what is shown of their output."""

    title: str
    files: dict[str, str]
    blocks: list[tuple[str, str]]


def text_of(page: str) -> str:
    return (ROOT / "docs" / f"{page}.md").read_text("utf-8")


def parts(page: str) -> list[str]:
    """What stands before the first session, and the sessions."""
    return re.split(PAGES[page], text_of(page), flags=re.MULTILINE)


def files(text: str) -> dict[str, str]:
    return {found[1]: body for _, body in BLOCK.findall(text) if (found := NAMED.match(body))}


def is_run(commands: str) -> bool:
    return not SERVES.match(commands) and not NAMED.match(commands)


def session(text: str, shared: dict[str, str]) -> Session:
    blocks = [
        (body, after if kind == "text" else "")
        for (language, body), (kind, after) in pairwise([*BLOCK.findall(text), ("", "")])
        if language == "sh" and is_run(body)
    ]
    return Session(text.partition("\n")[0].lstrip("# "), shared | files(text), blocks)


def sessions(page: str) -> Iterator[Session]:
    before, *rest = parts(page)
    return (session(each, files(before)) for each in rest)


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return str(listening.getsockname()[1])


def programs(folder: Path) -> Path:
    """Where the reader's programs are: this checkout's, by this Python."""
    bin_ = folder / "bin"
    bin_.mkdir()
    for name, line in PROGRAMS.items():
        (bin_ / name).write_text(f"#!/bin/sh\n{line.format(python=sys.executable)}\n")
        (bin_ / name).chmod(0o755)
    return bin_


def printed(session: Session, folder: Path) -> list[str]:
    """What each block prints."""
    with mocksrv.Server(clock="manual", seed=7) as server:
        real = {HERE: server.url, **{port: free_port() for port in PORTS}}

        def here(text: str) -> str:
            for shown, place in real.items():
                text = text.replace(shown, place)
            return text

        for name, body in session.files.items():
            (folder / name).write_text(here(body), "utf-8")
        program = "".join(f"{here(commands)}\nprintf '{END}'\n" for commands, _ in session.blocks)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", program],
            cwd=folder,
            env=environment(MOCKSRV_URL=server.url, PATH=f"{programs(folder)}{os.pathsep}{os.environ['PATH']}"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT,
            check=False,
        )
    said = CALL.sub("REQ-70b1f0cc1a4b2e6d", done.stdout.replace(f"{ROOT}/", ""))
    assert done.returncode == 0, f"{session.title}\n{said}"
    for shown, place in real.items():
        said = said.replace(place, shown)
    outputs = said.removesuffix(END).split(END)
    return [each if not each or each.endswith("\n") else f"{each}\n" for each in outputs]


SESSIONS = [pytest.param(each, id=f"{page}: {each.title}") for page in PAGES for each in sessions(page)]


@pytest.mark.slow
@pytest.mark.parametrize("session", SESSIONS)
def test_commands_print_what_is_shown(session: Session, tmp_path: Path) -> None:
    assert printed(session, tmp_path) == [shown for _, shown in session.blocks], "python -m tests.test_guides"


def rewritten(page: str) -> str:
    before, *rest = parts(page)

    def written(text: str) -> str:
        found = session(text, files(before))
        if not found.blocks:
            return text
        with tempfile.TemporaryDirectory() as folder:
            outputs = iter(printed(found, Path(folder)))

        def with_output(block: re.Match[str]) -> str:
            if not is_run(BLOCK.findall(block[1])[0][1]):
                return block[0]
            said = next(outputs)
            return block[1] + (f"\n```text\n{said}```\n" if said else "")

        return COMMANDS.sub(with_output, text)

    return before + "".join(map(written, rest))


if __name__ == "__main__":
    for name in PAGES:
        (ROOT / "docs" / f"{name}.md").write_text(rewritten(name), "utf-8")
