"""The app's backend: makes a user, asks MX for a widget, and serves the page. Only the standard library.

MX_BASE_URL says where MX is, PORT where to listen (default 3000).
"""

from __future__ import annotations

import base64
import json
import os
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

HERE = Path(__file__).parent
MX = os.environ.get("MX_BASE_URL", "http://127.0.0.1:8484").rstrip("/")
CREDENTIALS = base64.b64encode(b"any:key").decode()


def mx(path: str, body: dict[str, Any] | None = None) -> Any:
    """A call of the MX Platform API: POST with a body, else GET."""
    headers = {
        "Accept": "application/vnd.mx.api.v1+json",
        "Content-Type": "application/json",
        "Authorization": f"Basic {CREDENTIALS}",
    }
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(MX + path, data, headers), timeout=10) as answer:
        return json.load(answer)


class Handler(SimpleHTTPRequestHandler):
    """The page's files, and two calls."""

    def __init__(self, *request: Any) -> None:
        super().__init__(*request, directory=str(HERE))

    def do_POST(self) -> None:
        """``/widget``: a new user and the URL of its widget. The body has the widget's options."""
        options = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        user = mx("/users", {"user": {"metadata": "from the example"}})["user"]["guid"]
        asked = {"widget_url": {"widget_type": "connect_widget", **options}}
        self.answer({"user": user, "url": mx(f"/users/{user}/widget_urls", asked)["widget_url"]["url"]})

    def do_GET(self) -> None:
        """``/accounts/USR-…``: what the user's banks have brought; else a file."""
        if self.path.startswith("/accounts/"):
            accounts = mx(f"/users/{self.path.rpartition('/')[2]}/accounts")["accounts"]
            self.answer([{"name": each["name"], "balance": each["balance"]} for each in accounts])
        else:
            super().do_GET()

    def answer(self, body: Any) -> None:
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "3000"))), Handler)
    print(f"http://localhost:{server.server_address[1]}", flush=True)
    server.serve_forever()
