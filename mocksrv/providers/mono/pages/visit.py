"""One visit of the widget: where it stands, what it has told its host, the account that it is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from mocksrv.engine.scenarios.lookup import ScenarioLookup
from mocksrv.engine.scenarios.model import Step
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers.mono.bank.institutions import Institution
from mocksrv.providers.mono.http import ACCOUNTS, Mount, linked
from mocksrv.providers.mono.lifecycle import FETCHED, AccountRole
from mocksrv.providers.mono.linking import LINK, VISIT
from mocksrv.providers.mono.widget import Widget
from mocksrv.providers.pages.page import PageRequest
from mocksrv.providers.pages.texts import Texts
from mocksrv.providers.pages.visit import Visit

SEARCH, LOGIN, OTP, CONSENT, CHECKING = "institutions", "login", "otp", "consent", "checking"
CHOICE, SUCCESS, FAILURE, END = "accounts", "success", "failure", "end"

# What a visit keeps, beside what it was opened with (`OPENED_WITH`). ``turn`` counts the steps, ``messages`` were not
# sent yet, ``error`` is the key of what is wrong, ``said`` a part of it, ``choice`` is the scenario that the login has
# chosen, ``scripted`` says that the scenario asks something, ``account`` was linked here, ``asked`` are the questions
# that are or were shown, by guid, ``way`` is how it has ended.
AT_FIRST: Mapping[str, Any] = {
    **dict.fromkeys(("error", "customer_id", "choice", "account")),
    **dict.fromkeys(("step", "said", "way"), ""),
    "turn": 0,
    "scripted": False,
    "asked": {},
    "messages": [],
}
# ``link``: the code of a hosted link; ``again``: the account to be reauthorised; ``customer``: as the app names it.
OPENED_WITH: Mapping[str, Any] = dict.fromkeys(
    ("link", "again", "institution", "auth_method", "customer", "reference", "redirect_url")
)


class VisitGone(Exception):
    """There is no such visit, or it has ended; ``key`` is that of the texts that say which."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class WidgetVisit(Visit):
    """A visit of the widget or of a hosted link, within one request. What changes is kept by `save`."""

    def __init__(self, page: PageRequest, id: str) -> None:
        with page.look() as world:
            record = world.get(VISIT, id)
            link = world.get(LINK, record.body["link"]) if record is not None and record.body["link"] else None
        if record is None:
            raise VisitGone("visit_gone")
        if link is not None and link.body.get("used_by") not in (None, id):
            raise VisitGone("link_used")
        super().__init__(page, record, AT_FIRST)
        self.link = link
        if self.state["institution"] and self.institution is None:
            raise VisitGone("institution_gone")

    # what it is about

    @cached_property
    def texts(self) -> Texts:
        return self.page.texts(None)

    @property
    def mount(self) -> Mount:
        mount: Mount = self.page.provider.mount  # type: ignore[assignment]
        return mount

    @cached_property
    def widget(self) -> Widget:
        return Widget(self.mount)

    @property
    def role(self) -> AccountRole:
        role: AccountRole = self.page.provider.role  # type: ignore[assignment]
        return role

    @property
    def step(self) -> str:
        return str(self.state["step"])

    @property
    def institution(self) -> Institution | None:
        id = self.state["institution"]
        return self.mount.institutions.of(self.page.sandbox.scenarios).find(id) if id else None

    @property
    def flow(self) -> str:
        """The flow that this visit plays."""
        return "reauthorise" if self.state["again"] else "link"

    def account(self, world: World) -> Record | None:
        """The account that was linked here, or is to be reauthorised; None for none, and for one that is gone."""
        id = self.state["again"] or self.state["account"]
        found = world.get(ACCOUNTS, id) if id else None
        return found if found is not None and linked(found) else None

    def ahead(self, scenario: str) -> list[Step]:
        """The steps of the visit's flow, as far as somebody has to do something or data come."""
        scenarios = self.page.sandbox.scenarios
        return list(_when_all_goes_well(scenarios, scenario, self.flow, self.role.branches))

    # going on

    def tell(self, type: str, **data: Any) -> None:
        """Sends the host a message, with the next page."""
        stamped = {"reference": self.state["reference"] or "", "timestamp": self.page.sandbox.now(), **data}
        message = {"post": {"type": f"mono.connect.{type}", "data": stamped}}
        self.state["messages"] = [*self.state["messages"], message]

    def go(self, step: str, error: str | None = None, said: str = "") -> None:
        """Goes on to a step. ``error`` is the key of what is wrong there, ``said`` a part of it."""
        self.state.update(step=step, error=error, said=said, turn=self.state["turn"] + 1)

    def fail(self, error: str, said: str = "") -> None:
        """Ends in failure, which the host is told; ``error`` as in `go`."""
        institution = self.institution
        message = self.texts(f"failed_{error}_text", name=institution.name if institution else "", said=said)
        self.tell("error_occured", errorType=error.upper(), errorMessage=message)
        self.go(FAILURE, error, said)


def _when_all_goes_well(
    scenarios: ScenarioLookup, scenario: str, flow: str | None, branches: Mapping[str, str]
) -> Iterator[Step]:
    """The steps that are played from a flow on, each question answered right, up to the first status with data."""
    found, seen = scenarios.parent("mono", scenario), set[str]()
    while found is not None and flow is not None and flow not in seen:
        seen.add(flow)
        steps, flow = scenarios.flow(found, flow) or (), None
        for step in steps:
            yield step
            if step.status in FETCHED:
                return
            flow = step.then
            if step.ask:
                flow = step.ask.right or branches["right"]
            elif step.oauth:
                flow = step.oauth.approved or branches["approved"]
            if flow:
                break
