"""All that the API shows of one user's money at one moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from tests.conftest import MX

Row = Mapping[str, Any]

NEW = {"Accept": "application/json", "Accept-Version": "v20250224"}
ASKED: dict[str, Any] = {"headers": {"Accept": "application/vnd.mx.api.v1+json"}, "auth": ("client", "key")}
EVER = "from_date=1990-01-01&to_date=2090-01-01&records_per_page=1000"
DEBTS = {"CHECKING_LINE_OF_CREDIT", "CREDIT_CARD", "LINE_OF_CREDIT", "LOAN", "MORTGAGE"}


def cents(amount: float | None) -> int:
    return round((amount or 0) * 100)


def dollars(amount: int) -> str:
    return f"{amount / 100:,.2f}"


def signed(row: Row) -> int:
    """The cents that a transaction brings to its owner."""
    return cents(row["amount"]) * (1 if row["type"] == "CREDIT" else -1)


def direction(account: Row) -> int:
    """What a credit does to the balance."""
    return -1 if account["type"] in DEBTS else 1


def named(account: Row) -> str:
    return f"{account['type']} {account['name']!r} ({account['guid'][:12]})"


class Page:
    """All that the API shows of one user at this moment. What nobody asks for is not read."""

    def __init__(self, mx: MX, user: str) -> None:
        self.mx = mx
        self.user = user

    def rows(self, path: str, key: str, *, headers: dict[str, str] | None = None) -> list[dict[str, Any]]:
        """All rows of a list."""
        found: list[dict[str, Any]] = []
        mark = "&" if "?" in path else "?"
        size = "" if "records_per_page" in path else "records_per_page=100&"
        for page in range(1, 1000):
            answer = self.mx.call("GET", f"/users/{self.user}{path}{mark}{size}page={page}", headers=headers)
            found += answer[key]
            if page >= answer.get("pagination", {"total_pages": 1})["total_pages"]:
                break
        return found

    @cached_property
    def now(self) -> str:
        found: str = self.mx.control("GET", "/clock")["now"]
        return found

    @cached_property
    def members(self) -> dict[str, dict[str, Any]]:
        return {row["guid"]: row for row in self.rows("/members", "members")}

    @cached_property
    def accounts(self) -> dict[str, dict[str, Any]]:
        return {row["guid"]: row for row in self.rows("/accounts", "accounts")}

    @cached_property
    def transactions(self) -> list[dict[str, Any]]:
        return self.rows(f"/transactions?{EVER}", "transactions")

    @cached_property
    def by_account(self) -> dict[str, list[dict[str, Any]]]:
        found = defaultdict(list)
        for row in self.transactions:
            found[row["account_guid"]].append(row)
        return found

    @cached_property
    def categories(self) -> dict[str, dict[str, Any]]:
        return {row["guid"]: row for row in self.rows("/categories?records_per_page=1000", "categories")}

    def tree(self, category: str) -> set[str]:
        """A category and those under it."""
        return {category, *(guid for guid, row in self.categories.items() if row["parent_guid"] == category)}

    @cached_property
    def budgets(self) -> list[dict[str, Any]]:
        return self.rows("/budgets", "budgets")

    @cached_property
    def goals(self) -> list[dict[str, Any]]:
        return self.rows("/goals", "goals")

    @cached_property
    def plans(self) -> list[dict[str, Any]]:
        return self.rows("/spending_plans", "spending_plans")

    @cached_property
    def holdings(self) -> list[dict[str, Any]]:
        return self.rows("/investment_holdings", "investment_holdings")
