"""Categories: the default tree, and a user's own under it."""

from __future__ import annotations

from typing import Any

import pytest

from mocksrv.providers.mx.bank.categories import BY_NAME, CATEGORIES
from mocksrv.providers.mx.http.versions import V2
from tests.conftest import MX

NEW = {"Accept": "application/json", "Accept-Version": V2}
SHOPPING, CLOTHING, INCOME, HOME = (BY_NAME[name].guid for name in ("Shopping", "Clothing", "Income", "Home"))


def create(mx: MX, user: str, name: str = "Online Shopping", parent: str = SHOPPING, **more: Any) -> Any:
    given = {"name": name, "parent_guid": parent, **more}
    return mx.call("POST", f"/users/{user}/categories", {"category": given})["category"]


def enter(mx: MX, user: str, category: str, **fields: Any) -> str:
    """A manual transaction's guid."""
    account = mx.call("POST", f"/users/{user}/accounts", {"account": {"account_type": "CHECKING", "name": "Cash box"}})[
        "account"
    ]["guid"]
    given = {
        "amount": 20,
        "date": "2026-01-01",
        "description": "Shop",
        "type": "DEBIT",
        "category_guid": category,
        **fields,
    }
    guid: str = mx.call("POST", f"/users/{user}/accounts/{account}/transactions", {"transaction": given})["guid"]
    return guid


def read(mx: MX, user: str, transaction: str) -> Any:
    return mx.call("GET", f"/users/{user}/transactions/{transaction}")["transactions"][0]


def payloads(mx: MX, event: str) -> list[Any]:
    return [each["payload"] for each in mx.control("GET", "/webhooks?limit=1000")["webhooks"] if each["event"] == event]


# the default tree


@pytest.mark.parametrize("headers", [{}, NEW])
def test_the_default_categories_are_the_same_for_all(mx: MX, headers: dict[str, str]) -> None:
    user = mx.user()
    found = mx.call("GET", "/categories/default?records_per_page=100", headers=headers)
    rest = mx.call("GET", "/categories/default?records_per_page=100&page=2", headers=headers)["categories"]
    of_user = mx.call("GET", f"/users/{user}/categories/default?records_per_page=1000", headers=headers)["categories"]
    assert found["pagination"] == {
        "current_page": 1,
        "per_page": 100,
        "total_entries": len(CATEGORIES),
        "total_pages": 2,
    }
    assert [*found["categories"], *rest] == of_user
    assert of_user[0] == {
        "created_at": None,
        "guid": BY_NAME["Auto & Transport"].guid,
        "is_default": True,
        "is_income": False,
        "metadata": None,
        "name": "Auto & Transport",
        "parent_guid": None,
        "updated_at": None,
    }
    assert len([category for category in of_user if category["parent_guid"] is None]) == 21
    assert {category["name"] for category in of_user if category["is_income"]} >= {"Income", "Paycheck"}


def test_a_page_of_the_clients_list_has_at_most_100(mx: MX) -> None:
    assert len(mx.call("GET", "/categories/default?records_per_page=101")["categories"]) == 25


def test_a_default_category_is_read_with_and_without_a_user(mx: MX) -> None:
    user = mx.user()
    known = mx.call("GET", f"/categories/{CLOTHING}")["category"]
    assert (known["name"], known["parent_guid"]) == ("Clothing", SHOPPING)
    assert mx.call("GET", f"/users/{user}/categories/{CLOTHING}")["category"] == known
    mx.call("GET", "/categories/CAT-none", status=404)
    mx.call("GET", f"/users/{user}/categories/CAT-none", status=404)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_default_category_stays_as_it_is(mx: MX, method: str) -> None:
    body = {"category": {"name": "Clothes"}} if method == "PUT" else None
    message = mx.call(method, f"/users/{mx.user()}/categories/{CLOTHING}", body, status=405)["error"]["message"]
    assert "Clothing is a default category" in message


