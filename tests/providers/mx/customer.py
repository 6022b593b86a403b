"""A user who does things through the API, with the books of it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import Any

from mocksrv.web.app import App
from tests.conftest import MX
from tests.providers.mx.books import Books, Split
from tests.providers.mx.page import ASKED, NEW, cents, direction, dollars

SANDBOXES = count()


class Customer:
    """A user who does things, with the books of it. Guids are what the methods take and give."""

    def __init__(self, app: App) -> None:
        self.mx = MX(app, f"money-{next(SANDBOXES)}")
        self.user = self.mx.user()
        self.books = Books(self.mx, self.user)
        self.memory = self.books.memory
        self._numbers = count()

    def go(self) -> None:
        """Leaves nothing behind."""
        self.mx.control("DELETE", "/sandbox", status=204)

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        return self.mx.call(method, f"/users/{self.user}{path}", body, **more)

    def tried(self, method: str, path: str, body: Any = None) -> None:
        """A call that may be refused with 422."""
        answer = self.mx.http.open(f"{self.mx.prefix}/users/{self.user}{path}", method=method, json=body, **ASKED)
        assert answer.status_code in (200, 422), f"{method} {path}: {answer.status_code} {answer.text}"

    # members and their jobs

    def connect(self, profile: str, *, nightly: bool = False) -> str:
        """A new member. ``nightly``: fetched by the server every day, too."""
        fields = {"password": f"password-{next(self._numbers)}", "background_aggregation_is_disabled": not nightly}
        member: str = self.mx.create(self.user, headers={"X-Mocksrv-Scenario": f"{profile}-data"}, **fields)["guid"]
        self.memory.profiles[member] = profile
        self.mx.advance("1m")
        return member

    def job(self, member: str, verb: str) -> None:
        """Starts a job and waits until it is over."""
        self.call("POST", f"/members/{member}/{verb}")
        self.mx.advance("1m")

    def fetch(self, member: str, **more: Any) -> None:
        """Fetches everything of a member, and looks whether it goes on from where it was."""
        self.job(member, "aggregate")
        self.books.check_fetched(member, **more)

    def fetch_statements(self, member: str) -> None:
        self.job(member, "fetch_statements")
        self.fetch(member)
        faults = [*self.books.statements(member)]
        assert not faults, "\n".join(faults)

    def forget(self, accounts: Iterable[str]) -> None:
        """Those of these accounts that are gone."""
        page = self.books.turn()
        for guid in set(accounts) - page.accounts.keys():
            for known in (self.memory.manual, self.memory.managed, self.memory.anchors):
                known.pop(guid, None)

    def merge(self, kept: str, other: str) -> None:
        """Two accounts become one. What is tracked by hand is added up; what a bank gave stands."""
        before = self.books.turn().accounts
        self.call("POST", "/accounts/merge", {"account": {"account_guids": [kept, other]}}, headers=NEW)
        page = self.books.turn()
        one, two, now = before[kept], before[other], page.accounts[kept]
        sign = direction(one) * direction(two)
        summed = cents(one["balance"]) + (cents(two["balance"]) * sign if kept in self.memory.manual else 0)
        assert cents(now["balance"]) == summed, f"merged: {dollars(cents(now['balance']))}, in sum {dollars(summed)}"
        assert other not in page.accounts
        self.memory.merged.add(kept)
        self.memory.anchors.pop(kept, None)
        self.forget({other})
        if kept in self.memory.manual:
            self.rebase(kept)

    # what is tracked by hand

    def manual_account(self, type: str, balance: float | None, **more: Any) -> str:
        given = {"account_type": type, "name": f"By hand {next(self._numbers)}", **more}
        given |= {} if balance is None else {"balance": balance}
        guid: str = self.call("POST", "/accounts", {"account": given})["account"]["guid"]
        self.memory.manual[guid] = cents(balance)
        return guid

    def change_manual_account(self, guid: str, **given: Any) -> None:
        member = self.books.turn().accounts[guid]["member_guid"]
        self.call("PUT", f"/members/{member}/accounts/{guid}", {"account": given})
        self.rebase(guid)

    def rebase(self, guid: str) -> None:
        """After a new balance was given: what it is without the transactions entered."""
        page = self.books.turn()
        account = page.accounts[guid]
        self.memory.manual[guid] = cents(account["balance"]) - self.books.entered_on(account)

    def enter(self, account: str, amount: int, type: str, day: str, **more: Any) -> str:
        body = {"amount": amount / 100, "type": type, "date": day, "description": "By hand", **more}
        guid: str = self.call("POST", f"/accounts/{account}/transactions", {"transaction": body})["guid"]
        self.memory.entered.add(guid)
        return guid

    def split(self, whole: str, amounts: list[int], categories: list[str | None]) -> list[str]:
        parts = [
            {"amount": amount / 100, "category_guid": guid} for amount, guid in zip(amounts, categories, strict=True)
        ]
        answer = self.call("POST", f"/transactions/{whole}/split", {"transactions": parts})["transactions"]
        made = [part["guid"] for part in answer]
        self.memory.splits[whole] = Split(whole, tuple(made))
        self.memory.entered |= set(made)
        return made

    def unsplit(self, whole: str) -> None:
        self.call("DELETE", f"/transactions/{whole}/split")
        self.memory.splits.pop(whole, None)

    # what the client manages

    def managed_account(self, type: str, balance: int) -> str:
        code = self.mx.call("GET", "/managed_institutions")["institutions"][0]["code"]
        member = self.call("POST", "/managed_members", {"member": {"institution_code": code}})["member"]["guid"]
        given = {"id": "1", "name": "Ours", "type": type, "balance": balance / 100}
        guid: str = self.call("POST", f"/managed_members/{member}/accounts", {"account": given})["account"]["guid"]
        self.memory.managed[guid] = balance
        return guid

    def managed_transaction(self, account: str, **given: Any) -> None:
        made = self.call("POST", self.managed_path(account), {"transaction": {"description": "Ours", **given}})[
            "transaction"
        ]
        self.memory.entered.add(made["guid"])

    def change_managed_transaction(self, account: str, guid: str, **given: Any) -> None:
        """Which may be refused where it is split."""
        self.tried("PUT", f"{self.managed_path(account)}/{guid}", {"transaction": given})

    def managed_path(self, account: str) -> str:
        return f"/managed_members/{self.books.page.accounts[account]['member_guid']}/accounts/{account}/transactions"

    # plans

    def generate_budgets(self) -> None:
        """Which may be refused where there are too few transactions."""
        self.tried("POST", "/budgets/generate")

    def goal(self, account: str, amount: int, type: str) -> None:
        body = {
            "amount": amount / 100,
            "goal_type_name": type,
            "meta_type_name": "VACATION",
            "name": f"Goal {next(self._numbers)}",
        }
        self.call("POST", "/goals", {"goal": {**body, "account_guid": account}})

    def plan(self, category: str, type: int | None) -> None:
        """An item of the spending plan, which is made with its first."""
        page = self.books.turn()
        plan = page.plans[0] if page.plans else self.call("POST", "/spending_plans")
        level = "category_guid" if page.categories[category]["parent_guid"] else "top_level_category_guid"
        body = {"planned_amount": 100, "item_type": type, level: category}
        self.call("POST", f"/spending_plans/{plan['guid']}/iterations/current/iteration_items", body)

    def category(self, name: str) -> str:
        return next(guid for guid, row in self.books.page.categories.items() if row["name"] == name)
