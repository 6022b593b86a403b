"""`mocksrv.Server`: a server in a program, in its process or one of its own, and what a test does with a sandbox."""

from __future__ import annotations

import base64
import contextlib
import gc
import http.client
import inspect
import json
import os
import socket
import subprocess
import sys
import urllib.request
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import mocksrv
from mocksrv.client import Client
from mocksrv.settings import SETTINGS
from tests import postgres
from tests.conftest import Receiver

ROOT = Path(__file__).parents[1]
HEADERS = {
    "Accept": "application/vnd.mx.api.v1+json",
    "Content-Type": "application/json",
    "mono-sec-key": "key",
    "Authorization": f"Basic {base64.b64encode(b'client:key').decode()}",
}
BOTH = pytest.mark.parametrize("process", [False, True], ids=["in this process", "in its own"])


@pytest.fixture(scope="module")
def server() -> Iterator[mocksrv.Server]:
    with mocksrv.Server(seed=7, clock="manual") as running:
        yield running


@pytest.fixture
def sandbox(server: mocksrv.Server, request: pytest.FixtureRequest) -> Iterator[mocksrv.Sandbox]:
    """A sandbox that is fresh."""
    made = server.sandbox(request.node.originalname[:64])
    yield made
    made.drop()
    made.close()


def mx(url: str, method: str = "GET", body: Any = None) -> Any:
    """A call of the MX Platform API."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, HEADERS, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def connect(sandbox: mocksrv.Sandbox) -> str:
    """A new member's guid."""
    user = mx(f"{sandbox.base_url}/users", "POST", {"user": {"metadata": "test"}})["user"]["guid"]
    form = mx(f"{sandbox.base_url}/institutions/mxbank/credentials")["credentials"]
    member = {"institution_code": "mxbank", "credentials": [{"guid": each["guid"], "value": "x"} for each in form]}
    guid: str = mx(f"{sandbox.base_url}/users/{user}/members", "POST", {"member": member})["member"]["guid"]
    return guid


# the server


@BOTH
def test_a_server_is_there_within_the_block_and_gone_after_it(process: bool, receiver: Receiver) -> None:
    with mocksrv.Server(seed=7, clock="manual", webhook_url=receiver.url, process=process) as server:
        sandbox = server.sandbox("one")
        assert sandbox.base_url == f"{server.url}/sandbox/one"
        assert mx(f"{server.url}/institutions?name=mx+bank")["institutions"][0]["code"] == "mxbank"
        member = connect(sandbox)
        sandbox.clock.advance("1m")
        assert sandbox.webhooks.expect("mx.member.created", subject=member)["subject"] == member
        assert receiver.bodies()[0]["member"]["guid"] == member
        url = server.url
    with pytest.raises(mocksrv.Unreachable, match="no server answers at http"):
        mocksrv.Sandbox(url, "one").clock.show()
    with pytest.raises(RuntimeError, match="does not run"):
        _ = server.url


@BOTH
def test_an_exception_in_the_block_ends_the_server_and_is_seen(process: bool) -> None:
    server = mocksrv.Server(process=process)
    ports: list[int] = []

    def fail() -> None:
        with server:
            ports.append(int(server.url.rpartition(":")[2]))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    [port] = ports
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_two_servers_at_once_know_nothing_of_each_other(server: mocksrv.Server) -> None:
    with mocksrv.Server(seed=8, clock="manual") as other:
        assert other.url != server.url
        member = connect(other.sandbox("theirs"))
        assert [each["subject"] for each in other.sandbox("theirs").webhooks.list("mx.member.created")] == [member]
        assert server.sandbox("theirs").webhooks.list() == []


def test_a_server_may_be_started_again(tmp_path: Path) -> None:
    server = mocksrv.Server(clock="manual", database=tmp_path / "state.db")
    with server:
        member = connect(server.sandbox("one"))
    with server:
        assert server.sandbox("one").webhooks.list("mx.member.created")[0]["subject"] == member
        with pytest.raises(RuntimeError, match="runs already"):
            server.start()


@BOTH
def test_a_port_that_is_taken(process: bool, server: mocksrv.Server) -> None:
    port = int(server.url.rpartition(":")[2])
    with (
        pytest.raises(mocksrv.StartError, match=rf"^cannot listen on 127.0.0.1:{port}: .*; port 0 picks a free one$"),
        mocksrv.Server(port=port, process=process),
    ):
        pass


