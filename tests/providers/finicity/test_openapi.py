"""The success bodies of all mounted operations validate against Mastercard's OpenAPI file, where that is beside the
project.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from mocksrv.providers.finicity.provider import FinicityProvider
from mocksrv.providers.finicity.reports import TYPES as REPORTS
from tests.conftest import SHARED, Receiver, started
from tests.openapi import modern
from tests.providers.finicity.client import PARTNER, SECRET, Finicity

FILE = SHARED / "openapi" / "finicity-1.42.0.yaml"
pytestmark = pytest.mark.skipif(not FILE.exists(), reason=f"{FILE.name} is not beside the project: {FILE.parent}")
NOT_IN_THE_FILE = {  # older operations that clients still call
    "GET /institution/v2/institutions/{}/loginForm",
    "GET /aggregation/v1/customers/{}/accounts/{}",
    "GET /aggregation/v3/customers/{}/accounts/{}/transactions",
}
C, D = "/aggregation/v1/customers/{customer}", "/decisioning/v2/customers/{customer}"
ALL_TIME = "fromDate=0&toDate=4000000000"
PERSON = {"firstName": "Ann", "lastName": "Lee", "state": "UT", "ssn": "999-60-1234", "email": "ann@example.com"}
CONNECT = {"partnerId": PARTNER, "customerId": "{customer}", "webhook": "{webhook}"}
BORROWERS = [
    {"type": type, "customerId": "{customer}", "consumerId": "{consumer}"} for type in ("primary", "jointBorrower")
]
CASES: dict[str, Any] = {  # the call, the query with it -> the body
    "POST /aggregation/v2/partners/authentication": {"partnerId": PARTNER, "partnerSecret": SECRET},
    "PUT /aggregation/v2/partners/authentication": {
        "partnerId": PARTNER,
        "partnerSecret": SECRET,
        "newPartnerSecret": SECRET,
    },
    "POST /aggregation/v2/customers/testing": {"username": "customer-{new}"},
    "POST /aggregation/v2/customers/active": {"username": "customer-{new}"},
    "GET /aggregation/v1/customers": None,
    f"GET {C}": None,
    f"PUT {C}": {"firstName": "Bea"},
    "DELETE /aggregation/v1/customers/{second}": None,
    "POST /decisioning/v1/customers/{second}/consumer": PERSON,
    "GET /decisioning/v1/customers/{customer}/consumer": None,
    "GET /decisioning/v1/consumers/{consumer}": None,
    "PUT /decisioning/v1/consumers/{consumer}": {"city": "Murray"},
    "GET /institution/v2/institutions": None,
    "GET /institution/v2/certifiedInstitutions": None,
    "GET /institution/v2/certifiedInstitutions/rssd": None,
    "GET /institution/v2/institutions/102105": None,
    "GET /institution/v2/institutions/102105/branding": None,
    "POST /connect/v2/generate": CONNECT,
    "POST /connect/v2/send/email": CONNECT | {"consumerId": "{consumer}", "email": {"to": "ann@example.com"}},
    "POST /connect/v2/generate/lite": CONNECT | {"institutionId": 102105},
    "POST /connect/v2/generate/fix": CONNECT | {"institutionLoginId": "{login}"},
    "POST /connect/v2/generate/jointBorrower": {"partnerId": PARTNER, "borrowers": BORROWERS},
    f"GET {C}/accounts": None,
    f"GET {C}/accounts/simple": None,
    f"GET {C}/institutions/101732/accounts": None,
    f"GET {C}/institutions/101732/accounts/simple": None,
    f"GET {C}/institutionLogins/{{login}}/accounts": None,
    f"GET {C}/institutionLogins/{{login}}/accounts/simple": None,
    f"GET {C}/accounts/{{account}}/simple": None,
    "GET /aggregation/v2/customers/{customer}/accounts/{account}": None,
    f"POST {C}/accounts": None,
    f"POST {C}/institutionLogins/{{login}}/accounts": None,
    "POST /aggregation/v2/customers/{customer}/accounts": None,
    "POST /aggregation/v2/customers/{customer}/institutionLogins/{login}/accounts": None,
    "DELETE /aggregation/v1/customers/{second}/accounts/{other_account}": None,
    "DELETE /aggregation/v1/customers/{second}/institutionLogins/{other_login}": None,
    f"GET {C}/accounts/{{account}}/owner": None,
    "GET /aggregation/v3/customers/{customer}/accounts/{account}/owner": None,
    f"GET {C}/accounts/{{account}}/details": None,
    "GET /aggregation/v3/customers/{customer}/accounts/{account}/details": None,
    f"GET {C}/accounts/{{account}}/availableBalance": None,
    f"GET {C}/accounts/{{account}}/availableBalance/live": None,
    f"GET /aggregation/v3/customers/{{customer}}/transactions?{ALL_TIME}&includePending=true": None,
    f"GET /aggregation/v4/customers/{{customer}}/accounts/{{account}}/transactions?{ALL_TIME}": None,
    "GET /aggregation/v2/customers/{customer}/transactions/{transaction}": None,
    "GET /aggregation/customers/{customer}/transactions/{unique}": None,
    f"POST {C}/accounts/{{account}}/transactions/historic": None,
    "POST /aggregation/customers/{customer}/transactions/refreshes": {"institutionLoginId": "{login}"},
    "GET /aggregation/customers/{customer}/transactions/refreshes/{refresh}": None,
    **{f"POST {D}/{kind}": {} for kind in REPORTS if kind not in ("statement", "transactions")},
    f"POST {D}/statement": {"statementReportData": {"accountId": 0}},
    f"POST {D}/transactions?fromDate=0&toDate=4000000000": {"accountIds": "{account}"},
    "GET /decisioning/v1/customers/{customer}/reports": None,
    "GET /decisioning/v3/customers/{customer}/reports/{report}": None,
    "GET /decisioning/v1/consumers/{consumer}/reports": None,
    "GET /decisioning/v3/consumers/{consumer}/reports/{report}": None,
}


@cache
def document() -> Any:
    return yaml.load(FILE.read_text("utf-8"), Loader=yaml.CSafeLoader)


@cache
def components() -> Any:
    return modern(document()["components"])


@cache
def operations() -> dict[str, dict[str, Any]]:
    """``METHOD PATH`` with empty parameters -> the operation."""
    return {
        f"{method.upper()} {_plain(path)}": operation
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
        if isinstance(operation, dict) and "responses" in operation
    }


def _plain(path: str) -> str:
    return re.sub(r"[{<][^}>]*[}>]", "{}", path)


def operation(call: str) -> dict[str, Any]:
    """The operation of a call with its values: of the patterns that fit the one with the fewest parameters."""
    parts = call.partition("?")[0].split("/")
    fitting = [
        key
        for key in operations()
        if len(key.split("/")) == len(parts)
        and all(want in (part, "{}") for want, part in zip(key.split("/"), parts, strict=True))
    ]
    assert fitting, f"{call} is not in the file"
    return operations()[min(fitting, key=lambda key: key.count("{}"))]


def problems(call: str, status: int, body: Any) -> list[str]:
    """What is wrong with an answer by the file."""
    answer = operation(call)["responses"].get(str(status))
    assert answer is not None, f"{call}: {status} is not documented"
    while "$ref" in answer:
        answer = document()["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    if not answer.get("content"):
        return [] if body is None else ["no content is documented"]
    schema = {"allOf": [modern(answer["content"]["application/json"]["schema"])], "components": components()}
    return [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message[:300]}"
        for error in Draft202012Validator(schema).iter_errors(body)
    ]


def known_of(finicity: Finicity) -> dict[str, Any]:
    """The ids that `CASES` name: a customer with all kinds of accounts, and a second one whose things are deleted."""
    customer = finicity.customer("customer-1")
    accounts = finicity.connected(customer, username="demo", password="go")
    known: dict[str, Any] = {"customer": customer, "consumer": finicity.consumer(customer)}
    known |= {"account": accounts[0]["id"], "login": accounts[0]["institutionLoginId"]}
    known |= second_of(finicity, "customer-2")
    path = f"/aggregation/v3/customers/{customer}/transactions?{ALL_TIME}"
    row = finicity.call("GET", path)["transactions"][0]
    known |= {"transaction": row["id"], "unique": row["uniqueTransactionId"]}
    path = f"/aggregation/customers/{customer}/transactions/refreshes"
    known["refresh"] = finicity.call("POST", path, {"accountIds": [accounts[0]["id"]]})["refreshId"]
    known["report"] = finicity.call("POST", f"/decisioning/v2/customers/{customer}/voa", {})["id"]
    known["webhook"] = finicity.receiver.url
    finicity.later("1m")
    return known


def second_of(finicity: Finicity, name: str) -> dict[str, Any]:
    """The ids of another customer, whose things are deleted."""
    customer = finicity.customer(name)
    accounts = finicity.connected(customer)
    return {
        "second": customer,
        "other_account": accounts[1]["id"],
        "other_login": accounts[0]["institutionLoginId"],
    }


def filled(value: Any, known: dict[str, Any]) -> Any:
    """A body of `CASES` with the ids in it."""
    if isinstance(value, str):
        return value.format_map(known)
    if isinstance(value, dict):
        return {name: int(known["account"]) if inner == 0 else filled(inner, known) for name, inner in value.items()}
    return [filled(inner, known) for inner in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[Finicity, dict[str, Any]]]:
    """A client, and what it knows."""
    engine, app = started()
    receiver = Receiver()
    finicity = Finicity(app, receiver)
    yield finicity, known_of(finicity)
    engine.close()
    receiver.close()


DELETED_LAST = ("/accounts/", "/institutionLogins/", "/customers/")
ORDER = sorted(
    CASES,
    key=lambda call: next(n for n, part in enumerate(DELETED_LAST, 1) if part in call) if "DELETE" in call else 0,
)


@pytest.mark.parametrize("call", CASES)
def test_the_success_of_every_operation_is_as_documented(world: tuple[Finicity, dict[str, Any]], call: str) -> None:
    finicity, known = world
    new = str(abs(hash(call)))
    named = known | {"new": new} | (second_of(finicity, f"second-{new}") if "{second}" in call else {})
    method, _, path = call.format_map(named).partition(" ")
    answer = finicity.http.open(
        f"/finicity{path}", method=method, json=filled(CASES[call], named), headers=finicity.headers
    )
    assert answer.status_code < 300, answer.get_data(as_text=True)
    body = answer.get_json(force=True) if answer.get_data() else None
    assert problems(f"{method} {path}", answer.status_code, body) == []


def test_every_mounted_operation_has_a_case() -> None:
    mounted = {
        f"{route.method} {_plain(route.path)}"
        for family in FinicityProvider.families(None)  # type: ignore[arg-type]
        for route in family.routes.entries
    }
    cases = {_plain(call.partition("?")[0]) for call in CASES}
    cases = {re.sub(r"/(102105|101732)(/|$)", r"/{}\2", call) for call in cases}
    cases = {re.sub(r"(POST /decisioning/v2/customers/\{\})/\w+", r"\1/{}", call) for call in cases}
    cases = {re.sub(r"(POST /aggregation/v2/customers)/(testing|active)$", r"\1/{}", call) for call in cases}
    assert mounted - cases == NOT_IN_THE_FILE
    assert cases - mounted == set()
