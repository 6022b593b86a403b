"""A user's money as the API shows it, and what of it does not add up.

Everything is read over HTTP and added up here once more, plainly, in cents. A fault is a sentence that says what was
found and what was to be expected. Nothing of the server's own reckoning is used.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from mocksrv.providers import profiles
from tests.conftest import MX
from tests.providers.mx.money.test_statements import papers
from tests.providers.mx.page import ASKED, DEBTS, Page, cents, direction, dollars, named, signed

Row = Mapping[str, Any]
Faults = Iterator[str]

AVAILABLE = {
    "CASH",
    "CHECKING",
    "CHECKING_LINE_OF_CREDIT",
    "CREDIT_CARD",
    "LINE_OF_CREDIT",
    "PREPAID",
    "SAVINGS",
}  # docs/profiles.md
EVERYDAY_TYPES = {
    "CASH",
    "CHECKING",
    "CHECKING_LINE_OF_CREDIT",
    "CREDIT_CARD",
    "PREPAID",
    "SAVINGS",
}  # of a spending plan
NO_EXPENSES = {"Transfer"}  # top-level categories
INCOME_ITEM = "3"  # v20111101 writes it as text


@cache
def profile_of(name: str) -> Any:
    """A bundled data profile as it is written."""
    return yaml.safe_load((Path(profiles.__file__).parent / f"{name}.yaml").read_text())


@dataclass(frozen=True)
class Anchor:
    """What an account had at a moment at which its transactions were known, too."""

    balance: int
    moment: str


@dataclass(frozen=True)
class Split:
    """A transaction that has been split."""

    whole: str
    parts: tuple[str, ...]


@dataclass
class Memory:
    """What the API does not say: what the client has done, and what was seen before."""

    profiles: dict[str, str] = field(default_factory=dict)  # member -> its data profile
    manual: dict[str, int] = field(
        default_factory=dict
    )  # manual account -> its balance without the transactions entered
    managed: dict[str, int] = field(default_factory=dict)  # managed account -> its balance, as given
    splits: dict[str, Split] = field(default_factory=dict)
    merged: set[str] = field(default_factory=set)  # accounts into which others went: two pasts, one balance
    anchors: dict[str, Anchor] = field(default_factory=dict)
    brought: set[str] = field(default_factory=set)  # transactions seen that came from banks
    entered: set[str] = field(default_factory=set)  # those that did not
    told: str = ""  # the last webhook seen


class Books:
    """The books of one user, kept while the API is used."""

    def __init__(self, mx: MX, user: str) -> None:
        self.mx = mx
        self.user = user
        self.memory = Memory()
        self.page = Page(mx, user)

    def turn(self) -> Page:
        """A new page: what there is now."""
        self.page = Page(self.mx, self.user)
        return self.page

    def check(self) -> None:
        """What holds at every moment."""
        self.turn()
        checks: tuple[Callable[[], Faults], ...] = (
            self.lists,
            self.splits,
            self.categories,
            self.manual_accounts,
            self.managed_accounts,
            self.holdings,
            self.budgets,
            self.cash_flow,
            self.plans,
            self.goals,
            self.transfers,
            self.counts,
        )
        _none([fault for each in checks for fault in each()])

    def check_fetched(self, member: str, *, cash: bool = True) -> None:
        """What holds when everything of a member was just fetched; takes down where its accounts are now."""
        self.check()
        _none([*self.history(member, cash=cash), *self.pending(member)])

    def take_down(self, member: str) -> None:
        """Where a member's accounts are now, after everything of it was fetched."""
        self.turn()
        _none([*self.history(member, cash=True)])

    # lists

    def lists(self) -> Faults:
        """Every transaction is there once, on an account of the user that says the same of it."""
        guids = [row["guid"] for row in self.page.transactions]
        for guid, times in Counter(guids).items():
            if times > 1:
                yield f"transaction {guid} is listed {times} times"
        for row in self.page.transactions:
            account = self.page.accounts.get(row["account_guid"])
            if account is None:
                yield f"transaction {row['guid']} is on account {row['account_guid']}, which is not there"
            elif account["member_guid"] != row["member_guid"]:
                yield (
                    f"transaction {row['guid']} is of member {row['member_guid']}, its account of "
                    f"{account['member_guid']}"
                )
            if row["amount"] <= 0:
                yield f"transaction {row['guid']} is of {row['amount']}"

    def splits(self) -> Faults:
        """Parts sum to the whole, which is not listed beside them."""
        there = {row["guid"]: row for row in self.page.transactions}
        for split in list(self.memory.splits.values()):
            if (
                self.mx.http.get(f"{self.mx.prefix}/users/{self.user}/transactions/{split.whole}", **ASKED).status_code
                == 404
            ):
                del self.memory.splits[split.whole]
                yield from (f"{part} is left of {split.whole}, which is gone" for part in split.parts if part in there)
                continue
            whole = self.mx.call("GET", f"/users/{self.user}/transactions/{split.whole}")["transactions"][0]
            if split.whole in there:
                yield f"{split.whole} is listed beside its parts"
            missing = set(split.parts) - there.keys()
            if missing:
                yield f"of {split.whole} the parts {sorted(missing)} are not listed"
                continue
            parts = [there[guid] for guid in split.parts]
            if sum(map(signed, parts)) != signed(whole):
                yield (
                    f"the parts of {split.whole} are {dollars(sum(map(signed, parts)))}, the whole "
                    f"{dollars(signed(whole))}"
                )
            for name in ("account_guid", "status", "posted_at", "type"):
                if {part[name] for part in parts} != {whole[name]}:
                    yield f"{split.whole} has {name} {whole[name]}, its parts {[part[name] for part in parts]}"

    def categories(self) -> Faults:
        """A transaction's category is one of the user's; everything else that it says of it follows."""
        known = self.page.categories
        for row in self.page.transactions:
            category = known.get(row["category_guid"])
            if category is None:
                yield (
                    f"transaction {row['guid']} has the category {row['category_guid']} ({row['category']}), which "
                    "is not there"
                )
                continue
            top = known[category["parent_guid"] or category["guid"]]
            credit = row["type"] == "CREDIT"
            said = {
                "category": category["name"],
                "top_level_category": top["name"],
                "is_income": credit and top["name"] == "Income",
                "is_expense": not credit and top["name"] not in NO_EXPENSES,
            }
            for name, value in said.items():
                if row[name] != value:
                    yield (
                        f"{row['type']} {row['guid']} in {category['name']!r} ({top['name']}) has {name} "
                        f"{row[name]!r}, not {value!r}"
                    )

    # accounts

    def history(self, member: str, *, cash: bool) -> Faults:
        """A balance is an earlier one and what was posted since."""
        moment = self.page.members[member]["successfully_aggregated_at"]
        for account in self._of_bank(member):
            name = "cash_balance" if account["cash_balance"] is not None else "balance"
            if name == "cash_balance" and not cash:
                continue
            before, now = self.memory.anchors.get(account["guid"]), Anchor(cents(account[name]), moment)
            self.memory.anchors[account["guid"]] = now
            if before is None:
                continue
            frozen = profile_of(self.memory.profiles[member]).get("frozen", False)
            since = [
                row
                for row in self.page.by_account[account["guid"]]
                if row["status"] == "POSTED" and not row["is_manual"]
            ]
            moved = (
                0
                if frozen
                else sum(signed(row) for row in since if before.moment < row["posted_at"] <= moment)
                * direction(account)
            )
            if now.balance - before.balance != moved:
                yield (
                    f"{named(account)}: {name} {dollars(before.balance)} at {before.moment}, "
                    f"{dollars(now.balance)} at {moment}, "
                    f"but {dollars(moved)} was posted in between"
                )

    def pending(self, member: str) -> Faults:
        """What is available is the balance without what is pending."""
        for account in self._of_bank(member):
            if account["type"] not in AVAILABLE or profile_of(self.memory.profiles[member]).get("frozen"):
                continue
            rows = [row for row in self.page.by_account[account["guid"]] if row["status"] == "PENDING"]
            pending, balance = sum(map(signed, rows)), cents(account["balance"])
            left = {"available_balance": balance + pending}
            if account["credit_limit"] is not None and account["type"] in DEBTS:
                left["available_credit"] = cents(account["credit_limit"]) - balance + pending
            for name, value in left.items():
                if account[name] is not None and cents(account[name]) != value:
                    yield (
                        f"{named(account)}: {name} {account[name]}, with {dollars(balance)} and {dollars(pending)} "
                        "pending"
                    )

    def _of_bank(self, member: str) -> Iterable[dict[str, Any]]:
        """The accounts of a member that are what its bank says."""
        accounts = list(self.page.accounts.values())
        return (account for account in accounts if account["member_guid"] == member)

    def transfers(self) -> Faults:
        """A transfer between own accounts is on both, on the same day, with the same amount."""
        for member, name in self.memory.profiles.items():
            accounts = {a["name"]: a for a in self._of_bank(member) if a["guid"] not in self.memory.merged}
            for one, line, other, opposite in _transfers(name):
                if one not in accounts or other not in accounts:
                    continue
                sides = [
                    self._by_day(accounts[account]["guid"], text) for account, text in ((one, line), (other, opposite))
                ]
                for day in sorted(sides[0].keys() | sides[1].keys()):
                    here, there = (side.get(day, 0) for side in sides)
                    if here != -there:
                        yield (
                            f"{day}: {line!r} on {one} is {dollars(here)}, {opposite!r} on {other} is {dollars(there)}"
                        )

    def _by_day(self, account: str, text: str) -> dict[str, int]:
        """The sums of transactions with this text by the day on which they happened, split or not, moved to another
        date or not.
        """
        found: dict[str, int] = defaultdict(int)
        for row in self.page.by_account[account]:
            if row["original_description"] == text:
                found[row["transacted_at"][:10]] += signed(row)
        return found

    def manual_accounts(self) -> Faults:
        """A manual account has what was given, and the transactions entered since."""
        for guid, base in list(self.memory.manual.items()):
            account = self.page.accounts.get(guid)
            if account is None:
                yield f"manual account {guid} is gone"
                continue
            entered = self.entered_on(account)
            if cents(account["balance"]) != base + entered:
                yield (
                    f"{named(account)}: balance {account['balance']}, given {dollars(base)}, entered {dollars(entered)}"
                )

    def entered_on(self, account: Row) -> int:
        """What the transactions entered by hand make of the balance."""
        return direction(account) * sum(
            signed(row) for row in self.page.by_account[account["guid"]] if row["is_manual"]
        )

    def managed_accounts(self) -> Faults:
        """What the client gives stands."""
        for guid, given in self.memory.managed.items():
            account = self.page.accounts.get(guid)
            if account is None or cents(account["balance"]) != given:
                yield f"managed account {guid}: {account and account['balance']}, given {dollars(given)}"

    def holdings(self) -> Faults:
        """A holding is worth its price times its quantity; an account its cash and its holdings."""
        held: dict[str, int] = defaultdict(int)
        for row in self.page.holdings:
            exact = Decimal(str(row["current_price"])) * Decimal(row["quantity"])
            if cents(row["market_value"]) != int((exact * 100).quantize(Decimal(1), ROUND_HALF_UP)):
                yield (
                    f"holding {row['symbol']}: {row['quantity']} at {row['current_price']} are not "
                    f"{row['market_value']}"
                )
            if row["account_guid"] not in self.page.accounts:
                yield f"holding {row['guid']} is on account {row['account_guid']}, which is not there"
            held[row["account_guid"]] += cents(row["market_value"])
        for account in self.page.accounts.values():
            if account["is_manual"] or (account["guid"] not in held and not account["holdings_value"]):
                continue
            cash, value = cents(account["cash_balance"]), held[account["guid"]]
            if cents(account["balance"]) != cash + value or cents(account["holdings_value"]) != value:
                yield (
                    f"{named(account)}: balance {account['balance']}, cash {account['cash_balance']}, "
                    f"holdings {account['holdings_value']} and in sum {dollars(value)}"
                )

    def statements(self, member: str) -> Faults:
        """Of one that was just fetched: lines lead from balance to balance, month to month, and to the one of the
        account.
        """
        listed = self.page.rows(f"/members/{member}/statements", "statements")
        for guid, months in papers(self.mx, listed).items():
            account = self.page.accounts[guid]
            if guid in self.memory.merged:
                continue
            for paper in months:
                balance = paper.opening
                for day, text, amount, after in paper.lines:
                    balance += amount
                    if after != balance:
                        yield (
                            f"{named(account)}, {paper.month}: after {text!r} on {day} {dollars(after)}, not "
                            f"{dollars(balance)}"
                        )
                if balance != paper.closing:
                    yield f"{named(account)}, {paper.month}: closes at {dollars(paper.closing)}, not {dollars(balance)}"
            for earlier, later in pairwise(months):
                if (_month_after(earlier.month), earlier.closing) != (later.month, later.opening):
                    yield (
                        f"{named(account)}: {earlier.month} closes at {dollars(earlier.closing)}, "
                        f"{later.month} opens at {dollars(later.opening)}"
                    )
            rows = [
                row
                for row in self.page.by_account[guid]
                if row["status"] == "POSTED" and row["posted_at"][:7] > months[-1].month
            ]
            since = sum(map(signed, rows)) * direction(account)
            if months[-1].closing + since != cents(account["balance"]):
                yield (
                    f"{named(account)}: {months[-1].month} closes at {dollars(months[-1].closing)}, "
                    f"{dollars(since)} was posted since, "
                    f"the balance is {account['balance']}"
                )

    # plans

    def _spent(self, first: str, last: str, category: str, *, income: bool = False) -> list[dict[str, Any]]:
        """The expenses (or income) of a category and those under it, on the days from first to last."""
        flag, tree = "is_income" if income else "is_expense", self.page.tree(category)
        return [
            row
            for row in self.page.transactions
            if row[flag] and first <= row["date"] <= last and row["category_guid"] in tree
        ]

    def budgets(self) -> Faults:
        """A budget says what this month's expenses of its category are, and what follows from that."""
        today = date.fromisoformat(self.page.now[:10])
        first, last = _month(today)
        for budget in self.page.budgets:
            category, limit = budget["category_guid"], budget["amount"] * 100
            if category not in self.page.categories:
                yield f"budget {budget['name']!r} is for the category {category}, which is not there"
            total = sum(cents(row["amount"]) for row in self._spent(str(first), str(last), category))
            recent = sum(cents(row["amount"]) for row in self._spent(str(today - timedelta(89)), str(today), category))
            projected = total + round(Fraction((last - today).days * recent, 90))
            said = {
                "transaction_total": total / 100,
                "percent_spent": round(total / limit * 100, 2) if limit else 0,
                "is_exceeded": bool(limit) and total > limit,
                "projected_spending": projected / 100,
                "is_off_track": projected > limit,
            }
            for name, value in said.items():
                if budget[name] != value:
                    yield (
                        f"budget {budget['name']!r} of {budget['amount']}: {name} {budget[name]}, by the "
                        f"transactions {value}"
                    )

    def cash_flow(self) -> Faults:
        """Income and expenses are what is budgeted at the top; without a budget, income is what came in in the last two
        months.
        """
        profile = self.mx.call("GET", f"/users/{self.user}/monthly_cash_flow_profile")["monthly_cash_flow_profile"]
        planned = {True: 0, False: 0}
        for budget in self.page.budgets:
            if budget["parent_guid"] is None:
                category = self.page.categories[budget["category_guid"]]
                top = self.page.categories[category["parent_guid"] or category["guid"]]
                planned[top["name"] == "Income"] += budget["amount"] * 100
        month, _ = _month(date.fromisoformat(self.page.now[:10]))
        before = month - timedelta(1)
        spans = [_month(before), _month(_month(before)[0] - timedelta(1))]
        earned = [
            cents(row["amount"])
            for row in self.page.transactions
            for a, b in spans
            if row["is_income"] and str(a) <= row["date"] <= str(b)
        ]
        income = planned[True] or round(Fraction(sum(earned), 2))
        said = {
            "budgeted_expenses": planned[False] / 100,
            "budgeted_income": income / 100,
            "estimated_goals_contribution": max(0, income - planned[False]) / 100 if self.page.budgets else None,
        }
        for name, value in said.items():
            if profile[name] != value:
                yield f"monthly cash flow: {name} {profile[name]}, by budgets and transactions {value}"

    def plans(self) -> Faults:
        """An item's transactions are those of its category in the month, on the accounts of the plan."""
        for plan in self.page.plans:
            path = f"/spending_plans/{plan['guid']}"
            month = self.mx.call("GET", f"/users/{self.user}{path}/iterations/current")
            accounts = {
                row["account_guid"]
                for row in self.page.rows(f"{path}/spending_plan_accounts", "spending_plan_accounts")
            }
            strange = [
                guid for guid in accounts if self.page.accounts.get(guid, {"type": None})["type"] not in EVERYDAY_TYPES
            ]
            if strange:
                yield f"plan {plan['guid']} has the accounts {strange}"
            for item in self.page.rows(f"{path}/iterations/current/iteration_items", "iteration_items"):
                yield from self._item(item, month, accounts)

    def _item(self, item: Row, month: Row, accounts: set[str]) -> Faults:
        category = self.page.categories.get(item["category_guid"] or item["top_level_category_guid"] or "")
        if category is None:
            rows, actual = [], None
        else:
            top = self.page.categories[category["parent_guid"] or category["guid"]]
            income = item["item_type"] == INCOME_ITEM or (item["item_type"] is None and top["name"] == "Income")
            found = self._spent(month["start_on"], month["end_on"], category["guid"], income=income)
            rows = [row for row in found if row["account_guid"] in accounts]
            actual = sum(cents(row["amount"]) for row in rows)
        if {row["guid"] for row in rows} != set(item["transaction_guids"]):
            yield (
                f"item {item['guid']} has {len(item['transaction_guids'])} transactions, by the list there are "
                f"{len(rows)}"
            )
        if item["actual_amount"] != (None if actual is None else actual / 100):
            yield f"item {item['guid']}: {item['actual_amount']} spent, by the transactions {actual}"

    def goals(self) -> Faults:
        """How far a goal is follows from the balance of its account; the positions are 1, 2, 3 …"""
        for goal in self.page.goals:
            account = self.page.accounts.get(goal["account_guid"])
            if account is None:
                yield f"goal {goal['name']!r} is for account {goal['account_guid']}, which is not there"
                continue
            amount, worth = cents(goal["amount"]), cents(account["balance"]) * direction(account)
            reached = amount + min(0, worth) if goal["goal_type_name"] == "PAYOFF" else worth
            current = max(0, min(amount, reached))
            if cents(goal["current_amount"]) != current:
                yield (
                    f"goal {goal['name']!r} on {named(account)}: {goal['current_amount']} reached, by the balance "
                    f"{dollars(current)}"
                )
        places = sorted(goal["position"] for goal in self.page.goals)
        if places != list(range(1, len(places) + 1)):
            yield f"the goals have the positions {places}"

    # callbacks

    def counts(self) -> Faults:
        """The callbacks have told how many transactions came."""
        made = self.memory.entered | {part for split in self.memory.splits.values() for part in split.parts}
        here = {row["guid"] for row in self.page.transactions if row["guid"] not in made}
        new = here - self.memory.brought
        told = 0
        after = f"&after={self.memory.told}" if self.memory.told else ""
        for webhook in self.mx.control("GET", f"/webhooks?limit=1000{after}")["webhooks"]:
            self.memory.told = webhook["id"]
            told += webhook["payload"].get("transactions_created_count", 0)
        self.memory.brought |= here
        if told != len(new):
            yield f"the callbacks tell of {told} new transactions, there are {len(new)}"


