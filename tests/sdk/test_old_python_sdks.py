"""Older versions of MX's Python SDK read the guide to its end, and the holdings. Each has an environment of its own.

``python -m tests.sdk.test_old_python_sdks`` makes them, below MOCKSRV_OLD_SDKS or in .venv-old-sdks.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import LIMIT, ROOT, Serving

VERSIONS = ("0.9.0", "0.10.0", "0.20.0", "1.12.0")
FOLDER = Path(os.environ.get("MOCKSRV_OLD_SDKS") or ROOT / ".venv-old-sdks")
SCRIPT = Path(__file__).with_name("old_python_guide.py")


def python(version: str) -> Path:
    """The interpreter of an SDK's environment."""
    return FOLDER / version / "bin" / "python"


def install() -> None:
    """Makes the environments that are not there."""
    for version in VERSIONS:
        if not python(version).exists():
            subprocess.run([sys.executable, "-m", "venv", FOLDER / version], check=True)
        wanted = f"mx-platform-python=={version}"
        subprocess.run([python(version), "-m", "pip", "install", "--quiet", wanted], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_an_old_sdk_reads_the_guide(version: str) -> None:
    if not python(version).exists():
        pytest.skip(f"needs mx-platform-python {version}: run `python -m tests.sdk.test_old_python_sdks`")
    with Serving(options=["--clock", "manual", "--seed", "7"]) as server:
        command = [python(version), SCRIPT, server.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    seen: dict[str, Any] = json.loads(done.stdout)
    assert seen.pop("holdings") == seen.pop("of the member") != []
    assert seen == {
        "asked": ["CHALLENGED", "Please select an account:"],
        "verified": "CONNECTED",
        "numbers": ["4921710685", "005026788"],
        "owners": ["MX Test"],
        "balance": 500000.0,
        "transactions": 0,
    }


if __name__ == "__main__":
    install()
