"""Reads a data profile: YAML text in, a checked `Profile` or every fault with its place out.

`docs/profiles.md` describes the format for those who write it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mocksrv.providers.profiles import nodes
from mocksrv.providers.profiles.holdings import SWINGS, faults, traded
from mocksrv.providers.profiles.merchants import MERCHANTS
from mocksrv.providers.profiles.model import (
    DEPOSITS,
    LONGEST_DEPTH,
    AccountSpec,
    Deck,
    Fault,
    HoldingSpec,
    Line,
    Profile,
    ProfileError,
    Rule,
    Settle,
    When,
)
from mocksrv.providers.profiles.nodes import BadValueError, NodeReader

if TYPE_CHECKING:
    from yaml import Node

    Convert = Callable[[Node], Any]

LEVELLED = frozenset(
    {"CASH", "CHECKING", "CHECKING_LINE_OF_CREDIT", "CREDIT_CARD", "LINE_OF_CREDIT", "PREPAID", "SAVINGS"}
)
TYPES = LEVELLED | {"ANY", "INSURANCE", "INVESTMENT", "LOAN", "MORTGAGE", "PROPERTY"}
MONEY_FIELDS = (
    "available_balance",
    "available_credit",
    "cash_balance",
    "cash_surrender_value",
    "credit_limit",
    "death_benefit",
    "last_payment",
    "loan_amount",
    "margin_balance",
    "minimum_balance",
    "minimum_payment",
    "original_balance",
    "pay_out_amount",
    "payoff_balance",
    "premium_amount",
    "statement_balance",
    "today_ugl_amount",
    "total_account_value",
    "total_account_value_ugl",
)
RATE_FIELDS = ("apr", "apy", "interest_rate", "today_ugl_percentage")
MOMENT_FIELDS = ("last_payment_at", "matures_on", "payment_due_at", "started_on")
TEXT_FIELDS = ("annuity_policy_to_date", "annuity_provider", "insured_name", "nickname", "property_type", "subtype")
PERSON = (
    "owner_name",
    "first_name",
    "last_name",
    "address",
    "city",
    "state",
    "postal_code",
    "country",
    "email",
    "phone",
)
FLAGS = (
    "bill_pay",
    "direct_deposit",
    "fee",
    "income",
    "international",
    "overdraft_fee",
    "payroll_advance",
    "recurring",
    "subscription",
)
INCOME = frozenset({"Bonus", "Income", "Interest Income", "Paycheck", "Reimbursement", "Rental Income"})
FEES = frozenset(
    {"ATM Fee", "Banking Fee", "Fees & Charges", "Finance Charge", "Late Fee", "Service Fee", "Trade Commissions"}
)
TRANSFERS = frozenset({"Credit Card Payment", "Mortgage Payment", "Transfer", "Transfer for Cash Spending"})

MOST_AT_ONCE = 10_000  # transactions of one rule in its day, week or month
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_WEEKDAY = "|".join(WEEKDAYS)
_WHEN = (
    ("monthly", re.compile(r"monthly on (last|[1-9]|[12][0-9]|3[01])")),
    ("weekly", re.compile(rf"(?:weekly|every ([1-9][0-9]?) weeks) on ({_WEEKDAY})")),
    ("days", re.compile(r"every ([1-9][0-9]{0,2}) days")),
    ("yearly", re.compile(r"yearly on (0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")),
    ("day", re.compile(r"([0-9]{1,5})(?:\.\.([0-9]{1,5}))? times? a day")),
    ("week", re.compile(r"([0-9]{1,5})(?:\.\.([0-9]{1,5}))? times? a week")),
    ("month", re.compile(r"([0-9]{1,5})(?:\.\.([0-9]{1,5}))? times? a month")),
)
_WHEN_HELP = (
    "'monthly on 15', 'monthly on last', 'weekly on friday', 'every 2 weeks on friday', 'every 3 days', "
    "'yearly on 04-15', "
    "'2 times a day', '3 times a week', '8 times a month' or '5..9 times a month'"
)
_ACCOUNT_FIELDS: Mapping[str, Convert] = {
    "is_closed": nodes.flag,
    "day_payment_is_due": nodes.integer(1, 31),
    "annuity_term_year": nodes.integer(0, 200),
    "account_ownership": nodes.one_of({"INDIVIDUAL", "JOINT", "MULTIPLE", "UNKNOWN"}),
    "federal_insurance_status": nodes.one_of({"INSURED", "NOT_INSURED", "UNKNOWN_INSURED"}),
    **dict.fromkeys(MONEY_FIELDS, nodes.dollars),
    **dict.fromkeys(RATE_FIELDS, nodes.rate),
    **dict.fromkeys(MOMENT_FIELDS, nodes.moment),
    **dict.fromkeys(TEXT_FIELDS, nodes.text),
}
_HOLDING_FIELDS: Mapping[str, Convert] = {
    **dict.fromkeys(("description", "coupon_yield", "expiration", "frequency", "term", "term_unit"), nodes.text),
    **dict.fromkeys(("issue_date", "maturity_date", "vesting_end_date", "vesting_start_date"), nodes.day),
    **dict.fromkeys(("face_value", "strike_price"), nodes.dollars),
    "put_or_call": nodes.one_of({"CALL", "PUT"}),
    "rate": nodes.rate,
}
_REWARD_FIELDS: Mapping[str, Convert] = {
    "balance_type": nodes.text,
    "balance": nodes.dollars,
    "unit_type": nodes.text,
    "description": nodes.text,
    "expires_on": nodes.day,
    "expires_in_months": nodes.integer(0, 120),
}


def read(text: str, *, name: str, file: str, categories: Container[str] | None = None) -> Profile:
    """The profile written in `text`. Raises ProfileError with every fault.

    `file` stands in the faults; category names are checked where `categories` is given.
    """
    root = nodes.compose(text, file)
    if root is None:
        raise ProfileError([Fault(file, 1, 1, "the file is empty; write 'accounts:'")])
    reader = _ProfileReader(file, categories)
    profile = reader.profile(root, name)
    if reader.faults or profile is None:
        raise ProfileError(sorted(set(reader.faults), key=lambda fault: fault[1:]))
    return profile


class _ProfileReader(NodeReader):
    def __init__(self, file: str, categories: Container[str] | None):
        super().__init__(file)
        self._categories = categories
        self._merchants: dict[str, tuple[Line, ...]] = {}
        self._handles: frozenset[str] = frozenset()

    def profile(self, root: Node, name: str) -> Profile | None:
        parts = {key: value for key, _, value in self.pairs(root)}
        self.faults.clear()
        if "merchants" in parts:
            self.convert(parts["merchants"], self._own_merchants)
        if "accounts" in parts and nodes.kind(parts["accounts"]) == "mapping":
            self._handles = frozenset(str(key.value) for key, _ in parts["accounts"].value)
        fields: dict[str, Convert] = {
            "summary": nodes.text,
            "frozen": nodes.flag,
            "depth": nodes.integer(1, LONGEST_DEPTH),
            "currency": nodes.text,
            "transaction_id": nodes.text,
            "owners": self._owners,
            "merchants": lambda _: None,
            "accounts": lambda node: self.table(node, self._account),
        }
        got = self.mapping(root, fields, required=("accounts",))
        if self.faults:
            return None
        specs = tuple(got["accounts"].values())
        self._refuse_circles(parts["accounts"], specs)
        self._refuse_unknown_holdings(parts["accounts"], specs)
        return Profile(
            name=name,
            frozen=bool(got.get("frozen")),
            depth=got.get("depth") or 90,
            currency=got.get("currency", "USD"),
            transaction_id=got.get("transaction_id") or "txn-{uuid}",
            owners=got.get("owners") or 1,
            accounts=specs,
        )

    # Accounts and what happens on them

    def _account(self, handle: str, node: Node) -> AccountSpec | None:
        fields: dict[str, Convert] = {
            "type": nodes.one_of(TYPES),
            "id": nodes.text,
            "name": nodes.text,
            "number": nodes.text,
            "routing": nodes.text,
            "balance": nodes.span,
            "joint": nodes.flag,
            "statements": nodes.integer(0, 24),
            "rewards": lambda value: self.items(value, self._reward),
            "transactions": lambda value: self.items(value, lambda rule: self._rule(rule, timed=True)),
            "deck": self._deck,
            "settle": self._settle,
            "holdings": lambda value: self.items(value, self._holding),
            **_ACCOUNT_FIELDS,
        }
        got = self.mapping(node, fields, required=("type", "name", "balance"))
        if got.get("deck") and got.get("transactions"):
            self.add(node, "an account has either 'transactions' or a 'deck'")
        if self.faults:
            return None
        holdings = tuple(got.get("holdings") or ())
        if holdings:
            for message in faults(holdings, got["balance"], round((got.get("cash_balance") or 0) * 100)):
                self.add(node, message)
        kind = got["type"]
        return AccountSpec(
            handle=handle,
            type=kind,
            id=got.get("id") or "act-#########",
            number=got.get("number", "##########"),
            routing=got.get("routing", "auto" if kind in DEPOSITS else None),
            balance=got["balance"],
            fields={key: value for key, value in got.items() if key in _ACCOUNT_FIELDS or key in ("type", "name")},
            joint=bool(got.get("joint")),
            statements=got.get("statements", 3 if kind in DEPOSITS or kind == "CREDIT_CARD" else 0) or 0,
            rewards=tuple(got.get("rewards") or ()),
            rules=tuple(got.get("transactions") or ()),
            deck=got.get("deck"),
            settle=got.get("settle", self._plain_settle() if kind in LEVELLED or holdings else None),
            drifts="settle" not in got and kind not in LEVELLED and not holdings,
            holdings=holdings,
        )

    def _holding(self, node: Node) -> HoldingSpec | None:
        fields: dict[str, Convert] = {
            "symbol": nodes.text,
            "type": nodes.one_of(SWINGS),
            "price": nodes.price,
            "purchase_price": nodes.price,
            "swing": nodes.percent,
            "quantity": nodes.quantity,
            "share": nodes.percent,
            "unvested": nodes.quantity,
            "daily_change": nodes.dollars,
            **_HOLDING_FIELDS,
        }
        before = len(self.faults)
        got = self.mapping(node, fields, required=("symbol", "description", "type", "price"))
        if len(self.faults) > before:
            return None
        if (got.get("quantity") is None) == (got.get("share") is None):
            self.add(node, "write either 'quantity' or 'share'")
        change = got.get("daily_change")
        return HoldingSpec(
            symbol=got["symbol"],
            type=got["type"],
            price=got["price"],
            purchase_price=got.get("purchase_price") or got["price"],
            swing=SWINGS[got["type"]] if got.get("swing") is None else got["swing"],
            quantity=got.get("quantity"),
            share=got.get("share"),
            unvested=got.get("unvested"),
            daily_change=None if change is None else round(change * 100),
            fields={name: got.get(name) for name in _HOLDING_FIELDS},
        )

    def _rule(self, node: Node, *, timed: bool) -> Rule | None:
        needed = "when" if timed else "times"
        fields: dict[str, Convert] = {
            needed: _when if timed else nodes.integer(1, MOST_AT_ONCE),
            "credit": nodes.positive,
            "debit": nodes.positive,
            "at": self._at,
            "posts_after": nodes.integer(0, 5),
            "with": self._handle,
            "there": self._line,
            **({} if timed else {"evenly": nodes.flag}),
            **self._line_fields(),
        }
        before = len(self.faults)
        got = self.mapping(node, fields, required=(needed,))
        if len(self.faults) > before:
            return None
        for one, other in (("credit", "debit"), ("at", "description")):
            if (got.get(one) is None) == (got.get(other) is None):
                self.add(node, f"write either {one!r} or {other!r}")
        if len(self.faults) > before:
            return None
        return Rule(
            when=got.get("when"),
            times=got.get("times") or 1,
            sign=1 if got.get("credit") else -1,
            amount=got.get("credit") or got["debit"],
            lines=got.get("at") or (self._make_line(got),),
            posts_after=got.get("posts_after") or 0,
            partner=got.get("with"),
            there=got.get("there"),
            evenly=bool(got.get("evenly")),
        )

    def _deck(self, node: Node) -> Deck | None:
        fields: dict[str, Convert] = {
            "per_day": nodes.integer(1, MOST_AT_ONCE),
            "cards": lambda value: self.items(value, lambda card: self._rule(card, timed=False)),
        }
        before = len(self.faults)
        got = self.mapping(node, fields, required=("per_day", "cards"))
        if len(self.faults) > before:
            return None
        deck = Deck(got["per_day"], tuple(got["cards"]))
        total = sum(card.times for card in deck.cards)
        if not total or total % deck.per_day:
            self.add(node, f"the deck has {total} cards; at {deck.per_day} a day that is not a whole number of days")
        return deck

    def _settle(self, node: Node) -> Settle | None:
        if node.value == "never":
            return None
        if nodes.kind(node) != "mapping":
            raise BadValueError("write 'never' or a mapping with every, with, description, category")
        fields: dict[str, Convert] = {
            "every": nodes.one_of({"day", "month"}),
            "with": self._handle,
            "there": self._line,
            **self._line_fields(),
        }
        got = self.mapping(node, fields)
        line = self._make_line({"description": "Transfer", "category": "Transfer", **got})
        return Settle(got.get("every") == "day", line, got.get("with"), got.get("there"))

    def _plain_settle(self) -> Settle:
        return Settle(
            daily=False,
            line=self._make_line({"description": "Transfer", "category": "Transfer"}),
            partner=None,
            there=None,
        )

    def _refuse_circles(self, node: Node, specs: Sequence[AccountSpec]) -> None:
        partners = {spec.handle: spec.settle.partner for spec in specs if spec.settle}
        for handle in partners:
            seen: list[str] = []
            step: str | None = handle
            while step is not None and step not in seen:
                seen.append(step)
                step = partners.get(step)
            if step is not None:
                self.add(node, f"accounts settle with each other in a circle: {' -> '.join([*seen, step])}")
                return

    def _refuse_unknown_holdings(self, node: Node, specs: Sequence[AccountSpec]) -> None:
        """A transaction buys or sells what its account holds."""
        held = {spec.handle: {each.symbol for each in spec.holdings} for spec in specs}
        for handle, symbol in sorted(traded(specs)):
            if symbol not in held[handle]:
                self.add(node, f"{handle!r} does not hold {symbol!r}")

    # Names, lines and people

    def _reward(self, node: Node) -> dict[str, Any]:
        return self.mapping(node, _REWARD_FIELDS, required=("balance_type", "balance"))

    def _owners(self, node: Node) -> tuple[Mapping[str, Any], ...] | int:
        if nodes.kind(node) == "scalar":
            return nodes.integer(1, 4)(node)
        people = self.items(
            node, lambda person: self.mapping(person, dict.fromkeys(PERSON, nodes.text), required=("owner_name",))
        )
        return tuple({**dict.fromkeys(PERSON), **person} for person in people if person)

    def _line_fields(self) -> dict[str, Convert]:
        return {
            "description": nodes.text,
            "original": nodes.text,
            "category": self._category,
            "memo": nodes.text,
            "holding": nodes.text,
            "flags": lambda value: self.items(value, nodes.one_of(FLAGS)),
        }

    def _line(self, node: Node) -> Line:
        return self._make_line(self.mapping(node, self._line_fields(), required=("description",)))

    def _make_line(self, got: Mapping[str, Any]) -> Line:
        category = got.get("category") or "Uncategorized"
        flags = frozenset(got.get("flags") or ())
        body = {
            "description": got.get("description"),
            "original_description": got.get("original") or got.get("description"),
            "category": category,
            "memo": got.get("memo"),
            **{f"is_{flag}": flag in flags for flag in FLAGS},
            "is_fee": category in FEES or not flags.isdisjoint({"fee", "overdraft_fee"}),
            "is_recurring": True if "recurring" in flags else None,
        }
        return Line(
            debit={**body, "type": "DEBIT", "is_expense": category not in TRANSFERS, "is_income": False},
            credit={
                **body,
                "type": "CREDIT",
                "is_expense": False,
                "is_income": category in INCOME or "income" in flags,
            },
            holding=got.get("holding"),
        )

    def _own_merchants(self, node: Node) -> None:
        for name, lines in self.table(node, lambda _, value: self.items(value, self._line)).items():
            self._merchants[name] = tuple(line for line in lines or () if line)

    def _at(self, node: Node) -> tuple[Line, ...]:
        name = nodes.text(node)
        if name not in self._merchants and name in MERCHANTS:
            rows = MERCHANTS[name]
            self._merchants[name] = tuple(
                self._make_line({"description": row[0], "original": row[1], "category": row[2]}) for row in rows
            )
        if not self._merchants.get(name):
            raise BadValueError(
                f"there is no list of merchants {name!r}; there are {', '.join(sorted({*MERCHANTS, *self._merchants}))}"
            )
        return self._merchants[name]

    def _category(self, node: Node) -> str:
        name = nodes.text(node)
        if self._categories is not None and name not in self._categories:
            raise BadValueError(f"{name!r} is not one of the provider's categories")
        return name

    def _handle(self, node: Node) -> str:
        handle = nodes.text(node)
        if handle not in self._handles:
            raise BadValueError(
                f"there is no account {handle!r} in this file; there are {', '.join(sorted(self._handles))}"
            )
        return handle


def _when(node: Node) -> When:
    written = nodes.text(node)
    for kind, pattern in _WHEN:
        match = pattern.fullmatch(written)
        if match:
            return When(kind, _WHEN_NUMBERS[kind](*match.groups()))
    raise BadValueError(f"{written!r} is not a time; write for example {_WHEN_HELP}")


def _times(low: str, high: str | None) -> tuple[int, int]:
    fewest, most = int(low), int(high or low)
    if not 0 <= fewest <= most <= MOST_AT_ONCE:
        raise BadValueError(f"write the number of times from low to high, at most {MOST_AT_ONCE:,}")
    return fewest, most


_WHEN_NUMBERS: Mapping[str, Callable[..., tuple[int, ...]]] = {
    "monthly": lambda day: (31 if day == "last" else int(day),),
    "weekly": lambda weeks, weekday: (int(weeks or 1), WEEKDAYS.index(weekday)),
    "days": lambda days: (int(days),),
    "yearly": lambda month, day: (int(month), int(day)),
    "day": _times,
    "week": _times,
    "month": _times,
}