@pytest.mark.parametrize("process", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_what_keeps_a_server_from_starting_says_so(process: bool, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\nprovider: mx\nflows:\n  connect:\n    - statu: CONNECTED\n")
    with pytest.raises(mocksrv.StartError, match=r"(?s)^1 fault in scenario files\n.*mine.yaml:5:7: .*status"):
        mocksrv.Server(scenarios=tmp_path, process=process).start()
    with (
        mocksrv.Server(scenarios=tmp_path, strict=False, process=process) as server,
        pytest.raises(mocksrv.ControlError, match="the scenario 'mine' has a fault and is left out"),
    ):
        server.sandbox("one").play("mine")
    with pytest.raises(mocksrv.StartError, match=r"^there is no scenario 'conected'; did you mean connected"):
        mocksrv.Server(scenario="conected", process=process).start()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clock": "fast"}, "clock: 'fast' is not a clock; allowed are real, manual, or a speed such as x60"),
        ({"port": 70000}, "port: '70000' is not a port; allowed are 0 to 65535"),
        ({"seed": True}, "seed: True is a yes or no; wanted is N"),
        ({"seed": 1.5}, "seed: '1.5' is not a seed; allowed are "),
        ({"scenarios": "nowhere"}, "scenarios: 'nowhere' is not a folder"),
        ({"webhook_url": "localhost"}, "webhook_url: 'localhost' is not an HTTP URL"),
        ({"webhook_url": "http://8.8.8.8/"}, "webhook_url: callbacks go to loopback and private addresses only"),
        ({"client_id": "me"}, "client_id and api_key belong together: give both or none"),
        ({"keep_for": "90 days"}, "keep_for: '90 days' is not a duration"),
    ],
)
def test_arguments_that_are_wrong(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="^" + message.replace("(", r"\(")) as error:
        mocksrv.Server(**arguments)
    assert isinstance(error.value, mocksrv.SettingError)


def test_an_argument_that_is_not_there() -> None:
    with pytest.raises(TypeError, match="colour"):
        mocksrv.Server(colour="red")  # type: ignore[call-arg]


def test_every_setting_but_those_of_output_is_an_argument() -> None:
    arguments = inspect.signature(mocksrv.Server).parameters
    assert {*arguments} == {setting.key for setting in SETTINGS} - {"workers", "quiet", "log_format", "port_file"} | {
        "process"
    }


def test_arguments_are_taken_as_programs_have_them(tmp_path: Path) -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    with mocksrv.Server(clock="manual", now=moment, scenarios=[tmp_path], allow_callbacks="*.example") as server:
        assert server.sandbox("one").clock.show()["now"] == "2026-03-01T00:00:00.000Z"
        assert server.config.allow_callbacks == ("*.example",)


def test_a_token_is_used(receiver: Receiver) -> None:
    with mocksrv.Server(control_token="hush") as server:
        assert server.sandbox("one").clock.show()["mode"] == "real"
        with pytest.raises(mocksrv.ControlError, match="token") as error:
            mocksrv.Sandbox(server.url, "one").clock.show()
        assert error.value.status == 401


def test_settings_of_whoever_runs_it_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mocksrv.yaml").write_text("clock: x60\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOCKSRV_SCENARIO", "challenged")
    with mocksrv.Server() as server:
        assert server.sandbox("one").clock.show()["mode"] == "real"


def test_a_drop_fault_ends_the_connection_without_an_answer(sandbox: mocksrv.Sandbox) -> None:
    client = sandbox.control
    client.call("PUT", "/faults", {"faults": [{"on": "GET /institutions", "drop": True}]})
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        mx(f"{sandbox.base_url}/institutions")
    client.close()


def test_nothing_is_printed_and_nothing_heavy_is_imported_before_it_is_used() -> None:
    code = """
import sys, mocksrv
assert not [name for name in sys.modules if name.startswith(("mocksrv.", "flask", "werkzeug"))]
with mocksrv.Server() as server:
    server.sandbox("one").clock.show()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals: run it on Linux or macOS")
def test_a_process_of_its_own_ends_with_its_program() -> None:
    code = """
