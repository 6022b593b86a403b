"""Creditworthiness, enrichment of transactions, investments. Income is in test_accounts.py."""

from __future__ import annotations

from typing import Any

import pytest

from mocksrv.providers.mono.credit import monthly_payment
from tests.providers.mono.client import Mono

LOAN: dict[str, Any] = {
    "bvn": "22110033445",
    "principal": 30_000_000,
    "interest_rate": 5,
    "term": 12,
    "run_credit_check": True,
}
OPEN = {
    "tenor": 10,
    "date_opened": "2025-10-31",
    "closed_date": "2026-08-31",
    "institution": "ABC BANK PLC",
    "currency": "NGN",
    "repayment_amount": 1_000_000,
    "opening_balance": 10_000_000,
    "repayment_schedule": [{"10-2025": "paid", "11-2025": "paid", "12-2025": "failed"}],
}


def credit(mono: Mono, id: str, **other: Any) -> dict[str, Any]:
    """The data of the callback."""
    mono.news()
    mono.call("POST", f"/v2/accounts/{id}/creditworthiness", LOAN | other)
    mono.advance("30s")
    (told,) = mono.news()
    assert told["event"] == "mono.events.account_credit_worthiness"
    data: dict[str, Any] = told["data"]
    return data


def test_creditworthiness(mono: Mono) -> None:
    id = mono.link()
    mono.news()
    name = mono.call("GET", f"/v2/accounts/{id}")["data"]["account"]["name"]
    answer = mono.call("POST", f"/v2/accounts/{id}/creditworthiness", LOAN)
    assert (answer["status"], answer["data"]) == ("successful", None)
    assert answer["message"] == (
        f"The creditworthiness of {name} is currently being processed. "
        "Once completed, the data will be sent to your webhook."
    )
    mono.advance("29s")
    assert mono.news() == []
    mono.advance("1s")
    (told,) = mono.news()
    data = told["data"]
    assert list(data) == ["account", "app", "business", "months_assessed", "summary", "debt"]
    assert data["account"] == id
    days = [row["date"][:10] for row in mono.transactions(id)]
    assert data["months_assessed"] == {"start": days[-1], "end": days[0]}
    assert data["summary"]["monthly_payment"] == 3_384_762
    assert data["debt"] == {"credit_check": True, "total_debt": 0, "debt_by_institution": []}


def test_what_can_be_afforded(mono: Mono) -> None:
    id = mono.link()
    assert credit(mono, id, principal=100_000)["summary"]["can_afford"] is True
    assert credit(mono, id, principal=9_000_000_000)["summary"]["can_afford"] is False


def test_loans_that_are_there_already(mono: Mono) -> None:
    id = mono.link()
    closed = OPEN | {"closed_date": "2025-12-31", "institution": "OLD BANK"}
    debt = credit(mono, id, existing_loans=[OPEN, closed, OPEN])["debt"]
    owed = [{"institution": "ABC BANK PLC", "amount_owed": 16_000_000}]
    assert debt == {"credit_check": True, "total_debt": 16_000_000, "debt_by_institution": owed}
    unasked = credit(mono, id, existing_loans=[OPEN], run_credit_check=False)["debt"]
    assert unasked == {"credit_check": False, "total_debt": 0, "debt_by_institution": []}


def test_repayments_lessen_what_can_be_afforded(mono: Mono) -> None:
    id = mono.link()
    months = {row["date"][:7] for row in mono.transactions(id)}
    afforded = mono.call("GET", f"/v2/accounts/{id}/credits")["data"]["total"] // len(months) // 3 - 1
    assert credit(mono, id, principal=afforded, interest_rate=0, term=1)["summary"]["can_afford"] is True
    heavy = [OPEN | {"repayment_amount": 1_000, "opening_balance": 10_000}]
    told = credit(mono, id, principal=afforded, interest_rate=0, term=1, existing_loans=heavy)
    assert told["summary"]["can_afford"] is False


def test_equal_payments() -> None:
    assert monthly_payment(30_000_000, 5, 12) == 3_384_762  # Mono's sample
    assert monthly_payment(1200, 0, 12) == 100


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"bvn": "123"}, "bvn"),
        ({"bvn": None}, "bvn"),
        ({"principal": 0}, "principal"),
        ({"principal": 2**53}, "principal"),
        ({"principal": 1.5}, "principal"),
        ({"interest_rate": -1}, "interest_rate"),
        ({"interest_rate": "much"}, "interest_rate"),
        ({"term": 0}, "term"),
        ({"term": 601}, "term"),
        ({"run_credit_check": "yes"}, "run_credit_check"),
        ({"existing_loans": [{}]}, "existing_loans.0.institution"),
        ({"existing_loans": [OPEN | {"closed_date": "soon"}]}, "existing_loans.0.closed_date"),
        ({"existing_loans": [OPEN | {"opening_balance": 2**53}]}, "existing_loans.0.opening_balance"),
        ({"existing_loans": [OPEN | {"repayment_schedule": [{"10-2025": 5}]}]}, "repayment_schedule"),
    ],
)
def test_a_loan_that_cannot_be_assessed(mono: Mono, changed: dict[str, Any], words: str) -> None:
    id = mono.link()
    assert words in mono.call("POST", f"/v2/accounts/{id}/creditworthiness", LOAN | changed, status=400)["message"]


