"""MX's notification webhooks: what a user is alerted of. Seventeen actions in six groups, and the rules that raise
them.

Source: MX's page on notification webhooks. The thresholds are inferred: MX's users set their own. What no call of the
Platform API causes (devices, offers, all about logins) is sent by `mocksrv trigger` and by scenarios.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mocksrv.engine.callbacks import outbox
from mocksrv.engine.clock import DAY
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers.mx.events.changes import AccountChanged, TransactionsAdded, after
from mocksrv.providers.mx.events.objects import day_seconds
from mocksrv.providers.mx.events.webhooks import UNASKED, client_id, seconds, send
from mocksrv.providers.mx.http.call import shown
from mocksrv.providers.profiles import DEBTS

LOW_BALANCE = 100.0  # of a checking or savings account
LARGE_DEPOSIT = 1000.0
LARGE_EXPENSE = 500.0
REMINDER = 3 * DAY  # before a payment is due
DEPOSITS = ("CHECKING", "SAVINGS")
PRODUCT = "mocksrv"  # client_product_name: the sender's display name

# group -> the fields of its object; those that end in _at, and ``date``, are Unix seconds
GROUPS: Mapping[str, tuple[str, ...]] = {
    group: tuple(names.split())
    for group, names in {
        "account": """account_number available_balance balance client_id created_at currency_code
            estimated_payment_due_at guid low_balance_threshold member_guid minimum_payment name payment_due_at
            revision updated_at user_guid user_id""",
        "budget": """amount category_guid client_id created_at guid is_exceeded is_off_track metadata name parent_guid
            projected_spending revision transaction_total updated_at user_guid user_id""",
        "device": """client_id client_product_name created_at guid make model name os_name os_version updated_at
            user_guid user_id""",
        "offer": "client_id client_product_name created_at offer updated_at user_guid user_id",
        "transaction": """account_guid account_name account_number amount category_guid client_id created_at
            currency_code date description guid is_fee is_international is_overdraft_fee member_guid revision status
            transaction_threshold type updated_at user_guid user_id""",
        "user": """client_id client_product_name created_at email_verification_url first_name guid institution_name
            last_name sms_verification_token updated_at user_id""",
    }.items()
}


@dataclass(frozen=True, slots=True)
class Action:
    """One alert: which group's object it carries, and what raises it."""

    group: str
    when: str


ACTIONS: Mapping[str, Action] = {
    "ACCOUNT_BALANCE_LOW": Action("account", f"a checking or savings account has fallen under {LOW_BALANCE:.2f}"),
    "DEBT_PAYMENT_REMINDER": Action(
        "account", f"a payment on a debt is due in the next {REMINDER // DAY} days; told once for each"
    ),
    "BUDGET_EXCEEDED": Action("budget", "more is spent than the budget has; told once a month"),
    "BUDGET_OFF_TARGET": Action(
        "budget", "by this month and the last 90 days more will be spent than the budget has; told once a month"
    ),
    "DEVICE_CREATED": Action("device", "a mobile device was added"),
    "DEVICE_DELETED": Action("device", "a mobile device was removed"),
    "OFFER": Action("offer", "a campaign has an offer for the user"),
    "ACCOUNT_DEPOSIT_LARGE": Action("transaction", f"a new transaction brings more than {LARGE_DEPOSIT:.2f}"),
    "TRANSACTION_EXPENSE_LARGE": Action("transaction", f"a new transaction spends more than {LARGE_EXPENSE:.2f}"),
    "TRANSACTION_FEE_CHARGE": Action("transaction", "a new transaction is a fee"),
    "TRANSACTION_IS_INTERNATIONAL": Action("transaction", "a new transaction comes from abroad"),
    "EMAIL_VERIFICATION": Action("user", "the user has a new e-mail address, to be verified within 24 hours"),
    "EMAIL_VERIFIED": Action("user", "the e-mail address was verified"),
    "PASSWORD_CHANGED": Action("user", "the password was changed"),
    "PASSWORD_RESET_TOKEN": Action("user", "a new password was asked for"),
    "SMS_VERIFICATION": Action("user", "the user has a new device for SMS, to be verified within ten minutes"),
    "WELCOME_NEW_USER": Action("user", "the user has logged in for the first time"),
}
EVENTS = frozenset(f"mx.notification.{action}" for action in ACTIONS)


def payload(action: str, user: Record, view: Mapping[str, Any]) -> dict[str, Any]:
    """The body: ``view`` has the object's fields, moments in milliseconds."""
    group = ACTIONS[action].group
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
    if name == "date":
        return day_seconds(value)
    return seconds(value) if name.endswith("_at") else value


def alert(world: World, action: str, user: Record, subject: Record, **more: Any) -> None:
    """Writes the event of an alert about a record of this user."""
    keys = {"account_guid": subject.parent, "member_guid": subject.subject, "client_id": client_id(world.sandbox.name)}
    send(world, f"mx.notification.{action}", subject.guid, payload(action, user, {**shown(subject), **keys, **more}))


