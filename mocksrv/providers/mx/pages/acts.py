"""What a person does in the widget. Each act is a function of the session and of the form's fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mocksrv.engine.storage.records import Query, Record
from mocksrv.providers.mx.http.call import MXError
from mocksrv.providers.mx.money.manual_accounts import create as create_manual_account
from mocksrv.providers.mx.pages import deposits
from mocksrv.providers.mx.pages.messages import BACK_TO_SEARCH
from mocksrv.providers.mx.pages.session import (
    CONNECTING,
    CREDENTIALS,
    DISCLOSURE,
    DONE,
    SEARCH,
    WidgetSession,
)
from mocksrv.providers.mx.pages.steps import (
    after_disclosure,
    jobs_after_login,
    open_challenges,
    run,
    step_at,
    watch,
)
from mocksrv.providers.mx.people import jobs, logins
from mocksrv.providers.mx.people.members import create_member, delete_member, update_member

Act = Callable[[WidgetSession, Mapping[str, str]], None]
NO_WAY_BACK = frozenset({SEARCH, DISCLOSURE, "verifyExistingMember"})  # steps that a host's back does not leave
ACTS: dict[str, Act] = {}


def act(function: Act) -> Act:
    """Declares an act: its name is the last part of the address that its form is sent to."""
    ACTS[function.__name__.rstrip("_")] = function
    return function


# choosing a bank


@act
def select(session: WidgetSession, form: Mapping[str, str]) -> None:
    institution = session.call().institutions.get(form.get("institution", ""))
    if institution is None:
        return
    session.state.update(institution=institution.code, member=None, oauth_uri=None)
    chosen = {
        "code": institution.code,
        "guid": institution.guid,
        "name": institution.name,
        "url": institution.url or "",
    }
    session.tell("mx/connect/selectedInstitution", **chosen)
    session.go(step_at(session, institution))


@act
def disclosed(session: WidgetSession, form: Mapping[str, str]) -> None:
    """What the widget is for was read."""
    session.go(after_disclosure(session))


@act
def consented(session: WidgetSession, form: Mapping[str, str]) -> None:
    """The institution may be read."""
    session.go(CREDENTIALS)


@act
def back(session: WidgetSession, form: Mapping[str, str]) -> None:
    session.tell("mx/connect/backButtonClicked")
    _to_search(session)


@act
def navigate(session: WidgetSession, form: Mapping[str, str]) -> None:
    """The host's own back button."""
    stays = session.step in NO_WAY_BACK or session.options["disable_institution_search"]
    if not stays:
        _to_search(session)
    session.tell("mx/navigation", did_go_back=not stays)


def _to_search(session: WidgetSession, context: str | None = None) -> None:
    session.state.update(institution=None, member=None, microdeposit=None, oauth_uri=None, jobs=[])
    session.tell(BACK_TO_SEARCH, **({"context": context} if context else {}))
    session.go(SEARCH)


# logging in


@act
def credentials(session: WidgetSession, form: Mapping[str, str]) -> None:
    """The login, of a new member or of one that is there."""
    institution, member = session.institution, session.member()
    if institution is None:
        return
    fields = session.call().institutions.credentials(institution)
    given = [{"guid": field.guid, "value": form.get(field.field_name, "")} for field in fields]
    named = {"code": institution.code, "guid": institution.guid}
    if member is not None:
        session.tell("mx/connect/updateCredentials", institution=named, member_guid=member.guid)
    else:
        session.tell("mx/connect/enterCredentials", institution=named)
    if "" in (each["value"] for each in given):
        session.show(None, error="fields_missing")
        return
    try:
        if member is not None:
            session.ask(update_member, {"member": {"credentials": given}}, member=member.guid)
        else:
            _create(session, {"institution_code": institution.code, "credentials": given})
    except MXError as error:
        _not_created(session, error, {each["guid"]: each["value"] for each in given})
        return
    session.state["jobs"] = jobs_after_login(session)
    session.go(CONNECTING)


def _create(session: WidgetSession, member: Mapping[str, object]) -> None:
    options = session.options
    body: dict[str, object] = {
        "member": {
            **member,
            "background_aggregation_is_disabled": options["disable_background_agg"],
            "use_cases": options.get("use_cases") or [],
        }
    }
    if options.get("data_request"):
        body["data_request"] = options["data_request"]
    if member.get("is_oauth"):
        body |= _way_back(session)
    fetch = () if options["include_transactions"] else ("accounts", "holdings")
    made = session.ask(create_member, body, fetch=fetch)["member"]
    session.state["member"] = made["guid"]


def _way_back(session: WidgetSession) -> dict[str, object]:
    """How the bank's page comes back to the app."""
    options = session.options
    names = ("client_redirect_url", "enable_app2app", "ui_message_webview_url_scheme")
    given = {name: options[name] for name in names if options.get(name) is not None}
    return {**given, "referral_source": options["oauth_referral_source"]}


def _not_created(session: WidgetSession, error: MXError, credentials: Mapping[str, str]) -> None:
    institution = session.institution
    assert institution is not None, "members are made at institutions"
    twin = _twin(session, credentials) if error.status == 409 else None
    if twin is not None:
        session.state["member"] = twin.guid
        session.go("existingMember")
        return
    session.tell("mx/connect/createMemberError", institution_guid=institution.guid, institution_code=institution.code)
    session.state["said"] = error.message
    session.show(None, error="not_created")


