"""Plays one linked account of a Mono scenario: link, a night, a sync, and the reauthorisation where one is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mocksrv.providers.demo import Demo, DemoCall, counted

CONNECT = "/_mocksrv/mono/connect"  # what the user does in the widget
LOST = (None, "UNLINKED")


class MonoDemo(Demo):
    headers = {"mono-sec-key": "test_sk_demo"}
    refresh = "midnight"
    connects = (DemoCall("POST", CONNECT, {"institution": "any"}),)

    @property
    def status_path(self) -> str:
        return f"/mono/v2/accounts/{self.guid}"

    def run(self) -> None:
        """Links the account and waits for a night; then syncs, if the scenario writes it, and reauthorises, if that is
        wanted.
        """
        code = self.runner.call("POST", CONNECT, {"institution": "any", "scenario": self.scenario.name})["code"]
        self.guid = self.runner.call("POST", "/mono/v2/accounts/auth", {"code": code})["data"]["id"]
        self.until_done()
        self._night()
        if "sync" in self.scenario.flows and self._linked():
            self.runner.call("POST", f"/mono/accounts/{self.guid}/sync")
            self.until_done()
        if self._linked() and self.status() == "REAUTHORISATION_REQUIRED":
            token = self.runner.call("POST", f"/mono/v2/accounts/{self.guid}/reauthorise")["data"]["token"]
            self.runner.call("POST", CONNECT, {"token": token}, refusals=[409])
            self.runner.move_to(self.sandbox.now())  # the callback of it comes before the app's next call
            self.until_done()
            self._night()
        if self.choices.span is not None:
            self.until_end()

    def found(self) -> str:
        if self.status() in LOST:
            return "there is no account any more"
        account = self.runner.call("GET", self.status_path)["data"]["account"]
        count = self.runner.call("GET", f"{self.status_path}/transactions?limit=1")["meta"]["total"]
        balance = (
            f"{account['currency']} {account['balance'] / 100:,.2f}" if account["balance"] is not None else "no balance"
        )
        return (
            f"{account['institution']['name']} {account['account_number']}, {balance}, {counted(count, 'transaction')}"
        )

    def _night(self) -> None:
        """The automatic sync."""
        if self._linked():
            self.next_due()

    def _linked(self) -> bool:
        return self.complete and self.status() not in LOST

    # on the screen

    @staticmethod
    def names(answer: Mapping[str, Any]) -> Mapping[str, str]:
        data = answer.get("data")
        return {data["id"]: "{account}"} if isinstance(data, dict) and list(data) == ["id"] else {}

    @staticmethod
    def sent(body: Mapping[str, Any]) -> str:
        return str(body.get("scenario") or ("reauthorise" if "token" in body else ""))

    @staticmethod
    def answered(answer: Mapping[str, Any]) -> str:
        said = answer.get("code") or answer.get("message") or answer.get("detail") or ""
        return f"{said}{_data_status(answer.get('data'))}"

    @staticmethod
    def told(callback: Mapping[str, Any]) -> str:
        return f"{callback['event']}{_data_status(callback.get('data'))}"


def _data_status(data: Any) -> str:
    """What Mono's data say of a sync: a status, or whether anything is new."""
    if not isinstance(data, dict):
        return ""
    if "updated" in data:
        return f": {'new data' if data['updated'] else 'nothing new'}"
    meta = data.get("meta")
    return f": {meta['data_status']}" if isinstance(meta, dict) and "data_status" in meta else ""
