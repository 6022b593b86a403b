"""Looks at whether this process knows the latest of a sandbox, taken before a call is answered on the loop. Calls that
come at the same time have one look together: it begins after the last of them has come.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from functools import partial
from itertools import islice
from typing import Protocol

from mocksrv.engine.storage.records import StoreUnavailable
from mocksrv.web.hosting.threads import Threads

Asked = dict[str, list[Callable[[bool], object]]]  # by sandbox: what is called with whether it is up to date
LONG = 0.1  # seconds after which a look is given up
MOST = 2  # connections that looks are taken by
MOST_SANDBOXES = 100  # of a look, so that a connection takes the question at once
log = logging.getLogger("mocksrv")


class UpToDate(Protocol):
    """A connection that says, without being waited for, which sandboxes are up to date. After StoreUnavailable it is of
    no use.
    """

    def fileno(self) -> int:
        """What there is something to read from when the answer has come, or the connection is lost."""

    def ask(self, names: Collection[str]) -> None:
        """Asks of these sandboxes, when nothing else is being asked. Raises StoreUnavailable."""

    def answer(self) -> Collection[str] | None:
        """Those that are; None: it is not known yet. Raises StoreUnavailable."""

    def close(self) -> None:
        """Ends it."""


class Looks:
    """What is asked while a look is under way has the next one together, whatever the sandboxes. A look that takes
    long is given up: nothing is known of its sandboxes then, and nobody waits for it any more.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        call_soon: Callable[[Callable[[], object]], None],
        connect: Callable[[], UpToDate],
    ) -> None:
        """``call_soon`` calls something on the loop, from whatever thread; ``connect`` may wait, and raise
        StoreUnavailable.
        """
        self._loop = loop
        self._call_soon = call_soon
        self._connect = connect
        self._threads = Threads(2, "mocksrv-look")  # half of them are one's share
        self._connections: dict[UpToDate, Asked | None] = {}  # with the look that each is busy with
        self._connecting = False
        self._asked: Asked = {}  # who has the next look
        self._begins = False  # whether that is about to begin
        self._under_way: Asked | None = None  # who has the present one
        self._long: asyncio.TimerHandle | None = None  # gives it up

    def ask(self, sandbox: str, then: Callable[[bool], object]) -> None:
        """Calls ``then`` with whether a sandbox is up to date."""
        self._asked.setdefault(sandbox, []).append(then)
        if not self._begins and self._under_way is None:
            self._begins = True
            self._loop.call_soon(self._begin)  # with all that come in this round of the loop

    def end(self) -> None:
        """No connection is made any more."""
        self._threads.end()

    def _begin(self) -> None:
        self._begins = False
        if not self._asked:
            return
        names = list(islice(self._asked, MOST_SANDBOXES))
        self._under_way = asked = {name: self._asked.pop(name) for name in names}
        self._long = self._loop.call_later(LONG, self._looked, asked, ())
        free = next((each for each, busy in self._connections.items() if busy is None), None)
        if free is not None:
            self._look(free, asked)
        elif len(self._connections) < MOST and not self._connecting:
            self._connecting = True
            self._threads.run("", self._make)

    def _make(self) -> None:
        """In a thread."""
        made: UpToDate | None = None
        try:
            made = self._connect()
        except StoreUnavailable:
            pass  # of which the calls tell
        except Exception:
            log.exception("it is not known which sandboxes are up to date; their calls look for themselves")
        self._call_soon(partial(self._made, made))

    def _made(self, made: UpToDate | None) -> None:
        self._connecting = False
        if made is not None:
            self._connections[made] = None
            self._loop.add_reader(made, self._read, made)
            self._free(made)
        elif asked := self._unasked:
            self._looked(asked, ())

    @property
    def _unasked(self) -> Asked | None:
        """The present look, where no connection was free for it."""
        asked = self._under_way
        return None if any(busy is asked for busy in self._connections.values()) else asked

    def _look(self, connection: UpToDate, asked: Asked) -> None:
        self._connections[connection] = asked
        try:
            connection.ask(asked)
        except StoreUnavailable:
            self._lose(connection)

    def _read(self, connection: UpToDate) -> None:
        try:
            found = connection.answer()
        except StoreUnavailable:
            self._lose(connection)
            return
        asked = self._connections[connection]
        if found is None or asked is None:
            return
        self._connections[connection] = None
        self._looked(asked, found)
        self._free(connection)

    def _free(self, connection: UpToDate) -> None:
        """A connection is not busy (any more)."""
        if asked := self._unasked:
            self._look(connection, asked)

    def _lose(self, connection: UpToDate) -> None:
        self._loop.remove_reader(connection)
        connection.close()
        if asked := self._connections.pop(connection):
            self._looked(asked, ())

    def _looked(self, asked: Asked, found: Collection[str]) -> None:
        if self._under_way is not asked:
            return  # it was given up
        if self._long is not None:
            self._long.cancel()
        self._under_way = None
        for sandbox, waiting in asked.items():
            for then in waiting:
                self._loop.call_soon(then, sandbox in found)
        self._begins = True  # with those that ask again as soon as they are answered
        self._loop.call_soon(self._loop.call_later, 0, self._begin)
