"""Accounts, refreshes, transactions, deletion, reports."""

from __future__ import annotations

import pytest

from tests.providers.finicity.client import Finicity

NOW = 1_767_268_800  # where the seeded clock begins, in seconds
ALL_TIME = "fromDate=1&toDate=9999999999"


def test_an_account_record(finicity: Finicity) -> None:
    customer = finicity.customer()
    checking, savings, card = finicity.connected(customer)
    assert (checking["type"], savings["type"], card["type"]) == ("checking", "savings", "creditCard")
    assert (checking["customerId"], checking["institutionId"], checking["status"]) == (customer, "101732", "active")
    assert isinstance(checking["institutionLoginId"], int)
    assert checking["number"].endswith(checking["accountNumberDisplay"])
    assert (checking["aggregationStatusCode"], checking["aggregationSuccessDate"]) == (0, NOW)
    assert "realAccountNumberLast4" not in card
    for version in ("v1", "v2"):
        assert finicity.call("GET", f"/aggregation/{version}/customers/{customer}/accounts/{card['id']}") == card
    simple = finicity.call("GET", f"/aggregation/v1/customers/{customer}/accounts/simple")["accounts"][0]
    assert not {"number", "balance", "balanceDate", "detail"} & simple.keys()


def test_lists_by_login_and_institution(finicity: Finicity) -> None:
    customer = finicity.customer()
    first = finicity.connected(customer)
    finicity.connected(customer, institution="102105", username="profile_700", password="profile_700")
    path = f"/aggregation/v1/customers/{customer}"
    assert len(finicity.accounts(customer)) == 3 + 9
    assert finicity.call("GET", f"{path}/institutions/101732/accounts")["accounts"] == first
    assert (
        finicity.call("GET", f"{path}/institutionLogins/{first[0]['institutionLoginId']}/accounts")["accounts"] == first
    )
    assert finicity.call("GET", f"{path}/institutionLogins/1/accounts", status=404)["code"] == 38007
    assert finicity.call("GET", f"{path}/accounts?status=pending")["accounts"] == []
    assert finicity.call("GET", f"{path}/accounts?status=other", status=400)["code"] == 18017


def test_accounts_belong_to_their_customer(finicity: Finicity) -> None:
    account = finicity.connected(finicity.customer())[0]
    other = finicity.customer("customer-43")
    assert (
        finicity.call("GET", f"/aggregation/v2/customers/{other}/accounts/{account['id']}", status=404)["code"] == 38003
    )
    assert finicity.accounts(other) == []


def test_one_person_has_the_same_money_everywhere(finicity: Finicity) -> None:
    """MX, Finicity (and Mono) know a person by the app's own id: the persona of the profile is the same."""
    accounts = finicity.connected(finicity.customer("customer-42"))
    mx = {"Accept": "application/vnd.mx.api.v1+json"}

    def call(method: str, path: str, body: object = None) -> dict[str, list[dict[str, object]]]:
        answer = finicity.http.open(path, method=method, json=body, headers=mx, auth=("client", "key")).get_json(
            force=True
        )
        found: dict[str, list[dict[str, object]]] = answer
        return found

    user = call("POST", "/users", {"user": {"id": "customer-42"}})["user"]["guid"]  # type: ignore[call-overload]
    form = call("GET", "/institutions/mock_connected/credentials")["credentials"]
    credentials = [{"guid": field["guid"], "value": "x"} for field in form]
    call(
        "POST", f"/users/{user}/members", {"member": {"institution_code": "mock_connected", "credentials": credentials}}
    )
    finicity.control("POST", "/clock/advance", {"by": "3s"})
    same = {
        (str(account["name"]), account["balance"]) for account in call("GET", f"/users/{user}/accounts")["accounts"]
    }
    assert {(account["name"], abs(account["balance"])) for account in accounts} == same  # MX: what is owed is positive
    assert [account["type"] for account in accounts if account["balance"] < 0] == ["creditCard"]


def test_refreshing(finicity: Finicity) -> None:
    customer = finicity.customer()
    account = finicity.connected(customer)[0]
    path, login = f"/aggregation/v1/customers/{customer}", account["institutionLoginId"]
    before = finicity.call("GET", f"/aggregation/v3/customers/{customer}/transactions?{ALL_TIME}")["found"]
    finicity.later("12h")
    for refresh in (f"{path}/accounts", f"{path}/institutionLogins/{login}/accounts"):
        found = finicity.call("POST", refresh, {})["accounts"]
        assert [each["aggregationSuccessDate"] for each in found] == [NOW + 43_200] * 3
        assert finicity.call("POST", refresh.replace("v1", "v2"), {}, status=204) is None
    finicity.later("30d")  # every night they are refreshed by themselves
    assert finicity.accounts(customer)[0]["aggregationSuccessDate"] > NOW + 29 * 86_400
    assert finicity.call("GET", f"/aggregation/v3/customers/{customer}/transactions?{ALL_TIME}")["found"] > before + 50


