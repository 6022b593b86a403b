"""Data profiles: the same answer every time, balances that add up, the data of MX's test bank, faults with their
place.
"""

from __future__ import annotations

import json
import pickle
import re
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mocksrv.engine.clock import DAY
from mocksrv.engine.problems import YamlError
from mocksrv.engine.yamlnodes import read as read_yaml
from mocksrv.providers.mx.bank.categories import BY_NAME
from mocksrv.providers.profiles import Account, Profiles
from mocksrv.providers.profiles.holdings import price
from mocksrv.providers.profiles.ledger import Ledger
from mocksrv.providers.profiles.library import BUNDLED as BUNDLED_FOLDER
from mocksrv.providers.profiles.model import Profile
from mocksrv.providers.profiles.reading import SCHEMA, read
from tests.properties import examples

UNTIL = 1_767_268_800_000  # 2026-01-01T12:00:00Z
BUNDLED = ["empty", "everyday", "huge", "mxbank", "mxbank-oauth", "overdrawn", "retirement", "wealthy"]
DEBTS = ("CREDIT_CARD", "LOAN", "MORTGAGE")
PROFILES = Profiles(categories=BY_NAME)

names = st.sampled_from(["everyday", "mxbank-oauth", "overdrawn", "wealthy"])
keys = st.text(max_size=20)
moments = st.integers(min_value=1_000_000_000_000, max_value=4_000_000_000_000)


def cents(amount: float) -> int:
    return round(amount * 100)


