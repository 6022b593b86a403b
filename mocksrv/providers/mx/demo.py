"""Plays one MX member: user, member, its challenges, then the calls whose flows the scenario itself writes."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from mocksrv.engine.play import Asked
from mocksrv.engine.scenarios.choosing import MOCK, SCENARIO_HEADER
from mocksrv.providers.demo import Demo, DemoCall, counted

# The calls that start the flows a scenario may write, in the order in which they are played; {} is the member's path.
CALLS: Mapping[str, tuple[str, str]] = {
    "update": ("PUT", "{}"),
    "aggregate": ("POST", "{}/aggregate"),
    "verify": ("POST", "{}/verify"),
    "identify": ("POST", "{}/identify"),
    "balance": ("POST", "{}/check_balance"),
    "history": ("POST", "{}/extend_history"),
    "statements": ("POST", "{}/fetch_statements"),
    "rewards": ("POST", "{}/fetch_rewards"),
}
OAUTH_BANK = "mx_bank_oauth"
USERNAME, PASSWORD, CHANGED = "tester", "secret", "changed"
USER = {"id": "customer-42", "email": "sam.sample@example.com", "metadata": "made by mocksrv"}


class MXDemo(Demo):
    headers = {
        "Accept": "application/vnd.mx.api.v1+json",
        "Authorization": "Basic " + base64.b64encode(b"demo-client:demo-key").decode(),
    }
    refresh = "background"
    flags = {
        "is_being_aggregated": "aggregating",
        "is_authenticated": "authenticated",
        "needs_updated_credentials": "needs credentials",
    }
    silent = frozenset({"challenge-expired"})
    connects = (
        DemoCall("POST", "/users", {"user": {"metadata": USER["metadata"]}}, keeps={"user": "user.guid"}),
        DemoCall(
            "GET",
            "/institutions/mxbank/credentials",
            keeps={"login": "credentials.0.guid", "password": "credentials.1.guid"},
        ),
        DemoCall(
            "POST",
            "/users/{user}/members",
            {
                "member": {
                    "institution_code": "mxbank",
                    "credentials": [
                        {"guid": "{login}", "value": USERNAME},
                        {"guid": "{password}", "value": PASSWORD},
                    ],
                }
            },
        ),
    )

    user = ""

    @property
    def path(self) -> str:
        return f"/users/{self.user}/members/{self.guid}"

    @property
    def status_path(self) -> str:
        return f"{self.path}/status"

    def run(self) -> None:
        """Plays `connect` (or `oauth`), then the calls whose flows the scenario itself writes, then its daily
        refresh.
        """
        self._create()
        self.until_done()
        for flow in CALLS:
            if flow in self.scenario.flows and self.subject() is not None and self.complete:
                self._start(flow)
                self.until_done()
        if self.choices.span is not None or self.refresh in self.scenario.flows:
            self.until_end()

    def found(self) -> str:
        accounts = self.runner.call("GET", f"/users/{self.user}/accounts")["accounts"]
        transactions = self.runner.call("GET", f"/users/{self.user}/transactions")["pagination"]["total_entries"]
        shown = ", ".join(
            f"{account['name']} {account['balance']:,.2f}" for account in accounts[:4] if account["balance"] is not None
        )
        more = ", ..." if len(accounts) > 4 else ""
        have = f"{counted(len(accounts), 'account')} ({shown}{more})" if accounts else "no accounts"
        return f"{have}, {counted(transactions, 'transaction')}"

    def give(self, asked: Asked, answers: Sequence[str]) -> None:
        given = [
            {"guid": challenge.guid, "value": value} for challenge, value in zip(asked.challenges, answers, strict=True)
        ]
        self.runner.call("PUT", f"{self.path}/resume", {"member": {"challenges": given}})

    def _create(self) -> None:
        oauth = self.choices.oauth is not None or self.engine.library.writes(self.scenario, "oauth")
        self.user = self.runner.call("POST", "/users", {"user": USER})["user"]["guid"]
        bank = OAUTH_BANK if oauth else MOCK + self.scenario.name
        member: dict[str, Any] = {"institution_code": bank}
        member |= {"is_oauth": True} if oauth else {"credentials": self._credentials(bank, PASSWORD)}
        headers = {SCENARIO_HEADER: self.scenario.name} if oauth else None
        self.guid = self.runner.call("POST", f"/users/{self.user}/members", {"member": member}, headers=headers)[
            "member"
        ]["guid"]

    def _credentials(self, bank: str, password: str) -> list[dict[str, str]]:
        form = self.runner.call("GET", f"/institutions/{bank}/credentials")["credentials"]
        return [
            {"guid": field["guid"], "value": password if field["field_type"] == "PASSWORD" else USERNAME}
            for field in form
        ]

    def _start(self, flow: str) -> None:
        method, path = CALLS[flow]
        body = None
        if flow == "update":
            subject = self.subject()
            bank = subject.body["institution_code"] if subject else ""
            body = {"member": {"credentials": self._credentials(bank, CHANGED)}}
        self.runner.call(method, path.format(self.path), body)

    # on the screen

    @staticmethod
    def names(answer: Mapping[str, Any]) -> Mapping[str, str]:
        things = {kind: answer.get(kind) for kind in ("user", "member")}
        return {
            thing["guid"]: f"{{{kind}}}"
            for kind, thing in things.items()
            if isinstance(thing, dict) and thing.get("guid")
        }

    @staticmethod
    def shortened(path: str) -> str:
        """What follows the member's guid."""
        _, members, member = path.partition("/members/")
        return (member.partition("/")[2] or "members/{guid}") if members else path.rpartition("/")[2]

    @staticmethod
    def sent(body: Mapping[str, Any]) -> str:
        return ", ".join(answer["value"] for answer in (body.get("member") or {}).get("challenges", []))

    @staticmethod
    def answered(answer: Mapping[str, Any]) -> str:
        if "error" in answer:
            return str(answer["error"]["message"])
        member, parts = answer.get("member"), []
        if member:
            parts = [member.get("connection_status"), "aggregating" if member.get("is_being_aggregated") else None]
            parts += [f'asks "{challenge["label"]}"' for challenge in member.get("challenges") or ()]
        elif "credentials" in answer:
            parts = [field["label"] for field in answer["credentials"]]
        elif "user" in answer:
            parts = [answer["user"]["guid"]]
        return ", ".join(filter(None, parts))

    @staticmethod
    def told(callback: Mapping[str, Any]) -> str:
        member = callback.get("member", callback)
        kind = callback.get("type") or f"member {callback.get('action')}"
        details = [member.get("connection_status"), "aggregating" if member.get("is_being_aggregated") else None]
        if "transactions_created_count" in callback:
            details.append(counted(callback["transactions_created_count"], "new transaction"))
        return f"{kind}: {', '.join(filter(None, details))}".removesuffix(": ")
