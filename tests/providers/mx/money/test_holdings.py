"""Investment holdings: they add up to their account, move with its days, and can be left out of an aggregation."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from tests.conftest import MX, Receiver

V2 = {"Accept": "application/json", "Accept-Version": "v20250224"}
RICH = (
    "name: rich\nprovider: mx\nflows:\n  connect:\n    - {status: CREATED}\n    - {after: 1s, status: CONNECTED, "
    "data: wealthy}\n"
)


def cents(amount: float) -> int:
    return round(amount * 100)


def times(price: float, quantity: str) -> int:
    """Cents of so many units at this price."""
    return int((Decimal(str(price)) * Decimal(quantity) * 100).quantize(Decimal(1), ROUND_HALF_UP))


def connected(mx: MX, user: str, *, rich: bool = False, **fields: Any) -> str:
    """A connected member: with MX Bank's data, or with those of the profile ``wealthy``."""
    if rich:
        assert (
            mx.http.put(
                f"{mx.prefix}/_mocksrv/scenarios/rich", data=RICH.encode(), content_type="application/yaml"
            ).status_code
            == 200
        )
    member: str = mx.create(user, headers={"X-Mocksrv-Scenario": "rich"} if rich else None, **fields)["guid"]
    mx.advance("1m")
    return member


def aggregate(mx: MX, user: str, member: str, query: str = "") -> None:
    mx.call("POST", f"/users/{user}/members/{member}/aggregate{query}", status=202)
    mx.advance("1m")


def holdings(mx: MX, user: str, path: str = "", **more: Any) -> list[dict[str, Any]]:
    url = f"/users/{user}{path}/investment_holdings?records_per_page=1000"
    found: list[dict[str, Any]] = mx.call("GET", url, **more)["investment_holdings"]
    return found


def investments(mx: MX, user: str) -> dict[str, dict[str, Any]]:
    """The investment accounts by guid."""
    found = mx.call("GET", f"/users/{user}/accounts?records_per_page=1000")["accounts"]
    return {account["guid"]: account for account in found if account["type"] == "INVESTMENT"}


def check_sums(mx: MX, user: str) -> None:
    held = holdings(mx, user)
    for guid, account in investments(mx, user).items():
        own = [holding for holding in held if holding["account_guid"] == guid]
        assert own
        for h in own:
            assert cents(h["market_value"]) == times(h["current_price"], h["quantity"])
            assert cents(h["cost_basis"]) == times(h["purchase_price"], h["quantity"])
            assert cents(h["total_ugl_amount"]) == cents(h["market_value"]) - cents(h["cost_basis"])
            assert h["total_ugl_percentage"] == round(h["total_ugl_amount"] / h["cost_basis"] * 100, 2)
            assert abs(cents(h["today_ugl_amount"]) - h["daily_change"] * float(h["quantity"]) * 100) <= 1
        value = sum(cents(h["market_value"]) for h in own)
        assert cents(account["holdings_value"]) == value
        assert (
            cents(account["balance"]) == cents(account["cash_balance"]) + value == cents(account["total_account_value"])
        )
        assert cents(account["total_account_value_ugl"]) == sum(cents(h["total_ugl_amount"]) for h in own)
        assert cents(account["today_ugl_amount"]) == sum(cents(h["today_ugl_amount"]) for h in own)


def test_what_mx_bank_holds_is_worth_exactly_its_balance(mx: MX) -> None:
    user = mx.user()
    member = connected(mx, user)
    before = holdings(mx, user)
    ((guid, account),) = investments(mx, user).items()
    assert (account["balance"], account["cash_balance"], account["holdings_value"]) == (10000.0, 0.0, 10000.0)
    assert {h["account_guid"] for h in before} == {guid}
    assert before[0]["quantity"] == "40.0"
    check_sums(mx, user)
    mx.advance("40d")
    aggregate(mx, user, member)
    assert holdings(mx, user) == before  # its data never change
    assert investments(mx, user)[guid]["balance"] == 10000.0


