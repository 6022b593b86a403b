"""``mocksrv exec``: a server for the time that a command runs."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import click

from mocksrv.cli.serve import with_settings
from mocksrv.cli.settings import resolve
from mocksrv.registry import all_declared
from mocksrv.settings import SettingError
from mocksrv.web.hosting.hosting import StartError

NOT_EXECUTABLE, NOT_FOUND, SIGNALLED = 126, 127, 128  # exit statuses, as shells have them; the last plus the signal
PASSED_ON = ("SIGINT", "SIGTERM", "SIGHUP")  # signals that the command gets, too


def variables(url: str, base_url: str, *, token: str | None = None, sandbox: str | None = None) -> dict[str, str]:
    """The environment of a program that is to use a server: ``url`` is the server's, ``base_url`` a sandbox's, whose
    name commands need unless it is the default one.
    """
    found = {f"{provider.name.upper()}_BASE_URL": base_url + provider.prefix for provider in all_declared()}
    found["MOCKSRV_URL"] = url
    more = {"MOCKSRV_CONTROL_TOKEN": token, "MOCKSRV_SANDBOX": sandbox}
    return found | {name: value for name, value in more.items() if value}


VARIABLES = ", ".join(variables("", ""))  # what the help of commands says

HELP = f"""Run a command with a server of its own: mocksrv exec -- pytest

The server is there before the command starts and ends after it. The command has {VARIABLES} in its environment, and its
exit status is that of this. The server listens on a free port unless --port is given. The other options are those of
`serve`, with their variables and mocksrv.yaml.
"""


@click.command("exec", context_settings={"allow_interspersed_args": False}, help=HELP)
@with_settings("workers", "quiet", "log_format", port="a free one")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_(command: tuple[str, ...], **options: Any) -> int:
    from mocksrv.server import LocalServer

    try:
        config = resolve({**options, "port": options["port"] or "0"}, os.environ, Path.cwd())
    except SettingError as error:
        raise click.UsageError(str(error)) from None
    try:
        server = LocalServer(config, report=lambda problem: print(problem, file=sys.stderr, flush=True))
    except StartError as error:
        print(f"mocksrv exec: {error.as_option()}", file=sys.stderr)
        return error.status
    with server:
        return run(command, {**os.environ, **variables(server.url, server.url, token=config.control_token)})


def run(command: tuple[str, ...], environment: Mapping[str, str]) -> int:
    """Runs a command to its end, and passes on the signals that are to end it; its exit status, as shells give it."""
    with handling(PASSED_ON) as received:
        try:
            process = subprocess.Popen(command, env=environment)
        except OSError as error:
            print(f"mocksrv exec: {command[0]}: {error.strerror}", file=sys.stderr)
            return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
        received.send_to(process)
        status = process.wait()
    return status if status >= 0 else SIGNALLED - status


class Received:
    """Signals that came, and the process that they are for."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []  # that came before there was one

    def handle(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGINT and in_foreground():
            return  # the terminal has sent it to the command as well
        if self._process is None:
            self._early.append(number)
        else:
            self._process.send_signal(number)

    def send_to(self, process: subprocess.Popen[bytes]) -> None:
        """Sends ``process`` what came so far, and from now on what comes."""
        self._process = process
        for number in self._early:
            process.send_signal(number)


@contextlib.contextmanager
def handling(names: tuple[str, ...]) -> Iterator[Received]:
    """Takes these signals, where the system has them; afterwards they do what they did before."""
    received = Received()
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.signal(number, received.handle) for number in numbers}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def in_foreground() -> bool:
    """Whether a terminal's Ctrl-C goes to this process and to those that it has started."""
    if os.name != "posix":
        return sys.stdin.isatty()
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)
