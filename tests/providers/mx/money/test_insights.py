"""Insights: what is derived from a user's data, when, and what a client can do with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mocksrv.engine.clock import DAY, SEEDED_START
from mocksrv.engine.engine import Engine
from mocksrv.engine.storage.records import Record
from mocksrv.providers.mx.bank import recurrence
from mocksrv.providers.mx.bank.recurrence import Dated
from mocksrv.providers.mx.money import insight_templates
from mocksrv.providers.mx.money.insight_cases import Books
from mocksrv.providers.mx.money.insight_templates import TEMPLATES
from mocksrv.providers.mx.money.repeating import Repeating, TransactionRow
from mocksrv.web.app import App
from tests.conftest import MX

V2 = {"Accept": "application/json", "Accept-Version": "v20250224"}
CHILDREN = ("accounts", "categories", "merchants", "scheduled_payments", "transactions")
TODAY = SEEDED_START // DAY * DAY  # 2026-01-01


@pytest.fixture
def user(mx: MX) -> str:
    """Somebody with the everyday data of a bank, just connected."""
    guid = mx.user(id="customer-42")
    mx.create(guid, institution="amberlock_bank")
    mx.advance("10s")
    return guid


def listed(mx: MX, user: str, where: str = "insights", **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = mx.call("GET", f"/users/{user}/{where}", **more)["insights"]
    return found


def told(mx: MX, action: str = "created") -> list[dict[str, Any]]:
    """The bodies of the callbacks about insights."""
    return [
        w["payload"]["insight"]
        for w in mx.control("GET", f"/webhooks?limit=1000&event=mx.insight.{action}")["webhooks"]
    ]


# when


def test_insights_come_a_while_after_an_aggregation(mx: MX, user: str) -> None:
    assert told(mx) == []
    mx.advance("25s")
    first = told(mx)
    assert 3 <= len(first) <= 10
    assert {each["guid"] for each in first} == {each["guid"] for each in listed(mx, user)}


def test_who_reads_before_that_finds_them(mx: MX, user: str) -> None:
    found = listed(mx, user)
    assert len(found) >= 3
    mx.advance("1m")
    assert listed(mx, user) == found
    assert len(told(mx)) == len(found)


def test_nothing_is_told_twice(mx: MX, user: str) -> None:
    listed(mx, user)
    mx.advance("20d")  # with a refresh every day
    rows = listed(mx, user, "insights?records_per_page=100")
    assert len(rows) > 10
    said = [(row["template"], row["description"]) for row in rows]
    assert len(set(said)) == len(said)
    assert [row["created_at"] for row in rows] == sorted((row["created_at"] for row in rows), reverse=True)


def test_the_callback(mx: MX, user: str) -> None:
    shown = {each["guid"]: each for each in listed(mx, user)}
    body = told(mx)[0]
    insight = shown[body["guid"]]
    same = [name for name in body if not name.endswith("_at")]
    assert {name: body[name] for name in same} == {name: insight[name] for name in same}
    assert (body["active_at"], body["updated_at"]) == (SEEDED_START // 1000 + 10, "2026-01-01")


def test_without_data_there_are_none(mx: MX) -> None:
    assert mx.call("GET", f"/users/{mx.user()}/insights")["pagination"]["total_entries"] == 0


# what is read


@pytest.mark.parametrize("headers", [None, V2], ids=["v20111101", "v20250224"])
def test_what_an_insight_is_about_is_listed(mx: MX, user: str, headers: dict[str, str] | None) -> None:
    seen = set()
    for insight in listed(mx, user, headers=headers):
        path = f"/users/{user}/insights/{insight['guid']}"
        assert mx.call("GET", path, headers=headers) == {"insight": insight}
        for name in CHILDREN:
            answer = mx.call("GET", f"{path}/{name}", headers=headers)
            assert (
                insight[f"has_associated_{name}"] == bool(answer[name]) == bool(answer["pagination"]["total_entries"])
            )
            seen |= {name} if answer[name] else set()
        for row in mx.call("GET", f"{path}/transactions", headers=headers)["transactions"]:
            assert mx.call("GET", f"/users/{user}/transactions/{row['guid']}", headers=headers)["transactions"] == [row]
    assert seen == set(CHILDREN)


def test_a_scheduled_payment_is_what_its_series_will_bring(mx: MX, user: str) -> None:
    upcoming = next(each for each in listed(mx, user) if each["template"] == "UpcomingBill")
    (payment,) = mx.call("GET", f"/users/{user}/insights/{upcoming['guid']}/scheduled_payments")["scheduled_payments"]
    rows = mx.call("GET", f"/users/{user}/repeating_transactions")["repeating_transactions"]
    series = next(row for row in rows if row["description"] == payment["description"])
    assert payment == {
        "amount": series["amount"],
        "created_at": "2026-01-01T12:00:10Z",
        "description": "City Power & Light",
        "guid": series["guid"].replace("RPT-", "SCP-"),
        "is_completed": False,
        "is_recurring": True,
        "merchant_guid": series["merchant_guid"],
        "occurs_on": series["predicted_occurs_on"],
        "recurrence_day": 6,
        "recurrence_type": "EVERY_MONTH",
        "transaction_type": "DEBIT",
        "updated_at": "2026-01-01T12:00:10Z",
        "user_guid": user,
    }


def test_the_insights_of_an_account_and_of_a_transaction(mx: MX, user: str) -> None:
    every = listed(mx, user)
    about: dict[str, set[str]] = {}
    for insight in every:
        for name in ("accounts", "transactions"):
            for row in mx.call("GET", f"/users/{user}/insights/{insight['guid']}/{name}?records_per_page=100")[name]:
                about.setdefault(f"{name}/{row['guid']}", set()).add(insight["guid"])
    for place, guids in about.items():
        assert {each["guid"] for each in listed(mx, user, f"{place}/insights")} == guids
    mx.call("GET", f"/users/{user}/accounts/ACT-unknown/insights", status=404)
    mx.call("GET", f"/users/{user}/transactions/TRN-unknown/insights", status=404)


def test_a_page_has_10_to_100(mx: MX, user: str) -> None:
    for asked, size in ((5, 25), (10, 10), (100, 100), (101, 25)):
        assert mx.call("GET", f"/users/{user}/insights?records_per_page={asked}")["pagination"]["per_page"] == size
    one = next(each["guid"] for each in listed(mx, user) if each["template"] == "MonthlyCategoryTotal")
    assert (
        mx.call("GET", f"/users/{user}/insights/{one}/transactions?records_per_page=1000")["pagination"]["per_page"]
        == 25
    )


def test_only_the_users_own_are_there(mx: MX, user: str) -> None:
    guid = listed(mx, user)[0]["guid"]
    stranger = mx.user()
    for path in ("", *(f"/{name}" for name in CHILDREN)):
        mx.call("GET", f"/users/{stranger}/insights/{guid}{path}", status=404)
        mx.call("GET", f"/users/{user}/insights/BET-unknown{path}", status=404)
    mx.call("PUT", f"/users/{stranger}/insights/{guid}", {"insight": {"is_dismissed": True}}, status=404)
    mx.call("GET", "/users/USR-unknown/insights", status=404)


# what a client says


@pytest.mark.parametrize("kind", ["sdk", "wire"])
def test_an_update_answers_the_bare_insight_or_its_wrapper(
    make_server: Callable[..., tuple[Engine, App]], kind: str
) -> None:
    mx = MX(make_server(fidelity=kind)[1])
    user = mx.user()
    mx.create(user)
    mx.advance("10s")
    insight = listed(mx, user)[0]
    answer = mx.call(
        "PUT",
        f"/users/{user}/insights/{insight['guid']}",
        {"insight": {"has_been_displayed": True, "is_dismissed": True}},
    )
    shown = {**insight, "has_been_displayed": True, "is_dismissed": True}
    assert answer == (shown if kind == "sdk" else {"insight": shown})
    assert mx.call("GET", f"/users/{user}/insights/{insight['guid']}") == {"insight": shown}
    assert [(each["guid"], each["is_dismissed"]) for each in told(mx, "updated")] == [(insight["guid"], True)]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({}, 400, "Required parameter missing: insight"),
        ({"insight": {}}, 400, "Required parameter missing: insight must not be empty"),
        ({"insight": {"is_dismissed": "yes"}}, 422, "insight.is_dismissed: "),
        ({"insight": {"has_been_displayed": None}}, 422, "insight.has_been_displayed: "),
    ],
)
def test_a_wrong_update_is_refused(mx: MX, user: str, body: Any, status: int, message: str) -> None:
    guid = listed(mx, user)[0]["guid"]
    refused = mx.call("PUT", f"/users/{user}/insights/{guid}", body, status=status)
    assert refused["error"]["message"].startswith(message)
    assert told(mx, "updated") == []


def test_nothing_else_of_it_can_be_set(mx: MX, user: str) -> None:
    insight = listed(mx, user)[0]
    path = f"/users/{user}/insights/{insight['guid']}"
    assert mx.call("PUT", path, {"insight": {"is_dismissed": False, "title": "Mine"}})["title"] == insight["title"]
    (call,) = mx.control("GET", "/requests?method=PUT")["requests"]
    assert [violation["detail"] for violation in call["violations"]] == ["insight.title"]


# what ends


def test_insights_go_with_what_they_are_about(mx: MX, user: str) -> None:
    before = {each["guid"] for each in listed(mx, user)}
    member = mx.call("GET", f"/users/{user}/members")["members"][0]["guid"]
    mx.call("DELETE", f"/users/{user}/members/{member}", status=204)
    mx.advance("1m")
    assert {each["guid"] for each in told(mx, "deleted")} == before
    assert listed(mx, user) == []


# the templates


def row(number: int, back: int, cents: int, **more: Any) -> TransactionRow:
    """A transaction so many days ago: an expense on food unless it says otherwise."""
    plain = {
        "member": "MBR-1",
        "account": "ACT-1",
        "type": "DEBIT",
        "description": "Shop",
        "merchant": None,
        "category": "Groceries",
        "category_guid": "CAT-1",
        "top_level": "Food & Dining",
        "top_level_guid": "CAT-0",
        "is_expense": True,
        "is_income": False,
        "is_fee": False,
        "is_subscription": False,
        "is_bill_pay": False,
    }
    return TransactionRow(
        **{"guid": f"TRN-{number}", "date": TODAY - back * DAY, "amount": cents / 100, **plain, **more}
    )


def books(*rows: TransactionRow, kind: str = "BILL", series: bool = True, **account: Any) -> Books:
    """Books with these transactions; those named Series are a series."""
    rows = tuple(sorted(rows, key=lambda each: each.date))
    mine = [each for each in rows if each.description == "Series"] if series else []
    rhythm = recurrence.recognise([Dated(each.date // DAY, each.cents) for each in mine])
    next_day = rhythm.after(mine[-1].date // DAY, TODAY // DAY) * DAY if rhythm else 0
    found = [Repeating("RPT-1", tuple(mine), rhythm, next_day, kind)] if rhythm else []
    accounts = {
        "ACT-1": Record("mx.account", "ACT-1", {"type": "CHECKING", "name": "Mine", "balance": 5000.0, **account})
    }
    scheduled = {"RPT-1": Record("mx.scheduled_payment", "SCP-1", {})} if found else {}
    return Books(SEEDED_START, rows, found, accounts, scheduled)


def monthly(*cents: int, first: int = 0, **more: Any) -> list[TransactionRow]:
    """A payment on the 7th of each of the last months, or ``first`` days earlier."""
    return [
        row(100 + place, 25 + 30 * place + first, amount, description="Series", **more)
        for place, amount in enumerate(reversed(cents))
    ]


def spread(*cents: int) -> list[TransactionRow]:
    """Everyday spending over the last three months."""
    return [
        row(place, back, amount)
        for place, (back, amount) in enumerate(zip(range(90, 0, -3), [*cents, *[2000] * 30], strict=False))
    ]


OLD = row(999, 95, 1000)
CASES: dict[str, tuple[Books, str]] = {
    "SubscriptionPriceIncrease": (
        books(*monthly(1000, 1000, 1200), kind="SUBSCRIPTION"),
        "Series charged you $2.00 more than the last time: $12.00. Did your plan change?",
    ),
    "BillAmountNotStandard": (
        books(*monthly(5000, 5200, 9000, top_level="Bills & Utilities")),
        "Your bill from Series was higher than usual: $90.00, on average it is $51.00.",
    ),
    "SubscriptionDetected": (
        books(OLD, *monthly(999, 999), kind="SUBSCRIPTION"),
        "Series now charges you $9.99 regularly.",
    ),
    "UpcomingBill": (
        books(*monthly(5000, 5000, 5000)),
        "A payment of about $50.00 to Series is expected on 2026-01-07.",
    ),
    "PaycheckDeposit": (
        books(row(1, 3, 200_000, type="CREDIT", category="Paycheck", is_expense=False, is_income=True)),
        "A paycheck of $2,000.00 came in on 2025-12-29 (Mine).",
    ),
    "InterestEarned": (
        books(row(1, 3, 412, type="CREDIT", category="Interest Income", is_expense=False, is_income=True)),
        "Mine brought you $4.12 of interest.",
    ),
    "FeeDetected": (
        books(row(1, 3, 3600, is_fee=True), row(2, 9, 1200, is_fee=True), row(3, 40, 99, is_fee=True)),
        "Fees charged in the last 30 days: 2, together $48.00.",
    ),
    "DuplicatePayment": (
        books(row(1, 3, 2599), row(2, 3, 2599), row(3, 9, 2599)),
        "Shop charged you $25.99 twice around 2025-12-29. Is that right?",
    ),
    "LargeTransaction": (books(*spread(), row(500, 2, 45_000)), "You spent $450.00 at Shop on 2025-12-30."),
    "LowBalance": (books(row(1, 3, 100), available_balance=42.5), "Mine is down to $42.50."),
    "DebtPaymentReminder": (
        books(row(1, 3, 100), type="CREDIT_CARD", payment_due_at=TODAY + 5 * DAY, balance=300.0),
        "The payment for Mine is due on 2026-01-06. You owe $300.00.",
    ),
    "CreditCardCloseToLimit": (
        books(row(1, 3, 100), type="CREDIT_CARD", credit_limit=1000.0, balance=800.0),
        "Mine is at 80% of its credit limit.",
    ),
    "CategorySpending": (
        books(OLD, row(1, 40, 10_000), row(2, 10, 19_000)),
        "In December 2025 you spent $190.00 on Food & Dining, $90.00 more than in the month before.",
    ),
    "MonthlySpendToIncome": (
        books(OLD, row(1, 20, 90_000), row(2, 10, 80_000, type="CREDIT", is_expense=False, is_income=True)),
        "In December 2025 you spent $900.00 and earned $800.00.",
    ),
    "MonthlyCategoryTotal": (
        books(OLD, row(1, 20, 12_345)),
        "In December 2025 you spent most on Food & Dining: $123.45.",
    ),
}


@pytest.mark.parametrize("template", CASES)
def test_a_template_is_found_in_the_data(template: str) -> None:
    data, description = CASES[template]
    found = [each for each in insight_templates.derive(data) if each.texts["template"] == template]
    assert [each.texts["description"] for each in found] == [description]
    assert all(found[0].texts.values())
    assert found[0].associated["accounts"] == ["ACT-1"]


@pytest.mark.parametrize("template", CASES)
def test_a_template_is_not_found_in_plain_data(template: str) -> None:
    plain = books(
        *spread(),
        row(600, 3, 3000, description="Elsewhere"),
        row(601, 4, 300_000, type="CREDIT", is_expense=False, is_income=True),
    )
    plain = (
        plain._replace(rows=plain.rows[20:]) if template == "MonthlyCategoryTotal" else plain
    )  # no whole month is known
    assert template not in [each.texts["template"] for each in insight_templates.derive(plain)]


def test_subscriptions_are_added_up(mx: MX, user: str) -> None:
    summary = next(each for each in listed(mx, user) if each["template"] == "SubscriptionSummary")
    assert summary["micro_description"] == "5 subscriptions, $85.47 a month."
    assert {each.name for each in TEMPLATES} == {*CASES, "SubscriptionSummary"}
