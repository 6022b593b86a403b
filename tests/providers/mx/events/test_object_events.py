"""The events of objects: what stands in their bodies, who causes them, and the calls that ask for silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mocksrv.providers.mx.bank.categories import BY_NAME
from tests.conftest import MX, Receiver

START = 1767268800  # 2026-01-01T12:00:00Z
FOOD, GROCERIES = (BY_NAME[name].guid for name in ("Food & Dining", "Groceries"))
SILENT = {"MX-Skip-Webhook": "true"}
V2 = {"Accept": "application/json", "Accept-Version": "v20250224"}


@pytest.fixture
def user(mx: MX, receiver: Receiver) -> str:
    """A user on a server with an endpoint that asks for everything."""
    mx.control("PUT", "/endpoints", {"endpoints": [{"url": receiver.url, "events": ["mx.*"]}]})
    return mx.user(id="customer-42", email="ada@example.com")


def payloads(mx: MX, event: str) -> list[Any]:
    """The bodies of an event, oldest first."""
    return [webhook["payload"] for webhook in mx.control("GET", f"/webhooks?event={event}&limit=1000")["webhooks"]]


def manual(mx: MX, user: str, **more: Any) -> Any:
    body = {"account_type": "CHECKING", "name": "Jar", "balance": 800, **more}
    return mx.call("POST", f"/users/{user}/accounts", {"account": body})["account"]


def entered(mx: MX, user: str, account: str, **more: Any) -> str:
    body = {
        "amount": 23.75,
        "date": "2025-12-31",
        "description": "Corner Market",
        "type": "DEBIT",
        "category_guid": GROCERIES,
        **more,
    }
    guid: str = mx.call("POST", f"/users/{user}/accounts/{account}/transactions", {"transaction": body})["guid"]
    return guid


# bodies


def test_an_account_says_who_set_its_values(mx: MX, user: str) -> None:
    mx.create(user, id="m-1")
    mx.advance("10s")
    body = next(
        each["account"]
        for each in payloads(mx, "mx.account.created")
        if each["account"]["account_type"] == "CREDIT_CARD"
    )
    shown = {
        name: body[name]
        for name in ("balance", "balance_set_by", "feed_balance", "apr", "apr_set_by", "account_type_set_by")
    }
    assert shown == {
        "balance": 10000.0,
        "balance_set_by": "FEED",
        "feed_balance": 10000.0,
        "apr": None,
        "apr_set_by": None,
        "account_type_set_by": "FEED",
    }
    assert (body["member_id"], body["user_id"], body["created_at"]) == ("m-1", "customer-42", START + 2)
    assert body["payment_due_at"] == 1620388620
    made = manual(mx, user)
    body = payloads(mx, "mx.account.created")[-1]["account"]
    assert (body["guid"], body["balance_set_by"], body["feed_balance"]) == (made["guid"], "USER", None)


def test_a_transaction_has_the_feed_beside_what_is_shown(mx: MX, user: str) -> None:
    mx.create(user, id="m-1")
    mx.advance("10s")
    body = payloads(mx, "mx.transaction.created")[0]["transaction"]
    path = f"/users/{user}/transactions/{body['guid']}"
    [shown] = mx.call("GET", path)["transactions"]
    assert (body["feed_status"], body["feed_transaction_type"]) == (1, 2 if shown["type"] == "DEBIT" else 1)
    assert (body["feed_description"], body["feed_amount"]) == (shown["original_description"], shown["amount"])
    assert body["date"] % 86400 == 0
    assert (body["category_name"], body["category_set_by"], body["amount_set_by"]) == (
        shown["category"],
        "SYSTEM",
        "FEED",
    )
    mx.call("PUT", path, {"transaction": {"category_guid": GROCERIES}})
    body = payloads(mx, "mx.transaction.updated")[-1]["transaction"]
    assert (body["category_name"], body["category_set_by"], body["revision"]) == ("Groceries", "USER", 2)


def test_a_holding_that_is_gone_says_when(mx: MX, user: str) -> None:
    mx.create(user)
    mx.create(user, username="other")
    mx.advance("10s")
    both = [
        each["guid"] for each in mx.call("GET", f"/users/{user}/accounts")["accounts"] if each["type"] == "INVESTMENT"
    ]
    mx.call("POST", f"/users/{user}/accounts/merge", {"account": {"account_guids": both}}, headers=V2)
    assert {body["holding"]["deleted_at"] for body in payloads(mx, "mx.holding.created")} == {None}
    gone = payloads(mx, "mx.holding.deleted")
    assert {(body["holding"]["deleted_at"], body["holding"]["revision"]) for body in gone} == {(START + 10, 2)}
    assert isinstance(gone[0]["holding"]["shares"], float)


def test_a_beat_is_an_insight_under_its_older_name(mx: MX, user: str) -> None:
    mx.create(user, institution="amberlock_bank")
    mx.advance("1m")
    beats, insights = (payloads(mx, f"mx.{what}.created") for what in ("beat", "insight"))
    assert [body["beat"]["guid"] for body in beats] == [body["insight"]["guid"] for body in insights] != []
    beat, insight = beats[0]["beat"], insights[0]["insight"]
    assert beat["expires_at"] == beat["active_at"] + 7 * 86400
    assert beat["created_at"] == "2026-01-01T12:00:32+00:00"
    listed = mx.call("GET", f"/users/{user}/insights/{beat['guid']}/accounts")["accounts"]
    assert beat["account_guids"] == [account["guid"] for account in listed]
    assert (beat["title"], beat["primary_account_guid"]) == (insight["title"], next(iter(beat["account_guids"]), None))


def test_beats_are_asked_for(mx: MX, receiver: Receiver) -> None:
    mx.create(mx.user(), institution="amberlock_bank")
    mx.advance("1m")
    assert payloads(mx, "mx.insight.created")
    assert payloads(mx, "mx.beat.*") == []


def test_there_is_one_client(mx: MX, user: str) -> None:
    member = mx.create(user, institution="amberlock_bank")["guid"]
    mx.advance("1m")
    of_insight = payloads(mx, "mx.insight.created")[0]["insight"]["client_guid"]
    mx.control("POST", "/trigger", {"event": "mx.initial_data_ready", "subject": member})
    account = mx.call("GET", f"/users/{user}/accounts")["accounts"][0]["guid"]
    guids = {"user_guid": user, "member_guid": member, "account_guid": account}
    returned = mx.call("POST", "/ach_returns", {"ach_return": {"id": "ach-1", "return_code": "R01", **guids}})[
        "ach_return"
    ]
    read = mx.call("GET", f"/users/{user}/insights")["insights"][0]["client_guid"]
    assert {of_insight, read, payloads(mx, "mx.initial_data_ready")[0]["client_guid"], returned["client_guid"]} == {
        of_insight
    }


# causes


def test_what_is_only_computed_changes_no_object(mx: MX, user: str) -> None:
    account = manual(mx, user)["guid"]
    mx.call("POST", f"/users/{user}/budgets", {"budget": {"category_guid": FOOD, "amount": 300}})
    wanted = {
        "amount": 2500,
        "goal_type_name": "SAVE_AMOUNT",
        "meta_type_name": "VACATION",
        "name": "Trip",
        "account_guid": account,
    }
    mx.call("POST", f"/users/{user}/goals", {"goal": wanted})
    entered(mx, user, account, date="2026-01-01")
    assert mx.call("GET", f"/users/{user}/budgets")["budgets"][0]["transaction_total"] == 23.75
    assert payloads(mx, "mx.budget.updated") + payloads(mx, "mx.goal.updated") == []


def test_with_a_member_and_a_user_go_no_events_of_what_they_had(mx: MX, user: str) -> None:
    member = mx.create(user)["guid"]
    manual(mx, user)
    mx.advance("10s")
    before = {webhook["id"] for webhook in mx.control("GET", "/webhooks?event=*.deleted&limit=1000")["webhooks"]}
    mx.call("DELETE", f"/users/{user}/members/{member}")
    mx.call("DELETE", f"/users/{user}")
    gone = [
        webhook
        for webhook in mx.control("GET", "/webhooks?event=*.deleted&limit=1000")["webhooks"]
        if webhook["id"] not in before
    ]
    assert [webhook["event"] for webhook in gone] == ["mx.member.deleted", "mx.member.deleted", "mx.user.deleted"]
    assert gone[0]["subject"] == member


def test_with_a_manual_account_go_its_transactions(mx: MX, user: str) -> None:
    account = manual(mx, user)["guid"]
    entered(mx, user, account)
    mx.call("DELETE", f"/users/{user}/accounts/{account}")
    assert [len(payloads(mx, f"mx.{what}.deleted")) for what in ("transaction", "account")] == [1, 1]


# silence


# resource -> the calls that create, update and delete one; each takes the client, the user, what there is, and headers
Calls = tuple[str, dict[str, Any], str, dict[str, Any]]


def resources(mx: MX, user: str) -> dict[str, Calls]:
    """Wrapper -> the list's path, a new one, the path of what is updated and deleted, a change."""
    account = manual(mx, user, name="Other")
    base = f"/users/{user}"
    credentials = {"institution_code": "mxbank", "credentials": mx.credentials(), "skip_aggregation": True}
    goal = {
        "amount": 25,
        "goal_type_name": "SAVE_AMOUNT",
        "meta_type_name": "TRIP",
        "name": "Trip",
        "account_guid": account["guid"],
    }
    entry = {"amount": 5, "date": "2026-01-01", "description": "Shop", "type": "DEBIT"}
    of_member = f"{base}/members/{account['member_guid']}/accounts"
    return {
        "account": (f"{base}/accounts", {"account_type": "SAVINGS", "name": "Jar"}, of_member, {"nickname": "mine"}),
        "budget": (f"{base}/budgets", {"category_guid": FOOD, "amount": 300}, f"{base}/budgets", {"amount": 350}),
        "category": (
            f"{base}/categories",
            {"name": "Climbing", "parent_guid": BY_NAME["Entertainment"].guid},
            f"{base}/categories",
            {"name": "Ropes"},
        ),
        "goal": (f"{base}/goals", goal, f"{base}/goals", {"name": "Winter"}),
        "member": (f"{base}/members", credentials, f"{base}/members", {"metadata": "new"}),
        "transaction": (
            f"{base}/accounts/{account['guid']}/transactions",
            entry,
            f"{base}/transactions",
            {"memo": "for two"},
        ),
        "tag": (f"{base}/tags", {"name": "Work"}, f"{base}/tags", {"name": "Home"}),
    }


