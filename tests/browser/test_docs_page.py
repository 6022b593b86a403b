"""The control API's page in a browser: it narrows while one types, and makes the calls."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import App
from tests.browser.looks import looks_well
from tests.browser.test_oauth import at


@pytest.fixture
def page(context: Any, app: App) -> Any:
    made = context.new_page()
    made.set_viewport_size({"width": 1280, "height": 800})
    made.goto(f"{app.base}/_mocksrv/docs")
    return made


def test_a_search_narrows_the_calls(page: Any) -> None:
    shown = page.locator("article:visible")
    before = shown.count()
    page.keyboard.press("/")
    page.keyboard.type("put /clock")
    assert [each.get_attribute("id") for each in shown.all()] == ["put_clock"]
    assert page.locator(".contents li:visible").all_inner_texts() == ["PUT /clock"]
    page.keyboard.type(" nothing")
    page.locator("#nothing").wait_for()
    at(page, "search").fill("")
    assert shown.count() == before > 40


def test_a_call_is_tried_and_its_command_copied(app: App, page: Any) -> None:
    at(page, "try-put_clock").click()
    at(page, "put_clock-body").fill('{"mode": "manual"}')
    command = page.locator("#put_clock [data-command]").inner_text()
    assert command.startswith(f"curl -X PUT '{app.base}/_mocksrv/clock'")
    assert command.endswith("""-d '{"mode": "manual"}'""")
    assert page.locator("#put_clock [data-copy]").get_attribute("data-copy") == command
    at(page, "send-put_clock").click()
    page.locator("#put_clock [data-answer] .good", has_text="200").wait_for()
    assert '"mode": "manual"' in at(page, "answer-put_clock").inner_text()
    assert app.control("GET", "/clock")["mode"] == "manual"
    at(page, "try-get_subjects_id").click()
    at(page, "get_subjects_id-id").fill("MBR 1/2")
    at(page, "send-get_subjects_id").click()
    page.locator("#get_subjects_id [data-answer] .trouble", has_text="404").wait_for()
    assert "MBR 1/2" in at(page, "answer-get_subjects_id").inner_text()
    at(page, "try-put_scenarios_name").click()
    at(page, "put_scenarios_name-name").fill("mine")
    at(page, "put_scenarios_name-body").fill("name: mine\nprovider: mx\nextends: connected")
    at(page, "send-put_scenarios_name").click()
    page.locator("#put_scenarios_name [data-answer] .good", has_text="200").wait_for()


def test_it_looks_right_with_all_open(page: Any) -> None:
    page.locator("main summary").evaluate_all("all => all.forEach((each) => each.parentElement.open = true)")
    looks_well(page)
