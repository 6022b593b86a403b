"""Refreshes of transactions that are asked for and looked at later, by their id.

Source: Mastercard's OpenAPI file. How long one takes is inferred.
"""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from mocksrv.engine.clock import DAY, SECOND, iso_ms, parse_moment
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.finicity.accounts import aggregate, owned_login
from mocksrv.providers.finicity.codes import FINE, meaning
from mocksrv.providers.finicity.http import Call, Routes, refusal
from mocksrv.providers.http import Reply

routes = Routes()
REFRESHES = "/aggregation/customers/<customer>/transactions/refreshes"
KIND = "finicity.refresh"
MODES = ("standard", "historic", "custom")
NEW_FOR, BUSY_FOR = 1 * SECOND, 5 * SECOND  # after its beginning
STANDARD = 180 * DAY  # what a standard refresh reaches back


class RefreshSchema(Schema):
    """One login, or some accounts."""

    institutionLoginId = fields.String()
    accountIds = fields.List(fields.String())
    mode = fields.String(load_default="standard")
    fromDate = fields.String()
    toDate = fields.String()


REQUEST = RefreshSchema()


@routes.add("POST", REFRESHES, "refreshTransactions")
def refresh(call: Call, customer: str) -> Reply:
    with call.look() as world:
        call.customer(world, customer)
    given = call.load(REQUEST)
    if given["mode"] not in MODES:
        raise refusal("parameter", name="mode")
    if not given.get("institutionLoginId") and not given.get("accountIds"):
        raise refusal("missing", name="institutionLoginId")
    if given.get("institutionLoginId") and given.get("accountIds"):
        raise refusal("parameter", name="accountIds")
    first = _first_day(given) if given["mode"] == "custom" else None
    with call.change() as world:
        accounts = _accounts(call, world, customer, given)
        logins = [world.get("finicity.login", guid) for guid in dict.fromkeys(each.parent or "" for each in accounts)]
        aggregate(call, world, [login for login in logins if login is not None])
        if given["mode"] == "historic" or (first is not None and world.now - first > STANDARD):
            for account in accounts:
                found = world.get("finicity.account", account.guid)
                if found is not None:
                    call.mount.bank.load_history(world, found)
        body = {**given, "accounts": [account.guid for account in accounts]}
        record = Record(KIND, world.guid(), body, owner=customer)
        world.add(record)
        named = {name: given[name] for name in REQUEST.fields if name in given}
        head = {"refreshId": record.guid, "customerId": customer}
        return Reply({**head, **named, "status": "NEW", "createdAt": iso_ms(world.now)}, 202)


def _first_day(given: dict[str, Any]) -> int:
    """The beginning of a custom range, in ms. Raises FinicityError 400."""
    found = []
    for name in ("fromDate", "toDate"):
        if not given.get(name):
            raise refusal("missing", name=name)
        try:
            found.append(parse_moment(given[name]))
        except ValueError:
            raise refusal("parameter", name=name) from None
    if found[0] > found[1]:
        raise refusal("date range", reason="fromDate is after toDate")
    return found[0]


def _accounts(call: Call, world: World, customer: str, given: dict[str, Any]) -> list[Record]:
    """The accounts that are to be refreshed. Raises FinicityError 404."""
    if login := given.get("institutionLoginId"):
        owned_login(call, world, customer, login)
        return call.mount.bank.active(world, owner=customer, parent=login)
    return [call.owned(world, "finicity.account", customer, id, "account to report on") for id in given["accountIds"]]


@routes.add("GET", f"{REFRESHES}/<refresh>", "getTransactionRefreshStatus")
def read(call: Call, customer: str, refresh: str) -> Reply:
    call.entry.polled = True
    with call.look() as world:
        call.customer(world, customer)
        found = call.owned(world, KIND, customer, refresh, "data")
        accounts = world.list(Query("finicity.account", guids=found.body["accounts"]))
        age, busy = world.now - (found.created_at or 0), _busy(world, accounts)
    over = age >= BUSY_FOR and not busy
    rows = [_row(account, over=over) for account in accounts]
    done, failed = (sum(name in row for row in rows) for name in ("aggregationStatusCode", "code"))
    ended = "COMPLETED" if done or not failed else "FAILED"
    return Reply(
        {
            "refreshId": found.guid,
            "customerId": customer,
            "accounts": rows,
            "mode": found.body["mode"],
            "status": ended if over else "NEW" if age < NEW_FOR else "IN_PROGRESS",
            "totalCount": len(rows),
            "successCount": done,
            "failedCount": failed,
        }
    )


def _busy(world: World, accounts: list[Record]) -> bool:
    """Whether what a scenario says of the refresh is still being played."""
    sessions = (world.subject(guid) for guid in {account.subject or "" for account in accounts})
    return any(session is not None and session.job is not None for session in sessions)


def under_way(world: World, customer: str) -> Record | None:
    """The newest refresh of a customer's transactions, while it takes its time; what a scenario says of one is seen in
    the session that plays it.
    """
    for found in world.list(Query(KIND, owner=customer, newest_first=True, limit=1)):
        accounts = world.list(Query("finicity.account", guids=found.body["accounts"]))
        if world.now - (found.created_at or 0) < BUSY_FOR and not _busy(world, accounts):
            return found
    return None


def _row(account: Record, *, over: bool) -> dict[str, Any]:
    body = account.body
    row = {"accountId": account.guid, "institutionLoginId": account.parent, "institutionId": body["institutionId"]}
    if not over:
        return row
    code = body.get("aggregationStatusCode", FINE)
    if code != FINE:
        return {**row, "code": code, "message": meaning(code)}
    return {**row, "aggregationStatusCode": FINE, "aggregationSuccessDate": iso_ms(body["aggregationSuccessDate"])}
