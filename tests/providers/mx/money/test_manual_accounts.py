"""Accounts tracked by hand, changes of any account, and the merging of accounts."""

from __future__ import annotations

from typing import Any

import pytest

from mocksrv.providers.mx.bank.institutions import MANUAL
from mocksrv.providers.mx.http.versions import V2, VERSIONS
from mocksrv.providers.mx.money import manual_accounts
from tests.conftest import MX
from tests.providers.mx.http.test_shapes import official, openapi
from tests.providers.mx.money.test_transaction_changes import balance, enter, events, manual_account, payloads

NEW = {"Accept": "application/json", "Accept-Version": V2}


def aggregated(mx: MX, user: str, **fields: Any) -> Any:
    """The accounts of a new connected member."""
    member = mx.create(user, **fields)["guid"]
    mx.advance("1m")
    return mx.call("GET", f"/users/{user}/members/{member}/accounts")["accounts"]


def merge(mx: MX, user: str, *guids: str, status: int = 200) -> Any:
    body = {"account": {"account_guids": list(guids)}}
    return mx.call("POST", f"/users/{user}/accounts/merge", body, headers=NEW, status=status)


def amounts(mx: MX, account: Any) -> list[float]:
    path = f"/users/{account['user_guid']}/accounts/{account['guid']}/transactions"
    return sorted(each["amount"] for each in mx.call("GET", path)["transactions"])


# the member that holds them


def test_manual_accounts_share_the_member_of_the_manual_institution(mx: MX) -> None:
    user = mx.user()
    one, two = manual_account(mx, user), manual_account(mx, user)
    [member] = mx.call("GET", f"/users/{user}/members")["members"]
    assert one["member_guid"] == two["member_guid"] == member["guid"]
    assert one["institution_code"] == member["institution_code"] == MANUAL
    assert {
        name: member[name]
        for name in (
            "connection_status",
            "connection_status_message",
            "is_manual",
            "is_being_aggregated",
            "is_managed_by_user",
            "name",
        )
    } == {
        "connection_status": None,
        "connection_status_message": None,
        "is_manual": True,
        "is_being_aggregated": False,
        "is_managed_by_user": True,
        "name": "Manual Institution",
    }
    assert mx.events() == ["mx.member.created", "mx.account.created", "mx.account.created"]


def test_the_member_of_manual_accounts_never_aggregates(mx: MX) -> None:
    user = mx.user()
    member = f"/users/{user}/members/{manual_account(mx, user)['member_guid']}"
    assert mx.call("GET", member)["member"]["is_manual"] is True
    assert mx.call("GET", f"{member}/status")["member"]["connection_status"] is None
    assert mx.call("GET", f"{member}/credentials")["credentials"] == []
    assert mx.call("GET", f"{member}/challenges", status=204) is None
    for job, status in (
        ("aggregate", 409),
        ("check_balance", 409),
        ("verify", 400),
        ("identify", 400),
        ("fetch_statements", 400),
    ):
        mx.call("POST", f"{member}/{job}", status=status)
    answers = {"member": {"challenges": [{"guid": "CRD-1", "value": "x"}]}}
    mx.call("PUT", f"{member}/resume", answers, status=405)
    mx.call("PUT", member, {"member": {"credentials": mx.credentials()}}, status=400)
    assert mx.call("PUT", member, {"member": {"metadata": "mine"}})["member"]["metadata"] == "mine"
    mx.advance("3d")
    assert mx.call("GET", member)["member"]["most_recent_job_guid"] is None
    assert "mx.aggregation" not in mx.events()
    mx.call("DELETE", member, status=204)
    assert mx.call("GET", f"/users/{user}/accounts")["accounts"] == []


# creating


def test_a_manual_account_is_what_the_user_says(mx: MX) -> None:
    user = mx.user()
    given = {
        "apr": 1.5,
        "available_balance": 90.5,
        "balance": 100,
        "currency_code": "USD",
        "death_benefit": 7,
        "is_closed": True,
        "is_hidden": True,
        "loan_amount": 3,
        "metadata": "m",
        "name": "Car",
        "nickname": "My",
        "property_type": "VEHICLE",
    }
    body = {"account": {"account_type": "PROPERTY", "account_subtype": "PERSONAL", "is_business": True, **given}}
    account = mx.call("POST", f"/users/{user}/accounts", body)["account"]
    assert {name: account[name] for name in given} == given
    assert (account["type"], account["subtype"], account["is_manual"], account["balance_set_by"]) == (
        "PROPERTY",
        "PERSONAL",
        True,
        2,
    )
    assert account["feed_balance"] is None
    assert mx.call("GET", f"/users/{user}/accounts?is_manual=true")["accounts"] == [account]
    assert mx.call("GET", f"/users/{user}/accounts?is_manual=false")["accounts"] == []