@pytest.mark.parametrize(("code", "status"), [(102, 500), (331, 408)])
def test_a_refresh_that_fails_answers_with_the_code(finicity: Finicity, code: int, status: int) -> None:
    customer = finicity.customer()
    account = finicity.connected(customer)[0]
    session = finicity.control("GET", "/subjects")["subjects"][0]["id"]
    text = "name: down\nprovider: finicity\nextends: connect-full\nflows:\n  refresh: [{set: {code: %d}}]\n"
    finicity.http.put("/_mocksrv/scenarios/down", data=(text % code).encode(), content_type="application/yaml")
    finicity.control("PUT", f"/subjects/{session}/scenario", {"scenario": "down"})
    refused = finicity.call("POST", f"/aggregation/v1/customers/{customer}/accounts", status=status)
    assert refused["code"] == code
    assert finicity.accounts(customer)[0]["aggregationStatusCode"] == code
    assert finicity.accounts(customer)[0]["aggregationSuccessDate"] == account["aggregationSuccessDate"]


def test_transactions(finicity: Finicity) -> None:
    customer = finicity.customer()
    checking, _, card = finicity.connected(customer)
    path = f"/aggregation/v3/customers/{customer}/transactions"
    page = finicity.call("GET", f"{path}?{ALL_TIME}&limit=10&start=11&sort=asc")
    assert (page["displaying"], page["moreAvailable"], page["fromDate"], page["toDate"]) == (
        10,
        "true",
        "1",
        "9999999999",
    )
    assert len(page["transactions"]) == 10
    last = finicity.call("GET", f"{path}?{ALL_TIME}&limit=1000&includePending=true")
    assert (last["moreAvailable"], last["found"]) == ("false", last["displaying"])
    dates = [row["transactionDate"] for row in last["transactions"]]
    assert dates == sorted(dates, reverse=True)
    assert min(dates) < NOW - 170 * 86_400
    row = last["transactions"][0]
    assert [type(row[name]) for name in ("id", "accountId", "customerId", "amount")] == [int, int, int, float]
    assert row["uniqueTransactionId"] == f"{row['accountId']}-{row['id']}"
    assert finicity.call("GET", f"/aggregation/v2/customers/{customer}/transactions/{row['id']}") == row
    for unknown in (1, 10**30):
        assert (
            finicity.call("GET", f"/aggregation/v2/customers/{customer}/transactions/{unknown}", status=404)["code"]
            == 24553
        )
    assert {each["status"] for each in last["transactions"]} == {"active", "pending"}
    assert {each["status"] for each in page["transactions"]} == {"active"}

    def of(account: str) -> dict[str, float]:
        rows = finicity.call(
            "GET", f"/aggregation/v4/customers/{customer}/accounts/{account}/transactions?{ALL_TIME}&limit=1000"
        )
        return {each["categorization"]["normalizedPayeeName"]: each["amount"] for each in rows["transactions"]}

    assert of(checking["id"])["Paycheck"] > 0 > of(checking["id"])["Maple Court Apartments"]
    assert of(card["id"])["Streamhouse"] > 0  # what is spent by card counts the other way


def test_transactions_need_their_dates(finicity: Finicity) -> None:
    customer = finicity.customer()
    path = f"/aggregation/v3/customers/{customer}/transactions"
    for query, code in (
        ("", 10005),
        ("fromDate=1", 10005),
        ("fromDate=x&toDate=1", 14020),
        (f"{ALL_TIME}&start=0", 41003),
        (f"{ALL_TIME}&limit=0", 41004),
        (f"{ALL_TIME}&sort=up", 14020),
    ):
        assert finicity.call("GET", f"{path}?{query}", status=400)["code"] == code
    inside = finicity.call("GET", f"{path}?fromDate={NOW - 86_400}&toDate={NOW}")
    assert inside["transactions"] == []


def test_history_of_two_years(finicity: Finicity) -> None:
    customer = finicity.customer()
    account = finicity.connected(customer)[0]
    path = f"/aggregation/v4/customers/{customer}/accounts/{account['id']}/transactions?{ALL_TIME}"
    before = finicity.call("GET", path)["found"]
    finicity.call(
        "POST", f"/aggregation/v1/customers/{customer}/accounts/{account['id']}/transactions/historic", {}, status=204
    )
    assert finicity.call("GET", path)["found"] > 3 * before


def test_deleting(finicity: Finicity) -> None:
    customer = finicity.customer()
    first, second, _ = finicity.connected(customer)
    path = f"/aggregation/v1/customers/{customer}"
    finicity.call("DELETE", f"{path}/accounts/{first['id']}", status=204)
    assert second in finicity.accounts(customer)
    assert first not in finicity.accounts(customer)
    finicity.call("GET", f"{path}/accounts/{first['id']}", status=404)
    finicity.call("DELETE", f"{path}/institutionLogins/{first['institutionLoginId']}", status=204)
    assert finicity.accounts(customer) == []
    assert finicity.call("GET", f"/aggregation/v3/customers/{customer}/transactions?{ALL_TIME}")["found"] == 0
    finicity.call("DELETE", f"{path}/institutionLogins/{first['institutionLoginId']}", status=404)
    finicity.connected(customer)
    finicity.call("DELETE", path, status=204)
    assert finicity.control("GET", "/subjects")["subjects"] == []


