"""The examples run, as their README says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import LIMIT, MOCKSRV, environment
from tests.sdk.test_node_sdk import MISSING, SDK

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.slow
def test_the_flask_apps_tests_pass(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(EXAMPLES / "flask_app", tmp_path / "flask_app"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "mocksrv.pytest_plugin"]
    env = environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


@pytest.mark.slow
def test_the_flask_app_runs_by_hand(tmp_path: Path) -> None:
    """``exec -- python banks.py`` serves; here on whatever port is free, with one call, and to its end."""
    program = (
        "import os, banks\n"
        "client = banks.create_app(os.environ['MX_BASE_URL'], 's3cret').test_client()\n"
        "login = {'LOGIN': 'ada', 'PASSWORD': 'any'}\n"
        "made = client.post('/people/ada/banks', json={'bank': 'mxbank', 'login': login})\n"
        "print(made.status_code, client.get('/people/ada/banks').get_json()['banks'][made.get_json()['id']]['state'])\n"
    )
    command = [*MOCKSRV, "exec", "--", sys.executable, "-c", program]
    env = environment()
    env["PYTHONPATH"] += f":{EXAMPLES / 'flask_app'}"
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert (done.returncode, done.stdout) == (0, "201 is being connected\n"), done.stderr


@pytest.mark.slow
@pytest.mark.skipif(MISSING is not None and not os.environ.get("MOCKSRV_TEST_NODE"), reason=str(MISSING))
def test_the_node_apps_tests_pass(tmp_path: Path) -> None:
    """``mocksrv exec -- npm test``, with the SDK that the tests of the Node SDK have installed."""
    assert MISSING is None, MISSING
    ignored = shutil.ignore_patterns("node_modules")
    folder = Path(shutil.copytree(EXAMPLES / "node_app", tmp_path / "node_app", ignore=ignored))
    (folder / "node_modules").symlink_to(SDK.parent)
    command = [*MOCKSRV, "exec", "--", "npm", "test"]
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pass 2" in done.stdout
    broken = (folder / "banks.test.mjs").read_text("utf-8").replace('"CONNECTED"', '"DEGRADED"')
    (folder / "banks.test.mjs").write_text(broken, "utf-8")
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, timeout=LIMIT, check=False)
    assert done.returncode == 1
