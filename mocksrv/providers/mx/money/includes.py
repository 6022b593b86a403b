"""What ``includes`` adds to a transaction: its merchant, classification, place and the series that it repeats."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers.mx.bank.merchants import catalogue
from mocksrv.providers.mx.http.call import Call, MXError
from mocksrv.providers.mx.money import repeating

Enrich = Callable[[Record], Mapping[str, Any] | None]  # of a transaction

_NAMESPACE = uuid.UUID("1f4b9a51-7c53-5d21-9f62-0a3f64c1d9e8")

# category -> the class of its transactions; then the same for whole top-level categories; what is in neither is spent
_CLASS_OF_CATEGORY: Mapping[str, str] = {
    "Bonus": "Payroll",
    "Buy": "Buy",
    "Deposit": "Deposit",
    "Dividend & Cap Gains": "Corporate Actions",
    "Paycheck": "Payroll",
    "Mortgage & Rent": "Expenses",
    "Reimbursement": "Refunds",
    "Sell": "Sell",
}
_CLASS_OF_TOP_LEVEL: Mapping[str, str] = {
    "Bills & Utilities": "Expenses",
    "Business Services": "Expenses",
    "Fees & Charges": "Fees",
    "Financial": "Expenses",
    "Income": "Income",
    "Investments": "Investment",
    "Taxes": "Expenses",
    "Transfer": "Transfer",
    "Uncategorized": "Other",
}
_SPENT = frozenset({"Expenses", "Fees", "Spend"})  # what comes back of these is a refund
# `recurrence_type` as the file types it, which the official SDK insists on
_RECURRENCES = frozenset({"EVERY_OTHER_WEEK"})


def _merchant(transaction: Record) -> Mapping[str, Any] | None:
    found = catalogue().by_guid.get(transaction.body.get("merchant_guid") or "")
    return {name: getattr(found, name) for name in ("guid", "logo_url", "name", "website_url")} if found else None


def _geolocation(transaction: Record) -> Mapping[str, Any] | None:
    found = catalogue().locations.get(transaction.body.get("merchant_location_guid") or "")
    if found is None:
        return None
    return {"city": found.city, "country": found.country, "postal code": found.postal_code, "state": found.state}


def _classification(transaction: Record) -> Mapping[str, Any] | None:
    body = transaction.body
    return classified(body.get("category"), body.get("top_level_category"), credit=body.get("type") == "CREDIT")


@cache
def classified(category: str | None, top_level: str | None, *, credit: bool) -> Mapping[str, Any] | None:
    """The classification of what has a category; None without one."""
    if not category:
        return None
    found = _CLASS_OF_CATEGORY.get(category) or _CLASS_OF_TOP_LEVEL.get(top_level or "", "Spend")
    found = "Refunds" if credit and found in _SPENT else found
    return {"guid": f"MNC-{uuid.uuid5(_NAMESPACE, f'{top_level}|{found}')}", "parent_class": found}


def _of_itself(enrich: Enrich) -> Callable[[World, Record], Enrich]:
    """For what a transaction tells without the others of its user."""
    return lambda _world, _user: enrich


# what `includes` may name -> the member of a transaction that it adds, and what makes that for the transactions of a
# user
INCLUDES: Mapping[str, tuple[str, Callable[[World, Record], Enrich]]] = {
    "repeating_transactions": ("repeating_transaction", repeating.finder),
    "merchants": ("merchant", _of_itself(_merchant)),
    "classifications": ("classification", _of_itself(_classification)),
    "geolocations": ("geolocation", _of_itself(_geolocation)),
}


def included(call: Call, world: World, user: Record) -> Callable[[Record], dict[str, Any]]:
    """What adds the members that the call's ``includes`` asks for to a transaction of this user: null where there is
    nothing.

    Raises MXError 400 when it is not a plain list of what there is.
    """
    text = call.request.args.get("includes")
    names = text.split(",") if text else []
    if not INCLUDES.keys() >= set(names):
        raise MXError(400, f"includes must be a list out of {','.join(INCLUDES)}")
    wanted = [(member, make(world, user)) for member, make in (INCLUDES[name] for name in names)]
    typed = call.mount.fidelity == "sdk"

    def include(transaction: Record) -> dict[str, Any]:
        added = {member: enrich(transaction) for member, enrich in wanted}
        return _as_typed(added) if typed else added

    return include


def _as_typed(added: dict[str, Any]) -> dict[str, Any]:
    """Without the recurrence types that the file does not know (docs/discrepancies.md)."""
    series = added.get("repeating_transaction")
    if series and series["recurrence_type"] not in _RECURRENCES:
        added["repeating_transaction"] = {name: value for name, value in series.items() if name != "recurrence_type"}
    return added
