"""The addresses of the widget: its one-time link, its session, its polls, and what is done in it."""

from __future__ import annotations

from typing import Any

from flask import Response

from mocksrv.engine.storage.records import Record, dumps
from mocksrv.providers.mx.http.call import MXError
from mocksrv.providers.mx.http.versions import ACCOUNT_TYPES
from mocksrv.providers.mx.pages import deposits
from mocksrv.providers.mx.pages.acts import ACTS, prepare_oauth
from mocksrv.providers.mx.pages.lines import line_of
from mocksrv.providers.mx.pages.messages import LOAD
from mocksrv.providers.mx.pages.session import (
    CONNECTING,
    CONSENT,
    CREDENTIALS,
    MFA,
    SEARCH,
    SessionGone,
    WidgetSession,
)
from mocksrv.providers.mx.pages.steps import begin, verifiable, watch
from mocksrv.providers.mx.people.microdeposits import KNOWN_ROUTING_NUMBERS
from mocksrv.providers.mx.people.widgets import CONNECT, KIND, begin_session, by_link
from mocksrv.providers.pages.page import PageRequest
from mocksrv.providers.pages.questions import questions

MOST_FOUND = 50  # institutions in a list
POLL = {CONNECTING: 400, MFA: 1000, CREDENTIALS: 1000}  # step -> ms between polls, while something is waited for
MANUAL_TYPES = tuple(name for name in ACCOUNT_TYPES if name not in ("ANY", "CHECKING_LINE_OF_CREDIT", "PREPAID"))
SHORT_WORD = 2  # letters from which a search is told
REASONS_TO_LEAVE = ("unused", "moved", "privacy", "other")


def widget(page: PageRequest, kind: str, link: str) -> Response:
    """The link that the API has handed out: good for one visit, which goes on in a session. HEAD is no visit."""
    with page.look() as world:
        record = by_link(world, KIND, link)
    if record is None or record.body["options"]["widget_type"].removesuffix("_widget") != kind:
        return page.says("link_unknown", 404)
    if record.body["used_at"] is None and page.request.method == "HEAD":
        return page.title()
    with page.change() as world:
        record = by_link(world, KIND, link)
        if record is None or record.body["used_at"] is not None:
            return page.says("link_used", 410)
        session_link = begin_session(world, record, page.host_origin)
    if kind == CONNECT.removesuffix("_widget"):
        _begin(WidgetSession(page, session_link))
    return page.see_other(page.url("session", link=session_link))


def session(page: PageRequest, link: str) -> Response:
    """The present step."""
    try:
        return _shown(WidgetSession(page, link))
    except SessionGone:
        return page.says("session_gone", 410)


def poll(page: PageRequest, link: str) -> Response:
    """The present step, as soon as it is another than the one that was ``seen``; 204 before."""
    try:
        at = WidgetSession(page, link)
    except SessionGone:
        return page.says("session_gone", 410)
    before = dumps(at.state)
    if _polls(at, at.member()) is not None:
        watch(at)
    if dumps(at.state) == before:
        return page.nothing_new() if at.is_seen() else _shown(at)
    if not at.save():
        return page.nothing_new()
    if prepare_oauth(at):
        at.save()
    return _shown(at)


def act(page: PageRequest, link: str, act: str) -> Response:
    """Does what a form asks for, once: a form of a step that is over changes nothing."""
    try:
        at = WidgetSession(page, link)
    except SessionGone:
        return page.says("session_gone", 410)
    does = ACTS.get(act)
    present = str(at.state["turn"])
    if does is not None and page.form.get("turn", present) == present and at.claim():
        does(at, page.form)
        prepare_oauth(at)
        at.save(over=True)
    return page.see_other(page.url("session", link=link))


def search(page: PageRequest, link: str) -> Response:
    """The institutions that fit what was typed."""
    try:
        at = WidgetSession(page, link)
    except SessionGone:
        return page.says("session_gone", 410)
    return page.render("found.html", texts=at.texts, **_found(at, page.request.args.get("q", "")), **_common(at))


def _begin(at: WidgetSession) -> None:
    """The first step, by the one visit of the link: what it makes is made once, however often its page is shown."""
    try:
        begin(at)
    except MXError:
        return  # the member that the host has named is gone, which the page says
    prepare_oauth(at)
    at.save()


