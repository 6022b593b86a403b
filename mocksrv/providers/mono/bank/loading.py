"""Brings a data profile into an account: whose it is, its balance, its transactions as a Nigerian bank prints them.

The amounts of a profile are naira here, as they are dollars elsewhere; all that is stored is kobo.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from mocksrv.engine.clock import DAY, MINUTE
from mocksrv.engine.loads import MOST_AT_ONCE, brought
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.mono.bank.institutions import Institution, account_number
from mocksrv.providers.mono.bank.people import People
from mocksrv.providers.mono.bank.transactions import TRANSACTION, TransactionLoad, kobo, newest
from mocksrv.providers.mono.ids import document_id
from mocksrv.providers.profiles import Account, Profiles, persona

EVERYDAY = "everyday"  # what an account has whose scenario names no data profile
HISTORY = 365  # days, the longest statement there is
DEPOSITS = ("CHECKING", "SAVINGS")
TYPES = {"SAVINGS": "SAVINGS"}  # of a profile's account -> Mono's
CURRENT = "CURRENT"
FETCHED_AS = {"balance": "balance", "transactions": "data_until"}  # part -> the field that is null until it was fetched


class Offer(NamedTuple):
    """An account that a bank offers the choice of: its ``place`` among all of the person's, its balance in kobo."""

    place: int
    type: str
    balance: int


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
        self._need(world, name)
        key = self._person(world, account, name)
        first = body["loaded_profile"] != name
        others = first and body["loaded_profile"] is not None  # transactions of another profile
        if first:
            if others:
                world.remove(kind=TRANSACTION, parent=account.guid)
            body.update(loaded_profile=name, data_until=None)
        elif news is False and all(body[field] is not None for part, field in FETCHED_AS.items() if part in parts):
            return 0
        load = TransactionLoad(self, account, name, key, world.now)
        if "transactions" in parts:
            load = self._brought(world, load, body, may_wait=not others)
        else:
            load.show(world)
        shown = load.shown
        if body["account_number"] is None:
            self._introduce(world, account, institution, key, shown)
        if "balance" in parts:
            body["balance"] = kobo(shown.fields["balance"]) if shown else 0
        if "transactions" not in parts:
            return 0
        body["data_until"] = load.at
        return len(load.rows) or (self._returned(world, account) if news else 0)

    def _brought(
        self, world: World, wanted: TransactionLoad, body: Mapping[str, Any], *, may_wait: bool
    ) -> TransactionLoad:
        """Brings the transactions: at once, or what has been brought bit by bit. Raises Postponed, but only if it
        ``may_wait``.
        """
        since, name = body["data_until"], body["loaded_profile"]
        days = HISTORY if since is None else (world.now - since) // DAY
        rows = self.profiles.rows(name, days) // max(1, len(self.profiles.get(name).accounts))
        load = brought(world, wanted) if may_wait and rows > MOST_AT_ONCE else None
        if load is None:
            load = wanted
            load.prepare(world)
            for write in load.slices():
                write(world, None)
        return load

    def _need(self, world: World, profile: str) -> None:
        """Raises Unready."""
        self.people.need(world)
        self.profiles.need(world, profile)

    def offered(self, world: World, customer: Record, profile: str | None) -> list[Offer]:
        """The accounts of the customer's next login that are not linked yet; a profile without any has an empty one."""
        name = profile or EVERYDAY
        self._need(world, name)
        taken, deposits = self._taken(world, customer.guid), self._deposits(name)
        before = max(taken, default=0) // deposits  # logins that are left behind
        key = persona(world.sandbox.seed, customer.body["person"], 1 + before)
        accounts = _deposit_accounts(self.profiles.generate(name, key=key, until=world.now, days=0).accounts)
        places = range(before * deposits + 1, (before + 1) * deposits + 1)
        offers = []
        for place in (each for each in places if each not in taken):
            account = accounts[(place - 1) % deposits] if accounts else None
            offers.append(Offer(place, _type(account), kobo(account.fields["balance"]) if account else 0))
        return offers

    def _taken(self, world: World, owner: str) -> set[int]:
        """The places of a customer's linked accounts."""
        places = (other.body["place"] for other in world.list(Query("mono.account", owner=owner)))
        return {place for place in places if place}

    def _person(self, world: World, account: Record, profile: str) -> str:
        """The key of the login that the account belongs to. Of one customer's accounts each is another one of the same
        person's, as long as the profile has more.
        """
        customer = world.get("mono.customer", account.owner)
        person = customer.body["person"] if customer else account.owner
        if account.body["place"] is None:
            account.body["place"] = 1 + max(self._taken(world, account.owner), default=0)
        login = 1 + (account.body["place"] - 1) // self._deposits(profile)
        return persona(world.sandbox.seed, person, login)

    def _deposits(self, profile: str) -> int:
        return max(1, sum(spec.type in DEPOSITS for spec in self.profiles.get(profile).accounts))

    def shown(self, world: World, account: Record, name: str, key: str) -> Account | None:
        """What the bank shows of this account now; None when the profile has none."""
        since = account.body["data_until"]
        days = HISTORY if since is None else None
        data = self.profiles.generate(name, key=key, until=world.now, days=days, since=since)
        if data.frozen and since is not None:
            data.accounts[:] = self.profiles.generate(name, key=key, until=account.created_at, days=0).accounts
            for each in data.accounts:
                each.transactions.clear()
        deposits = _deposit_accounts(data.accounts)
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
            type=_type(shown),
            currency="NGN",
            bvn=identity["bvn"],
        )

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
        after = newest(world, account.guid)
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


def _deposit_accounts(accounts: list[Account]) -> list[Account]:
    """Those that can be linked: a bank's deposits, or where there are none, all."""
    return [each for each in accounts if each.fields["type"] in DEPOSITS] or accounts


def _type(account: Account | None) -> str:
    """Mono's type of a profile's account; None is the empty one."""
    return TYPES.get(account.fields["type"], CURRENT) if account else "SAVINGS"


def _record(world: World, account: Record, body: dict[str, Any], partner_id: str | None) -> Record:
    return Record(
        TRANSACTION, document_id(world), body, account.owner, account.guid, account.guid, partner_id, sort=body["date"]
    )


def shorter(number: str | None) -> str | None:
    """The last four digits, which is all that most answers show of a BVN."""
    return number[-4:] if number else None
