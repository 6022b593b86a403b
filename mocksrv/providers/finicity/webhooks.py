"""Finicity's Connect events: the catalogue, the wrapper and payloads key for key, headers, signature, XML, retries.

Sources: Mastercard's pages on Connect webhooks; captured traffic (key order, compact bodies, headers).
"""

from __future__ import annotations

import hashlib
import hmac
import html
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from mocksrv.engine.callbacks import outbox
from mocksrv.engine.callbacks.consistency import always
from mocksrv.engine.callbacks.dispatcher import Retries
from mocksrv.engine.clock import HOUR
from mocksrv.engine.role import WrongSubject
from mocksrv.engine.sandbox import Endpoint
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.finicity.accounts import JUST_ADDED, RECORDS
from mocksrv.providers.finicity.codes import DOWN
from mocksrv.providers.finicity.http import shown
from mocksrv.providers.finicity.jobs import SessionJob
from mocksrv.providers.numbers import dumps_for_javascript

JSON, XML = "application/json", "application/xml"
HEADERS = {"accept": "application/json, text/plain, */*", "user-agent": "axios/0.25.0"}
SIGNATURE = "x-finicity-signature"
OURS = frozenset(
    {"content-type", "content-length", "transfer-encoding", "connection", "host", "date", SIGNATURE}
)  # no app gives these
UNASKED = frozenset({"finicity.*"})
# 12 ms, then six times as long each time, then hourly, for three days
RETRIES = Retries(delays=(*(12 * 6**n for n in range(6)), *[HOUR] * 72))
OF_ACCOUNTS = ("customerId", "institutionId")  # ids of an event that its account records have, too
FULL, LITE, FIX, JOINT = "full", "lite", "fix", "jointBorrower"

Payload = Any  # an object; of finished reports a list


class Event(NamedTuple):
    """One event. ``types``: the kinds of sessions that send it; ``wire``: those that do, too, under ``--fidelity
    wire``. ``oauth``: whether sessions at OAuth institutions do.
    """

    build: Callable[[World, Record], Payload]
    types: frozenset[str] = frozenset({FULL, LITE})
    oauth: bool = True
    wire: frozenset[str] = frozenset()


def _empty(world: World, session: Record) -> Payload:
    return {}


def _institution(world: World, session: Record) -> Payload:
    return {"institutionId": session.body["institution"] or ""}


def _query(world: World, session: Record) -> Payload:
    return {"query": session.body.get("query") or ""}


def _code(world: World, session: Record) -> Payload:
    return {**_institution(world, session), "code": session.body.get("code") or DOWN}


def _credentials(world: World, session: Record) -> Payload:
    return {**_institution(world, session), "mfa": bool(session.body.get("mfa"))}


def _oauth(session: Record) -> Payload:
    return {"oauth": True} if session.body.get("oauth") else {}


def _adding(world: World, session: Record) -> Payload:
    return {**_institution(world, session), **_oauth(session)}


def _records(world: World, session: Record, which: str) -> list[dict[str, Any]]:
    """Account records as the event shows them: those just added at an OAuth bank are not aggregated yet."""
    oauth = which == "added" and session.body.get("oauth")
    found = world.list(Query("finicity.account", guids=session.body.get(which) or []))
    more = {"lastUpdatedDate": 0} if oauth else {}
    return [
        dict((JUST_ADDED if oauth else RECORDS).dump(shown(account, **more)))
        for account in sorted(found, key=lambda each: each.seq)
    ]


def _discovered(world: World, session: Record) -> Payload:
    return {"accounts": _records(world, session, "discovered"), **_institution(world, session)}


def _added(world: World, session: Record) -> Payload:
    return {**_institution(world, session), "accounts": _records(world, session, "added"), **_oauth(session)}


def _deleted(world: World, session: Record) -> Payload:
    return {"accounts": session.body.get("deleted") or [], **_institution(world, session)}


