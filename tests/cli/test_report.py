"""`mocksrv report`: what an app has met and broken, of sandboxes and files, and when that fails."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from mocksrv import Server
from tests.cli.running import MX_HEADERS, environment, mocksrv

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """The sandbox `clean` has called MX and Finicity as they want it; `broken` has not; `idle` has called nobody."""
    with Server(clock="manual", seed=7) as made:
        ask(made, "/sandbox/clean/users")
        ask(made, "/sandbox/broken/users?colour=red")
        ask(made, "/sandbox/broken/users/USR-none/holdings")
        ask(made, "/sandbox/idle/_mocksrv/clock")
        yield made


@pytest.fixture
def run(server: Server, tmp_path: Path) -> Run:
    return lambda *arguments: mocksrv("report", *arguments, cwd=tmp_path, env=environment(MOCKSRV_URL=server.url))


def ask(server: Server, path: str) -> None:
    try:
        urllib.request.urlopen(urllib.request.Request(server.url + path, headers=MX_HEADERS)).close()
    except urllib.error.HTTPError as refused:
        refused.close()


def test_the_text_says_what_was_met_and_what_was_broken(run: Run) -> None:
    done = run("--sandbox", "broken")
    assert done.returncode == 0, done.stderr
    told = " ".join(done.stdout.split())
    assert re.search(r"MX 2 of \d+ \(\d+ %\) 0 of 22 \(0 %\) 0 of 5 \(0 %\)", told), told
    assert "not called: Mono, Finicity" in told
    assert "status: CHALLENGED, CLOSED, CONNECTED" in told
    assert "violations: 2" in told
    assert "mx unknown-parameter error 1 GET /users: colour" in told
    assert "unknown-parameter (error): The query has a parameter" in told
    assert "source: MX's OpenAPI file" in told


def test_where_nothing_was_called(run: Run) -> None:
    done = run("--sandbox", "idle")
    assert (done.returncode, "violations: none" in done.stdout) == (0, True)
    assert "not called: MX, Mono, Finicity" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--sandbox", "clean", "--fail-on", "violations"], 0, ""),
        (["--sandbox", "broken", "--fail-on", "violations"], 1, "there are 2 violations"),
        (["--sandbox", "broken", "--fail-on", "errors"], 1, "there is one error"),
        (["--sandbox", "clean", "--sandbox", "broken", "--fail-on", "errors"], 1, "there is one error"),
        (["--sandbox", "clean", "--min-coverage", "0"], 0, ""),
        (["--sandbox", "clean", "--min-coverage", "50"], 1, "% of all were met; --min-coverage wants 50 %"),
        (
            ["--sandbox", "clean", "--min-coverage", "status=1"],
            1,
            "0.0 % of the statuses were met; --min-coverage wants 1 %",
        ),
        (["--sandbox", "idle", "--min-coverage", "1"], 1, "0.0 % of all were met"),
        (["--min-coverage", "statuses=1"], 2, "did you mean 'status'?"),
        (["--min-coverage", "200"], 2, "'200' is not a number from 0 to 100"),
        (["--merge", "none.json"], 2, "none.json: No such file or directory"),
        (["--sandbox", "a/b"], 2, "'a/b' is not a sandbox name"),
        (["--url", "http://127.0.0.1:9"], 3, "start one: mocksrv serve"),
    ],
)
def test_the_exit_status(run: Run, arguments: list[str], status: int, said: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stderr.count("\n")) == (status, 1 if said else 0), done.stderr
    assert said in done.stderr


def test_runs_are_merged(run: Run, tmp_path: Path) -> None:
    for name in ("clean", "broken"):
        (tmp_path / f"{name}.json").write_text(run("--sandbox", name, "--json").stdout)
    files = ["--merge", "clean.json", "--merge", "broken.json"]
    whole = json.loads(run(*files, "--json").stdout)
    assert whole == json.loads(run("--sandbox", "clean", "--sandbox", "broken", "--json").stdout)
    [mx] = [each for each in whole["coverage"] if each["provider"] == "mx"]
    met = {each["name"]: each["times"] for each in mx["kinds"]["operation"]["met"]}
    assert met == {"listUsers": 2, "GET /users/<user>/holdings": 1}
    assert met.keys().isdisjoint(mx["kinds"]["operation"]["not_met"])
    assert [each["sandbox"].rpartition("/")[2] for each in whole["violations"]] == ["broken", "broken"]
    assert run(*files, "--url", "http://127.0.0.1:9").returncode == 0  # nobody is asked
    (tmp_path / "wrong.json").write_text('{"coverage": []}')
    assert "wrong.json is not what" in run("--merge", "wrong.json").stderr


def test_junit_fails_where_the_command_does(run: Run, tmp_path: Path) -> None:
    def failed(*arguments: str) -> list[str | None]:
        run("--sandbox", "broken", "--junit", "report.xml", *arguments)
        suite = ElementTree.parse(tmp_path / "report.xml").getroot()
        cases = suite.findall("testcase")
        assert suite.get("tests") == str(len(cases))
        assert {"unknown-field", "unknown-parameter", "coverage"} <= {case.get("name") for case in cases}
        return [case.get("name") for case in cases if case.find("failure") is not None]

    assert failed() == []
    assert failed("--fail-on", "errors") == ["unknown-parameter"]
    assert failed("--fail-on", "violations") == ["unknown-parameter", "deprecated"]
    assert failed("--min-coverage", "50") == ["coverage"]


def test_the_page_needs_nothing_else(run: Run, tmp_path: Path) -> None:
    ask_for = ["--sandbox", "broken", "--sandbox", "clean", "--html", "report.html"]
    assert run(*ask_for).returncode == 0
    page = (tmp_path / "report.html").read_text("utf-8")
    for said in ("unknown-parameter", "Leave the parameter out", "MX&#39;s OpenAPI file", "listUsers", "createUser"):
        assert said in page
    assert not re.search(r"(src|<link|@import|url\()", page)
    assert re.findall(r'href="(?!https://docs)', page) == []
    assert re.findall(r'href="[^"]*[.,;:)]"', page) == []


def test_a_sandbox_that_is_not_there_is_no_empty_report(run: Run) -> None:
    done = run("--sandbox", "clen", "--fail-on", "violations")
    assert done.returncode == 2
    assert "--sandbox: there is no sandbox 'clen'; did you mean clean?" in " ".join(done.stderr.split())


@pytest.mark.parametrize("option", ["--html", "--junit"])
def test_a_file_that_cannot_be_written_is_told_in_one_line(run: Run, option: str) -> None:
    done = run("--sandbox", "clean", option, "nowhere/report")
    assert (done.returncode, done.stderr) == (
        1,
        "mocksrv: nowhere/report cannot be written: No such file or directory\n",
    )
