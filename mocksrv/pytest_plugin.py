"""The pytest plugin, there with the package: the fixture `mocksrv` is a fresh sandbox for each test.

With ``--mocksrv-report FILE`` the run leaves what all of them have to tell for ``mocksrv report --merge FILE``.
It runs on one server for the whole run, which starts with the first test that asks for it: in threads of pytest's
process, or under pytest-xdist in a process of its own that all workers share. Nothing else is imported before.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from mocksrv.client import Sandbox

MARKER = (
    "mocksrv(strict=False, scenario=NAME, clock=CLOCK, now=MOMENT, seed=N, all_events=True): the test's sandbox of "
    "mocksrv. strict: the test fails when a call broke a provider's contract; scenario: what plays when nothing else "
    "chooses; clock: real, manual or a speed such as x60; now: the moment at which it starts; seed: what ids and data "
    "follow from; all_events: whether those that come by the thousand are recorded, too, where no endpoint asks."
)
OPTIONS = ("strict", "scenario", "clock", "now", "seed", "all_events")
SEED = 1  # of every sandbox: mixed with its name, which is the test's, it gives a test the same ids in every run
SHOWN = 50  # lines of each part of the report: the latest
START_TIME_OUT = 90.0  # seconds that a worker waits for the run's server
SANDBOX: pytest.StashKey[Sandbox] = pytest.StashKey()
SHARED: pytest.StashKey[SharedServer] = pytest.StashKey()
IS_LAST: pytest.StashKey[bool] = pytest.StashKey()  # of the run: the server ends with this test
PASSED: pytest.StashKey[bool] = pytest.StashKey()  # the test itself, before the teardown of its fixtures
SECTION: pytest.StashKey[tuple[str, str]] = pytest.StashKey()  # of the test's report, made before the server ends
REPORTED = "mocksrv"  # among the attributes of a test's report
MET: pytest.StashKey[str] = pytest.StashKey()  # what the test's sandbox told for --mocksrv-report: JSON


class RunningServer(Protocol):
    """A running server, as far as the fixtures need it."""

    def sandbox(self, name: str) -> Sandbox: ...


# fixtures


@pytest.fixture(scope="session")
def mocksrv_server(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    """The run's server. A fixture of this name in a conftest.py replaces it, for settings of one's own:
    ``with mocksrv.Server(scenarios="tests/scenarios") as server: yield server``.
    """
    shared = getattr(request.config, "workerinput", {}).get("mocksrv")
    if shared is not None:
        yield RemoteServer(ask_for_url(shared))
        return
    from mocksrv.server import Server

    with Server(seed=SEED) as server:
        yield server


@pytest.fixture
def mocksrv(request: pytest.FixtureRequest, mocksrv_server: RunningServer) -> Iterator[Sandbox]:
    """A `mocksrv.Sandbox` for this test alone, named after it. It is there until the report of the test is made."""
    item = request.node
    options = marked(item)
    sandbox = mocksrv_server.sandbox(sandbox_name(item))
    sandbox.set_up = partial(set_up, sandbox, options)
    item.stash[SANDBOX] = sandbox
    sandbox.set_up()
    yield sandbox
    if item.config.option.mocksrv_report:
        from mocksrv.reporting import told

        item.stash[MET] = json.dumps(told(sandbox.name, sandbox.control).document())
    broken = _broken(item) if item.stash.get(PASSED, False) else None  # by the teardown of its other fixtures
    if item.stash[IS_LAST]:
        item.stash[SECTION] = _section(sandbox)
        _drop(item)
    if broken:
        pytest.fail(broken, pytrace=False)


def _drop(item: pytest.Item) -> None:
    """Drops the test's sandbox, if there is one."""
    sandbox = item.stash.get(SANDBOX, None)
    if sandbox is not None:
        from mocksrv.client import Unreachable

        del item.stash[SANDBOX]
        with contextlib.suppress(Unreachable):  # a server that was only this module's has ended
            sandbox.drop()
        sandbox.close()


def sandbox_name(item: pytest.Item) -> str:
    """What the test is called, as far as it can be part of a URL, and a hash of all that tells it from others."""
    from mocksrv.engine.names import slug_of

    return slug_of(item.name, item.nodeid)


