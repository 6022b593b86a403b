"""Notifications that a client sends to its users."""

from __future__ import annotations

from typing import Any

import pytest

from mocksrv.providers.mx.http.versions import V2
from tests.conftest import MX

NEW = {"Accept": "application/json", "Accept-Version": V2}


def send(mx: MX, user: str, subject: str = "Hello") -> Any:
    body = {"notification": {"content": "Your report is ready.", "subject": subject}}
    return mx.call("POST", f"/users/{user}/notifications", body, headers=NEW)["notification"]


def subjects(mx: MX, user: str, query: str = "", **more: Any) -> list[str]:
    return [each["subject"] for each in mx.call("GET", f"/users/{user}/notifications?{query}", **more)["notifications"]]


def test_the_new_version_has_it_in_the_body(mx: MX) -> None:
    user = mx.user()
    made = send(mx, user)
    assert made == {
        "channel": "PUSH",
        "content": "Your report is ready.",
        "created_at": "2026-01-01T12:00:00Z",
        "deep_link_guid": None,
        "delivered_at": None,
        "entity_guid": None,
        "guid": made["guid"],
        "has_been_delivered": False,
        "has_been_viewed": False,
        "notification_type": 11,
        "subject": "Hello",
        "threshold": None,
    }
    assert made["guid"].startswith("NTF-")
    assert mx.call("GET", f"/users/{user}/notifications/{made['guid']}", headers=NEW)["notification"] == made
    assert mx.call("GET", f"/users/{user}/notifications", headers=NEW) == {"notifications": [made]}


def test_the_old_version_has_it_in_the_query(mx: MX) -> None:
    user = mx.user()
    made = mx.call("POST", f"/users/{user}/notifications?content=Ready&subject=Hello%20you")["notification"]
    assert (made["content"], made["subject"], made["channel"], made["notification_type"]) == (
        "Ready",
        "Hello you",
        "PUSH",
        11,
    )
    assert not {"created_at", "threshold"} & made.keys()
    assert mx.call("GET", f"/users/{user}/notifications/{made['guid']}")["notification"] == made
    assert mx.call("GET", f"/users/{user}/notifications") == {"notifications": [made]}


@pytest.mark.parametrize("query", ["", "?content=x", "?subject=x"])
def test_the_old_version_needs_both_parameters(mx: MX, query: str) -> None:
    message = mx.call("POST", f"/users/{mx.user()}/notifications{query}", status=400)["error"]["message"]
    assert message.startswith("Required parameter missing: ")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"notification": {"content": "x"}}, 400),
        ({"notification": {"content": "x", "subject": 5}}, 422),
        ({"notification": {"content": "", "subject": "x"}}, 422),
    ],
)
def test_the_new_version_needs_both_members(mx: MX, body: Any, status: int) -> None:
    mx.call("POST", f"/users/{mx.user()}/notifications", body, status=status, headers=NEW)


def test_a_notification_is_its_users_own(mx: MX) -> None:
    user, stranger = mx.user(), mx.user()
    guid = send(mx, user)["guid"]
    mx.call("GET", f"/users/{stranger}/notifications/{guid}", status=404)
    mx.call("GET", "/users/USR-none/notifications", status=404)
    assert subjects(mx, stranger) == []


@pytest.mark.parametrize("headers", [{}, NEW])
def test_they_are_listed_in_pages_newest_first(mx: MX, headers: dict[str, str]) -> None:
    user = mx.user()
    for number in range(12):
        send(mx, user, f"No. {number}")
    assert subjects(mx, user, "records_per_page=10", headers=headers) == [
        f"No. {number}" for number in range(11, 1, -1)
    ]
    assert subjects(mx, user, "records_per_page=10&page=2", headers=headers) == ["No. 1", "No. 0"]
    assert subjects(mx, user, "page=2", headers=headers) == []


def test_the_old_version_filters_by_day(mx: MX) -> None:
    user = mx.user()
    for day in ("first", "second", "third"):
        send(mx, user, day)
        mx.advance("25h")
    assert subjects(mx, user, "from_date=2026-01-02") == ["third", "second"]
    assert subjects(mx, user, "to_date=2026-01-02") == ["second", "first"]
    assert subjects(mx, user, "from_date=2026-01-02&to_date=2026-01-02") == ["second"]
    mx.call("GET", f"/users/{user}/notifications?from_date=1767225600", status=400)
    assert subjects(mx, user, "from_date=2026-01-02", headers=NEW) == ["third", "second", "first"]
    mx.advance("120d")
    assert (subjects(mx, user), subjects(mx, user, "from_date=2026-01-01&to_date=2026-01-02")) == (
        [],
        ["second", "first"],
    )
