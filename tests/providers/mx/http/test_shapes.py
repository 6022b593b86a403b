"""The schemas and routes of the MX families against MX's own OpenAPI files, where those are present beside the
project.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from marshmallow import Schema, fields

from mocksrv.providers.mx.catalog import categories, enhance, institutions, merchants
from mocksrv.providers.mx.declarations import load
from mocksrv.providers.mx.families import FAMILIES
from mocksrv.providers.mx.http.call import Route
from mocksrv.providers.mx.http.schemas import Day, Moment, Money
from mocksrv.providers.mx.http.versions import ONLY, PLAIN_JSON, V1, V2, VERSIONS, Versioned
from mocksrv.providers.mx.money import (
    accounts,
    ach_returns,
    budgets,
    cash_flow,
    goals,
    holdings,
    includes,
    insights,
    notifications,
    repeating,
    rewards,
    scheduled,
    spending_plan_items,
    spending_plans,
    statements,
    tags,
    transaction_rules,
    transactions,
)
from mocksrv.providers.mx.people import members, microdeposits, old_routes, processor, users, widgets

OPENAPI = Path(__file__).parents[5] / "shared" / "openapi"
ROUTES = [route for family in load(FAMILIES) for route in family.routes.entries]
SHAPES: dict[str, Schema | Versioned] = {
    "UserResponse": users.USERS,
    "InstitutionResponse": institutions.INSTITUTIONS,
    "CredentialResponse": institutions.CREDENTIALS,
    "MemberResponse": members.MEMBERS,
    "AccountResponse": accounts.ACCOUNTS,
    "AccountNumberResponse": accounts.ACCOUNT_NUMBERS,
    "AccountOwnerResponse": accounts.ACCOUNT_OWNERS,
    "TransactionResponse": transactions.SCHEMA,
    "TransactionCreateResponseBody": transactions.SCHEMA,
    "CategoryResponse": categories.SCHEMA,
    "TagResponse": tags.TAG,
    "TaggingResponse": tags.TAGGING,
    "TransactionRuleResponse": transaction_rules.SCHEMA,
    "NotificationResponse": notifications.SCHEMA,
    "BudgetResponse": budgets.SCHEMA,
    "GoalResponse": goals.SCHEMA,
    "GoalsResponse": goals.SCHEMA,
    "SpendingPlanResponse": spending_plans.SCHEMA,
    "SpendingPlanIterationResponse": spending_plans.ITERATION_SCHEMA,
    "SpendingPlanIterationItemResponse": spending_plan_items.ITEM_SCHEMA,
    "SpendingPlanAccountResponse": spending_plans.ACCOUNT_SCHEMA,
    "MonthlyCashFlowResponse": cash_flow.SCHEMA,
    "ACHResponse": ach_returns.RETURNS,
    "MicrodepositResponse": microdeposits.LISTED,
    "TokenResponse": processor.TOKENS,
    "InvestmentHoldingResponse": holdings.SCHEMA,
    "StatementResponse": statements.SCHEMA,
    "RewardElements": rewards.SCHEMA,
    "MerchantResponse": merchants.MERCHANTS,
    "MerchantLocationResponse": merchants.LOCATIONS,
    "EnhanceTransactionResponse": enhance.ENHANCED,
    "CreditCardProduct": rewards.CARD_PRODUCTS,
    "InsightResponse": insights.SCHEMA,
    "RepeatingTransactionResponse": repeating.SCHEMA,
    "ScheduledPaymentResponse": scheduled.SCHEMA,
}
# MX's type -> the fields that render it
TYPES: dict[str, tuple[type[fields.Field[Any]], ...]] = {
    "string": (fields.String, Moment, Day),
    "integer": (fields.Integer,),
    "number": (fields.Float, Money),
    "boolean": (fields.Boolean,),
    "array": (fields.List,),
    "object": (fields.Dict, fields.Nested),
}
# docs/discrepancies.md: the file has the wrong type, or none
UNTYPED = {
    ("BudgetResponse", "transaction_total"),
    ("BudgetResponse", "updated_at"),
    ("BudgetResponse", "user_guid"),
    ("MemberResponse", "most_recent_job_guid"),
    ("MemberResponse", "most_recent_job_detail_text"),
    ("InstitutionResponse", "supported_products"),
    ("RewardElements", "balance"),
    ("InsightResponse", "user_id"),
    *(("NotificationResponse", name) for name in notifications.NotificationSchema().fields),
}
# in MX's documents, or elsewhere in the file
BEYOND = {
    "AccountResponse": {"credit_card_product_guid"},
    "MemberResponse": {"error"},
    "RewardElements": {"account_guid", "member_guid", "user_guid"},
}
BEYOND_ROUTES = {"requestAccessToken", *(route.operation for route in old_routes.routes.entries)}

official = pytest.mark.skipif(
    not OPENAPI.is_dir(), reason="needs MX's OpenAPI files: v20111101.yml and v20250224.yml in ../shared/openapi"
)


@cache
def openapi(version: str) -> Any:
    return yaml.load(
        (OPENAPI / f"{version}.yml").read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    )


@cache
def operations(version: str) -> dict[str, tuple[str, str]]:
    """Operation id -> method and path."""
    return {
        operation["operationId"]: (method.upper(), path)
        for path, methods in openapi(version)["paths"].items()
        for method, operation in methods.items()
        if method != "parameters"
    }


def in_version(shape: Schema | Versioned, version: str) -> Schema:
    return shape[version] if isinstance(shape, Versioned) else shape


@official
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", SHAPES)
def test_a_schema_shows_the_fields_of_the_file(name: str, version: str) -> None:
    properties = openapi(version)["components"]["schemas"][name]["properties"]
    shown = in_version(SHAPES[name], version).dump_fields
    assert set(shown) - BEYOND.get(name, set()) == set(properties)
    wrong = {
        field: type(shown[field]).__name__
        for field, declared in properties.items()
        if (name, field) not in UNTYPED and not isinstance(shown[field], TYPES[declared["type"]])
    }
    assert wrong == {}


@official
@pytest.mark.parametrize("version", VERSIONS)
def test_a_schema_takes_the_fields_of_the_file(version: str) -> None:
    for name in ("UserCreateRequest", "UserUpdateRequest"):
        assert set(users.USERS.load_fields) == set(openapi(version)["components"]["schemas"][name]["properties"])


# What clients send that the file, or the file of a version, does not have.
BESIDE_THE_FILE = {"additional_product_option", "data_request", "widget_type"}


@official
@pytest.mark.parametrize("version", VERSIONS)
def test_a_request_takes_the_fields_of_the_file(version: str) -> None:
    requests: dict[str, Schema] = {
        "ACHReturnCreateRequest": ach_returns.RETURNS,
        "MicrodepositElements": microdeposits.MICRODEPOSITS,
        "MicrodepositVerifyRequest": microdeposits.AMOUNTS,
        "WidgetRequest": widgets.REQUEST[version],
    } | ({"ConnectWidgetRequest": widgets.CONNECT_REQUEST} if version == V1 else {})
    for name, schema in requests.items():
        declared = openapi(version)["components"]["schemas"][name]
        assert set(schema.load_fields) - BESIDE_THE_FILE == set(declared["properties"]) - BESIDE_THE_FILE
        required = {field for field, loaded in schema.load_fields.items() if loaded.required}
        assert (
            required == set(declared.get("required", ())) or name == "MicrodepositVerifyRequest"
        )  # nothing to compare without them


@official
@pytest.mark.parametrize("version", VERSIONS)
def test_the_widgets_are_those_of_the_file(version: str) -> None:
    listed = openapi(version)["components"]["schemas"]["WidgetResponse"]["properties"]["type"].get(
        "enum", widgets.WIDGETS
    )
    assert set(listed) == set(widgets.WIDGETS)


@official
@pytest.mark.parametrize("version", VERSIONS)
def test_includes_add_the_enrichments_of_the_file(version: str) -> None:
    added = openapi(version)["components"]["schemas"]["TransactionIncludesResponse"]["allOf"][1]["properties"]
    assert {member for member, _ in includes.INCLUDES.values()} == set(added)


@official
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
def test_a_route_is_the_operation_of_the_file(route: Route, version: str) -> None:
    known = operations(version)
    assert (version in route.versions) == (route.operation in known or route.operation in BEYOND_ROUTES)
    if version in route.versions and route.operation not in BEYOND_ROUTES:
        method, path = known[route.operation]
        assert (route.method, re.sub(r"<\w+>", "{}", route.path)) == (method, re.sub(r"\{\w+\}", "{}", path))
        if version == V2:
            assert route.by_id == ("_identifier}" in path)


@official
def test_the_operations_in_plain_json_are_those_of_the_file() -> None:
    found = {
        operation["operationId"]
        for methods in openapi(V1)["paths"].values()
        for method, operation in methods.items()
        if method != "parameters"
        for response in operation["responses"].values()
        if "application/json" in response.get("content", ())
    }
    assert found == PLAIN_JSON


def test_no_field_is_said_to_be_in_one_version_only_that_the_schema_lacks() -> None:
    for shape in SHAPES.values():
        if isinstance(shape, Versioned):
            for names in ONLY.get(shape.resource, {}).values():
                assert set(names) <= set(shape.schema().fields)


def test_a_versions_schema_is_made_once() -> None:
    assert accounts.ACCOUNTS[V1] is accounts.ACCOUNTS[V1]
    assert accounts.ACCOUNTS[V1] is not accounts.ACCOUNTS[V2]
