"""MX's official Node SDK, operation by operation: `tests/sdk/node/cases.mjs` against a server that listens.

`npm ci` in tests/sdk/node installs it. Without Node or the SDK the cases are skipped, unless MOCKSRV_TEST_NODE is set.
Version 2 of the SDK is the one for v20111101.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.running import LIMIT, Serving

FOLDER = Path(__file__).parent / "node"
SDK = FOLDER / "node_modules" / "mx-platform-node"
GROUPS = (
    "UsersApi",
    "MembersApi",
    "AccountsApi",
    "TransactionsApi",
    "TransactionRulesApi",
    "WidgetsApi",
    "TagsApi",
    "TaggingsApi",
    "BudgetsApi",
    "GoalsApi",
    "ManagedDataApi",
)
CASES = re.findall(r"^  async (\w+)\(w\) \{$", (FOLDER / "cases.mjs").read_text("utf-8"), re.MULTILINE)
MISSING = (
    None
    if shutil.which("node") and SDK.is_dir()
    else "needs Node and MX's SDK for it: install Node with npm, then run `npm ci` in tests/sdk/node"
)

pytestmark = pytest.mark.skipif(MISSING is not None and not os.environ.get("MOCKSRV_TEST_NODE"), reason=str(MISSING))


@pytest.fixture(scope="module")
def outcomes() -> dict[str, str | None]:
    """Case -> what went wrong, None for nothing."""
    assert MISSING is None, MISSING
    with Serving(options=["--clock", "manual", "--seed", "7"]) as server:
        command = ["node", "cases.mjs", server.url]
        done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["case"]: line["error"] for line in lines}


@pytest.mark.parametrize("operation", CASES)
def test_the_sdk_reads_the_answer(outcomes: dict[str, str | None], operation: str) -> None:
    assert outcomes[operation] is None, outcomes[operation]


def test_every_operation_of_these_groups_has_a_case() -> None:
    assert MISSING is None, MISSING
    declared = (SDK / "dist" / "api.d.ts").read_text("utf-8")
    classes = dict(
        re.findall(r"^export declare class (\w+) extends BaseAPI {\n(.*?)^}", declared, re.MULTILINE | re.DOTALL)
    )
    operations = [name for group in GROUPS for name in re.findall(r"^    (\w+)\(", classes[group], re.MULTILINE)]
    assert sorted(CASES) == sorted(operations)


def test_the_lock_file_names_no_registry() -> None:
    assert "resolved" not in (FOLDER / "package-lock.json").read_text("utf-8")


def test_the_guide_to_its_end_and_the_holdings() -> None:
    assert MISSING is None, MISSING
    with Serving(options=["--clock", "manual", "--seed", "7"]) as server:
        command = ["node", "guide.mjs", server.url]
        done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    seen = json.loads(done.stdout)
    assert seen.pop("holdings") > 0
    assert seen == {
        "asked": ["CHALLENGED", "Please select an account:"],
        "verified": "CONNECTED",
        "numbers": ["4921710685", "005026788"],
        "owners": ["MX Test"],
        "balance": 500000,
        "transactions": 0,
    }
