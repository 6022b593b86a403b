"""Every page of MX, light and dark: axe finds nothing serious, nothing is wider than a phone, markup stays text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import App
from tests.browser.looks import NASTY, looks_well
from tests.browser.test_oauth import at, oauth_member

Drive = Callable[[App, Any], None]


def connect(password: str, until: str, **options: Any) -> Drive:
    """Logs in at a bank, until something is there."""

    def drive(app: App, page: Any) -> None:
        asked = {"current_institution_code": "mxbank", **options}
        page.goto(app.widget(color_scheme="browser", **asked))
        at(page, "field-LOGIN").fill("mxuser")
        at(page, "field-PASSWORD").fill(password)
        at(page, "submit").click()
        at(page, until).wait_for()

    return drive


def opened(*clicks: tuple[str, str], **options: Any) -> Drive:
    """Opens the widget and clicks on things, each of which leads to another."""

    def drive(app: App, page: Any) -> None:
        page.goto(app.widget(color_scheme="browser", **options))
        for click, then in clicks:
            at(page, click).click()
            at(page, then).wait_for()

    return drive


def search(app: App, page: Any) -> None:
    page.goto(app.widget(color_scheme="browser"))
    at(page, "search").fill("bank")
    page.get_by_text("Found:").wait_for()


def line(app: App, page: Any) -> None:
    app.manual()
    page.goto(app.widget(color_scheme="browser", current_institution_code="mxbank"))
    page.locator("#sandbox summary").click()


def missing(app: App, page: Any) -> None:
    page.goto(app.widget(color_scheme="browser", current_institution_code="mxbank"))
    at(page, "submit").click()


def waiting(app: App, page: Any) -> None:
    app.manual()
    connect("challenge", "status")(app, page)


def survey(app: App, page: Any) -> None:
    guid = app.member()["guid"]
    app.control("GET", "/subjects?status=CONNECTED&wait=30s")
    page.goto(app.widget(color_scheme="browser", current_member_guid=guid))
    at(page, "disconnect").click()
    at(page, "option-unused").wait_for()


def bank(app: App, page: Any) -> None:
    page.goto(oauth_member(app)["oauth_window_uri"])


def consent(app: App, page: Any) -> None:
    bank(app, page)
    at(page, "field-username").fill("any")
    at(page, "field-password").fill("login")
    at(page, "submit").click()
    page.locator("input[type=checkbox]").first.wait_for()


def refused(app: App, page: Any) -> None:
    bank(app, page)
    at(page, "deny").click()
    at(page, "error").wait_for()


def used(app: App, page: Any) -> None:
    url = app.widget()
    page.goto(url)
    page.goto(url)


def stepped(*steps: str, **options: Any) -> Drive:
    """The widget with steps that MX switches on for a client."""

    def drive(app: App, page: Any) -> None:
        app.control("PUT", "/sandbox", {"steps": list(steps)})
        page.goto(app.widget(color_scheme="browser", **options))

    return drive


PAGES: dict[str, Drive] = {
    "disclosure": stepped("disclosure"),
    "agreement": stepped("consent", current_institution_code="mxbank", mode="aggregation,verification"),
    "search": opened(),
    "found": search,
    "credentials": opened(current_institution_code="mxbank"),
    "line": line,
    "missing": missing,
    "text": connect("challenge", "challenge-1"),
    "options": connect("options", "challenge-1"),
    "image": connect("image", "challenge-1"),
    "refused": connect("INVALID", "error"),
    "locked": connect("LOCKED", "retry"),
    "connected": connect("any", "done"),
    "offer": connect("any", "skip", additional_product_option="account_verification"),
    "waiting": waiting,
    "oauth": opened(current_institution_code="mx_bank_oauth"),
    "bank": bank,
    "consent": consent,
    "denied": refused,
    "manual": opened(("manual-account", "field-name")),
    "microdeposits": opened(("microdeposits", "field-routing_number"), mode="verification"),
    "survey": survey,
    "used": used,
    "placeholder": lambda app, page: page.goto(app.widget(widget_type="pulse_widget")),
}


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(name: str, app: App, context: Any) -> None:
    page = context.new_page()
    PAGES[name](app, page)
    looks_well(page)


SPANISH, FRENCH = "Elija su institución", "Choisissez votre établissement"
V2 = {"Accept-Version": "v20250224"}  # the version that knows the option ``locale``


@pytest.mark.parametrize(
    ("headers", "options", "locale", "heading"),
    [
        (V2, {"locale": "es"}, "es", SPANISH),
        (V2, {"locale": "fr-CA"}, "fr-ca", FRENCH),
        ({"Accept-Language": "fr-CA, en;q=0.5"}, {}, "fr-ca", FRENCH),
        (V2 | {"Accept-Language": "es"}, {"locale": "en"}, "en", "Select your institution"),
    ],
)
def test_it_speaks_other_languages(
    headers: dict[str, str], options: dict[str, str], locale: str, heading: str, app: App, context: Any
) -> None:
    page = context.new_page()
    page.goto(app.widget(headers, **options))
    assert page.locator("h1").inner_text() == heading
    assert page.locator("html").get_attribute("lang") == locale


OWN = """
name: nasty
provider: mx
extends: connected
flows:
  connect:
    - status: CHALLENGED
      challenges:
        - {type: OPTIONS, label: '%s', options: [{label: '%s', value: '%s'}], answer: any}
      right: accepted
  accepted:
    - status: CONNECTED