def test_what_was_deleted_is_added_again_by_the_same_link(finicity: Finicity) -> None:
    customer = finicity.customer()
    link = finicity.generate(customer)
    path = f"/aggregation/v1/customers/{customer}"
    for gone in ("accounts/{id}", "institutionLogins/{institutionLoginId}"):
        finicity.play(link, username="somebody")
        accounts = finicity.accounts(customer)
        assert len(accounts) == 3
        finicity.call("DELETE", f"{path}/{gone.format(**accounts[0])}", status=204)
    finicity.play(link, username="somebody")
    assert [account["id"] for account in finicity.received()[-2]["json"]["payload"]["accounts"]] == [
        account["id"] for account in finicity.accounts(customer)
    ]
    assert len(finicity.accounts(customer)) == 3


def test_owners_and_numbers(finicity: Finicity) -> None:
    customer = finicity.customer()
    checking, _, card = finicity.connected(customer)
    path = f"/customers/{customer}/accounts/{checking['id']}"
    owner = finicity.call("GET", f"/aggregation/v1{path}/owner")
    holder = finicity.call("GET", f"/aggregation/v3{path}/owner")["holders"][0]
    assert (holder["ownerName"], holder["addresses"][0]["ownerAddress"]) == (owner["ownerName"], owner["ownerAddress"])
    details = finicity.call("GET", f"/aggregation/v1{path}/details")
    assert details["realAccountNumber"] == checking["number"]
    assert len(details["routingNumber"]) == 9
    refused = f"/aggregation/v1/customers/{customer}/accounts/{card['id']}/details"
    assert finicity.call("GET", refused, status=406)["code"] == 20000
    balance = finicity.call("GET", f"/aggregation/v1{path}/availableBalance")
    assert (balance["clearedBalance"], balance["availableBalanceDate"]) == (checking["balance"], NOW)


def test_reports_are_in_progress_and_then_done(finicity: Finicity) -> None:
    customer = finicity.customer()
    order = f"/decisioning/v2/customers/{customer}"
    assert finicity.call("POST", f"{order}/voa", {}, status=404)["code"] == 10100
    consumer = finicity.consumer(customer)
    assert finicity.call("POST", f"{order}/voa", {}, status=404)["code"] == 38003
    finicity.connected(customer)
    seen = len(finicity.received())
    first = finicity.call("POST", f"{order}/voa", {"accountIds": finicity.accounts(customer)[0]["id"]}, status=202)
    assert (first["status"], first["type"], first["consumerId"], first["customerId"]) == (
        "inProgress",
        "voa",
        consumer,
        int(customer),
    )
    assert len(first["id"]) == 12
    second = finicity.call("POST", f"{order}/voi", {}, status=202)
    finicity.control("POST", "/clock/advance", {"by": "10s"})
    told = [item["json"] for item in finicity.received()[seen:]]
    assert [body["eventType"] for body in told] == ["processing", "done"]
    assert [(row["id"], row["type"], row["status"]) for row in told[1]["payload"]] == [
        (first["id"], "voa", "success"),
        (second["id"], "voi", "success"),
    ]
    assert finicity.call("GET", f"/decisioning/v3/customers/{customer}/reports/{first['id']}")["status"] == "success"
    assert len(finicity.call("GET", f"/decisioning/v1/customers/{customer}/reports")["reports"]) == 2
    assert finicity.call("POST", f"{order}/voa", {"accountIds": "1"}, status=404)["code"] == 10005
    assert finicity.call("POST", f"{order}/nothing", {}, status=404)["code"] == 14001


def test_a_report_while_the_user_is_still_on_the_pages(finicity: Finicity) -> None:
    text = (
        "name: mine\nprovider: finicity\nflows:\n  connect: [{status: started}, {status: added}, {after: 1h, "
        "status: done}]\n"
    )
    finicity.http.put("/_mocksrv/scenarios/mine", data=text.encode(), content_type="application/yaml")
    customer = finicity.customer()
    finicity.consumer(customer)
    assert finicity.play(finicity.generate(customer, scenario="mine"))["status"] == "added"
    report = finicity.call("POST", f"/decisioning/v2/customers/{customer}/voa", {}, status=202)["id"]
    finicity.control("POST", "/clock/advance", {"by": "10s"})
    assert finicity.call("GET", f"/decisioning/v3/customers/{customer}/reports/{report}")["status"] == "success"
    assert finicity.told() == ["started", "added"]
