"""Receivers that hang, or answer with far too much, harm nobody but themselves."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from mocksrv.engine.callbacks import dispatcher
from mocksrv.engine.callbacks.http1 import KEPT_HEAD
from mocksrv.engine.engine import Engine
from mocksrv.web.app import App
from tests.attacks.test_fairness import wait_until
from tests.conftest import MX, Receiver
from tests.engine.callbacks.receivers import posted

PING = {"event": "mx.member.updated"}


@contextmanager
def hanging() -> Iterator[str]:
    """A receiver that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


# in other sandboxes


@pytest.mark.slow
def test_hung_endpoints_of_one_sandbox_delay_no_other(
    make_server: Callable[..., tuple[Engine, App]], receiver: Receiver
) -> None:
    _, app = make_server(clock="real")
    with hanging() as url:
        stuck, other = MX(app, "stuck"), MX(app, "other")
        stuck.control("PUT", "/endpoints", {"endpoints": [{"url": f"{url}/{number}"} for number in range(500)]})
        other.control("PUT", "/endpoints", {"endpoints": [{"url": receiver.url}]})
        stuck.control("POST", "/trigger", PING)
        wait_until(lambda: threading.active_count() > dispatcher.SHARE)
        used = time.process_time()
        other.control("POST", "/trigger", PING)
        wait_until(lambda: bool(receiver.received))
        assert time.process_time() - used < 0.05  # of this process, whatever else the machine does
        assert stuck.control("GET", "/webhooks?limit=1")["webhooks"][0]["deliveries"][0]["attempts"] == []


def test_the_queues_of_a_sandbox_take_turns(
    make_server: Callable[..., tuple[Engine, App]], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "SHARE", 1)
    monkeypatch.setattr(dispatcher, "BATCH", 1)
    _, app = make_server()
    mx = MX(app)
    mx.control("PUT", "/endpoints", {"endpoints": [{"url": f"{receiver.url}/{name}"} for name in "abc"]})
    with_events = [mx.control("POST", "/trigger", PING)["webhooks"][0]["id"] for _ in range(4)]
    mx.advance("0s")
    assert len(receiver.received) == 3 * len(with_events)
    for name in "abc":
        own = [each for each in receiver.received if each["path"].endswith(name)]
        assert len(own) == len(with_events)


# answers


def test_what_a_body_unpacks_to_is_not_looked_at() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
    answer = posted(head.encode() + bomb)
    assert (answer.status, answer.error) == (200, None)
    assert len(answer.body) <= KEPT_HEAD


def test_a_body_that_is_no_gzip_is_an_answer() -> None:
    answer = posted(b"HTTP/1.1 202 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain")
    assert (answer.status, answer.body) == (202, "plain")


def test_heads_are_kept_up_to_4_kb() -> None:
    many = "".join(f"X-{number}: {'v' * 500}\r\n" for number in range(50))
    answer = posted(f"HTTP/1.1 200 OK\r\n{many}Content-Length: 0\r\n\r\n".encode())
    assert answer.status == 200
    assert answer.headers["X-0"] == "v" * 500
    assert sum(len(name) + len(value) for name, value in answer.headers.items()) <= KEPT_HEAD


def test_what_comes_before_the_answer_is_skipped() -> None:
    early = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
    answer = posted(f"HTTP/1.1 100 Continue\r\n\r\n{early}{early}HTTP/1.1 204 No Content\r\n\r\n".encode())
    assert (answer.status, answer.headers) == (204, {})


def test_endless_interim_answers_end() -> None:
    answer = posted(b"HTTP/1.1 102 Processing\r\n\r\n" * 1000)
    assert answer.status is None
    assert answer.error is not None
    assert "interim" in answer.error