# what alerts show of records that these do not


def account_view(world: World, account: Record) -> dict[str, Any]:
    """Of an account."""
    body = account.body
    return {
        "account_number": account.partner_id,
        "client_id": body.get("institution_code"),
        "estimated_payment_due_at": payment_due(body, world.now),
        "low_balance_threshold": LOW_BALANCE if body["type"] in DEPOSITS else None,
        "minimum_payment": body.get("minimum_payment") if body["type"] in DEBTS else None,
    }


def payment_due(body: Mapping[str, Any], now: int) -> int | None:
    """When the next payment of an account is due: as its bank says, else the next such day of a month; None where there
    is none.
    """
    due: int | None = body.get("payment_due_at")
    day = body.get("day_payment_is_due")
    if due is not None and due > now:
        return due
    if not day:
        return None
    today = datetime.fromtimestamp(now / 1000, UTC)
    months = (today.year * 12 + today.month - 1 + later for later in (0, 1))
    days = (datetime(m // 12, m % 12 + 1, min(day, monthrange(m // 12, m % 12 + 1)[1]), tzinfo=UTC) for m in months)
    return next(at for at in (round(each.timestamp()) * 1000 for each in days) if at > now)


def transaction_view(world: World, transaction: Record, threshold: float | None) -> dict[str, Any]:
    """Of a transaction, whose amount went over this threshold."""
    account = world.get("mx.account", transaction.parent or "")
    of_account = (
        {
            "account_name": account.body["name"],
            "account_number": account.partner_id,
            "client_id": account.body.get("institution_code"),
        }
        if account
        else {}
    )
    return {**of_account, "date": transaction.sort, "transaction_threshold": threshold}


THRESHOLDS: Mapping[str, float] = {"ACCOUNT_DEPOSIT_LARGE": LARGE_DEPOSIT, "TRANSACTION_EXPENSE_LARGE": LARGE_EXPENSE}


# what raises them


def asked(world: World, group: str) -> bool:
    """Whether any endpoint gets alerts of this group; nobody is told of what a client has muted."""
    names = (name for name, action in ACTIONS.items() if action.group == group)
    return not world.muted and any(outbox.wanted(world, f"mx.notification.{name}", UNASKED) for name in names)


@after(AccountChanged)
def account_changed(world: World, change: AccountChanged) -> None:
    """Has the balance of an account fallen under the threshold, is a payment due soon?"""
    account, before = change.account, change.before
    user = world.get("mx.user", account.owner) if asked(world, "account") else None
    if user is None:
        return
    body = account.body
    balance = body.get("balance")
    if body["type"] in DEPOSITS and balance is not None and before is not None and balance < LOW_BALANCE <= before:
        alert(world, "ACCOUNT_BALANCE_LOW", user, account, **account_view(world, account))
    due = payment_due(body, world.now)
    if body["type"] in DEBTS and due is not None and due <= world.now + REMINDER and body.get("reminded_of") != due:
        body["reminded_of"] = due
        world.save_play(account)
        alert(world, "DEBT_PAYMENT_REMINDER", user, account, **account_view(world, account))


@after(TransactionsAdded, rank=2)
def transactions_added(world: World, change: TransactionsAdded) -> None:
    """Large ones, fees, and those from abroad."""
    if not asked(world, "transaction"):
        return
    for transaction in change.transactions:
        user = world.get("mx.user", transaction.owner)
        if user is not None:
            for action in _raised(transaction.body):
                alert(world, action, user, transaction, **transaction_view(world, transaction, THRESHOLDS.get(action)))


def _raised(body: Mapping[str, Any]) -> list[str]:
    """The alerts of one transaction."""
    found = {
        "ACCOUNT_DEPOSIT_LARGE": body["type"] == "CREDIT" and body["amount"] > LARGE_DEPOSIT,
        "TRANSACTION_EXPENSE_LARGE": body.get("is_expense") and body["amount"] > LARGE_EXPENSE,
        "TRANSACTION_FEE_CHARGE": body.get("is_fee") or body.get("is_overdraft_fee"),
        "TRANSACTION_IS_INTERNATIONAL": body.get("is_international"),
    }
    return [action for action, raised in found.items() if raised]


def budgets_checked(
    world: World, user: Record, budgets: Iterable[tuple[Record, Mapping[str, Any]]], month: int
) -> None:
    """After spending has changed: budgets (with what is computed of them) that went over in this ``month``, told once a
    month each.
    """
    for budget, view in budgets:
        for flag, action in (("is_exceeded", "BUDGET_EXCEEDED"), ("is_off_track", "BUDGET_OFF_TARGET")):
            told = f"{action}_told"
            if view[flag] and budget.body.get(told) != month:
                budget.body[told] = month
                world.save_play(budget)
                alert(world, action, user, budget, **view)
