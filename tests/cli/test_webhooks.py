"""`mocksrv webhooks`, `trigger`, `endpoints` and `faults`: commands that talk to a running server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mocksrv import Server
from tests.cli.running import LIMIT, MOCKSRV, environment, mocksrv
from tests.conftest import Receiver

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def there() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(scope="module")
def server(there: Receiver) -> Iterator[Server]:
    """One server for all tests; each has a sandbox of its own, whose callbacks go to ``there``."""
    with Server(clock="manual", seed=7, webhook_url=there.url) as made:
        yield made


@pytest.fixture
def env(server: Server, request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment of commands against the test's sandbox."""
    return environment(MOCKSRV_URL=server.url, MOCKSRV_SANDBOX=request.node.name.partition("[")[0][:60])


@pytest.fixture
def run(env: dict[str, str], tmp_path: Path) -> Run:
    """Runs a command against the test's sandbox: ``run("webhooks", "list")``."""
    return partial(mocksrv, cwd=tmp_path, env=env)


def printed(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.splitlines()


def loaded(done: subprocess.CompletedProcess[str]) -> Any:
    return json.loads("\n".join(printed(done)))


def refused(done: subprocess.CompletedProcess[str], status: int, said: str) -> None:
    """One line on stderr, nothing on stdout."""
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (status, "", 1), done
    assert said in done.stderr
    assert done.stderr.startswith("mocksrv")


# trigger


def test_an_event_is_sent_with_fields_of_ones_own(run: Run, there: Receiver) -> None:
    [line] = printed(
        run("trigger", "mx.member.updated", "--set", "member.connection_status=DENIED", "--set", "member.revision=7")
    )
    event, id, about = line.split(maxsplit=2)
    assert (event, id[:4], about[:10]) == ("mx.member.updated", "EVT-", "about MBR-")
    [sent] = loaded(run("webhooks", "list", "--state", "delivered", "--wait", "10s", "--json"))["webhooks"]
    assert sent["id"] == id
    [body] = [each for each in there.bodies() if each == sent["payload"]]
    assert (body["member"]["connection_status"], body["member"]["revision"]) == ("DENIED", 7)


def test_without_an_event_the_catalogue_is_listed(run: Run) -> None:
    listed = printed(run("trigger"))
    assert {"mx.member.created", "mx.aggregation"} <= set(listed)
    assert loaded(run("trigger", "--json")) == {"events": listed}


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["mx.membr.updated"], 1, "unknown event 'mx.membr.updated'; did you mean 'mx.member.updated'?"),
        (["mx.member.updated", "--subject", "MBR-none"], 1, "there is no MBR-none in the sandbox"),
        (["mx.member.updated", "--set", "name"], 2, "--set: 'name' is not path=value, for example"),
        (
            ["mx.member.updated", "--set", "a=1", "--set", "a.b=2"],
            2,
            "--set: 'a.b=2' goes into a value that was set before",
        ),
        (["--subject", "MBR-none"], 2, "say which EVENT"),
        (["mx.member.updated", "--sandbox", "a/b"], 2, "--sandbox: 'a/b' is not a sandbox name"),
        (
            ["mx.member.updated", "--url", "ftp://host"],
            2,
            "--url: 'ftp://host' is not an HTTP URL; write for example http://127.0.0.1:8484",
        ),
        (["mx.member.updated", "--url", "http://127.0.0.1:9"], 3, "no server answers at http://127.0.0.1:9"),
    ],
)
def test_what_cannot_be_sent(run: Run, arguments: list[str], status: int, said: str) -> None:
    refused(run("trigger", *arguments), status, said)


# webhooks


def test_callbacks_are_listed_and_filtered(run: Run) -> None:
    assert printed(run("webhooks", "list")) == ["no callbacks"]
    ids = {
        event: loaded(run("trigger", event, "--json"))["webhooks"][0]["id"]
        for event in ("mx.member.created", "mx.balance")
    }
    assert loaded(run("webhooks", "list", "--event", "mx.balance", "--state", "delivered", "--wait", "10s", "--json"))[
        "webhooks"
    ]
    head, *rows = printed(run("webhooks", "list"))
    assert head.split() == ["TIME", "EVENT", "SUBJECT", "DELIVERIES", "ID"]
    assert [(row.split()[1], row.split()[-1]) for row in rows] == list(ids.items())
    assert [row.split()[3] for row in rows] == ["delivered"] * 2
    assert [
        each["event"]
        for each in loaded(run("webhooks", "list", "--after", ids["mx.member.created"], "--json"))["webhooks"]
    ] == ["mx.balance"]
    assert printed(run("webhooks", "list", "--state", "failed")) == ["no callbacks that fit"]


