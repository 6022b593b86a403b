"""A WSGI application served by threads of this process: one for each connection.

It starts and stops within milliseconds, keeps connections, and needs neither fork nor signals, so it runs on every
system and inside of any program. It is made for tests on one machine, on the standard library's parser of requests: it
sets no bound to the number of connections, and a body is read whole before the application is called. `hosting.run`
serves what others can reach.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from mocksrv.web.hosting.hosting import KEEP_ALIVE, LONGEST_CLOSE

LONGEST_LINE = 65536  # bytes of a request's first line
MOST_READ = 2**24  # bytes of a body; the connection ends after a longer one
BODILESS = (204, 304)
log = logging.getLogger("mocksrv")


class ThreadHost:
    """Serves ``app`` on a socket that listens, from now until `close`."""

    def __init__(self, app: Any, listening: socket.socket) -> None:
        self.app = app
        self.address = listening.getsockname()
        self._listening = listening
        listening.setblocking(False)
        self._waker, self._woken = socket.socketpair()
        self._lock = threading.Lock()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._accepting = threading.Thread(target=self._accept, name="mocksrv-accept", daemon=True)
        self._accepting.start()

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listening, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while self._woken not in [key.fileobj for key, _ in selector.select()]:
                with contextlib.suppress(OSError):  # the client has left again, or no descriptor is free
                    self._open(*self._listening.accept())

    def _open(self, connection: socket.socket, client: Any) -> None:
        thread = threading.Thread(target=self._serve, args=(connection, client), name="mocksrv-serve", daemon=True)
        with self._lock:
            self._connections[connection] = thread
        thread.start()

    def _serve(self, connection: socket.socket, client: Any) -> None:
        try:
            Exchange(connection, client, self)  # type: ignore[arg-type]
        except OSError:
            pass  # the client has left, or the server is being closed
        finally:
            with self._lock:
                self._connections.pop(connection, None)
            connection.close()

    def close(self) -> None:
        """Ends all connections and gives the port back; calls that are being answered get a moment to end."""
        self._waker.close()
        self._accepting.join()
        self._woken.close()
        self._listening.close()
        with self._lock:
            left = list(self._connections.items())
        for connection, _ in left:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        deadline = time.monotonic() + LONGEST_CLOSE
        for _, thread in left:
            thread.join(max(0.0, deadline - time.monotonic()))


class Exchange(BaseHTTPRequestHandler):
    """The requests of one connection, one after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = KEEP_ALIVE
    server: ThreadHost  # type: ignore[assignment]

    def handle_one_request(self) -> None:
        try:
            self.raw_requestline = self.rfile.readline(LONGEST_LINE + 1)
        except TimeoutError:
            self.raw_requestline = b""
        self.requestline, self.request_version, self.command = "", "", ""
        if not self.raw_requestline:
            self.close_connection = True
        elif len(self.raw_requestline) > LONGEST_LINE:
            self.send_error(414)
        elif self.parse_request():
            try:
                body = self._body()
            except ValueError:
                self.close_connection = True
                self.send_error(400)
            else:
                Response(self).send(self.server.app, self._environ(body))

    def _body(self) -> bytes:
        """The request's body. Raises ValueError."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._chunks()
        text = self.headers.get("Content-Length", "0")
        if not re.fullmatch(r"\d{1,18}", text, re.ASCII):
            raise ValueError("no length")
        length = int(text)
        if length > MOST_READ:
            self.close_connection = True
        return self.rfile.read(min(length, MOST_READ))

    def _chunks(self) -> bytes:
        """A body that comes in chunks; it has a length for the application. Raises ValueError."""
        chunks: list[bytes] = []
        while size := int(self.rfile.readline(LONGEST_LINE).partition(b";")[0], 16):
            if size < 0 or sum(map(len, chunks)) + size > MOST_READ:
                raise ValueError("a chunk that is too long")
            chunks.append(self.rfile.read(size))
            self.rfile.readline(LONGEST_LINE)
        while self.rfile.readline(LONGEST_LINE).strip():
            pass  # trailers
        body = b"".join(chunks)
        del self.headers["Content-Length"]
        self.headers["Content-Length"] = str(len(body))
        return body

    def _environ(self, body: bytes) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        if not path.startswith("/"):
            path = urlsplit(path).path  # the form that proxies get
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "RAW_URI": self.path,
            "SERVER_NAME": self.server.address[0],
            "SERVER_PORT": str(self.server.address[1]),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "REMOTE_PORT": str(self.client_address[1]),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "mocksrv.socket": self.connection,
        }
        for name, value in self.headers.items():
            if "_" in name:
                continue  # it would be taken for the one with a dash
            key = name.upper().replace("-", "_")
            key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        return environ

    def log_message(self, *_: Any) -> None:
        """The journal has the calls."""


class Response:
    """The answer to one request."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._status = ""
        self._headers: list[tuple[str, str]] = []
        self._begun = False
        self._chunked = False

    def send(self, app: Any, environ: dict[str, Any]) -> None:
        """Calls the application and sends what it answers. Raises OSError when the client has left."""
        answer: Iterable[bytes] = app(environ, self._start)
        try:
            for part in answer:
                if part:
                    self._write(part)
            self._write(b"")
            if self._chunked:
                self._exchange.wfile.write(b"0\r\n\r\n")
        except OSError:
            raise
        except Exception:
            log.exception("%s %s failed while it was answered", self._exchange.command, self._exchange.path)
            self._exchange.close_connection = True
        finally:
            getattr(answer, "close", lambda: None)()

    def _start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        if exc_info and self._begun:
            raise exc_info[1].with_traceback(exc_info[2])
        self._status, self._headers = status, headers
        return self._write

    def _write(self, part: bytes) -> None:
        head = b"" if self._begun else self._head()
        silent = self._exchange.command == "HEAD"
        body = f"{len(part):x}\r\n".encode() + part + b"\r\n" if self._chunked and part else part
        self._exchange.wfile.write(head + (b"" if silent else body))

    def _head(self) -> bytes:
        """The status line and the headers, and how the end of the body is told."""
        self._begun = True
        exchange = self._exchange
        names = {name.lower() for name, _ in self._headers}
        headers = [*self._headers, ("Date", exchange.date_time_string())]
        if "content-length" not in names and int(self._status[:3]) not in BODILESS and exchange.command != "HEAD":
            self._chunked = exchange.request_version >= "HTTP/1.1"
            headers += [("Transfer-Encoding", "chunked")] if self._chunked else []
            exchange.close_connection |= not self._chunked
        if exchange.close_connection:
            headers.append(("Connection", "close"))
        lines = [f"HTTP/1.1 {self._status}", *(f"{name}: {value}" for name, value in headers), "", ""]
        return "\r\n".join(lines).encode("latin-1")