# one's own


@pytest.mark.parametrize("headers", [{}, NEW])
def test_a_category_is_created_listed_read_renamed_and_deleted(mx: MX, headers: dict[str, str]) -> None:
    user = mx.user()
    path = f"/users/{user}/categories"
    body = {"category": {"name": "Online Shopping", "parent_guid": SHOPPING, "metadata": "m"}}
    made = mx.call("POST", path, body, headers=headers)["category"]
    assert {**made, "guid": "", "created_at": "", "updated_at": ""} == {
        "created_at": "",
        "guid": "",
        "is_default": False,
        "is_income": False,
        "metadata": "m",
        "name": "Online Shopping",
        "parent_guid": SHOPPING,
        "updated_at": "",
    }
    one = f"{path}/{made['guid']}"
    assert mx.call("GET", one, headers=headers)["category"] == made
    assert mx.call("GET", f"{path}?records_per_page=1000", headers=headers)["categories"][-1] == made
    mx.advance("1s")
    renamed = mx.call("PUT", one, {"category": {"name": "Web shopping"}}, headers=headers)["category"]
    assert renamed["updated_at"] > made["updated_at"]
    assert {**renamed, "updated_at": ""} == {**made, "name": "Web shopping", "updated_at": ""}
    mx.call("DELETE", one, headers=headers)
    mx.call("GET", one, status=404, headers=headers)
    told = [each for action in ("created", "updated", "deleted") for each in payloads(mx, f"mx.category.{action}")]
    assert [each["category"]["revision"] for each in told] == [1, 2, 3]
    assert told[1]["category"]["name"] == "Web shopping"


@pytest.mark.parametrize("parent", [CLOTHING, "CAT-none"])
def test_a_category_hangs_under_the_top_level_only(mx: MX, parent: str) -> None:
    body = {"category": {"name": "Shoes", "parent_guid": parent}}
    message = mx.call("POST", f"/users/{mx.user()}/categories", body, status=422)["error"]["message"]
    assert message.startswith("category.parent_guid: ")


def test_no_category_hangs_under_one_of_ones_own(mx: MX) -> None:
    user = mx.user()
    body = {"category": {"name": "Shoes", "parent_guid": create(mx, user)["guid"]}}
    mx.call("POST", f"/users/{user}/categories", body, status=422)


def test_the_parent_of_a_category_stays(mx: MX) -> None:
    user = mx.user()
    guid = create(mx, user)["guid"]
    assert (
        mx.call("PUT", f"/users/{user}/categories/{guid}", {"category": {"parent_guid": HOME}})["category"][
            "parent_guid"
        ]
        == SHOPPING
    )
    noted = mx.control("GET", "/violations")["violations"][-1]
    assert (noted["rule"], noted["detail"]) == ("unknown-field", "category.parent_guid")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"category": {"parent_guid": SHOPPING}}, 400),
        ({"category": {"name": "x"}}, 400),
        ({"category": {"name": 5, "parent_guid": SHOPPING}}, 422),
        ({"category": {"name": "", "parent_guid": SHOPPING}}, 422),
    ],
)
def test_a_category_needs_a_name_and_a_parent(mx: MX, body: Any, status: int) -> None:
    mx.call("POST", f"/users/{mx.user()}/categories", body, status=status)


def test_a_category_is_its_users_own(mx: MX) -> None:
    user, stranger = mx.user(), mx.user()
    guid = create(mx, user)["guid"]
    for method, body in (("GET", None), ("PUT", {"category": {"name": "x"}}), ("DELETE", None)):
        mx.call(method, f"/users/{stranger}/categories/{guid}", body, status=404)


# what is in it


