"""Logins with so many transactions that they are brought bit by bit (`mocksrv.engine.loads`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from mocksrv.engine.clock import DAY
from mocksrv.engine.storage.records import Query, Record, dumps
from mocksrv.engine.world import World
from mocksrv.providers.mx.bank import resources
from mocksrv.providers.mx.bank.transaction_bodies import TransactionBodies
from mocksrv.providers.profiles import Account, Data

if TYPE_CHECKING:
    from mocksrv.providers.mx.bank.loading import Loader

MOST_AT_ONCE = 2000  # transactions that one transaction of the database brings
SLICE = 1000  # of those that are brought bit by bit
Rules = Callable[[dict[str, Any]], bool]


def midnight(row: Mapping[str, Any]) -> int:
    """The beginning of a transaction's date."""
    return int(row["transacted_at"]) // DAY * DAY


class BigLoad:
    """The transactions of a member that are not there yet. ``guids`` are those of the accounts, by the bank's ids;
    ``counts`` how many transactions were brought to each.
    """

    def __init__(self, loader: Loader, member: Record, wanted: Sequence[str], at: int) -> None:
        self.subject = member.guid
        self.at = at
        self.wanted = tuple(wanted)
        self.data: Data | None = None
        self.guids: dict[str, str] = {}
        self.counts: dict[str, int] = {}
        self._loader = loader
        self._rules: Rules | None = None
        self._member = deepcopy(member)  # as the play has made it, of which nothing is stored yet

    def prepare(self, world: World) -> None:
        """Makes the data."""
        self.data = self._loader.wanted_data(world, self._member, self.wanted)
        self._rules = self._loader.rules(world, self._member.owner)
        accounts = world.list(Query("mx.account", subject=self.subject))
        self.guids = {str(record.partner_id): record.guid for record in accounts}

    def slices(self) -> Iterator[Callable[[World, int], None]]:
        """As of one day lists show those of the first account first, the last account's are written first."""
        assert self.data is not None
        merged = self._member.body.get("merged_accounts", ())
        for account in reversed(self.data.accounts):
            if account.id in merged:
                continue
            known: set[str | None] = set()
            for start in range(0, len(account.transactions), SLICE):

                def write(world: World, load: int, account: Account = account, start: int = start) -> None:
                    self._write(world, load, account, start, known)  # noqa: B023

                yield write

    def _write(self, world: World, load: int, account: Account, start: int, known: set[str | None]) -> None:
        if account.id not in self.guids:
            self.guids[account.id] = world.guid(resources.ACCOUNT.prefix)
        guid = self.guids[account.id]
        if start == 0:
            for kind in resources.TRANSACTIONS:
                known.update(world.by_partner_id(Query(kind, parent=guid), "status"))
        bodies = TransactionBodies(guid)
        end = start + SLICE
        new = [
            (row, line)
            for row, line in zip(account.transactions[start:end], account.lines[start:end], strict=True)
            if row["id"] not in known
        ]
        like = Record("mx.transaction", "", {}, self._member.owner, self.subject, guid)
        guids = world.guids("TRN", len(new))
        world.add_alike(
            like,
            [
                (guid, row["id"], midnight(row), self._text(bodies, row, line))
                for guid, (row, line) in zip(guids, new, strict=True)
            ],
            load,
        )
        self.counts[account.id] = self.counts.get(account.id, 0) + len(new)

    def _text(self, bodies: TransactionBodies, row: dict[str, Any], line: Mapping[str, Any]) -> str:
        if self._rules is None:
            return bodies.text(row, line)
        body = bodies.body(row, line)
        self._rules(body)
        return dumps(body)
