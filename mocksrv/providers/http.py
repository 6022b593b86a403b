"""What the APIs of all providers are made of: routes, the call that a view answers, its reply, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Generic, NamedTuple, NoReturn, TypeVar

from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.utils import get_content_type
from werkzeug.wrappers import Request

from mocksrv.engine.engine import Engine
from mocksrv.engine.journal import Entry
from mocksrv.engine.kept import stamp
from mocksrv.engine.problems import YamlError
from mocksrv.engine.role import Role
from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.secrets import SECRET_NAME
from mocksrv.engine.storage.records import Record, dumps, loads
from mocksrv.engine.world import World
from mocksrv.providers.late_patterns import late_patterns

with late_patterns():
    from marshmallow import EXCLUDE, Schema

View = Callable[..., "Reply"]
ViewT = TypeVar("ViewT", bound=View)
Due = Callable[[World, Record], None]
DueT = TypeVar("DueT", bound=Due)


class ProviderError(Exception):
    """A call is refused: the HTTP status, and what the provider says. Its body is made by `Call.error_body`."""

    def __init__(self, status: int, message: str, rule: str | None = None) -> None:
        """``rule``: which of the rules of the provider's contract the call breaks."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.rule = rule

    @property
    def name(self) -> str:
        """Of this refusal among the `Provider.refusals`."""
        return str(self.status)


class Reply(NamedTuple):
    """A JSON body (None: no content) or the bytes of a file, with a status; a media type and headers where they are its
    own.
    """

    body: Any = None
    status: int = 200
    mimetype: str | None = None
    headers: Mapping[str, str] = {}


NO_CONTENT = Reply(None, 204)


_content_type = lru_cache(100)(get_content_type)


