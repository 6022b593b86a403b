"""Where Finicity's sources leave open what happens: a test for each row of Finicity's second table in
docs/discrepancies.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.providers.finicity import (
    test_accounts,
    test_connect,
    test_customers,
    test_promises,
    test_refreshes,
    test_refusals,
    test_sessions,
    test_shapes,
    test_webhooks,
)
from tests.providers.finicity.client import PARTNER, Finicity, parameters
from tests.providers.finicity.test_discrepancies import DOCUMENT


def test_the_payloads_that_could_not_be_read(finicity: Finicity) -> None:
    finicity.control("PUT", "/endpoints", {"endpoints": [{"url": finicity.receiver.url, "events": ["finicity.*"]}]})
    for event in ("credentialsUpdated", "invalidCredentials", "mfa", "mfaUpdated"):
        finicity.control("POST", "/trigger", {"event": f"finicity.{event}"})
    keys = {item["json"]["eventType"]: list(item["json"]["payload"]) for item in finicity.received()}
    assert keys.pop("credentialsUpdated") == ["institutionId", "mfa"]
    assert list(keys.values()) == [["institutionId"]] * 3


def test_accounts_deleted_names_the_institution(finicity: Finicity) -> None:
    finicity.play(finicity.generate(finicity.customer(), scenario="accounts-deleted"))
    [told] = [item["json"]["payload"] for item in finicity.received() if item["json"]["eventType"] == "accountsDeleted"]
    assert list(told) == ["accounts", "institutionId"]


def test_the_order_of_added(finicity: Finicity) -> None:
    for institution, keys in (("101732", []), ("102176", ["oauth"])):
        finicity.receiver.received.clear()
        customer = finicity.customer(f"customer-{institution}")
        finicity.play(finicity.generate(customer), institution=institution)
        [told] = [item["json"]["payload"] for item in finicity.received() if item["json"]["eventType"] == "added"]
        assert list(told) == ["institutionId", "accounts", *keys]


def test_events_of_lite_sessions(finicity: Finicity) -> None:
    customer = finicity.customer()
    for username, events in (("invalid_user", ["invalidCredentials"]), ("tfa_text", ["mfa", "mfaUpdated"])):
        link = finicity.generate(customer, "lite", institutionId=102105)
        played = finicity.play(link, username=username, password="go")["events"]
        assert [event for event in played if event in ("invalidCredentials", "mfa", "mfaUpdated")] == events


@pytest.mark.parametrize("kind", ["", "lite"])
def test_who_is_told_of_a_bank_that_is_not_supported(finicity: Finicity, kind: str) -> None:
    fields: dict[str, Any] = {"institutionId": 176082} if kind else {}
    wishes = {} if kind else {"institution": 176082}
    played = finicity.play(finicity.generate(finicity.customer(), kind, **fields), **wishes)
    assert "institutionNotSupported" in played["events"]


def test_branding(finicity: Finicity) -> None:
    branding = finicity.call("GET", "/institution/v2/institutions/102105/branding")["branding"]
    assert list(branding) == ["primaryColor"]


def test_ids_of_banks_stay(finicity: Finicity) -> None:
    found = finicity.call("GET", "/institution/v2/institutions?search=chase")["institutions"]
    assert found[0]["id"] == 833178265


def test_a_signature_follows_from_the_link(finicity: Finicity) -> None:
    customer = finicity.customer()
    one, two = (parameters(finicity.generate(customer))["signature"] for _ in range(2))
    assert re.fullmatch("[0-9a-f]{64}", one)
    assert one != two


def test_the_first_authentication_makes_a_partner(finicity: Finicity) -> None:
    assert finicity.authenticate("secret-of-another-1", partner="2445500000002")["token"]
    assert finicity.authenticate("secret-of-nobody-1", partner="2445500000002", status=401)["code"] == 10001


def test_reset_unlocks(finicity: Finicity) -> None:
    for _ in range(5):
        finicity.authenticate("wrong-secret-1", partner=PARTNER, status=401)
    finicity.authenticate(status=401)
    finicity.control("POST", "/reset")
    assert finicity.authenticate()["token"]


def test_accounts_are_refreshed_a_day_after(finicity: Finicity) -> None:
    customer = finicity.customer()
    before = finicity.connected(customer)[0]["aggregationAttemptDate"]
    finicity.later("23h59m")
    assert finicity.accounts(customer)[0]["aggregationAttemptDate"] == before
    finicity.later("2m")
    assert finicity.accounts(customer)[0]["aggregationAttemptDate"] == before + 86400


def test_discovery_at_once(finicity: Finicity) -> None:
    accounts = finicity.connected(finicity.customer(), username="discovertimeout", password="go")
    assert accounts


@pytest.mark.parametrize("username", ["tfa_text", "tfa_image", "tfa_choice", "tfa_multi"])
def test_questions_of_finbank(finicity: Finicity, username: str) -> None:
    played = finicity.play(finicity.generate(finicity.customer()), username=username, password="go")
    assert {"mfa", "mfaUpdated", "done"} <= set(played["events"])


def test_oauth_test_banks(finicity: Finicity) -> None:
    for id in (102176, 102219, 171011):
        institution = finicity.call("GET", f"/institution/v2/institutions/{id}")["institution"]
        assert institution["oauthEnabled"] is True
    assert finicity.call("GET", "/institution/v2/institutions/102176")["institution"]["name"] == "FinBank OAuth"


def test_what_detail_has(finicity: Finicity) -> None:
    accounts = finicity.connected(finicity.customer(), username="demo", password="go")
    known = {"availableBalanceAmount", "creditAvailableAmount", "creditMaxAmount", "interestRate", "paymentMinAmount"}
    assert set().union(*(account.get("detail", {}) for account in accounts)) == known


def test_a_customer_for_tests_at_any_bank(finicity: Finicity) -> None:
    for type in ("testing", "active"):
        for number, institution in enumerate((833178265, 101732)):
            customer = finicity.customer(f"{type}-{number}", type)
            assert finicity.play(finicity.generate(customer, "lite", institutionId=institution))["status"] == "done"
            assert finicity.accounts(customer)


ROWS: Mapping[str, Callable[..., None]] = {
    "the body of a failed ping": test_connect.test_a_webhook_that_does_not_answer_the_ping_with_2xx_gets_no_link,
    "`credentialsUpdated`, `invalidCredentials`, `mfa`, `mfaUpdated`": test_the_payloads_that_could_not_be_read,
    "`accountsDeleted`": test_accounts_deleted_names_the_institution,
    "`added`": test_the_order_of_added,
    "account records in `added` at OAuth banks": test_webhooks.test_what_an_oauth_bank_sends,
    "`unableToConnect.code`": test_sessions.test_payloads_that_say_why,
    "other events of Lite sessions": test_events_of_lite_sessions,
    "events of Fix and joint borrower sessions": test_webhooks.test_which_sessions_send_what,
    "`institutionNotSupported`": test_who_is_told_of_a_bank_that_is_not_supported,
    "`done` of reports": test_accounts.test_a_report_while_the_user_is_still_on_the_pages,
    "`application/xml`": test_webhooks.test_xml,
    "retries": test_webhooks.test_a_failing_webhook_is_tried_again_on_the_providers_schedule,
    "`send/email`": test_refusals.test_a_link_by_email,
    "an account of a report that is none of the customer's, a customer without accounts": (
        test_refusals.test_accounts_that_have_no_routing_number_and_reports_on_nothing
    ),
    "a consumer's fields that were not given": test_shapes.test_a_consumer_has_every_field,
    "the confidence of an owner's `nameClassification`": test_shapes.test_owners,
    "`branding` of an institution": test_branding,
    "ids of banks that are none of FinBank's": test_ids_of_banks_stay,
    "a username against the policy": test_customers.test_what_no_customer_can_have,
    "parameters of a link": test_connect.test_the_kinds_of_links,
    "`webhookHeaders` that a request has already": test_webhooks.test_webhook_headers_that_a_request_has_already,
    "what `signature` is made of": test_a_signature_follows_from_the_link,
    "partners": test_the_first_authentication_makes_a_partner,
    "an unknown customer in `generate/lite`": test_refusals.test_codes_of_connect_are_texts,
    "`code` of an error": test_refusals.test_codes_are_numbers,
    "an account or login to delete, of a customer that is not there": test_refusals.test_codes_are_numbers,
    "wrong partner secret, locked partner": test_reset_unlocks,
    "`code` of a failed refresh": test_accounts.test_a_refresh_that_fails_answers_with_the_code,
    "when active accounts are refreshed": test_accounts_are_refreshed_a_day_after,
    "transactions of a period": test_accounts.test_transactions,
    "`showDailyBalance`": test_promises.test_daily_balances_follow_from_the_transactions,
    "`amount` of card and investment transactions": test_shapes.test_what_is_owed_is_negative,
    "testing and active customers": test_a_customer_for_tests_at_any_bank,
    "FinBank's users": test_shapes.test_profile_02_has_a_401k,
    "FinBank's `discovertimeout`": test_discovery_at_once,
    "FinBank's `tfa_image`, `tfa_choice`, `tfa_multi`, `imagechoice`": test_questions_of_finbank,
    "names and pages of OAuth test banks": test_oauth_test_banks,
    "`detail` of an account": test_what_detail_has,
    "refreshes of transactions": test_refreshes.test_a_login_is_refreshed,
    "reports": test_accounts.test_reports_are_in_progress_and_then_done,
}


def test_every_row_has_a_test() -> None:
    section = DOCUMENT.read_text("utf-8").partition("\n## Finicity\n")[2].partition("\n## ")[0]
    table = section.partition("In these places")[2]
    rows = {line.split(" | ")[0].removeprefix("| ") for line in table.splitlines() if line.startswith("| ")}
    assert rows - {"place", "---"} == set(ROWS)