def noons(until: int) -> int:
    """How many noons there have been since the epoch: the last day with transactions."""
    return (until - DAY // 2) // DAY


def net(account: Account, *statuses: str) -> int:
    """Cents by which the transactions raise the balance."""
    sign = -1 if account.fields["type"] in DEBTS else 1
    return sign * sum(
        cents(t["amount"]) * (1 if t["type"] == "CREDIT" else -1)
        for t in account.transactions
        if t["status"] in statuses
    )


def test_bundled_profiles_are_sound() -> None:
    assert PROFILES.names() == frozenset(BUNDLED)
    for name in BUNDLED:
        path = BUNDLED_FOLDER / f"{name}.yaml"
        assert read(path.read_bytes(), name=name, file=str(path), categories=BY_NAME) == PROFILES.get(name)


@given(names, keys, moments, st.integers(6, 150))
@settings(max_examples=examples(60), deadline=None)
def test_a_balance_is_the_opening_balance_and_the_posted_transactions(
    name: str, key: str, until: int, days: int
) -> None:
    for account in PROFILES.generate(name, key=key, until=until, days=days).accounts:
        if account.opening_balance is not None:
            assert cents(account.fields["balance"]) == cents(account.opening_balance) + net(account, "POSTED")
            if account.fields["available_balance"] is not None:
                assert cents(account.fields["available_balance"]) == cents(account.opening_balance) + net(
                    account, "POSTED", "PENDING"
                )
        for transaction in account.transactions:
            assert transaction["amount"] > 0
            assert until - (days + 1) * DAY < transaction["transacted_at"] <= until
            assert (transaction["status"] == "PENDING") == (transaction["posted_at"] > until)


@given(names, keys, moments, st.integers(0, 120 * DAY))
@settings(max_examples=examples(60), deadline=None)
def test_a_refresh_goes_on_where_the_last_one_ended(name: str, key: str, until: int, later: int) -> None:
    first = PROFILES.generate(name, key=key, until=until, days=30)
    news = PROFILES.generate(name, key=key, until=until + later, since=until)
    whole = PROFILES.generate(name, key=key, until=until + later, days=30 + noons(until + later) - noons(until))
    for before, new, after in zip(first.accounts, news.accounts, whole.accounts, strict=True):
        merged = {t["id"]: t for t in (*before.transactions, *new.transactions)}
        assert merged == {t["id"]: t for t in after.transactions}
        posted = {t["id"] for t in before.transactions if t["status"] == "POSTED"}
        new.transactions = [t for t in new.transactions if t["id"] not in posted]
        if new.fields["type"] not in ("LOAN", "MORTGAGE", "INVESTMENT"):
            assert cents(new.fields["balance"]) == cents(before.fields["balance"]) + net(new, "POSTED")


@pytest.mark.parametrize("name", BUNDLED)
def test_the_same_call_gives_the_same_answer(name: str) -> None:
    days = 2 if name == "huge" else None
    first = PROFILES.generate(name, key="7:MBR-1", until=UNTIL, days=days)
    again = Profiles(categories=BY_NAME).generate(name, key="7:MBR-1", until=UNTIL, days=days)
    assert first == again == pickle.loads(pickle.dumps(first))
    if name not in ("empty", "mxbank"):
        assert PROFILES.generate(name, key="7:MBR-2", until=UNTIL, days=days) != first


@pytest.mark.parametrize("name", ["everyday", "wealthy", "overdrawn", "mxbank-oauth", "mxbank"])
def test_ids_are_unique_and_texts_complete(name: str) -> None:
    data = PROFILES.generate(name, key="k", until=UNTIL, days=400)
    ids = [t["id"] for account in data.accounts for t in account.transactions]
    assert len(ids) == len(set(ids)) > 0
    for account in data.accounts:
        assert account.fields["id"] == account.id
        assert account.owners[0]["owner_name"]
        for t in account.transactions:
            assert t["category"] in BY_NAME
            assert t["description"]
            assert t["original_description"]


def test_days_0_gives_balances_alone() -> None:
    shown = PROFILES.generate("everyday", key="k", until=UNTIL)
    balances = PROFILES.generate("everyday", key="k", until=UNTIL, days=0)
    assert [a.fields for a in balances.accounts] == [a.fields for a in shown.accounts]
    assert not any(a.transactions for a in balances.accounts)


def test_extended_history_adds_older_days_only() -> None:
    usual = PROFILES.generate("everyday", key="k", until=UNTIL)
    extended = PROFILES.generate("everyday", key="k", until=UNTIL, days=731)
    for short, long in zip(usual.accounts, extended.accounts, strict=True):
        assert long.transactions[-len(short.transactions) :] == short.transactions
        assert long.transactions[0]["date"] < "2024-02-01"


@given(st.sampled_from(["wealthy", "mxbank"]), keys, moments, st.integers(0, 400 * DAY), st.integers(0, 30 * DAY))
@settings(max_examples=examples(40), deadline=None)
def test_holdings_and_cash_are_the_balance_and_follow_the_transactions(
    name: str, key: str, opened: int, age: int, later: int
) -> None:
    one = PROFILES.generate(name, key=key, until=opened + age, days=0, opened=opened)
    two = PROFILES.generate(name, key=key, until=opened + age + later, since=opened + age, opened=opened)
    for before, after in zip(one.accounts, two.accounts, strict=True):
        if not before.holdings:
            assert "holdings_value" not in before.fields
            continue
        assert before.opening_balance is None
        for account in (before, after):
            values = [cents(holding["market_value"]) for holding in account.holdings]
            assert cents(account.fields["balance"]) == cents(account.fields["cash_balance"]) + sum(values)
            for h in account.holdings:
                units = Decimal(h["quantity"])
                for value, each in (("market_value", "current_price"), ("cost_basis", "purchase_price")):
                    exact = (Decimal(str(h[each])) * units).quantize(Decimal("0.01"), ROUND_HALF_UP)
                    assert Decimal(str(h[value])).quantize(Decimal("0.01")) == exact
        if not two.frozen:
            assert cents(after.fields["cash_balance"]) == cents(before.fields["cash_balance"]) + net(after, "POSTED")
        bought = sum(
            cents(t["amount"]) for t in after.transactions if t["category"] == "Buy" and t["status"] == "POSTED"
        )
        cost = [sum(cents(h["cost_basis"]) for h in account.holdings) for account in (before, after)]
        assert abs(cost[1] - cost[0] - bought) <= 1000  # purchase prices have four decimals


def test_a_price_is_within_its_swing_and_rests_at_weekends() -> None:
    spec = PROFILES.get("wealthy").accounts[-2].holdings[3]
    chance = Ledger(PROFILES.get("wealthy"), "k").chance
    prices = [price(chance, spec, day) for day in range(20_000, 20_200)]
    assert all(abs(each - spec.price) <= spec.price * spec.swing / 100 + 1 for each in prices)
    assert len(set(prices)) > 100
    moves = [abs(two - one) / one for one, two in pairwise(prices)]
    assert max(moves) < 0.06
    for place, day in enumerate(range(20_000, 20_200)):
        if (day + 3) % 7 in (5, 6):
            assert prices[place] == prices[place - 1] or place == 0


# Single profiles


def test_everyday_is_believable() -> None:
    for number in range(20):
        data = PROFILES.generate("everyday", key=f"7:MBR-{number}", until=UNTIL + number * 40 * DAY)
        assert [a.fields["type"] for a in data.accounts] == ["CHECKING", "SAVINGS", "CREDIT_CARD"]
        assert 230 < sum(len(a.transactions) for a in data.accounts) < 330
        checking, _, card = data.accounts
        running = cents(checking.opening_balance or 0)
        for t in checking.transactions:
            running += cents(t["amount"]) * (1 if t["type"] == "CREDIT" else -1)
            assert running > 0
        paid = Counter(
            (t["date"], t["amount"]) for t in checking.transactions if t["category"] == "Credit Card Payment"
        )
        received = Counter(
            (t["date"], t["amount"]) for t in card.transactions if t["category"] == "Credit Card Payment"
        )
        assert paid == received != Counter()
        assert card.fields["available_credit"] < 8000
        assert len(checking.statements) == 3
        assert card.rewards[0]["balance_type"] == "TOTAL_BALANCE"
        assert re.fullmatch(r"\d{9}", checking.routing_number or "")


def test_overdrawn_never_sees_zero() -> None:
    for day in range(0, 90, 7):
        checking = PROFILES.generate("overdrawn", key=f"k{day}", until=UNTIL + day * DAY).accounts[0]
        assert checking.fields["balance"] < 0
        assert any(t["is_overdraft_fee"] and t["is_fee"] for t in checking.transactions)


def test_wealthy_shares_accounts() -> None:
    data = PROFILES.generate("wealthy", key="k", until=UNTIL)
    joint = data.accounts[0]
    assert joint.fields["account_ownership"] == "JOINT"
    assert len(joint.owners) == 2
    assert {"INVESTMENT", "MORTGAGE", "LOAN"} <= {a.fields["type"] for a in data.accounts}


def test_empty_has_no_accounts() -> None:
    assert PROFILES.generate("empty", key="k", until=UNTIL).accounts == []


@pytest.mark.parametrize("until", [UNTIL, UNTIL + 77 * DAY + 5])
def test_huge_has_100000_transactions(until: int) -> None:
    assert sum(len(a.transactions) for a in PROFILES.generate("huge", key="k", until=until).accounts) == 100_000


def test_mxbank_is_what_the_test_bank_shows() -> None:
    data = PROFILES.generate("mxbank", key="7:MBR-1", until=UNTIL + 3_600_000)
    shown = [
        (a.fields["type"], a.id, a.account_number, a.routing_number, a.fields["balance"], a.fields["available_balance"])
        for a in data.accounts
        if a.fields["type"] not in ("LOAN", "MORTGAGE")
    ]
    assert shown == [
        ("CHECKING", "act-23445745", "4921710685", "005026788", 500000.0, 500000.0),
        ("SAVINGS", "act-352386787", "2936473248", "005026788", 500000.0, 500000.0),
        ("CREDIT_CARD", "act-3424234234", "XXXXXX5092", None, 10000.0, None),
        ("INVESTMENT", "act-23424343", "1526579950", None, 10000.0, None),
    ]
    assert [(a.id, a.account_number, a.routing_number) for a in data.accounts[3:5]] == [
        ("act-2378975", "4136990061", None),
        ("act-12323223", "8485388773", None),
    ]
    assert data.accounts[2].fields["available_credit"] == 3000.0
    assert data.accounts[2].fields["payment_due_at"] == 1_620_388_620_000  # 2021-05-07T11:57:00Z
    for account in data.accounts:
        assert account.fields["currency_code"] is None
        owner = account.owners[0]
        assert (owner["owner_name"], owner["address"], owner["city"]) == (
            "MX Test",
            "3401 N Thanksgiving Way #500",
            "Lehi",
        )


@pytest.mark.parametrize("hours", [0, 7, 13, 24 * 50 + 5])
def test_mxbank_transactions(hours: int) -> None:
    until = UNTIL + hours * 3_600_000
    accounts = PROFILES.generate("mxbank", key="7:MBR-1", until=until).accounts
    assert [len(a.transactions) for a in accounts] == [182, 182, 182, 182, 182, 0]
    rows = [t for a in accounts for t in a.transactions]
    assert sum(t["type"] == "CREDIT" for t in rows) == 455
    for account in accounts[:5]:
        assert set(Counter(t["date"] for t in account.transactions).values()) == {2}
    for t in rows:
        assert 1.20 <= t["amount"] <= 74.66
        assert t["transacted_at"] % DAY == DAY // 2
        assert t["posted_at"] == t["transacted_at"] + DAY
        assert (t["status"], t["memo"]) == ("POSTED", None)
        assert re.fullmatch(r"transfer-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", t["id"])
    checking = Counter((t["description"], t["category"], t["type"]) for t in accounts[0].transactions)
    assert checking["Paycheck", "Paycheck", "CREDIT"] == 26
    assert checking["Transfer", "Transfer", "CREDIT"] == 23
    assert sum(count for (_, _, kind), count in checking.items() if kind == "DEBIT") == 133
    assert not any(t["is_expense"] for t in accounts[4].transactions if t["type"] == "CREDIT")


def test_mxbank_never_has_news() -> None:
    first = PROFILES.generate("mxbank", key="k", until=UNTIL)
    later = PROFILES.generate("mxbank", key="k", until=UNTIL + 40 * DAY, since=UNTIL)
    assert first.frozen
    assert not any(a.transactions for a in later.accounts)
    assert [a.fields for a in later.accounts] == [a.fields for a in first.accounts]


def test_mxbank_oauth() -> None:
    checking, savings = PROFILES.generate("mxbank-oauth", key="k", until=UNTIL).accounts
    assert (checking.fields["name"], savings.fields["name"]) == ("MX Bank Checking", "MX Bank Savings")
    assert checking.fields["currency_code"] == "USD"
    assert re.fullmatch(r"account-[0-9a-f-]{36}", checking.id)
    assert re.fullmatch(r"\d{10}", checking.account_number or "")
    assert 1000 <= savings.fields["balance"] < 10000


# A user's own files

STUDENT = """
accounts:
  checking:
    type: CHECKING
    name: Student Checking
    balance: 150..400
    transactions:
      - {when: monthly on 1, credit: 900, description: Stipend, category: Paycheck, flags: [direct_deposit]}
      - {when: 10 times a month, debit: 3.50..6.90, at: coffee}
      - {when: weekly on saturday, debit: 25, with: savings, description: To savings, category: Transfer}
  savings:
    type: SAVINGS
    name: Savings
    number: "0123"
    balance: 50
"""


def test_a_file_of_the_user_is_found_and_reloaded(tmp_path: Path) -> None:
    profiles = Profiles([tmp_path], categories=BY_NAME)
    file = tmp_path / "student.profile.yaml"
    file.write_text(STUDENT)
    assert profiles.names() == frozenset({*BUNDLED, "student"})
    data = profiles.generate("student", key="k", until=UNTIL)
    assert data.accounts[1].account_number == "0123"
    assert "Stipend" in [t["description"] for t in data.accounts[0].transactions if t["date"] == "2026-01-01"]

    file.write_text(STUDENT.replace("Student Checking", "Campus Checking"))
    assert profiles.generate("student", key="k", until=UNTIL).accounts[0].fields["name"] == "Campus Checking"
    assert profiles.problems() == []

    file.write_text("accounts: 3")
    assert profiles.generate("student", key="k", until=UNTIL).accounts[0].fields["name"] == "Campus Checking"
    assert len(profiles.problems()) == 1


def test_a_file_of_the_user_replaces_a_bundled_one(tmp_path: Path) -> None:
    (tmp_path / "everyday.profile.yaml").write_text("accounts: {}")
    assert Profiles([tmp_path]).generate("everyday", key="k", until=UNTIL).accounts == []


def test_the_examples_of_the_documentation_work() -> None:
    text = (Path(__file__).parents[2] / "docs" / "profiles.md").read_text(encoding="utf-8")
    student, *_, holdings = [part.split("```")[0] for part in text.split("```yaml")[1:]]
    assert len(read(student, name="student", file="student", categories=BY_NAME).accounts) == 2
    assert len(read(f"accounts:\n{holdings}", name="saver", file="saver", categories=BY_NAME).accounts[0].holdings) == 2


def test_an_unknown_profile_is_named_with_the_nearest() -> None:
    with pytest.raises(YamlError, match=r"no data profile 'everyda'; did you mean 'everyday'\?"):
        PROFILES.generate("everyda", key="k", until=UNTIL)


def rule(text: str) -> str:
    return f"accounts:\n  a:\n    type: CASH\n    name: A\n    balance: 1\n    transactions:\n      - {text}"


def holding(*texts: str, more: str = "") -> str:
    rows = "".join(f"\n      - {text}" for text in texts)
    return f"accounts:\n  a:\n    type: INVESTMENT\n    name: A\n    balance: 100\n    holdings:{rows}{more}"


HALF = "{symbol: X, description: x, type: EQUITY, price: 10, share: 50}"
FIVE = "{symbol: X, description: x, type: EQUITY, price: 10, quantity: 5}"
FAULTS = (
    (
        holding("{symbol: X, type: EQUITY, price: 10, share: 100}"),
        "f:7:9: a holding needs 'description'",
    ),
    (
        holding("{symbol: X, description: x, type: GOLD, price: 10, share: 100}"),
        "f:7:43: 'type' cannot be 'GOLD'; allowed: ALTERNATIVE_INVESTMENTS, ANNUITY,",
    ),
    (
        holding("{symbol: X, description: x, type: EQUITY, price: 0, share: 100}"),
        "f:7:58: 'price' cannot be '0': write an amount above zero such as 12.50",
    ),
    (
        holding("{symbol: X, description: x, type: EQUITY, price: 10}"),
        "f:7:9: a holding says either 'quantity' or 'share', one of them",
    ),
    (
        holding("{symbol: X, description: x, type: EQUITY, price: 10, quantity: -1}"),
        "f:7:72: 'quantity' cannot be '-1': write a number of units such as 12.5",
    ),
    (
        holding("{symbol: X, description: x, type: EQUITY, price: 10, share: 101}"),
        "f:7:69: 'share' cannot be '101': write a part of a hundred, from 0 to 100",
    ),
    (
        holding(HALF),
        "f:3:5: either every holding has a 'share', 100 in all, or every one a 'quantity'",
    ),
    (
        holding(HALF, HALF),
        "f:3:5: a symbol stands twice among the holdings",
    ),
    (
        holding(FIVE),
        "f:3:5: holdings and cash_balance are 50.00; write that as the balance, or shares in place",
    ),
    (
        holding(HALF, HALF.replace("X", "Y"), more="\n    cash_balance: 200"),
        "f:3:5: the balance is less than the cash_balance",
    ),
    (
        holding(HALF, HALF.replace("X", "Y"), more="\n    settle: {holding: Z}"),
        "f:3:5: the account 'a' does not hold 'Z'",
    ),
    (
        "",
        "f:1:1: the file is empty",
    ),
    (
        "a: [",
        "f:2:1: this is not YAML: did not find expected node content",
    ),
    (
        "[" * 100,
        "f:1:21: this is nested too deeply: at most 20 levels",
    ),
    (
        "accounts: &a [*a]",
        "f:1:15: there is no anchor &a before this alias",
    ),
    (
        "summary: x",
        "f:1:1: a data profile needs 'accounts'",
    ),
    (
        "accounts: {a: {}}",
        "f:1:15: account 'a' needs 'type' and 'name' and 'balance'",
    ),
    (
        "acounts: {}",
        "f:1:1: unknown key 'acounts' in a data profile; did you mean 'accounts'? Allowed:",
    ),
    (
        "accounts: {}\ndepth: 9999",
        "f:2:8: 'depth' cannot be 9999: it must be from 1 to 731",
    ),
    (
        "accounts: {}\naccounts: {}",
        "f:2:1: the key 'accounts' is written twice, first on line 1",
    ),
    (
        "accounts: {}\nfrozen: yes",
        "f:2:9: 'frozen' must be true or false, not 'yes'",
    ),
    (
        "accounts: {a: {type: CHEQUE, name: A, balance: 1}}",
        "f:1:22: 'type' cannot be 'CHEQUE'; allowed: ANY, CASH, CHECKING, CHECKING_LINE_OF_CREDIT,",
    ),
    (
        "accounts: {a: {type: CASH, name: A, balance: 1.234}}",
        "f:1:46: 'balance' cannot be '1.234': write an amount (12.50), or a range from low to high",
    ),
    (
        "accounts: {a: {type: CASH, name: A, balance: 9..1}}",
        "f:1:46: 'balance' cannot be '9..1': it goes from high to low: write the smaller amount",
    ),
    (
        "accounts: {a: {type: CASH, name: A, balance: 1, matures_on: soon}}",
        "f:1:61: 'matures_on' cannot be 'soon': write a date or time such as 2027-12-31 or",
    ),
    (
        "accounts: {a: {type: CASH, name: A, balance: 1, settle: sometimes}}",
        "f:1:57: 'settle' cannot be 'sometimes': write never, or a mapping of every, with, there",
    ),
    (
        "accounts: {a: {type: CASH, name: A, balance: 1, settle: {with: b}}}",
        "f:1:64: there is no account 'b' in this file; allowed: a",
    ),
    (
        "accounts: {a: {type: CASH, name: A, balance: 1, settle: {with: a}}}",
        "f:1:11: accounts settle with each other in a circle: a -> a",
    ),
    (
        (
            "accounts: {a: {type: CASH, name: A, balance: 1, deck: {per_day: 2, cards: [{times: 3, debit: 1, "
            "description: x}]}}}"
        ),
        "f:1:55: the deck has 3 cards; at 2 a day that is not a whole number of days",
    ),
    (
        rule("{when: fortnightly, debit: 1, description: x}"),
        "f:7:16: 'when' cannot be 'fortnightly': write 'monthly on 15', 'monthly on last', 'weekly",
    ),
    (
        rule("{when: 9..3 times a day, debit: 1, description: x}"),
        "f:7:16: 'when' cannot be '9..3 times a day': it goes from low to high, at most 10,000",
    ),
    (
        rule("{when: every 2 days, description: x}"),
        "f:7:9: a rule says either 'credit' or 'debit', one of them",
    ),
    (
        rule("{when: every 2 days, debit: 1, credit: 1, description: x}"),
        "f:7:9: a rule says either 'credit' or 'debit', one of them",
    ),
    (
        rule("{when: every 2 days, debit: -1, description: x}"),
        "f:7:37: 'debit' cannot be '-1': write an amount above zero (12.50), or a range from low",
    ),
    (
        rule("{when: every 2 days, debit: 1}"),
        "f:7:9: a rule says either 'at' or 'description', one of them",
    ),
    (
        rule("{when: every 2 days, debit: 1, at: nowhere}"),
        "f:7:44: there is no list of merchants 'nowhere'; allowed: coffee, fast_food, gas,",
    ),
    (
        rule("{when: every 2 days, debit: 1, description: x, category: Fun}"),
        "f:7:66: 'Fun' is not one of the provider's categories; allowed: ATM Fee, Advertising, Air",
    ),
    (
        rule("{when: every 2 days, debit: 1, description: x, flags: [odd]}"),
        "f:7:64: an item of 'flags' cannot be 'odd'; allowed: bill_pay, direct_deposit, fee,",
    ),
)


@pytest.mark.parametrize(("text", "said"), FAULTS)
def test_a_fault_says_where_and_what(text: str, said: str) -> None:
    with pytest.raises(YamlError) as caught:
        read(text, name="f", file="f", categories=BY_NAME)
    assert str(caught.value).startswith(said)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(YamlError) as caught:
        read("depth: 0\nfrozen: 1\naccounts: {a: {type: X, balance: y}}", name="f", file="f")
    assert [fault.line for fault in caught.value.problems] == [1, 2, 3, 3, 3]


def test_aliases_cannot_multiply_a_file() -> None:
    rules = ", ".join(["{when: every 2 days, debit: 1, description: x}"] * 1000)
    accounts = "\n".join(f"  a{n}: {{type: CASH, name: A, balance: 1, transactions: *r}}" for n in range(1000))
    text = f"accounts:\n  a: {{type: CASH, name: A, balance: 1, transactions: &r [{rules}]}}\n{accounts}"
    with pytest.raises(YamlError, match="at most 50,000 values, aliases counted each time"):
        read(text, name="f", file="f")


def test_a_value_may_be_written_once_and_named() -> None:
    written = "accounts:\n  a: {type: CASH, name: A, balance: &b 1..5}\n  b: {type: CASH, name: B, balance: *b}\n"
    first, second = read(written, name="f", file="f").accounts
    assert first.balance == second.balance
    deep = "accounts: {a: &a " + "[" * 12 + "]" * 12 + ", b: " + "[" * 12 + "*a" + "]" * 12 + "}"
    with pytest.raises(YamlError, match=r"^f:1:\d+: this is nested too deeply: at most 20 levels$"):
        read(deep, name="f", file="f")


def outcome(text: str, *, check: bool = True) -> object:
    """What reading gives: a profile, or its faults."""
    try:
        return read(text, name="f", file="f", categories=BY_NAME, check=check)
    except YamlError as error:
        return error.problems


pieces = st.sampled_from(
    [*re.findall(r"[\w.]+|[:{}\[\],-]|\n +", STUDENT), "&a ", "*a", "null", "\t", "'", "!!x", "?", "|", "0x1", "\u2028"]
)


@given(st.one_of(st.text(max_size=200), st.lists(pieces, max_size=60).map(" ".join)))
@settings(max_examples=examples(200), deadline=None)
def test_no_text_raises_anything_else(text: str) -> None:
    assert outcome(text)


@given(st.data())
@settings(max_examples=examples(150), deadline=None)
def test_no_change_of_a_good_file_raises_anything_else(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(STUDENT)))
    end = data.draw(st.integers(start, min(len(STUDENT), start + 30)))
    text = STUDENT[:start] + data.draw(pieces) + STUDENT[end:]
    assert outcome(text)


