"""Sends any event of Mono's catalogue on request: about an account that is there, or about an invented one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mocksrv.engine.role import WrongSubject
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.mono.bank.institutions import Institutions, account_number
from mocksrv.providers.mono.bank.people import People
from mocksrv.providers.mono.ids import document_id
from mocksrv.providers.mono.webhooks import emit

ACCOUNT, JOB = "mono.account", "mono.job"
BALANCE = 125_050_00  # kobo, of an invented account


def triggerer(institutions: Institutions, people: People) -> Callable[[World, Record | None, str], None]:
    """What sends an event. It is about the account that is given or that the given record belongs to; else about the
    newest one.
    """

    def trigger(world: World, near: Record | None, event: str) -> None:
        """Raises WrongSubject when ``near`` is nothing that has an account."""
        account = _account_of(world, near) if near is not None else next(iter(world.list(_newest(ACCOUNT))), None)
        if account is None and near is not None:
            raise WrongSubject(f"{event} is about an account, and {near.guid} has none")
        account = account or _invented(world, institutions, people)
        emit(world, event, account, job=_job(world, near, account))

    return trigger


def _newest(kind: str, **keys: str) -> Query:
    return Query(kind, newest_first=True, limit=1, **keys)  # type: ignore[arg-type]


def _account_of(world: World, near: Record) -> Record | None:
    if near.kind == ACCOUNT:
        return near
    if near.kind == "mono.customer":
        return next(iter(world.list(_newest(ACCOUNT, owner=near.guid))), None)
    return world.get(ACCOUNT, near.parent) if near.parent else None


def _job(world: World, near: Record | None, account: Record) -> dict[str, Any]:
    """What the job that led to the event has found: the newest session of the account, or an invented one."""
    record = (
        near
        if near is not None and near.kind == JOB
        else next(iter(world.list(_newest(JOB, parent=account.guid))), None)
    )
    if record is None:
        return {"id": document_id(world), "name": "jobs.accounts.sync_statement", "status": "finished", "new": True}
    return {"id": record.guid, **record.body}


def _invented(world: World, institutions: Institutions, people: People) -> Record:
    """An account that is stored nowhere."""
    institution = institutions.all()[0]
    guid = document_id(world)
    people.need(world)
    identity = people.identity(f"{world.sandbox.seed}:{guid}")
    bank = {"name": institution.name, "bank_code": institution.bank_code, "type": institution.type}
    body = {
        "status": "AVAILABLE",
        "data_status": "AVAILABLE",
        "retrieved_data": ["identity", "balance", "transactions"],
        "bank": bank,
        "auth_method": institution.methods[0],
        "ref": None,
        "name": identity["name"].upper(),
        "type": "SAVINGS",
        "currency": "NGN",
        "account_number": account_number(institution, world.sandbox.chance(guid)),
        "bvn": identity["bvn"],
        "balance": BALANCE,
        "account_match": None,
    }
    return Record(ACCOUNT, guid, body, owner=document_id(world), created_at=world.now, updated_at=world.now)
