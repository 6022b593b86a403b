"""A service under gunicorn: a parent that watches, and workers that open the service and serve it: one, or when that is
asked for and the first is there, others.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

from mocksrv.web.hosting.hosting import (
    FAILED,
    WRONG_SETTING,
    OpenService,
    close_service,
    end_process,
    limits_of,
    open_or_explain,
)

if TYPE_CHECKING:
    import ssl

    from mocksrv.engine.config import Config
    from mocksrv.web.hosting.host import Service

EXIT_CODES = {
    FAILED: Arbiter.WORKER_BOOT_ERROR,
    WRONG_SETTING: Arbiter.APP_LOAD_ERROR,
}  # after which no worker is started again
STATUSES = {code: status for status, code in EXIT_CODES.items()}
log = logging.getLogger("mocksrv")
LONGEST_END = 3  # seconds after which a worker that was asked to end is killed


def run(listening: socket.socket, open_service: OpenService, tls: ssl.SSLContext | None, config: Config) -> int:
    """Serves until SIGINT or SIGTERM; the exit status."""
    try:
        Supervisor(Hosted(listening, open_service, tls, config)).run()
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else FAILED
    return 0


class Supervisor(Arbiter):
    """The parent. It ends fast and leaves the talking to the workers."""

    SIGNALS = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP, signal.SIGTTIN)

    def handle_ttin(self) -> None:
        """A worker has opened the service: the others will, too."""
        self.num_workers = self.app.config.workers
        self.manage_workers()

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

    def __init__(
        self, listening: socket.socket, open_service: OpenService, tls: ssl.SSLContext | None, config: Config
    ) -> None:
        self._listening = listening
        self._open_service = open_service
        self.tls = tls
        self.config = config
        self._first = False
        self._lifeline = Lifeline()
        super().__init__()

    def load_config(self) -> None:
        settings = {
            "bind": f"fd://{self._listening.detach()}",
            "worker_class": LoopWorker,
            "timeout": 0,
            "graceful_timeout": LONGEST_END,
            "loglevel": "critical",
            "control_socket_disable": True,
            "post_fork": lambda _, worker: self._begin(worker),
            "post_worker_init": lambda worker: worker.log.error_log.setLevel("ERROR"),
            "child_exit": lambda parent, _: _tell_of_death(parent),
        }
        for name, value in settings.items():
            if name in self.cfg.settings:  # not every version has all of them
                self.cfg.set(name, value)

    def _begin(self, worker: Worker) -> None:
        """In a new worker."""
        self._lifeline.hold()
        self._first = worker.age == 1 or self.config.workers == 1

    def load(self) -> Any:
        service = open_or_explain(self._open_service, first=self._first)
        if isinstance(service, int):
            raise SystemExit(EXIT_CODES[service])
        return service


class LoopWorker(Worker):
    """The worker: one `Host`. A signal that comes while it opens or closes the service interrupts neither."""

    def init_signals(self) -> None:
        super().init_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both processes; the parent ends the worker

    def handle_quit(self, *_: Any) -> None:
        self.alive = False

    def run(self) -> None:
        from mocksrv.web.hosting.host import Host  # the parent does without

        service: Service = self.wsgi
        host = Host(service, self.sockets[0].sock, limits_of(self.app.config), self.app.tls)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGQUIT, signal.SIGTERM):
            host.loop.add_signal_handler(number, host.stop)
        if not self.alive:
            host.stop()
        if self.app.config.workers > 1:
            os.kill(self.ppid, signal.SIGTTIN)
        host.run(close=lambda: close_service(service))
        end_process(0)


def _tell_of_death(parent: Arbiter) -> None:
    """In the parent, when a worker has ended."""
    if parent.LISTENERS:  # else it was asked to end
        log.warning("mocksrv: the serving process has died and is started again")


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
