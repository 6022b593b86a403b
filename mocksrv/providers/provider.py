"""What a provider declares: its place in the URL space, its role for the engine, its operations, and what the tools say
of it.

The modules with these declarations import nothing heavy at their top, so that the command line can read them at once.
"""

from __future__ import annotations

import inspect
import re
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from mocksrv.engine.declarations import declared_by, require
from mocksrv.engine.violations import RULES

if TYPE_CHECKING:
    from marshmallow import Schema
    from werkzeug.datastructures import Headers

    from mocksrv.engine.acting import Actions
    from mocksrv.engine.config import Config
    from mocksrv.engine.engine import Engine
    from mocksrv.engine.role import Role
    from mocksrv.engine.scenarios.institutions import OwnInstitution
    from mocksrv.providers.demo import Demo
    from mocksrv.providers.http import Answer, AnyCall, Mount, Route, Routes

PARAMETER = re.compile(r"<([^<>:]*:)?(\w+)>")  # of a path: converter and name


class Refusal(Exception):
    """A control call cannot be done: the status and the detail of the problem document that answers it.

    ``more``: further members of the document; ``retry_after``: seconds.
    """

    def __init__(self, status: int, detail: str, *, retry_after: int | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.retry_after = retry_after
        self.more = more


class ControlRoute(NamedTuple):
    """A control call that only this provider has: its path below ``/_mocksrv``, with parameters in Flask's spelling.

    ``call(sandbox, body, **parameters)`` answers a JSON value or raises Refusal; what fell due before has happened when
    it is called.
    ``body`` and ``answer`` are the schemas of what it takes and gives, ``refusals`` the statuses that it may refuse
    with, and when, ``parameters`` what each of the path is; ``summary`` is a sentence.
    """

    method: str
    path: str
    call: Callable[..., Any]
    summary: str
    body: type[Schema] | None = None
    answer: type[Schema] | None = None
    refusals: Mapping[int, str] = {}
    parameters: Mapping[str, str] = {}


class PageRoute(NamedTuple):
    """A page for people, at ``prefix + path`` (Flask's spelling), with the methods GET and HEAD, or POST.

    ``view`` is ``module:function``, imported when a page is first asked for: ``function(page, **parameters)`` is given
    a `mocksrv.providers.pages.page.PageRequest` and answers a response. The function's name is the page's.
    """

    method: str
    path: str
    view: str

    @property
    def name(self) -> str:
        return self.view.partition(":")[2]


def _takes_just(view: Callable[..., Any], names: Sequence[str]) -> bool:
    """Whether a view is a plain function or method of a call, these names and what has defaults. Nearly all are, and
    `inspect` takes its time.
    """
    code = getattr(view, "__code__", None)
    if code is None or hasattr(view, "__wrapped__") or code.co_kwonlyargcount or code.co_posonlyargcount:
        return False
    required = code.co_argcount - len(getattr(view, "__defaults__", None) or ())
    taken = code.co_varnames[inspect.ismethod(view) : required]
    return bool(taken) and set(taken[1:]) == set(names)


class Family(Protocol):
    """A module with operations."""

    @property
    def routes(self) -> Routes[Any]: ...


class Provider:
    """One provider. The class says what is known of it without a server; an object is the provider of one server.

    What has no value here, and the abstract methods, every provider declares: `require` says at start what is missing.
    """

    name: ClassVar[str]  # in files, in event names and on the command line
    title: ClassVar[str]  # as people write it
    noun: ClassVar[str]  # what plays its scenarios: member, account ...
    prefix: ClassVar[str]  # of its paths; empty, or it begins with a slash and ends without one
    api: ClassVar[str]  # the API's name in the banner
    any_credentials: ClassVar[str] = "any credentials"  # what the banner says of these where all are accepted
    own_credentials: ClassVar[str] = "one client id and API key"  # where --client-id and --api-key are
    central_event: ClassVar[str]  # its most usual event
    auth_kinds: ClassVar[Sequence[str]] = ()  # of endpoints, beside those of every provider; each takes a secret
    rules: ClassVar[
        Mapping[str, str]
    ] = {}  # of `engine.violations` that its contract has -> where the provider says so

    role: Role
    mount: Mount
    call_type: type[AnyCall]

    def __init__(self, config: Config) -> None:
        from mocksrv.engine.payload_check import PayloadCheck
        from mocksrv.engine.role import Role
        from mocksrv.engine.scenarios.vocabulary import Template

        require(self, Provider)
        self.config = config
        self.engine: Engine | None = None  # until `open`
        families = [family.routes for family in self.families()]
        self.routes: dict[str, Route] = {}
        self._paths: dict[tuple[str | None, ...], str] = {}  # what no two routes may have in common -> the operation
        for route in (route for each in families for route in each.entries):
            self._mount(route)
        self.timers = {kind: handler for each in families for kind, handler in each.timers.items()}
        self.role = self.make_role()
        require(self.role, Role, "vocabulary")
        self.role.vocabulary = self.role.vocabulary._replace(
            operations=[Template(route.method, self.prefix + route.path) for route in self.routes.values()],
            asking=self.role.asking or None,
            payload_problem=PayloadCheck(self.role),
        )
        self.check()

    def _mount(self, route: Route) -> None:
        """Takes a route in. Raises DeclarationError."""
        if route.operation in self.routes:
            raise declared_by(route.view).error(f"the operation {route.operation!r} is there already")
        parts = PARAMETER.split(route.path)  # text, converter and name by turns
        twin = self._paths.setdefault((route.method, *parts[::3], *parts[1::3]), route.operation)
        if twin != route.operation:
            raise declared_by(route.view).error(f"{route.method} {route.path} is the path of {twin!r} already")
        if not _takes_just(route.view, parts[2::3]):
            try:
                inspect.signature(route.view).bind("call", **dict.fromkeys(parts[2::3], ""))
            except TypeError as error:
                raise declared_by(route.view).error(f"does not fit {route.method} {route.path}: {error}") from None
        self.routes[route.operation] = route

    def check(self) -> None:
        """Raises DeclarationError for what is declared wrongly."""
        self.role.check()
        owner, words = declared_by(type(self)), self.role.vocabulary
        owner.known("event: central_event", [self.central_event], words.events)
        owner.known("auth kind with a signer in the role", self.auth_kinds, self.role.signers)
        owner.known("auth kind that the provider declares", self.role.signers, self.auth_kinds)
        owner.known("rule", self.rules, RULES)

    # what it consists of

    @abstractmethod
    def families(self) -> Sequence[Family]:
        """The modules with its operations."""

    @abstractmethod
    def make_role(self) -> Role:
        """How its subjects behave; called once."""

    def make_mount(self, engine: Engine) -> Mount:
        """What its calls work with; called once."""
        from mocksrv.providers.http import Mount

        return Mount(engine, self.role, self.config.credentials)

    def open(self, engine: Engine) -> None:
        """Called once, when the engine exists that the provider works on. Raises DeclarationError."""
        self.engine = engine
        self.mount = self.make_mount(engine)
        self.call_type = self.calls()
        control = [f"{route.method} {route.path}" for route in self.control_routes()]
        pages = [f"{route.method} {route.path}" for route in self.pages()]
        for calls in (control, pages):  # they are mounted later: what is declared wrongly is said now
            twice = next((call for call in calls if calls.count(call) > 1), None)
            if twice:
                raise declared_by(type(self)).error(f"{twice} is declared twice")
        for route in self.control_routes():
            names = {name for _, name in PARAMETER.findall(route.path)}
            if names != route.parameters.keys():
                told = f"{route.method} {route.path}: 'parameters' says what each of {', '.join(sorted(names))} is"
                raise declared_by(type(self)).error(told)

    def control_routes(self) -> Sequence[ControlRoute]:
        """The control calls that play what no call of the provider's API does, a widget for instance."""
        return ()

    def pages(self) -> Sequence[PageRoute]:
        """What it shows to people: widgets, its bank's pages."""
        return ()

    @classmethod
    def products(cls) -> Sequence[str]:
        """The products that a client may lack, by the names that a sandbox's ``without`` takes."""
        return ()

    @classmethod
    def steps(cls) -> Sequence[str]:
        """The steps of its widget that it switches on for a client, by the names that a sandbox's ``steps`` takes."""
        return ()

    def operations(self) -> Sequence[str]:
        """The names of the operations that an app may well use: those that are not deprecated."""
        return [*self.routes]

    @classmethod
    def refusals(cls) -> Sequence[str]:
        """What its API may refuse a call with, by the `ProviderError.name`."""
        return ()

    def actions(self) -> Actions:
        """What a person can do with its subjects, without a browser."""
        from mocksrv.engine.acting import Actions

        assert self.engine is not None, "actions are there when the engine is"
        return Actions(self.engine.player, self.name)

    def scenarios(self) -> Sequence[str]:
        """The scenarios of this provider, which are institutions, too; none before there is an engine."""
        return self.engine.library.names(self.name) if self.engine else ()

    def institutions(self) -> Sequence[OwnInstitution]:
        """The user's own, as their files are now; none before there is an engine."""
        if self.engine is None:
            return ()
        self.engine.library.refresh()
        return [*self.engine.library.institutions(self.name).values()]

    # answers

    def calls(self) -> type[AnyCall]:
        """What the views see of a request."""
        from mocksrv.providers.http import Call

        return Call

    def root(self, call: Any) -> Answer:
        """Answers a program at ``/``, where the provider has no prefix."""
        answer: Answer = call.refuse(404, "Not found")
        return answer

    def sandbox_of(self, headers: Headers) -> str | None:
        """The name of the sandbox of the client that sends these headers; None where they do not say who it is. Secrets
        cannot be read in it.
        """
        return None

    # what tools say and do

    @classmethod
    def first_call(cls, config: Config, url: str) -> str:
        """A command that makes a call to try it; empty for none. ``url`` is the server's."""
        return ""

    @classmethod
    @abstractmethod
    def demo(cls) -> type[Demo]:
        """How an app gets a subject to its end: what `demo`, `simulate` and `check-consumer` play."""

    @classmethod
    def describe(cls, body: Mapping[str, Any]) -> tuple[str, str] | None:
        """What a callback is and what it says, in a line; None when it has another provider's form."""
        return None

    @classmethod
    def banner(cls, config: Config, url: str) -> str:
        """Where its API is, and who is let in. ``url`` is the server's."""
        return f"{url}{cls.prefix}   ({cls.own_credentials if config.client_id else cls.any_credentials})"
