"""A request as it is read, and as WSGI has it."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit


@lru_cache(maxsize=1024)
def _key(name: bytes) -> str:
    """A header's name in an environ; empty for one that could be taken for another."""
    if b"_" in name:
        return ""
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


class Request:
    """What a client has sent."""

    __slots__ = ("body", "headers", "held", "keep_alive", "method", "most", "size", "target", "too_large", "version")

    def __init__(self) -> None:
        self.method = ""
        self.target = b""
        self.version = "1.1"
        self.headers: list[tuple[bytes, bytes]] = []
        self.body: list[bytes] = []
        self.most = 0  # bytes that the body may have
        self.size = 0  # bytes of the body, as far as they have come
        self.held = 0  # bytes that are kept of it
        self.too_large = False  # the body is left unread
        self.keep_alive = True

    def input(self) -> BytesIO:
        """The body, to be read; nothing of one that is too large."""
        return BytesIO(b"".join(self.body))

    def environ(self) -> dict[str, Any]:
        """The part of a WSGI environ that is the request's own."""
        target, _, query = self.target.partition(b"?")
        if not target.startswith(b"/"):  # the form that proxies get
            target = urlsplit(target).path if b"://" in target else b"/" + target
        path = unquote_to_bytes(target) if b"%" in target else target
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path.decode("latin-1"),
            "QUERY_STRING": query.decode("latin-1"),
            "RAW_URI": self.target.decode("latin-1"),
            "SERVER_PROTOCOL": f"HTTP/{self.version}",
        }
        for name, value in self.headers:
            key = _key(name)
            if key in environ:
                environ[key] += f"{';' if key == 'HTTP_COOKIE' else ','}{value.decode('latin-1')}"
            elif key:
                environ[key] = value.decode("latin-1")
        if "HTTP_TRANSFER_ENCODING" in environ and self.too_large:
            del environ["HTTP_TRANSFER_ENCODING"]  # else its length would not count
            environ["CONTENT_LENGTH"] = str(self.size)
        environ["wsgi.input_terminated"] = True
        return environ
