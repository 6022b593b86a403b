"""The app's backend: asks MX for a widget, exchanges Mono's codes, generates Finicity's links, and serves the page.
Only the standard library.

MX_BASE_URL, MONO_BASE_URL and FINICITY_BASE_URL say where these are, PORT where to listen (default 3000).
"""

from __future__ import annotations

import base64
import json
import os
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen
from uuid import uuid4

HERE = Path(__file__).parent
MX = os.environ.get("MX_BASE_URL", "http://127.0.0.1:8484").rstrip("/")
MONO = os.environ.get("MONO_BASE_URL", "http://127.0.0.1:8484/mono").rstrip("/")
FINICITY = os.environ.get("FINICITY_BASE_URL", "http://127.0.0.1:8484/finicity").rstrip("/")
SHIM = None if MONO == "https://api.withmono.com" else f"{MONO}/shim.js"  # brings Mono's package to a sandbox
CREDENTIALS = base64.b64encode(b"any:key").decode()
PARTNER = {"partnerId": "2445500000001", "partnerSecret": "secret-of-the-partner-1"}


def mx(path: str, body: dict[str, Any] | None = None) -> Any:
    """A call of the MX Platform API: POST with a body, else GET."""
    headers = {
        "Accept": "application/vnd.mx.api.v1+json",
        "Content-Type": "application/json",
        "Authorization": f"Basic {CREDENTIALS}",
    }
    return call(MX + path, headers, body)


def mono(path: str, body: dict[str, Any] | None = None) -> Any:
    """A call of Mono's API: POST with a body, else GET; the data of its answer."""
    return call(MONO + path, {"mono-sec-key": "test_sk_any", "Content-Type": "application/json"}, body)["data"]


def finicity(path: str, body: dict[str, Any] | None = None) -> Any:
    """A call of Finicity's API: POST with a body, else GET. An app in earnest keeps its token for ninety minutes."""
    headers = {"Finicity-App-Key": "any", "Accept": "application/json", "Content-Type": "application/json"}
    token = call(f"{FINICITY}/aggregation/v2/partners/authentication", headers, PARTNER)["token"]
    return call(FINICITY + path, {**headers, "Finicity-App-Token": token}, body)


def call(url: str, headers: dict[str, str], body: dict[str, Any] | None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, headers), timeout=10) as answer:
        return json.load(answer)


def linked_account(code: str) -> dict[str, Any]:
    """The account that a code of Mono's widget stands for, with its data. An app in earnest waits for the webhook."""
    id = mono("/v2/accounts/auth", {"code": code})["id"]
    while True:
        found: dict[str, Any] = mono(f"/v2/accounts/{id}")
        if found["meta"]["data_status"] != "PROCESSING":
            return found["account"]
        time.sleep(0.5)


def connect_link() -> dict[str, str]:
    """A new customer of Finicity's, and the link that opens Connect for it."""
    customer = finicity("/aggregation/v2/customers/testing", {"username": f"customer-{uuid4().hex}"})["id"]
    asked = {"partnerId": PARTNER["partnerId"], "customerId": customer}
    return {"customer": customer, "link": finicity("/connect/v2/generate", asked)["link"]}


def names_and_balances(accounts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": each["name"], "balance": each["balance"]} for each in accounts]


class Handler(SimpleHTTPRequestHandler):
    """The page's files, and what its scripts ask for."""

    def __init__(self, *request: Any) -> None:
        super().__init__(*request, directory=str(HERE))

    def do_POST(self) -> None:
        """``/widget``: a new user and the URL of its widget; the body has the widget's options. ``/mono``: the account
        of the ``code`` in the body. ``/finicity``: a new customer and its link.
        """
        options = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        if self.path == "/mono":
            self.answer(linked_account(options["code"]))
            return
        if self.path == "/finicity":
            self.answer(connect_link())
            return
        user = mx("/users", {"user": {"metadata": "from the example"}})["user"]["guid"]
        asked = {"widget_url": {"widget_type": "connect_widget", **options}}
        self.answer({"user": user, "url": mx(f"/users/{user}/widget_urls", asked)["widget_url"]["url"]})

    def do_GET(self) -> None:
        """``/accounts/USR-…`` and ``/finicity/CUSTOMER``: what their banks have brought; ``/mono``: the script that
        goes before Mono's package; else a file.
        """
        id = self.path.rpartition("/")[2]
        if self.path == "/mono":
            self.answer({"shim": SHIM})
        elif self.path.startswith("/accounts/"):
            self.answer(names_and_balances(mx(f"/users/{id}/accounts")["accounts"]))
        elif self.path.startswith("/finicity/"):
            self.answer(names_and_balances(finicity(f"/aggregation/v1/customers/{id}/accounts")["accounts"]))
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
