"""Who is told what happens, and who waits until something has."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

log = logging.getLogger("mocksrv")


class Happening(NamedTuple):
    """Something that happened in a sandbox, at a moment of its time (ms).

    ``kind`` and ``detail`` are: status (a subject's new one), play (why a play moved, without a status), event (its
    name), delivery (event and endpoint), attempt (what came of it), call (method, path, status of the answer) and
    change (what the player had a role do with a subject). ``subject`` is the guid that it is about, of an attempt
    and a delivery the event's id. ``more`` is what only observers are told: of an event its ``treatment``, of an
    attempt the number of its ``delivery`` and its ``state`` afterwards, of a call its ``operation`` and the ``status``
    of the answer, of a change the subject's ``status`` and ``body`` afterwards, its
    ``flow``, its ``events``, and whether it was ``asked`` for.
    """

    sandbox: str
    at: int
    kind: str
    subject: str | None
    detail: str
    more: Mapping[str, Any] = {}


Observer = Callable[[Sequence[Happening]], None]


class Observers:
    """The observers of an engine. Each is called after a commit, with all that happened in the transaction, in its
    order, in the thread of whoever made the change: it must return at once. What it raises is logged and breaks
    nothing.
    """

    def __init__(self) -> None:
        self.present: tuple[Observer, ...] = ()
        self._everywhere: tuple[Observer, ...] = ()
        self._lock = threading.Lock()

    def subscribe(self, observer: Observer, *, everywhere: bool = False) -> None:
        """``everywhere``: it is told of what happens through other processes, too, where the relay listens."""
        with self._lock:
            self.present = (*self.present, observer)
            if everywhere:
                self._everywhere = (*self._everywhere, observer)

    def unsubscribe(self, observer: Observer) -> None:
        """It is told nothing more but of what is being told just now."""
        with self._lock:
            self.present = tuple(each for each in self.present if each != observer)
            self._everywhere = tuple(each for each in self._everywhere if each != observer)

    def tell(self, happened: Sequence[Happening]) -> None:
        if happened:
            self._tell(self.present, happened)

    def tell_elsewhere(self, happened: Sequence[Happening]) -> None:
        """This has happened in one sandbox, through another process."""
        self._tell(self._everywhere, happened)

    def _tell(self, observers: Sequence[Observer], happened: Sequence[Happening]) -> None:
        for observer in observers:
            try:
                observer(happened)
            except Exception:
                log.exception("an observer failed; the others are told all the same")


class Watch:
    """Fires once, with the next change of a sandbox. ``cancel`` is called by who does not wait any more."""

    def __init__(self, cancel: Callable[[Watch], None]) -> None:
        self._cancel = cancel
        self._lock = threading.Lock()
        self._fired = False
        self._then: Callable[[], object] | None = None

    def fire(self) -> None:
        with self._lock:
            self._fired = True
            then, self._then = self._then, None
        if then is not None:
            then()

    def then(self, call: Callable[[], object]) -> None:
        """Calls this when it fires, in the thread of whoever made the change; at once if it has fired."""
        with self._lock:
            if not self._fired:
                self._then = call
                return
        call()

    def cancel(self) -> None:
        """It need not fire any more."""
        self._cancel(self)


class Changes:
    """Tells those who wait for something that there may be something to be seen."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watches: dict[str, list[Watch]] = {}  # by sandbox

    def watch(self, sandbox: str) -> Watch:
        """A watch that fires with the next change that can be seen in a sandbox. Look after it has been set."""
        watch = Watch(partial(self._unwatch, sandbox))
        with self._lock:
            self._watches.setdefault(sandbox, []).append(watch)
        return watch

    def _unwatch(self, sandbox: str, watch: Watch) -> None:
        with self._lock:
            watches = self._watches.get(sandbox, [])
            if watch in watches:
                watches.remove(watch)
                if not watches:
                    del self._watches[sandbox]

    def notify(self, sandbox: str | None = None) -> None:
        """Something can be seen in a sandbox (None: any) that could not be seen before."""
        if not self._watches:
            return
        with self._lock:
            names = list(self._watches) if sandbox is None else [sandbox]
            fired = [watch for name in names for watch in self._watches.pop(name, ())]
        for watch in fired:
            watch.fire()
