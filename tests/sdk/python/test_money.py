"""The Python SDK: accounts, transactions, holdings, statements, rewards, microdeposits, ACH returns, processors,
credentials.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import mx_platform_python as sdk

from tests.sdk.world import World, gone

ACCEPT = "application/vnd.mx.api.v1+json"

# accounts


def test_create_manual_account(world: World) -> None:
    request = sdk.AccountCreateRequest(
        account_type="SAVINGS", name="Jar", balance=100.25, currency_code="USD", is_business=False
    )
    account = world.sdk.create_manual_account(world.user, sdk.AccountCreateRequestBody(account=request)).account
    assert (account.type, account.name, account.balance, account.is_manual) == ("SAVINGS", "Jar", 100.25, True)


def test_read_account(world: World) -> None:
    account = world.sdk.read_account(world.checking, world.user).account
    assert (account.guid, account.type, account.account_number) == (world.checking, "CHECKING", "****0685")


def test_read_account_by_member(world: World) -> None:
    account = world.sdk.read_account_by_member(world.checking, world.member, world.user).account
    assert (account.guid, account.member_guid) == (world.checking, world.member)


def test_update_account_by_member(world: World) -> None:
    user, member = world.connected()
    account = world.sdk.list_member_accounts(user, member).accounts[0].guid
    body = sdk.AccountUpdateRequestBody(account=sdk.AccountUpdateRequest(metadata="for a rainy day", is_hidden=True))
    changed = world.sdk.update_account_by_member(account, member, user, body).account
    assert (changed.guid, changed.metadata, changed.is_hidden) == (account, "for a rainy day", True)


def test_delete_manual_account(world: World) -> None:
    account = world.new_manual_account()
    world.sdk.delete_manual_account(account, ACCEPT, world.user)
    assert gone(world.sdk.read_account, account, world.user)


def test_list_user_accounts(world: World) -> None:
    account = world.new_manual_account()
    found = world.sdk.list_user_accounts(world.user, is_manual=True, records_per_page=100).accounts
    assert account in [each.guid for each in found]
    assert all(each.is_manual for each in found)


def test_list_member_accounts(world: World) -> None:
    found = world.sdk.list_member_accounts(world.user, world.member)
    assert (len(found.accounts), found.pagination.total_entries) == (6, 6)
    assert {each.member_guid for each in found.accounts} == {world.member}


def test_list_account_numbers_by_account(world: World) -> None:
    [numbers] = (
        world.sdk.list_account_numbers_by_account(world.checking, world.user).account_numbers if world.member else []
    )
    assert (numbers.account_number, numbers.routing_number) == ("4921710685", "005026788")


def test_list_account_numbers_by_member(world: World) -> None:
    found = world.sdk.list_account_numbers_by_member(world.member, world.user).account_numbers
    assert [each.account_guid for each in found] == [world.checking]


def test_list_account_owners_by_member(world: World) -> None:
    found = world.sdk.list_account_owners_by_member(world.member, world.user).account_owners
    assert {each.owner_name for each in found} == {"MX Test"}


# transactions


def test_create_manual_transaction(world: World) -> None:
    account = world.new_manual_account()
    request = sdk.TransactionCreateRequest(amount=61.11, date="2025-12-30", description="Whole foods", type="DEBIT")
    made = world.sdk.create_manual_transaction(
        world.user, account, sdk.TransactionCreateRequestBody(transaction=request)
    )
    assert (made.amount, made.var_date, made.type, made.account_guid) == (61.11, "2025-12-30", "DEBIT", account)


def test_read_transaction(world: World) -> None:
    [found] = world.sdk.read_transaction(
        world.user, world.transaction.guid, includes="merchants,classifications"
    ).transactions
    assert found.guid == world.transaction.guid


def test_list_transactions(world: World) -> None:
    assert world.member
    found = world.sdk.list_transactions(
        world.user,
        records_per_page=1000,
        from_date="2025-12-01",
        to_date="2025-12-31",
        includes="repeating_transactions,merchants,classifications,geolocations",
    )
    assert len(found.transactions) == found.pagination.total_entries > 0
    assert all("2025-12-01" <= each.var_date <= "2025-12-31" for each in found.transactions)


def test_list_transactions_by_account(world: World) -> None:
    found = world.sdk.list_transactions_by_account(world.checking, world.user)
    assert (found.pagination.total_entries, {each.account_guid for each in found.transactions}) == (
        182,
        {world.checking},
    )


def test_list_transactions_by_member(world: World) -> None:
    found = world.sdk.list_transactions_by_member(world.member, world.user, page=2)
    assert found.pagination.current_page == 2
    assert {each.member_guid for each in found.transactions} == {world.member}


def test_list_transactions_by_tag(world: World) -> None:
    tag = world.new_tag()
    world.new_tagging(tag)
    assert [each.guid for each in world.sdk.list_transactions_by_tag(world.user, tag).transactions] == [
        world.transaction.guid
    ]


def test_update_transaction(world: World) -> None:
    made = world.new_manual_transaction(world.new_manual_account())
    request = sdk.TransactionUpdateRequest(
        description="Groceries", category_guid=world.categories["Groceries"], memo="a memo"
    )
    changed = world.sdk.update_transaction(
        world.user, made.guid, sdk.TransactionUpdateRequestBody(transaction=request)
    ).transaction
    assert (changed.description, changed.category, changed.memo) == ("Groceries", "Groceries", "a memo")


def test_update_transaction_by_account(world: World) -> None:
    user, member = world.connected()
    found = world.sdk.list_transactions_by_member(member, user).transactions[0]
    body = sdk.TransactionUpdateRequestBody(transaction=sdk.TransactionUpdateRequest(description="Groceries"))
    changed = world.sdk.update_transaction_by_account(user, member, found.account_guid, found.guid, body).transaction
    assert (changed.guid, changed.description) == (found.guid, "Groceries")


def test_delete_manual_transactions(world: World) -> None:
    made = world.new_manual_transaction(world.new_manual_account())
    world.sdk.delete_manual_transactions(world.user, made.guid)
    assert gone(world.sdk.read_transaction, world.user, made.guid)


class Parts(sdk.SplitTransactionRequestBody):
    """A split into several parts: the SDK's model has room for one only, and a split needs two."""

    transactions: Any

    def to_dict(self) -> dict[str, Any]:
        return {"transactions": [part.to_dict() for part in self.transactions]}


