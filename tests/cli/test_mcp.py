"""``mocksrv mcp``, asked by the official SDK of the Model Context Protocol.

That SDK and MX's want different versions of a library, so it has an environment of its own (tests/environments.py).
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import mocksrv
from mocksrv.cli.mcp import INSTRUCTIONS
from tests import environments
from tests.cli import running
from tests.cli.running import LIMIT, environment
from tests.consumers import careful

PYTHON = environments.python("mcp")
COMMAND = (str(PYTHON), "-m", "mocksrv")
AGENT = Path(__file__).with_name("agent.py")
SCENARIO = "name: mine\nprovider: mono\nflows: {link: [{status: PROCESSING}, {after: 1s, status: FAILED}]}"

needs_environment = environments.needs("mcp")


def ask(calls: list[tuple[str, dict[str, Any]]], *where: str) -> dict[str, Any]:
    """What an agent is told and answered at a URL, or by a command."""
    done = subprocess.run(
        [PYTHON, AGENT, *where],
        input=json.dumps(calls),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.slow
@needs_environment
def test_an_agent_puts_a_scenario_plays_it_and_reads_what_came_of_it() -> None:
    calls = [
        ("post_scenarios_validate", {"yaml": SCENARIO.replace("FAILED", "FALED")}),
        ("put_scenarios_name", {"name": "mine", "yaml": SCENARIO}),
        ("post_mono_connect", {"institution": "any", "scenario": "mine"}),
        ("post_clock_advance", {"by": "1m"}),
        ("put_bindings", {"next": ["deniedd"]}),
        ("get_clock", {"by": "1h"}),
        ("get_clocks", {}),
    ]
    with mocksrv.Server(clock="manual", seed=7) as server:
        url = server.url
        told = ask(calls, *COMMAND, "mcp", "--url", url)
    checked, _, linked, advanced, misspelt, unknown, missing = told["results"]
    assert "did you mean 'FAILED'" in checked["problems"][0]["message"]
    assert linked["code"].startswith("code_")
    assert advanced["now"] == "2026-01-01T12:01:00.000Z"
    assert "did you mean denied" in misspelt
    assert unknown == "by: get_clock has no such argument; allowed are none"
    assert missing.startswith("there is no tool 'get_clocks'; there are get_health")
    assert f"- MX: {url}\n- Mono: {url}/mono\n" in told["instructions"]
    assert (told["tools"]["get_clock"], told["tools"]["put_clock"]) == (True, False)
    assert set(re.findall(r"\b(?:get|put|post)_\w+", INSTRUCTIONS)) <= set(told["tools"])


@pytest.mark.slow
@needs_environment
def test_it_checks_a_consumer_with_a_server_of_its_own() -> None:
    app = careful.Server(careful.App())
    calls = [("check_consumer", {"url": app.url, "auth": "basic:mx:s3cret"}), ("check_consumer", {"url": "nowhere"})]
    report, refused = ask(calls, *COMMAND, "exec", "--", *COMMAND, "mcp")["results"]
    assert report["passed"] == report["checks"] > 20
    assert "'nowhere' is not an HTTP URL" in refused


@pytest.mark.slow
@needs_environment
def test_over_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with mocksrv.Server(clock="x60") as server:
        command = [*COMMAND, "mcp", "--http", str(port), "--url", server.url]
        with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as offering:
            assert offering.stdout
            assert offering.stdout.readline().startswith(f"Agents find it at http://127.0.0.1:{port}/mcp")
            until = time.monotonic() + LIMIT
            while socket.socket().connect_ex(("127.0.0.1", port)) and time.monotonic() < until:
                continue
            [clock] = ask([("get_clock", {})], f"http://127.0.0.1:{port}/mcp")["results"]
            offering.terminate()
    assert clock["mode"] == "x60"


@pytest.mark.slow
@needs_environment
def test_without_a_server_it_says_so() -> None:
    command = [*COMMAND, "mcp", "--url", "http://127.0.0.1:9"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 3
    assert "no server answers at http://127.0.0.1:9" in done.stderr


def test_without_the_library_it_says_how_to_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    done = running.mocksrv("mcp", cwd=tmp_path)
    assert (done.returncode, "pip install 'mocksrv[mcp]'" in done.stderr) == (1, True)


def test_beside_a_library_of_another_version_it_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faulty = {"anyio": "", "uvicorn": "", "mcp": "raise ImportError('the pydantic here is too old (/some/where)')"}
    for name, text in faulty.items():
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    done = running.mocksrv("mcp", cwd=tmp_path)
    assert done.returncode == 1
    assert "in an environment of its own (the pydantic here is too old)" in done.stderr
    assert "pip install" not in done.stderr  # which would break what the environment is for
