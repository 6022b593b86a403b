"""Transactions, in pages and filtered; statements as JSON and PDF."""

from __future__ import annotations

import re
from io import BytesIO
from itertools import pairwise

import pytest
from pypdf import PdfReader

from tests.providers.mono.client import Mono


def test_shapes(mono: Mono) -> None:
    id = mono.link()
    v2 = mono.call("GET", f"/v2/accounts/{id}/transactions?limit=1")
    assert list(v2["meta"]) == ["total", "page", "previous", "next"]
    assert list(v2["data"][0]) == ["id", "narration", "amount", "type", "balance", "date", "category"]
    v1 = mono.call("GET", f"/accounts/{id}/transactions?limit=1")
    assert list(v1) == ["paging", "data"]
    assert list(v1["data"][0]) == ["_id", "type", "amount", "narration", "date", "balance", "currency", "category"]
    assert (v1["data"][0]["_id"], v1["data"][0]["currency"]) == (v2["data"][0]["id"], "NGN")


def test_amounts_are_kobo_and_add_up_to_the_balance(mono: Mono) -> None:
    id = mono.link()
    rows = mono.transactions(id)
    assert rows[0]["balance"] == mono.call("GET", f"/v2/accounts/{id}/balance")["data"]["balance"]
    assert all(type(row["amount"]) is int and row["amount"] > 0 for row in rows)
    for later, earlier in pairwise(rows):
        moved = later["amount"] if later["type"] == "credit" else -later["amount"]
        assert earlier["balance"] + moved == later["balance"]
        assert earlier["date"] < later["date"] <= "2026-01-01T12:00:02.000Z"
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row["date"]) for row in rows)
    categories = {row["category"] for row in rows}
    assert categories <= {None, "unknown", "bank_charges", "transfer", "online_transactions"}
    assert {"transfer", "unknown"} <= categories


def test_new_transactions_go_on_from_the_old_ones(mono: Mono) -> None:
    id = mono.link()
    for _ in range(20):
        mono.midnight()
    rows = mono.transactions(id)
    for later, earlier in pairwise(rows):
        moved = later["amount"] if later["type"] == "credit" else -later["amount"]
        assert earlier["balance"] + moved == later["balance"]
        assert earlier["date"] < later["date"]
    assert rows[0]["balance"] == mono.call("GET", f"/v2/accounts/{id}/balance")["data"]["balance"]
    assert len({row["id"] for row in rows}) == len(rows)


@pytest.mark.slow
@pytest.mark.parametrize("step", ["121s", "4m"])
def test_each_balance_follows_from_the_one_before_however_soon_the_next_sync_is(mono: Mono, step: str) -> None:
    news = "[{set: {has_new_data: true}, status: AVAILABLE}]"
    mono.script(f"sync: {news}\nmidnight: {news}")
    ids = [mono.link("mine", ref=f"p{person}") for person in range(16)]
    for _ in range(3):
        for id in ids:
            mono.call("POST", f"/accounts/{id}/sync")
            rows = mono.transactions(id)
            for after, before in pairwise(rows):
                assert after["balance"] - before["balance"] == after["amount"] * (
                    1 if after["type"] == "credit" else -1
                )
            assert rows[0]["balance"] == mono.call("GET", f"/v2/accounts/{id}/balance")["data"]["balance"]
        mono.advance(step)


def test_what_was_never_fetched_comes_also_where_nothing_is_new(mono: Mono) -> None:
    nothing = "[{set: {has_new_data: false}, status: AVAILABLE}]"
    mono.script(f"link: [{{status: PARTIAL}}]\nsync: {nothing}\nmidnight: {nothing}")
    id = mono.link("mine")
    assert mono.transactions(id) == []
    assert mono.call("POST", f"/accounts/{id}/sync")["hasNewData"] is False
    rows = mono.transactions(id)
    assert rows[0]["balance"] == mono.call("GET", f"/v2/accounts/{id}/balance")["data"]["balance"]
    mono.advance("3d")
    mono.call("POST", f"/accounts/{id}/sync")
    assert mono.transactions(id) == rows


def test_pages(mono: Mono) -> None:
    id = mono.link()
    everything = mono.transactions(id)
    assert len(everything) > 100
    first = mono.call("GET", f"/v2/accounts/{id}/transactions")
    assert len(first["data"]) == 50
    assert first["meta"]["previous"] is None
    found, url = (
        [],
        first["meta"]["next"].partition("/mono")[2].replace("limit=50", "limit=80").replace("page=2", "page=1"),
    )
    while url:
        page = mono.call("GET", url)
        found += page["data"]
        url = (page["meta"]["next"] or "").partition("/mono")[2]
    assert found == everything
    last = mono.call("GET", f"/v2/accounts/{id}/transactions?page=99&type=debit")
    assert last["data"] == []
    assert "page=98" in last["meta"]["previous"]
    assert "type=debit" in last["meta"]["previous"]


