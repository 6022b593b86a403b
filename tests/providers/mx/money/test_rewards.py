"""Rewards of credit cards, and the products that the cards are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mocksrv.engine.engine import Engine
from mocksrv.web.app import App
from tests.conftest import MX

V2 = {"Accept": "application/json", "Accept-Version": "v20250224"}
DATA = (
    "name: {0}\nprovider: mx\nflows:\n  connect:\n    - {{status: CREATED}}\n    - {{after: 1s, status: CONNECTED, "
    "data: {0}}}\n"
)


def connected(mx: MX, user: str, data: str = "mxbank") -> str:
    """A connected member with the data of a profile."""
    name = f"with-{data}"
    text = DATA.format(data).replace(f"name: {data}", f"name: {name}", 1)
    assert (
        mx.http.put(
            f"{mx.prefix}/_mocksrv/scenarios/{name}", data=text.encode(), content_type="application/yaml"
        ).status_code
        == 200
    )
    member: str = mx.create(user, headers={"X-Mocksrv-Scenario": name})["guid"]
    mx.advance("1m")
    return member


def fetched(mx: MX, user: str, member: str, **more: Any) -> list[dict[str, Any]]:
    mx.call("POST", f"/users/{user}/members/{member}/fetch_rewards", status=200)
    mx.advance("1m")
    found: list[dict[str, Any]] = mx.call("GET", f"/users/{user}/members/{member}/rewards", **more)["rewards"]
    return found


def test_rewards_are_fetched_listed_and_read(mx: MX) -> None:
    user, other = mx.user(), mx.user()
    member = connected(mx, user, "everyday")
    path = f"/users/{user}/members/{member}/rewards"
    assert mx.call("GET", path) == {
        "rewards": [],
        "pagination": {"current_page": 1, "per_page": 25, "total_entries": 0, "total_pages": 1},
    }
    total, expiring = fetched(mx, user, member)
    assert (total["balance_type"], total["balance"], total["unit_type"]) == ("TOTAL_BALANCE", 11840, "POINTS")
    assert (expiring["balance_type"], expiring["expires_on"]) == ("EXPIRING_BALANCE", "2026-04-30")
    assert (total["user_guid"], total["member_guid"]) == (user, member)
    assert isinstance(total["balance"], int)
    assert mx.call("GET", f"{path}/{expiring['guid']}", headers=V2)["reward"] == expiring
    mx.call("GET", f"{path}/RWD-none", status=404)
    mx.call("GET", f"/users/{other}/members/{member}/rewards/{total['guid']}", status=404)


def test_a_later_fetch_counts_what_changed(mx: MX) -> None:
    user = mx.user()
    member = connected(mx, user, "everyday")
    before = fetched(mx, user, member)
    mx.advance("32d")
    after = fetched(mx, user, member)
    assert after[0] == before[0]
    assert (after[1]["guid"], after[1]["expires_on"]) == (before[1]["guid"], "2026-05-31")
    bodies = [w["payload"] for w in mx.control("GET", "/webhooks?limit=1000")["webhooks"] if w["event"] == "mx.rewards"]
    assert [(b["rewards_created_count"], b["rewards_updated_count"]) for b in bodies] == [(2, 0), (0, 1)]


@pytest.mark.parametrize(("fidelity", "expected"), [("sdk", "9999-12-31"), ("wire", None)])
def test_a_reward_without_an_end(
    make_server: Callable[..., tuple[Engine, App]], fidelity: str, expected: str | None
) -> None:
    mx = MX(make_server(fidelity=fidelity)[1])
    user = mx.user()
    (reward,) = fetched(mx, user, connected(mx, user))
    assert (reward["expires_on"], reward["description"]) == (expected, "Total points")


@pytest.mark.parametrize("headers", [None, V2])
def test_a_card_leads_to_its_product(mx: MX, headers: dict[str, str] | None) -> None:
    user = mx.user()
    connected(mx, user, "wealthy")
    products = {}
    for account in mx.call("GET", f"/users/{user}/accounts", headers=headers)["accounts"]:
        guid = account["credit_card_product_guid"]
        assert (guid is not None) == (account["type"] == "CREDIT_CARD")
        if guid:
            products[account["name"]] = mx.call("GET", f"/credit_card_products/{guid}", headers=headers)[
                "credit_card_product"
            ]
    travel, family = products["Meridian Travel Card"], products["Family Rewards Card"]
    assert (travel["has_travel_rewards"], travel["annual_fee"]) == (True, 550.0)
    assert (family["has_other_rewards"], family["duration_of_introductory_rate_on_purchases"]) == (True, 12)
    assert travel["guid"] != family["guid"]


def test_an_unknown_product_is_not_found(mx: MX) -> None:
    mx.call("GET", "/credit_card_products/CCA-00000000-0000-0000-0000-000000000000", status=404)
