"""A server in a process of its own: what starts and ends it, and what that process does."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from mocksrv.engine.config import Config
from mocksrv.web.hosting.hosting import StartError, base_url, listen, run

if TYPE_CHECKING:
    from mocksrv.engine.engine import Engine
    from mocksrv.web.app import App
    from mocksrv.web.hosting.host import Service

LONGEST_START = 60.0  # real seconds that a process may take until it serves
LONGEST_STOP = 5.0  # and until it has ended
SERVE = """
from mocksrv.process import serve_for_parent
from mocksrv.server import open_silently
serve_for_parent(open_silently)
"""


class ProcessServer:
    """A server in a process of its own, as ``mocksrv serve`` runs it, from now until `close`; ``url`` is where it is.
    Raises StartError.

    The process ends with this one, however this one ends.
    """

    def __init__(self, config: Config) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,  # a Ctrl-C is for this process
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        watchdog = threading.Timer(LONGEST_START, self._process.kill)
        watchdog.start()
        try:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(pickle.dumps(config))
                self._process.stdin.flush()
            self.url = self._process.stdout.readline().decode().strip()
        finally:
            watchdog.cancel()
        if not self.url:
            status = self._end()
            raise StartError(self._said() or "the server's process ended before it served", status)

    def _said(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace").strip().removeprefix("mocksrv: ")

    def close(self) -> None:
        self._end()
        self._errors.close()

    def _end(self) -> int:
        """Ends the process; its exit status."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()  # type: ignore[union-attr]
        try:
            return self._process.wait(LONGEST_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
        finally:
            self._process.stdout.close()  # type: ignore[union-attr]


def serve_for_parent(open_parts: Callable[[Config], tuple[Engine, App]]) -> None:
    """What the process of a `ProcessServer` does: serves what its standard input says, until that is closed."""
    config = pickle.load(sys.stdin.buffer)  # nosec B301 # what the parent process says, by a pipe of its own
    try:
        listening = listen(config.host, config.port)
    except StartError as error:
        print(error, file=sys.stderr)
        raise SystemExit(error.status) from None
    port = listening.getsockname()[1]
    url = base_url(config.host, port, config.scheme)
    raise SystemExit(run(listening, partial(_open, open_parts, config._replace(port=port), url, os.getpid()), config))


def _open(
    open_parts: Callable[[Config], tuple[Engine, App]], config: Config, url: str, process: int, first: bool
) -> Service:
    """In the process that serves, which may be a child of the one that was started (``process``). Raises
    StartError."""
    engine, app = open_parts(config)

    def follow() -> None:
        while os.read(0, 1):
            pass  # nothing more is said
        os.kill(process, signal.SIGTERM)

    threading.Thread(target=follow, name="mocksrv-follow", daemon=True).start()
    print(url, flush=True)
    from mocksrv.web.hosting.host import Service

    return Service(app, engine.close, engine.reserved, engine.freshness)