def test_filters(mono: Mono) -> None:
    id = mono.link()
    everything = mono.transactions(id)
    december = mono.transactions(id, start="01-12-2025", end="31-12-2025")
    assert december == [row for row in everything if row["date"].startswith("2025-12")]
    assert december
    debits = mono.transactions(id, type="debit")
    assert debits == [row for row in everything if row["type"] == "debit"]
    salaries = mono.transactions(id, narration="salary")
    assert salaries
    assert all("SALARY" in row["narration"] for row in salaries)


@pytest.mark.parametrize("type", ["credit", "debit"])
def test_credits_and_debits_by_month(mono: Mono, type: str) -> None:
    id = mono.link()
    rows = mono.transactions(id, type=type)
    v2 = mono.call("GET", f"/v2/accounts/{id}/{type}s")["data"]
    assert list(v2) == ["total", "transactions_count", "history"]
    assert (v2["total"], v2["transactions_count"]) == (sum(row["amount"] for row in rows), len(rows))
    december = [row["amount"] for row in rows if row["date"].startswith("2025-12")]
    assert {"period": "12-25", "amount": sum(december), "transactions_count": len(december)} in v2["history"]
    assert [entry["period"][:2] for entry in v2["history"]][:2] in (["01", "12"], ["12", "11"])
    v1 = mono.call("GET", f"/accounts/{id}/{type}s")
    assert v1["total"] == sum(entry["amount"] for entry in v1["history"]) == v2["total"]
    assert [set(entry) for entry in v1["history"]] == [{"period", "amount"}] * len(v2["history"])


def test_credits_before_there_are_any(mono: Mono) -> None:
    id = mono.call("POST", "/account/auth", {"code": mono.connect(institution="any")})["id"]
    assert mono.call("GET", f"/accounts/{id}/credits") == {"total": 0, "history": []}
    empty = {"total": 0, "transactions_count": 0, "history": []}
    assert mono.call("GET", f"/v2/accounts/{id}/debits")["data"] == empty


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/transactions", "Transaction retrieved successfully"),
        ("/balance", "Request was successfully completed"),
        ("", "Request was successfully completed"),
        ("/jobs/{job}", "Job execution completed"),
    ],
)
def test_messages(mono: Mono, path: str, message: str) -> None:
    id = mono.link()
    job = mono.ask("GET", f"/v2/accounts/{id}/balance", x_realtime="true").headers["x-job-id"]
    assert mono.call("GET", f"/v2/accounts/{id}{path.format(job=job)}")["message"] == message


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("start=2025-12-01", "start must be a date in the form DD-MM-YYYY"),
        ("end=31-02-2025", "end must be"),
        ("type=both", "type must be debit or credit"),
        ("paginate=maybe", "paginate must be true or false"),
        ("limit=0", "limit must be a whole number"),
        ("page=-1", "page must be"),
    ],
)
def test_a_query_that_is_wrong(mono: Mono, query: str, words: str) -> None:
    id = mono.link()
    assert words in mono.call("GET", f"/v2/accounts/{id}/transactions?{query}", status=400)["message"]


def test_a_statement(mono: Mono) -> None:
    id = mono.link()
    v1 = mono.call("GET", f"/accounts/{id}/statement?period=last1months")
    assert v1["meta"]["count"] == len(v1["data"])
    assert list(v1["data"][0]) == ["_id", "type", "amount", "narration", "date", "balance"]
    assert min(row["date"] for row in v1["data"]) > "2025-12-01"
    v2 = mono.call("GET", f"/v2/accounts/{id}/statement?period=last12months")
    assert v2["meta"]["count"] == len(mono.transactions(id))
    for query in ("period=last13months", "period=last0months", "period=6", "output=csv"):
        mono.call("GET", f"/accounts/{id}/statement?{query}", status=400)


@pytest.mark.parametrize("version", ["", "/v2"])
def test_a_statement_as_pdf(mono: Mono, version: str) -> None:
    id = mono.link()

    def data(answer: dict[str, object]) -> dict[str, str]:
        return answer["data"] if version else answer  # type: ignore[return-value]

    job = data(mono.call("GET", f"{version}/accounts/{id}/statement?period=last3months&output=pdf"))
    assert (list(job), job["status"]) == (["id", "status", "path"], "BUILDING")
    path = job["path"].removeprefix("http://localhost")
    assert mono.http.get(path).status_code == 404
    mono.advance("1s")
    read = data(mono.call("GET", f"{version}/accounts/{id}/statement/jobs/{job['id']}"))
    assert read == {**job, "status": "BUILT"}
    answer = mono.http.get(path)  # a plain link, without the key
    assert answer.mimetype == "application/pdf"
    text = "".join(page.extract_text() for page in PdfReader(BytesIO(answer.data)).pages)
    account = mono.call("GET", f"/v2/accounts/{id}")["data"]["account"]
    assert account["account_number"] in text
    assert mono.transactions(id, start="01-12-2025")[0]["narration"] in text
    mono.call("GET", f"{version}/accounts/{id}/statement/jobs/{'0' * 24}", status=404)
