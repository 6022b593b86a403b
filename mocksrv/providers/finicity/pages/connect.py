"""The addresses of Connect: the link, the visit that it begins, its polls, and what is done in it."""

from __future__ import annotations

from typing import Any

from flask import Response

from mocksrv.engine.problems import YamlError
from mocksrv.engine.scenarios.lookup import UnknownScenario
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers.finicity.connect import link_parameters
from mocksrv.providers.finicity.pages.acts import ACTS
from mocksrv.providers.finicity.pages.lines import line_of
from mocksrv.providers.finicity.pages.visit import (
    CHOICE,
    ENDED,
    FAILURE,
    MFA,
    REVIEW,
    SEARCH,
    SIGN_IN,
    Visit,
    VisitGone,
    kind_of,
    new_visit,
)
from mocksrv.providers.finicity.sessions import Sessions, borrowers_left
from mocksrv.providers.finicity.webhooks import FIX, FULL, JOINT
from mocksrv.providers.pages.page import PageRequest
from mocksrv.providers.pages.questions import questions
from mocksrv.providers.provider import Refusal

MOST_FOUND = 50  # institutions in a list
CANNOT_GO_ON = (UnknownScenario, YamlError)  # the scenario is gone, or its data cannot be made
POLL = 1000  # ms between two questions whether the page is still right


def connect(page: PageRequest) -> Response:
    """The link that the API has handed out: every visit goes through the session from its beginning. HEAD is none."""
    mount: Any = page.provider.mount
    sessions = Sessions.of(mount)
    with page.look() as world:
        session = _session(world, sessions, page)
        closed = sessions.closed(world, session) if session is not None else "unknown"
    if closed is not None:
        return page.says(f"link_{closed}", 404 if closed == "unknown" else 410)
    if page.request.method == "HEAD":
        return page.title()
    with page.change() as world:
        session = sessions.find(world, page.request.args["signature"])
        try:
            sessions.open(world, session)
        except Refusal:  # it was used this very moment
            return page.says("link_used", 410)
        number = new_visit(session)
        world.save_play(session)
    return page.see_other(page.url("visit", signature=session.partner_id, number=number))


def visit(page: PageRequest, signature: str, number: str) -> Response:
    """The present page."""
    return _shown(page, signature, number)


def poll(page: PageRequest, signature: str, number: str) -> Response:
    """The page that has taken the place of the one that was ``seen``; 204 where that is still right."""
    try:
        with page.look() as world:
            at = Visit(page, world, signature, number)
            if at.token == page.request.args.get("seen") and not at.unsettled():
                return page.nothing_new()
    except VisitGone:
        pass  # the page says so
    return _shown(page, signature, number)


def search(page: PageRequest, signature: str, number: str) -> Response:
    """The institutions for what is being typed."""
    try:
        with page.look() as world:
            at = Visit(page, world, signature, number)
            found = _found(at, page.request.args.get("q", "").strip())
    except VisitGone as gone:
        return page.says(gone.key, 410)
    return page.render("found.html", texts=at.texts, address=at.address, turn=at.token, **found)


def act(page: PageRequest, signature: str, number: str, act: str) -> Response:
    """Does what a form asks for, once: a form of a page that is over changes nothing."""
    try:
        with page.change() as world:
            at = Visit(page, world, signature, number)
            at.settle()
            if act in ACTS and at.step != ENDED and page.form.get("turn", at.token) == at.token:
                ACTS[act](at, page.request.form)
            at.keep()
    except (VisitGone, Refusal):
        pass  # the visit is over, or the session has gone on meanwhile: the page says so
    except CANNOT_GO_ON as fault:
        _fail(page, signature, number, str(fault))
    return page.see_other(page.url("visit", signature=signature, number=number))


def _session(world: World, sessions: Sessions, page: PageRequest) -> Record | None:
    """The session of the link; None for one that is unknown here, or says something else than it was made with."""
    given = page.request.args
    try:
        session = sessions.find(world, given.get("signature", ""))
    except Refusal:
        return None
    forged = any(given.get(name) != value for name, value in link_parameters(session).items())
    return None if forged else session


def _fail(page: PageRequest, signature: str, number: str, fault: str) -> None:
    """The session cannot go on: it ends with the host's error."""
    with page.change() as world:
        at = Visit(page, world, signature, number)
        at.sessions.leave(world, at.session, fault)
        at.end("error", FAILURE)
        at.keep()


def _shown(page: PageRequest, signature: str, number: str) -> Response:
    """The page of the present step, with what the host was not told yet."""
    try:
        with page.change() as world:
            at = Visit(page, world, signature, number)
            at.settle()
            at.arrive()
            messages = at.take_messages()
            at.keep()
            line, context = line_of(at), _context(at)
    except VisitGone as gone:
        return page.says(gone.key, 410)
    except CANNOT_GO_ON as fault:
        _fail(page, signature, number, str(fault))
        return _shown(page, signature, number)
    return page.render(f"{at.step}.html", texts=at.texts, messages=messages, line=line, **context)


def _context(at: Visit) -> dict[str, Any]:
    """What the template of the present step is given."""
    body, step = at.session.body, at.step
    borrowers = body.get("borrowers") or []
    context: dict[str, Any] = {
        "address": at.address,
        "turn": at.token,
        "state": at.state,
        "type": at.type,
        "word": body["status"],
        "institution": at.institution,
        "token": at.token,
        "polls": None if step == ENDED else POLL,
        "trouble": at.trouble(),
        "leave": at.leave_to(),
        "can_search": at.type in (FULL, JOINT),
        "borrower": borrowers[body.get("borrower", 0)] if len(borrowers) > 1 else None,
        "borrowers_left": borrowers_left(at.session),
    }
    if step == SEARCH:
        return {**context, **_found(at, at.state["query"])}
    if step == SIGN_IN and at.institution is not None:
        return {**context, "fields": () if body["oauth"] else at.institution.form, "username": _known_login(at)}
    if step == MFA:
        return {**context, "questions": questions(at.session.playing.asked)}
    if step in (CHOICE, REVIEW):
        return {**context, "accounts": at.accounts("discovered" if step == CHOICE else "added"), "kind_of": kind_of}
    return {**context, "bank_url": at.bank_url}


def _known_login(at: Visit) -> str:
    """The user name that is to be repaired."""
    return str(at.session.body.get("username") or "") if at.type == FIX else ""


def _found(at: Visit, asked: str) -> dict[str, Any]:
    """The institutions of a list."""
    status = at.session.body["status"]
    found = at.sessions.matching(at.world, at.session, asked) if asked else at.banks.all()
    if asked and status == "institutionNotFound" and asked == at.session.body.get("query"):
        found = []
    return {"found": found[:MOST_FOUND], "asked": asked, "left_out": max(0, len(found) - MOST_FOUND)}
