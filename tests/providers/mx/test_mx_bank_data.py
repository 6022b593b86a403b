"""What MX's own test institutions show, and the guids that are the same in every sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import MX
from tests.providers.mx.discrepancies import IN_V2


@pytest.fixture
def user(mx: MX) -> str:
    """A user with a member of MX Bank."""
    user = mx.user()
    mx.create(user)
    mx.advance("10s")
    return user


@pytest.fixture
def rows(mx: MX, user: str) -> list[dict[str, Any]]:
    """All transactions of MX Bank."""
    found: list[dict[str, Any]] = mx.call("GET", f"/users/{user}/transactions?records_per_page=1000")["transactions"]
    assert len(found) == 910
    return found


def test_paychecks_are_direct_deposits(rows: list[dict[str, Any]]) -> None:
    assert {row["description"] for row in rows if row["is_income"]} == {"Paycheck"}
    assert [row["guid"] for row in rows if row["is_direct_deposit"]] == [r["guid"] for r in rows if r["is_income"]]


def test_nine_of_ten_have_a_merchant(rows: list[dict[str, Any]]) -> None:
    assert 0.85 < sum(row["merchant_guid"] is not None for row in rows) / len(rows) < 0.95


def test_netflix_is_television(rows: list[dict[str, Any]]) -> None:
    assert {row["category"] for row in rows if row["description"] == "Netflix.com"} == {"Television"}


def test_the_mortgage_is_small(mx: MX, user: str) -> None:
    accounts = {each["type"]: each for each in mx.call("GET", f"/users/{user}/accounts")["accounts"]}
    assert accounts["MORTGAGE"]["balance"] == 10000.0


def test_whole_amounts_keep_their_point(mx: MX, user: str) -> None:
    answer = mx.http.get(
        f"/users/{user}/accounts", headers={"Accept": "application/vnd.mx.api.v1+json"}, auth=("a", "b")
    )
    assert '"balance":500000.0' in answer.get_data(as_text=True).replace(": ", ":")


def test_guids_of_mx(mx: MX) -> None:
    institution = mx.call("GET", "/institutions/mxcu_oauth", headers=IN_V2)["institution"]
    assert institution["guid"] == "INS-57db361e-a9d1-45e0-87e4-b67a968a15a0"
    assert "transaction_history" not in institution["supported_products"]
    category = mx.call("GET", "/categories/CAT-006862be-64a0-e778-f035-0936445b9c16")["category"]
    assert category["name"] == "Restaurants"
    merchant = mx.call("GET", "/merchants/MCH-d788bf42-44fd-a266-cf73-721b6dfb92c9")["merchant"]
    assert merchant["name"] == "Olive Garden"
