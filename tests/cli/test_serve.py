"""`mocksrv serve` as a process: its start, its banner, its refusals and its end."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import ssl
import sys
import threading
import time
import urllib.request
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from mocksrv.engine.sandbox import DEFAULT
from mocksrv.engine.secrets import masked_urls
from mocksrv.engine.storage.store import open_store
from tests.cli.running import LIMIT, MOCKSRV, MX_HEADERS, Serving, environment, mocksrv_process

JSON_HEADERS = MX_HEADERS | {"Content-Type": "application/json"}
QUICKLY = 5.0  # seconds; on a quiet machine it is a third of one

pytestmark = pytest.mark.skipif(
    os.name != "posix", reason="needs POSIX signals and process groups: run it on Linux or macOS"
)


def without_gunicorn(folder: Path) -> dict[str, str]:
    """An environment in which gunicorn cannot be imported, as on Windows."""
    (folder / "gunicorn").mkdir()
    (folder / "gunicorn" / "__init__.py").write_text("raise ImportError('gunicorn does not run here')\n")
    env = environment()
    return env | {"PYTHONPATH": f"{folder}{os.pathsep}{env['PYTHONPATH']}"}


def ends(server: Serving, number: int = signal.SIGTERM, *, group: bool = False) -> None:
    """Sends a signal; the server must end quickly, quietly and well."""
    began = time.monotonic()
    (os.killpg if group else os.kill)(server.process.pid, number)
    server.stop()
    assert time.monotonic() - began < QUICKLY
    assert (server.status, server.errors) == (0, "")


def test_it_says_where_it_is_and_how_it_is_set_up(tmp_path: Path) -> None:
    with Serving(cwd=tmp_path) as server:
        port = urlsplit(server.url).port
        for path in ("/_mocksrv", "/mono", "/finicity"):
            assert f" http://127.0.0.1:{port}{path} " in server.banner.replace("\n", " ")
        assert f" {server.url}/_mocksrv/   (in a browser)\n" in server.banner
        assert "none are sent; --webhook-url URL sets where they go" in server.banner
        kept = masked_urls(server.database) if server.database else "in a temporary file, gone when the server ends"
        assert kept in server.banner
        assert "real time" in server.banner
        assert server.get("/users")["users"] == []
        ends(server)
    assert [line.partition("Z  ")[2] for line in server.lines] == ["call      GET /users: 200"]


def test_its_own_certificate_is_a_file_by_which_clients_trust_it(tmp_path: Path) -> None:
    with Serving(cwd=tmp_path, options=["--tls", "self"]) as server:
        [cert] = re.findall(r"Certificate +(\S+)   \(for clients to trust\)", server.banner)
        assert f"curl --cacert {cert} " in server.banner
        trusting = ssl.create_default_context(cafile=cert)
        with urllib.request.urlopen(f"{server.url}/_mocksrv/health", timeout=LIMIT, context=trusting) as answer:
            assert answer.status == 200
        ends(server)
    assert not Path(cert).parent.exists()


@pytest.mark.slow
def test_its_lines_can_be_json_or_left_out(tmp_path: Path) -> None:
    with Serving(cwd=tmp_path, options=["--quiet"]) as server:
        server.get("/users")
        ends(server)
    assert server.lines == []
    with Serving(cwd=tmp_path, options=["--log-format", "json"]) as server:
        server.get("/users")
        server.process.send_signal(signal.SIGTERM)
        server.stop()
    assert json.loads(server.errors)["detail"] == "GET /users: 200"


def test_its_options_reach_the_server(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    options = [
        "--clock",
        "manual",
        "--seed",
        "7",
        "--scenario",
        "denied",
        "--scenarios",
        "mine",
        "--client-id",
        "any",
        "--api-key",
        "key",
        "--webhook-url",
        "http://localhost:4000/x",
        "--database",
        "state.sqlite3",
        "--threads",
        "2",
    ]
    with Serving(cwd=tmp_path, options=options) as server:
        sandbox = server.get("/_mocksrv/sandbox")
        assert (sandbox["seed"], sandbox["clock"]["mode"], sandbox["bindings"]["default"]) == (7, "manual", "denied")
        assert server.get("/_mocksrv/endpoints")["endpoints"][0]["url"] == "http://localhost:4000/x"
        for said in (
            "stands still at 2026-01-01T12:00:00Z",
            "state.sqlite3",
            "with those of mine",
            "default is denied",
            "one client id",
        ):
            assert said in server.banner
        ends(server)
    assert (tmp_path / "state.sqlite3").exists()


@pytest.mark.slow
def test_where_callbacks_go_is_checked_at_the_start(tmp_path: Path) -> None:
    with Serving(cwd=tmp_path, options=["--webhook-url", "http://receiver.invalid/hook"]) as server:
        assert "Warning          receiver.invalid does not resolve" in server.banner
        ends(server)
    number = int(ip_address("192.0.2.1"))  # a name that resolves without a network
    status, line = refusal(tmp_path, "--webhook-url", f"http://{number}/hook")
    assert (status, f"--webhook-url: callbacks do not go to 192.0.2.1 ({number})" in line) == (2, True)
    with Serving(
        cwd=tmp_path, options=["--webhook-url", f"http://{number}/hook", "--allow-callbacks", str(number)]
    ) as server:
        assert "Warning" not in server.banner
        ends(server)


def test_variables_and_the_file_are_heard(tmp_path: Path) -> None:
    (tmp_path / "mocksrv.yaml").write_text("clock: manual\nseed: 7\n")
    with Serving(cwd=tmp_path, env=environment(MOCKSRV_SEED="8")) as server:
        assert server.get("/_mocksrv/sandbox")["seed"] == 8
        assert server.get("/_mocksrv/clock")["mode"] == "manual"


@pytest.mark.slow
def test_a_database_keeps_its_endpoints_and_the_banner_says_so(tmp_path: Path) -> None:
    for port in (4000, 5000):
        with Serving(cwd=tmp_path, database="s.db", options=["--webhook-url", f"http://localhost:{port}"]) as server:
            assert "http://localhost:4000" in server.banner
            ends(server)
    assert "as kept in the database" in server.banner


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
        signal.SIGTERM,
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
    ],
)
def test_signals_end_it(number: int, tmp_path: Path) -> None:
    with Serving(cwd=tmp_path) as server:
        ends(server, number)


def test_ctrl_c_ends_it_while_a_call_is_held_and_a_connection_kept(tmp_path: Path) -> None:
    with Serving(cwd=tmp_path) as server:
        kept, held = (http.client.HTTPConnection(urlsplit(server.url).netloc) for _ in range(2))
        kept.request("GET", "/users", headers=MX_HEADERS)
        assert kept.getresponse().read()
        held.request("GET", "/_mocksrv/webhooks?wait=60s")
        kept.request("GET", "/users", headers=MX_HEADERS)
        assert kept.getresponse().read()
        ends(server, signal.SIGINT, group=True)


def test_calls_that_wait_are_answered_before_it_ends(tmp_path: Path) -> None:
    """An advance that waits for a callback, one that waits for a thread, a list that waits for what matches, and an
    answer that a fault delays.
    """
    hanging = socket.create_server(("127.0.0.1", 0))
    endpoint = f"http://127.0.0.1:{hanging.getsockname()[1]}/"
    faults = [{"events": "mx.user.*", "delay": "1m"}, {"on": "GET /users", "status": 500, "delay": "30s"}]
    waits = [
        ("POST", "/_mocksrv/clock/advance", {"by": "1h"}),
        ("POST", "/sandbox/other/_mocksrv/clock/advance", {"by": "1h"}),
        ("GET", "/_mocksrv/webhooks?event=mx.member.*&wait=60s", None),
        ("GET", "/users", None),
    ]
    options = ["--threads", "2", "--clock", "manual", "--seed", "7"]
    with hanging, contextlib.ExitStack() as open_, Serving(cwd=tmp_path, options=options) as server:
        send(server, "PUT", "/_mocksrv/endpoints", {"endpoints": [{"url": endpoint, "events": ["mx.user.*"]}]})
        send(server, "PUT", "/_mocksrv/faults", {"faults": faults})
        send(server, "POST", "/users", {"user": {"metadata": "x"}})
        waiting = []
        for method, path, body in waits:
            connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=LIMIT)
            open_.callback(connection.close)
            connection.request(method, path, json.dumps(body) if body else None, JSON_HEADERS)
            waiting.append(connection)
            if path.startswith("/_mocksrv/clock"):
                hanging.accept()  # of the callback
        assert server.get("/_mocksrv/health")["status"] == "ok"  # those before it have come
        ends(server)
        answers = [connection.getresponse() for connection in waiting]
        advanced, late, found, delayed = ((each.status, json.load(each)) for each in answers)
    assert (advanced[0], advanced[1]["now"][:16], advanced[1]["complete"]) == (200, "2026-01-01T12:01", False)
    assert (late[0], late[1]["detail"], answers[1].getheader("Retry-After")) == (503, "the server ends", "1")
    assert found == (200, {"webhooks": []})
    assert delayed[0] == 500


def test_a_receiver_that_hangs_does_not_hold_up_the_end(tmp_path: Path) -> None:
    hanging = socket.create_server(("127.0.0.1", 0))
    endpoint = f"http://127.0.0.1:{hanging.getsockname()[1]}/"
    with hanging, Serving(cwd=tmp_path) as server:
        send(server, "PUT", "/_mocksrv/endpoints", {"endpoints": [{"url": endpoint, "events": ["mx.*"]}]})
        send(server, "POST", "/users", {"user": {"metadata": "x"}})
        hanging.accept()
        ends(server)


def send(server: Serving, method: str, path: str, body: Any) -> None:
    """One call with a body."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
    connection.request(method, path, json.dumps(body), JSON_HEADERS)
    assert connection.getresponse().status == 200