def test_v20250224_wants_the_guid_of_the_user(mx: MX) -> None:
    user = mx.user(id="anna")
    body = {"account": {"account_type": None, "name": "Cash"}}
    mx.call("POST", "/users/anna/accounts", body, headers=NEW, status=404)
    account = mx.call("POST", f"/users/{user}/accounts", body, headers=NEW)["account"]
    assert (account["type"], account["balance"], account["user_id"]) == ("ANY", 0, "anna")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"name": None}, 422),
        ({"account_type": "PIGGY_BANK"}, 422),
        ({"balance": "1"}, 422),
        ({"apr": "1"}, 422),
        ({"apr": 1e300}, 422),
        ({"death_benefit": 1.5}, 422),
        ({"is_closed": "no"}, 422),
        ({"property_type": "BOAT"}, 422),
        ({"unknown": 1}, 200),
    ],
)
def test_what_a_manual_account_cannot_be(mx: MX, fields: dict[str, Any], status: int) -> None:
    body = {"account": {"account_type": "CASH", "name": "Cash", **fields}}
    mx.call("POST", f"/users/{mx.user()}/accounts", body, status=status)


def test_what_a_manual_account_must_have(mx: MX) -> None:
    user = mx.user()
    for body in ({}, {"account": {"name": "Cash"}}, {"account": {"account_type": "CASH"}}):
        mx.call("POST", f"/users/{user}/accounts", body, status=400)
    assert mx.call("GET", f"/users/{user}/members")["members"] == []


# changing, deleting


def test_everything_of_a_manual_account_can_be_changed(mx: MX) -> None:
    account = manual_account(mx, mx.user())
    path = f"/users/{account['user_guid']}/members/{account['member_guid']}/accounts/{account['guid']}"
    changed = mx.call("PUT", path, {"account": {"account_type": "SAVINGS", "balance": 5.5, "name": "Jar"}})["account"]
    assert (changed["type"], changed["balance"], changed["name"]) == ("SAVINGS", 5.5, "Jar")
    assert [each["account"]["name"] for each in payloads(mx, "mx.account.updated")] == ["Jar"]
    mx.call("PUT", path, {"account": {"account_type": "x"}}, status=422)
    mx.call("PUT", path.replace(account["guid"], "ACT-none"), {"account": {"name": "x"}}, status=404)


@pytest.mark.parametrize("headers", [{}, NEW])
def test_of_an_aggregated_account_only_some_fields_change(mx: MX, headers: dict[str, str]) -> None:
    user = mx.user()
    account = aggregated(mx, user)[0]
    path = f"/users/{user}/members/{account['member_guid']}/accounts/{account['guid']}"
    given = {"name": "Mine", "balance": 1, "is_hidden": True, "is_business": True, "metadata": "m"}
    changed = mx.call("PUT", path, {"account": given}, headers=headers)["account"]
    assert {name: changed[name] for name in ("name", "balance", "is_hidden", "metadata")} == {
        "name": account["name"],
        "balance": account["balance"],
        "is_hidden": True,
        "metadata": "m",
    }
    ignored = [
        each["detail"] for each in mx.control("GET", "/violations")["violations"] if each["rule"] == "ignored-field"
    ]
    assert [detail.split()[0] for detail in ignored] == ["account.balance", "account.name"]
    mx.call("POST", f"/users/{user}/members/{account['member_guid']}/aggregate")
    mx.advance("1d")
    assert mx.call("GET", f"/users/{user}/accounts/{account['guid']}")["account"]["is_hidden"] is True


def test_a_manual_account_is_deleted_with_its_transactions(mx: MX) -> None:
    account = manual_account(mx, mx.user())
    user = account["user_guid"]
    guid = enter(mx, account, amount=3)["guid"]
    mx.call("POST", f"/users/{user}/transactions/{guid}/split", {"transactions": [{"amount": 1}, {"amount": 2}]})
    mx.call("DELETE", f"/users/{user}/accounts/{account['guid']}", status=204)
    mx.call("GET", f"/users/{user}/accounts/{account['guid']}", status=404)
    mx.call("GET", f"/users/{user}/transactions/{guid}", status=404)
    assert mx.call("GET", f"/users/{user}/transactions")["transactions"] == []
    assert len(events(mx, "mx.transaction.deleted")) == 3
    assert mx.events()[-1] == "mx.account.deleted"


def test_an_aggregated_account_is_not_deleted(mx: MX) -> None:
    user = mx.user()
    account = aggregated(mx, user)[0]
    refused = mx.call("DELETE", f"/users/{user}/accounts/{account['guid']}", status=405)
    assert "not a manual account" in refused["error"]["message"]
    mx.call("GET", f"/users/{user}/accounts/{account['guid']}")


# merging


