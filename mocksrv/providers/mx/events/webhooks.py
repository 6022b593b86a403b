"""MX's webhooks: the catalogue, the payloads field for field, the headers and the retry schedule.

Sources: MX's webhook pages, category by category (docs.mx.com/resources/webhooks); the schedule is inferred from "12
retries over about 24 hours".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID, uuid5
from zlib import crc32

from mocksrv.engine.callbacks import outbox
from mocksrv.engine.callbacks.consistency import Body, Rule, always, flat, ordered, twins, with_value
from mocksrv.engine.callbacks.dispatcher import Retries
from mocksrv.engine.clock import DAY, SECOND, day
from mocksrv.engine.storage.records import Query, Record, dumps
from mocksrv.engine.world import World
from mocksrv.providers.mx.events.jobs import MemberJob
from mocksrv.providers.mx.events.statuses import BUSY, RAISING, STATUSES, message

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
    plain Platform API client gets it. ``echo``: the calls whose X-CALLBACK-PAYLOAD comes back with it. ``rules``: what
    agrees in the payload with fields that are put over it.
    """

    when: str
    build: Callable[[World, Record, Record | None], Payload]
    unasked: bool = True
    echo: frozenset[str] = frozenset()
    rules: tuple[Rule, ...] = ()


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


JOB_OF = {"DENIED": "DENIED", "PREVENTED": "PREVENTED", "CHALLENGED": "CHALLENGED", "HALTED": "FAILED"}


def in_typed_status(world: World, event: str, member: Record) -> Record:
    """The member as an event shows it: where a status, its number or what else stands for one is put over the payload,
    in that status, with all that follows from it. A Connection Status event is only about one that raises it.
    """
    status, known = _typed_status(event, flat(world.overrides)), member.body["connection_status"]
    if status is None and event == "mx.connection_status.changed" and known not in RAISING:
        status = "DENIED"
    if status is None or status == known:
        return member
    rules = STATUSES[status]
    flags = {
        "connection_status": status,
        "connection_status_message": None,
        "error": dict(rules.error),
        "is_authenticated": rules.authenticated,
        "is_being_aggregated": status in BUSY,
        "needs_updated_credentials": rules.wants_credentials,
    }
    return replace(member, body={**member.body, **flags})


def _typed_status(event: str, typed: Mapping[str, Any]) -> str | None:
    """The connection status that fields put over a payload stand for."""
    if event == "mx.job_status":
        by_number: dict[Any, str] = dict((*JOB_STATUSES.values(), JOB_COMPLETED))
        name = typed.get("status_name") or by_number.get(typed.get("status"))
        if name is None and typed.get("error_message"):
            name = "HALTED"
        if name is None and "is_authenticated" in typed:
            name = JOB_COMPLETED[1] if typed["is_authenticated"] else "HALTED"
        return JOB_OF.get(str(name)) or ("CONNECTED" if name == JOB_COMPLETED[1] else None)
    status = typed.get("connection_status")
    if status is None and "connection_status" not in typed:
        status = next((n for n, each in STATUSES.items() if each.number == typed.get("connection_status_id")), None)
    return status if status in STATUSES else None


def client_guid(sandbox: str) -> str:
    """The guid of the client whose sandbox this is: always the same."""
    return f"CLT-{uuid5(_CLIENTS, sandbox)}"


def client_id(sandbox: str) -> str:
    """The client's own id, by which it was named when it was set up."""
    return sandbox


UNTOLD = frozenset({"revision", "updated_at", "user_id"})  # whose change alone is told to nobody


def _second_of(text: str) -> int:
    """The second in which a day begins. Raises ValueError."""
    return (date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()) * DAY // 1000


def _number_of_status(body: Body) -> None:
    """A status and its number."""
    status = body["connection_status"]
    number = STATUSES[status].number if status in STATUSES else None
    if body["connection_status_id"] != number:
        typed = "connection_status_id" if "connection_status_id" in body.typed else "connection_status"
        body.refuse(typed, f"{status} has the number {number}")


def _status_of_job(body: Body) -> None:
    """A job's status and its number, and whether it has failed."""
    known = {name: number for number, name in (*JOB_STATUSES.values(), JOB_COMPLETED)}
    name = body["status_name"]
    if name not in known:
        body.refuse("status_name", f"{name!r} is none of {', '.join(known)}")
    elif body["status"] != known[name]:
        body.refuse("status", f"{name} has the number {known[name]}")
    if (name == JOB_COMPLETED[1]) != (body["is_authenticated"] is True):
        body.refuse("is_authenticated", "true for a job that is COMPLETED, and for no other")
    if (name in ("COMPLETED", "CHALLENGED")) != (body["error_message"] is None):
        body.refuse("error_message", "null for a job that is COMPLETED or CHALLENGED, and for no other")