RESOURCES = ("account", "budget", "category", "goal", "member", "transaction", "tag")


def changes(
    mx: MX, user: str, what: str, headers: Callable[[str], dict[str, str]], body: Callable[[str], dict[str, Any]]
) -> list[str]:
    """Creates, updates and deletes a resource; the events of it."""
    made, new, path, changed = resources(mx, user)[what]
    answer = mx.call("POST", made, {what: {**new, **body("created")}}, headers=headers("created"))
    guid = answer.get(what, answer)["guid"]
    mx.call("PUT", f"{path}/{guid}", {what: {**changed, **body("updated")}}, headers=headers("updated"))
    mx.call("DELETE", f"/users/{user}/{path.rpartition('/')[2]}/{guid}", headers=headers("deleted"))
    return [webhook["event"] for webhook in mx.control("GET", f"/webhooks?subject={guid}")["webhooks"]]


@pytest.mark.parametrize("what", RESOURCES)
def test_no_call_is_silent_by_itself(mx: MX, user: str, what: str) -> None:
    events = changes(mx, user, what, lambda _: {"MX-Skip-Webhook": "false"}, lambda _: {"skip_webhook": False})
    assert events == [f"mx.{what}.created", f"mx.{what}.updated", f"mx.{what}.deleted"]


@pytest.mark.parametrize("silent", ["created", "updated", "deleted"])
@pytest.mark.parametrize("what", RESOURCES)
def test_the_header_silences_one_call(mx: MX, user: str, what: str, silent: str) -> None:
    events = changes(mx, user, what, lambda action: SILENT if action == silent else {}, lambda _: {})
    assert events == [f"mx.{what}.{action}" for action in ("created", "updated", "deleted") if action != silent]


@pytest.mark.parametrize("silent", ["created", "updated"])
@pytest.mark.parametrize("what", RESOURCES)
def test_the_body_silences_one_call(mx: MX, user: str, what: str, silent: str) -> None:
    events = changes(mx, user, what, lambda _: {}, lambda action: {"skip_webhook": True} if action == silent else {})
    assert events == [f"mx.{what}.{action}" for action in ("created", "updated", "deleted") if action != silent]
    assert mx.control("GET", "/violations")["violations"] == []


def test_what_goes_with_a_silent_change_is_silent_too(mx: MX, user: str) -> None:
    account = manual(mx, user)["guid"]
    entered(mx, user, account)
    before = mx.events()
    mx.call("DELETE", f"/users/{user}/accounts/{account}", headers=SILENT)
    assert mx.events() == before


def test_the_job_of_a_silent_call_is_not_silent(mx: MX, user: str) -> None:
    mx.create(user, headers=SILENT)
    assert mx.events() == []
    mx.advance("10s")
    assert mx.events()[0] == "mx.member.updated"
    assert payloads(mx, "mx.aggregation")
