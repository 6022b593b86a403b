"""The same seed, a manual clock and the same calls give the same bytes: in this process, in another, at another time.

``python -m tests.recording`` records anew what is kept in `tests/recordings`: look at the difference first.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mocksrv.engine import clock
from tests.recording import FAKER, SCRIPTS, kept, recording

ROOT = Path(__file__).parents[1]
LATER = 400 * 86_400 * 10**9  # ns
ELSEWHERE = {"PYTHONHASHSEED": "4711", "TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONUTF8": "1"}


class LaterTime:
    """The machine's time, more than a year on."""

    def time_ns(self) -> int:
        return time.time_ns() + LATER


def expected(provider: str) -> str:
    text = kept(provider).read_text(encoding="utf-8")
    if not text.startswith(f"{FAKER}\n"):
        pytest.skip(f"another version of Faker has other names; recorded: {text.partition(chr(10))[0]}")
    return text


@pytest.mark.parametrize("provider", SCRIPTS)
def test_answers_and_callbacks_are_those_that_were_recorded(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "time", LaterTime())
    assert recording(provider).splitlines() == expected(provider).splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("provider", SCRIPTS)
def test_another_process_gives_the_same(provider: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.recording", provider],
        cwd=ROOT,
        env={**os.environ, **ELSEWHERE},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout.splitlines() == expected(provider).splitlines()
