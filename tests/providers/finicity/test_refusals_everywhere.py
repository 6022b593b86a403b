"""What every operation refuses: calls without keys, what is not there, what is somebody else's, what was deleted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from werkzeug.test import TestResponse

from mocksrv.providers.finicity.http import Route
from mocksrv.providers.finicity.provider import FinicityProvider
from tests.conftest import Receiver, started
from tests.providers.finicity.client import Finicity
from tests.providers.finicity.test_openapi import known_of

ROUTES = [route for family in FinicityProvider.families(None) for route in family.routes.entries]  # type: ignore[arg-type]
OF_CUSTOMERS = [route for route in ROUTES if "<customer>" in route.path]
# With an empty body these say what is missing in it first.
BODY_FIRST = {"PUT /aggregation/v1/customers/<customer>", "POST /decisioning/v1/customers/<customer>/consumer"}
OF_OTHERS = re.compile("<(account|login|transaction|int:transaction|unique|report)>")
NOT_THEIRS = (38003, 38007, 24553, 10100, 10005)


def name(route: Route) -> str:
    return f"{route.method} {route.path}"


class World:
    """Two customers with accounts, and one that is deleted."""

    def __init__(self, finicity: Finicity) -> None:
        self.finicity = finicity
        self.known: dict[str, Any] = {"type": "voa", "institution": 101732} | known_of(finicity)
        self.gone = finicity.customer("customer-gone")
        finicity.call("DELETE", f"/aggregation/v1/customers/{self.gone}")

    def ask(self, route: Route, values: Mapping[str, Any], headers: dict[str, str] | None = None) -> TestResponse:
        path = re.sub(r"<(?:int:)?(\w+)>", lambda match: str(values.get(match[1], 9999999999)), route.path)
        body: dict[str, Any] | None = {} if route.method in ("POST", "PUT") else None
        query = {"fromDate": 0, "toDate": 1}
        headers = self.finicity.headers if headers is None else headers
        return self.finicity.http.open(
            f"/finicity{path}", method=route.method, json=body, headers=headers, query_string=query
        )


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    engine, app = started()
    receiver = Receiver()
    yield World(Finicity(app, receiver))
    engine.close()
    receiver.close()


def told(answer: TestResponse, route: Route) -> int:
    """The code of a refusal: a text where the operation is one of Connect's, else a number."""
    body = answer.get_json()
    assert answer.mimetype == "application/json"
    assert body["message"]
    assert isinstance(body["code"], str if route.wide else int)
    assert set(body) == ({"code", "status", "message", "user_message", "tags"} if route.wide else {"code", "message"})
    return int(body["code"])


@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_a_call_without_keys(world: World, route: Route) -> None:
    answer = world.ask(route, {}, {})
    assert (answer.status_code, told(answer, route)) == (401, 10026)
    if route.token:
        for token, code in (({}, 10024), ({"Finicity-App-Token": "x"}, 10022)):
            answer = world.ask(route, {}, {"Finicity-App-Key": "app-key", **token})
            assert (answer.status_code, told(answer, route)) == (401, code)


@pytest.mark.parametrize("id", ["gone", "9999999999", "ü x", "..%2F..", "0"])
@pytest.mark.parametrize("route", OF_CUSTOMERS, ids=name)
def test_a_customer_that_is_not_there(world: World, route: Route, id: str) -> None:
    answer = world.ask(route, world.known | {"customer": world.gone if id == "gone" else id})
    if name(route) in BODY_FIRST and answer.status_code == 400:
        assert told(answer, route) in (10025, 10005)
    else:
        assert answer.status_code == 404
        assert told(answer, route) in (14001, *NOT_THEIRS)


@pytest.mark.parametrize("route", [route for route in OF_CUSTOMERS if OF_OTHERS.search(route.path)], ids=name)
def test_what_is_another_customers(world: World, route: Route) -> None:
    answer = world.ask(route, world.known | {"customer": world.known["second"]})
    assert answer.status_code == 404
    assert told(answer, route) in NOT_THEIRS
