"""Brings a data profile into a member: accounts, numbers, owners, transactions, holdings, statements, rewards as MX's
records.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mocksrv.engine.clock import DAY, parse_moment
from mocksrv.engine.loads import MOST_AT_ONCE, brought
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.mx.bank import cards, resources, statements, tax_documents
from mocksrv.providers.mx.bank.big_loads import BigLoad
from mocksrv.providers.mx.bank.transactions import Rules, bring_transactions, change
from mocksrv.providers.mx.events.changes import AccountChanged, follow
from mocksrv.providers.profiles import LONGEST_POSTING, Account, Data, Profiles, persona

EXTENDED_DAYS = 730  # what MX's extended history reaches back
INSURED = frozenset({"CHECKING", "SAVINGS"})  # types of accounts that the state insures


@dataclass(slots=True)
class Fetched:
    """What a load did: how many records it made and changed, by the names of MX's callbacks; the accounts it
    verified.
    """

    counts: dict[str, int] = field(default_factory=dict)
    verified: list[str] = field(default_factory=list)

    def count(self, name: str, number: int = 1) -> None:
        self.counts[name] = self.counts.get(name, 0) + number


def shared(member: Record, account: str) -> bool:
    """Whether an account, by the bank's id, is one that the person shares: at the bank's page some may be left out."""
    consented = member.body.get("consented_accounts")
    return consented is None or account in consented


class Loader:
    """Loads data profiles into members.

    ``profile_of`` names the profile of an institution, by its code. ``rules(world, user)`` is what a user's rules do to
    the body of a new transaction, None when there are none.
    """

    def __init__(
        self,
        profiles: Profiles,
        profile_of: Callable[[str], str],
        rules: Callable[[World, str], Rules | None],
    ) -> None:
        self.profiles = profiles
        self._profile_of = profile_of
        self.rules = rules

    def accounts(self, world: World, member: Record) -> list[dict[str, Any]]:
        """The accounts that the member's login shows, loaded or not: the provider's fields by name."""
        return [account.fields for account in self._generate(world, member, days=0).accounts]

    def profile(self, member: Record) -> str:
        """The name of the member's data profile: its scenario's, else its institution's."""
        return member.body.get("profile") or self._profile_of(member.body["institution_code"])

    def load(self, world: World, member: Record, wanted: Sequence[str], selected: str | None = None) -> Fetched:
        """Brings the wanted parts (accounts, numbers, owners, transactions, history, holdings, statements,
        tax_documents, rewards) up to date.

        What is there already and has not changed is not touched. ``selected`` is the bank's id of the account whose
        numbers are wanted. ``prices`` means the holdings that are there already. An account with holdings stays as it
        is when these do, so that they add up.
        """
        self.profiles.need(world, self.profile(member))
        follows = member.body.get("data_until") is not None and (
            "history" not in wanted or member.body.get("data_extended", False)
        )
        big = self._big_load(world, member, wanted)
        data = self.wanted_data(world, member, wanted, big)
        fetched = Fetched()
        held = {holding.parent for holding in world.list(Query("mx.holding", subject=member.guid))}
        papers = self._papers(world, member, data) if "statements" in wanted else {}
        taxes = self._tax_documents(world, member) if "tax_documents" in wanted else {}
        known = {record.partner_id: record for record in world.list(Query("mx.account", subject=member.guid))}
        loaded: list[tuple[Record, Account]] = []
        merged = member.body.get("merged_accounts", ())
        for account in data.accounts:
            if account.id in merged or not shared(member, account.id):
                continue
            record = known.get(account.id)
            if record is None:
                record = self._add_account(world, member, account, big.guids.get(account.id) if big else None)
            else:
                kept = record.guid in held and not {"holdings", "prices"} & set(wanted)
                _refresh_account(world, record, {} if kept else account.fields)
            loaded.append((record, account))
            parts = {*wanted} - ({"numbers"} if selected not in (None, account.id) else set())
            if "prices" in wanted and record.guid in held:
                parts.add("holdings")
            self._bring(world, record, account, parts, papers.get(account.id, ()), taxes.get(account.id, ()), fetched)
        if "transactions" in wanted:
            apply_rules = self.rules(world, member.owner)
            for record, account in reversed(loaded):  # of one day, lists show those of the first account first
                if big is not None:
                    created = big.counts.get(account.id, 0)
                    updated = change(world, big.changed.get(account.id, ()))
                    big.tell(world, account.id)
                else:
                    fresh = account.id not in known
                    created, updated = bring_transactions(world, record, account, apply_rules, follows, fresh)
                fetched.count("transactions_created_count", created)
                fetched.count("transactions_updated_count", updated)
        return fetched

    def _bring(
        self,
        world: World,
        record: Record,
        account: Account,
        parts: Collection[str],
        papers: Sequence[Mapping[str, Any]],
        taxes: Sequence[Mapping[str, Any]],
        fetched: Fetched,
    ) -> None:
        """Brings these parts of an account, but for transactions; ``papers`` are its new statements, ``taxes`` its tax
        documents.
        """
        if "holdings" in parts:
            self._holdings(world, record, account.holdings)
        if "owners" in parts:
            self._once(world, "mx.account_owner", "ACO", record, account.owners)
        if "numbers" in parts and self._numbers(world, record, account):
            fetched.verified.append(record.guid)
        if "statements" in parts:
            fetched.count("statements_created_count", self._new(world, "mx.statement", "STA", record, papers))
        if "tax_documents" in parts:
            self._new(world, "mx.tax_document", "TAX", record, taxes)
        if "rewards" in parts:
            self._rewards(world, record, account.rewards, fetched)

    def _big_load(self, world: World, member: Record, wanted: Sequence[str]) -> BigLoad | None:
        """What has been brought for this load bit by bit, which is seen from now on; None where that is not needed, or
        cannot be: of what endpoints ask for every transaction they are told at once. Raises Postponed where it has not
        been brought yet.

        Of so much at once users are not alerted, as of a history that is new as a whole.
        """
        if "transactions" not in wanted:
            return None
        many = self.profiles.rows(self.profile(member), self._days(world, member, wanted)) > MOST_AT_ONCE
        possible = many and not resources.TRANSACTION.subscribed(world, "created")
        big = brought(world, BigLoad(self, member, wanted, world.now)) if possible else None
        world.may_postpone = False  # what follows in this transaction would not know what this load has brought
        return big

    @staticmethod
    def _days(world: World, member: Record, wanted: Sequence[str]) -> int | None:
        """How many days of transactions a load brings; None: as many as the profile has."""
        if "history" in wanted and not member.body.get("data_extended"):
            return EXTENDED_DAYS
        until = member.body.get("data_until")
        return None if until is None else int((world.now - until) // DAY)

    def wanted_data(self, world: World, member: Record, wanted: Sequence[str], big: BigLoad | None = None) -> Data:
        """The data to bring, and the marks of how far back and forth the member's transactions reach (``data_from``,
        ``data_until``). Those of a ``big`` load are made already.
        """
        body = member.body
        if "transactions" not in wanted:
            return self._generate(world, member, days=0)
        until = big.at if big is not None else world.now
        if body.get("data_until") is None:
            data = self._generate(world, member, days=EXTENDED_DAYS if "history" in wanted else None, big=big)
            body.update(data_first=until, data_until=until, data_extended="history" in wanted)
            return data
        if "history" in wanted and not body.get("data_extended"):
            body["data_extended"] = True
            return self._generate(world, member, days=EXTENDED_DAYS, big=big)
        data = self._generate(world, member, since=body["data_until"], big=big)
        body["data_until"] = until
        return data

    def _generate(
        self,
        world: World,
        member: Record,
        *,
        days: int | None = None,
        since: int | None = None,
        big: BigLoad | None = None,
    ) -> Data:
        name = self.profile(member)
        self.profiles.need(world, name)
        key, opened = self._persona(world, member, name), member.created_at
        if big is not None and big.data is not None:
            return big.data
        data = self.profiles.generate(name, key=key, until=world.now, days=days, since=since, opened=opened)
        first = member.body.get("data_first")
        if data.frozen and first is not None and first != world.now:
            return self.profiles.generate(name, key=key, until=first, days=days, since=since, opened=opened)
        return data

    def _persona(self, world: World, member: Record, profile: str) -> str:
        """Whose login it is: the user's, by the client's own id; counted among that user's members with the same
        profile.
        """
        logins = member.body.setdefault("logins", {})
        if profile not in logins:
            others = world.list(Query("mx.member", owner=member.owner))
            logins[profile] = 1 + max((other.body.get("logins", {}).get(profile, 0) for other in others), default=0)
        user = world.get("mx.user", member.owner)
        return persona(world.sandbox.seed, (user and user.partner_id) or member.owner, logins[profile])

    def _add_account(self, world: World, member: Record, account: Account, guid: str | None = None) -> Record:
        number, fields = account.account_number, account.fields
        body = {
            **{name: value for name, value in fields.items() if name != "id"},
            "account_number": masked(number),
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
            "credit_card_product_guid": cards.product_of(account),
        }
        record = Record(
            "mx.account",
            guid or world.guid(resources.ACCOUNT.prefix),
            body,
            owner=member.owner,
            subject=member.guid,
            partner_id=account.id,
        )
        world.add(record)
        resources.ACCOUNT.emit(world, "created", record, bulk=True)
        return record

    def _numbers(self, world: World, record: Record, account: Account) -> bool:
        """Whether the account has numbers, which are stored."""
        if not account.account_number or not account.routing_number:
            return False
        numbers = {
            "account_number": account.account_number,
            "routing_number": account.routing_number,
            "passed_validation": True,
        }
        self._once(world, "mx.account_number", "ACN", record, [numbers])
        return True

    def _holdings(self, world: World, account: Record, rows: Iterable[Mapping[str, Any]]) -> None:
        """Adds what was bought, changes what has changed (prices, mostly), removes what was sold."""
        known = {record.partner_id: record for record in world.list(Query("mx.holding", parent=account.guid))}
        for row in rows:
            body = {name: value for name, value in row.items() if name != "id"}
            there = known.pop(row["id"], None)
            if there is None:
                there = Record(
                    "mx.holding",
                    world.guid(resources.HOLDING.prefix),
                    body,
                    account.owner,
                    account.subject,
                    account.guid,
                    row["id"],
                )
                world.add(there)
                resources.HOLDING.emit(world, "created", there, bulk=True)
            elif there.body != body:
                there.body = body
                world.save(there)
                resources.HOLDING.emit(world, "updated", there, bulk=True)
        for sold in known.values():
            world.remove(guid=sold.guid)
            resources.HOLDING.emit(world, "deleted", sold, bulk=True)

    def _rewards(self, world: World, account: Record, rows: Sequence[Mapping[str, Any]], fetched: Fetched) -> None:
        """Adds those that are not there, changes those that have changed."""
        rows_by_id = {row["id"]: dict(row) for row in rows}
        for there in world.list(Query("mx.reward", parent=account.guid)):
            row = rows_by_id.get(there.partner_id or "")
            if row is not None and there.body != row:
                there.body = row
                world.save(there)
                fetched.count("rewards_updated_count")
        fetched.count("rewards_created_count", self._new(world, "mx.reward", "RWD", account, rows))

    def _papers(self, world: World, member: Record, data: Data) -> dict[str, list[dict[str, Any]]]:
        """The statements that are not there yet, by account, each with its figures: made of the bank's ledger, however
        far back it is.
        """
        known = {record.partner_id for record in world.list(Query("mx.statement", subject=member.guid))}
        new = {account.id: [row for row in account.statements if row["id"] not in known] for account in data.accounts}
        first = min((parse_moment(row["starts_on"]) for rows in new.values() for row in rows), default=None)
        if first is None:
            return {}
        ledger = self._generate(world, member, days=(world.now - first) // DAY + LONGEST_POSTING + 2)
        bank = member.body["name"]
        return {
            account.id: [row | statements.written(bank, account, row) for row in new[account.id]]
            for account in ledger.accounts
        }

    def _tax_documents(self, world: World, member: Record) -> dict[str, list[dict[str, Any]]]:
        """The tax documents of the last year of which there are any, by account, made of the bank's ledger."""
        year = tax_documents.newest_year(world.now)
        ledger = self._generate(world, member, days=tax_documents.days_since(year, world.now) + LONGEST_POSTING + 2)
        bank = member.body["name"]
        return {account.id: tax_documents.written(bank, account, year) for account in ledger.accounts}

    def _once(self, world: World, kind: str, prefix: str, account: Record, rows: Sequence[Mapping[str, Any]]) -> None:
        """Puts these in place of the account's earlier ones, unless they are the same."""
        present = world.list(Query(kind, parent=account.guid))
        if [record.body for record in present] != [dict(row) for row in rows]:
            for record in present:
                world.remove(guid=record.guid)
            world.add(
                *(
                    Record(kind, world.guid(prefix), dict(row), account.owner, account.subject, account.guid)
                    for row in rows
                )
            )

    def _new(self, world: World, kind: str, prefix: str, account: Record, rows: Sequence[Mapping[str, Any]]) -> int:
        """Adds those whose id is not there; how many."""
        known = {record.partner_id for record in world.list(Query(kind, parent=account.guid))}
        new = [row for row in rows if row["id"] not in known]
        world.add(
            *(
                Record(kind, world.guid(prefix), dict(r), account.owner, account.subject, account.guid, r["id"])
                for r in new
            )
        )
        return len(new)


def _refresh_account(world: World, record: Record, fields: Mapping[str, Any]) -> None:
    """Brings an account up to date. Its import alone is no change that anybody is told of."""
    before = record.body.get("balance")
    changed = {name: value for name, value in fields.items() if name != "id" and record.body.get(name) != value}
    record.body.update(changed, imported_at=world.now)
    world.save(record)
    if changed:
        resources.ACCOUNT.emit(world, "updated", record, bulk=True)
    follow(world, AccountChanged(record, before))


def masked(number: str | None) -> str | None:
    """Account reads show the last four digits at most."""
    return f"****{number[-4:]}" if number else None
