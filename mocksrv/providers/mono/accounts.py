"""Linked accounts: details, balance, identity, income, unlinking; and the institutions they are at.

Sources: docs.mono.co, account details, Connect link, real-time data; github.com/withmono/mono-node (paths of v1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields

from mocksrv.engine.clock import SECOND
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers.http import Document, Reply
from mocksrv.providers.mono.bank.institutions import Institution
from mocksrv.providers.mono.bank.loading import shorter
from mocksrv.providers.mono.http import (
    V1,
    Call,
    Routes,
)
from mocksrv.providers.mono.ids import document_id
from mocksrv.providers.mono.income import salaries, summary
from mocksrv.providers.mono.syncing import realtime
from mocksrv.providers.mono.webhooks import bank_on_v1, emit, type_on_v1

routes = Routes()
INCOME, INCOME_AFTER = "mono.income", 30 * SECOND  # an analysis; how long it takes is inferred
COUNTRY = "ng"
SCOPE = "financial_data"
PRODUCTS = ("Auth", "Accounts", "Transactions", "Balance", "Income", "Identity")


class BankSchema(Document):
    name = fields.String()
    bank_code = fields.String()
    type = fields.String()


class AccountSchema(Document):
    """An account of v2. Amounts are kobo."""

    id = fields.String()
    name = fields.String()
    account_number = fields.String()
    currency = fields.String()
    balance = fields.Integer()
    type = fields.String()
    bvn = fields.Function(lambda account: shorter(account["bvn"]))
    institution = fields.Nested(BankSchema, attribute="bank")


class AccountOfV1Schema(Document):
    """An account of v1."""

    _id = fields.String(attribute="id")
    institution = fields.Function(lambda account: bank_on_v1(account["bank"]))
    name = fields.String()
    accountNumber = fields.String(attribute="account_number")  # noqa: N815
    type = fields.Function(lambda account: type_on_v1(account["type"]))
    balance = fields.Integer()
    currency = fields.String()
    bvn = fields.Function(lambda account: shorter(account["bvn"]))


class IdentitySchema(Document):
    full_name = fields.String()
    email = fields.String()
    phone = fields.String()
    gender = fields.String()
    dob = fields.String()
    bvn = fields.String()
    marital_status = fields.String()
    address_line1 = fields.String()
    address_line2 = fields.String()


ACCOUNT, ACCOUNT_OF_V1, IDENTITY = AccountSchema(), AccountOfV1Schema(), IdentitySchema()
BALANCE = AccountSchema(only=("id", "name", "account_number", "balance", "currency"))


def _shown(account: Record) -> dict[str, Any]:
    return {**account.body, "id": account.guid}


@routes.add("GET", "/accounts/<id>")
def read_of_v1(call: Call, id: str) -> Reply:
    account = call.read(id)
    meta = {"data_status": account.body["data_status"], "auth_method": account.body["auth_method"]}
    return Reply({"meta": meta, "account": ACCOUNT_OF_V1.dump(_shown(account))})


@routes.add("GET", "/v2/accounts/<id>")
@realtime("sync_balance")
def read(call: Call, id: str) -> Reply:
    account = call.read(id)
    body = account.body
    meta = {name: body[name] for name in ("data_status", "auth_method", "retrieved_data")}
    meta |= {"ref": body["ref"]} if body["ref"] else {}
    data = {"account": ACCOUNT.dump(_shown(account)), "customer": {"id": account.owner}, "meta": meta}
    return Reply(call.envelope(data, "Request was successfully completed"))


@routes.add("GET", "/v2/accounts/<id>/balance")
@realtime("sync_balance")
def read_balance(call: Call, id: str) -> Reply:
    account = call.read(id)
    return Reply(call.envelope(None if account.body["balance"] is None else BALANCE.dump(_shown(account))))


@routes.add("GET", "/accounts/<id>/identity", also=["/v2/accounts/<id>/identity"])
def read_identity(call: Call, id: str) -> Reply:
    """The only answer that shows the whole BVN."""
    identity = call.read(id).body["identity"]
    shown = IDENTITY.dump(identity) if identity else None
    if call.version == V1:
        shown = {_camel(name): value for name, value in (shown or {}).items()}
    return call.answer(shown)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


@routes.add("GET", "/accounts/<id>/income")
def read_income(call: Call, id: str) -> Reply:
    """v1 answers at once: the salary, in the month."""
    with call.look() as world:
        account = call.account(world, id)
        found, said = salaries(world, account), summary(world, account)["income_summary"]
    if not found:
        return Reply({"type": "NONE", "amount": 0, "employer": None, "confidence": 0})
    return Reply({"type": "INCOME", "amount": said["monthly_income"], "employer": said["employer"], "confidence": 0.95})


@routes.add("GET", "/v2/accounts/<id>/income")
def analyse_income(call: Call, id: str) -> Reply:
    """v2 works it out and tells it with a callback."""
    with call.change() as world:
        account = call.account(world, id)
        record = Record(INCOME, document_id(world), {}, account.owner, account.guid, account.guid)
        world.add(record)
        world.set_timer(record.guid, "income", world.now + INCOME_AFTER)
    return Reply(call.envelope(None, "The income of this account is being worked out; a webhook will bring it"))


@routes.due("income")
def income_ready(world: World, record: Record) -> None:
    world.remove(guid=record.guid)
    account = world.get("mono.account", record.parent or "")
    if account is not None and account.body["status"] != "UNLINKED":
        emit(world, "mono.account_income", account)


@routes.add("GET", "/v2/accounts/<id>/income-records")
def list_income(call: Call, id: str) -> Reply:
    with call.look() as world:
        return Reply(call.envelope(summary(world, call.account(world, id))))


@routes.add("POST", "/accounts/<id>/unlink", also=["/v2/accounts/<id>/unlink"])
def unlink(call: Call, id: str) -> Reply:
    """From now on there is no such account."""
    with call.change() as world:
        call.engine.player.push(world, call.account(world, id), "UNLINKED", {}, cause="unlinked")
    message = "Account unlinked successfully"
    return Reply({"message": message} if call.version == V1 else call.envelope(None, message))


# institutions


@routes.add("GET", "/coverage")
def list_coverage(call: Call) -> Reply:
    return Reply([_coverage(call, each) for each in call.mount.institutions.all()])


def _coverage(call: Call, institution: Institution) -> dict[str, Any]:
    business = institution.type == "BUSINESS_BANKING"
    return {
        "name": institution.name,
        "icon": _icon(institution),
        "website": f"https://{institution.identifier.replace('_', '-')}.example.com",
        "coverage": {"personal": not business, "business": business, "countries": [COUNTRY.upper()]},
        "products": list(PRODUCTS),
    }


@routes.add("GET", "/v3/institutions")
def list_institutions(call: Call) -> Reply:
    wanted = call.arguments("scope", "bank_code", "auth_method")
    rows = [each for each in call.mount.institutions.all() if _fits(each, wanted)]
    return Reply(call.envelope([_institution(each) for each in rows]))


@routes.add("GET", "/v3/banks/list")
def list_banks(call: Call) -> Reply:
    rows = [each for each in call.mount.institutions.all() if each.bank_code]
    return Reply(
        call.envelope([{"name": each.name, "bank_code": each.bank_code, "nip_code": each.nip_code} for each in rows])
    )


def _fits(institution: Institution, wanted: Mapping[str, str]) -> bool:
    scope, code, method = (wanted.get(name) for name in ("scope", "bank_code", "auth_method"))
    return (
        scope in (None, "", SCOPE)
        and code in (None, "", institution.bank_code)
        and (not method or method in institution.methods)
    )


def _institution(institution: Institution) -> dict[str, Any]:
    form = [_input("username", "Enter your username", "string"), _input("password", "Enter your password", "password")]
    return {
        "_id": institution.id,
        "name": institution.name,
        "type": institution.type,
        "icon": _icon(institution),
        "identifier": institution.identifier,
        "nip_code": institution.nip_code,
        "country": COUNTRY,
        "primary_color": institution.color,
        "scope": [{"name": SCOPE, "type": SCOPE}],
        "auth_methods": [
            {"type": method, "ui": {"title": f"Sign in to {institution.name}", "form": form}}
            for method in institution.methods
        ],
    }


def _input(name: str, hint: str, content: str) -> dict[str, str]:
    return {"type": "elements.input", "name": name, "hint": hint, "contentType": content}


def _icon(institution: Institution) -> str:
    """A letter on the institution's colour; needs no network."""
    from urllib.parse import quote

    picture = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="48" height="48"><rect width="48" height="48" rx="8" '
        f'fill="{institution.color}"/>'
        '<text x="24" y="32" font-size="24" font-family="sans-serif" text-anchor="middle" '
        f'fill="#fff">{institution.name[0]}</text></svg>'
    )
    return f"data:image/svg+xml,{quote(picture)}"
