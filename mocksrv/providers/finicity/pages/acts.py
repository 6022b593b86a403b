"""What a person does in Connect. Each act is a function of the visit and of the form's fields, and calls what
`POST /_mocksrv/finicity/play` calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from werkzeug.datastructures import MultiDict

from mocksrv.providers.finicity.pages.visit import (
    CHOICE,
    EXIT,
    LANDING,
    NOTHING,
    NOTHING_TO_FIX,
    SEARCH,
    SIGN_IN,
    TERMS,
    Visit,
)
from mocksrv.providers.finicity.webhooks import FIX

Form = MultiDict[str, str]
Act = Callable[[Visit, Form], None]
ACTS: dict[str, Act] = {}


def act(function: Act) -> Act:
    """Declares an act: its name is the last part of the address that its form is sent to."""
    ACTS[function.__name__] = function
    return function


def show(at: Visit, view: str | None = None, *, error: str | None = None) -> None:
    """Shows another page: ``view``, or the one that follows from the session. ``error`` is the key of what it says."""
    at.state.update(view=view, error=error, turn=at.state["turn"] + 1)


# before a bank is chosen


@act
def terms(at: Visit, form: Form) -> None:
    show(at, TERMS)


@act
def agree(at: Visit, form: Form) -> None:
    """The terms of the first page."""
    show(at, NOTHING_TO_FIX if at.healthy() else None)


@act
def search(at: Visit, form: Form) -> None:
    """A search that was meant: the host is told, and the app where nothing is found."""
    query = form.get("q", "").strip()
    if query and query != at.state["query"]:
        at.sessions.search(at.world, at.session, query)
        at.tell_route(query=query)
    at.state["query"] = query


@act
def select(at: Visit, form: Form) -> None:
    """A bank of the list."""
    institution = at.banks.get(form.get("institution", ""))
    if institution is not None:
        at.sessions.choose_institution(at.world, at.session, institution, at.state["query"] or None)
        at.state["query"] = ""
        show(at)


@act
def back(at: Visit, form: Form) -> None:
    """To the page before; from a bank to the search for another one."""
    show(at, LANDING if at.step == TERMS else SEARCH)


# signing in


@act
def log_in(at: Visit, form: Form) -> None:
    """The login form was sent; at a bank with a page of its own there is none, and that page opens."""
    institution = at.institution
    if institution is None:
        return
    fields = [] if at.session.body["oauth"] else institution.form
    if any(not form.get(name, "") for name, _, _ in fields):
        show(at, at.state["view"], error="fields_missing")
        return
    plain = next((form[name] for name, _, masked in fields if not masked), None)
    secret = next((form[name] for name, _, masked in fields if masked), None)
    if at.type != FIX:
        at.tell_accounts()
    at.sessions.log_in(at.world, at.session, plain, secret)
    show(at)
    _open_bank(at)


@act
def answer(at: Visit, form: Form) -> None:
    """The bank's questions."""
    asked = at.session.playing.asked
    given = [form.get(f"answer-{place}", "").strip() for place, _ in enumerate(asked.challenges if asked else (), 1)]
    if "" in given:
        show(at, error="fields_missing")
        return
    at.sessions.answer(at.world, at.session, given)
    show(at)


@act
def retry(at: Visit, form: Form) -> None:
    """Signs in once more, or opens the bank's page again."""
    if at.session.playing.consent is None:
        show(at, SIGN_IN)
        return
    at.session.playing.outcome = ""
    show(at)
    _open_bank(at)


def _open_bank(at: Visit) -> None:
    """Lets the host open the bank's page, where the session waits for it."""
    if at.session.playing.consent is not None:
        at.state["at_bank"] = True
        at.tell("url", url=at.bank_url)


# accounts


@act
def choose(at: Visit, form: Form) -> None:
    """The accounts that were ticked are added."""
    chosen: Sequence[str] = form.getlist("account")
    if at.step != CHOICE:
        return
    found = [account.guid for account in at.accounts("discovered")]
    chosen = [guid for guid in found if guid in chosen]
    if not chosen:
        show(at, error="choose_one")
        return
    at.sessions.choose_accounts(at.world, at.session, None if chosen == found else chosen)
    show(at)


@act
def another(at: Visit, form: Form) -> None:
    """One more bank."""
    show(at, SEARCH)


@act
def next_borrower(at: Visit, form: Form) -> None:
    at.sessions.next_borrower(at.world, at.session)
    show(at)


@act
def submit(at: Visit, form: Form) -> None:
    """The last button."""
    at.sessions.submit(at.world, at.session)
    show(at)


# leaving


@act
def close(at: Visit, form: Form) -> None:
    """The user leaves; a connection that works is left as it is."""
    nothing = at.step == NOTHING_TO_FIX
    at.end("error" if nothing else "cancel", NOTHING if nothing else EXIT)
    if at.session.playing.job is not None:
        at.sessions.leave(at.world, at.session)
