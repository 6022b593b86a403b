"""What the groups of control calls are made of: engine and configuration, routes, calls that are held until something
is there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, NamedTuple, TypeVar

from flask import request

from mocksrv.engine.clock import SECOND
from mocksrv.engine.config import Config
from mocksrv.engine.engine import Engine
from mocksrv.engine.problems import YamlError
from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.scenarios.library import UnknownScenario
from mocksrv.engine.scenarios.model import Scenario
from mocksrv.web.fields import duration_of
from mocksrv.web.problems import Problem

PREFIX = "/_mocksrv"
LONGEST_WAIT = 60.0  # real seconds that an answer may be held
Here = Callable[[], Sandbox]  # gives the sandbox of the request
Item = TypeVar("Item")


class Route(NamedTuple):
    """``call`` takes what gives the request's sandbox, and the path's parameters; it answers a JSON value, or a
    response.
    """

    method: str
    path: str
    call: Callable[..., Any]


class Desk:
    """What the groups of calls share. Only a share of the server's threads may be held, and only a share may advance
    time.
    """

    def __init__(self, engine: Engine, config: Config) -> None:
        self.engine = engine
        self.config = config
        self._held = threading.BoundedSemaphore(max(1, config.threads // 4))
        self.advancing = threading.BoundedSemaphore(max(1, config.threads // 2))

    @contextmanager
    def place(self, share: threading.BoundedSemaphore) -> Iterator[None]:
        """One of the places of a share of the threads. Raises Problem 503 when all are taken."""
        if not share.acquire(blocking=False):
            raise Problem(503, "too many held calls; --threads gives the server more room")
        try:
            yield
        finally:
            share.release()

    def hold(self, find: Callable[[], Sequence[Any]]) -> Sequence[Any]:
        """What ``find`` finds; with ``wait=5s`` as soon as it finds something."""
        wait = request.args.get("wait")
        if wait is None:
            return find()
        seconds = min(duration_of(wait, "wait") / SECOND, LONGEST_WAIT)
        with self.place(self._held):
            found: Sequence[Any] = self.engine.wait_for(find, seconds)
            return found

    def scenario(self, name: str, provider: str | None = None, *, status: int = 404) -> Scenario:
        """The scenario of that name. Raises Problem of this status, which names the nearest ones."""
        try:
            return self.engine.library.find(name, provider)
        except UnknownScenario as unknown:
            raise Problem(status, str(unknown)) from None


class Calls:
    """A group of control calls."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.engine = desk.engine

    def routes(self) -> Sequence[Route]:
        """The calls of this group, in the order in which they are listed."""
        raise NotImplementedError


def every(read: Callable[[int], Sequence[Item]], seq_of: Callable[[Item], int], after: int = 0) -> Iterator[Item]:
    """What ``read`` gives after a number, page after page, to the end."""
    while found := read(after):
        yield from found
        after = seq_of(found[-1])


def faulty(error: YamlError) -> Problem:
    """The problem document of a scenario's faults."""
    return Problem(422, str(error.problems[0]), problems=[asdict(fault) for fault in error.problems])
