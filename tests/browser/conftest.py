"""What tests in a browser share: Chromium, a server, and a page of another origin that embeds what is tested."""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

import mocksrv

HERE = Path(__file__).parent
NODE = HERE / "node_modules"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HOW = "tests in a browser need: apt-get install chromium; (cd tests/browser && npm ci)"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MX_HEADERS = {"Accept": "application/vnd.mx.api.v1+json"}
LOCAL = ("http://127.0.0.1:", "http://localhost:")
PATIENCE = 45_000  # ms: on a busy machine, too


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One browser for the run."""
    if CHROMIUM is None or not NODE.is_dir():
        if os.environ.get("MOCKSRV_TEST_BROWSER"):
            pytest.fail(HOW)
        pytest.skip(HOW)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=list(ARGUMENTS), timeout=120_000
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server() -> Iterator[mocksrv.Server]:
    """A server whose time runs ten times as fast: a scenario's second is over before the page asks again, and ten
    minutes for an answer are enough for a busy machine.
    """
    with mocksrv.Server(clock="x10") as running:
        yield running


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The origin of an app whose files are in a folder, under another name than mocksrv's."""
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def host_url() -> Iterator[str]:
    """The origin of an app that embeds pages: the folder of these tests, with the SDKs."""
    with serving(HERE) as url:
        yield url


@pytest.fixture
def context(chromium: Any) -> Iterator[Any]:
    """A fresh profile. Nothing leaves the machine, and no script of a page fails."""
    made = chromium.new_context(viewport={"width": 480, "height": 800}, locale="en-US")
    made.set_default_timeout(PATIENCE)
    asked: list[str] = []
    broken: list[str] = []
    made.on("request", lambda request: asked.append(request.url))
    made.on("weberror", lambda error: broken.append(str(error.error)))
    made.on("console", lambda line: broken.append(line.text) if "Content Security Policy" in line.text else None)
    yield made
    kept = made.cookies()
    made.close()
    assert {each["sameSite"] for each in kept} <= {"Strict"}  # no page needs one in a frame of another site
    assert [url for url in asked if url.startswith("http") and not url.startswith(LOCAL)] == []
    assert broken == []


class App:
    """The backend of an app: what it asks a sandbox for."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.user = self.mx("POST", "/users", {"user": {"metadata": "browser"}})["user"]["guid"]

    def mx(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One call of the MX Platform API; its JSON."""
        answer = requests.request(
            method, self.base + path, json=body, headers={**MX_HEADERS, **headers}, auth=("app", "key"), timeout=30
        )
        assert answer.status_code < 400, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """One control call; its JSON."""
        answer = requests.request(method, f"{self.base}/_mocksrv{path}", json=body, timeout=30)
        assert answer.status_code < 400, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def widget(self, headers: dict[str, str] | None = None, **options: Any) -> str:
        """The URL of a Connect widget."""
        asked = {"widget_url": {"widget_type": "connect_widget", **options}}
        url: str = self.mx("POST", f"/users/{self.user}/widget_urls", asked, **(headers or {}))["widget_url"]["url"]
        return url

    def member(self, institution: str = "mxbank", password: str = "correct", name: str = "mxuser") -> dict[str, Any]:
        """A member with a login."""
        credentials = self.mx("GET", f"/institutions/{institution}/credentials")["credentials"]
        values = {"LOGIN": name, "PASSWORD": password}
        given = [{"guid": each["guid"], "value": values[each["field_name"]]} for each in credentials]
        member = {"institution_code": institution, "credentials": given}
        made: dict[str, Any] = self.mx("POST", f"/users/{self.user}/members", {"member": member})["member"]
        return made

    def members(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.mx("GET", f"/users/{self.user}/members")["members"]
        return found

    def put_scenario(self, name: str, text: str) -> None:
        """Puts a scenario into the library."""
        headers = {"Content-Type": "text/yaml"}
        answer = requests.put(f"{self.base}/_mocksrv/scenarios/{name}", data=text, headers=headers, timeout=30)
        assert answer.status_code == 200, answer.text

    def advance(self, by: str) -> Any:
        return self.control("POST", "/clock/advance", {"by": by})

    def manual(self) -> None:
        """Time stands still from now on."""
        self.control("PUT", "/clock", {"mode": "manual"})


@pytest.fixture
def app(server: mocksrv.Server, request: pytest.FixtureRequest) -> App:
    """An app with a sandbox of its own."""
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)[-50:].strip("-")
    return App(f"{server.url}/sandbox/{name}")


class Host:
    """A page of the app with a widget in it, by MX's web SDK."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.frame = page.frame_locator("iframe")

    def at(self, id: str) -> Any:
        """The element of the widget with a test id."""
        return self.frame.locator(f'[data-testid="{id}"]:visible')

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """The callbacks that have fired: name and payload."""
        return [(name, payload) for name, payload in self.page.evaluate("window.events")]

    def raw(self) -> list[Any]:
        """The messages that have come."""
        found: list[Any] = self.page.evaluate("window.raw")
        return found

    def steps(self) -> list[str]:
        """The messages in short, as `short` writes them."""
        return [short(each) for each in self.raw() if isinstance(each, dict) and each.get("mx")]

    def to_the_bank(self) -> Any:
        """Goes on to the bank's page; its window, which the widget's scripts open."""
        with self.page.context.expect_page() as window:
            self.at("submit").click()
        return window.value

    def wait_for(self, step: str, count: int = 1) -> None:
        """Until a message has come, in short, so many times."""
        self.page.wait_for_function(
            "([step, count]) => window.raw.filter((each) => window.short(each) === step).length >= count",
            arg=[step, count],
        )


def short(message: dict[str, Any]) -> str:
    """A message in a line: ``stepChange search>enterCreds``, ``memberStatusUpdate 6``."""
    name = str(message["type"]).removeprefix("mx/").removeprefix("connect/")
    data = message["metadata"]
    if name == "stepChange":
        return f"stepChange {data.get('previous', '')}>{data['current']}"
    told = data.get("connection_status", data.get("initial_step", data.get("error_reason")))
    if "member" in data and "connection_status" in data["member"]:
        told = data["member"]["connection_status"]
    return name if told is None else f"{name} {told}"


@pytest.fixture
def host(context: Any, host_url: str) -> Any:
    """Opens a widget's URL in a page of the app."""

    def open_(url: str, **how: str) -> Host:
        page = context.new_page()
        page.goto(f"{host_url}/host.html")
        page.evaluate("([url, how]) => window.embed(url, how)", [url, how])
        return Host(page)

    return open_


def in_order(wanted: list[str], found: list[str]) -> None:
    """Asserts that the wanted lines are among those found, in their order."""
    rest = iter(found)
    missing = next((each for each in wanted if each not in rest), None)
    assert missing is None, f"{missing!r} did not come in its place; there were {found}"
