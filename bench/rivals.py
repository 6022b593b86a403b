"""mocksrv beside other mock servers that serve the same API file: Prism and Mockoon, installed by npm into a temporary
folder.
"""

from __future__ import annotations

import shlex
import shutil
import socket
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench.fill import fill
from bench.mx import HEADERS, status_path
from bench.report import Row
from bench.server import BenchError, Server, get

if TYPE_CHECKING:
    from bench.measures import Setup

# name -> package, and the command that serves a file on a port
RIVALS = {
    "Prism": ("@stoplight/prism-cli", "prism mock --port {port} --verboseLevel error {spec}"),
    "Mockoon": (
        "@mockoon/cli",
        "mockoon-cli start --disable-log-to-file --disable-admin-api --hostname 127.0.0.1 --port {port} --data {spec}",
    ),
}
INSTALL_LIMIT = 300.0
STARTS = 3
PAGE, TRANSACTIONS = 25, 10_000


def beside(setup: Setup) -> Iterator[Row]:
    """Start, memory, status polls and lists of each."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "many.sqlite3"
        user, member = fill(database, 1, TRANSACTIONS)
        paths = {"poll": status_path(user, member), "list": f"/users/{user}/transactions?records_per_page={PAGE}"}
        for name in RIVALS:
            try:
                yield from compared(setup, Path(folder), name, database, paths)
            except (BenchError, OSError, subprocess.SubprocessError) as error:
                yield Row(f"beside {name}", "", note=f"not measured: {error}")


def compared(setup: Setup, folder: Path, name: str, database: Path, paths: dict[str, str]) -> Iterator[Row]:
    """mocksrv with a database of many transactions, which Prism and Mockoon do not have: they answer their example,
    again and again.
    """
    package, command = RIVALS[name]
    if not setup.spec.is_file():
        raise BenchError(f"there is no {setup.spec}; --spec names the API's file")
    install(folder, package)
    starts = [started(folder, command, setup.spec, paths["poll"]) for _ in range(STARTS)]
    ours = [started_here(setup, database) for _ in range(STARTS)]
    yield Row(f"start ({name})", "s", statistics.median(ours), statistics.median(starts))
    with (
        serving(folder, command, setup.spec, paths["poll"]) as rival,
        setup.server("--database", str(database)) as server,
    ):
        for what, path in paths.items():
            here, there = setup.polls([server.url + path, rival.url + path], 1)
            if there.errors:
                raise BenchError(f"{name} answered {there.errors:,} calls of {path} with something else than 200")
            yield Row(f"{what} ({name}), 1 connection", "calls/s", here.per_second, there.per_second)
        mine, theirs = server.memory(), rival.memory()
        yield Row(f"memory afterwards ({name})", "MB RSS", mine.rss, theirs.rss)


def install(folder: Path, package: str) -> None:
    """Installs a package into the folder. Raises BenchError."""
    npm = shutil.which("npm")
    if npm is None:
        raise BenchError("there is no npm")
    command = [
        npm,
        "install",
        "--no-save",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
        "--prefix",
        str(folder),
        package,
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_LIMIT, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise BenchError(f"npm could not install {package}: {said[0] if said else done.returncode}")


def serving(folder: Path, command: str, spec: Path, path: str) -> Server:
    """A rival, not yet started."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    line = f"{folder}/node_modules/.bin/{command.format(port=port, spec=shlex.quote(str(spec.resolve())))}"
    return Server(line, lambda url: get(url + path, HEADERS)[0] == 200, url=f"http://127.0.0.1:{port}")


def started(folder: Path, command: str, spec: Path, path: str) -> float:
    """Seconds to its first answer."""
    with serving(folder, command, spec, path) as server:
        return server.start_seconds


def started_here(setup: Setup, database: Path) -> float:
    """The same of mocksrv."""
    with setup.server("--database", str(database)) as server:
        return server.start_seconds
