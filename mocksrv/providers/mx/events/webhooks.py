"""MX's webhooks: the catalogue, the headers, the retry schedule, and sending them.

Sources: MX's webhook pages, category by category (docs.mx.com/resources/webhooks); the schedule is inferred from "12
retries over about 24 hours".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from zlib import crc32

from mocksrv.engine.callbacks import outbox
from mocksrv.engine.callbacks.consistency import Rule, always
from mocksrv.engine.callbacks.dispatcher import Retries
from mocksrv.engine.clock import SECOND
from mocksrv.engine.storage.records import Record, dumps
from mocksrv.engine.world import World
from mocksrv.providers.mx.events import agreement, payloads
from mocksrv.providers.mx.events.jobs import MemberJob
from mocksrv.providers.mx.events.payloads import Build, Payload
from mocksrv.providers.mx.events.statuses import RAISING

HEADERS = {
    "content-type": "application/json; charset=utf-8",
    "accept": "application/json",
    "User-Agent": "HTTPClient/1.0 (2.7.1, ruby 2.2.2 (2015-09-02))",
}
RETRIES = Retries(delays=tuple(round((15 + 1.4 * n**4) * SECOND) for n in range(1, 13)), jitter=0.2)


class Webhook(NamedTuple):
    """One event of the catalogue.

    ``when`` says in words what it is sent for. ``build`` makes the body from the member and its user. ``unasked``: a
    plain Platform API client gets it. ``echo``: the calls whose X-CALLBACK-PAYLOAD comes back with it. ``rules``: what
    agrees in the payload with fields that are put over it.
    """

    when: str
    build: Build
    unasked: bool = True
    echo: frozenset[str] = frozenset()
    rules: tuple[Rule, ...] = ()


UNTOLD = frozenset({"revision", "updated_at", "user_id"})  # whose change alone is told to nobody


def _process(when: str, kind: str, *fields: str, echo: str | None = None) -> Webhook:
    """The webhook of a finished process; ``echo``: the call whose X-CALLBACK-PAYLOAD comes back with it."""
    build, calls = payloads.finished(kind, *fields), frozenset(filter(None, [echo]))
    return Webhook(when, build, echo=calls, rules=agreement.of_process(kind))


MEMBER_CALLS = frozenset({"create", "update"})
CATALOGUE: Mapping[str, Webhook] = {
    "mx.member.created": Webhook(
        "a member was created", payloads.of_member("created"), echo=MEMBER_CALLS, rules=agreement.of_member("created")
    ),
    "mx.member.updated": Webhook(
        "a member has changed: its status, its flags, what a client may set",
        payloads.of_member("updated"),
        echo=MEMBER_CALLS,
        rules=agreement.of_member("updated"),
    ),
    "mx.member.deleted": Webhook(
        "a member was deleted, by a client or because its OAuth login was never finished",
        payloads.of_member("deleted"),
        rules=agreement.of_member("deleted"),
    ),
    "mx.connection_status.changed": Webhook(
        "a member's status has become one of the eight that somebody must act on",
        payloads.connection_status,
        rules=(
            always("action", "CHANGED"),
            always("type", "CONNECTION_STATUS"),
            always("connection_status", *RAISING),
            agreement.number_of_status,
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
        payloads.initial_data_ready,
        rules=(always("type", "initial_data_ready"),),
    ),
    "mx.job_status": Webhook(
        "a job has ended, or is CHALLENGED, DENIED or PREVENTED",
        payloads.job_status,
        unasked=False,
        rules=agreement.JOB,
    ),
    "mx.rewards": _process(
        "a fetch of rewards has ended well", "REWARD", "rewards_created_count", "rewards_updated_count"
    ),
    "mx.user.created": Webhook(
        "a user was created", payloads.of_user("created"), False, rules=agreement.of_user("created")
    ),
    "mx.user.updated": Webhook(
        "a user has changed", payloads.of_user("updated"), False, rules=agreement.of_user("updated")
    ),
    "mx.user.deleted": Webhook(
        "a user was deleted", payloads.of_user("deleted"), False, rules=agreement.of_user("deleted")
    ),
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
        world,
        event,
        member.guid,
        entry.build(world, agreement.in_typed_status(world, event, member), user),
        echoed,
        entry.rules,
    )


def save_changed(world: World, member: Record) -> None:
    """Stores a changed member and tells of it, unless nothing but its revision differs from what was told last. A
    balance check of a member that stays CONNECTED has its own callback alone, as MX's page of it says.
    """
    payload = CATALOGUE["mx.member.updated"].build(world, member, None)["member"]
    shown = [value for name, value in payload.items() if name not in UNTOLD]
    status = member.body["connection_status"]
    told, digest = member.body.get("told"), f"{crc32(dumps(shown).encode()):08x} {status}"
    member.body["told"] = digest
    world.save(member)
    checked = member.job is not None and member.job.name == "balance"
    stayed = status == "CONNECTED" and str(told).endswith(f" {status}")
    if digest != told and not (checked and stayed):
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
