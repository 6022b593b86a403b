"""MX's webhooks: the catalogue, the payloads field for field, the headers and the retry schedule.

Sources: MX's webhook pages, category by category (docs.mx.com/resources/webhooks); the schedule is inferred from "12
retries over about 24 hours".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5
from zlib import crc32

from mocksrv.engine.callbacks import outbox
from mocksrv.engine.callbacks.dispatcher import Retries
from mocksrv.engine.clock import SECOND, day
from mocksrv.engine.storage.records import Query, Record, dumps
from mocksrv.engine.world import World
from mocksrv.providers.mx.events.jobs import MemberJob
from mocksrv.providers.mx.events.statuses import STATUSES, message

HEADERS = {
    "content-type": "application/json; charset=utf-8",
    "accept": "application/json",
    "User-Agent": "HTTPClient/1.0 (2.7.1, ruby 2.2.2 (2015-09-02))",
}
RETRIES = Retries(delays=tuple(round((15 + 1.4 * n**4) * SECOND) for n in range(1, 13)), jitter=0.2)

Payload = dict[str, Any]
_CLIENTS = UUID("9d2f6a3e-54d0-4c55-8a3e-0f6d4b8f2a71")


@dataclass(frozen=True, slots=True)
class Webhook:
    """One event of the catalogue.

    ``when`` says in words what it is sent for. ``build`` makes the body from the member and its user. ``unasked``: a
    plain Platform API client gets it. ``echo``: the calls whose X-CALLBACK-PAYLOAD comes back with it.
    """

    when: str
    build: Callable[[World, Record, Record | None], Payload]
    unasked: bool = True
    echo: frozenset[str] = frozenset()


def seconds(ms: int | None) -> int | None:
    """Milliseconds as the whole seconds of MX's callbacks."""
    return None if ms is None else ms // 1000


def _member(action: str) -> Callable[[World, Record, Record | None], Payload]:
    def build(world: World, member: Record, user: Record | None) -> Payload:
        body, status = member.body, member.body["connection_status"]
        return {
            "action": action,
            "member": {
                "aggregated_at": seconds(body["aggregated_at"]),
                "connection_status": status,
                "connection_status_id": STATUSES[status].number if status else None,
                "connection_status_message": body.get("connection_status_message")
                or message(status, body["institution_name"]),
                "created_at": seconds(member.created_at),
                "guid": member.guid,
                "institution_code": body["institution_code"],
                "institution_guid": body["institution_guid"],
                "id": member.partner_id,
                "is_being_aggregated": body["is_being_aggregated"],
                "is_manual": body["is_manual"],
                "is_managed_by_user": body["is_managed_by_user"],
                "is_oauth": body["is_oauth"],
                "is_user_created": body["is_managed_by_user"],
                "metadata": body["metadata"],
                "most_recent_job_guid": body["most_recent_job_guid"],
                "name": body["name"],
                "needs_updated_credentials": body["needs_updated_credentials"],
                "successfully_aggregated_at": seconds(body["successfully_aggregated_at"]),
                "user_id": user.partner_id if user else None,
                "revision": member.revision,
                "updated_at": seconds(member.updated_at),
                "use_cases": body["use_cases"],
                "user_guid": member.owner,
            },
        }

    return build


def _connection_status(world: World, member: Record, user: Record | None) -> Payload:
    status = member.body["connection_status"]
    return {
        "action": "CHANGED",
        "connection_status": status,
        "connection_status_id": STATUSES[status].number if status else None,
        "connection_status_message": member.body.get("connection_status_message")
        or message(status, member.body["institution_name"]),
        "member_guid": member.guid,
        "type": "CONNECTION_STATUS",
        "user_guid": member.owner,
    }


def _finished(kind: str, *fields: str) -> Callable[[World, Record, Record | None], Payload]:
    """The body of a finished process: the flat shape they share, and what this one has beside it."""

    def build(world: World, member: Record, user: Record | None) -> Payload:
        job = member.job
        details = job.details(MemberJob) if job is not None else MemberJob()
        known = {
            "accounts": details.accounts or _verified(world, member),
            "is_background": job is not None and job.name == "background",
            "job_guid": member.body["most_recent_job_guid"],
            "user_id": user.partner_id if user else None,
        }
        body = {
            "action": "member_data_updated",
            "completed_at": seconds(world.now),
            "completed_on": day(world.now),
            "member_guid": member.guid,
            "type": kind,
            "user_guid": member.owner,
        }
        own = details.history_counts if kind == "HISTORY" else None
        counts = details.counts if own is None else own
        return body | {name: known[name] if name in known else counts.get(name, 0) for name in fields}

    return build


def _verified(world: World, member: Record) -> list[str]:
    """The accounts of a member whose numbers are there."""
    return [str(number.parent) for number in world.list(Query("mx.account_number", subject=member.guid))]


def _user(action: str) -> Callable[[World, Record, Record | None], Payload]:
    def build(world: World, user: Record, _: Record | None) -> Payload:
        unset = dict.fromkeys(
            ("birthday", "credit_score", "first_name", "gender", "last_name", "logged_in_at", "phone", "postal_code")
        )
        known = {
            "email": user.body["email"],
            "guid": user.guid,
            "id": user.partner_id,
            "is_disabled": user.body["is_disabled"],
            "metadata": user.body["metadata"],
            "revision": user.revision,
        }
        return {"action": action, "user": {**unset, "email_is_verified": False, "phone_is_verified": False, **known}}

    return build


def _initial_data_ready(world: World, member: Record, user: Record | None) -> Payload:
    return {
        "type": "initial_data_ready",
        "guid": world.guid(),
        "client_guid": client_guid(world.sandbox.name),
        "user_guid": member.owner,
        "member_guid": member.guid,
    }


