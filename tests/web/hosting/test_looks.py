"""Calls wait together for what says whether this process knows the latest of their sandboxes, and for nothing else."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, suppress
from typing import Any

import pytest

from mocksrv.engine.storage.records import StoreUnavailable
from mocksrv.web.hosting import looks
from mocksrv.web.hosting.calls import hosted
from mocksrv.web.hosting.host import HostThread, Limits, Service
from mocksrv.web.hosting.hosting import listen
from mocksrv.web.hosting.looks import Looks


class Connection:
    """Says that the sandboxes of a look are up to date, as soon as it is let go."""

    def __init__(self, begun: asyncio.Semaphore) -> None:
        self.looks: list[set[str]] = []
        self.begun = begun
        self._here, self._there = socket.socketpair()

    def fileno(self) -> int:
        return self._here.fileno()

    def ask(self, names: Collection[str]) -> None:
        self.looks.append(set(names))
        self.begun.release()

    def let_go(self) -> None:
        self._there.send(b".")

    def answer(self) -> Collection[str]:
        if not self._here.recv(1):
            raise StoreUnavailable("lost")
        return self.looks[-1]

    def lose(self) -> None:
        self._there.close()

    def close(self) -> None:
        self._here.close()
        self._there.close()


class Database:
    """Makes ``connections``; ``begun`` counts the looks that were begun through them."""

    def __init__(self) -> None:
        self.connections: list[Connection] = []
        self.begun = asyncio.Semaphore(0)

    def connect(self) -> Connection:
        self.connections.append(Connection(self.begun))
        return self.connections[-1]


Ask = Callable[[str], asyncio.Future[bool]]


def looking(act: Callable[[Ask], Any], connect: Callable[[], looks.UpToDate]) -> None:
    """Runs ``act`` on a loop, with what asks for a look."""

    async def run() -> None:
        loop = asyncio.get_running_loop()

        def call_soon(then: Callable[[], object]) -> None:
            with suppress(RuntimeError):  # it has ended
                loop.call_soon_threadsafe(then)

        made = Looks(loop, call_soon, connect)

        def ask(sandbox: str) -> asyncio.Future[bool]:
            answer: asyncio.Future[bool] = loop.create_future()
            made.ask(sandbox, answer.set_result)
            return answer

        try:
            await asyncio.wait_for(act(ask), 30)
        finally:
            made.end()

    asyncio.run(run())


@pytest.fixture
def database() -> Iterator[Database]:
    made = Database()
    yield made
    for connection in made.connections:
        connection.close()


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "LONG", 60.0)


def test_calls_that_come_together_have_one_look_that_begins_after_them(database: Database) -> None:
    async def act(ask: Ask) -> None:
        first = [ask("a"), ask("b"), ask("a")]
        await database.begun.acquire()
        then = [ask("a"), ask("c")]  # the look that is under way may not know what they have to know
        database.connections[0].let_go()
        assert await asyncio.gather(*first) == [True] * 3
        await database.begun.acquire()
        assert not any(each.done() for each in then)
        database.connections[0].let_go()
        assert await asyncio.gather(*then) == [True] * 2

    looking(act, database.connect)
    assert [connection.looks for connection in database.connections] == [[{"a", "b"}, {"a", "c"}]]


def test_who_asks_while_others_are_answered_has_a_look_with_those_of_them_who_ask_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def act(ask: Ask) -> None:
        async def answered_and_asking_again() -> None:
            await first
            assert await ask("again")

        def answer() -> Collection[str]:
            if len(connection.looks) == 1:
                loop.call_soon(lambda: asked.append(ask("meanwhile")))
            return Connection.answer(connection)

        loop, asked = asyncio.get_running_loop(), []
        first = ask("first")
        again = asyncio.create_task(answered_and_asking_again())
        await database.begun.acquire()
        connection = database.connections[0]
        monkeypatch.setattr(connection, "answer", answer)
        connection.let_go()
        await database.begun.acquire()
        connection.let_go()
        await again
        assert await asked[0]

    looking(act, database.connect)
    assert database.connections[0].looks == [{"first"}, {"again", "meanwhile"}]


def test_a_look_that_takes_long_is_waited_for_by_nobody(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(ask: Ask) -> None:
        monkeypatch.setattr(looks, "LONG", 0.001)
        for _ in range(looks.MOST):
            while database.begun.locked():
                assert await ask("slow") is False  # its call looks for itself
            await database.begun.acquire()
        monkeypatch.setattr(looks, "LONG", 60.0)
        then = ask("then")  # when each connection is busy
        database.connections[0].let_go()  # with a look that nobody wants any more
        await database.begun.acquire()
        database.connections[0].let_go()
        assert await then is True

    looking(act, database.connect)
    assert [connection.looks for connection in database.connections] == [[{"slow"}, {"then"}], [{"slow"}]]


def test_after_a_connection_is_lost_its_calls_look_for_themselves_and_the_next_have_another(database: Database) -> None:
    async def act(ask: Ask) -> None:
        lost = ask("a")
        await database.begun.acquire()
        database.connections[0].lose()
        assert await lost is False
        then = ask("a")
        await database.begun.acquire()
        database.connections[1].let_go()
        assert await then is True

    looking(act, database.connect)


@pytest.mark.parametrize(("error", "told"), [(StoreUnavailable, False), (ValueError, True)])
def test_while_there_is_no_connection_calls_look_for_themselves(
    error: type[Exception], told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def connect() -> Connection:
        raise error("no connection")

    async def act(ask: Ask) -> None:
        assert await ask("a") is False
        assert await ask("a") is False

    looking(act, connect)
    assert ("not known which sandboxes are up to date" in caplog.text) is told


def test_a_look_is_of_a_bounded_number_of_sandboxes(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "MOST_SANDBOXES", 2)

    async def act(ask: Ask) -> None:
        asked = [ask(name) for name in "abcab"]
        for _ in range(2):
            await database.begun.acquire()
            database.connections[0].let_go()
        assert await asyncio.gather(*asked) == [True] * 5

    looking(act, database.connect)
    assert database.connections[0].looks == [{"a", "b"}, {"c"}]


def test_what_is_up_to_date_is_answered_on_the_loop_and_the_rest_in_threads() -> None:
    """A call that was held has another look: much may have happened meanwhile."""
    seen: list[tuple[str, bool, str]] = []

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        call, thread = hosted(environ), threading.current_thread().name.rstrip("-0123456789")
        seen.append((environ["PATH_INFO"], call.up_to_date, thread))
        if environ["QUERY_STRING"]:
            call.sleep(0.001)
        start_response("200 OK", [("Content-Length", "0")])
        return []

    class Fresh(Connection):
        def ask(self, names: Collection[str]) -> None:
            super().ask(names)
            self.let_go()

        def answer(self) -> Collection[str]:
            return {"", "fresh"} & set(super().answer())

    fresh = Fresh(asyncio.Semaphore(0))
    service = Service(app, up_to_date=lambda: fresh)
    host = HostThread(service, listen("127.0.0.1", 0), Limits())
    with closing(fresh), closing(host), closing(http.client.HTTPConnection(*host.address, timeout=30)) as connection:
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
