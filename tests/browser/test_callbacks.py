"""What is left of the callbacks that MX's web SDK documents, and what it takes for valid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import requests

from tests.browser.conftest import App, Host
from tests.browser.test_connect import log_in, payloads

Open = Callable[..., Host]
MOST_MEMBERS = 25


def test_a_member_that_cannot_be_made(app: App, host: Open) -> None:
    for number in range(MOST_MEMBERS):
        app.member(name=f"user{number}")
    opened = host(app.widget(current_institution_code="mxbank"))
    log_in(opened, "any", "one-more")
    opened.wait_for("createMemberError")
    (error,) = payloads(opened, "CreateMemberError")
    assert error["institution_code"] == "mxbank"
    assert error["institution_guid"].startswith("INS-")
    assert str(MOST_MEMBERS) in opened.at("error").inner_text()


def test_a_session_is_kept_alive(app: App, host: Open, context: Any) -> None:
    context.clock.install()
    opened = host(app.widget())
    opened.at("search").wait_for()
    opened.page.clock.run_for(31_000)
    opened.wait_for("ping")
    assert payloads(opened, "Ping")[0]["user_guid"] == app.user


def test_the_end_of_the_page_asks_for_the_focus(app: App, host: Open) -> None:
    opened = host(app.widget(current_institution_code="mxbank"))
    opened.at("submit").focus()
    for _ in range(20):
        if "focusTrap" in opened.steps():
            break
        opened.page.keyboard.press("Tab")
    opened.wait_for("focusTrap")
    assert payloads(opened, "FocusTrap")[0]["user_guid"] == app.user


def test_the_sdk_asks_for_the_widget_itself(app: App, host: Open) -> None:
    """The page calls the API, of another origin, with credentials."""
    opened = host("", clientId="app", apiKey="key", userGuid=app.user, environment="integration", api=app.base)
    opened.at("search").wait_for()
    opened.wait_for("loaded search")


def test_an_oauth_error_is_valid_to_the_sdk(app: App, host: Open) -> None:
    opened = host(app.widget(current_institution_code="mx_bank_oauth"))
    bank = opened.to_the_bank()
    bank.locator("[data-testid=deny]:visible").click()
    opened.wait_for("oauthError DENIED")
    (error,) = payloads(opened, "OAuthError")
    assert error["member_guid"] == app.members()[0]["guid"]


def test_a_webview_goes_to_addresses_and_opens_no_window(app: App, context: Any) -> None:
    gone: list[str] = []
    context.on("request", lambda request: gone.append(request.url))
    page = context.new_page()
    page.goto(app.widget(is_mobile_webview=True, ui_message_webview_url_scheme="myapp"))
    for _ in range(50):
        page.wait_for_timeout(100)
        if any("connect/loaded" in url for url in gone):
            break
    went = [url.split("?")[0] for url in gone if url.startswith("myapp:")]
    assert went == ["myapp://load", "myapp://connect/stepChange", "myapp://connect/loaded"]
    page.goto(app.widget(is_mobile_webview=True, current_institution_code="mx_bank_oauth"))
    # To Chromium, which knows no such app, the page is on its way there: it takes no clicks, and cannot be waited for.
    page.evaluate("document.querySelector('[data-testid=submit]').click()")
    shown = ""
    for _ in range(50):
        page.wait_for_timeout(200)
        shown = requests.get(page.url, timeout=30).text
        if "Go on at" in shown:
            break
    assert "Go on at" in shown
    assert len(context.pages) == 1
    asked = [url for url in gone if url.startswith("mx://connect/oauthRequested?metadata=")]
    assert len(asked) == 1


def test_a_message_of_the_app_ends_the_wait_at_the_bank(app: App, host: Open) -> None:
    opened = host(app.widget(current_institution_code="mx_bank_oauth"))
    bank = opened.to_the_bank()
    with bank.expect_response(lambda answer: answer.request.method == "POST"):  # the bank has heard of it
        bank.locator("[data-testid=approve]:visible").click()
    guid = app.members()[0]["guid"]
    message = {"mx": True, "type": "oauthComplete/success", "metadata": {"member_guid": guid}}
    opened.page.evaluate("(said) => document.querySelector('iframe').contentWindow.postMessage(said, '*')", message)
    opened.at("done").wait_for()
