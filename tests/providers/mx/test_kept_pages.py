"""Pages of lists are made once until their sandbox changes: what is read is always what there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import MX, started

V2 = {"Accept": "application/json", "Accept-Version": "v20250224"}
OF_USER = ("accounts", "transactions", "investment_holdings", "insights")


def listed(mx: MX, path: str, **more: Any) -> Any:
    """A page, read twice: the same bytes."""
    first, again = mx.call("GET", path, **more), mx.call("GET", path, **more)
    assert first == again
    return first


def connected(mx: MX) -> str:
    """A user with the data of MX Bank."""
    user = mx.user()
    mx.create(user)
    mx.advance("10s")
    return user


@pytest.mark.parametrize("name", OF_USER)
def test_what_a_job_brings_is_on_the_next_page(mx: MX, name: str) -> None:
    user = mx.user()
    path = f"/users/{user}/{name}"
    assert listed(mx, path)[name] == []
    mx.create(user)
    mx.advance("10s")
    assert listed(mx, path)[name]


def change_account(mx: MX, user: str) -> str:
    account = mx.call("GET", f"/users/{user}/accounts")["accounts"][0]
    path = f"/users/{user}/members/{account['member_guid']}/accounts/{account['guid']}"
    mx.call("PUT", path, {"account": {"metadata": "changed"}})
    return f"/users/{user}/accounts"


def change_transaction(mx: MX, user: str) -> str:
    transaction = mx.call("GET", f"/users/{user}/transactions")["transactions"][0]
    mx.call("PUT", f"/users/{user}/transactions/{transaction['guid']}", {"transaction": {"description": "changed"}})
    return f"/users/{user}/transactions"


def change_user(mx: MX, user: str) -> str:
    mx.call("PUT", f"/users/{user}", {"user": {"email": "changed@example.com"}})
    return "/users"


@pytest.mark.parametrize("change", [change_account, change_transaction, change_user])
def test_a_change_is_on_the_next_page(mx: MX, change: Callable[[MX, str], str]) -> None:
    user = connected(mx)
    for path in ("/users", *(f"/users/{user}/{name}" for name in OF_USER)):
        assert "changed" not in str(listed(mx, path))
    assert "changed" in str(listed(mx, change(mx, user)))


def test_a_change_of_the_user_is_on_the_pages_of_what_is_the_users(mx: MX) -> None:
    user = connected(mx)
    path = f"/users/{user}/transactions"
    assert listed(mx, path)["transactions"][0]["user_id"] is None
    mx.call("PUT", f"/users/{user}", {"user": {"id": "mine"}})
    assert listed(mx, path)["transactions"][0]["user_id"] == "mine"


def test_each_version_has_pages_of_its_own(mx: MX) -> None:
    path = f"/users/{connected(mx)}/accounts"
    old, new = listed(mx, path)["accounts"][0], listed(mx, path, headers=V2)["accounts"][0]
    assert "institution_guid" in old
    assert "institution_guid" not in new
    assert listed(mx, path)["accounts"][0] == old


def test_each_query_has_pages_of_its_own(mx: MX) -> None:
    path = f"/users/{connected(mx)}/transactions"
    pages = [listed(mx, f"{path}?records_per_page=10&page={page}") for page in (1, 2, 1)]
    assert [page["pagination"]["current_page"] for page in pages] == [1, 2, 1]
    assert pages[0] == pages[2]
    assert pages[0]["transactions"] != pages[1]["transactions"]
    assert "merchant" in listed(mx, f"{path}?includes=merchants")["transactions"][0]


def test_a_page_of_days_moves_with_the_days(mx: MX) -> None:
    """Without dates a list shows the last 120 days."""
    path = f"/users/{connected(mx)}/transactions?records_per_page=1000"
    before = {each["guid"] for each in listed(mx, path)["transactions"]}
    mx.advance("90d")
    assert before - {each["guid"] for each in listed(mx, path)["transactions"]}


def test_sandboxes_share_no_page_nor_does_one_that_has_the_name_of_another() -> None:
    """With a seed their users have the same guids."""
    engine, app = started(seed=7)
    try:
        one, other = MX(app), MX(app, "other")
        one.user(email="one@example.com")
        assert "one@" in str(listed(one, "/users"))
        assert listed(other, "/users")["users"] == []
        for email in ("first@example.com", "second@example.com"):
            other.user(email=email)
            assert [user["email"] for user in listed(other, "/users")["users"]] == [email]
            other.control("DELETE", "/sandbox", status=204)
        one.control("POST", "/reset")
        one.user(email="two@example.com")
        assert [user["email"] for user in listed(one, "/users")["users"]] == ["two@example.com"]
    finally:
        engine.close()
