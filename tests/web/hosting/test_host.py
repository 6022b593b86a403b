"""The host speaks HTTP as clients expect it: kept connections, bodies, ends."""

from __future__ import annotations

import http.client
import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from mocksrv.engine.observers import Changes
from mocksrv.web.hosting.calls import LARGEST_BODY, hosted
from mocksrv.web.hosting.host import HostThread, Limits, Service
from mocksrv.web.hosting.hosting import listen
from mocksrv.web.hosting.stream import Stream


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Answers what it was asked."""
    body = environ["wsgi.input"].read()
    said = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}?{environ['QUERY_STRING']} {len(body)}".encode()
    start_response("200 OK", [("Content-Length", str(len(said))), ("X-Said", environ.get("HTTP_X_SAID", "-"))])
    return [said]


def parts(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
    """Answers in parts, of unknown number."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield from (b"one ", b"", b"two ", b"three")


def broken(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
    """Fails in the middle of its answer."""
    start_response("200 OK", [])
    yield b"one"
    raise RuntimeError("lost the thread")


def serving_thread(app: Any) -> HostThread:
    return HostThread(Service(app), listen("127.0.0.1", 0), Limits())


@pytest.fixture
def serve() -> Iterator[Callable[[Any], http.client.HTTPConnection]]:
    """A connection to a server of an application."""
    made: list[Any] = []

    def serving(app: Any) -> http.client.HTTPConnection:
        host = serving_thread(app)
        connection = http.client.HTTPConnection(*host.address, timeout=10)
        made.extend([host, connection])
        return connection

    yield serving
    for each in made:
        each.close()


def ask(connection: http.client.HTTPConnection, method: str, path: str, **more: Any) -> tuple[int, bytes]:
    connection.request(method, path, **more)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_one_connection_has_many_calls(serve: Callable[[Any], http.client.HTTPConnection]) -> None:
    connection = serve(echo)
    assert ask(connection, "GET", "/a%20b?c=%20") == (200, b"GET /a b?c=%20 0")
    first = connection.sock
    assert ask(connection, "PUT", "/x", body=b"12345") == (200, b"PUT /x? 5")
    assert ask(connection, "HEAD", "/x") == (200, b"")
    assert ask(connection, "PROPFIND", "/x") == (200, b"PROPFIND /x? 0")
    assert connection.sock is first is not None


def test_an_answer_of_unknown_length(serve: Callable[[Any], http.client.HTTPConnection]) -> None:
    connection = serve(parts)
    assert ask(connection, "GET", "/") == (200, b"one two three")
    assert ask(connection, "GET", "/") == (200, b"one two three")


def test_an_old_client_sees_the_end_of_an_answer(serve: Callable[[Any], http.client.HTTPConnection]) -> None:
    connection = serve(parts)
    with socket.create_connection((connection.host, connection.port), timeout=10) as old:
        old.sendall(b"GET / HTTP/1.0\r\n\r\n")
        head, _, body = b"".join(iter(lambda: old.recv(1000), b"")).partition(b"\r\n\r\n")
    assert body == b"one two three"
    assert b"Connection: close" in head


def test_a_body_in_chunks(serve: Callable[[Any], http.client.HTTPConnection]) -> None:
    connection = serve(echo)
    body = iter([b"123", b"4567", b"8"])
    assert ask(connection, "POST", "/x", body=body, encode_chunked=True) == (200, b"POST /x? 8")
    assert ask(connection, "GET", "/y") == (200, b"GET /y? 0")


def test_a_body_that_is_too_long_is_refused_by_the_application(
    serve: Callable[[Any], http.client.HTTPConnection],
) -> None:
    seen: list[str] = []

    def refuse(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        seen.append(environ["CONTENT_LENGTH"])
        start_response("413 Too Large", [("Content-Length", "0")])
        return []

    connection = serve(refuse)
    connection.request(
        "POST", "/x", body=io.BytesIO(b"x" * (LARGEST_BODY + 1)), headers={"Content-Length": str(LARGEST_BODY + 1)}
    )
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Connection"), seen) == (413, "close", [str(LARGEST_BODY + 1)])


def test_a_header_with_an_underscore_is_not_taken_for_another(
    serve: Callable[[Any], http.client.HTTPConnection],
) -> None:
    connection = serve(echo)
    connection.request("GET", "/", headers={"X_Said": "forged"})
    answer = connection.getresponse()
    assert answer.getheader("X-Said") == "-"


def test_an_answer_that_fails_half_way_is_a_500_in_json(
    serve: Callable[[Any], http.client.HTTPConnection], caplog: pytest.LogCaptureFixture
) -> None:
    connection = serve(broken)
    status, body = ask(connection, "GET", "/")
    assert (status, json.loads(body)["status"]) == (500, 500)
    assert "GET / failed" in caplog.text
    assert ask(connection, "GET", "/")[0] == 500


def test_an_unknown_method_is_refused(serve: Callable[[Any], http.client.HTTPConnection]) -> None:
    assert ask(serve(echo), "BREW", "/x")[0] == 501


def test_close_ends_idle_connections_and_frees_the_port() -> None:
    host = serving_thread(echo)
    with closing(http.client.HTTPConnection(*host.address, timeout=10)) as connection:
        assert ask(connection, "GET", "/")[0] == 200
        assert connection.sock is not None
        host.close()
        assert connection.sock.recv(1) == b""
    listen(*host.address).close()


def test_close_lets_a_call_end() -> None:
    entered, leave = threading.Event(), threading.Event()
    ended: list[bool] = []

    def slow(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        entered.set()
        ended.append(leave.wait(10))
        start_response("204 No Content", [])
        return []

    host = serving_thread(slow)
    with closing(http.client.HTTPConnection(*host.address, timeout=10)) as connection:
        connection.request("GET", "/")
        assert entered.wait(10)
        threading.Timer(0.05, leave.set).start()
        host.close()
    assert ended == [True]


def test_close_tells_the_client_of_a_call_that_does_not_end() -> None:
    entered, leave = threading.Event(), threading.Event()

    def hangs(_: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        entered.set()
        leave.wait(10)
        start_response("204 No Content", [])
        return []

    host = serving_thread(hangs)
    with closing(http.client.HTTPConnection(*host.address, timeout=10)) as connection:
        connection.request("POST", "/")
        assert entered.wait(10)
        host.close()
        leave.set()
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Connection")) == (503, "close")
        assert json.load(answer)["detail"].startswith("the server has ended")


def test_close_lets_calls_that_wait_be_answered() -> None:
    """A call that waits for a change is run again at once, one that waits for a thread that is busy is late."""
    come, leave, changes = threading.Semaphore(0), threading.Event(), Changes()

    def waits(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        call = hosted(environ)
        call.once("come", come.release)
        if environ["PATH_INFO"] == "/change" and not call.ending:
            call.wait(changes.watch("default"), time.monotonic() + 60)
        if environ["PATH_INFO"] == "/thread":
            call.take_long(time.monotonic() + 60)
            if not call.late:
                leave.wait(10)
        start_response("200 OK", [("Content-Length", "1")])
        return [b"1" if call.late else b"0"]

    host = HostThread(Service(waits), listen("127.0.0.1", 0), Limits(threads=2))
    asked = [http.client.HTTPConnection(*host.address, timeout=10) for _ in range(3)]
    for connection, path in zip(asked, ("/thread", "/change", "/thread"), strict=True):
        connection.request("GET", path)
        assert come.acquire(timeout=10)
    leaving = threading.Timer(0.05, leave.set)
    leaving.start()
    host.close()
    assert sorted(connection.getresponse().read() for connection in asked) == [b"0", b"0", b"1"]
    for connection in asked:
        connection.close()
    leaving.join()


def test_a_stream_goes_on_until_one_side_ends_it(serve: Callable[[Any], http.client.HTTPConnection]) -> None:
    streams: list[Stream] = []
    closed = threading.Event()
    before = {*threading.enumerate()}  # other tests' servers may still be there

    def events(environ: dict[str, Any], start_response: Callable[..., Any]) -> Stream:
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        streams.append(Stream(closed.set))
        streams[-1].send(b"data: early\n\n")
        return streams[-1]

    connection = serve(events)
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert answer.readline() == b"data: early\n"
    streams[0].send(b"data: later\n\n")
    assert [answer.readline() for _ in range(2)] == [b"\n", b"data: later\n"]
    assert not [each for each in {*threading.enumerate()} - before if each.name.startswith("mocksrv-call")]
    streams[0].close()
    assert answer.read() == b"\n"
    assert closed.wait(10)
    closed.clear()
    connection.request("GET", "/")  # the connection goes on
    assert connection.getresponse().readline() == b"data: early\n"
    assert connection.sock is not None
    connection.sock.shutdown(socket.SHUT_RDWR)
    assert closed.wait(10)
    assert streams[1].closed
