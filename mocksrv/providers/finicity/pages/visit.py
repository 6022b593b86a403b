"""One visit of Connect: where the user stands, and what the host has been told.

It is kept in the record of its session and ends with the next visit of the link. Where the user stands follows from the
session's play, whoever moved it; the visit adds only what a page alone knows.

Sources of the messages: Mastercard's connect-web-sdk 2.3.0 and its pages on route and user events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.finicity.bank.institutions import Institution
from mocksrv.providers.finicity.codes import BAD_LOGIN, DOWN, FINE, meaning
from mocksrv.providers.finicity.lifecycle import ACCOUNTS, INSTITUTION, LOGIN, NEW_LOGIN, SUBMIT
from mocksrv.providers.finicity.sessions import FAILED, Sessions
from mocksrv.providers.finicity.webhooks import FIX, LITE
from mocksrv.providers.pages.page import PageRequest
from mocksrv.providers.pages.texts import Texts

# The steps, each by the name of its template.
LANDING, TERMS, SEARCH, SIGN_IN, CONNECTING, MFA = "landing", "terms", "search", "signIn", "connecting", "mfa"
AT_BANK, BANK_REFUSED, CHOICE, REVIEW, ENDED = "atBank", "bankRefused", "accounts", "review", "ended"
UNSUPPORTED, UNABLE, NO_ACCOUNTS, NOTHING_TO_FIX, STOPPED = (
    "notSupported",
    "unableToConnect",
    "noAccounts",
    "nothingToFix",
    "stopped",
)

BY_ACT = {INSTITUTION: SEARCH, LOGIN: SIGN_IN, NEW_LOGIN: SIGN_IN, ACCOUNTS: CHOICE, SUBMIT: REVIEW}
BY_LAST_STATUS = {  # where a scenario has ended with this status
    "institutionNotSupported": UNSUPPORTED,
    "invalidCredentials": SIGN_IN,
    "unableToConnect": UNABLE,
}
# What the host is told of a step as a route. Mastercard's page names the first four; the others are inferred.
SCREENS = {
    LANDING: "landing",
    TERMS: "terms-details",
    SEARCH: "search",
    SIGN_IN: "sign-in",
    MFA: "mfa",
    AT_BANK: "oauth",
    CHOICE: "add-accounts",
    REVIEW: "done",
}
BEFORE_A_BANK = frozenset({LANDING, TERMS, SEARCH})
TROUBLES = frozenset({UNSUPPORTED, UNABLE, NO_ACCOUNTS, BANK_REFUSED, STOPPED})  # steps that say what went wrong
ADDED = frozenset({"added", "accountsDeleted", "done"})  # statuses that end an AddAccounts well
EXIT = {"code": 100, "reason": "exit"}
FAILURE = {"code": 500, "reason": "error"}
NOTHING = {"code": 201, "reason": "error"}
TIMEOUT = {"code": 1440, "reason": "timeout"}
COMPLETE = {"code": 200, "reason": "complete", "reportData": []}  # no experience with reports is known here

# ``view`` is a step that only the page knows of, ``turn`` counts what was done, ``query`` was searched for, ``error``
# is what is wrong with a form, ``told`` the page that the host knows, ``messages`` were not sent yet, ``adding``: the
# outcome of an AddAccounts is owed, ``added`` are the accounts of all banks, ``at_bank``: the bank's window is open,
# ``ended``: the last message.
AT_FIRST: Mapping[str, Any] = {
    "view": LANDING,
    "turn": 0,
    "query": "",
    "error": None,
    "told": None,
    "messages": [],
    "adding": False,
    "added": [],
    "at_bank": False,
    "ended": None,
}


def new_visit(session: Record) -> int:
    """Begins a visit of a session that was opened; its number."""
    number = session.body.get("visit", {"number": 0})["number"] + 1
    session.body["visit"] = {**AT_FIRST, "number": number}
    return int(number)


def kind_of(account: Record, texts: Texts) -> str:
    """What people call an account's type; one that the texts do not know is named as Finicity names it."""
    key = f"type_{account.body['type']}"
    return texts(key) if key in texts else str(account.body["type"])


