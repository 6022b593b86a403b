"""Threads that must never be kept waiting, because they serve everybody."""

from __future__ import annotations

from threading import get_ident


class WouldBlock(BaseException):
    """What was begun could keep a reserved thread waiting: it has changed nothing, and is begun again in another.

    Not an Exception, so that whatever turns these into answers lets it pass.
    """


class ReservedThreads:
    """The threads of a process that must never wait: for a turn to write, for a network, for time to pass."""

    def __init__(self) -> None:
        self._idents: frozenset[int] = frozenset()

    def add(self) -> None:
        """The calling thread is one of them from now on."""
        self._idents |= {get_ident()}

    def remove(self) -> None:
        self._idents -= {get_ident()}

    def may_wait(self) -> None:
        """What follows may take a while. Raises WouldBlock in a thread that must not wait."""
        if self._idents and get_ident() in self._idents:
            raise WouldBlock
