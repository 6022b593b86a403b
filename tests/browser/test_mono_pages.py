"""Mono's pages on their own: hosted links and the way back, webviews, time that stands still, looks."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode

import pytest

import mocksrv
from tests.browser.conftest import App
from tests.browser.looks import NASTY, looks_well
from tests.browser.test_mono import ASKS, GTBANK, PERSON, linked, mono
from tests.browser.test_oauth import at

Drive = Callable[[App, Any], None]
CONSENTS = """
name: consents
provider: mono
flows:
  link: [{status: PROCESSING, oauth: {wait: 1h}}]
"""


def hosted_link(app: App, **more: Any) -> str:
    asked = {"scope": "auth", "redirect_url": "http://127.0.0.1:9/", "customer": PERSON, **more}
    url: str = mono(app, "POST", "/v2/accounts/initiate", asked)["data"]["mono_url"]
    return url


def widget(app: App, **options: Any) -> str:
    query = {name: value if isinstance(value, str) else json.dumps(value) for name, value in options.items()}
    return f"{app.base}/mono/widget?{urlencode({'key': 'test_pk_any', **query})}"


def at_gtbank(app: App, **options: Any) -> str:
    return widget(app, selectedInstitution={"id": GTBANK}, **options)


def sign_in(page: Any) -> None:
    at(page, "field-username").fill("ada")
    at(page, "field-password").fill("any")
    at(page, "submit").click()


def one_time_code(page: Any) -> None:
    sign_in(page)
    at(page, "challenge-1").fill("1")
    at(page, "submit").click()


def success(page: Any) -> None:
    one_time_code(page)
    at(page, "option-1").wait_for()
    at(page, "submit").click()
    at(page, "done").wait_for()


@pytest.fixture
def app_url() -> Iterator[str]:
    """An address of the app that users come back to."""

    class Back(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<link rel=icon href=data:,><h1>Back</h1>")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Back)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_address[1]}/done?app=1"
    server.shutdown()
    server.server_close()


def test_a_hosted_link_leads_back_to_the_app(app: App, context: Any, app_url: str) -> None:
    page = context.new_page()
    page.goto(hosted_link(app, redirect_url=app_url, meta={"ref": "loan-1"}, institution={"id": GTBANK}))
    success(page)
    at(page, "done").click()
    page.wait_for_url(f"{app_url}&status=successful&reason=account_linked&ref=loan-1")
    (subject,) = app.control("GET", "/subjects?status=AVAILABLE&wait=10s")["subjects"]
    assert mono(app, "GET", f"/v2/accounts/{subject['id']}")["data"]["meta"]["ref"] == "loan-1"


def test_somebody_who_leaves_a_hosted_link_comes_back_to_the_app(app: App, context: Any, app_url: str) -> None:
    page = context.new_page()
    page.goto(hosted_link(app, redirect_url=app_url))
    at(page, "close").click()
    page.wait_for_url(f"{app_url}&status=cancelled&reason=widget_closed")


CHANNEL = "window.told = []; window.%s = { postMessage: (text) => window.told.push(JSON.parse(text)) };"
TYPES = [
    "mono.connect.login_attempt",
    "mono.connect.mfa_submitted",
    "mono.connect.account_selected",
    "mono.connect.account_linked",
    "mono.connect.widget.account_linked",
]


@pytest.mark.parametrize(
    ("channel", "before", "after"),
    [
        ("ReactNativeWebView", [], []),
        ("MonoClientInterface", ["mono.modal.onLoad"], ["mono.modal.linked"]),
    ],
)
def test_apps_with_a_webview_are_told(
    channel: str, before: list[str], after: list[str], app: App, context: Any
) -> None:
    context.add_init_script(CHANNEL % channel)
    page = context.new_page()
    page.goto(at_gtbank(app))
    success(page)
    at(page, "done").click()
    page.get_by_text("All done").wait_for()
    told = page.evaluate("window.told")
    assert [each["type"] for each in told] == [*before, *TYPES, *after]
    ends = [each.get("response") or each["data"] for each in told if each["type"] in (TYPES[-1], *after)]
    assert {data["code"][:5] for data in ends} == {"code_"}


def test_time_that_stands_still_is_said_and_moved(app: App, context: Any) -> None:
    app.manual()
    page = context.new_page()
    page.goto(at_gtbank(app))
    success(page)
    assert at(page, "status").inner_text() == "PROCESSING"
    page.locator("main").get_by_text("Time stands still").wait_for()
    page.locator("main [data-to=next]").click()
    page.get_by_text("AVAILABLE", exact=True).first.wait_for()


def test_the_sandbox_line_fills_in_what_leads_on(app: App, context: Any) -> None:
    page = context.new_page()
    page.goto(widget(app))
    page.locator("#sandbox summary").click()
    at(page, "hint-1").click()
    page.get_by_text("Mock: no-new-data").click()
    for field in ("field-password", "challenge-1"):
        at(page, field).wait_for()
        at(page, "hint-1").click()
        at(page, "submit").click()
    at(page, "option-1").wait_for()
    assert "scenario no-new-data" in page.locator("#sandbox summary").inner_text()


def test_a_reload_goes_on_where_it_was(app: App, context: Any) -> None:
    page = context.new_page()
    page.goto(at_gtbank(app))
    sign_in(page)
    at(page, "challenge-1").wait_for()
    page.reload()
    at(page, "challenge-1").fill("1")
    at(page, "submit").click()
    at(page, "option-1").wait_for()


def test_markup_in_what_scenarios_and_apps_write_is_text(app: App, context: Any) -> None:
    quoted = NASTY.replace("'", "''")
    app.put_scenario("asks", ASKS % (quoted, quoted))
    page = context.new_page()
    page.set_viewport_size({"width": 360, "height": 700})
    page.goto(widget(app, reference=NASTY, data={"customer": {**PERSON, "name": NASTY}}, scope=NASTY))
    assert NASTY in at(page, "error").inner_text()
    page.goto(widget(app, reference=NASTY, data={"customer": {**PERSON, "name": NASTY}}))
    at(page, "search").fill(NASTY)
    page.get_by_text("Nothing found for").wait_for()
    at(page, "search").fill("mock: asks")
    page.get_by_text("Mock: asks").click()
    at(page, "field-username").fill(NASTY)
    at(page, "field-password").fill(NASTY)
    at(page, "submit").click()
    at(page, "challenge-1").wait_for()
    assert NASTY in page.locator("legend").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    at(page, "option-yes").check()
    page.locator("#sandbox summary").click()
    at(page, "submit").click()
    page.get_by_text("Choose an account").wait_for()
    at(page, "submit").click()
    at(page, "done").click()
    page.get_by_text("All done").wait_for()
    assert page.title() == "Sandbox Link"
    assert page.locator("img[src=x]").count() == 0


def test_plain_pages_have_no_sandbox_line(context: Any) -> None:
    with mocksrv.Server(plain_pages=True) as server:
        page = context.new_page()
        page.goto(f"{server.url}/mono/widget?key=test_pk_any")
        at(page, "search").wait_for()
        assert page.locator("#sandbox").count() == 0


# looks


def scripted(text: str, name: str, *, wait: str) -> Drive:
    """Signs in at the bank of a scenario, until something is there."""

    def drive(app: App, page: Any) -> None:
        app.put_scenario(name, text)
        page.goto(widget(app))
        at(page, "search").fill(f"mock: {name}")
        page.get_by_text(f"Mock: {name}").click()
        sign_in(page)
        at(page, wait).wait_for()

    return drive


def found(app: App, page: Any) -> None:
    page.goto(widget(app))
    at(page, "search").fill("bank")
    page.get_by_text("Found:").wait_for()


def opened(*acts: Callable[[Any], None], wait: str) -> Drive:
    """The widget at a bank, after some acts, until something is there."""

    def drive(app: App, page: Any) -> None:
        page.goto(at_gtbank(app))
        for act in acts:
            act(page)
        at(page, wait).wait_for()

    return drive


def checking(app: App, page: Any) -> None:
    app.manual()
    refused(app, page, wait="status")


def refused(app: App, page: Any, wait: str = "retry") -> None:
    scripted(ASKS % ("Is it you?", "Yes"), "asks", wait="option-no")(app, page)
    at(page, "option-no").check()
    at(page, "submit").click()
    at(page, wait).wait_for()


def again(app: App, page: Any) -> None:
    page.goto(widget(app, data={"account": linked(app)}))
    page.locator("#sandbox summary").click()


def left(app: App, page: Any) -> None:
    opened(lambda page: at(page, "close").click(), wait="retry")(app, page)


def done(app: App, page: Any) -> None:
    opened(success, wait="done")(app, page)
    at(page, "done").click()
    page.get_by_text("All done").wait_for()


PAGES: dict[str, Drive] = {
    "institutions": lambda app, page: page.goto(widget(app)),
    "found": found,
    "login": opened(wait="field-username"),
    "missing": opened(lambda page: at(page, "submit").click(), wait="field-username"),
    "again": again,
    "otp": opened(sign_in, wait="challenge-1"),
    "accounts": opened(one_time_code, wait="option-1"),
    "question": scripted(ASKS % ("Is it you?", "Yes"), "asks", wait="option-no"),
    "consent": scripted(CONSENTS, "consents", wait="approve"),
    "checking": checking,
    "failure": refused,
    "success": opened(success, wait="done"),
    "left": left,
    "done": done,
    "wrong": lambda app, page: page.goto(widget(app, scope="payments")),
}


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(name: str, app: App, context: Any) -> None:
    page = context.new_page()
    PAGES[name](app, page)
    looks_well(page)
