"""The views of the dashboard. What they show comes from the calls of the control API, and so does what buttons do."""

from __future__ import annotations

import json
import logging
import shlex
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from flask import Request, Response, send_from_directory
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mocksrv.engine.sandbox import DEFAULT, SandboxDropped
from mocksrv.web.control import Control
from mocksrv.web.control.calls import PREFIX
from mocksrv.web.dashboard.prospects import prospects
from mocksrv.web.problems import Problem

HERE = Path(__file__).parent
PAGE = 200  # rows
MOST_SANDBOXES = 200  # in the menu
BROKEN = "mocksrv failed to show it; its log says why. This is a defect, please report it."
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
}
log = logging.getLogger("mocksrv")
ADVANCES = ("1m", "1h", "1d")
MODES = {"real": "Real", "manual": "Freeze", "x60": "×60"}  # of the clock, and what their buttons say


class View(NamedTuple):
    """A list: its title, the filters that a search may name, and the one that a word without a name means, as a
    pattern. ``one``: the control call of a row; ``paged``: whether the list may be longer than a page.
    """

    title: str
    filters: Sequence[str]
    bare: str
    pattern: str = "{}"
    one: str = "<id>"
    paged: bool = True


VIEWS: Mapping[str, View] = {
    "subjects": View("Subjects", ("provider", "scenario", "status"), "status"),
    "webhooks": View("Webhooks", ("event", "subject", "state"), "event", "*{}*"),
    "requests": View("Requests", ("method", "path", "status"), "path", "*{}*"),
    "scenarios": View("Scenarios", ("provider",), "provider", one="<path:name>", paged=False),
}
SIGNALS: Mapping[str, Sequence[str]] = {  # class of a badge -> what it shows in that colour
    "good": ("CONNECTED", "AVAILABLE", "delivered", "done"),
    "attention": ("CHALLENGED", "PENDING", "REAUTHORISATION_REQUIRED", "pending"),
    "trouble": ("DENIED", "LOCKED", "FAILED", "PREVENTED", "REJECTED", "IMPAIRED", "EXPIRED", "failed", "error"),
}


def page(control: Control, request: Request, name: str, id: str | None) -> Response:
    """A view of the dashboard: a list, and beside it one of its rows if there is an ``id``."""
    try:
        control.check(request)
        context = Dashboard(control, request, name).context(id)
        return _html("view.html", 404 if context["missing"] else 200, **context)
    except Problem as problem:
        return _html("message.html", problem.status, static=_static(request), text=str(problem))
    except SandboxDropped as error:
        return _html("message.html", 404, static=_static(request), text=str(error))
    except Exception:
        log.exception("the page %r failed", request.path)
        return _html("message.html", 500, static=_static(request), text=BROKEN)


def static_file(file: str) -> Response:
    """A style sheet or a script."""
    found = send_from_directory(HERE / "static", file)
    found.headers["X-Content-Type-Options"] = "nosniff"
    return found


