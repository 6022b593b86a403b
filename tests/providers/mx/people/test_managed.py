"""Members, accounts and transactions that the client manages."""

from __future__ import annotations

from typing import Any

import pytest

from mocksrv.providers.mx.bank.categories import BY_NAME
from mocksrv.providers.mx.http.versions import V2, VERSIONS
from mocksrv.providers.mx.people import managed, managed_transactions
from tests.conftest import MX
from tests.providers.mx.http.test_shapes import official, openapi
from tests.providers.mx.money.test_transaction_changes import events, payloads

NEW = {"Accept": "application/json", "Accept-Version": V2}
ACCOUNT = {"balance": 1000, "id": "acc-1", "name": "Test account", "type": "SAVINGS"}
TRANSACTION = {
    "amount": "61.11",
    "description": "Whole foods",
    "posted_at": "2026-01-01T06:00:00.000Z",
    "status": "POSTED",
    "transacted_at": "2025-12-31T13:00:00.000Z",
    "type": "DEBIT",
}


def member(mx: MX, user: str, **fields: Any) -> Any:
    body = {"member": {"institution_code": "mxbank", **fields}}
    return mx.call("POST", f"/users/{user}/managed_members", body, status=202)["member"]


def account(mx: MX, of: Any, **fields: Any) -> Any:
    path = f"/users/{of['user_guid']}/managed_members/{of['guid']}/accounts"
    return mx.call("POST", path, {"account": {**ACCOUNT, **fields}})["account"]


def transactions_of(of: Any) -> str:
    return f"/users/{of['user_guid']}/managed_members/{of['member_guid']}/accounts/{of['guid']}/transactions"


def transaction(mx: MX, of: Any, **fields: Any) -> Any:
    return mx.call("POST", transactions_of(of), {"transaction": {**TRANSACTION, **fields}})["transaction"]


# members


def test_the_institutions_of_managed_members(mx: MX) -> None:
    listed = mx.call("GET", "/managed_institutions")
    codes = [each["code"] for each in listed["institutions"]]
    assert "mxbank" in codes
    assert listed["pagination"]["total_entries"] == len(codes)
    user = mx.user()
    mx.call("POST", f"/users/{user}/managed_members", {"member": {"institution_code": "coinlark"}}, status=422)
    mx.call("POST", f"/users/{user}/managed_members", {"member": {"institution_code": "nowhere"}}, status=404)
    mx.call("POST", f"/users/{user}/managed_members", {"member": {}}, status=400)


def test_a_managed_member_has_no_status_and_no_jobs(mx: MX) -> None:
    user = mx.user()
    made = member(mx, user, id="m1", metadata="m", name="My")
    assert {
        name: made[name] for name in ("connection_status", "id", "is_managed_by_user", "is_manual", "metadata", "name")
    } == {
        "connection_status": None,
        "id": "m1",
        "is_managed_by_user": False,
        "is_manual": False,
        "metadata": "m",
        "name": "My",
    }
    assert mx.call("GET", f"/users/{user}/members/{made['guid']}")["member"] == made
    mx.call("POST", f"/users/{user}/members/{made['guid']}/aggregate", status=409)
    mx.call("POST", f"/users/{user}/members/{made['guid']}/verify", status=409)
    mx.call(
        "PUT",
        f"/users/{user}/members/{made['guid']}/resume",
        {"member": {"challenges": [{"guid": "x", "value": "y"}]}},
        status=405,
    )
    mx.advance("2d")
    assert mx.events() == ["mx.member.created"]


def test_members_that_are_managed_are_a_list_of_their_own(mx: MX) -> None:
    user = mx.user()
    connected = mx.create(user)["guid"]
    guids = [member(mx, user, id=f"m{n}")["guid"] for n in range(12)]
    page = mx.call("GET", f"/users/{user}/managed_members?records_per_page=10&page=2")
    assert [each["guid"] for each in page["members"]] == guids[10:]
    assert page["pagination"]["total_entries"] == 12
    assert mx.call("GET", f"/users/{user}/members")["pagination"]["total_entries"] == 13
    for method, body in (("GET", None), ("PUT", {"member": {"name": "x"}}), ("DELETE", None)):
        mx.call(method, f"/users/{user}/managed_members/{connected}", body, status=404)


