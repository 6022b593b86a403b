"""The application: sandboxes by URL prefix, the providers' wings, the control API."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, redirect, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from mocksrv.engine.config import Config
from mocksrv.engine.engine import Engine
from mocksrv.engine.journal import Entry
from mocksrv.engine.sandbox import DEFAULT, NAME, Fault, Sandbox, SandboxDropped, SandboxNameError
from mocksrv.providers.provider import Operation, Visit, Wing
from mocksrv.web import control
from mocksrv.web.problems import problem

LARGEST_BODY = 2**20  # bytes
CONTROL = "/_mocksrv"
log = logging.getLogger("mocksrv")


class PlainRule(Rule):
    """A rule that is only matched: URLs are never built from it, so the code that would is not generated (a third of
    the start).
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        def build(*_: Any, **__: Any) -> tuple[str, str]:
            raise TypeError("URLs are not built from rules")

        return build


class SandboxPrefix:
    """WSGI: ``/sandbox/NAME/rest`` is ``/rest`` in the sandbox NAME; a name that cannot be one is refused."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path.startswith("/sandbox/"):
            name, slash, rest = path[9:].partition("/")
            if not NAME.fullmatch(name):
                return problem(400, str(SandboxNameError(name)))(environ, start_response)
            environ["mocksrv.sandbox"] = name
            environ["SCRIPT_NAME"] = f"{environ.get('SCRIPT_NAME', '')}/sandbox/{quote(name)}"
            environ["PATH_INFO"] = slash + rest
        answer: Iterable[bytes] = self._app(environ, start_response)
        return answer


def create_app(engine: Engine, wings: Sequence[Wing], config: Config) -> Flask:
    """The WSGI application of an engine and its wings."""
    app = Flask("mocksrv", static_folder=None, template_folder=None)
    app.url_rule_class = PlainRule
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    house = House(engine, wings, config)
    for wing in wings:
        wing.open(engine)
        for operation in wing.operations():
            app.add_url_rule(
                wing.prefix + operation.path,
                f"{wing.name}.{operation.name}",
                house.view(wing, operation),
                methods=[operation.method],
                provide_automatic_options=False,
            )
    control.mount(app, house.sandbox, control.Control(engine, wings, config))
    app.add_url_rule("/", "front", house.front, methods=["GET"])
    app.register_error_handler(HTTPException, house.no_route)
    app.wsgi_app = SandboxPrefix(app.wsgi_app)  # type: ignore[method-assign]
    return app


class House:
    """What every provider call goes through: sandbox, journal, time, faults."""

    def __init__(self, engine: Engine, wings: Sequence[Wing], config: Config) -> None:
        self.engine = engine
        self.config = config
        self._wings = sorted(wings, key=lambda wing: -len(wing.prefix))

    def sandbox(self) -> Sandbox:
        """The sandbox of the request."""
        return self.engine.sandbox(request.environ.get("mocksrv.sandbox", DEFAULT))

    def view(self, wing: Wing, operation: Operation) -> Callable[..., Response]:
        """The view of one operation."""

        def answer(**parameters: str) -> Response:
            return self._answer(wing, operation.name, lambda visit: wing.answer(visit, operation.name, parameters))

        return answer

    def _answer(self, wing: Wing, operation: str | None, answer: Callable[[Visit], Response]) -> Response:
        started = time.perf_counter()
        sandbox = self.sandbox()
        entry = Entry(sandbox.name, f"REQ-{os.urandom(8).hex()}", sandbox.now(), request.method, request.path)
        entry.notes["operation"] = operation
        visit = Visit(request._get_current_object(), sandbox, entry, self._base_url())  # type: ignore[attr-defined]
        try:
            self.engine.catch_up(sandbox)
            entry.at = sandbox.now()
            response = self._faulty(wing, visit) or answer(visit)
        except SandboxDropped as error:
            response = wing.refuse(visit, 404, str(error))
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            response = wing.refuse(
                visit, 500, "mocksrv failed to answer; its log says why. This is a defect, please report it."
            )
        entry.status = response.status_code
        entry.duration_ms = round((time.perf_counter() - started) * 1000, 3)
        if not sandbox.dropped:
            self.engine.record(entry)
        response.headers["X-Mocksrv-Request"] = entry.id
        return response

    def _base_url(self) -> str:
        if self.config.public_url:
            return self.config.public_url.rstrip("/") + request.script_root
        return request.root_url.rstrip("/")

    def _faulty(self, wing: Wing, visit: Visit) -> Response | None:
        """What a fault of the sandbox makes of this call."""
        if not visit.sandbox.settings.faults:
            return None
        path = request.path.removeprefix(wing.prefix)
        fault = self._take_fault(visit.sandbox, path)
        if fault is None:
            return None
        visit.entry.notes["fault"] = f"{fault.method} {fault.path}"
        if fault.delay_ms:
            time.sleep(fault.delay_ms / 1000)
        if fault.drop:
            return _dropped(visit)
        return wing.refuse(visit, fault.status, "This answer is a fault that was asked for") if fault.status else None

    def _take_fault(self, sandbox: Sandbox, path: str) -> Fault | None:
        """The first fault that meets the call; it has one time less left."""
        found = next((fault for fault in sandbox.settings.faults if fault.meets(request.method, path)), None)
        if found is None or found.times is None:
            return found
        with self.engine.change(sandbox) as world:
            faults = list(world.sandbox.settings.faults)
            found = next((fault for fault in faults if fault.meets(request.method, path)), None)
            if found is None or found.times is None:
                return found  # another call had the last of the one before
            left = replace(found, times=(found.times or 1) - 1)
            faults[faults.index(found)] = left
            world.configure(faults=tuple(fault for fault in faults if fault.times != 0))
        return found

    def front(self) -> Response:
        """A browser is led to the control pages; a program is told what it forgot."""
        if request.accept_mimetypes.accept_html and "text/html" in request.headers.get("Accept", ""):
            return redirect(f"{request.script_root}{CONTROL}/")  # type: ignore[return-value]
        wing = next(wing for wing in self._wings if not wing.prefix)
        return self._answer(wing, None, wing.front)

    def no_route(self, error: HTTPException) -> Response:
        """No such route: the provider's words for it, and in the journal the nearest one that there is."""
        if isinstance(error, HTTPException) and error.code and error.code < 400:
            return error.get_response()  # type: ignore[return-value]
        if request.path == CONTROL or request.path.startswith(f"{CONTROL}/"):
            return problem(error.code or 500, error.description or error.name)
        wing = next(wing for wing in self._wings if request.path.startswith(wing.prefix))
        status = 404 if error.code == 405 else error.code or 500

        def refuse(visit: Visit) -> Response:
            near = get_close_matches(
                f"{request.method} {request.path}",
                [f"{o.method} {wing.prefix}{o.path}" for o in wing.operations()],
                1,
                0.4,
            )
            visit.entry.notes["nearest"] = near[0] if near else None
            return wing.refuse(visit, status, error.description or error.name)

        return self._answer(wing, None, refuse)


def _dropped(visit: Visit) -> Response:
    """Closes the connection without an answer, where the server lets us; else an empty 502."""
    socket = visit.request.environ.get("gunicorn.socket") or visit.request.environ.get("werkzeug.socket")
    if socket is not None:
        socket.shutdown(2)
    return Response(status=502)
