"""What happens in sandboxes as server-sent events: `GET /stream`.

An observer of the engine must return at once, so it only notes what happened; one thread, which is there while
somebody listens, writes it to the streams. A stream itself costs no thread under the hosts of this package.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from mocksrv.engine.clock import iso_ms
from mocksrv.engine.engine import Engine
from mocksrv.engine.observers import Happening
from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.storage.records import dumps
from mocksrv.providers.provider import Refusal
from mocksrv.web.hosting.stream import Stream

MOST_STREAMS = 64  # of one sandbox at the same time
MOST_NOTED = 10_000  # happenings of one sandbox that are not written yet; further ones are counted
GATHERED = 0.02  # seconds in which what happens is taken together
GATHERED_EACH = 0.002  # more for each stream that is open, so that many cost little
HEARTBEAT = 15.0  # seconds after which a stream on which nothing happens is written to
BEAT = b": still here\n\n"


class StreamListener:
    """A stream of a sandbox, and how many happenings its client has missed since it was last told."""

    def __init__(self, closed: Callable[[StreamListener], None]) -> None:
        self.stream = Stream(lambda: closed(self))
        self._lock = threading.Lock()
        self._missed = 0

    def send(self, part: bytes, count: int, missed: int = 0) -> None:
        """Sends events; a client that does not keep up misses them. ``count``: how many they are, ``missed``: how many
        were lost before them.
        """
        with self._lock:
            missed += self._missed
            self._missed = 0
        lost = event("missed", {"count": missed}) if missed else b""
        self.stream.send(lost + part, lambda: self._miss(count + missed))

    def _miss(self, count: int) -> None:
        with self._lock:
            self._missed += count


class Streams:
    """The streams of an engine's sandboxes."""

    def __init__(self, engine: Engine, heartbeat: float = HEARTBEAT) -> None:
        """``heartbeat``: seconds."""
        self._engine = engine
        self._heartbeat = heartbeat
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._listeners: dict[str, list[StreamListener]] = {}  # by sandbox
        self._noted: dict[str, list[Happening]] = {}
        self._lost: dict[str, int] = {}  # happenings for which there was no room
        self._writing = False  # whether the thread is there

    def open(self, sandbox: Sandbox) -> Stream:
        """A stream of what happens in a sandbox from now on. Raises Refusal 503."""
        name = sandbox.name
        self._engine.relay.listen(name)
        listener = StreamListener(lambda each: self._closed(name, each))
        with self._lock:
            listeners = self._listeners.setdefault(name, [])
            if len(listeners) >= MOST_STREAMS:
                raise Refusal(503, f"the sandbox {name} has {MOST_STREAMS} streams already", retry_after=5)
            listeners.append(listener)
            if len(self._listeners) == len(listeners) == 1:
                self._engine.observers.subscribe(self._note, everywhere=True)
            if not self._writing:
                self._writing = True
                threading.Thread(target=self._write, name="mocksrv-streams", daemon=True).start()
        opened = {"sandbox": name, "now": iso_ms(sandbox.now()), "mode": sandbox.clock.word}
        listener.stream.send(b"retry: 1000\n" + event("open", opened))
        return listener.stream

    def _closed(self, name: str, listener: StreamListener) -> None:
        with self._lock:
            listeners = self._listeners[name]
            listeners.remove(listener)
            if not listeners:
                del self._listeners[name]
                self._noted.pop(name, None)
                self._lost.pop(name, None)
                self._engine.relay.leave(name)
            if not self._listeners:
                self._engine.observers.unsubscribe(self._note)
                self._wake.set()

    def _note(self, happened: Sequence[Happening]) -> None:
        """The observer."""
        name = happened[0].sandbox
        with self._lock:
            if name not in self._listeners:
                return
            noted = self._noted.setdefault(name, [])
            room = max(0, MOST_NOTED - len(noted))
            noted.extend(happened[:room])
            if len(happened) > room:
                self._lost[name] = self._lost.get(name, 0) + len(happened) - room
        self._wake.set()

    def _write(self) -> None:
        """The thread: writes what was noted, until nobody listens."""
        beat = time.monotonic() + self._heartbeat
        while True:
            if self._wake.wait(max(0.0, beat - time.monotonic())):
                time.sleep(GATHERED + GATHERED_EACH * self._open())
            self._wake.clear()
            if not self.flush():
                return
            if time.monotonic() >= beat:
                beat = time.monotonic() + self._heartbeat
                self._beat()

    def _open(self) -> int:
        """How many streams there are."""
        with self._lock:
            return sum(map(len, self._listeners.values()))

    def flush(self) -> bool:
        """Writes what was noted so far; False when nobody listens, which ends the thread."""
        with self._lock:
            if not self._listeners:
                self._writing = False
                return False
            noted, self._noted = self._noted, {}
            lost, self._lost = self._lost, {}
            listeners = {name: list(each) for name, each in self._listeners.items()}
        for name, happened in noted.items():
            part = b"".join(map(shown, happened))
            for listener in listeners.get(name, ()):
                listener.send(part, len(happened), lost.get(name, 0))
        return True

    def _beat(self) -> None:
        """Streams on which nothing happens are seen to be open, and their sandboxes to be in use."""
        with self._lock:
            present = {name: list(each) for name, each in self._listeners.items()}
        for name, listeners in present.items():
            self._engine.keep(name)
            for listener in listeners:
                listener.send(BEAT, 0)


def shown(happening: Happening) -> bytes:
    """What happened, as an event of its kind."""
    _, at, kind, subject, detail, _ = happening
    return event(kind, {"at": iso_ms(at), "subject": subject, "detail": detail})


def event(kind: str, data: object) -> bytes:
    """A server-sent event; JSON has no line breaks of its own."""
    return f"event: {kind}\ndata: {dumps(data)}\n\n".encode()
