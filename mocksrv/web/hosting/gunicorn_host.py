"""A service under gunicorn: a parent that watches and one worker, with threads, that opens the service and serves."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from mocksrv.web.hosting.hosting import (
    FAILED,
    KEEP_ALIVE,
    WRONG_SETTING,
    Service,
    close_service,
    end_process,
    open_or_explain,
    say,
)

EXIT_CODES = {
    FAILED: Arbiter.WORKER_BOOT_ERROR,
    WRONG_SETTING: Arbiter.APP_LOAD_ERROR,
}  # after which no worker is started again
STATUSES = {code: status for status, code in EXIT_CODES.items()}


def run(listening: socket.socket, open_service: Callable[[], Service], threads: int) -> int:
    """Serves until SIGINT or SIGTERM; the exit status."""
    try:
        Watch(Hosted(listening, open_service, threads)).run()
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else FAILED
    return 0


class Watch(Arbiter):
    """The parent. It ends fast, leaves the talking to the worker, and never has more than one."""

    SIGNALS = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP)

    def handle_term(self) -> None:
        self.handle_int()

    def handle_hup(self) -> None:
        self.handle_int()

    def halt(self, reason: str | None = None, exit_status: int = 0) -> None:
        super().halt(reason, STATUSES.get(exit_status, exit_status))


class Hosted(BaseApplication):
    """The service as gunicorn sees it. The worker opens it, so that its threads and its database are the worker's
    own.
    """

    def __init__(self, listening: socket.socket, open_service: Callable[[], Service], threads: int) -> None:
        self._listening = listening
        self._open_service = open_service
        self._threads = threads
        self._lifeline = Lifeline()
        self._service: Service | None = None
        super().__init__()

    def load_config(self) -> None:
        settings = {
            "bind": f"fd://{self._listening.detach()}",
            "worker_class": "gthread",
            "threads": self._threads,
            "timeout": 0,
            "graceful_timeout": 1,
            "keepalive": KEEP_ALIVE,
            "loglevel": "critical",
            "control_socket_disable": True,
            "post_fork": lambda _, worker: self._lifeline.hold(),
            "post_worker_init": lambda worker: worker.log.error_log.setLevel("ERROR"),
            "worker_exit": lambda _, worker: self._leave(),
            "child_exit": lambda watch, _: _mourn(watch),
        }
        for name, value in settings.items():
            if name in self.cfg.settings:  # not every version has all of them
                self.cfg.set(name, value)

    def load(self) -> Any:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both processes; the parent ends the worker
        service = open_or_explain(self._open_service)
        if isinstance(service, int):
            raise SystemExit(EXIT_CODES[service])
        self._service = service
        return service.app

    def _leave(self) -> None:
        """In a worker that ends."""
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if self._service is not None:
            close_service(self._service)
            end_process(0)


def _mourn(watch: Arbiter) -> None:
    """In the parent, when a worker has ended."""
    if watch.LISTENERS:  # else it was asked to end
        say("the serving process has died and is started again")


class Lifeline:
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
