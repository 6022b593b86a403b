"""What banks give: accounts, transactions and holdings as kinds of resources, with their events.

Sources: MX's webhook pages for accounts, transactions and holdings; what those pages leave out follows the API's own
schemas (docs/discrepancies.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mocksrv.engine.callbacks.consistency import MISSING, Body, always, ordered, twins
from mocksrv.engine.clock import DAY
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers.mx.bank.categories import BY_GUID, BY_NAME
from mocksrv.providers.mx.events.payloads import seconds
from mocksrv.providers.mx.events.resources import Events, Resource, changes, day_seconds, names
from mocksrv.providers.mx.http.versions import ACCOUNT_FEED, ACCOUNT_SET_BY, account_twins

# a transaction that has been split is kept apart: its parts are listed and added up in its place
SPLIT = "mx.split_transaction"
TRANSACTIONS = ("mx.transaction", SPLIT)  # kinds of records
SET_BY = {1: "FEED", 2: "USER", 3: "SYSTEM"}
FEED_STATUS = {"POSTED": 1, "PENDING": 2}  # the feed's own values are numbers
FEED_TYPE = {"CREDIT": 1, "DEBIT": 2}
_ACCOUNT_SET_BY = tuple(f"{name}_set_by" for name in ACCOUNT_SET_BY)
_ACCOUNT_MOMENTS = ("matures_on", "started_on", "feed_matures_on", "feed_started_on")
_TRANSACTION_SET_BY = tuple(
    f"{name}_set_by" for name in ("amount", "category", "check_number", "currency_code", "date", "description")
)


class Accounts(Resource):
    """Accounts, whose events show where each value came from."""

    def details(self, world: World, user: Record | None, record: Record, action: str) -> Mapping[str, Any]:
        member = world.get("mx.member", record.subject or "")
        return {"member_id": member.partner_id if member else None, **account_twins(record.body)}


class Transactions(Resource):
    """Transactions, whose events show what the bank's feed said beside what is shown."""

    def details(self, world: World, user: Record | None, record: Record, action: str) -> Mapping[str, Any]:
        return self.details_of_many(world, user, [record], action)[0]

    def details_of_many(
        self, world: World, user: Record | None, records: Sequence[Record], action: str
    ) -> list[Mapping[str, Any]]:
        account = world.get("mx.account", records[0].parent or "")
        keys: dict[str, Any] = {
            "account_id": account.partner_id if account else None,
            "member_is_managed_by_user": account.body.get("member_is_managed_by_user") if account else None,
        }
        return [{"date": record.sort, **keys, **_feed(record.body)} for record in records]


def _feed(body: Mapping[str, Any]) -> dict[str, Any]:
    """Who set a value, and the values as the bank gave them: nothing for what the user entered."""
    manual = body.get("is_manual", False)
    setter = "USER" if manual else "FEED"
    given = {
        name: setter if body.get(name) is not None else None
        for name in ("amount", "currency_code", "date", "check_number")
    }
    given["date"] = setter
    cleaned = dict.fromkeys(("category", "description"), "USER" if manual else "SYSTEM")
    cleaned |= {name: "USER" for name in body.get("set_by_user", ()) if name in ("category", "date", "description")}
    feed = (
        {}
        if manual
        else {
            "amount": body.get("amount"),
            "currency_code": body.get("currency_code"),
            "description": body.get("original_description"),
            "memo": body.get("memo"),
            "posted_at": body.get("posted_at"),
            "status": body.get("status"),
            "transacted_at": body.get("transacted_at"),
            "transaction_type": body.get("type"),
        }
    )
    flags = {name: bool(body.get(name)) for name in ("has_been_split", "has_been_viewed", "is_flagged", "is_hidden")}
    return {
        **{f"{name}_set_by": value for name, value in (given | cleaned).items()},
        **{f"feed_{n}": v for n, v in feed.items()},
        **flags,
    }


_ACCOUNT_EVENTS = Events(
    changes("an account", created="an account was created by a client, or brought by a job"),
    tuple(
        sorted(
            {
                *ACCOUNT_SET_BY,
                *_ACCOUNT_SET_BY,
                *(f"feed_{name}" for name in ACCOUNT_FEED),
                *names(
                    """account_subtype account_subtype_set_by account_type account_type_set_by available_credit
                        created_at feed_account_subtype feed_account_type guid id imported_at institution_code
                        institution_guid insured_name is_hidden is_manual member_guid member_id
                        member_is_managed_by_user metadata pay_out_amount premium_amount property_type revision
                        routing_number updated_at"""
                ),
            }
            - {"type", "subtype", "type_set_by", "subtype_set_by"}
        )
    ),
    forms={
        **dict.fromkeys((*_ACCOUNT_SET_BY, "account_type_set_by", "account_subtype_set_by"), SET_BY.get),
        **dict.fromkeys(_ACCOUNT_MOMENTS, seconds),
    },
    renamed={
        "account_type": "type",
        "account_subtype": "subtype",
        "account_type_set_by": "type_set_by",
        "account_subtype_set_by": "subtype_set_by",
    },
)
ACCOUNT_SAMPLE: Mapping[str, Any] = {
    "account_number": "****0685",
    "available_balance": 41.1,
    "balance": 45.1,
    "currency_code": "USD",
    "institution_code": "mxbank",
    "is_closed": False,
    "is_hidden": False,
    "is_manual": False,
    "name": "Everyday Checking",
    "type": "CHECKING",
    "type_set_by": 1,
}
ACCOUNT = Accounts("mx.account", prefix="ACT", events=_ACCOUNT_EVENTS, sample=ACCOUNT_SAMPLE, of_member=True)

