"""Sends any event of MX's catalogue on request: about a record that is there, or about an invented one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mocksrv.engine.clock import DAY, MINUTE
from mocksrv.engine.play import Job, Play
from mocksrv.engine.role import WrongSubject
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.mx.bank import categories
from mocksrv.providers.mx.catalog.categories import custom
from mocksrv.providers.mx.events import objects
from mocksrv.providers.mx.events.jobs import MemberJob
from mocksrv.providers.mx.events.webhooks import CATALOGUE, emit_member, emit_user
from mocksrv.providers.mx.money import alerts, insights, tags
from mocksrv.providers.mx.money.budgets import budgets
from mocksrv.providers.mx.money.goals import goals
from mocksrv.providers.mx.money.spending_plans import plans
from mocksrv.providers.mx.people import microdeposits

# event -> what it is sent for
MEANINGS: Mapping[str, str] = {
    **{name: event.when for name, event in CATALOGUE.items()},
    **{f"{name}.{action}": when for name, entry in objects.OBJECTS.items() for action, when in entry.when.items()},
    **{f"mx.notification.{name}": action.when for name, action in alerts.ACTIONS.items()},
}
EVENTS = frozenset(MEANINGS)
Emitter = Callable[[World, Record, str, Record], None]

# How the events of a resource are written.
EMITTERS: Mapping[str, Emitter] = {
    "mx.account": lambda world, _, action, record: objects.emit_account(world, action, record),
    "mx.transaction": lambda world, _, action, record: objects.emit_transaction(world, action, record),
    "mx.beat": lambda world, _, action, record: objects.emit_beat(world, action, record),
    "mx.budget": lambda world, user, action, record: objects.emit(
        world, "mx.budget", action, record, **budgets.view(world, user, record)
    ),
    "mx.insight": lambda world, _, action, record: insights.emit_insight(world, action, record, older=False),
    "mx.micro_deposit": lambda world, _, action, record: microdeposits.emit_deposit(world, action, record),
    "mx.holding": lambda world, _, action, record: objects.emit(world, "mx.holding", action, record),
    **{
        each.kind: lambda world, user, action, record, each=each: each.emit(world, user, record, action)  # type: ignore[misc]
        for each in (custom, goals, plans, tags.tags, tags.taggings)
    },
}
# The records that events are about whose names say another thing.
ABOUT = {"mx.beat": "mx.insight"}
GROUPS = {"account": "mx.account", "transaction": "mx.transaction", "budget": "mx.budget", "user": "mx.user"}
OF_MEMBERS = ("mx.account", "mx.transaction", "mx.holding")


def trigger(world: World, near: Record | None, event: str) -> None:
    """Writes an event. It is about ``near`` or what belongs to it; else about the newest record that fits; else about
    an invented one.

    Raises WrongSubject when ``near`` is nothing that the event can be about.
    """
    kind, (resource, _, action) = kind_of(event), event.rpartition(".")
    record = _newest(world, kind) if near is None else _found(world, near, kind)
    if record is None and near is not None and near.kind not in ("mx.user", "mx.member"):
        raise WrongSubject(f"{event} is about {kind}, not about {near.kind}")
    owner = _owner(world, record or near)
    if event in alerts.EVENTS:
        _alert(world, owner, action, record)
    elif event in objects.OBJECT_EVENTS:
        if record is not None:
            EMITTERS[resource](world, owner, action, record)
        else:
            objects.emit(world, resource, action, _invented(world, resource, owner), **SAMPLES.get(resource, {}))
    elif kind == "mx.user":
        emit_user(world, record or owner, action)
    else:
        emit_member(world, event, record or _invented_member(world, owner))


def kind_of(event: str) -> str:
    """The kind of the records that an event is about."""
    resource, _, action = event.rpartition(".")
    if event in alerts.EVENTS:
        group = alerts.ACTIONS[action].group
        return GROUPS.get(group, f"mx.{group}")
    return ABOUT.get(resource, resource) if event in objects.OBJECT_EVENTS or resource == "mx.user" else "mx.member"


def _newest(world: World, kind: str, **keys: str) -> Record | None:
    """The newest of a kind; of members one that connects, before those that the user or the client keeps."""
    for wanted in ({"is_manual": False, "is_managed_by_user": True}, {}) if kind == "mx.member" else ({},):
        found = world.list(Query(kind, newest_first=True, limit=1, body=wanted, **keys))  # type: ignore[arg-type]
        if found:
            return found[0]
    return None


def _found(world: World, near: Record, kind: str) -> Record | None:
    """``near`` itself, what it belongs to, or the newest of what belongs to it: to a member what is its user's and no
    other member's.
    """
    above = (world.get(kind, guid) for guid in (near.guid, near.parent, near.subject, near.owner) if guid)
    for record in above:
        if record is not None:
            return record
    beneath = _newest(world, kind, subject=near.guid) or _newest(world, kind, parent=near.guid)
    if near.kind == "mx.user":
        return beneath or _newest(world, kind, owner=near.guid)
    if near.kind == "mx.member" and kind not in OF_MEMBERS:
        return beneath or _newest(world, kind, owner=near.owner)
    return beneath


def _owner(world: World, record: Record | None) -> Record:
    """The user that a record belongs to; the newest one; an invented one."""
    if record is not None and record.kind == "mx.user":
        return record
    owner = world.get("mx.user", record.owner) if record is not None else None
    newest = world.list(Query("mx.user", owner="", newest_first=True, limit=1))
    body = {"email": "sam.sample@example.com", "is_disabled": False, "metadata": None}
    return owner or next(iter(newest), None) or _stamped(world, Record("mx.user", world.guid("USR"), body))


def _stamped(world: World, record: Record) -> Record:
    """As if it had been stored now."""
    record.created_at = record.updated_at = world.now
    return record


def _invented(world: World, kind: str, owner: Record) -> Record:
    guid, member, account = world.guid(PREFIXES.get(kind, "OBJ")), world.guid("MBR"), world.guid("ACT")
    return _stamped(world, Record(kind, guid, {}, owner.guid, member, account))


def _invented_member(world: World, owner: Record) -> Record:
    job = Job("connect", world.now - MINUTE, kept=MemberJob(accounts=[world.guid("ACT")]))
    play = Play("mx", scenario="", by="", job=job)
    moments = {"aggregated_at": world.now - MINUTE, "successfully_aggregated_at": world.now}
    body = {**MEMBER, **moments, "most_recent_job_guid": world.guid("JOB")}
    return _stamped(world, Record("mx.member", world.guid("MBR"), body, owner=owner.guid, play=play))


def _alert(world: World, owner: Record, action: str, record: Record | None) -> None:
    group = alerts.ACTIONS[action].group
    kind = GROUPS.get(group, f"mx.{group}")
    subject = record or (owner if group == "user" else _invented(world, kind, owner))
    if record is None or group not in VIEWS:
        view: Mapping[str, Any] = {**ALERT_SAMPLES[group], **SECRETS.get(action, {})}
    else:
        view = VIEWS[group](world, owner, action, record)
    alerts.alert(world, action, owner, subject, **view)


VIEWS: Mapping[str, Callable[[World, Record, str, Record], Mapping[str, Any]]] = {
    "account": lambda world, _, __, record: alerts.account_view(world, record),
    "budget": lambda world, owner, _, record: budgets.view(world, owner, record),
    "transaction": lambda world, _, action, record: alerts.transaction_view(
        world, record, alerts.THRESHOLDS.get(action)
    ),
}
PREFIXES = {
    "mx.account": "ACT",
    "mx.transaction": "TRN",
    "mx.budget": "BGT",
    "mx.category": "CAT",
    "mx.goal": "GOL",
    "mx.holding": "HOL",
    "mx.insight": "BET",
    "mx.tag": "TAG",
    "mx.tagging": "TGN",
    "mx.spending_plan": "SPL",
    "mx.micro_deposit": "MIC",
    "mx.device": "DEV",
    "mx.beat": "BET",
    "mx.user": "USR",
    "mx.member": "MBR",
}
MEMBER: Mapping[str, Any] = {
    "connection_status": "CONNECTED",
    "error": {},
    "institution_code": "mxbank",
    "institution_name": "MX Bank",
    "is_authenticated": True,
    "institution_guid": "INS-1572a04c-912b-59bf-5841-332c7dfafaef",
    "is_being_aggregated": False,
    "is_managed_by_user": True,
    "is_manual": False,
    "is_oauth": False,
    "metadata": None,
    "name": "MX Bank",
    "needs_updated_credentials": False,
    "use_cases": ["PFM"],
}
_GROCERIES = categories.BY_NAME["Groceries"]
_ACCOUNT: Mapping[str, Any] = {
    "account_number": "****0685",
    "available_balance": 41.1,
    "balance": 45.1,
    "currency_code": "USD",
    "institution_code": "mxbank",
    "is_closed": False,
    "is_hidden": False,
    "is_manual": False,
    "name": "Everyday Checking",
    "type": "CHECKING",
    "type_set_by": 1,
}
_TRANSACTION: Mapping[str, Any] = {
    "amount": 23.75,
    "amount_set_by": "FEED",
    "category": "Groceries",
    "category_guid": _GROCERIES.guid,
    "category_set_by": "SYSTEM",
    "currency_code": "USD",
    "date": 20_454 * DAY,
    "description": "Corner Market",
    "description_set_by": "SYSTEM",
    "feed_amount": 23.75,
    "feed_description": "POS CORNER MARKET 0042",
    "is_expense": True,
    "is_fee": False,
    "is_international": False,
    "is_overdraft_fee": False,
    "status": "POSTED",
    "type": "DEBIT",
}
_BUDGET: Mapping[str, Any] = {
    "amount": 350,
    "category_guid": _GROCERIES.guid,
    "is_exceeded": True,
    "is_off_track": True,
    "name": "Groceries",
    "projected_spending": 410.4,
    "transaction_total": 362.15,
}
# What an invented resource shows; what is not here is null.
SAMPLES: Mapping[str, Mapping[str, Any]] = {
    "mx.account": _ACCOUNT,
    "mx.transaction": _TRANSACTION,
    "mx.budget": _BUDGET,
    "mx.category": {
        "is_default": False,
        "is_income": False,
        "name": "Climbing",
        "parent_guid": categories.BY_NAME["Entertainment"].guid,
    },
    "mx.goal": {
        "amount": 2500.0,
        "current_amount": 400.0,
        "goal_type_name": "SAVE_AMOUNT",
        "has_been_spent": False,
        "is_complete": False,
        "meta_type_name": "VACATION",
        "name": "Summer trip",
        "position": 1,
    },
    "mx.holding": {
        "cost_basis": 1500.0,
        "currency_code": "USD",
        "daily_change": 0.42,
        "description": "Sample Index Fund",
        "market_value": 1720.5,
        "purchase_price": 100.0,
        "quantity": "15.0",
        "symbol": "SMPLX",
    },
    "mx.insight": {
        "active_at": 20_454 * DAY,
        "description": "Your streaming plan costs 2.00 more than last month.",
        "has_associated_accounts": True,
        "has_associated_categories": False,
        "has_associated_merchants": True,
        "has_associated_scheduled_payments": False,
        "has_associated_transactions": True,
        "has_been_displayed": False,
        "is_dismissed": False,
        "micro_description": "Streaming went up by 2.00.",
        "micro_title": "Price Increase",
        "template": "SubscriptionPriceIncrease",
        "title": "Price Increase",
    },
    "mx.beat": {
        "account_guids": ["ACT-7b7c1d2e-1111-4222-8333-aaaabbbbcccc"],
        "account_ids": ["act-100200"],
        "active_at": 20_454 * DAY,
        "description": "You spent less on groceries this week.",
        "digest": "c2FtcGxlLWRpZ2VzdA==",
        "expires_at": 20_461 * DAY,
        "has_been_displayed": False,
        "is_deleted": False,
        "is_dismissed": False,
        "is_relevant": True,
        "template": "WeeklySummary",
        "title": "Less on groceries",
        "transaction_guids": [],
    },
    "mx.tag": {"name": "Reimbursable"},
    "mx.tagging": {
        "member_is_managed_by_user": True,
        "tag_name": "Reimbursable",
        "tag_guid": "TAG-d7e8f90a-1111-4222-8333-8a8b8c8d8e8f",
        "transaction_guid": "TRN-5e6f7081-1111-4222-8333-0f0e0d0c0b0a",
        "transaction_id": "T-900",
    },
    "mx.spending_plan": {"current_iteration_number": 1},
    "mx.micro_deposit": {
        "account_number": "333398765",
        "account_type": 1,
        "routing_number": "091000019",
        "status": 2,
        "status_name": "DEPOSITED",
    },
}
ALERT_SAMPLES: Mapping[str, Mapping[str, Any]] = {
    "account": {
        **_ACCOUNT,
        "account_number": "act-100200",
        "client_id": "mxbank",
        "low_balance_threshold": alerts.LOW_BALANCE,
    },
    "budget": _BUDGET,
    "device": {"make": "Acme", "model": "Phone 9", "name": "Sam's phone", "os_name": "android", "os_version": "15"},
    "offer": {"offer": "A card without an annual fee is waiting for you."},
    "transaction": {
        **_TRANSACTION,
        "account_name": "Everyday Checking",
        "account_number": "act-100200",
        "amount": 812.0,
        "client_id": "mxbank",
        "transaction_threshold": alerts.LARGE_EXPENSE,
    },
    "user": {"first_name": "Sam", "institution_name": "MX Bank", "last_name": "Sample"},
}
_TOKEN = {"sms_verification_token": "493817"}
# What a user proves an address or a device with, once.
SECRETS: Mapping[str, Mapping[str, Any]] = {
    "EMAIL_VERIFICATION": {
        "email_verification_url": "https://widgets.example.com/email_verifications/one-time-token",
        **_TOKEN,
    },
    "SMS_VERIFICATION": _TOKEN,
}
