"""Reads a data profile: YAML text in, a checked `Profile` or every fault with its place out.

``schema.json`` says what a profile may say; this module reads it, and checks what a schema cannot say: names that must
be there, sums, circles. `docs/profiles.md` describes the format for those who write it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import mocksrv.providers.profiles.values as values
from mocksrv.engine.problems import YamlError, choose, short
from mocksrv.engine.yamlnodes import read as read_yaml
from mocksrv.engine.yamlschema import FileSchema, Place, Problems, mapping
from mocksrv.providers.profiles.fields import ACCOUNT_FIELDS, HOLDING_FIELDS, REWARD_FIELDS, Convert
from mocksrv.providers.profiles.holdings import SWINGS, faults, traded
from mocksrv.providers.profiles.merchants import MERCHANTS
from mocksrv.providers.profiles.model import (
    DEPOSITS,
    AccountSpec,
    Deck,
    HoldingSpec,
    Line,
    Profile,
    ProfileRule,
    Settle,
    When,
)
from mocksrv.providers.profiles.values import BadValueError

SCHEMA = FileSchema(Path(__file__).with_name("schema.json"))
T = TypeVar("T")
Values = Mapping[str, Any]

LEVELLED = frozenset(
    {"CASH", "CHECKING", "CHECKING_LINE_OF_CREDIT", "CREDIT_CARD", "LINE_OF_CREDIT", "PREPAID", "SAVINGS"}
)
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
    ("monthly", re.compile(r"monthly on (last|[0-9]+)")),
    ("weekly", re.compile(rf"(?:weekly|every ([0-9]+) weeks) on ({_WEEKDAY})")),
    ("days", re.compile(r"every ([0-9]+) days")),
    ("yearly", re.compile(r"yearly on ([0-9]+)-([0-9]+)")),
    ("day", re.compile(r"([0-9]+)(?:\.\.([0-9]+))? times? a day")),
    ("week", re.compile(r"([0-9]+)(?:\.\.([0-9]+))? times? a week")),
    ("month", re.compile(r"([0-9]+)(?:\.\.([0-9]+))? times? a month")),
)


def read(
    text: bytes | str, *, name: str, file: str, categories: Container[str] | None = None, check: bool = True
) -> Profile:
    """The profile written in `text`. Raises YamlError with every fault.

    `file` stands in the faults; category names are checked where `categories` is given. ``check=False`` is for the
    package's own files, whose shape is tested: it saves the time of checking it.
    """
    document = read_yaml(text, file, aliases=True)
    written = SCHEMA.values(document.root)
    problems = Problems(file, document.root, document.problems)
    misshapen = SCHEMA.check(written, problems) if check else []
    profile = _Reader(problems, misshapen, categories).profile(written, name)
    if profile is None or problems.sorted():
        raise YamlError(problems.sorted())
    return profile


class _Reader:
    """Makes the model of a profile's values and reports what does not fit together; the misshapen is passed over."""

    def __init__(self, problems: Problems, misshapen: Sequence[Place], categories: Container[str] | None) -> None:
        self._problems = problems
        self._faulty = list(misshapen)  # places
        self._categories = categories
        self._merchants: dict[str, tuple[Line, ...]] = {}
        self._handles: frozenset[str] = frozenset()

    def _add(self, path: Place, message: str) -> None:
        self._problems.at(path, message)
        self._faulty.append(path)

    def _is_sound(self, path: Place) -> bool:
        """Whether nothing at or under a place has a fault."""
        return not any(place[: len(path)] == path for place in self._faulty)

    def _convert(self, path: Place, value: Any, convert: Convert) -> Any:
        """The value of a key; null is null."""
        try:
            return None if value is None else convert(value)
        except BadValueError as error:
            self._add(path, f"{short(path[-1])} cannot be {short(value)}: it {error}")
            return None

    def _fields(self, path: Place, written: Values, fields: Mapping[str, Convert]) -> dict[str, Any]:
        return {
            key: self._convert((*path, key), value, fields[key])
            for key, value in written.items()
            if key in fields and self._is_sound((*path, key))
        }

    def _items(self, path: Place, written: Any, convert: Callable[[Place, Any], T | None]) -> tuple[T, ...]:
        """What is made of the items of a list that have no faults."""
        made = [
            convert((*path, index), item)
            for index, item in enumerate(written if isinstance(written, list) else ())
            if self._is_sound((*path, index))
        ]
        return tuple(each for each in made if each is not None)

    def profile(self, written: Any, name: str) -> Profile | None:
        """The whole file; None where it has faults."""
        if not isinstance(written, dict) or not isinstance(written.get("accounts"), dict):
            return None
        for shop, lines in mapping(written.get("merchants")).items():
            self._merchants[shop] = self._items(("merchants", shop), lines, self._line)
        accounts = written["accounts"]
        self._handles = frozenset(accounts)
        specs = [
            self._account(("accounts", handle), handle, account)
            for handle, account in accounts.items()
            if isinstance(account, dict)
        ]
        if not self._is_sound(()):
            return None
        found = tuple(spec for spec in specs if spec)
        self._refuse_circles(found)
        self._refuse_unknown_holdings(found)
        owners = written.get("owners", 1)
        return Profile(
            name=name,
            frozen=written.get("frozen", False),
            depth=written.get("depth", 90),
            currency=written.get("currency", "USD"),
            transaction_id=written.get("transaction_id", "txn-{uuid}"),
            owners=owners if isinstance(owners, int) else tuple({**dict.fromkeys(PERSON), **each} for each in owners),
            accounts=found,
        )

    # Accounts and what happens on them

    def _account(self, path: Place, handle: str, written: Values) -> AccountSpec | None:
        kind = written.get("type") if self._is_sound((*path, "type")) else None
        levelled = kind in LEVELLED or bool(written.get("holdings"))
        rules = self._items((*path, "transactions"), written.get("transactions"), self._rule)
        deck = self._deck((*path, "deck"), written["deck"]) if "deck" in written else None
        settle = self._plain_settle() if levelled else None
        if "settle" in written:
            settle = self._settle((*path, "settle"), written["settle"])
        holdings = self._items((*path, "holdings"), written.get("holdings"), self._holding)
        fields = self._fields(path, written, ACCOUNT_FIELDS)
        balance = self._balance(path, written, holdings, fields)
        if balance is None or not self._is_sound(path):
            return None
        is_statemented = kind in DEPOSITS or kind == "CREDIT_CARD"
        return AccountSpec(
            handle=handle,
            type=written["type"],
            id=written.get("id", "act-#########"),
            number=written.get("number", "##########"),
            routing=written.get("routing", "auto" if kind in DEPOSITS else None),
            balance=balance,
            fields={**fields, "type": kind, "name": written["name"]},
            joint=written.get("joint", False),
            statements=written.get("statements", 3 if is_statemented else 0),
            rewards=self._items((*path, "rewards"), written.get("rewards"), self._reward),
            rules=rules,
            deck=deck,
            settle=settle,
            drifts="settle" not in written and not levelled,
            holdings=holdings,
        )

    def _balance(self, path: Place, written: Values, holdings: Sequence[HoldingSpec], fields: Values) -> Any:
        """The written balance; what is held must fit to it."""
        place = (*path, "balance")
        if "balance" not in written or not self._is_sound(place):
            return None
        balance = self._convert(place, written["balance"], values.span)
        if holdings and balance and self._is_sound((*path, "holdings")):
            for message in faults(holdings, balance, round((fields.get("cash_balance") or 0) * 100)):
                self._add(path, message)
        return balance

    def _holding(self, path: Place, written: Values) -> HoldingSpec:
        price = values.cents(written["price"])
        fields = self._fields(path, written, HOLDING_FIELDS)
        return HoldingSpec(
            symbol=written["symbol"],
            type=written["type"],
            price=price,
            purchase_price=values.cents(written["purchase_price"]) if "purchase_price" in written else price,
            swing=float(written.get("swing", SWINGS[written["type"]])),
            quantity=values.quantity(written["quantity"]) if "quantity" in written else None,
            share=float(written["share"]) if "share" in written else None,
            unvested=values.quantity(written["unvested"]) if "unvested" in written else None,
            daily_change=values.cents(written["daily_change"]) if "daily_change" in written else None,
            fields={name: fields.get(name) for name in HOLDING_FIELDS},
        )

    def _rule(self, path: Place, written: Values) -> ProfileRule | None:
        """A rule, or a card of a deck."""
        side = "credit" if "credit" in written else "debit"
        amount = self._convert((*path, side), written[side], values.span)
        lines = self._at((*path, "at"), written["at"]) if "at" in written else (self._line(path, written),)
        self._check_partner(path, written)
        when = self._convert((*path, "when"), written["when"], _when) if "when" in written else None
        there = self._line((*path, "there"), written["there"]) if "there" in written else None
        if not self._is_sound(path):
            return None
        return ProfileRule(
            when=when,
            times=written.get("times", 1),
            sign=1 if side == "credit" else -1,
            amount=amount,
            lines=lines,
            posts_after=written.get("posts_after", 0),
            partner=written.get("with"),
            there=there,
            evenly=written.get("evenly", False),
        )

    def _deck(self, path: Place, written: Any) -> Deck | None:
        cards = self._items((*path, "cards"), mapping(written).get("cards"), self._rule)
        if not self._is_sound(path):
            return None
        per_day, total = written["per_day"], sum(card.times for card in cards)
        if total % per_day:
            self._add(path, f"the deck has {total} cards; at {per_day} a day that is not a whole number of days")
        return Deck(per_day, cards)

    def _settle(self, path: Place, written: Any) -> Settle | None:
        if not isinstance(written, dict) or not self._is_sound(path):
            return None
        self._check_partner(path, written)
        line = self._line(path, {"description": "Transfer", "category": "Transfer", **written})
        there = self._line((*path, "there"), written["there"]) if "there" in written else None
        return Settle(written.get("every") == "day", line, written.get("with"), there)

    def _plain_settle(self) -> Settle:
        line = _make_line({"description": "Transfer", "category": "Transfer"})
        return Settle(daily=False, line=line, partner=None, there=None)

    def _reward(self, path: Place, written: Values) -> dict[str, Any]:
        return self._fields(path, written, REWARD_FIELDS)

    def _refuse_circles(self, specs: Sequence[AccountSpec]) -> None:
        partners = {spec.handle: spec.settle.partner for spec in specs if spec.settle}
        for handle in partners:
            seen: list[str] = []
            step: str | None = handle
            while step is not None and step not in seen:
                seen.append(step)
                step = partners.get(step)
            if step is not None:
                said = " -> ".join([*seen, step])
                self._add(("accounts",), f"accounts settle with each other in a circle: {said}")
                return

    def _refuse_unknown_holdings(self, specs: Sequence[AccountSpec]) -> None:
        """A transaction buys or sells what its account holds."""
        held = {spec.handle: {each.symbol for each in spec.holdings} for spec in specs}
        for handle, symbol in sorted(traded(specs)):
            if symbol not in held[handle]:
                self._add(("accounts", handle), f"the account {short(handle)} does not hold {short(symbol)}")

    # Names and lines

    def _line(self, path: Place, written: Values) -> Line:
        category = written.get("category")
        if category is not None and self._categories is not None and category not in self._categories:
            known = sorted(self._categories) if isinstance(self._categories, Mapping) else []
            clause = f"; {choose(category, known, known)[0]}" if known else ""
            self._add((*path, "category"), f"{short(category)} is not one of the provider's categories{clause}")
        return _make_line(written)

    def _at(self, path: Place, shop: str) -> tuple[Line, ...]:
        if shop not in self._merchants and shop in MERCHANTS:
            keys = ("description", "original", "category")
            self._merchants[shop] = tuple(_make_line(dict(zip(keys, row, strict=False))) for row in MERCHANTS[shop])
        if shop not in self._merchants:
            known = sorted({*MERCHANTS, *self._merchants})
            self._add(path, f"there is no list of merchants {short(shop)}; {choose(shop, known, known)[0]}")
        return self._merchants.get(shop, ())

    def _check_partner(self, path: Place, written: Values) -> None:
        handle = written.get("with")
        if handle is not None and handle not in self._handles:
            known = sorted(self._handles)
            self._add(
                (*path, "with"), f"there is no account {short(handle)} in this file; {choose(handle, known, known)[0]}"
            )