# The schema


@pytest.mark.parametrize("name", BUNDLED)
def test_the_schema_takes_every_bundled_profile(name: str) -> None:
    path = BUNDLED_FOLDER / f"{name}.yaml"
    values = SCHEMA.values(read_yaml(path.read_bytes(), str(path), aliases=True).root)
    assert values["accounts"] or name == "empty"
    assert list(Draft202012Validator(SCHEMA.rules).iter_errors(values)) == []
    assert read(path.read_bytes(), name=name, file=str(path), categories=BY_NAME) == PROFILES.get(name)


def test_the_schema_explains_every_key() -> None:
    Draft202012Validator.check_schema(SCHEMA.rules)
    for rule in (SCHEMA.rules, *SCHEMA.rules["$defs"].values()):
        for key, value in rule.get("properties", {}).items():
            assert value.get("description") or SCHEMA.resolved(value).get("description"), key


junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10_000),
    st.floats(-1e6, 1e6).map(lambda number: round(number, 3)),
    st.sampled_from(["", "x", "12.50", "9..1", "0", "never", "monthly on 15", "2027-02-30", "CASH", "SAVINGS", "USD"]),
    st.lists(st.integers(0, 3), max_size=2),
    st.dictionaries(st.sampled_from(["with", "debit", "name", "every", "odd"]), st.integers(0, 3), max_size=2),
)


