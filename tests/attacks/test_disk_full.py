"""A full disk: changes are refused, reads go on, nothing is lost, and all recovers without a restart."""

from __future__ import annotations

import logging
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mocksrv.engine.engine import Engine
from mocksrv.web.app import App
from tests import postgres
from tests.attacks.test_fairness import wait_until
from tests.conftest import MX, Receiver
from tests.providers.mx.pages.test_widget_pages import widget

PING = {"event": "mx.member.updated"}


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process grows meanwhile."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


pytestmark = postgres.of_sqlite("files that cannot grow")


@pytest.fixture(params=["file", "temporary"])
def mx(
    request: pytest.FixtureRequest,
    make_server: Callable[..., tuple[Engine, App]],
    receiver: Receiver,
    tmp_path: Path,
) -> MX:
    file = {"database": str(tmp_path / "state.db")} if request.param == "file" else {}
    return MX(make_server(webhook_url=receiver.url, **file)[1])


def test_changes_are_refused_and_reads_go_on(mx: MX) -> None:
    user = mx.user()
    with full_disk():
        refused = mx.call("POST", "/users", {"user": {"metadata": "x"}}, status=507)
        assert "nothing can be written" in refused["error"]["message"]
        problem = mx.control("PUT", "/bindings", {"default": "mx/connected"}, status=507)
        assert problem["status"] == 507
        assert mx.call("GET", f"/users/{user}")["user"]["guid"] == user
        assert mx.control("GET", "/clock")["mode"] == "manual"
    assert mx.call("GET", f"/users/{mx.user()}")["user"]["metadata"] == "test"
    assert len(mx.call("GET", "/users")["users"]) == 2


def test_a_page_of_a_provider_says_so_and_goes_on(mx: MX) -> None:
    link = widget(mx, mx.user())
    with full_disk():
        page = mx.http.get(link)
        assert (page.status_code, "nothing can be written" in page.text) == (507, True)
    assert "Select your institution" in mx.http.get(link, follow_redirects=True).text


def test_callbacks_pause_and_go_on(mx: MX, receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    full, owed = full_disk(), threading.Event()

    def fill(item: dict[str, Any]) -> None:
        if len(receiver.received) == 1:
            owed.wait(10)
            full.__enter__()

    receiver.on_receive = fill  # type: ignore[method-assign]
    caplog.set_level(logging.ERROR, "mocksrv")
    events = [mx.control("POST", "/trigger", PING)["webhooks"][0]["id"] for _ in range(3)]
    owed.set()
    wait_until(lambda: "changes are refused and callbacks pause" in caplog.text)
    sent = len(receiver.received)
    full.__exit__(None, None, None)
    wait_until(lambda: all(state(mx, event) == "delivered" for event in events), 20)
    assert len(receiver.received) <= sent + len(events)
    assert [len(attempts(mx, event)) for event in events] == [1, 1, 1]


def state(mx: MX, event: str) -> str:
    told: str = mx.control("GET", f"/webhooks/{event}")["deliveries"][0]["state"]
    return told


def attempts(mx: MX, event: str) -> list[object]:
    made: list[object] = mx.control("GET", f"/webhooks/{event}")["deliveries"][0]["attempts"]
    return made
