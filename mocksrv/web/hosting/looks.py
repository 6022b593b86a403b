"""Looks at whether this process knows the latest of a sandbox, taken before a call is answered on the loop. Calls that
come at the same time have one look together: it begins after the last of them has come.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from functools import partial

from mocksrv.web.hosting.threads import Threads

UpToDate = Callable[[Collection[str]], Collection[str]]  # which of these sandboxes are; it may wait
Asked = dict[str, list[Callable[[bool], object]]]  # by sandbox: what is called with whether it is
LONG = 0.1  # seconds after which a look is given up
MOST = 2  # looks that threads may be kept busy with
log = logging.getLogger("mocksrv")


class Looks:
    """What is asked while a look is under way has the next one together, whatever the sandboxes. A look that takes
    long is given up: nothing is known of its sandboxes then, and nobody waits for it any more.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, call_soon: Callable[[Callable[[], object]], None], up_to_date: UpToDate
    ) -> None:
        """``call_soon`` calls something on the loop, from whatever thread."""
        self._loop = loop
        self._call_soon = call_soon
        self._up_to_date = up_to_date
        self._threads = Threads(2 * MOST, "mocksrv-look")  # half of them are one's share
        self._asked: Asked = {}  # who has the next look
        self._under_way: Asked | None = None  # who has the present one
        self._long: asyncio.TimerHandle | None = None  # gives it up

    def ask(self, sandbox: str, then: Callable[[bool], object]) -> None:
        """Calls ``then`` with whether a sandbox is up to date."""
        if not self._asked and self._under_way is None:
            self._loop.call_soon(self._begin)  # with all that come in this round of the loop
        self._asked.setdefault(sandbox, []).append(then)

    def end(self) -> None:
        """No look is begun any more."""
        self._threads.end()

    def _begin(self) -> None:
        self._under_way, self._asked = self._asked, {}
        self._long = self._loop.call_later(LONG, self._looked, self._under_way, ())
        self._threads.run("", partial(self._look, self._under_way, list(self._under_way)))

    def _look(self, asked: Asked, sandboxes: list[str]) -> None:
        """In a thread."""
        found: Collection[str] = ()
        try:
            found = self._up_to_date(sandboxes)
        except Exception:
            log.exception("it is not known which sandboxes are up to date; their calls look for themselves")
        self._call_soon(partial(self._looked, asked, found))

    def _looked(self, asked: Asked, found: Collection[str]) -> None:
        if self._under_way is not asked:
            return  # it was given up
        if self._long is not None:
            self._long.cancel()
        self._under_way = None
        for sandbox, waiting in asked.items():
            for then in waiting:
                self._loop.call_soon(then, sandbox in found)
        if self._asked:  # their look begins with those that ask again as soon as they are answered
            self._loop.call_soon(self._loop.call_later, 0, self._begin)
