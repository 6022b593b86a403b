"""Clients that are slow, silent, broken or greedy: they harm nobody but themselves."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from mocksrv.engine.config import Config
from mocksrv.server import LocalServer
from mocksrv.web.hosting.hosting import limits_of
from tests import postgres
from tests.attacks.test_fairness import wait_until
from tests.cli.running import MOCKSRV, environment
from tests.conftest import MX_HEADERS, Receiver
from tests.providers.finicity.client import PARTNER, Finicity

AUTH = "Authorization: Basic YW55OmtleQ=="
MX_HEAD = f"Accept: {MX_HEADERS['Accept']}\r\n{AUTH}"
POST = f"POST /users HTTP/1.1\r\nHost: x\r\n{MX_HEAD}\r\nContent-Type: application/json\r\n"
PARTS = {
    "silent": b"",
    "partial head": b"GET /users HTTP/1.1\r\nHost: x\r\nX-Sl",
    "partial body": f"{POST}Content-Length: 100\r\n\r\n{{".encode(),
    "partial chunk": f"{POST}Transfer-Encoding: chunked\r\n\r\n50\r\n{{".encode(),
}
EACH = 300  # connections of each kind
of_sqlite = postgres.of_sqlite("its calls on the event loop; those to a database server have threads")
ANSWERED = 0.1  # seconds within which the server must answer meanwhile


@contextmanager
def serving(threads: int = 32, **limits: Any) -> Iterator[LocalServer]:
    """A server in this process; ``limits`` are those of `Limits` that differ."""
    config = Config(port=0, clock="manual", threads=threads)
    with LocalServer(config, limits_of(config)._replace(**limits)) as server:
        yield server


def connect(server: LocalServer) -> socket.socket:
    return socket.create_connection((urlsplit(server.url).hostname, urlsplit(server.url).port), timeout=10)


def say(server: LocalServer, text: bytes) -> tuple[int, dict[str, str], bytes]:
    """What is answered to these bytes, until the server closes: status, headers by small name, body."""
    with connect(server) as connection:
        connection.sendall(text)
        return heard(connection)


def heard(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
    return int(line.split()[1]), headers, body


def health(server: LocalServer) -> float:
    """Seconds that an answer takes, on a connection of its own."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    connection.request("GET", "/_mocksrv/health")
    assert connection.getresponse().status == 200
    connection.close()
    return time.perf_counter() - began


def is_problem(answer: tuple[int, dict[str, str], bytes], status: int, says: str) -> None:
    """The answer is a problem document, and the last one on its connection."""
    got, headers, body = answer
    document = json.loads(body)
    assert (got, headers["content-type"], headers["connection"]) == (status, "application/problem+json", "close")
    assert (document["status"], headers["x-content-type-options"]) == (status, "nosniff")
    assert says in document["detail"]