class VisitGone(Exception):
    """There is no such session, or its link was opened anew since; ``key`` is that of the text that says so."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class Visit:
    """A visit within one transaction; `keep` writes what has changed. Raises VisitGone."""

    def __init__(self, page: PageRequest, world: World, signature: str, number: str) -> None:
        mount: Any = page.provider.mount
        self.page = page
        self.world = world
        self.sessions = Sessions.of(mount)
        self.banks = mount.institutions.of(world.sandbox.scenarios)
        found = world.list(Query("finicity.session", partner_id=signature, limit=1))
        if not found or "visit" not in found[0].body:
            raise VisitGone("link_unknown")
        self.session = found[0]
        self.state: dict[str, Any] = self.session.body["visit"]
        if str(self.state["number"]) != number:
            raise VisitGone("visit_over")
        self.address = page.url("visit", signature=signature, number=number)
        self.bank_url = f"{page.base_url}{page.provider.prefix}/connect/session/{signature}/{number}/bank"

    # where the user stands

    @cached_property
    def texts(self) -> Texts:
        return self.page.texts(self.session.body.get("language"))

    @property
    def type(self) -> str:
        return str(self.session.body["type"])

    @property
    def step(self) -> str:
        body, play = self.session.body, self.session.playing
        if self.state["ended"]:
            return ENDED
        if self.state["view"]:
            return str(self.state["view"])
        if play.asked is not None:
            return MFA
        if play.consent is not None:
            return BANK_REFUSED if play.outcome else AT_BANK
        if body["institution"] is None:
            return SEARCH
        if body.get("discovered") == [] and body["status"] in ("discovered", "adding"):
            return NO_ACCOUNTS
        if play.act:
            return BY_ACT[play.act]
        return CONNECTING if play.job is not None else BY_LAST_STATUS.get(body["status"], STOPPED)

    @property
    def token(self) -> str:
        """What is shown: another page has another one. A search that finds nothing changes the status, not the page."""
        asked, step = self.session.playing.asked, self.step
        rounds = [each.guid for each in asked.challenges] if asked is not None else []
        return " ".join(
            (step, "" if step == SEARCH else self.session.body["status"], str(self.state["turn"]), *rounds[:1])
        )

    @property
    def institution(self) -> Institution | None:
        id = self.session.body["institution"]
        found: Institution | None = self.banks.get(id) if id else None
        return found

    def accounts(self, which: str) -> list[Record]:
        """The accounts of the login that were ``discovered``, or all that the visit has ``added``; of a repair those of
        its login.
        """
        if which == "added" and self.type == FIX:
            query = Query("finicity.account", parent=self.session.body["login_id"], body={"status": "active"})
        else:
            kept = self.state if which == "added" else self.session.body
            query = Query("finicity.account", guids=kept.get(which) or [])
        return sorted(self.world.list(query), key=lambda each: each.seq)

    def healthy(self) -> bool:
        """Whether there is nothing to repair: the login that is to be fixed works."""
        login = self.world.get("finicity.login", self.session.body.get("login_id") or "")
        return self.type == FIX and login is not None and login.body["code"] == FINE

    # what goes wrong

    @property
    def code(self) -> int:
        """Why the session has failed: what its scenario says, else the usual code of its status."""
        body = self.session.body
        return int(body["code"] or {"invalidCredentials": BAD_LOGIN, "unableToConnect": DOWN}.get(body["status"], FINE))

    def trouble(self) -> tuple[str, str] | None:
        """What the present step says of a failure: title and text; None where all is well."""
        body, step = self.session.body, self.step
        refused = step == SIGN_IN and not self.state["view"] and body["status"] == "invalidCredentials"
        if step not in TROUBLES and not refused:
            return None
        key = body["status"] if refused else step
        detail = self.session.playing.outcome if step == BANK_REFUSED else self.code
        key = f"{key}_{detail}" if f"{key}_{detail}_text" in self.texts else key
        name = self.institution.name if self.institution else ""
        words = {"name": name, "code": self.code, "said": meaning(self.code)}
        return self.texts(f"{key}_heading", **words), self.texts(f"{key}_text", **words)

    # telling

    def tell(self, type: str, data: Mapping[str, Any] | None = None, **more: Any) -> None:
        """Sends the host a message with the next page: ``data``, or members beside the type."""
        message = {"type": type, **({} if data is None else {"data": data}), **more}
        self.state["messages"] = [*self.state["messages"], {"post": message}]

    def tell_route(self, **params: Any) -> None:
        """Tells on which screen the user is."""
        screen = SCREENS.get(self.step)
        if screen is not None:
            named = {} if self.step in BEFORE_A_BANK else {"institutionId": self.session.body["institution"]}
            self.tell("route", {"screen": screen, "params": {**named, **params}})

    def tell_accounts(self, **outcome: Any) -> None:
        """Tells that accounts are being added, or how that ended."""
        begun: dict[str, Any] = {
            "institutionLoginId": None,
            "accounts": None,
            "accountIds": [],
            "success": None,
            "errorCode": None,
        }
        named = {"institutionId": self.session.body["institution"]}
        self.tell("user", {"action": "AddAccounts", **named, **begun, **outcome})
        self.state["adding"] = not outcome

    def end(self, type: str, data: Mapping[str, Any]) -> None:
        """The visit is over; the host is told with every page from now on, for one that was reloaded may have missed
        it.
        """
        self.state["ended"] = {"type": type, "data": dict(data)}

    def arrive(self) -> None:
        """Tells what there is to tell of the present page: with a new document anew, for its host may be new."""
        ended, new_page = self.state["ended"], not self.page.by_script
        told, self.state["told"] = self.state["told"] or "", self.token
        if ended and (new_page or told != self.token):
            self.tell(ended["type"], ended["data"])
        elif not ended and (new_page or told.partition(" ")[0] != self.step):
            self.tell_route()
        if not ended and told != self.token:
            self._tell_alert()

    def _tell_alert(self) -> None:
        trouble, bank = self.trouble(), self.institution
        if trouble is not None:
            named = {"institutionId": str(bank.id), "institutionName": bank.name} if bank else {}
            title, message = trouble
            alert = {"alertType": "error", "title": title, "message": message, "errorCode": self.code or None}
            self.tell("user", {"action": "DisplayAlert", **alert, **named})

    # what comes about without an act

    def unsettled(self) -> bool:
        """Whether there is something that `settle` has to do."""
        return any(holds(self) for holds, _ in SETTLING)

    def settle(self) -> None:
        """Follows up on what has happened since, whoever did it."""
        for holds, does in SETTLING:
            if holds(self):
                does(self)

    def _tell_outcome(self) -> None:
        body = self.session.body
        if body["status"] in FAILED:
            self.tell_accounts(success=False, errorCode=self.code)
        else:
            ids, login = body.get("added") or [], body.get("login_id")
            outcome = {"institutionLoginId": login and int(login), "accounts": len(ids), "accountIds": ids}
            self.tell_accounts(**outcome, success=True)

    def _note_accounts(self) -> None:
        self.state["added"] = list(dict.fromkeys([*self.state["added"], *self.session.body["added"]]))

    def _close_bank(self) -> None:
        self.state["at_bank"] = False
        self.tell("closePopup")

    def _time_out(self) -> None:
        self.end("error", TIMEOUT)
        if self.session.playing.job is not None:
            self.sessions.leave(self.world, self.session, "Connect has timed out")

    # keeping

    def take_messages(self) -> Sequence[Any]:
        """What the host was not told yet; it is from now on."""
        messages: Sequence[Any] = self.state["messages"]
        self.state["messages"] = []
        return messages

    def keep(self) -> None:
        """Writes the visit: no change of what the session is to the API."""
        self.world.save_play(self.session)

    def leave_to(self) -> str | None:
        """Where the browser goes at the end of a visit that no SDK opened; None: it stays."""
        ended, target = self.state["ended"], self.session.body.get("redirectUri")
        if not ended or not target:
            return None
        query = urlencode({name: ended["data"][name] for name in ("reason", "code")})
        address, mark, fragment = str(target).partition("#")
        return f"{address}{'&' if '?' in address else '?'}{query}{mark}{fragment}"


def _takes_all(at: Visit) -> bool:
    return at.step == CHOICE and (at.type == LITE or bool(at.session.body["oauth"]))


def _is_unseen_choice(at: Visit) -> bool:
    return at.step == CHOICE and at.session.body.get("discovered") is None


def _has_outcome(at: Visit) -> bool:
    return bool(at.state["adding"]) and at.session.body["status"] in (ADDED | FAILED) and at.step != CONNECTING


def _has_more_accounts(at: Visit) -> bool:
    return not set(at.session.body.get("added") or ()) <= set(at.state["added"])


def _is_back(at: Visit) -> bool:
    return bool(at.state["at_bank"]) and at.step != AT_BANK


def _is_complete(at: Visit) -> bool:
    return bool(at.session.body["completed"]) and not at.state["ended"]


def _is_late(at: Visit) -> bool:
    return at.world.now >= at.session.body["ttl"] and not at.state["ended"]


# What follows from where the session stands, in this order: whether it does, and what.
SETTLING: Sequence[tuple[Callable[[Visit], bool], Callable[[Visit], None]]] = (
    (_takes_all, lambda at: at.sessions.choose_accounts(at.world, at.session)),  # Lite, and where the bank has asked
    (_is_unseen_choice, lambda at: at.sessions.discover(at.world, at.session)),
    (_has_outcome, Visit._tell_outcome),
    (_has_more_accounts, Visit._note_accounts),
    (_is_back, Visit._close_bank),
    (_is_complete, lambda at: at.end("done", COMPLETE)),
    (_is_late, Visit._time_out),
)
