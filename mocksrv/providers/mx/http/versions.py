"""The two versions of the API: which one a request asks for, and how each shows a resource: tables, and schemas made
from them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from marshmallow import Schema, fields

V1, V2 = "v20111101", "v20250224"
VERSIONS = (V1, V2)
MEDIA_TYPES = {V1: "application/vnd.mx.api.v1+json", V2: "application/json"}
OLD_MEDIA_TYPES = re.compile(
    r"application/vnd\.mx\.api\.v1\+(json|pdf)|application/vnd\.mx\.api\.(v2beta|v1beta)\+json"
)


@lru_cache(1000)
def asked_version(wanted: str | None, accept: str, plain_json: bool) -> str | None:
    """The version that a request asks for by its headers Accept-Version (``wanted``) and Accept; None: none that there
    is. Clients send the same ones again and again.
    """
    if wanted is not None:
        return wanted if wanted in VERSIONS else None
    for part in accept.split(","):
        media, _, parameters = part.partition(";")
        if OLD_MEDIA_TYPES.fullmatch(media.strip()):
            named = re.search(r"version\s*=\s*\"?([^\s;\"]+)", parameters)
            if named is None:
                return V1
            if named[1] in VERSIONS:
                return named[1]
        if plain_json and media.strip() == MEDIA_TYPES[V2]:
            return V1
    return None


# Account fields that v20111101 shows twice more: with who set them, and as the bank's feed gave them.
_SET_AND_FED = (
    "account_number",
    "apr",
    "apy",
    "available_balance",
    "balance",
    "cash_balance",
    "cash_surrender_value",
    "credit_limit",
    "currency_code",
    "day_payment_is_due",
    "death_benefit",
    "holdings_value",
    "interest_rate",
    "is_closed",
    "last_payment",
    "last_payment_at",
    "loan_amount",
    "matures_on",
    "minimum_balance",
    "minimum_payment",
    "name",
    "nickname",
    "original_balance",
    "payment_due_at",
    "payoff_balance",
    "started_on",
    "statement_balance",
    "total_account_value",
)
# Those that it shows together with who set them: ``balance`` and ``balance_set_by``.
ACCOUNT_SET_BY = tuple(sorted((*_SET_AND_FED, "available_credit", "subtype", "type")))
# Those that it shows a second time, as the feed gave them: ``feed_balance``.
ACCOUNT_FEED = tuple(sorted((*_SET_AND_FED, "routing_number")))

# In the order of MX's numbers for them, which ``feed_account_type`` shows.
ACCOUNT_TYPES = (
    "ANY",
    "CHECKING",
    "SAVINGS",
    "LOAN",
    "CREDIT_CARD",
    "INVESTMENT",
    "LINE_OF_CREDIT",
    "MORTGAGE",
    "PROPERTY",
    "CASH",
    "INSURANCE",
    "PREPAID",
    "CHECKING_LINE_OF_CREDIT",
)
SET_BY_FEED, SET_BY_USER = 1, 2

# What an institution may support, each a field of v20111101 and a filter there.
SUPPORTS = (
    "supports_account_identification",
    "supports_account_statement",
    "supports_account_verification",
    "supports_transaction_history",
)

# resource -> version -> the fields that only this version shows
ONLY: Mapping[str, Mapping[str, Sequence[str]]] = {
    "account": {
        V1: (
            *(f"{name}_set_by" for name in ACCOUNT_SET_BY),
            *(f"feed_{name}" for name in (*ACCOUNT_FEED, "account_type", "account_subtype")),
            "calculated_apr",
            "holdings_value",
            "institution_guid",
        ),
    },
    "enhanced_transaction": {V2: ("top_level_category_guid", "user_guid")},
    "institution": {
        V1: SUPPORTS,
        V2: ("created_at", "guid", "is_hidden", "supported_products"),
    },
    "notification": {V2: ("created_at", "threshold")},
    "transaction_update": {V1: ("category_guid", "date", "memo")},
    "widget_request": {
        V1: ("connections_use_case_filter",),
        V2: ("current_microdeposit_guid", "deep_link_params", "locale", "style"),
    },
}

# call -> version -> the query parameters that only this version takes
PARAMETERS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "aggregation": {V1: ("include_holdings", "include_transactions")},
    "institutions": {V1: SUPPORTS, V2: ("supported_products", "supported_products[]")},
    "transactions": {V1: ("category_guid", "top_level_category_guid")},
    "transactions of a member": {V2: ("timestamp",)},  # from_timestamp, to_timestamp
    "transactions of a tag": {V1: ("use_case",)},
}

# resource -> version -> the fields that only this version requires
REQUIRED: Mapping[str, Mapping[str, Sequence[str]]] = {"transaction_update": {V2: ("description",)}}

# resource -> version -> the fields that this version shows with another type
RETYPED: Mapping[str, Mapping[str, Mapping[str, type[fields.Field[Any]]]]] = {
    "iteration_item": {V1: {"item_type": fields.String}}
}

# The operations that v20111101's file has in plain application/json, which its SDKs ask for (docs/discrepancies.md).
PLAIN_JSON = frozenset(
    {
        "checkRealTimeAccountBalance",
        "createBudget",
        "createGoal",
        "createMicrodeposit",
        "createNotification",
        "getAccountOwnerInfo",
        "listNotifications",
        "listUserMicrodeposits",
        "listUserVerifications",
        "readAccountBalance",
        "readGoal",
        "readMonthlyCashFlowProfile",
        "readNotifications",
        "readUserMicrodeposit",
        "repositionGoals",
        "requestAccountNumber",
        "updateGoal",
        "updateMonthlyCashFlowProfile",
        "updateSpecificBudget",
        "updateTransactionByAccount",
        "verifyMicrodeposit",
    }
)

# resource -> version -> the fields of a request that may be null in this version only
NULLABLE: Mapping[str, Mapping[str, Sequence[str]]] = {
    "enhanced_transaction": {V2: ("amount",)},
    "transaction_rule": {V2: ("category_guid",)},
}

# What the body may be called that updates a monthly cash flow profile; the first is the name in the file.
CASH_FLOW_ROOTS = {V1: ("institution", "monthly_cash_flow_profile"), V2: ("monthly_cash_flow_profile",)}

# version -> the countries of institutions that its file knows; None: it names none (docs/discrepancies.md)
COUNTRIES: Mapping[str, Sequence[str] | None] = {V1: None, V2: ("US", "CA")}

UNLISTED_WIDGETS = (
    "pulse_widget",
    "mini_pulse_carousel_widget",
    "micro_pulse_carousel_widget",
)  # in the files' texts only
# version -> the types of widgets that its file does not let an answer show, though its texts name them
# (docs/discrepancies.md)
UNSHOWN_WIDGETS: Mapping[str, Sequence[str]] = {V1: (), V2: UNLISTED_WIDGETS}

# version -> account fields for which its file knows no null, and what they read where there is nothing
# (docs/discrepancies.md)
NEVER_NULL: Mapping[str, Mapping[str, str]] = {V1: {}, V2: {"property_type": "MISCELLANEOUS"}}


def parameters(call: str, version: str) -> Sequence[str]:
    """The query parameters of a call that only this version takes."""
    return PARAMETERS[call].get(version, ())


def account_twins(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an account that say where a value came from: the bank's feed, or the user for a manual account."""
    setter = SET_BY_USER if body.get("is_manual") else SET_BY_FEED
    twins: dict[str, Any] = {f"{name}_set_by": setter for name in ACCOUNT_SET_BY if body.get(name) is not None}
    if setter == SET_BY_FEED:
        twins |= {f"feed_{name}": body.get(name) for name in ACCOUNT_FEED}
        twins["feed_account_type"] = ACCOUNT_TYPES.index(body["type"]) if body.get("type") in ACCOUNT_TYPES else None
    return twins


class Versioned:
    """The schema of a resource in each version. A schema is costly to construct: each is made on first need, and
    kept.
    """

    def __init__(self, resource: str, schema: type[Schema]) -> None:
        self.resource = resource
        self.schema = schema
        self._made: dict[str, Schema] = {}

    def __getitem__(self, version: str) -> Schema:
        made = self._made.get(version)
        if made is None:
            made = self._made[version] = self._typed(version)(exclude=self._lacking(version))
            for name in REQUIRED.get(self.resource, {}).get(version, ()):
                made.fields[name].required = True
            for name in NULLABLE.get(self.resource, {}).get(version, ()):
                made.fields[name].allow_none = True
        return made

    def dump(self, version: str, obj: Any) -> dict[str, Any]:
        """The resource as this version shows it."""
        return dict(self[version].dump(obj))

    def _typed(self, version: str) -> type[Schema]:
        retyped = RETYPED.get(self.resource, {}).get(version, {})
        return self.schema.from_dict({name: kind() for name, kind in retyped.items()}, name=self.schema.__name__)

    def _lacking(self, version: str) -> list[str]:
        only = ONLY.get(self.resource, {})
        return [name for other in VERSIONS if other != version for name in only.get(other, ())]
