"""A client that has not bought a product: ``PUT /_mocksrv/sandbox {"without": [...]}``."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mocksrv.providers.mx.declarations import load
from mocksrv.providers.mx.families import FAMILIES
from mocksrv.providers.mx.http.call import Route
from mocksrv.providers.mx.http.products import PRODUCTS
from mocksrv.providers.mx.http.versions import V2, VERSIONS
from tests.conftest import MX

OF_PRODUCTS = [route for family in load(FAMILIES) for route in family.routes.entries if route.product]
PULSE = {
    "error": {
        "message": "Client does not have access to Pulse features",
        "status": "forbidden",
        "type": "forbidden_error",
    }
}


def without(mx: MX, *products: str) -> dict[str, Any]:
    shown: dict[str, Any] = mx.control("PUT", "/sandbox", {"without": list(products)})
    return shown


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("route", OF_PRODUCTS, ids=lambda route: route.operation)
def test_calls_of_a_product_that_the_client_lacks(mx: MX, route: Route, version: str) -> None:
    path = re.sub(r"<\w+>", "x", route.path)
    assert without(mx, route.product)["without"] == [route.product]
    refused = mx.call(route.method, path, {}, status=403, headers={"Accept-Version": version})
    if route.product == "insights":
        assert refused == PULSE
    else:
        assert re.fullmatch(r"Client does not have access to [a-z ]+ features", refused["error"]["message"])
    [violation] = mx.control("GET", "/violations")["violations"]
    assert (violation["rule"], violation["detail"]) == ("forbidden", refused["error"]["message"])
    without(mx, *(product for product in PRODUCTS if product != route.product))
    assert (
        mx.http.open(path, method=route.method, headers={"Accept-Version": version}, auth=("a", "b")).status_code != 403
    )


def test_every_product_has_calls() -> None:
    assert {route.product for route in OF_PRODUCTS} == PRODUCTS.keys()


@pytest.mark.parametrize("widget", ["pulse_widget", "mini_pulse_carousel_widget", "micro_pulse_carousel_widget"])
def test_pulse_widgets(mx: MX, widget: str) -> None:
    user, body = mx.user(), {"widget_url": {"widget_type": widget}}
    mx.call("POST", f"/users/{user}/widget_urls", body)
    without(mx, "insights")
    assert mx.call("POST", f"/users/{user}/widget_urls", body, status=403) == PULSE
    body["widget_url"]["widget_type"] = "budgets_widget"
    mx.call("POST", f"/users/{user}/widget_urls", body)


def test_who_lacks_insights_is_sent_none(mx: MX) -> None:
    without(mx, "insights")
    mx.create(mx.user())
    mx.advance("10m")
    assert mx.control("GET", "/webhooks?event=mx.insight.*")["webhooks"] == []
    without(mx)
    mx.create(mx.user())
    mx.advance("10m")
    assert mx.control("GET", "/webhooks?event=mx.insight.*")["webhooks"]


def test_a_product_that_is_asked_for_with_a_member_and_that_the_client_lacks(mx: MX) -> None:
    """As one that the institution lacks: the member is made, the product fails to start."""
    without(mx, "account_verification")
    user = mx.user()
    body = {
        "member": {"institution_code": "mxbank", "credentials": mx.credentials()},
        "data_request": {"products": ["account_verification", "transactions"]},
    }
    headers = {"Accept": "application/json", "Accept-Version": V2}
    made = mx.call("POST", f"/users/{user}/members", body, status=201, headers=headers)["member"]
    mx.advance("1m")
    assert mx.call("GET", f"/users/{user}/members/{made['guid']}/account_numbers")["account_numbers"] == []
    assert mx.call("GET", f"/users/{user}/members/{made['guid']}/transactions")["transactions"]


def test_the_setting_stays_and_can_be_taken_back(mx: MX) -> None:
    without(mx, "insights", "rewards", "insights")
    assert mx.control("GET", "/sandbox")["without"] == ["insights", "rewards"]
    other = MX(mx.http.application, "other")
    assert other.control("GET", "/sandbox")["without"] == []
    assert without(mx)["without"] == []
    without(mx, "insights")
    assert mx.control("POST", "/reset")["without"] == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"without": ["insight"]}, "without.0: 'insight' is not allowed; allowed are insights, "),
        ({"without": ["insights", "Pulse"]}, "without.1: 'Pulse'"),
        ({"without": "insights"}, "without: must be a list"),
        ({"without": [1]}, "without.0: must be a text"),
        ({"without": None}, "without: must be a list"),
        ({}, "nothing is set; allowed are all_events, seed, steps, without"),
        ({"with": []}, "with: unknown"),
    ],
)
def test_what_is_refused(mx: MX, body: Any, said: str) -> None:
    without(mx, "rewards")
    assert said in mx.control("PUT", "/sandbox", body, status=422)["detail"]
    assert mx.control("GET", "/sandbox")["without"] == ["rewards"]


def test_a_seed_is_refused_where_there_are_ids_and_takes_no_products_with_it(mx: MX) -> None:
    mx.user()
    refused = mx.control("PUT", "/sandbox", {"seed": 8, "without": ["insights"]}, status=409)
    assert refused["detail"].startswith("seed: the sandbox default is not empty")
    assert mx.control("GET", "/sandbox")["without"] == []
