"""Insights: what MX tells users about their money. They are derived from the data, a while after an aggregation has
ended.

The end of a job that fetched transactions sets a timer of the user (`INSIGHTS`). When it falls due, what is
new is derived if an endpoint is told of insights or time is being advanced; else when insights are read, which may be
before or after that. Nothing is said twice: each insight has a digest of its template
and its case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from marshmallow import fields

from mocksrv.engine.clock import DAY, SECOND, iso
from mocksrv.engine.loads import MOST_AT_ONCE, brought
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import Reply
from mocksrv.providers.mx.bank.merchants import catalogue
from mocksrv.providers.mx.bank.resources import SPLIT
from mocksrv.providers.mx.catalog import categories
from mocksrv.providers.mx.catalog.merchants import MERCHANTS
from mocksrv.providers.mx.events.changes import AccountGoing, DataFetched, MemberGone, after
from mocksrv.providers.mx.events.payloads import client_guid
from mocksrv.providers.mx.events.resources import Events, Resource, changes, names
from mocksrv.providers.mx.http.call import PAGING, Call, MXError, Routes, not_found
from mocksrv.providers.mx.http.products import INSIGHTS as PRODUCT
from mocksrv.providers.mx.http.schemas import Document, Moment, shown
from mocksrv.providers.mx.money import accounts, scheduled, transactions
from mocksrv.providers.mx.money.insight_derivation import Derivation, derive_all

routes = Routes(product=PRODUCT)
KIND = "mx.insight"
OF_USER = "/users/<user>/insights"
MOST_TOLD = 10  # a derivation tells the weightiest
LARGEST_PAGE = 100
BEAT_LIFETIME = 7 * DAY
TOLD = ("created", "deleted")  # what a derivation does with insights
INSIGHTS = "insights"  # a timer of users
INSIGHTS_AFTER = 30 * SECOND  # the data has changed; how much later is inferred


class InsightSchema(Document):
    """An insight; a client can say that it was shown or dismissed."""

    active_at = Moment(dump_only=True)
    client_guid = fields.String(dump_only=True)
    created_at = Moment(dump_only=True)
    cta_clicked_at = Moment(dump_only=True)
    description = fields.String(dump_only=True)
    guid = fields.String(dump_only=True)
    has_associated_accounts = fields.Boolean(dump_only=True)
    has_associated_categories = fields.Boolean(dump_only=True)
    has_associated_merchants = fields.Boolean(dump_only=True)
    has_associated_scheduled_payments = fields.Boolean(dump_only=True)
    has_associated_transactions = fields.Boolean(dump_only=True)
    has_been_displayed = fields.Boolean(truthy={True}, falsy={False})
    is_dismissed = fields.Boolean(truthy={True}, falsy={False})
    micro_call_to_action = fields.String(dump_only=True)
    micro_description = fields.String(dump_only=True)
    micro_title = fields.String(dump_only=True)
    template = fields.String(dump_only=True)
    title = fields.String(dump_only=True)
    updated_at = Moment(dump_only=True)
    user_guid = fields.String(dump_only=True)
    user_id = fields.String(dump_only=True)


SCHEMA = InsightSchema()


# what an insight is about


def _records(world: World, insight: Record, name: str, *kinds: str) -> Iterator[Record]:
    """The records among those that an insight names that are still there, in its order."""
    for guid in insight.body[name]:
        record = world.record(guid)
        if record is not None and record.kind in kinds and record.owner == insight.owner:
            yield record


def _categories(world: World, insight: Record) -> Iterator[Any]:
    return filter(None, (categories.find(world, insight.owner, guid) for guid in insight.body["categories"]))


def _merchants(_: World, insight: Record) -> Iterator[Any]:
    return filter(None, map(catalogue().by_guid.get, insight.body["merchants"]))


# list -> what is in it
ASSOCIATED: dict[str, Callable[[World, Record], Iterator[Any]]] = {
    "accounts": lambda world, insight: _records(world, insight, "accounts", "mx.account"),
    "categories": _categories,
    "merchants": _merchants,
    "scheduled_payments": lambda world, insight: _records(world, insight, "scheduled_payments", scheduled.KIND),
    "transactions": lambda world, insight: _records(world, insight, "transactions", "mx.transaction", SPLIT),
}
DATA = ("accounts", "scheduled_payments", "transactions")  # an insight that has nothing left of these is no more


def _has(world: World, insight: Record, name: str) -> bool:
    return next(ASSOCIATED[name](world, insight), None) is not None


def _more(world: World, insight: Record) -> dict[str, Any]:
    """What an insight shows beside its record."""
    flags = {f"has_associated_{name}": _has(world, insight, name) for name in ASSOCIATED}
    return {**flags, "client_guid": client_guid(world.sandbox.salt)}


class Insights(Resource):
    """Insights."""

    def details(self, world: World, user: Record | None, record: Record, action: str) -> Mapping[str, Any]:
        return _more(world, record)


class Beats(Resource):
    """Insights as MX called them before: deprecated, told to those only that ask for it."""

    def details(self, world: World, user: Record | None, record: Record, action: str) -> Mapping[str, Any]:
        accounts, transactions = record.body.get("accounts") or [], record.body.get("transactions") or []
        found = [world.get("mx.account", guid) for guid in accounts]
        return {
            "account_guids": accounts,
            "account_ids": [each.partner_id for each in found if each],
            "transaction_guids": transactions,
            "primary_account_guid": next(iter(accounts), None),
            "is_deleted": action == "deleted",
            "primary_transaction_guid": next(iter(transactions), None),
            "is_relevant": action != "deleted",
            "expires_at": (record.body.get("active_at") or world.now) + BEAT_LIFETIME,
        }


def _iso(ms: int | None) -> str | None:
    """A moment as beats write it."""
    return None if ms is None else f"{iso(ms)[:-1]}+00:00"


def _iso_day(ms: int | None) -> str | None:
    return None if ms is None else iso(ms)[:10]


insights = Insights(
    KIND,
    prefix="BET",
    events=Events(
        changes(
            "an insight",
            created="an insight was found in a user's data",
            updated="an insight was displayed or dismissed",
            deleted="the data of an insight is gone",
        ),
        names(
            """active_at client_guid created_at description guid has_associated_accounts has_associated_categories
                has_associated_merchants has_associated_scheduled_payments has_associated_transactions
                has_been_displayed is_dismissed micro_description micro_title template title updated_at"""
        ),
        forms={"updated_at": _iso_day},
    ),
    sample={
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
)
beats = Beats(
    "mx.beat",
    about=KIND,
    prefix="BET",
    events=Events(
        changes("an insight, under its older name,", generated="a beat was made on demand, which MX does not store"),
        names(
            """account_guids account_ids active_at created_at description digest displayed_at expires_at guid
                has_been_displayed is_deleted is_dismissed is_relevant primary_account_guid primary_transaction_guid
                template title transaction_guids updated_at"""
        ),
        forms=dict.fromkeys(("created_at", "updated_at"), _iso),
    ),
    sample={
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
)


def emit_insight(world: World, action: str, insight: Record) -> None:
    """Writes the event of a change, and that of the beat for those that ask for it."""
    insights.emit(world, action, insight)
    beats.emit(world, action, insight, bulk=True)


def _render(world: World, user: Record, insight: Record) -> dict[str, Any]:
    return dict(SCHEMA.dump(shown(insight, user_id=user.partner_id, **_more(world, insight))))


# derivation


@after(DataFetched)
@after(MemberGone)
def derive_soon(world: World, change: DataFetched | MemberGone) -> None:
    world.set_timer(change.user, INSIGHTS, world.now + INSIGHTS_AFTER)


@after(AccountGoing, rank=2)
def drop_soon(world: World, change: AccountGoing) -> None:
    """Those about nothing any more go."""
    world.set_timer(change.account.owner, INSIGHTS, world.now + INSIGHTS_AFTER)


@routes.due(INSIGHTS)
def bring_up_for_listeners(world: World, user: Record) -> None:
    """It takes time, which is spent where somebody is told of it, or asks for insights (`_pending_first`)."""
    if world.advancing or any(each.wanted(world, action) for each in (insights, beats) for action in TOLD):
        bring_up(world, user)
    else:
        world.leave_until_asked(user.guid, INSIGHTS)


def bring_up(world: World, user: Record) -> None:
    """Derives what is new in the user's data, and takes away what is about nothing any more. A client without the
    product has none.
    """
    if PRODUCT in world.sandbox.settings.without:
        return
    many = world.has_more(Query("mx.transaction", owner=user.guid), MOST_AT_ONCE)
    derived = brought(world, Derivation(user, world.now)) if many else None
    candidates = derived.found if derived is not None else derive_all(world, user)
    known = set()
    for insight in world.list(Query(KIND, owner=user.guid)):
        if any(_has(world, insight, name) for name in DATA):
            known.add(insight.body["digest"])
        else:
            world.remove(guid=insight.guid)
            emit_insight(world, "deleted", insight)
    new = [found for found in candidates if found.digest not in known]
    for found in reversed(new[:MOST_TOLD]):  # the newest are listed first
        body = {
            "digest": found.digest,
            **found.texts,
            **found.associated,
            "active_at": world.now,
            "has_been_displayed": False,
            "is_dismissed": False,
        }
        insight = Record(KIND, world.guid(insights.prefix), body, owner=user.guid, sort=world.now)
        world.add(insight)
        emit_insight(world, "created", insight)


def _pending_first(call: Call, user: str) -> None:
    """Derives at once what the user's timer would later: who reads insights finds them. Raises MXError 404, 403."""
    with call.look() as world:
        owner = call.user(world, user)
        pending = world.timer(owner.guid, INSIGHTS) is not None
    if pending:
        with call.engine.change(call.sandbox) as world:
            if world.timer(owner.guid, INSIGHTS) is not None:
                world.cancel_timers(owner.guid, INSIGHTS)
                bring_up(world, owner)


