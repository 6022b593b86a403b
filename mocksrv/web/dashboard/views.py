"""The views of the dashboard. What they show comes from the calls of the control API, and so does what buttons do."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from flask import Request, Response

from mocksrv.engine.callbacks.disturbance import CORRUPTIONS
from mocksrv.engine.patterns import fits
from mocksrv.engine.sandbox import DEFAULT, Sandbox, SandboxDropped
from mocksrv.providers.pages import BY_SCRIPT
from mocksrv.providers.provider import Refusal
from mocksrv.web.control import Control
from mocksrv.web.control.calls import PREFIX
from mocksrv.web.dashboard import reference
from mocksrv.web.dashboard.curl import curl, script
from mocksrv.web.dashboard.diagrams import drawing_of
from mocksrv.web.dashboard.html import html
from mocksrv.web.dashboard.prospects import awaited, prospects
from mocksrv.web.dashboard.signing_in import form

PAGE = 100  # rows
FEW = 8  # rows of each list in the overview
MOST_SANDBOXES = 200  # in the menu
BROKEN = "mocksrv failed to show it; its log says why. This is a defect, please report it."
REST = "X-Mocksrv-Rest"  # ms for which a page that is open does not ask again
log = logging.getLogger("mocksrv")
ADVANCES = ("1m", "1h", "1d")
MODES = {"real": "Real", "manual": "Freeze", "x60": "×60"}  # of the clock, and what their buttons say


class View(NamedTuple):
    """A view: its title and its template. Of a list: the filters that a search may name, and the one that a word
    without a name means, as a pattern; ``one``: the control call of a row (empty: it has none); ``paged``: whether it
    may be longer than a page. ``path``: where it is, if not below ``/dashboard``.
    """

    title: str
    filters: Sequence[str] = ()
    bare: str = ""
    pattern: str = "{}"
    one: str = "<id>"
    paged: bool = True
    template: str = "list.html"
    path: str = ""


# The filters of lists that no control call filters, and what of a row they are about.
ENDPOINT: Mapping[str, Callable[[Any], str]] = {
    "url": lambda row: row["url"],
    "events": lambda row: " ".join(row["events"]),
    "auth": lambda row: row["auth"]["type"] if "auth" in row else "none",
}
FAULT: Mapping[str, Callable[[Any], str]] = {
    "on": lambda row: row["on"] if "on" in row else row["events"],
    "of": lambda row: "calls" if "on" in row else "callbacks",
}
EVENT: Mapping[str, Callable[[Any], str]] = {
    "event": lambda name: name,
    "provider": lambda name: name.partition(".")[0],
}
VIEWS: Mapping[str, View] = {
    "overview": View("Overview", template="overview.html"),
    "subjects": View("Subjects", ("provider", "scenario", "status"), "status"),
    "webhooks": View("Webhooks", ("event", "subject", "state"), "event", "*{}*"),
    "requests": View("Requests", ("method", "path", "status"), "path", "*{}*"),
    "scenarios": View("Scenarios", ("provider",), "provider", one="<path:name>", paged=False),
    "endpoints": View("Endpoints", tuple(ENDPOINT), "url", "*{}*", template="endpoints.html"),
    "faults": View("Faults", tuple(FAULT), "on", "*{}*", template="faults.html"),
    "trigger": View("Trigger", tuple(EVENT), "event", "*{}*", template="trigger.html"),
    "violations": View("Violations", ("provider", "rule", "severity", "method", "path", "status"), "rule", one=""),
    "coverage": View("Coverage", ("provider", "name"), "name", template="coverage.html"),
    "sandboxes": View("Sandboxes", ("name",), "name", "*{}*", template="sandboxes.html"),
    "docs": View("API", template="docs.html", path="/docs"),
}


def page(control: Control, request: Request, name: str, id: str | None) -> Response:
    """A view of the dashboard: a list, and beside it one of its rows if there is an ``id``."""
    try:
        control.check(request)
        dashboard = Dashboard(control, request, name)
        if BY_SCRIPT not in request.headers:
            return dashboard.answer(id)
        with control.pace.turn() as turn:
            answer = dashboard.answer(id)
        answer.headers[REST] = str(round(turn.rest * 1000))
        return answer
    except Refusal as refusal:
        if refusal.status == 401:
            return form(request, request.full_path.rstrip("?"))
        return html("message.html", refusal.status, request, text=str(refusal))
    except SandboxDropped as error:
        return html("message.html", 404, request, text=str(error))
    except Exception:
        log.exception("the page %r failed", request.path)
        return html("message.html", 500, request, text=BROKEN)


class Dashboard:
    """One request for a view."""

    def __init__(self, control: Control, request: Request, name: str) -> None:
        self._control = control
        self._request = request
        self._view = VIEWS[name]
        self.name = name
        self.root = f"{request.script_root}{PREFIX}"
        self.sandbox_path = request.script_root
        self.host = request.host_url.rstrip("/")
        self.sandbox_url = f"{self.host}{request.script_root}"
        self.base = f"{self.sandbox_url}{PREFIX}"
        self.search = request.args.get("q", "")
        self.sandbox = request.environ.get("mocksrv.sandbox", DEFAULT)

    def answer(self, id: str | None) -> Response:
        """The page. Raises Refusal."""
        context = self.context(id)
        return html("view.html", 404 if context["missing"] else 200, self._request, **context)

    def context(self, id: str | None) -> dict[str, Any]:
        """What the templates are given. Raises Refusal."""
        of_view = CONTEXTS.get(self.name, Dashboard.listed)
        return {
            "dashboard": self,
            "view": self._view,
            "views": VIEWS,
            "id": id,
            "missing": "",
            **of_view(self, id),
            "clock": self._read("/clock"),
            "bindings": self._read("/bindings"),
            "scenarios": self._scenarios(),
            "sandboxes": self._sandboxes(),
            "signed_in": self._control.guard.wants_token,
            "advances": ADVANCES,
            "modes": MODES,
        }

    def listed(self, id: str | None) -> dict[str, Any]:
        """A list, and the row that is open."""
        after = self._request.args.get("after")
        wrong, missing, rows, one = "", "", [], None
        try:
            page = {"limit": str(PAGE), "newest": "true", **({"after": after} if after else {})}
            query = {**self._filters(), **(page if self._view.paged else {})}
            rows = self._read(f"/{self.name}", query)[self.name]
        except Refusal as refusal:
            wrong = str(refusal)
        try:
            one = None if id is None else self._one(id)
        except Refusal as refusal:
            missing = str(refusal)
        return {
            "rows": rows,
            "wrong": wrong,  # with the search
            "older": self.url(self.name, after=rows[-1]["id"]) if len(rows) == PAGE and self._view.paged else None,
            "newest": self.url(self.name) if after else None,
            "one": one,
            "missing": missing,
        }

    def overview(self, _: str | None) -> dict[str, Any]:
        """What is under way, the newest of each list, and how to begin."""
        subjects = self._newest("subjects", PAGE)
        newest = {name: self._newest(name, FEW) for name in ("webhooks", "requests")}
        running = [subject for subject in subjects if subject["job"]][:FEW]
        return {
            "newest": {"subjects": subjects[:FEW], **newest},
            "under_way": [(each, awaited(self._control, self.world, each["id"])) for each in running],
            "failed": self._newest("webhooks", FEW, state="failed"),
            "endpoints": self._read("/endpoints")["endpoints"],
            "faults": self._read("/faults")["faults"],
            "demos": self._demos(),
            "by_click": self._control.engine.config.credentials is None,  # any will do
        }

    def endpoints(self, id: str | None) -> dict[str, Any]:
        """The endpoints, each with the others, and the one that is to be changed."""
        found = self._read("/endpoints")["endpoints"]
        one = next((each for each in found if each["id"] == id), None)
        return {
            **self._fitting(_with_others(found), ENDPOINT),
            "one": one,
            "missing": f"there is no endpoint {id}" if id and one is None else "",
            "kinds": self._control.engine.auth_kinds,
        }

    def faults(self, _: str | None) -> dict[str, Any]:
        """The faults, each with the others."""
        rows = _with_others(self._read("/faults")["faults"])
        return {**self._fitting(rows, FAULT), "corruptions": CORRUPTIONS}

    def trigger(self, _: str | None) -> dict[str, Any]:
        """What can be sent, and whom it may be about."""
        events = self._read("/events")["events"]
        rows = [(event, ()) for event in events]
        return {**self._fitting(rows, EVENT), "events": events, "subjects": self._newest("subjects", PAGE)}

    def sandboxes(self, _: str | None) -> dict[str, Any]:
        """The sandboxes of the server, and where each is."""
        try:
            after = self._request.args.get("after")
            page = {"limit": str(PAGE), **({"after": after} if after else {})}
            names = self._read("/sandboxes", {**self._filters(), **page})["sandboxes"]
        except Refusal as refusal:
            return {"wrong": str(refusal), "rows": [], "older": None}
        return {
            "wrong": "",
            "rows": [(name, self.root_of(name)) for name in names],
            "older": self.url(self.name, after=names[-1]) if len(names) == PAGE else None,
        }

    def coverage(self, _: str | None) -> dict[str, Any]:
        """What was met of each provider; ``name`` of the search is a part of the names that are wanted."""
        try:
            filters = self._filters()
            part = filters.pop("name", "").lower()
            found = self._read("/coverage", filters)["coverage"]
        except Refusal as refusal:
            return {"wrong": str(refusal), "rows": []}
        for kind in (kind for each in found for kind in each["kinds"].values()):
            kind["met"] = [each for each in kind["met"] if part in each["name"].lower()]
            kind["not_met"] = [name for name in kind["not_met"] if part in name.lower()]
        return {"wrong": "", "rows": found}

    def docs(self, _: str | None) -> dict[str, Any]:
        """The control API, as its OpenAPI document tells it."""
        return {"groups": reference.groups(self._read("/openapi.json"))}

    def _demos(self) -> list[dict[str, Any]]:
        """How a subject of each provider is connected: by a click, where any credentials are good, or by a script."""
        found = []
        for provider in self._control.providers:
            demo = provider.demo()
            found.append(
                {
                    "name": provider.name,
                    "title": provider.title,
                    "calls": [
                        {**call._asdict(), "headers": {**demo.headers, **call.headers}} for call in demo.connects
                    ],
                    "script": script(demo.connects, self.sandbox_url, demo.headers),
                }
            )
        return found

    def _filters(self) -> dict[str, str]:
        """The words of the search. Raises Refusal for a name that is no filter."""
        found = {}
        for word in self.search.split():
            name, colon, value = word.partition(":")
            if not colon:
                name, value = self._view.bare, self._view.pattern.format(word)
            if name not in self._view.filters:
                raise Refusal(422, f"{name}: is no filter; allowed are {', '.join(self._view.filters)}")
            found[name] = value
        return found

    def _fitting(self, rows: Sequence[Any], filters: Mapping[str, Callable[[Any], str]]) -> dict[str, Any]:
        """Of rows with what belongs to each those that fit the search, or what is wrong with the search."""
        try:
            wanted = self._filters()
        except Refusal as refusal:
            return {"rows": [], "wrong": str(refusal)}
        fitting = [
            (row, more)
            for row, more in rows
            if all(fits(filters[name](row), pattern) for name, pattern in wanted.items())
        ]
        return {"rows": fitting, "wrong": ""}

    def _read(self, path: str, query: Mapping[str, str] | None = None, **parameters: str) -> Any:
        return self._control.look(self._request, path, query or {}, **parameters)

    def _newest(self, name: str, count: int, **filters: str) -> list[Any]:
        """So many rows of a list."""
        found: list[Any] = self._read(f"/{name}", {"limit": str(count), "newest": "true", **filters})[name]
        return found

    def _one(self, id: str) -> dict[str, Any]:
        """The row that is open. Raises Refusal 404."""
        if not self._view.one:
            raise Refusal(404, f"{self._view.title} are not opened one by one")
        parameter = self._view.one.strip("<>").rpartition(":")[2]
        one: dict[str, Any] = self._read(f"/{self.name}/{self._view.one}", None, **{parameter: id})
        more = MORE.get(self.name)
        return {**one, **more(self, id)} if more else one

    def subject(self, id: str) -> dict[str, Any]:
        """What is shown of a subject beside its control call: what can happen next, its diagram, its last events."""
        events = self._newest("webhooks", FEW, subject=id)
        return {**prospects(self._control, self.world, id), "events": events}

    def webhook(self, _: str) -> dict[str, Any]:
        """What is shown of an event beside its control call: the faults there are, to which one of its own is put."""
        return {"faults": self._read("/faults")["faults"]}

    def scenario(self, id: str) -> dict[str, Any]:
        """What is shown of a scenario beside its control call: its diagram."""
        sandbox = self.world
        return {"drawing": drawing_of(sandbox, sandbox.scenarios.find(id))}

    @property
    def world(self) -> Sandbox:
        """The sandbox."""
        return self._control.engine.sandbox(self.sandbox)

    def _scenarios(self) -> list[str]:
        """The names by which scenarios can be played next."""
        found = [(each["name"], each["provider"]) for each in self._read("/scenarios")["scenarios"]]
        names = [name for name, _ in found]
        return [name if names.count(name) == 1 else f"{provider}/{name}" for name, provider in found]

    def _sandboxes(self) -> dict[str, str]:
        """The first of the other sandboxes, and where their dashboards are."""
        names = self._read("/sandboxes", {"limit": str(MOST_SANDBOXES)})["sandboxes"]
        return {name: f"{self.root_of(name)}/dashboard/overview" for name in names if name != self.sandbox}

    def root_of(self, sandbox: str) -> str:
        """The path of the control API of a sandbox of this server."""
        server = self._request.script_root.removesuffix(f"/sandbox/{quote(self.sandbox)}")
        return f"{server}/sandbox/{quote(sandbox)}{PREFIX}"

    def url(self, view: str, id: str | None = None, **query: str) -> str:
        """The address of a view, with the search where it is the same view."""
        kept = {"q": self.search} if self.search and view == self.name else {}
        path = f"{self.root}{VIEWS[view].path or f'/dashboard/{view}'}" + (f"/{quote(id, safe='/')}" if id else "")
        asked = {**kept, **query}
        return f"{path}?{urlencode(asked)}" if asked else path

    def curl(self, method: str, path: str, body: Any = None, root: str | None = None) -> str:
        """A control call for the command line; ``root``: that of another sandbox."""
        return curl(method, f"{self.host}{self.root if root is None else root}{path}", body)

    def curl_of_list(self) -> str:
        """The call whose answer is listed, with the search."""
        newest = {"newest": "true"} if self._view.template == "list.html" and self._view.paged else {}
        try:
            query = {**self._filters(), **newest}
        except Refusal:
            query = newest
        return self.curl("GET", f"/{self.name}" + (f"?{urlencode(query, safe='*')}" if query else ""))


CONTEXTS: Mapping[str, Callable[[Dashboard, str | None], dict[str, Any]]] = {  # views that are no lists
    "overview": Dashboard.overview,
    "endpoints": Dashboard.endpoints,
    "faults": Dashboard.faults,
    "trigger": Dashboard.trigger,
    "coverage": Dashboard.coverage,
    "sandboxes": Dashboard.sandboxes,
    "docs": Dashboard.docs,
}
MORE: Mapping[str, Callable[[Dashboard, str], dict[str, Any]]] = {  # views whose rows show more than their call
    "subjects": Dashboard.subject,
    "webhooks": Dashboard.webhook,
    "scenarios": Dashboard.scenario,
}


def _with_others(items: Sequence[Any]) -> list[tuple[Any, list[Any]]]:
    """Each of a list with all others: what the list is without it."""
    return [(item, [*items[:place], *items[place + 1 :]]) for place, item in enumerate(items)]