def _finished_at(body: Body) -> None:
    """A job that waits for answers has not finished; any other has."""
    waits = body["status_name"] == "CHALLENGED"
    if waits != (body["finished_at"] is None):
        body.refuse("finished_at", "null for a job that is CHALLENGED, and for no other")


# What the payloads of members, jobs and users say twice.
_DATES = ordered("created_at", "updated_at")
_COMPLETED = twins("completed_at", "completed_on", to=lambda at: day(at * 1000), back=_second_of)
_JOB = (ordered("created_at", "started_at", "finished_at", "updated_at"), _status_of_job, _finished_at)


def _process(when: str, kind: str, *fields: str, echo: str | None = None) -> Webhook:
    """The webhook of a finished process; ``echo``: the call whose X-CALLBACK-PAYLOAD comes back with it."""
    rules = (always("action", "member_data_updated"), always("type", kind), _COMPLETED)
    return Webhook(when, _finished(kind, *fields), echo=frozenset(filter(None, [echo])), rules=rules)


def _member_rules(action: str) -> tuple[Rule, ...]:
    same = twins("is_managed_by_user", "is_user_created", to=bool, back=bool)
    return (always("action", action), always("connection_status", *STATUSES, None), _number_of_status, same, _DATES)


def _user_rules(action: str) -> tuple[Rule, ...]:
    verified = (with_value("email_is_verified", "email"), with_value("phone_is_verified", "phone"))
    return (always("action", action), *verified)


MEMBER_CALLS = frozenset({"create", "update"})
CATALOGUE: Mapping[str, Webhook] = {
    "mx.member.created": Webhook(
        "a member was created", _member("created"), echo=MEMBER_CALLS, rules=_member_rules("created")
    ),
    "mx.member.updated": Webhook(
        "a member has changed: its status, its flags, what a client may set",
        _member("updated"),
        echo=MEMBER_CALLS,
        rules=_member_rules("updated"),
    ),
    "mx.member.deleted": Webhook(
        "a member was deleted, by a client or because its OAuth login was never finished",
        _member("deleted"),
        rules=_member_rules("deleted"),
    ),
    "mx.connection_status.changed": Webhook(
        "a member's status has become one of the eight that somebody must act on",
        _connection_status,
        rules=(
            always("action", "CHANGED"),
            always("type", "CONNECTION_STATUS"),
            always("connection_status", *RAISING),
            _number_of_status,
        ),
    ),
    "mx.aggregation": _process(
        "an aggregation has ended well; MX calls it Aggregation and Member Data Updated",
        "AGGREGATION",
        "is_background",
        "job_guid",
        "transactions_created_count",
        "transactions_updated_count",
        "user_id",
        echo="aggregate",
    ),
    "mx.balance": _process("a balance check has ended well", "BALANCE"),
    "mx.history": _process(
        "an extension of the history has ended well",
        "HISTORY",
        "transactions_created_count",
        "transactions_updated_count",
    ),
    "mx.statement": _process("a fetch of statements has ended well", "STATEMENT", "statements_created_count"),
    "mx.verification": _process(
        "a verification has ended well, with at least one account",
        "VERIFICATION",
        "accounts",
        "job_guid",
        "user_id",
        echo="verify",
    ),
    "mx.initial_data_ready": Webhook(
        "the first of the data that a new member was asked for with `data_request` can be read",
        _initial_data_ready,
        rules=(always("type", "initial_data_ready"),),
    ),
    "mx.job_status": Webhook(
        "a job has ended, or is CHALLENGED, DENIED or PREVENTED", _job_status, unasked=False, rules=_JOB
    ),
    "mx.rewards": _process(
        "a fetch of rewards has ended well", "REWARD", "rewards_created_count", "rewards_updated_count"
    ),
    "mx.user.created": Webhook("a user was created", _user("created"), False, rules=_user_rules("created")),
    "mx.user.updated": Webhook("a user has changed", _user("updated"), False, rules=_user_rules("updated")),
    "mx.user.deleted": Webhook("a user was deleted", _user("deleted"), False, rules=_user_rules("deleted")),
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
    user = world.get("mx.user", member.owner)
    send(
        world, event, member.guid, entry.build(world, in_typed_status(world, event, member), user), echoed, entry.rules
    )


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
    entry = CATALOGUE[event]
    send(world, event, user.guid, entry.build(world, user, None), rules=entry.rules)


def send(
    world: World,
    event: str,
    subject: str,
    payload: Payload,
    headers: Mapping[str, str] | None = None,
    rules: Iterable[Rule] = (),
) -> None:
    """Puts an event into the outbox, with MX's headers and these; ``rules`` of its payload."""
    outbox.emit(world, event, subject, payload, {**HEADERS, **(headers or {})}, UNASKED, rules=rules)
