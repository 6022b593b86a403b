"""What a person does in the widget. Each act is a function of the visit and of the form's fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mocksrv.engine.acting import CannotAct
from mocksrv.engine.play import Asked
from mocksrv.engine.scenarios.choosing import Choice
from mocksrv.engine.scenarios.model import OUTCOMES
from mocksrv.engine.world import World
from mocksrv.providers.mono.bank.loading import Offer
from mocksrv.providers.mono.customers import CUSTOMER
from mocksrv.providers.mono.lifecycle import NOT_FETCHED
from mocksrv.providers.mono.linking import LINK, code_of, typed_credentials
from mocksrv.providers.mono.pages.visit import (
    CHECKING,
    CHOICE,
    CONSENT,
    END,
    FAILURE,
    LOGIN,
    OTP,
    SEARCH,
    SUCCESS,
    WidgetVisit,
)
from mocksrv.providers.provider import Refusal

Act = Callable[[WidgetVisit, Mapping[str, str]], None]
ACTS: dict[str, Act] = {}
UNAUTHORISED = "REAUTHORISATION_REQUIRED"
REFUSED = frozenset({*NOT_FETCHED, "SYNC_FAILED"})  # what an answer may lead to that is no link
QUESTION, ONE_TIME_CODE = "SECURITY_QUESTION", "OTP"  # as hosts are told; the first is inferred


def act(function: Act) -> Act:
    """Declares an act: its name is the last part of the address that its form is sent to."""
    ACTS[function.__name__] = function
    return function


# the bank and the way to sign in


@act
def select(visit: WidgetVisit, form: Mapping[str, str]) -> None:
    found = visit.mount.institutions.of(visit.page.sandbox.scenarios).find(form.get("institution", ""))
    if found is None or visit.step != SEARCH:
        return
    visit.state.update(institution=found.id, auth_method=found.methods[0])
    visit.tell("institution_selected", institution={"id": found.id, "name": found.name}, authMethod=found.methods[0])
    visit.go(LOGIN)


@act
def switch(visit: WidgetVisit, form: Mapping[str, str]) -> None:
    """Another way to sign in."""
    method, before = form.get("auth_method"), visit.state["auth_method"]
    if visit.step != LOGIN or visit.institution is None or method not in visit.institution.methods or method == before:
        return
    visit.state["auth_method"] = method
    visit.tell("auth_method_switched", prevAuthMethod=before, authMethod=method)
    visit.go(LOGIN)


@act
def back(visit: WidgetVisit, form: Mapping[str, str]) -> None:
    if visit.step == LOGIN and not visit.state["again"]:
        visit.go(SEARCH)
    elif visit.step in (OTP, CHOICE) and not visit.state["scripted"]:
        visit.go(LOGIN)


# signing in


@act
def login(visit: WidgetVisit, form: Mapping[str, str]) -> None:
    """The bank lets in who types anything; it asks for a one-time code, unless the scenario asks itself."""
    institution = visit.institution
    if institution is None or visit.step != LOGIN:
        return
    credentials = typed_credentials(institution, form)
    if credentials is None:
        visit.go(LOGIN, "fields_missing")
        return
    visit.tell("login_attempt")
    with visit.page.change() as world:
        if visit.state["again"]:
            account = visit.account(world)
            scenario = account.playing.scenario if account is not None else ""
        else:
            asked = visit.link.body.get("scenario") if visit.link is not None else None
            choice = visit.widget.choose(world, institution, credentials, asked)
            visit.state["choice"] = list(choice)
            visit.state["customer_id"] = visit.widget.customer(world, _given(visit), visit.link).guid
            scenario = choice.scenario
    visit.state.update(account=None, asked={})
    visit.state["scripted"] = any(step.ask or step.oauth for step in visit.ahead(scenario))
    if visit.state["scripted"]:  # its play asks the questions, so it begins now
        play(visit)
        follow(visit)
    else:
        visit.go(OTP)


@act
def answer(visit: WidgetVisit, form: Mapping[str, str]) -> None:
    """A one-time code, or answers to the scenario's questions."""
    if visit.step != OTP:
        return
    with visit.page.change() as world:
        account = visit.account(world) if visit.state["scripted"] else None
        asked = account.playing.asked if account is not None else None
        questions = asked.challenges if asked is not None else []
        answers = [form.get(f"answer-{place}", "").strip() for place in range(1, 1 + max(1, len(questions)))]
        if "" in answers:
            visit.go(OTP, "fields_missing")
            return
        kinds = {question.type for question in questions}
        visit.tell("mfa_submitted", mfaType=ONE_TIME_CODE if kinds <= {"TOKEN"} else QUESTION)
        if account is not None and questions:
            visit.page.provider.actions().act(world, account, "answer", answers)
    if visit.state["scripted"]:
        follow(visit)
    elif visit.state["again"]:
        play(visit)
        follow(visit)
    else:
        visit.go(CHOICE)


@act
def consent(visit: WidgetVisit, form: Mapping[str, str]) -> None:
    """At a bank that asks for consent on a page of its own."""
    do = form.get("do", "")
    if visit.step != CONSENT or do not in OUTCOMES:
        return
    with visit.page.change() as world:
        account = visit.account(world)
        if account is not None:
            visit.page.provider.actions().act(world, account, do, ())
    follow(visit)
    if visit.step == CONSENT:  # without an approval the account goes on waiting
        visit.fail(f"consent_{OUTCOMES[do]}")


