"""Reports: ordered for a customer, in progress for a while, then done. Their figures are not made.

Source: Mastercard's OpenAPI file; what a report holds beside its head is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import fields, validate

from mocksrv.engine.clock import SECOND
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.finicity.customers import consumer_of
from mocksrv.providers.finicity.http import (
    Call,
    Document,
    Number,
    Routes,
    Seconds,
    refusal,
    sendable,
    shown,
)
from mocksrv.providers.finicity.jobs import SessionJob
from mocksrv.providers.finicity.lifecycle import SUBMIT
from mocksrv.providers.finicity.transactions import flag, moment
from mocksrv.providers.http import Reply
from mocksrv.providers.numbers import LARGEST

routes = Routes()
ORDER = "/decisioning/v2/customers/<customer>"
HOUSE = "Mastercard Open Banking"
TYPES = {  # the last part of the path -> the type of the report, its title
    "voa": ("voa", f"{HOUSE} Verification of Assets"),
    "voaHistory": ("voaHistory", f"{HOUSE} Verification of Assets with Income"),
    "voi": ("voi", f"{HOUSE} Verification of Income"),
    "preQualVoa": ("preQualVoa", "Asset Ready Report (CRA)"),
    "assetSummary": ("assetSummary", "Asset Ready Report (non-CRA)"),
    "transactions": ("transactions", f"{HOUSE} Transactions Report"),
    "statement": ("statement", f"{HOUSE} Statement Report"),
    "cashFlowPersonal": ("cfrp", f"{HOUSE} Cash Flow Report - Personal"),
    "cashFlowBusiness": ("cfrb", f"{HOUSE} Cash Flow Report - Business"),
}
STATEMENT, TRANSACTIONS = "statement", "transactions"
SECONDS = validate.Range(0, 10**11 - 1)  # since 1970, as in queries
STATEMENTS = 24  # the oldest that can be asked for
DURATION = 10 * SECOND
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class ReportSchema(Document):
    """The head of a report."""

    id = fields.String()
    portfolioId = fields.String()
    requestId = fields.String()
    title = fields.String()
    consumerId = fields.String()
    consumerSsn = fields.String()
    customerType = fields.String()
    customerId = Number()
    requesterName = fields.String()
    constraints = fields.Dict()
    type = fields.String()
    status = fields.String()
    createdDate = Seconds()


class Order(Document):
    """What any report can be ordered with."""

    accountIds = fields.String()
    fromDate = fields.Integer(validate=SECONDS)
    toDate = fields.Integer(validate=SECONDS)
    incomeFromDate = fields.Integer(validate=SECONDS)
    reportCustomFields = fields.List(fields.Dict(), validate=validate.Length(max=5))
    showNsf = fields.Boolean()
    incomeStreamConfidenceMinimum = fields.Integer(validate=validate.Range(0, 100))
    findTransaction = fields.Dict(validate=sendable)


class StatementData(Document):
    accountId = fields.Integer(required=True, validate=validate.Range(1, LARGEST))
    statementIndex = fields.Integer(load_default=1, validate=validate.Range(1, STATEMENTS))


class StatementOrder(Document):
    statementReportData = fields.Nested(StatementData, required=True)
    reportCustomFields = fields.List(fields.Dict(), validate=validate.Length(max=5))


REPORTS, ORDERS = ReportSchema(), {STATEMENT: StatementOrder()}
ANY_ORDER = Order()


def render(report: Record) -> dict[str, Any]:
    return dict(REPORTS.dump(shown(report)))


def _base36(number: int) -> str:
    return "".join(DIGITS[number // 36**place % 36] for place in range(12))


@routes.add("POST", f"{ORDER}/<type>", "GenerateReport")
def order(call: Call, customer: str, type: str) -> Reply:
    """The report is made by the session that brought the accounts: it plays ``report``, and tells of it."""
    if type not in TYPES:
        raise refusal("resource")
    call.arguments("callbackUrl", "fromDate", "toDate", "includePending")
    given = call.load(ORDERS.get(type, ANY_ORDER)) if call.request.get_data() or type in ORDERS else {}
    if type == TRANSACTIONS:
        dates = {name: moment(call, name) for name in ("fromDate", "toDate")}
        given |= {**dates, "includePending": flag(call, "includePending")}
    with call.change() as world:
        owner = call.customer(world, customer)
        consumer = consumer_of(world, customer)
        if consumer is None:
            raise refusal("consumer of customer", customer=customer)
        accounts = call.mount.bank.active(world, owner=customer)
        if not accounts:
            raise refusal("accounts")
        constraints = _constraints(given, [account.guid for account in accounts])
        number = int(world.guid().replace("-", ""), 16)
        body = {
            "portfolioId": f"{_base36(number // 7)}-1-port",
            "requestId": _base36(number // 11)[:10],
            "type": TYPES[type][0],
            "title": TYPES[type][1],
            "status": "inProgress",
            "consumerId": consumer.guid,
            "consumerSsn": consumer.body.get("ssn"),
            "customerType": owner.body["type"],
            "requesterName": "mocksrv",
            "constraints": constraints,
        }
        report = Record("finicity.report", _base36(number), body, owner=customer)
        world.add(report)
        _make(call, world, report, world.subject(accounts[-1].subject or ""))
        return Reply(render(report), 202)


def _make(call: Call, world: World, report: Record, session: Record | None) -> None:
    """A report is made by the session that brought the accounts, if it is there and has time for it."""
    running = session.job.details(SessionJob).reports if session is not None and session.job is not None else []
    if session is not None and session.job is None:
        session.playing.acted = SUBMIT  # nobody is asked for anything
        call.engine.player.start(world, session, "report", details=SessionJob(reports=[report.guid]))
    elif session is not None and running:
        running.append(report.guid)  # `done` comes when all are finished
        world.save_play(session)
    else:
        world.set_timer(report.guid, "report", world.now + DURATION)  # the session is busy: nobody is told


def _constraints(given: Mapping[str, Any], accounts: Sequence[str]) -> dict[str, Any]:
    """What the report is about: the accounts as a list, all of them where none was named; of a statement its account
    alone. Raises FinicityError for an account that is none of the customer's.
    """
    if "statementReportData" in given:
        wanted, shown_as = [str(given["statementReportData"]["accountId"])], {}
    else:
        wanted = given["accountIds"].split() if given.get("accountIds") else list(accounts)
        shown_as = {"accountIds": wanted}
    for id in wanted:
        if id not in accounts:
            raise refusal("account to report on", id=id)
    return {**given, **shown_as}


@routes.due("report")
def finish(world: World, report: Record) -> None:
    """A report is finished that no session tells of."""
    report.body["status"] = "success"
    world.save(report)


@routes.add("GET", "/decisioning/v1/customers/<customer>/reports", "GetReportsByCustomer")
def list_reports(call: Call, customer: str) -> Reply:
    with call.look() as world:
        call.customer(world, customer)
        return Reply({"reports": [render(each) for each in world.list(Query("finicity.report", owner=customer))]})


@routes.add("GET", "/decisioning/v3/customers/<customer>/reports/<report>", "GetReportByCustomer")
def read_report(call: Call, customer: str, report: str) -> Reply:
    with call.look() as world:
        call.customer(world, customer)
        return Reply(render(call.owned(world, "finicity.report", customer, report, "report")))


def _of_consumer(world: World, consumer: str) -> str:
    """The customer of a consumer. Raises FinicityError 404."""
    found = world.get("finicity.consumer", consumer)
    if found is None or found.owner is None:
        raise refusal("consumer", id=consumer)
    return found.owner


@routes.add("GET", "/decisioning/v1/consumers/<consumer>/reports", "GetReportsByConsumer")
def list_reports_of_consumer(call: Call, consumer: str) -> Reply:
    with call.look() as world:
        customer = _of_consumer(world, consumer)
    return list_reports(call, customer)


@routes.add("GET", "/decisioning/v3/consumers/<consumer>/reports/<report>", "GetReportByConsumer")
def read_report_of_consumer(call: Call, consumer: str, report: str) -> Reply:
    with call.look() as world:
        customer = _of_consumer(world, consumer)
    return read_report(call, customer, report)
