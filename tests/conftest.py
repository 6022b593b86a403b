"""What tests share: a server in this process, its clients, and a receiver for callbacks."""

from __future__ import annotations

import gc
import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings

from mocksrv.engine.config import Config
from mocksrv.engine.engine import Engine
from mocksrv.server import Parts, open_parts
from mocksrv.web.app import App
from tests import postgres

# CI tries the same examples every time, so that a change is judged by itself; elsewhere each run tries others, fewer.
IN_CI = bool(os.environ.get("CI"))
for profile, most in {"plain": 20, "all": 100}.items():
    hypothesis_settings.register_profile(profile, deadline=None, max_examples=most, derandomize=IN_CI, print_blob=IN_CI)
ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
MX_HEADERS = {"Accept": "application/vnd.mx.api.v1+json"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--on-postgres", action="store_true", help="have the engines of the tests on PostgreSQL")


def pytest_configure(config: pytest.Config) -> None:
    """A run without the slow tests tries fewer examples of properties."""
    keep_bytecode()
    hypothesis_settings.load_profile("plain" if config.option.markexpr == "not slow" else "all")
    if config.option.on_postgres:
        postgres.use_it()


def keep_bytecode() -> None:
    """Where bytecode is not to be written beside the sources, the processes of the tests have a folder for it: each
    would compile all that it imports, which takes longer than most of what it is started for.
    """
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        os.environ.setdefault("PYTHONPYCACHEPREFIX", str(ROOT / ".pytest_cache" / "bytecode"))


def pytest_collection_finish() -> None:
    """What was collected lives as long as the run: the garbage collector need not look at it again and again, which
    takes a third of the time.
    """
    gc.collect()
    gc.freeze()


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # connections that come at once; what finds no room comes seconds later

    def handle_error(self, *_: Any) -> None:
        """A sender that dies is part of the tests."""


class Receiver:
    """An HTTP endpoint that keeps what it is sent. ``answers`` are the statuses it gives, in turn; then 204."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.answers: list[int] = []
        self.on_receive: Callable[[dict[str, Any]], None] = lambda _: None
        self._server = QuietServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/webhooks"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if len(body) < int(self.headers["Content-Length"]):
                    return  # the sender died
                item = {"path": self.path, "headers": dict(self.headers), "raw": body}
                try:
                    item["json"] = json.loads(body)
                except ValueError:
                    item["json"] = None
                receiver.received.append(item)
                receiver.on_receive(item)
                status, text = receiver.answer()
                self.send_response_only(status)  # nothing of it differs from run to run
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

    def answer(self) -> tuple[int, bytes]:
        """The status and the body of the next answer."""
        return (self.answers.pop(0) if self.answers else 204), b""

    def bodies(self) -> list[dict[str, Any]]:
        """The JSON bodies received, in order."""
        return [item["json"] for item in self.received]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class SandboxClient:
    """What the clients of all providers share: one sandbox of a server in this process, and its control API."""

    def __init__(self, app: App, sandbox: str = "") -> None:
        self.http = app.test_client()
        self.prefix = f"/sandbox/{sandbox}" if sandbox else ""

    def control(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        """One control call; its JSON."""
        answer = self.http.open(f"{self.prefix}/_mocksrv{path}", method=method, json=body)
        text = answer.get_data(as_text=True)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {text}"
        return json.loads(text) if text else None

    def advance(self, by: str) -> dict[str, Any]:
        """Moves the sandbox's clock."""
        done: dict[str, Any] = self.control("POST", "/clock/advance", {"by": by})
        return done

    def put_scenario(self, name: str, text: str) -> str:
        """Puts a scenario into the library; its name."""
        answer = self.http.put(
            f"{self.prefix}/_mocksrv/scenarios/{name}", data=text.encode(), content_type="application/yaml"
        )
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return name


class MX(SandboxClient):
    """A small MX client."""

    def __init__(self, app: App, sandbox: str = "") -> None:
        super().__init__(app, sandbox)
        self.made: Counter[tuple[str, str]] = Counter()  # (user, institution) -> the members that it made there

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        status: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """One provider call; its JSON. ``status`` is asserted (default: any below 400)."""
        answer = self.http.open(
            self.prefix + path, method=method, json=body, headers=MX_HEADERS | (headers or {}), auth=("client", "key")
        )
        text = answer.get_data(as_text=True)
        assert answer.status_code == status if status else answer.status_code < 400, (
            f"{method} {path}: {answer.status_code} {text}"
        )
        return json.loads(text) if text else None

    def user(self, **fields: Any) -> str:
        """A new user's guid."""
        guid: str = self.call("POST", "/users", {"user": {"metadata": "test", **fields}})["user"]["guid"]
        return guid

    def credentials(
        self, institution: str = "mxbank", username: str = "mxuser", password: str = "password"
    ) -> list[dict[str, str]]:
        """The filled-in login form of an institution."""
        form = self.call("GET", f"/institutions/{institution}/credentials")["credentials"]
        return [
            {"guid": field["guid"], "value": password if field["field_type"] == "PASSWORD" else username}
            for field in form
        ]

    def create(
        self,
        user: str,
        *,
        institution: str = "mxbank",
        password: str = "password",
        username: str | None = None,
        headers: Any = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """A new member, as the call that creates it answers.

        No two of a user at one institution may have the same ``username``: unless it is given it is `mxuser` for the
        first that this client makes, and another for each that follows.
        """
        self.made[user, institution] += 1
        number = self.made[user, institution]
        username = username or ("mxuser" if number == 1 else f"mxuser-{number}")
        credentials = self.credentials(institution, username, password)
        body = {"member": {"institution_code": institution, "credentials": credentials, **fields}}
        member: dict[str, Any] = self.call("POST", f"/users/{user}/members", body, headers=headers)["member"]
        return member

    def status(self, user: str, member: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GET", f"/users/{user}/members/{member}/status")["member"]
        return found

    def answer(self, user: str, member: str, *values: str) -> dict[str, Any]:
        """Answers the open challenges."""
        open_ = self.status(user, member)["challenges"]
        answers = [{"guid": challenge["guid"], "value": value} for challenge, value in zip(open_, values, strict=True)]
        answered: dict[str, Any] = self.call(
            "PUT", f"/users/{user}/members/{member}/resume", {"member": {"challenges": answers}}
        )["member"]
        return answered

    def events(self) -> list[str]:
        """The names of the sandbox's webhooks, oldest first, without those about the user."""
        about_user = ("mx.user.", "mx.insight.", "mx.notification.")
        return [
            w["event"]
            for w in self.control("GET", "/webhooks?limit=1000")["webhooks"]
            if not w["event"].startswith(about_user)
        ]


def started(**config: Any) -> Parts:
    """A server in this process, on a manual clock with a seed, or as told: ``started(webhook_url=...)``. Clients call
    its application; its engine is to be closed.
    """
    return open_parts(Config(**{"seed": 7, "clock": "manual", **config}))


@pytest.fixture
def make_server() -> Iterator[Callable[..., Parts]]:
    """Makes servers as `started` does, and closes them."""
    made: list[Parts] = []

    def make(**config: Any) -> Parts:
        made.append(started(**config))
        return made[-1]

    yield make
    for parts in made:
        parts.engine.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """An endpoint for callbacks."""
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def mx(make_server: Callable[..., tuple[Engine, App]], receiver: Receiver) -> MX:
    """A client of a server on a manual clock with a seed, whose callbacks go to ``receiver``."""
    _, app = make_server(webhook_url=receiver.url)
    return MX(app)
