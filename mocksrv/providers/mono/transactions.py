"""Transactions of an account, in pages and filtered; credits and debits; statements as JSON and as PDF files.

Sources: docs.mono.co, transactions; github.com/withmono/mono-node and github.com/eskye/mono-dotnet (statements).
"""

from __future__ import annotations

import re
from typing import Any

from marshmallow import fields

from mocksrv.engine.clock import DAY, SECOND, day, iso_ms
from mocksrv.engine.storage.records import Query, Record
from mocksrv.providers.http import Document, Reply
from mocksrv.providers.mono.bank.transactions import TRANSACTION
from mocksrv.providers.mono.http import (
    PAGE_SIZE,
    V1,
    Call,
    MonoError,
    Routes,
    not_found,
)
from mocksrv.providers.mono.ids import document_id
from mocksrv.providers.mono.syncing import realtime
from mocksrv.providers.pdf import Page, document

routes = Routes()
TYPES = ("debit", "credit")
PERIOD = re.compile(r"last([1-9]|1[0-2])months?")
USUAL_PERIOD = "last6months"
FILE, FILE_AFTER = "mono.statement_job", SECOND  # a PDF that is being made; how long it takes is inferred
LINES = 46  # of a page


class TransactionSchema(Document):
    """A transaction of v2. Amounts are kobo."""

    id = fields.String()
    narration = fields.String()
    amount = fields.Integer()
    type = fields.String()
    balance = fields.Integer()
    date = fields.Function(lambda row: iso_ms(row["date"]))
    category = fields.String()


class TransactionOfV1Schema(Document):
    """A transaction of v1."""

    _id = fields.String(attribute="id")
    type = fields.String()
    amount = fields.Integer()
    narration = fields.String()
    date = fields.Function(lambda row: iso_ms(row["date"]))
    balance = fields.Integer()
    currency = fields.String()
    category = fields.String()


V2_ROW, V1_ROW = TransactionSchema(), TransactionOfV1Schema()
STATEMENT_ROW = TransactionOfV1Schema(only=("_id", "type", "amount", "narration", "date", "balance"))


def transaction_of(row: Record, account: Record) -> dict[str, Any]:
    """A transaction as its schemas show it."""
    return {**row.body, "id": row.guid, "currency": account.body["currency"]}


def _list(call: Call, id: str) -> Reply:
    """The newest first."""
    call.arguments("start", "end", "narration", "type", "paginate", "limit", "page")
    start, end, narration = call.date("start"), call.date("end"), call.request.args.get("narration", "").casefold()
    type = call.request.args.get("type") or None
    if type not in (None, *TYPES):
        raise MonoError(400, f"type must be {' or '.join(TYPES)}")
    page, limit, whole = call.number("page", 1), call.number("limit", PAGE_SIZE), not call.flag("paginate", True)
    account = call.read(id)
    ranges = {"sort": (start, None if end is None else end + DAY - 1)}
    query = Query(
        TRANSACTION, parent=account.guid, ranges=ranges, body={"type": type} if type else {}, newest_first=True
    )
    with call.look() as world:
        rows = [row for row in world.pages(query) if narration in row.body["narration"].casefold()]
    shown = rows if whole else rows[(page - 1) * limit : page * limit]
    if whole:
        call.note_page(first=True, more=False)
    paging = (
        {"total": len(rows), "page": 1, "previous": None, "next": None}
        if whole
        else call.paging(page, limit, len(rows))
    )
    if call.version == V1:
        return Reply({"paging": paging, "data": [V1_ROW.dump(transaction_of(row, account)) for row in shown]})
    data = [V2_ROW.dump(transaction_of(row, account)) for row in shown]
    return Reply(call.envelope(data, "Transaction retrieved successfully", meta=paging))


@routes.add("GET", "/accounts/<id>/transactions")
def list_of_v1(call: Call, id: str) -> Reply:
    return _list(call, id)


@routes.add("GET", "/v2/accounts/<id>/transactions")
@realtime("sync_statement")
def list_transactions(call: Call, id: str) -> Reply:
    return _list(call, id)


def _history(call: Call, id: str, type: str) -> Reply:
    """What all credits, or all debits, come to in each month, the newest first."""
    call.arguments()
    account = call.read(id)
    months: dict[str, list[int]] = {}
    query = Query(TRANSACTION, parent=account.guid, body={"type": type})
    with call.look() as world:
        for *_, moment, _, amount in world.values(query, "type", "amount"):
            months.setdefault(_period(moment), []).append(amount)
    total = sum(map(sum, months.values()))
    newest_first = reversed(months.items())
    history: list[dict[str, Any]] = [{"period": period, "amount": sum(each)} for period, each in newest_first]
    if call.version == V1:
        return Reply({"total": total, "history": history})
    for entry in history:
        entry["transactions_count"] = len(months[entry["period"]])
    count = sum(map(len, months.values()))
    return Reply(call.envelope({"total": total, "transactions_count": count, "history": history}))


