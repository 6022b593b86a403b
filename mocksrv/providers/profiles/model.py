"""What a checked data profile is made of. Amounts are integer cents, moments milliseconds since the epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

DEBTS = frozenset({"CREDIT_CARD", "LINE_OF_CREDIT", "LOAN", "MORTGAGE"})  # a DEBIT makes their balance grow
DEPOSITS = frozenset({"CHECKING", "SAVINGS"})
LONGEST_DEPTH = 731  # days; extended history reaches back 24 months


class Span(NamedTuple):
    """An amount in cents, drawn from `low` to `high` in steps of `step`."""

    low: int
    high: int
    step: int


class When(NamedTuple):
    """On which days a rule makes transactions: a kind of `ledger.SCHEDULES` and its numbers."""

    kind: str
    numbers: tuple[int, ...]


class Line(NamedTuple):
    """What stands on a transaction: its constant fields as DEBIT and as CREDIT; the symbol of what it buys (DEBIT) or
    sells.
    """

    debit: Mapping[str, Any]
    credit: Mapping[str, Any]
    holding: str | None = None


class ProfileRule(NamedTuple):
    """Makes transactions. `sign` is 1 for CREDIT and -1 for DEBIT; `partner` names the account that shows the other
    side as `there`.
    """

    when: When | None  # None on a card of a deck
    times: int
    sign: int
    amount: Span
    lines: tuple[Line, ...]
    posts_after: int  # days
    partner: str | None
    there: Line | None
    evenly: bool = False  # of a card: dealt at even distances


class Deck(NamedTuple):
    """A fixed number of transactions a day, dealt from a shuffled deck that is used over and over."""

    per_day: int
    cards: tuple[ProfileRule, ...]


class Settle(NamedTuple):
    """The transaction that brings a balance back to its level at the end of every day or month."""

    daily: bool
    line: Line
    partner: str | None
    there: Line | None


class HoldingSpec(NamedTuple):
    """A security in an account, as written. Prices are cents, quantities ten-thousandths, `swing` and `share` per cent.

    Either `quantity` or `share` is given: the part of what the account holds beside its cash. `fields` are the
    holding's by the names of the schema.
    """

    symbol: str
    type: str
    price: int  # about which the price moves
    purchase_price: int
    swing: float  # how far it moves away from `price`
    quantity: int | None
    share: float | None
    unvested: int | None
    daily_change: int | None  # None: what the price moved since the last day of trading
    fields: Mapping[str, Any]


class AccountSpec(NamedTuple):
    """One account as written. `fields` are the account's by the names of the schema, moments in milliseconds."""

    handle: str
    type: str
    id: str
    number: str | None
    routing: str | None  # "auto": one number for all accounts of a login
    balance: Span
    fields: Mapping[str, Any]
    joint: bool
    statements: int
    rewards: tuple[Mapping[str, Any], ...]
    rules: tuple[ProfileRule, ...]
    deck: Deck | None
    settle: Settle | None
    # without `settle`: the balance is as written when the login is opened, and follows from then on; else it stays
    drifts: bool
    holdings: tuple[
        HoldingSpec, ...
    ]  # where there are any, what follows the transactions and settles is the cash beside them


class Profile(NamedTuple):
    """A checked profile. `owners` are people, or how many to make up."""

    name: str
    frozen: bool
    depth: int  # days
    currency: str | None
    transaction_id: str
    owners: tuple[Mapping[str, Any], ...] | int
    accounts: tuple[AccountSpec, ...]
