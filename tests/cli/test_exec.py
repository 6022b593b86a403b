"""`mocksrv exec`: a server for the time that a command runs."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.cli.running import LIMIT, MOCKSRV, environment, mocksrv_process

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals and a shell: run it on Linux or macOS")

SCRIPT = """
set -e
[ "$MX_BASE_URL" = "$MOCKSRV_URL" ] && [ "$MONO_BASE_URL" = "$MOCKSRV_URL/mono" ]
curl --silent --fail -u any:key -H 'Accept: application/vnd.mx.api.v1+json' "$MX_BASE_URL/users" >&2
curl --silent --fail -H 'mono-sec-key: key' "$MONO_BASE_URL/v3/institutions" >/dev/null
curl --silent -o /dev/null -w '%{http_code}' -X POST "$FINICITY_BASE_URL/aggregation/v2/partners/authentication" >&2
echo "$MOCKSRV_URL"
exit 7
"""
# Prints its process id once it waits for a signal, and ends with 40 and the number of times that one came.
WAITS = """
import os, signal, sys, time
came = []
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: came.append(1))
print("ready", os.environ["MOCKSRV_URL"], flush=True)
while not came:
    time.sleep(0.01)
time.sleep(0.3)  # for a second one, which must not come
sys.exit(40 + len(came))
"""


def is_gone(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}/_mocksrv/health", timeout=5)
    except urllib.error.URLError:
        return True
    return False


def test_a_script_has_the_variables_and_its_status_counts(tmp_path: Path) -> None:
    done = mocksrv_process("exec", "--seed", "7", "--", "sh", "-c", SCRIPT, cwd=tmp_path)
    assert done.returncode == 7, done.stderr
    assert '{"users":[]' in done.stderr.replace(" ", "")
    assert is_gone(done.stdout.strip())


def test_faults_of_scenario_files_are_told_a_line_each(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\nprovider: mx\nflows: {{connect: [{{status: NONE}}]}}\n")
    done = mocksrv_process("exec", "--scenarios", ".", "--", "true", cwd=tmp_path)
    assert done.returncode == 0
    assert [line.partition(" ")[0] for line in done.stderr.splitlines()] == ["one.yaml:3:28:", "two.yaml:3:28:"]
    done = mocksrv_process("exec", "--scenarios", ".", "--strict", "--", "true", cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 3)
    assert done.stderr.splitlines()[-1].startswith("mocksrv exec: --strict: ")


@pytest.mark.slow
def test_pytest_runs_in_it(tmp_path: Path) -> None:
    (tmp_path / "test_app.py").write_text(
        "import os, mocksrv\n"
        "def test_app():\n"
        "    sandbox = mocksrv.Sandbox(os.environ['MOCKSRV_URL'], 'one')\n"
        "    assert sandbox.clock.show()['now'] == '2026-01-01T12:00:00.000Z'\n"
    )
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    done = mocksrv_process("exec", "--clock", "manual", "--seed", "7", "--", *command, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_options_after_the_command_are_the_commands(tmp_path: Path) -> None:
    done = mocksrv_process("exec", "echo", "--seed", "-h", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "--seed -h\n")


@pytest.mark.slow
def test_its_settings_are_those_of_serve(tmp_path: Path) -> None:
    (tmp_path / "mocksrv.yaml").write_text("control-token: hush\nport: 1\n")  # a port that nobody may listen on
    done = mocksrv_process("exec", "sh", "-c", "echo $MOCKSRV_CONTROL_TOKEN", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "hush\n"), done.stderr
    done = mocksrv_process("exec", "--clock", "fast", "--", "true", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("mocksrv exec: --clock: 'fast' is not a clock")
    done = mocksrv_process("exec", "--scenario", "denyed", "--", "true", cwd=tmp_path)
    assert (done.returncode, done.stderr.partition(";")[0]) == (
        2,
        "mocksrv exec: --scenario: there is no scenario 'denyed'",
    )


@pytest.mark.slow
def test_commands_that_cannot_be_run(tmp_path: Path) -> None:
    done = mocksrv_process("exec", cwd=tmp_path)
    assert (done.returncode, "COMMAND" in done.stderr) == (2, True)
    done = mocksrv_process("exec", "no-such-command", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (127, "mocksrv exec: no-such-command: No such file or directory\n")
    (tmp_path / "plain").write_text("")
    assert mocksrv_process("exec", "./plain", cwd=tmp_path).returncode == 126


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM])
def test_a_signal_ends_both(number: int, tmp_path: Path) -> None:
    command = [*MOCKSRV, "exec", "--", sys.executable, "-c", WAITS]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[1]
        os.kill(process.pid, number)
        assert process.wait(LIMIT) == 41
    assert is_gone(url)


def test_a_command_that_a_signal_ends(tmp_path: Path) -> None:
    assert mocksrv_process("exec", "sh", "-c", "kill -TERM $$", cwd=tmp_path).returncode == 128 + signal.SIGTERM


def test_ctrl_c_in_a_terminal_reaches_the_command_once(tmp_path: Path) -> None:
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(tmp_path)
        os.execve(sys.executable, [*MOCKSRV, "exec", "--", sys.executable, "-c", WAITS], environment())
    said = b""
    while b"ready" not in said or not said.endswith(b"\n"):
        said += os.read(terminal, 1000)
    os.write(terminal, b"\x03")
    _, status = os.waitpid(process, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 41
    assert is_gone(said.split()[1].decode())