def test_the_id_of_a_managed_member_is_unique(mx: MX) -> None:
    user = mx.user()
    one, two = member(mx, user, id="m1"), member(mx, user, id="m2")
    path = f"/users/{user}/managed_members"
    mx.call("POST", path, {"member": {"institution_code": "mxbank", "id": "m1"}}, status=409)
    mx.call("PUT", f"{path}/{two['guid']}", {"member": {"id": "m1"}}, status=409)
    mx.call("PUT", f"{path}/{two['guid']}", {"member": {"id": "MBR-2"}}, status=422)
    changed = mx.call("PUT", f"{path}/{one['guid']}", {"member": {"id": "m1", "name": "New", "metadata": "x"}})[
        "member"
    ]
    assert (changed["id"], changed["name"], changed["metadata"]) == ("m1", "New", "x")
    assert payloads(mx, "mx.member.updated")[-1]["member"]["name"] == "New"


def test_a_managed_member_is_deleted_with_all_it_has(mx: MX) -> None:
    user = mx.user()
    made = member(mx, user)
    spent = transaction(mx, account(mx, made))
    mx.call("DELETE", f"/users/{user}/managed_members/{made['guid']}", status=204)
    mx.call("GET", f"/users/{user}/managed_members/{made['guid']}", status=404)
    mx.call("GET", f"/users/{user}/transactions/{spent['guid']}", status=404)
    assert mx.events()[-3:] == ["mx.transaction.deleted", "mx.account.deleted", "mx.member.deleted"]


# accounts


def test_a_managed_account_is_what_the_client_says(mx: MX) -> None:
    given = {
        "apr": 1.25,
        "credit_limit": 100,
        "day_payment_is_due": 20,
        "is_hidden": True,
        "last_payment": 5.5,
        "minimum_balance": 1,
        "nickname": "Mine",
        "payoff_balance": 10,
        "routing_number": "68899990000000",
        "subtype": "NONE",
        "metadata": "m",
    }
    made = account(
        mx,
        member(mx, mx.user(), id="m1"),
        account_number="3331261",
        last_payment_at="2015-10-13T17:57:37.000Z",
        **given,
    )
    assert {name: made[name] for name in (*given, *ACCOUNT)} == {**given, **ACCOUNT}
    assert (made["account_number"], made["last_payment_at"]) == ("****1261", "2015-10-13T17:57:37Z")
    assert (made["member_id"], made["member_is_managed_by_user"], made["is_manual"]) == ("m1", False, False)
    user = made["user_guid"]
    assert mx.call("GET", f"/users/{user}/accounts?member_is_managed_by_user=false")["accounts"] == [made]
    path = f"/users/{user}/managed_members/{made['member_guid']}/accounts"
    assert mx.call("GET", path)["accounts"] == [made]
    assert mx.call("GET", f"{path}/{made['guid']}")["account"] == made


@pytest.mark.parametrize("missing", ACCOUNT)
def test_what_a_managed_account_must_have(mx: MX, missing: str) -> None:
    made = member(mx, mx.user())
    body = {"account": {name: value for name, value in ACCOUNT.items() if name != missing}}
    mx.call("POST", f"/users/{made['user_guid']}/managed_members/{made['guid']}/accounts", body, status=400)


@pytest.mark.parametrize(
    "wrong", [{"type": "x"}, {"balance": "1"}, {"day_payment_is_due": 32}, {"matures_on": "soon"}, {"id": 5}]
)
def test_what_a_managed_account_cannot_be(mx: MX, wrong: dict[str, Any]) -> None:
    made = member(mx, mx.user())
    path = f"/users/{made['user_guid']}/managed_members/{made['guid']}/accounts"
    mx.call("POST", path, {"account": {**ACCOUNT, **wrong}}, status=422)


