"""The jobs of a member: aggregation, verification and the other calls that make MX go to the bank; answers, and the
bank's page.

Sources: MX's Platform API reference (replies, throttle, quota), the deposit account guide (sequence), the Nexus pages
(refusals).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import fields, validate

from mocksrv.engine.clock import HOUR
from mocksrv.engine.scenarios.choosing import MOCK
from mocksrv.engine.storage.records import Record
from mocksrv.engine.waiting import NotWaiting
from mocksrv.engine.world import World
from mocksrv.providers.http import Reply
from mocksrv.providers.mx.events.jobs import MemberJob
from mocksrv.providers.mx.events.statuses import STATUSES, VERIFY_FROM
from mocksrv.providers.mx.http.call import FORBIDDEN, MEMBER, Call, MXError, Routes
from mocksrv.providers.mx.http.schemas import Document
from mocksrv.providers.mx.http.versions import parameters
from mocksrv.providers.mx.people.lifecycle import FETCHES, family
from mocksrv.providers.mx.people.members import (
    REFERRALS,
    WAY_BACK,
    CredentialValue,
    institution_of,
    oauth_uri,
    render,
)

routes = Routes()
THROTTLE = 3 * HOUR  # after a successful standard aggregation
NEVER_THROTTLED = ("mxbank", MOCK)
BALANCE_CHECKS, BALANCE_WINDOW = 5, 2 * HOUR
# What each premium job needs of an institution, and what MX says when it lacks it.
PREMIUM = {
    "verify": ("supports_account_verification", "instant account verification"),
    "identify": ("supports_account_identification", "account identification"),
    "history": ("supports_transaction_history", "extended transaction history"),
    "statements": ("supports_account_statement", "account statements"),
}


class AnswersSchema(Document):
    challenges = fields.List(fields.Nested(CredentialValue), required=True, validate=validate.Length(min=1))


ANSWERS = AnswersSchema()


def start_job(
    call: Call, user: str, member: str, job: str, *, done: int = 202, echo: bool = False, fetch: Sequence[str] = ()
) -> Reply:
    """A call that starts a job, which fetches what its kind does, or what ``fetch`` names. The same one while it runs
    is accepted and starts nothing; another one is refused.
    """
    details = MemberJob(call=job, headers=dict(call.callback_headers) if echo else {}, fetch=list(fetch))
    with call.change() as world:
        owner = call.user(world, user)
        record = call.member(world, owner, member)
        wanted = call.mount.role.jobs[job].family
        running = family(record) if record.body["is_being_aggregated"] else None  # nothing runs while PENDING
        if running == wanted:
            return Reply({"member": render(call, record, owner)}, 202)
        supersedes = running is not None and job == "verify" and _just_created(record)
        if running is not None and (not supersedes or call.mount.fidelity == "wire"):
            raise MXError(409, f"Member {member} is being aggregated by another job ({running})", FORBIDDEN)
        _check_startable(call, world, record, job)
        if not (job == "aggregate" and _throttled(world, record)):
            call.engine.player.start(world, record, job, supersedes=supersedes, details=details)
        return Reply({"member": render(call, record, owner)}, done)


def _just_created(record: Record) -> bool:
    """Whether the running job is the one that the member's creation started, with nothing asked: verify may take its
    place.
    """
    play = record.play
    if play is None or play.job is None:
        return False
    return play.job.details(MemberJob).call == "create" and play.asked is None


def _check_startable(call: Call, world: World, record: Record, job: str) -> None:
    """Raises MXError 400, 409 or 429 when the job cannot start."""
    status = record.body["connection_status"]
    if job in PREMIUM:
        field, feature = PREMIUM[job]
        if not getattr(institution_of(call, record), field):
            raise MXError(400, f"Member's institution does not support {feature}.", FORBIDDEN)
    if status is None:
        raise MXError(409, f"Member {record.guid} has no credentials and is never aggregated", FORBIDDEN)
    if not (status in VERIFY_FROM if job == "verify" else STATUSES[status].jobs):
        raise MXError(409, f"A member that is {status} cannot start this job", FORBIDDEN)
    if record.body["needs_updated_credentials"]:
        raise MXError(409, f"Member {record.guid} needs updated credentials: no job starts before", FORBIDDEN)
    if job == "balance":
        recent = [at for at in record.body.get("balance_checks", []) if at > world.now - BALANCE_WINDOW]
        if len(recent) >= BALANCE_CHECKS and not str(record.body["institution_code"]).startswith(MOCK):
            raise MXError(429, f"Balances can be checked {BALANCE_CHECKS} times in two hours", FORBIDDEN)
        record.body["balance_checks"] = [*recent, world.now]


def _exempt(record: Record) -> bool:
    return str(record.body["institution_code"]).startswith(NEVER_THROTTLED)


def _throttled(world: World, record: Record) -> bool:
    last = record.body.get("last_standard_at")
    return last is not None and world.now < last + THROTTLE and not _exempt(record)


@routes.add("POST", f"{MEMBER}/aggregate", "aggregateMember", by_id=True)
def aggregate(call: Call, user: str, member: str) -> Reply:
    choices = parameters("aggregation", call.version)
    call.arguments(*choices)
    wanted = {name: call.flag(name) for name in choices}
    left_out = {what for what in ("holdings", "transactions") if wanted.get(f"include_{what}") is False}
    fetch = [what for what in FETCHES["aggregation"] if what not in left_out] if left_out else []
    return start_job(call, user, member, "aggregate", echo=True, fetch=fetch)


# path, MX's name of the operation, our job, the product that it needs, and what else `start_job` is told
PLAIN_JOBS: tuple[tuple[str, str, str, str, dict[str, Any]], ...] = (
    ("verify", "verifyMember", "verify", "account_verification", {"done": 200, "echo": True}),
    ("identify", "identifyMember", "identify", "identity_verification", {}),
    ("check_balance", "checkBalances", "balance", "balance", {}),
    ("extend_history", "extendHistory", "history", "transaction_history", {}),
    ("fetch_statements", "fetchStatements", "statements", "statements", {}),
    ("fetch_rewards", "fetchRewards", "rewards", "rewards", {"done": 200}),
)


def _mount(path: str, operation: str, job: str, product: str, told: Mapping[str, Any]) -> None:
    @routes.add("POST", f"{MEMBER}/{path}", operation, by_id=True, product=product)
    def start(call: Call, user: str, member: str) -> Reply:
        return start_job(call, user, member, job, **told)


for _plain in PLAIN_JOBS:
    _mount(*_plain)


@routes.add("PUT", f"{MEMBER}/resume", "resumeAggregation", by_id=True)
def resume(call: Call, user: str, member: str) -> Reply:
    given = call.load("member", ANSWERS, refusal=400)
    with call.change() as world:
        owner = call.user(world, user)
        record = call.member(world, owner, member)
        if record.play is None:
            raise MXError(405, f"Member {record.guid} has no credentials and is never aggregated")
        try:
            call.engine.player.answer(
                world, record, {answer["guid"]: answer["value"] for answer in given["challenges"]}
            )
        except NotWaiting:
            status = record.body["connection_status"]
            late = "late-answer" if status == "EXPIRED" else None
            raise MXError(405, f"A member that is {status} is not waiting for answers", late) from None
        except ValueError as error:
            raise MXError(400, f"Invalid challenge answers: {error}") from None
        return Reply({"member": render(call, record, owner)}, 202)


@routes.add("GET", f"{MEMBER}/oauth_window_uri", "requestOAuthWindowURI", by_id=True)
def oauth_window_uri(call: Call, user: str, member: str) -> Reply:
    given = call.arguments(
        "client_redirect_url", "enable_app2app", "referral_source", "skip_aggregation", "ui_message_webview_url_scheme"
    )
    if given.get("referral_source", "APP") not in REFERRALS:
        raise MXError(400, "referral_source must be APP or BROWSER")
    skip = call.flag("skip_aggregation")
    back: dict[str, Any] = {name: given[name] for name in WAY_BACK if name in given}
    if "enable_app2app" in back:
        back["enable_app2app"] = call.flag("enable_app2app")
    with call.change() as world:
        owner = call.user(world, user)
        record = call.member(world, owner, member)
        if not record.body["is_oauth"]:
            raise MXError(400, "Member cannot use OAuth", FORBIDDEN)
        record.body["oauth_state"] = world.guid().replace("-", "")
        record.body.update(back)
        play = record.play
        if play is not None:
            play.outcome = ""
        if play is not None and play.consent is not None and play.job is not None and skip is not None:
            play.job.skip = skip
        elif play is not None and play.consent is None:
            play.renewable, play.renewable_skip = True, bool(skip)
        world.save_play(record)
        return Reply({"member": {"guid": record.guid, "oauth_window_uri": oauth_uri(call, record)}})
