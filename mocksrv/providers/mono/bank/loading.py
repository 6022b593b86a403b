"""Brings a data profile into an account: whose it is, its balance, its transactions as a Nigerian bank prints them.

The amounts of a profile are naira here, as they are dollars elsewhere; all that is stored is kobo.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mocksrv.engine.clock import MINUTE
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.mono.bank.institutions import Institution, account_number
from mocksrv.providers.mono.bank.narrations import is_salary, narrate
from mocksrv.providers.mono.bank.people import People
from mocksrv.providers.profiles import Account, Profiles, persona

TRANSACTION = "mono.transaction"
EVERYDAY = "everyday"  # what an account has whose scenario names no data profile
HISTORY = 365  # days, the longest statement there is
DEPOSITS = ("CHECKING", "SAVINGS")
TYPES = {"SAVINGS": "SAVINGS"}  # of a profile's account -> Mono's
CURRENT = "CURRENT"
LATEST = 17 * MINUTE  # between two transactions of a day, about
FETCHED_AS = {"balance": "balance", "transactions": "data_until"}  # part -> the field that is null until it was fetched


class Loader:
    """Loads data profiles into accounts."""

    def __init__(self, profiles: Profiles, people: People) -> None:
        self.profiles = profiles
        self.people = people

    def load(
        self, world: World, account: Record, institution: Institution, parts: Iterable[str], news: bool | None
    ) -> int:
        """Brings these parts (identity, balance, transactions) up to date; how many transactions are new.

        ``news``: whether there are any; None: as the profile has it.
        """
        body = account.body
        name = body["profile"] or EVERYDAY
        key = self._person(world, account, name)
        first = body["loaded_profile"] != name
        if first:
            world.remove(kind=TRANSACTION, parent=account.guid)
            body.update(loaded_profile=name, data_until=None)
        elif news is False and all(body[field] is not None for part, field in FETCHED_AS.items() if part in parts):
            return 0
        shown = self._shown(world, account, name, key)
        if body["account_number"] is None:
            self._introduce(world, account, institution, key, shown)
        if "balance" in parts:
            body["balance"] = _kobo(shown.fields["balance"]) if shown else 0
        if "transactions" not in parts:
            return 0
        rows = [row for row in shown.transactions if row["status"] == "POSTED"] if shown else []
        new = self._add(world, account, key, rows, _kobo(shown.fields["balance"]) if shown else 0)
        body["data_until"] = world.now
        return new or (self._returned(world, account) if news else 0)

    def _person(self, world: World, account: Record, profile: str) -> str:
        """The key of the login that the account belongs to. Of one customer's accounts each is another one of the same
        person's, as long as the profile has more.
        """
        customer = world.get("mono.customer", account.owner)
        person = customer.body["person"] if customer else account.owner
        if account.body["place"] is None:
            taken = [
                other.body["place"]
                for other in world.list(Query("mono.account", owner=account.owner))
                if other.body["place"]
            ]
            account.body["place"] = 1 + max(taken, default=0)
        login = 1 + (account.body["place"] - 1) // self._deposits(profile)
        return persona(world.sandbox.seed, person, login)

    def _deposits(self, profile: str) -> int:
        return max(1, sum(spec.type in DEPOSITS for spec in self.profiles.get(profile).accounts))

    def _shown(self, world: World, account: Record, name: str, key: str) -> Account | None:
        """What the bank shows of this account now; None when the profile has none."""
        since = account.body["data_until"]
        days = HISTORY if since is None else None
        data = self.profiles.generate(name, key=key, until=world.now, days=days, since=since)
        if data.frozen and since is not None:
            data.accounts[:] = self.profiles.generate(name, key=key, until=account.created_at, days=0).accounts
            for each in data.accounts:
                each.transactions.clear()
        deposits = [each for each in data.accounts if each.fields["type"] in DEPOSITS] or data.accounts
        return deposits[(account.body["place"] - 1) % self._deposits(name)] if deposits else None

    def _introduce(
        self, world: World, account: Record, institution: Institution, key: str, shown: Account | None
    ) -> None:
        """Whose account it is, its number and type: always the same from now on."""
        customer = world.get("mono.customer", account.owner)
        named = bool(customer and customer.body["named"])
        owner = shown.owners[0] if shown and shown.owners and named else None
        identity = self.people.identity(key, owner)
        chance = random.Random(f"{key}:{account.guid}:number")
        account.body.update(
            identity=identity,
            name=identity["name"].upper(),
            account_number=account_number(institution, chance),
            type=TYPES.get(shown.fields["type"], CURRENT) if shown else "SAVINGS",
            currency="NGN",
            bvn=identity["bvn"],
        )

    def _add(self, world: World, account: Record, key: str, rows: Sequence[Mapping[str, Any]], balance: int) -> int:
        """Adds those that are not there, each with the balance after it, which is ``balance`` after the last; how
        many.
        """
        known = {record.partner_id for record in world.pages(Query(TRANSACTION, parent=account.guid), 1000)}
        rows = sorted((row for row in rows if row["id"] not in known), key=lambda row: row["posted_at"])
        made: list[tuple[str, dict[str, Any]]] = []
        moment = world.now + LATEST
        for row in reversed(rows):  # of one day, the last one is the latest, and none is later than now
            chance = random.Random(f"{account.guid}:{row['id']}")
            moment = min(moment, row["posted_at"]) - chance.randint(1, LATEST)
            narration, category = narrate(self.people, key, row, chance)
            amount = _kobo(row["amount"])
            body = {
                "type": row["type"].lower(),
                "amount": amount,
                "narration": narration,
                "date": moment,
                "balance": balance,
                "category": category,
                "kind": row["category"],
                "salary": is_salary(row),
            }
            made.append((row["id"], body))
            balance -= amount if body["type"] == "credit" else -amount
        after = _newest(world, account)
        for place, (_, body) in enumerate(reversed(made), 1):
            body["date"] = max(body["date"], after + place)
        records = [_record(world, account, body, id) for id, body in made]
        world.add_all(reversed(records))
        return len(records)

    def _returned(self, world: World, account: Record) -> int:
        """Two transactions that a scenario wants where the profile has none: a purchase that failed, and its
        reversal.
        """
        chance = random.Random(f"{account.guid}:{world.now}")
        amount, balance, reference = (
            chance.randint(10, 50) * 10_000,
            account.body["balance"] or 0,
            f"{chance.randrange(10**9):09d}",
        )
        after = _newest(world, account)
        for type, left, narration, at in (
            ("debit", balance - amount, f"POS PURCHASE DECLINED {reference}", max(world.now - 5 * MINUTE, after + 1)),
            ("credit", balance, f"RVSL POS PURCHASE {reference}", max(world.now - 4 * MINUTE, after + 2)),
        ):
            body = {
                "type": type,
                "amount": amount,
                "narration": narration,
                "date": at,
                "balance": left,
                "category": "unknown",
                "kind": None,
                "salary": False,
            }
            world.add(_record(world, account, body, None))
        return 2


def _newest(world: World, account: Record) -> int:
    """The moment of the newest transaction that is there; what comes in is later, so that each balance follows from the
    one before.
    """
    found = world.list(Query(TRANSACTION, parent=account.guid, newest_first=True, limit=1))
    return found[0].sort if found else 0


def _record(world: World, account: Record, body: dict[str, Any], partner_id: str | None) -> Record:
    guid = world.guid().replace("-", "")[:24]
    return Record(TRANSACTION, guid, body, account.owner, account.guid, account.guid, partner_id, sort=body["date"])


def _kobo(amount: float) -> int:
    return round(amount * 100)


def shorter(number: str | None) -> str | None:
    """The last four digits, which is all that most answers show of a BVN."""
    return number[-4:] if number else None
