"""Whether calls cost the same among many members: `python -m bench.flat [--postgres URL URL] [--members N]`.

A database with ten members and one with many are filled, then both are served side by side and called in turns. The
ratio is the time per call among the many over that among the ten; the goal is 1.2. Each URL of `--postgres` is that of
an empty database.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from bench import load
from bench.fill import fill
from bench.measures import connect_once
from bench.mx import HEADERS, MX_BANK, Client, status_path
from bench.server import Server, default_command, get

FEW, MANY = 10, 1_000_000
CONNECTIONS = 8
ROUNDS = 5
CONNECTS = 10  # of a round


class Side:
    """A database with that many members, and the server that serves it."""

    def __init__(self, database: str, members: int, stack: ExitStack) -> None:
        began = time.perf_counter()
        user, member = fill(database, members)
        self.filled = time.perf_counter() - began
        self.paths = {
            "poll": status_path(user, member),
            "list, 25 transactions": f"/users/{user}/transactions?records_per_page=25",
            "list, 2 users": "/users?records_per_page=2",
        }
        command = f"{default_command()} serve --port 0 --quiet --clock manual --database {database}"
        ready = self.paths["poll"]
        self.url = stack.enter_context(Server(command, lambda url: get(url + ready, HEADERS)[0] == 200)).url
        self._users = 0

    def connect(self) -> float:
        """Milliseconds from creating a member to its data being read, the mean of a few."""
        client = Client(self.url)
        login = client.login()
        users = [client.create_user(f"flat-{self._users + place}") for place in range(CONNECTS)]
        self._users += CONNECTS
        began = time.perf_counter()
        for user in users:
            connect_once(client, user, login, MX_BANK)
        return (time.perf_counter() - began) / CONNECTS * 1000


def measure(databases: list[str], members: int, seconds: float, pool: ProcessPoolExecutor) -> Iterator[str]:
    """A line for each kind of call: milliseconds among few and among many, the medians of rounds in turns."""
    with ExitStack() as stack:
        few, many = (Side(place, size, stack) for place, size in zip(databases, (FEW, members), strict=True))
        yield f"filled in {few.filled:.1f} and {many.filled:.1f} s"
        for name in few.paths:
            times: tuple[list[float], list[float]] = ([], [])
            for _ in range(ROUNDS):
                for side, found in zip((few, many), times, strict=True):
                    total = load.run(pool, side.url + side.paths[name], HEADERS, CONNECTIONS, seconds)
                    found.append(1000 / total.per_second)
            yield line(name, *times)
        pairs = [(few.connect(), many.connect()) for _ in range(ROUNDS + 1)][1:]
        yield line("connect", [each for each, _ in pairs], [each for _, each in pairs])


def line(name: str, few: list[float], many: list[float]) -> str:
    """The medians and their ratio."""
    one, other = statistics.median(few), statistics.median(many)
    return f"{name:<22} {one:>8.2f} {other:>8.2f} {other / one:>6.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.flat", description=__doc__)
    parser.add_argument("--postgres", metavar="URL", nargs=2, help="two empty databases, which are filled")
    parser.add_argument("--members", type=int, default=MANY, help="how many are many")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of each load")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(load.PROCESSES) as pool:
        places = {"SQLite": [str(Path(folder) / f"{size}.db") for size in ("few", "many")]}
        if options.postgres:
            places["PostgreSQL"] = options.postgres
        for name, databases in places.items():
            print(f"{name:<22} {FEW:>8,} {options.members:>8,}  times")
            for each in measure(databases, options.members, options.seconds, pool):
                print(each, flush=True)


if __name__ == "__main__":
    main()
