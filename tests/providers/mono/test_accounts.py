"""Accounts as they are read in v1 and v2: details, balance, identity, income; data statuses; unlinking;
institutions.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Receiver
from tests.providers.mono.client import Mono


def test_details(mono: Mono) -> None:
    id = mono.link(institution="Zenith Bank", ref="loan-5521")
    v2 = mono.call("GET", f"/v2/accounts/{id}")
    assert list(v2) == ["status", "message", "timestamp", "data"]
    account, meta = v2["data"]["account"], v2["data"]["meta"]
    assert list(account) == ["id", "name", "account_number", "currency", "balance", "type", "bvn", "institution"]
    assert account["institution"] == {"name": "Zenith Bank", "bank_code": "057", "type": "PERSONAL_BANKING"}
    assert (account["currency"], account["type"], len(account["bvn"]), type(account["balance"])) == (
        "NGN",
        "CURRENT",
        4,
        int,
    )
    assert meta == {
        "data_status": "AVAILABLE",
        "auth_method": "internet_banking",
        "ref": "loan-5521",
        "retrieved_data": ["identity", "balance", "transactions"],
    }
    v1 = mono.call("GET", f"/accounts/{id}")
    assert list(v1) == ["meta", "account"]
    assert v1["meta"] == {"data_status": "AVAILABLE", "auth_method": "internet_banking"}
    assert v1["account"] == {
        "_id": id,
        "institution": {"name": "Zenith Bank", "bankCode": "057", "type": "PERSONAL_BANKING"},
        "name": account["name"],
        "accountNumber": account["account_number"],
        "type": "CURRENT_ACCOUNT",
        "balance": account["balance"],
        "currency": "NGN",
        "bvn": account["bvn"],
    }


def test_balance(mono: Mono) -> None:
    id = mono.link()
    account = mono.call("GET", f"/v2/accounts/{id}")["data"]["account"]
    wanted = {name: account[name] for name in ("id", "name", "account_number", "balance", "currency")}
    assert mono.call("GET", f"/v2/accounts/{id}/balance")["data"] == wanted


def test_the_list_of_accounts(mono: Mono) -> None:
    older, newer, gone = (mono.link(customer={"name": "Ada Obi", "email": f"{n}@example.com"}) for n in "abc")
    mono.call("POST", f"/v2/accounts/{gone}/unlink")
    listed = mono.call("GET", "/v2/accounts")
    assert [each["id"] for each in listed["data"]] == [newer, older]
    assert listed["meta"] == {"total": 2, "pages": 1, "previous": None, "next": None}
    details = mono.call("GET", f"/v2/accounts/{older}")["data"]
    account, entry = details["account"], listed["data"][-1]
    for name in ("name", "account_number", "currency", "balance", "bvn", "type"):
        assert entry[name] == account[name]
    assert (entry["auth_method"], entry["status"]) == (details["meta"]["auth_method"], "AVAILABLE")
    assert entry["institution"] == {**account["institution"], "id": "5f2d08be60b92e2888287702"}
    assert entry["customer"] == {**details["customer"], "name": "Ada Obi", "email": "a@example.com"}
    second = mono.call("GET", "/v2/accounts?limit=1&page=2")
    assert [each["id"] for each in second["data"]] == [older]
    assert second["meta"]["previous"].endswith("/mono/v2/accounts?limit=1&page=1")
    assert (second["meta"]["pages"], second["meta"]["next"]) == (2, None)
    assert "page must be" in mono.call("GET", "/v2/accounts?page=0", status=400)["message"]


def test_identity_shows_the_whole_bvn(mono: Mono) -> None:
    id = mono.link()
    v2 = mono.call("GET", f"/v2/accounts/{id}/identity")["data"]
    v1 = mono.call("GET", f"/accounts/{id}/identity")
    names = "full_name email phone gender dob bvn marital_status address_line1 state_of_origin lga_of_origin"
    assert list(v2) == [*names.split(), "created_at", "updated_at"]
    names = "fullName email phone gender dob bvn maritalStatus addressLine1 addressLine2"
    assert list(v1) == names.split()
    assert v2["gender"] in ("male", "female")
    assert v1["gender"].lower() == v2["gender"]
    assert (v1["fullName"], v1["bvn"], v1["addressLine1"]) == (v2["full_name"], v2["bvn"], v2["address_line1"])
    assert v2["state_of_origin"]
    assert v2["lga_of_origin"]
    assert (v2["created_at"], v2["updated_at"]) == ("2026-01-01T12:00:00.000Z", "2026-01-01T12:00:01.000Z")
    assert len(v2["bvn"]) == 11
    assert v2["bvn"].endswith(mono.call("GET", f"/v2/accounts/{id}")["data"]["account"]["bvn"])


def test_before_there_are_data(mono: Mono) -> None:
    id = mono.call("POST", "/account/auth", {"code": mono.connect(institution="any")})["id"]
    account = mono.call("GET", f"/v2/accounts/{id}")["data"]
    assert (account["account"]["id"], account["account"]["balance"], account["account"]["name"]) == (id, None, None)
    assert account["meta"] | {"auth_method": ""} == {
        "data_status": "PROCESSING",
        "auth_method": "",
        "retrieved_data": [],
    }
    assert mono.transactions(id) == []
    for what in ("balance", "identity"):
        assert mono.call("GET", f"/v2/accounts/{id}/{what}")["data"] is None
    assert mono.call("GET", f"/accounts/{id}/identity") == {}
    assert mono.call("GET", f"/accounts/{id}/income") == {
        "type": "NONE",
        "amount": 0,
        "employer": None,
        "confidence": 0,
    }


def test_a_scenario_may_wait_for_reads(mono: Mono) -> None:
    mono.script("link: [{status: PROCESSING}, {after: 2 polls, status: AVAILABLE}]")
    id = mono.link("mine")
    seen = [mono.call("GET", f"/v2/accounts/{id}")["data"]["meta"]["data_status"] for _ in range(3)]
    assert seen == ["PROCESSING", "PROCESSING", "AVAILABLE"]


@pytest.mark.parametrize("status", ["PARTIAL", "UNAVAILABLE", "FAILED"])
def test_what_a_fetch_may_come_to(mono: Mono, status: str) -> None:
    mono.script(f"link: [{{status: PROCESSING}}, {{after: 1s, status: {status}}}]")
    id = mono.link("mine")
    updated = mono.news()[-1]["data"]
    assert updated["meta"]["data_status"] == status
    meta = mono.call("GET", f"/v2/accounts/{id}")["data"]["meta"]
    assert meta["retrieved_data"] == (["identity", "balance"] if status == "PARTIAL" else [])
    assert mono.transactions(id) == []
    if status != "PARTIAL":
        assert updated["account"] == {"_id": id}


def test_how_a_sync_changes_the_data_status(mono: Mono) -> None:
    """The table of Mono's page: what it was, what was fetched, what it is then."""
    partial = "{status: PARTIAL, set: {retrieved_data: [%s]}}"
    balance, transactions = partial % "balance", partial % "transactions"
    for before, sync, after in (
        ("{status: FAILED}", balance, "PARTIAL"),
        ("{status: UNAVAILABLE}", transactions, "PARTIAL"),
        (balance, transactions, "AVAILABLE"),
        (balance, balance, "PARTIAL"),
        ("{status: AVAILABLE}", transactions, "AVAILABLE"),
    ):
        mono.script(f"link: [{{status: PROCESSING}}, {{after: 1s, then: done}}]\ndone: [{before}]\nsync: [{sync}]")
        id = mono.link("mine")
        mono.call("GET", f"/v2/accounts/{id}/balance", x_realtime="true")
        assert mono.call("GET", f"/v2/accounts/{id}")["data"]["meta"]["data_status"] == after


