"""`mocksrv requests`, `violations`, `clock`, `bindings`, `sandboxes`: a running server, looked at and set."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mocksrv import Server
from tests.cli.running import MX_HEADERS, environment, mocksrv

Run = Callable[..., Any]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(clock="manual", seed=7) as made:
        yield made


@pytest.fixture
def run(server: Server, tmp_path: Path) -> Run:
    return lambda *arguments: mocksrv(*arguments, cwd=tmp_path, env=environment(MOCKSRV_URL=server.url))


def ask(server: Server, path: str) -> str:
    """A call of MX's API; the id of it."""
    try:
        with urllib.request.urlopen(urllib.request.Request(server.url + path, headers=MX_HEADERS)) as answer:
            return str(answer.headers["X-Mocksrv-Request"])
    except urllib.error.HTTPError as refused:
        return str(refused.headers["X-Mocksrv-Request"])


def rows(done: Any) -> list[list[str]]:
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


def test_the_newest_twenty_calls_are_listed_newest_last(server: Server, run: Run) -> None:
    for number in range(25):
        ask(server, f"/users?page={number + 1}")
    last = ask(server, "/users/USR-none")
    heads, *calls = rows(run("requests", "list"))
    assert heads == ["TIME", "METHOD", "STATUS", "ID", "VIOLATIONS", "PATH"]
    assert (len(calls), calls[-1][1:]) == (20, ["GET", "404", last, "/users/USR-none"])
    shown = json.loads(run("requests", "list", "--limit", "2", "--json").stdout)["requests"]
    assert [each["status"] for each in shown] == [200, 404]
    later = rows(run("requests", "list", "--after", shown[0]["id"]))
    assert [row[3] for row in later[1:]] == [last]
    assert rows(run("requests", "list", "--status", "404"))[1][3] == last


def test_a_call_is_explained(server: Server, run: Run) -> None:
    id = ask(server, "/usrs")
    shown = run("requests", "show", id).stdout
    assert shown.startswith("GET /usrs  404\n")
    assert "GET /users" in shown
    assert json.loads(run("requests", "show", id, "--json").stdout)["nearest"] == "GET /users"
    assert "there is no request REQ-none" in run("requests", "show", "REQ-none").stderr


def test_violations_are_listed(server: Server, run: Run) -> None:
    id = ask(server, "/users?colour=red")
    told = run("violations", "--rule", "unknown-parameter")
    assert rows(told)[1][1:] == ["unknown-parameter", id, "GET", "/users", "colour"]
    assert "\nunknown-parameter (error): The query has a parameter" in told.stdout
    assert "\n  mend:   Leave the parameter out" in told.stdout
    assert "\n  source: MX's OpenAPI file" in told.stdout
    shown = run("requests", "show", id).stdout
    assert re.search(r"^violation +unknown-parameter: colour$", shown, re.MULTILINE)
    assert re.search(r"^provider +mx$", shown, re.MULTILINE)
    for wanted in (("--path", "/accounts*"), ("--provider", "mono"), ("--severity", "warning")):
        assert rows(run("violations", *wanted)) == [["no", "violations", "that", "fit"]]
    assert "did you mean unknown-field" in run("violations", "--rule", "unknown-feld").stderr


def test_the_clock_is_shown_set_and_advanced(run: Run) -> None:
    assert run("clock", "show").stdout == "manual, 2026-01-01T12:00:00.000Z; next: nothing waits\n"
    assert run("clock", "advance", "1h").stdout == "It is 2026-01-01T13:00:00.000Z.\n"
    assert run("clock", "set", "--now", "2026-01-01T12:00:00Z").stdout.startswith("manual, 2026-01-01T12:00:00.000Z")
    assert json.loads(run("clock", "set", "x60", "--json").stdout)["mode"] == "x60"
    assert json.loads(run("clock", "set", "manual", "--json").stdout)["mode"] == "manual"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["clock", "set", "fast"], 1, "'fast' is not a clock; allowed are real, manual, or a speed such as x60"),
        (["clock", "set"], 2, "say what to set"),
        (["clock", "advance"], 2, "say how far"),
        (["clock", "advance", "1h", "--to", "next"], 2, "say how far"),
        (["clock", "advance", "--to", "next"], 1, "nothing falls due"),
        (["clock", "advance", "soon"], 1, "'soon' is not a duration"),
        (["bindings", "set"], 2, "say what to set"),
        (["bindings", "set", "--next", "conected"], 1, "did you mean connected"),
        (["sandboxes", "drop", "nobody"], 1, "there is no sandbox 'nobody'; 'mocksrv sandboxes list' lists them"),
        (["sandboxes", "drop", "defualt"], 1, "there is no sandbox 'defualt'; did you mean default?"),
        (["sandboxes", "drop", "a/b"], 2, "'a/b' is not a sandbox name"),
        (["requests", "list", "--method", "FETCH"], 1, "'FETCH' is not allowed; allowed are GET"),
        (["requests", "list", "--wait", "1ms", "--path", "/none"], 1, "none came within 1ms"),
        (["subjects", "list", "--provider", "plaid"], 1, "allowed are mx, mono, finicity"),
        (["subjects", "list", "--status", "CONECTED"], 1, "'CONECTED' is not a status; allowed are "),
        (
            ["webhooks", "list", "--event", "mx.memer.*"],
            1,
            "no event is called 'mx.memer.*'; did you mean 'mx.member.*'?",
        ),
        (["trigger", "mx.balance", "--payload", "{"], 2, "--payload: not valid JSON"),
        (["trigger", "mx.balance", "--payload", "[]"], 2, "--payload: must be a JSON object"),
        (["trigger", "mx.member.updated", "--set", "conection_status=DENIED"], 1, "did you mean 'connection_status'?"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(run: Run, arguments: list[str], status: int, said: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stderr.count("\n")) == (status, 1)
    assert said in done.stderr


def test_bindings_are_set_and_shown(run: Run) -> None:
    shown = run("bindings", "set", "--default", "denied", "--next", "challenged", "--next", "connected").stdout
    assert shown == "default  denied\nnext     challenged, connected\n"
    assert json.loads(run("bindings", "set", "--next", "none", "--json").stdout) == {"default": "denied", "next": []}
    assert run("bindings", "set", "--default", "none").stdout.startswith("default  as each provider")


def test_sandboxes_are_listed_and_dropped(server: Server, run: Run) -> None:
    ask(server, "/sandbox/ci-17/users")
    assert run("sandboxes", "list").stdout.split() == ["ci-17", "default"]
    assert run("sandboxes", "drop", "ci-17").stdout == "ci-17 is dropped\n"
    assert json.loads(run("sandboxes", "list", "--json").stdout) == {"sandboxes": ["default"]}
    ask(server, "/sandbox/ci-18/users")
    assert json.loads(run("sandboxes", "drop", "ci-18", "--json").stdout) == {"sandboxes": ["default"]}


def test_a_payload_is_given_whole_or_member_by_member(run: Run) -> None:
    given = ["--payload", '{"member": {"name": "My bank", "id": "m-1"}}', "--set", "member.name=Yours"]
    [sent] = json.loads(run("trigger", "mx.member.updated", *given, "--json").stdout)["webhooks"]
    assert (sent["payload"]["member"]["name"], sent["payload"]["member"]["id"]) == ("Yours", "m-1")
    [sent] = json.loads(run("trigger", "mx.member.updated", "--set", "colour=red", "--extra", "--json").stdout)[
        "webhooks"
    ]
    assert "red" in json.dumps(sent["payload"])
