"""Bodies that go on until one side ends them, such as server-sent events."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

MOST_WAITING = 2**20  # bytes that a client may be behind before its stream is ended
MOST_BEHIND = 2**17  # bytes that a client may be behind before it misses what may be missed
MOST_PARTS = 100  # that wait under a server that iterates, before further ones that may be missed are
Dropped = Callable[[], object]


class Sink(Protocol):
    """Where the parts of a stream go; its methods may be called by any thread."""

    def write(self, part: bytes, dropped: Dropped | None) -> None: ...

    def end(self) -> None: ...


class QueueSink:
    """Of servers that iterate over a body."""

    def __init__(self) -> None:
        self.parts: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def write(self, part: bytes, dropped: Dropped | None) -> None:
        if dropped is not None and self.parts.qsize() >= MOST_PARTS:
            dropped()
        else:
            self.parts.put(part)

    def end(self) -> None:
        self.parts.put(None)


class Stream:
    """A body of parts that come when they come. It costs no thread under the hosts of this package.

    A view answers ``Response(stream, mimetype="text/event-stream", direct_passthrough=True)``. Any thread may `send`
    and `close`; ``on_close`` is called once, whoever ended it: the view's side, or the client that has left or does not
    keep up.
    """

    def __init__(self, on_close: Callable[[], object] = lambda: None) -> None:
        self._on_close = on_close
        self._lock = threading.Lock()
        self._early: list[bytes] = []  # what was sent before there was a connection
        self._sink: Sink | None = None
        self.closed = False

    def send(self, part: bytes, dropped: Dropped | None = None) -> None:
        """Sends a part; nothing after the end. Where ``dropped`` is given, a client that is behind misses the part, and
        this is called instead, by whatever thread.
        """
        with self._lock:
            if self.closed or not part:
                return
            if self._sink is not None:
                self._sink.write(part, dropped)
            elif dropped is not None and len(self._early) >= MOST_PARTS:
                dropped()
            else:
                self._early.append(part)

    def close(self) -> None:
        """Ends the stream."""
        with self._lock:
            closed, self.closed = self.closed, True
            if closed:
                return
            if self._sink is not None:
                self._sink.end()
        self._on_close()

    def attach(self, sink: Sink) -> None:
        """The server has sent the head: parts go to ``sink`` from now on."""
        with self._lock:
            self._sink = sink
            for part in self._early:
                sink.write(part, None)
            self._early.clear()
            if self.closed:
                sink.end()

    def __iter__(self) -> Iterator[bytes]:
        sink = QueueSink()
        self.attach(sink)
        try:
            while (part := sink.parts.get()) is not None:
                yield part
        finally:
            self.close()
