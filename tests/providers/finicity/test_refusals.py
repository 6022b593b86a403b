"""What Finicity refuses: status, code and text as in Mastercard's OpenAPI file and the assertions of its test suite."""

from __future__ import annotations

from typing import Any

import pytest

from tests.providers.finicity.client import PARTNER, Finicity

NAMES = {"firstName": "Ann", "lastName": "Lee", "state": "UT", "ssn": "999-60-1234", "email": "ann@example.com"}
BORROWER = {"type": "primary", "consumerId": "0" * 32}


@pytest.mark.parametrize(
    ("call", "body", "status", "code", "message"),
    [
        ("GET /aggregation/v1/customers/1234", None, 404, 14001, "Customer not found."),
        ("PUT /aggregation/v1/customers/1234", {"firstName": "A"}, 404, 14001, "Customer not found."),
        ("DELETE /aggregation/v1/customers/1234", None, 404, 14001, "Customer not found."),
        ("PUT /aggregation/v1/customers/{customer}", {}, 400, 10025, "No data to update."),
        ("GET /aggregation/v1/customers?type=x", None, 400, 14016, "Invalid customer type."),
        ("GET /aggregation/v1/customers?start=0", None, 400, 41003, "Start index cannot be less than one."),
        ("GET /aggregation/v1/customers?limit=x", None, 400, 41004, "Limit cannot be less than one."),
        ("POST /aggregation/v2/customers/testing", {}, 400, 10005, "Missing parameter (username)"),
        (
            "POST /aggregation/v2/customers/active",
            {"username": "short"},
            400,
            110039,
            "Username is not as per the policy.",
        ),
        (
            "POST /aggregation/v2/customers/testing",
            {"username": "no spaces"},
            400,
            45003,
            "Invalid character in name fields.",
        ),
        (
            "POST /aggregation/v2/customers/testing",
            {"username": "customer-42"},
            409,
            110002,
            "Username is not available.",
        ),
        ("POST /aggregation/v2/customers/others", {"username": "customer-7"}, 404, 14001, "Resource not found."),
        ("GET /decisioning/v1/consumers/1234", None, 404, 10100, "Cannot find consumer with id 1234."),
        ("PUT /decisioning/v1/consumers/1234", {"firstName": "A"}, 404, 10100, "Cannot find consumer with id 1234."),
        ("GET /decisioning/v1/customers/1234/consumer", None, 404, 14001, "Resource not found."),
        ("GET /decisioning/v1/customers/{customer}/consumer", None, 404, 14001, "Resource not found."),
        ("POST /decisioning/v1/customers/1234/consumer", NAMES, 404, 14001, "Customer not found."),
        (
            "POST /decisioning/v1/customers/{customer}/consumer",
            NAMES | {"ssn": "12"},
            400,
            10100,
            "Invalid format for field consumer.ssn.  Required format is 9 digits.",
        ),
        (
            "POST /decisioning/v1/customers/{customer}/consumer",
            NAMES | {"email": "nobody"},
            400,
            10100,
            "Invalid format for field consumer.email.",
        ),
        (
            "POST /decisioning/v1/customers/{customer}/consumer",
            NAMES | {"phone": "call me"},
            400,
            10100,
            "Invalid format for field consumer.phone.",
        ),
        ("POST /decisioning/v2/customers/1234/voa", {}, 404, 14001, "Customer not found."),
        (
            "POST /decisioning/v2/customers/{customer}/voa",
            {},
            404,
            10100,
            "Cannot find consumer for customer with id {customer}.",
        ),
        ("POST /decisioning/v2/customers/{customer}/prequalVoa", {}, 404, 14001, "Resource not found."),
        ("GET /decisioning/v3/customers/{customer}/reports/1234", None, 404, 10100, "Cannot find report with id 1234."),
        ("GET /decisioning/v1/consumers/1234/reports", None, 404, 10100, "Cannot find consumer with id 1234."),
        ("GET /decisioning/v3/consumers/1234/reports/1", None, 404, 10100, "Cannot find consumer with id 1234."),
        ("GET /aggregation/customers/{customer}/transactions/1-2", None, 404, 24553, "Transaction not found."),
        ("GET /institution/v2/institutions/1234567", None, 404, 14006, "Institution not found."),
        ("GET /institution/v2/institutions?limit=0", None, 400, 41004, "Limit cannot be less than one."),
        ("GET /aggregation/v1/customers/1234/accounts", None, 404, 14001, "Customer not found."),
        (
            "GET /aggregation/v1/customers/{customer}/accounts?status=x",
            None,
            400,
            18017,
            "status parameter value must be 'active' or 'pending'",
        ),
        (
            "GET /aggregation/v1/customers/{customer}/institutions/1234567/accounts",
            None,
            404,
            38006,
            "Customer does not have any accounts associated with institutionId = (1234567)",
        ),
        *(
            (
                call,
                None,
                404,
                38007,
                "Customer does not have any accounts associated with institutionLoginId = (1234)",
            )
            for call in (
                "GET /aggregation/v1/customers/{customer}/institutionLogins/1234/accounts",
                "POST /aggregation/v1/customers/{customer}/institutionLogins/1234/accounts",
                "POST /aggregation/v2/customers/{customer}/institutionLogins/1234/accounts",
                "DELETE /aggregation/v1/customers/{customer}/institutionLogins/1234",
                "DELETE /aggregation/v1/customers/1234/institutionLogins/1234",
            )
        ),
        *(
            (
                call,
                None,
                404,
                38003,
                "customer does not have given account (customerId = {customer}, accountId = [1234])",
            )
            for call in (
                "GET /aggregation/v2/customers/{customer}/accounts/1234",
                "DELETE /aggregation/v1/customers/{customer}/accounts/1234",
                "GET /aggregation/v1/customers/{customer}/accounts/1234/owner",
                "GET /aggregation/v1/customers/{customer}/accounts/1234/details",
                "GET /aggregation/v1/customers/{customer}/accounts/1234/availableBalance",
                "GET /aggregation/v4/customers/{customer}/accounts/1234/transactions?fromDate=1&toDate=2",
                "POST /aggregation/v1/customers/{customer}/accounts/1234/transactions/historic",
            )
        ),
        (
            "DELETE /aggregation/v1/customers/1234/accounts/1234",
            None,
            404,
            38003,
            "customer does not have given account (customerId = 1234, accountId = [1234])",
        ),
        ("GET /aggregation/v2/customers/{customer}/transactions/1", None, 404, 24553, "Transaction not found."),
        ("GET /aggregation/v3/customers/{customer}/transactions", None, 400, 10005, "Missing parameter (fromDate)"),
        (
            "GET /aggregation/v3/customers/{customer}/transactions?fromDate=1",
            None,
            400,
            10005,
            "Missing parameter (toDate)",
        ),
        (
            "GET /aggregation/v3/customers/{customer}/transactions?fromDate=x&toDate=1",
            None,
            400,
            14020,
            "Bad request. (fromDate must be epoch seconds, not x)",
        ),
    ],
)
def test_codes_are_numbers(finicity: Finicity, call: str, body: Any, status: int, code: int, message: str) -> None:
    customer = finicity.customer()
    method, path = call.format(customer=customer).split(" ")
    answer = finicity.call(method, path, body, status=status)
    assert answer == {"code": code, "message": message.format(customer=customer)}


