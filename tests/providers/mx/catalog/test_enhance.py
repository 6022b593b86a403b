"""Enhancing: what becomes of a bank's descriptions, and the call that does it for transactions that nobody stores."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocksrv.providers.mx.bank import categories
from mocksrv.providers.mx.bank.cleansing import cleanse, rules
from mocksrv.providers.mx.bank.merchants import catalogue
from tests.conftest import MX
from tests.properties import examples

V2 = {"Accept": "application/json", "Accept-Version": "v20250224"}
UBER = "MCH-14f25b63-ef47-a38e-b2b6-d02b280b6e4e"

EXAMPLES = """
ubr* pending.uber.com                            | Uber                     | Rental Car & Taxi
UBER *EATS HELP.UBER.COM                         | Uber Eats                | Restaurants
SQ *MILLSTONE BAKERY                             | Millstone Bakery         | Groceries
SQ *BLUE DOOR COFFEE SEATTLE WA                  | Blue Door Coffee         | Coffee Shops
TST* THE HIDDEN LANTERN                          | The Hidden Lantern       | Uncategorized
AMZN Mktp US*2K3XY12Z0                           | Amazon                   | Shopping
PAYPAL *SPOTIFYUSAI                              | Spotify                  | Music
PAYPAL *GREEN FROG CRAFTS                        | Green Frog Crafts        | Hobbies
POS DEBIT WAL-MART #3482 SALT LAKE CITY UT       | Walmart                  | Shopping
DEBIT CARD PURCHASE 08/14 WENDY'S 0271 LEHI UT   | Wendy's                  | Fast Food
CHECKCARD 0412 STARBUCKS STORE 00932 SEATTLE WA  | Starbucks                | Coffee Shops
MCDONALD'S F12345                                | McDonald's               | Fast Food
NETFLIX.COM 866-579-7172 CA                      | Netflix                  | Movies & DVDs
APL* ITUNES.COM/BILL 866-712-7753 CA             | Apple iTunes             | Music
VZWRLSS*APOCC VISB 800-922-0204                  | Verizon                  | Mobile Phone
GREEN BASKET #0412 SEATTLE WA                    | Green Basket             | Groceries
GOOGLE *YOUTUBEPREMIUM                           | YouTube Premium          | Movies & DVDs
SHELL OIL 57444212                               | Shell                    | Gas
DELTA AIR 0062341234567                          | Delta                    | Air Travel
DELTA DENTAL                                     | Delta Dental             | Dentist
NORTHWIND FREIGHT PAYROLL PPD                    | Paycheck                 | Paycheck
INTEREST PAYMENT                                 | Interest                 | Interest Income
INTEREST CHARGE ON PURCHASES                     | Interest Charge          | Finance Charge
ATM WITHDRAWAL 4TH AVE                           | ATM Withdrawal           | Cash
NON-NETWORK ATM FEE                              | ATM Fee                  | ATM Fee
OVERDRAFT ITEM FEE                               | Overdraft Fee            | Banking Fee
FOREIGN TRANSACTION FEE STARBUCKS                | Foreign Transaction Fee  | Service Fee
ONLINE TRANSFER TO SAV XXXX                      | Transfer to Savings      | Transfer
AUTOMATIC PAYMENT - THANK YOU                    | Payment Thank You        | Credit Card Payment
CARD AUTOPAY XXXX4417                            | Credit Card Payment      | Credit Card Payment
HOME LOAN AUTOPAY                                | Home Loan                | Mortgage & Rent
BIRCHWOOD APARTMENTS WEB PMT                     | Birchwood Apartments     | Mortgage & Rent
BLUE HERON LIFE INSURANCE CO                     | Blue Heron Life Insurance| Life Insurance
HILLTOP PHARMACY 118                             | Hilltop Pharmacy         | Pharmacy
SPRING VALLEY DENTAL LLC                         | Spring Valley Dental     | Dentist
CHECK 1043                                       | Check                    | Check
ZELLE TO JOHN 12345678                           | Zelle                    | Transfer
CAFE DU LAC PARIS FRA                            | Cafe Du Lac Paris        | Coffee Shops
JOE'S TIRE SHOP 801-555-0123                     | Joe's Tire Shop          | Service & Parts
ACH DEBIT CITY OF BOISE WATER DES:UTIL ID:000123 | City of Boise Water      | Utilities
IRS USATAXPYMT 270012345                         | Federal Tax Payment      | Federal Tax
O'REILLY AUTO PARTS 1123                         | O'Reilly Auto Parts      | Service & Parts
HOUSE OF TACOS #12                               | House of Tacos           | Fast Food
AAA BATTERY DEPOT OGDEN UT 84401                 | Aaa Battery Depot        | Shopping
Maple Leaf Diner 2026-01-04 12:33                | Maple Leaf Diner         | Restaurants
ACME WIDGETS INC                                 | Acme Widgets             | Uncategorized
#### 12                                          | #### 12                  | Uncategorized
"""


@pytest.mark.parametrize("example", EXAMPLES.strip().splitlines())
def test_a_description_becomes_a_name_and_a_category(example: str) -> None:
    description, name, category = (part.strip() for part in example.split("|"))
    found = cleanse(description)
    assert (found.description, found.category.name) == (name, category)


@pytest.mark.parametrize(
    ("description", "type_", "flags"),
    [
        ("NETFLIX.COM", "DEBIT", {"is_expense", "is_subscription"}),
        ("NETFLIX.COM", "CREDIT", set()),
        ("CITY POWER LIGHT BILLPAY", "DEBIT", {"is_bill_pay", "is_expense"}),
        ("NORTHWIND FREIGHT PAYROLL PPD", "CREDIT", {"is_direct_deposit", "is_income"}),
        ("OVERDRAFT ITEM FEE", "DEBIT", {"is_expense", "is_fee", "is_overdraft_fee"}),
        ("PAYDAY ADVANCE REPAY", "DEBIT", {"is_expense", "is_payroll_advance"}),
        ("FOREIGN TRANSACTION FEE", "DEBIT", {"is_expense", "is_fee", "is_international"}),
        ("HOTEL MIRADOR ESP", "DEBIT", {"is_expense", "is_international"}),
        ("ONLINE TRANSFER TO SAV", "DEBIT", set()),
        ("INTEREST PAYMENT", None, {"is_income"}),
    ],
)
def test_flags_follow_from_what_was_found(description: str, type_: str | None, flags: set[str]) -> None:
    found = cleanse(description, type=type_)
    assert {name for name in found.__slots__ if name.startswith("is_") and getattr(found, name)} == flags


def test_a_merchant_decides_before_the_code_and_the_code_before_the_words() -> None:
    assert cleanse("STARBUCKS 12", mcc=5912).category.name == "Coffee Shops"
    assert cleanse("ACME PIZZA", mcc=5912).category.name == "Pharmacy"
    assert cleanse("ACME PIZZA").category.name == "Fast Food"
    assert cleanse("ACME PIZZA", mcc=1).category.name == "Fast Food"
    assert cleanse("ATM WITHDRAWAL STARBUCKS", mcc=5912).category.name == "Cash"
    examples = (("STARBUCKS", None), ("X", 5912), ("X PIZZA", None), ("X", None))
    assert [cleanse(text, mcc=code).categorized_by for text, code in examples] == [13, 8, 5, 0]
    assert [cleanse(text).described_by for text in ("STARBUCKS", "CHECK 12", "ACME PIZZA")] == [6, 5, 1]


def test_the_memo_says_what_the_description_does_not() -> None:
    assert cleanse("ACH DEBIT 0001", memo="NETFLIX.COM").description == "Netflix"
    by_words = cleanse("J SMITH", memo="monthly rent")
    assert (by_words.description, by_words.category.name) == ("J Smith", "Mortgage & Rent")
    assert cleanse("STARBUCKS", memo="NETFLIX.COM").description == "Starbucks"


def test_the_type_tells_income_from_expense() -> None:
    assert cleanse("INTEREST", type="CREDIT").category.name == "Interest Income"
    assert cleanse("INTEREST", type="DEBIT").category.name == "Uncategorized"
    assert cleanse("INTEREST", amount=-3.5).category.name == "Uncategorized"


@given(
    st.one_of(
        st.text(max_size=60), st.lists(st.sampled_from(" ".join(EXAMPLES.split()).split(" ")), max_size=8).map(" ".join)
    )
)
@settings(max_examples=examples(300), deadline=None)
def test_a_cleansed_name_is_there_and_stays(text: str) -> None:
    name = cleanse(text).description
    assert bool(name.strip()) == bool(text.strip())
    assert cleanse(name).description == name


def test_the_names_that_are_given_are_clean() -> None:
    for merchant in catalogue().merchants:
        assert cleanse(merchant.name).merchant is merchant
    for rule in (*rules().certain, *rules().likely):
        if rule.name:
            assert cleanse(rule.name, type=rule.type).description == rule.name
    assert all(rule.name for rule in rules().certain)


# the call


def enhance(mx: MX, *rows: dict[str, Any], headers: dict[str, str] | None = None) -> list[dict[str, Any]]:
    body = {"transactions": [{"id": f"row-{place}", **row} for place, row in enumerate(rows)]}
    answer = mx.call("POST", "/transactions/enhance", body, headers=headers)
    assert list(answer) == ["transactions"]
    found: list[dict[str, Any]] = answer["transactions"]
    return found


def test_an_enhanced_transaction_shows_everything(mx: MX) -> None:
    sent = {
        "amount": 21.33,
        "description": "ubr* pending.uber.com",
        "extended_transaction_type": "partner_transaction_type",
        "id": "ID-123",
        "memo": "Additional-information*on_transaction",
        "merchant_category_code": 4121,
        "type": "DEBIT",
    }
    taxi = categories.BY_NAME["Rental Car & Taxi"]
    expected = {
        **sent,
        "categorized_by": 13,
        "category": "Rental Car & Taxi",
        "category_guid": taxi.guid,
        "described_by": 6,
        "description": "Uber",
        "is_bill_pay": False,
        "is_direct_deposit": False,
        "is_expense": True,
        "is_fee": False,
        "is_income": False,
        "is_international": False,
        "is_overdraft_fee": False,
        "is_payroll_advance": False,
        "is_subscription": False,
        "merchant_guid": UBER,
        "merchant_location_guid": None,
        "original_description": "ubr* pending.uber.com",
    }
    assert enhance(mx, sent) == [expected]
    assert enhance(mx, sent, headers=V2) == [
        {**expected, "top_level_category_guid": taxi.parent_guid, "user_guid": None}
    ]


def test_the_merchants_of_an_answer_can_be_read(mx: MX) -> None:
    [row] = enhance(mx, {"description": "STARBUCKS STORE SEATTLE WA"})
    assert mx.call("GET", f"/merchants/{row['merchant_guid']}")["merchant"]["name"] == "Starbucks"
    place = mx.call("GET", f"/merchant_locations/{row['merchant_location_guid']}")["merchant_location"]
    assert (place["merchant_guid"], place["city"]) == (row["merchant_guid"], "Seattle")
    assert row["merchant_category_code"] == 5814  # the merchant's, for none was sent
    assert (row["amount"], row["memo"], row["type"]) == (None, None, None)


def test_the_order_is_kept_and_nothing_is_stored(mx: MX) -> None:
    user = mx.user()
    rows = enhance(mx, *({"description": f"SHOP {chr(65 + place % 26)}"} for place in range(100)))
    assert [row["id"] for row in rows] == [f"row-{place}" for place in range(100)]
    assert mx.call("GET", f"/users/{user}/transactions")["transactions"] == []
    assert mx.events() == []
    assert enhance(mx) == []


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 400, "transactions"),
        ({"transactions": [{"id": "1"}]}, 400, "transactions[0].description"),
        ({"transactions": [{"id": "1", "description": "a"}, {"description": "b"}]}, 400, "transactions[1].id"),
        ({"transactions": [{"id": "1", "description": " "}]}, 422, "transactions[0].description"),
        ({"transactions": [{"id": "1", "description": "POS DEBIT " * 1000}]}, 422, "1024"),
        ({"transactions": [{"id": 1, "description": "a"}]}, 422, "transactions[0].id"),
        ({"transactions": [{"id": "1", "description": "a", "type": "debit"}]}, 422, "CREDIT, DEBIT"),
        ({"transactions": [{"id": "1", "description": "a", "amount": "1.50"}]}, 422, "transactions[0].amount"),
        (
            {"transactions": [{"id": "1", "description": "a", "merchant_category_code": "4121"}]},
            422,
            "merchant_category_code",
        ),
        ({"transactions": {"id": "1"}}, 422, "transactions"),
        ({"transactions": ["a"]}, 422, "transactions"),
        ({"transactions": [{"id": "1", "description": "a"}] * 101}, 422, "At most 100"),
    ],
)
def test_what_is_refused(mx: MX, body: dict[str, Any], status: int, said: str) -> None:
    assert said in mx.call("POST", "/transactions/enhance", body, status=status)["error"]["message"]


def test_an_amount_may_be_null_in_the_newer_version_only(mx: MX) -> None:
    body = {"transactions": [{"id": "1", "description": "a", "amount": None}]}
    mx.call("POST", "/transactions/enhance", body, status=422)
    assert mx.call("POST", "/transactions/enhance", body, headers=V2)["transactions"][0]["amount"] is None


def test_unknown_members_are_noted(mx: MX) -> None:
    enhance(mx, {"description": "a", "colour": "red"})
    assert mx.control("GET", "/violations")["violations"][0]["detail"] == "transactions[0].colour"