def worker(server: Serving) -> int:
    """The process that serves."""
    pid = server.process.pid
    [child] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc: run it on Linux")
def test_a_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    with Serving(cwd=tmp_path, database="s.db") as server:
        os.kill(worker(server), signal.SIGKILL)
        assert server.process.stdout is not None
        while "Ctrl-C ends it." not in server.process.stdout.readline():
            pass
        assert server.get("/_mocksrv/health")["status"] == "ok"
        os.kill(server.process.pid, signal.SIGTERM)
        server.stop()
    assert (server.status, server.errors) == (0, "mocksrv: the serving process has died and is started again\n")


def test_a_parent_that_is_killed_takes_the_worker_along(tmp_path: Path) -> None:
    with Serving(cwd=tmp_path) as server:
        server.process.kill()
        server.stop()  # returns when the worker, too, has closed its end of the output
    assert server.status == -signal.SIGKILL
    with socket.socket() as taken_again:
        taken_again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken_again.bind(("127.0.0.1", urlsplit(server.url).port or 0))


@pytest.mark.slow
def test_a_restart_right_after_a_kill_has_the_port_and_the_database(tmp_path: Path) -> None:
    with Serving(cwd=tmp_path, database="s.db") as server:
        port = str(urlsplit(server.url).port)
        held = http.client.HTTPConnection(urlsplit(server.url).netloc)
        held.request("GET", "/_mocksrv/webhooks?wait=60s")
        os.kill(server.process.pid, signal.SIGKILL)
        with Serving([*MOCKSRV, "serve", "--port", port], cwd=tmp_path, database="s.db") as restarted:
            assert restarted.get("/users")["users"] == []
            ends(restarted)
        held.close()