def test_a_list_waits_for_what_fits(run: Run, env: dict[str, str], tmp_path: Path) -> None:
    refused(run("webhooks", "list", "--event", "mx.balance", "--wait", "10ms"), 1, "none came within 10ms")
    waits = [*MOCKSRV, "webhooks", "list", "--event", "mx.balance", "--wait", "30s", "--json"]
    waiting = subprocess.Popen(waits, cwd=tmp_path, env=env, stdout=subprocess.PIPE)
    [sent] = loaded(run("trigger", "mx.balance", "--json"))["webhooks"]
    told, _ = waiting.communicate(timeout=LIMIT)
    assert [each["id"] for each in json.loads(told)["webhooks"]] == [sent["id"]]


def test_a_callback_is_shown_with_what_came_of_it(run: Run, there: Receiver) -> None:
    there.answers = [503]
    run("endpoints", "add", "http://127.0.0.1:9/dead")
    id = loaded(run("trigger", "mx.balance", "--json"))["webhooks"][0]["id"]
    assert loaded(run("webhooks", "list", "--state", "pending", "--wait", "10s", "--json"))["webhooks"]
    shown = printed(run("webhooks", "show", id))
    assert shown[0] == f"mx.balance  {id}"
    assert shown[1].endswith(", at 2026-01-01T12:00:00.000Z")
    whole = loaded(run("webhooks", "show", id, "--json"))
    assert json.loads("\n".join(shown[3 : shown.index("}") + 1])) == whole["payload"]
    assert whole["deliveries"][0]["endpoint"] == there.url
    assert any(line.startswith("http://127.0.0.1:9/dead: ") for line in shown)


def test_callbacks_are_sent_again(run: Run, there: Receiver) -> None:
    ids = [
        loaded(run("trigger", event, "--json"))["webhooks"][0]["id"] for event in ("mx.balance", "mx.member.updated")
    ]
    assert printed(run("webhooks", "replay", ids[0])) == ["1 callback sent again"]
    assert loaded(run("webhooks", "replay", "--since", "2026-01-01", "--json")) == {"replayed": ids}
    assert printed(run("webhooks", "replay", "--since", "2026-01-01", "--event", "mx.member.*")) == [
        "1 callback sent again"
    ]
    assert printed(run("webhooks", "replay", "--since", "2027-01-01")) == ["0 callbacks sent again"]
    assert [len(each["deliveries"]) for each in loaded(run("webhooks", "list", "--json"))["webhooks"]] == [3, 3]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["list", "--wait", "long"], 1, "wait: 'long' is not a duration"),
        (["list", "--state", "lost"], 2, "'lost'"),
        (["list", "--limit", "0"], 2, "--limit"),
        (["list", "--after", "EVT-none"], 1, "there is no webhook EVT-none in the sandbox"),
        (["show", "EVT-none"], 1, "there is no webhook EVT-none in the sandbox"),
        (["replay", "EVT-none"], 1, "there is no webhook EVT-none in the sandbox"),
        (["replay"], 2, "say which: an ID, or --since MOMENT"),
        (["replay", "EVT-1", "--since", "2026-01-01"], 2, "say which: an ID, or --since MOMENT"),
        (["replay", "EVT-1", "--event", "mx.*"], 2, "--event and --subject belong to --since"),
        (["replay", "--since", "yesterday"], 1, "since: 'yesterday' is not a moment; write ISO 8601"),
    ],
)
def test_what_cannot_be_listed_or_sent_again(run: Run, arguments: list[str], status: int, said: str) -> None:
    refused(run("webhooks", *arguments), status, said)


# endpoints


