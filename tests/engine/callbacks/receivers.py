"""Receivers that answer with bytes of a test's choice."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from mocksrv.engine.callbacks.transport import Answer, Transport


@contextmanager
def answering(*connections: Sequence[bytes]) -> Iterator[str]:
    """A receiver that answers the callbacks of each connection with these very bytes, then closes it; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            for answers in connections:
                connection, _ = listening.accept()
                with connection, suppress(OSError):  # who has heard enough goes
                    for each in answers:
                        connection.recv(65_536)
                        connection.sendall(each)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        thread.join(5)
        assert not thread.is_alive(), "a connection was not made, or not used"


def posted(answer: bytes) -> Answer:
    with answering([answer]) as url:
        return Transport().post(url, b"{}", {})
