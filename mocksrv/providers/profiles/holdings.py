"""What an investment account holds: positions that follow what is bought and sold, and prices that move from day to
day.

Prices are integer cents, quantities integer ten-thousandths of a unit, days are counted from 1970-01-01. A price
depends on the login's key, the symbol and the day only, so it comes out the same whenever it is asked for.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from mocksrv.engine.clock import DAY
from mocksrv.providers.profiles.ledger import Row
from mocksrv.providers.profiles.model import AccountSpec, HoldingSpec, ProfileRule, Span
from mocksrv.providers.profiles.values import UNIT

# How a price moves about its level: waves with so many days between their points, and their parts of the whole swing.
WAVES = ((64, 0.60), (16, 0.25), (4, 0.10), (1, 0.05))
# What can be held, and how far its price swings by default, per cent.
SWINGS = {
    "ALTERNATIVE_INVESTMENTS": 6.0,
    "ANNUITY": 0.0,
    "CERTIFICATE_OF_DEPOSIT": 0.0,
    "EQUITY": 16.0,
    "EXCHANGE_TRADED_FUND": 10.0,
    "FIXED_INCOME": 3.0,
    "HEDGE_FUND": 8.0,
    "MONEY_MARKET": 0.0,
    "MUTUAL_FUND": 9.0,
    "OPTIONS": 30.0,
    "UNIT_INVESTMENT_TRUST": 8.0,
    "UNKNOWN_TYPE": 5.0,
}

Chance = Callable[..., random.Random]


def trading_day(day: int) -> int:
    """The last day of trading up to `day`: none on Saturdays and Sundays."""
    weekday = (day + 3) % 7  # 1970-01-01 was a Thursday
    return day - max(0, weekday - 4)


def price(chance: Chance, spec: HoldingSpec, day: int) -> int:
    """What a unit costs on a day, never more than `swing` per cent away from the price that is written."""
    if not spec.swing:
        return spec.price
    day = trading_day(day)
    moved = sum(part * _wave(chance, spec.symbol, days, day) for days, part in WAVES)
    return max(1, round(spec.price * (1 + spec.swing / 100 * moved)))


def _wave(chance: Chance, symbol: str, days: int, day: int) -> float:
    """Straight from point to point, each between -1 and 1."""
    place, rest = divmod(day, days)
    first, second = (chance("price", symbol, days, place + step).uniform(-1, 1) for step in (0, 1))
    return first + (second - first) * rest / days


def worth(cents: int, quantity: int) -> int:
    """Cents of so many units at this price."""
    return (cents * quantity + UNIT // 2) // UNIT


def quantity_text(quantity: int) -> str:
    """A quantity as profiles write it: ``5000.0``, ``12.3456``."""
    whole, part = divmod(quantity, UNIT)
    return f"{whole}.{f'{part:04}'.rstrip('0') or '0'}"


def hold(
    chance: Chance, spec: HoldingSpec, invested: int, rows: Iterable[Row], day: int, identity: str
) -> dict[str, Any] | None:
    """A holding's fields on a day; None when all of it was sold.

    `invested` are the cents that the account holds beside its cash, out of which a `share` is made; `rows` the
    transactions since.
    """
    start = (
        spec.quantity if spec.quantity is not None else round(invested * (spec.share or 0) / 100 * UNIT / spec.price)
    )
    quantity, cost = _followed(chance, spec, start, rows)
    if quantity == 0:
        return None
    now, before = price(chance, spec, day), price(chance, spec, trading_day(day) - 1)
    change = now - before if spec.daily_change is None else spec.daily_change
    average = (cost * UNIT * 100 + quantity // 2) // quantity  # ten-thousandths of a dollar
    basis = (average * quantity + UNIT * 50) // (UNIT * 100)
    value, today = worth(now, quantity), worth(change, quantity)
    unvested = None if spec.unvested is None else min(spec.unvested, quantity)
    return {
        **spec.fields,
        "id": identity,
        "symbol": spec.symbol,
        "holding_type": spec.type,
        "quantity": quantity_text(quantity),
        "current_price": now / 100,
        "current_price_as_of": trading_day(day) * DAY,
        "purchase_price": average / UNIT,
        "market_value": value / 100,
        "cost_basis": basis / 100,
        "daily_change": change / 100,
        "percentage_change": percent(change, now - change),
        "today_ugl_amount": today / 100,
        "today_ugl_percentage": percent(today, value - today),
        "total_ugl_amount": (value - basis) / 100,
        "total_ugl_percentage": percent(value - basis, basis),
        "unvested_quantity": None if unvested is None else unvested / UNIT,
        "unvested_value": None if unvested is None else worth(now, unvested) / 100,
        "vested_quantity": None if unvested is None else (quantity - unvested) / UNIT,
        "vested_value": None if unvested is None else (value - worth(now, unvested)) / 100,
    }


def _followed(chance: Chance, spec: HoldingSpec, quantity: int, rows: Iterable[Row]) -> tuple[int, int]:
    """Quantity and cost in cents after what was bought and sold, at the prices of those days."""
    cost = worth(spec.purchase_price, quantity)
    for row in rows:
        if row.line.holding != spec.symbol:
            continue
        at = price(chance, spec, row.day)
        units = (abs(row.cents) * UNIT + at // 2) // at
        if row.cents < 0:
            quantity, cost = quantity + units, cost - row.cents
        elif quantity:
            left = max(0, quantity - units)
            quantity, cost = left, cost * left // quantity
    return quantity, cost


def totals(cash: int, holdings: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The account's figures that follow from its cash (cents) and what it holds."""
    rows = list(holdings)
    value, total, today = (
        sum(round(row[name] * 100) for row in rows) for name in ("market_value", "total_ugl_amount", "today_ugl_amount")
    )
    return {
        "balance": (cash + value) / 100,
        "cash_balance": cash / 100,
        "holdings_value": value / 100,
        "today_ugl_amount": today / 100,
        "today_ugl_percentage": percent(today, value - today),
        "total_account_value": (cash + value) / 100,
        "total_account_value_ugl": total / 100,
    }


