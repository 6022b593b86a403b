"""Makes what stands in the accounts of one login: transactions month by month, and the balances they lead to.

Days are counted from 1970-01-01, months from year 0, both in UTC. A month depends on the profile, the login's key and
itself only, so it comes out the same whenever it is asked for. Accounts that settle end every month (or day) at their
level, which is why a balance needs no more than the transactions of its own month.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from mocksrv.providers.calendar import EPOCH, first_day, length, month_number
from mocksrv.providers.profiles.model import AccountSpec, Line, Profile, ProfileRule, Settle, Span


class Row(NamedTuple):
    """One transaction before it is dressed: `cents` are above zero for CREDIT, `bits` make its id."""

    day: int
    cents: int
    line: Line
    posts_after: int
    bits: int


class Month(NamedTuple):
    """A calendar month: its number (year * 12 + month - 1), first day and length in days."""

    number: int
    first: int
    length: int


def month_of(day: int) -> Month:
    """The month that `day` lies in."""
    return numbered_month(month_number(day))


def numbered_month(number: int) -> Month:
    """The month with a number."""
    return Month(number, first_day(number), length(number))


@lru_cache(10_000)
def iso_day(day: int) -> str:
    """A day as ``2026-01-31``."""
    return date.fromordinal(EPOCH + day).isoformat()


class Ledger:
    """The transactions of one login. `key` seeds whatever is random."""

    def __init__(self, profile: Profile, key: str):
        self._profile = profile
        self._seed = f"{key}|{profile.name}"
        self._months: dict[int, dict[str, list[Row]]] = {}
        self._decks: dict[str, list[ProfileRule]] = {}
        self._settling = _settling_order(profile.accounts)

    def chance(self, *names: object) -> random.Random:
        """A source of chance of its own for whatever `names` say."""
        return random.Random("|".join([self._seed, *map(str, names)]))

    def rows(self, handle: str, first: int, last: int) -> Iterator[Row]:
        """An account's transactions from day `first` to day `last`, oldest first."""
        if first > last:
            return
        for number in range(month_number(first), month_number(last) + 1):
            for row in self._month(number)[handle]:
                if first <= row.day <= last:
                    yield row

    def moved(self, handle: str, day: int) -> int:
        """Cents by which an account's credits exceed its debits from the beginning of the month to the end of `day`."""
        return sum(row.cents for row in self.rows(handle, month_of(day).first, day))

    def _month(self, number: int) -> Mapping[str, list[Row]]:
        if number not in self._months:
            month = numbered_month(number)
            rows: dict[str, list[Row]] = {spec.handle: [] for spec in self._profile.accounts}
            for spec in self._profile.accounts:
                self._write(spec, month, rows)
            for spec, settle in self._settling:
                self._settle(spec, settle, month, rows)
            for each in rows.values():
                each.sort(key=itemgetter(0))
            self._months[number] = rows
        return self._months[number]

    def _write(self, spec: AccountSpec, month: Month, rows: Mapping[str, list[Row]]) -> None:
        chance = self.chance(spec.handle, month.number)
        draw, bits, own = chance.random, chance.getrandbits, rows[spec.handle]
        for rule, days in self.plan(spec, month, chance):
            amounts = (rule.amount.high - rule.amount.low) // rule.amount.step + 1
            low, step, sign, lines, choices = rule.amount.low, rule.amount.step, rule.sign, rule.lines, len(rule.lines)
            for day in days:
                cents = sign * (low + int(draw() * amounts) * step)
                line = lines[int(draw() * choices)] if choices > 1 else lines[0]
                own.append(Row(day, cents, line, rule.posts_after, bits(128)))
                if rule.partner is not None:
                    rows[rule.partner].append(Row(day, -cents, rule.there or line, rule.posts_after, bits(128)))

    def plan(
        self, spec: AccountSpec, month: Month, chance: random.Random
    ) -> Iterator[tuple[ProfileRule, Iterable[int]]]:
        """What makes the transactions of an account in a month, and on which days."""
        for rule in spec.rules:
            if rule.when is not None:
                yield rule, SCHEDULES[rule.when.kind](month, chance, *rule.when.numbers)
        if spec.deck is not None:
            cards, per_day = self._shuffled(spec), spec.deck.per_day
            for day in range(month.first, month.first + month.length):
                place = day % (len(cards) // per_day) * per_day
                for card in cards[place : place + per_day]:
                    yield card, (day,)

    def _shuffled(self, spec: AccountSpec) -> list[ProfileRule]:
        if spec.handle not in self._decks and spec.deck is not None:
            chance = self.chance(spec.handle, "deck")
            cards = [card for card in spec.deck.cards for _ in range(card.times) if not card.evenly]
            chance.shuffle(cards)
            total = sum(card.times for card in spec.deck.cards)
            for place, card in sorted(_even_places(spec.deck.cards, total, chance), key=itemgetter(0)):
                cards.insert(place, card)
            self._decks[spec.handle] = cards
        return self._decks[spec.handle]

    def _settle(self, spec: AccountSpec, settle: Settle, month: Month, rows: Mapping[str, list[Row]]) -> None:
        chance = self.chance(spec.handle, month.number, "settle")
        own = rows[spec.handle]
        for day, net in list(_nets(own, month, daily=settle.daily)):
            if net:
                own.append(Row(day, -net, settle.line, 0, chance.getrandbits(128)))
                if settle.partner is not None:
                    rows[settle.partner].append(Row(day, net, settle.there or settle.line, 0, chance.getrandbits(128)))


def rows_a_month(profile: Profile) -> int:
    """About how many transactions a month has, without making them."""
    ledger, month = Ledger(profile, ""), numbered_month(month_number(0))
    chance = ledger.chance()
    return sum(
        len(list(days)) * (2 if rule.partner else 1)
        for spec in profile.accounts
        for rule, days in ledger.plan(spec, month, chance)
    )


def _nets(rows: list[Row], month: Month, *, daily: bool) -> Iterator[tuple[int, int]]:
    """(day, credits less debits up to it) for every day on which an account settles."""
    if not daily:
        yield month.first + month.length - 1, sum(row.cents for row in rows)
        return
    for day, group in groupby(sorted(rows, key=itemgetter(0)), key=itemgetter(0)):
        yield day, sum(row.cents for row in group)


def _even_places(cards: Iterable[ProfileRule], total: int, chance: random.Random) -> Iterator[tuple[int, ProfileRule]]:
    """Where in a deck of so many cards those lie that are dealt evenly: each in its own place."""
    taken: set[int] = set()
    for card in cards:
        if card.evenly:
            first = chance.randrange(total // card.times)
            for number in range(card.times):
                place = first + number * total // card.times
                while place in taken:
                    place = (place + 1) % total
                taken.add(place)
                yield place, card


def _settling_order(specs: Iterable[AccountSpec]) -> list[tuple[AccountSpec, Settle]]:
    """An account settles before the one it settles with, whose own net it changes."""
    settling = {spec.handle: spec for spec in specs if spec.settle}
    ordered: list[tuple[AccountSpec, Settle]] = []

    def distance(spec: AccountSpec) -> int:
        partner = settling.get(spec.settle.partner) if spec.settle and spec.settle.partner else None
        return 1 + distance(partner) if partner else 0

    for spec in sorted(settling.values(), key=distance, reverse=True):
        if spec.settle:
            ordered.append((spec, spec.settle))
    return ordered


def draw(chance: random.Random, amounts: Span) -> int:
    """Cents out of a range."""
    return amounts.low + chance.randrange((amounts.high - amounts.low) // amounts.step + 1) * amounts.step


def fill(chance: random.Random, pattern: str) -> str:
    """`pattern` with a random digit for every ``#`` and a random UUID for ``{uuid}``."""
    digits = "".join(str(chance.randrange(10)) if letter == "#" else letter for letter in pattern)
    return digits.replace("{uuid}", uuid_text(chance.getrandbits(128)))


def uuid_text(bits: int) -> str:
    """128 random bits as a version 4 UUID."""
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def routing_number(chance: random.Random) -> str:
    """A US routing number with a right check digit."""
    digits = [0, chance.randrange(1, 10), *(chance.randrange(10) for _ in range(6))]
    check = -sum(digit * weight for digit, weight in zip(digits, (3, 7, 1, 3, 7, 1, 3, 7), strict=True)) % 10
    return "".join(map(str, [*digits, check]))


# The days of a month on which a rule makes transactions, by the kinds of `reading._WHEN`


def _monthly(month: Month, _: random.Random, day: int) -> Iterable[int]:
    return (month.first + min(day, month.length) - 1,)


def _weekly(month: Month, _: random.Random, weeks: int, weekday: int) -> Iterable[int]:
    since_monday = month.first + 3 - weekday  # 1970-01-01 was a Thursday
    return range(month.first + -since_monday % (7 * weeks), month.first + month.length, 7 * weeks)


def _every(month: Month, _: random.Random, days: int) -> Iterable[int]:
    return range(month.first + -month.first % days, month.first + month.length, days)


def _yearly(month: Month, chance: random.Random, in_month: int, day: int) -> Iterable[int]:
    return _monthly(month, chance, day) if month.number % 12 + 1 == in_month else ()


def _times_a_day(month: Month, chance: random.Random, fewest: int, most: int) -> Iterable[int]:
    for day in range(month.first, month.first + month.length):
        for _ in range(chance.randint(fewest, most)):
            yield day


def _times_a_week(month: Month, chance: random.Random, fewest: int, most: int) -> Iterable[int]:
    times = chance.randint(fewest, most)
    return [month.first + int(chance.random() * month.length) for _ in range(round(times * month.length / 7))]


def _times_a_month(month: Month, chance: random.Random, fewest: int, most: int) -> Iterable[int]:
    return [month.first + int(chance.random() * month.length) for _ in range(chance.randint(fewest, most))]


SCHEDULES: Mapping[str, Callable[..., Iterable[int]]] = {
    "monthly": _monthly,
    "weekly": _weekly,
    "days": _every,
    "yearly": _yearly,
    "day": _times_a_day,
    "week": _times_a_week,
    "month": _times_a_month,
}
