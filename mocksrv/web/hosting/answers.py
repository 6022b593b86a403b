"""Answers of an application and of its host, and their heads as bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from mocksrv.web.hosting.calls import PROBLEM_TYPE, problem
from mocksrv.web.hosting.stream import Stream

BODILESS = frozenset({"204", "304"})
Headers = list[tuple[str, str]]


class WsgiAnswer(NamedTuple):
    """Status line (``200 OK``), headers, and the body: all of it, or a stream."""

    status: str
    headers: Headers
    body: bytes | Stream

    def close(self) -> None:
        """Nobody reads it."""
        if isinstance(self.body, Stream):
            self.body.close()

    def unbounded(self, version: str) -> bool:
        """Whether only the end of the connection tells where the body ends."""
        return isinstance(self.body, Stream) and version != "1.1"


def call_app(app: Any, environ: dict[str, Any]) -> WsgiAnswer:
    """What a WSGI application answers."""
    begun: tuple[str, Headers] = ("500 Internal Server Error", [])
    written: list[bytes] = []

    def start_response(status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], None]:
        nonlocal begun
        begun = (status, headers)
        return written.append

    parts: Iterable[bytes] | Stream = app(environ, start_response)
    if isinstance(parts, Stream):
        return WsgiAnswer(*begun, parts)
    try:
        body = b"".join([*written, *parts])
    finally:
        if close := getattr(parts, "close", None):
            close()
    return WsgiAnswer(*begun, body)


def refusal(status: int, detail: str) -> tuple[str, Headers, bytes]:
    """A problem document of the host's own, for what never comes to the application."""
    document = problem(status, detail)
    return f"{status} {document['title']}", [("Content-Type", PROBLEM_TYPE)], json.dumps(document).encode()


def head_of(answer: WsgiAnswer, version: str, date: bytes, *, close: bool) -> bytes:
    """Status line and headers, with what is the host's: how the body ends, whether the connection goes on. ``date`` is
    the line of the present time.
    """
    status, headers, body = answer
    bodiless = status[:3] in BODILESS
    lines = [f"HTTP/1.1 {status}"]
    told, safe = bodiless, False
    for name, value in headers:
        lower = name.lower()
        if bodiless and lower in ("content-type", "content-length"):
            continue
        told = told or lower == "content-length"
        safe = safe or lower == "x-content-type-options"
        if "\r" in value or "\n" in value:
            raise ValueError(f"the header {name} of an answer has a line break")
        lines.append(f"{name}: {value}")
    if not told:
        if not isinstance(body, Stream):
            lines.append(f"Content-Length: {len(body)}")
        elif version == "1.1":
            lines.append("Transfer-Encoding: chunked")
        else:
            close = True
    if not safe:
        lines.append("X-Content-Type-Options: nosniff")
    if close:
        lines.append("Connection: close")
    elif version == "1.0":
        lines.append("Connection: keep-alive")
    return "\r\n".join([*lines, ""]).encode("latin-1") + date + b"\r\n"
