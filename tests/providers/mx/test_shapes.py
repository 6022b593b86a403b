"""The schemas and routes of the MX families against MX's own OpenAPI files, where those are present beside the project."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from marshmallow import Schema, fields

from mocksrv.providers.mx import accounts, institutions, members, transactions, users
from mocksrv.providers.mx.api import V1, V2, VERSIONS, Day, Moment, Money, Route
from mocksrv.providers.mx.versions import ONLY, Versioned
from mocksrv.providers.mx.wing import FAMILIES

OPENAPI = Path(__file__).parents[4] / "shared" / "openapi"
ROUTES = [route for family in FAMILIES for route in family.routes.entries]
SHAPES: dict[str, Schema | Versioned] = {
    "UserResponse": users.USERS,
    "InstitutionResponse": institutions.INSTITUTIONS,
    "CredentialResponse": institutions.CREDENTIALS,
    "MemberResponse": members.MEMBERS,
    "AccountResponse": accounts.ACCOUNTS,
    "AccountNumberResponse": accounts.ACCOUNT_NUMBERS,
    "AccountOwnerResponse": accounts.ACCOUNT_OWNERS,
    "TransactionResponse": transactions.SCHEMA,
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
UNTYPED = {("MemberResponse", "most_recent_job_guid"), ("MemberResponse", "most_recent_job_detail_text"),
           ("InstitutionResponse", "supported_products")}  # fmt: skip
BEYOND = {"MemberResponse": {"error"}}  # in MX's documents, not in the file

official = pytest.mark.skipif(not OPENAPI.is_dir(), reason="MX's OpenAPI files are not beside the project")


@cache
def openapi(version: str) -> Any:
    return yaml.load((OPENAPI / f"{version}.yml").read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


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


@official
@pytest.mark.parametrize("version", VERSIONS)
def test_includes_add_the_enrichments_of_the_file(version: str) -> None:
    added = openapi(version)["components"]["schemas"]["TransactionIncludesResponse"]["allOf"][1]["properties"]
    assert set(transactions.INCLUDES.values()) == set(added)


@official
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
def test_a_route_is_the_operation_of_the_file(route: Route, version: str) -> None:
    known = operations(version)
    assert (version in route.versions) == (route.operation in known)
    if version in route.versions:
        method, path = known[route.operation]
        assert (route.method, re.sub(r"<\w+>", "{}", route.path)) == (method, re.sub(r"\{\w+\}", "{}", path))
        if version == V2:
            assert route.by_id == ("_identifier}" in path)


def test_no_field_is_said_to_be_in_one_version_only_that_the_schema_lacks() -> None:
    for shape in SHAPES.values():
        if isinstance(shape, Versioned):
            for names in ONLY[shape.resource].values():
                assert set(names) <= set(shape.schema().fields)


def test_a_versions_schema_is_made_once() -> None:
    assert accounts.ACCOUNTS[V1] is accounts.ACCOUNTS[V1]
    assert accounts.ACCOUNTS[V1] is not accounts.ACCOUNTS[V2]
