"""Where MX's sources disagree about callbacks: a test for each row of the third table of docs/discrepancies.md."""

from __future__ import annotations

from typing import Any

import pytest

from mocksrv.providers.mx.bank.categories import BY_NAME
from mocksrv.providers.mx.events.webhooks import RETRIES
from tests.conftest import MX, Receiver
from tests.providers.mx.discrepancies import row

PAYMENT = 1769601600  # 2026-01-28T12:00:00Z, when the card of the everyday data wants its money
HOUR = 3_600_000


@pytest.fixture
def user(mx: MX, receiver: Receiver) -> str:
    """A user on a server with an endpoint that asks for everything."""
    mx.control("PUT", "/endpoints", {"endpoints": [{"url": receiver.url, "events": ["mx.*"]}]})
    return mx.user(id="customer-42", email="ada@example.com")


@pytest.fixture
def member(mx: MX, user: str) -> str:
    """A member with everyday data."""
    guid: str = mx.create(user, institution="amberlock_bank")["guid"]
    mx.advance("10s")
    return guid


def payloads(mx: MX, event: str) -> list[Any]:
    return [webhook["payload"] for webhook in mx.control("GET", f"/webhooks?event={event}&limit=1000")["webhooks"]]


def triggered(mx: MX, event: str, **more: str) -> Any:
    mx.control("POST", "/trigger", {"event": event, **more})
    return payloads(mx, event)[-1]


@row("Aggregation and Member Data Updated")
def test_one_event(mx: MX, member: str) -> None:
    assert [body["type"] for body in payloads(mx, "mx.*") if body.get("action") == "member_data_updated"] == [
        "AGGREGATION"
    ]


@row("an aggregation that brought nothing")
def test_an_aggregation_of_nothing(mx: MX, user: str, member: str) -> None:
    mx.call("POST", f"/users/{user}/members/{mx.create(user)['guid']}/aggregate")
    mx.advance("10s")
    mx.call("POST", f"/users/{user}/members/{payloads(mx, 'mx.aggregation')[-1]['member_guid']}/aggregate")
    mx.advance("10s")
    body = payloads(mx, "mx.aggregation")[-1]
    assert (body["transactions_created_count"], body["transactions_updated_count"]) == (0, 0)


@row("a balance check")
def test_a_balance_check(mx: MX, user: str, member: str) -> None:
    path = f"/users/{user}/members/{member}/check_balance"
    before = len(payloads(mx, "mx.member.*"))
    mx.call("POST", path)
    mx.advance("10s")
    assert len(payloads(mx, "mx.balance")) == 1
    assert len(payloads(mx, "mx.member.*")) == before
    mx.control("PUT", f"/subjects/{member}/status", {"status": "FAILED"})
    mx.call("POST", path)
    mx.advance("10s")
    last = payloads(mx, "mx.member.*")[-1]["member"]
    assert (last["connection_status"], last["is_being_aggregated"]) == ("CONNECTED", False)


@row("`accounts` of a verification")
def test_accounts_of_a_verification(mx: MX, user: str, member: str) -> None:
    mx.call("POST", f"/users/{user}/members/{member}/verify")
    mx.advance("5s")
    mx.answer(user, member, mx.status(user, member)["challenges"][0]["options"][0]["value"])
    mx.advance("5s")
    [body] = payloads(mx, "mx.verification")
    assert [guid[:4] for guid in body["accounts"]] == ["ACT-"]


@row("`user_guid` of a member")
def test_user_of_a_member(mx: MX, user: str, member: str) -> None:
    assert payloads(mx, "mx.member.created")[0]["member"]["user_guid"] == user


@row("the message of CONNECTED")
def test_the_message_of_connected(mx: MX, member: str) -> None:
    assert (
        payloads(mx, "mx.member.updated")[-1]["member"]["connection_status_message"] == "Connected to Amberlock Bank."
    )


@row("`institution_guid` and `action` of a job status")
def test_job_status(mx: MX, member: str) -> None:
    [body] = payloads(mx, "mx.job_status")
    assert list(body) == ["job"]
    assert body["job"]["institution_guid"].startswith("INS-")


@row("the numbers of a job's statuses")
def test_numbers_of_job_statuses(mx: MX, member: str) -> None:
    for scenario in ("denied", "prevented", "failed", "challenged"):
        mx.create(mx.user(), headers={"X-Mocksrv-Scenario": scenario})
        mx.advance("5s")
    found = {(body["job"]["status"], body["job"]["status_name"]) for body in payloads(mx, "mx.job_status")}
    assert found == {(2, "CHALLENGED"), (6, "COMPLETED"), (7, "PREVENTED"), (8, "DENIED"), (9, "HALTED")}


@row("`…_set_by` of an account")
def test_who_set_the_values_of_an_account(mx: MX, user: str, member: str) -> None:
    mx.call("POST", f"/users/{user}/accounts", {"account": {"account_type": "SAVINGS", "name": "Jar"}})
    assert {body["account"]["name_set_by"] for body in payloads(mx, "mx.account.created")} == {"FEED", "USER"}


@row("`feed_status`, `feed_transaction_type` of a transaction")
def test_feed_of_a_transaction(mx: MX, member: str) -> None:
    bodies = [body["transaction"] for body in payloads(mx, "mx.transaction.created")]
    assert {(body["status"], body["feed_status"]) for body in bodies} == {("POSTED", 1), ("PENDING", 2)}
    assert {(body["type"], body["feed_transaction_type"]) for body in bodies} == {("CREDIT", 1), ("DEBIT", 2)}


