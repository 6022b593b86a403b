"""How a Mono account behaves when a scenario moves it: its jobs, its data status, what they fetch and which callbacks
they send.

Sources: docs.mono.co, account details (data statuses), real-time data (transitions), data sync (the automatic sync and
its events).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from mocksrv.engine.callbacks.credentials import Signer
from mocksrv.engine.clock import DAY
from mocksrv.engine.play import Job
from mocksrv.engine.role import JobKind, Role
from mocksrv.engine.scenarios.vocabulary import Vocabulary
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers.mono.agreement import FETCHES, PARTS
from mocksrv.providers.mono.bank.institutions import METHODS, PRODUCTS, Institutions
from mocksrv.providers.mono.bank.loading import Loader
from mocksrv.providers.mono.webhooks import CATALOGUE, RETRIES, UNASKED, emit, emit_job, sign
from mocksrv.providers.numbers import LARGEST
from mocksrv.providers.profiles import Profiles

DATA = frozenset(
    {"PROCESSING", "AVAILABLE", "PARTIAL", "UNAVAILABLE", "FAILED"}
)  # what `data_status` may be; the others leave it as it is
STATUSES = DATA | {"SYNC_FAILED", "REAUTHORISATION_REQUIRED", "UNLINKED"}
FETCHED, NOT_FETCHED = ("AVAILABLE", "PARTIAL"), ("UNAVAILABLE", "FAILED")
CALLS = ("link", "sync", "reauthorise", "midnight")  # the flows that are played by calls, or at midnight
UNTIL, AGAIN = "unauthorised", "reauthorised"  # the flows in place of `sync` and `midnight` until the user has
# reauthorised, and from then on
SYNCS = ("sync", "midnight")
BY_HAND = "by hand"  # the job of a push and of flows that no call plays
JOBS = {
    job.name: job
    for job in (
        JobKind("link", "link", opening="PROCESSING"),
        JobKind("sync", "sync"),
        JobKind("reauthorise", "reauthorise"),
        JobKind("midnight", "sync", background=True),
        JobKind(BY_HAND, "sync"),
    )
}
_ANYWHERE = {"REAUTHORISATION_REQUIRED": ("mono.reauthorisation_required",), "UNLINKED": ("mono.account_unlinked",)}
_UPDATED = {**_ANYWHERE, **dict.fromkeys((*FETCHED, *NOT_FETCHED), ("mono.account_updated",))}
# job -> status -> the events of entering it
EVENTS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "link": _UPDATED,
    "sync": _UPDATED,
    "reauthorise": {"PROCESSING": ("mono.account_reauthorized",), **_UPDATED},
    "midnight": {
        **_ANYWHERE,
        **dict.fromkeys(FETCHED, ("mono.account_synced",)),
        **dict.fromkeys((*NOT_FETCHED, "SYNC_FAILED"), ("mono.sync_failed",)),
    },
    BY_HAND: {**_UPDATED, "SYNC_FAILED": ("mono.sync_failed",)},
}
SYNC_STATUSES = {
    **dict.fromkeys(FETCHED, "SUCCESSFUL"),
    "REAUTHORISATION_REQUIRED": "REAUTHORISATION_REQUIRED",
}  # else FAILED
INCOMPLETE = "INCOMPLETE_STATEMENT_ERROR"
ERRORS = ("SYNC_ERROR", INCOMPLETE)  # of a manual sync


# What a scenario may `set`, each with the JSON Schema of its values.
SETTABLE: Mapping[str, Mapping[str, Any]] = {
    **{name: {"type": "string"} for name in ("name", "account_number", "type", "currency", "bvn")},
    "balance": {"type": "integer", "minimum": -LARGEST, "maximum": LARGEST},
    "auth_method": {"type": "string", "enum": list(METHODS)},
    "has_new_data": {"type": "boolean"},  # whether the sync finds any; unsaid: as the data profile has it
    "retrieved_data": {"type": "array", "items": {"type": "string", "enum": list(PARTS)}},
    "sync_error": {"type": "string", "enum": list(ERRORS)},
}


def disagreements(status: str, fields: Mapping[str, Any]) -> Mapping[str, str]:
    """Which fields of an account contradict its status, and what is allowed."""
    found: dict[str, str] = {}
    retrieved = fields.get("retrieved_data")
    if retrieved and status in NOT_FETCHED:
        found["retrieved_data"] = f"empty in an account that is {status}"
    elif retrieved is not None and status == "AVAILABLE" and not {"balance", "transactions"} <= set(retrieved):
        found["retrieved_data"] = f"with balance and transactions in an account that is {status}; PARTIAL has less"
    if status in FETCHED and "sync_error" in fields:
        found["sync_error"] = f"an account that is {status} has none; {', '.join((*NOT_FETCHED, 'SYNC_FAILED'))} have"
    if fields.get("has_new_data") and status in (*NOT_FETCHED, "SYNC_FAILED"):
        found["has_new_data"] = f"false in an account that is {status}"
    return found


def vocabulary(profiles: Profiles) -> Vocabulary:
    """What scenario files may say about Mono."""
    return Vocabulary(
        provider="mono",
        statuses=STATUSES,
        flows=frozenset({*CALLS, UNTIL, AGAIN}),
        events=frozenset(CATALOGUE),
        happy="synced",
        products=frozenset(PRODUCTS),
        fields=SETTABLE,
        profiles=profiles.names,
        profile_problems=profiles.problems,
        disagreements=disagreements,
    )


@dataclass(slots=True)
class SyncJob:
    """What Mono keeps with the job of an account.

    ``realtime``: the id of the session that waits for it (``x-realtime``). ``allow_incomplete``: a statement with fewer
    transactions than are known will do. ``wants_new``: whether the scenario says that there are new data (None: as the
    data profile has it); ``new``: whether any were found. ``ended``: a status other than the first was entered.
    ``told``: the app knows that the user has reauthorised.
    """

    realtime: str | None = None
    allow_incomplete: bool = False
    wants_new: bool | None = None
    new: bool = False
    ended: bool = False
    told: bool = False


class AccountRole(Role):
    """The `Role` of Mono: its subjects are linked accounts."""

    defaults = Path(__file__).with_name("defaults.yaml")
    jobs: ClassVar[Mapping[str, JobKind]] = JOBS
    first_flow, plain_job, refresh_job = "link", BY_HAND, "midnight"
    first_status = "PROCESSING"
    resumed = "PROCESSING"
    asking = consenting = ""  # no status of its own says that the user is asked
    successful = frozenset(FETCHED)
    refreshable = frozenset({*FETCHED, *NOT_FETCHED, "SYNC_FAILED"})  # who must reauthorise first is not synced
    unasked = UNASKED
    retries = RETRIES
    signers: ClassVar[Mapping[str, Signer]] = {"mono": sign}
    branches: ClassVar[Mapping[str, str]] = {
        "right": "unwritten right",
        "wrong": "unwritten wrong",
        "silent": "unwritten silent",
        "approved": "link",
    }

    def __init__(
        self,
        loader: Loader,
        institutions: Institutions,
        trigger: Callable[[World, Record | None, str], None],
        timers: Mapping[str, Callable[[World, Record], None]],
    ) -> None:
        """``trigger`` sends any event of the catalogue; ``timers``: what
        falls due on records that are no accounts.
        """
        self.loader = loader
        self._institutions = institutions
        self.timers = timers
        self._trigger = trigger
        self.vocabulary = vocabulary(loader.profiles)

    def begin_job(self, world: World, subject: Record) -> None:
        """There are no flags of a running job."""

    def announce(self, world: World, subject: Record, action: str) -> None:
        if action == "created":
            emit(world, "mono.account_connected", subject)

    def enter(self, world: World, subject: Record, status: str | None, fields: Mapping[str, Any], over: bool) -> None:
        """One change of an account: a status with what is fetched there, further fields, or only the end of its job."""
        body, job = subject.body, subject.job or Job(BY_HAND, world.now)
        details = job.details(SyncJob)
        given = dict(fields)
        if "has_new_data" in given:
            details.wants_new = given.pop("has_new_data")
        if over and not (status or details.ended or job.stopped):
            status = body["status"]  # a job that ends in the status that was there before has ended in it all the same
        if status == "SYNC_FAILED" and given.get("sync_error") == INCOMPLETE and details.allow_incomplete:
            status = "AVAILABLE"
            del given["sync_error"]
        if status:
            details.ended = status != self.first_status
            self._change(world, subject, status, job, given.pop("retrieved_data", None))
        body.update(given)
        world.save(subject)
        if status:
            self._tell(world, subject, status, job)
        elif over and details.realtime:
            self._end_realtime(world, subject, "FAILED" if job.stopped else body["status"], job)

    def _change(self, world: World, subject: Record, status: str, job: Job, retrieved: list[str] | None) -> None:
        body, play = subject.body, subject.playing
        body.update(status=status, sync_error=None)
        if status in DATA:
            body["data_status"] = status
        if status in FETCHES:
            self._fetch(world, subject, status, job, FETCHES[status] if retrieved is None else retrieved)
        elif status in NOT_FETCHED:
            body["retrieved_data"] = retrieved or []
        elif status == "REAUTHORISATION_REQUIRED":
            body["wants_user"] = True
            play.instead = dict.fromkeys(SYNCS, UNTIL)
        elif status == "UNLINKED":
            world.cancel_timers(subject.guid)
        if status in FETCHED and body["wants_user"]:
            body["wants_user"] = False
            play.instead = dict.fromkeys(SYNCS, AGAIN) if job.name == "reauthorise" else {}

    def _fetch(self, world: World, subject: Record, status: str, job: Job, wanted: Sequence[str]) -> None:
        """A sync adds to what is there: with both the balance and the transactions the account is AVAILABLE, however
        they came.
        """
        body = subject.body
        there = body["retrieved_data"] if JOBS[job.name].family == "sync" and job.name != BY_HAND else ()
        body["retrieved_data"] = [part for part in PARTS if part in wanted or part in there]
        if {"balance", "transactions"} <= set(body["retrieved_data"]):
            body["data_status"] = "AVAILABLE"
        institutions = self._institutions.of(world.sandbox.scenarios)
        institution = institutions.find(body["institution"]) or institutions.all()[0]
        details = job.details(SyncJob)
        found = self.loader.load(world, subject, institution, wanted, details.wants_new)
        details.new = body["found"] = bool(found) if details.wants_new is None else details.wants_new

    def _tell(self, world: World, subject: Record, status: str, job: Job) -> None:
        details = job.details(SyncJob)
        if details.realtime and status != "PROCESSING":
            self._end_realtime(world, subject, status, job)
            return
        events = EVENTS[job.name].get(status, ())
        if job.name == "reauthorise" and status in FETCHED and not details.told:
            events = ("mono.account_reauthorized", *events)
        for event in events:
            details.told = details.told or event == "mono.account_reauthorized"
            emit(world, event, subject, job={"name": job.name, "new": details.new})

    def _end_realtime(self, world: World, subject: Record, status: str, job: Job) -> None:
        """The session that an app asked for with ``x-realtime`` is over."""
        details = job.details(SyncJob)
        record = world.get("mono.job", details.realtime or "")
        details.realtime = None
        outcome = SYNC_STATUSES.get(status, "FAILED")
        if record is not None:
            record.body.update(status="finished" if outcome == "SUCCESSFUL" else "failed", new=details.new)
            world.save(record)
            emit_job(world, record)
            found = {"name": job.name, "new": details.new, "sync_status": outcome, "job_id": record.guid}
            emit(world, "mono.account_updated", subject, job=found)

    def load(self, world: World, subject: Record, profile: str) -> None:
        """What is fetched from now on is this profile's."""
        subject.body["profile"] = profile

    def fetch(self, world: World, subject: Record, job: Job) -> None:
        """What a job fetches has come with the status."""

    def complete(self, world: World, subject: Record, job: Job) -> None:
        """Its callbacks have gone out with the status."""

    def trigger(self, world: World, subject: Record | None, event: str) -> None:
        self._trigger(world, subject, event)

    def refresh_at(self, world: World, subject: Record) -> int:
        """The next midnight, UTC."""
        return (world.now // DAY + 1) * DAY

    def remove(self, world: World, subject: Record) -> None:
        """Deletes an account with all that hangs on it: to the app it is unlinked."""
        world.cancel_timers(subject.guid)
        world.remove_below("subject", subject.guid)
        world.remove(guid=subject.guid)
        world.mark(subject, "deleted")
        emit(world, "mono.account_unlinked", subject)
