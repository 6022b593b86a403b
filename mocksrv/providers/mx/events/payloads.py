"""The bodies of the webhooks of members, jobs and users, field for field.

Source: MX's webhook pages, category by category (docs.mx.com/resources/webhooks).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid5

from mocksrv.engine.clock import day
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.mx.events.jobs import MemberJob
from mocksrv.providers.mx.events.statuses import STATUSES, message

Payload = dict[str, Any]
Build = Callable[[World, Record, Record | None], Payload]  # of a member, or a user, and the user whose it is
_CLIENTS = UUID("9d2f6a3e-54d0-4c55-8a3e-0f6d4b8f2a71")


def seconds(ms: int | None) -> int | None:
    """Milliseconds as the whole seconds of MX's callbacks."""
    return None if ms is None else ms // 1000


@lru_cache
def client_guid(sandbox: str) -> str:
    """The guid of the client whose sandbox this is: always the same."""
    return f"CLT-{uuid5(_CLIENTS, sandbox)}"


def client_id(sandbox: str) -> str:
    """The client's own id, by which it was named when it was set up."""
    return sandbox


def of_member(action: str) -> Build:
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


def connection_status(world: World, member: Record, user: Record | None) -> Payload:
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


def finished(kind: str, *fields: str) -> Build:
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


def of_user(action: str) -> Build:
    def build(world: World, user: Record, _: Record | None) -> Payload:
        unset = dict.fromkeys(
            ("birthday", "credit_score", "first_name", "gender", "last_name", "logged_in_at", "postal_code")
        )
        known = {
            "email": user.body["email"],
            "email_is_verified": user.body.get("email_is_verified", False),
            "guid": user.guid,
            "id": user.partner_id,
            "is_disabled": user.body["is_disabled"],
            "metadata": user.body["metadata"],
            "phone": user.body.get("phone"),
            "phone_is_verified": user.body.get("phone_is_verified", False),
            "revision": user.revision,
        }
        return {"action": action, "user": {**unset, **known}}

    return build


def initial_data_ready(world: World, member: Record, user: Record | None) -> Payload:
    return {
        "type": "initial_data_ready",
        "guid": world.guid(),
        "client_guid": client_guid(world.sandbox.salt),
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


def job_status(world: World, member: Record, user: Record | None) -> Payload:
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