def split(world: World, parent: Any) -> list[Any]:
    parts = [
        sdk.SplitTransactionRequest(amount=amount, description=text) for amount, text in ((10.0, "Gas"), (2.34, "Soda"))
    ]
    answer = world.sdk.create_split_transactions(parent.guid, world.user, Parts.construct(transactions=parts))
    made: list[Any] = answer.transactions
    return made


def test_create_split_transactions(world: World) -> None:
    parent = world.new_manual_transaction(world.new_manual_account())
    assert [(part.amount, part.description) for part in split(world, parent)] == [(10.0, "Gas"), (2.34, "Soda")]


def test_delete_split_transactions(world: World) -> None:
    parent = world.new_manual_transaction(world.new_manual_account())
    parts = [part.guid for part in split(world, parent)]
    world.sdk.delete_split_transactions(parent.guid, world.user)
    assert all(gone(world.sdk.read_transaction, world.user, part) for part in parts)


def test_enhance_transactions(world: World) -> None:
    row = sdk.EnhanceTransactionsRequest(id="ID-1", description="ubr* pending.uber.com", amount=21.33, type="DEBIT")
    [found] = world.sdk.enhance_transactions(sdk.EnhanceTransactionsRequestBody(transactions=[row])).transactions
    assert (found.id, found.description, found.original_description) == ("ID-1", "Uber", "ubr* pending.uber.com")


def test_repeating_transactions(world: World) -> None:
    assert world.member
    found = world.sdk.repeating_transactions(world.user).repeating_transactions
    assert found
    assert all(each.repeating_transaction_type in ("BILL", "SUBSCRIPTION", "INCOME", "UNKNOWN") for each in found)


def test_specific_repeating_transaction(world: World) -> None:
    assert world.member
    listed = world.sdk.repeating_transactions(world.user).repeating_transactions[0]
    assert world.sdk.specific_repeating_transaction(world.user, listed.guid).repeating_transactions == [listed]


# rules


def test_create_transaction_rule(world: World) -> None:
    request = sdk.TransactionRuleCreateRequest(
        category_guid=world.categories["Pets"], match_description="Petco", description="Food for the dog"
    )
    rule = world.sdk.create_transaction_rule(
        world.user, sdk.TransactionRuleCreateRequestBody(transaction_rule=request)
    ).transaction_rule
    assert (rule.match_description, rule.description, rule.category_guid) == (
        "Petco",
        "Food for the dog",
        world.categories["Pets"],
    )


def test_read_transaction_rule(world: World) -> None:
    rule = world.new_rule()
    assert world.sdk.read_transaction_rule(rule, world.user).transaction_rule.guid == rule


