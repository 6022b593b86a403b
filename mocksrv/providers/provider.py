"""A provider: its place in the URL space, its role for the engine, its operations, and what the tools tell of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from werkzeug.exceptions import HTTPException

from mocksrv.engine.config import Config
from mocksrv.engine.role import Role
from mocksrv.engine.scenarios.vocabulary import Template
from mocksrv.providers.http import AnyCall, Call, Mount, ProviderError, Route, Routes
from mocksrv.providers.profiles import ProfileError

if TYPE_CHECKING:
    from flask import Request, Response
    from marshmallow import Schema

    from mocksrv.engine.engine import Engine
    from mocksrv.engine.journal import Entry
    from mocksrv.engine.sandbox import Sandbox


class Refusal(Exception):
    """A control call cannot be done: the status and the detail of the problem document that answers it."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(frozen=True, slots=True)
class ControlRoute:
    """A control call that only this provider has, at ``/_mocksrv/{provider.name}{path}``.

    ``call(sandbox, body)`` answers a JSON value or raises Refusal; what fell due before has happened when it is called.
    ``body`` and ``answer`` are the schemas of what it takes and gives, ``refusals`` the statuses that it may refuse
    with, and when; ``summary`` is a sentence.
    """

    method: str
    path: str
    call: Callable[[Sandbox, Mapping[str, Any]], Any]
    summary: str
    body: type[Schema] | None = None
    answer: type[Schema] | None = None
    refusals: Mapping[int, str] = field(default_factory=dict)


class Family(Protocol):
    """A module with operations."""

    @property
    def routes(self) -> Routes[Any]: ...


class Provider:
    """One provider, for one server."""

    name: ClassVar[str]  # in files, in event names and on the command line
    prefix: ClassVar[str]  # of its paths
    families: ClassVar[Sequence[Family]]
    call_type: ClassVar[type[AnyCall]] = Call
    role: Role
    mount: Mount

    def __init__(self, config: Config) -> None:
        self.config = config
        self.engine: Engine | None = None  # until `open`
        families = [family.routes for family in self.families]
        self.routes: dict[str, Route] = {route.operation: route for each in families for route in each.entries}
        self.timers = {kind: handler for each in families for kind, handler in each.timers.items()}
        self.role = self.make_role()
        self.role.vocabulary = replace(
            self.role.vocabulary,
            operations=[Template(route.method, self.prefix + route.path) for route in self.routes.values()],
            asking=self.role.asking or None,
        )

    def make_role(self) -> Role:
        """How its subjects behave; called once."""
        raise NotImplementedError

    def make_mount(self, engine: Engine) -> Mount:
        """What its calls work with; called once."""
        return Mount(engine, self.role, self.config.credentials)

    def open(self, engine: Engine) -> None:
        """Called once, when the engine exists that the provider works on."""
        self.engine = engine
        self.mount = self.make_mount(engine)

    def control_routes(self) -> Sequence[ControlRoute]:
        """The control calls that play what no call of the provider's API does, a widget for instance."""
        return ()

    def scenarios(self) -> Sequence[str]:
        """The scenarios of this provider, which are institutions, too; none before there is an engine."""
        return self.engine.library.names(self.name) if self.engine else ()

    # answers

    def call(self, request: Request, sandbox: Sandbox, entry: Entry, base_url: str, route: Route | None) -> AnyCall:
        """A request, as the views see it. ``base_url`` is that of the sandbox."""
        return self.call_type(self.mount, request, sandbox, entry, base_url, route)

    def answer(self, call: AnyCall, route: Route, parameters: Mapping[str, str]) -> Response:
        """Answers a call with the route's view; the provider's refusals are answers, too."""
        try:
            call.admit(route)
            return call.respond(route.view(call, **parameters))
        except ProviderError as error:
            return call.refused(error)
        except HTTPException as error:
            return call.refuse(error.code or 500, error.description or error.name)
        except ProfileError as error:
            return call.refuse(500, f"The data of this scenario cannot be made: {error}")
        finally:
            call.explain()

    def root(self, call: AnyCall) -> Response:
        """Answers a program at ``/``, where the provider has no prefix."""
        return call.refuse(404, "Not found")
