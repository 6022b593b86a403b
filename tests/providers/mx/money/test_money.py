"""Money adds up: over every data profile, and after any sequence of API changes. What that means is in `books`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mocksrv.web.app import App
from tests.conftest import started
from tests.providers.mx.customer import Customer
from tests.providers.mx.page import Page, cents

PROFILES = ("empty", "everyday", "mxbank", "mxbank-oauth", "overdrawn", "wealthy")
SCENARIO = (
    "name: {0}-data\nprovider: mx\nflows:\n  connect:\n    - {{status: CREATED}}\n    - {{after: 1s, status: "
    "CONNECTED, data: {0}}}\n"
)
ALL_PROFILES = [each if each == "everyday" else pytest.param(each, marks=pytest.mark.slow) for each in PROFILES]
EXAMPLES, STEPS = 25, 25


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """One server on a manual clock with a scenario for every profile; each test has a sandbox of its own."""
    folder = tmp_path_factory.mktemp("scenarios")
    for name in (*PROFILES, "huge"):
        (folder / f"{name}-data.yaml").write_text(SCENARIO.format(name))
    engine, app = started(scenarios=(folder,))
    yield app
    engine.close()


@pytest.fixture
def customer(app: App) -> Iterator[Customer]:
    made = Customer(app)
    yield made
    made.go()


# every profile


@pytest.mark.parametrize("profile", ALL_PROFILES)
def test_a_profile_adds_up_as_time_goes_by(customer: Customer, profile: str) -> None:
    member = customer.connect(profile)
    for wait in ("1m", "1d", "9h", "33d"):
        customer.mx.advance(wait)
        customer.fetch(member)
    customer.job(member, "check_balance")
    customer.books.check()
    customer.job(member, "extend_history")
    customer.books.check_fetched(member)
    customer.mx.advance("70d")
    customer.fetch_statements(member)
    customer.mx.advance("31d")
    customer.fetch_statements(member)


@pytest.mark.parametrize("profile", ALL_PROFILES)
def test_plans_follow_the_transactions_of_a_profile(customer: Customer, profile: str) -> None:
    customer.connect(profile)
    customer.generate_budgets()
    page = customer.books.turn()
    for guid in sorted({row["category_guid"] for row in page.transactions}):
        customer.plan(guid, 2)
    for number, guid in enumerate(page.accounts):
        customer.goal(guid, 300_000, ("SAVE_AMOUNT", "PAYOFF")[number % 2])
    for wait in ("1m", "12d", "25d"):
        customer.mx.advance(wait)
        customer.books.check()


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_that_is_fetched_every_night_adds_up(customer: Customer, profile: str) -> None:
    member = customer.connect(profile, nightly=True)
    customer.fetch(member)
    customer.mx.advance("3d")
    customer.fetch(member)


def test_both_sides_of_a_transfer_are_one_to_one(customer: Customer) -> None:
    customer.connect("everyday")
    page = customer.books.turn()
    paid, received = (
        sorted(
            (row["date"], row["amount"])
            for row in page.transactions
            if row["category"] == "Credit Card Payment" and row["type"] == type
        )
        for type in ("DEBIT", "CREDIT")
    )
    assert paid == received != []


@pytest.mark.parametrize("type", ["CASH", "CREDIT_CARD"])
def test_a_manual_account_follows_what_is_entered(customer: Customer, type: str) -> None:
    account = customer.manual_account(type, 250.25)
    customer.books.check()
    for amount, kind, name in (
        (1999, "DEBIT", "Groceries"),
        (120_000, "CREDIT", "Paycheck"),
        (5000, "CREDIT", "Transfer"),
    ):
        spent = customer.enter(account, amount, kind, "2025-12-30", category_guid=customer.category(name))
        customer.books.check()
    parts = customer.split(spent, [1, 4999], [customer.category("Bonus"), None])
    customer.books.check()
    customer.call("PUT", f"/transactions/{parts[1]}", {"transaction": {"category_guid": customer.category("Income")}})
    customer.books.check()
    customer.merge(customer.manual_account("CHECKING", 10), account)
    customer.books.check()
    customer.call("DELETE", f"/transactions/{spent}")
    customer.books.check()


def test_parts_of_a_managed_transaction_stay_what_the_whole_is(customer: Customer) -> None:
    account = customer.managed_account("CASH", 5000)
    at = "2025-12-01T00:00:00Z"
    customer.books.check()
    customer.managed_transaction(
        account, amount="10.00", type="DEBIT", status="PENDING", posted_at=at, transacted_at=at
    )
    customer.books.check()
    whole = customer.books.page.transactions[0]["guid"]
    part = customer.split(whole, [400, 600], [None, None])[0]
    for change, status in (
        ({"status": "POSTED", "posted_at": "2025-12-03T00:00:00Z"}, 200),
        ({"transacted_at": "2025-12-02T00:00:00Z"}, 200),
        ({"type": "CREDIT"}, 422),
        ({"amount": "12.00"}, 422),
    ):
        customer.call("PUT", f"{customer.managed_path(account)}/{whole}", {"transaction": change}, status=status)
        customer.books.check()
    assert {row["date"] for row in customer.books.page.transactions} == {"2025-12-02"}
    customer.call("PUT", f"{customer.managed_path(account)}/{part}", {"transaction": {"status": "PENDING"}}, status=422)


def test_an_account_that_takes_in_another_stays_what_its_bank_says(customer: Customer) -> None:
    """What the other held is not its own, and what was pending there no bank will post any more."""
    member = customer.connect("wealthy")
    customer.fetch(member)
    accounts = {account["name"]: guid for guid, account in customer.books.page.accounts.items()}
    pending = {row["account_guid"] for row in customer.books.page.transactions if row["status"] == "PENDING"}
    assert pending & {accounts["Meridian Travel Card"], accounts["Family Rewards Card"]}
    for other in ("Brightwater Brokerage", "Meridian Travel Card", "Family Rewards Card"):
        customer.merge(accounts["Private Client Checking"], accounts[other])
        customer.books.check()
    for _ in range(3):
        customer.fetch(member)
        customer.mx.advance("9d")


@pytest.mark.slow
def test_a_huge_member_adds_up(customer: Customer) -> None:
    member = customer.connect("huge")
    customer.books.take_down(member)
    customer.mx.advance("2d")
    customer.fetch(member)


# any sequence of changes

picks = st.integers(0, 10**6)
amounts = st.integers(1, 500_000)  # cents
types = st.sampled_from(["CREDIT", "DEBIT"])
manual_types = st.sampled_from(["CASH", "CHECKING", "CREDIT_CARD", "LOAN", "PROPERTY", "SAVINGS"])
default_categories = st.sampled_from(
    ["Groceries", "Food & Dining", "Income", "Paycheck", "Transfer", "Credit Card Payment", "Uncategorized", "Gas"]
)
texts = st.sampled_from(["a", "coffee", "transfer", "pay", "netflix", "by hand", "renamed"])
statuses = st.sampled_from(["POSTED", "PENDING"])
managed_changes = st.sampled_from(
    [
        {"status": "POSTED"},
        {"status": "PENDING"},
        {"type": "DEBIT"},
        {"type": "CREDIT"},
        {"category": "Gas"},
        {"amount": "7.50"},
        {"posted_at": "2026-01-05T00:00:00Z"},
        {"transacted_at": "2026-01-02T00:00:00Z"},
    ]
)
waits = st.sampled_from(["1m", "5h", "1d", "2d", "8d", "31d"])


def having(what: Callable[[Changes], Any]) -> Callable[[Any], Any]:
    """A step that takes something that must be there."""
    return precondition(lambda machine: bool(what(machine)))


a_member = having(lambda machine: machine.customer.memory.profiles)
a_manual_account = having(lambda machine: machine.customer.memory.manual)
a_managed_account = having(lambda machine: machine.customer.memory.managed)
an_account = having(lambda machine: machine.page.accounts)
a_transaction = having(lambda machine: machine.page.transactions)


class Changes(RuleBasedStateMachine):
    """A user does anything in any order, and after each step the books are right."""

    app: App

    @initialize(profile=st.sampled_from(PROFILES))
    def connect_first(self, profile: str) -> None:
        self.customer = Customer(self.app)
        self.own: list[str] = []  # categories
        self.connect(profile)

    def teardown(self) -> None:
        self.customer.go()

    @property
    def page(self) -> Page:
        return self.customer.books.page

    def one(self, things: Iterable[Any], pick: int) -> Any:
        found = list(things)
        return found[pick % len(found)]

    def member(self, pick: int) -> str:
        """One that has a bank."""
        guid: str = self.one(self.customer.memory.profiles, pick)
        return guid

    def account(self, pick: int) -> str:
        guid: str = self.one(sorted(self.page.accounts), pick)
        return guid

    def manual_account(self, pick: int) -> str:
        guid: str = self.one(self.customer.memory.manual, pick)
        return guid

    def any_category(self, name: str, own: int) -> str:
        """A default category, or one of the user's own."""
        return self.own[own % len(self.own)] if self.own and own % 3 == 0 else self.customer.category(name)

    def wholes(self) -> dict[str, str]:
        """Part of a transaction -> the whole."""
        return {part: split.whole for split in self.customer.memory.splits.values() for part in split.parts}

    def day(self, back: int) -> str:
        return str(date.fromisoformat(self.page.now[:10]) - timedelta(back))

    @invariant()
    def the_books_are_right(self) -> None:
        self.customer.books.check()

    # the bank

    @having(lambda machine: len(machine.customer.memory.profiles) < 3)
    @rule(profile=st.sampled_from(PROFILES))
    def connect(self, profile: str) -> None:
        self.customer.fetch(self.customer.connect(profile))

    @rule(by=waits)
    def wait(self, by: str) -> None:
        self.customer.mx.advance(by)

    @a_member
    @rule(pick=picks)
    def fetch(self, pick: int) -> None:
        self.customer.fetch(self.member(pick))

    @a_member
    @rule(pick=picks, what=st.sampled_from(["holdings", "transactions"]))
    def fetch_without(self, pick: int, what: str) -> None:
        self.customer.job(self.member(pick), f"aggregate?include_{what}=false")

    @a_member
    @rule(pick=picks, verb=st.sampled_from(["check_balance", "extend_history", "fetch_statements", "identify"]))
    def job(self, pick: int, verb: str) -> None:
        self.customer.job(self.member(pick), verb)

    @a_member
    @rule(pick=picks)
    def leave(self, pick: int) -> None:
        member = self.member(pick)
        self.customer.call("DELETE", f"/members/{member}")
        self.customer.memory.profiles.pop(member)
        self.customer.forget(self.page.accounts)

    @having(lambda machine: len(machine.page.accounts) > 1)
    @rule(first=picks, second=picks)
    def merge(self, first: int, second: int) -> None:
        kept, other = self.account(first), self.account(second)
        if kept != other and not {kept, other} & self.customer.memory.managed.keys():
            self.customer.merge(kept, other)

    # by hand

    @rule(type=manual_types, balance=st.none() | amounts, available=st.booleans())
    def open_account(self, type: str, balance: int | None, available: bool) -> None:
        more = {"available_balance": balance / 100} if available and balance is not None else {}
        self.customer.manual_account(type, None if balance is None else balance / 100, **more)

    @a_manual_account
    @rule(pick=picks, balance=amounts)
    def give_a_balance(self, pick: int, balance: int) -> None:
        self.customer.change_manual_account(self.manual_account(pick), balance=balance / 100)

    @a_manual_account
    @rule(pick=picks, type=manual_types)
    def turn_into(self, pick: int, type: str) -> None:
        self.customer.change_manual_account(self.manual_account(pick), account_type=type)

    @a_manual_account
    @rule(pick=picks)
    def close_account(self, pick: int) -> None:
        guid = self.manual_account(pick)
        self.customer.call("DELETE", f"/accounts/{guid}")
        self.customer.forget({guid})

    @a_manual_account
    @rule(
        pick=picks,
        amount=amounts,
        type=types,
        back=st.integers(-40, 100),
        name=st.none() | default_categories,
        own=picks,
    )
    def enter(self, pick: int, amount: int, type: str, back: int, name: str | None, own: int) -> None:
        more = {} if name is None else {"category_guid": self.any_category(name, own)}
        self.customer.enter(self.manual_account(pick), amount, type, self.day(back), **more)

    @having(lambda machine: machine.customer.memory.entered)
    @rule(pick=picks)
    def take_back(self, pick: int) -> None:
        entered = [row["guid"] for row in self.page.transactions if row["is_manual"]]
        if entered:
            guid = self.one(entered, pick)
            self.customer.call("DELETE", f"/transactions/{self.wholes().get(guid, guid)}")

    # any transaction

    @a_transaction
    @rule(pick=picks, name=default_categories, own=picks)
    def categorise(self, pick: int, name: str, own: int) -> None:
        self.change(pick, category_guid=self.any_category(name, own))

    @a_transaction
    @rule(pick=picks, back=st.integers(-3, 60))
    def move_to_another_day(self, pick: int, back: int) -> None:
        self.change(pick, date=self.day(back))

    @a_transaction
    @rule(pick=picks, description=texts)
    def describe(self, pick: int, description: str) -> None:
        self.change(pick, description=description)

    def change(self, pick: int, **given: str) -> None:
        guid = self.one(self.page.transactions, pick)["guid"]
        self.customer.call("PUT", f"/transactions/{guid}", {"transaction": given})

    @a_transaction
    @rule(pick=picks, share=st.integers(1, 99), name=default_categories, own=picks)
    def split(self, pick: int, share: int, name: str, own: int) -> None:
        wholes = [row for row in self.page.transactions if row["guid"] not in self.wholes() and row["amount"] >= 1]
        if wholes:
            row = self.one(wholes, pick)
            first = cents(row["amount"]) * share // 100
            self.customer.split(
                row["guid"], [first, cents(row["amount"]) - first], [self.any_category(name, own), None]
            )

    @having(lambda machine: machine.customer.memory.splits)
    @rule(pick=picks)
    def unsplit(self, pick: int) -> None:
        self.customer.unsplit(self.one(self.customer.memory.splits, pick))

    # categories and rules

    @rule(parent=st.sampled_from(["Income", "Food & Dining", "Transfer"]))
    def add_category(self, parent: str) -> None:
        body = {"name": f"Own {len(self.own)}", "parent_guid": self.customer.category(parent)}
        self.own.append(self.customer.call("POST", "/categories", {"category": body})["category"]["guid"])

    @having(lambda machine: machine.own)
    @rule(pick=picks)
    def rename_category(self, pick: int) -> None:
        self.customer.call("PUT", f"/categories/{self.one(self.own, pick)}", {"category": {"name": f"Renamed {pick}"}})

    @having(lambda machine: machine.own)
    @rule(pick=picks)
    def drop_category(self, pick: int) -> None:
        guid = self.one(self.own, pick)
        self.customer.call("DELETE", f"/categories/{guid}")
        self.own.remove(guid)

    @rule(match=texts, name=default_categories, own=picks, description=st.none() | texts)
    def make_rule(self, match: str, name: str, own: int, description: str | None) -> None:
        body = {"match_description": match, "category_guid": self.any_category(name, own)}
        body |= {} if description is None else {"description": description}
        self.customer.call("POST", "/transaction_rules", {"transaction_rule": body})

    # plans

    @rule(name=default_categories, own=picks, dollars=st.integers(0, 2000))
    def budget(self, name: str, own: int, dollars: int) -> None:
        """A budget, with the one that it is part of."""
        wanted = self.any_category(name, own)
        there = {budget["category_guid"]: budget["guid"] for budget in self.page.budgets}
        parent = self.page.categories[wanted]["parent_guid"]
        for guid, part_of in ((parent, None), (wanted, parent)):
            if guid is not None and guid not in there:
                body = {
                    "category_guid": guid,
                    "amount": dollars,
                    **({"parent_guid": there[part_of]} if part_of else {}),
                }
                there[guid] = self.customer.call("POST", "/budgets", {"budget": body})["budget"]["guid"]

    @rule()
    def generate_budgets(self) -> None:
        self.customer.generate_budgets()

    @having(lambda machine: machine.page.budgets)
    @rule(pick=picks, dollars=st.integers(0, 2000))
    def change_budget(self, pick: int, dollars: int) -> None:
        self.customer.call(
            "PUT", f"/budgets/{self.one(self.page.budgets, pick)['guid']}", {"budget": {"amount": dollars}}
        )

    @having(lambda machine: machine.page.budgets)
    @rule(pick=picks)
    def drop_budget(self, pick: int) -> None:
        self.customer.call("DELETE", f"/budgets/{self.one(self.page.budgets, pick)['guid']}")

    @an_account
    @rule(pick=picks, amount=amounts, type=st.sampled_from(["SAVE_AMOUNT", "PAYOFF"]))
    def set_goal(self, pick: int, amount: int, type: str) -> None:
        self.customer.goal(self.account(pick), amount, type)

    @having(lambda machine: machine.page.goals)
    @rule(pick=picks, account=picks)
    def move_goal(self, pick: int, account: int) -> None:
        goal = self.one(self.page.goals, pick)
        body = {name: goal[name] for name in ("amount", "goal_type_name", "meta_type_name", "name")}
        self.customer.call("PUT", f"/goals/{goal['guid']}", {"goal": {**body, "account_guid": self.account(account)}})

    @having(lambda machine: machine.page.goals)
    @rule(pick=picks)
    def drop_goal(self, pick: int) -> None:
        self.customer.call("DELETE", f"/goals/{self.one(self.page.goals, pick)['guid']}")

    @rule(name=default_categories, own=picks, type=st.none() | st.integers(0, 3))
    def plan(self, name: str, own: int, type: int | None) -> None:
        self.customer.plan(self.any_category(name, own), type)

    @having(lambda machine: machine.page.plans)
    @rule(pick=picks)
    def leave_out_of_the_plan(self, pick: int) -> None:
        path = f"/spending_plans/{self.page.plans[0]['guid']}/spending_plan_accounts"
        accounts = self.customer.call("GET", path)["spending_plan_accounts"]
        if accounts:
            self.customer.call("DELETE", f"{path}/{self.one(accounts, pick)['guid']}")

    # what the client manages

    @having(lambda machine: len(machine.customer.memory.managed) < 3)
    @rule(type=manual_types, balance=amounts)
    def manage(self, type: str, balance: int) -> None:
        self.customer.managed_account(type, balance)

    @a_managed_account
    @rule(pick=picks, amount=amounts, type=types, back=st.integers(0, 60), name=default_categories, status=statuses)
    def managed_transaction(self, pick: int, amount: int, type: str, back: int, name: str, status: str) -> None:
        at = f"{self.day(back)}T12:00:00Z"
        given = {
            "amount": f"{amount / 100:.2f}",
            "type": type,
            "category": name,
            "status": status,
            "transacted_at": at,
            "posted_at": at,
        }
        self.customer.managed_transaction(self.one(self.customer.memory.managed, pick), **given)

    @a_managed_account
    @rule(pick=picks, change=managed_changes)
    def change_managed_transaction(self, pick: int, change: dict[str, str]) -> None:
        """One, or the whole that it is a part of."""
        rows = [row for row in self.page.transactions if row["account_guid"] in self.customer.memory.managed]
        if rows:
            row = self.one(rows, pick)
            guid = row["guid"] if pick % 2 else self.wholes().get(row["guid"], row["guid"])
            self.customer.change_managed_transaction(row["account_guid"], guid, **change)

    @a_managed_account
    @rule(pick=picks)
    def manage_no_more(self, pick: int) -> None:
        guid = self.one(self.customer.memory.managed, pick)
        self.customer.call("DELETE", f"/managed_members/{self.page.accounts[guid]['member_guid']}")
        self.customer.forget({guid})


@pytest.mark.slow
def test_money_adds_up_after_any_sequence_of_changes(app: App) -> None:
    machine = type("ChangesHere", (Changes,), {"app": app})
    chosen = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(machine, settings=chosen)
