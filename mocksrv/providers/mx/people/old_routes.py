"""Routes that MX's file had once and its older SDKs call: holdings under their former path and name, tax documents.

Sources: mx-platform-python 0.9.0, 0.20.0.
"""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import Reply
from mocksrv.providers.mx.bank.tax_documents import pdf
from mocksrv.providers.mx.http.call import MEMBER, PAGING, Call, Routes, not_found
from mocksrv.providers.mx.http.schemas import Document, Moment, shown
from mocksrv.providers.mx.http.versions import VERSIONS
from mocksrv.providers.mx.money import holdings
from mocksrv.providers.mx.money.accounts import ACCOUNT
from mocksrv.providers.mx.money.statements import PDF
from mocksrv.providers.mx.people.jobs import start_job

routes = Routes()
HOLDINGS = "/users/<user>/holdings"
TAX_DOCUMENTS = f"{MEMBER}/tax_documents"
TAX_KIND = "mx.tax_document"
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
    return start_job(call, user, member, "statements", fetch=("accounts", "statements", "tax_documents"))


class TaxDocumentSchema(Document):
    """A tax document, as the older SDKs read it. ``uri`` is relative to the API's address."""

    content_hash = fields.String()
    created_at = Moment()
    document_type = fields.String()
    guid = fields.String()
    issued_on = fields.String()
    member_guid = fields.String()
    tax_year = fields.String()
    updated_at = Moment()
    uri = fields.String()
    user_guid = fields.String()


TAX_DOCUMENT = TaxDocumentSchema()


def _tax_document(record: Record) -> dict[str, Any]:
    uri = f"users/{record.owner}/members/{record.subject}/tax_documents/{record.guid}.pdf"
    return dict(TAX_DOCUMENT.dump(shown(record, member_guid=record.subject, uri=uri)))


def _find_tax_document(call: Call, world: World, user: str, member: str, guid: str) -> Record:
    """Raises MXError 404."""
    owner = call.user(world, user)
    subject = call.member(world, owner, member)
    return call.find(world, TAX_KIND, guid, owner.guid, subject=subject.guid) or not_found("Tax document", guid)


@routes.add("GET", TAX_DOCUMENTS, deprecated=VERSIONS)
def list_tax_documents(call: Call, user: str, member: str) -> Reply:
    call.arguments(*PAGING)
    with call.look() as world:
        subject = call.member(world, call.user(world, user), member)
        return call.paged(world, Query(TAX_KIND, subject=subject.guid), "tax_documents", _tax_document)


@routes.add("GET", f"{TAX_DOCUMENTS}/<document>", deprecated=VERSIONS)
def read_tax_document(call: Call, user: str, member: str, document: str) -> Reply:
    with call.look() as world:
        return Reply({"tax_document": _tax_document(_find_tax_document(call, world, user, member, document))})


@routes.add("GET", f"{TAX_DOCUMENTS}/<document>.pdf", deprecated=VERSIONS)
def download_tax_document(call: Call, user: str, member: str, document: str) -> Reply:
    with call.look() as world:
        return Reply(pdf(_find_tax_document(call, world, user, member, document).body), mimetype=PDF)
