"""The chart of a benchmark, and answers that its load generator reads. The measures themselves are run by hand."""

from __future__ import annotations

import shlex
import socket
import threading
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench import load
from bench.chart import page
from bench.report import Row
from bench.server import Server

ROWS = [
    Row("start", "s", 1.0, 2.0, against="slow & <late>"),
    Row("start", "s", 1.0, 0.5, against="quick"),
    Row("reads", "calls/s", 500.0, 2500.0, against="quick"),
    Row("beside absent", "", note="not measured: there is no <java>"),
    Row("memory", "MB PSS", 30.0, 20.0),
]


def test_the_chart_has_a_bar_for_each_server_the_best_first() -> None:
    text = page(ROWS)
    drawn = [ElementTree.fromstring(f"<svg{part.partition('</svg>')[0]}</svg>") for part in text.split("<svg")[1:]]
    bars = [[rect.get("width") for rect in svg.iter("rect")] for svg in drawn]
    names = [[each.text for each in svg.iter("text")][::2] for svg in drawn]
    assert names == [["quick", "mocksrv", "slow & <late>"], ["quick", "mocksrv"]]
    assert [float(width or 0) for width in bars[0]] == [105.0, 210.0, 420.0]
    assert "2,500 calls/s   5.00 ×" in text
    assert "there is no &lt;java&gt;" in text
    assert "http" not in text.replace("http-equiv", "")


@contextmanager
def answering(head: bytes, body: bytes, *, closes: bool) -> Iterator[str]:
    """A server whose every answer is this."""

    def serve(connection: socket.socket) -> None:
        with connection:
            while connection.recv(65536):
                connection.sendall(head + b"\r\n\r\n" + body)
                if closes:
                    return

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/x"
        listening.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("head", "body", "closes"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2", b"ok", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", b"2\r\nok\r\n0\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2", b"ok", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2", b"ok", True),
    ],
    ids=["length", "chunked", "close", "old"],
)
def test_the_load_generator_reads_answers_of_all_kinds(head: bytes, body: bytes, closes: bool) -> None:
    with answering(head, body, closes=closes) as url, ThreadPoolExecutor(1) as pool:
        done = load.run(pool, url, {}, 2, 0.2)
    assert len(done.latencies) > 2
    assert done.errors == 0


def test_a_server_leaves_no_process_behind(tmp_path: Path) -> None:
    left = tmp_path / "pid"
    script = f"sleep 60 & echo $! > {left}; wait"
    with Server(f"sh -c {shlex.quote(script)}", lambda _: left.exists() and left.read_text() != "", url="http://x"):
        child = int(left.read_text())
    state = Path(f"/proc/{child}/stat")
    for _ in range(500):  # until whoever inherits it has taken notice
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            break
        threading.Event().wait(0.01)
    else:
        pytest.fail(f"process {child} is still there")
