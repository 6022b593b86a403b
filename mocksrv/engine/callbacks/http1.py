"""HTTP/1.1 (RFC 9112) as far as callbacks need it: a POST over a kept connection, and the beginning of its answer.

A client for every purpose takes several times as long for each request.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from http.client import BadStatusLine, HTTPException, RemoteDisconnected
from typing import NamedTuple

PIECE = 8192  # bytes that are read at once
LONGEST_HEAD, KEPT_HEAD = 64 * 1024, 4096  # bytes that are read, and that are kept
MOST_INTERIM = 20  # answers before the answer
END_OF_HEAD, END_OF_LINE = re.compile(rb"\r?\n\r?\n"), re.compile(rb"\r?\n")
FOLD = re.compile(r"\r?\n[ \t]+")  # in the value of a header
STATUS_LINE = re.compile(r"HTTP/1\.([01]) +(\d{3})\b")
LENGTH = re.compile(r"[0-9]{1,15}")
CHUNK = re.compile(rb"[0-9A-Fa-f]{1,15}(?=[ \t;]|\Z)")
BROKEN = re.compile(r"[\0\r\n]")  # would end a header
FRAMING = frozenset({"content-length", "transfer-encoding"})
WITHOUT_BODY = frozenset({HTTPStatus.SWITCHING_PROTOCOLS, HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
NOTHING_YET = (BlockingIOError, ssl.SSLWantReadError)


class HttpResponse(NamedTuple):
    """The answer: its status, head and the beginning of its body as that is sent. ``lasting``: another request can
    follow.
    """

    status: int | None
    headers: Mapping[str, str]
    body: bytes
    lasting: bool


class Head(NamedTuple):
    """Of an answer: of the headers as many as are kept; in ``fields`` all, by their names in small letters."""

    version: str
    status: int
    headers: Mapping[str, str]
    fields: Mapping[str, str]


NO_RESPONSE = HttpResponse(None, {}, b"", lasting=False)


def request(target: str, host: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """A POST, in one piece: two packets cost twice, here and where they are received. What says where the body ends is
    no header's business. Raises ValueError for a header that cannot be sent.
    """
    names = {name.lower() for name in headers}
    lines = [f"POST {target} HTTP/1.1"]
    if "host" not in names:
        lines.append(f"Host: {host}")
    lines.append(f"Content-Length: {len(body)}")
    for name, value in headers.items():
        if BROKEN.search(name) or BROKEN.search(value):
            raise ValueError(f"the header {name!r} cannot be sent")
        if not (names & FRAMING and name.lower() in FRAMING):
            lines.append(f"{name}: {value}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


class HttpConnection:
    """A connection to a receiver, for one request at a time. ``end`` is the monotonic moment when an attempt has had
    its time, however slowly the bytes come: TimeoutError. Raises OSError, HTTPException.
    """

    def __init__(self, to: socket.socket) -> None:
        self._socket = to
        self._held = b""  # what has come and was not read yet

    def is_open(self) -> bool:
        """Whether another request can be sent."""
        try:
            self._socket.settimeout(0)
            self._socket.recv(1)  # its end, or what nobody has asked for
        except NOTHING_YET:
            return not self._held
        except OSError:
            pass
        return False

    def close(self) -> None:
        self._socket.close()

    def exchange(self, request: bytes, most: int, end: float) -> HttpResponse:
        """Sends a request, reads its answer (``most`` bytes of the body), and closes the connection unless it lasts."""
        lasting = False
        try:
            self._socket.settimeout(left(end))
            with suppress(BrokenPipeError):  # it does not want to hear more, and may have said why
                self._socket.sendall(request)
            head = self._head(end)
            body, whole = b"", False
            with suppress(HTTPException, OSError):  # the status has been said, which is what counts
                body, whole = self._body(head, most, end)
            stays = head.version == "1" and "close" not in head.fields.get("connection", "").lower()
            lasting = whole and stays and head.status != HTTPStatus.SWITCHING_PROTOCOLS
            return HttpResponse(head.status, head.headers, body, lasting)
        finally:
            if not lasting:
                self.close()

    def _head(self, end: float) -> Head:
        """The head of the answer, behind whatever a receiver says before it (103 and other 1xx)."""
        for _ in range(MOST_INTERIM):
            head = _parsed(self._until(END_OF_HEAD, end).decode("latin-1"))
            if not 100 <= head.status < 200 or head.status == HTTPStatus.SWITCHING_PROTOCOLS:
                return head
        raise HTTPException(f"more than {MOST_INTERIM} interim answers")

    def _body(self, head: Head, most: int, end: float) -> tuple[bytes, bool]:
        """The beginning of the body, and whether that is all of it."""
        if head.status in WITHOUT_BODY:
            return b"", True
        if head.fields.get("transfer-encoding", "").lower().endswith("chunked"):
            return self._chunks(most, end)
        length = head.fields.get("content-length", "")
        if not LENGTH.fullmatch(length):
            return self._take(most, end), False  # it ends with the connection
        body = self._take(min(int(length), most), end)
        return body, len(body) == int(length)

    def _chunks(self, most: int, end: float) -> tuple[bytes, bool]:
        body = b""
        while size := self._chunk_size(end):
            piece = self._take(min(size, most - len(body)), end)
            body += piece
            if len(piece) < size:
                return body, False
            self._until(END_OF_LINE, end)
        while self._until(END_OF_LINE, end):
            pass  # trailers
        return body, True

    def _chunk_size(self, end: float) -> int:
        size = CHUNK.match(self._until(END_OF_LINE, end))
        if size is None:
            raise HTTPException("the size of a chunk is none")
        return int(size[0], 16)

    def _until(self, mark: re.Pattern[bytes], end: float) -> bytes:
        """What comes up to a mark, which is read, too."""
        while (found := mark.search(self._held)) is None:
            if len(self._held) > LONGEST_HEAD:
                raise HTTPException(f"the head of the answer is longer than {LONGEST_HEAD} bytes")
            if not self._more(end):
                raise RemoteDisconnected("Remote end closed connection without response")
        taken, self._held = self._held[: found.start()], self._held[found.end() :]
        return taken

    def _take(self, number: int, end: float) -> bytes:
        """So many bytes; fewer where the connection ends before."""
        while len(self._held) < number and self._more(end):
            pass
        taken, self._held = self._held[:number], self._held[number:]
        return taken

    def _more(self, end: float) -> bool:
        """Reads on; False at the end."""
        self._socket.settimeout(left(end))
        piece = self._socket.recv(PIECE)
        self._held += piece
        return bool(piece)


def left(end: float) -> float:
    """Seconds until a monotonic moment. Raises TimeoutError when there are none."""
    seconds = end - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("timed out")
    return seconds


def _parsed(text: str) -> Head:
    """Raises HTTPException."""
    first, *lines = FOLD.sub(" ", text).split("\n")
    status = STATUS_LINE.match(first)
    if status is None:
        raise BadStatusLine(first[:100])
    headers: dict[str, str] = {}
    fields: dict[str, str] = {}
    room = KEPT_HEAD
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            value = fields[name.lower()] = value.strip()
            if room > 0:
                headers[name] = value[: max(0, room - len(name))]
                room -= len(name) + len(value)
    return Head(status[1], int(status[2]), headers, fields)
