"""Every page of Connect, light and dark: axe finds nothing serious, nothing is wider than a phone, markup is text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import App
from tests.browser.looks import NASTY, looks_well
from tests.browser.test_finicity import FINBANK, OAUTH, Partner, at
from tests.browser.test_looks import LOADED

Drive = Callable[[Partner, Any], None]
SLOW = """
name: slow
provider: finicity
flows:
  connect:
    - status: started
    - status: institutionSupported
    - status: adding
    - {after: 9h, status: added}
"""


def opened(*clicks: str, **generate: Any) -> Drive:
    """Opens a link and clicks on things, one after the other."""

    def drive(partner: Partner, page: Any) -> None:
        page.goto(partner.link(**generate))
        for click in clicks:
            at(page, click).click()

    return drive


def logged_in(username: str = "somebody", *clicks: str, until: str, password: str = "go", **generate: Any) -> Drive:
    """Signs in at FinBank and clicks on things, until something is there."""

    def drive(partner: Partner, page: Any) -> None:
        opened("submit", f"institution-{FINBANK}", **generate)(partner, page)
        at(page, "field-Banking Userid").fill(username)
        at(page, "field-Banking Password").fill(password)
        for click in ("submit", *clicks):
            page.wait_for_load_state("networkidle")
            at(page, click).click()
        page.locator(until).first.wait_for()

    return drive


def found(partner: Partner, page: Any) -> None:
    opened("submit")(partner, page)
    at(page, "search").fill("bank")
    page.get_by_text("Found:").wait_for()


def line(partner: Partner, page: Any) -> None:
    partner.app.manual()
    opened("submit", f"institution-{FINBANK}")(partner, page)
    page.locator("#sandbox summary").click()


def missing(partner: Partner, page: Any) -> None:
    opened("submit", f"institution-{FINBANK}", "submit")(partner, page)
    page.locator(".wrong").first.wait_for()


def waiting(partner: Partner, page: Any) -> None:
    partner.app.put_scenario("slow", SLOW)
    logged_in("any", "submit", until="[data-testid=status]", scenario="slow")(partner, page)


def used(partner: Partner, page: Any) -> None:
    page.goto(partner.link().replace("signature=", "signature=0"))


def nothing_to_fix(partner: Partner, page: Any) -> None:
    partner.app.control("POST", "/finicity/play", {"link": partner.link()})
    login = str(partner.accounts()[0]["institutionLoginId"])
    opened("submit", kind="/fix", institutionLoginId=login)(partner, page)
    at(page, "done").wait_for()


PAGES: dict[str, Drive] = {
    "landing": opened(),
    "terms": opened("terms"),
    "search": opened("submit"),
    "found": found,
    "sign-in": opened("submit", f"institution-{FINBANK}"),
    "line": line,
    "missing": missing,
    "refused": logged_in("invalid_user", until="[data-testid=error]"),
    "unable": logged_in("demo", password="123", until="[data-testid=error]"),
    "mfa": logged_in("tfa_text", until="[data-testid=challenge-1]"),
    "accounts": logged_in(until="input[type=checkbox]"),
    "review": logged_in("somebody", "submit", until="[data-testid=done]"),
    "ended": logged_in("somebody", "submit", "done", until="text=All done"),
    "waiting": waiting,
    "not-supported": opened("submit", "institution-176082"),
    "no-accounts": logged_in(until="[data-testid=error]", scenario="no-accounts"),
    "oauth": opened("submit", f"institution-{OAUTH}"),
    "bank": opened("submit", f"institution-{OAUTH}", "submit", "field-username"),
    "bank-refused": opened("submit", f"institution-{OAUTH}", "submit", "deny", "retry"),
    "nothing-to-fix": nothing_to_fix,
    "unknown": used,
}


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(name: str, app: App, context: Any) -> None:
    page = context.new_page()
    PAGES[name](Partner(app), page)
    page.wait_for_load_state("networkidle")
    looks_well(page)


OWN = """
name: nasty
provider: finicity
flows:
  connect:
    - status: started
    - status: institutionSupported
    - status: mfa
      challenges:
        - {type: OPTIONS, label: '%s', options: [{label: '%s', value: '%s'}], answer: any}
        - {type: IMAGE_DATA, label: '%s', answer: any}
      right: accepted
  accepted:
    - status: discovered
    - status: adding
    - status: added
    - status: done
