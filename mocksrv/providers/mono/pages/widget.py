"""The addresses of the widget: hosted links, the widget itself, its visits, their polls, and what is done in them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Response, send_from_directory

from mocksrv.engine.storage.records import Record, dumps
from mocksrv.providers.mono.linking import LINK
from mocksrv.providers.mono.pages.acts import ACTS, follow, offered, perform
from mocksrv.providers.mono.pages.lines import line_of
from mocksrv.providers.mono.pages.opening import CannotOpen, begin, by_link, by_query
from mocksrv.providers.mono.pages.visit import (
    CHECKING,
    CHOICE,
    CONSENT,
    END,
    LOGIN,
    OTP,
    SEARCH,
    SUCCESS,
    VisitGone,
    WidgetVisit,
)
from mocksrv.providers.pages.page import PageRequest, folder_of
from mocksrv.providers.pages.questions import questions

MOST_FOUND = 50  # institutions in a list
POLL = {CHECKING: 400, OTP: 1000, CONSENT: 1000, SUCCESS: 1000}  # step -> ms between polls, while a play may go on
# How a visit ended -> what the app finds in the query of its `redirect_url`. Inferred: Mono does not document it.
WAYS_BACK = {
    "linked": {"status": "successful", "reason": "account_linked"},
    "closed": {"status": "cancelled", "reason": "widget_closed"},
    "failed": {"status": "failed", "reason": "link_failed"},
}


def link(page: PageRequest, code: str) -> Response:
    """A hosted link. It can be opened until its account is linked; HEAD begins nothing."""
    with page.look() as world:
        found = world.get(LINK, code)
    if found is None:
        return page.says("link_unknown", 404)
    if found.body.get("used_by"):
        return page.says("link_used", 410)
    institutions = page.provider.mount.institutions.of(page.sandbox.scenarios)  # type: ignore[attr-defined]
    return _begun(page, by_link(institutions, found))


def widget(page: PageRequest) -> Response:
    """The widget, as Mono's package opens it."""
    institutions = page.provider.mount.institutions.of(page.sandbox.scenarios)  # type: ignore[attr-defined]
    try:
        with page.look() as world:
            opened = by_query(world, institutions, page.request.args)
    except CannotOpen as wrong:
        return page.says(wrong.key, 400, wrong.said)
    return _begun(page, opened)


def _begun(page: PageRequest, opened: dict[str, Any]) -> Response:
    if page.request.method == "HEAD":
        return page.title()
    with page.change() as world:
        made = begin(world, opened, page.host_origin)
    return page.see_other(page.url("visit", id=made.guid))


def visit(page: PageRequest, id: str) -> Response:
    """The present step."""
    try:
        return _shown(WidgetVisit(page, id))
    except VisitGone as gone:
        return page.says(gone.key, 410)


def poll(page: PageRequest, id: str) -> Response:
    """The present step, as soon as it is another than the one that was ``seen``; 204 before."""
    try:
        at = WidgetVisit(page, id)
    except VisitGone as gone:
        return page.says(gone.key, 410)
    if at.step == SUCCESS:  # the script puts it in place where the status has changed
        return _shown(at)
    before = dumps(at.state)
    if _may_go_on(at):
        follow(at)
    if dumps(at.state) == before:
        return page.nothing_new() if at.is_seen() else _shown(at)
    return _shown(at) if at.save() else page.nothing_new()


def act(page: PageRequest, id: str, act: str) -> Response:
    """Does what a form asks for, once: a form of a step that is over changes nothing."""
    try:
        at = WidgetVisit(page, id)
    except VisitGone as gone:
        return page.says(gone.key, 410)
    present = str(at.state["turn"])
    if act in ACTS and page.form.get("turn", present) == present and at.claim():
        perform(at, act, page.form)
        at.save(over=True)
    return page.see_other(page.url("visit", id=id))


def search(page: PageRequest, id: str) -> Response:
    """The institutions that fit what was typed."""
    try:
        at = WidgetVisit(page, id)
    except VisitGone as gone:
        return page.says(gone.key, 410)
    return page.render("found.html", texts=at.texts, **_common(at), **_found(at, page.request.args.get("q", "")))


def shim(page: PageRequest) -> Response:
    """The script that brings Mono's own package here."""
    return send_from_directory(folder_of(page.provider) / "static", "shim.js")


def _shown(at: WidgetVisit) -> Response:
    """The page of the present step, with what the host was not told yet."""
    if not at.step:
        at.go(LOGIN if at.institution is not None else SEARCH)
        at.save()
    account = _account(at)
    return at.page.render(
        f"{at.step}.html",
        texts=at.texts,
        target=at.state["origin"],
        line=line_of(at, account),
        messages=at.take_messages(),
        **_common(at),
        **_of_step(at, account),
    )


def _account(at: WidgetVisit) -> Record | None:
    with at.page.look() as world:
        return at.account(world)


def _common(at: WidgetVisit) -> dict[str, Any]:
    address = at.page.url("visit", id=at.record.guid)
    return {"address": address, "turn": at.state["turn"], "state": at.state, "institution": at.institution}


def _of_step(at: WidgetVisit, account: Record | None) -> dict[str, Any]:
    """What the template of the present step is given."""
    status = account.body["status"] if account is not None else None
    common: dict[str, Any] = {"account": account, "account_status": status, "polls": _polls(at, account)}
    if at.step == SEARCH:
        return {**common, **_found(at, "")}
    if at.step == OTP:
        asked = account.playing.asked if account is not None and at.state["scripted"] else None
        return {**common, "questions": questions(asked)}
    if at.step == CHOICE and account is None:
        with at.page.look() as world:
            return {**common, "offered": offered(at, world)}
    if at.step == END:
        return {**common, "leave": _way_back(at)}
    return common


def _way_back(at: WidgetVisit) -> str | None:
    """The app's own address, with how it went; None where it has given none."""
    target = at.state["redirect_url"]
    if not target:
        return None
    query = {**WAYS_BACK[at.state["way"]], **({"ref": at.state["reference"]} if at.state["reference"] else {})}
    return f"{target}{'&' if '?' in target else '?'}{urlencode(query)}"


def _may_go_on(at: WidgetVisit) -> bool:
    """Whether the account's play may change what is to be shown: a one-time code that no scenario wants just waits."""
    return at.step in POLL and (at.step != OTP or at.state["scripted"])


def _polls(at: WidgetVisit, account: Record | None) -> int | None:
    """How often the page asks whether something is new; None where nothing can be. A play that has gone on between two
    requests is followed by the next of them.
    """
    rests = at.step == SUCCESS and (account is None or account.playing.job is None)
    return POLL[at.step] if _may_go_on(at) and not rests else None


def _found(at: WidgetVisit, asked: str) -> dict[str, Any]:
    """The institutions of a list."""
    found = at.mount.institutions.of(at.page.sandbox.scenarios).search(asked)
    return {"found": found[:MOST_FOUND], "asked": asked, "left_out": max(0, len(found) - MOST_FOUND)}
