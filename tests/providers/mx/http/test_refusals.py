"""What every operation refuses, whatever it is about: calls without credentials or version, and what is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from mocksrv.providers.mx.declarations import load
from mocksrv.providers.mx.families import FAMILIES
from mocksrv.providers.mx.http.call import Route
from mocksrv.providers.mx.http.versions import V1, V2, VERSIONS
from tests.conftest import MX, started

ROUTES = [route for family in load(FAMILIES) for route in family.routes.entries]
HEADERS = {V1: {"Accept": "application/vnd.mx.api.v1+json"}, V2: {"Accept": "application/json", "Accept-Version": V2}}
NOWHERE = "XXX-00000000-0000-0000-0000-000000000000"


# POST without a body
BARE = {
    "aggregateMember",
    "verifyMember",
    "identifyMember",
    "checkBalances",
    "extendHistory",
    "fetchStatements",
    "fetchRewards",
    "autoGenerateBudgets",
    "createSpendingPlan",
    "requestConnectWidgetURL",
    "POST /users/<user>/members/<member>/fetch_tax_documents",
}


def refusals(route: Route) -> set[int]:
    """The statuses that the tests here expect of an operation."""
    return ({401} if route.bearer else {401, 406}) | ({missing(route)} if "<" in route.path else set())


def missing(route: Route) -> int:
    """What an empty call about something that is not there is answered with: 400 comes first, where a body is
    wanted.
    """
    return 400 if route.method in ("POST", "PUT") and route.operation not in BARE else 404


@pytest.fixture(scope="module")
def mx() -> Iterator[MX]:
    engine, app = started()
    yield MX(app)
    engine.close()


def nowhere(route: Route) -> str:
    """The path of an operation on what is not there."""
    return re.sub(r"<\w+>", NOWHERE, route.path)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
def test_a_call_without_credentials(mx: MX, route: Route) -> None:
    for version in route.versions:
        answer = mx.http.open(nowhere(route), method=route.method, headers=HEADERS[version], json={})
        assert answer.status_code == 401
        assert answer.get_json()["error"]["message"].startswith("Unauthorized")


@pytest.mark.parametrize("route", [route for route in ROUTES if not route.bearer], ids=lambda route: route.operation)
def test_a_call_for_a_version_that_there_is_not(mx: MX, route: Route) -> None:
    headers = {"Accept": "application/json", "Accept-Version": "v19990101"}
    answer = mx.http.open(nowhere(route), method=route.method, headers=headers, json={}, auth=("client", "key"))
    assert answer.status_code == 406
    assert "v19990101" in answer.get_json()["error"]["message"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "route", [route for route in ROUTES if len(route.versions) == 1], ids=lambda route: route.operation
)
def test_a_call_of_the_other_version(mx: MX, route: Route, version: str) -> None:
    if version not in route.versions:
        answer = mx.http.open(
            nowhere(route), method=route.method, headers=HEADERS[version], json={}, auth=("client", "key")
        )
        assert (answer.status_code, answer.get_json()["error"]["message"]) == (404, "Invalid route")


@pytest.mark.parametrize("route", [route for route in ROUTES if "<" in route.path], ids=lambda route: route.operation)
def test_an_empty_call_about_what_is_not_there(mx: MX, route: Route) -> None:
    for version in route.versions:
        answer = mx.http.open(
            nowhere(route), method=route.method, headers=HEADERS[version], json={}, auth=("client", "key")
        )
        assert answer.status_code == missing(route), answer.text
        assert answer.get_json()["error"]["message"]
