"""Brings a data profile into a member: accounts, numbers, owners, transactions, statements and rewards as MX's records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mocksrv.engine.clock import parse_moment
from mocksrv.engine.sandbox import World
from mocksrv.engine.store import Query, Record
from mocksrv.providers.mx.bank import categories
from mocksrv.providers.mx.objects import emit_account, emit_transaction
from mocksrv.providers.profiles import Account, Data, Profiles

EXTENDED_DAYS = 730  # what MX's extended history reaches back
INSURED = frozenset({"CHECKING", "SAVINGS"})  # types of accounts that the state insures
SPLIT = "mx.split_transaction"  # a transaction that has been split is kept apart: its parts are listed and added up in its place


@dataclass(slots=True)
class Fetched:
    """What a load did: how many records it made and changed, by the names of MX's callbacks; the accounts it verified."""

    counts: dict[str, int] = field(default_factory=dict)
    verified: list[str] = field(default_factory=list)

    def count(self, name: str, number: int = 1) -> None:
        self.counts[name] = self.counts.get(name, 0) + number


class Loader:
    """Loads data profiles into members. ``profile_of`` names the profile of an institution, by its code."""

    def __init__(self, profiles: Profiles, profile_of: Callable[[str], str]) -> None:
        self.profiles = profiles
        self._profile_of = profile_of

    def accounts(self, world: World, member: Record) -> list[dict[str, Any]]:
        """The accounts that the member's login shows, loaded or not: the provider's fields by name."""
        return [account.fields for account in self._generate(world, member, days=0).accounts]

    def profile(self, member: Record) -> str:
        """The name of the member's data profile: its scenario's, else its institution's."""
        return member.body.get("profile") or self._profile_of(member.body["institution_code"])

    def load(self, world: World, member: Record, wanted: Sequence[str], selected: str | None = None) -> Fetched:
        """Brings the wanted parts (accounts, numbers, owners, transactions, history, statements, rewards) up to date.

        What is there already and has not changed is not touched. ``selected`` is the bank's id of the account whose numbers are wanted.
        """
        data = self._wanted_data(world, member, wanted)
        fetched = Fetched()
        known = {record.partner_id: record for record in world.list(Query("mx.account", subject=member.guid))}
        for account in data.accounts:
            record = known.get(account.id)
            if record is None:
                record = self._add_account(world, member, account)
            else:
                _refresh_account(world, record, account)
            if "transactions" in wanted:
                self._transactions(world, record, account.transactions, fetched)
            if "owners" in wanted:
                self._once(world, "mx.account_owner", "ACO", record, account.owners)
            if "numbers" in wanted and selected in (None, account.id) and account.account_number and account.routing_number:
                numbers = {"account_number": account.account_number, "routing_number": account.routing_number, "passed_validation": True}
                self._once(world, "mx.account_number", "ACN", record, [numbers])
                fetched.verified.append(record.guid)
            if "statements" in wanted:
                added = self._new(world, "mx.statement", "STA", record, account.statements)
                fetched.count("statements_created_count", added)
            if "rewards" in wanted:
                added = self._new(world, "mx.reward", "RWD", record, account.rewards)
                fetched.count("rewards_created_count", added)
        return fetched

    def _wanted_data(self, world: World, member: Record, wanted: Sequence[str]) -> Data:
        """The data to bring, and the marks of how far back and forth the member's transactions reach (``data_from``, ``data_until``)."""
        body = member.body
        if "transactions" not in wanted:
            return self._generate(world, member, days=0)
        until = world.now
        if body.get("data_until") is None:
            data = self._generate(world, member, days=EXTENDED_DAYS if "history" in wanted else None)
            body.update(data_first=until, data_until=until, data_extended="history" in wanted)
            return data
        if "history" in wanted and not body.get("data_extended"):
            body["data_extended"] = True
            return self._generate(world, member, days=EXTENDED_DAYS)
        data = self._generate(world, member, since=body["data_until"])
        body["data_until"] = until
        return data

    def _generate(self, world: World, member: Record, *, days: int | None = None, since: int | None = None) -> Data:
        name = self.profile(member)
        key = f"{world.sandbox.settings.seed}:{member.guid}"
        data = self.profiles.generate(name, key=key, until=world.now, days=days, since=since)
        first = member.body.get("data_first")
        if data.frozen and first is not None and first != world.now:
            return self.profiles.generate(name, key=key, until=first, days=days, since=since)
        return data

    def _add_account(self, world: World, member: Record, account: Account) -> Record:
        number, fields = account.account_number, account.fields
        body = {
            **{name: value for name, value in fields.items() if name != "id"},
            "account_number": _masked(number),
            "federal_insurance_status": "INSURED" if fields["type"] in INSURED else "UNKNOWN_INSURED",
            "full_number": number,
            "full_routing_number": account.routing_number,
            "routing_number": account.routing_number if account.routing_number else None,
            "institution_code": member.body["institution_code"],
            "institution_guid": member.body["institution_guid"],
            "is_hidden": False,
            "is_manual": False,
            "imported_at": world.now,
            "member_is_managed_by_user": member.body["is_managed_by_user"],
        }
        record = Record("mx.account", world.guid("ACT"), body, owner=member.owner, subject=member.guid, partner_id=account.id)
        world.add(record)
        emit_account(world, "created", record, bulk=True)
        return record

    def _transactions(self, world: World, account: Record, rows: Iterable[Mapping[str, Any]], fetched: Fetched) -> None:
        """Adds those that are not there; those that have changed (a pending one was posted) are changed."""
        kinds = ("mx.transaction", SPLIT)
        known = {r.partner_id: r for kind in kinds for r in world.pages(Query(kind, parent=account.guid), 1000)}
        new = []
        for row in rows:
            body = _transaction(row)
            there = known.get(row["id"])
            if there is None:
                sort = parse_moment(row["date"])
                new.append(
                    Record("mx.transaction", world.guid("TRN"), body, account.owner, account.subject, account.guid, row["id"], sort=sort)
                )
            elif there.body["status"] != row["status"]:
                there.body.update(status=row["status"], posted_at=row["posted_at"])
                world.save(there)
                emit_transaction(world, "updated", there, bulk=True)
                fetched.count("transactions_updated_count")
        world.add_all(new)
        for record in new:
            emit_transaction(world, "created", record, bulk=True)
        fetched.count("transactions_created_count", len(new))

    def _once(self, world: World, kind: str, prefix: str, account: Record, rows: Sequence[Mapping[str, Any]]) -> None:
        """Puts these in place of the account's earlier ones, unless they are the same."""
        present = world.list(Query(kind, parent=account.guid))
        if [record.body for record in present] != [dict(row) for row in rows]:
            for record in present:
                world.remove(guid=record.guid)
            world.add(*(Record(kind, world.guid(prefix), dict(row), account.owner, account.subject, account.guid) for row in rows))

    def _new(self, world: World, kind: str, prefix: str, account: Record, rows: Sequence[Mapping[str, Any]]) -> int:
        """Adds those whose id is not there; how many."""
        known = {record.partner_id for record in world.list(Query(kind, parent=account.guid))}
        new = [row for row in rows if row["id"] not in known]
        world.add(*(Record(kind, world.guid(prefix), dict(r), account.owner, account.subject, account.guid, r["id"]) for r in new))
        return len(new)


def _refresh_account(world: World, record: Record, account: Account) -> None:
    changed = {name: value for name, value in account.fields.items() if name != "id" and record.body.get(name) != value}
    if changed:
        record.body.update(changed)
        world.save(record)
        emit_account(world, "updated", record, bulk=True)


def _masked(number: str | None) -> str | None:
    """Account reads show the last four digits at most."""
    return f"****{number[-4:]}" if number else None


def _transaction(row: Mapping[str, Any]) -> dict[str, Any]:
    """A profile's transaction in MX's fields."""
    category = categories.BY_NAME.get(row.get("category") or "", categories.UNCATEGORIZED)
    body = {name: value for name, value in row.items() if name not in ("id", "date")}
    return {**categories.labels(category, credit=row["type"] == "CREDIT"), **body, "category": category.name}