_TYPES = {number: name for name, number in FEED_TYPE.items()}
_STATUSES = {number: name for name, number in FEED_STATUS.items()}


def _name_of_category(guid: str) -> str | None:
    return BY_GUID[guid].name if guid in BY_GUID else None


def _guid_of_category(name: str) -> str | None:
    return BY_NAME[name].guid if name in BY_NAME else None


def _direction(body: Body) -> None:
    """Income is a credit, an expense a debit; what was typed last says which."""
    typed_as = {1: "CREDIT", 2: "DEBIT"}.get(body["feed_transaction_type"])
    credit = body["type"] == "CREDIT"
    if "type" not in body.typed:
        if "feed_transaction_type" in body.typed and typed_as:
            credit = typed_as == "CREDIT"
        elif "is_income" in body.typed and body["is_income"]:
            credit = True
        elif "is_expense" in body.typed and body["is_expense"]:
            credit = False
        body["type"] = "CREDIT" if credit else "DEBIT"
    wrong = "is_expense" if credit else "is_income"
    if body[wrong]:
        if wrong in body.typed:
            body.refuse(wrong, f"a {body['type']} is none")
        body[wrong] = False


def _not_posted(body: Body) -> None:
    """What is pending was not posted yet."""
    for name in ("posted_at", "feed_posted_at"):
        if body["status"] == "PENDING" and body[name] not in (None, MISSING):
            if name in body.typed:
                body.refuse(name, "null while it is PENDING")
            body[name] = None


_TRANSACTION_EVENTS = Events(
    changes("a transaction", created="a transaction was entered, is part of a split, or was brought by a job"),
    (
        *_TRANSACTION_SET_BY,
        *names(
            """account_guid account_id amount category_guid category_name check_number created_at currency_code
                date description feed_amount feed_check_number feed_currency_code feed_description
                feed_is_international feed_latitude feed_longitude feed_memo feed_posted_at feed_status
                feed_transacted_at feed_transaction_type guid has_been_split has_been_viewed id is_bill_pay
                is_direct_deposit is_expense is_fee is_flagged is_hidden is_income is_international
                is_overdraft_fee is_payroll_advance is_recurring is_subscription latitude localized_description
                localized_memo longitude member_guid member_is_managed_by_user memo merchant_category_code
                merchant_guid merchant_location_guid metadata parent_guid posted_at revision status transacted_at
                type updated_at"""
        ),
    ),
    forms={"date": day_seconds, "feed_status": FEED_STATUS.get, "feed_transaction_type": FEED_TYPE.get},
    renamed={"category_name": "category", "check_number": "check_number_string"},
    rules=(
        ordered("created_at", "updated_at"),
        always("type", "DEBIT", "CREDIT"),
        always("status", "POSTED", "PENDING"),
        twins("category_guid", "category_name", to=_name_of_category, back=_guid_of_category),
        _direction,
        twins("type", "feed_transaction_type", to=FEED_TYPE.get, back=_TYPES.get),
        twins("status", "feed_status", to=FEED_STATUS.get, back=_STATUSES.get),
        twins("amount", "feed_amount", to=float, back=float),
        _not_posted,
    ),
)
TRANSACTION_SAMPLE: Mapping[str, Any] = {
    "amount": 23.75,
    "amount_set_by": "FEED",
    "category": "Groceries",
    "category_guid": BY_NAME["Groceries"].guid,
    "category_set_by": "SYSTEM",
    "currency_code": "USD",
    "date": 20_454 * DAY,
    "description": "Corner Market",
    "description_set_by": "SYSTEM",
    "feed_amount": 23.75,
    "feed_description": "POS CORNER MARKET 0042",
    "is_expense": True,
    "is_fee": False,
    "is_international": False,
    "is_overdraft_fee": False,
    "status": "POSTED",
    "type": "DEBIT",
}
TRANSACTION = Transactions(
    "mx.transaction", prefix="TRN", events=_TRANSACTION_EVENTS, sample=TRANSACTION_SAMPLE, of_member=True
)

_HOLDING_EVENTS = Events(
    changes(
        "a holding",
        created="a holding was bought",
        updated="a holding has changed, its price mostly",
        deleted="a holding was sold, or went with its account",
    ),
    names(
        """account_guid allocations_cash allocations_convertible allocations_foreign_bond
            allocations_foreign_stock allocations_other allocations_preferred allocations_unknown
            allocations_us_bond allocations_us_stock bond_coupon_rate bond_maturity_date cost_basis created_at
            currency_code daily_change deleted_at description equity_classification fixed_income_classification
            guid holding_type id isin market_value metadata purchase_price revision security_type shares symbol
            updated_at"""
    ),
    forms={"shares": lambda quantity: None if quantity is None else float(quantity)},
    renamed={"shares": "quantity", "bond_coupon_rate": "coupon_yield", "bond_maturity_date": "maturity_date"},
)
_HOLDING_SAMPLE: Mapping[str, Any] = {
    "cost_basis": 1500.0,
    "currency_code": "USD",
    "daily_change": 0.42,
    "description": "Sample Index Fund",
    "market_value": 1720.5,
    "purchase_price": 100.0,
    "quantity": "15.0",
    "symbol": "SMPLX",
}
HOLDING = Resource("mx.holding", prefix="HOL", events=_HOLDING_EVENTS, sample=_HOLDING_SAMPLE, of_member=True)