def test_holdings_and_balance_move_together(mx: MX, receiver: Receiver) -> None:
    user = mx.user()
    mx.control("PUT", "/endpoints", {"endpoints": [{"url": receiver.url, "events": ["mx.holding.*", "mx.account.*"]}]})
    member = connected(mx, user, rich=True)
    first = {h["guid"]: h for h in holdings(mx, user)}
    balances = {guid: account["balance"] for guid, account in investments(mx, user).items()}
    assert mx.events().count("mx.holding.created") == len(first) == 10
    check_sums(mx, user)

    mx.call("PUT", f"/users/{user}/members/{member}", {"member": {"background_aggregation_is_disabled": True}})
    mx.advance("5d")
    aggregate(mx, user, member)
    later = {h["guid"]: h for h in holdings(mx, user)}
    check_sums(mx, user)
    assert later.keys() == first.keys()
    moved = [guid for guid, h in later.items() if h["current_price"] != first[guid]["current_price"]]
    assert len(moved) >= 5
    assert {guid: account["balance"] for guid, account in investments(mx, user).items()} != balances
    told = {w["holding"]["guid"] for w in bodies(mx, "mx.holding.updated")}
    assert set(moved) <= told
    assert {w["account"]["guid"] for w in bodies(mx, "mx.account.updated")} >= balances.keys()
    body = next(w for w in bodies(mx, "mx.holding.updated") if w["holding"]["guid"] == moved[0])
    assert body["action"] == "updated"
    assert body["holding"]["shares"] == float(later[moved[0]]["quantity"])
    assert body["holding"]["market_value"] == later[moved[0]]["market_value"]


def bodies(mx: MX, event: str) -> list[dict[str, Any]]:
    """What the callbacks of an event carry."""
    return [row["payload"] for row in mx.control("GET", "/webhooks?limit=1000")["webhooks"] if row["event"] == event]


def test_cash_and_what_was_bought_follow_the_transactions(mx: MX) -> None:
    user = mx.user()
    connected(mx, user, rich=True)
    accounts, before = investments(mx, user), {h["guid"]: h for h in holdings(mx, user)}
    mx.advance("40d")  # with the daily updates
    check_sums(mx, user)
    after = {h["guid"]: h for h in holdings(mx, user)}
    for guid, account in investments(mx, user).items():
        rows = mx.call("GET", f"/users/{user}/accounts/{guid}/transactions?from_date=2026-01-02&records_per_page=1000")[
            "transactions"
        ]
        signed = [cents(row["amount"]) * (1 if row["type"] == "CREDIT" else -1) for row in rows]
        assert len(rows) >= 3
        assert cents(account["cash_balance"]) - cents(accounts[guid]["cash_balance"]) == sum(signed)
        bought = sum(cents(row["amount"]) for row in rows if row["category"] == "Buy")
        paid = sum(
            cents(h["cost_basis"]) - cents(before[h["guid"]]["cost_basis"])
            for h in after.values()
            if h["account_guid"] == guid
        )
        assert abs(paid - bought) <= 100  # prices that were paid have four decimals
        assert bought > 0


def test_an_aggregation_without_holdings_or_without_transactions(mx: MX) -> None:
    user = mx.user()
    member = connected(mx, user, skip_aggregation=True)
    path = f"/users/{user}/members/{member}"
    aggregate(mx, user, member, "?include_holdings=false")
    assert holdings(mx, user) == []
    assert mx.call("GET", f"{path}/transactions")["pagination"]["total_entries"] > 0

    other = mx.user()
    member = connected(mx, other, skip_aggregation=True)
    aggregate(mx, other, member, "?include_transactions=false")
    assert len(holdings(mx, other)) == 3
    assert mx.call("GET", f"/users/{other}/members/{member}/transactions")["pagination"]["total_entries"] == 0
    mx.call("POST", f"/users/{other}/members/{member}/aggregate?include_holdings=maybe", status=400)


@pytest.mark.parametrize(
    ("job", "moves"), [("aggregate?include_holdings=false", False), ("verify", False), ("check_balance", True)]
)
def test_an_account_moves_with_its_holdings_or_not_at_all(mx: MX, job: str, moves: bool) -> None:
    user = mx.user()
    member = connected(mx, user, rich=True)
    mx.call("PUT", f"/users/{user}/members/{member}", {"member": {"background_aggregation_is_disabled": True}})
    before = holdings(mx, user)
    mx.advance("5d")
    mx.call("POST", f"/users/{user}/members/{member}/{job}")
    mx.advance("1m")
    assert (holdings(mx, user) != before) == moves
    check_sums(mx, user)


