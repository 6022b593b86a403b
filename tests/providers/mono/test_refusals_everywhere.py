"""What every operation refuses: calls without a key, and accounts that are not there, or not any more."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from werkzeug.test import TestResponse

from mocksrv.providers.mono.http import V1, Route, version_of
from mocksrv.providers.mono.provider import MonoProvider
from tests.conftest import Receiver, started
from tests.providers.mono.client import KEY, Mono
from tests.providers.mono.test_analyses import LOAN

ROUTES = [route for family in MonoProvider.families(None) for route in family.routes.entries if not route.keyless]  # type: ignore[arg-type]
OF_ACCOUNTS = [route for route in ROUTES if "/accounts/<id>" in route.path]


def name(route: Route) -> str:
    return f"{route.method} {route.path}"


class World:
    """An account that was unlinked."""

    def __init__(self, mono: Mono) -> None:
        self.mono = mono
        self.unlinked = mono.link()
        mono.call("POST", f"/v2/accounts/{self.unlinked}/unlink")

    def ask(self, route: Route, id: str, headers: dict[str, str]) -> TestResponse:
        path = re.sub(r"<\w+>", "x", route.path.replace("<id>", id))
        body = LOAN if route.method in ("POST", "PATCH") else None
        return self.mono.http.open(f"/mono{path}", method=route.method, json=body, headers=headers)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    engine, app = started()
    receiver = Receiver()
    yield World(Mono(app, receiver))
    engine.close()
    receiver.close()


def told(answer: TestResponse, route: Route) -> str:
    """The message of a refusal: alone in the first version, in the envelope in the second."""
    body = answer.get_json()
    assert answer.mimetype == "application/json"
    old = version_of(route.path) == V1
    assert set(body) == ({"message"} if old else {"status", "message", "timestamp", "data"})
    message: str = body["message"]
    return message


@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_a_call_without_a_key(world: World, route: Route) -> None:
    answer = world.ask(route, "x", {})
    assert answer.status_code == 401
    assert "mono-sec-key" in told(answer, route)


@pytest.mark.parametrize("id", ["unlinked", "000000000000000000000000", "ü x", "..", "0"])
@pytest.mark.parametrize("route", OF_ACCOUNTS, ids=name)
def test_an_account_that_is_not_there(world: World, route: Route, id: str) -> None:
    answer = world.ask(route, world.unlinked if id == "unlinked" else id, KEY)
    assert answer.status_code == 404
    assert "not found" in told(answer, route)
