"""Two servers on one PostgreSQL: what one has answered, every call that begins afterwards at the other sees."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest

from mocksrv.engine.config import Config
from mocksrv.server import LocalServer
from mocksrv.web.hosting import looks
from tests import postgres
from tests.conftest import MX_HEADERS

pytestmark = postgres.needs_postgres
POLLERS = 8
CHANGES = 40
HEADERS = {**MX_HEADERS, "Authorization": "Basic YTpi", "Content-Type": "application/json"}


@pytest.fixture
def servers(request: pytest.FixtureRequest) -> Iterator[tuple[LocalServer, LocalServer]]:
    url = postgres.all_schemas().take()
    config = Config(database=url, port=0, sandbox_by=getattr(request, "param", "url"))
    with LocalServer(config) as one, LocalServer(config) as other:
        yield one, other
    postgres.all_schemas().give(url)


def client(server: LocalServer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    connection.request(method, path, None if body is None else json.dumps(body), HEADERS)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read() or "null")


def user(connection: http.client.HTTPConnection, sandbox: str = "") -> str:
    """The path of a new user."""
    made = ask(connection, "POST", f"{sandbox}/users", {"user": {"metadata": "0"}})[1]
    return f"{sandbox}/users/{made['user']['guid']}"


@pytest.mark.parametrize("servers", ["url", "client-id"], indirect=True)
def test_every_poll_sees_what_was_answered_before_it(servers: tuple[LocalServer, LocalServer]) -> None:
    one, other = servers
    answered = 0  # the number of the last change
    stale: list[tuple[int, int]] = []
    ended = threading.Event()
    with closing(client(one)) as writing:
        path = user(writing)

        def poll() -> None:
            with closing(client(other)) as polling:
                while not ended.is_set():
                    wanted = answered
                    found = int(ask(polling, "GET", path)[1]["user"]["metadata"])
                    if found < wanted:
                        stale.append((found, wanted))

        pollers = [threading.Thread(target=poll) for _ in range(POLLERS)]
        for poller in pollers:
            poller.start()
        for number in range(1, CHANGES + 1):
            assert ask(writing, "PUT", path, {"user": {"metadata": str(number)}})[0] == 200
            answered = number
        ended.set()
        for poller in pollers:
            poller.join()
    assert stale == []


def test_settings_hold_for_the_next_poll(servers: tuple[LocalServer, LocalServer]) -> None:
    with closing(client(servers[0])) as setting, closing(client(servers[1])) as polling:
        path = user(setting, "/sandbox/box")
        fault = {"on": "GET /users/*", "status": 418}
        for _ in range(5):
            assert [ask(polling, "GET", path)[0] for _ in range(3)] == [200] * 3
            assert ask(setting, "PUT", "/sandbox/box/_mocksrv/faults", {"faults": [fault]})[0] == 200
            assert ask(polling, "GET", path)[0] == 418
            assert ask(setting, "DELETE", "/sandbox/box/_mocksrv/faults")[0] in (200, 204)


def test_a_sandbox_that_was_dropped_is_gone_for_the_next_poll(servers: tuple[LocalServer, LocalServer]) -> None:
    with closing(client(servers[0])) as dropping, closing(client(servers[1])) as polling:
        path = user(dropping, "/sandbox/box")
        assert [ask(polling, "GET", path)[0] for _ in range(2)] == [200] * 2
        assert ask(dropping, "DELETE", "/sandbox/box/_mocksrv/sandbox")[0] in (200, 204)
        assert ask(polling, "GET", path)[0] == 404


def test_queries_that_take_long_keep_no_poll_waiting(
    servers: tuple[LocalServer, LocalServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each connection that calls may have is taken."""
    from mocksrv.engine.storage.postgres import MOST_CONNECTIONS

    monkeypatch.setattr(looks, "LONG", 60.0)
    server = servers[0]
    ended = threading.Event()
    asked = threading.Semaphore(0)

    def query() -> None:
        with server.engine.store.read() as tx:
            tx.sandboxes()
            asked.release()
            ended.wait(60)

    with closing(client(server)) as polling:
        path = user(polling)
        assert [ask(polling, "GET", path)[0] for _ in range(2)] == [200] * 2  # it is in memory now
        threads = [threading.Thread(target=query) for _ in range(MOST_CONNECTIONS)]
        for thread in threads:
            thread.start()
        try:
            for _ in threads:
                assert asked.acquire(timeout=30)
            assert [ask(polling, "GET", path)[0] for _ in range(20)] == [200] * 20
        finally:
            ended.set()
            for thread in threads:
                thread.join()
