"""The notification webhooks: what data raises them, what does not, and what stands in them."""

from __future__ import annotations

from typing import Any

import pytest

from mocksrv.providers.mx.bank.categories import BY_NAME
from mocksrv.providers.mx.money.alerts import payment_due
from tests.conftest import MX, Receiver

FOOD, GROCERIES, TRAVEL = (BY_NAME[name].guid for name in ("Food & Dining", "Groceries", "Travel"))
DAY = 86_400_000
JANUARY_1 = 1767225600000


@pytest.fixture
def user(mx: MX, receiver: Receiver) -> str:
    """A user on a server with an endpoint that asks for alerts."""
    mx.control(
        "PUT", "/endpoints", {"endpoints": [{"url": receiver.url, "events": ["mx.notification.*", "mx.aggregation"]}]}
    )
    return mx.user(id="customer-42", email="ada@example.com")


def alerts(mx: MX) -> list[Any]:
    """The alerts so far, oldest first."""
    return [
        webhook["payload"] for webhook in mx.control("GET", "/webhooks?event=mx.notification.*&limit=1000")["webhooks"]
    ]


def actions(mx: MX) -> list[str]:
    return [alert["action"] for alert in alerts(mx)]


def manual(mx: MX, user: str, **more: Any) -> Any:
    body = {"account_type": "CHECKING", "name": "Jar", "balance": 5000, **more}
    return mx.call("POST", f"/users/{user}/accounts", {"account": body})["account"]


def enter(mx: MX, user: str, account: str, amount: float, **more: Any) -> Any:
    body = {"amount": amount, "date": "2026-01-01", "description": "Shop", "type": "DEBIT", **more}
    return mx.call("POST", f"/users/{user}/accounts/{account}/transactions", {"transaction": body})


def scenario(mx: MX, name: str, flows: str) -> None:
    text = f"name: {name}\nprovider: mx\nflows:\n  connect:\n{flows}"
    answer = mx.http.put(f"/_mocksrv/scenarios/{name}", data=text.encode(), content_type="application/yaml")
    assert answer.status_code == 200, answer.text


# accounts


def test_a_balance_that_falls_under_the_threshold(mx: MX, user: str) -> None:
    account = manual(mx, user, balance=130.0, available_balance=126.0)
    enter(mx, user, account["guid"], 30)
    assert actions(mx) == []  # 100.00 is not under it
    enter(mx, user, account["guid"], 10)
    [alert] = alerts(mx)
    read = mx.call("GET", f"/users/{user}/accounts/{account['guid']}")["account"]
    assert alert == {
        "action": "ACCOUNT_BALANCE_LOW",
        "enabled_channels": ["in_app", "email"],
        "user_email": "ada@example.com",
        "user_mobile": "",
        "account": {
            "account_number": None,
            "available_balance": 86.0,
            "balance": 90.0,
            "client_id": read["institution_code"],
            "created_at": 1767268800,
            "currency_code": None,
            "estimated_payment_due_at": None,
            "guid": account["guid"],
            "low_balance_threshold": 100.0,
            "member_guid": account["member_guid"],
            "minimum_payment": None,
            "name": "Jar",
            "payment_due_at": None,
            "revision": 3,
            "updated_at": 1767268800,
            "user_guid": user,
            "user_id": "customer-42",
        },
    }
    enter(mx, user, account["guid"], 10)
    assert actions(mx) == ["ACCOUNT_BALANCE_LOW"]  # it was under it before


def test_an_update_of_a_manual_account_alerts_too(mx: MX, user: str) -> None:
    account = manual(mx, user)
    path = f"/users/{user}/members/{account['member_guid']}/accounts/{account['guid']}"
    for balance in (99.99, 250, 20):
        mx.call("PUT", path, {"account": {"balance": balance}})
    assert [alert["account"]["balance"] for alert in alerts(mx)] == [99.99, 20.0]
    assert alerts(mx)[0]["account"]["guid"] == account["guid"]


@pytest.mark.parametrize("type", ["CREDIT_CARD", "INVESTMENT"])
def test_only_checking_and_savings_have_a_threshold(mx: MX, user: str, type: str) -> None:
    account = manual(mx, user, account_type=type)
    path = f"/users/{user}/members/{account['member_guid']}/accounts/{account['guid']}"
    mx.call("PUT", path, {"account": {"balance": 20}})
    assert alerts(mx) == []


def test_a_payment_that_is_due_is_told_of_once(mx: MX, user: str) -> None:
    mx.create(user, headers={"X-Mocksrv-Scenario": "daily-updates"})
    mx.advance("23d")
    assert "DEBT_PAYMENT_REMINDER" not in actions(mx)
    mx.advance("9d")
    [alert] = [alert for alert in alerts(mx) if alert["action"] == "DEBT_PAYMENT_REMINDER"]
    due = 1769601600  # 2026-01-28T12:00:00Z
    assert (alert["account"]["estimated_payment_due_at"], alert["account"]["payment_due_at"]) == (due, due)
    assert (alert["account"]["minimum_payment"], alert["account"]["low_balance_threshold"]) == (35.0, None)
    assert due - alert["account"]["updated_at"] > 0


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"payment_due_at": JANUARY_1 + 5 * DAY, "day_payment_is_due": 20}, JANUARY_1 + 5 * DAY),
        ({"payment_due_at": JANUARY_1 - DAY, "day_payment_is_due": 20}, JANUARY_1 + 19 * DAY),
        ({"day_payment_is_due": 1}, JANUARY_1 + 31 * DAY),
        ({"day_payment_is_due": 31}, JANUARY_1 + 30 * DAY),
        ({"payment_due_at": JANUARY_1 - DAY}, None),
        ({}, None),
    ],
)
def test_when_the_next_payment_is_due(body: dict[str, Any], expected: int | None) -> None:
    assert payment_due(body, JANUARY_1) == expected


