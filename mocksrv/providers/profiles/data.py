"""What a profile gives: accounts with owners, transactions, holdings, statements and rewards, as plain values.

Moments are milliseconds since the epoch, amounts floats of the currency's unit with whole cents.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from mocksrv.engine.clock import DAY
from mocksrv.providers.profiles.holdings import hold, totals
from mocksrv.providers.profiles.ledger import (
    Ledger,
    Row,
    draw,
    fill,
    iso_day,
    month_of,
    numbered_month,
    routing_number,
    uuid_text,
)
from mocksrv.providers.profiles.model import DEBTS, LONGEST_DEPTH, AccountSpec, Profile

NOON = DAY // 2  # transactions happen and post at noon UTC
LONGEST_POSTING = 5  # days
LONGEST_DRIFT = 3653  # days of which an account keeps what was moved; before them it held what is written
EACH = ("id", "date", "transacted_at", "posted_at", "amount", "status")  # what two transactions differ in
NO_AVAILABLE = DEBTS | {"INVESTMENT", "INSURANCE", "PROPERTY"}

People = Callable[[str, int], list[dict[str, Any]]]


@dataclass(slots=True)
class Account:
    """One account. `fields` are the account's by the names of the schema, `id` (the partner's) among them.

    A transaction has the members of its line, and beside them `EACH`.

    `opening_balance` is the balance before the first day asked for; None where the balance does not follow the
    transactions (but prices, for instance) or where only news was asked for.
    """

    id: str
    fields: dict[str, Any]
    account_number: str | None
    routing_number: str | None
    opening_balance: float | None
    owners: list[dict[str, Any]]
    transactions: list[dict[str, Any]]  # oldest first
    lines: list[Mapping[str, Any]]  # of each of these, what it shares with others: one and the same object for all
    statements: list[dict[str, Any]]  # newest first
    rewards: list[dict[str, Any]]
    holdings: list[dict[str, Any]]


@dataclass(slots=True)
class Data:
    """What a login shows at one moment.

    `frozen`: it never changes after the first load; whoever asks for more of it later gives that first moment as
    `until`.
    """

    profile: str
    accounts: list[Account]
    frozen: bool


def make(
    profile: Profile, *, key: str, until: int, days: int | None, since: int | None, opened: int | None, people: People
) -> Data:
    """See `Profiles.generate`. `people` makes up owners: it is given the key and how many."""
    last = (until - NOON) // DAY
    first = last - (days if days is not None else profile.depth) + 1
    if since is not None:
        reached = since // DAY
        first = max(reached, last - LONGEST_DEPTH + 1 if days is None else first)
    ledger = Ledger(profile, key)
    if isinstance(profile.owners, int):
        owners = people(key, profile.owners) if profile.accounts else []
    else:
        owners = [dict(owner) for owner in profile.owners]
    start = last if opened is None else min(last, (opened - NOON) // DAY)
    maker = _Maker(profile, ledger, owners, _Window(first, last, until, since, start))
    return Data(profile.name, [maker.account(spec) for spec in profile.accounts], profile.frozen)


class _Window(NamedTuple):
    first: int  # day
    last: int  # day
    until: int
    since: int | None
    opened: int  # day up to which the holdings are as written

    @property
    def earliest(self) -> int:
        """The first day with a transaction that may be wanted, or may be pending still."""
        return min(self.first - (0 if self.since is None else LONGEST_POSTING), self.last - LONGEST_POSTING)


class _Maker(NamedTuple):
    profile: Profile
    ledger: Ledger
    owners: list[dict[str, Any]]
    window: _Window

    def account(self, spec: AccountSpec) -> Account:
        window, chance = self.window, self.ledger.chance(spec.handle)
        identity = fill(chance, spec.id)
        number = None if spec.number is None else fill(chance, spec.number)
        level = draw(chance, spec.balance)
        rows = list(self.ledger.rows(spec.handle, window.earliest, window.last))
        pending = (
            0 if self.profile.frozen else sum(row.cents for row in rows if row.day + row.posts_after > window.last)
        )
        sign = -1 if spec.type in DEBTS else 1
        cash = round(spec.fields.get("cash_balance", 0) * 100)
        balance, opening = cash if spec.holdings else level, None
        if spec.settle is not None:
            balance += sign * (self.ledger.moved(spec.handle, window.last) - pending)
            before = window.first - 1
            if window.since is None and not spec.holdings:
                opening = (level + sign * self.ledger.moved(spec.handle, before)) / 100
        elif spec.drifts and not self.profile.frozen:
            balance += sign * sum(row.cents for row in self._since_opened(spec))
        transactions, lines = self._transactions(rows)
        owners = self.owners if spec.joint else self.owners[:1]
        fields = self._fields_of(spec, identity, balance, sign * pending, len(owners))
        held = self._holdings(spec, identity, level - cash)
        return Account(
            id=identity,
            fields=fields | totals(balance, held) if spec.holdings else fields,
            account_number=number,
            routing_number=self._routing(spec, chance),
            opening_balance=opening,
            owners=[dict(owner) for owner in owners],
            transactions=transactions,
            lines=lines,
            statements=self._statements(spec, identity),
            rewards=[
                self._reward(reward, f"reward-{identity}-{place}") for place, reward in enumerate(spec.rewards, 1)
            ],
            holdings=held,
        )

    def _since_opened(self, spec: AccountSpec) -> list[Row]:
        """What was posted on the account since the login was opened, of the last years: a clock can show any."""
        last = self.window.last
        return [
            row
            for row in self.ledger.rows(spec.handle, max(self.window.opened, last - LONGEST_DRIFT) + 1, last)
            if row.day + row.posts_after <= last
        ]

    def _holdings(self, spec: AccountSpec, identity: str, invested: int) -> list[dict[str, Any]]:
        """What the account holds beside its cash, with all that was bought and sold since the login was opened."""
        if not spec.holdings:
            return []
        rows, last = self._since_opened(spec), self.window.last
        named = ((each, f"holding-{identity}-{each.symbol}") for each in spec.holdings)
        held = [hold(self.ledger.chance, each, invested, rows, last, name) for each, name in named]
        return [{**each, "currency_code": self.profile.currency} for each in held if each is not None]

    def _fields_of(self, spec: AccountSpec, identity: str, balance: int, pending: int, owners: int) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "id": identity,
            "subtype": None,
            "currency_code": self.profile.currency,
            "balance": balance / 100,
            "available_balance": None if spec.type in NO_AVAILABLE else (balance + pending) / 100,
            "account_ownership": "JOINT" if owners > 1 else "INDIVIDUAL",
            "is_closed": False,
        }
        limit = spec.fields.get("credit_limit")
        if limit is not None and spec.type in DEBTS:
            fields["available_credit"] = (round(limit * 100) - balance - pending) / 100
        due = spec.fields.get("day_payment_is_due")
        if due is not None:
            fields["payment_due_at"] = _next_due(self.window.until // DAY, due)
        return {**fields, **spec.fields}

    def _routing(self, spec: AccountSpec, chance: random.Random) -> str | None:
        if spec.routing == "auto":
            return routing_number(self.ledger.chance("routing"))
        return None if spec.routing is None else fill(chance, spec.routing)

    def _transactions(self, rows: list[Row]) -> tuple[list[dict[str, Any]], list[Mapping[str, Any]]]:
        window, frozen = self.window, self.profile.frozen
        before, _, after = self.profile.transaction_id.partition("{uuid}")
        currency = self.profile.currency
        made, lines = [], []
        for row in rows:
            at = row.day * DAY + NOON
            posted_at = at + row.posts_after * DAY
            if window.since is None:
                wanted = row.day >= window.first
            else:
                wanted = not frozen and (at > window.since or window.since < posted_at <= window.until)
            if wanted:
                line = row.line.credit if row.cents > 0 else row.line.debit
                lines.append(line)
                made.append(
                    {
                        **line,
                        "id": f"{before}{uuid_text(row.bits)}{after}",
                        "date": iso_day(row.day),
                        "transacted_at": at,
                        "posted_at": posted_at,
                        "amount": abs(row.cents) / 100,
                        "status": "POSTED" if frozen or posted_at <= window.until else "PENDING",
                        "currency_code": currency,
                    }
                )
        return made, lines

    def _statements(self, spec: AccountSpec, identity: str) -> list[dict[str, Any]]:
        current = month_of(self.window.until // DAY).number
        made = []
        for number in range(current - 1, current - 1 - spec.statements, -1):
            month = numbered_month(number)
            period = iso_day(month.first)[:7]
            made.append(
                {
                    "id": f"statement-{identity}-{period}",
                    "period": period,
                    "starts_on": iso_day(month.first),
                    "ends_on": iso_day(month.first + month.length - 1),
                }
            )
        return made

    def _reward(self, reward: Mapping[str, Any], identity: str) -> dict[str, Any]:
        words = str(reward["balance_type"]).replace("_", " ").capitalize()
        made = {"id": identity, "unit_type": "POINTS", "description": words, "expires_on": None, **reward}
        months = made.pop("expires_in_months", None)
        if months is not None:
            month = numbered_month(month_of(self.window.until // DAY).number + months)
            made["expires_on"] = iso_day(month.first + month.length - 1)
        return made


def _next_due(today: int, due: int) -> int:
    """Noon of the next day of a month with the number `due`, or the month's last where it is shorter."""
    month = month_of(today)
    day = month.first + min(due, month.length) - 1
    if day <= today:
        month = numbered_month(month.number + 1)
        day = month.first + min(due, month.length) - 1
    return day * DAY + NOON
