"""The application: sandboxes by URL prefix, the providers' operations, the control API."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, lru_cache
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote

from flask import Flask, Request, redirect, request
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.sansio.utils import get_current_url, get_host
from werkzeug.wrappers import Response as BaseResponse

from mocksrv.engine.config import Config
from mocksrv.engine.engine import Engine
from mocksrv.engine.journal import KEPT_BODY, UNPREFIXED, Entry, Exchange
from mocksrv.engine.problems import near
from mocksrv.engine.sandbox import DEFAULT, NAME, Fault, Sandbox, SandboxDropped, SandboxesFull, SandboxNameError
from mocksrv.engine.scenarios.durations import LONGEST_HELD
from mocksrv.engine.storage.records import StoreFull
from mocksrv.providers.http import Answer, AnyCall, Route
from mocksrv.providers.provider import Provider
from mocksrv.web import control, pages
from mocksrv.web.control.calls import AUTH_KINDS
from mocksrv.web.cors import allow_origin, preflight
from mocksrv.web.hosting.calls import hosted
from mocksrv.web.problems import Problem
from mocksrv.web.routing import RouteTable

LARGEST_BODY = 2**20  # bytes
CONTROL = "/_mocksrv"
log = logging.getLogger("mocksrv")


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


class Operation(NamedTuple):
    """An operation of a provider, or what a browser asks before a page may call it."""

    provider: Provider
    route: Route
    preflight: bool = False


def create_app(engine: Engine, providers: Sequence[Provider], config: Config) -> Flask:
    """The WSGI application of an engine and its providers."""
    app = Flask("mocksrv", static_folder=None, template_folder=None)
    app.url_rule_class = LazyRule
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.config[AUTH_KINDS] = engine.auth_kinds
    for provider in providers:
        provider.open(engine)
    handler = CallHandler(engine, providers, app.wsgi_app)
    calls = control.Control(engine, providers, config)
    control.mount(app, calls)
    pages.mount(app, pages.Pages(engine, config, handler.sandbox_of, handler.base_url, calls.admits), providers)
    app.add_url_rule("/", "root", handler.root, methods=["GET"])
    app.register_error_handler(SandboxesFull, _no_room)
    app.register_error_handler(
        HTTPException,
        lambda error: calls.refuse(error) if _is_below(request.path, CONTROL) else handler.no_route(error),
    )
    app.wsgi_app = handler  # type: ignore[method-assign]
    return app


class CallHandler:
    """WSGI: ``/sandbox/NAME/rest`` is ``/rest`` in the sandbox NAME. Answers calls of the providers' operations; all
    others are for ``others``: control API, pages, and what is nobody's.

    What every call of a provider goes through: sandbox, journal, time, faults.
    """

    def __init__(self, engine: Engine, providers: Sequence[Provider], others: Callable[..., Iterable[bytes]]) -> None:
        self.engine = engine
        self._others = others
        self._providers = sorted(providers, key=lambda provider: -len(provider.prefix))
        self._ids = Random()
        self._table: RouteTable[Operation] = RouteTable()
        for provider in providers:
            for route in provider.routes.values():
                path = provider.prefix + route.path
                self._table.add(route.method, path, Operation(provider, route))
                if route.from_pages:
                    self._table.add("OPTIONS", path, Operation(provider, route, preflight=True))

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path.startswith("/sandbox/"):
            name, slash, rest = path[9:].partition("/")
            if not NAME.fullmatch(name):
                return Problem(400, str(SandboxNameError(name))).response()(environ, start_response)
            environ["mocksrv.sandbox"] = name
            environ["SCRIPT_NAME"] = f"{environ.get('SCRIPT_NAME', '')}/sandbox/{quote(name)}"
            environ["PATH_INFO"] = slash + rest
        sent = Request(environ)
        found = self._table.find(sent.method, sent.path)
        if found is None:
            return self._others(environ, start_response)
        sent.max_content_length = LARGEST_BODY
        (provider, route, asks), parameters = found
        try:
            response = self._answer(
                sent,
                provider,
                route,
                lambda call: preflight(sent, route.method) if asks else call.handle(route, parameters),
                () if asks else parameters.values(),
            )
        except SandboxesFull as error:
            return _no_room(error)(environ, start_response)
        answer: Iterable[bytes] = response(environ, start_response)
        return answer

    def _answer(
        self,
        sent: Request,
        provider: Provider,
        route: Route | None,
        answer: Callable[[AnyCall], Answer],
        names: Iterable[str] = (),
    ) -> Answer:
        """``names``: the records in the path."""
        started = hosted(sent.environ).once("started", time.perf_counter)
        sandbox = self.sandbox_of(sent)
        sandbox.called_at = self.base_url(sent)
        entry = Entry(sandbox.name, f"REQ-{self._ids.getrandbits(64):016x}", sandbox.now(), sent.method, sent.path)
        entry.notes["operation"] = route.operation if route else None
        call = provider.call_type(provider.mount, sent, sandbox, entry, sandbox.called_at, route)
        try:
            with suppress(StoreFull):  # reads go on
                self.engine.catch_up(sandbox, *names)
            entry.at = sandbox.now()
            response = (self._faulty(call) if sandbox.settings.faults else None) or answer(call)
        except SandboxDropped as error:
            response = call.refuse(404, str(error))
        except StoreFull as error:
            response = call.refuse(507, str(error))
        except Exception:
            log.exception("%s %r failed", sent.method, sent.path)
            response = call.refuse(
                500, "mocksrv failed to answer; its log says why. This is a defect, please report it."
            )
        entry.status = response.status
        entry.duration_ms = round((time.perf_counter() - started) * 1000, 3)
        if not sandbox.dropped:
            entry.exchange = _exchange(sent, response)
            self.engine.record(entry)
        response.headers["X-Mocksrv-Request"] = entry.id
        if route is not None and route.from_pages:
            allow_origin(sent, response)
        return response

    def sandbox_of(self, sent: Request) -> Sandbox:
        """The sandbox of a request."""
        return self.engine.sandbox(sent.environ.get("mocksrv.sandbox", DEFAULT))

    def base_url(self, sent: Request) -> str:
        """The beginning of the links that are handed out in the sandbox of a request."""
        public = self.engine.config.public_url
        if public:
            return public.rstrip("/") + sent.root_path
        return _root_url(sent.scheme, sent.environ.get("HTTP_HOST"), sent.server, sent.root_path)

    def _faulty(self, call: AnyCall) -> Answer | None:
        """What a fault of the sandbox makes of this call."""
        hosted_call = hosted(call.request.environ)
        fault = hosted_call.once("fault", lambda: self._take_fault(call.sandbox, call.request))
        if fault is None:
            return None
        call.entry.notes["fault"] = f"{fault.method} {fault.path}"
        if fault.delay_ms:
            hosted_call.sleep(min(fault.delay_ms, LONGEST_HELD) / 1000)
        if fault.drop:
            hosted_call.drop()
            return Answer(502)  # what is seen where the connection cannot be ended without an answer
        return call.refuse(fault.status, "This answer is a fault that was asked for") if fault.status else None

    def _take_fault(self, sandbox: Sandbox, sent: Request) -> Fault | None:
        """The first fault that meets the call; it has one time less left."""
        found = next((fault for fault in sandbox.settings.faults if fault.meets(sent.method, sent.path)), None)
        if found is None or found.times is None:
            return found
        with self.engine.change(sandbox) as world:
            faults = list(world.sandbox.settings.faults)
            found = next((fault for fault in faults if fault.meets(sent.method, sent.path)), None)
            if found is None or found.times is None:
                return found  # another call had the last of the one before
            left = replace(found, times=(found.times or 1) - 1)
            faults[faults.index(found)] = left
            world.configure(faults=tuple(fault for fault in faults if fault.times != 0))
        return found

    # calls of no operation, which come here through Flask

    def root(self) -> Answer | BaseResponse:
        """A browser is led to the control pages; a program is told what it forgot."""
        if request.accept_mimetypes.accept_html and "text/html" in request.headers.get("Accept", ""):
            return redirect(f"{request.script_root}{CONTROL}/")
        provider = self._provider("/")
        return self._answer(_present(), provider, None, provider.root)

    def no_route(self, error: HTTPException) -> Answer | BaseResponse:
        """No such route: the provider's words for it, and in the journal the nearest one that there is."""
        if error is request.routing_exception and isinstance(error, NotFound):
            error = self._why_not()
        if error.code and error.code < 400:
            return error.get_response()
        provider = self._provider(request.path)
        status = 404 if error.code == 405 else error.code or 500

        def refuse(call: AnyCall) -> Answer:
            known = [f"{route.method} {provider.prefix}{route.path}" for route in provider.routes.values()]
            call.entry.notes["nearest"] = near(f"{request.method} {request.path}"[:200], known, cutoff=0.4)
            return call.refuse(status, error.description or error.name)

        return self._answer(_present(), provider, None, refuse)

    def _why_not(self) -> HTTPException:
        """What is wrong with a call of no operation: its method, a slash too many or too few, or all of it."""
        try:
            self._rules.bind_to_environ(request.environ).match()
        except HTTPException as error:
            return error
        return NotFound()

    @cached_property
    def _rules(self) -> Map:
        """The operations as werkzeug's rules: made for the first call that means none."""
        return Map(
            Rule(provider.prefix + route.path, methods=[method], endpoint=route.operation)
            for provider in self._providers
            for route in provider.routes.values()
            for method in (route.method, *(["OPTIONS"] if route.from_pages else []))
        )

    def _provider(self, path: str) -> Provider:
        """Whose path this is: of the longest prefix; what no prefix claims is the provider's that has none."""
        return next(provider for provider in self._providers if _is_below(path, provider.prefix))


