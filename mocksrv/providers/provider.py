"""What a wing must offer to the house: its place in the URL space, its operations and answers, and its cast for the
engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from mocksrv.engine.engine import Cast

if TYPE_CHECKING:
    from flask import Request, Response

    from mocksrv.engine.engine import Engine
    from mocksrv.engine.journal import Entry
    from mocksrv.engine.sandbox import Sandbox


@dataclass(frozen=True, slots=True)
class Visit:
    """One request to a wing: in which sandbox, under which base URL (of the sandbox), and its line in the journal."""

    request: Request
    sandbox: Sandbox
    entry: Entry
    base_url: str


class Operation(NamedTuple):
    """One operation of a provider: method, path below the wing's prefix in Flask's spelling, the provider's own name of
    it.
    """

    method: str
    path: str
    name: str


class Refusal(Exception):
    """A wing's own control call cannot be done: the status and the detail of the problem document that answers it."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(frozen=True, slots=True)
class ControlRoute:
    """A control call that only this provider has, at ``/_mocksrv/{wing.name}{path}``.

    ``call(sandbox, body)`` answers a JSON value or raises Refusal; what fell due before has happened when it is called.
    ``takes`` are the members that the body may have: name -> a type, a tuple of types (None for null), or a list of one
    type; ``required`` those it must.
    """

    method: str
    path: str
    call: Callable[[Sandbox, Mapping[str, Any]], Any]
    takes: Mapping[str, Any] = field(default_factory=dict)
    required: Sequence[str] = ()


class Wing(Protocol):
    """One provider."""

    name: str
    prefix: str
    cast: Cast

    def operations(self) -> Sequence[Operation]:
        """What is mounted."""

    def control_routes(self) -> Sequence[ControlRoute]:
        """The control calls that play what no call of the provider's API does, a widget for instance."""

    def open(self, engine: Engine) -> None:
        """Called once, when the engine that the wing serves exists."""

    def answer(self, visit: Visit, operation: str, parameters: Mapping[str, str]) -> Response:
        """Answers a call; the provider's refusals are answers, too."""

    def front(self, visit: Visit) -> Response:
        """Answers a program at the very beginning of the wing's URL space."""

    def refuse(self, visit: Visit, status: int, message: str) -> Response:
        """An answer in the provider's error shape."""
