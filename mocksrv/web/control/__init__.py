"""The control API: everything about a sandbox that no provider offers. JSON under ``/_mocksrv``, errors as problem
documents.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import Flask, Request, Response, redirect, request
from werkzeug.exceptions import HTTPException

from mocksrv import __version__
from mocksrv.engine.config import Config
from mocksrv.engine.engine import Engine
from mocksrv.engine.problems import near
from mocksrv.engine.sandbox import DEFAULT, SandboxDropped
from mocksrv.engine.storage.records import dumps
from mocksrv.providers.http import Answer
from mocksrv.providers.provider import Provider, Refusal
from mocksrv.web.control.callbacks import Callbacks
from mocksrv.web.control.calls import PREFIX, Calls, ControlCall, ControlRequest
from mocksrv.web.control.coverage import Coverage
from mocksrv.web.control.figures import Figures
from mocksrv.web.control.guard import Guard
from mocksrv.web.control.journal import Requests
from mocksrv.web.control.provider_calls import ProviderCalls
from mocksrv.web.control.reading import checked, read_request
from mocksrv.web.control.sandboxes import SandboxCalls
from mocksrv.web.control.scenarios import Scenarios
from mocksrv.web.control.state import StateCalls
from mocksrv.web.control.streaming import Streaming
from mocksrv.web.control.subjects import Subjects
from mocksrv.web.control.time import Time
from mocksrv.web.hosting.calls import hosted
from mocksrv.web.pace import Pace
from mocksrv.web.problems import problem_document

HTML = "text/html"
INDEX_TYPES = ("application/json", HTML)  # the list of calls, or the dashboard
GROUPS: Mapping[str, type[Calls]] = {  # by the headings under which they are listed
    "Scenarios": Scenarios,
    "Subjects and what they play": Subjects,
    "Time": Time,
    "Callbacks": Callbacks,
    "Requests and violations": Requests,
    "Coverage": Coverage,
    "Stream": Streaming,
    "Metrics": Figures,
    "Sandboxes and faults": SandboxCalls,
    "State": StateCalls,
    "Of one provider": ProviderCalls,
}


class Control:
    """The control API of an engine and of its providers. ``calls`` are all there are, as they are listed."""

    def __init__(self, engine: Engine, providers: Sequence[Provider], config: Config) -> None:
        self.engine = engine
        self.providers = providers
        self.guard = Guard(config)
        groups = {title: group(engine, providers) for title, group in GROUPS.items()}
        self.pace = Pace()
        self.calls: tuple[ControlCall, ...] = (
            ControlCall("GET", "/", self._index, "Lists the control calls.", answer="api.CallList"),
            ControlCall(
                "GET", "/openapi.json", self._openapi, "This API as an OpenAPI document.", answer="api.Document"
            ),
            ControlCall("GET", "/docs", self._docs, "This API as a page, with a form for each call.", media=HTML),
            ControlCall(
                "GET", "/health", self._health, "Says that the server answers.", answer="api.Health", checked=False
            ),
            *(replace(call, group=title) for title, group in groups.items() for call in group.declared()),
        )

    def _index(self, _: ControlRequest) -> Any:
        if _is_for_a_browser(self.calls[0], request):
            return redirect(f"{request.script_root}{PREFIX}/dashboard/overview")
        from mocksrv.web.control.openapi import plain

        calls = [{"method": c.method, "path": f"{PREFIX}{plain(c.path)}", "summary": c.summary} for c in self.calls]
        return {"mocksrv": __version__, "calls": calls}

    def _openapi(self, _: ControlRequest) -> Any:
        from mocksrv.web.control.openapi import document

        return document(self.calls, request.root_url.rstrip("/"))

    def _docs(self, _: ControlRequest) -> Response:
        self.engine.reserved.may_wait()  # it is long
        from mocksrv.web.dashboard.views import page

        return page(self, request, "docs", None)

    def _health(self, _: ControlRequest) -> Any:
        return {"status": "ok", "version": __version__}

    def admits(self, request: Request) -> bool:
        """Whether this client, or the page it is shown, may use the control API."""
        try:
            self.check(request)
        except Refusal:
            return False
        return True

    def check(self, request: Request) -> None:
        """Raises Refusal 401, 403 for a client that may not use the control API."""
        self.guard.admit(request)

    def look(self, request: Request, path: str, query: Mapping[str, str], **parameters: str) -> Any:
        """What the call ``GET path`` (in Flask's spelling) shows in the sandbox of a request. Raises Refusal."""
        call = next(each for each in self.calls if (each.method, each.path) == ("GET", path))
        sandbox = request.environ.get("mocksrv.sandbox", DEFAULT)
        read = ControlRequest(self.engine, sandbox, checked(call.query, query), {}, b"", hosted(request.environ))
        return call.view(read, **parameters)

    def answer(self, call: ControlCall, parameters: dict[str, str]) -> Response | Answer:
        """Answers a request with one of the calls."""
        try:
            if call.checked and not _is_for_a_browser(call, request):
                self.guard.admit(request)
                self.engine.reserved.may_wait()
            sandbox = request.environ.get("mocksrv.sandbox", DEFAULT)
            body = call.view(read_request(self.engine, sandbox, call, request), **parameters)
        except Refusal as refusal:
            return problem_document(refusal)
        except SandboxDropped as error:
            return problem_document(Refusal(404, str(error)))
        if isinstance(body, Response):
            return body
        return Response(status=204) if body is None else Response(dumps(body), mimetype="application/json")

    def refuse(self, error: HTTPException) -> Answer:
        """No such call: says which there are at this path, or which is nearest."""
        path = request.path.removeprefix(PREFIX) or "/"
        listed = f"GET {PREFIX}/ lists the calls"
        if error.code == 405:
            methods = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
            return problem_document(
                Refusal(405, f"{request.method} is not allowed at {PREFIX}{path}; allowed are {methods}")
            )
        if error.code == 404:
            paths = {call.path for call in self.calls}
            guess = near(path[:200], paths)
            told = f"did you mean {PREFIX}{guess}? " if guess else ""
            return problem_document(Refusal(404, f"there is no control call {PREFIX}{path}; {told}{listed}"))
        return problem_document(Refusal(error.code or 500, error.description or error.name))


def _is_for_a_browser(call: ControlCall, request: Request) -> bool:
    """Whether a browser asks for what the dashboard shows. The dashboard itself says who may see it."""
    return call.path in ("/", "/docs") and request.accept_mimetypes.best_match(INDEX_TYPES) == HTML


def mount(app: Flask, control: Control) -> None:
    """Adds the control API to the application."""

    def view(call: ControlCall) -> Callable[..., Response | Answer]:
        return lambda **parameters: control.answer(call, parameters)

    for call in control.calls:
        name = f"control.{call.method} {call.path}"
        app.add_url_rule(f"{PREFIX}{call.path}", name, view(call), methods=[call.method])
    index = control.calls[0]
    app.add_url_rule(PREFIX, "control.index", view(index), methods=[index.method])
