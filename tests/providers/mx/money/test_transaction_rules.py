"""Transaction rules: they change the transactions that are there, and those to come."""

from __future__ import annotations

from typing import Any

import pytest

from mocksrv.providers.mx.bank.categories import BY_NAME
from mocksrv.providers.mx.http.versions import V2
from tests.conftest import MX

NEW = {"Accept": "application/json", "Accept-Version": V2}
CLOTHING, GIFT, TOYS, INCOME = (BY_NAME[name].guid for name in ("Clothing", "Gift", "Toys", "Income"))
BANK = "amberlock_bank"


@pytest.fixture
def user(mx: MX) -> str:
    """Somebody with the everyday data of a bank, in the middle of a month."""
    mx.advance("14d")
    guid = mx.user()
    mx.create(guid, institution=BANK)
    mx.advance("1m")
    return guid


def rule(mx: MX, user: str, match: str, category: str | None = CLOTHING, **more: Any) -> Any:
    given = {"match_description": match, "category_guid": category, **more}
    return mx.call("POST", f"/users/{user}/transaction_rules", {"transaction_rule": given})["transaction_rule"]


def transactions(mx: MX, user: str) -> dict[str, Any]:
    found = mx.call("GET", f"/users/{user}/transactions?records_per_page=1000")["transactions"]
    return {each["guid"]: each for each in found}


def updated(mx: MX) -> list[Any]:
    found = mx.control("GET", "/webhooks?limit=1000")["webhooks"]
    return [each["payload"]["transaction"] for each in found if each["event"] == "mx.transaction.updated"]


@pytest.mark.parametrize("headers", [{}, NEW])
def test_a_rule_is_created_listed_read_changed_and_deleted(mx: MX, headers: dict[str, str]) -> None:
    user = mx.user()
    path = f"/users/{user}/transaction_rules"
    body = {"transaction_rule": {"category_guid": CLOTHING, "match_description": "Wal-mart", "description": "Store"}}
    made = mx.call("POST", path, body, headers=headers)["transaction_rule"]
    assert {**made, "guid": "", "created_at": "", "updated_at": ""} == {
        "category_guid": CLOTHING,
        "created_at": "",
        "description": "Store",
        "guid": "",
        "match_description": "Wal-mart",
        "updated_at": "",
        "user_guid": user,
    }
    assert made["guid"].startswith("TXR-")
    found = mx.call("GET", path, headers=headers)
    assert (found["transaction_rules"], found["pagination"]["total_entries"]) == ([made], 1)
    one = f"{path}/{made['guid']}"
    changed = mx.call("PUT", one, {"transaction_rule": {"category_guid": GIFT}}, headers=headers)["transaction_rule"]
    assert (changed["category_guid"], changed["description"], changed["match_description"]) == (
        GIFT,
        "Store",
        "Wal-mart",
    )
    assert mx.call("GET", one, headers=headers)["transaction_rule"] == changed
    mx.call("GET", f"/users/{mx.user()}/transaction_rules/{made['guid']}", status=404, headers=headers)
    mx.call("DELETE", one, headers=headers)
    mx.call("GET", one, status=404, headers=headers)


def test_a_rule_changes_the_transactions_that_it_meets(mx: MX, user: str) -> None:
    before = transactions(mx, user)
    met = {guid for guid, each in before.items() if "paycheck" in each["description"].lower()}
    assert met
    rule(mx, user, "PAYcheck", CLOTHING, description="Salary")
    after = transactions(mx, user)
    for guid in met:
        shown = after[guid]
        assert {
            name: shown[name]
            for name in ("category", "category_guid", "top_level_category", "description", "is_income")
        } == {
            "category": "Clothing",
            "category_guid": CLOTHING,
            "top_level_category": "Shopping",
            "description": "Salary",
            "is_income": False,
        }
        assert shown["original_description"] == before[guid]["original_description"]
    assert all(after[guid] == before[guid] for guid in before.keys() - met)
    assert met <= {each["guid"] for each in updated(mx)}
    assert {(each["category_name"], each["description"]) for each in updated(mx)} == {("Clothing", "Salary")}


def test_it_looks_at_the_description_of_now(mx: MX, user: str) -> None:
    paid = [guid for guid, each in transactions(mx, user).items() if each["description"] == "Paycheck"]
    rule(mx, user, "paycheck", CLOTHING, description="Salary")
    told = len(updated(mx))
    rule(mx, user, "Paych", TOYS)
    assert len(updated(mx)) == told
    rule(mx, user, "salary", GIFT)
    assert {transactions(mx, user)[guid]["category"] for guid in paid} == {"Gift"}


def test_a_rule_without_effect_changes_nothing(mx: MX, user: str) -> None:
    rule(mx, user, "nothing is called like that")
    paycheck = BY_NAME["Paycheck"].guid
    rule(mx, user, "paycheck", paycheck)
    assert updated(mx) == []


def test_what_a_deleted_rule_has_done_stays(mx: MX, user: str) -> None:
    guid = rule(mx, user, "paycheck")["guid"]
    before = transactions(mx, user)
    mx.call("DELETE", f"/users/{user}/transaction_rules/{guid}")
    assert transactions(mx, user) == before


