"""Logins with so many transactions that they are brought bit by bit (`mocksrv.engine.loads`)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any

from mocksrv.engine.loads import slices_of
from mocksrv.engine.storage.records import Query, Record, dumps
from mocksrv.engine.world import World
from mocksrv.providers.mx.bank import resources
from mocksrv.providers.mx.bank.transactions import (
    Changed,
    Row,
    Rules,
    Stored,
    TransactionBodies,
    midnight,
    sort_out,
    tell_of_new,
)
from mocksrv.providers.profiles import Data

if TYPE_CHECKING:
    from mocksrv.providers.mx.bank.loading import Loader


class BigLoad:
    """The transactions of a member that are not there yet. By the banks' ids of the accounts: ``guids`` are theirs,
    ``counts`` how many transactions were brought to each, ``changed`` what is there and has changed.
    """

    def __init__(self, loader: Loader, member: Record, wanted: Sequence[str], at: int) -> None:
        self.subject = member.guid
        self.key = " ".join((member.guid, *wanted))
        self.at = at
        self.changed: dict[str, list[Changed]] = {}
        self.data: Data | None = None
        self.guids: dict[str, str] = {}
        self.counts: dict[str, int] = {}
        self._new: dict[str, deque[Stored]] = {}
        self._wanted = tuple(wanted)
        self._loader = loader
        self._rules: Rules | None = None
        self._member = deepcopy(member)  # as the play has made it, of which nothing is stored yet

    def prepare(self, world: World) -> None:
        """Makes the data."""
        self.data = self._loader.wanted_data(world, self._member, self._wanted)
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
            rows = list(zip(account.transactions, account.lines, strict=True))
            for part in slices_of(rows):
                yield partial(self._write, account.id, part)

    def _write(self, account: str, rows: Sequence[Row], world: World, load: int) -> None:
        if account not in self.guids:
            self.guids[account] = world.guid(resources.ACCOUNT.prefix)
        guid = self.guids[account]
        bodies = TransactionBodies(guid)
        new, changed = sort_out(world, guid, rows)
        self.changed.setdefault(account, []).extend(changed)
        guids = world.guids("TRN", len(new)).all()
        world.add_alike(
            self._like(guid),
            [
                (guid, row["id"], midnight(row), self._text(bodies, row, line))
                for guid, (row, line) in zip(guids, new, strict=True)
            ],
            load,
        )
        self.counts[account] = self.counts.get(account, 0) + len(new)
        if resources.TRANSACTION.wanted(world, "created"):
            kept = self._new.setdefault(account, deque(maxlen=world.sandbox.config.keep_events))
            kept.extend(zip(guids, new, strict=True))

    def tell(self, world: World, account: str) -> None:
        """Writes the events of an account's new transactions, of as many as a sandbox keeps, where all are recorded."""
        new = self._new.get(account, ())
        if new:
            like = self._like(self.guids[account])
            like.created_at = like.updated_at = self.at
            tell_of_new(world, like, TransactionBodies(like.parent or ""), new, self._rules)

    def _like(self, account: str) -> Record:
        return Record("mx.transaction", "", {}, self._member.owner, self.subject, account)

    def _text(self, bodies: TransactionBodies, row: dict[str, Any], line: Mapping[str, Any]) -> str:
        if self._rules is None:
            return bodies.text(row, line)
        body = bodies.body(row, line)
        self._rules(body)
        return dumps(body)