def test_the_last_day_of_a_short_month_is_due() -> None:
    assert payment_due({"day_payment_is_due": 31}, JANUARY_1 + 31 * DAY) == JANUARY_1 + (31 + 27) * DAY


# transactions


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"amount": 1000.01, "type": "CREDIT"}, [("ACCOUNT_DEPOSIT_LARGE", 1000.0)]),
        ({"amount": 1000, "type": "CREDIT"}, []),
        ({"amount": 500.01}, [("TRANSACTION_EXPENSE_LARGE", 500.0)]),
        ({"amount": 500}, []),
        ({"amount": 5, "is_international": True}, [("TRANSACTION_IS_INTERNATIONAL", None)]),
        ({"amount": 900, "category_guid": BY_NAME["Transfer"].guid}, []),
    ],
)
def test_a_transaction_entered_by_hand(mx: MX, user: str, given: dict[str, Any], expected: list[Any]) -> None:
    account = manual(mx, user)
    made = enter(mx, user, account["guid"], **given)
    assert [(alert["action"], alert["transaction"]["transaction_threshold"]) for alert in alerts(mx)] == expected
    for alert in alerts(mx):
        shown = alert["transaction"]
        assert (shown["guid"], shown["account_guid"], shown["account_name"]) == (made["guid"], account["guid"], "Jar")
        assert (shown["date"], shown["amount"], shown["type"]) == (
            JANUARY_1 // 1000,
            given["amount"],
            given.get("type", "DEBIT"),
        )


def test_the_first_data_of_a_member_alerts_nobody_and_what_follows_does(mx: MX, user: str) -> None:
    mx.create(user, headers={"X-Mocksrv-Scenario": "daily-updates"})
    mx.advance("12h")
    [first] = [webhook["payload"] for webhook in mx.control("GET", "/webhooks?event=mx.aggregation")["webhooks"]]
    assert first["transactions_created_count"] > 100
    assert alerts(mx) == []
    mx.advance("35d")
    told = [alert for alert in alerts(mx) if "transaction" in alert]
    assert {alert["action"] for alert in told} >= {"ACCOUNT_DEPOSIT_LARGE", "TRANSACTION_EXPENSE_LARGE"}
    pairs = [(alert["action"], alert["transaction"]["guid"]) for alert in told]
    assert len(set(pairs)) == len(pairs)
    assert min(alert["transaction"]["date"] for alert in told) >= JANUARY_1 // 1000


def test_an_extended_history_alerts_nobody(mx: MX, user: str) -> None:
    member = mx.create(user, institution="amberlock_bank")["guid"]
    mx.advance("10s")
    mx.call("POST", f"/users/{user}/members/{member}/extend_history")
    mx.advance("10s")
    assert mx.control("GET", "/webhooks?event=mx.history")["webhooks"][0]["payload"]["transactions_created_count"] > 100
    assert alerts(mx) == []


def test_fees_are_told_of(mx: MX, user: str) -> None:
    scenario(mx, "poor", "    - {status: CREATED}\n    - {after: 1s, data: overdrawn, status: CONNECTED}\n")
    mx.create(user, headers={"X-Mocksrv-Scenario": "poor"})
    mx.advance("30d")
    fees = [alert["transaction"] for alert in alerts(mx) if alert["action"] == "TRANSACTION_FEE_CHARGE"]
    assert fees
    assert all(fee["is_fee"] or fee["is_overdraft_fee"] for fee in fees)
    assert {fee["client_id"] for fee in fees} == {"mxbank"}


# budgets


def budget(mx: MX, user: str, category: str = FOOD, **more: Any) -> Any:
    body = {"category_guid": category, "amount": 100, **more}
    return mx.call("POST", f"/users/{user}/budgets", {"budget": body})["budget"]


def test_a_budget_is_exceeded_once_a_month(mx: MX, user: str) -> None:
    made = budget(mx, user)
    account = manual(mx, user)["guid"]
    enter(mx, user, account, 90, category_guid=GROCERIES)
    assert actions(mx) == ["BUDGET_OFF_TARGET"]
    enter(mx, user, account, 20, category_guid=GROCERIES)
    enter(mx, user, account, 20, category_guid=GROCERIES)
    assert actions(mx) == ["BUDGET_OFF_TARGET", "BUDGET_EXCEEDED"]
    shown = alerts(mx)[1]["budget"]
    assert (shown["guid"], shown["is_exceeded"], shown["transaction_total"], shown["client_id"]) == (
        made["guid"],
        True,
        110.0,
        "default",
    )
    mx.advance("31d")
    enter(mx, user, account, 120, category_guid=GROCERIES, date="2026-02-01")
    assert actions(mx)[2:] == ["BUDGET_EXCEEDED", "BUDGET_OFF_TARGET"]


