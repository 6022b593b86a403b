"""The transactions of data profiles in MX's fields, and how those of an account are brought up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mocksrv.engine.callbacks.batches import Values
from mocksrv.engine.clock import DAY
from mocksrv.engine.storage.records import Query, Record, dumps
from mocksrv.engine.world import World
from mocksrv.providers.mx.bank import categories, resources
from mocksrv.providers.mx.bank.merchants import enrichment
from mocksrv.providers.mx.events.changes import TransactionsAdded, follow
from mocksrv.providers.profiles import EACH, Account

OWN = tuple(name for name in EACH if name not in ("id", "date"))  # of what tells transactions apart, what bodies have
Rules = Callable[[dict[str, Any]], bool]  # what a user's rules do to the body of a new transaction
Row = tuple[dict[str, Any], Mapping[str, Any]]  # a profile's transaction, and the line that it was made of
# what the events of transactions of one line and status differ in, by the API's names: the place in `tell_of_new`
OPEN = {
    "guid": 0,
    "id": 1,
    "amount": 2,
    "feed_amount": 2,
    "date": 3,
    "transacted_at": 4,
    "feed_transacted_at": 4,
    "posted_at": 5,
    "feed_posted_at": 5,
}
Stored = tuple[str, Row]  # the same with its guid
Changed = tuple[str, dict[str, Any]]  # the guid of a transaction, and what the profile's is like now


def midnight(row: Mapping[str, Any]) -> int:
    """The beginning of a transaction's date."""
    return int(row["transacted_at"]) // DAY * DAY


class TransactionBodies:
    """The bodies of an account's transactions. What those of one line share is made once."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._made: dict[int, tuple[dict[str, Any], str]] = {}  # by the identity of the line

    def body(self, row: Mapping[str, Any], line: Mapping[str, Any]) -> dict[str, Any]:
        """The body of a profile's transaction."""
        return {**self._shared(row, line)[0], **{name: row[name] for name in OWN}}

    def text(self, row: Mapping[str, Any], line: Mapping[str, Any]) -> str:
        """The same as JSON, which takes a fraction of the time."""
        beginning = (self._made.get(id(line)) or self._shared(row, line))[1]
        return (
            f'{beginning},"transacted_at":{row["transacted_at"]},"posted_at":{row["posted_at"]},'
            f'"amount":{row["amount"]!r},"status":"{row["status"]}"}}'
        )

    def _shared(self, row: Mapping[str, Any], line: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        made = self._made.get(id(line))
        if made is None:
            category = categories.BY_NAME.get(row.get("category") or "", categories.UNCATEGORIZED)
            fields = {name: value for name, value in row.items() if name not in EACH}
            named = fields.pop("merchant", None) or row["description"]
            shared = {
                **categories.labels(category, credit=row["type"] == "CREDIT"),
                **enrichment(self._account, named, row["original_description"]),
                **fields,
                "category": category.name,
            }
            made = self._made[id(line)] = (shared, dumps(shared)[:-1])
        return made


def bring_transactions(
    world: World, record: Record, account: Account, apply_rules: Rules | None, follows: bool, fresh: bool
) -> tuple[int, int]:
    """Adds those of an account that are not there; those that have changed (a pending one was posted) are changed. How
    many were added, and how many changed.

    ``follows``: they follow what was there before, so that users are alerted of them. A history that is new as a whole
    alerts nobody. ``fresh``: the account was stored just now, and has none.
    """
    rows = list(zip(account.transactions, account.lines, strict=True))
    new, changed = sort_out(world, record.guid, rows) if not fresh else (rows, [])
    updated = change(world, changed)
    _add(world, record, new, apply_rules, follows and not fresh)
    return len(new), updated


def sort_out(world: World, account: str, rows: Sequence[Row]) -> tuple[list[Row], list[Changed]]:
    """Those that an account does not have yet, and those whose status is another one there."""
    known: dict[str | None, tuple[str, Any]] = {}
    ids = [row["id"] for row, _ in rows]
    for kind in resources.TRANSACTIONS:
        known |= world.by_partner_id(Query(kind, parent=account, partner_ids=ids), "status")
    new: list[Row] = []
    changed: list[Changed] = []
    for row, line in rows:
        guid, status = known.get(row["id"], ("", None))
        if not guid:
            new.append((row, line))
        elif status != row["status"]:
            changed.append((guid, row))
    return new, changed


def change(world: World, changed: Sequence[Changed]) -> int:
    """Gives transactions, and the parts of split ones, their new status; how many there were."""
    updated = 0
    for guid, row in changed:
        there = world.record(guid)
        if there is None:
            continue
        for each in (there, *parts_of(world, there)):
            each.body.update(status=row["status"], posted_at=row["posted_at"])
            world.save(each)
            resources.TRANSACTION.emit(world, "updated", each, bulk=True)
        updated += 1
    return updated


def _add(world: World, account: Record, new: Sequence[Row], apply_rules: Rules | None, follows: bool) -> None:
    bodies, guids = TransactionBodies(account.guid), world.guids("TRN", len(new)).all()
    like = Record("mx.transaction", "", {}, account.owner, account.subject, account.guid)
    wanted = resources.TRANSACTION.wanted(world, "created")
    told = wanted and resources.TRANSACTION.can_batch(world, "created")
    if apply_rules is None and not follows and (told or not wanted):
        made = list(zip(guids, new, strict=True))
        world.add_alike(like, ((guid, row["id"], midnight(row), bodies.text(row, line)) for guid, (row, line) in made))
        if told:
            tell_of_new(world, like, bodies, made)
        return  # which is most of the work of a load, and nobody looks at the records
    records = [_record(like, bodies, guid, row, apply_rules) for guid, row in zip(guids, new, strict=True)]
    world.add(*records)
    for each in records:
        resources.TRANSACTION.emit(world, "created", each, bulk=True)
    if follows:
        follow(world, TransactionsAdded(records))


def tell_of_new(
    world: World, like: Record, bodies: TransactionBodies, new: Iterable[Stored], apply_rules: Rules | None = None
) -> None:
    """Writes the events of new transactions, which are ``like`` one record, as a batch where that is possible: those of
    one line have a form in common, for what rules do depends on it alone.
    """
    if not resources.TRANSACTION.can_batch(world, "created"):
        for guid, each in new:
            resources.TRANSACTION.emit(world, "created", _record(like, bodies, guid, each, apply_rules), bulk=True)
        return
    places: dict[tuple[int, str], int] = {}
    first: list[Record] = []  # of each form
    values: list[Values] = []
    for guid, (row, line) in new:
        transacted_at, posted_at, key = row["transacted_at"], row["posted_at"], (id(line), row["status"])
        place = places.get(key)
        if place is None:
            place = places[key] = len(first)
            first.append(_record(like, bodies, guid, (row, line), apply_rules))
        date = transacted_at // DAY * DAY // 1000
        values.append((place, guid, row["id"], row["amount"], date, transacted_at // 1000, posted_at // 1000))
    resources.TRANSACTION.emit_batch(world, "created", first, OPEN, values)


def _record(like: Record, bodies: TransactionBodies, guid: str, row: Row, apply_rules: Rules | None) -> Record:
    body = bodies.body(*row)
    if apply_rules is not None:
        apply_rules(body)
    return replace(like, guid=guid, body=body, partner_id=row[0]["id"], sort=midnight(row[0]))


def parts_of(world: World, transaction: Record) -> list[Record]:
    """The parts of a transaction that has been split."""
    if transaction.kind != resources.SPLIT:
        return []
    return world.list(Query("mx.transaction", parent=transaction.parent, body={"parent_guid": transaction.guid}))
