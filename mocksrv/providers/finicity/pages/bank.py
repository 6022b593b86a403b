"""The page of a bank that has a login of its own. The session waits for what is decided there."""

from __future__ import annotations

from flask import Response

from mocksrv.engine.scenarios.model import OUTCOMES
from mocksrv.providers.finicity.pages.visit import Visit, VisitGone, kind_of
from mocksrv.providers.pages.hints import sandbox_line
from mocksrv.providers.pages.page import PageRequest
from mocksrv.providers.provider import Refusal

HERE = "here"  # of the address: Connect itself has gone to the bank, and comes back


def bank(page: PageRequest, signature: str, number: str) -> Response:
    """The bank asks for a login."""
    return _page(page, signature, number, "sign_in")


def decide(page: PageRequest, signature: str, number: str) -> Response:
    """What the person did at the bank: signed in, or decided."""
    form = page.request.form
    do = form.get("do", "")
    if do not in OUTCOMES:
        empty = not (form.get("username", "").strip() and form.get("password", ""))
        return _page(page, signature, number, "sign_in" if empty else "consent", wrong=empty)
    if do == "approve" and "choice" in form and "account" not in form:
        return _page(page, signature, number, "consent", wrong=True)
    try:
        with page.change() as world:
            at = Visit(page, world, signature, number)
            if do == "approve" and "account" in form:
                at.session.body["chosen"] = at.sessions.accounts_named(world, at.session, form.getlist("account"))
            at.sessions.consent(world, at.session, do)
    except (VisitGone, Refusal):
        return page.says("bank_gone", 410)
    return _back(page, at)


def settle(page: PageRequest, signature: str, number: str) -> Response:
    """Asked again and again where the scenario answers by itself: as soon as it has, the bank leads back."""
    try:
        with page.look() as world:
            at = Visit(page, world, signature, number)
    except VisitGone:
        return page.says("bank_gone", 410)
    play = at.session.playing
    return page.nothing_new() if play.consent is not None and not play.outcome else _back(page, at)


def _page(page: PageRequest, signature: str, number: str, shown: str, *, wrong: bool = False) -> Response:
    try:
        with page.change() as world:
            at = Visit(page, world, signature, number)
            consent, institution = at.session.playing.consent, at.institution
            if consent is None or institution is None:  # it was decided already, perhaps by the scenario itself
                return page.see_other(at.address) if HERE in page.request.values else page.says("bank_gone", 410)
            if shown == "consent":
                at.sessions.discover(world, at.session)
                at.keep()
            accounts, line = at.accounts("discovered"), sandbox_line(page.sandbox, world, at.session)
    except VisitGone:
        return page.says("bank_gone", 410)
    here = {HERE: "yes"} if HERE in page.request.values else {}
    own = {"signature": signature, "number": number}
    return page.render(
        "bank.html",
        texts=at.texts,
        line=line,
        name=institution.name,
        code=str(institution.id),
        shown=shown,
        wrong=wrong,
        accounts=[{"id": each.guid, "name": each.body["name"], "kind": kind_of(each, at.texts)} for each in accounts],
        kept=here,
        auto=consent.auto,
        address=page.url("decide", **own),
        settle=page.url("settle", **own, **here),
    )


def _back(page: PageRequest, at: Visit) -> Response:
    """To Connect, where it has gone to the bank itself; else its own window has done its work."""
    if HERE not in page.request.values:
        return page.render("bankDone.html", texts=at.texts, leave=None)
    if page.by_script:
        return page.render("bankDone.html", texts=at.texts, leave=at.address)
    return page.see_other(at.address)
