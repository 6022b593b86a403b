"""What a wing must offer to the house: its place in the URL space, its operations and answers, and its cast for the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mocksrv.engine.engine import Cast

if TYPE_CHECKING:
    from flask import Request, Response

    from mocksrv.engine.engine import Engine
    from mocksrv.engine.journal import Entry
    from mocksrv.engine.sandbox import Sandbox


@dataclass(frozen=True, slots=True)
class WingOptions:
    """How a wing is set up: the user's folders (data profiles), fidelity ``sdk`` or ``wire``, the only credentials accepted, if any."""

    folders: Sequence[Path] = ()
    fidelity: str = "sdk"
    credentials: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """One request to a wing: in which sandbox, under which base URL (of the sandbox), and its line in the journal."""

    request: Request
    sandbox: Sandbox
    entry: Entry
    base_url: str


class Operation(NamedTuple):
    """One operation of a provider: method, path below the wing's prefix in Flask's spelling, the provider's own name of it."""

    method: str
    path: str
    name: str


class Wing(Protocol):
    """One provider."""

    name: str
    prefix: str
    cast: Cast

    def operations(self) -> Sequence[Operation]:
        """What is mounted."""

    def open(self, engine: Engine) -> None:
        """Called once, when the engine that the wing serves exists."""

    def answer(self, visit: Visit, operation: str, parameters: Mapping[str, str]) -> Response:
        """Answers a call; the provider's refusals are answers, too."""

    def front(self, visit: Visit) -> Response:
        """Answers a program at the very beginning of the wing's URL space."""

    def refuse(self, visit: Visit, status: int, message: str) -> Response:
        """An answer in the provider's error shape."""