def test_a_managed_account_is_changed_and_deleted(mx: MX) -> None:
    of = member(mx, mx.user())
    one, two = account(mx, of), account(mx, of, id="acc-2")
    path = f"/users/{of['user_guid']}/managed_members/{of['guid']}/accounts"
    mx.call("POST", path, {"account": ACCOUNT}, status=409)
    mx.call("PUT", f"{path}/{two['guid']}", {"account": {"id": "acc-1"}}, status=409)
    changed = mx.call(
        "PUT", f"{path}/{two['guid']}", {"account": {"id": "acc-3", "balance": 2.5, "account_number": "12345678"}}
    )["account"]
    assert (changed["id"], changed["balance"], changed["account_number"]) == ("acc-3", 2.5, "****5678")
    spent = transaction(mx, two)
    mx.call("DELETE", f"{path}/{two['guid']}", status=204)
    mx.call("GET", f"/users/{of['user_guid']}/transactions/{spent['guid']}", status=404)
    assert [each["guid"] for each in mx.call("GET", path)["accounts"]] == [one["guid"]]
    assert [each["event"] for each in events(mx, "mx.account")] == [
        "mx.account.created",
        "mx.account.created",
        "mx.account.updated",
        "mx.account.deleted",
    ]
    stranger = mx.user()
    mx.call("GET", path.replace(of["user_guid"], stranger), status=404)


# transactions


def test_a_managed_transaction_is_what_the_client_says(mx: MX) -> None:
    given = {
        "check_number_string": "6812",
        "currency_code": "USD",
        "id": "t1",
        "latitude": -43.2075,
        "localized_memo": "l",
        "memo": "m",
        "merchant_category_code": 5411,
        "merchant_guid": "MCH-1",
        "is_international": True,
    }
    of = account(mx, member(mx, mx.user()))
    made = transaction(mx, of, category="Groceries", **given)
    assert {name: made[name] for name in given} == given
    assert (made["amount"], made["category"], made["top_level_category"], made["is_expense"]) == (
        61.11,
        "Groceries",
        "Food & Dining",
        True,
    )
    assert (made["date"], made["posted_at"], made["original_description"]) == (
        "2025-12-31",
        "2026-01-01T06:00:00Z",
        "Whole foods",
    )
    assert (made["account_id"], made["member_is_managed_by_user"]) == ("acc-1", False)
    assert mx.call("GET", f"{transactions_of(of)}/{made['guid']}")["transaction"] == made
    assert mx.call("GET", f"/users/{of['user_guid']}/accounts/{of['guid']}")["account"]["balance"] == 1000


@pytest.mark.parametrize("missing", TRANSACTION)
def test_what_a_managed_transaction_must_have(mx: MX, missing: str) -> None:
    of = account(mx, member(mx, mx.user()))
    body = {"transaction": {name: value for name, value in TRANSACTION.items() if name != missing}}
    mx.call("POST", transactions_of(of), body, status=400)


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "much"},
        {"amount": "0"},
        {"amount": None},
        {"status": "DONE"},
        {"type": "x"},
        {"posted_at": 5},
        {"category": "Dinosaurs"},
    ],
)
def test_what_a_managed_transaction_cannot_be(mx: MX, wrong: dict[str, Any]) -> None:
    of = account(mx, member(mx, mx.user()))
    mx.call("POST", transactions_of(of), {"transaction": {**TRANSACTION, **wrong}}, status=422)


def test_a_managed_transaction_is_changed_and_deleted(mx: MX) -> None:
    of = account(mx, member(mx, mx.user()))
    path = transactions_of(of)
    one, two = transaction(mx, of, id="t1"), transaction(mx, of, id="t2", amount=5)
    mx.call("POST", path, {"transaction": {**TRANSACTION, "id": "t1"}}, status=409)
    mx.call("PUT", f"{path}/{two['guid']}", {"transaction": {"id": "t1"}}, status=409)
    given = {"amount": "7.5", "type": "CREDIT", "category": "Paycheck", "transacted_at": "2025-12-30"}
    changed = mx.call("PUT", f"{path}/{two['guid']}", {"transaction": given})["transaction"]
    assert (changed["amount"], changed["is_income"], changed["date"], changed["id"]) == (7.5, True, "2025-12-30", "t2")
    changed = mx.call("PUT", f"{path}/{two['guid']}", {"transaction": {"type": "DEBIT"}})["transaction"]
    assert (changed["category"], changed["is_income"], changed["is_expense"]) == ("Paycheck", False, True)
    mx.call("DELETE", f"{path}/{one['guid']}", status=204)
    mx.call("GET", f"{path}/{one['guid']}", status=404)
    assert [each["event"].rpartition(".")[2] for each in events(mx, "mx.transaction")] == [
        "created",
        "created",
        "updated",
        "updated",
        "deleted",
    ]


