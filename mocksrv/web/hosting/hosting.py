"""Runs a service in a process of its own: gunicorn with threads, or waitress where gunicorn does not run.

The service is opened in the process that serves it, after the fork: it has threads, and a database that forks must not
share. The parent stays small, watches, and starts the service again if it dies.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

FAILED, WRONG_SETTING = 1, 2  # exit statuses of a service that could not be opened
KEEP_ALIVE = 75  # seconds that an idle connection is kept
LONGEST_CLOSE = 0.5  # real seconds; what was not sent by then is sent after the next start
BACKLOG = 1024
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1", "*": "127.0.0.1"}  # what reaches those who listen there


class StartError(Exception):
    """The service cannot be opened; the message says why, ``status`` is the exit status, ``setting`` the key of the
    setting that it is about.
    """

    def __init__(self, message: str, status: int = FAILED, *, setting: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.setting = setting

    def as_option(self) -> str:
        """The message for the command line."""
        return f"--{self.setting}: {self}" if self.setting else str(self)


class Service(NamedTuple):
    """An open service: its WSGI application, and what ends it."""

    app: Any
    close: Callable[[], None]


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises StartError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, 0, socket.SOCK_STREAM, 0, socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError):
        raise StartError(f"there is no address {host!r}", WRONG_SETTING, setting="host") from None
    listening = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere it would let two servers share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise StartError(f"cannot listen on {host}:{port}: {error.strerror}; port 0 picks a free one") from None
    return listening


def base_url(host: str, port: int) -> str:
    """A URL at which this machine reaches a server that listens there."""
    host = WILDCARDS.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(listening: socket.socket, open_service: Callable[[], Service], threads: int) -> int:
    """Serves until SIGINT or SIGTERM; the exit status. ``open_service`` may raise StartError."""
    try:
        from mocksrv.web.hosting import gunicorn_host
    except ImportError:
        return _run_waitress(listening, open_service, threads)
    return gunicorn_host.run(listening, open_service, threads)


def open_or_explain(open_service: Callable[[], Service]) -> Service | int:
    """The service; or, when it cannot be opened and the reason has been printed, the exit status."""
    try:
        return open_service()
    except StartError as error:
        say(error.as_option())
        return error.status
    except Exception:
        traceback.print_exc()
        say("the server could not start; this is a defect, please report it")
        return FAILED


def say(message: str) -> None:
    print(f"mocksrv: {message}", file=sys.stderr, flush=True)


def close_service(service: Service) -> None:
    """Ends the service; what holds it up is not waited for."""
    closing = threading.Thread(target=service.close, daemon=True)
    closing.start()
    closing.join(LONGEST_CLOSE)


def end_process(status: int) -> NoReturn:
    """Ends the process at once: threads that serve held calls or slow callbacks are not waited for."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def _run_waitress(listening: socket.socket, open_service: Callable[[], Service], threads: int) -> int:
    """The same in this process, for systems without fork."""
    from waitress.server import create_server

    service = open_or_explain(open_service)
    if isinstance(service, int):
        return service

    def stop(*_: Any) -> NoReturn:
        close_service(service)
        end_process(0)

    logging.getLogger("waitress").setLevel(logging.ERROR)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    create_server(service.app, sockets=[listening], threads=threads, channel_timeout=KEEP_ALIVE).run()
    return FAILED  # it runs until a signal