@pytest.mark.slow
@pytest.mark.parametrize("group", [False, True])
def test_all_calls_are_in_the_journal_of_a_server_that_is_ended_under_load(group: bool, tmp_path: Path) -> None:
    answered: list[int] = []

    def call(netloc: str) -> None:
        connection = http.client.HTTPConnection(netloc, timeout=30)
        with contextlib.suppress(OSError, http.client.HTTPException):
            while True:
                connection.request("GET", "/users", headers=MX_HEADERS)
                answered.append(len(connection.getresponse().read()))

    with Serving(cwd=tmp_path, database="s.db", options=["--port-file", "port"]) as server:
        callers = [threading.Thread(target=call, args=(urlsplit(server.url).netloc,)) for _ in range(4)]
        for caller in callers:
            caller.start()
        while len(answered) < 50:
            server.get("/_mocksrv/health")
        ends(server, group=group)
        for caller in callers:
            caller.join()
    assert not (tmp_path / "port").exists()
    with contextlib.closing(open_store(str(server.database))) as store, store.read() as tx:
        assert len(tx.requests(DEFAULT, limit=len(answered))) == len(answered)


def test_it_serves_where_gunicorn_does_not_run(tmp_path: Path) -> None:
    with Serving(cwd=tmp_path, env=without_gunicorn(tmp_path)) as server:
        assert server.get("/users")["users"] == []
        ends(server, signal.SIGINT)


