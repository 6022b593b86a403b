"""One HTTP request to a callback target, over kept connections; only to addresses that callbacks may go to.

The addresses are checked where the connection is made, after the name was resolved, so no DNS answer gets around it.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util import SKIP_HEADER

from mocksrv.engine.addresses import is_local

TIME_OUT = 5.0  # seconds of real time that a callback gets
KEPT_BODY = 4096  # bytes of an answer that are kept


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt: the answer's status, head and beginning, or the error; real milliseconds."""

    status: int | None
    error: str | None
    duration_ms: float
    headers: Mapping[str, str]
    body: str


def connect_locally(host: str, port: int, timeout: Any, allowed: Sequence[str]) -> socket.socket:
    """A connection to the first address of the host that answers. Raises OSError, also for an address callbacks may not go to."""
    free = any(fnmatchcase(host, pattern) for pattern in allowed)
    failure: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM):
        if not free and not is_local(str(address[0])):
            failure = OSError(f"callbacks do not go to {address[0]} ({host}); --allow-callbacks {host} allows it")
            continue
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(timeout)
            connection.connect(address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
        except OSError as error:
            connection.close()
            failure = error
    raise failure


class Transport:
    """Sends callbacks. ``allowed`` are patterns of host names beyond the local networks."""

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return connect_locally(self._dns_host, self.port or 80, self.timeout, allowed)

        class Secure(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return connect_locally(self._dns_host, self.port or 443, self.timeout, allowed)

        plain = type("PlainPool", (urllib3.HTTPConnectionPool,), {"ConnectionCls": Plain})
        secure = type("SecurePool", (urllib3.HTTPSConnectionPool,), {"ConnectionCls": Secure})
        self._pools = urllib3.PoolManager(num_pools=200, maxsize=1, timeout=urllib3.Timeout(TIME_OUT), retries=False)
        self._pools.pool_classes_by_scheme = {"http": plain, "https": secure}

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Sends one POST; redirects are not followed. Never raises for what the network does."""
        started = time.perf_counter()
        sent = {"accept-encoding": SKIP_HEADER, **headers}
        if not any(name.lower() == "user-agent" for name in headers):
            sent["user-agent"] = SKIP_HEADER
        try:
            response = self._pools.request("POST", url, body=body, headers=sent, redirect=False, preload_content=False)
            head = response.read(KEPT_BODY)
            if response.read(1):
                response.close()
            response.release_conn()
        except (HTTPError, OSError, ValueError) as error:
            return Answer(None, _reason(error), _since(started), {}, "")
        return Answer(response.status, None, _since(started), dict(response.headers), head.decode("utf-8", "replace"))


def _since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 3)


def _reason(error: Exception) -> str:
    """The innermost cause, in a line."""
    inner = next((arg for arg in error.args if isinstance(arg, Exception)), None) or error.__cause__
    if isinstance(inner, Exception):
        return _reason(inner)
    return f"{type(error).__name__}: {error}"[:500]