def _period(moment: int) -> str:
    """The month, as ``01-26``."""
    year, month, _ = day(moment).split("-")
    return f"{month}-{year[2:]}"


@routes.add("GET", "/accounts/<id>/credits", also=["/v2/accounts/<id>/credits"])
def list_credits(call: Call, id: str) -> Reply:
    return _history(call, id, "credit")


@routes.add("GET", "/accounts/<id>/debits", also=["/v2/accounts/<id>/debits"])
def list_debits(call: Call, id: str) -> Reply:
    return _history(call, id, "debit")


# statements


def since_of(call: Call) -> int:
    """When the ``period`` of the query begins, in ms. Raises MonoError 400."""
    matched = PERIOD.fullmatch(call.request.args.get("period") or USUAL_PERIOD)
    if matched is None:
        raise MonoError(400, "period must be last1months to last12months")
    return call.sandbox.now() - round(int(matched[1]) * 365 / 12) * DAY


def _statement(call: Call, id: str) -> Reply:
    call.arguments("period", "output")
    since, output = since_of(call), call.request.args.get("output") or "json"
    if output not in ("json", "pdf"):
        raise MonoError(400, "output must be json or pdf")
    account = call.read(id)
    if output == "pdf":
        with call.change() as world:
            job = Record(
                FILE,
                document_id(world),
                {"since": since, "until": world.now},
                account.owner,
                account.guid,
                account.guid,
            )
            world.add(job)
        return call.answer(_file_job(call, job), "Statement is being built")
    rows = [STATEMENT_ROW.dump(transaction_of(row, account)) for row in _rows(call, account, since, call.sandbox.now())]
    meta = {"count": len(rows)}
    return Reply(
        {"meta": meta, "data": rows} if call.version == V1 else call.envelope([_of_v2(row) for row in rows], meta=meta)
    )


def _of_v2(row: dict[str, Any]) -> dict[str, Any]:
    return {"id": row["_id"]} | {name: value for name, value in row.items() if name != "_id"}


@routes.add("GET", "/accounts/<id>/statement")
def statement_of_v1(call: Call, id: str) -> Reply:
    return _statement(call, id)


@routes.add("GET", "/v2/accounts/<id>/statement")
@realtime("sync_statement")
def statement(call: Call, id: str) -> Reply:
    return _statement(call, id)


def _rows(call: Call, account: Record, since: int, until: int) -> list[Record]:
    with call.look() as world:
        return list(
            world.pages(Query(TRANSACTION, parent=account.guid, ranges={"sort": (since, until)}, newest_first=True))
        )


def _file_job(call: Call, job: Record) -> dict[str, Any]:
    built = call.sandbox.now() >= job.created_at + FILE_AFTER
    return {
        "id": job.guid,
        "status": "BUILT" if built else "BUILDING",
        "path": f"{call.base_url}/statements/{job.guid}.pdf",
    }


@routes.add("GET", "/accounts/<id>/statement/jobs/<job>", also=["/v2/accounts/<id>/statement/jobs/<job>"])
def read_file_job(call: Call, id: str, job: str) -> Reply:
    with call.look() as world:
        account = call.account(world, id)
        record = world.get(FILE, job)
        if record is None or record.parent != account.guid:
            not_found("Job", job)
    return call.answer(_file_job(call, record))


@routes.add("GET", "/statements/<job>.pdf", keyless=True)
def download(call: Call, job: str) -> Reply:
    """The file of a job, where its ``path`` says; it is there once the job is BUILT."""
    with call.look() as world:
        record = world.get(FILE, job)
        account = world.get("mono.account", record.parent or "") if record else None
        if record is None or account is None or call.sandbox.now() < record.created_at + FILE_AFTER:
            not_found("Statement", job)
    rows = _rows(call, account, record.body["since"], record.body["until"])
    return Reply(_pdf(account, rows, record), mimetype="application/pdf")


def _pdf(account: Record, rows: list[Record], job: Record) -> bytes:
    body = account.body
    lines = list(reversed(rows))
    pages = []
    for start in range(0, max(1, len(lines)), LINES):
        page = Page()
        page.text(40, 40, body["bank"]["name"], size=16, bold=True)
        page.text(40, 62, f"{body['name'] or ''}   {body['account_number'] or ''}   {body['currency'] or ''}")
        page.text(40, 78, f"{day(job.body['since'])} to {day(job.body['until'])}")
        for place, row in enumerate(lines[start : start + LINES]):
            top = 104 + 14 * place
            page.text(40, top, day(row.sort), size=8)
            page.text(100, top, row.body["narration"][:62], size=8)
            page.amount(480, top, _naira(row.body["amount"] * (1 if row.body["type"] == "credit" else -1)), size=8)
            page.amount(570, top, _naira(row.body["balance"]), size=8)
        pages.append(page)
    return document(pages, title=f"Statement of {body['account_number'] or account.guid}")


def _naira(kobo: int) -> str:
    return f"{kobo / 100:,.2f}"
