"""The application: sandboxes by URL prefix, the providers' operations, and Flask for the rest."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from io import BytesIO
from random import Random
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.sansio.utils import get_current_url, get_host
from werkzeug.wrappers import Request

from mocksrv.engine.config import Config
from mocksrv.engine.engine import Engine
from mocksrv.engine.journal import KEPT_BODY, UNPREFIXED, Entry, Exchange
from mocksrv.engine.names import NAME
from mocksrv.engine.sandbox import DEFAULT, Fault, Sandbox, SandboxDropped, SandboxesFull, SandboxNameError
from mocksrv.engine.scenarios.steps import LONGEST_HELD
from mocksrv.engine.storage.records import StoreFull, StoreUnavailable
from mocksrv.providers.http import Answer, AnyCall, Route
from mocksrv.providers.provider import Provider, Refusal
from mocksrv.web.cors import allow_origin, preflight
from mocksrv.web.hosting.calls import LARGEST_BODY, hosted
from mocksrv.web.problems import problem_document
from mocksrv.web.routing import RouteTable

if TYPE_CHECKING:
    from werkzeug.test import Client

    from mocksrv.web.others import Others

RETRY_AFTER = 1  # seconds after which a database that did not answer may be asked again
LONG_BUSY = 0.003  # seconds of processor time: who needs more is answered by a thread, so that polls need not wait
HEAVY_FOR = 10.0  # seconds for which that is remembered of an operation
log = logging.getLogger("mocksrv")


Asked = tuple[str, str, bytes]  # sandbox, path, query


class Operation(NamedTuple):
    """An operation of a provider, or what a browser asks before a page may call it."""

    provider: Provider
    route: Route
    preflight: bool = False


class Arguments(ImmutableMultiDict[str, str]):
    """What a query says. Most of what is asked for is not there, for which werkzeug makes an exception each time."""

    def get(self, key: str, *more: Any, **named: Any) -> Any:
        return super().get(key, *more, **named) if key in self else (more[0] if more else named.get("default"))


class Sent(Request):
    """What a client has sent."""

    parameter_storage_class = Arguments
    max_content_length = LARGEST_BODY


class App:
    """The WSGI application of an engine and its providers. ``/sandbox/NAME/rest`` is ``/rest`` in the sandbox NAME.

    It answers the calls of the providers' operations: each goes through sandbox, journal, time, faults. All other calls
    (control API, pages, and what is nobody's) are Flask's, which is imported with the first of them.
    """

    def __init__(self, engine: Engine, providers: Sequence[Provider], config: Config) -> None:
        self.engine = engine
        self._config = config
        self._by_client = config.sandbox_by == "client-id"
        self._declared = providers
        self._providers = sorted(providers, key=lambda provider: -len(provider.prefix))
        # operations that took long: until when (monotonic) they do not keep polls waiting, and which call it was
        self._heavy: dict[str, tuple[float, Asked]] = {}
        self._others: Others | None = None
        self._lock = Lock()
        self._ids = Random()
        self._table: RouteTable[Operation] = RouteTable()
        for provider in providers:
            provider.open(engine)
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
                return problem_document(Refusal(400, str(SandboxNameError(name))))(environ, start_response)
            _enter(environ, name)
            environ["PATH_INFO"] = slash + rest
        body = environ["wsgi.input"]
        if not isinstance(body, BytesIO):  # it cannot be read again
            return self._respond(environ, start_response)

        def respond() -> Iterable[bytes]:
            body.seek(0)
            return self._respond(environ, start_response)

        return self.engine.loads.attempt(respond)

    def _respond(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        sent = Sent(environ)
        found = self._table.find(sent.method, sent.path)
        if found is None or not _can_be_host(environ.get("HTTP_HOST", "")):
            if self._others is None or self.engine.store.waits:  # Flask is imported with the first of them
                self.engine.reserved.may_wait()
            return self.others.answer(environ, start_response)
        (provider, route, asks), parameters = found
        try:
            response = self.answer(
                sent,
                provider,
                route,
                lambda call: preflight(sent, route.method) if asks else call.handle(route, parameters),
                () if asks else parameters.values(),
            )
        except SandboxesFull as error:
            return no_room(error)(environ, start_response)
        except StoreUnavailable as error:
            return unavailable(error)(environ, start_response)
        answer: Iterable[bytes] = response(environ, start_response)
        return answer

    def answer(
        self,
        sent: Request,
        provider: Provider,
        route: Route | None,
        answer: Callable[[AnyCall], Answer],
        names: Iterable[str] = (),
    ) -> Answer:
        """``names``: the records in the path."""
        if route is not None and route.operation in self._heavy and self._is_heavy(route.operation):
            self.engine.reserved.may_wait()
        busy = time.thread_time()
        started = hosted(sent.environ).once("started", time.perf_counter)
        if self._by_client and "mocksrv.sandbox" not in sent.environ:
            self._enter_own(sent, provider)
        sandbox = self.sandbox_of(sent)
        sandbox.called_at = self.base_url(sent)
        entry = Entry(sandbox.name, f"REQ-{self._ids.getrandbits(64):016x}", sandbox.now(), sent.method, sent.path)
        entry.provider = provider.name
        entry.in_real_time = sandbox.clock.word == "real"
        entry.notes["operation"] = route.operation if route else None
        call = provider.call_type(provider.mount, sent, sandbox, entry, sandbox.called_at, route)
        call.once = hosted(sent.environ).once
        response = self._answer(call, answer, names)
        busy = time.thread_time() - busy
        if route is not None and (busy > LONG_BUSY or route.operation in self._heavy):
            self._weigh(route.operation, (sandbox.name, sent.path, sent.query_string), busy)
        entry.status = response.status
        entry.duration_ms = round((time.perf_counter() - started) * 1000, 3)
        if not sandbox.dropped:
            entry.exchange = _exchange(sent, response)
            self.engine.record(sandbox, entry)
        response.headers["X-Mocksrv-Request"] = entry.id
        if route is not None and route.from_pages:
            allow_origin(sent, response)
        return response

    def _is_heavy(self, operation: str) -> bool:
        until, _ = self._heavy.get(operation, (0.0, None))  # another thread may have ended it
        return until > time.monotonic()

    def _weigh(self, operation: str, asked: Asked, busy: float) -> None:
        """Remembers what took long, until the very same takes short: the first look at a list counts it."""
        if busy > LONG_BUSY:
            self._heavy[operation] = (time.monotonic() + HEAVY_FOR, asked)
        elif self._heavy.get(operation, (0.0, None))[1] == asked:
            self._heavy.pop(operation, None)

    def _answer(self, call: AnyCall, answer: Callable[[AnyCall], Answer], names: Iterable[str]) -> Answer:
        """What is answered after what has fallen due for these records has happened; what fails is an answer, too."""
        sandbox = call.sandbox
        try:
            with suppress(StoreFull):  # reads go on
                self.engine.schedule.catch_up(sandbox, *names)
            call.entry.at = sandbox.now()
            return (self._faulty(call) if sandbox.settings.faults else None) or answer(call)
        except SandboxDropped as error:
            return call.refuse(404, str(error))
        except StoreFull as error:
            return call.refuse(507, str(error))
        except StoreUnavailable as error:
            response = call.refuse(503, str(error))
            response.headers["Retry-After"] = str(RETRY_AFTER)
            return response
        except Exception:
            log.exception("%s %r failed", call.request.method, call.request.path)
            return call.refuse(500, "mocksrv failed to answer; its log says why. This is a defect, please report it.")

    @property
    def others(self) -> Others:
        """What answers all other calls."""
        with self._lock:
            if self._others is None:
                from mocksrv.web.others import Others

                self._others = Others(self, self._declared, self._config)
            return self._others

    def test_client(self) -> Client:
        """A client that calls the application without a server."""
        from werkzeug.test import Client

        return Client(self)

    @staticmethod
    def _enter_own(sent: Request, provider: Provider) -> None:
        """The call belongs to the sandbox of its client, as if it had said so."""
        name = provider.sandbox_of(sent.headers)
        if name is not None:
            _enter(sent.environ, name)
            sent.root_path = sent.environ["SCRIPT_NAME"]
            hosted(sent.environ).up_to_date = False  # that was found of another one

    def sandbox_of(self, sent: Request) -> Sandbox:
        """The sandbox of a request."""
        name = sent.environ.get("mocksrv.sandbox", DEFAULT)
        return self.engine.sandbox(name, hosted(sent.environ).up_to_date)

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
        """The first fault that holds for the call; those that count have counted it."""
        found, left = _taken(sandbox.settings.faults, sent)
        if left == sandbox.settings.faults:
            return found
        with self.engine.change(sandbox) as world:
            found, left = _taken(world.sandbox.settings.faults, sent)  # another call may have had the last of it
            world.configure(faults=left)
        return found

    def provider_of(self, path: str) -> Provider:
        """Whose path this is: of the longest prefix; what no prefix claims is the provider's that has none."""
        return next(provider for provider in self._providers if is_below(path, provider.prefix))


def _enter(environ: dict[str, Any], sandbox: str) -> None:
    """A call belongs to a sandbox, and so do the links that it hands out."""
    environ["mocksrv.sandbox"] = sandbox
    environ["SCRIPT_NAME"] = f"{environ.get('SCRIPT_NAME', '')}/sandbox/{quote(sandbox)}"


def _taken(faults: tuple[Fault, ...], sent: Request) -> tuple[Fault | None, tuple[Fault, ...]]:
    """The first of the faults that holds for a call, and what is left of all of them after it."""
    found = None
    left: list[Fault | None] = []
    for fault in faults:
        holds, rest = fault.met() if found is None and fault.meets(sent.method, sent.path) else (False, fault)
        found = fault if holds else found
        left.append(rest)
    return found, tuple(fault for fault in left if fault)


def no_room(error: SandboxesFull) -> Answer:
    """The answer where there is no place for another sandbox."""
    return problem_document(Refusal(503, str(error), retry_after=60))


def unavailable(error: StoreUnavailable) -> Answer:
    """The answer while the database cannot be used."""
    if isinstance(error, StoreFull):
        return problem_document(Refusal(507, str(error)))
    return problem_document(Refusal(503, str(error), retry_after=RETRY_AFTER))


def is_below(path: str, prefix: str) -> bool:
    """Whether a path begins with a prefix, which ends at a slash."""
    return not prefix or path == prefix or path.startswith(f"{prefix}/")


@lru_cache(1000)
def _can_be_host(text: str) -> bool:
    """Whether a name of a server may read so: links are made with it."""
    try:
        return bool(text.encode("idna")) or not text
    except UnicodeError:
        return False


@lru_cache(1000)
def _root_url(scheme: str, host: str | None, server: tuple[str, int | None] | None, path: str) -> str:
    """The URL of a path on this server: clients say the same again and again."""
    return get_current_url(scheme, get_host(scheme, host, server), path).rstrip("/")


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