import os, mocksrv
print(mocksrv.Server(process=True).start().url, flush=True)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=60, check=False)
    port = int(done.stdout.decode().rpartition(":")[2])
    ended = subprocess.run(
        [sys.executable, "-m", "mocksrv", "serve", "--port", str(port), "--database", "/dev/null/none"],
        cwd=ROOT,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert b"cannot listen" not in ended.stderr


# a sandbox


def test_sandboxes_are_apart(server: mocksrv.Server) -> None:
    one, other = server.sandbox("one"), server.sandbox("other")
    member = connect(one)
    one.clock.advance(timedelta(hours=1))
    one.endpoints = [{"url": "http://127.0.0.1:9/one"}]
    assert (other.webhooks.list(), other.requests, other.endpoints) == ([], [], [])
    assert other.clock.show()["now"] < one.clock.show()["now"]
    one.reset()
    assert (one.webhooks.list(), one.requests, one.endpoints) == ([], [], [])
    assert one.clock.show() == other.clock.show()
    assert connect(one) == member != connect(other)


@pytest.mark.parametrize("name", ["", "..", "a b", "x" * 65])
def test_a_name_that_cannot_be_a_sandbox(server: mocksrv.Server, name: str) -> None:
    with pytest.raises(ValueError, match="is not a sandbox name; allowed are"):
        server.sandbox(name)


def test_each_provider_has_its_url(sandbox: mocksrv.Sandbox) -> None:
    assert mx(f"{sandbox.base_url}/institutions?name=mx+bank")["pagination"]["total_entries"] >= 1
    assert mx(f"{sandbox.mono_url}/v3/institutions")["data"]
    with pytest.raises(urllib.request.HTTPError) as refusal:
        mx(f"{sandbox.finicity_url}/institution/v2/institutions")
    assert "code" in json.load(refusal.value)


def test_play_chooses_for_the_next_ones(sandbox: mocksrv.Sandbox) -> None:
    sandbox.play("denied", "connected")
    denied, connected, by_default = connect(sandbox), connect(sandbox), connect(sandbox)
    sandbox.clock.advance("1m")
    played = {each["id"]: each["scenario"] for each in sandbox.control.get("/subjects")["subjects"]}
    assert (played[denied], played[connected], played[by_default]) == ("denied", "connected", "connected")
    with pytest.raises(mocksrv.ControlError, match="there is no scenario 'denyed'; did you mean denied") as error:
        sandbox.play("denyed")
    assert error.value.status == 422


def test_time_stands_still_until_it_is_moved(sandbox: mocksrv.Sandbox) -> None:
    connect(sandbox)
    assert sandbox.clock.show()["now"] == "2026-01-01T12:00:00.000Z"
    happened = sandbox.clock.advance("1m30s")
    assert {"at", "kind", "subject", "detail"} <= happened[0].keys()
    assert sandbox.clock.show()["now"] == "2026-01-01T12:01:30.000Z"
    sandbox.clock.advance(to=datetime(2026, 1, 2, tzinfo=UTC))
    assert sandbox.clock.show()["now"] == "2026-01-02T00:00:00.000Z"
    assert sandbox.clock.set(mode="real", now="2027-01-01")["mode"] == "real"
    with pytest.raises(mocksrv.ControlError, match="'soon' is not a duration"):
        sandbox.clock.advance("soon")


def test_requests_and_what_they_violate(sandbox: mocksrv.Sandbox) -> None:
    connect(sandbox)
    request = urllib.request.Request(f"{sandbox.base_url}/users", headers=HEADERS | {"Accept": "text/html"})
    with pytest.raises(urllib.request.HTTPError):
        urllib.request.urlopen(request, timeout=30)
    first, *_, last = sandbox.requests
    assert (first["method"], first["path"], first["status"], first["violations"]) == ("POST", "/users", 200, [])
    assert (last["method"], last["path"]) == ("GET", "/users")
    assert {(each["method"], each["path"]) for each in sandbox.violations} == {("GET", "/users")}


# expect


def test_expect_takes_each_webhook_once(sandbox: mocksrv.Sandbox) -> None:
    one, other = connect(sandbox), connect(sandbox)
    assert sandbox.webhooks.expect("mx.member.created")["subject"] == one
    assert sandbox.webhooks.expect("mx.member.*", action="created")["subject"] == other
    with pytest.raises(AssertionError, match=r"^no webhook mx.member.created within 10ms\nwhat came instead:\n"):
        sandbox.webhooks.expect("mx.member.created", within="10ms")


def test_expect_compares_the_named_members_of_objects(sandbox: mocksrv.Sandbox) -> None:
    one, other = connect(sandbox), connect(sandbox)
    assert sandbox.webhooks.expect("mx.member.created", member={"guid": other})["subject"] == other
    assert sandbox.webhooks.expect("mx.member.created", subject=one)["payload"]["member"]["guid"] == one


def test_expect_waits_for_what_comes_later(server: mocksrv.Server) -> None:
    with mocksrv.Server(seed=7, clock="x60") as fast:
        sandbox = fast.sandbox("one")
        member = connect(sandbox)
        webhook = sandbox.webhooks.expect("mx.aggregation", subject=member, within=timedelta(seconds=30))
        assert webhook["occurred_at"] > sandbox.webhooks.list("mx.member.created")[0]["occurred_at"]


def test_expect_says_what_came_instead(sandbox: mocksrv.Sandbox) -> None:
    with pytest.raises(TypeError, match=r"^within: 3 is no duration; write a text, for example '5s', or a timedelta$"):
        sandbox.webhooks.expect("mx.member.created", within=3)  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match=r"^no webhook mx.member.created within 1ms\nno webhook came at all$"):
        sandbox.webhooks.expect("mx.member.created", within="1ms")
    member = connect(sandbox)
    with pytest.raises(AssertionError) as error:
        sandbox.webhooks.expect("mx.member.created", subject=member, within="1ms", action="deleted", colour="red")
    first, second, *lines = str(error.value).splitlines()
    assert first == f"no webhook mx.member.created of {member} action='deleted' colour='red' within 1ms"
    assert second == "what came instead:"
    place = lines.index(f"  2026-01-01T12:00:00.000Z  mx.member.created  {member}")
    assert lines[place + 1 : place + 4] == ["    - action: 'deleted'", "    + action: 'created'", "    - colour: 'red'"]
    with pytest.raises(AssertionError) as error:
        sandbox.webhooks.expect("mx.member.created", within="1ms", member={"guid": member, "id": "mine"})
    _, _, told = str(error.value).partition(f"mx.member.created  {member}\n")
    assert told.startswith("    - member.id: 'mine'\n    + member.id: None")
    assert "member.guid" not in told


