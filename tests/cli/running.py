"""The command line as its users have it, in processes of their own; and, quicker, in the process of the tests."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from unittest import mock

from click.testing import CliRunner

from mocksrv.cli import main
from tests import postgres

ROOT = Path(__file__).parents[2]
MOCKSRV = (sys.executable, "-m", "mocksrv")
LIMIT = 60  # seconds that any command may take
LAST_LINE = "Ctrl-C ends it."
MX_HEADERS = {"Accept": "application/vnd.mx.api.v1+json", "Authorization": "Basic YW55OmtleQ=="}
LINE = re.compile(r"[0-9T:.-]+Z  (call|callback) ")  # what `serve` prints of a call or a callback


def environment(**more: str) -> dict[str, str]:
    """The environment without settings of whoever runs the tests, with this checkout first."""
    ours = ("MOCKSRV_", "MAKE", "MFLAGS", "ARGS")  # a `make test ARGS=...` hands its own on to the `make` of a test
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"} | more


def mocksrv(*arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end, in this process. One at a time: folder, environment and streams are the process's."""
    with contextlib.chdir(cwd), mock.patch.dict(os.environ, env or environment(), clear=True):
        done = CliRunner().invoke(main, arguments, prog_name="mocksrv")
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


def mocksrv_process(
    *arguments: str, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end, in a process of its own."""
    return subprocess.run(
        [*MOCKSRV, *arguments],
        cwd=cwd,
        env=env or environment(),
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


class Serving:
    """A server process, from its start to its end, as a context manager. It picks a free port unless ``command`` says
    otherwise.

    ``database`` is the name of a file in ``cwd``; with ``--on-postgres`` it is a schema, as is the temporary database
    of a server that is told of none.

    ``banner`` is what it printed until it was ready, ``url`` where it is; ``status`` and ``errors`` are its exit status
    and stderr.
    """

    def __init__(
        self,
        command: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        options: Sequence[str] = (),
        database: str | None = None,
    ) -> None:
        self.command = list(command) or [*MOCKSRV, "serve", "--port", "0", *options]
        self.env = env or environment()
        self.cwd = cwd
        self._file = None if database is None else (cwd or Path()) / database
        self._ending = contextlib.ExitStack()
        self.status: int | None = None
        self.errors = ""

    def __enter__(self) -> Self:
        self.database = None
        if "--database" not in self.command and "MOCKSRV_DATABASE" not in self.env:
            self.database = self._ending.enter_context(postgres.of_process(self._file))
        if self.database is not None:
            self.env = {**self.env, "MOCKSRV_DATABASE": self.database}
        self.process = subprocess.Popen(
            self.command,
            cwd=self.cwd,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        lines: list[str] = []
        while LAST_LINE not in (lines[-1:] or [""])[0]:
            line = self.process.stdout.readline()
            if not line:
                self.stop()
                raise AssertionError(f"{self.command} ended with {self.status}: {''.join(lines)}{self.errors}")
            lines.append(line)
        self.banner = "".join(lines)
        found = re.search(r"MX Platform API +(https?://\S+)", self.banner)
        assert found, self.banner
        self.url = found[1]
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, 15)
        self.stop()

    def stop(self) -> None:
        """Waits for the end."""
        _, told = self.process.communicate(timeout=LIMIT)
        self.lines = [line for line in told.splitlines() if LINE.match(line)]  # of calls and callbacks
        self.errors = "".join(line for line in told.splitlines(keepends=True) if not LINE.match(line))
        self.status = self.process.returncode
        self._ending.close()

    def get(self, path: str) -> Any:
        """The JSON that a GET is answered with, as an MX client or a client of the control API."""
        request = urllib.request.Request(self.url + path, headers=MX_HEADERS)
        with urllib.request.urlopen(request, timeout=LIMIT) as answer:
            return json.loads(answer.read())
