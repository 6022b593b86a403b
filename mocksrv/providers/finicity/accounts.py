"""Accounts: records, refreshes (v1 and v2), owners, numbers, deletion.

Source: Mastercard's OpenAPI file; key order as in published samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from marshmallow import fields

from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.finicity.codes import FINE, TOO_LATE, meaning
from mocksrv.providers.finicity.http import (
    Call,
    Document,
    FinicityError,
    Number,
    Routes,
    Seconds,
    refusal,
    shown,
)
from mocksrv.providers.finicity.jobs import SessionJob
from mocksrv.providers.http import NO_CONTENT, Reply

routes = Routes()
V1, V2 = "/aggregation/v1/customers/<customer>", "/aggregation/v2/customers/<customer>"
ACCOUNT, LOGIN = "accounts/<account>", "institutionLogins/<login>"
STATUSES = ("active", "pending")
CONFIDENCE = 0.9  # that an owner is a person
# the file describes it by one name and requires it by the other
CONFIDENCE_NAMES = ("nameClassificationConfidenceScore", "nameClassificationconfidencescore")


class AccountSchema(Document):
    """An account record."""

    id = fields.String()
    number = fields.String()
    accountNumberDisplay = fields.String()
    realAccountNumberLast4 = fields.String()
    name = fields.String()
    balance = fields.Float()
    type = fields.String()
    aggregationStatusCode = fields.Integer()
    status = fields.String()
    customerId = fields.String()
    institutionId = fields.String()
    balanceDate = Seconds()
    aggregationSuccessDate = Seconds()
    aggregationAttemptDate = Seconds()
    createdDate = Seconds()
    lastUpdatedDate = Seconds()
    marketSegment = fields.String()
    currency = fields.String()
    lastTransactionDate = Seconds()
    oldestTransactionDate = Seconds()
    institutionLoginId = Number()
    detail = fields.Dict()
    position = fields.List(fields.Dict())
    displayPosition = fields.Integer()
    accountNickname = fields.String()


RECORDS = AccountSchema()
SIMPLE = AccountSchema(exclude=("number", "balance", "balanceDate", "detail", "position"))
JUST_ADDED = AccountSchema(
    only=(
        "id",
        "number",
        "name",
        "balance",
        "type",
        "status",
        "customerId",
        "institutionId",
        "createdDate",
        "lastUpdatedDate",
        "currency",
        "institutionLoginId",
        "displayPosition",
    )
)


def _answer(accounts: list[Record], schema: AccountSchema = RECORDS) -> Reply:
    return Reply({"accounts": [dict(schema.dump(shown(account))) for account in accounts]})


def _list(call: Call, customer: str, schema: AccountSchema = RECORDS, **body: str) -> Reply:
    wanted = call.arguments("status").get("status") or "active"
    if wanted not in STATUSES:
        raise refusal("status parameter")
    with call.look() as world:
        call.customer(world, customer)
        return _answer(world.list(Query("finicity.account", owner=customer, body={"status": wanted, **body})), schema)


@routes.add("GET", f"{V1}/accounts", "GetCustomerAccounts")
def list_accounts(call: Call, customer: str) -> Reply:
    return _list(call, customer)


@routes.add("GET", f"{V1}/accounts/simple", "GetCustomerAccountsSimple")
def list_simply(call: Call, customer: str) -> Reply:
    return _list(call, customer, SIMPLE)


@routes.add("GET", f"{V1}/institutions/<institution>/accounts", "GetCustomerAccountsByInstitution")
def list_of_institution(call: Call, customer: str, institution: str) -> Reply:
    return _of_institution(call, customer, institution, RECORDS)


@routes.add("GET", f"{V1}/institutions/<institution>/accounts/simple", "GetCustomerAccountsByInstitutionSimple")
def list_of_institution_simply(call: Call, customer: str, institution: str) -> Reply:
    return _of_institution(call, customer, institution, SIMPLE)


def _of_institution(call: Call, customer: str, institution: str, schema: AccountSchema) -> Reply:
    with call.look() as world:
        call.customer(world, customer)
        if not world.count(Query("finicity.account", owner=customer, body={"institutionId": institution})):
            raise refusal("accounts of institution", id=institution)
    return _list(call, customer, schema, institutionId=institution)


@routes.add("GET", f"{V1}/{LOGIN}/accounts", "GetCustomerAccountsByInstitutionLogin")
def list_of_login(call: Call, customer: str, login: str) -> Reply:
    return _of_login(call, customer, login, RECORDS)


@routes.add("GET", f"{V1}/{LOGIN}/accounts/simple", "GetCustomerAccountsByInstitutionLoginSimple")
def list_of_login_simply(call: Call, customer: str, login: str) -> Reply:
    return _of_login(call, customer, login, SIMPLE)


def _of_login(call: Call, customer: str, login: str, schema: AccountSchema) -> Reply:
    with call.look() as world:
        call.customer(world, customer)
        owned_login(call, world, customer, login)
    return _list(call, customer, schema, institutionLoginId=login)


def owned_login(call: Call, world: World, customer: str, login: str) -> Record:
    """Raises FinicityError 404."""
    return call.owned(world, "finicity.login", customer, login, "accounts of login")


def _account(call: Call, world: World, customer: str, account: str) -> Record:
    """An account that is read. Raises FinicityError 404 for an unknown customer, too."""
    call.customer(world, customer)
    return call.owned(world, "finicity.account", customer, account, "account")


@routes.add("GET", f"{V1}/{ACCOUNT}", "GetCustomerAccountV1")
@routes.add("GET", f"{V2}/{ACCOUNT}", "GetCustomerAccount")
def read_account(call: Call, customer: str, account: str) -> Reply:
    with call.look() as world:
        return Reply(dict(RECORDS.dump(shown(_account(call, world, customer, account)))))


@routes.add("GET", f"{V1}/{ACCOUNT}/simple", "GetCustomerAccountSimple")
def read_simply(call: Call, customer: str, account: str) -> Reply:
    with call.look() as world:
        return Reply(dict(SIMPLE.dump(shown(_account(call, world, customer, account)))))


# refreshing


def aggregate(call: Call, world: World, logins: Sequence[Record]) -> None:
    """Aggregates logins; what a scenario says of it happens."""
    for each in logins:
        session = world.subject(each.subject or "")
        if session is None or session.job is not None:
            if session is not None:
                call.entry.violate("forbidden", f"{each.guid} is being refreshed already")
            call.mount.bank.refresh(world, each)
        else:
            call.engine.player.start(world, session, "refresh", details=SessionJob(login=each.guid))
            call.about(session)


def _refresh(call: Call, customer: str, login: str | None) -> list[Record]:
    """Aggregates the customer's logins, or one; what a scenario says of it happens. Raises FinicityError 500 when all
    of them fail.
    """
    with call.change() as world:
        call.customer(world, customer)
        one = None if login is None else owned_login(call, world, customer, login)
        logins = [one] if one else world.list(Query("finicity.login", owner=customer))
        aggregate(call, world, logins)
        codes = [
            code for each in logins if (now := world.get("finicity.login", each.guid)) and (code := now.body["code"])
        ]
        accounts = call.mount.bank.active(world, owner=customer, parent=login)
    if codes and len(codes) == len(logins):
        raise FinicityError(408 if codes[0] == TOO_LATE else 500, codes[0], meaning(codes[0]))
    return accounts


@routes.add("POST", f"{V1}/accounts", "RefreshCustomerAccounts")
@routes.add("POST", f"{V1}/{LOGIN}/accounts", "RefreshCustomerAccountsByInstitutionLogin")
def refresh(call: Call, customer: str, login: str | None = None) -> Reply:
    return _answer(_refresh(call, customer, login))


@routes.add("POST", f"{V2}/accounts", "RefreshCustomerAccountsV2")
@routes.add("POST", f"{V2}/{LOGIN}/accounts", "RefreshCustomerAccountsByInstitutionLoginV2")
def refresh_quietly(call: Call, customer: str, login: str | None = None) -> Reply:
    _refresh(call, customer, login)
    return NO_CONTENT


# deleting


@routes.add("DELETE", f"{V1}/{ACCOUNT}", "DeleteCustomerAccount")
def delete_account(call: Call, customer: str, account: str) -> Reply:
    with call.change() as world:
        call.mount.bank.delete(world, [call.owned(world, "finicity.account", customer, account, "account")])
    return NO_CONTENT


@routes.add("DELETE", f"{V1}/{LOGIN}", "DeleteCustomerAccountsByInstitutionLogin")
def delete_login(call: Call, customer: str, login: str) -> Reply:
    with call.change() as world:
        found = owned_login(call, world, customer, login)
        call.mount.bank.delete(world, world.list(Query("finicity.account", parent=login)))
        world.remove(guid=found.guid)
    return NO_CONTENT


# owners and numbers


@routes.add("GET", f"{V1}/{ACCOUNT}/owner", "GetAccountOwner")
def read_owner(call: Call, customer: str, account: str) -> Reply:
    with call.look() as world:
        body = _account(call, world, customer, account).body
    owners, when = body["owners"], (body.get("balanceDate") or 0) // 1000
    name, first = " and ".join(each["owner_name"] for each in owners), owners[0] if owners else {}
    return Reply({"ownerName": name, "ownerAddress": _address(first) if first else "", "asOfDate": when})


@routes.add("GET", "/aggregation/v3/customers/<customer>/accounts/<account>/owner", "GetAccountOwnerDetails")
def read_owners(call: Call, customer: str, account: str) -> Reply:
    with call.look() as world:
        owners = _account(call, world, customer, account).body["owners"]
    return Reply(
        {
            "holders": [
                {
                    "ownerName": each["owner_name"],
                    "nameClassification": "person",
                    **dict.fromkeys(CONFIDENCE_NAMES, CONFIDENCE),
                    "addresses": [{"ownerAddress": _address(each)}],
                    "emails": [{"email": each["email"]}],
                    "phones": [{"phone": each["phone"]}],
                }
                for each in owners
            ]
        }
    )


def _address(owner: dict[str, Any]) -> str:
    return f"{owner['address']}, {owner['city']}, {owner['state']} {owner['postal_code']}"


@routes.add("GET", f"{V1}/{ACCOUNT}/details", "GetAccountACHDetails")
def read_details(call: Call, customer: str, account: str) -> Reply:
    with call.look() as world:
        body = _account(call, world, customer, account).body
    if not body["routing"]:
        raise refusal("routing number")
    return Reply({"routingNumber": body["routing"], "realAccountNumber": body["number"]})


@routes.add("GET", f"{V1}/{ACCOUNT}/availableBalance", "GetAvailableBalance", successor="GetAvailableBalanceLive")
@routes.add("GET", f"{V1}/{ACCOUNT}/availableBalance/live", "GetAvailableBalanceLive")
def read_balance(call: Call, customer: str, account: str) -> Reply:
    with call.look() as world:
        body = _account(call, world, customer, account).body
    when = (body.get("balanceDate") or 0) // 1000
    return Reply(
        {
            "id": int(account),
            "realAccountNumberLast4": body["accountNumberDisplay"],
            "availableBalance": body["balance"] if body["available"] is None else body["available"],
            "availableBalanceDate": when,
            "clearedBalance": body["balance"],
            "clearedBalanceDate": when,
            "aggregationStatusCode": body.get("aggregationStatusCode", FINE),
            "currency": body["currency"],
        }
    )


@routes.add("GET", "/aggregation/v3/customers/<customer>/accounts/<account>/details", "GetAccountPaymentDetails")
def read_instructions(call: Call, customer: str, account: str) -> Reply:
    with call.look() as world:
        body = _account(call, world, customer, account).body
    if not body["routing"]:
        raise refusal("routing number")
    instruction = {
        "type": "ach",
        "accountNumber": body["number"],
        "tanEnabled": False,
        "descriptors": [{"type": "routingNumber", "value": body["routing"]}],
        "transferInEnabled": True,
        "transferOutEnabled": True,
    }
    return Reply({"paymentInstruction": [instruction]})
