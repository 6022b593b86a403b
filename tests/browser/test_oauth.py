"""A login at the bank's own page: what it leads to in the widget, in an app without one, and when nobody comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import App, Host, in_order

Open = Callable[..., Host]
BANK = "mx_bank_oauth"


def at(page: Any, id: str) -> Any:
    return page.locator(f'[data-testid="{id}"]:visible')


def oauth_member(app: App, institution: str = BANK, **more: Any) -> dict[str, Any]:
    member = {"institution_code": institution, "is_oauth": True}
    made: dict[str, Any] = app.mx("POST", f"/users/{app.user}/members", {"member": member, **more})["member"]
    return made


def test_sign_in_consent_and_back_to_the_widget(app: App, host: Open) -> None:
    opened = host(app.widget(current_institution_code=BANK))
    bank = opened.to_the_bank()
    at(bank, "field-username").fill("any")
    at(bank, "field-password").fill("login")
    at(bank, "submit").click()
    at(bank, "approve").click()
    opened.at("done").wait_for()
    in_order(
        [
            "loaded enterCreds",
            "oauthRequested",
            "stepChange enterCreds>connecting",
            "memberStatusUpdate 6",
            "memberConnected",
            "stepChange connecting>connected",
        ],
        opened.steps(),
    )
    (member,) = app.members()
    (asked,) = [payload for name, payload in opened.events() if name == "OAuthRequested"]
    assert asked["member_guid"] == member["guid"]
    assert asked["url"].startswith(f"{app.base}/oauth/authorize?")
    assert bank.is_closed()  # by the widget


@pytest.mark.parametrize(("do", "reason"), [("deny", "DENIED"), ("cancel", "CANCELLED"), ("fail", "PROVIDER_ERROR")])
def test_no_approval_and_another_try(do: str, reason: str, app: App, host: Open) -> None:
    opened = host(app.widget(current_institution_code=BANK))
    at(opened.to_the_bank(), do).click()
    opened.wait_for(f"oauthError {reason}")
    in_order(["stepChange connecting>oauthError", f"oauthError {reason}"], opened.steps())
    assert app.members()[0]["connection_status"] == "PENDING"
    opened.at("retry").click()
    at(opened.to_the_bank(), "approve").click()
    opened.at("done").wait_for()
    assert [each["connection_status"] for each in app.members()] == ["CONNECTED"]


def test_nobody_comes_back_within_the_hour(app: App, host: Open) -> None:
    opened = host(app.widget(current_institution_code=BANK))
    address = opened.to_the_bank().url
    app.advance("61m")
    opened.wait_for("oauthError SESSION_ERROR")
    assert app.members() == []
    late = opened.page.context.new_page()
    late.goto(address)
    assert "cannot be used" in late.locator("h1").inner_text()


def test_a_scenario_that_answers_by_itself_says_so(app: App, context: Any) -> None:
    member = oauth_member(app, "mock_oauth-denied")
    page = context.new_page()
    page.goto(member["oauth_window_uri"])
    shown = page.locator("h1").inner_text()
    assert "not completed" in shown or page.get_by_text("by itself").count() == 1
    page.get_by_text("The login was not completed").wait_for()


RECORDS = """
window.told = [];
window.addEventListener("message", (event) => window.told.push(event.data));
"""


@pytest.mark.parametrize(
    ("do", "told"),
    [
        ("approve", {"type": "oauthComplete/success", "reason": None}),
        ("deny", {"type": "oauthComplete/error", "reason": "DENIED"}),
        ("cancel", {"type": "oauthComplete/error", "reason": "CANCELLED"}),
    ],
)
def test_an_app_with_a_window_of_its_own_is_told_once(
    do: str, told: dict[str, Any], app: App, context: Any, host_url: str
) -> None:
    member = oauth_member(app, referral_source="BROWSER")
    page = context.new_page()
    page.goto(f"{host_url}/host.html")
    page.evaluate(RECORDS)
    with context.expect_page() as window:
        page.evaluate("(url) => { window.open(url); }", member["oauth_window_uri"])
    at(window.value, do).click()
    page.wait_for_function("window.told.length")
    reason = {} if told["reason"] is None else {"error_reason": told["reason"]}
    metadata = {"member_guid": member["guid"], **reason}
    assert page.evaluate("window.told") == [{"mx": True, "type": told["type"], "metadata": metadata}]
    again = context.new_page()
    again.goto(member["oauth_window_uri"])
    assert "cannot be used" in again.locator("h1").inner_text()


@pytest.mark.parametrize(("do", "query"), [("approve", "status=success"), ("cancel", "status=error")])
def test_an_app_that_is_led_back_by_its_own_address(do: str, query: str, app: App, context: Any, host_url: str) -> None:
    back = f"{host_url}/host.html?from=bank"
    member = oauth_member(app, referral_source="APP", client_redirect_url=back)
    page = context.new_page()
    page.goto(member["oauth_window_uri"])
    at(page, do).click()
    page.wait_for_url(f"{back}&{query}*")
    reason = "&error_reason=CANCELLED" if do == "cancel" else ""
    assert page.url == f"{back}&{query}&member_guid={member['guid']}{reason}"


def test_an_app_with_a_scheme_of_its_own(app: App, context: Any) -> None:
    member = oauth_member(app, referral_source="APP", ui_message_webview_url_scheme="myapp")
    page = context.new_page()
    page.goto(member["oauth_window_uri"])
    at(page, "approve").click()
    link = at(page, "done").get_attribute("href")
    assert link == f"myapp://oauth_complete?status=success&member_guid={member['guid']}"


def test_the_accounts_that_are_chosen_are_those_that_come(app: App, context: Any) -> None:
    member = oauth_member(app)
    page = context.new_page()
    page.goto(member["oauth_window_uri"])
    at(page, "field-username").fill("any")
    at(page, "field-password").fill("login")
    at(page, "submit").click()
    boxes = page.locator("input[type=checkbox]")
    boxes.first.wait_for()
    assert boxes.count() > 1
    kept = boxes.first.evaluate("each => each.closest('label').querySelector('.words > span').innerText")
    for place in range(1, boxes.count()):
        boxes.nth(place).uncheck()
    at(page, "approve").click()
    app.control("GET", "/webhooks?event=mx.aggregation&wait=30s")
    accounts = app.mx("GET", f"/users/{app.user}/accounts")["accounts"]
    assert [each["name"] for each in accounts] == [kept]
