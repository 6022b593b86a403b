"""What the control API shows: the shapes that scripts rely on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from mocksrv.engine.callbacks.disturbance import Counted, Disturbance
from mocksrv.engine.callbacks.outbox import AT_ONCE
from mocksrv.engine.clock import duration_text, iso_ms
from mocksrv.engine.engine import Engine
from mocksrv.engine.sandbox import Endpoint, Fault, Sandbox
from mocksrv.engine.scenarios.model import Scenario
from mocksrv.engine.secrets import AUTH_SECRETS, MASK, is_auth_secret, masked_headers, masked_urls
from mocksrv.engine.storage.queries import Tx
from mocksrv.engine.storage.records import loads
from mocksrv.engine.storage.rows import AttemptRow, DeliveryRow, EventRow, MomentRow, RequestRow, ViolationRow
from mocksrv.engine.violations import RULES
from mocksrv.providers.numbers import too_large


def scenario(scenario: Scenario) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "provider": scenario.provider,
        "summary": scenario.summary,
        "extends": scenario.extends,
        "flows": list(scenario.flows),
        "file": scenario.file,
    }


def moment(row: MomentRow) -> dict[str, Any]:
    return {"at": iso_ms(row.at), "status": row.status, "flow": row.flow, "step": row.step, "cause": row.cause}


def clock(engine: Engine, sandbox: Sandbox) -> dict[str, Any]:
    moment, now = engine.schedule.next_moment(sandbox), sandbox.now()
    return {
        "mode": sandbox.clock.word,
        "now": iso_ms(now),
        "next": None if moment is None else iso_ms(max(now, moment)),
    }


def sandbox(engine: Engine, sandbox: Sandbox) -> dict[str, Any]:
    return {
        "name": sandbox.name,
        "seed": sandbox.settings.seed,
        "without": list(sandbox.settings.without),
        "steps": list(sandbox.settings.steps),
        "all_events": sandbox.settings.all_events,
        "clock": clock(engine, sandbox),
        "bindings": bindings(sandbox),
    }


def bindings(sandbox: Sandbox) -> dict[str, Any]:
    return {"default": sandbox.settings.default, "next": list(sandbox.settings.next)}


def endpoint(endpoint: Endpoint) -> dict[str, Any]:
    """As shown: secrets read back as asterisks."""
    auth = {name: MASK if is_auth_secret(name, value) else masked_urls(value) for name, value in endpoint.auth.items()}
    headers = dict.fromkeys(endpoint.headers, MASK)
    return {
        "id": endpoint_id(endpoint.url),
        "url": masked_urls(endpoint.url),
        "events": list(endpoint.events),
        **({"auth": auth} if auth else {}),
        "headers": headers,
        **({"paused": list(endpoint.paused)} if endpoint.paused else {}),
    }


def endpoint_id(url: str) -> str:
    """The id of the endpoint with this URL: the same wherever and whenever it is set."""
    return f"END-{blake2b(url.encode(), digest_size=6).hexdigest()}"


def with_secrets(made: Endpoint, known: Sequence[Endpoint]) -> Endpoint:
    """Asterisks in a PUT keep the secret that the endpoint with the same URL has; those of its auth only while the rest
    of that is as it was, or the secret would go to whoever is named anew.
    """
    before = next((each for each in known if each.url == made.url), made)

    def kept(now: Mapping[str, Any], was: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: was[name] if name in was and _stands_for(value, was[name]) else value for name, value in now.items()
        }

    auth = kept(made.auth, before.auth)
    if _without_secrets(auth) != _without_secrets(before.auth):
        auth = dict(made.auth)
    return replace(made, auth=auth, headers=kept(made.headers, before.headers))


def with_whole_url(item: Mapping[str, Any], known: Sequence[Endpoint]) -> Mapping[str, Any]:
    """An endpoint as it is put, where asterisks in the URL keep the secrets of the one that is shown so. Where several
    are, its ``id`` says which. One that is paused for want of them has none to keep.
    """
    lost = {each.url for each in known if "url" in each.paused} if "url" not in (item.get("paused") or ()) else ()
    meant = [each.url for each in known if _stands_for(item["url"], each.url) and each.url not in lost]
    if "id" in item:
        meant = [url for url in meant if endpoint_id(url) == item["id"]]
    return {**item, "url": meant[0]} if len(meant) == 1 else item


def _stands_for(shown: str, secret: str) -> bool:
    """Whether a text is what is shown in place of this one."""
    return shown == MASK or (MASK in shown and shown == masked_urls(secret))


def _without_secrets(auth: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in auth.items() if name not in AUTH_SECRETS}


def webhook(tx: Tx, row: EventRow, *, whole: bool = False) -> dict[str, Any]:
    deliveries = [delivery(tx, owed, row.occurred_at, whole) for owed in tx.deliveries(row.seq)]
    headers = json.loads(row.headers)
    return {
        "id": row.id,
        "event": row.name,
        "subject": row.subject,
        "occurred_at": iso_ms(row.occurred_at),
        "payload": json.loads(row.payload),
        "headers": masked_headers(headers),
        "deliveries": deliveries,
    }


def delivery(tx: Tx, row: DeliveryRow, occurred_at: int, whole: bool) -> dict[str, Any]:
    due = row.next_attempt_at
    shown_due = None if due is None else iso_ms(occurred_at if due == AT_ONCE else due)
    return {
        "endpoint": masked_urls(row.endpoint),
        "state": row.state,
        "next_attempt_at": shown_due,
        "attempts": [attempt(a, whole) for a in tx.attempts(row.seq)],
    }


def attempt(row: AttemptRow, whole: bool) -> dict[str, Any]:
    shown = {"at": iso_ms(row.at), "status": row.status, "error": row.error, "duration_ms": row.duration_ms}
    return {**shown, "request": json.loads(row.request), "response": json.loads(row.response)} if whole else shown


def entry(row: RequestRow, violations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A call, with what was sent and answered, what it broke, and why."""
    exchange = json.loads(row.exchange)
    return {
        "id": row.id,
        "at": iso_ms(row.at),
        "method": row.method,
        "path": row.path,
        "query": exchange.get("query", ""),
        "status": row.status,
        "duration_ms": row.duration_ms,
        "request": message(exchange.get("request", {})),
        "response": message(exchange.get("response", {})),
        **json.loads(row.entry),
        "violations": violations,
    }