"""


def test_markup_in_what_scenarios_and_clients_write_is_text(app: App, context: Any) -> None:
    quoted = NASTY.replace("'", "''")
    app.put_scenario("nasty", OWN % (quoted, quoted, quoted))
    page = context.new_page()
    page.set_viewport_size({"width": 360, "height": 700})
    page.goto(app.widget(V2, current_institution_code="mock_nasty", locale=NASTY))
    at(page, "field-LOGIN").fill(NASTY)
    at(page, "field-PASSWORD").fill(NASTY)
    at(page, "submit").click()
    at(page, "challenge-1").wait_for()
    assert NASTY in page.locator("legend").inner_text()
    page.locator("input[type=radio]").check()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator("#sandbox summary").click()
    at(page, "submit").click()
    at(page, "done").wait_for()
    assert page.title() == "Sandbox Connect"
    assert page.locator("img[src=x]").count() == 0


MANY = """
name: many
provider: mx
extends: connected
flows:
  connect:
    - status: CHALLENGED
      challenges: [{type: OPTIONS, label: "Which account?", options: %s, answer: any}]
      right: accepted
  accepted:
    - status: CONNECTED
"""


def test_a_choice_of_200_accounts_keeps_its_button_in_sight(app: App, context: Any) -> None:
    accounts = [{"label": f"Account {number} {NASTY}", "value": f"a{number}"} for number in range(200)]
    app.put_scenario("many", MANY % json.dumps(accounts))
    app.control("PUT", "/bindings", {"next": ["many"]})
    page = context.new_page()
    connect("any", "option-a0")(app, page)
    for place in ("0", "document.body.scrollHeight / 2"):
        page.evaluate(f"scrollTo(0, {place})")
        box, height = at(page, "submit").bounding_box(), page.viewport_size["height"]
        assert 0 < box["y"] < box["y"] + box["height"] <= height
    at(page, "option-a150").focus()
    assert at(page, "option-a150").bounding_box()["y"] < at(page, "submit").bounding_box()["y"]
    looks_well(page)
    at(page, "option-a150").check()
    at(page, "submit").click()
    at(page, "done").wait_for()


def test_a_lost_connection_is_waited_for(app: App, context: Any) -> None:
    page = context.new_page()
    page.goto(app.widget(current_institution_code="mxbank"))
    context.set_offline(True)
    at(page, "field-LOGIN").fill("mxuser")
    at(page, "field-PASSWORD").fill("any")
    at(page, "submit").click()
    page.locator("#lost").wait_for()
    context.set_offline(False)
    at(page, "done").wait_for()
    assert len(app.members()) == 1


def test_a_reload_goes_on_where_it_was(app: App, context: Any) -> None:
    page = context.new_page()
    connect("challenge", "challenge-1")(app, page)
    page.reload()
    at(page, "challenge-1").fill("correct")
    at(page, "submit").click()
    at(page, "done").wait_for()
    assert [member["connection_status"] for member in app.members()] == ["CONNECTED"]


LOADED = """[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].map((each) =>
  each.decodedBodySize)"""


def test_a_page_with_all_that_it_loads_is_small(app: App, context: Any) -> None:
    page = context.new_page()
    opened()(app, page)
    page.wait_for_load_state("load")
    sizes = page.evaluate(LOADED)
    assert len(sizes) >= len(("page", "styles", "kit", "widget"))
    assert 0 < sum(sizes) <= 120_000
