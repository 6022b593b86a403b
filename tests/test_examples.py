"""The examples run, as their README says."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.cli.running import LIMIT, MOCKSRV, environment

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_the_flask_apps_tests_pass(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(EXAMPLES / "flask_app", tmp_path / "flask_app"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "mocksrv.pytest_plugin"]
    env = environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


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