# How a job stands, by the member's status; the numbers beyond 2 are inferred.
JOB_STATUSES = {
    "CHALLENGED": (2, "CHALLENGED"),
    "PREVENTED": (7, "PREVENTED"),
    "DENIED": (8, "DENIED"),
    "FAILED": (9, "HALTED"),
}
JOB_COMPLETED = (6, "COMPLETED")


def _job_status(world: World, member: Record, user: Record | None) -> Payload:
    body, job = member.body, member.job
    number, name = JOB_STATUSES.get(body["connection_status"] or "", JOB_COMPLETED)
    started = job.started_at if job is not None else body["aggregated_at"] or world.now
    return {
        "job": {
            "created_at": seconds(started),
            "error_message": (body.get("error") or {}).get("error_message"),
            "finished_at": None if name == "CHALLENGED" else seconds(world.now),
            "guid": body["most_recent_job_guid"],
            "institution_guid": body["institution_guid"],
            "is_authenticated": body["is_authenticated"],
            "member_guid": member.guid,
            "member_id": member.partner_id,
            "started_at": seconds(started),
            "status_name": name,
            "status": number,
            "updated_at": seconds(world.now),
            "user_guid": member.owner,
            "user_id": user.partner_id if user else None,
        }
    }


def client_guid(sandbox: str) -> str:
    """The guid of the client whose sandbox this is: always the same."""
    return f"CLT-{uuid5(_CLIENTS, sandbox)}"


def client_id(sandbox: str) -> str:
    """The client's own id, by which it was named when it was set up."""
    return sandbox


UNTOLD = frozenset({"revision", "updated_at", "user_id"})  # whose change alone is told to nobody
MEMBER_CALLS = frozenset({"create", "update"})
CATALOGUE: Mapping[str, Webhook] = {
    "mx.member.created": Webhook("a member was created", _member("created"), echo=MEMBER_CALLS),
    "mx.member.updated": Webhook(
        "a member has changed: its status, its flags, what a client may set", _member("updated"), echo=MEMBER_CALLS
    ),
    "mx.member.deleted": Webhook(
        "a member was deleted, by a client or because its OAuth login was never finished", _member("deleted")
    ),
    "mx.connection_status.changed": Webhook(
        "a member's status has become one of the eight that somebody must act on", _connection_status
    ),
    "mx.aggregation": Webhook(
        "an aggregation has ended well; MX calls it Aggregation and Member Data Updated",
        _finished(
            "AGGREGATION",
            "is_background",
            "job_guid",
            "transactions_created_count",
            "transactions_updated_count",
            "user_id",
        ),
        echo=frozenset({"aggregate"}),
    ),
    "mx.balance": Webhook("a balance check has ended well", _finished("BALANCE")),
    "mx.history": Webhook(
        "an extension of the history has ended well",
        _finished("HISTORY", "transactions_created_count", "transactions_updated_count"),
    ),
    "mx.statement": Webhook("a fetch of statements has ended well", _finished("STATEMENT", "statements_created_count")),
    "mx.verification": Webhook(
        "a verification has ended well, with at least one account",
        _finished("VERIFICATION", "accounts", "job_guid", "user_id"),
        echo=frozenset({"verify"}),
    ),
    "mx.initial_data_ready": Webhook(
        "the first of the data that a new member was asked for with `data_request` can be read",
        _initial_data_ready,
    ),
    "mx.job_status": Webhook("a job has ended, or is CHALLENGED, DENIED or PREVENTED", _job_status, unasked=False),
    "mx.rewards": Webhook(
        "a fetch of rewards has ended well", _finished("REWARD", "rewards_created_count", "rewards_updated_count")
    ),
    "mx.user.created": Webhook("a user was created", _user("created"), unasked=False),
    "mx.user.updated": Webhook("a user has changed", _user("updated"), unasked=False),
    "mx.user.deleted": Webhook("a user was deleted", _user("deleted"), unasked=False),
}
UNASKED = frozenset(
    {*(name for name, event in CATALOGUE.items() if event.unasked), "mx.insight.*", "mx.notification.*"}
)


def emit_member(
    world: World, event: str, member: Record, *, cause: MemberJob | None = None, asked: bool = False
) -> None:
    """Writes an event of a member.

    ``cause`` is the ``call`` that started it and the ``headers`` it may echo; by default those of the running job.
    ``asked``: only where an endpoint asks for it.
    """
    if asked and not outbox.wanted(world, event, UNASKED):
        return
    entry = CATALOGUE[event]
    if cause is None:
        cause = member.job.details(MemberJob) if member.job is not None else MemberJob()
    echoed = cause.headers if cause.call in entry.echo else {}
    send(world, event, member.guid, entry.build(world, member, world.get("mx.user", member.owner)), echoed)


def save_changed(world: World, member: Record) -> None:
    """Stores a changed member and tells of it, unless nothing but its revision differs from what was told last."""
    payload = CATALOGUE["mx.member.updated"].build(world, member, None)["member"]
    shown = [value for name, value in payload.items() if name not in UNTOLD]
    digest = f"{crc32(dumps(shown).encode()):08x}"
    new, member.body["told"] = digest != member.body.get("told"), digest
    world.save(member)
    if new:
        emit_member(world, "mx.member.updated", member)


def emit_user(world: World, user: Record, action: str) -> None:
    """Writes the event of a change of a user."""
    event = f"mx.user.{action}"
    send(world, event, user.guid, CATALOGUE[event].build(world, user, None))


def send(world: World, event: str, subject: str, payload: Payload, headers: Mapping[str, str] | None = None) -> None:
    """Puts an event into the outbox, with MX's headers and these."""
    outbox.emit(world, event, subject, payload, {**HEADERS, **(headers or {})}, UNASKED)
