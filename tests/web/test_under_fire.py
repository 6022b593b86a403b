"""Calls that meet: jobs and pages, faults and threads, answers that drip."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mocksrv.engine.callbacks.transport import Transport
from mocksrv.engine.engine import Engine
from mocksrv.engine.storage.queries import Tx
from mocksrv.web.app import App
from tests.conftest import MX, MX_HEADERS, Receiver
from tests.scenarios.connection import Connection

V2 = {"Accept": "application/json", "Accept-Version": "v20250224"}


@pytest.fixture
def connection(mx: MX, receiver: Receiver) -> Connection:
    return Connection(mx, receiver)


def ask_for(connection: Connection, products: list[str], password: str) -> str:
    body = {
        "data_request": {"products": products},
        "member": {"institution_code": "mxbank", "credentials": connection.mx.credentials(password=password)},
    }
    connection.watch(connection.mx.call("POST", f"/users/{connection.user}/members", body, headers=V2)["member"])
    return connection.member


def test_account_numbers_that_were_asked_for_come_also_after_a_challenge(connection: Connection) -> None:
    ask_for(connection, ["account_verification"], "challenge")
    connection.advance("2s")
    connection.answer("correct")
    lines = connection.advance("5s")
    assert connection.total("account_numbers") > 0
    assert any("VERIFICATION" in line for line in lines)


def test_a_window_uri_during_an_aggregation_changes_nothing_of_it(connection: Connection) -> None:
    connection.connect("oauth", oauth=True)
    connection.advance("4h")
    connection.call("aggregate")
    connection.mx.call("GET", f"{connection.path}/oauth_window_uri?skip_aggregation=true")
    before = connection.mx.status(connection.user, connection.member)["successfully_aggregated_at"]
    connection.advance("1m")
    assert connection.mx.status(connection.user, connection.member)["successfully_aggregated_at"] != before


def test_another_data_profile_brings_its_transactions(connection: Connection) -> None:
    connection.connect("connected", institution="mock_connected")
    connection.advance("1m")
    before = connection.total("transactions")
    connection.script("connect: [{status: CREATED}, {after: 1s, status: CONNECTED, data: wealthy}]")
    connection.move("mine", "connect")
    connection.advance("1m")
    assert connection.total("transactions") > before + 100


def test_new_credentials_without_aggregation_are_in_the_timeline(connection: Connection) -> None:
    connection.connect("connected")
    connection.advance("1m")
    body = {"member": {"credentials": connection.mx.credentials(password="other"), "skip_aggregation": True}}
    connection.mx.call("PUT", connection.path, body)
    assert connection.statuses()[-1] == "UPDATED"


def test_a_scenario_that_is_gone_stops_the_play_of_who_polls(
    make_server: Any, receiver: Receiver, tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "name: mine\nprovider: mx\nflows:\n  connect: [{status: CREATED}, {after: 2 polls, status: CONNECTED}]\n"
    )
    engine, app = make_server(webhook_url=receiver.url, scenarios=(tmp_path,))
    connection = Connection(MX(app), receiver)
    connection.connect("mine")
    file.unlink()
    time.sleep(0.6)
    engine.library.refresh()
    for _ in range(3):
        connection.state()
    assert "idle" in connection.state()
    connection.call("aggregate")
    connection.advance("1m")
    assert connection.state().startswith("CONNECTED")


def test_secret_headers_of_an_endpoint_are_masked_in_attempts(mx: MX, receiver: Receiver) -> None:
    mx.control("PUT", "/endpoints", {"endpoints": [{"url": receiver.url, "headers": {"X-Api-Key": "hush"}}]})
    mx.create(mx.user())
    mx.advance("1m")
    (first, *_) = mx.control("GET", "/webhooks")["webhooks"]
    for hook in mx.control("GET", "/webhooks")["webhooks"]:
        assert "hush" not in str(mx.control("GET", f"/webhooks/{hook['id']}"))
    assert first


def test_a_fault_meets_as_many_calls_as_it_says_also_at_the_same_time(make_server: Any) -> None:
    engine, app = make_server()
    mx = MX(app)
    mx.control("PUT", "/faults", {"faults": [{"on": "GET /users", "status": 503, "times": 4}]})
    barrier = threading.Barrier(4)
    change, answers = engine.change, []

    def together(*args: Any) -> Any:
        with contextlib.suppress(threading.BrokenBarrierError):
            barrier.wait(1)
        return change(*args)

    engine.change = together  # type: ignore[method-assign]

    def call() -> None:
        answers.append(
            app.test_client()
            .get("/users", headers={"Accept": "application/vnd.mx.api.v1+json"}, auth=("a", "b"))
            .status_code
        )

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [503] * 4


def serve(script: Any) -> str:
    listening = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        while True:
            connection, _ = listening.accept()
            connection.recv(65536)
            threading.Thread(target=script, args=(connection,), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}/"


def drip(connection: socket.socket) -> None:
    for letter in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Slow: yes yes yes yes\r\n\r\n":
        try:
            connection.sendall(bytes([letter]))
        except OSError:
            return
        time.sleep(0.2)


@pytest.mark.slow
def test_a_callback_gets_five_seconds_however_the_answer_drips() -> None:
    started = time.monotonic()
    Transport().post(serve(drip), b"{}", {})
    assert time.monotonic() - started < 10  # the whole answer would take 12


@pytest.mark.slow
def test_a_success_whose_body_hangs_is_a_success() -> None:
    url = serve(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nthank"))
    assert Transport().post(url, b"{}", {}).status == 200


def test_a_play_is_the_same_again_wherever_the_callbacks_go(make_server: Any) -> None:
    def ranks(url: str) -> list[int]:
        engine, app = make_server(webhook_url=url)
        mx = MX(app)
        mx.create(mx.user(), headers={"X-Mocksrv-Scenario": "messy-webhooks"})
        mx.advance("1m")
        with engine.store.read() as tx:
            return [row[0] for row in tx._rows("SELECT rank FROM delivery ORDER BY seq")]

    assert ranks("http://127.0.0.1:9/a") == ranks("http://127.0.0.1:19/a")


def test_a_slow_disk_makes_changes_slow_and_loses_none(
    make_server: Callable[..., tuple[Engine, App]], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, app = make_server()
    write = engine.store.write

    @contextlib.contextmanager
    def slow() -> Iterator[Tx]:
        with write() as tx:
            yield tx
            threading.Event().wait(0.01)  # the commit comes after it

    def create(number: int) -> int:
        body = {"user": {"id": f"u-{number}"}}
        return app.test_client().post("/users", json=body, headers=MX_HEADERS, auth=("client", "key")).status_code

    monkeypatch.setattr(engine.store, "write", slow)
    with ThreadPoolExecutor(8) as clients:
        statuses = list(clients.map(create, range(24)))
    answer = app.test_client().get("/users?records_per_page=100", headers=MX_HEADERS, auth=("client", "key"))
    there = {user["id"] for user in answer.get_json()["users"]}
    assert set(statuses) <= {200, 503}
    assert there >= {f"u-{number}" for number, status in enumerate(statuses) if status == 200}
    assert 200 in statuses
