"""The ways through the house: which files and functions of mocksrv run until something is done; and what a start
imports. Bounds, so that neither grows unnoticed. ``python -m tests.test_ways`` lists the ways.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import pytest

import mocksrv
from tests import postgres
from tests.conftest import MX, Receiver, started

PACKAGE = str(Path(mocksrv.__file__).parent)
HOSTING = "/web/hosting/"  # a way begins where the application is called
BACKGROUND = "ticker"  # the thread
# for what comes later, if at all
HEAVY = {"cryptography", "difflib", "faker", "flask", "jinja2", "jsonschema", "rich", "statistics", "urllib3"}
SCENARIO = """name: {}
provider: mx
flows:
  connect: [{{status: CREATED}}, {{after: 1s, status: CONNECTED, data: mxbank}}]
"""
STARTED = """
import sys
from mocksrv.engine.config import Config
from mocksrv.server import build
engine, app = build(Config())
print(*sys.modules)
engine.close()
"""
WATCHED = """
import sys
import mocksrv.cli.serve, mocksrv.web.hosting.gunicorn_host
print(*sys.modules)
"""
Function = tuple[str, str]  # file and name
Way = Callable[[MX], Callable[[], Any]]  # makes things ready; what it gives is counted


def poll(mx: MX) -> Callable[[], Any]:
    user = mx.user()
    member = mx.create(user)["guid"]
    mx.status(user, member)
    return lambda: mx.status(user, member)


def list_again(mx: MX) -> Callable[[], Any]:
    """A page that was read since the sandbox changed."""
    path = f"/users/{mx.user()}/accounts"
    mx.call("GET", path)
    return lambda: mx.call("GET", path)


def create_member(mx: MX) -> Callable[[], Any]:
    """To the callback."""
    user = mx.user()
    mx.create(user)
    body = {"member": {"institution_code": "mxbank", "credentials": mx.credentials(username="another")}}
    return lambda: mx.call("POST", f"/users/{user}/members", body)


def put_scenario(mx: MX) -> Callable[[], Any]:
    mx.put_scenario("first", SCENARIO.format("first"))
    return lambda: mx.put_scenario("second", SCENARIO.format("second"))


def trigger(mx: MX) -> Callable[[], Any]:
    """To the attempt."""
    event = {"event": "mx.member.updated", "subject": mx.create(mx.user())["guid"]}
    mx.control("POST", "/trigger", event)
    return lambda: mx.control("POST", "/trigger", event)


def load_data(mx: MX) -> Callable[[], Any]:
    """By a step, while time is advanced."""
    scenario = mx.put_scenario("data", SCENARIO.format("data"))
    user = mx.user()
    for name in ("first", "second"):
        mx.advance("1m")
        mx.create(user, username=name, headers={"X-Mocksrv-Scenario": scenario})
    return lambda: mx.advance("1s")


class Most(NamedTuple):
    files: int
    functions: int


WAYS: dict[Way, Most] = {
    poll: Most(22, 47),
    list_again: Most(22, 60),
    create_member: Most(57, 242),
    put_scenario: Most(37, 122),
    trigger: Most(47, 163),  # one of them only if the attempt was made before the answer, which then shows it
    load_data: Most(74, 341),
}


def shortest(way: Way) -> set[Function]:
    """A way without what happened to come between: the shortest of three."""
    return min((walk(way) for _ in range(3)), key=len)


def walk(way: Way) -> set[Function]:
    """The functions that run on a way, in whatever thread but that of the background work, which has moments of its
    own.
    """
    passed: set[Function] = set()
    counting = threading.Event()

    def note(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event != "call" or not counting.is_set() or threading.current_thread().name == BACKGROUND:
            return
        if code.co_filename.startswith(PACKAGE) and not code.co_name.startswith("<"):
            passed.add((code.co_filename.removeprefix(PACKAGE), code.co_name))

    threading.setprofile(note)  # of the threads that are begun now
    receiver = Receiver()
    engine, app = started(webhook_url=receiver.url)
    before = sys.getprofile()
    try:
        go = way(MX(app))
        engine.dispatcher.settle(engine.sandbox("default"), 10)
        counting.set()
        sys.setprofile(note)
        go()
        sys.setprofile(before)
        engine.dispatcher.settle(engine.sandbox("default"), 10)
        counting.clear()
    finally:
        sys.setprofile(before)
        threading.setprofile(None)
        engine.close()
        receiver.close()
    return {function for function in passed if not function[0].startswith(HOSTING)}


def by_file(passed: set[Function]) -> dict[str, list[str]]:
    """The names of the functions."""
    return {file: sorted(name for of, name in passed if of == file) for file in sorted({file for file, _ in passed})}


@postgres.of_sqlite("a way on PostgreSQL passes its adapter, too")
@pytest.mark.parametrize("way", WAYS)
def test_a_way_passes_few_files_and_functions(way: Way) -> None:
    passed = shortest(way)
    files = by_file(passed)
    assert len(files) <= WAYS[way].files, files
    assert len(passed) <= WAYS[way].functions, files


def imported(program: str) -> list[str]:
    """The names of the modules that a program prints."""
    return subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60
    ).stdout.split()


def test_a_start_imports_nothing_heavy() -> None:
    modules = imported(STARTED)
    assert not HEAVY & {name.partition(".")[0] for name in modules}
    assert "mocksrv.web.control" not in modules
    assert "mocksrv.providers.mx.people.members" in modules  # what is declared wrongly stops the start
    own = [name for name in modules if name.partition(".")[0] == "mocksrv"]
    assert len(own) <= 250, len(own)


def test_the_process_that_watches_the_server_imports_little_of_it() -> None:
    modules = imported(WATCHED)
    assert not (HEAVY | {"asyncio", "marshmallow", "werkzeug"}) & set(modules)
    own = [name for name in modules if name.partition(".")[0] == "mocksrv"]
    assert len(own) <= 20, own


if __name__ == "__main__":
    for each in WAYS:
        run = shortest(each)
        print(f"{each.__name__}: {len(by_file(run))} files, {len(run)} functions")
        for file, names in by_file(run).items():
            print(f"  {file}: {', '.join(names)}")