def marked(item: pytest.Item) -> dict[str, Any]:
    """What the test's markers say, the nearest last. An option that there is not fails the test."""
    options: dict[str, Any] = {}
    for mark in reversed([*item.iter_markers("mocksrv")]):
        options |= mark.kwargs
        strange = [*map(repr, mark.args), *(name for name in mark.kwargs if name not in OPTIONS)]
        if strange:
            from mocksrv.engine.problems import near

            guess = near(strange[0], OPTIONS)
            meant = f"did you mean {guess}?" if guess else f"allowed are {', '.join(OPTIONS)}, each with a value"
            pytest.fail(f"@pytest.mark.mocksrv: {strange[0]} is not one of its options; {meant}", pytrace=False)
    return options


def set_up(sandbox: Sandbox, options: Mapping[str, Any]) -> None:
    """Makes an empty sandbox record all events, and gives it what its test's markers say. The server's refusal fails
    the test.
    """
    from mocksrv.client import ControlError

    refused = None
    try:
        given = {name: options[name] for name in ("seed", "all_events") if name in options}
        sandbox.control.call("PUT", "/sandbox", {"all_events": True, **given})
        if "clock" in options or "now" in options:
            sandbox.clock.set(mode=options.get("clock"), now=options.get("now"))
        if "scenario" in options:
            sandbox.control.call("PUT", "/bindings", {"default": options["scenario"]})
    except ControlError as error:
        refused = error
    if refused:  # not while it is handled: pytest would show it twice
        pytest.fail(f"@pytest.mark.mocksrv: {refused}", pytrace=False)


# hooks


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("mocksrv").addoption(
        "--mocksrv-report",
        metavar="FILE",
        help="write what the tests have met of the providers, and which rules they broke: for mocksrv report --merge",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)
    if config.option.mocksrv_report and not hasattr(config, "workerinput"):
        config.pluginmanager.register(RunReport(config.invocation_params.dir / config.option.mocksrv_report))


def pytest_unconfigure(config: pytest.Config) -> None:
    if (shared := config.stash.get(SHARED, None)) is not None:
        shared.close()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """A worker of pytest-xdist is about to start. Those that run the same tests, or on other machines, cannot share a
    server, and start their own.
    """
    config: pytest.Config = node.config
    if config.getoption("dist") == "each" or not node.gateway.spec.popen:
        return
    if SHARED not in config.stash:
        config.stash[SHARED] = SharedServer()
    node.workerinput["mocksrv"] = config.stash[SHARED].port


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fails a strict test whose calls broke a provider's contract."""
    result = yield
    if broken := _broken(item):
        pytest.fail(broken, pytrace=False)
    item.stash[PASSED] = True
    return result


