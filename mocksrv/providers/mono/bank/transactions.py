"""The transactions of an account as a Nigerian bank prints them; many of them are brought bit by bit
(`mocksrv.engine.loads`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any

from mocksrv.engine.clock import MINUTE
from mocksrv.engine.loads import slices_of
from mocksrv.engine.storage.records import Query, Record, dumps
from mocksrv.engine.world import World
from mocksrv.providers.mono.bank.narrations import is_salary, narrate
from mocksrv.providers.mono.ids import document_id
from mocksrv.providers.profiles import Account

if TYPE_CHECKING:
    from mocksrv.providers.mono.bank.loading import Loader

TRANSACTION = "mono.transaction"
LATEST = 17 * MINUTE  # between two transactions of a day, about
Row = tuple[str, dict[str, Any]]  # the bank's id, and the body


class TransactionLoad:
    """The transactions of an account that are not there yet. ``shown`` is what the bank shows of it; None where the
    profile has no account for it. ``person`` is the key of the login.
    """

    def __init__(self, loader: Loader, account: Record, profile: str, person: str, at: int) -> None:
        self.subject = account.guid
        self.key = f"{account.guid} {profile} {person}"
        self.at = at
        self.shown: Account | None = None
        self.rows: Sequence[Row] = ()  # oldest first
        self._loader = loader
        self._account = deepcopy(account)  # as the play has made it, of which nothing is stored yet
        self._profile = profile
        self._person = person

    def show(self, world: World) -> None:
        """What the bank shows, without any transaction."""
        self.shown = self._loader.shown(world, self._account, self._profile, self._person)

    def prepare(self, world: World) -> None:
        self.show(world)
        if self.shown is not None:
            posted = [row for row in self.shown.transactions if row["status"] == "POSTED"]
            self.rows = self._made(world, posted, kobo(self.shown.fields["balance"]))

    def _made(self, world: World, rows: Sequence[Mapping[str, Any]], balance: int) -> list[Row]:
        """Those that are not there, each with the balance after it, which is ``balance`` after the last."""
        guid = self._account.guid
        there = Query(TRANSACTION, parent=guid, partner_ids=[row["id"] for row in rows])
        known = world.by_partner_id(there, "date")
        rows = sorted((row for row in rows if row["id"] not in known), key=lambda row: row["posted_at"])
        made: list[Row] = []
        moment = world.now + LATEST
        for row in reversed(rows):  # of one day, the last one is the latest, and none is later than now
            chance = random.Random(f"{guid}:{row['id']}")
            moment = min(moment, row["posted_at"]) - chance.randint(1, LATEST)
            narration, category = narrate(self._loader.people, self._person, row, chance)
            amount = kobo(row["amount"])
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
        made.reverse()
        after = newest(world, guid)
        for place, (_, body) in enumerate(made, 1):
            body["date"] = max(body["date"], after + place)
        return made

    def slices(self) -> Iterator[Callable[[World, int | None], None]]:
        return (partial(self._write, part) for part in slices_of(self.rows))

    def _write(self, rows: Sequence[Row], world: World, load: int | None) -> None:
        account = self._account
        like = Record(TRANSACTION, "", {}, account.owner, account.guid, account.guid)
        world.add_alike(like, [(document_id(world), id, body["date"], dumps(body)) for id, body in rows], load)


def newest(world: World, account: str) -> int:
    """The moment of the newest transaction that is there; what comes in is later, so that each balance follows from the
    one before.
    """
    found = world.list(Query(TRANSACTION, parent=account, newest_first=True, limit=1))
    return found[0].sort if found else 0


def kobo(amount: float) -> int:
    return round(amount * 100)