@pytest.mark.slow
def test_half_open_connections_stop_nobody() -> None:
    with serving(read=60) as server, ExitStack() as stack:
        for part in PARTS.values():
            for _ in range(EACH):
                connection = stack.enter_context(connect(server))
                connection.sendall(part)
        times = sorted(health(server) for _ in range(20))
    assert times[len(times) // 2] < ANSWERED, times


def test_more_connections_than_there_is_room_for_push_out_the_longest_idle() -> None:
    with serving(connections=20) as server, ExitStack() as stack:
        first, *_ = [stack.enter_context(connect(server)) for _ in range(40)]
        assert health(server) < ANSWERED * 10
        assert first.recv(1) == b""


@pytest.mark.parametrize(
    ("kind", "place"), [("partial head", "head"), ("partial body", "body"), ("partial chunk", "body")]
)
def test_a_request_that_does_not_come_to_its_end_is_told_so(kind: str, place: str) -> None:
    with serving(read=0.2) as server:
        is_problem(say(server, PARTS[kind]), 408, f"the {place} of the request did not come within 0.2 s")


def test_a_body_that_drips_is_no_excuse() -> None:
    with serving(read=0.3) as server, connect(server) as connection:
        connection.sendall(PARTS["partial body"])
        ended = threading.Event()

        def drip() -> None:
            while not ended.wait(0.05):
                try:
                    connection.sendall(b" ")
                except OSError:
                    return

        dripping = threading.Thread(target=drip)
        dripping.start()
        began = time.monotonic()
        is_problem(heard(connection), 408, "the body of the request")
        assert time.monotonic() - began < 3
        ended.set()
        dripping.join()


def test_idle_connections_are_ended() -> None:
    with serving(keep_alive=0.2) as server, connect(server) as silent, connect(server) as used:
        used.sendall(f"GET /users HTTP/1.1\r\nHost: x\r\n{MX_HEAD}\r\n\r\n".encode())
        assert heard(used)[0] == 200
        assert silent.recv(1) == b""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", "the head of the request is not HTTP"),
        (b"GET / SPDY/9\r\n\r\n", "the head of the request is not HTTP"),
        (b"GET / HTTP/1.1\r\nHost x\r\n\r\n", "the head of the request is not HTTP"),
        (b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", "the head of the request is not HTTP"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "the head of the request is not HTTP"),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "the head of the request is not HTTP"),
        (
            b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            "the head of the request is not HTTP",
        ),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "the body of the request is not HTTP"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n", "the body of the request is not HTTP"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef", "the body of the request is not HTTP"),
        (
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\n",
            "the body of the request is not HTTP",
        ),
    ],
)
def test_what_is_not_http_is_refused_in_json(text: bytes, says: str) -> None:
    with serving() as server:
        is_problem(say(server, text), 400, says)
        assert health(server) < 5


@pytest.mark.parametrize(("line", "version"), [(b"GET /", "0.9"), (b"GET / HTTP/2.0", "2.0")])
def test_another_version_of_http_is_refused(line: bytes, version: str) -> None:
    with serving() as server:
        is_problem(say(server, line + b"\r\n\r\n"), 505, f"HTTP/{version} is not spoken here")


def test_a_head_that_does_not_end_is_refused() -> None:
    with serving() as server:
        line = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-Much: " + b"x" * 70_000
        is_problem(say(server, line), 431, "the head of the request is larger than 65,536 bytes")
        is_problem(say(server, b"GET /" + b"x" * 70_000), 431, "larger than 65,536 bytes")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_gets_its_413_though_the_client_sends_first(chunked: bool) -> None:
    size = 8 * 2**20
    body = b" " * size
    with serving() as server:
        if chunked:
            text = f"{POST}Transfer-Encoding: chunked\r\n\r\n{size:x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
        else:
            text = f"{POST}Content-Length: {size}\r\n\r\n".encode() + body
        status, headers, answer = say(server, text)
        assert (status, headers["connection"]) == (413, "close")
        assert json.loads(answer)


def test_a_client_that_asks_first_is_spared_the_body() -> None:
    head = f"{POST}Expect: 100-continue\r\n"
    with serving() as server:
        assert say(server, f"{head}Content-Length: {2**30}\r\n\r\n".encode())[0] == 413
        with connect(server) as connection:
            connection.sendall(f"{head}Connection: close\r\nContent-Length: 20\r\n\r\n".encode())
            assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(b'{"user": {"id": ""}}')
            assert heard(connection)[0] == 422


@pytest.mark.parametrize(
    ("call", "status"),
    [
        ("GET /users", 200),
        ("HEAD /users", 200),
        ("GET /users/USR-none", 404),
        ("GET /mono/v2/accounts", 401),
        ("GET /finicity/none", 404),
        ("GET /_mocksrv/health", 200),
        ("GET /_mocksrv/", 200),
        ("GET /_mocksrv/none", 404),
        ("DELETE /sandbox/mine/_mocksrv/sandbox", 204),
        ("GET /sandbox/a%20b/users", 400),
        ("BREW /users", 501),
    ],
)
def test_every_answer_forbids_to_guess_its_type(call: str, status: int) -> None:
    with serving() as server:
        got, headers, _ = say(
            server, f"{call} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{MX_HEAD}\r\n\r\n".encode()
        )
    assert (got, headers["x-content-type-options"]) == (status, "nosniff")


