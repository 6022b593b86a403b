"""The steps of a microdeposit in the widget: the account, the person, the wait, the amounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mocksrv.engine.storage.records import Record
from mocksrv.providers.mx.http.call import MXError
from mocksrv.providers.mx.pages.session import WidgetSession
from mocksrv.providers.mx.people.microdeposits import (
    ACCOUNT,
    KIND,
    PERSON,
    REFUSED_ROUTING_NUMBERS,
    create_deposit,
    read_deposit,
    verify_deposit,
)

STEP = "microdeposits"
TOLD = "mx/connect/microdeposits"
FORM, PERSON_FORM, SENT, AMOUNTS, VERIFIED, FAILED = "account", "person", "sent", "amounts", "verified", "failed"
# what is shown of a microdeposit in each status; else that it failed
PAGES = {
    "PREINITIATED": FORM,
    "INITIATED": SENT,
    "REQUESTED": SENT,
    "DEPOSITED": AMOUNTS,
    "DENIED": AMOUNTS,
    "VERIFIED": VERIFIED,
}
Act = Callable[[WidgetSession, Mapping[str, str]], None]


def present(session: WidgetSession) -> Record | None:
    """The session's microdeposit, as the bank has it by now."""
    guid = session.state.get("microdeposit")
    if not guid:
        return None
    try:
        session.ask(read_deposit, deposit=guid)
    except MXError:
        return None
    with session.page.look() as world:
        return world.get(KIND, guid)


def page_of(session: WidgetSession, deposit: Record | None) -> str:
    """Which of the pages is shown."""
    if session.state.get("view") == PERSON_FORM:
        return PERSON_FORM
    return FORM if deposit is None else PAGES.get(deposit.body["status"], FAILED)


def start(session: WidgetSession, form: Mapping[str, str]) -> None:
    """Verifies by microdeposits, without a login."""
    session.state["microdeposit"] = None
    session.go(STEP)
    session.tell(f"{TOLD}/loaded", initial_step=FORM)


def account(session: WidgetSession, form: Mapping[str, str]) -> None:
    """The account's numbers."""
    given = {name: form.get(name, "").strip() for name in ACCOUNT}
    if given["routing_number"] in REFUSED_ROUTING_NUMBERS:
        session.tell(f"{TOLD}/blockedRoutingNumber", routing_number=given["routing_number"])
    session.state["numbers"] = given
    waiting = present(session)
    if waiting is not None:  # MX knows the person already
        person(session, {name: waiting.body[name] or "" for name in PERSON})
    else:
        session.show(PERSON_FORM)


def person(session: WidgetSession, form: Mapping[str, str]) -> None:
    """Whose account it is; the deposits are made."""
    body = {**session.state["numbers"], **{name: form.get(name, "").strip() for name in PERSON}}
    try:
        made = session.ask(create_deposit, {"micro_deposit": body})["micro_deposit"]
    except MXError as error:
        session.state["said"] = error.message
        session.show(None, error="not_created")
        return
    guid = (made[0] if isinstance(made, list) else made)["guid"]
    session.state["microdeposit"] = guid
    session.tell(f"{TOLD}/detailsSubmitted", microdeposit_guid=guid)
    session.show(None)


def amounts(session: WidgetSession, form: Mapping[str, str]) -> None:
    """What the person found in the account."""
    deposit = session.state["microdeposit"]
    try:
        given = {f"deposit_amount_{place}": float(form.get(f"amount_{place}", "")) for place in (1, 2)}
        verify_deposit(session.call({"micro_deposit": given}), deposit=deposit)
    except (ValueError, MXError):
        session.show(None, error="amounts_wrong")
        return
    found = present(session)
    if found is not None and found.body["status"] == "VERIFIED":
        session.tell(f"{TOLD}/verified", microdeposit_guid=deposit)
        session.show(None)
    else:
        session.show(None, error="amounts_differ")


def leaving(to_search: Callable[[WidgetSession], None]) -> Act:
    """The act that leaves the microdeposit, on whichever of its pages."""

    def leave(session: WidgetSession, form: Mapping[str, str]) -> None:
        deposit = present(session)
        shown = page_of(session, deposit)
        if shown == VERIFIED:
            session.tell(f"{TOLD}/verified/primaryAction")
        elif shown == FAILED and deposit is not None:
            session.tell(f"{TOLD}/error/primaryAction", status=deposit.body["status"], guid=deposit.guid)
        elif deposit is not None:
            session.tell(f"{TOLD}/comeBack/primaryAction", microdeposit_guid=deposit.guid)
        to_search(session)

    return leave


ACTS: Mapping[str, Act] = {
    "deposit": start,
    "deposit_account": account,
    "deposit_person": person,
    "deposit_amounts": amounts,
}