def test_endpoints_are_added_and_removed(run: Run, there: Receiver, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush")
    members = ["--set", "auth.username=me", "--set", "auth.password=@secret"]
    shown = printed(
        run("endpoints", "add", "http://127.0.0.1:9/a", "--events", "mx.member.*", "--auth", "basic", *members)
    )
    assert [line.split()[:-1] for line in shown] == [
        ["URL", "EVENTS", "AUTH"],
        [there.url, "as", "the", "provider", "none"],
        ["http://127.0.0.1:9/a", "mx.member.*", "basic"],
    ]
    added = loaded(run("endpoints", "list", "--json"))["endpoints"][1]
    assert added["auth"] == {"type": "basic", "username": "me", "password": "***"}
    printed(run("endpoints", "add", "http://127.0.0.1:9/b", "--header", "X-Team=qa"))
    assert loaded(run("endpoints", "list", "--json"))["endpoints"][1] == added
    printed(run("endpoints", "add", "http://127.0.0.1:9/a", "--events", "mx.*"))
    again = loaded(run("endpoints", "list", "--json"))["endpoints"][1]
    assert (again["id"], again["events"]) == (added["id"], ["mx.*"])
    whole = '{"events": ["mono.*"], "auth": {"type": "mono"}}'
    printed(run("endpoints", "add", "http://127.0.0.1:9/b", "--payload", whole, "--set", "auth.secret=12345"))
    replaced = loaded(run("endpoints", "list", "--json"))["endpoints"][2]
    assert (replaced["events"], replaced["auth"]) == (["mono.*"], {"type": "mono", "secret": "***"})
    warned = run("endpoints", "add", "http://receiver.invalid/hook")
    assert "receiver.invalid does not resolve" in warned.stderr
    printed(run("endpoints", "remove", "http://receiver.invalid/hook"))
    refused(run("endpoints", "add", "http://192.0.2.7/hook"), 1, "callbacks do not go to 192.0.2.7")
    printed(run("endpoints", "remove", added["id"]))
    printed(run("endpoints", "remove", "http://127.0.0.1:9/b"))
    assert printed(run("endpoints", "remove", there.url)) == ["no endpoints: no callbacks are sent"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["add", "ftp://host"], 1, "mocksrv: url: 'ftp://host' is not a URL"),
        (
            ["add", "http://h", "--auth", "digest"],
            1,
            "mocksrv: auth.type: 'digest' is not allowed; allowed are basic, oauth2, mtls, tls",
        ),
        (
            ["add", "http://h", "--auth", "basic", "--set", "auth.username=u"],
            1,
            "auth.password: missing; basic needs username, password",
        ),
        (
            ["add", "http://h", "--set", "username=u"],
            1,
            "username: unknown; allowed are auth, events, headers, id, paused, url",
        ),
        (["add", "http://h", "--set", "auth.username=u"], 1, "auth.type: missing"),
        (["add", "http://h", "--payload", "[]"], 2, "--payload: must be a JSON object"),
        (["add", "http://h", "--auth", "tls", "--set", "auth.ca=@none.pem"], 2, "none.pem: No such file or directory"),
        (["add", "http://h", "--header", "X-Team"], 2, "'X-Team' is not NAME=VALUE"),
        (["remove", "http://127.0.0.1:9/none"], 1, "there is no endpoint http://127.0.0.1:9/none"),
    ],
)
def test_what_cannot_be_an_endpoint(run: Run, arguments: list[str], status: int, said: str) -> None:
    refused(run("endpoints", *arguments), status, said)


# faults


def test_faults_are_added_and_cleared(run: Run) -> None:
    printed(run("faults", "add", "GET /users/*", "--set", "status=503", "--set", "times=2"))
    head, *rows = printed(run("faults", "add", "mx.member.*", "--set", "corrupt=truncated", "--set", "delay=5s"))
    assert head.split() == ["MEETS", "DOES", "LASTS"]
    assert [" ".join(row.split()) for row in rows] == [
        "GET /users/* status=503 2 times",
        "callbacks mx.member.* corrupt=truncated, delay=5s for ever",
    ]
    assert [rule.get("events") for rule in loaded(run("faults", "list", "--json"))["faults"]] == [None, "mx.member.*"]
    assert printed(run("faults", "clear")) == printed(run("faults", "list")) == ["no faults"]
    assert loaded(run("faults", "clear", "--json")) == {"faults": []}


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["add", "mx.*"], 1, "mocksrv: events: say what happens to them: drop"),
        (["add", "mx.membr.*", "--set", "drop=true"], 1, "did you mean 'mx.member.*'?"),
        (["add", "mx.*", "--set", "explode=1"], 1, "mocksrv: explode: unknown; allowed are corrupt"),
        (["add", "mx.*", "--set", "corrupt=badly"], 1, "mocksrv: corrupt: 'badly' is not allowed; allowed are"),
        (
            ["add", "GET /users", "--set", "repeat=2"],
            1,
            "mocksrv: repeat: does not belong here; allowed are status, delay, drop",
        ),
    ],
)
def test_what_cannot_be_a_fault(run: Run, arguments: list[str], status: int, said: str) -> None:
    refused(run("faults", *arguments), status, said)


def test_a_server_with_a_token_wants_it(tmp_path: Path) -> None:
    with Server(control_token="t0ken") as server:
        refused(
            mocksrv("webhooks", "list", "--url", server.url, cwd=tmp_path),
            1,
            "wants the header 'Authorization: Bearer TOKEN'",
        )
        assert printed(mocksrv("webhooks", "list", "--url", server.url, "--token", "t0ken", cwd=tmp_path)) == [
            "no callbacks"
        ]
