"""Calls that a provider forbids are violations of the rule `forbidden`; what an app may find out by asking is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import MX, Receiver
from tests.providers.finicity.client import Finicity
from tests.providers.mono.client import Mono
from tests.providers.mono.test_partners import GOOD
from tests.providers.violation_cases import CLIENTS, automated_refreshes, resume_that_nobody_waits_for, two_syncs

AMOUNTS = {"micro_deposit": {"deposit_amount_1": 0.09, "deposit_amount_2": 0.09}}
DEPOSIT = {"account_number": "1234567890", "routing_number": "091000019", "account_type": "CHECKING"}


def job(
    status: int, job: str, *, scenario: str = "connected", after: str = "5m", **member: Any
) -> Callable[[MX], None]:
    """A job of a member that has played a scenario for so long."""

    def made(mx: MX) -> None:
        mx.control("PUT", "/bindings", {"next": [scenario]})
        user = mx.user()
        guid = mx.create(user, **member)["guid"]
        mx.advance(after)
        method = "GET" if job == "oauth_window_uri" else "POST"
        mx.call(method, f"/users/{user}/members/{guid}/{job}", status=status)

    return made


def sixth_check_of_balances(mx: MX) -> None:
    user = mx.user()
    member = mx.create(user, institution="gringotts")["guid"]
    for expected in [202] * 5 + [429]:
        mx.advance("1m")
        mx.call("POST", f"/users/{user}/members/{member}/check_balance", status=expected)


def amounts_before_they_are_sent(mx: MX) -> None:
    user = mx.user()
    made = mx.call("POST", f"/users/{user}/micro_deposits", {"micro_deposit": DEPOSIT})
    [deposit] = made["micro_deposit"]
    mx.call("PUT", f"/micro_deposits/{deposit['guid']}/verify", AMOUNTS, status=422)


def login_in_a_session_of_another_kind(mono: Mono) -> None:
    account = mono.link()
    opened = mono.ask("POST", "/v2/connect/reauth/session", {"account": account})
    mono.call("POST", "/v2/connect/login", GOOD, status=400, x_session_id=opened.headers["x-session-id"])


FORBIDDEN = [
    ("mx", job(409, "identify", after="0s")),
    ("mx", job(409, "aggregate", scenario="denied")),
    ("mx", job(409, "verify", scenario="challenged", after="5s")),
    ("mx", job(400, "oauth_window_uri")),
    ("mx", resume_that_nobody_waits_for),
    ("mx", sixth_check_of_balances),
    ("mx", amounts_before_they_are_sent),
    ("mono", two_syncs),
    ("mono", login_in_a_session_of_another_kind),
    ("finicity", automated_refreshes),
]


def twice(path: str, body: Any, status: int) -> Callable[[Any], None]:
    """Makes the same thing two times."""

    def made(client: Any) -> None:
        client.call("POST", path, body, status={Mono: 201, Finicity: 201}.get(type(client), 200))
        client.call("POST", path, body, status=status)

    return made


def same_login_twice(mx: MX) -> None:
    user = mx.user()
    login = {"institution_code": "mxbank", "credentials": mx.credentials()}
    mx.call("POST", f"/users/{user}/members", {"member": login})
    mx.call("POST", f"/users/{user}/members", {"member": login}, status=409)


def two_consumers(finicity: Finicity) -> None:
    customer = finicity.customer()
    finicity.consumer(customer)
    body = {"firstName": "Ann", "lastName": "Lee", "state": "UT", "ssn": "999-60-1234", "email": "ann@example.com"}
    finicity.call("POST", f"/decisioning/v1/customers/{customer}/consumer", body, status=409)


PERSON = {
    "email": "ada@example.com",
    "first_name": "Ada",
    "last_name": "Obi",
    "phone": "08012345678",
    "address": "Lagos",
}
ALLOWED = [
    ("mx", twice("/users", {"user": {"id": "ada"}}, 409)),
    ("mx", same_login_twice),
    ("mx", lambda mx: mx.call("GET", "/users/USR-1", status=404)),
    ("mx", lambda mx: mx.call("POST", "/users", {"user": {"email": "no address"}}, status=422)),
    ("mx", job(202, "aggregate", after="0s")),  # the same job is running: accepted, starts nothing
    ("mono", lambda mono: mono.call("GET", "/v2/accounts/nobody", status=404)),
    ("mono", twice("/v2/customers", {**PERSON, "identity": {"type": "bvn", "number": "12345678901"}}, 400)),
    ("finicity", twice("/aggregation/v2/customers/testing", {"username": "customer-42"}, 409)),
    ("finicity", two_consumers),
]


def forbidden(app: Any, receiver: Receiver, provider: str, make_call: Callable[[Any], None]) -> list[dict[str, Any]]:
    """The violations of the rule after a call."""
    client = CLIENTS[provider](app, receiver)
    make_call(client)
    found: list[dict[str, Any]] = client.control("GET", "/violations?rule=forbidden")["violations"]
    return found


@pytest.mark.parametrize(("provider", "make_call"), FORBIDDEN)
def test_a_call_that_the_provider_forbids(
    make_server: Callable[..., Any], receiver: Receiver, provider: str, make_call: Callable[[Any], None]
) -> None:
    _, app = make_server()
    [found] = forbidden(app, receiver, provider, make_call)
    assert found["provider"] == provider


@pytest.mark.parametrize(("provider", "make_call"), ALLOWED)
def test_what_an_app_may_find_out_by_asking(
    make_server: Callable[..., Any], receiver: Receiver, provider: str, make_call: Callable[[Any], None]
) -> None:
    _, app = make_server()
    assert forbidden(app, receiver, provider, make_call) == []
