"""Runs a service in a process of its own: gunicorn with threads, or waitress where gunicorn does not run.

The service is opened in the process that serves it, after the fork: it has threads, and a database that forks must not share. The
parent stays small, watches, and starts the service again if it dies.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

if TYPE_CHECKING:
    from gunicorn.arbiter import Arbiter

FAILED, WRONG_SETTING = 1, 2  # exit statuses of a service that could not be opened
KEEP_ALIVE = 75  # seconds that an idle connection is kept
LONGEST_CLOSE = 0.5  # real seconds; what was not sent by then is sent after the next start
BACKLOG = 1024


class StartError(Exception):
    """The service cannot be opened; the message says why, ``status`` is the exit status."""

    def __init__(self, message: str, status: int = FAILED) -> None:
        super().__init__(message)
        self.status = status


class Service(NamedTuple):
    """An open service: its WSGI application, and what ends it."""

    app: Any
    close: Callable[[], None]


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises StartError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, 0, socket.AI_PASSIVE)[0]
    except (socket.gaierror, UnicodeError):
        raise StartError(f"--host: there is no address {host!r}", WRONG_SETTING) from None
    listening = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere it would let two servers share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise StartError(f"cannot listen on {host}:{port}: {error.strerror}; --port 0 picks a free port") from None
    return listening


def run(listening: socket.socket, open_service: Callable[[], Service], threads: int) -> int:
    """Serves until SIGINT or SIGTERM; the exit status. ``open_service`` may raise StartError."""
    try:
        from gunicorn.arbiter import Arbiter  # noqa: F401
    except ImportError:
        return _run_waitress(listening, open_service, threads)
    return _run_gunicorn(listening, open_service, threads)


def _open(open_service: Callable[[], Service]) -> Service | int:
    """The service; or, when it cannot be opened and the reason has been printed, the exit status."""
    try:
        return open_service()
    except StartError as error:
        _say(str(error))
        return error.status
    except Exception:
        traceback.print_exc()
        _say("the server could not start; this is a defect, please report it")
        return FAILED


def _say(message: str) -> None:
    print(f"mocksrv: {message}", file=sys.stderr, flush=True)


def _close(service: Service) -> None:
    """Ends the service; what holds it up is not waited for."""
    closing = threading.Thread(target=service.close, daemon=True)
    closing.start()
    closing.join(LONGEST_CLOSE)


def _end(status: int) -> NoReturn:
    """Ends the process at once: threads that serve held calls or slow callbacks are not waited for."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


# waitress: one process


def _run_waitress(listening: socket.socket, open_service: Callable[[], Service], threads: int) -> int:
    from waitress.server import create_server

    service = _open(open_service)
    if isinstance(service, int):
        return service

    def stop(*_: Any) -> NoReturn:
        _close(service)
        _end(0)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    create_server(service.app, sockets=[listening], threads=threads, channel_timeout=KEEP_ALIVE).run()
    return FAILED  # it runs until a signal


# gunicorn: a parent that watches and a worker that serves


def _run_gunicorn(listening: socket.socket, open_service: Callable[[], Service], threads: int) -> int:
    from gunicorn.app.base import BaseApplication
    from gunicorn.arbiter import Arbiter

    life = _Lifeline()
    opened: list[Service] = []

    class Watch(Arbiter):
        """The parent. It ends fast, says nothing the worker has said, and never has more than one worker."""

        SIGNALS = [signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP]

        def handle_term(self) -> None:
            self.handle_int()

        handle_hup = handle_term

        def halt(self, reason: str | None = None, exit_status: int = 0) -> None:
            statuses = {self.WORKER_BOOT_ERROR: FAILED, self.APP_LOAD_ERROR: WRONG_SETTING}
            super().halt(reason, statuses.get(exit_status, exit_status))

    class Application(BaseApplication):
        """The worker's side: opens the service."""

        def load_config(self) -> None:
            settings = {
                "bind": f"fd://{listening.detach()}",
                "worker_class": "gthread",
                "workers": 1,
                "threads": threads,
                "timeout": 0,
                "graceful_timeout": 1,
                "keepalive": KEEP_ALIVE,
                "loglevel": "critical",
                "control_socket_disable": True,
                "post_fork": lambda _, worker: life.hold(),
                "post_worker_init": lambda worker: worker.log.error_log.setLevel("ERROR"),
                "worker_exit": leave,
                "child_exit": mourn,
            }
            for name, value in settings.items():
                if name in self.cfg.settings:  # not every version has all of them
                    self.cfg.set(name, value)

        def load(self) -> Any:
            service = _open(open_service)
            if isinstance(service, int):
                raise SystemExit({FAILED: Watch.WORKER_BOOT_ERROR, WRONG_SETTING: Watch.APP_LOAD_ERROR}[service])
            opened.append(service)
            return service.app

    def leave(_: Arbiter, worker: Any) -> None:
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if opened:
            _close(opened[0])
            _end(0)

    def mourn(watch: Arbiter, worker: Any) -> None:
        if watch.LISTENERS:  # else it was asked to end
            _say("the serving process has died and is started again")

    try:
        Watch(Application()).run()
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else FAILED
    return 0


class _Lifeline:
    """A pipe that breaks when the parent dies, however it dies: the worker ends at once and leaves the port free."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()

    def hold(self) -> None:
        """In the worker: watches the parent."""
        os.close(self._writing)
        threading.Thread(target=self._watch, name="lifeline", daemon=True).start()

    def _watch(self) -> None:
        os.read(self._reading, 1)
        os.kill(os.getpid(), signal.SIGQUIT)