def test_list_transaction_rules(world: World) -> None:
    rule = world.new_rule()
    assert rule in [
        each.guid for each in world.sdk.list_transaction_rules(world.user, records_per_page=100).transaction_rules
    ]


def test_update_transaction_rule(world: World) -> None:
    request = sdk.TransactionRuleUpdateRequestBody(
        transaction_rule=sdk.TransactionRuleUpdateRequest(match_description="Target")
    )
    assert (
        world.sdk.update_transaction_rule(world.new_rule(), world.user, request).transaction_rule.match_description
        == "Target"
    )


def test_delete_transaction_rule(world: World) -> None:
    rule = world.new_rule()
    world.sdk.delete_transaction_rule(rule, world.user)
    assert gone(world.sdk.read_transaction_rule, rule, world.user)


# merchants


def test_list_merchants(world: World) -> None:
    found = world.sdk.list_merchants(name="starb").merchants
    assert "Starbucks" in [merchant.name for merchant in found]


def test_read_merchant(world: World) -> None:
    listed = world.sdk.list_merchants().merchants[0]
    assert world.sdk.read_merchant(listed.guid).merchant == listed


def test_read_merchant_location(world: World) -> None:
    assert world.member
    found = world.sdk.list_transactions(world.user, records_per_page=1000).transactions
    place = next(each.merchant_location_guid for each in found if each.merchant_location_guid)
    assert world.sdk.read_merchant_location(place).merchant_location.guid == place


# holdings


def test_list_holdings(world: World) -> None:
    assert world.member
    found = world.sdk.list_holdings(world.user).investment_holdings
    assert found
    assert {each.user_guid for each in found} == {world.user}


def test_list_holdings_by_member(world: World) -> None:
    found = world.sdk.list_holdings_by_member(world.member, world.user)
    assert found.pagination.total_entries == len(found.investment_holdings) > 0


def test_list_holdings_by_account(world: World) -> None:
    account = world.accounts["INVESTMENT"]
    found = world.sdk.list_holdings_by_account(account, world.user).investment_holdings
    assert {each.account_guid for each in found} == {account}


def test_read_holding(world: World) -> None:
    listed = world.sdk.list_holdings_by_member(world.member, world.user).investment_holdings[0]
    assert world.sdk.read_holding(listed.guid, world.user).investment_holding == listed


def test_deactivate_user(world: World) -> None:
    user, _ = world.connected()
    assert world.sdk.deactivate_user(user).to_dict()


# statements and rewards


def test_list_statements_by_member(world: World) -> None:
    found = world.sdk.list_statements_by_member(world.member, world.user).statements
    assert found
    assert {each.member_guid for each in found} == {world.member}


def test_read_statement_by_member(world: World) -> None:
    listed = world.sdk.list_statements_by_member(world.member, world.user).statements[0]
    assert world.sdk.read_statement_by_member(world.member, listed.guid, world.user).statement == listed


def test_download_statement_pdf(world: World) -> None:
    listed = world.sdk.list_statements_by_member(world.member, world.user).statements[0]
    assert bytes(world.sdk.download_statement_pdf(world.member, listed.guid, world.user)).startswith(b"%PDF-")


def test_list_rewards(world: World) -> None:
    found = world.sdk.list_rewards(world.user, world.member)
    assert found.rewards
    assert {each.member_guid for each in found.rewards} == {world.member}


def test_read_rewards(world: World) -> None:
    listed = world.sdk.list_rewards(world.user, world.member).rewards[0]
    assert world.sdk.read_rewards(world.user, world.member, listed.guid).reward == listed


def test_credit_card(world: World) -> None:
    # The account names the product; the SDK's model of an account has no place for it.
    account = world.control.call("GET", f"/users/{world.user}/accounts/{world.accounts['CREDIT_CARD']}")["account"]
    product = account["credit_card_product_guid"]
    card = world.sdk.credit_card(product).credit_card_product
    assert (card.guid, isinstance(card.annual_fee, float | int)) == (product, True)


# microdeposits


def test_create_microdeposit(world: World) -> None:
    request = sdk.MicrodepositElements(
        account_number="3333123456",
        account_type="CHECKING",
        routing_number="091000019",
        account_name="My test",
        email="ada@example.com",
        first_name="Ada",
        last_name="Byron",
    )
    [made] = world.sdk.create_microdeposit(
        world.new_user(), sdk.MicrodepositRequestBody(micro_deposit=request)
    ).micro_deposit
    assert (made.status, made.account_type, made.routing_number) == ("INITIATED", "CHECKING", "091000019")


