"""Calls wait together for what says whether this process knows the latest of their sandboxes, and for nothing else."""

from __future__ import annotations

import asyncio
import http.client
import threading
from collections.abc import Callable, Collection
from contextlib import closing, suppress
from typing import Any

import pytest

from mocksrv.web.hosting import looks
from mocksrv.web.hosting.calls import hosted
from mocksrv.web.hosting.host import HostThread, Limits, Service
from mocksrv.web.hosting.hosting import listen
from mocksrv.web.hosting.looks import Looks


class Database:
    """Says that all sandboxes are up to date, when it is let go; ``looks`` are those that were asked for together."""

    def __init__(self) -> None:
        self.looks: list[set[str]] = []
        self.begun = threading.Semaphore(0)
        self.let_go = threading.Semaphore(0)

    def up_to_date(self, names: Collection[str]) -> Collection[str]:
        self.looks.append(set(names))
        self.begun.release()
        assert self.let_go.acquire(timeout=30)
        return set(names)


def looking(act: Callable[[Callable[[str], asyncio.Future[bool]]], Any], up_to_date: looks.UpToDate) -> None:
    """Runs ``act`` on a loop, with what asks for a look."""

    async def run() -> None:
        loop = asyncio.get_running_loop()

        def call_soon(then: Callable[[], object]) -> None:
            with suppress(RuntimeError):  # it has ended
                loop.call_soon_threadsafe(then)

        made = Looks(loop, call_soon, up_to_date)

        def ask(sandbox: str) -> asyncio.Future[bool]:
            answer: asyncio.Future[bool] = loop.create_future()
            made.ask(sandbox, answer.set_result)
            return answer

        try:
            await asyncio.wait_for(act(ask), 30)
        finally:
            made.end()

    asyncio.run(run())


def test_calls_that_come_together_have_one_look_that_begins_after_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "LONG", 60.0)
    database = Database()

    async def act(ask: Callable[[str], asyncio.Future[bool]]) -> None:
        first = [ask("a"), ask("b"), ask("a")]
        await asyncio.to_thread(database.begun.acquire, timeout=30)
        then = [ask("a"), ask("c")]  # the look that is under way may not know what they have to know
        database.let_go.release()
        assert await asyncio.gather(*first) == [True] * 3
        await asyncio.to_thread(database.begun.acquire, timeout=30)
        assert not any(each.done() for each in then)
        database.let_go.release()
        assert await asyncio.gather(*then) == [True] * 2

    looking(act, database.up_to_date)
    assert database.looks == [{"a", "b"}, {"a", "c"}]


def test_a_look_that_takes_long_is_waited_for_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "LONG", 0.001)
    database = Database()

    async def act(ask: Callable[[str], asyncio.Future[bool]]) -> None:
        slow = ask("a")
        await asyncio.to_thread(database.begun.acquire, timeout=30)
        assert await slow is False  # its call looks for itself
        monkeypatch.setattr(looks, "LONG", 60.0)
        then = ask("a")
        await asyncio.to_thread(database.begun.acquire, timeout=30)  # while the first one is under way
        database.let_go.release(2)
        assert await then is True

    looking(act, database.up_to_date)
    assert database.looks == [{"a"}, {"a"}]


def test_after_a_look_that_fails_calls_look_for_themselves(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(looks, "LONG", 60.0)

    def fail(names: Collection[str]) -> Collection[str]:
        raise ValueError(names)

    async def act(ask: Callable[[str], asyncio.Future[bool]]) -> None:
        assert await ask("a") is False
        assert await ask("a") is False

    looking(act, fail)
    assert "not known which sandboxes are up to date" in caplog.text


def test_what_is_up_to_date_is_answered_on_the_loop_and_the_rest_in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that was held has another look: much may have happened meanwhile."""
    monkeypatch.setattr(looks, "LONG", 60.0)
    seen: list[tuple[str, bool, str]] = []

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        call, thread = hosted(environ), threading.current_thread().name.rstrip("-0123456789")
        seen.append((environ["PATH_INFO"], call.up_to_date, thread))
        if environ["QUERY_STRING"]:
            call.sleep(0.001)
        start_response("200 OK", [("Content-Length", "0")])
        return []

    service = Service(app, up_to_date=lambda names: {"", "fresh"} & set(names))
    host = HostThread(service, listen("127.0.0.1", 0), Limits())
    with closing(host), closing(http.client.HTTPConnection(*host.address, timeout=30)) as connection:
        for method, path in (
            ("GET", "/x"),
            ("GET", "/sandbox/fresh/x?held"),
            ("GET", "/sandbox/stale/x"),
            ("POST", "/sandbox/fresh/x"),
        ):
            connection.request(method, path)
            assert connection.getresponse().read() == b""
    assert seen == [
        ("/x", True, "mocksrv-host"),
        ("/sandbox/fresh/x", True, "mocksrv-host"),
        ("/sandbox/fresh/x", True, "mocksrv-host"),
        ("/sandbox/stale/x", False, "mocksrv-call"),
        ("/sandbox/fresh/x", False, "mocksrv-call"),
    ]
