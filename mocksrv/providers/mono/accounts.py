"""Linked accounts: the list of them, details, balance, identity, income, unlinking.

Sources: docs.mono.co, account details, Connect link, real-time data; github.com/withmono/mono-node (paths of v1).
"""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from mocksrv.engine.clock import SECOND, iso_ms
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import Document, Reply
from mocksrv.providers.mono.bank.loading import shorter
from mocksrv.providers.mono.http import ACCOUNTS, V1, Call, Routes, linked
from mocksrv.providers.mono.ids import document_id
from mocksrv.providers.mono.income import salaries, summary
from mocksrv.providers.mono.syncing import realtime
from mocksrv.providers.mono.webhooks import bank_on_v1, emit, type_on_v1

routes = Routes()
INCOME, INCOME_AFTER = "mono.income", 30 * SECOND  # an analysis; how long it takes is inferred


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


@routes.add("GET", "/v2/accounts")
def list_accounts(call: Call) -> Reply:
    """The accounts that are linked, the newest first."""
    with call.look() as world:
        accounts = [each for each in world.pages(Query(ACCOUNTS, newest_first=True)) if linked(each)]
        shown, meta = call.page_of(accounts)
        return Reply(call.envelope([LISTED.dump(_listed(world, each)) for each in shown], meta=meta))


def _listed(world: World, account: Record) -> dict[str, Any]:
    customer = world.get("mono.customer", account.owner)
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
    account = world.get(ACCOUNTS, record.parent or "")
    if account is not None and linked(account):
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