def _done(world: World, session: Record) -> Payload:
    """Nothing; with the session's reports, what has become of them."""
    ids = session.job.details(SessionJob).reports if session.job is not None else []
    reports = [report for id in ids if (report := world.get("finicity.report", id))]
    return [
        {
            "id": each.guid,
            "portfolioId": each.body["portfolioId"],
            "type": each.body["type"],
            "status": each.body["status"],
        }
        for each in reports
    ] or {}


EVERYWHERE = frozenset({FULL, LITE, FIX, JOINT})
WITH_FIX, WITH_JOINT = frozenset({FULL, LITE, FIX}), frozenset({FULL, LITE, JOINT})
EVENTS: Mapping[str, Event] = {
    "ping": Event(_empty, EVERYWHERE),
    "started": Event(_empty, WITH_JOINT),
    "institutionSupported": Event(_institution),
    "institutionNotFound": Event(_query, WITH_FIX),
    "institutionNotSupported": Event(_institution, WITH_FIX),
    "adding": Event(_adding),
    "invalidCredentials": Event(_institution, oauth=False),
    "mfa": Event(_institution, oauth=False),
    "mfaUpdated": Event(_institution, oauth=False),
    "discovered": Event(_discovered, oauth=False),
    "added": Event(_added, frozenset({FULL}), wire=frozenset({LITE, FIX})),
    "accountsDeleted": Event(_deleted),
    "credentialsUpdated": Event(_credentials, oauth=False, wire=frozenset({FIX})),
    "processing": Event(_institution, WITH_FIX),
    "unableToConnect": Event(_code, WITH_JOINT),
    "done": Event(_done, EVERYWHERE),
}
CATALOGUE = frozenset(f"finicity.{name}" for name in EVENTS)


def wrapped(session: Record, name: str, id: str, payload: Payload) -> dict[str, Any]:
    """A callback's body, in the order of the wire; ``id`` is the event's. On the wire a ping was seen without all
    this.
    """
    body = session.body
    if name == "ping" and body.get("wire"):
        return {"eventType": name, "payload": payload}
    consumer = {"consumerId": body["consumerId"]} if body.get("consumerId") else {}
    data = {"webhookData": body["webhookData"]} if body.get("webhookData") is not None else {}
    return {"customerId": session.owner, **consumer, "eventType": name, "eventId": id, "payload": payload, **data}


def headers(session: Record) -> dict[str, str]:
    """What goes out with the events of a session: its app's own headers stand in for the usual ones of the same name,
    whatever the case.
    """
    given = {
        name: value for name, value in (session.body.get("webhookHeaders") or {}).items() if name.lower() not in OURS
    }
    usual = {name: value for name, value in HEADERS.items() if name not in map(str.lower, given)}
    return {**usual, "content-type": session.body.get("webhookContentType") or JSON, **given}


def endpoint(session: Record) -> Endpoint | None:
    """Where the session's own events go; None when its app wants none. It is paused in the copy of a session from which
    the secret was left out.
    """
    url = session.body.get("webhook")
    if not url:
        return None
    secret = session.body["secret"]
    if secret is None:
        return Endpoint(url, url, auth={"type": "finicity"}, paused=("auth.secret",))
    return Endpoint(url, url, auth={"type": "finicity", "secret": secret})


def event_id(world: World) -> str:
    return f"{world.now}-{world.guid().replace('-', '')[:24]}"


def _agreeing(payload: Payload, over: Mapping[str, Any]) -> Payload:
    """A payload whose account records have the ids that are put over the event next, so that it never contradicts
    itself.
    """
    if not isinstance(payload, dict) or "accounts" not in payload:
        return payload
    inner = over.get("payload")
    named = {**over, **inner} if isinstance(inner, Mapping) else over
    said = {name: named[name] for name in OF_ACCOUNTS if name in named}
    records = [{**each, **said} if isinstance(each, dict) else each for each in payload["accounts"]]
    return {**payload, "accounts": records}


