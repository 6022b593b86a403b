"""A receiver as it is first written: it trusts everybody, knows all there is, and believes that every event comes once,
in order.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

STATUSES = {"CREATED", "CHALLENGED", "CONNECTED", "DENIED", "RESUMED"}


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        self.seen: set[str] = set()
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/webhooks"

    def handle_error(self, *_: Any) -> None:
        """What goes wrong is nobody's business."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        try:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = self.take(event)
        except Exception:
            status = 500
        self.send_response(status)
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def take(self, event: dict[str, Any]) -> int:
        if event["action"] not in ("created", "updated", "deleted", "CHANGED", "member_data_updated"):
            return 422
        if "member" in event:
            member = event["member"]
            if set(member) - KNOWN:
                return 422
            if member["connection_status"] not in STATUSES:
                return 422
            key = f"{member['guid']} {member['revision']}"
            if key in self.server.seen:
                return 409
            self.server.seen.add(key)
            member["name"].encode("latin-1")
        return 200

    def log_message(self, *_: Any) -> None:
        pass


KNOWN = frozenset(
    """aggregated_at connection_status connection_status_id connection_status_message created_at guid id
    institution_code institution_guid is_being_aggregated is_managed_by_user is_manual is_oauth is_user_created
    metadata most_recent_job_guid
    name     needs_updated_credentials revision successfully_aggregated_at updated_at use_cases user_guid
    user_id""".split()  # noqa: SIM905
)
