"""One HTTP request to a callback target, over kept connections; only to addresses that callbacks may go to.

The addresses are checked where the connection is made, after the name was resolved, so no DNS answer gets around it.
"""

from __future__ import annotations

import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, parse_headers
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util import SKIP_HEADER

from mocksrv.engine.callbacks.addresses import Itself, forbidden, is_allowed, is_local, to_itself
from mocksrv.engine.callbacks.credentials import Tls

TIME_OUT = 5.0  # seconds of real time that a callback gets
PEM = "-----BEGIN"
NOWHERE = Itself(0)
KEPT_BODY = KEPT_HEAD = 4096  # bytes of an answer that are kept
MOST_INTERIM = 20  # answers before the answer
_attempt = threading.local()  # ``end``: the monotonic moment when the attempt of this thread has had its time


class FinalResponse(HTTPResponse):
    """Reads on to the answer itself, behind whatever a receiver says before it (103 and other 1xx)."""

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(MOST_INTERIM):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 100 <= status < 200 or status == HTTPStatus.SWITCHING_PROTOCOLS:
                return version, status, reason
            parse_headers(self.fp)
        raise HTTPException(f"more than {MOST_INTERIM} interim answers")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt: the answer's status, head and beginning, or the error; real milliseconds."""

    status: int | None
    error: str | None
    duration_ms: float
    headers: Mapping[str, str]
    body: str


def _left() -> float:
    """Seconds that the attempt of this thread still has. Raises TimeoutError."""
    left: float = getattr(_attempt, "end", float("inf")) - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return min(left, TIME_OUT)


class Timed(socket.socket):
    """A socket whose reads end with the attempt, however slowly the bytes come."""

    def recv_into(self, *args: Any, **options: Any) -> int:
        self.settimeout(_left())
        return super().recv_into(*args, **options)


class TimedTls(ssl.SSLSocket):
    """The same for what is read through TLS."""

    def recv_into(self, *args: Any, **options: Any) -> int:
        self.settimeout(_left())
        return super().recv_into(*args, **options)


