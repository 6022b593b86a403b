"""Partner authentication: app key, token, lock-out, new secrets."""

from __future__ import annotations

from typing import Any

from mocksrv.web.app import App
from tests.conftest import Receiver
from tests.providers.finicity.client import PARTNER, SECRET, Finicity

CUSTOMERS = "/aggregation/v1/customers"
AUTHENTICATION = "/aggregation/v2/partners/authentication"
RENEWED = "a-new-secret-of-2026"


def code(answer: Any) -> int:
    assert set(answer) == {"code", "message"}
    return int(answer["code"])


def test_a_token(finicity: Finicity) -> None:
    token = finicity.authenticate()["token"]
    assert len(token) == 20
    assert token.isalnum()
    assert finicity.call("GET", CUSTOMERS)["customers"] == []


def test_what_every_call_needs(finicity: Finicity) -> None:
    assert code(finicity.call("GET", CUSTOMERS, headers={"Finicity-App-Key": ""}, status=401)) == 10026
    assert code(finicity.call("GET", CUSTOMERS, headers={"Finicity-App-Token": ""}, status=401)) == 10024
    assert code(finicity.call("POST", AUTHENTICATION, {"partnerId": PARTNER}, status=400)) == 10005


def test_a_token_lives_two_hours(finicity: Finicity) -> None:
    finicity.control("POST", "/clock/advance", {"by": "1h59m59s"})
    finicity.call("GET", CUSTOMERS)
    finicity.control("POST", "/clock/advance", {"by": "1s"})
    assert code(finicity.call("GET", CUSTOMERS, status=401)) == 10023


def test_five_failures_lock_the_partner(finicity: Finicity) -> None:
    for _ in range(4):
        assert code(finicity.authenticate("wrong", status=401)) == 10001
    finicity.authenticate()  # a success between them begins the count anew
    for _ in range(5):
        assert code(finicity.authenticate("wrong", status=401)) == 10001
    assert code(finicity.authenticate(status=401)) == 24302
    finicity.authenticate("another-secret-1", partner="2445500000002")


def test_a_new_secret(finicity: Finicity) -> None:
    body = {"partnerId": PARTNER, "partnerSecret": SECRET, "newPartnerSecret": "short1"}
    assert code(finicity.call("PUT", AUTHENTICATION, body, status=400)) == 24437
    finicity.call("PUT", AUTHENTICATION, body | {"newPartnerSecret": RENEWED, "immediate": False}, status=204)
    finicity.authenticate(RENEWED)
    finicity.control("POST", "/clock/advance", {"by": "29d"})
    finicity.authenticate(SECRET)  # in the time of grace both work
    finicity.control("POST", "/clock/advance", {"by": "1d"})
    finicity.authenticate(SECRET, status=401)
    body = {"partnerId": PARTNER, "partnerSecret": RENEWED, "newPartnerSecret": SECRET}
    finicity.call("PUT", AUTHENTICATION, body, status=204)
    finicity.authenticate(RENEWED, status=401)
    finicity.authenticate(SECRET)


def test_only_the_configured_partner(make_server: Any, receiver: Receiver) -> None:
    app: App = make_server(client_id=PARTNER, api_key=SECRET)[1]
    finicity = Finicity(app, receiver)
    assert code(finicity.authenticate("something-else-1", status=401)) == 10001
    assert code(finicity.authenticate(partner="1", status=401)) == 10001
    assert code(finicity.call("GET", CUSTOMERS, headers={"Finicity-App-Token": "whatever"}, status=401)) == 10022
    finicity.call("GET", CUSTOMERS)


def test_errors_of_the_house_have_the_providers_shape(finicity: Finicity) -> None:
    assert code(finicity.call("GET", "/aggregation/v9/nothing", status=404)) == 14001
    finicity.control(
        "PUT", "/faults", {"faults": [{"on": "GET /finicity/aggregation/v1/customers", "status": 503, "times": 1}]}
    )
    assert code(finicity.call("GET", CUSTOMERS, status=503)) == 503
    assert code(finicity.call("POST", "/aggregation/v2/customers/testing", [1], status=400)) == 14020
