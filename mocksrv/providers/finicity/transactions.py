"""Transactions of a customer or an account, paged by record number."""

from __future__ import annotations

import re
from itertools import groupby
from typing import Any

from marshmallow import fields

from mocksrv.engine.clock import DAY, SECOND
from mocksrv.engine.storage.records import Query, Record
from mocksrv.providers.finicity.bank.loading import is_inverted
from mocksrv.providers.finicity.http import (
    Call,
    Document,
    Number,
    Routes,
    Seconds,
    refusal,
)
from mocksrv.providers.finicity.refreshes import under_way
from mocksrv.providers.http import NO_CONTENT, Reply

routes = Routes()
SORTS = ("desc", "asc")
NO_NUMBER = 10**12  # numbers of transactions are below it
ARGUMENTS = ("fromDate", "toDate", "start", "limit", "sort", "includePending")


class TransactionSchema(Document):
    """A transaction: ids are numbers here."""

    id = fields.Integer()
    amount = fields.Float()
    uniqueTransactionId = fields.String()
    accountId = Number()
    customerId = Number()
    status = fields.String()
    description = fields.String()
    memo = fields.String()
    type = fields.String()
    transactionDate = Seconds()
    postedDate = Seconds()
    createdDate = Seconds()
    categorization = fields.Dict()


TRANSACTIONS = TransactionSchema()


def render(row: Record) -> dict[str, Any]:
    more = {"id": row.body["number"], "uniqueTransactionId": row.guid, "accountId": row.parent, "customerId": row.owner}
    return dict(TRANSACTIONS.dump({**row.body, **more, "createdDate": row.created_at}))


def moment(call: Call, name: str) -> int:
    """Epoch seconds in the query. Raises FinicityError where they are missing or no number."""
    text = call.request.args.get(name)
    if not text:
        raise refusal("missing", name=name)
    if not re.fullmatch(r"[0-9]{1,11}", text, re.ASCII):
        raise refusal("bad request", reason=f"{name} must be epoch seconds, not {text}")
    return int(text)


def flag(call: Call, name: str) -> bool:
    """Whether the query says ``true``."""
    return call.request.args.get(name, "false").lower() == "true"


def _answer(call: Call, query: Query) -> Reply:
    first, last = moment(call, "fromDate"), moment(call, "toDate")
    sort = call.request.args.get("sort") or SORTS[0]
    if sort not in SORTS:
        raise refusal("bad request", reason=f"sort must be {' or '.join(SORTS)}, not {sort}")
    start, limit = call.page()
    body = {} if flag(call, "includePending") else {"status": "active"}
    query = query._replace(
        ranges={"sort": (first * SECOND, last * SECOND + SECOND - 1)}, body=body, newest_first=sort == "desc"
    )
    with call.look() as world:
        found = world.count(query)
        rows = world.list(query._replace(limit=limit, offset=start - 1))
        refresh = under_way(world, query.owner or "")
    if refresh is not None:
        call.entry.violate("early-read", f"the refresh {refresh.guid} is not COMPLETED yet")
    call.note_page(first=start == 1, more=start - 1 + len(rows) < found)
    more = str(start - 1 + len(rows) < found).lower()  # a text here, unlike everywhere else
    head = {
        "found": found,
        "displaying": len(rows),
        "moreAvailable": more,
        "fromDate": str(first),
        "toDate": str(last),
        "sort": sort,
    }
    return Reply({**head, "transactions": [render(row) for row in rows]})


@routes.add("GET", "/aggregation/v3/customers/<customer>/transactions", "GetAllCustomerTransactions")
def list_transactions(call: Call, customer: str) -> Reply:
    call.arguments(*ARGUMENTS, "accountIds")
    with call.look() as world:
        call.customer(world, customer)
    return _answer(call, Query("finicity.transaction", owner=customer))


@routes.add(
    "GET", "/aggregation/v4/customers/<customer>/accounts/<account>/transactions", "GetCustomerAccountTransactions"
)
@routes.add(
    "GET", "/aggregation/v3/customers/<customer>/accounts/<account>/transactions", "GetCustomerAccountTransactionsV3"
)
def list_of_account(call: Call, customer: str, account: str) -> Reply:
    call.arguments(*ARGUMENTS, "showDailyBalance")
    with call.look() as world:
        call.customer(world, customer)
        found = call.owned(world, "finicity.account", customer, account, "account")
        session = world.subject(found.subject or "")
    if session is not None:
        call.about(session)
    answer = _answer(call, Query("finicity.transaction", owner=customer, parent=account))
    if not flag(call, "showDailyBalance"):
        return answer
    return answer._replace(body={**answer.body, "dailyBalances": _daily_balances(call, found)})


def _daily_balances(call: Call, account: Record) -> list[dict[str, Any]]:
    """What the account had at the beginning and the end of each day of the range with posted transactions, the oldest
    day first: its balance, less what was posted since.
    """
    query = Query("finicity.transaction", parent=account.guid, body={"status": "active"}, newest_first=True)
    with call.look() as world:
        rows = [(row.sort or 0, row.body["amount"]) for row in world.pages(query)]
    sign = -1 if is_inverted(account.body["type"]) else 1
    first, last = moment(call, "fromDate") * SECOND, moment(call, "toDate") * SECOND
    balance, days = account.body["balance"], []
    for start, of_day in groupby(rows, key=lambda row: row[0] // DAY * DAY):
        before = round(balance - sign * sum(amount for _, amount in of_day), 2)
        if first <= start + DAY - 1 and start <= last:
            days.append({"date": start // SECOND, "beginning": before, "ending": balance})
        balance = before
    return days[::-1]


@routes.add("GET", "/aggregation/v2/customers/<customer>/transactions/<int:transaction>", "GetCustomerTransaction")
def read_transaction(call: Call, customer: str, transaction: int) -> Reply:
    with call.look() as world:
        call.customer(world, customer)
        known = Query("finicity.transaction", owner=customer, body={"number": min(transaction, NO_NUMBER)}, limit=1)
        found = world.list(known)
    if not found:
        raise refusal("transaction")
    return Reply(render(found[0]))


@routes.add("GET", "/aggregation/customers/<customer>/transactions/<unique>", "GetTransactionByUniqueTransactionId")
def read_by_unique_id(call: Call, customer: str, unique: str) -> Reply:
    with call.look() as world:
        call.customer(world, customer)
        return Reply(render(call.owned(world, "finicity.transaction", customer, unique, "transaction")))


@routes.add(
    "POST", "/aggregation/v1/customers/<customer>/accounts/<account>/transactions/historic", "LoadHistoricTransactions"
)
def load_history(call: Call, customer: str, account: str) -> Reply:
    with call.change() as world:
        call.customer(world, customer)
        found = call.owned(world, "finicity.account", customer, account, "account")
        call.mount.bank.load_history(world, found)
    return NO_CONTENT
