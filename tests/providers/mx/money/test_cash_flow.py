"""The monthly cash flow profile follows from budgets and income; two of its fields are the client's."""

from __future__ import annotations

from typing import Any

import pytest

from mocksrv.providers.mx.bank.categories import BY_NAME
from tests.conftest import MX

V2 = {"Accept": "application/json", "Accept-Version": "v20250224"}
ROOT = "monthly_cash_flow_profile"


def read(mx: MX, user: str, **more: Any) -> Any:
    return mx.call("GET", f"/users/{user}/{ROOT}", **more).get(ROOT)


def budget(mx: MX, user: str, category: str, amount: int, **more: Any) -> Any:
    given = {"category_guid": BY_NAME[category].guid, "amount": amount, **more}
    return mx.call("POST", f"/users/{user}/budgets", {"budget": given})["budget"]


def test_everybody_has_one(mx: MX) -> None:
    user = mx.user()
    profile = read(mx, user)
    assert profile == {
        "guid": profile["guid"],
        "user_guid": user,
        "budgeted_income": 0,
        "budgeted_expenses": 0,
        "goals_contribution": 0,
        "estimated_goals_contribution": None,
        "uses_estimated_goals_contribution": False,
    }
    assert profile["guid"].startswith("MCF-")
    assert read(mx, user, headers=V2) == profile
    assert read(mx, mx.user())["guid"] != profile["guid"]
    mx.call("GET", f"/users/USR-unknown/{ROOT}", status=404)


def test_it_adds_up_budgets_and_income(mx: MX) -> None:
    user = mx.user()
    mx.create(user, institution="amberlock_bank")
    mx.advance("1m")
    rows = mx.call("GET", f"/users/{user}/transactions?from_date=2025-11-01&to_date=2025-12-31&records_per_page=1000")[
        "transactions"
    ]
    income = sum(round(row["amount"] * 100) for row in rows if row["is_income"]) / 200
    food = budget(mx, user, "Food & Dining", 400)
    budget(mx, user, "Groceries", 150, parent_guid=food["guid"])  # a part of it
    budget(mx, user, "Home", 1700)
    profile = read(mx, user)
    assert profile["budgeted_expenses"] == 2100
    assert profile["budgeted_income"] == pytest.approx(income, abs=0.01)
    assert profile["estimated_goals_contribution"] == pytest.approx(income - 2100, abs=0.01)
    budget(mx, user, "Income", 2000)
    profile = read(mx, user)
    assert (profile["budgeted_income"], profile["budgeted_expenses"], profile["estimated_goals_contribution"]) == (
        2000,
        2100,
        0,
    )


@pytest.mark.parametrize(("headers", "roots"), [(None, ("institution", ROOT)), (V2, (ROOT,))])
def test_two_fields_can_be_written_under_the_root_of_the_version(mx: MX, headers: Any, roots: tuple[str, ...]) -> None:
    user = mx.user(id="customer-42")
    path = f"/users/{user}/{ROOT}"
    guid = read(mx, user)["guid"]
    for amount, root in enumerate(roots, 150):
        given = {"goals_contribution": amount + 0.01, "uses_estimated_goals_contribution": True, "budgeted_income": 5}
        written = mx.call("PUT", path, {root: given}, headers=headers)[ROOT]
        assert (written["goals_contribution"], written["uses_estimated_goals_contribution"]) == (amount + 0.01, True)
        assert (written["guid"], written["budgeted_income"]) == (guid, 0)
        assert read(mx, user) == written
    kept = mx.call("PUT", path, {roots[0]: {"uses_estimated_goals_contribution": False}}, headers=headers)[ROOT]
    assert kept == {**written, "uses_estimated_goals_contribution": False}
    assert {each["rule"] for each in mx.control("GET", "/violations")["violations"]} == {"unknown-field"}


def test_the_client_s_own_id_leads_to_it_in_the_newer_version(mx: MX) -> None:
    user = mx.user(id="customer-42")
    assert read(mx, "customer-42", headers=V2)["user_guid"] == user
    read(mx, "customer-42", status=404)


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({}, 400, "monthly_cash_flow_profile"),
        ({"institution": {"goals_contribution": 1}}, 400, "monthly_cash_flow_profile"),
        ({ROOT: {"goals_contribution": "much"}}, 422, "goals_contribution"),
        ({ROOT: {"goals_contribution": -1}}, 422, "goals_contribution"),
        ({ROOT: {"uses_estimated_goals_contribution": "yes"}}, 422, "uses_estimated_goals_contribution"),
    ],
)
def test_what_is_refused(mx: MX, body: dict[str, Any], status: int, says: str) -> None:
    refusal = mx.call("PUT", f"/users/{mx.user()}/{ROOT}", body, status=status, headers=V2)
    assert says in refusal["error"]["message"]
