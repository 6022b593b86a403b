"""`mocksrv check-consumer`: the report card of two receivers, as text, JSON and JUnit XML."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mocksrv.cli.check_consumer import genuine_events
from mocksrv.cli.checks import CHECKS
from mocksrv.cli.consumer import changed
from mocksrv.registry import PROVIDERS, declared
from tests.cli.running import mocksrv
from tests.consumers import careful, sloppy

SLOPPY_PASSES = {
    "prompt answer",
    "no redirect",
    "keep-alive",
    "burst",
    "slow sender",
    "unknown subject",
    "field order",
    "large body",
    "unknown header",
    "wrong types",
    "wrong content type",
    "broken connection",
    "right credentials",
    "still there",
}


@pytest.mark.slow
def test_a_careful_receiver_passes_every_check(tmp_path: Path) -> None:
    app = careful.App()
    server = careful.Server(app)
    done = mocksrv("check-consumer", server.url, "--auth", "basic:mx:s3cret", "--junit", "report.xml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith(f"{len(CHECKS)} of {len(CHECKS)} checks passed")
    suite = ElementTree.parse(tmp_path / "report.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == (str(len(CHECKS)), "0")
    assert [case.get("name") for case in suite] == list(CHECKS)


@pytest.mark.slow
@pytest.mark.parametrize("provider", ["mono", "finicity"])
def test_a_careful_receiver_passes_every_check_of_the_other_providers(provider: str, tmp_path: Path) -> None:
    server = careful.Server(careful.App(), getattr(careful, f"from_{provider}"))
    done = mocksrv(
        "check-consumer", server.url, "--provider", provider, "--auth", f"{provider}:s3cret", "--json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results = {row["check"]: row["passed"] for row in json.loads(done.stdout)["results"]}
    assert [name for name, passed in results.items() if not passed] == ["stale revision"]  # there are no revisions


@pytest.mark.slow
@pytest.mark.parametrize("provider", ["mono", "finicity"])
def test_a_receiver_with_another_secret_refuses_them(provider: str, tmp_path: Path) -> None:
    server = careful.Server(careful.App(), getattr(careful, f"from_{provider}"))
    done = mocksrv("check-consumer", server.url, "--provider", provider, "--auth", f"{provider}:other", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{server.url} answers 401 to a genuine event: say with --auth which credentials it wants" in done.stderr


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_event_is_genuine_and_shows_somebody(provider: str) -> None:
    events = {event.name: event for event in genuine_events(provider)}
    with_data = {
        "mx": lambda body: body["member"]["connection_status"] == "CONNECTED",
        "mono": lambda body: body["data"]["meta"]["data_status"] == "AVAILABLE",
        "finicity": lambda body: len(body["payload"]["accounts"]) > 1,
    }
    assert with_data[provider](events[declared(provider).central_event].payload)
    assert all(name.startswith(f"{provider}.") for name in events)


def test_objects_in_objects_are_changed_too() -> None:
    event = next(event for event in genuine_events("mono") if event.name == "mono.account_updated")
    seen: list[str] = []
    changed(event, lambda inner: seen.extend(inner))
    assert {"_id", "data_status", "event_id", "app"} <= set(seen)  # account and meta lie two levels deep


@pytest.mark.slow
def test_it_has_kept_the_newest_revision_of_everything(tmp_path: Path) -> None:
    app = careful.App()
    server = careful.Server(app)
    mocksrv(
        "check-consumer",
        server.url,
        "--auth",
        "basic:mx:s3cret",
        "--only",
        "every event",
        "--only",
        "stale revision",
        cwd=tmp_path,
    )
    app.settle()
    [member] = [thing for guid, thing in app.objects.items() if guid.startswith("MBR-")]
    assert member["revision"] == max(event["revision"] for event in app.seen if event["guid"] == member["guid"])


@pytest.mark.slow
def test_a_sloppy_receiver_is_told_what_is_wrong(tmp_path: Path) -> None:
    server = sloppy.Server()
    done = mocksrv("check-consumer", server.url, "--auth", "basic:mx:s3cret", "--json", cwd=tmp_path)
    assert done.returncode == 1
    report = json.loads(done.stdout)
    results = {row["check"]: row["passed"] for row in report["results"]}
    assert {name for name, passed in results.items() if passed} == SLOPPY_PASSES
    assert (report["passed"], report["checks"]) == (len(SLOPPY_PASSES), len(CHECKS))


def test_there_are_at_least_twenty_checks_and_each_says_what_it_expects() -> None:
    assert len(CHECKS) >= 20
    assert all(what for what, _ in CHECKS.values())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ftp://x"], "'ftp://x' is not an HTTP URL"),
        (
            ["http://127.0.0.1:1", "--auth", "digest:x"],
            "is none of basic:USER:PASSWORD, bearer:TOKEN, mono:SECRET or finicity:SECRET",
        ),
        (["http://127.0.0.1:1", "--auth", "mono:"], "is none of"),
        (["http://127.0.0.1:1", "--provider", "plaid"], "'plaid'"),
        (["http://127.0.0.1:1", "--only", "speed"], "there is no check 'speed'"),
    ],
)
def test_a_wrong_call_is_told(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = mocksrv("check-consumer", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr


def test_nobody_there(tmp_path: Path) -> None:
    done = mocksrv("check-consumer", "http://127.0.0.1:9/", cwd=tmp_path)
    assert done.returncode == 1
    assert "nobody answers at http://127.0.0.1:9/" in done.stderr
