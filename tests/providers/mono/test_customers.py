"""Customers: created, read, listed, changed, deleted; their transactions."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.providers.mono.client import Mono

ADA: dict[str, Any] = {
    "email": "ada@example.com",
    "type": "individual",
    "first_name": "Ada",
    "last_name": "Obi",
    "address": "23 Allen Avenue",
    "phone": "08012345678",
    "identity": {"type": "bvn", "number": "22110033445"},
}
NOMO = {**ADA, "email": "only@nomo.example", "type": "business", "business_name": "Nomo Global"}


def create(mono: Mono, **other: Any) -> str:
    id: str = mono.call("POST", "/v2/customers", ADA | other, status=201)["data"]["id"]
    return id


def test_a_person(mono: Mono) -> None:
    created = mono.call("POST", "/v2/customers", ADA, status=201)
    assert created["message"] == "Created customer successfully"
    data = created["data"]
    assert re.fullmatch(r"[0-9a-f]{24}", data["id"])
    assert data == {
        "id": data["id"],
        "name": "Ada Obi",
        **{name: ADA[name] for name in ("first_name", "last_name", "email", "phone", "address")},
        "identification_no": "22110033445",
        "identification_type": "bvn",
        "bvn": "22110033445",
    }
    read = mono.call("GET", f"/v2/customers/{data['id']}")
    assert (read["message"], read["data"]) == ("Customer Data retrieved successfully", data)


def test_a_business(mono: Mono) -> None:
    data = mono.call("POST", "/v2/customers", NOMO, status=201)["data"]
    assert (data["type"], data["business_name"]) == ("business", "Nomo Global")
    assert not data.keys() & {"name", "first_name", "last_name"}


def test_the_list(mono: Mono) -> None:
    ids = [create(mono, email=f"{number}@example.com") for number in range(3)]
    listed = mono.call("GET", "/v2/customers?limit=2")
    assert [each["id"] for each in listed["data"]] == [ids[2], ids[1]]
    assert (listed["meta"]["total"], listed["meta"]["pages"], listed["meta"]["previous"]) == (3, 2, None)
    second = mono.call("GET", listed["meta"]["next"].partition("/mono")[2])
    assert [each["id"] for each in second["data"]] == [ids[0]]
    mono.call("GET", "/v2/customers?page=x", status=400)


def test_changes(mono: Mono) -> None:
    id = create(mono)
    changes = {"phone": "0900", "last_name": "Eze", "identity": {"type": "nin", "number": "70123456789"}}
    answer = mono.call("PATCH", f"/v2/customers/{id}", changes)
    assert (answer["message"], answer["data"]) == ("Customer updated successfully", None)
    data = mono.call("GET", f"/v2/customers/{id}")["data"]
    assert (data["phone"], data["name"], data["address"]) == ("0900", "Ada Eze", ADA["address"])
    assert (data["identification_no"], data["identification_type"], data["bvn"]) == ("70123456789", "nin", None)
    mono.call("PATCH", f"/v2/customers/{id}", {"type": "business", "business_name": "Eze & Co"})
    assert mono.call("GET", f"/v2/customers/{id}")["data"]["business_name"] == "Eze & Co"


def test_deleting(mono: Mono) -> None:
    id = create(mono)
    answer = mono.call("DELETE", f"/v2/customers/{id}")
    assert (answer["message"], answer["data"]) == ("Deleted customer successfully", None)
    assert mono.call("GET", "/v2/customers")["data"] == []
    assert create(mono) != id


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "", 400, "Invalid Customer Id, could not fetch customer"),
        ("PATCH", "", 400, "Invalid Customer Id"),
        ("DELETE", "", 400, "Invalid Customer Id"),
        ("GET", "/transactions", 404, "Unable to fetch connected account from customer supplied"),
    ],
)
def test_a_customer_that_is_not_there(mono: Mono, method: str, path: str, status: int, message: str) -> None:
    refused = mono.call(method, f"/v2/customers/{'0' * 24}{path}", {} if method == "PATCH" else None, status=status)
    assert (refused["status"], refused["message"], refused["data"]) == ("failed", message, None)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"email": "ada"}, "email"),
        ({"email": None}, "email"),
        ({"first_name": ""}, "first_name"),
        ({"last_name": None}, "last_name"),
        ({"type": "robot"}, "individual, business"),
        ({"type": "business"}, "business_name"),
        ({"address": "x" * 101}, "address"),
        ({"phone": 801}, "phone"),
        ({"identity": None}, "identity"),
        ({"identity": {"type": "b v n", "number": "1"}}, "identity.type"),
        ({"identity": {"type": "bvn", "number": ""}}, "identity.number"),
    ],
)
def test_a_customer_that_cannot_be_made(mono: Mono, changed: dict[str, Any], words: str) -> None:
    assert words in mono.call("POST", "/v2/customers", ADA | changed, status=400)["message"]
    assert mono.call("GET", "/v2/customers")["data"] == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"type": "business"}, "business_name"), ({"first_name": ""}, "first_name"), ({"phone": []}, "phone")],
)
def test_a_change_that_cannot_be_made(mono: Mono, changes: dict[str, Any], words: str) -> None:
    id = create(mono)
    before = mono.call("GET", f"/v2/customers/{id}")["data"]
    assert words in mono.call("PATCH", f"/v2/customers/{id}", changes, status=400)["message"]
    assert mono.call("GET", f"/v2/customers/{id}")["data"] == before


def test_the_same_email_again(mono: Mono) -> None:
    create(mono)
    message = mono.call("POST", "/v2/customers", ADA | {"first_name": "Ngozi"}, status=400)["message"]
    assert message == "Customer already exists with similar credentials (email or names supplied)"


def test_unknown_fields_are_violations(mono: Mono) -> None:
    create(mono, nickname="A")
    assert "nickname" in str(mono.control("GET", "/violations"))


def test_the_widget_and_links_know_customers(mono: Mono) -> None:
    id = create(mono)
    account = mono.link(customer={"id": id})
    assert mono.call("GET", f"/v2/accounts/{account}")["data"]["customer"] == {"id": id}
    assert mono.call("GET", "/v2/accounts")["data"][0]["customer"] == {
        "id": id,
        "name": "Ada Obi",
        "email": "ada@example.com",
    }
    body = {"customer": {"id": id}, "scope": "auth", "redirect_url": "x"}
    assert mono.call("POST", "/v2/accounts/initiate", body)["data"]["customer"] == id


def test_the_transactions_of_a_customer(mono: Mono) -> None:
    id = create(mono)
    first, second = mono.link(customer={"id": id}), mono.link(customer={"id": id})
    found = mono.call("GET", f"/v2/customers/{id}/transactions?period=last12months")["data"]
    assert {each["account"] for each in found} == {first, second}
    (alone,) = mono.call("GET", f"/v2/customers/{id}/transactions?account={second}&period=last1month&page=1")["data"]
    assert list(alone) == ["account", "account_name", "bank", "account_transaction_data"]
    told = alone["account_transaction_data"]
    assert (told["errored"], told["error"], told["data"]["status"]) == (False, None, "successful")
    page = told["data"]["data"]
    assert page["transactions"] == mono.transactions(second, start="02-12-2025")[: len(page["transactions"])]
    assert list(page["meta"]) == ["total", "pages", "previous", "next"]
    mono.call("GET", f"/v2/customers/{id}/transactions?account={'0' * 24}", status=404)
    mono.call("GET", f"/v2/customers/{id}/transactions?period=always", status=400)
