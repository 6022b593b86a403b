"""Where MX's sources disagree and one answer suits all: a test for each row of the second table of
docs/discrepancies.md.

Each runs with `--fidelity sdk` and with `--fidelity wire`.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.providers.mx.discrepancies import Server, row

# members, institutions, accounts


@row("`most_recent_job_detail_text` of a member")
def test_job_detail_text(server: Server) -> None:
    member = server.call("GET", f"/users/{server.user}/members/{server.member}")["member"]
    assert member["most_recent_job_detail_text"] is None


@row("`GET /institutions/{institution}/credentials`")
def test_credentials_are_paged(server: Server) -> None:
    assert server.call("GET", "/institutions/mxbank/credentials")["pagination"]["total_entries"] == 2


@row("`data_request`, and `initial_data_ready` after it")
def test_products_asked_for(server: Server) -> None:
    apart = server.apart()
    for number, call in enumerate((apart.call, apart.v2), 1):
        member = {"institution_code": "mxbank", "credentials": apart.mx.credentials(username=f"reader-{number}")}
        body = {"member": member, "data_request": {"products": ["identity_verification"]}}
        made = call("POST", f"/users/{apart.user}/members", body)["member"]["guid"]
        apart.mx.advance("10s")
        assert call("GET", f"/users/{apart.user}/members/{made}/account_owners")["account_owners"]
    assert apart.violations("unknown-field") == []


@row("`GET /institutions` in v20250224, `supported_products`")
def test_supported_products(server: Server) -> None:
    asked = [
        f"{name}={value}"
        for name in ("supported_products", "supported_products[]")
        for value in ("history", "transaction_history")
    ]
    found = [[each["code"] for each in server.v2("GET", f"/institutions?{query}")["institutions"]] for query in asked]
    assert found[0]
    assert found == [found[0]] * 4


@row("`account_number` of an account")
def test_account_numbers_are_masked(server: Server) -> None:
    path = f"/users/{server.user}/accounts/{server.account}"
    assert server.call("GET", path)["account"]["account_number"] == "****0685"
    assert server.rows(f"{path}/account_numbers", "account_numbers")[0]["account_number"] == "4921710685"


@row("`credit_card_product_guid` of an account")
def test_the_product_of_a_card(server: Server) -> None:
    accounts = server.rows(f"/users/{server.user}/members/{server.member}/accounts", "accounts")
    products = {account["type"]: account["credit_card_product_guid"] for account in accounts}
    assert server.call("GET", f"/credit_card_products/{products.pop('CREDIT_CARD')}")["credit_card_product"]["name"]
    assert set(products.values()) == {None}


@row("`account_type` of a new manual account in v20250224")
def test_a_manual_account_of_no_type(server: Server) -> None:
    path = f"/users/{server.mx.user()}/accounts"
    assert server.v2("POST", path, {"account": {"name": "Jar", "account_type": None}})["account"]["type"] == "ANY"
    server.v2("POST", path, {"account": {"name": "Jar"}}, status=400)


@row("deleting an account or a transaction that is not manual, entering a transaction in an account that is not")
def test_what_only_manual_accounts_can(server: Server) -> None:
    user, account = server.user, server.account
    transaction = server.rows(f"/users/{user}/accounts/{account}/transactions", "transactions")[0]["guid"]
    body = {"amount": 1, "date": "2025-12-30", "description": "x", "type": "DEBIT"}
    server.call("DELETE", f"/users/{user}/accounts/{account}", status=405)
    server.call("DELETE", f"/users/{user}/transactions/{transaction}", status=405)
    server.call("POST", f"/users/{user}/accounts/{account}/transactions", {"transaction": body}, status=405)


@row("what MX ignores when an aggregated account is updated")
def test_what_an_update_ignores(server: Server) -> None:
    path = f"/users/{server.user}/members/{server.member}/accounts/{server.account}"
    changed = server.call("PUT", path, {"account": {"metadata": "mine", "name": "Renamed"}})["account"]
    assert (changed["metadata"], changed["name"]) == ("mine", "Checking")
    assert any("name" in detail for detail in server.violations("ignored-field"))


@row("merged accounts")
def test_merged_accounts(server: Server) -> None:
    user = server.mx.user()
    first, second = server.jar(user, 10), server.jar(user, 5.25)
    made = server.entered(user, second, 1.0)
    merged = server.v2("POST", f"/users/{user}/accounts/merge", {"account": {"account_guids": [first, second]}})[
        "account"
    ]
    assert (merged["guid"], merged["balance"]) == (first, 14.25)
    assert [each["guid"] for each in server.rows(f"/users/{user}/accounts", "accounts")] == [first]
    assert made["guid"] in [
        each["guid"] for each in server.rows(f"/users/{user}/accounts/{first}/transactions", "transactions")
    ]


# transactions


@row("dates that filter transactions")
def test_dates_that_filter(server: Server) -> None:
    path = f"/users/{server.user}/transactions"
    server.call("GET", f"{path}?from_date=2025-12-01")
    server.call("GET", f"{path}?from_date=1764547200", status=400)
    server.v2("GET", f"{path}?from_date=1764547200")
    server.v2("GET", f"{path}?from_date=2025-12-01", status=400)
    server.call("GET", f"{path}?from_created_at=2025-01-01&to_created_at=2025-12-01", status=400)
    server.v2("GET", f"{path}?from_created_at=1735689600&to_created_at=1764547200")


@row("`geolocation` that `includes` adds")
def test_the_postal_code_of_a_place(server: Server) -> None:
    path = f"/users/{server.user}/members/{server.member}/transactions?records_per_page=1000&includes=geolocations"
    places = [each["geolocation"] for each in server.rows(path, "transactions") if each["geolocation"]]
    assert all(set(place) == {"country", "state", "city", "postal code"} for place in places)
    assert places


def enhanced(server: Server, version: str = "v1", **row: Any) -> Any:
    call = server.v2 if version == "v2" else server.call
    return call("POST", "/transactions/enhance", {"transactions": [{"id": "1", "description": "x", **row}]})[
        "transactions"
    ][0]


@row("`categorized_by`, `described_by` of an enhanced transaction")
def test_by_what_a_transaction_was_enhanced(server: Server) -> None:
    by = [
        (found["categorized_by"], found["described_by"])
        for found in (
            enhanced(server, description="ubr* pending.uber.com"),
            enhanced(server, description="XQZ 12345", merchant_category_code=5411),
            enhanced(server, description="XQZ 12345"),
        )
    ]
    assert [category for category, _ in by] == [13, 8, 0]
    assert [description for _, description in by] == [6, 1, 1]


@row("`user_guid` of an enhanced transaction in v20250224")
def test_an_enhanced_transaction_has_no_user(server: Server) -> None:
    assert enhanced(server, "v2")["user_guid"] is None


@row("`type` of a transaction to enhance")
def test_the_type_of_a_transaction_to_enhance(server: Server) -> None:
    assert enhanced(server, type="CREDIT")["type"] == "CREDIT"
    body = {"transactions": [{"id": "1", "description": "x", "type": "BOTH"}]}
    server.call("POST", "/transactions/enhance", body, status=422)
    server.v2("POST", "/transactions/enhance", body, status=422)


@row("the answer of `POST …/accounts/{account}/transactions`")
def test_a_new_manual_transaction_is_at_the_root(server: Server) -> None:
    user = server.mx.user()
    made = server.entered(user, server.jar(user))
    assert made["guid"].startswith("TRN-")
    assert "transaction" not in made


@row("the guid of a manual transaction")
def test_the_guid_of_a_manual_transaction(server: Server) -> None:
    user = server.mx.user()
    made = server.entered(user, server.jar(user))["guid"]
    other = made.replace("TRN-", "MAN-")
    for guid in (made, other):
        answer = server.call("GET", f"/users/{user}/transactions/{guid}")
        assert server.one(answer.get("transaction") or answer["transactions"])["guid"] == made
    server.call("DELETE", f"/users/{user}/transactions/{other}", status=204)


@row("`transactions` of `POST …/transactions/{transaction}/split`")
def test_a_split_needs_two(server: Server) -> None:
    user = server.mx.user()
    path = f"/users/{user}/transactions/{server.entered(user, server.jar(user))['guid']}/split"
    server.call("POST", path, {"transactions": {"amount": 10}}, status=422)
    server.call("POST", path, {"transactions": [{"amount": 10}]}, status=422)
    made = server.call("POST", path, {"transactions": [{"amount": 4}, {"amount": 6}]})["transactions"]
    assert [part["amount"] for part in made] == [4, 6]


@row("`amount` of a managed transaction")
def test_the_amount_of_a_managed_transaction(server: Server) -> None:
    path = (
        f"/users/{server.user}/managed_members/{server.managed_member}/accounts/{server.managed_account}/transactions"
    )
    day = "2025-12-30T12:00:00Z"
    body = {"description": "x", "status": "POSTED", "type": "DEBIT", "posted_at": day, "transacted_at": day}
    for amount in ("61.11", 61.11):
        assert server.call("POST", path, {"transaction": {**body, "amount": amount}})["transaction"]["amount"] == 61.11


@row("`recurrence_type` of a repeating transaction")
def test_recurrence_types(server: Server) -> None:
    found = server.rows(f"/users/{server.everyday()}/repeating_transactions", "repeating_transactions")
    kinds = {each["recurrence_type"] for each in found}
    assert (
        {"EVERY_MONTH", "EVERY_OTHER_WEEK"}
        <= kinds
        <= {"EVERY_WEEK", "EVERY_OTHER_WEEK", "TWICE_A_MONTH", "EVERY_MONTH", "EVERY_YEAR"}
    )


@row("what a transaction rule applies to")
def test_a_rule_applies_to_past_and_future(server: Server) -> None:
    user = server.mx.user()
    account = server.jar(user)
    past = server.entered(user, account)["guid"]
    for name in ("Gas", "Pets"):
        rule = {"category_guid": server.category(name), "match_description": "Whole" if name == "Gas" else "foods"}
        server.call("POST", f"/users/{user}/transaction_rules", {"transaction_rule": rule})
    future = server.entered(user, account)["guid"]
    found = {each["guid"]: each["category"] for each in server.rows(f"/users/{user}/transactions", "transactions")}
    assert found == {past: "Pets", future: "Pets"}


@row("a second transaction rule with the same `match_description`")
def test_a_second_rule_takes_the_place_of_the_first(server: Server) -> None:
    user = server.mx.user()
    path = f"/users/{user}/transaction_rules"
    made = [
        server.call(
            "POST", path, {"transaction_rule": {"category_guid": server.category(name), "match_description": "Petco"}}
        )
        for name in ("Gas", "Pets")
    ]
    assert made[0]["transaction_rule"]["guid"] == made[1]["transaction_rule"]["guid"]
    assert [each["category_guid"] for each in server.rows(path, "transaction_rules")] == [server.category("Pets")]


# rewards, holdings, credentials


@row("`balance` of a reward")
def test_the_balance_of_a_reward(server: Server) -> None:
    path = f"/users/{server.user}/members/{server.member}/rewards"
    balances = [each["balance"] for each in (*server.rows(path, "rewards"), *server.v2("GET", path)["rewards"])]
    assert balances
    assert all(isinstance(balance, int) for balance in balances)


@row("percentages of a holding")
def test_percentages_are_per_cent(server: Server) -> None:
    path = f"/users/{server.user}/members/{server.member}/investment_holdings"
    held = [each for each in server.rows(path, "investment_holdings") if each["cost_basis"]]
    assert held
    for each in held:
        gain = each["total_ugl_amount"] / each["cost_basis"] * 100
        assert abs(each["total_ugl_percentage"] - gain) < 0.01


@row("`filters` of `GET /vc/users/{user}/members/{member}/customers`")
def test_filters_of_customers(server: Server) -> None:
    path = f"/vc/users/{server.user}/members/{server.member}/customers"

    def subject(query: str) -> str:
        middle = server.call("GET", path + query)["verifiableCredential"].split(".")[1]
        return json.dumps(json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))["vc"])

    whole, name = subject(""), subject("?filters=name")
    assert "mxuser@mx.com" in whole
    assert "Lehi" in subject("?filters=name,addresses")
    assert ("Lehi" in name, "mxuser@mx.com" in name, "555-555-5555" in name) == (False, True, True)
    assert "mxuser@mx.com" in subject("?filters=telephones,email")
    server.call("GET", f"{path}?filters=shoes", status=400)


# microdeposits


@row("`GET /users/{user}/account_verifications`")
def test_account_verifications(server: Server) -> None:
    made = server.deposit("33331")
    person = {"email": "a@example.com", "first_name": "Ada", "last_name": "Byron"}
    server.call("POST", f"/users/{made['user']}/micro_deposits", {"micro_deposit": person})
    answer = server.call("GET", f"/users/{made['user']}/account_verifications")
    assert list(answer) == ["micro_deposit"]
    assert [each["guid"] for each in answer["micro_deposit"]] == [made["guid"]]


@row("test values of microdeposits")
def test_the_values_of_microdeposits(server: Server) -> None:
    deposits = {number: server.deposit(number) for number in ("33331", "77771", "44441", "55551")}
    path = f"/micro_deposits/{deposits['33331']['guid']}/verify"
    right = {"deposit_amount_1": 0.15, "deposit_amount_2": 0.12}
    server.call("PUT", path, {"micro_deposit": right}, status=422)  # too early
    server.mx.advance("10m")
    ends = {number: server.read_deposit(made)["status"] for number, made in deposits.items()}
    assert ends == {"33331": "DEPOSITED", "77771": "DEPOSITED", "44441": "ERRORED", "55551": "REJECTED"}
    wrong = {"deposit_amount_1": 0.01, "deposit_amount_2": 0.02}
    assert server.one(server.call("PUT", path, {"micro_deposit": wrong})["micro_deposit"])["status"] == "DENIED"
    assert server.one(server.call("PUT", path, {"micro_deposit": right})["micro_deposit"])["status"] == "VERIFIED"
    server.call("PUT", path, {"micro_deposit": right}, status=422)  # too late


@row("the first step of a microdeposit")
def test_the_first_step_of_a_microdeposit(server: Server) -> None:
    made = server.deposit("33331")
    assert (made["status"], server.read_deposit(made)["status"]) == ("INITIATED", "INITIATED")
    server.mx.advance("1s")
    assert server.read_deposit(made)["status"] == "REQUESTED"


@row("a second microdeposit of an account")
def test_a_second_microdeposit(server: Server) -> None:
    made = server.deposit("33331")
    body = {
        "account_number": "33331",
        "account_type": "CHECKING",
        "routing_number": "091000019",
        "account_name": "My",
        "email": "a@example.com",
        "first_name": "Ada",
        "last_name": "Byron",
    }
    second = server.call("POST", f"/users/{made['user']}/micro_deposits", {"micro_deposit": body})["micro_deposit"]
    assert server.one(second)["status"] == "CONFLICTED"


@row("routing numbers")
def test_routing_numbers(server: Server) -> None:
    for number in ("222222226", "021000021", "091000018"):
        body = {
            "account_number": "33331",
            "account_type": "CHECKING",
            "routing_number": number,
            "account_name": "My",
            "email": "a@example.com",
            "first_name": "Ada",
            "last_name": "Byron",
        }
        server.call("POST", f"/users/{server.user}/micro_deposits", {"micro_deposit": body}, status=422)


# processors


@pytest.mark.slow
@row("a processor's codes and tokens")
def test_codes_and_tokens(server: Server) -> None:
    server = server.apart()
    code = server.code()
    path = "/token?grant_type=authorization_code&code="
    answer = server.call("POST", path + code)
    assert (answer["expires_at"], answer["token_type"]) == (None, "Bearer")
    server.call("POST", path + code, status=400)  # a code works once
    late = server.code()
    server.mx.advance("11m")
    server.call("POST", path + late, status=400)
    tokens = {each["access_token"]: each for each in server.rows("/tokens", "tokens")}
    assert tokens[answer["access_token"]]["expires_at"] is not None
    open_to_all = server.token(protected=False)
    for protected in ("/account/account_numbers", "/payment_account"):
        server.processor(protected, open_to_all, status=403)
    server.mx.advance("60d")
    server.processor("/account/account_numbers", answer["access_token"], status=401)


@row("a code for a member that was not verified")
def test_a_code_for_a_member_that_was_not_verified(server: Server) -> None:
    user = server.mx.user()
    member = server.mx.create(user)["guid"]
    server.mx.advance("1m")
    account = server.rows(f"/users/{user}/accounts", "accounts")[0]["guid"]
    assert server.code(user=user, member=member, account=account)
    assert any(member in detail for detail in server.violations("forbidden"))


@row("`scope` of `GET /tokens`")
def test_the_scope_of_tokens(server: Server) -> None:
    made = server.token()
    guids = {"user_guid": server.user, "member_guid": server.member, "account_guid": server.account}
    text = f"user-guid:{server.user} member-guid:{server.member} account-guid:{server.account}"
    asked = [
        server.call("GET", "/tokens", {"scope": guids}),
        server.call("GET", "/tokens", {"scope": text}),
        server.call("GET", f"/tokens?user_guid={server.user}"),
        server.call("GET", "/tokens"),
    ]
    assert all(made in [each["access_token"] for each in answer["tokens"]] for answer in asked)


@row("`available_balance` of `GET /payment_account`")
def test_the_available_balance_of_a_payment_account(server: Server) -> None:
    account = server.account_of("CREDIT_CARD")
    path = f"/users/{server.user}/accounts/{account}"
    shown = server.call("GET", path)["account"]
    code = server.code(account=account)
    token = server.call("POST", f"/token?grant_type=authorization_code&code={code}")["access_token"]
    found = server.processor("/payment_account", token)["payment_account"]["available_balance"]
    assert (shown["available_balance"], found) == (None, shown["balance"])


# ACH returns


def returned(server: Server, code: str, status: int = 200, **more: Any) -> Any:
    parties = {"user_guid": server.user, "member_guid": server.member, "account_guid": server.account}
    body = {"ach_return": {"id": f"{code}-{len(server.made_at)}", "return_code": code, **parties, **more}}
    server.made_at[str(len(server.made_at))] = ""  # ids differ
    return server.call("POST", "/ach_returns", body, status=status)


@row("statuses and codes of ACH returns")
def test_statuses_of_ach_returns(server: Server) -> None:
    made = {code: returned(server, code)["ach_return"]["guid"] for code in ("R01", "C01")}
    seen = []
    for wait in ("0s", "1h", "1d"):
        server.mx.advance(wait)
        seen.append(server.call("GET", f"/ach_returns/{made['C01']}")["ach_return"])
    assert [each["return_status"] for each in seen] == ["SUBMITTED", "PROCESSING", "RESOLVED"]
    assert seen[-1]["resolution_code"] == "NOTICE_OF_CHANGE"
    assert server.call("GET", f"/ach_returns/{made['R01']}")["ach_return"]["resolution_code"] is None
    returned(server, "R01", status=422, corrected_account_number="1")


@row("`returned_at`, `resolved_status_at` as filters of ACH returns")
def test_moments_that_filter_ach_returns(server: Server) -> None:
    made = returned(server, "R02", returned_at="2025-02-13T18:09:00+00:00")["ach_return"]["guid"]
    found = {
        asked: [each["guid"] for each in server.rows(f"/ach_returns?returned_at={asked}", "ach_returns")]
        for asked in ("2025-02-13", "2025-02-13T18:09:00Z", "2025-02-13T18:09:01Z")
    }
    assert found == {"2025-02-13": [made], "2025-02-13T18:09:00Z": [made], "2025-02-13T18:09:01Z": []}


# budgets, plans, cash flow, categories, insights, notifications


@row("`parent_guid` of a new budget")
def test_the_parent_of_a_budget(server: Server) -> None:
    path = f"/users/{server.mx.user()}/budgets"
    sub = {"category_guid": server.category("Groceries"), "amount": 100}
    server.call("POST", path, {"budget": sub}, status=400)
    parent = server.call("POST", path, {"budget": {"category_guid": server.category("Food & Dining")}})["budget"][
        "guid"
    ]
    assert server.call("POST", path, {"budget": {**sub, "parent_guid": parent}})["budget"]["parent_guid"] == parent
    ignored = {"category_guid": server.category("Travel"), "parent_guid": "BGT-any"}
    assert server.call("POST", path, {"budget": ignored})["budget"]["parent_guid"] is None


@row("a second budget for a category")
def test_a_second_budget(server: Server) -> None:
    path, body = (
        f"/users/{server.mx.user()}/budgets",
        {"budget": {"category_guid": server.category("Travel"), "amount": 100}},
    )
    server.call("POST", path, body)
    server.call("POST", path, body, status=422)


@row("the categories that budgets are generated for")
def test_categories_of_generated_budgets(server: Server) -> None:
    path = f"/users/{server.everyday()}/budgets"
    generated = {each["category_guid"]: each for each in server.call("POST", f"{path}/generate")["budgets"]}
    groceries = generated[server.category("Groceries")]
    top = server.call("POST", path, {"budget": {"category_guid": server.category("Food & Dining"), "amount": 900}})[
        "budget"
    ]["guid"]
    assert server.call("GET", f"{path}/{groceries['guid']}")["budget"]["parent_guid"] == top


@row("an iteration item of a spending plan, in requests")
def test_iteration_items_in_requests(server: Server) -> None:
    path = f"/users/{server.user}/spending_plans/{server.plan}/iterations/current/iteration_items"
    bodies: list[Any] = [
        {"planned_amount": 5, "item_type": 1},
        {"iteration_item": {"planned_amount": 5, "item_type": "1"}},
    ]
    made = [server.call("POST", path, body) for body in bodies]
    assert [each.get("iteration_item", each)["item_type"] for each in made] == ["1", "1"]


@row("the root of an update of the monthly cash flow profile in v20111101")
def test_the_root_of_a_cash_flow_profile(server: Server) -> None:
    path = f"/users/{server.mx.user()}/monthly_cash_flow_profile"
    for amount, root in ((10.5, "institution"), (20.5, "monthly_cash_flow_profile")):
        changed = server.call("PUT", path, {root: {"goals_contribution": amount}})["monthly_cash_flow_profile"]
        assert changed["goals_contribution"] == amount


@row("the number of default categories")
def test_the_number_of_default_categories(server: Server) -> None:
    assert server.call("GET", "/categories/default")["pagination"]["total_entries"] == 118


@row("`is_income` of a user's own category")
def test_an_own_category_is_no_income(server: Server) -> None:
    user = server.mx.user()
    body = {"category": {"name": "Tips", "parent_guid": server.category("Income")}}
    made = server.call("POST", f"/users/{user}/categories", body)["category"]
    assert made["is_income"] is False
    assert server.entered(user, server.jar(user), type="CREDIT", category_guid=made["guid"])["is_income"] is True


@row("deleting a user's own category")
def test_transactions_of_a_deleted_category(server: Server) -> None:
    user = server.mx.user()
    own = server.call(
        "POST", f"/users/{user}/categories", {"category": {"name": "Web", "parent_guid": server.category("Shopping")}}
    )
    made = server.entered(user, server.jar(user), category_guid=own["category"]["guid"])
    rule = {"transaction_rule": {"category_guid": own["category"]["guid"], "match_description": "Petco"}}
    server.call("POST", f"/users/{user}/transaction_rules", rule)
    above = server.call("POST", f"/users/{user}/budgets", {"budget": {"category_guid": server.category("Shopping")}})[
        "budget"
    ]["guid"]
    budget = {"category_guid": own["category"]["guid"], "parent_guid": above}
    server.call("POST", f"/users/{user}/budgets", {"budget": budget})
    server.call("DELETE", f"/users/{user}/categories/{own['category']['guid']}", status=204)
    assert [each["guid"] for each in server.call("GET", f"/users/{user}/budgets")["budgets"]] == [above]
    [found] = server.rows(f"/users/{user}/transactions", "transactions")
    assert (found["guid"], found["category_guid"]) == (made["guid"], server.category("Shopping"))
    assert server.rows(f"/users/{user}/transaction_rules", "transaction_rules")[0]["category_guid"] == server.category(
        "Shopping"
    )


@row("a second category, tag or tagging with the same attributes")
def test_the_same_a_second_time(server: Server) -> None:
    user = server.mx.user()
    transaction = server.entered(user, server.jar(user))["guid"]
    tags = [server.call("POST", f"/users/{user}/tags", {"tag": {"name": "one"}})["tag"]["guid"] for _ in range(2)]
    tagging = {"tagging": {"tag_guid": tags[0], "transaction_guid": transaction}}
    category = {"category": {"name": "Web", "parent_guid": server.category("Shopping")}}
    taggings = [server.call("POST", f"/users/{user}/taggings", tagging)["tagging"]["guid"] for _ in range(2)]
    categories = [server.call("POST", f"/users/{user}/categories", category)["category"]["guid"] for _ in range(2)]
    assert [len(set(each)) for each in (tags, taggings, categories)] == [2, 2, 2]


@row("`guid` of a scheduled payment")
def test_the_guid_of_a_scheduled_payment(server: Server) -> None:
    user = server.everyday()
    found = []
    for insight in server.rows(f"/users/{user}/insights?records_per_page=100", "insights"):
        found += server.rows(f"/users/{user}/insights/{insight['guid']}/scheduled_payments", "scheduled_payments")
    assert found
    assert all(each["guid"].startswith("SCP-") for each in found)


@row("`template` of an insight")
def test_templates_of_insights(server: Server) -> None:
    user = server.everyday()
    templates = {each["template"] for each in server.rows(f"/users/{user}/insights?records_per_page=100", "insights")}
    assert "MonthlyCategoryTotal" in templates
    assert all(template.isalpha() and template[0].isupper() for template in templates)


@row("`notification_type` and `channel` of a notification")
def test_the_type_of_a_notification(server: Server) -> None:
    made = server.call("POST", f"/users/{server.user}/notifications?content=c&subject=s")["notification"]
    assert (made["notification_type"], made["channel"]) == (11, "PUSH")
    body = {"notification": {"content": "c", "subject": "s"}}
    second = server.v2("POST", f"/users/{server.user}/notifications", body)["notification"]
    assert (second["notification_type"], second["channel"]) == (11, "PUSH")


@row("`from_date`, `to_date` of `GET /users/{user}/notifications` in v20111101")
def test_dates_of_notifications(server: Server) -> None:
    server = server.apart()
    user = server.mx.user()
    path = f"/users/{user}/notifications"
    day = server.now[:10]
    made = server.call("POST", f"{path}?content=c&subject=s")["notification"]["guid"]
    assert [each["guid"] for each in server.rows(f"{path}?from_date={day}&to_date={day}", "notifications")] == [made]
    assert server.rows(f"{path}?to_date=2020-01-01", "notifications") == []
    server.mx.advance("121d")
    assert server.rows(path, "notifications") == []


@row("a duplicate member")
def test_a_duplicate_member(server: Server) -> None:
    user = server.mx.user()
    member = server.mx.create(user)["guid"]
    body = {"institution_code": "mxbank", "credentials": server.mx.credentials(password="another")}
    said = server.call("POST", f"/users/{user}/members", {"member": body}, status=409)["error"]["message"]
    assert member in said
    body["credentials"] = server.mx.credentials(username="mxuser2")
    server.call("POST", f"/users/{user}/members", {"member": body})


@row("what a deleted member had")
def test_what_a_deleted_member_had(server: Server) -> None:
    user = server.mx.user()
    member = server.mx.create(user)["guid"]
    server.mx.advance("1m")
    assert server.call("GET", f"/users/{user}/accounts")["accounts"]
    server.call("DELETE", f"/users/{user}/members/{member}", status=204)
    for what in ("accounts", "transactions"):
        assert server.call("GET", f"/users/{user}/{what}")[what] == []


@row("balance checks at MX Bank")
@pytest.mark.parametrize(("institution", "sixth"), [("mxbank", 429), ("mock_connected", 202)])
def test_balance_checks_at_mx_bank(server: Server, institution: str, sixth: int) -> None:
    user = server.mx.user()
    path = f"/users/{user}/members/{server.mx.create(user, institution=institution)['guid']}/check_balance"
    for status in (*[202] * 5, sixth):
        server.mx.advance("1m")
        server.call("POST", path, status=status)


@row("a page number beyond the last, or too large")
def test_a_page_number_beyond_the_last_or_too_large(server: Server) -> None:
    for asked, shown in (("99", 99), (str(10**30), 9007199254740991)):
        answer = server.call("GET", f"/merchants?page={asked}")
        assert (answer["merchants"], answer["pagination"]["current_page"]) == ([], shown)
        assert answer["pagination"]["total_entries"] > 25


@row("error bodies")
def test_error_bodies(server: Server) -> None:
    user = server.mx.user(is_disabled=True)
    refused = server.call("GET", f"/users/{user}/members", status=403)["error"]
    assert (refused["status"], refused["type"]) == ("forbidden", "forbidden_error")
    unknown = server.call("GET", "/users/USR-none/members", status=404)["error"]
    assert (unknown["status"], unknown["type"]) == ("not_found", "not_found_error")
    assert refused.keys() == unknown.keys() == {"message", "status", "type"}


@row("what a client without a product is told")
def test_what_a_client_without_a_product_is_told(server: Server) -> None:
    control = {"method": "PUT", "path": "/_mocksrv/sandbox"}
    for product, features in (("insights", "Pulse"), ("statements", "account statement")):
        server.mx.http.open(**control, json={"without": [product]})
        path = f"/users/{server.user}/insights" if product == "insights" else "/users/x/members/y/fetch_statements"
        method = "GET" if product == "insights" else "POST"
        refused = server.call(method, path, status=403)["error"]["message"]
        assert refused == f"Client does not have access to {features} features"
    server.mx.http.open(**control, json={"without": []})


@row("tax documents")
def test_tax_documents(server: Server) -> None:
    apart = server.apart()
    member = f"/users/{apart.user}/members/{apart.member}"
    apart.call("POST", f"{member}/fetch_tax_documents")
    apart.mx.advance("1m")
    kinds = {each["document_type"] for each in apart.call("GET", f"{member}/tax_documents")["tax_documents"]}
    assert kinds <= {"1099-INT Interest Income", "1098 Mortgage Interest Statement"}
    assert kinds
    assert "mx.statement" in apart.mx.events()


@row("the message of a wrong date")
def test_the_message_of_a_wrong_date(server: Server) -> None:
    path = f"/users/{server.user}/transactions?from_date=tomorrow"
    assert server.call("GET", path, status=400)["error"]["message"] == "Please confirm YYYY-MM-DD format"
    assert server.v2("GET", path, status=400)["error"]["message"] == "From date is not a valid integer"


@row("`imported_at` of an account")
def test_imported_at(server: Server) -> None:
    there = server.apart()
    user = there.mx.user()
    member = there.mx.create(user)["guid"]
    there.mx.advance("10s")
    [before, *_] = there.call("GET", f"/users/{user}/accounts")["accounts"]
    there.mx.advance("5h")
    there.call("POST", f"/users/{user}/members/{member}/aggregate")
    there.mx.advance("10s")
    [after, *_] = there.call("GET", f"/users/{user}/accounts")["accounts"]
    assert before["imported_at"] < after["imported_at"] == after["updated_at"]
    assert after["created_at"] == before["created_at"]


@row("repeating transactions of MX Bank")
def test_repeating_transactions_of_mx_bank(server: Server) -> None:
    there = server.apart()
    user = there.mx.user()
    there.mx.create(user)
    there.mx.advance("1m")
    found = there.rows(f"/users/{user}/repeating_transactions", "repeating_transactions")
    assert {"Netflix.com", "Gold's Gym", "Comcast"} <= {each["description"] for each in found}


def first_member(server: Server, **fields: Any) -> tuple[str, str]:
    """A new user with a new member: guids."""
    user = server.mx.user()
    return user, server.mx.create(user, **fields)["guid"]


@row("`aggregated_at` of a member's first job")
def test_aggregated_at_of_the_first_job(server: Server) -> None:
    apart = server.apart()
    user, member = first_member(apart)
    assert apart.mx.status(user, member)["aggregated_at"] is None
    apart.mx.advance("10s")
    first = apart.mx.status(user, member)["aggregated_at"]
    apart.mx.call("POST", f"/users/{user}/members/{member}/check_balance")
    assert apart.mx.status(user, member)["aggregated_at"] > first


@row("a login that is deleted and made again")
def test_a_login_made_again(server: Server) -> None:
    apart = server.apart()
    user, member = first_member(apart, username="mxuser")
    apart.mx.advance("10s")
    before = apart.mx.status(user, member)["aggregated_at"]
    apart.mx.call("DELETE", f"/users/{user}/members/{member}")
    apart.mx.advance("2h")
    again = apart.mx.create(user, username="mxuser")["guid"]
    assert apart.mx.status(user, again)["aggregated_at"] == before


@row("statuses that count")
def test_statuses_that_count(server: Server) -> None:
    apart = server.apart()
    user, member = first_member(apart, password="SERVER_ERROR")
    for _ in range(2):
        apart.mx.advance("1h")
        apart.mx.call("POST", f"/users/{user}/members/{member}/aggregate")
    apart.mx.advance("1m")
    assert apart.mx.status(user, member)["connection_status"] == "DEGRADED"