def emit(world: World, session: Record, name: str, *, sent: str | None = None) -> None:
    """Writes an event of a session; ``sent`` is its id when the session's own ``webhook`` has it already."""
    payload = _agreeing(EVENTS[name].build(world, session), world.overrides)
    body = wrapped(session, name, sent or event_id(world), payload)
    outbox.emit(
        world,
        f"finicity.{name}",
        session.guid,
        body,
        headers(session),
        UNASKED,
        endpoint(session),
        sent is not None,
        dumps_for_javascript,
        rules=(always("eventType", name),),
    )


def wants(session: Record, name: str) -> bool:
    """Whether a session of this kind, at such an institution, sends this event."""
    event, body = EVENTS[name], session.body
    types = event.types | event.wire if body.get("wire") else event.types
    return body["type"] in types and (event.oauth or not body.get("oauth"))


def told_by_repair(session: Record, status: str) -> str | None:
    """The event that newer pages let a Fix session send before this status: once, of new credentials or, where the bank
    has a page of its own, of accounts; None: none.
    """
    body = session.body
    if not body.get("wire") or body["type"] != FIX or body.get("repair_told"):
        return None
    event, moments = ("added", ("done",)) if body.get("oauth") else ("credentialsUpdated", ("processing", "done"))
    return event if status in moments else None


def sign(auth: Mapping[str, Any], body: bytes) -> Mapping[str, str]:
    """The header that proves the sender: HMAC-SHA256 over the body as it is sent, keyed by the partner secret."""
    return {SIGNATURE: hmac.new(str(auth["secret"]).encode(), body, hashlib.sha256).hexdigest()}


# XML, for those who ask for it. No sample could be found, so the form is inferred: the names of the JSON, lists item by
# item.

LISTS = {"accounts": "account"}
NO_NAME = re.compile(r"[^A-Za-z0-9_.-]")
NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f￾￿]")


def encode(body: bytes, sent: Mapping[str, str]) -> bytes:
    """The body in the content type that its headers name."""
    if sent.get("content-type") != XML:
        return body
    try:
        return f'<?xml version="1.0" encoding="UTF-8"?>{_xml("event", json.loads(body))}'.encode()
    except ValueError:
        return body  # damaged on purpose


def _xml(name: str, value: Any) -> str:
    tag = NO_NAME.sub("_", name)
    tag = tag if re.match(r"[A-Za-z_]", tag) else f"_{tag}"
    if isinstance(value, dict):
        inner = "".join(_xml(key, item) for key, item in value.items())
    elif isinstance(value, list):
        inner = "".join(_xml(LISTS.get(name, "item"), item) for item in value)
    else:
        text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
        inner = html.escape(NO_XML.sub("", text), quote=False)
    return f"<{tag}>{inner}</{tag}>"


# on request


def trigger(world: World, near: Record | None, event: str, invented: Callable[[], Record]) -> None:
    """Writes an event of a session: of ``near``, or of the newest one that has to do with it; else of an invented one.

    Raises WrongSubject when ``near`` is nothing of Finicity's.
    """
    name = event.rpartition(".")[2]
    if near is not None and not near.kind.startswith("finicity."):
        raise WrongSubject(f"{event} is about a session, not about {near.kind}")
    session = _session(world, near) or invented()
    body = dict(session.body)
    body["institution"] = body.get("institution") or "102105"
    owner = (
        near.guid if near is not None and near.kind == "finicity.customer" else near.owner if near is not None else ""
    )
    session = replace(session, body=body, owner=session.owner or owner)
    own = [account.guid for account in world.list(Query("finicity.account", subject=session.guid))]
    for which in ("discovered", "added"):
        body[which] = body.get(which) or own
    body["deleted"] = body.get("deleted") or own[-1:]
    emit(world, session, name)


def _session(world: World, near: Record | None) -> Record | None:
    """The session that a record is, was made by, or whose customer it belongs to, the newest one."""
    if near is None:
        return next(iter(world.list(Query("finicity.session", newest_first=True, limit=1))), None)
    if near.kind == "finicity.session":
        return near
    made_by = world.get("finicity.session", near.subject or "")
    owner = near.guid if near.kind == "finicity.customer" else near.owner
    return made_by or next(iter(world.list(Query("finicity.session", owner=owner, newest_first=True, limit=1))), None)
