"""The bank's page of an OAuth login, and MX's page at its end.

Sources: MX's OAuth guides (the two ways back to the app, reasons of errors), its mobile SDKs (messages).
"""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Response

from mocksrv.engine.acting import CannotAct
from mocksrv.engine.scenarios.model import OUTCOMES
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.mx.pages.steps import REASONS
from mocksrv.providers.pages.hints import sandbox_line
from mocksrv.providers.pages.page import PageRequest

ERRORS = {"deny": "access_denied", "cancel": "user_cancelled", "fail": "server_error"}  # as the bank says them
WEB = ("http://", "https://")


def authorize(page: PageRequest) -> Response:
    """The bank asks for a login, then for consent."""
    state = page.request.args.get("state", "")
    with page.look() as world:
        member = _waiting(world, state)
    return page.says("bank_gone", 410) if member is None else _bank(page, member, state, "sign_in")


def decide(page: PageRequest) -> Response:
    """What the person did at the bank: signed in, or decided. A decision leads to MX, once."""
    form, state = page.form, page.form.get("state", "")
    with page.look() as world:
        member = _waiting(world, state)
    if member is None:
        return page.says("bank_gone", 410)
    do = form.get("do", "")
    if do not in OUTCOMES:
        empty = not (form.get("username", "").strip() and form.get("password", ""))
        return _bank(page, member, state, "sign_in" if empty else "consent", wrong=empty)
    if do == "approve" and "choice" in form and "account" not in form:
        return _bank(page, member, state, "consent", wrong=True)
    accounts = {"accounts": ",".join(page.request.form.getlist("account"))} if "account" in form else {}
    answer = {"code": state[::-1], **accounts} if do == "approve" else {"error": ERRORS[do]}
    return page.see_other(f"{page.url('redirect_from')}?{urlencode({**answer, 'state': state})}")


def settle(page: PageRequest) -> Response:
    """Asked again and again where the scenario answers by itself: as soon as it has, the bank leads back."""
    with page.change() as world:
        member = _of_state(world, page.request.args.get("state", ""))
        if member is None or member.play is None or not member.play.outcome:
            return page.nothing_new()
        outcome = member.play.outcome
        member.body["oauth_state"] = None
        world.save_play(member)
    return _back_to_app(page, member, REASONS.get(outcome))


def redirect_from(page: PageRequest) -> Response:
    """The bank leads back: the member goes on, then the app is told, by a message or by its own address."""
    given = page.request.args
    error = given.get("error")
    do = next((name for name, word in ERRORS.items() if word == error), "fail" if error else "approve")
    with page.change() as world:
        member = _waiting(world, given.get("state", ""))
        if member is None or not (error or given.get("code")):
            return page.says("bank_gone", 410)
        member.body["oauth_state"] = None  # an address is good for one visit
        if given.get("accounts"):
            member.body["consented_accounts"] = given["accounts"].split(",")
        try:
            page.provider.actions().act(world, member, do, ())
        except CannotAct:
            return page.says("bank_gone", 410)
    return _back_to_app(page, member, REASONS.get(do))


def _back_to_app(page: PageRequest, member: Record, reason: str | None) -> Response:
    told = {"member_guid": member.guid, **({"error_reason": reason} if reason else {})}
    word = "error" if reason else "success"
    body = member.body
    if body.get("referral_source") == "APP":
        query = urlencode({"status": word, **told})
        target = body.get("client_redirect_url")
        if target:
            target = f"{target}{'&' if '?' in target else '?'}{query}"
        else:
            target = f"{body.get('ui_message_webview_url_scheme') or 'mx'}://oauth_complete?{query}"
        if target.startswith(WEB) and not page.by_script:
            return page.see_other(target)
        return _complete(page, member, reason, leave=target)
    message = {"post": {"mx": True, "type": f"oauthComplete/{word}", "metadata": told}}
    return _complete(page, member, reason, messages=[message])


def _complete(page: PageRequest, member: Record, reason: str | None, **more: object) -> Response:
    texts = page.texts(page.request.headers.get("Accept-Language"))
    context = {"leave": None, "messages": [], **more}
    return page.render("complete.html", texts=texts, member=member, reason=reason, **context)  # type: ignore[arg-type]


def _waiting(world: World, state: str) -> Record | None:
    """The member whose login this is."""
    found = _of_state(world, state)
    if found is None or found.play is None:
        return None
    return found if found.play.consent is not None or found.play.renewable else None


def _of_state(world: World, state: str) -> Record | None:
    return next(iter(world.list(Query("mx.member", body={"oauth_state": state}, limit=1))), None) if state else None


def _bank(page: PageRequest, member: Record, state: str, shown: str, *, wrong: bool = False) -> Response:
    texts = page.texts(page.request.headers.get("Accept-Language"))
    consent = member.playing.consent
    with page.look() as world:
        accounts = page.provider.role.loader.accounts(world, member)  # type: ignore[attr-defined]
        line = sandbox_line(page.sandbox, world, member)
    return page.render(
        "bank.html",
        texts=texts,
        line=line,
        shown=shown,
        wrong=wrong,
        name=member.body["institution_name"],
        code=member.body["institution_code"],
        accounts=[{**each, "kind": each["type"].replace("_", " ").capitalize()} for each in accounts],
        kept={"state": state},
        auto=consent.auto if consent is not None else None,
        address=page.url("decide"),
        settle=f"{page.url('settle')}?{urlencode({'state': state})}",
    )
