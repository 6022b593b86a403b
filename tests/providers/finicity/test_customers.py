"""Customers, consumers, institutions."""

from __future__ import annotations

import pytest

from tests.providers.finicity.client import Finicity

CUSTOMERS = "/aggregation/v1/customers"


def test_a_customer_is_made_read_changed_and_deleted(finicity: Finicity) -> None:
    made = finicity.call(
        "POST", "/aggregation/v2/customers/testing", {"username": "ann@example", "firstName": "Ann"}, status=201
    )
    id = made["id"]
    assert made == {"id": id, "username": "ann@example", "createdDate": 1767268800}
    assert id.isdigit()
    finicity.control("POST", "/clock/advance", {"by": "1m"})
    finicity.call("PUT", f"{CUSTOMERS}/{id}", {"lastName": "Lee"}, status=204)
    assert finicity.call("GET", f"{CUSTOMERS}/{id}") == {
        "id": id,
        "username": "ann@example",
        "firstName": "Ann",
        "lastName": "Lee",
        "type": "testing",
        "createdDate": "1767268800",
        "lastModifiedDate": "1767268860",
    }
    finicity.call("DELETE", f"{CUSTOMERS}/{id}", status=204)
    assert finicity.call("GET", f"{CUSTOMERS}/{id}", status=404)["code"] == 14001


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, 10005),
        ({"username": "short"}, 400, 110039),
        ({"username": "a" * 256}, 400, 110039),
        ({"username": "has space"}, 400, 45003),
        ({"username": "customer-42"}, 409, 110002),
        ({"username": "customer-43", "phone": "1" * 16}, 400, 10010),
    ],
)
def test_what_no_customer_can_have(finicity: Finicity, body: dict[str, str], status: int, code: int) -> None:
    finicity.customer("customer-42")
    assert finicity.call("POST", "/aggregation/v2/customers/active", body, status=status)["code"] == code


def test_lists_page_by_record(finicity: Finicity) -> None:
    for n in range(5):
        finicity.customer(f"customer-{n}", "active" if n % 2 else "testing")
    page = finicity.call("GET", f"{CUSTOMERS}?start=2&limit=2")
    assert [row["username"] for row in page["customers"]] == ["customer-1", "customer-2"]
    assert (page["found"], page["displaying"], page["moreAvailable"]) == (5, 2, True)
    assert finicity.call("GET", f"{CUSTOMERS}?start=4&limit=2")["moreAvailable"] is False
    assert finicity.call("GET", f"{CUSTOMERS}?type=active")["found"] == 2
    assert finicity.call("GET", f"{CUSTOMERS}?username=customer-3")["found"] == 1
    assert finicity.call("GET", f"{CUSTOMERS}?search=MER-4")["found"] == 1
    for query, code in (("start=0", 41003), ("limit=0", 41004), ("type=other", 14016)):
        assert finicity.call("GET", f"{CUSTOMERS}?{query}", status=400)["code"] == code


def test_a_consumer(finicity: Finicity) -> None:
    customer = finicity.customer()
    path = f"/decisioning/v1/customers/{customer}/consumer"
    assert finicity.call("GET", path, status=404)["code"] == 14001
    id = finicity.consumer(customer)
    assert len(id) == 32
    read = finicity.call("GET", path)
    assert (read["id"], read["ssn"], read["customerId"], read["createdDate"]) == (id, "1234", int(customer), 1767268800)
    whole = {
        "firstName": "Bea",
        "lastName": "Lee",
        "state": "UT",
        "birthday": {"year": 1990, "month": 1, "dayOfMonth": 2},
        "phone": "1",
    }
    assert finicity.call("POST", path, whole, status=409)["code"] == 11000
    finicity.call("PUT", f"/decisioning/v1/consumers/{id}", whole, status=204)
    assert finicity.call("GET", f"/decisioning/v1/consumers/{id}")["firstName"] == "Bea"
    finicity.call("PUT", f"/decisioning/v1/consumers/{id}", {"city": "Murray"}, status=204)
    read = finicity.call("GET", f"/decisioning/v1/consumers/{id}")
    assert (read["city"], read["firstName"], read["birthday"]["year"]) == ("Murray", "Bea", 1990)
    del whole["phone"]
    second = f"/decisioning/v1/customers/{finicity.customer('customer-43')}/consumer"
    assert finicity.call("POST", second, whole, status=400)["code"] == 10010


def test_every_scenario_is_an_institution(finicity: Finicity) -> None:
    found = finicity.call("GET", "/institution/v2/institutions?search=mock: mfa")["institutions"]
    assert [each["name"] for each in found] == ["Mock: mfa"]
    link = finicity.generate(finicity.customer())
    assert "mfaUpdated" in finicity.play(link, institution=found[0]["id"])["events"]
    oauth = finicity.call("GET", "/institution/v2/institutions?search=mock: oauth")["institutions"][0]
    assert oauth["oauthEnabled"] is True