def _broken(item: pytest.Item) -> str | None:
    """What a test that is strict fails with; None: it need not."""
    sandbox = item.stash.get(SANDBOX, None)
    if sandbox is None or not marked(item).get("strict") or not (found := sandbox.violations):
        return None
    return "\n".join(["calls broke a provider's contract (strict):", *(f"  {_violation(each)}" for each in found)])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    item.stash[IS_LAST] = nextitem is None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds what happened in the sandbox to the report of a test that fails, by itself or in its fixtures."""
    report = yield
    if report.failed:
        sandbox = item.stash.get(SANDBOX, None)
        section = item.stash.get(SECTION, None) if sandbox is None else _section(sandbox)
        report.sections.extend([section] if section else [])
    if report.when == "teardown":
        setattr(report, REPORTED, item.stash.get(MET, None))
        _drop(item)
    return report


class RunReport:
    """Gathers what the tests' sandboxes told, for ``--mocksrv-report``. It comes with each test's own report, so that
    pytest-xdist loses nothing of the tests that a worker ended before it died.
    """

    def __init__(self, file: Path) -> None:
        from mocksrv.reporting import merged

        self._file = file
        self._report = merged(())

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        met = getattr(report, REPORTED, None)
        if met is not None:
            from mocksrv.reporting import merged, parsed

            self._report = merged([self._report, parsed(met)])

    def pytest_sessionfinish(self) -> None:
        document = json.dumps(self._report.document(), indent=2)
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(f"{document}\n", "utf-8")
        except OSError as error:
            pytest.exit(f"--mocksrv-report: {self._file}: {error.strerror}", pytest.ExitCode.USAGE_ERROR)


# what a failed test's report says


def _section(sandbox: Sandbox) -> tuple[str, str]:
    """Title and text."""
    from mocksrv.client import ControlError, Unreachable

    try:
        told = "\n".join(_told(sandbox))
    except (ControlError, Unreachable) as error:
        told = f"what happened there cannot be read: {error}"
    return f"mocksrv sandbox {sandbox.name}", told


def _told(sandbox: Sandbox) -> Iterator[str]:
    from mocksrv.client import shortened

    clock = sandbox.clock.show()
    yield f"{sandbox.base_url}  its time: {clock['now']} ({clock['mode']}), next: {clock['next'] or 'nothing waits'}"
    yield from _part("calls", map(_call, sandbox.requests))
    yield from _part("violations", map(_violation, sandbox.violations))
    yield from _part("callbacks", map(_callback, shortened(sandbox.webhooks.list())))
    for subject in sandbox.control.every("/subjects", "subjects"):
        lines = map(_moment, sandbox.control.get(f"/subjects/{subject['id']}")["timeline"])
        yield from _part(f"timeline of {subject['id']}, which plays {subject['scenario']}", lines)


def _part(title: str, lines: Iterable[str]) -> Iterator[str]:
    every = [*lines]
    shown = every[-SHOWN:]
    yield f"{title}: none" if not every else f"{title}:"
    if len(shown) < len(every):
        yield f"  … {len(every) - len(shown)} earlier"
    yield from (f"  {line}" for line in shown)


def _call(call: Mapping[str, Any]) -> str:
    query = f"?{call['query']}" if call["query"] else ""
    return f"{call['at']}  {call['status']}  {call['method']} {call['path']}{query}"


def _violation(each: Mapping[str, Any]) -> str:
    guess = f" (did you mean {each['nearest']}?)" if each["nearest"] else ""
    return f"{each['method']} {each['path']}: {each['rule']}: {each['detail']}{guess}. {each['mend']}"


def _callback(webhook: Mapping[str, Any] | str) -> str:
    if isinstance(webhook, str):
        return webhook
    sent = [_delivery(each) for each in webhook["deliveries"]] or ["no endpoint asks for it"]
    return f"{webhook['occurred_at']}  {webhook['event']}  {webhook['subject']}  {'; '.join(sent)}"


def _delivery(delivery: Mapping[str, Any]) -> str:
    tried = [str(each["status"] or each["error"]) for each in delivery["attempts"]]
    return f"{delivery['state']} {delivery['endpoint']}" + (f" ({', '.join(tried)})" if tried else "")


def _moment(moment: Mapping[str, Any]) -> str:
    flow = f"  flow {moment['flow']}" if moment["flow"] else ""
    step = f"  {moment['step']}" if moment["step"] else ""
    return f"{moment['at']}  {moment['status'] or '-'}  {moment['cause']}{flow}{step}"


# one server for all workers of pytest-xdist


class RemoteServer:
    """A server that another process has started."""

    def __init__(self, url: str) -> None:
        self.url = url

    def sandbox(self, name: str) -> Sandbox:
        from mocksrv.client import Sandbox

        return Sandbox(self.url, name)


class SharedServer:
    """In the process that hands out the tests: starts a server for the first worker that asks, and tells all where it
    is. They ask by connecting to ``port`` of this machine.
    """

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listening.getsockname()[1]
        self._server: Any = None
        self._answer: dict[str, str] = {}
        self._closing = False
        self._thread = threading.Thread(target=self._serve, name="mocksrv-shared", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listening.accept()
            with connection, contextlib.suppress(OSError):  # a worker that dies meanwhile
                if self._closing:
                    return
                if not self._answer:
                    self._answer = self._start()
                connection.sendall(json.dumps(self._answer).encode())

    def _start(self) -> dict[str, str]:
        from mocksrv.server import Server
        from mocksrv.web.hosting.hosting import StartError

        server = Server(seed=SEED, process=True)
        try:
            self._server = server.start()
        except StartError as error:
            return {"error": str(error)}
        return {"url": server.url}

    def close(self) -> None:
        """Ends the server."""
        self._closing = True
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()  # the thread waits for one
        self._thread.join()
        self._listening.close()
        if self._server is not None:
            self._server.close()


def ask_for_url(port: int) -> str:
    """The URL of the run's server, in a worker. It fails the test when the server cannot be started."""
    with socket.create_connection(("127.0.0.1", port), timeout=START_TIME_OUT) as connection:
        answer = json.loads(b"".join(iter(lambda: connection.recv(4096), b"")))
    if "error" in answer:
        pytest.fail(f"mocksrv does not start: {answer['error']}", pytrace=False)
    url: str = answer["url"]
    return url