def test_income(mono: Mono) -> None:
    id = mono.link()
    v1 = mono.call("GET", f"/accounts/{id}/income")
    assert (v1["type"], v1["employer"]) == ("INCOME", "NORTHWIND FREIGHT")
    mono.news()
    answer = mono.call("GET", f"/v2/accounts/{id}/income")
    assert (answer["status"], answer["data"]) == ("successful", None)
    assert mono.news() == []
    mono.advance("30s")
    (told,) = mono.news()
    assert told["event"] == "mono.events.account_income"
    data = told["data"]
    salaries = [row for row in mono.transactions(id, type="credit") if row["narration"].startswith("SALARY")]
    assert data["account"] == id
    assert data["income_summary"]["total_income"] == sum(row["amount"] for row in salaries)
    assert data["income_summary"]["monthly_income"] == v1["amount"]
    (stream,) = data["income_streams"]
    assert (stream["number_of_incomes"], stream["last_income_amount"]) == (len(salaries), salaries[0]["amount"])
    assert (stream["currency"], stream["frequency"]) == ("NGN", "VARIABLE")
    head = ("account", "app", "business", "account_name", "account_number")
    records = mono.call("GET", f"/v2/accounts/{id}/income-records")["data"]
    assert records == {name: data[name] for name in data if name not in head}


