"""MX's limits on a client, which a server keeps with ``--limits``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mocksrv.engine.engine import Engine
from mocksrv.providers.mx.http.limits import A_SECOND, MOST_USERS
from mocksrv.web.app import App
from tests.conftest import MX, MX_HEADERS

TOO_OFTEN = 429
MakeServer = Callable[..., tuple[Engine, App]]


@pytest.fixture
def limited(make_server: MakeServer) -> MX:
    return MX(make_server(limits=True)[1])


def statuses(mx: MX, method: str, calls: int, client: str = "client") -> list[int]:
    """How calls are answered that follow each other at once, until one is refused as too many."""
    return [answer.status_code for answer in answers(mx, method, calls, client)]


def answers(mx: MX, method: str, calls: int, client: str) -> Iterator[Any]:
    for _ in range(calls):
        answer = mx.http.open(f"{mx.prefix}/users/USR-1", method=method, headers=MX_HEADERS, auth=(client, "key"))
        yield answer
        if answer.status_code == TOO_OFTEN:
            return


def test_a_client_makes_so_many_calls_a_second(limited: MX) -> None:
    """Of real time: the clock of this sandbox stands still."""
    *admitted, refused = answers(limited, "DELETE", 20 * A_SECOND["DELETE"], "client")
    assert {answer.status_code for answer in admitted} == {404}
    assert len(admitted) >= A_SECOND["DELETE"]
    assert refused.status_code == TOO_OFTEN
    error = {"message": "A client may make 150 DELETE calls a second", "status": "too_many_requests"}
    assert refused.get_json() == {"error": {**error, "type": "too_many_requests_error"}}


def test_each_method_client_and_sandbox_is_counted_alone(limited: MX) -> None:
    assert TOO_OFTEN in statuses(limited, "DELETE", 20 * A_SECOND["DELETE"])
    assert statuses(limited, "GET", 1) == [404]
    assert statuses(limited, "DELETE", 1, "another") == [404]
    assert statuses(MX(limited.http.application, "ci-17"), "DELETE", 1) == [404]


def test_a_client_has_so_many_users(limited: MX) -> None:
    users = [limited.user() for _ in range(MOST_USERS)]
    refused = limited.call("POST", "/users", {"user": {"metadata": "one more"}}, status=405)
    assert refused["error"]["message"] == "A client may have 100 users in the integration environment"
    limited.call("DELETE", f"/users/{users[0]}")
    limited.user()
    MX(limited.http.application, "ci-17").user()


def test_without_the_setting_there_are_none(make_server: Any) -> None:
    mx = MX(make_server()[1])
    assert len(statuses(mx, "DELETE", 4 * A_SECOND["DELETE"])) == 4 * A_SECOND["DELETE"]
    for _ in range(MOST_USERS + 1):
        mx.user()
