"""Linked accounts: the list of them, details, balance, identity, investments, unlinking.

Sources: docs.mono.co, account details, Connect link, real-time data; github.com/withmono/mono-node (paths of v1).
"""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from mocksrv.engine.clock import iso_ms
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import Document, Reply
from mocksrv.providers.mono.bank.loading import shorter
from mocksrv.providers.mono.customers import CUSTOMER
from mocksrv.providers.mono.http import ACCOUNTS, V1, Call, Routes, linked
from mocksrv.providers.mono.syncing import realtime
from mocksrv.providers.mono.webhooks import bank_on_v1, type_on_v1

routes = Routes()


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
    """An identity of v2. The moments are those of the account's."""

    full_name = fields.String()
    email = fields.String()
    phone = fields.String()
    gender = fields.Function(lambda identity: identity["gender"].lower())
    dob = fields.String()
    bvn = fields.String()
    marital_status = fields.String()
    address_line1 = fields.String()
    state_of_origin = fields.String()
    lga_of_origin = fields.String()
    created_at = fields.Function(lambda identity: iso_ms(identity["created_at"]))
    updated_at = fields.Function(lambda identity: iso_ms(identity["updated_at"]))


class IdentityOfV1Schema(Document):
    """An identity of v1."""

    fullName = fields.String(attribute="full_name")  # noqa: N815
    email = fields.String()
    phone = fields.String()
    gender = fields.String()
    dob = fields.String()
    bvn = fields.String()
    maritalStatus = fields.String(attribute="marital_status")  # noqa: N815
    addressLine1 = fields.String(attribute="address_line1")  # noqa: N815
    addressLine2 = fields.String(attribute="address_line2")  # noqa: N815


class ListedBankSchema(BankSchema):
    id = fields.String()


class HolderSchema(Document):
    """The customer of an account in the list."""

    id = fields.String()
    name = fields.String()
    email = fields.String()


class ListedAccountSchema(Document):
    """An account in the list of all."""

    id = fields.String()
    name = fields.String()
    account_number = fields.String()
    currency = fields.String()
    balance = fields.Integer()
    auth_method = fields.String()
    status = fields.String(attribute="data_status")
    bvn = fields.Function(lambda account: shorter(account["bvn"]))
    type = fields.String()
    institution = fields.Nested(ListedBankSchema)
    customer = fields.Nested(HolderSchema)


ACCOUNT, ACCOUNT_OF_V1, LISTED = AccountSchema(), AccountOfV1Schema(), ListedAccountSchema()
IDENTITY, IDENTITY_OF_V1 = IdentitySchema(), IdentityOfV1Schema()
BALANCE = AccountSchema(only=("id", "name", "account_number", "balance", "currency"))


def _shown(account: Record) -> dict[str, Any]:
    return {**account.body, "id": account.guid}


@routes.add("GET", "/v2/accounts", also=["/v2/accounts/"])
def list_accounts(call: Call) -> Reply:
    """The accounts that are linked, the newest first."""
    call.arguments("page", "limit")
    with call.look() as world:
        accounts = [each for each in world.pages(Query(ACCOUNTS, newest_first=True)) if linked(each)]
        shown, meta = call.page_of(accounts)
        return Reply(call.envelope([LISTED.dump(_listed(world, each)) for each in shown], meta=meta))


def _listed(world: World, account: Record) -> dict[str, Any]:
    customer = world.get(CUSTOMER, account.owner)
    return {
        **_shown(account),
        "institution": {**account.body["bank"], "id": account.body["institution"]},
        "customer": {"id": account.owner, **(customer.body if customer else {})},
    }


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
    data = None if account.body["balance"] is None else BALANCE.dump(_shown(account))
    return Reply(call.envelope(data, "Request was successfully completed"))


@routes.add("GET", "/accounts/<id>/identity", also=["/v2/accounts/<id>/identity"])
def read_identity(call: Call, id: str) -> Reply:
    """The only answer that shows the whole BVN."""
    account = call.read(id)
    identity = account.body["identity"]
    if call.version == V1:
        return Reply(IDENTITY_OF_V1.dump(identity) if identity else {})
    times = {"created_at": account.created_at, "updated_at": account.updated_at}
    return Reply(call.envelope(IDENTITY.dump({**identity, **times}) if identity else None))


@routes.add("POST", "/accounts/<id>/unlink", also=["/v2/accounts/<id>/unlink"])
def unlink(call: Call, id: str) -> Reply:
    """From now on there is no such account."""
    with call.change() as world:
        call.engine.player.push(world, call.account(world, id), "UNLINKED", {}, cause="unlinked")
    message = "Account unlinked successfully"
    return Reply({"message": message} if call.version == V1 else call.envelope(None, message))


# investments


@routes.add("GET", "/v2/accounts/<id>/assets")
def list_assets(call: Call, id: str) -> Reply:
    """An account at a bank has none."""
    account = call.read(id)
    return Reply(call.envelope({"id": account.guid, "assets": []}))


@routes.add("GET", "/v2/accounts/<id>/earnings")
def list_earnings(call: Call, id: str) -> Reply:
    """What investments have yielded; an account at a bank has none."""
    call.read(id)
    return Reply(call.envelope([]))
