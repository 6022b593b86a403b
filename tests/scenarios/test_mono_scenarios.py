"""Every bundled Mono scenario, played over HTTP on a manual clock that starts at noon: statuses, data and callbacks, in
their order.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from mocksrv.server import bundled_scenarios
from tests.conftest import Receiver
from tests.providers.mono.client import SECRET, Mono

NAMES = ["no-new-data", "reauthorisation-required", "sync-failed", "synced"]
FOLDER = bundled_scenarios() / "mono"
LINKED = ["account_connected", "account_updated"]


@pytest.fixture
def mono(make_server: Callable[..., Any], receiver: Receiver) -> Mono:
    _, app = make_server()
    return Mono(app, receiver)


def test_they_are_those_that_are_promised() -> None:
    assert sorted(path.stem for path in FOLDER.iterdir()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_comment(name: str) -> None:
    text = (FOLDER / f"{name}.yaml").read_text("utf-8")
    comment = re.match(r"(#.*\n)+", text)
    assert comment, "a file begins with its comment"
    for topic in ("Your app:", "Choose it:", "Vary it:"):
        assert f"\n# {topic} " in comment[0]
    assert max(map(len, text.splitlines())) <= 124


@pytest.mark.parametrize("name", NAMES)
def test_it_is_played_by_a_test(name: str) -> None:
    tree = ast.parse(Path(__file__).read_text("utf-8"))
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    assert name in {
        each.value for function in functions for each in ast.walk(function) if isinstance(each, ast.Constant)
    }


def timeline(mono: Mono, id: str) -> list[str]:
    """When and what an account was: `2026-01-02T00:00 AVAILABLE`."""
    return [
        f"{moment['at'][:16]} {moment['status']}"
        for moment in mono.control("GET", f"/subjects/{id}")["timeline"]
        if moment["status"]
    ]


def test_synced(mono: Mono) -> None:
    id = mono.link("synced")
    assert mono.events() == LINKED
    before = mono.transactions(id)
    mono.midnight()
    assert mono.news() == [{"event": "mono.events.account_synced", "data": {"account": id, "updated": True}}]
    after = mono.transactions(id)
    assert len(after) > len(before)
    assert after[-len(before) :] == before
    mono.midnight()
    assert mono.news() == [{"event": "mono.events.account_synced", "data": {"account": id, "updated": True}}]
    noon, one, two = "2026-01-01T12:00", "2026-01-02T00:00", "2026-01-03T00:00"
    assert timeline(mono, id) == [f"{noon} PROCESSING", f"{noon} AVAILABLE", f"{one} AVAILABLE", f"{two} AVAILABLE"]


def test_synced_is_what_is_played_when_nothing_was_chosen(mono: Mono) -> None:
    id = mono.link()
    assert mono.control("GET", f"/subjects/{id}")["scenario"] == "synced"


def test_a_callback_comes_at_midnight_with_the_secret(mono: Mono) -> None:
    mono.link("synced")
    mono.news()
    mono.advance("3d")
    assert [item["headers"]["mono-webhook-secret"] for item in mono.receiver.received] == [SECRET] * 3
    moments = [parsedate_to_datetime(item["headers"]["Date"]).isoformat() for item in mono.receiver.received]
    assert moments == ["2026-01-02T00:00:00+00:00", "2026-01-03T00:00:00+00:00", "2026-01-04T00:00:00+00:00"]


def test_no_new_data(mono: Mono) -> None:
    id = mono.link("no-new-data")
    assert mono.events() == LINKED
    before = mono.call("GET", f"/v2/accounts/{id}/balance")["data"], mono.transactions(id)
    for _ in range(3):
        mono.midnight()
        assert mono.news() == [{"event": "mono.events.account_synced", "data": {"account": id, "updated": False}}]
    assert (mono.call("GET", f"/v2/accounts/{id}/balance")["data"], mono.transactions(id)) == before
    assert mono.call("POST", f"/accounts/{id}/sync")["hasNewData"] is False


def test_sync_failed(mono: Mono) -> None:
    id = mono.link("sync-failed")
    assert mono.events() == LINKED
    before = mono.transactions(id)
    for _ in range(2):
        mono.midnight()
        assert mono.news() == [{"event": "mono.events.sync_failed", "data": {"account": {"_id": id}}}]
        assert mono.status(id) == "SYNC_FAILED"
    assert mono.transactions(id) == before
    assert mono.call("GET", f"/v2/accounts/{id}")["data"]["meta"]["data_status"] == "AVAILABLE"
    answer = mono.call("POST", f"/accounts/{id}/sync")
    assert (answer["status"], answer["code"]) == ("failed", "SYNC_ERROR")
    assert mono.events() == []
    mono.control("PUT", f"/subjects/{id}/scenario", {"scenario": "synced"})
    mono.midnight()
    assert mono.events() == ["account_synced"]


def test_reauthorisation_required(mono: Mono) -> None:
    id = mono.link("reauthorisation-required")
    assert mono.events() == LINKED
    mono.midnight()
    assert mono.news() == [{"event": "mono.events.reauthorisation_required", "data": {"account": {"_id": id}}}]
    assert mono.call("POST", f"/accounts/{id}/sync")["code"] == "REAUTHORISATION_REQUIRED"
    mono.midnight()
    assert "account_synced" not in mono.events()
    token = mono.call("POST", f"/accounts/{id}/reauthorise")["token"]
    assert mono.connect(token=token).startswith("code_")
    assert mono.news() == [{"event": "mono.events.account_reauthorized", "data": {"account": {"_id": id}}}]
    mono.advance("1s")
    assert mono.events() == ["account_updated"]
    mono.midnight()
    assert mono.news() == [{"event": "mono.events.account_synced", "data": {"account": id, "updated": True}}]
    assert mono.call("POST", f"/accounts/{id}/sync")["code"] == "SYNC_SUCCESSFUL"
    mono.news()
    mono.midnight()
    assert mono.events() == ["account_synced"]
    scenario = mono.control("GET", f"/subjects/{id}")["scenario"]
    assert scenario == "reauthorisation-required"
