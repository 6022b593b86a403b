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
from functools import lru_cache
from http.client import HTTPException
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from mocksrv.engine.callbacks.addresses import Itself, forbidden, is_allowed, is_local, to_itself
from mocksrv.engine.callbacks.credentials import Tls
from mocksrv.engine.callbacks.http1 import NO_RESPONSE, HttpConnection, left, request

TIME_OUT = 5.0  # seconds of real time that a callback gets
PEM = "-----BEGIN"
NOWHERE = Itself(0)
KEPT_BODY = 4096  # bytes of an answer that are kept
MOST_ORIGINS, MOST_OF_ONE = 200, 64  # to which connections are kept, and how many
PORTS = {"http": 80, "https": 443}
IN_PATH, IN_QUERY = "!$&'()*+,;=:@/%", "!$&'()*+,;=:@/%?"  # what stays as it stands, beside letters and digits


class Answer(NamedTuple):
    """What came of an attempt: the answer's status, head and beginning, or the error; real milliseconds."""

    status: int | None
    error: str | None
    duration_ms: float
    headers: Mapping[str, str]
    body: str


class Origin(NamedTuple):
    """What connections are made to; ``tls``: with certificates of the endpoint's own."""

    scheme: str
    host: str
    port: int
    tls: Tls | None


def connect_locally(host: str, port: int, allowed: Sequence[str], itself: Itself, end: float) -> socket.socket:
    """A connection to the first address of the host that answers before the monotonic moment ``end``. Raises OSError,
    also for an address callbacks may not go to.
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
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(left(end))
            connection.connect(address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
        except OSError as error:
            connection.close()
            failure = error
    raise failure


class Transport:
    """Sends callbacks. ``allowed`` are patterns of host names beyond the local networks; never ``itself``."""

    def __init__(self, allowed: Sequence[str] = (), itself: Itself = NOWHERE) -> None:
        self._allowed = allowed
        self._itself = itself
        self._context = lru_cache(MOST_ORIGINS)(_context)
        self._lock = threading.Lock()
        self._kept: dict[Origin, list[HttpConnection]] = {}  # those that were used last come last
        self._closed = False

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
        end = time.monotonic() + TIME_OUT
        response, error = NO_RESPONSE, None
        try:
            origin, host, target = _target(url, tls)
            sent = request(target, host, headers, body)
            connection = self._take(origin) or self._connect(origin, end)
            response = connection.exchange(sent, most, end)
            if response.lasting:
                self._keep(origin, connection)
        except (HTTPException, OSError, ValueError) as failure:
            error = f"{type(failure).__name__}: {failure}"[:500]
        took = round((time.perf_counter() - started) * 1000, 3)
        return Answer(response.status, error, took, response.headers, response.body.decode("utf-8", "replace"))

    def close(self) -> None:
        """Closes the connections that are kept, and keeps none any more."""
        with self._lock:
            self._closed = True
            kept = [connection for each in self._kept.values() for connection in each]
            self._kept.clear()
        for connection in kept:
            connection.close()

    def _connect(self, origin: Origin, end: float) -> HttpConnection:
        """Raises OSError, also for certificates that cannot be used."""
        context = self._context(origin.tls or Tls()) if origin.scheme == "https" else None
        connection = connect_locally(origin.host, origin.port, self._allowed, self._itself, end)
        if context is None:
            return HttpConnection(connection)
        try:
            connection.settimeout(left(end))
            name = origin.host.rstrip(".").partition("%")[0]
            return HttpConnection(context.wrap_socket(connection, server_hostname=name))
        except BaseException:
            connection.close()
            raise

    def _take(self, origin: Origin) -> HttpConnection | None:
        """A connection that was kept and is open still."""
        while True:
            with self._lock:
                kept = self._kept.get(origin)
                if not kept:
                    return None
                connection = kept.pop()
            if connection.is_open():
                return connection
            connection.close()

    def _keep(self, origin: Origin, connection: HttpConnection) -> None:
        """For the next callback there; those to where nothing went for longest are closed."""
        surplus = [connection]
        with self._lock:
            if not self._closed:
                kept = self._kept[origin] = self._kept.pop(origin, [])
                kept.append(connection)
                surplus = kept[:-MOST_OF_ONE]
                del kept[:-MOST_OF_ONE]
                if len(self._kept) > MOST_ORIGINS:
                    surplus += self._kept.pop(next(iter(self._kept)))
        for each in surplus:
            each.close()


@lru_cache(1000)
def _target(url: str, tls: Tls | None) -> tuple[Origin, str, str]:
    """Where a request goes, what it says of the host, and the path with the query. Raises ValueError."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in PORTS or not host:
        raise ValueError("this is no URL of HTTP")  # which may hold a secret
    if not host.isascii():
        host = host.encode("idna").decode()
    port = parts.port or PORTS[parts.scheme]
    named = f"[{host}]" if ":" in host else host.rstrip(".")
    if port != PORTS[parts.scheme]:
        named += f":{port}"
    target = quote(parts.path or "/", IN_PATH) + (f"?{quote(parts.query, IN_QUERY)}" if parts.query else "")
    return Origin(parts.scheme, host, port, tls), named, target


def _context(tls: Tls) -> ssl.SSLContext:
    """What a connection with these certificates needs. Raises OSError, which says what cannot be used."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
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
