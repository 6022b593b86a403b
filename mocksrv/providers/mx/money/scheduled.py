"""Scheduled payments: what a user's bills, subscriptions and income will bring next, one for each series of repeating
transactions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from marshmallow import fields

from mocksrv.engine.clock import day
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.mx.http.call import Call
from mocksrv.providers.mx.http.schemas import Day, Document, Moment, Money, shown
from mocksrv.providers.mx.money.repeating import Repeating

KIND = "mx.scheduled_payment"
OF = frozenset({"BILL", "SUBSCRIPTION", "INCOME"})  # the types of series that are expected to be paid


class ScheduledPaymentSchema(Document):
    """A payment that is expected."""

    amount = Money()
    created_at = Moment()
    description = fields.String()
    guid = fields.String()
    is_completed = fields.Boolean()
    is_recurring = fields.Boolean()
    merchant_guid = fields.String()
    occurs_on = Day()
    recurrence_day = fields.Integer()
    recurrence_type = fields.String()
    transaction_type = fields.String()
    updated_at = Moment()
    user_guid = fields.String()


SCHEMA = ScheduledPaymentSchema()


def render(call: Call, payment: Record) -> dict[str, Any]:
    """A scheduled payment as MX shows it."""
    view = shown(payment)
    if call.mount.fidelity == "sdk":
        view["merchant_guid"] = view["merchant_guid"] or ""  # for which the file knows no null (docs/discrepancies.md)
    return dict(SCHEMA.dump(view))


def match_series(world: World, user: Record, series: Iterable[Repeating]) -> dict[str, Record]:
    """Brings the user's scheduled payments in line with the series; guid of a series -> its payment."""
    known = {record.guid: record for record in world.list(Query(KIND, owner=user.guid))}
    current: dict[str, Record] = {}
    for each in series:
        if each.kind not in OF:
            continue
        guid, body = each.guid.replace("RPT-", "SCP-"), _body(each)
        record = known.pop(guid, None)
        if record is None:
            record = Record(KIND, guid, body, user.guid, each.last.member, each.last.account, sort=each.predicted)
            world.add(record)
        elif record.body != body:
            record.body, record.sort = body, each.predicted
            world.save(record)
        current[each.guid] = record
    for guid in known:
        world.remove(guid=guid)
    return current


def _body(series: Repeating) -> dict[str, Any]:
    last = series.last
    return {
        "amount": last.amount,
        "description": last.description,
        "is_completed": False,  # said of payments that come once only
        "is_recurring": True,
        "merchant_guid": last.merchant,
        "occurs_on": series.predicted,
        "recurrence_day": int(day(series.predicted)[8:]),
        "recurrence_type": series.rhythm.name,
        "transaction_type": last.type,
    }
