"""Runs a service in a process of its own: a `Host` under gunicorn, or by itself where gunicorn does not run.

The service is opened in the process that serves it, after the fork: it has threads, and a database that forks must not
share. The parent stays small, watches, and starts the service again if it dies.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from mocksrv.web.hosting.log import log_patiently

if TYPE_CHECKING:
    import ssl

    from mocksrv.engine.config import Config
    from mocksrv.web.hosting.host import Limits, Service

FAILED, WRONG_SETTING = 1, 2  # exit statuses of a service that could not be opened
LONGEST_CLOSE = 0.5  # real seconds; what was not sent by then is sent after the next start
BACKLOG = 1024  # connections that wait to be accepted
LONGEST_BIND = 1.5  # seconds in which the port of a server that was killed becomes free
BETWEEN_BINDS = 0.02
SPARE_FILES = 256  # descriptors that are not for connections
MOST_CONNECTIONS = 4096
# Opens the service in the process that is to serve it. The first of several is told so: it speaks for all of them.
OpenService = Callable[[bool], "Service"]
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


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises StartError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, 0, socket.SOCK_STREAM, 0, socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError):
        raise StartError(f"there is no address {host!r}", WRONG_SETTING, setting="host") from None
    until = time.monotonic() + LONGEST_BIND
    while True:
        listening = socket.socket(family, kind, protocol)
        try:
            if os.name == "posix":  # elsewhere it would let two servers share a port
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(BACKLOG)
        except OSError as error:
            listening.close()
            if error.errno != errno.EADDRINUSE or time.monotonic() > until:
                raise StartError(f"cannot listen on {host}:{port}: {error.strerror}; port 0 picks a free one") from None
            time.sleep(BETWEEN_BINDS)
        else:
            return listening


def base_url(host: str, port: int, scheme: str = "http") -> str:
    """A URL at which this machine reaches a server that listens there."""
    host = WILDCARDS.get(host, host)
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def run(listening: socket.socket, open_service: OpenService, config: Config) -> int:
    """Serves until SIGINT or SIGTERM, in as many processes as ``config`` says; the exit status. ``open_service`` may
    raise StartError.
    """
    log_patiently()
    try:
        tls = tls_of(config)
    except StartError as error:
        say(error.as_option())
        return error.status
    try:
        from mocksrv.web.hosting import gunicorn_host
    except ImportError:
        if config.workers > 1:
            say("--workers: this system can serve from one process only")
            return WRONG_SETTING
        return _run_here(listening, open_service, tls, config)
    return gunicorn_host.run(listening, open_service, tls, config)


def limits_of(config: Config) -> Limits:
    """What clients of a server may take. The process may have more files open afterwards."""
    from mocksrv.web.hosting.host import Limits

    return Limits(
        threads=config.threads,
        connections=min(MOST_CONNECTIONS, max(SPARE_FILES, _allow_files() - SPARE_FILES)),
    )


def tls_of(config: Config) -> ssl.SSLContext | None:
    """What a server shows its clients; None: it speaks plain HTTP. Raises StartError."""
    if config.scheme == "http":
        return None
    from mocksrv.web.hosting.tls import context_of

    return context_of(config)


def _allow_files() -> int:
    """How many files this process may have open: as many as it is allowed to ask for."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return MOST_CONNECTIONS + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + SPARE_FILES
    if resource.RLIM_INFINITY not in (soft, hard):
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return wanted
        return soft
    return wanted


def _run_here(listening: socket.socket, open_service: OpenService, tls: ssl.SSLContext | None, config: Config) -> int:
    """The same in this process, for systems without fork."""
    from mocksrv.web.hosting.host import Host

    service = open_or_explain(open_service, first=True)
    if isinstance(service, int):
        return service
    host = Host(service, listening, limits_of(config), tls)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: host.stop())
    host.run(close=lambda: close_service(service))
    return 0


def open_or_explain(open_service: OpenService, *, first: bool) -> Service | int:
    """The service; or, when it cannot be opened and the reason has been printed, the exit status."""
    try:
        return open_service(first)
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
    for stream in (sys.stdout, *logging.getLogger().handlers):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)