@pytest.mark.parametrize(
    ("kind", "fields", "status", "code", "message"),
    [
        ("", {"partnerId": None}, 400, "10005", "Missing parameter (partnerId)"),
        ("", {"partnerId": "1234"}, 400, "10010", 'Invalid "partnerId" in request body'),
        ("", {"customerId": "1"}, 400, "10010", "Customer ID does not exist or does not belong to this partner"),
        ("", {"experience": "mine"}, 400, "10010", '"experience" must be a valid GUID'),
        (
            "",
            {"webhookData": {"order": {"id": 2**53}}},
            400,
            "10010",
            'Invalid "webhookData" in request body: order.id is a number beyond 2^53',
        ),
        ("lite", {}, 400, "10005", "Missing parameter (institutionId)"),
        (
            "lite",
            {"customerId": "1234", "institutionId": 102105},
            400,
            "10010",
            "Request failed with status code 404 GET /aggregation/v1/customers/1234",
        ),
        (
            "lite",
            {"institutionId": 1},
            400,
            "10010",
            "Request failed with status code 404 GET /institution/v2/institutions/1",
        ),
    ],
)
def test_codes_of_connect_are_texts(
    finicity: Finicity, kind: str, fields: dict[str, Any], status: int, code: str, message: str
) -> None:
    answer = finicity.generate(**{"customer": finicity.customer(), "kind": kind, "status": status} | _renamed(fields))
    assert answer == {
        "code": code,
        "status": str(status),
        "message": message,
        "user_message": "One or more of the fields could not be validated."
        " Please ensure you have entered the correct data.",
        "tags": "",
    }


def _renamed(fields: dict[str, Any]) -> dict[str, Any]:
    """The customer has a parameter of its own."""
    return {"customer" if name == "customerId" else name: value for name, value in fields.items()}