def test_expect_knows_the_names(sandbox: mocksrv.Sandbox) -> None:
    with pytest.raises(mocksrv.ControlError, match=r"no event is called 'mx\.member\.creatd'; did you mean"):
        sandbox.webhooks.expect("mx.member.creatd", within="1h")


def test_no_connection_to_a_receiver_outlives_the_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        with mocksrv.Server(webhook_url=url) as server:
            Client(server.url).call("POST", "/trigger", {"event": "mx.member.updated"})
            connection, _ = listening.accept()
            assert connection.recv(65_536).startswith(b"POST / HTTP/1.1")
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        with connection:
            connection.settimeout(10)
            assert connection.recv(1) == b""


def test_a_program_with_many_files_open_has_clients(server: mocksrv.Server) -> None:
    resource = pytest.importorskip("resource", reason="this system does not count the files of a program")
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(files, min(2000, most)), most))
    with contextlib.ExitStack() as opened:
        opened.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (files, most))
        for _ in range(1100):
            opened.enter_context(Path(os.devnull).open())
        client = Client(server.url)
        opened.callback(client.close)
        for _ in range(2):  # the second call looks whether the connection is open still
            assert client.get("/sandboxes")["sandboxes"]


@postgres.of_sqlite("a database is a file there")
def test_no_file_stays_open_behind_the_server(tmp_path: Path) -> None:
    """Python would warn of it where warnings are errors, in the middle of some test."""
    if not Path("/proc/self/fd").exists():
        pytest.skip("this system does not list the files that a program has open")

    def opened() -> list[str]:
        files = [link.resolve() for link in Path("/proc/self/fd").iterdir()]
        return [file.name for file in files if tmp_path in file.parents]

    with mocksrv.Server(database=tmp_path / "state.db") as server:
        urllib.request.urlopen(f"{server.url}/_mocksrv/subjects", timeout=30).close()
        assert opened()
    assert opened() == []


def test_a_sandbox_that_nobody_closes_leaves_nothing_open(server: mocksrv.Server) -> None:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        server.sandbox("short").clock.show()
        gc.collect()
    assert [each for each in warned if each.category is ResourceWarning] == []
