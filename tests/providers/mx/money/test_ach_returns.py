"""ACH returns: reported, found again, investigated."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import MX

V2 = {"Accept": "application/json", "Accept-Version": "v20250224"}


@pytest.fixture
def parties(mx: MX) -> dict[str, str]:
    """A user with a connected member and an account."""
    user = mx.user()
    member = mx.create(user)["guid"]
    mx.advance("1m")
    account = mx.call("GET", f"/users/{user}/accounts")["accounts"][0]["guid"]
    return {"user_guid": user, "member_guid": member, "account_guid": account}


def report(
    mx: MX, parties: dict[str, str], id: str = "r-1", *, status: int | None = None, headers: Any = None, **fields: Any
) -> Any:
    body = {"ach_return": {**parties, "id": id, "return_code": "R01", **fields}}
    answer = mx.call("POST", "/ach_returns", body, status=status, headers=headers)
    return answer if status else answer["ach_return"]


def ids(mx: MX, query: str = "") -> list[str]:
    return [each["id"] for each in mx.call("GET", f"/ach_returns{query}")["ach_returns"]]


@pytest.mark.parametrize("headers", [None, V2])
def test_a_return_is_submitted(mx: MX, parties: dict[str, str], headers: Any) -> None:
    more = {
        "returned_at": "2025-02-13",
        "ach_initiated_at": "2025-02-12T18:08:00+00:00",
        "transaction_amount": 225.84,
        "sec_code": "PPD",
    }
    made = report(mx, parties, account_number_last_four="0685", headers=headers, **more)
    assert made.items() >= parties.items()
    assert (made["guid"][:4], made["client_guid"][:4]) == ("ACH-", "CLT-")
    assert (made["return_status"], made["submitted_at"], made["resolved_status_at"]) == (
        "SUBMITTED",
        "2026-01-01T12:01:00Z",
        None,
    )
    assert (made["returned_at"], made["ach_initiated_at"]) == ("2025-02-13T00:00:00Z", "2025-02-12T18:08:00Z")
    assert (made["account_type"], made["institution_guid"]) == ("CHECKING", "INS-1572a04c-912b-59bf-5841-332c7dfafaef")
    assert (made["transaction_amount"], made["sec_code"], made["account_number_last_four"]) == (225.84, "PPD", "0685")
    for identifier in ("r-1", made["guid"]):
        assert mx.call("GET", f"/ach_returns/{identifier}", headers=headers)["ach_return"] == made


def test_a_return_is_investigated(mx: MX, parties: dict[str, str]) -> None:
    report(mx, parties, "r-1")
    report(mx, parties, "r-2", return_code="C01", corrected_account_number="123")
    mx.advance("1h")
    assert ids(mx, "?return_status=PROCESSING") == ["r-1", "r-2"]
    mx.advance("1d")
    plain, notice = mx.call("GET", "/ach_returns")["ach_returns"]
    assert (plain["return_status"], plain["resolution_code"]) == ("RESOLVED", None)
    assert (notice["return_status"], notice["resolution_code"]) == ("RESOLVED", "NOTICE_OF_CHANGE")
    assert (plain["started_processing_at"], plain["resolved_status_at"]) == (
        "2026-01-01T13:01:00Z",
        "2026-01-02T13:01:00Z",
    )


def test_filters(mx: MX, parties: dict[str, str]) -> None:
    report(mx, parties, "old", returned_at="2025-02-13T18:09:00+00:00")
    report(mx, parties, "new", returned_at="2025-02-14", return_code="R02")
    report(mx, parties, "undated", return_code="R02")
    assert ids(mx, "?return_code=R02") == ["new", "undated"]
    assert ids(mx, "?returned_at=2025-02-13") == ["old"]
    assert ids(mx, "?returned_at=2025-02-13T18:09:00%2B00:00") == ["old"]
    assert ids(mx, "?returned_at=2025-02-13T18:09:00+00:00") == ["old"]
    assert ids(mx, "?returned_at=2025-02-13T18:09:01Z") == []
    assert ids(mx, "?return_status=RESOLVED") == []
    assert ids(mx, "?institution_guid=INS-1572a04c-912b-59bf-5841-332c7dfafaef&return_code=R01") == ["old"]
    assert ids(mx, "?institution_guid=INS-0") == []
    mx.advance("2d")
    assert ids(mx, "?resolved_status_at=2026-01-02&return_status=RESOLVED") == ["old", "new", "undated"]
    assert ids(mx, "?resolved_status_at=2026-01-03") == []
    mx.call("GET", "/ach_returns?returned_at=yesterday", status=400)


def test_pages_have_10_to_100(mx: MX, parties: dict[str, str]) -> None:
    for n in range(12):
        report(mx, parties, f"r-{n}")
    assert ids(mx, "?records_per_page=10&page=2") == ["r-10", "r-11"]
    for size in (9, 101):
        assert mx.call("GET", f"/ach_returns?records_per_page={size}")["pagination"]["per_page"] == 25


def test_what_must_be_there(mx: MX, parties: dict[str, str]) -> None:
    for name in ("user_guid", "member_guid", "account_guid", "id", "return_code"):
        body = {"ach_return": {**parties, "id": "r-1", "return_code": "R01"}}
        del body["ach_return"][name]
        message = mx.call("POST", "/ach_returns", body, status=400)["error"]["message"]
        assert message == f"Required parameter missing: ach_return.{name}"
    mx.call("POST", "/ach_returns", {}, status=400)
    mx.call("GET", "/ach_returns/r-1", status=404)


def test_the_parties_belong_together(mx: MX, parties: dict[str, str]) -> None:
    other = mx.user()
    elsewhere = mx.create(other)["guid"]
    for wrong in ({"user_guid": "USR-0"}, {"user_guid": other}, {"member_guid": elsewhere}, {"account_guid": "ACT-0"}):
        report(mx, {**parties, **wrong}, status=404)
    assert ids(mx) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("return_code", "X1"),
        ("returned_at", "13/02/2025"),
        ("returned_at", "0001-01-01T00:00:00+14:00"),
        ("returned_at", 20250213),
        ("account_number_last_four", "12345"),
        ("sec_code", "web"),
        ("transaction_amount", "1"),
        ("corrected_account_number", "123"),  # R01 is no notice of change
        ("corrected_routing_number", "12"),
    ],
)
def test_bad_values(mx: MX, parties: dict[str, str], field: str, value: Any) -> None:
    assert field in report(mx, parties, status=422, **{field: value})["error"]["message"]


def test_an_id_is_used_once(mx: MX, parties: dict[str, str]) -> None:
    report(mx, parties)
    report(mx, parties, status=409)


def test_returns_go_with_their_user(mx: MX, parties: dict[str, str]) -> None:
    report(mx, parties)
    mx.call("DELETE", f"/users/{parties['user_guid']}", status=204)
    assert ids(mx) == []
    mx.advance("2d")
