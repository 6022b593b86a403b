"""The catalogue of card products, and which of them a credit card is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mocksrv.providers.profiles import Account

_PLAIN = {
    "annual_fee": 0.0,
    "duration_of_introductory_rate_on_balance_transfer": None,
    "duration_of_introductory_rate_on_purchases": None,
    "has_cashback_rewards": False,
    "has_other_rewards": False,
    "has_travel_rewards": False,
    "has_zero_introductory_annual_fee": False,
    "has_zero_percent_introductory_rate": False,
    "has_zero_percent_introductory_rate_on_balance_transfer": False,
    "is_accepting_applicants": True,
    "is_active_credit_card_product": True,
    "is_small_business_card": False,
}
PLAIN = "CCA-2f6d0c1e-8a41-4b57-9c0e-51d7a3b8e601"
POINTS = "CCA-7b1e94d2-3c58-4f06-a2d9-0e86c4f5b702"
CASHBACK = "CCA-c40a85f7-96e3-4d21-b7f4-6a19d2e0c803"
TRAVEL = "CCA-e95c37b0-1d74-4a8f-8e63-b2f8057da904"
BUSINESS = "CCA-58d2f6a3-e07b-4c19-95ad-37c1e4b69a05"

PRODUCTS: Mapping[str, Mapping[str, Any]] = {
    PLAIN: _PLAIN
    | {
        "name": "Classic Credit Card",
        "has_zero_percent_introductory_rate_on_balance_transfer": True,
        "duration_of_introductory_rate_on_balance_transfer": 18,
    },
    POINTS: _PLAIN
    | {
        "name": "Rewards Credit Card",
        "has_other_rewards": True,
        "has_zero_percent_introductory_rate": True,
        "duration_of_introductory_rate_on_purchases": 12,
    },
    CASHBACK: _PLAIN | {"name": "Cashback Credit Card", "has_cashback_rewards": True},
    TRAVEL: _PLAIN
    | {
        "name": "Travel Credit Card",
        "annual_fee": 550.0,
        "has_travel_rewards": True,
        "has_zero_introductory_annual_fee": True,
    },
    BUSINESS: _PLAIN
    | {
        "name": "Business Credit Card",
        "annual_fee": 95.0,
        "is_small_business_card": True,
        "is_accepting_applicants": False,
    },
}
# what a card's rewards are counted in -> the product
UNITS = {"CASH_BACK": CASHBACK, "CASHBACK": CASHBACK, "DOLLARS": CASHBACK, "MILES": TRAVEL, "POINTS": POINTS}


def product_of(account: Account) -> str | None:
    """The guid of the product that a credit card is, told by its rewards; None for other accounts."""
    if account.fields["type"] != "CREDIT_CARD":
        return None
    return next((UNITS[reward["unit_type"]] for reward in account.rewards if reward["unit_type"] in UNITS), PLAIN)
