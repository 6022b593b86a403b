"""Routes that MX's file had once and its older SDKs call: holdings under their former path and name, tax documents.

Sources: mx-platform-python 0.9.0, 0.20.0.
"""

from __future__ import annotations

from typing import Any

from mocksrv.engine.storage.records import Query, Record
from mocksrv.providers.http import Reply
from mocksrv.providers.mx.http.call import PAGING, VERSIONS, Call, Routes, not_found
from mocksrv.providers.mx.money import holdings
from mocksrv.providers.mx.money.accounts import ACCOUNT, MEMBER
from mocksrv.providers.mx.people.jobs import start_job

routes = Routes()
HOLDINGS = "/users/<user>/holdings"
TAX_DOCUMENTS = f"{MEMBER}/tax_documents"
# What a holding has under its former name, beside what is still called so.
FORMER = (
    "account_guid",
    "cost_basis",
    "created_at",
    "currency_code",
    "daily_change",
    "description",
    "guid",
    "holding_type",
    "market_value",
    "purchase_price",
    "symbol",
    "user_guid",
)


def _render(holding: Record) -> dict[str, Any]:
    now = holdings.render(holding)
    quantity = now["quantity"]
    return {name: now[name] for name in FORMER} | {
        "cusip": None,
        "id": None,
        "member_guid": holding.subject,
        "metadata": None,
        "shares": None if quantity is None else float(quantity),
        "updated_at": now["created_at"],
    }


def _listed(call: Call, user: str, **scope: str) -> Reply:
    """The holdings of a user, of one of its accounts or of one of its members."""
    call.arguments(*PAGING)
    with call.look() as world:
        owner = call.user(world, user)
        query = Query(holdings.KIND, owner=owner.guid)
        if "account" in scope:
            query = Query(holdings.KIND, parent=call.account(world, owner, scope["account"]).guid)
        elif "member" in scope:
            query = Query(holdings.KIND, subject=call.member(world, owner, scope["member"]).guid)
        return call.paged(world, query, "holdings", _render)


@routes.add("GET", HOLDINGS, deprecated=VERSIONS)
def list_by_user(call: Call, user: str) -> Reply:
    return _listed(call, user)


@routes.add("GET", f"{ACCOUNT}/holdings", deprecated=VERSIONS)
def list_by_account(call: Call, user: str, account: str) -> Reply:
    return _listed(call, user, account=account)


@routes.add("GET", f"{MEMBER}/holdings", deprecated=VERSIONS)
def list_by_member(call: Call, user: str, member: str) -> Reply:
    return _listed(call, user, member=member)


@routes.add("GET", f"{HOLDINGS}/<holding>", deprecated=VERSIONS)
def read_holding(call: Call, user: str, holding: str) -> Reply:
    with call.look() as world:
        owner = call.user(world, user)
        found = call.find(world, holdings.KIND, holding, owner.guid) or not_found("Holding", holding)
        return Reply({"holding": _render(found)})


@routes.add("POST", f"{MEMBER}/fetch_tax_documents", by_id=True, deprecated=VERSIONS)
def fetch_tax_documents(call: Call, user: str, member: str) -> Reply:
    """Fetches the member's papers, as a fetch of statements does."""
    return start_job(call, user, member, "statements")


@routes.add("GET", TAX_DOCUMENTS, deprecated=VERSIONS)
def list_tax_documents(call: Call, user: str, member: str) -> Reply:
    """No data profile has tax documents."""
    call.arguments(*PAGING)
    with call.look() as world:
        call.member(world, call.user(world, user), member)
    return call.paged_list([], "tax_documents", dict)


@routes.add("GET", f"{TAX_DOCUMENTS}/<document>", deprecated=VERSIONS)
def read_tax_document(call: Call, user: str, member: str, document: str) -> Reply:
    with call.look() as world:
        call.member(world, call.user(world, user), member)
    not_found("Tax document", document)


@routes.add("GET", f"{TAX_DOCUMENTS}/<document>.pdf", deprecated=VERSIONS)
def download_tax_document(call: Call, user: str, member: str, document: str) -> Reply:
    with call.look() as world:
        call.member(world, call.user(world, user), member)
    not_found("Tax document", document)