def test_regular_and_irregular_income(mono: Mono) -> None:
    """What comes every two weeks is not regular, as Mono's frequencies have it; what comes by the month is."""
    told = mono.call("GET", f"/v2/accounts/{mono.link()}/income-records")["data"]
    assert told["aggregated_monthly_average"] == told["aggregated_monthly_average_irregular"] == told["monthly_income"]
    assert told["total_irregular_income_amount"] == told["income_summary"]["total_income"] > 0
    assert (told["aggregated_monthly_average_regular"], told["total_regular_income_amount"]) == (0, 0)
    assert (told["number_of_income_streams"], told["income_source_type"]) == (len(told["income_streams"]), "BANK")
    assert told["first_transaction_date"] < told["last_transaction_date"] <= "2026-01-01"
    mono.script("link: [{status: AVAILABLE, data: empty}]")
    nothing = mono.call("GET", f"/v2/accounts/{mono.link('mine')}/income-records")["data"]
    assert (nothing["income_streams"], nothing["aggregated_monthly_average"], nothing["period"]) == ([], 0, "0 months")


@pytest.mark.parametrize("version", ["", "/v2"])
def test_unlink(mono: Mono, version: str) -> None:
    id = mono.link()
    mono.news()
    answer = mono.call("POST", f"{version}/accounts/{id}/unlink")
    assert answer["message"] == "Account unlinked successfully"
    assert mono.news() == [{"event": "mono.events.account_unlinked", "data": {"account": {"_id": id, "id": id}}}]
    for path in (f"/accounts/{id}", f"/v2/accounts/{id}/transactions", f"/v2/accounts/{id}/balance"):
        assert mono.call("GET", path, status=404)["message"] == f"Account with ID {id} not found"
    mono.call("POST", f"/accounts/{id}/unlink", status=404)
    assert mono.status(id) == "UNLINKED"
    assert mono.control("GET", f"/subjects/{id}")["timeline"][-1]["cause"] == "unlinked"
    mono.midnight()
    assert mono.events() == []


def test_a_scenario_unlinks_or_deletes(mono: Mono) -> None:
    mono.script("midnight: [{status: UNLINKED}]", "leaves")
    mono.script("midnight: [{delete: true}]", "dies")
    for name in ("leaves", "dies"):
        id = mono.link(name)
        mono.midnight()
        assert mono.events()[-1] == "account_unlinked"
        mono.call("GET", f"/v2/accounts/{id}", status=404)


def test_status_by_hand(mono: Mono) -> None:
    id = mono.link()
    mono.news()
    for status, event in (
        ("SYNC_FAILED", "sync_failed"),
        ("REAUTHORISATION_REQUIRED", "reauthorisation_required"),
        ("AVAILABLE", "account_updated"),
        ("PARTIAL", "account_updated"),
        ("UNLINKED", "account_unlinked"),
    ):
        mono.control("PUT", f"/subjects/{id}/status", {"status": status})
        assert mono.events() == [event]
        assert mono.status(id) == status
    problem = mono.control("PUT", f"/subjects/{id}/status", {"status": "CONNECTED"}, status=422)
    assert "REAUTHORISATION_REQUIRED" in problem["detail"]


def test_the_journal_says_why(mono: Mono) -> None:
    id = mono.link("synced")
    answer = mono.ask("GET", f"/v2/accounts/{id}")
    entry = mono.control("GET", f"/requests/{answer.headers['X-Mocksrv-Request']}")
    assert (entry["subject"], entry["scenario"], entry["flow"], entry["status_before"]) == (
        id,
        "synced",
        "link",
        "AVAILABLE",
    )


def test_faults(mono: Mono) -> None:
    mono.control("PUT", "/faults", {"faults": [{"on": "GET /mono/v2/accounts/*", "status": 503, "times": 1}]})
    id = mono.link()
    assert mono.call("GET", f"/v2/accounts/{id}", status=503)["status"] == "failed"
    mono.call("GET", f"/v2/accounts/{id}")