def test_a_rule_of_the_user_categorizes_what_has_no_category(mx: MX) -> None:
    of = account(mx, member(mx, mx.user()))
    rule = {"match_description": "whole", "category_guid": BY_NAME["Gas"].guid}
    mx.call("POST", f"/users/{of['user_guid']}/transaction_rules", {"transaction_rule": rule})
    assert transaction(mx, of)["category"] == "Gas"
    assert transaction(mx, of, category="Groceries")["category"] == "Groceries"


def test_the_amount_of_a_split_managed_transaction_stands(mx: MX) -> None:
    of = account(mx, member(mx, mx.user()))
    made = transaction(mx, of, amount=3)
    parts = mx.call(
        "POST",
        f"/users/{of['user_guid']}/transactions/{made['guid']}/split",
        {"transactions": [{"amount": 1}, {"amount": 2}]},
    )["transactions"]
    path = transactions_of(of)
    for guid in (made["guid"], parts[0]["guid"]):
        mx.call("PUT", f"{path}/{guid}", {"transaction": {"amount": "9"}}, status=422)
        assert mx.call("PUT", f"{path}/{guid}", {"transaction": {"memo": "x"}})["transaction"]["memo"] == "x"
    mx.call("DELETE", f"{path}/{parts[0]['guid']}", status=422)
    mx.call("DELETE", f"{path}/{made['guid']}", status=204)
    assert mx.call("GET", path)["transactions"] == []


def test_managed_transactions_by_date(mx: MX) -> None:
    of = account(mx, member(mx, mx.user()))
    for day in ("2025-06-01", "2025-12-30", "2025-12-31"):
        transaction(mx, of, transacted_at=day)

    def days(query: str, headers: Any = None) -> list[str]:
        return [
            each["date"] for each in mx.call("GET", f"{transactions_of(of)}{query}", headers=headers)["transactions"]
        ]

    assert days("") == ["2025-12-31", "2025-12-30"]
    assert days("?from_date=2025-05-01") == ["2025-12-31", "2025-12-30", "2025-06-01"]
    assert days("?from_date=2025-05-01&to_date=2025-12-30") == ["2025-12-30", "2025-06-01"]
    assert days("?from_date=2025-12-31", NEW) == ["2025-12-31"]  # days in the file of v20250224, too
    mx.call("GET", f"{transactions_of(of)}?from_date=1767139200", status=400)
    assert mx.call("GET", f"{transactions_of(of)}?records_per_page=10")["pagination"]["per_page"] == 10


def test_v20250224_advises_against_managed_members(mx: MX) -> None:
    user = mx.user()
    mx.call("GET", f"/users/{user}/managed_members")
    assert mx.control("GET", "/violations")["violations"] == []
    mx.call("GET", f"/users/{user}/managed_members", headers=NEW)
    assert [each["rule"] for each in mx.control("GET", "/violations")["violations"]] == ["deprecated"]


@official
@pytest.mark.parametrize("version", VERSIONS)
def test_requests_have_the_fields_of_the_file(version: str) -> None:
    for name, schema in (
        ("ManagedMemberCreateRequest", managed.NEW_MEMBER),
        ("ManagedMemberUpdateRequest", managed.MEMBER_CHANGES),
        ("ManagedAccountCreateRequest", managed.GIVEN_ACCOUNT),
        ("ManagedTransactionCreateRequest", managed_transactions.GIVEN_TRANSACTION),
    ):
        declared = openapi(version)["components"]["schemas"][name]
        assert set(schema.load_fields) == set(declared["properties"])
        assert {field for field, each in schema.load_fields.items() if each.required} == set(
            declared.get("required", ())
        )


def test_a_transaction_that_nobody_posts_goes_after_two_weeks(mx: MX) -> None:
    of = account(mx, member(mx, mx.user()))
    left, posted = (transaction(mx, of, status="PENDING", id=name)["guid"] for name in ("left", "posted"))
    mx.call("PUT", f"{transactions_of(of)}/{posted}", {"transaction": {"status": "POSTED"}})
    mx.advance("13d")
    mx.call("GET", f"{transactions_of(of)}/{left}")
    mx.advance("1d")
    mx.call("GET", f"{transactions_of(of)}/{left}", status=404)
    assert mx.call("GET", f"{transactions_of(of)}/{posted}")["transaction"]["status"] == "POSTED"
    assert [each["transaction"]["guid"] for each in payloads(mx, "mx.transaction.deleted")] == [left]
