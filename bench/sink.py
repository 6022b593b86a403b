"""A webhook receiver in a process of its own, as fast as Python allows: it answers, and remembers when each callback
came in.
"""

import multiprocessing
import re
import selectors
import socket
import time
from array import array
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
ANSWER = b"HTTP/1.1 %d -\r\nContent-Length: 0\r\n\r\n"
LONGEST_WAIT = 30.0


class Sink:
    """`ports` receivers that answer `status`, and after them `hanging` ones that never do; a context manager. `urls`
    lists them all.
    """

    def __init__(self, ports: int = 1, hanging: int = 0) -> None:
        self.ports = ports
        self.hanging = hanging

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other, self.ports, self.hanging), daemon=True)
        self.process.start()
        self.urls: list[str] = self._ask("urls")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        self.process.join()

    @property
    def url(self) -> str:
        """Of the first receiver."""
        return self.urls[0]

    def answer(self, status: int) -> None:
        """Answers this from now on."""
        self._ask(status)

    def count(self) -> int:
        """Callbacks since the last `take`."""
        number: int = self._ask("count")
        return number

    def take(self) -> list[array]:
        """Per receiver, when (time.time) its callbacks since the last `take` came in."""
        taken: list[array] = self._ask("take")
        return taken

    def wait_for(self, number: int, limit: float) -> None:
        """Until that many callbacks are in since the last `take`. Raises TimeoutError after `limit` seconds without a
        new one.
        """
        seen, until = -1, 0.0
        while (count := self.count()) < number:
            if count > seen:
                seen, until = count, time.monotonic() + limit
            elif time.monotonic() > until:
                raise TimeoutError(f"{count:,} of {number:,} callbacks came in, and no more for {limit:g} s")
            time.sleep(0.02)

    def _ask(self, question: str | int) -> Any:
        self.pipe.send(question)
        if not self.pipe.poll(LONGEST_WAIT):
            raise TimeoutError("the receiver of the callbacks does not answer")
        return self.pipe.recv()


class Receivers:
    """What runs in the process."""

    def __init__(self, pipe: Connection, ports: int, hanging: int) -> None:
        self.pipe = pipe
        self.status = 200
        self.ports = ports
        self.arrived = [array("d") for _ in range(ports + hanging)]
        self.waiting: dict[socket.socket, bytes] = {}  # what has come of a request
        self.selector = selectors.DefaultSelector()
        self.selector.register(pipe, selectors.EVENT_READ, (self.obey, 0))
        listening = [socket.create_server(("127.0.0.1", 0), backlog=256) for _ in range(ports + hanging)]
        for place, each in enumerate(listening):
            self.selector.register(each, selectors.EVENT_READ, (self.accept, place))
        self.urls = [f"http://127.0.0.1:{each.getsockname()[1]}/" for each in listening]

    def run(self) -> None:
        """Until the process is ended."""
        while True:
            for key, _ in self.selector.select():
                handle, place = key.data
                handle(key.fileobj, place)

    def obey(self, pipe: Connection, _: int) -> None:
        question = pipe.recv()
        if isinstance(question, int):
            self.status = question
        pipe.send({"urls": self.urls, "count": sum(map(len, self.arrived)), "take": self.arrived}.get(question))
        if question == "take":
            self.arrived = [array("d") for _ in self.arrived]

    def accept(self, listening: socket.socket, place: int) -> None:
        connection, _ = listening.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.waiting[connection] = b""
        self.selector.register(connection, selectors.EVENT_READ, (self.receive, place))

    def receive(self, connection: socket.socket, place: int) -> None:
        now = time.time()
        try:
            piece = connection.recv(65536)
        except ConnectionError:
            piece = b""
        if not piece:
            self.selector.unregister(connection)
            del self.waiting[connection]
            connection.close()
            return
        received = self.waiting[connection] + piece
        head, end, body = received.partition(b"\r\n\r\n")
        length = CONTENT_LENGTH.search(head)
        if not end or (length is not None and len(body) < int(length[1])):
            self.waiting[connection] = received
            return
        self.waiting[connection] = b""
        self.arrived[place].append(now)
        if place < self.ports:
            connection.sendall(ANSWER % self.status)


def serve(pipe: Connection, ports: int, hanging: int) -> None:
    """The process."""
    Receivers(pipe, ports, hanging).run()