def test_read_user_microdeposit(world: World) -> None:
    user = world.new_user()
    made = world.new_microdeposit(user)
    world.advance("5m")
    [found] = world.sdk.read_user_microdeposit(made, user).micro_deposit
    assert (found.guid, found.status) == (made, "DEPOSITED")


def test_list_user_microdeposits(world: World) -> None:
    user = world.new_user()
    made = world.new_microdeposit(user)
    assert [each.guid for each in world.sdk.list_user_microdeposits(user).micro_deposits] == [made]


def test_verify_microdeposit(world: World) -> None:
    user = world.new_user()
    made = world.new_microdeposit(user)
    world.advance("5m")
    amounts = sdk.MicrodepositVerifyRequest(deposit_amount_1=0.09, deposit_amount_2=0.09)
    [found] = world.sdk.verify_microdeposit(
        made, sdk.MicrodepositVerifyRequestBody(micro_deposit=amounts)
    ).micro_deposit
    assert (found.guid, found.status) == (made, "VERIFIED")


def test_list_user_verifications(world: World) -> None:
    user = world.new_user()
    made = world.new_microdeposit(user)
    assert made in [each.guid for each in world.sdk.list_user_verifications(user).micro_deposit]


def test_delete_microdeposit(world: World) -> None:
    user = world.new_user()
    made = world.new_microdeposit(user)
    world.sdk.delete_microdeposit(made, user)
    assert gone(world.sdk.read_user_microdeposit, made, user)


# ACH returns


def test_create_ach_return(world: World) -> None:
    made = world.new_ach_return()
    assert (made.return_status, made.return_code, made.account_guid) == ("SUBMITTED", "R01", world.checking)


def test_read_ach_retrun(world: World) -> None:
    made = world.new_ach_return()
    assert world.sdk.read_ach_retrun(made.guid).ach_return == made


def test_list_ach_retruns(world: World) -> None:
    made = world.new_ach_return()
    found = world.sdk.list_ach_retruns(return_code="R01", return_status="SUBMITTED", records_per_page=100).ach_returns
    assert made.guid in [each.guid for each in found]


# processors


def test_request_authorization_code(world: World) -> None:
    request = sdk.AuthorizationCodeRequestBody(authorization_code=sdk.AuthorizationCodeRequest(scope=world.scope))
    assert len(world.sdk.request_authorization_code(request).authorization_code.code) >= 40


def test_deprecated_request_payment_processor_authorization_code(world: World) -> None:
    request = sdk.PaymentProcessorAuthorizationCodeRequest(
        user_guid=world.user, member_guid=world.member, account_guid=world.checking
    )
    body = sdk.PaymentProcessorAuthorizationCodeRequestBody(payment_processor_authorization_code=request)
    answer = world.sdk.deprecated_request_payment_processor_authorization_code(body)
    assert len(answer.payment_processor_authorization_code.authorization_code) >= 40


def test_list_tokens(world: World) -> None:
    assert world.processor
    # The SDK sends no body with a GET, so there is no scope to look for: all tokens.
    assert [token.active for token in world.sdk.list_tokens().tokens] == [True]


def test_request_account_number(world: World) -> None:
    [numbers] = world.processor.request_account_number().account_numbers
    assert (numbers.account_guid, numbers.account_number) == (world.checking, 4921710685)  # a number in the file


def test_check_real_time_account_balance(world: World) -> None:
    member = world.processor.check_real_time_account_balance().member
    world.advance()
    assert (member.guid, member.is_being_aggregated) == (world.member, True)


def test_read_account_balance(world: World) -> None:
    account = world.processor.read_account_balance().payment_account
    assert (account.account_guid, account.account_type) == (world.checking, "CHECKING")


def test_get_account_owner_info(world: World) -> None:
    owners = world.processor.get_account_owner_info().account_owners
    assert {(owner.account_guid, owner.owner_name) for owner in owners} == {(world.checking, "MX Test")}


# verifiable credentials


def claims(answer: Any) -> Any:
    """What a JWT says."""
    middle = answer.verifiable_credential.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))


def test_get_identity_data(world: World) -> None:
    assert claims(world.sdk.get_identity_data(world.user, world.member))["sub"] == world.user


def test_get_accounts_data(world: World) -> None:
    assert claims(world.sdk.get_accounts_data(world.user, world.member))["sub"] == world.user


def test_get_transactions_data(world: World) -> None:
    answer = world.sdk.get_transactions_data(world.user, world.checking, start_time="2025-12-01", end_time="2025-12-31")
    assert claims(answer)["sub"] == world.user
