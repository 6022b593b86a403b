"""Refreshes of transactions that are asked for and looked at later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Receiver
from tests.providers.finicity.client import Finicity

DOWN = (
    "name: down\nprovider: finicity\nextends: connect-full\nflows:\n  refresh:\n    - {after: 10s, set: {code: 102}}\n"
)


@pytest.fixture
def finicity(make_server: Callable[..., Any], receiver: Receiver) -> Finicity:
    return Finicity(make_server()[1], receiver)


def path(customer: str) -> str:
    return f"/aggregation/customers/{customer}/transactions/refreshes"


def test_a_login_is_refreshed(finicity: Finicity) -> None:
    accounts = finicity.connected(customer := finicity.customer())
    login = str(accounts[0]["institutionLoginId"])
    finicity.advance("1h")
    begun = finicity.call("POST", path(customer), {"institutionLoginId": login}, status=202)
    assert begun == {
        "refreshId": begun["refreshId"],
        "customerId": customer,
        "institutionLoginId": login,
        "mode": "standard",
        "status": "NEW",
        "createdAt": "2026-01-01T13:00:00.000Z",
    }
    one = f"{path(customer)}/{begun['refreshId']}"
    seen = []
    for wait in ("0s", "2s", "3s"):
        finicity.advance(wait)
        seen.append(finicity.call("GET", one))
    assert [each["status"] for each in seen] == ["NEW", "IN_PROGRESS", "COMPLETED"]
    assert [(each["totalCount"], each["successCount"], each["failedCount"]) for each in seen] == [
        (len(accounts), 0, 0),
        (len(accounts), 0, 0),
        (len(accounts), len(accounts), 0),
    ]
    assert seen[-1]["accounts"][0] == {
        "accountId": accounts[0]["id"],
        "institutionLoginId": login,
        "institutionId": accounts[0]["institutionId"],
        "aggregationStatusCode": 0,
        "aggregationSuccessDate": "2026-01-01T13:00:00.000Z",
    }


def test_reading_before_it_is_completed_is_a_violation(finicity: Finicity) -> None:
    [account, *_] = finicity.connected(customer := finicity.customer())
    finicity.advance("1h")
    login = {"institutionLoginId": str(account["institutionLoginId"])}
    refresh = finicity.call("POST", path(customer), login, status=202)["refreshId"]
    lists = [f"/aggregation/v3/customers/{customer}", f"/aggregation/v4/customers/{customer}/accounts/{account['id']}"]
    for _ in range(2):  # too early, and in time
        for one in lists:
            finicity.call("GET", f"{one}/transactions?fromDate=1&toDate=9999999999&limit=1000")
        finicity.advance("5s")
    found = [each for each in finicity.control("GET", "/violations")["violations"] if each["rule"] == "early-read"]
    assert [each["detail"] for each in found] == [f"the refresh {refresh} is not COMPLETED yet"] * 2


@pytest.mark.parametrize(
    "body", [{"mode": "historic"}, {"mode": "custom", "fromDate": "2024-06-01", "toDate": "2026-01-01"}]
)
def test_history_is_brought_into_the_accounts_that_are_named(finicity: Finicity, body: dict[str, str]) -> None:
    first, second = finicity.connected(customer := finicity.customer())[:2]
    finicity.call("POST", path(customer), {"accountIds": [first["id"]], **body}, status=202)
    begin = {each["id"]: each for each in finicity.accounts(customer)}
    reach = f"fromDate=1700000000&toDate={1_767_300_000}&sort=asc&limit=1"
    oldest = [
        finicity.call("GET", f"/aggregation/v4/customers/{customer}/accounts/{each}/transactions?{reach}")[
            "transactions"
        ][0]["postedDate"]
        for each in (first["id"], second["id"])
    ]
    assert begin[first["id"]]["aggregationStatusCode"] == 0
    assert oldest[0] < oldest[1] - 300 * 86_400


def test_a_refresh_that_fails_as_a_scenario_says(finicity: Finicity) -> None:
    finicity.put_scenario("down", DOWN)
    customer = finicity.customer()
    finicity.play(finicity.generate(customer, scenario="down"), username="somebody")
    account = finicity.accounts(customer)[0]
    begun = finicity.call("POST", path(customer), {"accountIds": [account["id"]]}, status=202)
    one = f"{path(customer)}/{begun['refreshId']}"
    finicity.advance("6s")
    assert finicity.call("GET", one)["status"] == "IN_PROGRESS"  # the scenario takes ten seconds
    finicity.advance("4s")
    failed = finicity.call("GET", one)
    assert (failed["status"], failed["successCount"], failed["failedCount"]) == ("FAILED", 0, 1)
    [row] = failed["accounts"]
    assert (row["code"], row["message"]) == (102, "The institution is down for maintenance.")
    assert "aggregationStatusCode" not in row


@pytest.mark.parametrize(
    ("body", "status", "code", "said"),
    [
        ({}, 400, 10005, "Missing parameter (institutionLoginId)"),
        ({"accountIds": ["{account}"], "mode": "fast"}, 400, 10100, "Invalid parameter (mode)"),
        ({"accountIds": ["{account}"], "institutionLoginId": "{login}"}, 400, 10100, "Invalid parameter (accountIds)"),
        ({"accountIds": ["{account}"], "mode": "custom"}, 400, 10005, "Missing parameter (fromDate)"),
        (
            {"accountIds": ["{account}"], "mode": "custom", "fromDate": "soon", "toDate": "2026-01-01"},
            400,
            10100,
            "Invalid parameter (fromDate)",
        ),
        (
            {"accountIds": ["{account}"], "mode": "custom", "fromDate": "2026-01-02", "toDate": "2026-01-01"},
            400,
            41002,
            "Invalid date range: fromDate is after toDate",
        ),
        ({"accountIds": ["1"]}, 404, 10005, "Customer does not have the specified account (1)"),
        ({"institutionLoginId": "1"}, 404, 38007, "Customer does not have any accounts associated with"),
        ({"accountIds": "{account}"}, 400, 10010, "accountIds"),
    ],
)
def test_refreshes_that_are_refused(
    finicity: Finicity, body: dict[str, Any], status: int, code: int, said: str
) -> None:
    account = finicity.connected(customer := finicity.customer())[0]
    names = {"account": account["id"], "login": str(account["institutionLoginId"])}
    filled = {
        name: [each.format_map(names) for each in value] if isinstance(value, list) else value.format_map(names)
        for name, value in body.items()
    }
    refused = finicity.call("POST", path(customer), filled, status=status)
    assert refused["code"] == code
    assert said in refused["message"]


def test_what_is_not_there(finicity: Finicity) -> None:
    assert finicity.call("POST", path("1"), {"accountIds": ["1"]}, status=404)["code"] == 14001
    customer = finicity.customer()
    assert finicity.call("GET", f"{path(customer)}/x", status=404) == {"code": 10008, "message": "data not found"}
    assert finicity.call("GET", f"{path('1')}/x", status=404)["code"] == 14001
