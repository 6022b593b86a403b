"""What an end user and a developer are told of each of the 22 connection statuses."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from mocksrv.providers.mx.events import statuses
from tests.conftest import MX, SHARED, Receiver

BUNDLED = Path(statuses.__file__).with_name("status_messages.csv")
REFERENCE = SHARED / "reference" / "mx-status-messages.csv"
RAISING = {"CHALLENGED", "DENIED", "EXPIRED", "IMPAIRED", "IMPEDED", "LOCKED", "PREVENTED", "REJECTED"}
ERRORS = {
    "PREVENTED": 2005,
    "DENIED": 2005,
    "REJECTED": 2002,
    "DEGRADED": 3002,
    "DISCONNECTED": 3002,
    "FAILED": 3000,
    "EXPIRED": 2003,
    "IMPAIRED": 2004,
}


def read(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


ROWS = [row for row in read(BUNDLED) if row["connection_status"] != "null"]


@pytest.fixture
def user(mx: MX) -> str:
    return mx.user(id="customer-42")


def member_in(mx: MX, user: str, status: str) -> dict[str, Any]:
    """A member that was pushed into a status: as the API shows it."""
    if status == "PENDING":
        body = {"institution_code": "mx_bank_oauth", "is_oauth": True}
        guid = mx.call("POST", f"/users/{user}/members", {"member": body})["member"]["guid"]
    else:
        guid = mx.create(user)["guid"]
        mx.advance("10s")
        mx.control("PUT", f"/subjects/{guid}/status", {"status": status})
    return dict(mx.call("GET", f"/users/{user}/members/{guid}")["member"])


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference is not beside the project")
def test_the_messages_are_those_of_the_reference() -> None:
    assert read(BUNDLED) == read(REFERENCE)


def test_all_statuses_have_a_row_with_their_number() -> None:
    numbers = {row["connection_status"]: row["connection_status_id"] for row in ROWS}
    assert numbers == {name: str(status.number) for name, status in statuses.STATUSES.items()}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["connection_status"])
def test_api_and_callbacks_say_the_same(mx: MX, receiver: Receiver, user: str, row: dict[str, str]) -> None:
    status, text = row["connection_status"], row["connection_status_message"]
    shown = member_in(mx, user, status)
    expected = text.replace("{name}", shown["name"]) or None
    assert (shown["connection_status"], shown["connection_status_message"]) == (status, expected)
    mx.advance("0s")
    told = [body["member"] for body in receiver.bodies() if "member" in body][-1]
    assert (told["connection_status"], told["connection_status_message"]) == (status, expected)
    raised = [body for body in receiver.bodies() if body.get("type") == "CONNECTION_STATUS"]
    assert [each["connection_status_message"] for each in raised] == ([expected] if status in RAISING else [])


@pytest.mark.parametrize("status", [row["connection_status"] for row in ROWS])
def test_an_error_is_said_in_sentences(mx: MX, user: str, status: str) -> None:
    """Of the statuses that are an error: its number, a sentence for the developer and one for the user."""
    error = member_in(mx, user, status)["error"]
    assert error.get("error_code") == ERRORS.get(status)
    if error:
        assert (error["error_type"], error["locale"]) == ("MEMBER", "en")
        for text in (error["error_message"], error["user_message"]):
            assert " " in text
            assert text.endswith(".")