class Dashboard:
    """One request for a view."""

    def __init__(self, control: Control, request: Request, name: str) -> None:
        self._control = control
        self._request = request
        self._view = VIEWS[name]
        self.name = name
        self.root = f"{request.script_root}{PREFIX}"
        self.base = f"{request.host_url.rstrip('/')}{self.root}"
        self.search = request.args.get("q", "")
        self.sandbox = request.environ.get("mocksrv.sandbox", DEFAULT)

    def context(self, id: str | None) -> dict[str, Any]:
        """What the templates are given. Raises Problem."""
        after = self._request.args.get("after")
        wrong, missing, rows, one = "", "", [], None
        try:
            page = {"limit": str(PAGE), "newest": "true", **({"after": after} if after else {})}
            query = {**self._filters(), **(page if self._view.paged else {})}
            rows = self._read(f"/{self.name}", query)[self.name]
        except Problem as problem:
            wrong = str(problem)
        try:
            one = None if id is None else self._one(id)
        except Problem as problem:
            missing = str(problem)
        return {
            "dashboard": self,
            "view": self._view,
            "views": VIEWS,
            "rows": rows,
            "wrong": wrong,  # with the search
            "older": self.url(self.name, after=rows[-1]["id"]) if len(rows) == PAGE and self._view.paged else None,
            "newest": self.url(self.name) if after else None,
            "id": id,
            "one": one,
            "missing": missing,
            "clock": self._read("/clock"),
            "bindings": self._read("/bindings"),
            "scenarios": self._scenarios(),
            "sandboxes": self._sandboxes(),
            "static": _static(self._request),
            "kit": f"{self._request.script_root}/_pages/kit",
            "advances": ADVANCES,
            "modes": MODES,
        }

    def _filters(self) -> dict[str, str]:
        """The words of the search. Raises Problem for a name that is no filter."""
        found = {}
        for word in self.search.split():
            name, colon, value = word.partition(":")
            if not colon:
                name, value = self._view.bare, self._view.pattern.format(word)
            if name not in self._view.filters:
                raise Problem(422, f"{name}: is no filter; allowed are {', '.join(self._view.filters)}")
            found[name] = value
        return found

    def _read(self, path: str, query: Mapping[str, str] | None = None, **parameters: str) -> Any:
        return self._control.look(self._request, path, query or {}, **parameters)

    def _one(self, id: str) -> dict[str, Any]:
        """The row that is open. Raises Problem 404."""
        parameter = self._view.one.strip("<>").rpartition(":")[2]
        one: dict[str, Any] = self._read(f"/{self.name}/{self._view.one}", None, **{parameter: id})
        if self.name != "subjects":
            return one
        events = self._read("/webhooks", {"subject": id, "newest": "true", "limit": "10"})["webhooks"]
        return {**one, **prospects(self._control, self._control.engine.sandbox(self.sandbox), id), "events": events}

    def _scenarios(self) -> list[str]:
        """The names by which scenarios can be played next."""
        found = [(each["name"], each["provider"]) for each in self._read("/scenarios")["scenarios"]]
        names = [name for name, _ in found]
        return [name if names.count(name) == 1 else f"{provider}/{name}" for name, provider in found]

    def _sandboxes(self) -> dict[str, str]:
        """The first of the other sandboxes, and where their dashboards are."""
        names = self._read("/sandboxes", {"limit": str(MOST_SANDBOXES)})["sandboxes"]
        server = self._request.script_root.removesuffix(f"/sandbox/{quote(self.sandbox)}")
        return {
            name: f"{server}/sandbox/{quote(name)}{PREFIX}/dashboard/subjects" for name in names if name != self.sandbox
        }

    def url(self, view: str, id: str | None = None, **query: str) -> str:
        """The address of a view, with the search where it is the same view."""
        kept = {"q": self.search} if self.search and view == self.name else {}
        path = f"{self.root}/dashboard/{view}" + (f"/{quote(id, safe='/')}" if id else "")
        asked = {**kept, **query}
        return f"{path}?{urlencode(asked)}" if asked else path

    def curl(self, method: str, path: str, body: Any = None) -> str:
        """A control call for the command line."""
        words = ["curl", *(["-X", method] if method != "GET" else []), f"{self.base}{path}"]
        if body is not None:
            words += ["-H", "Content-Type: application/json", "-d", json.dumps(body, ensure_ascii=False)]
        return shlex.join(words)


def signal(status: object) -> str:
    """The class of a badge."""
    text = str(status)
    if text.isdigit():
        return "good" if int(text) < 400 else "trouble"
    return next((name for name, shown in SIGNALS.items() if text in shown), "")


def pretty(value: object) -> str:
    """JSON for people; a text as it is."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def outcome(webhook: Mapping[str, Any]) -> str:
    """How the deliveries of an event stand: the worst of their states."""
    states = {each["state"] for each in webhook["deliveries"]}
    return next((state for state in ("failed", "pending", "dropped", "delivered") if state in states), "no endpoint")


def _static(request: Request) -> str:
    return f"{request.script_root}{PREFIX}/dashboard/static"


def _html(template: str, status: int, **context: Any) -> Response:
    return Response(_templates().get_template(template).render(**context), status, HEADERS, mimetype="text/html")


@cache
def _templates() -> Environment:
    """All that is put into them is escaped."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(signal=signal, pretty=pretty, outcome=outcome, compact=json.dumps)
    return made
