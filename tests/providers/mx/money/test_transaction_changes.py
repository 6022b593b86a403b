"""Transactions that are entered by hand, changed, split and deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mocksrv.providers.mx.bank.categories import BY_NAME
from mocksrv.providers.mx.http.versions import V1, V2, VERSIONS
from mocksrv.providers.mx.money import transaction_changes
from tests.conftest import MX
from tests.providers.mx.http.test_shapes import official, openapi

NEW = {"Accept": "application/json", "Accept-Version": V2}
GROCERIES, PAYCHECK = BY_NAME["Groceries"].guid, BY_NAME["Paycheck"].guid
MANUAL = {"amount": 61.11, "date": "2026-01-01", "description": "Whole foods", "type": "DEBIT"}


def manual_account(mx: MX, user: str, **fields: Any) -> Any:
    return mx.call(
        "POST",
        f"/users/{user}/accounts",
        {"account": {"account_type": "CHECKING", "name": "Cash box", "balance": 100, **fields}},
    )["account"]


def enter(mx: MX, account: Any, **fields: Any) -> Any:
    path = f"/users/{account['user_guid']}/accounts/{account['guid']}/transactions"
    return mx.call("POST", path, {"transaction": {**MANUAL, **fields}})


def read(mx: MX, user: str, guid: str) -> Any:
    return mx.call("GET", f"/users/{user}/transactions/{guid}")["transactions"][0]


def balance(mx: MX, account: Any) -> float:
    found: float = mx.call("GET", f"/users/{account['user_guid']}/accounts/{account['guid']}")["account"]["balance"]
    return found


def aggregated(mx: MX) -> tuple[str, Any]:
    """A user with a connected member, and the newest transaction."""
    user = mx.user()
    mx.create(user)
    mx.advance("1m")
    return user, mx.call("GET", f"/users/{user}/transactions")["transactions"][0]


def events(mx: MX, name: str) -> list[Any]:
    found = mx.control("GET", "/webhooks?limit=1000")["webhooks"]
    return [each for each in found if each["event"].startswith(name)]


def payloads(mx: MX, name: str) -> list[Any]:
    return [each["payload"] for each in events(mx, name)]


# by hand


def test_a_manual_transaction_moves_the_balance_of_its_account(mx: MX) -> None:
    account = manual_account(mx, mx.user())
    spent = enter(mx, account, category_guid=GROCERIES, memo="milk", metadata="m", currency_code="USD")
    assert {
        name: spent[name]
        for name in ("amount", "date", "type", "category", "top_level_category", "is_expense", "is_manual")
    } == {
        "amount": 61.11,
        "date": "2026-01-01",
        "type": "DEBIT",
        "category": "Groceries",
        "top_level_category": "Food & Dining",
        "is_expense": True,
        "is_manual": True,
    }
    assert spent["account_guid"] == account["guid"]
    assert spent["member_guid"] == account["member_guid"]
    assert balance(mx, account) == 38.89
    enter(mx, account, amount=0.2, type="CREDIT", category_guid=PAYCHECK)
    assert balance(mx, account) == 39.09
    mx.call("DELETE", f"/users/{account['user_guid']}/transactions/{spent['guid']}", status=204)
    assert balance(mx, account) == 100.2


def test_a_debit_makes_a_debt_grow(mx: MX) -> None:
    card = manual_account(mx, mx.user(), account_type="CREDIT_CARD", available_balance=50)
    enter(mx, card, amount=10)
    assert balance(mx, card) == 110


def test_without_a_category_it_is_uncategorized(mx: MX) -> None:
    assert enter(mx, manual_account(mx, mx.user()))["category"] == "Uncategorized"


def test_a_rule_of_the_user_categorizes_what_has_no_category(mx: MX) -> None:
    account = manual_account(mx, mx.user())
    rule = {"match_description": "whole", "category_guid": GROCERIES, "description": "Market"}
    mx.call("POST", f"/users/{account['user_guid']}/transaction_rules", {"transaction_rule": rule})
    ruled = enter(mx, account)
    assert (ruled["category"], ruled["description"]) == ("Groceries", "Market")
    chosen = enter(mx, account, category_guid=PAYCHECK)
    assert (chosen["category"], chosen["description"]) == ("Paycheck", "Whole foods")


def test_a_manual_transaction_is_called_by_either_guid(mx: MX) -> None:
    account = manual_account(mx, mx.user())
    guid = enter(mx, account)["guid"]
    assert guid.startswith("TRN-")
    other = "MAN-" + guid.removeprefix("TRN-")
    path = f"/users/{account['user_guid']}/transactions/{other}"
    assert read(mx, account["user_guid"], other)["guid"] == guid
    assert mx.call("PUT", path, {"transaction": {"description": "Market"}})["transaction"]["description"] == "Market"
    mx.call("DELETE", path, status=204)
    mx.call("GET", path, status=404)


def test_an_aggregated_transaction_has_one_guid_and_is_not_deleted(mx: MX) -> None:
    user, transaction = aggregated(mx)
    guid = transaction["guid"]
    mx.call("GET", f"/users/{user}/transactions/MAN-{guid.removeprefix('TRN-')}", status=404)
    mx.call("DELETE", f"/users/{user}/transactions/{guid}", status=405)
    mx.call(
        "POST",
        f"/users/{user}/accounts/{transaction['account_guid']}/transactions",
        {"transaction": MANUAL},
        status=405,
    )


@pytest.mark.parametrize("missing", MANUAL)
def test_what_a_manual_transaction_must_have(mx: MX, missing: str) -> None:
    account = manual_account(mx, mx.user())
    body = {"transaction": {name: value for name, value in MANUAL.items() if name != missing}}
    refused = mx.call(
        "POST", f"/users/{account['user_guid']}/accounts/{account['guid']}/transactions", body, status=400
    )
    assert missing in refused["error"]["message"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 0},
        {"amount": -1},
        {"amount": "1"},
        {"amount": None},
        {"type": "debit"},
        {"date": "01/02/2026"},
        {"date": 5},
        {"description": ""},
        {"category_guid": "CAT-none"},
        {"is_hidden": "yes"},
        {"memo": 1},
    ],
)
def test_what_a_manual_transaction_cannot_be(mx: MX, wrong: dict[str, Any]) -> None:
    account = manual_account(mx, mx.user())
    path = f"/users/{account['user_guid']}/accounts/{account['guid']}/transactions"
    refused = mx.call("POST", path, {"transaction": {**MANUAL, **wrong}}, status=422)
    assert f"transaction.{next(iter(wrong))}" in refused["error"]["message"]
    assert balance(mx, account) == 100


def test_events_of_manual_transactions(mx: MX) -> None:
    account = manual_account(mx, mx.user())
    guid = enter(mx, account)["guid"]
    mx.call("DELETE", f"/users/{account['user_guid']}/transactions/{guid}", status=204)
    made, gone = payloads(mx, "mx.transaction")
    assert (made["action"], gone["action"]) == ("created", "deleted")
    assert made["transaction"]["guid"] == guid
    assert made["transaction"]["description_set_by"] == "USER"
    assert [each["account"]["balance"] for each in payloads(mx, "mx.account.updated")] == [38.89, 100]


def test_a_muted_call_sends_nothing(mx: MX) -> None:
    account = manual_account(mx, mx.user(), skip_webhook=True)
    enter(mx, account, skip_webhook=True)
    assert events(mx, "mx.transaction") == events(mx, "mx.account") == []


# changing


def test_changes_of_v20111101(mx: MX) -> None:
    user, transaction = aggregated(mx)
    path = f"/users/{user}/transactions/{transaction['guid']}"
    given = {"description": "Rent", "memo": "mine", "date": "2025-12-24", "category_guid": PAYCHECK}
    changed = mx.call("PUT", path, {"transaction": given})["transaction"]
    assert {name: changed[name] for name in given} == given
    assert changed["category"] == "Paycheck"
    assert changed["original_description"] == transaction["original_description"]
    assert changed["amount"] == transaction["amount"]
    [event] = [each["transaction"] for each in payloads(mx, "mx.transaction.updated")]
    assert (event["description"], event["description_set_by"], event["category_set_by"]) == ("Rent", "USER", "USER")
    assert mx.call("PUT", path, {"transaction": {"category_guid": "CAT-none"}}, status=422)
    assert mx.call("PUT", path, {"transaction": {"date": "yesterday"}}, status=422)


def test_changes_of_v20250224(mx: MX) -> None:
    user, transaction = aggregated(mx)
    path = f"/users/{user}/transactions/{transaction['guid']}"
    changed = mx.call("PUT", path, {"transaction": {"description": "Rent", "memo": "mine"}}, headers=NEW)["transaction"]
    assert (changed["description"], changed["memo"]) == ("Rent", None)
    assert {"rule": "unknown-field", "detail": "transaction.memo"}.items() <= mx.control("GET", "/violations")[
        "violations"
    ][-1].items()
    mx.call("PUT", path, {"transaction": {"memo": "mine"}}, headers=NEW, status=400)


def test_what_the_user_changed_survives_the_next_load(mx: MX) -> None:
    user, transaction = aggregated(mx)
    mx.call("PUT", f"/users/{user}/transactions/{transaction['guid']}", {"transaction": {"description": "Rent"}})
    mx.call("POST", f"/users/{user}/members/{transaction['member_guid']}/aggregate")
    mx.advance("2d")
    assert read(mx, user, transaction["guid"])["description"] == "Rent"


def test_by_account_the_keys_must_fit(mx: MX) -> None:
    user, transaction = aggregated(mx)
    accounts = mx.call("GET", f"/users/{user}/accounts")["accounts"]
    other = next(account["guid"] for account in accounts if account["guid"] != transaction["account_guid"])
    of_member = f"/users/{user}/members/{transaction['member_guid']}/accounts"
    path = f"{of_member}/{transaction['account_guid']}/transactions/{transaction['guid']}"
    for headers in ({}, NEW):
        changed = mx.call("PUT", path, {"transaction": {"description": "Rent"}}, headers=headers)
        assert changed["transaction"]["description"] == "Rent"
    mx.call(
        "PUT",
        f"{of_member}/{other}/transactions/{transaction['guid']}",
        {"transaction": {"description": "x"}},
        status=404,
    )


def test_by_account_v20250224_takes_ids(mx: MX) -> None:
    user = mx.user(id="anna")
    mx.create(user, id="anna-bank")
    mx.advance("1m")
    account = next(a for a in mx.call("GET", f"/users/{user}/accounts")["accounts"] if a["type"] == "CHECKING")
    transaction = mx.call("GET", f"/users/{user}/accounts/{account['guid']}/transactions")["transactions"][0]
    path = f"/users/anna/members/anna-bank/accounts/{account['id']}/transactions/{transaction['id']}"
    assert (
        mx.call("PUT", path, {"transaction": {"description": "x"}}, headers=NEW)["transaction"]["guid"]
        == transaction["guid"]
    )
    mx.call("POST", f"{path}/split", {"transactions": halves(transaction)}, headers=NEW)
    assert mx.call("GET", path, headers=NEW)["transactions"][0]["guid"] == transaction["guid"]
    mx.call("DELETE", f"{path}/split", headers=NEW, status=204)
    mx.call("GET", path, status=404)


# splitting


def halves(transaction: Any) -> list[dict[str, Any]]:
    first = round(transaction["amount"] / 2, 2)
    return [
        {"amount": first},
        {
            "amount": round(transaction["amount"] - first, 2),
            "category_guid": GROCERIES,
            "description": "food",
            "memo": "m",
        },
    ]


def test_a_split_transaction_is_listed_by_its_parts(mx: MX) -> None:
    user, whole = aggregated(mx)
    path = f"/users/{user}/transactions/{whole['guid']}"
    total = mx.call("GET", f"/users/{user}/transactions")["pagination"]["total_entries"]
    one, two = mx.call("POST", f"{path}/split", {"transactions": halves(whole)})["transactions"]
    for name in ("date", "type", "status", "account_guid", "member_guid", "transacted_at", "is_international"):
        assert one[name] == two[name] == whole[name], name
    assert (one["description"], one["category"]) == (whole["description"], whole["category"])
    assert (two["description"], two["category"], two["memo"]) == ("food", "Groceries", "m")
    assert one["id"] is two["id"] is None
    listed = mx.call("GET", f"/users/{user}/transactions")
    assert listed["pagination"]["total_entries"] == total + 1
    assert whole["guid"] not in {each["guid"] for each in listed["transactions"]}
    assert read(mx, user, whole["guid"])["amount"] == whole["amount"]
    updated, *created = [each["transaction"] for each in payloads(mx, "mx.transaction")]
    assert (updated["guid"], updated["has_been_split"]) == (whole["guid"], True)
    assert [(each["guid"], each["parent_guid"], each["has_been_split"]) for each in created] == [
        (part["guid"], whole["guid"], False) for part in (one, two)
    ]

    mx.call("DELETE", f"{path}/split", status=204)
    assert mx.call("GET", f"/users/{user}/transactions")["pagination"]["total_entries"] == total
    mx.call("GET", f"/users/{user}/transactions/{one['guid']}", status=404)
    assert payloads(mx, "mx.transaction.updated")[-1]["transaction"]["has_been_split"] is False
    assert [each["transaction"]["guid"] for each in payloads(mx, "mx.transaction.deleted")] == [
        one["guid"],
        two["guid"],
    ]
    mx.call("POST", f"{path}/split", {"transactions": halves(whole)})


def test_with_a_part_go_its_taggings(mx: MX) -> None:
    user, whole = aggregated(mx)
    path = f"/users/{user}/transactions/{whole['guid']}/split"
    part = mx.call("POST", path, {"transactions": halves(whole)})["transactions"][0]
    tag = mx.call("POST", f"/users/{user}/tags", {"tag": {"name": "Mine"}})["tag"]["guid"]
    for guid in (part["guid"], whole["guid"]):
        mx.call("POST", f"/users/{user}/taggings", {"tagging": {"tag_guid": tag, "transaction_guid": guid}})
    mx.call("DELETE", path, status=204)
    left = mx.call("GET", f"/users/{user}/taggings")["taggings"]
    assert [each["transaction_guid"] for each in left] == [whole["guid"]]
    assert [each["tagging"]["transaction_guid"] for each in payloads(mx, "mx.tagging.deleted")] == [part["guid"]]


def test_what_is_split_is_not_split_again(mx: MX) -> None:
    user, whole = aggregated(mx)
    path = f"/users/{user}/transactions"
    part = mx.call("POST", f"{path}/{whole['guid']}/split", {"transactions": halves(whole)})["transactions"][1]
    mx.call("POST", f"{path}/{whole['guid']}/split", {"transactions": halves(whole)}, status=422)
    mx.call("POST", f"{path}/{part['guid']}/split", {"transactions": halves(part)}, status=422)
    mx.call("DELETE", f"{path}/{part['guid']}/split", status=204)
    assert read(mx, user, part["guid"])["amount"] == part["amount"]


def test_the_parts_make_the_whole(mx: MX) -> None:
    account = manual_account(mx, mx.user())
    path = f"/users/{account['user_guid']}/transactions/{enter(mx, account, amount=0.3)['guid']}/split"
    for amounts in ([0.1, 0.1], [0.3], [], [0.1, 0.3], [0.3, 0], [0.4, -0.1]):
        mx.call("POST", path, {"transactions": [{"amount": amount} for amount in amounts]}, status=422)
    mx.call("POST", path, {"transactions": {"amount": 0.3}}, status=422)  # as MX's file has it: docs/discrepancies.md
    mx.call("POST", path, {"transactions": [{"amount": 0.1}, {"description": "?"}]}, status=400)
    mx.call("POST", path, {"transactions": [{"amount": 0.1}, {"amount": 0.2, "category_guid": "CAT-none"}]}, status=422)
    mx.call("POST", path, {}, status=400)
    assert len(mx.call("POST", path, {"transactions": [{"amount": 0.1}, {"amount": 0.2}]})["transactions"]) == 2


def test_a_manual_transaction_is_deleted_with_its_parts(mx: MX) -> None:
    account = manual_account(mx, mx.user())
    user, guid = account["user_guid"], enter(mx, account, amount=10)["guid"]
    parts = mx.call(
        "POST", f"/users/{user}/transactions/{guid}/split", {"transactions": [{"amount": 4}, {"amount": 6}]}
    )["transactions"]
    assert balance(mx, account) == 90
    mx.call("DELETE", f"/users/{user}/transactions/{parts[0]['guid']}", status=405)
    mx.call("DELETE", f"/users/{user}/transactions/{guid}", status=204)
    assert balance(mx, account) == 100
    assert mx.call("GET", f"/users/{user}/transactions")["transactions"] == []


def test_the_parts_of_a_pending_transaction_are_posted_with_it(mx: MX) -> None:
    user = mx.user()
    mx.create(user, institution="harborlight_bank")
    pending = None
    while pending is None:  # the bank is asked every day
        mx.advance("1d")
        found = mx.call("GET", f"/users/{user}/transactions?records_per_page=1000")["transactions"]
        pending = next((each for each in found if each["status"] == "PENDING" and each["amount"] > 1), None)
    parts = mx.call("POST", f"/users/{user}/transactions/{pending['guid']}/split", {"transactions": halves(pending)})[
        "transactions"
    ]
    mx.advance("5d")
    assert {read(mx, user, each["guid"])["status"] for each in (pending, *parts)} == {"POSTED"}


# as MX's file has it


@pytest.mark.parametrize("fidelity", ["sdk", "wire"])
def test_a_new_manual_transaction_stands_at_the_root_of_the_answer(
    make_server: Callable[..., Any], fidelity: str
) -> None:
    _, app = make_server(fidelity=fidelity)
    mx = MX(app)
    assert enter(mx, manual_account(mx, mx.user()))["guid"].startswith("TRN-")


@official
@pytest.mark.parametrize("version", VERSIONS)
def test_requests_have_the_fields_of_the_file(version: str) -> None:
    for name, schema in (
        ("TransactionCreateRequest", transaction_changes.MANUAL),
        ("TransactionUpdateRequest", transaction_changes.UPDATES[version]),
        ("SplitTransactionRequest", transaction_changes.PART),
    ):
        declared = openapi(version)["components"]["schemas"][name]
        assert set(schema.load_fields) == set(declared["properties"]) - {"skip_webhook"}
        assert {field for field, each in schema.load_fields.items() if each.required} == set(
            declared.get("required", ())
        )


def test_the_update_of_one_version_is_not_that_of_the_other() -> None:
    assert not transaction_changes.UPDATES[V1].load_fields["description"].required
