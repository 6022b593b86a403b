"""The calls of no operation of a provider: control API, pages, and what is nobody's. Flask answers them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any

from flask import Flask, Request, redirect, request
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Response

from mocksrv.engine.config import Config
from mocksrv.engine.problems import near
from mocksrv.engine.sandbox import SandboxesFull
from mocksrv.engine.storage.records import StoreUnavailable
from mocksrv.providers.http import Answer, AnyCall
from mocksrv.providers.provider import Provider
from mocksrv.web import control, dashboard, pages
from mocksrv.web.app import App, is_below, no_room, unavailable
from mocksrv.web.control.calls import AUTH_KINDS, PREFIX
from mocksrv.web.hosting.calls import LARGEST_BODY
from mocksrv.web.routing import PARAMETER

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ID = "<>"  # in place of a parameter


class LazyRule(Rule):
    """A rule whose code that builds URLs is generated with its first URL: for most there is none."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        generate = super()._compile_builder
        generated: list[Callable[..., tuple[str, str]]] = []

        def build(*values: Any, **named: Any) -> tuple[str, str]:
            if not generated:
                generated.append(generate(append_unknown))
            return generated[0](*values, **named)

        return build


class Others:
    """Flask, as it answers for an application; ``flask`` calls the application, too."""

    def __init__(self, app: App, providers: Sequence[Provider], config: Config) -> None:
        self._app = app
        self._providers = providers
        self.flask = Flask("mocksrv", static_folder=None, template_folder=None)
        self.flask.url_rule_class = LazyRule
        self.flask.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
        self.flask.config[AUTH_KINDS] = app.engine.auth_kinds
        calls = control.Control(app.engine, providers, config)
        control.mount(self.flask, calls)
        dashboard.mount(self.flask, calls)
        pages.mount(self.flask, pages.Pages(app.engine, config, app.sandbox_of, app.base_url, calls.admits), providers)
        self.flask.add_url_rule("/", "root", self._root, methods=["GET"])
        self.flask.register_error_handler(SandboxesFull, no_room)
        self.flask.register_error_handler(StoreUnavailable, unavailable)
        self.flask.register_error_handler(
            HTTPException,
            lambda error: calls.refuse(error) if is_below(request.path, PREFIX) else self._no_route(error),
        )
        self.answer: Callable[[dict[str, Any], Any], Iterable[bytes]] = self.flask.wsgi_app
        self.flask.wsgi_app = app  # type: ignore[method-assign]

    def _root(self) -> Answer | Response:
        """A browser is led to the control pages; a program is told what it forgot."""
        if request.accept_mimetypes.accept_html and "text/html" in request.headers.get("Accept", ""):
            return redirect(f"{request.script_root}{PREFIX}/")
        provider = self._app.provider_of("/")
        return self._app.answer(_present(), provider, None, provider.root)

    def _no_route(self, error: HTTPException) -> Answer | Response:
        """No such route: the provider's words for it, and in the journal the nearest one that there is."""
        if error is request.routing_exception and isinstance(error, NotFound):
            error = self._why_not()
        if error.code and error.code < 400:
            return error.get_response()
        provider = self._app.provider_of(request.path)
        status = 404 if error.code == 405 else error.code or 500

        def refuse(call: AnyCall) -> Answer:
            of_the_path = self._of_the_path() if error.code == 405 else None
            call.entry.notes["nearest"] = of_the_path or _most_like(request.method, request.path, provider)
            return call.refuse(status, error.description or error.name)

        return self._app.answer(_present(), provider, None, refuse)

    def _why_not(self) -> HTTPException:
        """What is wrong with a call of no operation: its method, a slash too many or too few, or all of it."""
        try:
            self._rules.bind_to_environ(request.environ).match()
        except HTTPException as error:
            return error
        return NotFound()

    def _of_the_path(self) -> str | None:
        """The route of a path that has none for this method, with the methods that it has: ``GET, POST /users``."""
        rules = self._rules.bind_to_environ(request.environ)
        allowed = rules.allowed_methods()
        methods = [method for method in METHODS if method in allowed]
        return f"{', '.join(methods)} {rules.match(method=methods[0], return_rule=True)[0].rule}" if methods else None

    @cached_property
    def _rules(self) -> Map:
        """The operations as werkzeug's rules: made for the first call that means none."""
        return Map(
            Rule(provider.prefix + route.path, methods=[method], endpoint=route.operation)
            for provider in self._providers
            for route in provider.routes.values()
            for method in (route.method, *(["OPTIONS"] if route.from_pages else []))
        )


def _most_like(method: str, path: str, provider: Provider) -> str | None:
    """The provider's operation that is most like a call. What has a digit is taken for an id unless it is part of an
    operation's path: ids are no more alike than any two words.
    """
    operations = {f"{route.method} {provider.prefix}{route.path}" for route in provider.routes.values()}
    fixed = {part for operation in operations for part in operation.split("/")}
    parts = [ID if re.search(r"\d", part) and part not in fixed else part for part in path.split("/")]
    known = {PARAMETER.sub(ID, operation): operation for operation in sorted(operations)}
    return known.get(near(f"{method} {'/'.join(parts)}"[:200], known, cutoff=0.4) or "")


def _present() -> Request:
    """The request that Flask answers."""
    return request._get_current_object()  # type: ignore[attr-defined]