# views


def _find(call: Call, world: World, user: Record, guid: str) -> Record:
    return call.find(world, KIND, guid, user.guid) or not_found("Insight", guid)


def _listed(call: Call, world: World, user: Record, name: str | None = None, guid: str | None = None) -> Reply:
    """A page of the user's insights, newest first; those that name a record, if one is given."""
    query = Query(KIND, owner=user.guid, newest_first=True)
    keep = (lambda insight: guid in insight.body[name]) if name else None
    render = partial(_render, world, user)
    return call.paged(world, query, "insights", render, keep=keep, lasting=True, most=LARGEST_PAGE)


@routes.add("GET", OF_USER, "listInsightsUser")
def list_by_user(call: Call, user: str) -> Reply:
    call.arguments(*PAGING)
    _pending_first(call, user)
    with call.look() as world:
        return _listed(call, world, call.user(world, user))


@routes.add("GET", "/users/<user>/accounts/<account>/insights", "listInsightsByAccount")
def list_by_account(call: Call, user: str, account: str) -> Reply:
    call.arguments(*PAGING)
    _pending_first(call, user)
    with call.look() as world:
        owner = call.user(world, user)
        return _listed(call, world, owner, "accounts", call.account(world, owner, account).guid)


@routes.add("GET", "/users/<user>/transactions/<transaction>/insights", "listInsightsByTransaction")
def list_by_transaction(call: Call, user: str, transaction: str) -> Reply:
    call.arguments(*PAGING)
    _pending_first(call, user)
    with call.look() as world:
        owner = call.user(world, user)
        found = (call.find(world, kind, transaction, owner.guid) for kind in ("mx.transaction", SPLIT))
        record = next((each for each in found if each), None) or not_found("Transaction", transaction)
        return _listed(call, world, owner, "transactions", record.guid)


