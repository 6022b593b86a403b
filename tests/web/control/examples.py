"""An example of every control call, made on a server in this process: for the tests of the OpenAPI document, and for
docs/control-api.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from werkzeug.test import TestResponse

from mocksrv.engine.config import Config
from mocksrv.server import build
from tests.conftest import MX, Receiver

OWN = "name: my-bank\nprovider: mx\nflows:\n  connect:\n    - status: CREATED\n    - {after: 1s, status: DENIED}\n"
ENDPOINT = {
    "url": "{receiver}",
    "events": ["mx.member.*", "mx.aggregation"],
    "auth": {"type": "basic", "username": "mx", "password": "s3cret"},
}
STATE = {
    "mocksrv": "0.1.0",
    "format": 4,
    "sandbox": "ci-17",
    "clock": {"mode": "manual", "now": "2026-01-01T12:00:00.000Z"},
    "ids": 0,
    "settings": {
        **{key: [] for key in ("next", "endpoints", "faults", "disturbances", "without", "steps")},
        "seed": 7,
        "default": None,
        "all_events": False,
        "salt": "ci-17",
    },
    **{key: [] for key in ("scenarios", "records", "timers", "timeline", "events", "deliveries")},
}
# Method, path, body (an object, a scenario's text, or none). Names in braces are those of `World`.
EXAMPLES: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/", None),
    ("GET", "/openapi.json", None),
    ("GET", "/docs", None),
    ("GET", "/health", None),
    ("GET", "/scenarios?provider=mono", None),
    ("POST", "/scenarios/validate?file=my-bank.yaml", OWN.replace("DENIED", "DENYED")),
    ("PUT", "/scenarios/my-bank", OWN),
    ("GET", "/scenarios/my-bank", None),
    ("GET", "/bindings", None),
    ("PUT", "/bindings", {"default": "my-bank", "next": ["challenged", "connected"]}),
    ("GET", "/subjects?status=CONNECTED&newest=true&limit=1", None),
    ("GET", "/subjects/{member}", None),
    ("PUT", "/subjects/{member}/scenario", {"scenario": "denied"}),
    ("PUT", "/subjects/{member}/status", {"status": "CHALLENGED"}),
    ("POST", "/subjects/{member}/act", {"do": "answer", "answers": ["correct"]}),
    ("POST", "/mono/connect", {"institution": "any"}),
    ("POST", "/finicity/play", {"link": "{link}"}),
    ("PUT", "/users/{user}", {"phone": "15555550123", "channels": ["in_app", "sms"]}),
    ("POST", "/users/{user}/verify", {"token": "{token}"}),
    ("GET", "/clock", None),
    ("PUT", "/clock", {"mode": "manual", "now": "2026-01-01T12:00:10Z"}),
    ("POST", "/clock/advance", {"to": "next"}),
    ("GET", "/endpoints", None),
    ("PUT", "/endpoints", {"endpoints": [ENDPOINT]}),
    ("GET", "/webhooks?event=mx.member.*&limit=1", None),
    ("GET", "/webhooks/{event}", None),
    ("POST", "/webhooks/replay", {"since": "2026-01-01", "event": "mx.aggregation"}),
    ("POST", "/webhooks/{event}/replay", None),
    (
        "POST",
        "/trigger",
        {"event": "mx.member.updated", "subject": "{member}", "payload": {"member": {"name": "My bank"}}},
    ),
    ("GET", "/events", None),
    ("GET", "/requests?path=/users*&newest=true&limit=1", None),
    ("GET", "/requests/{request}", None),
    ("GET", "/violations?limit=1", None),
    ("GET", "/coverage?provider=finicity", None),
    ("GET", "/stream", None),
    ("GET", "/metrics", None),
    ("GET", "/faults", None),
    ("PUT", "/faults", {"faults": [{"on": "GET /users/*/members/*/status", "status": 503, "times": 2}]}),
    ("DELETE", "/faults", None),
    ("DELETE", "/scenarios/my-bank", None),
    ("GET", "/sandboxes?name=d*", None),
    ("GET", "/sandbox", None),
    ("GET", "/state", None),
    ("PUT", "/state", STATE),
    ("POST", "/sandbox/fork", {"name": "copy"}),
    ("POST", "/reset", None),
    ("PUT", "/sandbox", {"seed": 11, "without": ["insights"]}),
    ("DELETE", "/sandbox", None),
)


@dataclass(frozen=True)
class Example:
    """A control call that was made: method, path with its query, what was sent, what came back."""

    method: str
    path: str
    sent: Any
    answer: TestResponse


class World:
    """A sandbox with a connected member, a Connect link, and calls that broke the contract."""

    def __init__(self) -> None:
        self.engine, app = build(Config(clock="manual", seed=7))
        self.engine.start()
        self.receiver = Receiver()
        self.mx = MX(app)
        self.mx.control("PUT", "/endpoints", {"endpoints": [{"url": self.receiver.url}]})
        user = self.mx.user(id="customer-42")
        member = self.mx.create(user)["guid"]
        self.mx.advance("10s")
        answer = self.mx.http.get(
            f"/users/{user}/members/{member}/status?page=1", headers={"Accept-Version": "v20250224"}, auth=("a", "b")
        )
        self.names = {
            "user": user,
            "member": member,
            "event": self.mx.control("GET", "/webhooks?event=mx.member.created")["webhooks"][0]["id"],
            "request": answer.headers["X-Mocksrv-Request"],
            "link": self._link(),
            "receiver": self.receiver.url,
        }

    def _link(self) -> str:
        """A Connect URL, as an app gets it."""
        key = {"Finicity-App-Key": "key"}
        partner = {"partnerId": "1", "partnerSecret": "secret"}
        token = self._finicity("/aggregation/v2/partners/authentication", partner, key)["token"]
        headers = key | {"Finicity-App-Token": token}
        customer = self._finicity("/aggregation/v2/customers/testing", {"username": "customer-42"}, headers)["id"]
        body = {"partnerId": "1", "customerId": customer}
        link: str = self._finicity("/connect/v2/generate", body, headers)["link"]
        return link

    def _finicity(self, path: str, body: Any, headers: dict[str, str]) -> Any:
        return self.mx.http.post(
            f"/finicity{path}", json=body, headers=headers | {"Accept": "application/json"}
        ).get_json()

    def examples(self) -> Iterator[Example]:
        """Makes the calls, one after the other."""
        for method, path, body in EXAMPLES:
            assert self.engine.dispatcher.settle(self.engine.sandbox("default"), 10)  # no callback is on its way
            path, sent = self._named(path), json.loads(self._named(json.dumps(body)))
            options: dict[str, Any] = {"json": sent} if isinstance(sent, dict) else {}
            if isinstance(sent, str):
                options = {"data": sent, "content_type": "application/yaml"}
            answer = self.mx.http.open(f"/_mocksrv{path}", method=method, **options)
            if path == "/stream":  # it goes on
                first = next(answer.iter_encoded())
                answer.close()
                answer.response = [first]
            if path.startswith("/users/") and method == "PUT":
                self.names["token"] = answer.get_json()["verifications"][0]["token"]
            yield Example(method, path, sent, answer)

    def _named(self, text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda found: self.names.get(found[1], found[0]), text)

    def close(self) -> None:
        self.engine.close()
        self.receiver.close()
