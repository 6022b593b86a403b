"""The transactions of data profiles in Finicity's words, and how those of a login are brought up to date: many of them
bit by bit (`mocksrv.engine.loads`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from mocksrv.engine.clock import DAY, parse_moment
from mocksrv.engine.loads import slices_of
from mocksrv.engine.storage.records import Query, Record, dumps
from mocksrv.engine.world import World
from mocksrv.providers.profiles import Account

if TYPE_CHECKING:
    from mocksrv.providers.finicity.bank.loading import Bank

KIND = "finicity.transaction"
INVERTED = frozenset({"CREDIT_CARD", "INVESTMENT"})  # what is spent counts as positive
KINDS = {
    "Paycheck": "directDeposit",
    "Transfer": "transfer",
    "Credit Card Payment": "payment",
    "Interest Income": "interest",
    "Cash": "atm",
}


Row = tuple[str, dict[str, Any], int]  # guid, body, sort


class TransactionLoad:
    """The transactions of accounts of a login that are not there yet: those since a moment (of new accounts all of
    them), or of so many days. ``found`` is what the bank shows of the accounts, by the guids of their ``records``.
    """

    def __init__(
        self,
        bank: Bank,
        login: Record,
        accounts: Sequence[Record],
        at: int,
        *,
        since: int | None = None,
        days: int | None = None,
    ) -> None:
        self.subject = login.subject or ""
        self.key = " ".join((login.guid, str(days), *sorted(account.guid for account in accounts)))
        self.at = at
        self.login = login
        self.records = {account.guid: account for account in accounts}
        self.found: dict[str, Account] = {}
        self._bank = bank
        self._since = since
        self._days = days
        self._accounts = deepcopy(list(accounts))  # as the play has made them, of which nothing may be stored yet
        self._login = deepcopy(login)
        self._changed: list[Row] = []

    def days_wanted(self, most: int) -> int:
        """How many days of transactions these are, ``most`` where nothing says."""
        if self._days is not None:
            return self._days
        new = any(_is_new(account) for account in self._accounts)
        return most if self._since is None or new else (self.at - self._since) // DAY

    def prepare(self, world: World) -> None:
        by_id = {account.partner_id: account for account in self._accounts}
        shown = self._bank.generate(world, self._login, since=self._since, days=self._days).accounts
        whole = {}
        if self._since is not None and any(map(_is_new, self._accounts)):
            whole = {each.id: each for each in self._bank.generate(world, self._login).accounts}
        for each in shown:
            record = by_id.get(each.id)
            if record is not None:
                self.found[record.guid] = whole[each.id] if whole and _is_new(record) else each

    def slices(self) -> Iterator[Callable[[World, int | None], None]]:
        for account in self._accounts:
            data = self.found.get(account.guid)
            for part in slices_of(data.transactions if data is not None else ()):
                inverted = data is not None and data.fields["type"] in INVERTED
                rows = [
                    (
                        f"{account.guid}-{transaction_number(row['id'])}",
                        body_of(row, inverted=inverted),
                        row["transacted_at"],
                    )
                    for row in part
                ]
                yield partial(self._write, account, rows)

    def _write(self, account: Record, rows: Sequence[Row], world: World, load: int | None) -> None:
        known = {record.guid: record for record in world.list(Query(KIND, guids=[guid for guid, _, _ in rows]))}
        like = Record(KIND, "", {}, account.owner, account.subject, account.guid)
        new = [(guid, None, sort, dumps(body)) for guid, body, sort in rows if guid not in known]
        world.add_alike(like, new, load)
        self._changed += [row for row in rows if row[0] in known and known[row[0]].body != row[1]]

    def finish(self, world: World, wanted: TransactionLoad) -> None:
        """Changes what has posted since; the accounts of the load that is ``wanted`` now say how far they reach."""
        self.records = wanted.records
        for guid, body, _ in self._changed:
            there = world.record(guid)
            if there is not None:
                there.body = body
                world.save(there)
        for guid, data in self.found.items():
            if data.transactions:
                dates = [row["transacted_at"] for row in data.transactions]
                body = self.records[guid].body
                oldest = body.get("oldestTransactionDate")
                first = min(dates) if oldest is None else min(oldest, *dates)
                body.update(lastTransactionDate=max(dates), oldestTransactionDate=first)


def _is_new(account: Record) -> bool:
    """Whether an account was never aggregated."""
    return account.body.get("aggregationSuccessDate") is None


def transaction_number(id: str) -> int:
    """The number of a transaction, by the bank's id of it."""
    return 10**11 + int.from_bytes(blake2b(id.encode(), digest_size=6).digest(), "big") % (9 * 10**11)


def body_of(row: Mapping[str, Any], *, inverted: bool) -> dict[str, Any]:
    """A transaction of a profile in Finicity's words."""
    amount = row["amount"] if (row["type"] == "CREDIT") != inverted else -row["amount"]
    posted = row["posted_at"] if row["status"] == "POSTED" else None
    credit = row["type"] == "CREDIT"
    category = row.get("category") or "Uncategorized"
    return {
        "number": transaction_number(row["id"]),
        "amount": amount,
        "status": "active" if posted else "pending",
        "description": row["original_description"] or "No description provided by institution",
        "memo": row.get("memo"),
        "type": KINDS.get(category, "fee" if row.get("is_fee") else "credit" if credit else "debit"),
        "transactionDate": parse_moment(row["date"]) + DAY // 2,
        "postedDate": posted,
        "categorization": {
            "normalizedPayeeName": row["description"],
            "category": category,
            "bestRepresentation": row["original_description"],
            "country": "USA",
        },
    }
