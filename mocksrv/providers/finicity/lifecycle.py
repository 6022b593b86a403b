"""How a Connect session behaves when a scenario moves it: its statuses are the names of its events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from mocksrv.engine.callbacks.credentials import Signer
from mocksrv.engine.play import Job
from mocksrv.engine.role import JobKind, Role
from mocksrv.engine.scenarios.vocabulary import Vocabulary
from mocksrv.engine.state.omission import bare_headers, bare_url
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.finicity import webhooks
from mocksrv.providers.finicity.bank.loading import Bank, customer_of
from mocksrv.providers.finicity.codes import FINE
from mocksrv.providers.finicity.jobs import SessionJob
from mocksrv.providers.finicity.webhooks import (
    CATALOGUE,
    EVENTS,
    FIX,
    FULL,
    RETRIES,
    UNASKED,
    emit,
    encode,
    sign,
    told_by_repair,
    wants,
)
from mocksrv.providers.profiles import Profiles

JOBS = {
    job.name: job
    for job in (
        JobKind("connect", "connect"),
        JobKind("fix", "connect"),
        JobKind("refresh", "refresh", background=True),
        JobKind("report", "report"),
    )
}
# What the user does on Connect's pages, in this order; nothing of a status happens before its act.
INSTITUTION, LOGIN, NEW_LOGIN, ACCOUNTS, SUBMIT = range(1, 6)
ACTS = {
    **dict.fromkeys(("institutionSupported", "institutionNotFound", "institutionNotSupported"), INSTITUTION),
    **dict.fromkeys(
        ("invalidCredentials", "unableToConnect", "mfa", "mfaUpdated", "discovered", "adding", "processing"), LOGIN
    ),
    "credentialsUpdated": NEW_LOGIN,  # the user tries again
    **dict.fromkeys(("added", "accountsDeleted"), ACCOUNTS),
    "done": SUBMIT,
}


TROUBLES = ("invalidCredentials", "unableToConnect")  # events with a reason
REPAIRS = ("credentialsUpdated", "added")  # a Fix session tells of its repair by one of these


# What a scenario may `set`, each with the JSON Schema of its values.
SETTABLE: Mapping[str, Mapping[str, Any]] = {
    "code": {"type": "integer", "minimum": 0, "maximum": 999_999_999},
    "query": {"type": "string"},
    "mfa": {"type": "boolean"},
}


def disagreements(status: str, fields: Mapping[str, Any]) -> Mapping[str, str]:
    """Which fields of a session contradict its status, and what is allowed."""
    if status in TROUBLES and fields.get("code") == FINE:
        return {"code": f"says why the session is {status}; {FINE} says that all is well"}
    return {}


def vocabulary(profiles: Profiles) -> Vocabulary:
    """What scenario files may say about Finicity."""
    return Vocabulary(
        provider="finicity",
        statuses=frozenset(EVENTS),
        flows=frozenset(JOBS),
        events=CATALOGUE,
        happy="connect-full",
        fields=SETTABLE,
        profiles=profiles.names,
        profile_problems=profiles.problems,
        acts=ACTS,
        disagreements=disagreements,
    )


class SessionRole(Role):
    """The `Role` of Finicity: its subjects are Connect sessions."""

    defaults = Path(__file__).with_name("defaults.yaml")
    jobs: ClassVar[Mapping[str, JobKind]] = JOBS
    first_flow, plain_job, refresh_job = "connect", "connect", "refresh"
    first_status = "processing"  # back from the bank's page; a new session has its status from the start
    resumed = "mfaUpdated"
    asking = "mfa"
    consenting = ""  # any status can wait for the bank's page
    successful = frozenset({"done"})
    refreshable = frozenset({"done"})
    challenge_prefix, option_prefix = "MFA", "OPT"
    unasked = UNASKED
    retries = RETRIES
    dated = False
    signers: ClassVar[Mapping[str, Signer]] = {"finicity": sign}
    secret_kinds = frozenset({"finicity.partner", "finicity.token", "finicity.session"})

    def __init__(
        self, bank: Bank, timers: Mapping[str, Callable[[World, Record], None]], fidelity: str = "sdk"
    ) -> None:
        self.bank = bank
        self.fidelity = fidelity
        self.timers = timers
        self.vocabulary = vocabulary(bank.profiles)
        self._effects: Mapping[str, Callable[[World, Record], Any]] = {
            "discovered": bank.discover,
            "added": bank.add,
            "accountsDeleted": self._delete,
            "done": self._done,
        }

    def encode(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        return encode(body, headers)

    def without_secrets(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        """A partner's next secret is taken as its first was; a token and a session's webhook are of no use any more."""
        bare = {**body, "secret": None}
        if kind == "finicity.partner":
            return {**bare, "old": None}
        if kind == "finicity.session" and body.get("webhook"):
            return {
                **bare,
                "webhook": bare_url(body["webhook"]),
                "webhookHeaders": bare_headers(body.get("webhookHeaders") or {}),
            }
        return bare

    def begin_job(self, world: World, subject: Record) -> None:
        """Nothing of a session shows that a job runs."""

    def announce(self, world: World, subject: Record, action: str) -> None:
        """No event tells that a session is there."""

    def enter(self, world: World, subject: Record, status: str | None, fields: Mapping[str, Any], over: bool) -> None:
        """One change of a session: a status with what it does and its event, further fields, the end of its job."""
        body, job = subject.body, subject.job
        body.update(fields)
        login = world.get("finicity.login", body.get("login_id") or "")
        if "code" in fields and login is not None:
            self.bank.mark(world, login, body["code"])
        if status:
            body["status"] = status
            if status in self._effects and (body.get("institution") or status == "done"):
                self._effects[status](world, subject)
        if over and job is not None and job.name == "refresh":
            self._refresh(world, subject, job)
        if over and job is not None and job.name == "report" and status != "done":
            self._end_reports(world, job, "failure")
        world.save(subject)
        if status:
            self._tell(world, subject, status)

    def _tell(self, world: World, session: Record, status: str) -> None:
        """The event of a status, and before it that of a repair."""
        repair = told_by_repair(session, status)
        if session.body["type"] == FIX and (repair is not None or status in REPAIRS):
            accounts = self.bank.active(world, parent=session.body["login_id"])
            session.body.update(repair_told=True, added=[account.guid for account in accounts])
            world.save(session)
        for name in (repair, status):
            if name is not None and wants(session, name):
                emit(world, session, name)

    def _done(self, world: World, session: Record) -> None:
        """What a finished job leaves: a repaired login, reports that can be read."""
        job = session.job
        login = world.get("finicity.login", session.body.get("login_id") or "")
        if (
            session.body["type"] == FIX
            and (job is None or job.name != "report")
            and login is not None
            and not session.body.get("code")
        ):
            login.body["code"] = FINE
            self.bank.refresh(world, login)
        if job is not None:
            self._end_reports(world, job, "success")
        session.body["completed"] = True

    def _end_reports(self, world: World, job: Job, status: str) -> None:
        for id in job.details(SessionJob).reports:
            report = world.get("finicity.report", id)
            if report is not None:
                report.body["status"] = status
                world.save(report)

    def _delete(self, world: World, session: Record) -> None:
        """The user has removed accounts: those that were chosen, else the newest one."""
        own = self.bank.active(world, owner=customer_of(session))
        gone = [account for account in own if account.guid in (session.body.get("remove") or ())] or own[-1:]
        session.body["deleted"] = [account.guid for account in gone]
        self.bank.delete(world, gone)

    def _refresh(self, world: World, session: Record, job: Job) -> None:
        wanted = job.details(SessionJob).login
        logins = (
            [world.get("finicity.login", wanted)]
            if wanted
            else world.list(Query("finicity.login", subject=session.guid))
        )
        for login in filter(None, logins):
            self.bank.refresh(world, login)

    def load(self, world: World, subject: Record, profile: str) -> None:
        """The scenario's own data: logins that are made from now on have these accounts."""
        subject.body["profile"] = profile

    def fetch(self, world: World, subject: Record, job: Job) -> None:
        """Statuses bring what there is: accounts are there once they are ``added``."""

    def complete(self, world: World, subject: Record, job: Job) -> None:
        """The last status has told it."""

    def trigger(self, world: World, subject: Record | None, event: str) -> None:
        webhooks.trigger(world, subject, event, lambda: self._invented(world))

    def _invented(self, world: World) -> Record:
        """A session that nobody started: it is not stored, and has no webhook of its own."""
        body = new_body(FULL, self.fidelity) | {
            "institution": "102105",
            "discovered": [],
            "added": [],
            "deleted": ["7055000111"],
        }
        return Record("finicity.session", world.guid("SES"), body, owner="6040000012")

    def refresh_wanted(self, world: World, subject: Record) -> bool:
        return bool(world.count(Query("finicity.account", subject=subject.guid)))

    def remove(self, world: World, subject: Record) -> None:
        """Deletes a session with the accounts that it added."""
        world.cancel_timers(subject.guid)
        for account in world.list(Query("finicity.account", subject=subject.guid)):
            world.remove_below("parent", account.guid)
        world.remove_below("subject", subject.guid)
        world.remove(guid=subject.guid)
        world.mark(subject, "deleted")


def new_body(type: str, fidelity: str) -> dict[str, Any]:
    """What every session's record has; ``wire``: its events are those that were seen on the wire."""
    begun = {"status": "ping", "institution": None, "code": FINE, "completed": False}
    return {"type": type, **begun, "wire": fidelity == "wire"}