# refusals


def refusal(folder: Path, *options: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    """Exit status and the one line of a server that does not start."""
    done = mocksrv_process("serve", *options, cwd=folder, env=env)
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.returncode, done.stderr.strip()


@pytest.mark.parametrize("gunicorn", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_what_only_the_engine_can_find_wrong(gunicorn: bool, tmp_path: Path) -> None:
    env = None if gunicorn else without_gunicorn(tmp_path)
    (tmp_path / "junk.db").write_text("this is not a database, but a text of some length")
    assert refusal(tmp_path, "--port", "0", "--scenario", "conected", env=env) == (
        2,
        "mocksrv: --scenario: there is no scenario 'conected'; did you mean connected or reconnected or disconnected?",
    )
    status, line = refusal(tmp_path, "--port", "0", "--database", "junk.db", env=env)
    assert status == 1
    assert line.startswith(f"mocksrv: --database: cannot open the database {tmp_path / 'junk.db'}: ")


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, line = refusal(tmp_path, "--port", str(port))
    assert (status, line) == (
        1,
        f"mocksrv serve: cannot listen on 127.0.0.1:{port}: Address already in use; port 0 picks a free one",
    )


def test_an_address_that_does_not_exist(tmp_path: Path) -> None:
    assert refusal(tmp_path, "--host", "no.such.host.invalid") == (
        2,
        "mocksrv serve: --host: there is no address 'no.such.host.invalid'",
    )


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--port", "99999"], "mocksrv serve: --port: '99999' is not a port; allowed are 0 to 65535"),
    ],
)
def test_a_wrong_setting(options: list[str], line: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, *options) == (2, line)


@pytest.mark.parametrize(
    ("options", "named"), [(["--prot", "1"], "--prot"), (["extra"], "extra"), (["--port"], "--port")]
)
def test_a_wrong_call_is_one_line_that_names_it(options: list[str], named: str, tmp_path: Path) -> None:
    status, said = refusal(tmp_path, *options)
    assert status == 2
    assert said.startswith("mocksrv")
    assert named in said


def test_a_faulty_scenario_file_is_reported_and_left_out_or_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("name: bad\nprovider: mx\nflows:\n  connect:\n    - status: CONECTED\n")
    with Serving(cwd=tmp_path, options=["--scenarios", "."]) as server:
        names = [scenario["name"] for scenario in server.get("/_mocksrv/scenarios")["scenarios"]]
        os.kill(server.process.pid, signal.SIGTERM)
        server.stop()
    assert "bad" not in names
    assert server.errors.startswith("bad.yaml:5:15: unknown status 'CONECTED'")
    done = mocksrv_process("serve", "--port", "0", "--scenarios", ".", "--strict", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("mocksrv: --strict: 1 fault in scenario files\n")
