"""Syncs that an app asks for: the manual one of v1, and sessions by the header ``x-realtime``.

Sources: docs.mono.co, manual data sync, real-time data; mono.co/blog, a beginner's guide to data sync (the limit).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from mocksrv.engine.clock import MINUTE
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import Reply, View
from mocksrv.providers.mono.http import (
    Call,
    MonoError,
    Routes,
    not_found,
)
from mocksrv.providers.mono.ids import document_id
from mocksrv.providers.mono.lifecycle import ERRORS, FETCHED, INCOMPLETE, SyncJob
from mocksrv.providers.mono.webhooks import app_ids, emit_job

routes = Routes()
JOB = "mono.job"
BETWEEN_SYNCS = 2 * MINUTE
SESSION = 5 * MINUTE  # in which another call starts no other one
HEADERS = ("x-realtime", "x-real-time")
QUEUED = "Sync is queued: the data can be fetched once a webhook says that it is done"
WORDS = {
    "REAUTHORISATION_REQUIRED": "The user must reauthorise this account",
    ERRORS[0]: "The bank could not be reached",
    INCOMPLETE: "The bank returned fewer transactions than are known",
}


@routes.add("POST", "/accounts/<id>/sync")
def sync(call: Call, id: str) -> Reply:
    """The manual sync plays the flow `sync`. It answers 200 whatever comes of it; the ``code`` says what."""
    call.arguments("allow_incomplete_statement")
    allow = call.flag("allow_incomplete_statement", False)
    with call.change() as world:
        account = call.account(world, id)
        body = account.body
        if body["synced_at"] is not None and world.now < body["synced_at"] + BETWEEN_SYNCS:
            raise MonoError(429, "An account can be synced once every 2 minutes", "forbidden")
        if account.job is not None:
            return Reply(_outcome("SYNC_ERROR", "A sync of this account is running already"))
        body["synced_at"] = world.now
        call.engine.player.start(world, account, "sync", details=SyncJob(allow_incomplete=allow))
        status = body["status"]
        running = account.job is not None
        new = bool(body["found"])
    if running:
        return Reply(_outcome("SYNC_ERROR", QUEUED))
    if status in FETCHED:
        return Reply({"status": "successful", "hasNewData": new, "code": "SYNC_SUCCESSFUL", "message": None})
    code = status if status in WORDS else body["sync_error"] or ERRORS[0]
    return Reply(_outcome(code, WORDS[code]))


routes.add("GET", "/accounts/<id>/sync")(sync)  # as Mono's own sample calls it


def _outcome(code: str, message: str) -> dict[str, Any]:
    return {"status": "failed", "hasNewData": False, "code": code, "message": message}


@routes.add("GET", "/v2/accounts/<id>/jobs/<job>")
def read_job(call: Call, id: str, job: str) -> Reply:
    with call.look() as world:
        account = call.account(world, id)
        record = world.get(JOB, job)
        if record is None or record.parent != account.guid:
            not_found("Job", job)
    app, business = app_ids(call.sandbox.salt)
    said = {"id": record.guid, "status": record.body["status"], "name": record.body["name"]}
    data = {**said, "account": account.guid, "business": business, "app": app}
    return Reply(call.envelope(data, "Job execution completed"))


def realtime(name: str) -> Callable[[View], View]:
    """A view of v2 whose data may be fetched anew first, by a job of this name; the job's headers are on its answer."""

    def mark(view: View) -> View:
        @wraps(view)
        def answer(call: Call, id: str, **parameters: str) -> Reply:
            if not any(call.request.headers.get(header, "").lower() == "true" for header in HEADERS):
                return view(call, id, **parameters)
            job = _session(call, id, name)
            status = job.body["status"]
            headers = {"x-job-id": job.guid, "x-job-status": status}
            if job.body["new"]:
                headers["x-has-new-data"] = "true"
            if status == "processing":
                return Reply(call.envelope(None, QUEUED), headers=headers)
            return view(call, id, **parameters)._replace(headers=headers)

        return answer

    return mark


def _session(call: Call, id: str, name: str) -> Record:
    """The session of this call: a new one, or that of the last five minutes. One that meets a running job goes along
    with it.
    """
    with call.change() as world:
        account = call.account(world, id)
        last = next(iter(world.list(Query(JOB, parent=account.guid, newest_first=True, limit=1))), None)
        if last is not None and world.now < last.created_at + SESSION:
            return last
        job = Record(
            JOB,
            document_id(world),
            {"name": f"jobs.accounts.{name}", "status": "processing", "new": False},
            parent=account.guid,
            sort=world.now,
        )
        world.add(job)
        emit_job(world, job)
        if account.job is not None:
            account.job.details(SyncJob).realtime = job.guid
            world.save_play(account)
        else:
            call.engine.player.start(world, account, "sync", details=SyncJob(realtime=job.guid))
        return _stored(world, job)


def _stored(world: World, job: Record) -> Record:
    return world.get(JOB, job.guid) or job