def _twin(session: WidgetSession, credentials: Mapping[str, str]) -> Record | None:
    """The member that has this login already."""
    institution = session.institution
    if institution is None:
        return None
    key = logins.duplicate_key(logins.login_of(session.call(), institution, credentials))
    with session.page.look() as world:
        return next(
            iter(world.list(Query("mx.member", owner=session.user, body={"duplicate_key": key}, limit=1))), None
        )


@act
def answer(session: WidgetSession, form: Mapping[str, str]) -> None:
    """The answers to the open questions."""
    member = session.member()
    if member is None:
        return
    open_now = open_challenges(member)
    given = [
        {"guid": challenge.guid, "value": form.get(f"answer-{place}", "")}
        for place, challenge in enumerate(open_now, 1)
    ]
    if "" in (each["value"] for each in given):
        session.show(None, error="fields_missing")
        return
    session.tell("mx/connect/submitMFA", member_guid=member.guid)
    session.state["asked"] = None
    session.go(CONNECTING)
    try:
        session.ask(jobs.resume, {"member": {"challenges": given}}, member=member.guid)
    except MXError:
        watch(session)  # it is not asked any more: too late


# at the bank's page


@act
def login(session: WidgetSession, form: Mapping[str, str]) -> None:
    """The bank's page was opened."""
    session.go(CONNECTING)


def prepare_oauth(session: WidgetSession) -> bool:
    """Makes the bank's page of an institution where people log in there, and the member that waits for them, if the
    session has come to that step; whether it had. Where that cannot be, the error is shown.
    """
    institution, member = session.institution, session.member()
    at_bank = member.body["is_oauth"] if member is not None else institution and institution.supports_oauth
    if institution is None or session.step != CREDENTIALS or not at_bank or session.state.get("oauth_uri"):
        return False
    try:
        if member is None:
            _create(session, {"institution_code": institution.code, "is_oauth": True})
            session.state.update(jobs=jobs_after_login(session), told="PENDING")
        query = {name: str(value) for name, value in _way_back(session).items()}
        asked = session.ask(jobs.oauth_window_uri, None, query, member=session.state["member"])
        session.state["oauth_uri"] = asked["member"]["oauth_window_uri"]
    except MXError as error:
        _not_created(session, error, {})
    return True


@act
def again(session: WidgetSession, form: Mapping[str, str]) -> None:
    """Another try at the bank's page."""
    session.state["oauth_uri"] = None
    session.go(CREDENTIALS)


# after errors, and at the end


@act
def retry(session: WidgetSession, form: Mapping[str, str]) -> None:
    """Tries to connect once more: by a job, or where none may start by the login."""
    member = session.member()
    session.tell("mx/connect/memberError/primaryAction")
    if member is None:
        _to_search(session)
    elif member.play is not None and run(session, member, "aggregate"):
        session.state["jobs"] = jobs_after_login(session)
        session.go(CONNECTING)
    else:
        session.go(CREDENTIALS)


@act
def renew(session: WidgetSession, form: Mapping[str, str]) -> None:
    """New credentials for the present member."""
    session.go(CREDENTIALS)


@act
def done(session: WidgetSession, form: Mapping[str, str]) -> None:
    if session.step == DONE:
        session.tell("mx/connect/connected/primaryAction")
    _to_search(session)


@act
def offer(session: WidgetSession, form: Mapping[str, str]) -> None:
    """Whether the additional product is wanted."""
    member = session.member()
    job = "verify" if session.options["additional_product_option"] == "account_verification" else "aggregate"
    if form.get("wanted") == "yes" and member is not None and run(session, member, job):
        session.go(CONNECTING)
    else:
        session.go(DONE)


@act
def existing(session: WidgetSession, form: Mapping[str, str]) -> None:
    """A member that is there already is the one to verify."""
    session.state.update(member=form.get("member"))
    member = session.member()
    if member is None:
        return
    session.state.update(institution=member.body["institution_code"], jobs=["verify"])
    if member.body["needs_updated_credentials"]:
        session.go(CREDENTIALS)
    else:
        session.go(CONNECTING)


@act
def another(session: WidgetSession, form: Mapping[str, str]) -> None:
    """Another bank than those that are there."""
    session.state.update(institution=None, member=None)
    session.go(SEARCH)


@act
def delete(session: WidgetSession, form: Mapping[str, str]) -> None:
    session.show("survey")


@act
def keep(session: WidgetSession, form: Mapping[str, str]) -> None:
    session.show(None)


@act
def deleted(session: WidgetSession, form: Mapping[str, str]) -> None:
    member = session.member()
    if member is None:
        _to_search(session)
        return
    session.state["gone"] = member.body["name"]
    session.ask(delete_member, member=member.guid)
    session.tell("mx/connect/memberDeleted", member_guid=member.guid)
    session.state["member"] = None
    session.go("deleteMemberSuccess")


# accounts by hand


@act
def manual(session: WidgetSession, form: Mapping[str, str]) -> None:
    session.go("addManualAccount")


@act
def track(session: WidgetSession, form: Mapping[str, str]) -> None:
    """A manual account is to be kept."""
    try:
        balance = float(form.get("balance") or 0)
        account = {"name": form.get("name", "").strip(), "account_type": form.get("type", ""), "balance": balance}
        made = session.ask(create_manual_account, {"account": account})["account"]
    except (ValueError, MXError):
        session.show(None, error="manual_wrong")
        return
    session.tell("mx/account/created", guid=made["guid"])
    _to_search(session, "manualAccountAdded")


for _name, _function in deposits.ACTS.items():
    ACTS[_name] = _function
ACTS["deposit_done"] = deposits.leaving(_to_search)