def test_institutions(mono: Mono) -> None:
    coverage = mono.call("GET", "/coverage")
    assert list(coverage[0]) == ["name", "icon", "website", "coverage", "products"]
    assert {"GTBank", "Zenith Bank", "Kuda", "Mock: synced"} <= {each["name"] for each in coverage}
    rows = mono.call("GET", "/v3/institutions?scope=financial_data&bank_code=057")["data"]
    assert [(row["name"], row["nip_code"], row["country"]) for row in rows] == [("Zenith Bank", "000015", "ng")]
    form = rows[0]["auth_methods"][0]["ui"]["form"]
    assert [(field["name"], field["contentType"]) for field in form] == [
        ("username", "string"),
        ("password", "password"),
    ]
    mobile = mono.call("GET", "/v3/institutions?auth_method=mobile_banking")["data"]
    internet = mono.call("GET", "/v3/institutions?auth_method=internet_banking")["data"]
    assert {row["name"] for row in mobile} - {row["name"] for row in internet} >= {"Kuda", "OPay"}
    assert mono.call("GET", "/v3/institutions?scope=payments")["data"] == []
    banks = mono.call("GET", "/v3/banks/list")["data"]["banks"]
    assert {"name": "GTBank", "bank_code": "058", "nip_code": "000013", "direct_debit": True} in banks


@pytest.mark.parametrize(
    ("name", "code", "id"),
    [
        ("GTBank", "058", "5f2d08be60b92e2888287702"),
        ("Guaranty Trust Bank", "058", "5f2d08be60b92e2888287702"),
        ("access bank", "044", "5f2d08bf60b92e2888287703"),
        ("First Bank of Nigeria", "011", "5f2d08c060b92e2888287707"),
        ("Zenith Bank", "057", None),
        ("UBA", "033", None),
        ("Union Bank", "032", None),
        ("Wema Bank", "035", None),
        ("Kuda Bank", "50211", None),
        ("Stanbic IBTC Bank", "221", None),
        ("Citibank", "023", None),
        ("Standard Chartered", "068", None),
    ],
)
def test_banks_that_people_know(mono: Mono, name: str, code: str, id: str | None) -> None:
    linked = mono.link(institution=name)
    listed = mono.call("GET", "/v2/accounts")["data"][0]
    assert (listed["id"], listed["institution"]["bank_code"]) == (linked, code)
    assert id in (None, listed["institution"]["id"])


OWN = """\
provider: mono
code: gringotts
name: Gringotts Wizarding Bank
url: https://www.gringotts.example
credentials:
  - {name: vault, label: Your vault, type: LOGIN}
  - {name: key, label: Your key, type: PASSWORD}
products: [Balance]
scenario: sync-failed
"""


def test_an_institution_of_ones_own(make_server: Callable[..., Any], receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "gringotts.institution.yaml").write_text(OWN)
    _, app = make_server(scenarios=(tmp_path,))
    mono = Mono(app, receiver)
    first = mono.call("GET", "/coverage")[0]
    assert (first["name"], first["website"], first["products"]) == (
        "Gringotts Wizarding Bank",
        "https://www.gringotts.example",
        ["Balance"],
    )
    (shown,) = [row for row in mono.call("GET", "/v3/institutions")["data"] if row["_id"] == "gringotts"]
    form = shown["auth_methods"][0]["ui"]["form"]
    assert [(field["name"], field["hint"], field["contentType"]) for field in form] == [
        ("vault", "Your vault", "string"),
        ("key", "Your key", "password"),
    ]
    for called in ("gringotts", "gringotts wizarding bank"):
        id = mono.link(institution=called)
        assert mono.control("GET", f"/subjects/{id}")["scenario"] == "sync-failed"
    assert mono.control("GET", f"/subjects/{mono.link('synced', institution='gringotts')}")["scenario"] == "synced"


def test_a_page_reads_the_coverage_without_a_key(mono: Mono) -> None:
    answer = mono.http.get("/mono/coverage", headers={"Origin": "https://app.example.com"})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, "https://app.example.com")
    asked = {"Origin": "https://app.example.com", "Access-Control-Request-Headers": "mono-sec-key"}
    allowed = mono.http.options("/mono/coverage", headers=asked)
    assert (allowed.status_code, allowed.headers["Access-Control-Allow-Headers"]) == (204, "mono-sec-key")
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
