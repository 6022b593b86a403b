"""`mocksrv listen`: what it prints, answers, checks and passes on."""

from __future__ import annotations

import base64
import hmac
import json
import re
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

import pytest

from mocksrv.cli.listen import describe, parse_statuses
from tests.cli.running import LIMIT, MOCKSRV, Serving, environment, mocksrv
from tests.conftest import Receiver

MEMBER = {"action": "updated", "member": {"guid": "MBR-1", "connection_status": "DENIED", "name": "MX Bank"}}


class Listening:
    """A `mocksrv listen` process on a free port. ``lines`` are read as they are printed."""

    def __init__(self, *options: str) -> None:
        self.options = options

    def __enter__(self) -> Self:
        command = [*MOCKSRV, "listen", "--port", "0", *self.options]
        self.process = subprocess.Popen(
            command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stderr is not None
        banner = self.process.stderr.readline() if "--json" in self.options else self.line()
        found = re.search(r"http://127\.0\.0\.1:\d+", banner)
        assert found, "the banner does not say where it listens"
        self.url = found[0]
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.communicate(timeout=LIMIT)

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def post(self, body: Any, **headers: str) -> int:
        """Sends a callback; the status that it is answered with."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {
            "Content-Type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        request = urllib.request.Request(f"{self.url}/hooks", data=data, headers=given)
        try:
            with urllib.request.urlopen(request, timeout=LIMIT) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code


def test_a_callback_is_told_in_a_line() -> None:
    with Listening() as listening:
        assert listening.post(MEMBER) == 204
        assert re.fullmatch(
            r"\d\d:\d\d:\d\d  member updated +MBR-1  DENIED  MX Bank  \(answered 204\)", listening.line()
        )
        assert listening.post(b"{half") == 204
        assert "no JSON object" in listening.line()


def test_statuses_are_answered_in_turn() -> None:
    with Listening("--status", "500x3,200") as listening:
        assert [listening.post(MEMBER) for _ in range(5)] == [500, 500, 500, 200, 200]
        assert [listening.line()[-14:] for _ in range(5)] == ["(answered 500)"] * 3 + ["(answered 200)"] * 2


def test_an_answer_is_delayed() -> None:
    with Listening("--delay", "200ms") as listening:
        started = time.monotonic()
        assert listening.post(MEMBER) == 204
        assert time.monotonic() - started >= 0.2


def test_json_for_programs() -> None:
    with Listening("--json") as listening:
        listening.post(MEMBER, X_Team="qa")
        seen = json.loads(listening.line())
        assert {name: seen[name] for name in ("path", "body", "raw", "verified", "status")} == {
            "path": "/hooks",
            "body": MEMBER,
            "raw": None,
            "verified": None,
            "status": 204,
        }
        assert seen["headers"]["x-team"] == "qa"
        listening.post(b"{half")
        seen = json.loads(listening.line())
        assert (seen["body"], seen["raw"]) == (None, "{half")


BASIC = "Basic " + base64.b64encode(b"mx:s3:cret").decode()
SIGNATURE = hmac.new(b"hush", json.dumps(MEMBER).encode(), "sha256").hexdigest()


@pytest.mark.parametrize(
    ("verify", "right", "wrong"),
    [
        ("basic:mx:s3:cret", {"Authorization": BASIC}, {"Authorization": "Basic bm9ib2R5Og=="}),
        ("bearer:t0ken", {"Authorization": "Bearer t0ken"}, {"Authorization": "Bearer t0ke"}),
        ("mono:hush", {"mono-webhook-secret": "hush"}, {"mono-webhook-secret": "\u00fc"}),
        ("finicity:hush", {"X-Finicity-Signature": SIGNATURE}, {"X-Finicity-Signature": "0" * 64}),
    ],
)
def test_strangers_are_refused(verify: str, right: dict[str, str], wrong: dict[str, str]) -> None:
    with Listening("--verify", verify) as listening:
        assert [listening.post(MEMBER, **headers) for headers in (right, wrong, {})] == [204, 401, 401]
        notes = [listening.line().rpartition("  ")[2] for _ in range(3)]
        assert notes == [
            "(verified, answered 204)",
            "(WRONG CREDENTIALS, answered 401)",
            "(WRONG CREDENTIALS, answered 401)",
        ]


def test_callbacks_are_passed_on_and_the_answer_comes_back(receiver: Receiver) -> None:
    receiver.answers = [202, 500, 302]
    with Listening("--forward-to", receiver.url, "--verify", "bearer:t") as listening:
        assert [listening.post(MEMBER, Authorization="Bearer t") for _ in range(3)] == [202, 500, 302]
        assert listening.post(MEMBER) == 401
    assert receiver.bodies() == [MEMBER] * 3
    assert receiver.received[0]["headers"]["Authorization"] == "Bearer t"


def test_an_app_that_is_not_there_is_a_502() -> None:
    with Listening("--forward-to", "http://127.0.0.1:9/app") as listening:
        assert listening.post(MEMBER) == 502
        assert "(answered 502, not forwarded: " in listening.line()


def test_only_post_is_taken() -> None:
    with Listening() as listening, pytest.raises(urllib.error.HTTPError, match="405"):
        urllib.request.urlopen(listening.url, timeout=LIMIT)


def test_it_receives_what_a_server_sends(tmp_path: Path) -> None:
    with Listening("--verify", "basic:me:hush", "--json") as listening, Serving(cwd=tmp_path) as server:
        env = environment(MOCKSRV_URL=server.url)
        members = ["--auth", "basic", "--set", "auth.username=me", "--set", "auth.password=hush"]
        assert mocksrv("endpoints", "add", listening.url, *members, cwd=tmp_path, env=env).returncode == 0
        assert mocksrv("trigger", "mx.balance", cwd=tmp_path, env=env).returncode == 0
        seen = json.loads(listening.line())
    assert (seen["verified"], seen["body"]["type"]) == (True, "BALANCE")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--status", "500y"], 2, "'--status': '500y' is not STATUS or STATUSxTIMES; write for example 500x3,200"),
        (["--status", "99"], 2, "'99' is not STATUS"),
        (["--delay", "2"], 2, "'--delay': '2' is not a duration"),
        (
            ["--verify", "digest:x"],
            2,
            "'--verify': allowed are basic:USER:PASSWORD, bearer:TOKEN, mono:SECRET and finicity:SECRET",
        ),
        (["--verify", "basic:user"], 2, "allowed are basic:USER:PASSWORD"),
        (["--forward-to", "http://127.0.0.1:9", "--status", "500"], 2, "--status and --forward-to do not go together"),
        (["--forward-to", "localhost:3000"], 2, "'--forward-to': 'localhost:3000' is not an HTTP URL"),
        (["--host", "192.0.2.1"], 1, "cannot listen on 192.0.2.1:9000"),
    ],
)
def test_a_wrong_call_is_told(arguments: list[str], status: int, said: str, tmp_path: Path) -> None:
    done = mocksrv("listen", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (status, "", 1)
    assert said in done.stderr


def test_statuses_stay_at_the_last() -> None:
    given = parse_statuses("503, 200x2,204")
    assert [next(given) for _ in range(6)] == [503, 200, 200, 204, 204, 204]


@pytest.mark.parametrize(
    ("body", "name", "facts"),
    [
        (
            {"type": "AGGREGATION", "member_guid": "MBR-1", "transactions_created_count": 3},
            "aggregation",
            "MBR-1  transactions created: 3",
        ),
        ({"action": "created", "micro_deposit": {"guid": "MIC-1"}}, "micro deposit created", "MIC-1"),
        (
            {"event": "mono.events.account_updated", "data": {"account": {"_id": "A1"}}},
            "mono.events.account_updated",
            "A1",
        ),
        ({"eventType": "added", "customerId": "7", "eventId": "e1"}, "finicity added", "7 e1"),
        ([], "no JSON object", ""),
    ],
)
def test_events_of_all_providers_are_described(body: Any, name: str, facts: str) -> None:
    assert describe(body) == (name, facts)
