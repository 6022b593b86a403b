"""One visit of the Connect widget: where it stands, what it has told its host, and the calls that it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from flask import Request
from werkzeug.test import EnvironBuilder

from mocksrv.engine.clock import SECOND
from mocksrv.engine.journal import Entry
from mocksrv.engine.scenarios.choosing import SCENARIO_HEADER
from mocksrv.engine.storage.records import Query, Record
from mocksrv.providers.http import Reply
from mocksrv.providers.mx.bank.institutions import Institution
from mocksrv.providers.mx.events.statuses import STATUSES
from mocksrv.providers.mx.http.call import Call
from mocksrv.providers.mx.pages.messages import STEP, Messages
from mocksrv.providers.mx.people.widgets import SESSION, by_link
from mocksrv.providers.pages.page import PageRequest
from mocksrv.providers.pages.texts import Texts
from mocksrv.providers.pages.visit import Visit

SEARCH, CREDENTIALS, CONNECTING, MFA, DONE = "search", "enterCreds", "connecting", "mfa", "connected"
DISCLOSURE, CONSENT = "disclosure", "consent"  # there only if they are switched on
ERROR, OAUTH_ERROR = "actionableError", "oauthError"
PATIENCE = 60 * SECOND  # after which a host is told that connecting takes long

# What a session keeps, beside what the widget was asked for. ``turn`` counts the steps, ``messages`` were not sent yet,
# ``told`` is the status that the host knows, ``jobs`` follow the login, ``asked`` are the questions that are shown,
# ``said`` is part of an error, ``since`` and ``slow`` are about the wait, ``reason`` is that of an OAuth error.
AT_FIRST: Mapping[str, Any] = {
    **dict.fromkeys(("view", "error", "told", "asked", "institution", "member", "microdeposit", "oauth_uri")),
    **dict.fromkeys(("step", "said", "gone", "reason"), ""),
    "turn": 0,
    "since": 0,
    "slow": False,
    "offered": False,
    "messages": [],
    "jobs": [],
    "numbers": {},
}


class SessionGone(Exception):
    """There is no such session, or it has ended."""


class WidgetSession(Visit):
    """A session of the widget, within one request. What changes is kept by `save`."""

    def __init__(self, page: PageRequest, link: str) -> None:
        with page.look() as world:
            record = by_link(world, SESSION, link)
        if record is None:
            raise SessionGone
        super().__init__(page, record, AT_FIRST)
        self.link = link

    # what was asked for

    @property
    def options(self) -> Mapping[str, Any]:
        options: dict[str, Any] = self.state["options"]
        return options

    @property
    def user(self) -> str:
        return self.record.owner

    @property
    def modes(self) -> Sequence[str]:
        return [word.strip() for word in self.options["mode"].split(",")]

    @property
    def verifies(self) -> bool:
        return "verification" in self.modes

    def has(self, step: str) -> bool:
        """Whether a step is switched on for this client."""
        return step in self.page.sandbox.settings.steps

    @cached_property
    def texts(self) -> Texts:
        return self.page.texts(self.options.get("locale") or self.state["language"])

    # where it stands

    @property
    def step(self) -> str:
        return str(self.state["step"])

    @property
    def institution(self) -> Institution | None:
        code = self.state.get("institution")
        found: Institution | None = self.call().institutions.get(code) if code else None
        return found

    def member(self) -> Record | None:
        """The member that the session is about, as it is now; None for none, and for one that is gone."""
        guid = self.state.get("member")
        if not guid:
            return None
        with self.page.look() as world:
            found = world.get("mx.member", guid)
        return found if found is not None and found.owner == self.user else None

    def members(self) -> list[Record]:
        """All members of the user."""
        with self.page.look() as world:
            return world.list(Query("mx.member", owner=self.user))

    # telling

    def tell(self, type: str, **metadata: Any) -> None:
        """Sends the host a message, with the next page."""
        identity = {"user_guid": self.user, "session_guid": self.record.guid}
        message = Messages(self.options, identity).write(type, metadata, self.page.sandbox.now())
        if message is not None:
            self.state["messages"] = [*self.state["messages"], message]

    def tell_status(self, member: Record) -> None:
        """Tells how the member stands, if the host does not know it yet."""
        status = member.body["connection_status"]
        if status is not None and status != self.state.get("told"):
            self.state["told"] = status
            self.tell("mx/connect/memberStatusUpdate", member_guid=member.guid, connection_status=number_of(member))

    def go(self, step: str, *, error: str | None = None) -> None:
        """Goes on to a step. ``error`` is the key of what is said there."""
        previous = {"previous": self.step} if self.step else {}
        if step != self.step:
            self.tell(STEP, **previous, current=step)
        self.state.update(step=step, view=None, error=error, turn=self.state["turn"] + 1)
        if step == CONNECTING:
            self.state.update(since=self.page.sandbox.now(), slow=False, told=None)

    def show(self, view: str | None, *, error: str | None = None) -> None:
        """Shows another page of the same step."""
        self.state.update(view=view, error=error, turn=self.state["turn"] + 1)

    # calling

    def call(self, body: Any = None, query: Mapping[str, str] | None = None) -> Call:
        """A call of the API as the host's backend would make it, with what it said when it asked for the widget."""
        headers = dict(self.state["callback_headers"])
        if self.state.get("scenario"):
            headers[SCENARIO_HEADER] = self.state["scenario"]
        environ = EnvironBuilder(method="POST", json=body or {}, headers=headers, query_string=query).get_environ()
        page = self.page
        entry = Entry(page.sandbox.name, "", page.sandbox.now(), "POST", "")
        mount: Any = page.provider.mount
        made = Call(mount, Request(environ), page.sandbox, entry, page.base_url, None)
        made.version = self.state["version"]
        return made

    def ask(
        self, view: Callable[..., Reply], body: Any = None, query: Mapping[str, str] | None = None, **parameters: Any
    ) -> Any:
        """What an operation of the API answers for the session's user. Raises MXError."""
        return view(self.call(body, query), user=self.user, **parameters).body


def number_of(member: Record) -> int:
    """MX's number of the member's status."""
    return STATUSES[member.body["connection_status"]].number