"""


def test_markup_in_what_scenarios_and_clients_write_is_text(app: App, context: Any) -> None:
    partner, quoted = Partner(app), NASTY.replace("'", "''")
    app.put_scenario("nasty", OWN % ((quoted,) * 4))
    page = context.new_page()
    page.set_viewport_size({"width": 360, "height": 700})
    page.goto(partner.link(language=NASTY, redirectUri=f"https://app.example/{NASTY}", scenario="nasty"))
    at(page, "submit").click()
    at(page, "search").fill(NASTY)
    page.get_by_text("Nothing found").wait_for()
    assert NASTY in page.locator("#results h2").inner_text()
    at(page, "search").fill("FinBank")
    at(page, f"institution-{FINBANK}").click()
    at(page, "field-Banking Userid").fill(NASTY)
    at(page, "field-Banking Password").fill(NASTY)
    at(page, "submit").click()
    page.locator("input[type=radio]").check()
    assert NASTY in page.locator("legend").inner_text()
    assert page.locator("img.question").get_attribute("src").startswith("data:image/png;base64,")
    assert page.evaluate("document.body.scrollWidth") <= 360
    at(page, "challenge-2").fill(NASTY)
    page.locator("#sandbox summary").click()
    at(page, "submit").click()
    page.locator("input[type=checkbox]").first.wait_for()
    assert page.title() == "Sandbox Connect"
    assert page.locator("img[src=x]").count() == 0


def test_what_leads_on_is_filled_in(app: App, context: Any) -> None:
    page = context.new_page()
    opened("submit", f"institution-{FINBANK}")(Partner(app), page)
    page.locator("#sandbox summary").click()
    page.locator("li", has_text="tfa_text / go").get_by_role("button").click()
    at(page, "submit").click()
    at(page, "challenge-1").wait_for()
    page.locator("li", has_text="Answer fail").get_by_role("button").click()
    at(page, "submit").click()
    at(page, "error").wait_for()
    assert "187" in at(page, "error").inner_text()


def test_the_keyboard_is_enough(app: App, context: Any) -> None:
    partner, page = Partner(app), context.new_page()
    opened("submit")(partner, page)
    at(page, "search").focus()
    page.keyboard.type("finbank profiles - a")
    page.keyboard.press("Enter")
    page.locator("h1:focus").wait_for()
    for _ in range(2):
        page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    at(page, "field-Banking Userid").focus()
    page.keyboard.type("somebody")
    page.keyboard.press("Tab")
    page.keyboard.type("any")
    page.keyboard.press("Enter")
    page.locator("input[type=checkbox]").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    at(page, "done").focus()
    page.keyboard.press("Enter")
    page.get_by_text("All done").wait_for()
    assert len(partner.accounts()) == 2


def test_a_lost_connection_is_waited_for(app: App, context: Any) -> None:
    partner, page = Partner(app), context.new_page()
    opened("submit", f"institution-{FINBANK}")(partner, page)
    at(page, "field-Banking Userid").fill("somebody")
    at(page, "field-Banking Password").fill("any")
    context.set_offline(True)
    at(page, "submit").click()
    page.locator("#lost").wait_for()
    context.set_offline(False)
    page.locator("input[type=checkbox]").first.wait_for()
    assert partner.sent().count("discovered") == 1


def test_a_page_with_all_that_it_loads_is_small(app: App, context: Any) -> None:
    page = context.new_page()
    opened()(Partner(app), page)
    page.wait_for_load_state("load")
    sizes = page.evaluate(LOADED)
    assert len(sizes) >= len(("page", "styles", "kit", "connect"))
    assert 0 < sum(sizes) <= 120_000