def test_an_answer_without_content_says_nothing_of_its_type() -> None:
    with serving() as server:
        status, headers, body = say(
            server,
            b"DELETE /sandbox/mine/_mocksrv/sandbox HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        )
    assert (status, body) == (204, b"")
    assert not {"content-type", "content-length"} & headers.keys()


def test_the_calls_of_one_sandbox_leave_room_for_others() -> None:
    """All calls of a greedy sandbox are delayed; they take no thread, and those that advance only their share."""
    with serving(threads=2) as server, ExitStack() as stack:
        fault = {"faults": [{"on": "POST /users", "delay": "30s"}]}
        ask(server, "PUT", "/sandbox/greedy/_mocksrv/faults", fault)
        for _ in range(50):
            connection = stack.enter_context(connect(server))
            connection.sendall(
                f"POST /sandbox/greedy/users HTTP/1.1\r\nHost: x\r\n{MX_HEAD}\r\nContent-Length: 2\r\n\r\n{{}}".encode()
            )
        began = time.monotonic()
        assert ask(server, "POST", "/users", {"user": {"id": "quick"}})["user"]["id"] == "quick"
        assert time.monotonic() - began < 5


@of_sqlite
def test_operations_that_take_long_leave_the_event_loop_to_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mocksrv.web.app.LONG_BUSY", 0.0)
    with serving() as server:
        threads: list[str] = []
        server.engine.observers.subscribe(lambda _: threads.append(threading.current_thread().name))
        ask(server, "GET", "/users")
        ask(server, "GET", "/users")
    assert threads == ["mocksrv-host", "mocksrv-call-1"]


@of_sqlite
def test_what_took_long_once_is_the_event_loops_again_when_the_same_call_is_short(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first look at a list counts it; those that follow do not."""
    with serving() as server:
        threads: list[str] = []
        server.engine.observers.subscribe(lambda _: threads.append(threading.current_thread().name))
        with monkeypatch.context() as patch:
            patch.setattr("mocksrv.web.app.LONG_BUSY", 0.0)
            ask(server, "GET", "/users?page=1")
        monkeypatch.setattr("mocksrv.web.app.LONG_BUSY", 60.0)
        for path in ("/users?page=2", "/users?page=1", "/users?page=2"):
            ask(server, "GET", path)
    assert threads == ["mocksrv-host", "mocksrv-call-1", "mocksrv-call-1", "mocksrv-host"]


def ask(server: LocalServer, method: str, path: str, body: Any = None) -> Any:
    """The JSON that a call is answered with."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=70)
    headers = {**MX_HEADERS, "Authorization": "Basic YW55OmtleQ==", "Content-Type": "application/json"}
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    answer = connection.getresponse()
    read = answer.read()
    connection.close()
    assert answer.status < 400, read
    return json.loads(read) if read else None


def test_held_calls_cost_no_thread_and_end_with_what_they_wait_for() -> None:
    with serving(threads=2) as server:
        answers: list[Any] = []

        def wait(number: int) -> None:
            answers.append(ask(server, "GET", f"/sandbox/s{number}/_mocksrv/requests?wait=20s"))

        waiting = [threading.Thread(target=wait, args=(number,)) for number in range(64)]
        for thread in waiting:
            thread.start()
        for number in range(64):
            ask(server, "GET", f"/sandbox/s{number}/users")
        for thread in waiting:
            thread.join(15)
        assert not any(thread.is_alive() for thread in waiting)
    assert [len(answer["requests"]) for answer in answers] == [1] * 64


def test_many_advances_wait_for_their_turn() -> None:
    with serving(threads=4) as server:
        reached: list[str] = []

        def advance(number: int) -> None:
            reached.append(ask(server, "POST", f"/sandbox/s{number}/_mocksrv/clock/advance", {"by": "1h"})["now"])

        advancing = [threading.Thread(target=advance, args=(number,)) for number in range(64)]
        for thread in advancing:
            thread.start()
        for thread in advancing:
            thread.join(30)
    assert len(reached) == 64


@contextmanager
def hanging() -> Iterator[str]:
    """The URL of an endpoint that takes callbacks and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/hook"


def advance(connection: http.client.HTTPConnection, sandbox: str, wait: str) -> None:
    body = json.dumps({"by": "1h", "wait": wait})
    headers = {"Content-Type": "application/json"}
    connection.request("POST", f"/sandbox/{sandbox}/_mocksrv/clock/advance", body, headers)


def test_an_advance_waits_for_a_place_no_longer_than_it_says_and_a_client_that_has_gone_gives_its_back() -> None:
    with serving(threads=2) as server, hanging() as url:  # one thread for what takes long
        ask(server, "PUT", "/sandbox/slow/_mocksrv/endpoints", {"endpoints": [{"url": url, "events": ["*"]}]})
        ask(server, "POST", "/sandbox/slow/users", {"user": {"id": "u"}})
        first, second, third = (http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60) for _ in range(3))
        advance(first, "slow", "60s")
        while server.engine.sandbox("slow").held is None:
            health(server)
        advance(second, "other", "200ms")
        refused = second.getresponse()
        assert (refused.status, refused.getheader("Retry-After")) == (503, "1")
        assert json.loads(refused.read())["detail"] == "too many sandboxes advance their time just now"
        advance(third, "other", "60s")
        began = time.monotonic()
        first.close()
        answer = third.getresponse()
        assert (answer.status, json.loads(answer.read()).get("complete", True)) == (200, True)
        assert time.monotonic() - began < 4  # a callback that hangs takes 5 s
        second.close()
        third.close()


def test_the_pings_of_one_sandbox_leave_room_for_others(receiver: Receiver) -> None:
    """Finicity's Connect calls wait for the app's webhook, which never answers here."""
    with serving(threads=4) as server, hanging() as url, ExitStack() as stack:
        finicity = Finicity(server.app, receiver, "slow")
        customer = finicity.customer()
        body = json.dumps({"partnerId": PARTNER, "customerId": customer, "webhook": url})
        for _ in range(8):
            connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
            stack.callback(connection.close)
            headers = {**finicity.headers, "Content-Type": "application/json"}
            connection.request("POST", "/sandbox/slow/finicity/connect/v2/generate", body, headers)
        threads = server._host._host.threads
        wait_until(lambda: threads._running["slow"] + len(threads._waiting.get("slow", ())) == 8)
        began = time.monotonic()
        assert ask(server, "POST", "/users", {"user": {"id": "quick"}})["user"]["id"] == "quick"
        assert time.monotonic() - began < 4  # a ping is given up after 5 s


@pytest.mark.skipif(os.name != "posix", reason="needs a pipe that can be full: run it on Linux or macOS")
@pytest.mark.slow
def test_a_pipe_that_nobody_reads_costs_lines_not_the_server() -> None:
    process = subprocess.Popen(
        [*MOCKSRV, "serve", "--port", "0"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    url = ""
    while "Ctrl-C" not in (line := process.stdout.readline()):
        assert line, "the server has ended"
        url = url or next((word for word in line.split() if word.startswith("http://")), "")
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        for _ in range(2000):  # at some 60 bytes a line, more than a pipe holds
            connection.request("GET", "/users?page=1&records_per_page=10", headers=MX_HEADERS)
            assert connection.getresponse().read()
    finally:
        process.terminate()
        assert process.wait(10) == 0
        process.communicate()
