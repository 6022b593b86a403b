"""HTTP/1.1 on one connection: requests are read within their time, answered one after the other."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from httptools import HttpParserError, HttpParserInvalidMethodError, HttpParserUpgrade, HttpRequestParser

from mocksrv.web.hosting.answers import WsgiAnswer, head_of, refusal
from mocksrv.web.hosting.request import Request
from mocksrv.web.hosting.stream import MOST_BEHIND, MOST_WAITING, Dropped, Stream

if TYPE_CHECKING:
    from mocksrv.web.hosting.host import Host

VERSIONS = frozenset({"1.0", "1.1"})
LARGEST_HEAD = 2**16  # bytes of a request's line and headers
STATE_PATH = b"/_mocksrv/state"  # ends the path of the one call whose body may be as large as a sandbox
LARGEST_STATE = 2**26  # bytes of it
MOST_AHEAD = 16  # requests that a client may send before the first of them is answered
LARGEST_DISCARDED = 2**26  # bytes of a body that nobody reads: so many are taken so that the client reads its answer
LINGER = 2.0  # seconds that a client has to read the last answer
COPIED = 2**16  # bytes of a body that are copied behind its head, to be sent at once
STALLED = 60.0  # seconds in which a client must read what it asked for
FREE = 2**14  # bytes of requests and unread answers that each client may have kept; for more there must be room
RETRY = ("Retry-After", "1")
BROKEN_OFF = "the server has ended while this call ran: what it was to do may be done, or not"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection(asyncio.Protocol):
    """One client. ``deadline`` is the loop's time at which it has waited or kept others waiting for long enough,
    ``large_since`` that from which on more than `FREE` is kept for it; None: it is not.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._limits = host.limits
        self._parser = HttpRequestParser(self)
        self._request: Request | None = None  # whose head or body is being read
        self._head_size = 0  # bytes read while its head is not complete; 0: it has been read
        self._in_head = False
        self._version: str | None = None  # of HTTP, where it is another one
        self._ready: deque[Request] = deque()
        self._answered: Request | None = None  # the request that is being answered
        self._call: Any = None
        self._stream: Stream | None = None
        self._discarding = False  # the last answer is given, what comes is not read
        self._discarded = 0
        self._clogged = False  # the client does not read its answers
        self._ended = False  # the client sends nothing more
        self._held = 0  # bytes of its requests that are not answered yet, and of answers that it has not read
        self._unread = 0  # of these, those of answers
        self.large_since: float | None = None
        self.deadline = math.inf
        self.transport: asyncio.Transport = None  # type: ignore[assignment]
        self.client: tuple[str, int] = ("", 0)
        self.server: tuple[str, int] = ("", 0)
        self.scheme = "http"

    # asyncio's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.client = (transport.get_extra_info("peername") or ("", 0))[:2]
        self.server = (transport.get_extra_info("sockname") or ("", 0))[:2]
        self.scheme = "https" if transport.get_extra_info("sslcontext") else "http"
        self.deadline = self._host.now() + self._limits.keep_alive
        self._host.admit(self)

    def connection_lost(self, _: Exception | None) -> None:
        self.deadline = math.inf
        self._host.forget(self)
        self._hold(-self._held)
        self._lose()

    def data_received(self, data: bytes) -> None:
        if self._discarding:
            self._discarded += len(data)
            if self._discarded > LARGEST_DISCARDED:
                self.transport.abort()
            return
        if self._in_head or self._request is None:
            self._head_size += len(data)
        if self._answered is None and self._request is None:
            self.deadline = self._host.now() + self._limits.read
        try:
            self._feed(data)
        except HttpParserError as error:
            self._misread(error, data)
            return
        if self._version is not None:
            self._refuse(505, f"HTTP/{self._version} is not spoken here; HTTP/1.1 and HTTP/1.0 are")
            return
        if self._in_head and self._head_size > LARGEST_HEAD:
            self._refuse(431, f"the head of the request is larger than {LARGEST_HEAD:,} bytes")
            return
        if self._request is not None and self._request.too_large and self._request not in self._ready:
            self._ready.append(self._request)
        self._next()

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:  # to nothing that is spoken here: the request counts as any other
            if rest := data[upgrade.args[0] :]:
                self._feed(rest)

    def eof_received(self) -> bool:
        self._ended = True
        waits = self._stream is not None or (self._call is not None and self._call.is_waiting)
        if self._answered is None or waits:
            self._lose()
            return False
        return True  # it may still read its answer

    def pause_writing(self) -> None:
        self._clogged = True
        self._count_unread()
        if self._stream is None:
            self.deadline = self._host.now() + STALLED

    def resume_writing(self) -> None:
        self._clogged = False
        self._count_unread()
        if not self._discarding:
            self.deadline = math.inf if self._answered else self._host.now() + self._limits.keep_alive
            self._next()

    # the parser's calls

    def on_message_begin(self) -> None:
        self._request = Request()
        self._in_head = True

    def on_url(self, part: bytes) -> None:
        self._request.target += part  # type: ignore[union-attr]

    def on_header(self, name: bytes, value: bytes) -> None:
        self._request.headers.append((name, value))  # type: ignore[union-attr]

    def on_headers_complete(self) -> None:
        request = self._request
        assert request is not None
        request.method = self._parser.get_method().decode("latin-1")
        request.version = self._parser.get_http_version()
        if request.version not in VERSIONS:
            self._version = request.version
        request.keep_alive = self._parser.should_keep_alive()
        self._in_head = False
        self._head_size = 0
        if self._answered is None:
            self.deadline = self._host.now() + self._limits.read
        large = request.target.partition(b"?")[0].endswith(STATE_PATH)
        request.most = LARGEST_STATE if large else self._limits.body
        asks = False
        size = len(request.target)
        for name, value in request.headers:
            lower = name.lower()
            size += len(name) + len(value)
            if lower == b"content-length":
                request.too_large = int(value) > request.most
            elif lower == b"expect":
                asks = value.lower() == b"100-continue" and request.version == "1.1"
        request.held = size
        self._hold(size)
        if asks and not (request.too_large or self._answered or self._ready or self._discarding):
            self.transport.write(CONTINUE)

    def on_body(self, part: bytes) -> None:
        request = self._request
        assert request is not None
        if self._discarding:
            return
        request.size += len(part)
        if request.size > request.most:
            request.too_large = True
        if request.too_large:
            kept = sum(map(len, request.body))
            request.body.clear()
            request.held -= kept
            self._hold(-kept)
        else:
            request.body.append(part)
            request.held += len(part)
            self._hold(len(part))

    def on_message_complete(self) -> None:
        request, self._request = self._request, None
        assert request is not None
        if not request.too_large:
            self._ready.append(request)
            if len(self._ready) > MOST_AHEAD:
                self.transport.pause_reading()

    # what is kept for the client

    def _hold(self, size: int) -> None:
        """So many bytes more are kept, or fewer."""
        before = self._held
        self._held = now = before + size
        if now > FREE or before > FREE:
            self.large_since = None if now <= FREE else self.large_since or self._host.now()
            self._host.hold(max(0, now - FREE) - max(0, before - FREE))

    def _count_unread(self) -> None:
        before, self._unread = self._unread, self.transport.get_write_buffer_size()
        self._hold(self._unread - before)

    @property
    def can_give_way(self) -> bool:
        """Whether more than `FREE` is kept until the client sends or reads the rest."""
        return self.large_since is not None and (self._clogged or self._request is not None)

    def give_way(self) -> None:
        """There is no room for all that is kept for clients."""
        self._hold(-self._held)
        if self._request is not None:
            self._request.body.clear()
        if self._clogged:
            self.transport.abort()
        else:
            self._refuse(503, "bodies of other requests take all the memory that there is for them", RETRY)

    # answers

    def _next(self) -> None:
        """Has the next request answered."""
        if self._answered is not None or self._clogged or not self._ready or self._discarding:
            return
        request = self._answered = self._ready.popleft()
        if len(self._ready) <= MOST_AHEAD:
            self.transport.resume_reading()
        self.deadline = math.inf
        self._call = self._host.call(self, request)

    def answer(self, answer: WsgiAnswer) -> None:
        """Sends the answer to the request that is being answered."""
        request = self._answered
        if request is None or self.transport.is_closing():
            answer.close()
            return
        close = request.too_large or not request.keep_alive or self._host.ending or self._ended
        head = head_of(answer, request.version, self._host.date(), close=close)
        if isinstance(answer.body, Stream):
            self.transport.write(head)
            self._stream = answer.body
            self._stream.attach(StreamSink(self, self._host.loop, chunked=request.version == "1.1"))
            return
        body = b"" if request.method == "HEAD" else answer.body
        if len(body) > COPIED:
            self.transport.write(head)
            self.transport.write(body)
        else:
            self.transport.write(head + body)
        self._finish(close=close or (isinstance(answer.body, bytes) and answer.unbounded(request.version)))

    def _finish(self, *, close: bool) -> None:
        request, self._answered = self._answered, None
        self._call = self._stream = None
        if request is not None:
            self._hold(-request.held)
        if close:
            self._last(unread=request is not None and request.too_large)
            return
        if not self._clogged:
            now = self._host.now()
            waiting = self._request is not None or self._head_size
            self.deadline = now + (self._limits.read if waiting else self._limits.keep_alive)
        if self._ready:
            self._host.loop.call_soon(self._next)

    def _misread(self, error: HttpParserError, data: bytes) -> None:
        if isinstance(error, HttpParserInvalidMethodError) and data[:1].isalpha():
            self._refuse(501, "the method of the request is not known")
            return
        place = "body" if self._request is not None and not self._in_head else "head"
        self._refuse(400, f"the {place} of the request is not HTTP: {error}")

    def _refuse(self, status: int, why: str, *more: tuple[str, str]) -> None:
        """The last answer on this connection, to what is no request."""
        self._ready.clear()
        if self._answered is not None:
            self._lose()
            self.transport.abort()
            return
        line, headers, body = refusal(status, why)
        answer = WsgiAnswer(line, [*headers, *more], body)
        self.transport.write(head_of(answer, "1.1", self._host.date(), close=True) + body)
        self._last(unread=True)

    def _last(self, *, unread: bool) -> None:
        """Nothing more is said; what the client still sends is let pass, else it would not read the answer."""
        self._discarding = True
        if not unread:
            self.transport.close()
            return
        self.transport.resume_reading()
        self.deadline = self._host.now() + self._limits.read
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.deadline = self._host.now() + LINGER

    def expire(self) -> None:
        """The deadline has passed."""
        if self._discarding or self._clogged:
            self.transport.abort()
        elif self._request is not None or self._head_size:
            place = "head" if self._in_head or self._request is None else "body"
            self._refuse(408, f"the {place} of the request did not come within {self._limits.read:g} s")
        else:
            self.transport.close()

    # ends

    @property
    def is_idle(self) -> bool:
        """Whether no request of it is being answered."""
        return self._answered is None

    def _lose(self) -> None:
        """The client has gone, or is let go."""
        call, self._call = self._call, None
        stream, self._stream = self._stream, None
        if call is not None:
            call.lose()
        if stream is not None:
            stream.close()

    def wind_up(self) -> None:
        """The host ends: what waits is answered at once, and what is being answered goes on for a moment."""
        stream = self._stream
        if stream is not None:
            stream.close()
        elif self._answered is None:
            self._lose()
            self.transport.close()
        elif self._call is not None:
            self._call.hurry()

    def break_off(self) -> None:
        """The host has ended: the client of a call that still runs is told so."""
        if self._answered is not None and self._stream is None:
            self.answer(WsgiAnswer(*refusal(503, BROKEN_OFF)))
        else:
            self.transport.abort()

    def drop(self) -> None:
        """Ends the connection at once."""
        self._answered = None
        self.transport.abort()

    def end_stream(self, *, chunked: bool) -> None:
        if self._stream is not None and not self.transport.is_closing():
            if chunked:
                self.transport.write(b"0\r\n\r\n")
            close = not chunked or self._host.ending or not (self._answered and self._answered.keep_alive)
            self._finish(close=close)

    def send_part(self, part: bytes, dropped: Dropped | None, *, chunked: bool) -> None:
        if self._stream is None or self.transport.is_closing():
            return
        if dropped is not None and self.transport.get_write_buffer_size() > MOST_BEHIND:
            dropped()
            return
        if self.transport.get_write_buffer_size() > MOST_WAITING:
            self.transport.abort()  # it does not keep up
            return
        self.transport.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
        if self._clogged:
            self._count_unread()


class StreamSink:
    """The parts of a stream, from whatever thread they come."""

    def __init__(self, connection: Connection, loop: asyncio.AbstractEventLoop, *, chunked: bool) -> None:
        self._connection = connection
        self._loop = loop
        self._chunked = chunked

    def write(self, part: bytes, dropped: Dropped | None) -> None:
        self._soon(lambda: self._connection.send_part(part, dropped, chunked=self._chunked))

    def end(self) -> None:
        self._soon(lambda: self._connection.end_stream(chunked=self._chunked))

    def _soon(self, send: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the host has ended
            self._loop.call_soon_threadsafe(send)
