"""HTTP/1.1 as callbacks need it: how a request is written, how answers end, which connections are used again."""

from __future__ import annotations

import socket
import threading

import pytest

from mocksrv.engine.callbacks.http1 import request
from mocksrv.engine.callbacks.transport import Answer, Transport
from tests.engine.callbacks.receivers import answering, posted

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_a_request() -> None:
    headers = {"Content-Type": "application/json", "X-Own": "caf\xe9"}
    assert request("/hook?a=1", "localhost:80", headers, b"{}") == (
        b"POST /hook?a=1 HTTP/1.1\r\nHost: localhost:80\r\nContent-Length: 2\r\n"
        b"Content-Type: application/json\r\nX-Own: caf\xe9\r\n\r\n{}"
    )


def test_a_header_of_ones_own_says_what_the_host_is_but_not_where_the_body_ends() -> None:
    sent = request("/", "localhost", {"host": "app", "content-length": "7", "Transfer-Encoding": "chunked"}, b"{}")
    assert sent == b"POST / HTTP/1.1\r\nContent-Length: 2\r\nhost: app\r\n\r\n{}"


@pytest.mark.parametrize("value", ["a\r\nX-More: b", "a\nb", "a\0", "\u20ac"])
def test_a_header_that_cannot_be_sent(value: str) -> None:
    answer = Transport().post("http://127.0.0.1:9/", b"{}", {"X-Own": value})
    assert (answer.status, (answer.error or "").startswith(("ValueError", "UnicodeEncodeError"))) == (None, True)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://127.0.0.1:{}", "/"),
        ("http://127.0.0.1:{}/a%20b/c d?x=ä&y=%41#part", "/a%20b/c%20d?x=%C3%A4&y=%41"),
        ("http://user:secret@127.0.0.1:{}/?a=/?:@", "/?a=/?:@"),
    ],
)
def test_what_is_asked_for(url: str, target: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        sender = threading.Thread(target=Transport().post, args=(url.format(port), b"{}", {}))
        sender.start()
        connection, _ = listening.accept()
        with connection:
            first, host, *_ = connection.recv(65_536).decode().split("\r\n")
            connection.sendall(OK)
        sender.join()
    assert (first, host) == (f"POST {target} HTTP/1.1", f"Host: 127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (OK, "ok"),
        (b"HTTP/1.1 200\nContent-Length: 2\n\nok", "ok"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", "until the end"),
        (CHUNKED + b"2\r\nto\r\n7;a=b\r\ngether!\r\n0\r\nX: y\r\n\r\n", "together!"),
        (CHUNKED + b"none\r\n", ""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nok", "ok"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nok", "ok"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut", "cut"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n" + b"x" * 90_000, "x" * 4096),
        (CHUNKED + b"15F90\r\n" + b"x" * 90_000, "x" * 4096),
    ],
)
def test_where_a_body_ends(answer: bytes, body: str) -> None:
    found = posted(answer)
    assert (found.status, found.error, found.body) == (200, None, body)


def test_headers_of_an_answer() -> None:
    answer = posted(b"HTTP/1.1 202 Taken\r\nX-Long: one\r\n\ttwo\r\nno header\r\nX-Empty:\r\nContent-Length: 0\r\n\r\n")
    assert answer.headers == {"X-Long": "one two", "X-Empty": "", "Content-Length": "0"}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", "RemoteDisconnected"),
        (b"HTTP/1.1 200 OK\r\nX-Half", "RemoteDisconnected"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "BadStatusLine"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, "HTTPException"),
    ],
)
def test_what_is_no_answer(answer: bytes, error: str) -> None:
    found = posted(answer)
    assert (found.status, (found.error or "").partition(":")[0]) == (None, error)


def test_a_connection_is_used_again() -> None:
    answers = [OK, CHUNKED + b"2\r\nok\r\n0\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n", OK]
    with answering(answers) as url:
        sender = Transport()
        assert [sender.post(url, b"{}", {}).status for _ in answers] == [200, 200, 204, 200]


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"HTTP/1.1 200 OK\r\n\r\nand what nobody asked for",
        OK.replace(b"\r\n", b"\r\nConnection: close\r\n", 1),
        OK.replace(b"1.1", b"1.0"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n" + b"x" * 90_000,
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ],
)
def test_a_connection_is_made_anew(answer: bytes) -> None:
    with answering([answer], [OK]) as url:
        sender = Transport()
        first, second = (sender.post(url, b"{}", {}) for _ in range(2))
    assert (first.error, second.status, second.body) == (None, 200, "ok")


def test_a_connection_that_was_closed_meanwhile_is_made_anew() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url, sender, answers = f"http://127.0.0.1:{listening.getsockname()[1]}/", Transport(), list[Answer]()
        for _ in range(2):
            thread = threading.Thread(target=lambda: answers.append(sender.post(url, b"{}", {})))
            thread.start()
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(OK)
                thread.join()
    assert [each.status for each in answers] == [200, 200]
