"""Where the widget begins, and where it goes while it watches a member.

Sources: the state machine of MX's Connect widget, as its messages and published code show it.
"""

from __future__ import annotations

from mocksrv.engine.play import OpenChallenge
from mocksrv.engine.storage.records import Query, Record
from mocksrv.providers.mx.bank.institutions import Institution
from mocksrv.providers.mx.events.statuses import STATUSES
from mocksrv.providers.mx.http.call import MXError
from mocksrv.providers.mx.pages.messages import CONNECTED, LOAD, LOADED, STEP
from mocksrv.providers.mx.pages.session import (
    CONNECTING,
    CONSENT,
    CREDENTIALS,
    DISCLOSURE,
    DONE,
    ERROR,
    MFA,
    OAUTH_ERROR,
    PATIENCE,
    SEARCH,
    WidgetSession,
    number_of,
)
from mocksrv.providers.mx.people.jobs import start_job
from mocksrv.providers.mx.people.lifecycle import ELIGIBLE
from mocksrv.providers.mx.people.members import read_status
from mocksrv.providers.mx.people.widgets import INSTITUTION_OPTIONS

NO_ACCOUNTS = 1000  # MX's code for a verification without a checking or savings account
REASONS = {"deny": "DENIED", "cancel": "CANCELLED", "fail": "PROVIDER_ERROR"}  # outcome at the bank's page -> MX's word
SESSION_ERROR = "SESSION_ERROR"
WATCHED = frozenset({"CREATED", "RECONNECTED", "UPDATED", "RESUMED"})  # of members that somebody comes back to


def begin(session: WidgetSession) -> None:
    """The first step, with the messages that go before it."""
    session.tell(LOAD)
    step = _first_step(session)
    session.go(step)
    session.tell(LOADED, initial_step=step)


def _first_step(session: WidgetSession) -> str:
    options, state = session.options, session.state
    state["member"] = _asked_member(session)
    member = session.member()
    if member is not None:
        state["institution"] = member.body["institution_code"]
        return _step_of(session, member)
    if "current_microdeposit_guid" in options and session.verifies:
        state["microdeposit"] = options["current_microdeposit_guid"]
        return "microdeposits"
    return DISCLOSURE if session.has(DISCLOSURE) else after_disclosure(session)


def after_disclosure(session: WidgetSession) -> str:
    """The first step of a widget that asks for no member, once it was said what it is for."""
    code = next((session.options[name] for name in INSTITUTION_OPTIONS if session.options.get(name)), None)
    institution = session.call().institutions.get(code) if code is not None else None
    if institution is not None:
        session.state["institution"] = institution.code
        return step_at(session, institution)
    return "verifyExistingMember" if session.verifies and verifiable(session) else SEARCH


def step_at(session: WidgetSession, institution: Institution) -> str:
    """The first step at an institution that was chosen."""
    if institution.is_disabled_by_client:
        return "institutionStatusDetails"
    return CONSENT if session.has(CONSENT) else CREDENTIALS


def _asked_member(session: WidgetSession) -> str | None:
    guid = session.options.get("current_member_guid")
    if not guid:
        return None
    call = session.call()
    with session.page.look() as world:
        return call.member(world, call.user(world, session.user), guid).guid


def _step_of(session: WidgetSession, member: Record) -> str:
    """Where a member is gone on with that the host has named."""
    status, renew = member.body["connection_status"], session.options["update_credentials"]
    asked = member.play is not None and member.play.asked is not None
    if member.play is None:
        return ERROR
    if renew and not asked:
        return CREDENTIALS
    if status == "CHALLENGED":
        return MFA
    if status in ("REJECTED", "EXPIRED") or (status in WATCHED and member.job is None):
        return CONNECTING if run(session, member, "aggregate") else ERROR
    if status == "CONNECTED":
        return _connected_step(session, member)
    if status in ("PENDING", "DENIED"):
        return CREDENTIALS
    return CONNECTING if status in WATCHED else ERROR


def _connected_step(session: WidgetSession, member: Record) -> str:
    """A connected member that is not verified yet is verified where that is what the widget is for."""
    if session.verifies and not _is_verified(session, member):
        session.state["jobs"] = ["verify"]
        return CONNECTING
    return DONE


def _is_verified(session: WidgetSession, member: Record) -> bool:
    with session.page.look() as world:
        return world.count(Query("mx.account_number", subject=member.guid)) > 0