def _no_room(error: SandboxesFull) -> BaseResponse:
    return Problem(503, str(error), retry_after=60).response()


def _is_below(path: str, prefix: str) -> bool:
    """Whether a path begins with a prefix, which ends at a slash."""
    return not prefix or path == prefix or path.startswith(f"{prefix}/")


@lru_cache(1000)
def _root_url(scheme: str, host: str | None, server: tuple[str, int | None] | None, path: str) -> str:
    """The URL of a path on this server: clients say the same again and again."""
    return get_current_url(scheme, get_host(scheme, host, server), path).rstrip("/")


def _present() -> Request:
    """The request that Flask answers."""
    return request._get_current_object()  # type: ignore[attr-defined]


def _exchange(sent: Request, answer: Answer) -> Exchange:
    """What was sent and answered, for the journal. Taken down within the call, so only what cannot wait is done."""
    environ = sent.environ
    body = b""
    if environ.get("CONTENT_LENGTH") or "HTTP_TRANSFER_ENCODING" in environ:
        with suppress(HTTPException):  # it was refused unread
            body = sent.get_data()[: KEPT_BODY + 1]
    asked = tuple([item for item in environ.items() if item[0][:5] == "HTTP_" or item[0] in UNPREFIXED])
    headers = tuple(answer.headers.items())
    return Exchange(environ.get("QUERY_STRING", ""), asked, body, headers, answer.content[: KEPT_BODY + 1])
