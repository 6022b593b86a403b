"""The load generator: keep-alive connections over plain sockets, in processes of their own."""

import math
import re
import selectors
import socket
import time
from array import array
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

CONNECTIONS_PER_PROCESS = 16
PROCESSES = 2
WARM_UP = 0.3
ANSWER_LIMIT = 10.0
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
CLOSES = re.compile(rb"^HTTP/1\.0|\r\nconnection: *close", re.IGNORECASE)
CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass
class Load:
    """What came back: one latency in seconds per answer, the time it took, and answers that were not 200."""

    seconds: float = 0.0
    errors: int = 0
    latencies: array = field(default_factory=lambda: array("d"))

    def add(self, other: "Load") -> None:
        """Adds a later round of the same load."""
        self.seconds += other.seconds
        self.errors += other.errors
        self.latencies.extend(other.latencies)

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def percentile_ms(self, percent: float) -> float:
        """The latency, in milliseconds, that `percent` of the answers stayed within."""
        return percentile(self.latencies, percent) * 1000


def percentile(values: "array | list[float]", percent: float) -> float:
    """The value that `percent` of `values` do not exceed (nearest rank); 0 of none."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)] if ranked else 0.0


class Caller:
    """One keep-alive connection with one call under way."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        lines = [
            f"GET {target} HTTP/1.1",
            f"Host: {parts.netloc}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        self.request = "\r\n".join([*lines, "", ""]).encode()
        self.socket = socket.create_connection((parts.hostname or "", parts.port or 80))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.is_over = False  # the server closes after this answer

    def send(self) -> None:
        """Sends the call; its latency counts from here."""
        self.received = b""
        self.sent = time.monotonic()
        self.socket.sendall(self.request)

    def receive(self) -> bool:
        """Reads what has come in; True when the answer is complete."""
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionError("the server closed a keep-alive connection")
        self.received += piece
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end:
            return False
        self.is_over = CLOSES.search(head) is not None
        length = CONTENT_LENGTH.search(head)
        if length is not None:
            return len(body) >= int(length[1])
        if CHUNKED.search(head) is None:
            raise ConnectionError("an answer without a length")
        return body.endswith(b"0\r\n\r\n")


def run(pool: Executor, url: str, headers: Mapping[str, str], connections: int, seconds: float) -> Load:
    """Polls `url` over that many connections, each with one call under way, for `seconds` after a short warm-up.

    `pool` runs processes. Raises OSError when the server stops answering.
    """
    shares = [
        min(CONNECTIONS_PER_PROCESS, connections - first) for first in range(0, connections, CONNECTIONS_PER_PROCESS)
    ]
    start = time.monotonic() + WARM_UP
    parts = [pool.submit(poll, url, dict(headers), share, start, seconds) for share in shares]
    total = Load(seconds=seconds)
    for part in parts:
        total.add(part.result())
    return total


def poll(url: str, headers: dict[str, str], connections: int, start: float, seconds: float) -> Load:
    """One process' share: calls until `start + seconds` (time.monotonic), counting the calls sent after `start`."""
    load, end = Load(), start + seconds
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            caller = Caller(url, headers)
            selector.register(caller.socket, selectors.EVENT_READ, caller)
            caller.send()
        while selector.get_map():
            ready = selector.select(ANSWER_LIMIT)
            if not ready:
                raise TimeoutError(f"no answer within {ANSWER_LIMIT:g} s")
            for key, _ in ready:
                caller = key.data
                if not caller.receive():
                    continue
                now = time.monotonic()
                if start <= caller.sent and now <= end:
                    load.latencies.append(now - caller.sent)
                    load.errors += caller.received[8:12] != b" 200"
                if now < end and not caller.is_over:
                    caller.send()
                    continue
                selector.unregister(caller.socket)
                caller.socket.close()
                if now < end:  # a server that keeps no connection pays for each that it makes
                    caller = Caller(url, headers)
                    selector.register(caller.socket, selectors.EVENT_READ, caller)
                    caller.send()
    return load
