"""The few MX calls the benchmark makes, over one keep-alive connection."""

import base64
import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

from bench.server import BenchError

MX_BANK = "mxbank"
HEADERS = {
    "Accept": "application/vnd.mx.api.v1+json",
    "Authorization": "Basic " + base64.b64encode(b"bench:bench").decode(),
}


class Client:
    """An MX client of one server, or of one sandbox. Every call raises BenchError when the answer is not 2xx."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.netloc, timeout=60)
        self._below = parts.path  # a sandbox's

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The answer's JSON, or None when it has no body."""
        data = None if body is None else json.dumps(body)
        self.connection.request(
            method, self._below + path, data, HEADERS | ({"Content-Type": "application/json"} if data else {})
        )
        answer = self.connection.getresponse()
        text = answer.read()
        if not 200 <= answer.status < 300:
            raise BenchError(f"{method} {path} answered {answer.status}: {text[:120].decode(errors='replace')}")
        return json.loads(text) if text else None

    def create_user(self, name: str) -> str:
        """Guid of a new user."""
        return self.call("POST", "/users", {"user": {"id": name}})["user"]["guid"]

    def login(self, institution: str = MX_BANK) -> list[dict[str, str]]:
        """Credentials of an institution, filled in for the happy path."""
        fields = self.call("GET", f"/institutions/{institution}/credentials")["credentials"]
        values = ["mxuser"] + ["x"] * (len(fields) - 1)
        return [{"guid": field["guid"], "value": value} for field, value in zip(fields, values, strict=True)]

    def create_member(self, user: str, login: list[dict[str, str]], institution: str = MX_BANK) -> str:
        """Guid of a new member, which begins to connect."""
        body = {"member": {"institution_code": institution, "credentials": login}}
        return self.call("POST", f"/users/{user}/members", body)["member"]["guid"]

    def wait_until_connected(self, path: str, limit: float = 20.0) -> None:
        """Polls a status path until it reads CONNECTED with no job running; `limit` in seconds."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            member = self.call("GET", path)["member"]
            if member["connection_status"] == "CONNECTED" and not member["is_being_aggregated"]:
                return
            time.sleep(0.05)
        raise BenchError(f"the member was not connected within {limit:g} s")


def status_path(user: str, member: str) -> str:
    """The status poll of a member."""
    return f"/users/{user}/members/{member}/status"
