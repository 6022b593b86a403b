"""What runs on the way to an answer, and what a start imports: bounds, so that neither grows unnoticed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import mocksrv
from tests.providers.mx.customer import MX

PACKAGE = str(Path(mocksrv.__file__).parent)
HEAVY = {"cryptography", "faker", "flask", "jinja2", "jsonschema", "rich", "urllib3"}  # for what comes later, if at all
STARTED = """
import sys
from mocksrv.engine.config import Config
from mocksrv.server import build
engine, app = build(Config())
print(*sys.modules)
engine.close()
"""


def functions_of(call: Callable[[], Any]) -> set[tuple[str, str]]:
    """The functions of mocksrv that run in this thread during a call: file and name."""
    seen: set[tuple[str, str]] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(PACKAGE) and not code.co_name.startswith("<"):
            seen.add((code.co_filename.removeprefix(PACKAGE), code.co_name))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(before)
    return seen


def test_a_poll_passes_few_functions(mx: MX) -> None:
    user = mx.user()
    member = mx.create(user)["guid"]
    mx.status(user, member)
    passed = functions_of(lambda: mx.status(user, member))
    assert ("/providers/mx/people/members.py", "read_status") in passed
    assert len(passed) <= 45, sorted(passed)
    assert len({file for file, _ in passed}) <= 22, sorted(passed)


def test_a_start_imports_nothing_heavy() -> None:
    modules = subprocess.run(
        [sys.executable, "-c", STARTED], check=True, capture_output=True, text=True, timeout=60
    ).stdout.split()
    assert not HEAVY & {name.partition(".")[0] for name in modules}
    assert "mocksrv.web.control" not in modules
    assert "mocksrv.providers.mx.people.members" in modules  # what is declared wrongly stops the start
    own = [name for name in modules if name.partition(".")[0] == "mocksrv"]
    assert len(own) <= 230, len(own)
