"""A small Finicity client, as an app would have one."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from mocksrv.web.app import App
from tests.conftest import Receiver, SandboxClient

PARTNER, SECRET = "2445500000001", "secret-of-the-partner-1"


class Finicity(SandboxClient):
    """An app of one partner, whose sessions tell ``receiver``."""

    def __init__(self, app: App, receiver: Receiver, sandbox: str = "") -> None:
        super().__init__(app, sandbox)
        self.receiver = receiver
        self.headers = {"Finicity-App-Key": "app-key", "Accept": "application/json"}
        self.headers["Finicity-App-Token"] = self.authenticate()["token"]

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        status: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """One provider call; its JSON. ``status`` is asserted (default: any below 400)."""
        answer = self.http.open(
            f"{self.prefix}/finicity{path}", method=method, json=body, headers=self.headers | (headers or {})
        )
        text = answer.get_data(as_text=True)
        assert answer.status_code == status if status else answer.status_code < 400, (
            f"{method} {path}: {answer.status_code} {text}"
        )
        return json.loads(text) if text else None

    def authenticate(self, secret: str = SECRET, *, partner: str = PARTNER, status: int | None = None) -> Any:
        body = {"partnerId": partner, "partnerSecret": secret}
        return self.call("POST", "/aggregation/v2/partners/authentication", body, status=status)

    def later(self, by: str) -> None:
        """Moves the clock, and gets a new token."""
        self.advance(by)
        self.headers["Finicity-App-Token"] = self.authenticate()["token"]

    def customer(self, username: str = "customer-42", type: str = "testing") -> str:
        """A new customer's id."""
        id: str = self.call("POST", f"/aggregation/v2/customers/{type}", {"username": username}, status=201)["id"]
        return id

    def consumer(self, customer: str) -> str:
        """A new consumer's id."""
        body = {"firstName": "Ann", "lastName": "Lee", "state": "UT", "ssn": "999-60-1234", "email": "ann@example.com"}
        id: str = self.call("POST", f"/decisioning/v1/customers/{customer}/consumer", body, status=201)["id"]
        return id

    def generate(
        self, customer: str, kind: str = "", *, scenario: str | None = None, status: int | None = None, **fields: Any
    ) -> Any:
        """A Connect URL; with ``status`` of a refusal, its body. ``kind``: "" (full), lite, fix, jointBorrower."""
        body = {"partnerId": PARTNER, "customerId": customer, "webhook": self.receiver.url, **fields}
        body = {name: value for name, value in body.items() if value is not None}
        headers = {"X-Mocksrv-Scenario": scenario} if scenario else None
        path = f"/connect/v2/generate/{kind}" if kind else "/connect/v2/generate"
        answer = self.call("POST", path, body, status=status, headers=headers)
        return answer if status else answer["link"]

    def play(self, link: str, *, status: int = 200, **wishes: Any) -> Any:
        """Plays a session without a browser."""
        return self.control("POST", "/finicity/play", {"link": link, **wishes}, status=status)

    def connected(self, customer: str, **wishes: Any) -> list[dict[str, Any]]:
        """The accounts of a customer after a session in which all went well; without wishes those of somebody who has
        checking, savings and a credit card.
        """
        assert self.play(self.generate(customer), **(wishes or {"username": "somebody"}))["status"] == "done"
        return self.accounts(customer)

    def accounts(self, customer: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("GET", f"/aggregation/v1/customers/{customer}/accounts")["accounts"]
        return found

    def received(self) -> list[dict[str, Any]]:
        """The callbacks that have come in, after waiting for those that are out; without the ping."""
        self.advance("0s")
        return [item for item in self.receiver.received if item["json"] is None or item["json"]["eventType"] != "ping"]

    def told(self) -> list[str]:
        """The types of the events that have come in."""
        return [item["json"]["eventType"] for item in self.received()]


def parameters(link: str) -> dict[str, str]:
    """The query of a link."""
    return {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
