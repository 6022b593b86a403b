"""Budgets: made by hand or from what was spent, and where this month stands against them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mocksrv.engine.engine import Engine
from mocksrv.providers.mx.bank.categories import BY_GUID, BY_NAME, CATEGORIES
from mocksrv.web.app import App
from tests.conftest import MX

V2 = {"Accept": "application/json", "Accept-Version": "v20250224"}
FOOD, GROCERIES, PETS = (BY_NAME[name].guid for name in ("Food & Dining", "Groceries", "Pets"))
TODAY, DAYS_LEFT = "2026-01-15", 16  # the clock of these tests
RECENT = "2025-10-18"  # the first of the 90 days


@pytest.fixture
def user(mx: MX) -> str:
    """Somebody with the everyday data of a bank, in the middle of a month."""
    mx.advance("14d")
    guid = mx.user()
    mx.create(guid, institution="amberlock_bank")
    mx.advance("1m")
    return guid


def budget(mx: MX, user: str, category: str, amount: int | None = None, **more: Any) -> Any:
    given = {"category_guid": category, **({} if amount is None else {"amount": amount}), **more}
    return mx.call("POST", f"/users/{user}/budgets", {"budget": given})["budget"]


def expenses(mx: MX, user: str, first: str, last: str = TODAY, *, tree: bool = True) -> dict[str, float]:
    """What a plain sum over the listed transactions says was spent, by category; ``tree``: a sub-category's counts
    above it, too.
    """
    path = f"/users/{user}/transactions?from_date={first}&to_date={last}&records_per_page=1000"
    sums: dict[str, int] = {}
    for row in mx.call("GET", path)["transactions"]:
        if row["is_expense"]:
            category = BY_GUID[row["category_guid"]]
            for guid in {category.guid, category.parent_guid or category.guid} if tree else {category.guid}:
                sums[guid] = sums.get(guid, 0) + round(row["amount"] * 100)
    return {guid: cents / 100 for guid, cents in sums.items()}


def test_a_budget_follows_the_transactions(mx: MX, user: str) -> None:
    made = budget(mx, user, FOOD, 153, metadata="eat less")
    this_month, recent = (expenses(mx, user, first)[FOOD] for first in ("2026-01-01", RECENT))
    projected = round(this_month + DAYS_LEFT * recent / 90, 2)
    assert made["name"] == "Food & Dining"
    assert (made["amount"], made["metadata"], made["parent_guid"], made["revision"]) == (153, "eat less", None, 1)
    assert made["transaction_total"] == this_month > 153
    assert made["percent_spent"] == round(this_month / 153 * 100, 2)
    assert made["projected_spending"] == pytest.approx(projected, abs=0.01)
    assert made["off_track_percentage"] == pytest.approx((projected - 153) / 153 * 100, abs=0.02)
    assert (made["is_exceeded"], made["is_off_track"]) == (True, True)
    assert mx.call("GET", f"/users/{user}/budgets/{made['guid']}", headers=V2)["budget"] == made


def test_a_roomy_budget_is_on_track_and_one_of_nothing_has_no_percentage(mx: MX, user: str) -> None:
    unused = next(
        each.guid for each in CATEGORIES if each.parent_guid is None and each.guid not in expenses(mx, user, RECENT)
    )
    roomy, nothing = budget(mx, user, FOOD, 100_000), budget(mx, user, unused)
    assert (roomy["is_exceeded"], roomy["is_off_track"], roomy["off_track_percentage"]) == (False, False, 0)
    assert 0 < roomy["percent_spent"] < 100
    assert (nothing["amount"], nothing["percent_spent"], nothing["projected_spending"], nothing["is_off_track"]) == (
        0,
        0,
        0,
        False,
    )


def test_a_new_month_begins_at_nothing(mx: MX, user: str) -> None:
    guid = budget(mx, user, FOOD, 153)["guid"]
    mx.control("PUT", "/clock", {"now": "2026-04-02T12:00:00Z"})
    after = mx.call("GET", f"/users/{user}/budgets/{guid}")["budget"]
    assert after["transaction_total"] == expenses(mx, user, "2026-04-01", "2026-04-02").get(FOOD, 0) < 153
    assert after["is_exceeded"] is False


def test_generating_makes_budgets_of_what_is_spent_every_month(mx: MX, user: str) -> None:
    november = expenses(mx, user, "2025-11-01", "2025-11-30", tree=False)
    december = expenses(mx, user, "2025-12-01", "2025-12-31", tree=False)
    own = budget(mx, user, FOOD, 7)
    generated = mx.call("POST", f"/users/{user}/budgets/generate")["budgets"]
    assert generated[0] == own
    assert {each["category_guid"] for each in generated[1:]} == november.keys() & december.keys() > {GROCERIES}
    of_category = {each["category_guid"]: each["guid"] for each in generated}
    for each in generated[1:]:
        average = (november[each["category_guid"]] + december[each["category_guid"]]) / 2
        assert each["amount"] == pytest.approx(average, abs=0.5)
        assert each["amount"] == int(each["amount"])
        assert each["parent_guid"] == of_category.get(BY_GUID[each["category_guid"]].parent_guid or "")
    assert mx.call("POST", f"/users/{user}/budgets/generate")["budgets"] == generated
    assert mx.call("GET", f"/users/{user}/budgets")["budgets"] == generated
    assert mx.events().count("mx.budget.created") == len(generated)


def test_a_budget_takes_in_those_of_its_sub_categories_that_were_generated_before(mx: MX, user: str) -> None:
    mx.call("POST", f"/users/{user}/budgets/generate")
    food = budget(mx, user, FOOD, 800)
    for each in mx.call("GET", f"/users/{user}/budgets")["budgets"]:
        assert (each["parent_guid"] == food["guid"]) == (BY_GUID[each["category_guid"]].parent_guid == FOOD)


def test_without_transactions_there_is_nothing_to_generate_from(mx: MX) -> None:
    refusal = mx.call("POST", f"/users/{mx.user()}/budgets/generate", status=422)
    assert refusal["error"] == {
        "message": "There aren't enough transactions to automatically create any budgets",
        "code": 4221,
    }


def test_a_budget_of_a_sub_category_is_part_of_another(mx: MX, user: str) -> None:
    path = f"/users/{user}/budgets"
    mx.call("POST", path, {"budget": {"category_guid": GROCERIES}}, status=400)
    top, pets = budget(mx, user, FOOD, 400), budget(mx, user, PETS, 20, parent_guid="which means nothing here")
    assert pets["parent_guid"] is None
    for wrong in (pets["guid"], "BGT-unknown"):
        refusal = mx.call("POST", path, {"budget": {"category_guid": GROCERIES, "parent_guid": wrong}}, status=422)
        assert FOOD in refusal["error"]["message"]
    part = budget(mx, user, GROCERIES, 150, parent_guid=top["guid"])
    assert part["parent_guid"] == top["guid"]
    assert 0 < part["transaction_total"] < top["transaction_total"]
    mx.call("DELETE", f"{path}/{top['guid']}")
    assert [each["guid"] for each in mx.call("GET", path)["budgets"]] == [pets["guid"]]


def test_there_is_one_budget_for_a_category(mx: MX) -> None:
    user, other = mx.user(), mx.user()
    budget(mx, user, FOOD, 100)
    refusal = mx.call("POST", f"/users/{user}/budgets", {"budget": {"category_guid": FOOD, "amount": 5}}, status=422)
    assert "Food & Dining" in refusal["error"]["message"]
    assert budget(mx, other, FOOD, 100)["amount"] == 100


def test_amount_and_metadata_can_be_changed_and_nothing_else(mx: MX) -> None:
    user = mx.user()
    path = f"/users/{user}/budgets/{budget(mx, user, FOOD, 100)['guid']}"
    changed = mx.call("PUT", path, {"budget": {"amount": 120, "metadata": "more", "category_guid": PETS}})["budget"]
    assert (changed["amount"], changed["metadata"], changed["category_guid"], changed["revision"]) == (
        120,
        "more",
        FOOD,
        2,
    )
    assert [each["detail"] for each in mx.control("GET", "/violations")["violations"]] == ["budget.category_guid"]


@pytest.mark.parametrize(
    ("given", "status", "says"),
    [
        ({}, 400, "budget.category_guid"),
        ({"category_guid": "CAT-unknown"}, 422, "CAT-unknown"),
        ({"category_guid": FOOD, "amount": -1}, 422, "budget.amount"),
        ({"category_guid": FOOD, "amount": 10.5}, 422, "whole dollars"),
        ({"category_guid": FOOD, "amount": "10"}, 422, "budget.amount"),
        ({"category_guid": FOOD, "metadata": 5}, 422, "budget.metadata"),
    ],
)
def test_what_is_refused(mx: MX, given: dict[str, Any], status: int, says: str) -> None:
    refusal = mx.call("POST", f"/users/{mx.user()}/budgets", {"budget": given}, status=status)
    assert says in refusal["error"]["message"]


def test_strangers_find_nothing(mx: MX) -> None:
    user, other = mx.user(), mx.user()
    guid = budget(mx, user, FOOD, 100)["guid"]
    mx.call("GET", f"/users/{other}/budgets/{guid}", status=404)
    mx.call("PUT", f"/users/{other}/budgets/{guid}", {"budget": {"amount": 1}}, status=404)
    mx.call("DELETE", f"/users/{other}/budgets/{guid}", status=404)
    mx.call("GET", "/users/USR-unknown/budgets", status=404)


def test_changes_are_told(mx: MX) -> None:
    user = mx.user(id="customer-42")
    path = f"/users/{user}/budgets"
    made = budget(mx, user, FOOD, 100)
    mx.call("PUT", f"{path}/{made['guid']}", {"budget": {"amount": 120}})
    mx.call("PUT", f"{path}/{made['guid']}", {"budget": {"amount": 130, "skip_webhook": True}})
    mx.call("DELETE", f"{path}/{made['guid']}")
    sent = mx.control("GET", "/webhooks?event=mx.budget.*")["webhooks"]
    assert [w["event"] for w in sent] == ["mx.budget.created", "mx.budget.updated", "mx.budget.deleted"]
    shown = [w["payload"]["budget"] for w in sent]
    assert [(each["amount"], each["revision"]) for each in shown] == [(100, 1), (120, 2), (130, 4)]
    assert (shown[0]["name"], shown[0]["transaction_total"], shown[0]["user_id"]) == (
        "Food & Dining",
        "0.00",
        "customer-42",
    )


@pytest.mark.parametrize("fidelity", ["sdk", "wire"])
def test_a_list_is_an_array_and_for_the_sdk_an_object_beside_it(
    make_server: Callable[..., tuple[Engine, App]], fidelity: str
) -> None:
    mx = MX(make_server(fidelity=fidelity)[1])
    user = mx.user()
    assert mx.call("GET", f"/users/{user}/budgets") == {"budgets": []}
    made = [budget(mx, user, category, 10) for category in (FOOD, PETS)]
    first = {"budget": made[0]} if fidelity == "sdk" else {}
    assert mx.call("GET", f"/users/{user}/budgets") == {**first, "budgets": made}
