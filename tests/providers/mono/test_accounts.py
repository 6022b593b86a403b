"""Accounts as they are read in v1 and v2: details, balance, identity, income; data statuses; unlinking;
institutions.
"""

from __future__ import annotations

import pytest

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


def test_identity_shows_the_whole_bvn(mono: Mono) -> None:
    id = mono.link()
    v2 = mono.call("GET", f"/v2/accounts/{id}/identity")["data"]
    v1 = mono.call("GET", f"/accounts/{id}/identity")
    assert list(v2) == [
        "full_name",
        "email",
        "phone",
        "gender",
        "dob",
        "bvn",
        "marital_status",
        "address_line1",
        "address_line2",
    ]
    assert list(v1) == [
        "fullName",
        "email",
        "phone",
        "gender",
        "dob",
        "bvn",
        "maritalStatus",
        "addressLine1",
        "addressLine2",
    ]
    assert list(v1.values()) == list(v2.values())
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
    assert mono.call("GET", f"/v2/accounts/{id}/income-records")["data"] == {
        name: data[name] for name in ("income_summary", "income_streams")
    }


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
    assert {"name": "GTBank", "bank_code": "058", "nip_code": "000013"} in mono.call("GET", "/v3/banks/list")["data"]