def violation(row: ViolationRow, sources: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """What was broken, with its rule; ``sources``: provider -> rule -> where it says so."""
    rule = RULES[row.rule]
    return {
        "rule": rule.id,
        "severity": rule.severity,
        "detail": row.detail,
        "nearest": row.nearest,
        "text": rule.text,
        "mend": rule.mend,
        "source": sources.get(row.provider, {}).get(rule.id, rule.source),
    }


def listed_violation(row: ViolationRow, sources: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """The same, with what broke it."""
    which = {"id": row.id, "call": row.call, "webhook": row.webhook, "at": iso_ms(row.at), "provider": row.provider}
    return {**which, "method": row.method, "path": row.path, "status": row.status, **violation(row, sources)}


def message(kept: Mapping[str, Any]) -> dict[str, Any]:
    """One side of a call: its headers and its body, JSON as such, and as text where a number in it is larger than
    JavaScript keeps; ``truncated`` where only its beginning is kept.
    """
    text = kept.get("body", "")
    try:
        body = loads(text) if text else None
        body = body if too_large(body) is None else text
    except (ValueError, RecursionError):
        body = text
    cut = {"truncated": True} if kept.get("truncated") else {}
    return {"headers": kept.get("headers", {}), "body": body, **cut}


def fault(fault: Fault) -> dict[str, Any]:
    """As it is put: only what it says."""
    said = {"status": fault.status, "delay": duration_text(fault.delay_ms) if fault.delay_ms else None}
    shown = {name: value for name, value in said.items() if value is not None}
    return {
        "on": f"{fault.method} {fault.path}",
        **_counts(fault),
        **shown,
        **({"drop": True} if fault.drop else {}),
    }


def disturbance(disturbance: Disturbance) -> dict[str, Any]:
    directives = dict(disturbance.directives)
    delay = {"delay": duration_text(directives.pop("delay_ms"))} if "delay_ms" in directives else {}
    return {"events": disturbance.events, **_counts(disturbance), **directives, **delay}


def _counts(rule: Counted) -> dict[str, Any]:
    return {"times": rule.times, **({"skip": rule.skip} if rule.skip else {})}
