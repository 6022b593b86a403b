"""What Mono works out of an account's transactions, and tells by a callback: income, creditworthiness, enrichment.

Sources: docs.mono.co, income guide, creditworthiness guide, enrichment guides (statement insights, categorisation,
metadata).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import ValidationError, fields, validate

from mocksrv.engine.clock import SECOND
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers.http import Document, Reply
from mocksrv.providers.mono import enrichment
from mocksrv.providers.mono.http import ACCOUNTS, Call, Routes, linked, not_found
from mocksrv.providers.mono.ids import document_id
from mocksrv.providers.mono.income import salaries, summary
from mocksrv.providers.mono.webhooks import emit
from mocksrv.providers.numbers import LARGEST

routes = Routes()
KIND, AFTER = "mono.analysis", 30 * SECOND  # how long one takes is inferred
INCOME, CREDIT = "mono.account_income", "mono.account_credit_worthiness"
INSIGHTS, CATEGORIES, METADATA = (
    "mono.statement_insights",
    "mono.transaction_categorisation",
    "mono.transaction_metadata",
)
ENRICHED = {  # event -> what its answer says of it
    INSIGHTS: "Statement insights is currently being processed, you will receive a webhook when insight is ready",
    CATEGORIES: "Transaction categorisation is being processed, you will receive a webhook when it is ready",
    METADATA: "Transaction metadata is being processed, you will receive a webhook when it is ready",
}
LONGEST_TERM, DEAREST = 600, 1000  # months; percent
MOST = LARGEST // (DEAREST // 100 + 1)  # kobo: its monthly payments are numbers that JavaScript keeps
kobo = validate.Range(min=0, max=LARGEST)


def _owed_together(loans: Sequence[Mapping[str, Any]]) -> None:
    if sum(loan["opening_balance"] for loan in loans) > LARGEST:
        raise ValidationError(f"Must come to {LARGEST} kobo at most, together.")


class LoanSchema(Document):
    """A loan that the person has already. Amounts are kobo, ``tenor`` is in months."""

    tenor = fields.Integer(strict=True, validate=validate.Range(min=1))
    date_opened = fields.Date()
    closed_date = fields.Date(allow_none=True)
    institution = fields.String(required=True)
    currency = fields.String()
    repayment_amount = fields.Integer(strict=True, required=True, validate=kobo)
    opening_balance = fields.Integer(strict=True, required=True, validate=kobo)
    repayment_schedule = fields.List(fields.Dict(keys=fields.String(), values=fields.String()))


class CreditSchema(Document):
    """The loan that is asked for: ``principal`` in kobo, ``interest_rate`` in percent a month, ``term`` in months."""

    bvn = fields.String(required=True, validate=validate.Regexp(r"^[0-9]{11}\Z", error="Must be 11 digits."))
    principal = fields.Integer(strict=True, required=True, validate=validate.Range(min=1, max=MOST))
    interest_rate = fields.Float(required=True, validate=validate.Range(min=0, max=DEAREST))
    term = fields.Integer(strict=True, required=True, validate=validate.Range(min=1, max=LONGEST_TERM))
    run_credit_check = fields.Boolean(required=True, truthy={True}, falsy={False})
    existing_loans = fields.List(fields.Nested(LoanSchema), validate=_owed_together)


def _begin(world: World, account: Record, event: str, given: Mapping[str, Any] | None = None) -> Record:
    """An analysis that ends with this event."""
    body = {"event": event, "given": dict(given or {}), "done": False}
    record = Record(KIND, document_id(world), body, account.owner, account.guid, account.guid)
    world.add(record)
    world.set_timer(record.guid, "analysis", world.now + AFTER)
    return record


@routes.due("analysis")
def ready(world: World, record: Record) -> None:
    account = world.get(ACCOUNTS, record.parent or "")
    if account is None or not linked(account):
        world.remove(guid=record.guid)
        return
    record.body["done"] = True
    event = record.body["event"]
    if event in ENRICHED:
        record.body["found"] = enrichment.RESULTS[event](world, account)
    world.save(record)
    emit(world, event, account, job={"loan": record.body["given"]})


# income


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
        _begin(world, account, INCOME)
        name = account.body["name"]
    return Reply(call.envelope(None, _being_processed("income", name)))


def _being_processed(what: str, name: str | None) -> str:
    of = f" of {name}" if name else ""
    return f"The {what}{of} is currently being processed. Once completed, the data will be sent to your webhook."


@routes.add("GET", "/v2/accounts/<id>/income-records")
def list_income(call: Call, id: str) -> Reply:
    with call.look() as world:
        return Reply(call.envelope(summary(world, call.account(world, id))))


# creditworthiness


@routes.add("POST", "/v2/accounts/<id>/creditworthiness", also=["/v2/accounts/<id>/creditworthiness/"])
def analyse_credit(call: Call, id: str) -> Reply:
    """Whether the person can afford a loan; a callback tells."""
    given = call.load(CreditSchema())
    for loan in given.get("existing_loans", ()):
        loan |= {name: loan[name].isoformat() for name in ("date_opened", "closed_date") if loan.get(name)}
    with call.change() as world:
        account = call.account(world, id)
        _begin(world, account, CREDIT, given)
        name = account.body["name"]
    return Reply(call.envelope(None, _being_processed("creditworthiness", name)))


# enrichment


def _enrich(call: Call, id: str, event: str) -> Reply:
    with call.change() as world:
        record = _begin(world, call.account(world, id), event)
    data = {"jobId": record.guid, "jobStatus": "processing"}
    return Reply(call.envelope(data, ENRICHED[event], status="processing"))


@routes.add("GET", "/v2/accounts/<id>/statement/insights")
def analyse_statement(call: Call, id: str) -> Reply:
    return _enrich(call, id, INSIGHTS)


routes.add("POST", "/v2/accounts/<id>/statement/insights")(analyse_statement)  # as clients call it, too


@routes.add("POST", "/v2/accounts/<id>/transactions/categorise")
def categorise(call: Call, id: str) -> Reply:
    return _enrich(call, id, CATEGORIES)


@routes.add("POST", "/v2/accounts/<id>/transactions/metadata")
def add_metadata(call: Call, id: str) -> Reply:
    return _enrich(call, id, METADATA)


@routes.add("GET", "/v2/enrichments/record/<job>")
def read_record(call: Call, job: str) -> Reply:
    """What an enrichment has come to; ``jobData`` once it is done."""
    with call.look() as world:
        record = world.get(KIND, job)
        if record is None or record.body["event"] not in ENRICHED:
            not_found("Job", job)
        call.account(world, record.parent or "")
    status = "successful" if record.body["done"] else "processing"
    return Reply(call.envelope({"id": record.guid, "status": status, "jobData": record.body.get("found")}))