@routes.add("GET", f"{OF_USER}/<insight>", "readInsightUser")
def read_insight(call: Call, user: str, insight: str) -> Reply:
    call.arguments()
    _pending_first(call, user)
    with call.look() as world:
        owner = call.user(world, user)
        return Reply({"insight": _render(world, owner, _find(call, world, owner, insight))})


@routes.add("PUT", f"{OF_USER}/<insight>", "updateInsight")
def update_insight(call: Call, user: str, insight: str) -> Reply:
    """Answers the bare insight, as MX's file has it, or in its wrapper (docs/discrepancies.md)."""
    if call.json.get("insight") == {}:
        raise MXError(400, "Required parameter missing: insight must not be empty")
    given = call.load("insight", SCHEMA)
    with call.change() as world:
        owner = call.user(world, user)
        record = _find(call, world, owner, insight)
        record.body.update(given)
        world.save(record)
        emit_insight(world, "updated", record)
        view = _render(world, owner, record)
    return Reply({"insight": view} if call.mount.fidelity == "wire" else view)


def _category(_: Call, __: World, ___: Record) -> Callable[[Any], dict[str, Any]]:
    return categories.render


def _merchant(_: Call, __: World, ___: Record) -> Callable[[Any], dict[str, Any]]:
    return lambda merchant: dict(MERCHANTS.dump(merchant))


def _payment(call: Call, _: World, __: Record) -> Callable[[Record], dict[str, Any]]:
    return partial(scheduled.render, call)


# list -> its operation, and what renders what is in it
CHILDREN: dict[str, tuple[str, Callable[[Call, World, Record], Callable[[Any], dict[str, Any]]]]] = {
    "accounts": ("listAccountsInsight", accounts.renderer),
    "categories": ("listCategoriesInsight", _category),
    "merchants": ("listMerchantsInsight", _merchant),
    "scheduled_payments": ("listScheduledPaymentsInsight", _payment),
    "transactions": ("listTransactionsInsight", transactions.renderer),
}


def _mount(name: str) -> None:
    operation, renderer = CHILDREN[name]

    @routes.add("GET", f"{OF_USER}/<insight>/{name}", operation)
    def list_associated(call: Call, user: str, insight: str) -> Reply:
        call.arguments(*PAGING)
        with call.look() as world:
            owner = call.user(world, user)
            found = list(ASSOCIATED[name](world, _find(call, world, owner, insight)))
            if name == "transactions":  # newest first, as in every other list of them
                found.sort(key=lambda transaction: (transaction.sort, transaction.seq), reverse=True)
            return call.paged_list(found, name, renderer(call, world, owner), most=LARGEST_PAGE)


for _name in CHILDREN:
    _mount(_name)
