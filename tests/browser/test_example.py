"""examples/frontend connects a bank, as its README says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import NODE, App

EXAMPLE = Path(__file__).parents[2] / "examples" / "frontend"


@pytest.fixture
def page(app: App, context: Any, tmp_path: Path) -> Iterator[Any]:
    """The example's page."""
    folder = Path(shutil.copytree(EXAMPLE, tmp_path / "frontend", ignore=shutil.ignore_patterns("node_modules")))
    (folder / "node_modules").symlink_to(NODE)
    urls = {"MX_BASE_URL": app.base, "MONO_BASE_URL": f"{app.base}/mono", "FINICITY_BASE_URL": f"{app.base}/finicity"}
    env = {**os.environ, **urls, "PORT": "0"}
    with subprocess.Popen([sys.executable, "server.py"], cwd=folder, env=env, stdout=subprocess.PIPE, text=True) as run:
        try:
            assert run.stdout
            opened = context.new_page()
            opened.goto(run.stdout.readline().strip())
            yield opened
        finally:
            run.terminate()


def test_the_example_connects_a_bank_and_shows_its_accounts(page: Any) -> None:
    page.locator("#connect").click()
    widget = page.frame_locator("iframe")
    widget.locator('[data-testid="institution-mxbank"]').click()
    widget.locator('[data-testid="field-LOGIN"]').fill("mxuser")
    widget.locator('[data-testid="field-PASSWORD"]').fill("any")
    widget.locator('[data-testid="submit"]').click()
    page.locator("#accounts li").first.wait_for()
    told = page.locator("#log").inner_text()
    assert "loaded, at search" in told
    assert "connecting > connected" in told


def test_the_example_links_an_account_with_mono_and_shows_it(page: Any) -> None:
    page.locator("#link").click()
    widget = page.frame_locator("iframe")
    widget.get_by_text("Zenith Bank").click()
    for field in ("field-username", "field-password"):
        widget.locator(f'[data-testid="{field}"]').fill("any")
    widget.locator('[data-testid="submit"]').click()
    widget.locator('[data-testid="challenge-1"]').fill("1234")
    widget.locator('[data-testid="submit"]').click()
    widget.locator('[data-testid="option-1"]').wait_for()
    widget.locator('[data-testid="submit"]').click()
    widget.locator('[data-testid="done"]').click()
    page.locator("#accounts li").first.wait_for()
    assert page.locator("#accounts li").inner_text()[-10:].isdecimal()
    told = page.locator("#log").inner_text().split()
    assert told.index("INSTITUTION_SELECTED") < told.index("ACCOUNT_LINKED") < told.index("SUCCESS")


def test_the_example_adds_accounts_with_finicity_and_shows_them(page: Any) -> None:
    page.locator("#add").click()
    connect = page.frame_locator("iframe")
    connect.locator('[data-testid="submit"]').click()
    connect.locator('[data-testid="institution-101732"]').click()
    for field in ("field-Banking Userid", "field-Banking Password"):
        connect.locator(f'[data-testid="{field}"]').fill("any")
    connect.locator('[data-testid="submit"]').click()
    connect.locator("input[type=checkbox]").first.uncheck()
    connect.locator('[data-testid="submit"]').click()
    connect.locator('[data-testid="done"]').click()
    page.locator("#accounts li").first.wait_for()
    assert page.locator("#accounts li").count() == 2
    told = page.locator("#log").inner_text()
    assert told.index("screen sign-in") < told.index("AddAccounts true") < told.index("complete")
