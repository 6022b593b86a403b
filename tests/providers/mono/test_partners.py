"""The Partners API: linking and reauthorising in sessions, without the widget."""

from __future__ import annotations

from typing import Any

import pytest

from tests.providers.mono.client import Mono

ZENITH = "5f2d08bf60b92e2888287704"
SESSION: dict[str, Any] = {
    "institution": ZENITH,
    "auth_method": "internet_banking",
    "scope": "financial_data",
    "customer": {"name": "Ada Obi", "email": "ada@example.com"},
}
GOOD = {"username": "user_good", "password": "123456"}


def opened(mono: Mono, **other: Any) -> dict[str, Any]:
    data: dict[str, Any] = mono.call("POST", "/v2/connect/session", SESSION | other)["data"]
    return data


def test_a_session(mono: Mono) -> None:
    data = opened(mono)
    session = data["session"]
    assert list(session) == ["id", "scope", "expiresAt", "institution"]
    assert session["expiresAt"] == 1_767_268_800_000 + 600_000
    assert session["institution"] == {"id": ZENITH, "name": "Zenith Bank", "identifier": "zenith-bank"}
    assert [field["name"] for field in data["ui"]["form"]] == ["username", "password"]


def test_a_login_links_an_account(mono: Mono) -> None:
    session = opened(mono)["session"]["id"]
    credentials = mono.call("GET", "/v2/connect/sandbox", x_session_id=session)["data"]["credentials"]
    assert {"hasMultipleAccounts": False, "values": GOOD} in credentials
    answer = mono.call("POST", "/v2/connect/login", credentials[0]["values"], x_session_id=session)
    assert answer["responseCode"] == 99
    id = mono.call("POST", "/v2/accounts/auth", {"code": answer["data"]["code"]})["id"]
    mono.advance("1s")
    assert mono.events() == ["account_connected", "account_updated"]
    details = mono.call("GET", f"/v2/accounts/{id}")["data"]
    assert details["account"]["institution"]["name"] == "Zenith Bank"
    refused = mono.call("POST", "/v2/connect/login", GOOD, x_session_id=session, status=400)
    assert "invalid or has expired" in refused["message"]


def test_scenarios_are_chosen_as_everywhere(mono: Mono) -> None:
    session = opened(mono, institution="mock_sync-failed")["session"]["id"]
    code = mono.call("POST", "/v2/connect/login", GOOD, x_session_id=session)["data"]["code"]
    id = mono.call("POST", "/v2/accounts/auth", {"code": code})["id"]
    assert mono.control("GET", f"/subjects/{id}")["scenario"] == "sync-failed"


@pytest.mark.parametrize("typed", [{}, {"username": "x"}, {"username": "x", "password": " "}, {"username": 5}])
def test_bad_credentials(mono: Mono, typed: dict[str, Any]) -> None:
    session = opened(mono)["session"]["id"]
    refused = mono.call("POST", "/v2/connect/login", typed, x_session_id=session, status=400)
    assert (refused["status"], refused["responseCode"], refused["data"]["code"]) == ("failed", 400, None)
    assert mono.call("POST", "/v2/connect/login", GOOD, x_session_id=session)["responseCode"] == 99


@pytest.mark.parametrize(
    ("changed", "status", "words"),
    [
        ({"institution": "nowhere"}, 404, "Institution with ID nowhere"),
        ({"auth_method": "telepathy"}, 400, "internet_banking, mobile_banking"),
        ({"institution": "Kuda"}, 400, "auth_method must be mobile_banking"),
        ({"scope": "payments"}, 400, "financial_data"),
        ({"customer": {}}, 400, "customer.name"),
        ({"customer": {"id": "nobody"}}, 404, "nobody"),
        ({"customer": None}, 400, "customer"),
    ],
)
def test_a_session_that_cannot_be_opened(mono: Mono, changed: dict[str, Any], status: int, words: str) -> None:
    assert words in mono.call("POST", "/v2/connect/session", SESSION | changed, status=status)["message"]


@pytest.mark.parametrize("path", ["login", "reauth/login"])
def test_a_session_that_is_none(mono: Mono, path: str) -> None:
    assert "x-session-id" in mono.call("POST", f"/v2/connect/{path}", GOOD, status=400)["message"]
    for session in ("0" * 24, opened(mono)["session"]["id"]):
        mono.advance("10m")
        refused = mono.call("POST", f"/v2/connect/{path}", GOOD, x_session_id=session, status=400)
        assert "invalid or has expired" in refused["message"]
    mono.call("GET", "/v2/connect/sandbox", status=400)


def test_each_session_has_its_login(mono: Mono) -> None:
    session = opened(mono)["session"]["id"]
    refused = mono.call("POST", "/v2/connect/reauth/login", GOOD, x_session_id=session, status=400)
    assert "/v2/connect/login" in refused["message"]
    answer = mono.ask("POST", "/v2/connect/reauth/session", {"account": mono.link()})
    again = answer.headers["x-session-id"]
    refused = mono.call("POST", "/v2/connect/login", GOOD, x_session_id=again, status=400)
    assert "/v2/connect/reauth/login" in refused["message"]


def test_reauthorising(mono: Mono) -> None:
    id = mono.link("reauthorisation-required")
    mono.midnight()
    mono.news()
    data = mono.call("POST", "/v2/connect/reauth/session", {"account": id})["data"]
    assert (data["responseCode"], list(data)) == (99, ["responseCode", "code"])
    mono.advance("1s")
    assert mono.events() == ["account_reauthorized", "account_updated"]
    assert mono.call("POST", "/v2/accounts/auth", {"code": data["code"]})["id"] == id


def test_a_reauthorisation_that_needs_a_login(mono: Mono) -> None:
    again = "[{status: REAUTHORISATION_REQUIRED}]"
    mono.script(f"midnight: {again}\nreauthorise: {again}")
    id = mono.link("mine")
    mono.midnight()
    answer = mono.ask("POST", "/v2/connect/reauth/session", {"account": id})
    assert (answer.status_code, answer.get_json()["data"]) == (400, {"responseCode": 400, "code": None})
    session = answer.headers["x-session-id"]
    mono.control("PUT", f"/subjects/{id}/scenario", {"scenario": "synced"})
    mono.call("POST", "/v2/connect/reauth/login", {"username": "x"}, x_session_id=session, status=400)
    data = mono.call("POST", "/v2/connect/reauth/login", GOOD, x_session_id=session)["data"]
    assert data["responseCode"] == 99
    mono.call("POST", "/v2/connect/reauth/session", {}, status=400)
    mono.call("POST", "/v2/connect/reauth/session", {"account": "0" * 24}, status=404)