def _shown(at: WidgetSession) -> Response:
    """The page of the present step, with what the host was not told yet."""
    page, options = at.page, at.options
    if options["widget_type"] != CONNECT:
        at.tell(LOAD)
        return _render(at, "placeholder.html", kind=options["widget_type"])
    if not at.step:
        return page.says("member_gone", 404)
    template = f"{at.state.get('view') or at.step}.html" if at.step != deposits.STEP else "microdeposits.html"
    return _render(at, template)


def _render(at: WidgetSession, template: str, **more: Any) -> Response:
    member, options = at.member(), at.options
    scheme = options["color_scheme"]
    return at.page.render(
        template,
        texts=at.texts,
        scheme=scheme,
        target=at.state["origin"],
        line=line_of(at, member),
        messages=at.take_messages(),
        **_common(at),
        **_of_step(at, member),
        **more,
    )


def _common(at: WidgetSession) -> dict[str, Any]:
    address = at.page.url("session", link=at.link)
    return {
        "address": address,
        "turn": at.state["turn"],
        "at": at,
        "state": at.state,
        "institution": at.institution,
        "options": at.options,
    }


def _of_step(at: WidgetSession, member: Record | None) -> dict[str, Any]:
    """What the template of the present step is given."""
    status = member.body["connection_status"] if member is not None else None
    common: dict[str, Any] = {
        "member": member,
        "connection_status": status,
        "polls": _polls(at, member),
        "ping": dumps(_told(at, "mx/ping")),
        "focus": dumps(_told(at, "mx/focusTrap")),
        "host_back": at.page.url("act", link=at.link, act="navigate"),
    }
    if at.step == SEARCH:
        told = _told(at, "mx/connect/institutionSearch", query="")
        return {**common, **_found(at, ""), "searching": dumps(told), "shortest": SHORT_WORD}
    if at.step == CONSENT:
        return {**common, "shared": _shared(at)}
    if at.step == CREDENTIALS and at.institution is not None:
        told = _told(at, "mx/connect/oauthRequested", url=at.state.get("oauth_uri"), member_guid=at.state.get("member"))
        fields = at.call().institutions.credentials(at.institution)
        return {**common, "fields": fields, "requested": dumps(told)}
    if at.step == MFA and member is not None and member.play is not None:
        return {**common, "questions": questions(member.play.asked)}
    if at.step == "verifyExistingMember":
        return {**common, "members": verifiable(at)}
    if at.step == deposits.STEP:
        deposit = deposits.present(at)
        return {**common, "deposit": deposit, "shown": deposits.page_of(at, deposit)}
    return {**common, "types": MANUAL_TYPES, "reasons": REASONS_TO_LEAVE}


def _shared(at: WidgetSession) -> list[str]:
    """What the app asks for, as the widget's options say."""
    options = at.options
    asked = {
        "accounts": True,
        "transactions": options["include_transactions"],
        "numbers": at.verifies,
        "owners": options["include_identity"],
    }
    return [name for name, wanted in asked.items() if wanted]


def _polls(at: WidgetSession, member: Record | None) -> int | None:
    """How often the page asks whether something is new; None where nothing can be."""
    if not at.state["member"] or at.state["view"]:
        return None
    if at.step == CREDENTIALS and member is not None and member.body["connection_status"] != "PENDING":
        return None
    return POLL.get(at.step)


def _told(at: WidgetSession, type: str, **metadata: Any) -> Any:
    """A message that the page's script sends by itself."""
    waiting, at.state["messages"] = at.state["messages"], []
    at.tell(type, **metadata)
    told, at.state["messages"] = at.state["messages"], waiting
    return told[0] if told else None


def _found(at: WidgetSession, asked: str) -> dict[str, Any]:
    """The institutions of a list: those that fit, or the favourites."""
    institutions = at.call().institutions
    if asked.strip().isdecimal() and len(asked.strip()) == len("091000019"):
        known = institutions.get(KNOWN_ROUTING_NUMBERS.get(asked.strip(), ""))
        found = [known] if known is not None else []
    elif asked.strip():
        supports = {"supports_account_verification": True} if at.verifies else {}
        found = institutions.search(asked, at.options.get("iso_country_code") or (), supports)
    else:
        found = [each for each in institutions.favorites() if each.supports_account_verification or not at.verifies]
    return {"found": found[:MOST_FOUND], "asked": asked, "left_out": max(0, len(found) - MOST_FOUND)}
