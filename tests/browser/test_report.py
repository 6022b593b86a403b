"""The page that `mocksrv report --html` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import requests

import mocksrv
from mocksrv.cli.report_files import as_html
from mocksrv.reporting import told
from tests.browser.conftest import MX_HEADERS

LONG = f"/users/USR-{'0' * 8}-1111-2222-3333-{'4' * 12}/members/MBR-{'5' * 8}-6666-7777-8888-{'9' * 12}/accounts"


def test_what_broke_a_rule_is_in_view_beside_a_long_path(context: Any, server: mocksrv.Server, tmp_path: Path) -> None:
    with_long_path = server.sandbox("report")
    requests.get(f"{with_long_path.base_url}{LONG}?pag=1", headers=MX_HEADERS, auth=("any", "key"), timeout=30)
    assert [each["path"] for each in with_long_path.violations] == [LONG]
    file = tmp_path / "report.html"
    file.write_text(as_html(told("report", with_long_path.control)), "utf-8")
    page = context.new_page()
    page.set_viewport_size({"width": 1024, "height": 800})
    page.goto(file.as_uri())
    wider = "[...document.querySelectorAll('.scroll')].some(each => each.scrollWidth > each.clientWidth)"
    assert page.evaluate(wider) is False