def faults(holdings: Sequence[HoldingSpec], balance: Span, cash: int) -> Iterator[str]:
    """What does not add up: shares make up the whole; quantities, at their prices, and the cash are the balance."""
    shares = [each.share for each in holdings if each.share is not None]
    if len({each.symbol for each in holdings}) < len(holdings):
        yield "a symbol stands twice among the holdings"
    if shares and (len(shares) < len(holdings) or abs(sum(shares) - 100) > 1e-6):
        yield "either every holding has a 'share', 100 in all, or every one a 'quantity'"
    elif shares and balance.low < cash:
        yield "the balance is less than the cash_balance"
    total = cash + sum(worth(each.price, each.quantity or 0) for each in holdings)
    if not shares and (balance.low, balance.high) != (total, total):
        yield (
            f"holdings and cash_balance are {total / 100:.2f}; write that as the balance, or shares in place of "
            "quantities"
        )


def traded(specs: Iterable[AccountSpec]) -> set[tuple[str, str]]:
    """The account and the symbol of everything that transactions buy or sell."""
    found = set()
    for spec in specs:
        for each in (*spec.rules, *(spec.deck.cards if spec.deck else ()), *([spec.settle] if spec.settle else ())):
            own = each.lines if isinstance(each, ProfileRule) else (each.line,)
            other = (each.there,) if each.there else own
            sides = [(spec.handle, own), *([(each.partner, other)] if each.partner else [])]
            found |= {(handle, line.holding) for handle, lines in sides for line in lines if line.holding is not None}
    return found


def percent(part: int, whole: int) -> float | None:
    """Per cent with two decimals; None of nothing."""
    return round(part / whole * 100, 2) if whole else None
