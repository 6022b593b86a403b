"""A webhook receiver that remembers when the first callback about each member came in."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


class Receiver:
    """Answers 200 to every callback, as a context manager. `url` is where callbacks go."""

    def __enter__(self) -> Self:
        self.arrived: dict[str, float] = {}
        self.condition = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                now = time.perf_counter()
                receiver.note(self.rfile.read(int(self.headers["Content-Length"] or 0)), now)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *values: object) -> None:  # noqa: A002 (http.server's signature)
                """Stays silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.shutdown()
        self.server.server_close()

    def note(self, body: bytes, now: float) -> None:
        """Keeps the moment (time.perf_counter) of the first callback about a member."""
        event = json.loads(body)
        member = (event.get("member") or {}).get("guid") or event.get("member_guid")
        with self.condition:
            self.arrived.setdefault(member, now)
            self.condition.notify_all()

    def arrival(self, member: str, limit: float) -> float | None:
        """When the first callback about the member came in, waiting up to `limit` seconds; None when none did."""
        with self.condition:
            self.condition.wait_for(lambda: member in self.arrived, limit)
            return self.arrived.get(member)
