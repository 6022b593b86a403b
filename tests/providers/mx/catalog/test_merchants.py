"""Merchants, their locations, and the transactions that are recognised as theirs; what ``includes`` adds to a
transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mocksrv.providers.mx.bank import categories
from mocksrv.providers.mx.bank.merchants import catalogue, enrichment, words
from mocksrv.providers.profiles import Profiles
from tests.conftest import MX

V2 = {"Accept": "application/json", "Accept-Version": "v20250224"}
ALL = "repeating_transactions,merchants,classifications,geolocations"
RECURRENCE = "EVERY_OTHER_WEEK"  # the only one that the file types


@pytest.fixture
def connected(mx: MX) -> tuple[MX, str]:
    """A user with an everyday member whose first aggregation is over."""
    user = mx.user()
    mx.create(user, institution="amberlock_bank")
    mx.advance("1m")
    return mx, user


def transactions(mx: MX, user: str, query: str = "", headers: dict[str, str] | None = None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = mx.call(
        "GET", f"/users/{user}/transactions?records_per_page=1000&{query}", headers=headers
    )["transactions"]
    return rows


# the catalogue


def test_the_catalogue_holds_together() -> None:
    known = catalogue()
    assert len(known.merchants) >= 80
    assert len(known.by_guid) == len(known.merchants)
    for merchant in known.merchants:
        assert merchant.category in categories.BY_NAME
        assert known.match(words(merchant.name)) is merchant
        assert 0 < merchant.merchant_category_code < 10_000
    for guid, place in known.locations.items():
        assert guid.startswith("MCL-")
        assert place in known.by_guid[place.merchant_guid].locations
        assert "555-01" in place.phone_number
    assert len(known.locations) == sum(len(merchant.locations) for merchant in known.merchants)


@pytest.mark.parametrize(
    ("description", "name"),
    [
        ("UBER *EATS", "Uber Eats"),  # the longest spelling counts
        ("UBER *TRIP", "Uber"),
        ("DELTA AIR 006234", "Delta"),
        ("Delta", "Delta"),
        ("DELTA DENTAL", None),  # an everyday word must stand alone
        ("TARGETED ADS", None),  # words, not parts of them
        ("AMZNMKTPLACE", "Amazon"),  # unless the catalogue says so
        ("", None),
    ],
)
def test_a_merchant_is_found_by_its_words(description: str, name: str | None) -> None:
    found = catalogue().match(words(description))
    assert (found.name if found else None) == name


def test_a_description_that_names_a_shop_gets_that_one() -> None:
    green_basket = catalogue().match("green basket")
    assert green_basket is not None
    by_number = green_basket.location(words("GREEN BASKET #0418"))
    by_city = green_basket.location(words("GREEN BASKET SAN FRANCISCO CA"))
    assert by_number is not None
    assert by_number.city == "Portland"
    assert by_city is not None
    assert by_city.city == "San Francisco"


def test_a_place_stays_the_same_for_an_account_and_a_description() -> None:
    places = {enrichment(f"ACT-{number}", "Starbucks", "Starbucks")["merchant_location_guid"] for number in range(40)}
    assert len(places) > 1
    again = [enrichment("ACT-1", "Starbucks", "Starbucks")["merchant_location_guid"] for _ in range(3)]
    assert len(set(again)) == 1


@pytest.mark.parametrize("profile", ["everyday", "mxbank", "wealthy", "overdrawn"])
def test_what_a_profile_buys_is_bought_from_a_merchant(profile: str) -> None:
    data = Profiles([], categories=categories.BY_NAME).generate(profile, key="k", until=1_767_268_800_000)
    nobody = {"Transfer", "Income", "Fees & Charges", "Investments", "Uncategorized"}
    bought = [
        row["description"]
        for account in data.accounts
        if account.fields["type"] == "CREDIT_CARD"
        for row in account.transactions
        if categories.top_level(categories.BY_NAME[row["category"]]).name not in nobody
    ]
    unknown = {description for description in bought if not enrichment("ACT-1", description, description)}
    assert unknown == set()


# the API


def test_merchants_are_listed_by_name_and_read(mx: MX) -> None:
    first = mx.call("GET", "/merchants")
    assert len(first["merchants"]) == 25
    assert first["pagination"] == {
        "current_page": 1,
        "per_page": 25,
        "total_entries": len(catalogue().merchants),
        "total_pages": 7,
    }
    names = [merchant["name"] for merchant in mx.call("GET", "/merchants?records_per_page=1000")["merchants"]]
    assert names == sorted(names, key=str.casefold)
    assert [merchant["name"] for merchant in mx.call("GET", "/merchants?name=uBER")["merchants"]] == [
        "Uber",
        "Uber Eats",
    ]
    assert mx.call("GET", "/merchants?name=nobody-at-all")["merchants"] == []
    uber = mx.call("GET", "/merchants?name=uber")["merchants"][0]
    assert uber["guid"] == "MCH-14f25b63-ef47-a38e-b2b6-d02b280b6e4e"
    for headers in (None, V2):
        assert mx.call("GET", f"/merchants/{uber['guid']}", headers=headers) == {"merchant": uber}
    mx.call("GET", "/merchants/MCH-unknown", status=404)
    assert (
        mx.call("GET", "/merchants?page=2&records_per_page=10")["merchants"]
        == mx.call("GET", "/merchants")["merchants"][10:20]
    )


def test_unknown_parameters_are_noted(mx: MX) -> None:
    mx.call("GET", "/merchants?nam=uber")
    violations = mx.control("GET", "/violations")["violations"]
    assert [violation["rule"] for violation in violations] == ["unknown-parameter"]


def test_a_transaction_leads_to_its_merchant_and_place(connected: tuple[MX, str]) -> None:
    mx, user = connected
    shop = next(row for row in transactions(mx, user) if row["description"] == "Green Basket")
    merchant = mx.call("GET", f"/merchants/{shop['merchant_guid']}")["merchant"]
    place = mx.call("GET", f"/merchant_locations/{shop['merchant_location_guid']}")["merchant_location"]
    assert merchant["name"] == "Green Basket"
    assert (place["merchant_guid"], place["city"], place["state"], place["country"]) == (
        merchant["guid"],
        "Seattle",
        "WA",
        "US",
    )
    assert (place["latitude"], place["longitude"]) == (shop["latitude"], shop["longitude"])
    assert shop["merchant_category_code"] == 5411
    mx.call("GET", "/merchant_locations/MCL-unknown", status=404)


def test_most_of_what_is_bought_with_a_card_has_a_merchant(connected: tuple[MX, str]) -> None:
    mx, user = connected
    card = mx.call("GET", f"/users/{user}/accounts?records_per_page=100")["accounts"]
    guid = next(account["guid"] for account in card if account["type"] == "CREDIT_CARD")
    bought = [row for row in transactions(mx, user) if row["account_guid"] == guid and row["is_expense"]]
    assert len(bought) > 50
    assert sum(row["merchant_guid"] is not None for row in bought) / len(bought) > 0.9
    online = next(row for row in bought if row["description"] == "Streamhouse")
    assert online["merchant_guid"] is not None
    assert (online["merchant_location_guid"], online["latitude"], online["longitude"]) == (None, None, None)
    salary = next(row for row in transactions(mx, user) if row["description"] == "Paycheck")
    assert (salary["merchant_guid"], salary["merchant_category_code"]) == (None, None)


# includes


@pytest.mark.parametrize("headers", [None, V2])
def test_includes_add_what_is_known(connected: tuple[MX, str], headers: dict[str, str] | None) -> None:
    mx, user = connected
    rows = {row["description"]: row for row in transactions(mx, user, f"includes={ALL}", headers)}
    shop, salary, interest = rows["Green Basket"], rows["Paycheck"], rows["Interest"]
    place = catalogue().locations[shop["merchant_location_guid"]]
    merchant = catalogue().by_guid[shop["merchant_guid"]]
    assert shop["merchant"] == {
        "guid": merchant.guid,
        "logo_url": merchant.logo_url,
        "name": "Green Basket",
        "website_url": merchant.website_url,
    }
    assert shop["geolocation"] == {"city": "Seattle", "country": "US", "postal code": place.postal_code, "state": "WA"}
    assert shop["classification"]["parent_class"] == "Spend"
    assert shop["classification"]["guid"].startswith("MNC-")
    assert shop["repeating_transaction"] is None
    assert (salary["merchant"], salary["geolocation"], salary["classification"]["parent_class"]) == (
        None,
        None,
        "Payroll",
    )
    assert salary["repeating_transaction"]["recurrence_type"] == RECURRENCE
    assert salary["repeating_transaction"]["repeating_transaction_type"] == "INCOME"
    assert interest["classification"]["parent_class"] == "Income"


def test_includes_add_only_what_is_asked_for(connected: tuple[MX, str]) -> None:
    mx, user = connected
    added = {"merchant", "classification", "geolocation", "repeating_transaction"}
    assert added.isdisjoint(transactions(mx, user)[0])
    assert added & set(transactions(mx, user, "includes=geolocations,merchants")[0]) == {"geolocation", "merchant"}
    guid = transactions(mx, user)[0]["guid"]
    one = mx.call("GET", f"/users/{user}/transactions/{guid}?includes=classifications")["transactions"][0]
    assert added & set(one) == {"classification"}
    for wrong in ("merchant", "merchants,", "merchants;geolocations", "merchants, geolocations"):
        mx.call("GET", f"/users/{user}/transactions?includes={wrong}", status=400)


def test_what_comes_back_is_a_refund(connected: tuple[MX, str]) -> None:
    mx, user = connected
    made = mx.call("POST", f"/users/{user}/accounts", {"account": {"account_type": "CHECKING", "name": "Jar"}})
    account = made["account"]["guid"]
    for type_ in ("DEBIT", "CREDIT"):
        body = {
            "transaction": {
                "amount": 5,
                "date": "2025-12-31",
                "description": "Socks",
                "type": type_,
                "category_guid": categories.BY_NAME["Clothing"].guid,
            }
        }
        mx.call("POST", f"/users/{user}/accounts/{account}/transactions", body)
    rows = [row for row in transactions(mx, user, "includes=classifications") if row["description"] == "Socks"]
    assert {row["type"]: row["classification"]["parent_class"] for row in rows} == {
        "DEBIT": "Spend",
        "CREDIT": "Refunds",
    }


@pytest.mark.parametrize(("fidelity", "shown"), [("sdk", {RECURRENCE}), ("wire", {RECURRENCE, "EVERY_MONTH"})])
def test_recurrences_that_the_file_does_not_type(
    make_server: Callable[..., Any], fidelity: str, shown: set[str]
) -> None:
    _, app = make_server(fidelity=fidelity)
    mx = MX(app)
    user = mx.user()
    mx.create(user, institution="amberlock_bank")
    mx.advance("1m")
    series = [row["repeating_transaction"] for row in transactions(mx, user, "includes=repeating_transactions")]
    kinds = {each["repeating_transaction_type"] for each in series if each}
    assert {"BILL", "SUBSCRIPTION", "INCOME"} <= kinds
    assert {each["recurrence_type"] for each in series if each and "recurrence_type" in each} == shown
