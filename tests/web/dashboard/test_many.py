"""Ten thousand rows stay quick: a page shows the newest of them, and costs what it shows."""

from __future__ import annotations

import time

import pytest

from mocksrv.web.dashboard.views import PAGE
from tests.conftest import MX
from tests.web.dashboard.test_views import ids, shown

MANY = 10_000
LONGEST = 0.25  # s of processor time; some 0.02 on an idle machine


@pytest.mark.slow
def test_views_of_ten_thousand_subjects_and_calls_are_bounded(mx: MX) -> None:
    for number in range(MANY):
        if number % 20 == 0:
            user = mx.user(id=f"customer-{number}")
        mx.create(user)
    for view in ("overview", "subjects", "webhooks", "requests", "subjects?q=CONNECTED", "trigger"):
        began = time.thread_time()
        page = shown(mx, f"/{view}")
        took = time.thread_time() - began
        print(f"{view}: {took * 1000:.0f} ms, {len(page):,} characters")
        assert took < LONGEST, view
        assert len(page) < 1000 * PAGE, view
    assert len(ids("subject", shown(mx, "/subjects"))) == PAGE