def test_fix_of_an_unknown_login(finicity: Finicity) -> None:
    said = "Customer does not have any accounts associated with institutionLoginId."
    assert finicity.generate(finicity.customer(), "fix", institutionLoginId="1234", status=404) == {
        "code": "38007",
        "status": "404",
        "message": said,
        "user_message": said,
        "tags": "",
        "title": "Connecting accounts error",
        "level": "error",
    }


def test_any_consumer_is_accepted_by_connect(finicity: Finicity) -> None:
    customer = finicity.customer()
    finicity.generate(customer, consumerId="0" * 32)
    borrowers = [BORROWER | {"customerId": customer}, BORROWER | {"customerId": customer, "type": "jointBorrower"}]
    assert "consumerId=" + "0" * 32 in finicity.generate("", "jointBorrower", customerId=None, borrowers=borrowers)


def test_a_second_consumer(finicity: Finicity) -> None:
    customer = finicity.customer()
    finicity.consumer(customer)
    assert finicity.call("POST", f"/decisioning/v1/customers/{customer}/consumer", NAMES, status=409) == {
        "code": 11000,
        "message": f"A consumer already exists for customer {customer}",
    }


@pytest.mark.parametrize(
    ("headers", "code", "message"),
    [
        ({"Finicity-App-Key": ""}, 10026, "Missing parameter (Finicity-App-Key)"),
        ({"Finicity-App-Token": ""}, 10024, "Missing parameter (Finicity-App-Token)"),
        ({"Finicity-App-Token": "never-given-out"}, 10022, "Invalid (Finicity-App-Token)"),
    ],
)
def test_credentials(finicity: Finicity, headers: dict[str, str], code: int, message: str) -> None:
    path = "/aggregation/v1/customers"
    assert finicity.call("GET", path, headers=headers, status=401) == {"code": code, "message": message}
    connect = finicity.call("POST", "/connect/v2/generate", {}, headers=headers, status=401)
    assert (connect["code"], connect["message"]) == (str(code), message)


def test_an_old_token(finicity: Finicity) -> None:
    finicity.advance("2h")
    answer = finicity.call("GET", "/aggregation/v1/customers", status=401)
    assert answer == {"code": 10023, "message": "Expired (Finicity-App-Token)"}


def test_partners(finicity: Finicity) -> None:
    for _ in range(5):
        assert finicity.authenticate("wrong", status=401) == {"code": 10001, "message": "Invalid credentials"}
    assert finicity.authenticate("wrong", status=401) == {"code": 24302, "message": "Bad credentials"}
    path, partner = "/aggregation/v2/partners/authentication", {"partnerId": "2", "partnerSecret": "secret-of-two"}
    assert finicity.call("PUT", path, partner | {"newPartnerSecret": "short1"}, status=400) == {
        "code": 24437,
        "message": "New password is not as per policy",
    }
    assert finicity.call("POST", path, {"partnerId": "2"}, status=400) == {
        "code": 10005,
        "message": "Missing parameter (partnerSecret)",
    }


def test_accounts_that_have_no_routing_number_and_reports_on_nothing(finicity: Finicity) -> None:
    customer = finicity.customer()
    finicity.consumer(customer)
    order = f"/decisioning/v2/customers/{customer}/voa"
    assert finicity.call("POST", order, {}, status=404) == {
        "code": 38003,
        "message": "Customer does not have any accounts",
    }
    card = next(each for each in finicity.connected(customer) if each["type"] == "creditCard")
    assert finicity.call("POST", order, {"accountIds": f"{card['id']} 1"}, status=404) == {
        "code": 10005,
        "message": "Customer does not have the specified account (1)",
    }
    details = f"/aggregation/v1/customers/{customer}/accounts/{card['id']}/details"
    assert finicity.call("GET", details, status=406) == {"code": 20000, "message": "Routing number not found"}


def test_a_link_by_email(finicity: Finicity) -> None:
    customer = finicity.customer()
    email = {"to": "ann@example.com", "from": "lender@example.com"}
    body = {"partnerId": PARTNER, "customerId": customer, "consumerId": "0" * 32, "email": email}
    answer = finicity.call("POST", "/connect/v2/send/email", body)
    assert answer["emailConfig"] == email | {"subject": "Verify your Financial Information"}
    assert "origin=email" in answer["link"]
    assert finicity.play(answer["link"])["status"] == "done"
    for wrong, code, name in (
        ({}, "10010", "email.to"),
        ({"to": "nobody"}, "10010", "email.to"),
        (None, "10005", "email"),
    ):
        refused = finicity.call("POST", "/connect/v2/send/email", body | {"email": wrong}, status=400)
        assert (refused["code"], name in refused["message"]) == (code, True)
