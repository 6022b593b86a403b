"""An event loop that serves a WSGI application.

Calls that only read are answered on the loop itself, one after the other: that is faster than any thread, and a client
that is slow, or does nothing at all, costs a few kilobytes. What changes something, and what finds that it would have
to wait (`WouldBlock`), runs in threads; what waits for something to happen (`Held`) in none. Where other processes may
have changed a sandbox, and it takes waiting to know, calls wait for that together (`Looks`).
"""

from __future__ import annotations

import asyncio
import logging
import math
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from mocksrv.engine.blocking import ReservedThreads, WouldBlock
from mocksrv.engine.observers import Watch
from mocksrv.web.hosting.answers import WsgiAnswer, call_app, refusal
from mocksrv.web.hosting.calls import KEY, LARGEST_BODY, Held, HostedCall, Made, Moved
from mocksrv.web.hosting.connection import Connection
from mocksrv.web.hosting.hosting import BACKLOG
from mocksrv.web.hosting.looks import Looks, UpToDate
from mocksrv.web.hosting.request import Request
from mocksrv.web.hosting.threads import Threads

if TYPE_CHECKING:
    import socket
    import ssl

SWEEP = 0.25  # seconds between two looks at deadlines
GRACE = 1.0  # seconds that calls have to end when the host ends
COALESCED = 0.002  # seconds in which the changes that a held call waits for are taken together
SWITCH_INTERVAL = 0.001  # seconds after which a thread lets the loop have the interpreter
READING = frozenset({"GET", "HEAD", "OPTIONS"})
SANDBOX = b"/sandbox/"
FAILED = "mocksrv failed to answer; its log says why. This is a defect, please report it."
log = logging.getLogger("mocksrv")


class Limits(NamedTuple):
    """What a client may take. ``read``: seconds for the head of a request, and for its body; ``keep_alive``: seconds
    that an idle connection is kept; ``body``: bytes, but for the state of a sandbox; ``memory``: bytes kept of all
    clients' requests and unread answers beyond the first 16 KB of each; ``connections`` at the same time: the longest
    idle one goes first; ``threads`` for calls that may wait, and half as many for those that take long.
    """

    read: float = 10.0
    keep_alive: float = 75.0
    body: int = LARGEST_BODY
    memory: int = 2**26
    connections: int = 4096
    threads: int = 32


@dataclass(frozen=True, slots=True)
class Service:
    """An open service: its WSGI application, what ends it, the threads in which it must not wait, and where calls may
    be answered of memory that has to be looked after: what opens a connection that says for which sandboxes (as they
    stand in paths) that is right.
    """

    app: Any
    close: Callable[[], object] = lambda: None
    reserved: ReservedThreads = field(default_factory=ReservedThreads)
    up_to_date: Callable[[], UpToDate] | None = None


