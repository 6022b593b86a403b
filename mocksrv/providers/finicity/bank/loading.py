"""What a login brings: accounts and transactions of a data profile, discovered, added and kept up to date as Finicity's
records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mocksrv.engine.loads import MOST_AT_ONCE, brought
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.finicity.bank.transactions import TransactionLoad, transaction_number
from mocksrv.providers.finicity.codes import FINE
from mocksrv.providers.finicity.http import number
from mocksrv.providers.numbers import dumps_for_javascript
from mocksrv.providers.profiles import Account, Data, Profiles, persona

EVERYDAY = "everyday"
PROFILES = {  # what FinBank's users have, by institution and user name
    ("101732", "demo"): "wealthy",
    ("102105", "profile_02"): "retirement",
    ("102105", "profile_700"): "wealthy",
    ("102105", "sue_wealthy"): "wealthy",
}
HISTORY, EXTENDED = 180, 730  # days before an account is added; what is loaded on request
TYPES = {
    "CHECKING": "checking",
    "SAVINGS": "savings",
    "CREDIT_CARD": "creditCard",
    "LOAN": "loan",
    "MORTGAGE": "mortgage",
    "LINE_OF_CREDIT": "lineOfCredit",
    "INVESTMENT": "investment",
}
SUBTYPES = {
    "MONEY_MARKET": "moneyMarket",
    "CERTIFICATE_OF_DEPOSIT": "cd",
    "BROKERAGE": "brokerageAccount",
    "PLAN_401_K": "401k",
    "ROTH_IRA": "roth",
    "IRA": "ira",
    "STUDENT": "studentLoan",
}
INVERTED_TYPES = frozenset(
    {"creditCard", "investment", "brokerageAccount", "401k", "roth", "ira"}
)  # what is spent is positive
POSITION = {  # Finicity's names of what a holding has -> those of profiles
    "description": "description",
    "symbol": "symbol",
    "securityName": "description",
    "currentPrice": "current_price",
    "marketValue": "market_value",
    "changePercent": "percentage_change",
    "dailyChange": "daily_change",
    "costBasis": "cost_basis",
    "paidPrice": "purchase_price",
    "totalGLDollar": "total_ugl_amount",
    "totalGLPercent": "total_ugl_percentage",
    "todayGLDollar": "today_ugl_amount",
    "todayGLPercent": "today_ugl_percentage",
    "securityCurrency": "currency_code",
}
SECURITIES = {
    "EQUITY": "Stock",
    "EXCHANGE_TRADED_FUND": "ETF",
    "FIXED_INCOME": "Bond",
    "MONEY_MARKET": "Money Market",
    "MUTUAL_FUND": "Mutual Fund",
    "OPTIONS": "Option",
}
LIABILITIES = frozenset({"CREDIT_CARD", "LOAN", "MORTGAGE", "LINE_OF_CREDIT"})  # what is owed is a negative balance


def customer_of(session: Record) -> str:
    """The customer whose bank it is: of two borrowers the one that has the turn."""
    borrowers = session.body.get("borrowers")
    return str(borrowers[session.body.get("borrower", 0)]["customerId"]) if borrowers else session.owner


class Bank:
    """Loads data profiles into logins."""

    def __init__(self, profiles: Profiles) -> None:
        self.profiles = profiles

    def discover(self, world: World, session: Record) -> list[Record]:
        """The accounts behind the session's login, the new ones pending, and all that is needed to add them."""
        login = self._login(world, session)
        known = {account.partner_id: account for account in world.list(Query("finicity.account", parent=login.guid))}
        found = []
        for place, account in enumerate(self.generate(world, login, days=0).accounts, 1):
            record = known.get(account.id)
            if record is None:
                body = {
                    **_fields(account),
                    "status": "pending",
                    "institutionId": login.body["institution"],
                    "displayPosition": place,
                    "marketSegment": "personal",
                    "institutionLoginId": login.guid,
                }
                record = Record(
                    "finicity.account", number(world), body, login.owner, session.guid, login.guid, account.id
                )
                world.add(record)
            found.append(record)
        session.body["discovered"] = [record.guid for record in found]
        return found

    def add(self, world: World, session: Record) -> list[Record]:
        """The chosen accounts are the customer's from now on; all that were discovered where none was chosen."""
        if session.body.get("discovered") is None:
            self.discover(world, session)
        discovered = world.list(Query("finicity.account", parent=session.body["login_id"]))
        chosen = session.body.get("chosen")
        found = [account for account in discovered if chosen is None or account.guid in chosen]
        for account in found:
            account.body["status"] = "active"
            world.save(account)
        session.body["added"] = [account.guid for account in found]
        login = world.get("finicity.login", session.body["login_id"])
        if login is not None:
            self.refresh(world, login)
        return [world.get("finicity.account", account.guid) or account for account in found]

    def delete(self, world: World, accounts: Iterable[Record]) -> None:
        """The accounts are gone, with their transactions; so is a login that has none any more."""
        for account in accounts:
            world.remove_below("parent", account.guid)
            world.remove(guid=account.guid)
            if not world.count(Query("finicity.account", parent=account.parent)):
                world.remove(guid=account.parent or "")

    def mark(self, world: World, login: Record, code: int) -> None:
        """An aggregation of this login ends with this code."""
        login.body["code"] = code
        world.save(login)
        for account in self.active(world, parent=login.guid):
            account.body.update(aggregationStatusCode=code, aggregationAttemptDate=world.now)
            world.save(account)

    def active(self, world: World, *, owner: str | None = None, parent: str | None = None) -> list[Record]:
        return world.list(Query("finicity.account", owner=owner, parent=parent, body={"status": "active"}))

    def refresh(self, world: World, login: Record) -> None:
        """An aggregation: while the login's code is not 0 it only leaves that code."""
        if login.body["code"] != FINE:
            self.mark(world, login, login.body["code"])
            return
        accounts = self.active(world, parent=login.guid)
        shown = self._bring(world, TransactionLoad(self, login, accounts, world.now, since=login.body["until"]))
        for guid, account in shown.found.items():
            record = shown.records[guid]
            record.body.update(
                _fields(account),
                aggregationStatusCode=FINE,
                aggregationAttemptDate=world.now,
                aggregationSuccessDate=world.now,
                balanceDate=world.now,
                lastUpdatedDate=world.now,
            )
            world.save(record)
        if accounts:
            login.body["until"] = shown.at
        world.save(login)

    def load_history(self, world: World, account: Record) -> None:
        """Brings the transactions of two years into an account."""
        login = world.get("finicity.login", account.parent or "")
        if login is not None:
            self._bring(world, TransactionLoad(self, login, [account], world.now, days=EXTENDED))
            world.save(account)

    def _bring(self, world: World, wanted: TransactionLoad) -> TransactionLoad:
        """Brings the transactions of accounts up to date: at once, or what has been brought bit by bit."""
        login = wanted.login
        self.profiles.need(world, login.body["profile"])
        many = self.profiles.rows(login.body["profile"], wanted.days_wanted(HISTORY)) > MOST_AT_ONCE
        load = brought(world, wanted) if many else None
        if load is None:
            load = wanted
            load.prepare(world)
            for write in load.slices():
                write(world, None)
        load.finish(world, wanted)
        return load

    def _login(self, world: World, session: Record) -> Record:
        """The login that the session has signed in with: the customer's present one at this institution, or a new
        one.
        """
        body = session.body
        customer = customer_of(session)
        present = world.list(Query("finicity.login", owner=customer))
        at_bank = {"institution": body["institution"], "username": body.get("username")}
        login = next((each for each in present if at_bank.items() <= each.body.items()), None)
        if login is None:
            profile = body.get("profile") or PROFILES.get((*at_bank.values(),), EVERYDAY)
            place = 1 + max((each.body["place"] for each in present if each.body["profile"] == profile), default=0)
            more = {"profile": profile, "place": place, "code": FINE, "until": None}
            login = Record("finicity.login", number(world), {**at_bank, **more}, customer, session.guid)
            world.add(login)
        body["login_id"] = login.guid
        return login

    def generate(self, world: World, login: Record, *, days: int | None = None, since: int | None = None) -> Data:
        """What a login shows."""
        name = login.body["profile"]
        self.profiles.need(world, name)
        customer = world.get("finicity.customer", login.owner)
        key = persona(world.sandbox.seed, (customer and customer.partner_id) or login.owner, login.body["place"])
        days = HISTORY if days is None and since is None else days
        return self.profiles.generate(name, key=key, until=world.now, days=days, since=since, opened=login.created_at)