def test_a_budget_that_is_made_or_changed_too_small_is_told_of(mx: MX, user: str) -> None:
    account = manual(mx, user)["guid"]
    enter(mx, user, account, 90, category_guid=GROCERIES)
    made = budget(mx, user, amount=5000)
    assert alerts(mx) == []
    mx.call("PUT", f"/users/{user}/budgets/{made['guid']}", {"budget": {"amount": 50}})
    assert sorted(actions(mx)) == ["BUDGET_EXCEEDED", "BUDGET_OFF_TARGET"]


def test_what_becomes_spending_of_the_category_counts(mx: MX, user: str) -> None:
    budget(mx, user)
    account = manual(mx, user)["guid"]
    moved = enter(mx, user, account, 110, category_guid=TRAVEL)["guid"]
    assert alerts(mx) == []
    mx.call("PUT", f"/users/{user}/transactions/{moved}", {"transaction": {"category_guid": GROCERIES}})
    assert "BUDGET_EXCEEDED" in actions(mx)


def test_a_split_counts(mx: MX, user: str) -> None:
    budget(mx, user)
    account = manual(mx, user)["guid"]
    whole = enter(mx, user, account, 300, category_guid=TRAVEL)["guid"]
    parts = [{"amount": 120, "category_guid": GROCERIES}, {"amount": 180}]
    mx.call("POST", f"/users/{user}/transactions/{whole}/split", {"transactions": parts})
    assert "BUDGET_EXCEEDED" in actions(mx)


def test_a_rule_counts(mx: MX, user: str) -> None:
    budget(mx, user)
    enter(mx, user, manual(mx, user)["guid"], 300, category_guid=TRAVEL)
    mx.call(
        "POST",
        f"/users/{user}/transaction_rules",
        {"transaction_rule": {"category_guid": GROCERIES, "match_description": "shop"}},
    )
    assert "BUDGET_EXCEEDED" in actions(mx)


def test_a_load_counts(mx: MX, user: str) -> None:
    mx.advance("20d")
    budget(mx, user, amount=10)
    mx.create(user, institution="amberlock_bank")
    mx.advance("10s")
    assert sorted(actions(mx)) == ["BUDGET_EXCEEDED", "BUDGET_OFF_TARGET"]


# who is told


def test_an_endpoint_without_patterns_is_told_others_must_ask(mx: MX, receiver: Receiver) -> None:
    user = mx.user()
    mx.control("PUT", "/endpoints", {"endpoints": [{"url": receiver.url, "events": ["mx.member.*"]}]})
    enter(mx, user, manual(mx, user)["guid"], 4950, category_guid=GROCERIES)
    assert alerts(mx) == []
    mx.control("PUT", "/endpoints", {"endpoints": [{"url": receiver.url}]})
    enter(mx, user, manual(mx, user)["guid"], 4950, category_guid=GROCERIES)
    assert actions(mx)[-1] == "TRANSACTION_EXPENSE_LARGE"


def test_a_silent_call_alerts_nobody(mx: MX, user: str) -> None:
    account = manual(mx, user)["guid"]
    body = {"amount": 4950, "date": "2026-01-01", "description": "Shop", "type": "DEBIT", "category_guid": GROCERIES}
    mx.call(
        "POST",
        f"/users/{user}/accounts/{account}/transactions",
        {"transaction": body},
        headers={"MX-Skip-Webhook": "true"},
    )
    assert alerts(mx) == []
    made = budget(mx, user)
    assert actions(mx) == ["BUDGET_EXCEEDED", "BUDGET_OFF_TARGET"]  # now it is seen
    assert alerts(mx)[0]["budget"]["guid"] == made["guid"]


def test_a_user_without_an_address_has_no_channel_for_mail(mx: MX, user: str) -> None:
    other = mx.user()
    mx.control("POST", "/trigger", {"event": "mx.notification.PASSWORD_CHANGED", "subject": other})
    [alert] = alerts(mx)
    assert (alert["enabled_channels"], alert["user_email"], alert["user"]["guid"]) == (["in_app"], "", other)


@pytest.mark.parametrize(
    ("action", "url", "token"),
    [
        ("EMAIL_VERIFICATION", True, True),
        ("SMS_VERIFICATION", False, True),
        ("EMAIL_VERIFIED", False, False),
        ("WELCOME_NEW_USER", False, False),
    ],
)
def test_what_a_user_proves_something_with(mx: MX, user: str, action: str, url: bool, token: bool) -> None:
    mx.control("POST", "/trigger", {"event": f"mx.notification.{action}", "subject": user})
    [alert] = alerts(mx)
    assert (
        alert["user"]["email_verification_url"] is not None,
        alert["user"]["sms_verification_token"] is not None,
    ) == (url, token)
