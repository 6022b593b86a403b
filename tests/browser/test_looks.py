"""Every page of MX, light and dark: axe finds nothing serious, nothing is wider than a phone, markup stays text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import NODE, App
from tests.browser.test_oauth import at, oauth_member

WORST = ("serious", "critical")
NASTY = '<img src=x onerror="document.title=1">"\' ולא ' + "long" * 30
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


PAGES: dict[str, Drive] = {
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
RUN_AXE = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations.map((each) =>
  [each.impact, each.id, each.nodes.map((node) => node.html.slice(0, 120)).slice(0, 3)])"""


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(name: str, app: App, context: Any) -> None:
    page = context.new_page()
    PAGES[name](app, page)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.evaluate((NODE / "axe-core" / "axe.min.js").read_text("utf-8"))
        found = page.evaluate(RUN_AXE)
        assert [each for each in found if each[0] in WORST] == [], scheme
    for width in (320, 360, 1280):
        page.set_viewport_size({"width": width, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    ids = page.locator("[data-testid]:visible:enabled").evaluate_all("all => all.map((each) => each.dataset.testid)")
    assert len(ids) == len(set(ids))


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
