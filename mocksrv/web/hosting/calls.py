"""A call as its host and its views see it: what keeps a call waiting keeps no thread waiting.

A view that has to wait says so to the `HostedCall` of its request. Under the host of this package that ends the view
with `Held` or `Moved`, and it is run again from its beginning when it is time; what it must not do twice it does in
`HostedCall.once`. Under any other WSGI server, Flask's test client among them, the same methods block.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar

from mocksrv.engine.observers import Watch

KEY = "mocksrv.call"  # of the environ
LARGEST_BODY = 2**20  # bytes of a request's body
PROBLEM_TYPE = "application/problem+json"
Made = TypeVar("Made")


class Held(BaseException):
    """The call is run again when its watch fires, or else at ``until`` (monotonic seconds)."""

    def __init__(self, until: float, watch: Watch | None = None) -> None:
        super().__init__()
        self.until = until
        self.watch = watch


class Moved(BaseException):
    """The call is run again in a thread that may be kept busy for long, or, when it did not get one, at ``until``."""

    def __init__(self, until: float) -> None:
        super().__init__()
        self.until = until


class HostedCall:
    """A call under a server that knows nothing of this: waiting blocks its thread."""

    gone = False  # whether nobody waits for the answer any more
    late = False  # whether no thread was free for it in time
    up_to_date = False  # whether, since it came, this process was found to know the latest of its sandbox

    @property
    def ending(self) -> bool:
        """Whether the server ends: nothing waits any longer."""
        return False

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """What ``make`` gives, made once for all runs of the call."""
        return make()

    def sleep(self, seconds: float) -> None:
        """Goes on after so many seconds, or when the server ends."""
        time.sleep(seconds)

    def wait(self, watch: Watch, until: float) -> None:
        """Goes on when the watch has fired or the server ends, at the latest at ``until`` (monotonic seconds)."""
        fired = threading.Event()
        watch.then(fired.set)
        fired.wait(max(0.0, until - time.monotonic()))

    def take_long(self, until: float) -> None:
        """Goes on where a thread may be kept busy for long. If none is free by ``until`` the call is `late`."""

    def drop(self) -> None:
        """The connection ends without the answer, if the server lets us."""


def problem(status: int, detail: str) -> dict[str, Any]:
    """The members that every problem document (RFC 9457) has."""
    return {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}


def hosted(environ: Mapping[str, Any]) -> HostedCall:
    """The call of a request."""
    return environ.get(KEY) or HostedCall()
