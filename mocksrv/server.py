"""Putting a server together and starting it: the one way, for commands, programs, tests and the benchmark.

`build` makes the parts, `open_parts` starts them, `LocalServer` serves them in this process, `process.ProcessServer` in
one of its own. `Server` is the public face of both. The command ``mocksrv serve`` imports this: what only programs need
is imported when it is used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from mocksrv.engine.config import Config
from mocksrv.settings import config_from
from mocksrv.web.hosting.hosting import WRONG_SETTING, StartError, base_url, limits_of, listen, tls_of

if TYPE_CHECKING:
    from mocksrv.client import Sandbox
    from mocksrv.engine.engine import Engine
    from mocksrv.engine.problems import Problem
    from mocksrv.process import ProcessServer
    from mocksrv.web.app import App
    from mocksrv.web.hosting.host import Limits


class Parts(NamedTuple):
    """What a server is made of: the engine, and the WSGI application."""

    engine: Engine
    app: App


def bundled_scenarios() -> Path:
    """The folder of the bundled scenarios: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "scenarios"
    return installed if installed.is_dir() else package.parent / "scenarios"


def build(config: Config) -> Parts:
    """A server that is not started: nothing happens in it but what calls of its application do. Raises StoreError."""
    from mocksrv.engine.engine import Engine
    from mocksrv.registry import make_providers
    from mocksrv.web.app import App

    providers = make_providers(config)
    roles = [provider.role for provider in providers]
    engine = Engine(config, roles, bundled_scenarios(), shared=config.workers > 1)
    return Parts(engine, App(engine, providers, config))


def open_parts(
    config: Config, report: Callable[[Problem], Any] = lambda _: None, warn: Callable[[str], Any] = lambda _: None
) -> Parts:
    """A server whose time passes and whose callbacks go out; ``close`` of the engine ends it.

    ``report`` is given the faults of the user's scenario files, ``warn`` what may be wrong with the settings. Raises
    StartError.
    """
    from mocksrv.engine.storage.records import StoreError

    if config.webhook_url:
        _check_host(config.webhook_url, config, warn)
    try:
        parts = build(config)
    except StoreError as error:
        raise StartError(str(error), setting="database") from None
    try:
        _check(parts.engine, config, report)
    except StartError:
        parts.engine.close()
        raise
    parts.engine.start()
    return parts


def open_silently(config: Config) -> Parts:
    """The same, for programs: the error has the faults of the user's files. Raises StartError."""
    problems: list[Problem] = []
    try:
        return open_parts(config, problems.append)
    except StartError as error:
        lines = [str(error), *map(str, problems)] if error.setting == "strict" else [str(error)]
        raise StartError("\n".join(lines), error.status) from None


def _check_host(target: str, config: Config, warn: Callable[[str], Any]) -> None:
    """Warns of a host that does not resolve. Raises StartError for one to which callbacks do not go."""
    from mocksrv.engine.callbacks.addresses import ForbiddenHost, Itself, check_hosts

    try:
        warnings = check_hosts([target], config.allow_callbacks, Itself(config.port, config.public_url))
    except ForbiddenHost as error:
        raise StartError(str(error), WRONG_SETTING, setting="webhook-url") from None
    for warning in warnings.values():
        warn(warning)


def _check(engine: Engine, config: Config, report: Callable[[Problem], Any]) -> None:
    """Raises StartError for faulty scenario files where that is asked for, and for a default that is not there."""
    from mocksrv.engine.scenarios.lookup import UnknownScenario

    problems = engine.library.problems
    for problem in problems:
        report(problem)
    if problems and config.strict:
        count = f"{len(problems)} fault{'' if len(problems) == 1 else 's'}"
        raise StartError(f"{count} in scenario files", setting="strict")
    if config.scenario:
        try:
            engine.library.find(config.scenario)
        except UnknownScenario as error:
            raise StartError(str(error), WRONG_SETTING, setting="scenario") from None