def test_transactions_show_the_new_name_of_their_category(mx: MX) -> None:
    user = mx.user()
    guid = create(mx, user)["guid"]
    transaction = enter(mx, user, guid)
    mx.call("PUT", f"/users/{user}/categories/{guid}", {"category": {"name": "Web"}})
    assert read(mx, user, transaction)["category"] == "Web"
    assert payloads(mx, "mx.transaction.updated")[-1]["transaction"]["category_name"] == "Web"
    mx.call("PUT", f"/users/{user}/categories/{guid}", {"category": {"metadata": "m"}})
    assert len(payloads(mx, "mx.transaction.updated")) == 1


def test_transactions_of_a_deleted_category_go_to_its_parent(mx: MX) -> None:
    user = mx.user()
    guid = create(mx, user)["guid"]
    inside, outside = enter(mx, user, guid), enter(mx, user, CLOTHING)
    rule = {"transaction_rule": {"category_guid": guid, "match_description": "web"}}
    rule_guid = mx.call("POST", f"/users/{user}/transaction_rules", rule)["transaction_rule"]["guid"]
    mx.call("DELETE", f"/users/{user}/categories/{guid}")
    shown = read(mx, user, inside)
    assert (shown["category"], shown["category_guid"], shown["top_level_category"]) == (
        "Shopping",
        SHOPPING,
        "Shopping",
    )
    assert read(mx, user, outside)["category"] == "Clothing"
    assert [each["transaction"]["guid"] for each in payloads(mx, "mx.transaction.updated")] == [inside]
    assert (
        mx.call("GET", f"/users/{user}/transaction_rules/{rule_guid}")["transaction_rule"]["category_guid"] == SHOPPING
    )


@pytest.mark.parametrize("top_level", [True, False])
def test_the_budget_of_a_deleted_category_goes_and_items_of_plans_go_to_its_parent(mx: MX, top_level: bool) -> None:
    user = mx.user()
    guid = create(mx, user)["guid"]
    budgets, plans = f"/users/{user}/budgets", f"/users/{user}/spending_plans"
    above = mx.call("POST", budgets, {"budget": {"category_guid": SHOPPING, "amount": 50}})["budget"]["guid"]
    own = mx.call("POST", budgets, {"budget": {"category_guid": guid, "amount": 20, "parent_guid": above}})["budget"][
        "guid"
    ]
    items = f"{plans}/{mx.call('POST', plans)['guid']}/iterations/current/iteration_items"
    enter(mx, user, guid)
    planned = {
        "planned_amount": 30,
        "category_guid": guid,
        **({"top_level_category_guid": SHOPPING} if top_level else {}),
    }
    item = mx.call("POST", items, planned)
    mx.call("DELETE", f"/users/{user}/categories/{guid}")
    assert [each["guid"] for each in mx.call("GET", budgets)["budgets"]] == [above]
    [told] = payloads(mx, "mx.budget.deleted")
    assert (told["budget"]["guid"], told["budget"]["name"]) == (own, "Online Shopping")
    found = mx.call("GET", f"{items}/{item['guid']}")
    assert (found["category_guid"], found["actual_amount"]) == (SHOPPING, item["actual_amount"])


def test_parts_of_a_split_transaction_follow_too(mx: MX) -> None:
    user = mx.user()
    guid = create(mx, user)["guid"]
    whole = enter(mx, user, guid)
    parts = [{"amount": 5, "category_guid": guid}, {"amount": 15, "category_guid": CLOTHING}]
    made = mx.call("POST", f"/users/{user}/transactions/{whole}/split", {"transactions": parts})["transactions"]
    mx.call("DELETE", f"/users/{user}/categories/{guid}")
    shown = [read(mx, user, each)["category"] for each in (whole, *(part["guid"] for part in made))]
    assert shown == ["Shopping", "Shopping", "Clothing"]


def test_a_category_under_income_counts_as_income(mx: MX) -> None:
    user = mx.user()
    category = create(mx, user, "Lessons", INCOME)
    transaction = enter(mx, user, category["guid"], type="CREDIT")
    assert (category["is_income"], read(mx, user, transaction)["is_income"]) == (False, True)
