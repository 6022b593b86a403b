"""A receiver that does it right: it authenticates, reads leniently, keeps the newest revision, and answers before it
works.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import queue
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LOGIN = "Basic " + base64.b64encode(b"mx:s3cret").decode()
SECRET = "s3cret"

Admission = Callable[[Mapping[str, str], bytes], bool]


def from_mx(headers: Mapping[str, str], body: bytes) -> bool:
    return hmac.compare_digest(headers.get("Authorization", ""), LOGIN)


def from_mono(headers: Mapping[str, str], body: bytes) -> bool:
    return hmac.compare_digest(headers.get("mono-webhook-secret", ""), SECRET)


def from_finicity(headers: Mapping[str, str], body: bytes) -> bool:
    """Their documents: the hexadecimal HMAC-SHA256 of the raw body, with the partner secret as the key."""
    wanted = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(headers.get("x-finicity-signature", ""), wanted)


def from_any(headers: Mapping[str, str], body: bytes) -> bool:
    return from_mx(headers, body) or from_mono(headers, body) or from_finicity(headers, body)


class App:
    """What has arrived: the newest revision of each object. The work is done by a thread of its own."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.seen: list[dict[str, Any]] = []
        self._work: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._run, daemon=True).start()

    def take(self, event: dict[str, Any]) -> None:
        self._work.put(event)

    def settle(self) -> None:
        """Waits until all that came in is worked off."""
        self._work.join()

    def _run(self) -> None:
        while True:
            event = self._work.get()
            for value in event.values():
                if isinstance(value, dict) and isinstance(value.get("guid"), str):
                    self._keep(value)
            self._work.task_done()

    def _keep(self, new: dict[str, Any]) -> None:
        self.seen.append(new)
        known = self.objects.get(new["guid"], {})
        before, now = known.get("revision"), new.get("revision")
        if isinstance(before, int) and isinstance(now, int) and now <= before:
            return  # a duplicate, or it was overtaken
        self.objects[new["guid"]] = {**known, **new}


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, app: App, admission: Admission = from_mx) -> None:
        super().__init__(("127.0.0.1", 0), handler(app, admission))
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/webhooks"

    def handle_error(self, *_: Any) -> None:
        """Senders hang up."""


def handler(app: App, admission: Admission) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if not admission(self.headers, body):
                return self.answer(401)
            try:
                event = json.loads(body)
            except ValueError:
                return self.answer(400)
            if not isinstance(event, dict):
                return self.answer(400)
            app.take(event)
            return self.answer(204)

        def do_GET(self) -> None:
            self.answer(405)

        def answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
