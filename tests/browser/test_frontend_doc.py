"""docs/frontend.md cannot lie: each of its blocks is a page of an app, in which a person connects a bank."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import NODE, App, serving
from tests.browser.test_finicity import FINBANK, Partner
from tests.browser.test_mono import GTBANK
from tests.test_guides import BLOCK, HERE, text_of

BLOCKS = BLOCK.findall(text_of("frontend"))


def of_mx(at: Callable[[str], Any]) -> None:
    at("institution-mxbank").click()
    at("field-LOGIN").fill("mxuser")
    at("field-PASSWORD").fill("any")
    at("submit").click()


def of_mono(at: Callable[[str], Any]) -> None:
    at(f"institution-{GTBANK}").click()
    at("field-username").fill("ada")
    at("field-password").fill("any")
    at("submit").click()
    at("challenge-1").fill("1234")
    at("submit").click()
    at("option-1").wait_for()
    at("submit").click()
    at("done").click()


def of_finicity(at: Callable[[str], Any]) -> None:
    at("submit").click()
    at(f"institution-{FINBANK}").click()
    at("field-Banking Userid").fill("ada")
    at("field-Banking Password").fill("any")
    at("submit").click()
    at("option-").first.wait_for()
    at("submit").click()
    at("done").click()


# The page's blocks in their order: what is in them, the way through, and what the app says at its end.
WAYS = {
    "widgetSdk": (of_mx, r"connected MBR-[-0-9a-f]{36}"),
    "shim.js": (of_mono, r"linked code_\w+"),
    "connect-web-sdk": (of_finicity, r"complete 200"),
}


def test_every_block_is_run() -> None:
    assert [language for language, _ in BLOCKS] == ["html"] * len(WAYS)
    assert text_of("frontend").count("```") == 2 * len(WAYS)


@pytest.mark.parametrize(("name", "block"), list(zip(WAYS, [body for _, body in BLOCKS], strict=True)), ids=[*WAYS])
def test_a_block_is_a_page_that_connects_a_bank(app: App, context: Any, tmp_path: Path, name: str, block: str) -> None:
    assert name in block
    walk, said = WAYS[name]
    partner = Partner(app)

    def your_backend(call: str, body: Any) -> Any:
        method, path = call.split(" ")
        finicity = path.removeprefix("/finicity")
        return app.mx(method, path, body) if finicity == path else partner.call(method, finicity, body)

    html = f'<!doctype html><link rel="icon" href="data:,"><body>{block.replace(HERE, app.base)}</body>'
    (tmp_path / "index.html").write_text(html, "utf-8")
    (tmp_path / "node_modules").symlink_to(NODE)
    page = context.new_page()
    page.expose_function("yourBackend", your_backend)
    with serving(tmp_path) as url:
        page.goto(url)
        frame = page.frame_locator("iframe")
        with page.expect_console_message(lambda line: re.fullmatch(said, line.text) is not None):
            walk(lambda id: frame.locator(f'[data-testid^="{id}"]:visible'))
