"""What every page has to look like, on whatever it is shown."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import NODE

WORST = ("serious", "critical")
NASTY = '<img src=x onerror="document.title=1">"\' ולא ' + "long" * 30
RUN_AXE = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations.map((each) =>
  [each.impact, each.id, each.nodes.map((node) => node.html.slice(0, 120)).slice(0, 3)])"""


def looks_well(page: Any) -> None:
    """Asserts that axe finds nothing serious, light and dark, that nothing is wider than a phone, and that no two
    elements that can be used share a test id.
    """
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.evaluate((NODE / "axe-core" / "axe.min.js").read_text("utf-8"))
        found = page.evaluate(RUN_AXE)
        assert [each for each in found if each[0] in WORST] == [], scheme
    for width in (320, 360, 1280):
        page.set_viewport_size({"width": width, "height": 700})
        wide = page.evaluate("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)")
        assert wide <= width
    ids = page.locator("[data-testid]:visible:enabled").evaluate_all("all => all.map((each) => each.dataset.testid)")
    assert len(ids) == len(set(ids))