def is_inverted(type: str) -> bool:
    """Whether amounts of accounts of this type of Finicity's are positive where money is spent."""
    return type in INVERTED_TYPES


def _fields(account: Account) -> dict[str, Any]:
    """An account of a profile in Finicity's words."""
    fields = account.fields
    digits = account.account_number or account.id
    rate = fields.get("apr") or fields.get("apy")
    detail = {
        "availableBalanceAmount": fields.get("available_balance"),
        "creditAvailableAmount": fields.get("available_credit"),
        "creditMaxAmount": fields.get("credit_limit"),
        "interestRate": None if rate is None else dumps_for_javascript(rate),
        "paymentMinAmount": fields.get("minimum_payment"),
    }
    return {
        "number": digits,
        "accountNumberDisplay": digits[-4:],
        "realAccountNumberLast4": digits[-4:] if account.routing_number else None,
        "routing": account.routing_number,
        "name": fields["name"],
        "accountNickname": fields["name"],
        "balance": -fields["balance"] if fields["type"] in LIABILITIES else fields["balance"],
        "available": fields.get("available_balance"),
        "type": SUBTYPES.get(fields.get("subtype") or "", TYPES.get(fields["type"], "investment")),
        "currency": fields["currency_code"] or "USD",
        "detail": {name: value for name, value in detail.items() if value is not None},
        "position": [_position(holding) for holding in account.holdings] or None,
        "owners": list(account.owners),
    }


def _position(holding: Mapping[str, Any]) -> dict[str, Any]:
    """A holding of a profile in Finicity's words; what it does not have is left out."""
    found = {finicity: holding[name] for finicity, name in POSITION.items() if holding[name] is not None}
    units = {"units": float(holding["quantity"])} if holding["quantity"] is not None else {}
    return {
        "id": transaction_number(holding["id"]),
        **found,
        **units,
        "currentPriceDate": holding["current_price_as_of"] // 1000,
        "securityType": SECURITIES.get(holding["holding_type"], "Other"),
    }
