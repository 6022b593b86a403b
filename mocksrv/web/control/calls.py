"""What control calls are made of: their declaration, the request as their views see it, answers that are held until
something is there.

Everything that is told about a call (its place in the list, the OpenAPI document, docs/control-api.md) and everything
that is checked of it comes from its `ControlCall`.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from mocksrv.engine.clock import SECOND
from mocksrv.engine.engine import Engine
from mocksrv.engine.problems import YamlError
from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.scenarios.lookup import UnknownScenario
from mocksrv.engine.scenarios.model import Scenario
from mocksrv.engine.scenarios.vocabulary import pattern_problem
from mocksrv.providers.provider import Provider, Refusal
from mocksrv.web.hosting.calls import HostedCall

if TYPE_CHECKING:
    from marshmallow import Schema

PREFIX = "/_mocksrv"
AUTH_KINDS = "MOCKSRV_AUTH_KINDS"  # in the configuration of the application: the kinds of auth of endpoints
SCHEMAS = "mocksrv.web.control.schemas"  # its modules are imported with the first call that needs one
STREAM_TYPE = "text/event-stream"
PAGE, LARGEST_PAGE = 100, 1000
LONGEST_WAIT = 60 * SECOND  # real time that an answer may be held
BEYOND = 2**63 - 1  # more than any number of a row
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class ControlCall:
    """One control call: all that is known of it.

    ``path`` is in Flask's spelling, below ``/_mocksrv``. ``view`` takes a `ControlRequest` and the path's parameters;
    it answers a JSON value, None for nothing (204), or a response. ``query``, ``body`` and ``answer`` are schemas, or
    ``module.Name`` of such in the package `SCHEMAS`; without one there is none. ``parameters``: what each parameter of
    the path is. ``refusals``: statuses that the view may refuse with, and when. ``takes_text``: the body is a scenario.
    ``takes_document``: the body is so large that the view checks it itself. ``media``: the type of an answer that is no
    JSON. ``checked``: strangers are refused. ``group``: under which heading it is listed for people.
    """

    method: str
    path: str
    view: Callable[..., Any]
    summary: str
    query: str | type[Schema] | None = None
    body: str | type[Schema] | None = None
    answer: str | type[Schema] | None = None
    refusals: Mapping[int, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    takes_text: bool = False
    takes_document: bool = False
    media: str | None = None
    checked: bool = True
    group: str = "About this API"


def schema_of(named: str | type[Schema] | None) -> type[Schema]:
    """The schema that a call names; the empty one for none."""
    if named is None or isinstance(named, str):
        module, _, name = (named or "shared.Nothing").partition(".")
        found: type[Schema] = getattr(import_module(f"{SCHEMAS}.{module}"), name)
        return found
    return named


class ControlRequest:
    """A control call's request, read and checked. ``query`` and ``body`` are what its schemas made of them; ``call`` is
    asked to wait.
    """

    def __init__(
        self,
        engine: Engine,
        name: str,
        query: Mapping[str, Any],
        body: Mapping[str, Any],
        text: bytes,
        call: HostedCall,
    ) -> None:
        self._engine = engine
        self._name = name
        self.query = query
        self.body = body
        self.text = text
        self.call = call

    @cached_property
    def sandbox(self) -> Sandbox:
        """The sandbox of the request, made on first use."""
        return self._engine.sandbox(self._name)

    @property
    def backwards(self) -> bool:
        """Whether a list is wanted newest first."""
        return bool(self.query.get("newest"))


class Calls(ABC):
    """A group of control calls."""

    def __init__(self, engine: Engine, providers: Sequence[Provider]) -> None:
        self.engine = engine
        self.providers = providers

    @abstractmethod
    def declared(self) -> Sequence[ControlCall]:
        """The calls of this group, in the order in which they are listed."""

    def pattern_problem(self, pattern: str) -> str | None:
        """Why a pattern fits no event, and what is allowed; None for one that fits."""
        problem = pattern_problem(pattern, self.engine.vocabularies.values())
        return problem and f"{problem}, and patterns of what GET /events lists"

    def scenario(
        self, sandbox: Sandbox, name: str, provider: str | None = None, *, where: str = "", status: int = 404
    ) -> Scenario:
        """The scenario that a sandbox sees by that name. Raises Refusal of this status, which says ``where`` and names
        the nearest ones.
        """
        try:
            return sandbox.scenarios.find(name, provider)
        except UnknownScenario as unknown:
            raise Refusal(status, f"{where}: {unknown}" if where else str(unknown)) from None

    def known_provider(self, name: str | None) -> None:
        """Raises Refusal 422 for the name of a provider that there is not."""
        if name is not None and name not in self.engine.vocabularies:
            allowed = ", ".join(self.engine.vocabularies)
            raise Refusal(422, f"provider: {name!r} is not a provider; allowed are {allowed}")

    def hold(self, request: ControlRequest, find: Callable[[], Sequence[Any]]) -> Sequence[Any]:
        """What ``find`` finds; with ``wait=5s`` as soon as it finds something, or the server ends."""
        wait = request.query.get("wait")
        if wait is None:
            return find()
        until = request.call.once("until", lambda: time.monotonic() + min(wait, LONGEST_WAIT) / SECOND)
        while True:
            watch = self.engine.watch(request.sandbox)
            try:
                found = find()
                if found or request.call.ending or time.monotonic() >= until:
                    watch.cancel()
                    return found
                request.call.wait(watch, until)
            except Exception:
                watch.cancel()
                raise


def beginning(newest: bool) -> int:
    """The number before the first row of a list."""
    return BEYOND if newest else 0


def every(
    read: Callable[[int], Sequence[Item]], seq_of: Callable[[Item], int], after: int | None, *, backwards: bool = False
) -> Iterator[Item]:
    """What ``read`` gives after a number (None: from the beginning), page after page, to the end."""
    place = beginning(backwards) if after is None else after
    while found := read(place):
        yield from found
        place = seq_of(found[-1])


def faulty(error: YamlError) -> Refusal:
    """What refuses a scenario for its faults."""
    return Refusal(422, str(error.problems[0]), problems=[fault._asdict() for fault in error.problems])