def test_the_product_investments_brings_holdings(mx: MX) -> None:
    for products, expected in ((["transactions"], 0), (["investments"], 3)):
        user = mx.user()
        credentials = [{"guid": c["guid"], "value": c["value"]} for c in mx.credentials()]
        body = {
            "member": {"institution_code": "mxbank", "credentials": credentials},
            "data_request": {"products": products},
        }
        mx.call("POST", f"/users/{user}/members", body, headers=V2)
        mx.advance("1m")
        assert len(holdings(mx, user, headers=V2)) == expected


def test_lists_by_user_account_and_member(mx: MX) -> None:
    user = mx.user()
    member = connected(mx, user)
    connected(mx, user, rich=True, password="other")
    everything = holdings(mx, user)
    assert len(everything) == 13
    assert len(holdings(mx, user, f"/members/{member}")) == 3
    for guid in investments(mx, user):
        assert holdings(mx, user, f"/accounts/{guid}") == [h for h in everything if h["account_guid"] == guid] != []
    page = mx.call("GET", f"/users/{user}/investment_holdings?page=2&records_per_page=10", headers=V2)
    assert page["pagination"] == {"current_page": 2, "per_page": 10, "total_entries": 13, "total_pages": 2}
    assert [h["guid"] for h in page["investment_holdings"]] == [h["guid"] for h in everything[10:]]
    one = mx.call("GET", f"/users/{user}/investment_holdings/{everything[0]['guid']}")["investment_holding"]
    assert one == everything[0]
    assert one["user_guid"] == user
    assert one["current_price_as_of"] == "2026-01-01T00:00:00Z"


def test_a_bond_shows_its_terms_and_a_plan_what_is_vested(mx: MX) -> None:
    user = mx.user()
    connected(mx, user, rich=True)
    by_symbol = {h["symbol"]: h for h in holdings(mx, user)}
    bond, plan = by_symbol["TN0434"], by_symbol["HP2045"]
    assert (bond["holding_type"], bond["coupon_yield"], bond["maturity_date"], bond["face_value"]) == (
        "FIXED_INCOME",
        "4.125",
        "2034-02-15",
        1000.0,
    )
    assert plan["unvested_quantity"] == 240.0
    assert plan["vested_quantity"] + 240 == pytest.approx(float(plan["quantity"]))
    assert cents(plan["vested_value"]) + cents(plan["unvested_value"]) == cents(plan["market_value"])


def test_unknown_ones_are_not_found(mx: MX) -> None:
    user, other = mx.user(), mx.user()
    member = connected(mx, user)
    guid = holdings(mx, user)[0]["guid"]
    for path in (
        f"/users/{other}/investment_holdings/{guid}",
        f"/users/{user}/investment_holdings/HOL-none",
        f"/users/{user}/accounts/ACT-none/investment_holdings",
        f"/users/{other}/members/{member}/investment_holdings",
        "/users/USR-none/investment_holdings",
    ):
        mx.call("GET", path, status=404)
    mx.call("GET", "/users/USR-none/investment_holdings_deactivate", status=404)


def test_reading_enrols_and_deactivation_ends_that(mx: MX) -> None:
    user = mx.user()
    revision = mx.call("GET", f"/users/{user}")["user"]
    for _ in range(2):
        holdings(mx, user)
    answer = mx.call("GET", f"/users/{user}/investment_holdings_deactivate")
    assert answer == {"message": "Successfully deactivated user from billing", "status": 200}
    holdings(mx, user)
    calls = mx.control("GET", "/requests?limit=1000")["requests"]
    notes = [
        mx.control("GET", f"/requests/{c['id']}").get("investment_holdings")
        for c in calls
        if "investment_holdings" in c["path"]
    ]
    assert sorted(notes, key=str) == [None, "deactivated", "enrolled", "enrolled"]
    assert mx.call("GET", f"/users/{user}")["user"] == revision


def test_holdings_go_with_their_member(mx: MX) -> None:
    user = mx.user()
    member = connected(mx, user)
    assert holdings(mx, user) != []
    mx.call("DELETE", f"/users/{user}/members/{member}", status=204)
    assert holdings(mx, user) == []