def _make_line(written: Values) -> Line:
    category = written.get("category") or "Uncategorized"
    flags = frozenset(written.get("flags", ()))
    body = {
        "description": written.get("description"),
        "original_description": written.get("original") or written.get("description"),
        "category": category,
        "memo": written.get("memo"),
        **{f"is_{flag}": flag in flags for flag in FLAGS},
        "is_fee": category in FEES or not flags.isdisjoint({"fee", "overdraft_fee"}),
        "is_recurring": True if "recurring" in flags else None,
        **({"merchant": written["merchant"]} if written.get("merchant") else {}),
    }
    is_income = category in INCOME or "income" in flags
    return Line(
        debit={**body, "type": "DEBIT", "is_expense": category not in TRANSFERS, "is_income": False},
        credit={**body, "type": "CREDIT", "is_expense": False, "is_income": is_income},
        holding=written.get("holding"),
    )


def _when(written: str) -> When:
    kind, match = next((kind, match) for kind, pattern in _WHEN if (match := pattern.fullmatch(written)))
    return When(kind, _WHEN_NUMBERS[kind](*match.groups()))


def _times(low: str, high: str | None) -> tuple[int, int]:
    fewest, most = int(low), int(high or low)
    if not 0 <= fewest <= most <= MOST_AT_ONCE:
        raise BadValueError(f"goes from low to high, at most {MOST_AT_ONCE:,} times")
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
