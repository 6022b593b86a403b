"""docs/testing.md cannot lie: its files of tests run, and a failed test's report is what it shows.

``python -m tests.test_testing_doc`` writes the report anew.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests import environments
from tests.cli.running import LIMIT, environment

PAGE = Path(__file__).parents[1] / "docs" / "testing.md"
FILE = re.compile(r"^```python\n# (\w+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
REPORT = re.compile(r"(<!-- report -->\n```text\n)(.*?)(```\n<!-- /report -->)", re.DOTALL)
PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "mocksrv.pytest_plugin")
FOLDERS = {  # of the files that lie in one of their own
    "conftest.py": "own",
    "test_own_server.py": "own",
    "test_django.py": "frameworks",
    "test_fastapi.py": "frameworks",
}


def run(command: tuple[str, ...], folder: Path) -> subprocess.CompletedProcess[str]:
    env = environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=LIMIT, check=False)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """The page's files, also written to the test's folder, or to one in it: FOLDERS."""
    found = dict(FILE.findall(PAGE.read_text("utf-8")))
    for name, text in found.items():
        folder = tmp_path / FOLDERS.get(name, "")
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return found


@pytest.mark.slow
def test_every_block_of_python_is_a_file_with_a_test_that_passes(files: dict[str, str], tmp_path: Path) -> None:
    assert len(files) == PAGE.read_text("utf-8").count("```python")
    done = run((*PYTEST, "--ignore=frameworks"), tmp_path)
    tests = sum(text.count("def test_") for name, text in files.items() if FOLDERS.get(name) != "frameworks")
    assert f"{tests} passed" in done.stdout, done.stdout
    done = run((sys.executable, "-m", "unittest", "-q", "test_plain"), tmp_path)
    assert (done.returncode, "Ran 1 test" in done.stderr) == (0, True), done.stderr


@pytest.mark.slow
@environments.needs("frameworks")
@pytest.mark.usefixtures("files")
def test_apps_in_django_and_fastapi_pass_their_tests(tmp_path: Path) -> None:
    command = (str(environments.python("frameworks")), *PYTEST[1:], "-W", "error")
    done = run(command, tmp_path / "frameworks")
    assert "2 passed" in done.stdout, done.stdout


def report(files: dict[str, str], folder: Path) -> str:
    """What a failed test's report says of its sandbox: the page's first test, if it expected another status."""
    (folder / "test_denied.py").write_text(files["test_denied.py"].replace("DENIED", "LOCKED"), "utf-8")
    lines = run((*PYTEST, "test_denied.py"), folder).stdout.splitlines()
    first = next(place for place, line in enumerate(lines) if " mocksrv sandbox " in line)
    last = next(place for place, line in enumerate(lines) if " short test summary info " in line)
    text = "\n".join(lines[first:last]) + "\n"
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8484", text)
    return re.sub(r"\S+/(scenarios/mx/)", r"\1", text)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="paths are those of Linux and macOS: run it there")
def test_a_failed_tests_report_is_as_shown(files: dict[str, str], tmp_path: Path) -> None:
    shown = REPORT.search(PAGE.read_text("utf-8"))
    assert shown
    assert shown[2] == report(files, tmp_path), "python -m tests.test_testing_doc writes it anew"


if __name__ == "__main__":
    page = PAGE.read_text("utf-8")
    with tempfile.TemporaryDirectory() as folder:
        made = report(dict(FILE.findall(page)), Path(folder))
    PAGE.write_text(REPORT.sub(lambda found: found[1] + made + found[3], page), "utf-8")
