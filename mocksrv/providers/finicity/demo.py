"""Plays one Finicity customer: token, customer, a Connect session without its pages, a refresh, and the Fix session
where one is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from mocksrv.engine.clock import HOUR
from mocksrv.engine.play import Asked
from mocksrv.engine.scenarios.choosing import SCENARIO_HEADER
from mocksrv.engine.scenarios.model import Scenario
from mocksrv.engine.storage.records import Query
from mocksrv.providers.demo import Choices, Demo, DemoCall, DemoError, Runner, counted

API, PAGES = "/finicity", "/_mocksrv/finicity/play"  # the latter is what the user does on Connect's pages
PARTNER = {"partnerId": "2445500000001", "partnerSecret": "secret-of-the-demo-1"}
TOKEN, TOKEN_LIFE = "Finicity-App-Token", 2 * HOUR
BROKEN = 500  # what a refresh answers when the bank does not let it in


class FinicityDemo(Demo):
    headers = {"Finicity-App-Key": "demo-app-key", "Accept": "application/json"}
    refresh = "refresh"
    probe = "finicity.ping"
    connects = (
        DemoCall("POST", f"{API}/aggregation/v2/partners/authentication", PARTNER, keeps={"token": "token"}),
        DemoCall(
            "POST",
            f"{API}/aggregation/v2/customers/testing",
            {"username": "customer-{time}"},
            {TOKEN: "{token}"},
            {"customer": "id"},
        ),
        DemoCall(
            "POST",
            f"{API}/connect/v2/generate",
            {"partnerId": PARTNER["partnerId"], "customerId": "{customer}"},
            {TOKEN: "{token}"},
            {"link": "link"},
        ),
        DemoCall("POST", PAGES, {"link": "{link}"}),
    )

    def __init__(self, runner: Runner, scenario: Scenario, choices: Choices) -> None:
        super().__init__(runner, scenario, choices)
        if choices.oauth == "deny":
            raise DemoError(
                "--oauth deny: who denies in a Connect session is written in its scenario, as `oauth: {auto: deny}`"
            )
        self.customer = self._link = ""
        self._token_until = 0

    @property
    def status_path(self) -> str:
        return f"{API}/aggregation/v1/customers/{self.customer}/accounts"

    def run(self) -> None:
        """Plays `connect` to its end, then refreshes the login that it has made; repairs that, if need be; orders a
        report, if written.
        """
        self._admit()
        self.customer = self._call("POST", "/aggregation/v2/customers/testing", {"username": "customer-42"})["id"]
        self._session()
        login = self._login()
        if login and self.complete and self._refresh(login) and "fix" in self.scenario.flows:
            self._session("/fix", institutionLoginId=login)
            self._refresh(login)
        if login and self.complete and "report" in self.scenario.flows:
            self._report()
        if self.choices.span is not None:
            self.until_end()

    def found(self) -> str:
        accounts = self._call("GET", self.status_path.removeprefix(API))["accounts"]
        shown = ", ".join(
            f"{account['name']} {account['balance']:,.2f}"
            for account in accounts[:4]
            if account.get("balance") is not None
        )
        more = ", ..." if len(accounts) > 4 else ""
        return f"{counted(len(accounts), 'account')} ({shown}{more})" if accounts else "no accounts"

    def give(self, asked: Asked, answers: Sequence[str]) -> None:
        self._go_on(answers=list(answers))

    def look(self, *, counts: bool) -> None:
        self._admit()
        super().look(counts=counts)

    def _call(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        self._admit()
        return self.runner.call(method, f"{API}{path}", body, **more)

    def _admit(self) -> None:
        """Gets a token, unless there is one that still holds."""
        if self.sandbox.now() >= self._token_until:
            token = self.runner.call("POST", f"{API}/aggregation/v2/partners/authentication", PARTNER)["token"]
            self.runner.headers[TOKEN] = token
            self._token_until = self.sandbox.now() + TOKEN_LIFE

    def _session(self, kind: str = "", **more: str) -> None:
        """One Connect session, from its URL to its end. ``kind``: "" (full) or /fix."""
        body = {"partnerId": PARTNER["partnerId"], "customerId": self.customer, **more}
        if self.runner.callbacks:
            body["webhook"] = self.runner.callbacks
        headers = {SCENARIO_HEADER: self.scenario.name}
        self._link = self._call("POST", f"/connect/v2/generate{kind}", body, headers=headers)["link"]
        with self.engine.look(self.sandbox) as world:
            [session] = world.list(
                Query("finicity.session", partner_id=parse_qs(urlsplit(self._link).query)["signature"][0])
            )
        self.guid = session.guid
        self._go_on(answers=[part for text in self._answers for part in text.split("|")])
        subject = self.subject()
        if subject is not None and (asked := subject.playing.asked):  # only who gave no answer is still asked
            self._silent_about = asked.challenges[0].guid
            self.runner.say("the user does not answer")
        self.until_done()

    def _go_on(self, *, answers: list[str]) -> None:
        self.runner.call("POST", PAGES, {"link": self._link, **({"answers": answers} if answers else {})})
        self.runner.move_to(self.sandbox.now())  # the callbacks of the session come before the app's next call

    def _login(self) -> str:
        """The institution login of the customer's accounts; empty when there are none."""
        accounts = self._call("GET", self.status_path.removeprefix(API))["accounts"]
        return str(accounts[0]["institutionLoginId"]) if accounts else ""

    def _refresh(self, login: str) -> bool:
        """Refreshes the accounts of a login; whether that has failed."""
        path = f"/aggregation/v1/customers/{self.customer}/institutionLogins/{login}/accounts"
        answer = self._call("POST", path, refusals=[BROKEN])
        self.until_done()
        return "code" in answer

    def _report(self) -> None:
        person = {
            "firstName": "Sam",
            "lastName": "Sample",
            "state": "UT",
            "ssn": "999-60-1234",
            "email": "sam.sample@example.com",
        }
        self._call("POST", f"/decisioning/v1/customers/{self.customer}/consumer", person)
        self._call("POST", f"/decisioning/v2/customers/{self.customer}/voa", {})
        self.until_done()

    # on the screen

    @staticmethod
    def names(answer: Mapping[str, Any]) -> Mapping[str, str]:
        if "username" in answer:
            return {answer["id"]: "{customer}"}
        return {str(each["institutionLoginId"]): "{login}" for each in answer.get("accounts", ())}

    @staticmethod
    def sent(body: Mapping[str, Any]) -> str:
        return ", ".join(body.get("answers", ()))

    @staticmethod
    def answered(answer: Mapping[str, Any]) -> str:
        if "message" in answer:
            return f"{answer['code']} {answer['message']}"
        if "accounts" in answer:
            return counted(len(answer["accounts"]), "account")
        return " ".join(answer.get("events", ()))

    @staticmethod
    def told(callback: Mapping[str, Any]) -> str:
        payload = callback["payload"]
        if not isinstance(payload, dict):
            return f"{callback['eventType']}: {counted(len(payload), 'report')}"
        said = {name: value for name, value in payload.items() if not isinstance(value, (list, dict))}
        parts = [name if value is True else f"{name} {value}" for name, value in said.items()]
        parts += [counted(len(payload["accounts"]), "account")] if "accounts" in payload else []
        return f"{callback['eventType']}: {', '.join(parts)}".removesuffix(": ")