@given(st.sampled_from(["everyday", "mxbank", "overdrawn", "wealthy"]), st.data())
@settings(max_examples=examples(150), deadline=None)
def test_the_schema_and_the_reader_agree(name: str, data: st.DataObject) -> None:
    """What the reader takes is valid; what is invalid it refuses; what it refuses of the valid no schema can say."""
    path = BUNDLED_FOLDER / f"{name}.yaml"
    values: Any = json.loads(json.dumps(SCHEMA.values(read_yaml(path.read_bytes(), name, aliases=True).root)))
    for _ in range(data.draw(st.integers(1, 2))):
        place = values
        while True:
            key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else list(range(len(place)))))
            inner = place[key]
            if not isinstance(inner, (dict, list)) or not inner or data.draw(st.integers(0, 4)) == 0:
                break
            place = inner
        if isinstance(place, dict) and data.draw(st.booleans()):
            value = place.pop(key)
            if data.draw(st.booleans()):
                place[data.draw(st.sampled_from(["odd", "deck", "swing", "there", f"{key}s"]))] = value
        else:
            place[key] = data.draw(junk)
        assume(place)
    text = json.dumps(values, ensure_ascii=False)
    read_back = SCHEMA.values(read_yaml(text, "f", aliases=True).root)
    valid = not list(Draft202012Validator(SCHEMA.rules).iter_errors(read_back))
    found = outcome(text)
    assert valid or not isinstance(found, Profile)
    if valid:
        assert outcome(text, check=False) == found
