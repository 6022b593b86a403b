"""What agrees in the webhooks of members, jobs and users: rules of their payloads, and the status that fields put over
one stand for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from mocksrv.engine.callbacks.consistency import Body, Rule, always, flat, ordered, twins, with_value
from mocksrv.engine.clock import DAY, day
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers.mx.events.payloads import JOB_COMPLETED, JOB_STATUSES
from mocksrv.providers.mx.events.statuses import BUSY, RAISING, STATUSES, said_by

JOB_OF = {"DENIED": "DENIED", "PREVENTED": "PREVENTED", "CHALLENGED": "CHALLENGED", "HALTED": "FAILED"}


def in_typed_status(world: World, event: str, member: Record) -> Record:
    """The member as an event shows it: where a status, its number or what else stands for one is put over the payload,
    in that status, with all that follows from it. A Connection Status event is only about one that raises it.
    """
    status = _typed_status(event, flat(world.overrides)) if world.overrides else None
    known = member.body["connection_status"]
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
        meant = said_by(typed.get("connection_status_message"))
        if status is None and "connection_status_id" not in typed and len(meant) == 1:
            status = next(iter(meant))
    return status if status in STATUSES else None


def _second_of(text: str) -> int:
    """The second in which a day begins. Raises ValueError."""
    return (date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()) * DAY // 1000


def number_of_status(body: Body) -> None:
    """A status and its number, and a text that is not another status's."""
    status = body["connection_status"]
    number = STATUSES[status].number if status in STATUSES else None
    if body["connection_status_id"] != number:
        typed = "connection_status_id" if "connection_status_id" in body.typed else "connection_status"
        body.refuse(typed, f"{status} has the number {number}")
    meant = said_by(body["connection_status_message"]) if "connection_status_message" in body.typed else ()
    if meant and status not in meant:
        body.refuse("connection_status_message", f"this is what {' or '.join(sorted(meant))} says, not {status}")


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
DATES = ordered("created_at", "updated_at")
COMPLETED = twins("completed_at", "completed_on", to=lambda at: day(at * 1000), back=_second_of)
JOB = (ordered("created_at", "started_at", "finished_at", "updated_at"), _status_of_job, _finished_at)


def of_member(action: str) -> tuple[Rule, ...]:
    same = twins("is_managed_by_user", "is_user_created", to=bool, back=bool)
    return (always("action", action), always("connection_status", *STATUSES, None), number_of_status, same, DATES)


def of_user(action: str) -> tuple[Rule, ...]:
    verified = (with_value("email_is_verified", "email"), with_value("phone_is_verified", "phone"))
    return (always("action", action), *verified)


def of_process(kind: str) -> tuple[Rule, ...]:
    """Those of a finished process."""
    return (always("action", "member_data_updated"), always("type", kind), COMPLETED)