def test_a_changed_rule_is_applied_again(mx: MX, user: str) -> None:
    first = rule(mx, user, "no such thing")["guid"]
    mx.call("PUT", f"/users/{user}/transaction_rules/{first}", {"transaction_rule": {"match_description": "Paycheck"}})
    assert {each["category"] for each in transactions(mx, user).values() if each["description"] == "Paycheck"} == {
        "Clothing"
    }


def test_a_second_rule_for_the_same_text_replaces_the_first(mx: MX, user: str) -> None:
    first = rule(mx, user, "Paycheck", description="Paycheck, at last")
    second = rule(mx, user, "paycheck", GIFT)
    assert second == first | {"category_guid": GIFT, "description": None, "match_description": "paycheck"}
    assert mx.call("GET", f"/users/{user}/transaction_rules")["pagination"]["total_entries"] == 1
    assert {each["category"] for each in transactions(mx, user).values() if "Paycheck" in each["description"]} == {
        "Gift"
    }
    other = rule(mx, user, "bonus")["guid"]
    body = {"transaction_rule": {"match_description": "PAYCHECK"}}
    mx.call("PUT", f"/users/{user}/transaction_rules/{other}", body, status=409)


def test_the_newest_rule_that_meets_a_new_transaction_wins(mx: MX) -> None:
    user = mx.user()
    older = rule(mx, user, "paycheck", CLOTHING, description="Older")["guid"]
    rule(mx, user, "pay", GIFT, description="Newer")
    rule(mx, user, "no such thing", TOYS)
    rule(mx, mx.user(), "paycheck", TOYS)
    mx.create(user, institution=BANK)
    mx.advance("1m")
    paid = [each for each in transactions(mx, user).values() if "PAYROLL" in each["original_description"]]
    assert {(each["category"], each["description"], each["is_income"]) for each in paid} == {("Gift", "Newer", False)}
    assert updated(mx) == []
    mx.call(
        "PUT", f"/users/{user}/transaction_rules/{older}", {"transaction_rule": {"description": "Again the newest"}}
    )
    mx.advance("15d")
    member = mx.call("GET", f"/users/{user}/members")["members"][0]["guid"]
    mx.call("POST", f"/users/{user}/members/{member}/aggregate")
    mx.advance("1m")
    latest = next(each for each in transactions(mx, user).values() if "PAYROLL" in each["original_description"])
    assert (latest["category"], latest["description"]) == ("Clothing", "Again the newest")


def test_a_split_transaction_and_its_parts_are_met_too(mx: MX, user: str) -> None:
    whole = next(each for each in transactions(mx, user).values() if each["description"] == "Paycheck")
    parts = [{"amount": 100, "description": "Share"}, {"amount": round(whole["amount"] - 100, 2)}]
    made = mx.call("POST", f"/users/{user}/transactions/{whole['guid']}/split", {"transactions": parts})["transactions"]
    rule(mx, user, "paycheck")
    read = [
        mx.call("GET", f"/users/{user}/transactions/{guid}")["transactions"][0]
        for guid in (whole["guid"], *(p["guid"] for p in made))
    ]
    assert [each["category"] for each in read] == ["Clothing", "Paycheck", "Clothing"]


def test_a_rule_leads_to_a_category_of_ones_own(mx: MX, user: str) -> None:
    body = {"category": {"name": "Salary", "parent_guid": INCOME}}
    own = mx.call("POST", f"/users/{user}/categories", body)["category"]["guid"]
    rule(mx, user, "paycheck", own)
    paid = [each for each in transactions(mx, user).values() if each["description"] == "Paycheck"]
    assert {(each["category"], each["top_level_category"], each["is_income"]) for each in paid} == {
        ("Salary", "Income", True)
    }
    body = {"transaction_rule": {"match_description": "x", "category_guid": own}}
    mx.call("POST", f"/users/{mx.user()}/transaction_rules", body, status=422)


def test_only_the_new_version_knows_rules_without_a_category(mx: MX, user: str) -> None:
    body = {"transaction_rule": {"match_description": "paycheck", "category_guid": None, "description": "Salary"}}
    mx.call("POST", f"/users/{user}/transaction_rules", body, status=422)
    made = mx.call("POST", f"/users/{user}/transaction_rules", body, headers=NEW)["transaction_rule"]
    assert made["category_guid"] is None
    assert {each["category"] for each in transactions(mx, user).values() if each["description"] == "Salary"} == {
        "Paycheck"
    }


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"transaction_rule": {"match_description": "x"}}, 400),
        ({"transaction_rule": {"category_guid": GIFT}}, 400),
        ({"transaction_rule": {"category_guid": "CAT-none", "match_description": "x"}}, 422),
        ({"transaction_rule": {"category_guid": GIFT, "match_description": ""}}, 422),
        ({"transaction_rule": {"category_guid": GIFT, "match_description": "x", "description": 5}}, 422),
    ],
)
def test_a_rule_needs_a_text_and_a_category(mx: MX, body: Any, status: int) -> None:
    mx.call("POST", f"/users/{mx.user()}/transaction_rules", body, status=status)