@act
def choose(visit: WidgetVisit, form: Mapping[str, str]) -> None:
    """The account that is linked."""
    if visit.step != CHOICE:
        return
    chosen = form.get("account", "")
    if not visit.state["account"]:
        with visit.page.look() as world:
            places = {str(each.place): each.place for each in offered(visit, world)}
        if chosen not in places:
            visit.go(CHOICE, "account_missing")
            return
        visit.tell("account_selected", selectedAccountsCount=1)
        play(visit, places[chosen])
    else:
        visit.tell("account_selected", selectedAccountsCount=1)
    succeed(visit)


def offered(visit: WidgetVisit, world: World) -> list[Offer]:
    """The accounts that the bank offers the choice of."""
    customer = world.get(CUSTOMER, visit.state["customer_id"])
    if customer is None:
        return []
    profile = next((step.data for step in visit.ahead(visit.state["choice"][0]) if step.data), None)
    return visit.role.loader.offered(world, customer, profile)


# what the account does


def play(visit: WidgetVisit, place: int | None = None) -> None:
    """Links the account, or reauthorises it: its scenario plays. ``place``: which of the person's accounts it is.
    Raises Refusal.
    """
    state = visit.state
    with visit.page.change() as world:
        if state["again"]:
            visit.widget.again(world, state["again"], visit.link)
            return
        choice = Choice(*state["choice"])
        account = visit.widget.link(world, _given(visit), visit.link, choice=choice, place=place)
        state["account"] = account.guid


def follow(visit: WidgetVisit) -> None:
    """Goes on to where the account's play has come."""
    with visit.page.look() as world:
        account = visit.account(world)
    if account is None:
        visit.fail("account_gone")
        return
    running, status = account.playing, account.body["status"]
    waits = status == UNAUTHORISED or (visit.state["scripted"] and status == "PROCESSING")
    if running.asked is not None:
        ask(visit, running.asked)
    elif running.consent is not None:
        if visit.step != CONSENT:
            visit.go(CONSENT)
    elif running.job is not None and waits:
        if visit.step != CHECKING:
            visit.go(CHECKING)
    elif status == UNAUTHORISED:
        visit.fail("reauthorisation_failed")
    elif visit.state["scripted"] and status in REFUSED:
        visit.fail("link_refused")
    elif visit.state["again"]:
        succeed(visit)
    else:
        visit.go(CHOICE)


def ask(visit: WidgetVisit, asked: Asked) -> None:
    """Shows a round of questions. The same ones again mean that the answers were wrong."""
    before: dict[str, str] = visit.state["asked"]
    round_ = {each.guid: each.label for each in asked.challenges}
    if visit.step == OTP and before == round_:
        return
    wrong = list(before.values()) == list(round_.values())
    visit.state["asked"] = round_
    visit.go(OTP, "answer_wrong" if wrong else None)


def succeed(visit: WidgetVisit) -> None:
    """The account is linked, or authorised again; a hosted link has done its work."""
    institution = visit.institution
    named = {"id": institution.id, "name": institution.name} if institution is not None else {}
    visit.tell("account_linked", institution=named)
    if visit.link is not None:
        with visit.page.change() as world:
            link = world.get(LINK, visit.link.guid)
            if link is not None:
                link.body["used_by"] = visit.record.guid
                world.save(link)
    visit.go(SUCCESS)


def _given(visit: WidgetVisit) -> dict[str, Any]:
    """What the app and the person have said, as `Widget.link` takes it."""
    state = visit.state
    customer = {"id": state["customer_id"]} if state["customer_id"] else state["customer"]
    return {
        "institution": state["institution"],
        "auth_method": state["auth_method"],
        "customer": customer,
        "ref": state["reference"],
    }


# the end


@act
def done(visit: WidgetVisit, form: Mapping[str, str]) -> None:
    """The app gets its code."""
    if visit.step != SUCCESS:
        return
    with visit.page.change() as world:
        account = visit.account(world)
        code = code_of(world, account) if account is not None else None
    if code is None:
        visit.fail("account_gone")
        return
    visit.tell("widget.account_linked", code=code)
    visit.state["way"] = "linked"
    visit.go(END)


@act
def close(visit: WidgetVisit, form: Mapping[str, str]) -> None:
    if visit.step in (SUCCESS, END):
        return
    visit.tell("on_exit", pageName=visit.step)
    visit.tell("widget.closed")
    visit.state["way"] = "failed" if visit.step == FAILURE else "closed"
    visit.go(END)


@act
def retry(visit: WidgetVisit, form: Mapping[str, str]) -> None:
    """Once more, after a failure or from the end of a visit that was closed: where the account still waits, there."""
    if visit.step != FAILURE and (visit.step != END or visit.state["way"] == "linked"):
        return
    with visit.page.look() as world:
        account = visit.account(world)
    visit.state.update(asked={}, way="")
    if account is not None and (account.playing.asked is not None or account.playing.consent is not None):
        follow(visit)
        return
    visit.state["account"] = None
    visit.go(LOGIN if visit.institution is not None else SEARCH)


def perform(visit: WidgetVisit, name: str, form: Mapping[str, str]) -> None:
    """Does an act. What the sandbox refuses is shown, and told to the host."""
    try:
        ACTS[name](visit, form)
    except CannotAct:  # it has run out meanwhile
        follow(visit)
    except Refusal as refusal:
        visit.fail("request_refused", refusal.detail)