class Host:
    """Serves ``service.app`` on a socket that listens, in the thread that calls `run`, until `stop`."""

    def __init__(
        self, service: Service, listening: socket.socket, limits: Limits, tls: ssl.SSLContext | None = None
    ) -> None:
        self.service = service
        self.limits = limits
        self.loop = asyncio.new_event_loop()
        self.ending = False
        self.threads = Threads(limits.threads, "mocksrv-call")
        self.long_threads = Threads(max(1, limits.threads // 2), "mocksrv-long")
        self.looks: Looks | None = None
        if service.up_to_date and isinstance(self.loop, asyncio.SelectorEventLoop):  # Windows' loop watches no files
            self.looks = Looks(self.loop, self.call_soon, service.up_to_date)
        self.now = self.loop.time
        self._listening = listening
        self._tls = tls
        self._connections: dict[Connection, None] = {}  # the longest open one first
        self._stop = asyncio.Event()
        self._date = (0.0, b"")
        self._held = 0  # bytes of `Limits.memory` that are taken

    def run(self, close: Callable[[], object] = lambda: None) -> None:
        """Serves until `stop`. What waits is then answered at once, and other calls get a moment to end; then ``close``
        is called, while signals that the loop handles still do nothing else.
        """
        sys.setswitchinterval(SWITCH_INTERVAL)
        self.service.reserved.add()
        try:
            self.loop.run_until_complete(self._serve())
        finally:
            self.service.reserved.remove()
            close()
            self.loop.close()

    def stop(self) -> None:
        """Ends `run`, from whatever thread or signal handler, before or after it has begun."""
        self.call_soon(self._stop.set)

    async def _serve(self) -> None:
        self.loop.set_exception_handler(_log_failure)
        server = await self.loop.create_server(
            partial(Connection, self),
            sock=self._listening,
            backlog=BACKLOG,
            ssl=self._tls,
            ssl_handshake_timeout=self.limits.read if self._tls else None,
        )
        self._sweep()
        await self._stop.wait()
        server.close()
        await self._end()

    async def _end(self) -> None:
        self.ending = True
        for connection in list(self._connections):
            connection.wind_up()
        self.long_threads.end()
        until = self.now() + GRACE
        while self._connections and self.now() < until:
            await asyncio.sleep(0.005)
        self.threads.end()
        if self.looks is not None:
            self.looks.end()
        for connection in list(self._connections):
            connection.break_off()
        await asyncio.sleep(0)

    # connections

    def admit(self, connection: Connection) -> None:
        """A client has come; when there are too many, the one that has been idle for longest goes."""
        self._connections[connection] = None
        if len(self._connections) > self.limits.connections:
            longest = next((each for each in self._connections if each.is_idle), connection)
            self.forget(longest)
            longest.transport.abort()

    def forget(self, connection: Connection) -> None:
        """A client has gone."""
        self._connections.pop(connection, None)

    def hold(self, size: int) -> None:
        """So many bytes more of what clients share are taken, or fewer. When there are too many, whoever has kept them
        for longest without sending or reading the rest goes.
        """
        self._held += size
        while size > 0 and self._held > self.limits.memory:
            keeping = [each for each in self._connections if each.can_give_way]
            if not keeping:
                return  # all of it is being answered
            min(keeping, key=lambda each: each.large_since or 0.0).give_way()

    def _sweep(self) -> None:
        """Ends what has lasted for too long."""
        now = self.now()
        for connection in [each for each in self._connections if each.deadline < now]:
            connection.deadline = math.inf
            connection.expire()
        self.loop.call_later(min(SWEEP, self.limits.read / 4, self.limits.keep_alive / 4), self._sweep)

    def call_soon(self, then: Callable[[], object]) -> None:
        """Calls something on the loop, from whatever thread."""
        try:
            self.loop.call_soon_threadsafe(then)
        except RuntimeError:
            return  # it has ended

    def date(self) -> bytes:
        """The header ``Date`` of an answer, made once a second."""
        now, (made, line) = self.now(), self._date
        if not line or now - made >= 1:
            line = f"Date: {formatdate(usegmt=True)}\r\n".encode()
            self._date = (now, line)
        return line

    # calls

    def call(self, connection: Connection, request: Request) -> LoopCall:
        """Has a request answered."""
        call = LoopCall(self, connection, request)
        call.begin()
        return call

    def environ(self, connection: Connection, request: Request) -> dict[str, Any]:
        """The WSGI environ of a request."""
        environ = request.environ()
        environ["SERVER_NAME"], port = connection.server
        environ["SERVER_PORT"] = str(port)
        environ["REMOTE_ADDR"], port = connection.client
        environ["REMOTE_PORT"] = str(port)
        environ["wsgi.version"] = (1, 0)
        environ["wsgi.url_scheme"] = connection.scheme
        environ["wsgi.errors"] = sys.stderr
        environ["wsgi.multithread"] = True
        environ["wsgi.multiprocess"] = environ["wsgi.run_once"] = False
        environ["wsgi.input"] = request.input()
        return environ


class LoopCall(HostedCall):
    """A call under this host. All of it but `run` happens on the loop."""

    def __init__(self, host: Host, connection: Connection, request: Request) -> None:
        self._host = host
        self._connection = connection
        self._request = request
        self._made: dict[str, Any] = {}
        # in which kind of thread it is run
        self._waits = request.method not in READING
        self._long = False
        self._timer: asyncio.TimerHandle | None = None
        self._watch: Watch | None = None
        self._dropped = False
        self.gone = self.late = self.up_to_date = False

    def begin(self) -> None:
        """Runs the call, or has it run."""
        if self.gone:
            return
        if self._waits:
            self._host.threads.run(self._sandbox(), self._work)
        elif self._host.looks is not None:
            self._host.looks.ask(self._sandbox(), self._looked)
        else:
            self._settle(self.run())

    def _looked(self, up_to_date: bool) -> None:
        self.up_to_date = up_to_date
        if self.gone:
            return
        if up_to_date:
            self._settle(self.run())
        else:
            self._host.threads.run(self._sandbox(), self._work)

    def run(self) -> WsgiAnswer | BaseException:
        """What the application answers, or why it has to be called again."""
        environ = self._host.environ(self._connection, self._request)
        environ[KEY] = self
        try:
            return call_app(self._host.service.app, environ)
        except (WouldBlock, Held, Moved) as reason:
            return reason
        except Exception:
            log.exception("%s %s failed", self._request.method, self._request.target.decode("latin-1"))
            return WsgiAnswer(*refusal(500, FAILED))

    def _work(self) -> None:
        """In a thread."""
        if self.gone:
            return
        outcome = self.run()
        self._host.call_soon(partial(self._settle, outcome))

    def _settle(self, outcome: WsgiAnswer | BaseException) -> None:
        if self._dropped:
            self._connection.drop()
        elif isinstance(outcome, WsgiAnswer):
            self._connection.answer(outcome)
        elif self.gone:
            self._connection.drop()
        elif isinstance(outcome, Held):
            self._hold(outcome.until, outcome.watch)
            if self.ending:
                self._again()
        elif isinstance(outcome, Moved):
            self._long = True
            self._host.long_threads.run(self._sandbox(), self._work)
            self._timer = self._host.loop.call_at(outcome.until, self._overdue)
        else:
            self._waits = True
            self._host.threads.run(self._sandbox(), self._work)

    def _hold(self, until: float, watch: Watch | None) -> None:
        self._timer = self._host.loop.call_at(until, self._again)
        self._watch = watch
        if watch is not None:
            watch.then(partial(self._host.call_soon, self._fired))

    def _fired(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._host.loop.call_later(COALESCED, self._again)

    def _again(self) -> None:
        self._stop_waiting()
        self.up_to_date = False
        self.begin()

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()
        self._timer = self._watch = None

    def _overdue(self) -> None:
        """No thread was free in time."""
        self._timer = None
        if self._host.long_threads.cancel(self._sandbox(), self._work):
            self.late = True
            self._host.threads.run(self._sandbox(), self._work)

    def _sandbox(self) -> str:
        target = self._request.target
        if not target.startswith(SANDBOX):
            return ""
        return unquote(target[len(SANDBOX) :].partition(b"?")[0].partition(b"/")[0].decode("latin-1"))

    @property
    def ending(self) -> bool:
        return self._host.ending

    def hurry(self) -> None:
        """The host ends: what waits does not wait any longer."""
        if self._timer is None:
            return
        if self._long:
            self._timer.cancel()
            self._overdue()
        else:
            self._again()

    @property
    def is_waiting(self) -> bool:
        """Whether it is held, or waits for a thread that it may keep busy."""
        return self._timer is not None

    def lose(self) -> None:
        """The client has gone: what has not begun never does."""
        self.gone = True
        self._stop_waiting()
        threads = self._host.long_threads if self._long else self._host.threads
        threads.cancel(self._sandbox(), self._work)

    # for views

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        if name not in self._made:
            self._made[name] = make()
        made: Made = self._made[name]
        return made

    def sleep(self, seconds: float) -> None:
        until = self.once("sleep", lambda: time.monotonic() + seconds)
        if time.monotonic() < until and not self.ending:
            raise Held(until)

    def wait(self, watch: Watch, until: float) -> None:
        raise Held(until, watch)

    def take_long(self, until: float) -> None:
        if self.ending:  # it has not begun, though a thread may be free by now
            self.late = True
        elif not self._long:
            raise Moved(until)

    def drop(self) -> None:
        self._dropped = True


class HostThread:
    """A host in a thread of its own, from now until `close`."""

    def __init__(self, service: Service, listening: socket.socket, limits: Limits, **more: Any) -> None:
        self.address = listening.getsockname()
        self._host = Host(service, listening, limits, **more)
        self._thread = threading.Thread(target=self._host.run, name="mocksrv-host", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends all connections and gives the port back; calls that are being answered get a moment to end."""
        self._host.stop()
        self._thread.join()
        self._host.threads.join(GRACE)


def _log_failure(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    failure = context.get("exception")
    if failure is not None and not isinstance(failure, OSError):
        log.error("the host failed: %s", context["message"], exc_info=failure)