@row("`amount`, `projected_spending`, `transaction_total` of a budget")
def test_amounts_of_a_budget(mx: MX, user: str, member: str) -> None:
    mx.call("POST", f"/users/{user}/budgets", {"budget": {"category_guid": BY_NAME["Food & Dining"].guid, "amount": 1}})
    shown = payloads(mx, "mx.budget.created")[0]["budget"]
    told = payloads(mx, "mx.notification.BUDGET_OFF_TARGET")[0]["budget"]
    assert (shown["amount"], told["amount"]) == (1, 1)
    for name in ("projected_spending", "transaction_total"):
        assert shown[name] == f"{told[name]:.2f}"


@row("`client_id`")
def test_client_ids(mx: MX, user: str, member: str) -> None:
    found = {
        name: triggered(mx, f"mx.notification.{name}", subject=member)
        for name in ("ACCOUNT_BALANCE_LOW", "TRANSACTION_FEE_CHARGE")
    }
    assert {
        body[group]["client_id"] for body in found.values() for group in ("account", "transaction") if group in body
    } == {"amberlock_bank"}
    assert triggered(mx, "mx.notification.OFFER")["offer"]["client_id"] == "default"
    assert triggered(mx, "mx.budget.updated")["budget"]["client_id"] == "default"


@row("`updated_at` of an insight")
def test_moments_of_an_insight(mx: MX, member: str) -> None:
    mx.advance("1m")
    insight = payloads(mx, "mx.insight.created")[0]["insight"]
    assert (insight["created_at"], insight["updated_at"]) == (1767268832, "2026-01-01")


@row("beats")
def test_beats(mx: MX, member: str) -> None:
    mx.advance("1m")
    beats, insights = payloads(mx, "mx.beat.created"), payloads(mx, "mx.insight.created")
    assert [body["beat"]["guid"] for body in beats] == [body["insight"]["guid"] for body in insights]
    assert triggered(mx, "mx.beat.generated")["action"] == "generated"


@row("`verified_at` of a microdeposit")
def test_when_a_microdeposit_was_verified(mx: MX, user: str) -> None:
    numbers = {"account_number": "333398765", "account_type": "CHECKING", "routing_number": "091000019"}
    names = {"account_name": "Mine", "first_name": "Ada", "last_name": "Byron", "email": "ada@example.com"}
    made = mx.call("POST", f"/users/{user}/micro_deposits", {"micro_deposit": {**numbers, **names}})["micro_deposit"][0]
    mx.advance("2m")
    amounts = {"deposit_amount_1": 0.09, "deposit_amount_2": 0.09}
    mx.call("PUT", f"/micro_deposits/{made['guid']}/verify", {"micro_deposit": amounts})
    shown = [body["micro_deposit"] for body in payloads(mx, "mx.micro_deposit.*")]
    assert ["verified_at" in body for body in shown] == [body["status_name"] == "VERIFIED" for body in shown]
    assert shown[-1]["verified_at"] == "2026-01-01T12:02:00.000+00:00"


@row("`estimated_payment_due_at` of an alert")
def test_when_a_payment_is_due(mx: MX, user: str, member: str) -> None:
    [card] = [each for each in mx.call("GET", f"/users/{user}/accounts")["accounts"] if each["type"] == "CREDIT_CARD"]
    body = triggered(mx, "mx.notification.DEBT_PAYMENT_REMINDER", subject=card["guid"])
    assert body["account"]["estimated_payment_due_at"] == PAYMENT


@row("`os_version` of an alert's device")
def test_version_of_a_device(mx: MX, user: str) -> None:
    assert triggered(mx, "mx.notification.DEVICE_CREATED")["device"]["os_version"] == "15"


@row("`sms_verification_token` of `EMAIL_VERIFICATION`")
def test_token_of_an_address(mx: MX, user: str) -> None:
    body = triggered(mx, "mx.notification.EMAIL_VERIFICATION", subject=user)
    mx.control("POST", f"/users/{user}/verify", {"token": body["user"]["sms_verification_token"]})
    assert mx.control("PUT", f"/users/{user}", {})["verifications"][0]["used_at"] is not None


@row("when `EMAIL_VERIFICATION` is sent")
def test_what_a_new_address_sends(mx: MX) -> None:
    user = mx.user(email="sam@example.com")
    assert payloads(mx, "mx.notification.EMAIL_VERIFICATION") == []
    mx.control("PUT", f"/users/{user}", {"channels": ["email"]})
    mx.call("PUT", f"/users/{user}", {"user": {"email": "new@example.com"}})
    sent = payloads(mx, "mx.notification.EMAIL_VERIFICATION")
    assert [body["user_email"] for body in sent] == ["sam@example.com", "new@example.com"]


@row("notifications, and the object family")
def test_what_a_plain_client_gets(mx: MX, receiver: Receiver) -> None:
    mx.create(mx.user(), institution="amberlock_bank")
    mx.advance("40d")
    keys = {name for body in receiver.bodies() for name, value in body.items() if isinstance(value, dict)}
    assert {"member", "insight"} <= keys <= {"member", "insight", "account", "transaction"}
    assert all("enabled_channels" in body for body in receiver.bodies() if {"account", "transaction"} & body.keys())


@row("the body of a `deleted`")
def test_what_is_deleted(mx: MX, user: str) -> None:
    tag = mx.call("POST", f"/users/{user}/tags", {"tag": {"name": "Work"}})["tag"]["guid"]
    mx.call("DELETE", f"/users/{user}/tags/{tag}")
    assert payloads(mx, "mx.tag.deleted")[0]["tag"] == payloads(mx, "mx.tag.created")[0]["tag"] | {"revision": 2}


@row("how long a callback is tried again")
def test_retries() -> None:
    assert len(RETRIES.delays) == 12
    assert 23.5 * HOUR < sum(RETRIES.delays) < 24 * HOUR
    assert RETRIES.jitter == 0.2