def test_merged_manual_accounts_add_up(mx: MX) -> None:
    user = mx.user()
    kept, other, card = (
        manual_account(mx, user),
        manual_account(mx, user, balance=0.1),
        manual_account(mx, user, account_type="CREDIT_CARD", balance=20.3),
    )
    enter(mx, kept, amount=10)
    split = enter(mx, other, amount=5)["guid"]
    mx.call("POST", f"/users/{user}/transactions/{split}/split", {"transactions": [{"amount": 2}, {"amount": 3}]})
    merged = merge(mx, user, kept["guid"], other["guid"], card["guid"])["account"]
    assert merged["guid"] == kept["guid"]
    assert merged["balance"] == balance(mx, kept) == round(90 - 4.9 - 20.3, 2)
    assert amounts(mx, kept) == [2, 3, 10]
    assert [each["guid"] for each in mx.call("GET", f"/users/{user}/accounts")["accounts"]] == [kept["guid"]]
    assert [each["account"]["guid"] for each in payloads(mx, "mx.account.deleted")] == [other["guid"], card["guid"]]
    assert payloads(mx, "mx.account.updated")[-1]["account"]["balance"] == merged["balance"]
    mx.call("DELETE", f"/users/{user}/transactions/{split}", status=204)
    assert (balance(mx, kept), amounts(mx, kept)) == (69.8, [10])


def test_merged_bank_accounts_are_views_of_the_same_money(mx: MX) -> None:
    user = mx.user()
    kept, other = (
        next(a for a in aggregated(mx, user, password=word) if a["type"] == "CHECKING") for word in ("one", "two")
    )
    before = [
        mx.call("GET", f"/users/{user}/accounts/{a['guid']}/transactions")["pagination"]["total_entries"]
        for a in (kept, other)
    ]
    total = mx.call("GET", f"/users/{user}/transactions")["pagination"]["total_entries"]
    merged = merge(mx, user, kept["guid"], other["guid"])["account"]
    assert merged["balance"] == kept["balance"]
    listed = mx.call("GET", f"/users/{user}/accounts/{kept['guid']}/transactions?records_per_page=1000")
    assert listed["pagination"]["total_entries"] == sum(before)
    assert {each["member_guid"] for each in listed["transactions"]} == {kept["member_guid"]}
    assert mx.call("GET", f"/users/{user}/transactions")["pagination"]["total_entries"] == total

    mx.call("POST", f"/users/{user}/members/{other['member_guid']}/aggregate")
    mx.advance("1d")
    left = mx.call("GET", f"/users/{user}/members/{other['member_guid']}/accounts")["accounts"]
    assert other["id"] not in {each["id"] for each in left}


def test_what_hangs_on_merged_accounts_comes_along_once(mx: MX) -> None:
    user = mx.user()
    kept, other = (
        next(a for a in aggregated(mx, user, password=word) if a["type"] == "CHECKING") for word in ("one", "two")
    )
    for account in (kept, other):
        mx.call("POST", f"/users/{user}/members/{account['member_guid']}/identify")
    mx.advance("1m")
    spent = mx.call("GET", f"/users/{user}/accounts/{other['guid']}/transactions")["transactions"][0]["guid"]
    tag = mx.call("POST", f"/users/{user}/tags", {"tag": {"name": "Mine"}})["tag"]["guid"]
    mx.call("POST", f"/users/{user}/taggings", {"tagging": {"tag_guid": tag, "transaction_guid": spent}})
    merge(mx, user, kept["guid"], other["guid"])
    mx.call("DELETE", f"/users/{user}/members/{other['member_guid']}", status=204)
    owners = mx.call("GET", f"/users/{user}/members/{kept['member_guid']}/account_owners")["account_owners"]
    assert [each["account_guid"] for each in owners].count(kept["guid"]) == 1
    assert [each["transaction_guid"] for each in mx.call("GET", f"/users/{user}/taggings")["taggings"]] == [spent]


def test_what_cannot_be_merged(mx: MX) -> None:
    user = mx.user()
    one, strange = manual_account(mx, user)["guid"], manual_account(mx, mx.user())["guid"]
    for guids in ([], [one], [one, one], [one, "ACT-none"], [one, strange]):
        merge(mx, user, *guids, status=422)
    mx.call("POST", f"/users/{user}/accounts/merge", {"account": {}}, headers=NEW, status=400)
    mx.call("POST", f"/users/{user}/accounts/merge", {"account": {"account_guids": [one, one]}}, status=404)
    assert mx.call("GET", f"/users/{user}/accounts/{one}")["account"]["balance"] == 100


# as MX's file has it


@official
@pytest.mark.parametrize("version", VERSIONS)
def test_requests_have_the_fields_of_the_file(version: str) -> None:
    for name in ("AccountCreateRequest", "AccountUpdateRequest"):
        declared = openapi(version)["components"]["schemas"][name]
        assert set(manual_accounts.ACCOUNTS.load_fields) == set(declared["properties"]) - {"skip_webhook"}
