"""Mono's webhooks: the catalogue, the payloads field for field, the header and the retry schedule.

Sources: Mono's page of the data-sync events (the four of them, 2022), account connection and update, unlink, real-time
data and reauth link pages (2025 and 2026); the schedule stands on the page of the payment webhooks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from mocksrv.engine.callbacks import outbox
from mocksrv.engine.callbacks.consistency import Body, Rule, always, ordered, twins
from mocksrv.engine.callbacks.dispatcher import Retries
from mocksrv.engine.clock import HOUR, SECOND, iso_ms
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers.mono.agreement import agreeing
from mocksrv.providers.mono.credit import report
from mocksrv.providers.mono.ids import event_id
from mocksrv.providers.mono.income import summary
from mocksrv.providers.numbers import dumps_for_javascript

HEADERS = {"content-type": "application/json", "accept": "application/json"}
SECRET_HEADER = "mono-webhook-secret"
MOST_RETRIES, WINDOW, LONGEST = 24, 48 * HOUR, 4 * HOUR  # 25 attempts with the first

Payload = dict[str, Any]
Builder = Callable[[World, Record, Mapping[str, Any]], Payload]


def _schedule() -> tuple[int, ...]:
    """30 s, then twice as long each time, four hours at most."""
    delays: list[int] = []
    delay = 30 * SECOND
    while len(delays) < MOST_RETRIES and sum(delays) + delay <= WINDOW:
        delays.append(delay)
        delay = min(2 * delay, LONGEST)
    return tuple(delays)


RETRIES = Retries(_schedule())


class Event(NamedTuple):
    """One event of the catalogue: its name on the wire, what it is sent for, and what makes ``data`` of the account and
    the job.

    ``stamped``: it carries an id and a timestamp beside its data, and the app and business in them.
    """

    wire: str
    when: str
    build: Builder
    stamped: bool = False


def app_ids(sandbox: str) -> tuple[str, str]:
    """The ids of the app and of the business whose sandbox this is: always the same."""
    made = [hashlib.blake2b(f"{kind}:{sandbox}".encode(), digest_size=12).hexdigest() for kind in ("app", "business")]
    return made[0], made[1]


def _wrapped(world: World, account: Record, job: Mapping[str, Any]) -> Payload:
    return {"account": {"_id": account.guid}}


def _synced(world: World, account: Record, job: Mapping[str, Any]) -> Payload:
    return {"account": account.guid, "updated": bool(job.get("new"))}


def _unlinked(world: World, account: Record, job: Mapping[str, Any]) -> Payload:
    return {"account": {"_id": account.guid, "id": account.guid}}


def _meta(account: Record) -> dict[str, Any]:
    meta = {"data_status": account.body["data_status"], "auth_method": account.body["auth_method"]}
    return meta | ({"ref": account.body["ref"]} if account.body["ref"] else {})


def _connected(world: World, account: Record, job: Mapping[str, Any]) -> Payload:
    return {"id": account.guid, "customer": account.owner, "meta": _meta(account)}


def _updated(world: World, account: Record, job: Mapping[str, Any]) -> Payload:
    """After a fetch that brought nothing at all, the account is its id alone."""
    body, meta = account.body, _meta(account)
    if job.get("sync_status"):
        meta |= {"sync_status": job["sync_status"], "job_id": job["job_id"]}
    if job.get("name") == "sync" and job.get("new"):
        meta["has_new_data"] = True
    known = {
        "name": body["name"],
        "accountNumber": body["account_number"],
        "currency": body["currency"],
        "balance": body["balance"],
        "type": type_on_v1(body["type"]),
        "bvn": (body["bvn"] or "")[-4:] or None,
        "authMethod": body["auth_method"],
        "institution": bank_on_v1(body["bank"]),
        "created_at": iso_ms(account.created_at or world.now),
        "updated_at": iso_ms(account.updated_at or world.now),
    }
    matched = (
        {"account_match": body["account_match"] == (body["account_number"] or "")[-10:]}
        if body["account_match"]
        else {}
    )
    shown = {**known, **matched} if body["account_number"] is not None else {}
    return {"account": {"_id": account.guid, **shown}, "meta": meta | {"retrieved_data": body["retrieved_data"]}}


def _app_of(world: World, account: Record) -> Payload:
    """The account, and whose it is."""
    app, business = app_ids(world.sandbox.salt)
    return {"account": account.guid, "app": app, "business": business}


def _income(world: World, account: Record, job: Mapping[str, Any]) -> Payload:
    body = account.body
    named = {"account_name": body["name"], "account_number": body["account_number"]}
    return _app_of(world, account) | named | summary(world, account)


def _credit(world: World, account: Record, job: Mapping[str, Any]) -> Payload:
    return _app_of(world, account) | report(world, account, job.get("loan") or {})


def _enriched(message: str) -> Builder:
    """Since 2025 these carry no data; `GET /v2/enrichments/record` does."""

    def build(world: World, account: Record, job: Mapping[str, Any]) -> Payload:
        return {"message": message, "account": account.guid}

    return build


def _job(world: World, account: Record, job: Mapping[str, Any]) -> Payload:
    app, business = app_ids(world.sandbox.salt)
    return {
        "account": account.guid,
        "business": business,
        "app": app,
        "id": job["id"],
        "name": job["name"],
        "status": job["status"],
    }


CATALOGUE: Mapping[str, Event] = {
    "mono.account_connected": Event(
        "mono.events.account_connected", "a user has linked an account", _connected, stamped=True
    ),
    "mono.account_updated": Event(
        "mono.events.account_updated",
        "data were fetched, or could not be: by the link, a sync, a reauthorisation",
        _updated,
        stamped=True,
    ),
    "mono.reauthorisation_required": Event(
        "mono.events.reauthorisation_required",
        "a sync met multi-factor authentication: the user must reauthorise",
        _wrapped,
    ),
    "mono.account_reauthorized": Event("mono.events.account_reauthorized", "the user has reauthorised", _wrapped),
    "mono.sync_failed": Event("mono.events.sync_failed", "the automatic sync at midnight has failed", _wrapped),
    "mono.account_synced": Event(
        "mono.events.account_synced", "the automatic sync at midnight is done, with new data or without", _synced
    ),
    "mono.account_unlinked": Event("mono.events.account_unlinked", "an account was unlinked", _unlinked),
    "mono.account_income": Event("mono.events.account_income", "the income that was asked for is worked out", _income),
    "mono.account_credit_worthiness": Event(
        "mono.events.account_credit_worthiness", "the creditworthiness that was asked for is worked out", _credit
    ),
    "mono.statement_insights": Event(
        "mono.events.statement_insights",
        "the insights of a statement are ready",
        _enriched("Statement insights successfully generated"),
    ),
    "mono.transaction_categorisation": Event(
        "mono.events.transaction_categorisation",
        "the transactions of an account have their categories",
        _enriched("Transaction categorisation successfully completed"),
    ),
    "mono.transaction_metadata": Event(
        "mono.events.transaction_metadata",
        "the metadata of an account's transactions are ready",
        _enriched("Transaction metadata successfully generated"),
    ),
    "mono.accounts.jobs.update": Event(
        "mono.accounts.jobs.update", "a session that an app asked for with x-realtime has changed", _job
    ),
}
UNASKED = frozenset(CATALOGUE)


def sign(auth: Mapping[str, Any], body: bytes) -> Mapping[str, str]:
    """No signature: the secret itself."""
    return {SECRET_HEADER: auth["secret"]}


def type_on_v1(type: str | None) -> str | None:
    """v1 and the callbacks say SAVINGS_ACCOUNT where v2 says SAVINGS."""
    return f"{type}_ACCOUNT" if type else None


def bank_on_v1(bank: Mapping[str, str]) -> dict[str, str]:
    return {"name": bank["name"], "bankCode": bank["bank_code"], "type": bank["type"]}


def _nothing_retrieved(body: Body) -> None:
    """Where no data could be had, none were retrieved."""
    if body["data_status"] == "UNAVAILABLE" and body["retrieved_data"]:
        if "retrieved_data" in body.typed:
            body.refuse("retrieved_data", "empty while data_status is UNAVAILABLE")
        body["retrieved_data"] = []


def _summed_up(body: Body) -> None:
    """The figures of the summary of an income are those beside it."""
    for place in body.places:
        inner = place.get("income_summary")
        if isinstance(inner, dict) and "income_summary" not in body.typed:
            inner.update({name: place[name] for name in inner if name in place})


# What agrees in the payloads with fields that are put over them.
RULES: tuple[Rule, ...] = (
    ordered("created_at", "updated_at"),
    ordered("first_transaction_date", "last_transaction_date"),
    twins("id", "_id", to=str, back=str),
    twins("authMethod", "auth_method", to=str, back=str),
    _nothing_retrieved,
    _summed_up,
)


def emit(world: World, event: str, account: Record, *, job: Mapping[str, Any] | None = None) -> None:
    """Writes an event of an account. ``job``: what the job that led to it has found."""
    entry = CATALOGUE[event]
    payload: Payload = {"event": entry.wire}
    if entry.stamped:
        payload |= {"event_id": event_id(world), "timestamp": iso_ms(world.now)}
    payload["data"] = agreeing(entry.build(world, account, job or {}), world.overrides)
    if entry.stamped:
        payload["data"] |= dict(zip(("app", "business"), app_ids(world.sandbox.salt), strict=True))
    rules = (always("event", entry.wire), *RULES)
    outbox.emit(world, event, account.guid, payload, HEADERS, UNASKED, write=dumps_for_javascript, rules=rules)


def emit_job(world: World, job: Record) -> None:
    """Writes the event of a session that an app asked for with ``x-realtime``."""
    account = world.get("mono.account", job.parent or "")
    if account is not None:
        emit(world, "mono.accounts.jobs.update", account, job={"id": job.guid, **job.body})
