"""``GET /metrics``: what Prometheus reads, driven by calls of a client and read by Prometheus's own parser."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mocksrv.engine.engine import Engine
from mocksrv.web.app import App
from tests.conftest import MX


def figures(mx: MX) -> dict[tuple[str, ...], float]:
    """Name and values of the labels -> value."""
    answer = mx.http.get("/_mocksrv/metrics")
    assert answer.status_code == 200
    assert answer.mimetype == "text/plain"
    families = text_string_to_metric_families(answer.get_data(as_text=True))
    return {(each.name, *each.labels.values()): each.value for family in families for each in family.samples}


def test_calls_statuses_events_and_attempts_are_counted_from_the_first_look(mx: MX) -> None:
    mx.user()
    assert not [name for name in figures(mx) if name[0] == "mocksrv_calls_total"]
    mx.control("PUT", "/bindings", {"next": ["denied"]})
    mx.create(mx.user())
    mx.advance("5s")
    mx.call("GET", "/users/USR-nobody", status=404)
    mx.http.get("/usres")
    seen = figures(mx)
    assert seen["mocksrv_calls_total", "createMember", "202"] == 1
    assert seen["mocksrv_calls_total", "readUser", "404"] == 1
    assert seen["mocksrv_calls_total", "", "404"] == 1
    assert seen["mocksrv_statuses_total", "DENIED"] == 1
    assert seen["mocksrv_events_total", "mx.connection_status.changed"] == 1
    assert seen["mocksrv_attempts_total", "delivered"] == 3
    assert seen["mocksrv_sandboxes",] == 1


def test_every_sandbox_counts(make_server: Callable[..., tuple[Engine, App]]) -> None:
    _, app = make_server()
    mx = MX(app)
    figures(mx)
    MX(app, "other").user()
    seen = figures(mx)
    assert seen["mocksrv_calls_total", "createUser", "200"] == 1
    assert seen["mocksrv_sandboxes",] == 2


def test_without_the_library_it_says_how_to_have_it(mx: MX, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "mocksrv.web.metrics", raising=False)
    assert "pip install 'mocksrv[metrics]'" in mx.control("GET", "/metrics", status=501)["detail"]