def verifiable(session: WidgetSession) -> list[Record]:
    """The user's members that could be verified without connecting anew."""
    institutions = session.call().institutions
    found = []
    for member in session.members():
        institution = institutions.get(member.body["institution_code"])
        if institution and institution.supports_account_verification and member.play is not None:
            found.append(member)
    return found


def jobs_after_login(session: WidgetSession) -> list[str]:
    """The jobs that follow a login, as the widget was asked for."""
    more = {"verify": session.verifies, "identify": session.options["include_identity"]}
    return [job for job, wanted in more.items() if wanted]


def run(session: WidgetSession, member: Record, job: str) -> bool:
    """Starts a job of a member; whether it could start."""
    try:
        start_job(session.call(), session.user, member.guid, job, echo=True)
    except MXError:
        return False
    return True


# watching a member


def watch(session: WidgetSession) -> None:
    """Looks how the member stands, as a poll does, and goes on where that has changed."""
    member = session.member()
    if member is not None:
        session.page.engine.schedule.catch_up(session.page.sandbox, member.guid)
        session.ask(read_status, member=member.guid)
        member = session.member()
    if member is None:
        _lost(session)
        return
    open_now = [challenge.guid for challenge in open_challenges(member)]
    if session.step == MFA and open_now == session.state.get("asked"):
        return
    session.tell_status(member)
    status, play = member.body["connection_status"], member.playing
    if play.outcome in REASONS:
        _refused(session, member, "IMPEDED" if status == "IMPEDED" else REASONS[play.outcome])
    elif open_now:
        session.state["asked"] = open_now
        session.go(MFA)
    elif status != "PENDING" and not (play.renewable and session.state.get("oauth_uri")):  # else it is at the bank
        _go_on(session, member)


def open_challenges(member: Record) -> list[OpenChallenge]:
    """What the member is asked now."""
    asked = member.playing.asked
    return asked.challenges if asked is not None else []


def _lost(session: WidgetSession) -> None:
    """The member is gone: nobody came back from the bank within the hour, or somebody deleted it."""
    session.tell("mx/connect/oauthError", error_reason=SESSION_ERROR)
    session.state.update(reason=SESSION_ERROR, member=None)
    session.go(OAUTH_ERROR)


def _refused(session: WidgetSession, member: Record, reason: str) -> None:
    session.state["reason"] = reason
    session.go(OAUTH_ERROR)
    session.tell("mx/connect/oauthError", member_guid=member.guid, error_reason=reason)


def _go_on(session: WidgetSession, member: Record) -> None:
    """From a status that asks nothing of the person."""
    status = member.body["connection_status"]
    if member.job is not None or status in WATCHED:
        _wait(session)
    elif status == "CONNECTED":
        _connected(session, member)
    else:
        wanted = STATUSES[status].wants_credentials
        session.go(CREDENTIALS if wanted else ERROR, error=f"status_{status}" if wanted else None)
        guid, number = member.guid, number_of(member)
        session.tell("mx/connect/memberError", member={"guid": guid, "connection_status": number})


def _wait(session: WidgetSession) -> None:
    if session.step != CONNECTING:
        session.go(CONNECTING)
    elif not session.state["slow"] and session.page.sandbox.now() - session.state["since"] >= PATIENCE:
        session.state["slow"] = True
        session.tell(STEP, previous=CONNECTING, current="timeOut")


def _connected(session: WidgetSession, member: Record) -> None:
    """A job has ended well: the next one starts, or all is done."""
    jobs = session.state.get("jobs", [])
    while jobs:
        job, *jobs = jobs
        session.state["jobs"] = jobs
        if run(session, member, job):
            _wait(session)
            return
    if session.verifies and not _can_be_verified(session, member):
        guid = member.guid
        session.tell(
            "mx/connect/invalidData", member_guid=guid, code=NO_ACCOUNTS, member={"guid": guid, "code": NO_ACCOUNTS}
        )
        session.go("verifyError")
        return
    session.tell(CONNECTED, member_guid=member.guid)
    offer = session.options.get("additional_product_option")
    session.go("additionalProduct" if offer and not session.state.get("offered") else DONE)
    session.state["offered"] = True


def _can_be_verified(session: WidgetSession, member: Record) -> bool:
    with session.page.look() as world:
        accounts = world.list(Query("mx.account", subject=member.guid))
    return any(account.body["type"] in ELIGIBLE for account in accounts)
