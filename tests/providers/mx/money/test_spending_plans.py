"""Spending plans: an iteration for each month, items with what was really spent, and the accounts that count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mocksrv.engine.engine import Engine
from mocksrv.providers.mx.bank.categories import BY_GUID, BY_NAME
from mocksrv.web.app import App
from tests.conftest import MX

V2 = {"Accept": "application/json", "Accept-Version": "v20250224"}
FOOD, GROCERIES, INCOME = (BY_NAME[name].guid for name in ("Food & Dining", "Groceries", "Income"))


@pytest.fixture
def user(mx: MX) -> str:
    """Somebody with the everyday data of a bank, in the middle of a month."""
    mx.advance("14d")
    guid = mx.user(id="customer-42")
    mx.create(guid, institution="amberlock_bank")
    mx.advance("1m")
    return guid


def plan_of(mx: MX, user: str) -> str:
    """The path of a new plan."""
    return f"/users/{user}/spending_plans/{mx.call('POST', f'/users/{user}/spending_plans')['guid']}"


def items(mx: MX, plan: str) -> list[Any]:
    found: list[Any] = mx.call("GET", f"{plan}/iterations/current/iteration_items")["iteration_items"]
    return found


def item(mx: MX, plan: str, amount: float = 110, **more: Any) -> Any:
    return mx.call("POST", f"{plan}/iterations/current/iteration_items", {"planned_amount": amount, **more})


def month(mx: MX, user: str, keep: Callable[[Any], bool]) -> tuple[float, set[str]]:
    """What a plain sum over the listed transactions of January says, and which they are."""
    path = f"/users/{user}/transactions?from_date=2026-01-01&to_date=2026-01-31&records_per_page=1000"
    rows = [row for row in mx.call("GET", path)["transactions"] if keep(row)]
    return sum(round(row["amount"] * 100) for row in rows) / 100, {row["guid"] for row in rows}


def is_food(row: Any) -> bool:
    return bool(row["is_expense"] and FOOD in (row["category_guid"], BY_GUID[row["category_guid"]].parent_guid))


def test_a_plan_begins_with_this_month(mx: MX, user: str) -> None:
    made = mx.call("POST", f"/users/{user}/spending_plans")
    assert (made["current_iteration_number"], made["user_guid"], made["guid"][:4]) == (1, user, "SPL-")
    path = f"/users/{user}/spending_plans"
    assert mx.call("GET", f"{path}/{made['guid']}?page=1&records_per_page=10") == made
    assert mx.call("GET", path, headers=V2)["spending_plans"] == [made]
    current = mx.call("GET", f"{path}/{made['guid']}/iterations/current")
    assert (current["start_on"], current["end_on"], current["iteration_number"]) == ("2026-01-01", "2026-01-31", 1)
    assert current["spending_plan_guid"] == made["guid"]
    assert mx.call("GET", f"{path}/{made['guid']}/iterations/1") == current
    assert mx.call("GET", f"{path}/{made['guid']}/iterations")["iterations"] == [current]
    assert mx.control("GET", "/violations")["violations"] == []


def test_every_month_has_its_iteration(mx: MX) -> None:
    plan = plan_of(mx, mx.user())
    kinds = {"rent": 0, "gift": 1, "other": 2, "wage": 3}
    amounts = dict(zip(kinds, (1640, 50, 20, 2250), strict=True))
    for name, kind in kinds.items():
        item(mx, plan, amounts[name], item_type=kind)
    item(mx, plan, 7)
    mx.advance("90d")
    listed = mx.call("GET", f"{plan}/iterations")["iterations"]
    assert [(each["iteration_number"], each["start_on"], each["end_on"]) for each in listed] == [
        (1, "2026-01-01", "2026-01-31"),
        (2, "2026-02-01", "2026-02-28"),
        (3, "2026-03-01", "2026-03-31"),
        (4, "2026-04-01", "2026-04-30"),
    ]
    assert mx.call("GET", plan)["current_iteration_number"] == 4
    assert mx.call("GET", f"{plan}/iterations/current") == listed[-1]
    assert listed[1]["created_at"] == "2026-02-01T00:00:00Z"
    assert [each["planned_amount"] for each in items(mx, plan)] == [1640, 2250]
    assert {each["spending_plan_iteration_guid"] for each in items(mx, plan)} == {listed[-1]["guid"]}
    assert mx.events() == ["mx.spending_plan.created", *["mx.spending_plan.updated"] * 3]


def test_an_item_adds_up_its_transactions(mx: MX, user: str) -> None:
    plan = plan_of(mx, user)
    all_food = item(mx, plan, top_level_category_guid=FOOD, item_type=1)
    total, guids = month(mx, user, is_food)
    assert (all_food["actual_amount"], set(all_food["transaction_guids"])) == (total, guids)
    total, guids = month(mx, user, lambda row: row["category_guid"] == GROCERIES)
    groceries = item(mx, plan, category_guid=GROCERIES, top_level_category_guid=FOOD)
    assert (groceries["actual_amount"], set(groceries["transaction_guids"])) == (total, guids)
    total, guids = month(mx, user, lambda row: row["is_income"])
    income = item(mx, plan, category_guid=INCOME, item_type=3)
    assert total > 0
    assert (income["actual_amount"], set(income["transaction_guids"])) == (total, guids)
    assert items(mx, plan) == [all_food, groceries, income]


def test_an_item_can_be_about_a_scheduled_payment(mx: MX, user: str) -> None:
    insights = mx.call("GET", f"/users/{user}/insights?records_per_page=100")["insights"]
    about = next(each["guid"] for each in insights if each["has_associated_scheduled_payments"])
    payment = mx.call("GET", f"/users/{user}/insights/{about}/scheduled_payments")["scheduled_payments"][0]
    made = item(mx, plan_of(mx, user), scheduled_payment_guid=payment["guid"], category_guid=FOOD, item_type=0)
    same = (payment["description"], payment["transaction_type"])
    total, guids = month(mx, user, lambda row: (row["description"], row["type"]) == same)
    assert (made["actual_amount"], set(made["transaction_guids"])) == (total, guids)


def test_an_item_of_nothing_but_an_amount(mx: MX) -> None:
    plan = plan_of(mx, user := mx.user())
    made = item(mx, plan, 110.5)
    nothing = ("actual_amount", "category_guid", "item_type", "scheduled_payment_guid", "top_level_category_guid")
    assert {made[name] for name in nothing} == {None}
    assert (made["planned_amount"], made["transaction_guids"], made["user_guid"], made["guid"][:4]) == (
        110.5,
        [],
        user,
        "SII-",
    )


def test_an_item_can_be_changed_and_deleted(mx: MX) -> None:
    plan = plan_of(mx, mx.user())
    path = f"{plan}/iterations/current/iteration_items/{item(mx, plan, item_type=1)['guid']}"
    mx.call("PUT", path, {"item_type": 2}, status=400)
    changed = mx.call(
        "PUT",
        path,
        {"iteration_item": {"planned_amount": 60, "category_guid": FOOD, "scheduled_payment_guid": "SCP-1"}},
    )
    assert (changed["planned_amount"], changed["category_guid"], changed["item_type"]) == (60, FOOD, "1")
    assert (changed["scheduled_payment_guid"], changed["actual_amount"]) == ("SCP-1", 0)
    assert mx.call("GET", path) == changed
    mx.call("DELETE", path)
    mx.call("GET", path, status=404)
    assert items(mx, plan) == []


@pytest.mark.parametrize("sent", [2, 2.0, "2"])
def test_the_type_of_an_item_is_a_text_in_the_older_version(mx: MX, sent: Any) -> None:
    plan = plan_of(mx, mx.user())
    path = f"{plan}/iterations/current/iteration_items/{item(mx, plan, item_type=sent)['guid']}"
    assert mx.call("GET", path)["item_type"] == "2"
    assert mx.call("GET", path, headers=V2)["item_type"] == 2


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(
    ("given", "status", "says"),
    [
        ({}, 400, "planned_amount"),
        ({"planned_amount": "much"}, 422, "planned_amount"),
        ({"planned_amount": -1}, 422, "planned_amount"),
        ({"planned_amount": 1, "item_type": 4}, 422, "item_type"),
        ({"planned_amount": 1, "item_type": 1.5}, 422, "item_type"),
        ({"planned_amount": 1, "category_guid": "CAT-unknown"}, 422, "CAT-unknown"),
        ({"planned_amount": 1, "top_level_category_guid": GROCERIES}, 422, "top_level_category_guid"),
    ],
)
def test_what_is_no_item(mx: MX, given: dict[str, Any], status: int, says: str, wrapped: bool) -> None:
    plan = plan_of(mx, mx.user())
    body = {"iteration_item": given} if wrapped else given
    refusal = mx.call("POST", f"{plan}/iterations/current/iteration_items", body, status=status)
    assert says in refusal["error"]["message"]


def test_what_is_on_an_account_out_of_the_plan_does_not_count(mx: MX, user: str) -> None:
    plan = plan_of(mx, user)
    accounts = mx.call("GET", f"{plan}/spending_plan_accounts")["spending_plan_accounts"]
    types = {row["guid"]: row["type"] for row in mx.call("GET", f"/users/{user}/accounts")["accounts"]}
    assert sorted(types[each["account_guid"]] for each in accounts) == ["CHECKING", "CREDIT_CARD", "SAVINGS"]
    card = next(each for each in accounts if types[each["account_guid"]] == "CREDIT_CARD")
    assert card["guid"].startswith("SPA-")
    assert card["client_guid"].startswith("CLT-")
    path = f"{plan}/spending_plan_accounts/{card['guid']}"
    assert mx.call("GET", f"{path}?page=1", headers=V2) == card
    food = item(mx, plan, category_guid=FOOD)
    total, guids = month(mx, user, lambda row: is_food(row) and row["account_guid"] != card["account_guid"])
    assert total < food["actual_amount"]
    mx.call("DELETE", path)
    mx.call("DELETE", path, status=404)
    after = items(mx, plan)[0]
    assert (after["actual_amount"], set(after["transaction_guids"])) == (total, guids)
    left = mx.call("GET", f"{plan}/spending_plan_accounts?records_per_page=10")
    assert left["spending_plan_accounts"] == [each for each in accounts if each != card]
    assert left["pagination"]["total_entries"] == 2


def test_a_plan_goes_with_all_that_is_in_it(mx: MX) -> None:
    user = mx.user(id="customer-42")
    plan = plan_of(mx, user)
    item(mx, plan)
    mx.call("DELETE", plan)
    for path in (
        "",
        "/iterations",
        "/iterations/current",
        "/iterations/1",
        "/spending_plan_accounts",
        "/iterations/current/iteration_items",
    ):
        mx.call("GET", plan + path, status=404)
    assert mx.call("GET", f"/users/{user}/spending_plans")["spending_plans"] == []
    mx.advance("40d")
    assert mx.events() == ["mx.spending_plan.created", "mx.spending_plan.deleted"]
    shown = mx.control("GET", "/webhooks?event=mx.spending_plan.*")["webhooks"][0]["payload"]["spending_plan"]
    assert shown["user_id"] == "customer-42"
    assert shown["current_iteration_number"] == 1


def test_what_is_not_there(mx: MX) -> None:
    user, other = mx.user(), mx.user()
    plan = plan_of(mx, user)
    guid = item(mx, plan)["guid"]
    strange = plan.replace(user, other)
    for path in (strange, f"{plan}/iterations/2", f"{plan}/iterations/first", f"{plan}/spending_plan_accounts/SPA-1"):
        mx.call("GET", path, status=404)
    elsewhere = plan_of(mx, user)
    mx.call("GET", f"{elsewhere}/iterations/current/iteration_items/{guid}", status=404)
    mx.advance("31d")
    mx.call("GET", f"{plan}/iterations/current/iteration_items/{guid}", status=404)
    mx.call("DELETE", strange, status=404)


@pytest.mark.parametrize("fidelity", ["sdk", "wire"])
def test_single_objects_are_bare_to_the_sdk(make_server: Callable[..., tuple[Engine, App]], fidelity: str) -> None:
    mx = MX(make_server(fidelity=fidelity)[1])
    user = mx.user()
    mx.create(user)
    mx.advance("1m")

    def body(answer: Any, key: str) -> Any:
        assert ("guid" in answer, list(answer) == [key]) == ((True, False) if fidelity == "sdk" else (False, True))
        return answer if fidelity == "sdk" else answer[key]

    made = body(mx.call("POST", f"/users/{user}/spending_plans"), "spending_plan")
    plan = f"/users/{user}/spending_plans/{made['guid']}"
    body(mx.call("GET", plan), "spending_plan")
    body(mx.call("GET", f"{plan}/iterations/current"), "iteration")
    body(mx.call("GET", f"{plan}/iterations/1"), "iteration")
    path = f"{plan}/iterations/current/iteration_items"
    guid = body(mx.call("POST", path, {"planned_amount": 1}), "iteration_item")["guid"]
    body(mx.call("GET", f"{path}/{guid}"), "iteration_item")
    body(mx.call("PUT", f"{path}/{guid}", {"planned_amount": 2}), "iteration_item")
    account = mx.call("GET", f"{plan}/spending_plan_accounts")["spending_plan_accounts"][0]["guid"]
    body(mx.call("GET", f"{plan}/spending_plan_accounts/{account}"), "spending_plan_account")