def _none(faults: list[str]) -> None:
    """Fails with the first faults, one a line."""
    shown = [*faults[:10], *([f"and {len(faults) - 10} more"] if len(faults) > 10 else [])]
    assert not faults, "the books do not add up:\n  " + "\n  ".join(shown)


def _month(day: date) -> tuple[date, date]:
    """The first and the last day of the month of a day."""
    first = day.replace(day=1)
    return first, (first + timedelta(32)).replace(day=1) - timedelta(1)


def _month_after(month: str) -> str:
    return str(_month(date.fromisoformat(f"{month}-01"))[1] + timedelta(1))[:7]


@cache
def _transfers(profile: str) -> list[tuple[str, str, str, str]]:
    """What a profile calls its transfers: (account, the bank's text there, other account, the text there), each account
    by its name.
    """
    accounts = profile_of(profile)["accounts"]
    found = []
    for account in accounts.values():
        settle = account.get("settle")
        for each in (*account.get("transactions", ()), *([settle] if isinstance(settle, dict) else ())):
            if "with" in each:
                there = each.get("there", each)
                other = accounts[each["with"]]["name"]
                found.append(
                    (
                        account["name"],
                        each.get("original", each["description"]),
                        other,
                        there.get("original", there["description"]),
                    )
                )
    return found
