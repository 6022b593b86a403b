"""Older versions of MX's Python SDK read the guide to its end, and the holdings. Each has an environment of its own
(tests/environments.py).
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests import environments
from tests.cli.running import LIMIT, Serving

SCRIPT = Path(__file__).with_name("old_python_guide.py")


@pytest.mark.slow
@pytest.mark.parametrize("sdk", [pytest.param(sdk, marks=environments.needs(sdk)) for sdk in environments.OLD_SDKS])
def test_an_old_sdk_reads_the_guide(sdk: str) -> None:
    with Serving(options=["--clock", "manual", "--seed", "7"]) as server:
        command = [environments.python(sdk), SCRIPT, server.url]
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
