"""`mocksrv wait` and `open`, and `serve --port-file`: how a script finds a server."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mocksrv import Server
from mocksrv.client import Client
from tests.cli.running import LIMIT, MOCKSRV, Serving, environment, mocksrv, mocksrv_process

NOBODY = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as made:
        yield made


def test_it_says_where_a_server_is(server: Server, tmp_path: Path) -> None:
    done = mocksrv("wait", "--url", server.url, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = mocksrv("wait", "--url", server.url, "--sandbox", "ci-17", "--env", cwd=tmp_path)
    assert done.stdout.splitlines() == [
        f"MX_BASE_URL={server.url}/sandbox/ci-17",
        f"MONO_BASE_URL={server.url}/sandbox/ci-17/mono",
        f"FINICITY_BASE_URL={server.url}/sandbox/ci-17/finicity",
        f"MOCKSRV_URL={server.url}",
        "MOCKSRV_SANDBOX=ci-17",
    ]
    assert Client(server.url).get("/sandboxes")["sandboxes"] == ["default"]  # asking makes none


def test_nobody_answers_in_time(tmp_path: Path) -> None:
    done = mocksrv("wait", "--url", NOBODY, "--for", "100ms", cwd=tmp_path)
    assert done.returncode == 3
    assert done.stderr.startswith(f"mocksrv: no server answers at {NOBODY}")
    done = mocksrv("wait", "--for", "soon", cwd=tmp_path)
    assert (done.returncode, done.stderr.partition(";")[0]) == (2, "mocksrv wait: --for: 'soon' is not a duration")


def test_a_port_file_is_there_while_the_server_is(tmp_path: Path) -> None:
    waiting = subprocess.Popen(
        [*MOCKSRV, "wait", "--port-file", "port", "--env"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    with Serving(options=["--port-file", "port"], cwd=tmp_path) as server:
        told, _ = waiting.communicate(timeout=LIMIT)
        assert waiting.returncode == 0
        assert f"MX_BASE_URL={server.url}\n" in told
        assert (tmp_path / "port").read_text() == server.url.rpartition(":")[2] + "\n"
    assert [*tmp_path.iterdir()] == []
    assert server.status == 0


def test_a_port_file_that_cannot_be_written(tmp_path: Path) -> None:
    done = mocksrv_process("serve", "--port", "0", "--port-file", "no/folder/port", cwd=tmp_path)
    assert done.returncode == 2
    assert "--port-file: no/folder/port: " in done.stderr
    assert "Traceback" not in done.stderr


def test_open_starts_the_browser(server: Server, tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    env = environment(BROWSER=f"{browser} %s")
    done = mocksrv_process("open", "--url", server.url, "--sandbox", "ci-17", cwd=tmp_path, env=env)
    assert (done.returncode, done.stdout) == (0, f"{server.url}/sandbox/ci-17/_mocksrv/\n")
    assert (tmp_path / "opened").read_text() == done.stdout
    assert mocksrv_process("open", "--url", NOBODY, cwd=tmp_path, env=env).returncode == 3


def test_open_hands_the_token_over_where_no_server_sees_it(tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    with Server(control_token="t0k&n") as server:
        env = environment(BROWSER=str(browser), MOCKSRV_CONTROL_TOKEN="t0k&n")
        done = mocksrv_process("open", "--url", server.url, cwd=tmp_path, env=env)
        assert (done.returncode, done.stdout) == (0, f"{server.url}/_mocksrv/\n")
        assert (tmp_path / "opened").read_text() == f"{server.url}/_mocksrv/#token=t0k%26n\n"


def test_open_without_a_browser_says_where_it_is(server: Server, tmp_path: Path) -> None:
    done = mocksrv_process("open", "--url", server.url, cwd=tmp_path, env=environment(BROWSER="/no/browser", PATH=""))
    assert done.returncode == 1
    assert f"open {server.url}/_mocksrv/ in one" in done.stderr
