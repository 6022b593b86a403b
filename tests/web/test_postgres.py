"""A server whose PostgreSQL is away for a while says so, loses nothing, and comes back by itself."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from mocksrv.web.app import App
from tests import postgres
from tests.conftest import MX, MX_HEADERS, Receiver

pytestmark = postgres.needs_postgres
PATIENCE = 20.0  # real seconds in which a server finds its database again


class Outage:
    """A database of its own, which can be away."""

    def __init__(self) -> None:
        self.name = f"outage_{os.getpid()}"
        self._run(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)", f"CREATE DATABASE {self.name}")
        self.url = f"{postgres.URL.rpartition('/')[0]}/{self.name}"

    def begin(self) -> None:
        """Ends all connections, and admits no other."""
        self._run(
            f"ALTER DATABASE {self.name} WITH ALLOW_CONNECTIONS false",
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.name}'",
        )

    def end(self) -> None:
        self._run(f"ALTER DATABASE {self.name} WITH ALLOW_CONNECTIONS true")

    def close(self) -> None:
        self._run(f"DROP DATABASE {self.name} WITH (FORCE)")

    def _run(self, *statements: str) -> None:
        with postgres.connected(postgres.URL) as connection:
            for statement in statements:
                connection.execute(statement)


@pytest.fixture(params=[Outage, postgres.Cluster], ids=["the database is away", "the server is killed"])
def outage(request: pytest.FixtureRequest) -> Iterator[Outage | postgres.Cluster]:
    made: Outage | postgres.Cluster = request.param()
    yield made
    made.close()


@pytest.fixture
def app(outage: Outage | postgres.Cluster, make_server: Callable[..., tuple[Any, App]], receiver: Receiver) -> App:
    return make_server(database=outage.url, webhook_url=receiver.url)[1]


def ask(app: App, method: str, path: str, body: Any = None) -> tuple[int, str | None]:
    """The status of an answer, and when to ask again."""
    answer = app.test_client().open(path, method=method, json=body, headers=MX_HEADERS, auth=("client", "key"))
    return answer.status_code, answer.headers.get("Retry-After")


@pytest.mark.slow
def test_calls_are_answered_503_meanwhile_and_all_goes_on_afterwards(
    outage: Outage | postgres.Cluster, app: App, receiver: Receiver
) -> None:
    mx = MX(app)
    user = mx.user()
    member = mx.create(user)["guid"]
    outage.begin()
    calls = [
        ("GET", f"/users/{user}/members/{member}/status", None),
        ("POST", "/users", {"user": {"metadata": "x"}}),
        ("GET", "/_mocksrv/webhooks", None),
        ("POST", "/_mocksrv/clock/advance", {"by": "1m"}),
    ]
    assert [ask(app, *call) for call in calls] == [(503, "1")] * len(calls)
    outage.end()
    end = time.monotonic() + PATIENCE
    while ask(app, *calls[0])[0] != 200:
        assert time.monotonic() < end
    mx.advance("1m")
    assert mx.status(user, member)["connection_status"] == "CONNECTED"
    told = [event for event in mx.control("GET", "/webhooks?limit=1000")["webhooks"] if event["deliveries"]]
    assert {delivery["state"] for event in told for delivery in event["deliveries"]} == {"delivered"}
    assert len(receiver.received) >= len(told)


@pytest.mark.slow
def test_what_was_answered_before_an_outage_is_there_afterwards(outage: Outage | postgres.Cluster, app: App) -> None:
    made: list[str] = []
    refused: list[tuple[int, str | None]] = []
    ended = threading.Event()

    def create(client: int) -> None:
        for number in count():
            if ended.is_set():
                return
            id = f"u-{client}-{number}"
            status, after = ask(app, "POST", "/users", {"user": {"id": id}})
            if status == 200:
                made.append(id)
            else:
                refused.append((status, after))
                ended.wait(0.05)  # less than Retry-After says, so that the outage is met at every moment

    clients = [threading.Thread(target=create, args=(client,)) for client in range(4)]
    for client in clients:
        client.start()
    _until(lambda: len(made) > 20)
    outage.begin()
    _until(lambda: len(refused) > 4)
    outage.end()
    before = len(made)
    _until(lambda: len(made) > before + 20)
    ended.set()
    for client in clients:
        client.join()
    assert set(refused) == {(503, "1")}
    answer = app.test_client().get("/users?records_per_page=1000", headers=MX_HEADERS, auth=("client", "key"))
    assert set(made) <= {user["id"] for user in answer.get_json()["users"]}


def _until(found: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not found():
        assert time.monotonic() < end
        time.sleep(0.01)
