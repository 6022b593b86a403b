"""A test as users write it: a sandbox of its own, a user, a member that connects, and the webhook that tells of it."""

from __future__ import annotations

import http.client
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench import rivals
from bench.mx import Client, status_path
from bench.report import Row
from bench.server import BenchError
from mocksrv.client import Sandbox

if TYPE_CHECKING:
    from bench.measures import Setup

TESTS = 40
IMPORTS = 10
PRISM = next(rival for rival in rivals.RIVALS if rival.name == "Prism")
TEST, FRESH = "a test: user, member, webhook", "a fresh sandbox, emptied and dropped"
ALL = "the same, with an event for each transaction"
PLUGIN = "what the pytest plugin adds to pytest's start"
IMPORT = """
import pytest, time
begun = time.process_time()
import mocksrv.pytest_plugin
print((time.process_time() - begun) * 1000)
"""


def tests(setup: Setup) -> Iterator[Row]:
    """Milliseconds of a whole test, sandbox included, and of the same calls to Prism, which sends no webhooks; of the
    plugin's import.
    """
    yield Row(PLUGIN, "ms CPU", statistics.median(imported() for _ in range(IMPORTS)), goal="plugin")
    with setup.server("--clock", "manual", "--seed", "1") as server:
        ours = median(lambda number: one_test(server.url, number))
        yield Row(ALL, "ms", median(lambda number: one_test(server.url, number, all_events=True)))
        yield Row(FRESH, "ms", median(lambda number: fresh(server.url, number)), goal="fresh")
    try:
        theirs = beside_prism(setup)
    except (BenchError, OSError, subprocess.SubprocessError, http.client.HTTPException) as error:
        yield Row(TEST, "ms", ours, goal="test", note=f"Prism was not measured: {error}")
    else:
        yield Row(TEST, "ms", ours, theirs, goal="test", against="Prism, without the webhook")


def median(run: Callable[[int], object]) -> float:
    """Milliseconds of one run, the first not counted."""
    took = []
    for number in range(TESTS + 1):
        begun = time.perf_counter()
        run(number)
        took.append((time.perf_counter() - begun) * 1000)
    return statistics.median(took[1:])


def imported() -> float:
    """Milliseconds of processor time in which a process that has pytest imports the plugin."""
    return float(subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True).stdout)


def fresh(url: str, number: int) -> None:
    """What every test has of its own, and nothing else."""
    sandbox = Sandbox(url, f"fresh-{number}")
    sandbox.clock.show()
    sandbox.reset()
    sandbox.drop()
    sandbox.close()


def one_test(url: str, number: int, *, all_events: bool = False) -> None:
    """A test in a sandbox of its own. ``all_events``: as the pytest plugin has it. Raises AssertionError
    when the webhook does not come.
    """
    sandbox = Sandbox(url, f"test-{number}")
    if all_events:
        sandbox.control.call("PUT", "/sandbox", {"all_events": True})
    member = calls(Client(sandbox.base_url))
    sandbox.clock.advance("10s")
    sandbox.webhooks.expect("mx.aggregation", subject=member)
    sandbox.drop()
    sandbox.close()


def calls(client: Client) -> str:
    """What the app under test calls; the member's guid."""
    user = client.create_user("customer-42")
    member = client.create_member(user, client.login())
    client.call("GET", status_path(user, member))
    return member


def beside_prism(setup: Setup) -> float:
    """Milliseconds of the same calls to Prism. Raises BenchError, OSError, subprocess.SubprocessError."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        place = Path(folder) / "prism"
        PRISM.install(place)
        with PRISM.server(place, setup.spec) as server:
            return median(lambda _: calls(Client(server.url)))
