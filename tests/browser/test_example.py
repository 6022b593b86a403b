"""examples/frontend connects a bank, as its README says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.browser.conftest import NODE, App

EXAMPLE = Path(__file__).parents[2] / "examples" / "frontend"


def test_the_example_connects_a_bank_and_shows_its_accounts(app: App, context: Any, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(EXAMPLE, tmp_path / "frontend", ignore=shutil.ignore_patterns("node_modules")))
    (folder / "node_modules").symlink_to(NODE)
    env = {**os.environ, "MX_BASE_URL": app.base, "PORT": "0"}
    with subprocess.Popen([sys.executable, "server.py"], cwd=folder, env=env, stdout=subprocess.PIPE, text=True) as run:
        try:
            assert run.stdout
            url = run.stdout.readline().strip()
            page = context.new_page()
            page.goto(url)
            page.locator("#connect").click()
            widget = page.frame_locator("iframe")
            widget.locator('[data-testid="institution-mxbank"]').click()
            widget.locator('[data-testid="field-LOGIN"]').fill("mxuser")
            widget.locator('[data-testid="field-PASSWORD"]').fill("any")
            widget.locator('[data-testid="submit"]').click()
            page.locator("#accounts li").first.wait_for()
            told = page.locator("#log").inner_text()
        finally:
            run.terminate()
    assert "loaded, at search" in told
    assert "connecting > connected" in told