def test_an_account_that_is_unlinked_meanwhile(mono: Mono) -> None:
    id = mono.link()
    mono.call("POST", f"/v2/accounts/{id}/creditworthiness", LOAN)
    mono.call("GET", f"/v2/accounts/{id}/income")
    mono.call("POST", f"/v2/accounts/{id}/unlink")
    mono.news()
    mono.advance("1m")
    assert mono.news() == []
    for path in ("creditworthiness", "transactions/categorise", "transactions/metadata"):
        mono.call("POST", f"/v2/accounts/{id}/{path}", LOAN, status=404)


@pytest.mark.parametrize(
    ("method", "path", "event"),
    [
        ("GET", "statement/insights", "statement_insights"),
        ("POST", "statement/insights", "statement_insights"),
        ("POST", "transactions/categorise", "transaction_categorisation"),
        ("POST", "transactions/metadata", "transaction_metadata"),
    ],
)
def test_an_enrichment(mono: Mono, method: str, path: str, event: str) -> None:
    id = mono.link()
    mono.news()
    answer = mono.call(method, f"/v2/accounts/{id}/{path}")
    assert (answer["status"], answer["data"]["jobStatus"]) == ("processing", "processing")
    record = f"/v2/enrichments/record/{answer['data']['jobId']}"
    assert mono.call("GET", record)["data"]["status"] == "processing"
    mono.advance("30s")
    (told,) = mono.news()
    assert told["event"] == f"mono.events.{event}"
    assert set(told["data"]) == {"message", "account"}
    assert told["data"]["account"] == id
    read = mono.call("GET", record)["data"]
    assert (read["id"], read["status"], read["jobData"]["account"]) == (answer["data"]["jobId"], "successful", id)


def enriched(mono: Mono, id: str, method: str, path: str) -> dict[str, Any]:
    """What an enrichment has found."""
    job = mono.call(method, f"/v2/accounts/{id}/{path}")["data"]["jobId"]
    mono.advance("30s")
    found: dict[str, Any] = mono.call("GET", f"/v2/enrichments/record/{job}")["data"]["jobData"]
    return found


def test_insights_add_up(mono: Mono) -> None:
    id = mono.link()
    rows = mono.transactions(id)
    found = enriched(mono, id, "GET", "statement/insights")
    for type, name in (("credit", "inflow"), ("debit", "outflow")):
        amounts = [row["amount"] for row in rows if row["type"] == type]
        assert (found[name]["total"], found[name]["highest"]) == (sum(amounts), max(amounts))
        assert found["transaction_details"][f"{type}_count"] == len(amounts)
    assert found["balance_after_expense"] == found["inflow"]["total"] - found["outflow"]["total"]
    summary = found["account_summary"]
    assert summary["opening_balance"] + found["balance_after_expense"] == summary["closing_balance"]
    assert summary["closing_balance"] == mono.call("GET", f"/v2/accounts/{id}/balance")["data"]["balance"]
    assert (found["transaction_count"], found["end_date"]) == (len(rows), rows[0]["date"][:10])
    assert any(each["count"] > 5 for each in found["recurring_transactions"])


def test_insights_of_nothing(mono: Mono) -> None:
    mono.script("link: [{status: AVAILABLE, data: empty}]")
    found = enriched(mono, mono.link("mine"), "GET", "statement/insights")
    assert (found["transaction_count"], found["start_date"], found["recurring_transactions"]) == (0, None, [])


def test_categories_are_the_transactions_from_then_on(mono: Mono) -> None:
    id = mono.link()
    assert "groceries" not in {row["category"] for row in mono.transactions(id)}
    found = enriched(mono, id, "POST", "transactions/categorise")["transactions"]
    assert "groceries" in {row["category"] for row in mono.transactions(id)}
    assert {row["id"]: row["category"] for row in found} == {
        row["id"]: row["category"] for row in mono.transactions(id)
    }


def test_metadata_of_narrations(mono: Mono) -> None:
    found = enriched(mono, mono.link(), "POST", "transactions/metadata")["transactions"]
    pos = next(row for row in found if row["narration"].startswith("POS PURCHASE"))
    assert pos["metadata"]["channel"] == "pos"
    assert {row["metadata"]["channel"] for row in found} >= {"pos", "transfer", "mobile"}
    assert any(row["metadata"]["location"] == "Ikeja, Lagos" for row in found)
    assert all((row["metadata"]["reference_number"] or "") in row["narration"] for row in found)


def test_a_record_that_is_not_there(mono: Mono) -> None:
    id = mono.link()
    mono.call("GET", f"/v2/enrichments/record/{'0' * 24}", status=404)
    mono.call("GET", f"/v2/enrichments/record/{id}", status=404)


def test_a_bank_account_has_no_investments(mono: Mono) -> None:
    id = mono.link()
    assert mono.call("GET", f"/v2/accounts/{id}/assets")["data"] == {"id": id, "assets": []}
    assert mono.call("GET", f"/v2/accounts/{id}/earnings")["data"] == []
    for path in ("assets", "earnings"):
        mono.call("GET", f"/v2/accounts/{'0' * 24}/{path}", status=404)
