"""Servers under measurement: started as a user starts them, with what their processes use read from /proc."""

import atexit
import http.client
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import urlsplit

from bench import peer

ROOT = Path(__file__).parents[1]
START_LIMIT = 30.0
URL = re.compile(r"http://127\.0\.0\.1:\d+")


@cache
def compiled() -> str:
    """A folder for compiled modules: whatever is set outside, only the first start of a server compiles."""
    folder = tempfile.mkdtemp(prefix="bench-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class BenchError(RuntimeError):
    """Something could not be measured; the message says why."""


@dataclass(frozen=True)
class Memory:
    """Megabytes resident in a server's processes; `pss` splits pages that processes share, and is None where the kernel
    does not tell.
    """

    rss: float
    pss: float | None


class Server:
    """A server process and its children, from spawn to stop, as a context manager.

    `command` runs in the project's root and must print its own URL as http://127.0.0.1:PORT, unless `url` tells it.
    `is_ready(url)` tells whether the server has given its first correct answer, and may raise OSError or HTTPException
    while it has not. `start_seconds` is the time from the spawn to that answer.
    """

    def __init__(
        self, command: str, is_ready: Callable[[str], bool], environment: dict[str, str] | None = None, url: str = ""
    ) -> None:
        self.command = command
        self.is_ready = is_ready
        self.environment = (
            os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONPYCACHEPREFIX": compiled()} | (environment or {})
        )
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)
        self.url = url
        self.start_seconds = 0.0

    def __enter__(self) -> Self:
        self.output: IO[bytes] = tempfile.TemporaryFile()
        spawned = time.perf_counter()
        self.process = subprocess.Popen(
            shlex.split(self.command),
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            self._wait_until_ready(spawned + START_LIMIT)
        except BaseException:
            self._stop()
            raise
        self.start_seconds = time.perf_counter() - spawned
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _wait_until_ready(self, limit: float) -> None:
        while time.perf_counter() < limit:
            if self.process.poll() is not None:
                raise BenchError(f"{self.command!r} ended with status {self.process.returncode}: {self._last_line()}")
            self.url = self.url or self._printed_url()
            try:
                if self.url and self.is_ready(self.url):
                    return
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.002)
        raise BenchError(f"{self.command!r} gave no correct answer within {START_LIMIT:g} s: {self._last_line()}")

    def _printed(self) -> str:
        return os.pread(self.output.fileno(), 65536, 0).decode(errors="replace")

    def _printed_url(self) -> str:
        """The first URL in the output that is not one we passed in (a banner may show where callbacks go)."""
        return next((url for url in URL.findall(self._printed()) if url not in self.command), "")

    def _last_line(self) -> str:
        return (self._printed().strip().splitlines() or ["no output"])[-1][:160]

    def _stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
        with suppress(ProcessLookupError):  # what it started and left behind: a wrapper's Java
            os.killpg(self.process.pid, signal.SIGKILL)
        self.output.close()

    def memory(self) -> Memory:
        """What is resident in all processes."""
        processes = process_tree(self.process.pid)
        rss = sum(resident_bytes(pid) for pid in processes) / 1e6
        try:
            return Memory(rss, sum(proportional_bytes(pid) for pid in processes) / 1e6)
        except OSError:
            return Memory(rss, None)

    def cpu_seconds(self) -> float:
        """Processor time, user and system, that all processes have used so far."""
        return cpu_seconds(process_tree(self.process.pid))


def cpu_seconds(pids: Iterable[int]) -> float:
    """Processor time, user and system, that these processes have used so far."""
    return sum(sum(map(int, stat_fields(pid)[11:13])) for pid in pids) / os.sysconf("SC_CLK_TCK")


def get(url: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    """Status and body of one GET over a connection of its own."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("GET", parts.path + (f"?{parts.query}" if parts.query else ""), headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def bare_flask(path: str, body_bytes: int) -> Server:
    """The peer, not yet started: a constant of `body_bytes` bytes at `path`."""
    return Server(
        f"{peer.COMMAND} --bind 127.0.0.1:0 'bench.peer:create_app()'",
        lambda url: get(url + path) == (200, b"x" * body_bytes),
        {"BENCH_BODY_BYTES": str(body_bytes)},
    )


def default_command() -> str:
    """The `mocksrv` that is installed beside this Python."""
    return shlex.quote(str(Path(sys.executable).with_name("mocksrv")))


def stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the command's name: state, parent, …"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):  # the latter where it ends while it is read
        raise BenchError(f"no /proc/{pid}/stat on this system") from None


def process_tree(root: int) -> list[int]:
    """The process and all its descendants."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry.name)] = int(stat_fields(int(entry.name))[1])
        except BenchError:
            continue
    if root not in parents:
        raise BenchError("processes can only be read where there is a /proc")
    tree = [root]
    for pid in tree:
        tree += [child for child, parent in parents.items() if parent == pid]
    return tree


def proportional_bytes(pid: int) -> int:
    """PSS of one process; OSError where the kernel does not tell."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def resident_bytes(pid: int) -> int:
    """RSS of one process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