class LocalServer:
    """A server in this process, from now until `close`; ``url`` is where it is. ``report`` is given the faults of the
    user's files; without it they stand in the error where they keep the server from starting. Raises StartError.
    """

    def __init__(
        self, config: Config, limits: Limits | None = None, *, report: Callable[[Problem], Any] | None = None
    ) -> None:
        from mocksrv.web.hosting.host import HostThread, Service

        tls = tls_of(config)
        listening = listen(config.host, config.port)
        try:
            config = config._replace(port=listening.getsockname()[1])
            self.engine, self.app = open_silently(config) if report is None else open_parts(config, report)
        except BaseException:
            listening.close()
            raise
        self.url = base_url(config.host, listening.getsockname()[1], config.scheme)
        service = Service(self.app, self.engine.close, self.engine.reserved, self.engine.freshness)
        self._host = HostThread(service, listening, limits or limits_of(config), tls=tls)

    def close(self) -> None:
        self._host.close()
        self.engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Server:
    """A server in a program, mostly in its tests.

        with mocksrv.Server(seed=7, clock="manual") as server:
            sandbox = server.sandbox("checkout")

    It is made by ``with``, or by `start` and `close`. All arguments but ``process`` are settings of ``mocksrv serve``
    and mean the same; neither MOCKSRV_* variables nor mocksrv.yaml are looked at, nothing is printed, and no signals
    are taken.

    ``process`` says where it runs. False: in a thread of this process. It is there in a fraction of a second, answers
    one call at a time as fast as a process of its own does, and shares Python's one processor with the program. True:
    in a process of its own, under the same hosting as ``mocksrv serve``. It takes a second longer to start; use it for
    load, for programs that block or fork, and where the program's memory and threads are looked at.

    - ``port``: 0 picks a free one. ``host``: the address to listen on.
    - ``seed``, ``clock``, ``now``, ``scenario``, ``webhook_url``: what new sandboxes start with: what ids and data are
      made from, ``real``, ``manual`` or a speed such as ``x60``, a moment, a scenario, where callbacks go.
    - ``scenarios``: a folder, or folders, with scenarios and data profiles of one's own. ``strict``: whether a fault in
      them keeps the server from starting; else the file is left out.
    - ``plain_pages``: whether pages leave out the line that says that this is a sandbox.
    - ``database``: a file that keeps the state; by default it is gone with the server. ``sandboxes``: how many
      there may be. ``sandbox_idle``: for how long one may be without a call (``8h``) before it is dropped.
      ``keep_events``, ``keep_for``: how many webhooks a sandbox keeps, and for how long (``90d``); ``keep_requests``:
      how many calls.
    - ``fidelity``: ``sdk`` or ``wire``. ``public_url``: the beginning of handed-out links. ``threads``: how many calls
      that change something are served at the same time. ``allow_callbacks``: hosts that callbacks may go to beside
      local ones. ``allow_host``: names that control API and dashboard answer to.
      ``control_from``, ``control_token``: who may use the control API. ``client_id``, ``api_key``: the only
      credentials that are accepted. ``tls``: ``"self"`` for HTTPS with a certificate of its own; ``tls_cert``,
      ``tls_key``: files of another.
    - ``sandbox_by``: ``"client-id"``: a provider call without ``/sandbox/NAME`` is of the sandbox of its credentials.
      ``limits``: whether MX's limits on a client hold.

    Raises SettingError, a ValueError, for a value that is not allowed. `start` raises StartError when the port is
    taken, the database cannot be used, the scenario is not there, or (with ``strict``) a scenario file has a fault.
    """

    def __init__(
        self,
        *,
        process: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
        threads: int = 32,
        webhook_url: str | None = None,
        database: str | os.PathLike[str] | None = None,
        sandboxes: int | None = None,
        sandbox_idle: str | None = None,
        sandbox_by: str = "url",
        keep_events: int | None = None,
        keep_for: str | None = None,
        keep_requests: int | None = None,
        scenarios: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
        strict: bool = True,
        plain_pages: bool = False,
        clock: str = "real",
        now: str | datetime | None = None,
        seed: int | None = None,
        scenario: str | None = None,
        fidelity: str = "sdk",
        public_url: str | None = None,
        allow_callbacks: str | Sequence[str] = (),
        allow_host: str | Sequence[str] = (),
        control_from: str = "loopback",
        control_token: str | None = None,
        client_id: str | None = None,
        api_key: str | None = None,
        tls: str | None = None,
        tls_cert: str | os.PathLike[str] | None = None,
        tls_key: str | os.PathLike[str] | None = None,
        limits: bool = False,
    ) -> None:
        given = {name: value for name, value in locals().items() if name not in ("self", "process")}
        self.config = config_from(**given)
        self._process = process
        self._running: LocalServer | ProcessServer | None = None

    def start(self) -> Self:
        """Starts it. Raises StartError; RuntimeError when it runs already."""
        if self._running is not None:
            raise RuntimeError("the server runs already")
        if self._process:
            from mocksrv.process import ProcessServer

            self._running = ProcessServer(self.config)
        else:
            self._running = LocalServer(self.config)
        return self

    def close(self) -> None:
        """Ends it; what no file keeps is gone. A server that does not run is left alone."""
        running, self._running = self._running, None
        if running is not None:
            running.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Where it is: ``http://127.0.0.1:PORT``, also the default sandbox's API of the provider without a prefix.

        Raises RuntimeError when it does not run.
        """
        if self._running is None:
            raise RuntimeError("the server does not run; start it with 'with'")
        return self._running.url

    def sandbox(self, name: str = "default") -> Sandbox:
        """A sandbox of that name, which comes into being with its first use: 1 to 64 of ``a-z A-Z 0-9 . _ -``."""
        from mocksrv.client import Sandbox

        return Sandbox(self.url, name, self.config.control_token)
