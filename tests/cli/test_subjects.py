"""`mocksrv subjects`: those who play, listed, shown, pushed and moved on a running server."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mocksrv import Server
from tests.cli.running import MX_HEADERS, environment, mocksrv


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(clock="manual", seed=7) as made:
        yield made


def call(server: Server, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {**MX_HEADERS, "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(server.url + path, data=data, headers=headers)) as answer:
        return json.loads(answer.read())


@pytest.fixture
def member(server: Server) -> str:
    user = call(server, "/users", {"user": {"metadata": "m"}})["user"]["guid"]
    form = call(server, "/institutions/mxbank/credentials")["credentials"]
    credentials = [{"guid": field["guid"], "value": "mxuser"} for field in form]
    body = {"member": {"institution_code": "mxbank", "credentials": credentials}}
    guid: str = call(server, f"/users/{user}/members", body)["member"]["guid"]
    return guid


def run(server: Server, tmp_path: Path, *arguments: str) -> Any:
    return mocksrv("subjects", *arguments, cwd=tmp_path, env=environment(MOCKSRV_URL=server.url))


def test_they_are_listed(server: Server, member: str, tmp_path: Path) -> None:
    lines = run(server, tmp_path, "list").stdout.splitlines()
    assert lines[0].split() == ["ID", "PROVIDER", "SCENARIO", "STATUS", "JOB"]
    assert [line.split()[:3] for line in lines[1:]] == [[member, "mx", "connected"]]
    assert run(server, tmp_path, "list", "--provider", "mono", "--json").stdout.split() == [
        "{",
        '"subjects":',
        "[]",
        "}",
    ]


def test_one_is_pushed_moved_and_shown(server: Server, member: str, tmp_path: Path) -> None:
    pushed = run(server, tmp_path, "push", member, "DENIED", "--set", "connection_status_message=Not today.")
    assert pushed.stdout == f"{member} is DENIED\n"
    moved = run(server, tmp_path, "play", member, "challenged", "--flow", "connect")
    assert moved.stdout == f"{member} plays challenged, it is CREATED\n"
    shown = json.loads(run(server, tmp_path, "show", member, "--json").stdout)
    assert [line["status"] for line in shown["timeline"] if line["status"]][-2:] == ["DENIED", "CREATED"]
    assert "moved to scenario challenged" in run(server, tmp_path, "show", member).stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "MBR-none"], "there is no subject MBR-none"),
        (["push", "MBR-none", "DENIED"], "there is no subject MBR-none"),
        (["push", "{member}", "HAPPY"], "'HAPPY' is not a status; allowed are CHALLENGED"),
        (["play", "{member}", "challengd"], "did you mean challenged"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(
    server: Server, member: str, tmp_path: Path, arguments: list[str], said: str
) -> None:
    done = run(server, tmp_path, *(each.format(member=member) for each in arguments))
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
