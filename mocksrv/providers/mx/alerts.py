"""MX's notification webhooks: what a user is alerted of. Seventeen actions in six groups, and the rules that raise them.

Source: MX's page on notification webhooks. The thresholds are inferred: MX's users set their own. What no call of the Platform API
causes (devices, offers, passwords) is sent by `mocksrv trigger` and by scenarios.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mocksrv.engine.clock import DAY
from mocksrv.engine.sandbox import World
from mocksrv.engine.store import Record
from mocksrv.providers.mx.api import shown
from mocksrv.providers.mx.webhooks import seconds, send

LOW_BALANCE = 100.0  # of a checking or savings account
LARGE_DEPOSIT = 1000.0
LARGE_EXPENSE = 500.0
REMINDER = 3 * DAY  # before a payment is due
DEPOSITS = ("CHECKING", "SAVINGS")
DEBTS = ("CREDIT_CARD", "LOAN", "LINE_OF_CREDIT", "MORTGAGE")
PRODUCT = "mocksrv"  # client_product_name: the sender's display name

# group -> the fields of its object; those that end in _at, and ``date``, are Unix seconds
GROUPS: Mapping[str, tuple[str, ...]] = {
    group: tuple(names.split())
    for group, names in {
        "account": """account_number available_balance balance client_id created_at currency_code estimated_payment_due_at guid
            low_balance_threshold member_guid minimum_payment name payment_due_at revision updated_at user_guid user_id""",
        "budget": """amount category_guid client_id created_at guid is_exceeded is_off_track metadata name parent_guid
            projected_spending revision transaction_total updated_at user_guid user_id""",
        "device": """client_id client_product_name created_at guid make model name os_name os_version updated_at user_guid user_id""",
        "offer": "client_id client_product_name created_at offer updated_at user_guid user_id",
        "transaction": """account_guid account_name account_number amount category_guid client_id created_at currency_code date
            description guid is_fee is_international is_overdraft_fee member_guid revision status transaction_threshold type
            updated_at user_guid user_id""",
        "user": """client_id client_product_name created_at email_verification_url first_name guid institution_name last_name
            sms_verification_token updated_at user_id""",
    }.items()
}
ACTIONS: Mapping[str, str] = {
    "ACCOUNT_BALANCE_LOW": "account",
    "DEBT_PAYMENT_REMINDER": "account",
    "BUDGET_EXCEEDED": "budget",
    "BUDGET_OFF_TARGET": "budget",
    "DEVICE_CREATED": "device",
    "DEVICE_DELETED": "device",
    "OFFER": "offer",
    "ACCOUNT_DEPOSIT_LARGE": "transaction",
    "TRANSACTION_EXPENSE_LARGE": "transaction",
    "TRANSACTION_FEE_CHARGE": "transaction",
    "TRANSACTION_IS_INTERNATIONAL": "transaction",
    "EMAIL_VERIFICATION": "user",
    "EMAIL_VERIFIED": "user",
    "PASSWORD_CHANGED": "user",
    "PASSWORD_RESET_TOKEN": "user",
    "SMS_VERIFICATION": "user",
    "WELCOME_NEW_USER": "user",
}
EVENTS = frozenset(f"mx.notification.{action}" for action in ACTIONS)


def payload(action: str, user: Record, view: Mapping[str, Any]) -> dict[str, Any]:
    """The body: ``view`` has the object's fields, moments in milliseconds."""
    group = ACTIONS[action]
    known = {"client_product_name": PRODUCT, "user_guid": user.guid, "user_id": user.partner_id, **view}
    email = user.body["email"] or ""
    return {
        "action": action,
        "enabled_channels": ["in_app", "email"] if email else ["in_app"],
        "user_email": email,
        "user_mobile": "",
        group: {name: _written(name, known.get(name)) for name in GROUPS[group]},
    }


def _written(name: str, value: Any) -> Any:
    return seconds(value) if name.endswith("_at") or name == "date" else value


def alert(world: World, action: str, user: Record, subject: Record, **more: Any) -> None:
    """Writes the event of an alert about a record of this user."""
    body = payload(action, user, {**shown(subject), "account_guid": subject.parent, "member_guid": subject.subject, **more})
    send(world, f"mx.notification.{action}", subject.guid, body)


# what raises them


def account_changed(world: World, user: Record, account: Record, before: float | None) -> None:
    """After a balance was brought up to date: has it fallen under the threshold, is a payment due soon? ``before``: the old balance."""
    body = account.body
    shown_as = account_view(world, account)
    if body["type"] in DEPOSITS and body["balance"] is not None and body["balance"] < LOW_BALANCE <= (before or 0.0):
        alert(world, "ACCOUNT_BALANCE_LOW", user, account, **shown_as)
    due = body.get("payment_due_at")
    if body["type"] in DEBTS and due is not None and world.now <= due <= world.now + REMINDER and body.get("reminded_of") != due:
        body["reminded_of"] = due
        world.save_play(account)
        alert(world, "DEBT_PAYMENT_REMINDER", user, account, **shown_as)


def account_view(world: World, account: Record) -> dict[str, Any]:
    """What an alert shows of an account that the account itself does not."""
    body = account.body
    due = body.get("payment_due_at")
    return {
        "account_number": account.partner_id,
        "client_id": body.get("institution_code"),
        "estimated_payment_due_at": due if due and due > world.now else None,
        "low_balance_threshold": LOW_BALANCE if body["type"] in DEPOSITS else None,
        "minimum_payment": body.get("minimum_payment") if body["type"] in DEBTS else None,
    }


def transactions_added(world: World, user: Record, account: Record, transactions: Iterable[Record]) -> None:
    """After new transactions came in: large ones, fees, and those from abroad."""
    for transaction in transactions:
        for action, threshold in _raised(transaction.body):
            alert(
                world, action, user, transaction, account_name=account.body["name"], account_number=account.partner_id,
                client_id=account.body.get("institution_code"), date=transaction.sort, transaction_threshold=threshold,
            )  # fmt: skip


def _raised(body: Mapping[str, Any]) -> list[tuple[str, float | None]]:
    """The alerts of one transaction, with the threshold that its amount went over."""
    found: list[tuple[str, float | None]] = []
    if body["type"] == "CREDIT" and body["amount"] > LARGE_DEPOSIT:
        found.append(("ACCOUNT_DEPOSIT_LARGE", LARGE_DEPOSIT))
    if body.get("is_expense") and body["amount"] > LARGE_EXPENSE:
        found.append(("TRANSACTION_EXPENSE_LARGE", LARGE_EXPENSE))
    if body.get("is_fee") or body.get("is_overdraft_fee"):
        found.append(("TRANSACTION_FEE_CHARGE", None))
    if body.get("is_international"):
        found.append(("TRANSACTION_IS_INTERNATIONAL", None))
    return found


def budgets_checked(world: World, user: Record, budgets: Iterable[tuple[Record, Mapping[str, Any]]], month: int) -> None:
    """After spending changed: budgets (with what is computed of them) that went over this ``month``, told once a month each."""
    for budget, view in budgets:
        for flag, action in (("is_exceeded", "BUDGET_EXCEEDED"), ("is_off_track", "BUDGET_OFF_TARGET")):
            told = f"{action}_told"
            if view[flag] and budget.body.get(told) != month:
                budget.body[told] = month
                world.save_play(budget)
                alert(world, action, user, budget, **view)
