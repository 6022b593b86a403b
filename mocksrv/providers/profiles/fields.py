"""The fields of accounts, holdings and rewards in a profile, each with what makes its value of what is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import mocksrv.providers.profiles.values as values

T = TypeVar("T")
Convert = Callable[[Any], Any]  # raises BadValueError

MONEY_FIELDS = (
    "available_balance",
    "available_credit",
    "cash_balance",
    "cash_surrender_value",
    "credit_limit",
    "death_benefit",
    "last_payment",
    "loan_amount",
    "margin_balance",
    "minimum_balance",
    "minimum_payment",
    "original_balance",
    "pay_out_amount",
    "payoff_balance",
    "premium_amount",
    "statement_balance",
    "today_ugl_amount",
    "total_account_value",
    "total_account_value_ugl",
)
RATE_FIELDS = ("apr", "apy", "interest_rate", "today_ugl_percentage")
MOMENT_FIELDS = ("last_payment_at", "matures_on", "payment_due_at", "started_on")
TEXT_FIELDS = ("annuity_policy_to_date", "annuity_provider", "insured_name", "nickname", "property_type", "subtype")


def _as_written(value: T) -> T:
    return value


ACCOUNT_FIELDS: Mapping[str, Convert] = {
    **dict.fromkeys(
        ("is_closed", "day_payment_is_due", "annuity_term_year", "account_ownership", "federal_insurance_status"),
        _as_written,
    ),
    **dict.fromkeys(MONEY_FIELDS, values.dollars),
    **dict.fromkeys(RATE_FIELDS, float),
    **dict.fromkeys(MOMENT_FIELDS, values.moment),
    **dict.fromkeys(TEXT_FIELDS, _as_written),
}
HOLDING_FIELDS: Mapping[str, Convert] = {
    **dict.fromkeys(
        ("description", "coupon_yield", "expiration", "frequency", "term", "term_unit", "put_or_call"), _as_written
    ),
    **dict.fromkeys(("issue_date", "maturity_date", "vesting_end_date", "vesting_start_date"), values.day),
    **dict.fromkeys(("face_value", "strike_price"), values.dollars),
    "rate": float,
}
REWARD_FIELDS: Mapping[str, Convert] = {
    **dict.fromkeys(("balance_type", "unit_type", "description", "expires_in_months"), _as_written),
    "balance": values.dollars,
    "expires_on": values.day,
}
