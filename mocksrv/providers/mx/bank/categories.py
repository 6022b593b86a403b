"""MX's default categories: a top level and one level below it. They never change and belong to nobody.

Guids are MX's where they are known; the others are derived from the name, so that they stay the same for ever.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_NAMESPACE = uuid.UUID("6f0d5c4e-6a3b-5d0e-9a52-1f2d1f3c7b11")

# name -> (guid, children); a child is a name, or "name: guid" where MX's guid is known
_TREE: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "Auto & Transport": (
        "CAT-7829f71c-2e8c-afa5-2f55-fa3634b89874",
        (
            "Auto Insurance: CAT-de7c2dc7-90e6-85a2-6509-5ec10942e887",
            "Auto Payment: CAT-cb93691a-684d-b326-4c32-f8abaecfde90",
            "Gas: CAT-b6d63a19-30a7-e852-2703-bdfb4072289e",
            "Parking: CAT-726da718-d572-1e4d-7c3f-0b8b5370fe71",
            "Public Transportation: CAT-19e6ec13-83ed-5511-7f75-3688d3f97a8e",
            "Service & Parts: CAT-67a20fb1-1a61-dc27-3fff-f28fa904025f",
        ),
    ),
    "Bills & Utilities": (
        "CAT-79b02f2f-2adc-88f0-ac2b-4e71ead9cfc8",
        (
            "Domain Names: CAT-e7c5ebc7-f73d-955a-db06-3724bbcf6faa",
            "Fraud Protection: CAT-5f7f2084-6f8a-d927-6fa7-8e699912432a",
            "Home Phone: CAT-60d81dd3-8ac1-a6fb-b181-b736dbb42be3",
            "Hosting: CAT-b74fdd98-4391-8015-eafa-e9ca0fad3bee",
            "Internet: CAT-78d29c63-54db-197d-9851-feeb94cf6e10",
            "Mobile Phone: CAT-b4789667-6acc-a112-975e-15746003ed61",
            "Television: CAT-b316e683-c898-6497-a476-6bc48d12e51d",
            "Utilities: CAT-56a2979d-d6df-25da-f357-06282f08208e",
        ),
    ),
    "Business Services": (
        "CAT-94b11142-e97b-941a-f67f-6e18d246a23f",
        (
            "Advertising: CAT-e6682ebe-f239-c654-8233-0970b94cc162",
            "Legal: CAT-13c1e57c-3749-41b4-3bc4-b1b334adab85",
            "Office Supplies: CAT-97a2b899-5a32-4196-b87c-a8e65d8a9849",
            "Printing: CAT-3b09fb0b-3296-c76c-2bbd-a2bce0012d83",
            "Shipping: CAT-748efd05-e27a-5c79-1217-681a0ec5cc67",
        ),
    ),
    "Education": (
        "CAT-bf5c9cca-c96b-b50d-440d-38d9adfda5b0",
        (
            "Books & Supplies: CAT-167d816f-c68e-9988-e064-173dc6417a90",
            "Student Loan: CAT-2ce4972e-5620-57be-8475-d084edf88888",
            "Tuition",
        ),
    ),
    "Entertainment": (
        "CAT-e04e9d1e-e041-c315-2e50-094143ab3f73",
        ("Amusement", "Arts", "Movies & DVDs", "Music", "Newspapers & Magazines"),
    ),
    "Fees & Charges": (
        "CAT-d73ee74b-13a4-ac3e-4015-fc4ba9a62b2a",
        ("ATM Fee", "Banking Fee", "Finance Charge", "Late Fee", "Service Fee", "Trade Commissions"),
    ),
    "Financial": ("CAT-6c7de3f8-de6c-7061-1dd2-b093044014bf", ("Financial Advisor", "Life Insurance")),
    "Food & Dining": (
        "CAT-bd56d35a-a9a7-6e10-66c1-5b9cc1b6c81a",
        (
            "Alcohol & Bars",
            "Coffee Shops",
            "Fast Food",
            "Groceries",
            "Restaurants: CAT-006862be-64a0-e778-f035-0936445b9c16",
        ),
    ),
    "Gifts & Donations": ("CAT-8edf9663-623e-4735-490e-31288f0a70b0", ("Charity", "Gift")),
    "Health & Fitness": (
        "CAT-52fa4693-c088-afb2-2a99-7bc39bb23a0f",
        ("Dentist", "Doctor", "Eyecare", "Gym", "Health Insurance", "Pharmacy", "Sports"),
    ),
    "Home": (
        "CAT-b709172b-4eb7-318e-3b5d-e0f0500b32ac",
        (
            "Furnishings",
            "Home Improvement",
            "Home Insurance",
            "Home Services",
            "Home Supplies",
            "Lawn & Garden",
            "Mortgage & Rent",
        ),
    ),
    "Income": (
        "CAT-bf9f3294-4c40-1677-d269-54fbc189faf3",
        ("Bonus", "Interest Income", "Paycheck", "Reimbursement", "Rental Income"),
    ),
    "Investments": (
        "CAT-ccd42390-9e8c-3fb6-a5d9-6c31182d9c5c",
        ("Buy", "Deposit", "Dividend & Cap Gains", "Sell", "Withdrawal"),
    ),
    "Kids": (
        "CAT-0cb1d99d-f558-99e3-2282-b31f359b411a",
        ("Allowance", "Baby Supplies", "Babysitter & Daycare", "Child Support", "Kids Activities", "Toys"),
    ),
    "Personal Care": ("CAT-e5154228-fe45-790d-a280-f6bf5ae5ac9f", ("Hair", "Laundry", "Spa & Massage")),
    "Pets": ("CAT-7cccbafa-87d7-c9a6-661b-8b3402fe9e78", ("Pet Food & Supplies", "Pet Grooming", "Veterinary")),
    "Shopping": (
        "CAT-aad51b46-d6f7-3da5-fd6e-492328b3023f",
        ("Books", "Clothing", "Electronics & Software", "Hobbies", "Sporting Goods"),
    ),
    "Taxes": (
        "CAT-d00fc539-aa14-009b-4ffb-7e8c7b839954",
        ("Federal Tax", "Local Tax", "Property Tax", "Sales Tax", "State Tax"),
    ),
    "Transfer": (
        "CAT-bce48142-fea4-ff45-20d9-0a642d44de83",
        ("Credit Card Payment", "Mortgage Payment", "Transfer for Cash Spending"),
    ),
    "Travel": ("CAT-ea23d844-cbd1-eb10-f6ac-0df9610e59ae", ("Air Travel", "Hotel", "Rental Car & Taxi", "Vacation")),
    "Uncategorized": ("CAT-d7851c65-3353-e490-1953-fb9235e681e4", ("Cash", "Check")),
}


@dataclass(frozen=True, slots=True)
class Category:
    """A default category. `parent_guid` is None at the top level."""

    guid: str
    name: str
    parent_guid: str | None
    is_income: bool


def _all() -> Iterator[Category]:
    for top, (top_guid, children) in _TREE.items():
        is_income = top == "Income"
        yield Category(top_guid, top, None, is_income)
        for child in children:
            name, _, guid = child.partition(": ")
            yield Category(guid or f"CAT-{uuid.uuid5(_NAMESPACE, name)}", name, top_guid, is_income)


CATEGORIES: tuple[Category, ...] = tuple(_all())  # every top-level category is followed by its children
BY_NAME: Mapping[str, Category] = {category.name: category for category in CATEGORIES}
BY_GUID: Mapping[str, Category] = {category.guid: category for category in CATEGORIES}
UNCATEGORIZED = BY_NAME["Uncategorized"]


DEBITED_ELSEWHERE = frozenset({"Transfer", "Credit Card Payment"})  # debits of these categories are no expense


def top_level(category: Category) -> Category:
    """The category itself, or the one it hangs under."""
    return category if category.parent_guid is None else BY_GUID[category.parent_guid]


def labels(category: Category, *, credit: bool) -> dict[str, Any]:
    """What a transaction of this category shows of it: names, guids, and whether it is an expense or income."""
    top = top_level(category)
    return {
        "category": category.name,
        "category_guid": category.guid,
        "top_level_category": top.name,
        "top_level_category_guid": top.guid,
        "is_expense": not credit and category.name not in DEBITED_ELSEWHERE and top.name != "Transfer",
        "is_income": credit and category.is_income,
    }
