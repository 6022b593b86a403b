"""How an MX member behaves when a scenario moves it: its jobs, its flags, what they fetch and which callbacks they
send.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from mocksrv.engine.clock import DAY, HOUR
from mocksrv.engine.play import Job
from mocksrv.engine.role import JobKind, Role
from mocksrv.engine.scenarios.model import Option
from mocksrv.engine.scenarios.vocabulary import Vocabulary
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers.mx.bank.loading import Loader, shared
from mocksrv.providers.mx.events.changes import AccountsVerified, DataFetched, MemberGone, SpendingChanged, follow
from mocksrv.providers.mx.events.jobs import MemberJob
from mocksrv.providers.mx.events.payloads import JOB_STATUSES
from mocksrv.providers.mx.events.statuses import COUNTING, STATUSES, disagreements, whole_error
from mocksrv.providers.mx.events.webhooks import RETRIES, UNASKED, emit_member, save_changed
from mocksrv.providers.mx.people.logins import remember_login
from mocksrv.providers.profiles import Profiles

JOBS = {
    job.name: job
    for job in (
        JobKind("connect", "aggregation", opening="CREATED"),
        JobKind("oauth", "aggregation", opening="CREATED"),
        JobKind("update", "aggregation", opening="UPDATED", renews=True),
        JobKind("aggregate", "aggregation", login=True),
        JobKind("background", "aggregation", login=True, background=True),
        JobKind("verify", "verification", login=True),
        JobKind("identify", "identification", login=True),
        JobKind("balance", "balance", login=True),
        JobKind("history", "history", login=True),
        JobKind("statements", "statement", login=True),
        JobKind("rewards", "reward", login=True),
    )
}
# What a job of each family fetches, and the callback of its good end.
FETCHES = {
    "aggregation": ("accounts", "transactions", "holdings"),
    "verification": ("accounts", "numbers"),
    "identification": ("accounts", "owners"),
    "balance": ("accounts", "prices"),
    "history": ("accounts", "transactions", "history"),
    "statement": ("accounts", "statements"),
    "reward": ("accounts", "transactions", "rewards"),
}
CALLBACKS = {
    "aggregation": "mx.aggregation",
    "verification": "mx.verification",
    "balance": "mx.balance",
    "history": "mx.history",
    "statement": "mx.statement",
    "reward": "mx.rewards",
}


class Product(NamedTuple):
    """What a client may ask for with ``data_request``: which field of an institution says that it has it, what is
    fetched, what is told.
    """

    needs: str | None
    fetches: tuple[str, ...] = ()
    callback: str | None = None


PRODUCTS = {
    "account_verification": Product("supports_account_verification", ("numbers",), "mx.verification"),
    "identity_verification": Product("supports_account_identification", ("owners",)),
    "transactions": Product(None, ("transactions",), "mx.aggregation"),
    "transaction_history": Product("supports_transaction_history", ("transactions", "history"), "mx.history"),
    "history": Product("supports_transaction_history", ("transactions", "history"), "mx.history"),
    "statements": Product("supports_account_statement", ("statements",), "mx.statement"),
    "investments": Product(None, ("holdings",)),
    "rewards": Product(None, ("transactions", "rewards"), "mx.rewards"),
}
# What a scenario may `set`, each with the JSON Schema of its values.
SETTABLE: Mapping[str, Mapping[str, Any]] = {
    "name": {"type": "string"},
    **{name: {"type": ["string", "null"]} for name in ("connection_status_message", "metadata")},
    **{
        name: {"type": "boolean"}
        for name in (
            "needs_updated_credentials",
            "is_authenticated",
            "has_processed_accounts",
            "has_processed_account_numbers",
            "has_processed_transactions",
            "background_aggregation_is_disabled",
        )
    },
    "use_cases": {"type": "array", "items": {"type": "string", "enum": ["PFM", "MONEY_MOVEMENT"]}},
    "error": {
        "type": "object",
        "properties": {
            "error_code": {"type": "integer"},
            **{name: {"type": "string"} for name in ("error_message", "error_type", "locale", "user_message")},
        },
        "additionalProperties": False,
    },
}
ELIGIBLE = ("CHECKING", "SAVINGS")  # types of accounts that can be verified
Trigger = Callable[[World, Record | None, str], None]


def vocabulary(profiles: Profiles, events: frozenset[str]) -> Vocabulary:
    """What scenario files may say about MX."""
    return Vocabulary(
        provider="mx",
        statuses=frozenset(STATUSES),
        flows=frozenset(JOBS),
        events=events,
        happy="connected",
        fields=SETTABLE,
        options=frozenset({"accounts"}),
        products=frozenset(PRODUCTS),
        profiles=profiles.names,
        profile_problems=profiles.problems,
        disagreements=disagreements,
    )


def family(member: Record) -> str | None:
    """The kind of the job that runs on a member: those of one kind are the same job to MX."""
    return JOBS[member.job.name].family if member.job is not None else None


class MemberRole(Role):
    """The `Role` of MX: its subjects are members."""

    defaults = Path(__file__).with_name("defaults.yaml")
    jobs: ClassVar[Mapping[str, JobKind]] = JOBS
    first_flow, plain_job, refresh_job = "connect", "aggregate", "background"
    status_member = "connection_status"
    first_status = "CREATED"
    resumed = "RESUMED"
    asking = "CHALLENGED"
    consenting = "PENDING"
    partner_kinds = ("mx.user", "mx.member", "mx.widget")
    successful = frozenset({"CONNECTED"})
    delayed = frozenset({"DELAYED"})
    refreshable = frozenset(name for name, status in STATUSES.items() if status.refreshed)
    counting = COUNTING
    lifetimes: ClassVar[Mapping[str, int]] = {"PENDING": HOUR}
    challenge_prefix = option_prefix = "CRD"
    challenge_types = ("TEXT", "OPTIONS", "IMAGE_DATA", "IMAGE_OPTIONS", "TOKEN")
    unasked = UNASKED
    retries = RETRIES
    branches: ClassVar[Mapping[str, str]] = {
        "right": "unwritten right",
        "wrong": "unwritten wrong",
        "silent": "unwritten silent",
        "approved": "connect",
    }

    def __init__(
        self,
        loader: Loader,
        events: frozenset[str],
        trigger: Trigger,
        timers: Mapping[str, Callable[[World, Record], None]],
    ) -> None:
        """``events`` is the whole catalogue, of which ``trigger`` sends any; ``operations`` are those that are mounted;
        ``timers``: what falls due on records that are no members.
        """
        self.loader = loader
        self.timers = timers
        self._trigger = trigger
        self.vocabulary = vocabulary(loader.profiles, events)

    def begin_job(self, world: World, subject: Record) -> None:
        """A job starts: flags, and a job guid of its own. Saved by what follows. A member's first job shows as
        `aggregated_at` only when it is over, as in the guide.
        """
        if subject.body["first_job_over"]:
            subject.body["aggregated_at"] = world.now
        subject.body.update(
            most_recent_job_guid=world.guid("JOB"),
            is_being_aggregated=self.status(subject) != "PENDING",
            is_authenticated=False,
            has_processed_accounts=False,
            has_processed_account_numbers=False,
            has_processed_transactions=False,
        )

    def announce(self, world: World, subject: Record, action: str) -> None:
        emit_member(world, f"mx.member.{action}", subject)

    def enter(self, world: World, subject: Record, status: str | None, fields: Mapping[str, Any], over: bool) -> None:
        """One change of a member: a status, further fields, or only the end of its job; with the callbacks that
        follow.
        """
        body, job = subject.body, subject.job
        if status:
            rules = STATUSES[status]
            body.pop("connection_status_message", None)
            body.update(
                connection_status=status, needs_updated_credentials=rules.wants_credentials, error=dict(rules.error)
            )
            body["is_authenticated"] = rules.authenticated or self._selecting(subject, status)
        if job is not None:
            body["is_being_aggregated"] = not over and body["connection_status"] != "PENDING"
            if over:
                self._job_over(world, subject, job)
        body.update(fields)
        if "error" in fields:
            body["error"] = whole_error(body["connection_status"], fields["error"])
        save_changed(world, subject)
        if status and STATUSES[status].raises:
            emit_member(world, "mx.connection_status.changed", subject)
        if status in JOB_STATUSES and job is not None:
            emit_member(world, "mx.job_status", subject, asked=True)

    def _selecting(self, subject: Record, status: str) -> bool:
        """Whether this is a verification's question which account, which comes after the login was accepted."""
        login = subject.play is not None and subject.play.login
        return status == self.asking and family(subject) == "verification" and not login

    def _job_over(self, world: World, subject: Record, job: Job) -> None:
        if job.skip:
            return
        subject.body.update(aggregated_at=job.started_at, first_job_over=True)
        if self.status(subject) in self.successful:
            subject.body["successfully_aggregated_at"] = world.now
            if JOBS[job.name].family == "aggregation":
                subject.body["last_standard_at"] = world.now  # where the throttle counts from

    def refuses(self, world: World, subject: Record, status: str) -> str | None:
        if status != self.consenting:
            return None
        if not subject.body["is_oauth"]:
            return f"{status} is only for members that use OAuth"
        old = world.now - subject.created_at > self.lifetimes[status]
        return f"{status} is only for members that are younger than an hour" if old else None

    def renew(self, world: World, subject: Record) -> None:
        subject.body["needs_updated_credentials"] = False

    def choices(self, world: World, subject: Record, name: str) -> Sequence[Option]:
        """The member's accounts that can be verified: shown by name, answered by the bank's id."""
        accounts = self.loader.accounts(world, subject)
        return [
            Option(label=a["name"], value=a["id"])
            for a in accounts
            if a["type"] in ELIGIBLE and shared(subject, a["id"])
        ]

    def after_login(self, world: World, subject: Record, job: str) -> str | None:
        """A verification goes on with the choice of an account, if there is one to choose."""
        return "verify" if job == "verify" and self.choices(world, subject, "accounts") else "logged in"

    def adopt(self, world: World, subject: Record, profile: str) -> None:
        if profile != self.loader.profile(subject):
            for mark in (
                "data_first",
                "data_until",
                "data_extended",
            ):  # how far other data reached says nothing of these
                subject.body.pop(mark, None)
        subject.body["profile"] = profile

    def load(self, world: World, subject: Record, profile: str) -> None:
        """The scenario's own data: from now on this login has these accounts."""
        self.adopt(world, subject, profile)
        asked = subject.job.details(MemberJob).fetch if subject.job is not None else []
        self._fetch(world, subject, [what for what in FETCHES["aggregation"] if not asked or what in asked])

    def fetch(self, world: World, subject: Record, job: Job) -> None:
        """What the job that is ending well has fetched: what was asked for, else what its kind fetches."""
        wanted = tuple(job.details(MemberJob).fetch or FETCHES[JOBS[job.name].family])
        if job.loaded:
            wanted = tuple(what for what in wanted if what not in FETCHES["aggregation"])
        details = job.details(MemberJob)
        if wanted and {"mx.aggregation", "mx.history"} <= set(details.tells):  # no row is counted by both
            self._fetch(world, subject, [what for what in wanted if what != "history"])
            recent, details.counts = details.counts, {}
            self._fetch(world, subject, ["accounts", "transactions", "history"])
            details.history_counts, details.counts = details.counts, recent
        elif wanted:
            self._fetch(world, subject, wanted)

    def _fetch(self, world: World, subject: Record, wanted: Sequence[str]) -> None:
        job = subject.job
        details = job.details(MemberJob) if job is not None else MemberJob()
        if details.call == "create" and details.fetch and not details.ready:
            details.ready = True
            emit_member(world, "mx.initial_data_ready", subject)
        fetched = self.loader.load(world, subject, wanted, selected=job.selected if job is not None else None)
        user = world.get("mx.user", subject.owner)
        if user is not None and fetched.counts.keys() & {"transactions_created_count", "transactions_updated_count"}:
            follow(world, SpendingChanged(user.guid))
        details.counts = {name: count + details.counts.get(name, 0) for name, count in fetched.counts.items()}
        details.accounts = list(fetched.verified)
        if fetched.verified:
            follow(world, AccountsVerified(subject.owner))
        subject.body.update(
            has_processed_accounts=True,
            has_processed_transactions="transactions" in wanted or subject.body["has_processed_transactions"],
            has_processed_account_numbers="numbers" in wanted or subject.body["has_processed_account_numbers"],
        )

    def complete(self, world: World, subject: Record, job: Job) -> None:
        """The callbacks of a job that ended well; a verification of nothing sends none."""
        details = job.details(MemberJob)
        for event in details.tells or filter(None, [CALLBACKS.get(JOBS[job.name].family)]):
            if event != "mx.verification" or details.accounts:
                emit_member(world, event, subject)
        emit_member(world, "mx.job_status", subject, asked=True)
        if "transactions_created_count" in details.counts:
            follow(world, DataFetched(subject.owner))

    def trigger(self, world: World, subject: Record | None, event: str) -> None:
        self._trigger(world, subject, event)

    def refresh_at(self, world: World, subject: Record) -> int | None:
        """A day from now, if the member has connected before; else only where its first job has left it waiting."""
        connected = subject.body["successfully_aggregated_at"] is not None
        return world.now + DAY if connected or self.status(subject) in ("CREATED", "UPDATED") else None

    def refresh_wanted(self, world: World, subject: Record) -> bool:
        user, body = world.get("mx.user", subject.owner), subject.body
        unwanted = body["background_aggregation_is_disabled"] or body["needs_updated_credentials"]
        return not unwanted and not (user and user.body["is_disabled"])

    def remove(self, world: World, subject: Record) -> None:
        """Deletes a member with all that hangs on it; when its login was used last is remembered."""
        remember_login(world, subject)
        world.cancel_timers(subject.guid)
        world.remove_below("subject", subject.guid)
        world.remove(guid=subject.guid)
        world.mark(subject, "deleted")
        subject.revision += 1
        subject.updated_at = world.now
        emit_member(world, "mx.member.deleted", subject)
        follow(world, MemberGone(subject.owner))