class Answer:
    """What is sent in answer to a call: status, headers, bytes. It is a WSGI application of its own, for werkzeug's
    responses take a quarter of a poll.
    """

    __slots__ = ("content", "headers", "status")

    def __init__(
        self,
        status: int,
        content: str | bytes = b"",
        mimetype: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.content = content.encode() if isinstance(content, str) else content
        self.headers = dict(headers or {})
        if mimetype is not None:
            self.headers["Content-Type"] = _content_type(mimetype, "utf-8")
        if status != 204:
            self.headers["Content-Length"] = str(len(self.content))

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        phrase = HTTP_STATUS_CODES.get(self.status, "Unknown").upper()
        start_response(f"{self.status} {phrase}", list(self.headers.items()))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [self.content]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: its path below the provider's prefix in Flask's spelling, and the provider's own name of it.

    ``from_pages``: official web SDKs call it from a page, so that it answers CORS.
    """

    method: str
    path: str
    operation: str
    view: View
    from_pages: bool = field(default=False, kw_only=True)


RouteT = TypeVar("RouteT", bound=Route)


class Routes(Generic[RouteT]):
    """The operations of a family, and what it does when the timer of one of its records falls due."""

    def __init__(self, route: type[RouteT], **common: Any) -> None:
        """``common`` are further fields of all its routes."""
        self.entries: list[RouteT] = []
        self.timers: dict[str, Due] = {}  # kind of timer -> ``handler(world, record)``
        self._route = route
        self._common = common

    def add(self, method: str, path: str, operation: str = "", **options: Any) -> Callable[[ViewT], ViewT]:
        """Mounts a view: ``view(call, **path parameters) -> Reply``; ``options`` are further fields of its route.

        Without a name of its own the operation is called ``METHOD PATH``.
        """

        def mount(view: ViewT) -> ViewT:
            name = operation or f"{method} {path}"
            self.entries.append(self._route(method, path, name, view, **self._common, **options))
            return view

        return mount

    def due(self, timer: str) -> Callable[[DueT], DueT]:
        """What happens when a timer of this kind falls due: ``handler(world, record)``."""

        def mount(handler: DueT) -> DueT:
            self.timers[timer] = handler
            return handler

        return mount


class Document(Schema):
    """The base of all schemas: renders a flat dict, every field present; unknown members of a request are left
    out.
    """

    class Meta:
        unknown = EXCLUDE

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        return obj.get(attr)


@dataclass(slots=True, weakref_slot=True)
class Mount:
    """What the calls of one server find their provider's parts in. ``credentials``: the only ones accepted, if any."""

    engine: Engine
    role: Role
    credentials: tuple[str, str] | None


MountT = TypeVar("MountT", bound=Mount)


class Call(Generic[MountT, RouteT]):
    """One request, as the views of a provider see it; ``route`` is None where it meets none.

    ``base_url`` is that of the sandbox, for URLs that are handed out. ``once(name, make)``: what ``make`` gives, made
    once also where the call has to be begun again.
    """

    once: Callable[[str, Callable[[], Any]], Any]

    def __init__(
        self,
        mount: MountT,
        request: Request,
        sandbox: Sandbox,
        entry: Entry,
        base_url: str,
        route: RouteT | None,
    ) -> None:
        self.mount = mount
        self.engine = mount.engine
        self.request = request
        self.sandbox = sandbox
        self.entry = entry
        self.base_url = base_url
        self.route = route
        self._subject: Record | None = None
        self._deleted = False
        self._parameters: Sequence[str] | None = None  # of the query, that the view knows; None: it has not said yet

    # what providers differ in

    def admit(self, route: RouteT) -> None:
        """Raises ProviderError for a call that the provider does not let in: credentials, version."""

    def unreadable(self, reason: str) -> NoReturn:
        """Raises the provider's refusal of a body that is no JSON object."""
        raise ProviderError(400, reason)

    def error_body(self, error: ProviderError) -> Any:
        """The body that tells of a refusal."""
        return {"message": error.message}

    def text(self, body: Any) -> str:
        """A body as JSON, with numbers in the provider's form."""
        return dumps(body)

    @property
    def media_type(self) -> str:
        """Of the answers."""
        return "application/json"

    def reads_early(self, subject: Record) -> bool:
        """Whether the call reads data of a subject that are still being fetched."""
        return False

    # what the client sent

    @cached_property
    def json(self) -> dict[str, Any]:
        """The request's body. Refused unless it is a JSON object."""
        raw = self.request.get_data(cache=True)
        if self.request.mimetype != "application/json":
            self.entry.violate(
                "content-type", f"a body is sent as application/json, not as {self.request.mimetype or 'nothing'}"
            )
        try:
            body = loads(raw.decode())
        except (ValueError, RecursionError):
            self.unreadable("The request body is not valid JSON")
        if not isinstance(body, dict):
            self.unreadable("The request body must be a JSON object")
        return body

    def note_unknown(
        self, given: Mapping[str, Any], schema: Schema, prefix: str = "", also: frozenset[str] = frozenset()
    ) -> None:
        """Notes the members that a schema does not read as violations, but for those of ``also``."""
        known = {each.data_key or name for name, each in schema.load_fields.items()}
        for name in sorted(given.keys() - known - also):
            self.entry.unread(name, known, prefix)

    def arguments(self, *known: str) -> Mapping[str, str]:
        """The query parameters; unknown ones are noted as violations."""
        self._parameters = known
        return self.request.args

    def _note_parameters(self) -> None:
        """Notes what the query says that nobody reads, and what should not stand there."""
        for name in self.request.args:
            if SECRET_NAME.search(name):
                self.entry.violate("secret-in-url", name)
            elif self._parameters is not None and name not in self._parameters:
                self.entry.unknown("unknown-parameter", name, self._parameters)

    def note_page(self, *, first: bool, more: bool) -> None:
        """Notes that a page was read of a list of a record's own: who searches a catalogue need not read on."""
        if self.route is not None and "<" in self.route.path:
            self.entry.page = (first, more)

    # the sandbox

    def change(self) -> AbstractContextManager[World]:
        """A transaction."""
        return self.engine.change(self.sandbox)

    def look(self) -> AbstractContextManager[World]:
        """Reads."""
        return self.engine.look(self.sandbox)

    def kept(self, key: tuple[Any, ...], make: Callable[[], Any]) -> bytes:
        """The JSON of what ``make`` makes of records, the path, the query and ``key``, and of nothing else (neither
        time, nor files, nor other headers): it is made once until the sandbox changes.
        """
        asked = (self.request.method, self.request.path, self.request.query_string, self.base_url)
        key, since = (*asked, *key), stamp(self.sandbox)
        found = self.engine.kept.find(self.sandbox, key)
        if found is None:
            found = self.text(make()).encode()
            self.engine.kept.keep(self.sandbox, key, since, found)
        return found

    # answers

    def handle(self, route: RouteT, parameters: Mapping[str, str]) -> Answer:
        """What the route's view answers, in the call's media type unless the reply has one of its own. The provider's
        refusals are answers, too.
        """
        try:
            self.admit(route)
            reply = route.view(self, **parameters)
            self._parameters = self._parameters or ()
            if reply.body is None:
                return Answer(reply.status)
            content = reply.body if isinstance(reply.body, bytes) else self.text(reply.body)
            return Answer(reply.status, content, reply.mimetype or self.media_type, reply.headers)
        except ProviderError as error:
            return self.refused(error)
        except HTTPException as error:
            return self.refuse(error.code or 500, error.description or error.name)
        except YamlError as error:
            return self.refuse(500, f"The data of this scenario cannot be made: {error}")
        finally:
            if self.request.query_string:
                self._note_parameters()
            self.explain()

    def refuse(self, status: int, message: str) -> Answer:
        """An answer in the provider's error shape."""
        return self.refused(ProviderError(status, message))

    def refused(self, error: ProviderError) -> Answer:
        """The answer that an error is told with."""
        if error.rule is not None:
            self.entry.violate(error.rule, error.message)
        self.entry.refusal = error.name
        return Answer(error.status, dumps(self.error_body(error)), "application/json")

    def polled(self, subject: Record) -> None:
        """Counts a read of the subject's status: a scenario may wait for so many of them, and goes on after the last
        was answered.
        """
        self.entry.polled = True
        if subject.play is not None and subject.play.polls:
            with self.change() as world:
                present = world.subject(subject.guid)
                if present is not None:
                    self.engine.player.polled(world, present)

    # the journal

    def about(self, subject: Record, *, new: bool = False) -> Record:
        """Takes down in the journal whom the call is about and how that one stands: nowhere, if the call makes it. The
        views change this very record.
        """
        self._subject = subject
        self.entry.notes.update(subject=subject.guid, status_before=None if new else self.mount.role.status(subject))
        return subject

    def delete(self, world: World, subject: Record) -> None:
        """Removes whom the call is about, who stands nowhere afterwards."""
        self.mount.role.remove(world, subject)
        self._deleted = True

    def explain(self) -> None:
        """Takes down in the journal, after the view, which scenario, flow and step (file and line) made the answer what
        it is.
        """
        if self._subject is None:
            return
        play = self._subject.play
        at = play.at if play is not None else None
        if self.reads_early(self._subject):
            self.entry.violate("early-read", f"{self._subject.guid} is still being fetched")
        self.entry.notes.update(
            scenario=play.scenario if play is not None else None,
            flow=at.flow if at is not None else None,
            step=f"{at.file}:{at.line}" if at is not None else None,
            status_after=None if self._deleted else self.mount.role.status(self._subject),
        )
        if play is not None and play.counted:
            self.entry.notes["counted"] = play.counted


AnyCall = Call[Any, Any]


def sentence(path: str, messages: Any) -> str:
    """marshmallow's messages as one line: ``user.email: Not a valid email address.``"""
    if isinstance(messages, dict):
        inner = (
            (f"{path}.{name}" if path and name != "_schema" else path or str(name), lines)
            for name, lines in messages.items()
        )
        return "; ".join(sentence(name, lines) for name, lines in inner)
    if isinstance(messages, list):
        return f"{path}: {' '.join(str(message) for message in messages)}"
    return f"{path}: {messages}"
