"""What is kept for many clients together is bounded: bodies that do not end, answers that nobody reads."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack

import pytest

from mocksrv.server import LocalServer
from tests.attacks.test_fairness import wait_until
from tests.attacks.test_hosting import POST, ask, connect, heard, serving

MEMORY = 2**20
PART = 2**18  # bytes: five times as much, less what each client may have, is too much
ASKED = b"GET /_mocksrv/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"


def held(server: LocalServer) -> int:
    """Bytes that are kept for clients beyond what each may have; no call tells it."""
    return server._host._host._held


def connections(server: LocalServer) -> int:
    return len(server._host._host._connections)


def begin(server: LocalServer) -> socket.socket:
    """A client that sends most of a body and waits."""
    client = connect(server)
    client.sendall(f"{POST}Content-Length: {PART + 100}\r\n\r\n".encode() + b" " * PART)
    return client


def test_bodies_that_do_not_end_give_way_to_others_the_oldest_first() -> None:
    with serving(memory=MEMORY, read=60) as server, ExitStack() as stack:
        clients = []
        for number in range(6):
            clients.append(stack.enter_context(begin(server)))
            wait_until(lambda n=number: held(server) > min(n + 1, 3) * (PART - 2**14))  # type: ignore[misc]
        for first in clients[:2]:
            status, headers, body = heard(first)
            assert (status, headers["retry-after"], headers["connection"]) == (503, "1", "close")
            assert "memory" in json.loads(body)["detail"]
        wait_until(lambda: held(server) <= MEMORY)
        user = {"user": {"id": "large", "metadata": "x" * PART}}
        assert ask(server, "POST", "/users", user)["user"]["id"] == "large"  # whoever sends all of it is served
        stack.close()
        wait_until(lambda: held(server) == 0)


def test_small_bodies_have_room_when_there_is_none() -> None:
    with serving(memory=0) as server:
        assert ask(server, "POST", "/users", {"user": {"id": "small"}})["user"]["id"] == "small"


@pytest.mark.slow
def test_answers_that_nobody_reads_give_way() -> None:
    """Clients ask for one document again and again and read nothing."""
    with serving(memory=PART) as server, ExitStack() as stack:
        clients = [stack.enter_context(connect(server)) for _ in range(8)]
        wait_until(lambda: connections(server) == len(clients))
        for client in clients:
            client.sendall(ASKED * 200)  # of which the system takes some megabytes
        wait_until(lambda: 0 < connections(server) < len(clients))
        wait_until(lambda: 0 < held(server) <= PART)
        stack.close()
        wait_until(lambda: held(server) == 0)
