"""What records look like: signs, types, lists and the fields that callers count on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.providers.finicity.client import Finicity

LIABILITIES = {"creditCard", "loan", "mortgage", "lineOfCredit", "studentLoan"}
NOW = 1767268800


def test_demo_at_finbank_has_everything(finicity: Finicity) -> None:
    accounts = finicity.connected(finicity.customer(), institution="101732", username="demo", password="go")
    types = {account["type"] for account in accounts}
    assert len(accounts) >= 8
    assert {"checking", "savings", "creditCard", "loan", "mortgage", "brokerageAccount", "401k"} <= types


def test_profile_02_has_a_401k(finicity: Finicity) -> None:
    wishes = {"institution": "102105", "username": "profile_02", "password": "profile_02"}
    accounts = finicity.connected(finicity.customer(), **wishes)
    assert sorted(account["type"] for account in accounts) == ["401k", "checking", "creditCard", "savings"]


def test_what_is_owed_is_negative(finicity: Finicity) -> None:
    customer = finicity.customer()
    accounts = finicity.connected(customer, institution="101732", username="demo", password="go")
    owed = {account["type"] for account in accounts if account["balance"] < 0}
    assert owed == {account["type"] for account in accounts} & LIABILITIES
    for card in (account for account in accounts if account["type"] == "creditCard"):
        assert card["detail"]["creditAvailableAmount"] > 0
        assert card["detail"]["creditMaxAmount"] > 0
        cleared = finicity.call("GET", f"/aggregation/v1/customers/{customer}/accounts/{card['id']}/availableBalance")
        assert (cleared["clearedBalance"], cleared["aggregationStatusCode"]) == (card["balance"], 0)
    events = {item["json"]["eventType"]: item["json"]["payload"] for item in finicity.received()}
    for name in ("discovered", "added"):
        told = {account["id"]: account["balance"] for account in events[name]["accounts"]}
        assert told == {account["id"]: account["balance"] for account in accounts}


def test_a_record_has_a_nickname_and_rates_are_texts(finicity: Finicity) -> None:
    accounts = finicity.connected(finicity.customer(), institution="101732", username="demo", password="go")
    assert all(account["accountNickname"] == account["name"] for account in accounts)
    rates = [account["detail"]["interestRate"] for account in accounts if "interestRate" in account["detail"]]
    assert rates
    assert all(isinstance(rate, str) and float(rate) > 0 for rate in rates)


def test_positions_add_up(finicity: Finicity) -> None:
    customer = finicity.customer()
    accounts = finicity.connected(customer, institution="101732", username="demo", password="go")
    held = {account["type"]: account["position"] for account in accounts if "position" in account}
    assert set(held) == {"brokerageAccount", "401k"}
    for position in (each for positions in held.values() for each in positions):
        assert position["marketValue"] == pytest.approx(position["units"] * position["currentPrice"], abs=0.01)
        assert position["securityType"] in {"Stock", "ETF", "Bond", "Money Market", "Mutual Fund"}
    simple = finicity.call("GET", f"/aggregation/v1/customers/{customer}/accounts/simple")["accounts"]
    assert not any("position" in account for account in simple)


def test_owners(finicity: Finicity) -> None:
    customer = finicity.customer()
    account = finicity.connected(customer)[0]["id"]
    owner = finicity.call("GET", f"/aggregation/v1/customers/{customer}/accounts/{account}/owner")
    assert (set(owner), owner["asOfDate"]) == ({"ownerName", "ownerAddress", "asOfDate"}, NOW)
    (holder,) = finicity.call("GET", f"/aggregation/v3/customers/{customer}/accounts/{account}/owner")["holders"]
    assert 0 <= holder["nameClassificationConfidenceScore"] <= 1


def test_payment_instructions(finicity: Finicity) -> None:
    customer = finicity.customer()
    account = finicity.connected(customer)[0]
    path = f"/customers/{customer}/accounts/{account['id']}/details"
    details = finicity.call("GET", f"/aggregation/v1{path}")
    (instruction,) = finicity.call("GET", f"/aggregation/v3{path}")["paymentInstruction"]
    assert (instruction["accountNumber"], instruction["descriptors"]) == (
        details["realAccountNumber"],
        [{"type": "routingNumber", "value": details["routingNumber"]}],
    )


def test_a_consumer_has_every_field(finicity: Finicity) -> None:
    id = finicity.consumer(finicity.customer())
    read = finicity.call("GET", f"/decisioning/v1/consumers/{id}")
    assert {name: read[name] for name in ("address", "city", "zip", "phone", "birthday")} == {
        "address": "",
        "city": "",
        "zip": "",
        "phone": "",
        "birthday": {},
    }


@pytest.fixture
def ordering(finicity: Finicity) -> tuple[Finicity, str, list[str]]:
    """A client, where it orders reports, and the ids of its accounts."""
    customer = finicity.customer()
    finicity.consumer(customer)
    accounts = [account["id"] for account in finicity.connected(customer)]
    return finicity, f"/decisioning/v2/customers/{customer}", accounts


def test_constraints_of_a_report(ordering: tuple[Finicity, str, list[str]]) -> None:
    finicity, path, accounts = ordering
    report = finicity.call("POST", f"{path}/preQualVoa", {"accountIds": " ".join(accounts[:2])}, status=202)
    assert (report["type"], report["status"]) == ("preQualVoa", "inProgress")
    assert report["constraints"] == {"accountIds": accounts[:2]}
    assert finicity.call("POST", f"{path}/voa", {"showNsf": True})["constraints"] == {
        "showNsf": True,
        "accountIds": accounts,
    }
    statement = {"statementReportData": {"accountId": int(accounts[0]), "statementIndex": 2}}
    assert finicity.call("POST", f"{path}/statement", statement)["constraints"] == statement
    dated = finicity.call("POST", f"{path}/transactions?fromDate=1&toDate=2&includePending=true", {})["constraints"]
    assert dated == {"fromDate": 1, "toDate": 2, "includePending": True, "accountIds": accounts}


@pytest.mark.parametrize(
    ("order", "body", "status", "code", "message"),
    [
        ("statement", {}, 400, 10005, "Missing parameter (statementReportData)"),
        ("statement", {"statementReportData": {"accountId": 1}}, 404, 10005, None),
        ("statement", {"statementReportData": {"accountId": 1, "statementIndex": 25}}, 400, 10010, None),
        ("statement", {"statementReportData": {}}, 400, 10010, None),
        ("transactions", {}, 400, 10005, "Missing parameter (fromDate)"),
        ("transactions?fromDate=1", {}, 400, 10005, "Missing parameter (toDate)"),
        ("voa", {"reportCustomFields": [{}] * 6}, 400, 10010, None),
        ("voa", {"incomeStreamConfidenceMinimum": 101}, 400, 10010, None),
        ("voa", {"fromDate": -1}, 400, 10010, None),
        ("voa", {"findTransaction": {"findTransactionAmountTo": 2**60}}, 400, 10010, None),
    ],
)
def test_orders_that_are_refused(
    ordering: tuple[Finicity, str, list[str]], order: str, body: Any, status: int, code: int, message: str | None
) -> None:
    finicity, path, _ = ordering
    answer = finicity.call("POST", f"{path}/{order}", body, status=status)
    assert answer["code"] == code
    assert message in (None, answer["message"])