def connect_locally(host: str, port: int, allowed: Sequence[str], itself: Itself) -> socket.socket:
    """A connection to the first address of the host that answers. Raises OSError, also for an address callbacks may not
    go to.
    """
    free = is_allowed(host, allowed)
    failure: OSError = OSError(f"{host} has no address")
    try:
        found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise OSError(f"{host} cannot be resolved: {error}") from None
    for family, kind, protocol, _, address in found:
        if itself.is_at(host, str(address[0]), port):
            failure = OSError(to_itself(host, port))
            continue
        if not free and not is_local(str(address[0])):
            failure = OSError(forbidden(host, str(address[0])))
            continue
        connection = Timed(family, kind, protocol)
        try:
            connection.settimeout(_left())
            connection.connect(address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
        except OSError as error:
            connection.close()
            failure = error
    raise failure


class AtOnce(HTTPConnection):
    """A connection that sends the head of a request and its body together: two packets cost twice, here and where they
    are received.
    """

    _pieces: list[bytes] | None = None

    def request(self, *args: Any, **options: Any) -> None:
        self._pieces = []
        try:
            super().request(*args, **options)
        finally:
            pieces, self._pieces = self._pieces, None
        self.send(b"".join(pieces))

    def send(self, data: Any) -> None:
        if self._pieces is None:
            super().send(data)
        else:
            self._pieces.append(data)


class Transport:
    """Sends callbacks. ``allowed`` are patterns of host names beyond the local networks; never ``itself``."""

    def __init__(self, allowed: Sequence[str] = (), itself: Itself = NOWHERE) -> None:
        usual = lru_cache(1)(lambda: _context(Tls()))  # for who has no certificates of the endpoint's own

        class Plain(AtOnce):
            response_class = FinalResponse

            def _new_conn(self) -> socket.socket:
                return connect_locally(self._dns_host, self.port or 80, allowed, itself)

        class Secure(AtOnce, HTTPSConnection):
            response_class = FinalResponse

            def _new_conn(self) -> socket.socket:
                return connect_locally(self._dns_host, self.port or 443, allowed, itself)

            def connect(self) -> None:
                self.ssl_context = self.ssl_context or usual()
                super().connect()

        plain = type("PlainPool", (urllib3.HTTPConnectionPool,), {"ConnectionCls": Plain})
        secure = type("SecurePool", (urllib3.HTTPSConnectionPool,), {"ConnectionCls": Secure})
        self._classes = {"http": plain, "https": secure}
        self._making = threading.Lock()
        self._pools: dict[Tls | None, urllib3.PoolManager] = {}

    def _pool(self, tls: Tls | None) -> urllib3.PoolManager:
        """The connections that show these certificates. Raises OSError (also ssl.SSLError) for certificates that cannot
        be used.
        """
        with self._making:
            pool = self._pools.get(tls)
            if pool is None:
                more: dict[str, Any] = {"ssl_context": _context(tls)} if tls else {}
                pool = urllib3.PoolManager(
                    num_pools=200, maxsize=64, timeout=urllib3.Timeout(TIME_OUT), retries=False, **more
                )
                pool.pool_classes_by_scheme = self._classes
                self._pools[tls] = pool
            return pool

    @staticmethod
    def unsent(reason: str) -> Answer:
        """An attempt that did not get as far as the receiver."""
        return Answer(None, reason, 0.0, {}, "")

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str], tls: Tls | None = None, *, most: int = KEPT_BODY
    ) -> Answer:
        """Sends one POST; redirects are not followed. ``tls``: certificates of the endpoint's own; ``most``: bytes of
        the answer to read.

        Never raises for what the network does, nor for certificates that cannot be used.
        """
        started = time.perf_counter()
        _attempt.end = time.monotonic() + TIME_OUT
        sent = {"accept-encoding": SKIP_HEADER, **headers}
        if not any(name.lower() == "user-agent" for name in headers):
            sent["user-agent"] = SKIP_HEADER
        try:
            scheme, host, port, target = _target(url)
            pool = self._pool(tls).connection_from_host(host, port, scheme)
            response = pool.urlopen("POST", target, body=body, headers=sent, redirect=False, preload_content=False)
        except (HTTPError, OSError, ValueError) as error:
            return Answer(None, _reason(error), _since(started), {}, "")
        head = b""
        try:
            head = response.read(most, decode_content=False)  # what it would unpack to is nobody's business
            if response.read(1, decode_content=False):
                response.close()
            response.release_conn()
        except (HTTPError, OSError):
            response.close()  # the status has been said, which is what counts
        return Answer(response.status, None, _since(started), _kept(response.headers), head.decode("utf-8", "replace"))


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    """The first headers of an answer, as many as are kept."""
    kept: dict[str, str] = {}
    left = KEPT_HEAD
    for name, value in headers.items():
        kept[name] = value[: max(0, left - len(name))]
        left -= len(name) + len(value)
        if left <= 0:
            break
    return kept


@lru_cache(1000)
def _target(url: str) -> tuple[str | None, str | None, int | None, str]:
    """Scheme, host, port and the rest of a URL, taken apart once. Raises ValueError (a LocationParseError)."""
    parts = urllib3.util.parse_url(url)
    return parts.scheme, parts.host, parts.port, parts.request_uri


def _context(tls: Tls) -> ssl.SSLContext:
    """What a connection with these certificates needs. Raises OSError, which says what cannot be used."""
    context = ssl.create_default_context()
    context.sslsocket_class = TimedTls
    if tls.ca:
        with _as_file(tls.ca) as ca, _told("ca"):
            context.load_verify_locations(ca)
    if tls.cert:
        with _as_file(tls.cert) as cert, _as_file(tls.key or tls.cert) as key, _told("cert and key"):
            context.load_cert_chain(
                cert, key, password=lambda: ""
            )  # without it the terminal is asked for the key's password
    return context


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Says in an error which certificate it is about, but neither what stands there instead of a file's name, which may
    be a secret, nor what there is at that place.
    """
    try:
        yield
    except (OSError, ValueError):
        raise OSError(f"auth: the {what} cannot be used") from None


@contextmanager
def _as_file(text: str) -> Iterator[str]:
    """The name of a file with a PEM text: Python reads keys from files only."""
    if PEM not in text:
        yield text
        return
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(text)
        file.flush()
        yield file.name


def _since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 3)


def _reason(error: Exception) -> str:
    """The innermost cause, in a line."""
    inner = next((arg for arg in error.args if isinstance(arg, Exception)), None) or error.__cause__
    if isinstance(inner, Exception):
        return _reason(inner)
    return f"{type(error).__name__}: {error}"[:500]
