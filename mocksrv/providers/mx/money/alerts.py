"""MX's notification webhooks: what a user is alerted of. Seventeen actions in six groups, and the rules that raise
them.

Source: MX's page on notification webhooks. The thresholds are inferred: MX's users set their own. What no call of the
Platform API causes (devices, offers, all about logins) is sent by `mocksrv trigger` and by scenarios.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mocksrv.engine.callbacks.consistency import Rule, above, always, filled, one_of, twins
from mocksrv.engine.clock import DAY
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers.calendar import day_in_month, month_number
from mocksrv.providers.mx.bank.categories import BY_NAME
from mocksrv.providers.mx.bank.resources import ACCOUNT, ACCOUNT_SAMPLE, TRANSACTION, TRANSACTION_SAMPLE
from mocksrv.providers.mx.events.alerts import BY_EMAIL, BY_SMS, AlertGroup, sent_by
from mocksrv.providers.mx.events.changes import AccountChanged, TransactionsAdded, after
from mocksrv.providers.mx.events.members import USER
from mocksrv.providers.mx.events.resources import Resource
from mocksrv.providers.mx.events.verifications import BY_ACTION, EMAIL_ADDRESS, open_verification
from mocksrv.providers.profiles import DEBTS

LOW_BALANCE = 100.0  # of a checking or savings account
LARGE_DEPOSIT = 1000.0
LARGE_EXPENSE = 500.0
REMINDER = 3 * DAY  # before a payment is due
DEPOSITS = ("CHECKING", "SAVINGS")


class AccountAlerts(AlertGroup):
    """Alerts about accounts."""

    def view(self, world: World, user: Record, record: Record, action: str) -> Mapping[str, Any]:
        body, due = record.body, payment_due(record.body, world.now)
        reminder = action == "DEBT_PAYMENT_REMINDER"
        if reminder:
            due = due or world.now + REMINDER
        return {
            "account_number": record.partner_id,
            "client_id": body.get("institution_code"),
            "estimated_payment_due_at": due,
            "low_balance_threshold": LOW_BALANCE if body["type"] in DEPOSITS else None,
            "minimum_payment": body.get("minimum_payment") if body["type"] in DEBTS else None,
            **({"payment_due_at": due} if reminder else {}),
        }


class TransactionAlerts(AlertGroup):
    """Alerts about transactions."""

    def view(self, world: World, user: Record, record: Record, action: str) -> Mapping[str, Any]:
        account = world.get(ACCOUNT.kind, record.parent or "")
        of_account = (
            {
                "account_name": account.body["name"],
                "account_number": account.partner_id,
                "client_id": account.body.get("institution_code"),
            }
            if account
            else {}
        )
        return {**of_account, "date": record.sort, "transaction_threshold": THRESHOLDS.get(action)}


class UserAlerts(AlertGroup):
    """Alerts about users. What verifies an address has a token, and an e-mail a URL of this server."""

    def invented_view(self, world: World, user: Record, action: str) -> Mapping[str, Any]:
        address = BY_ACTION.get(action)
        if address is None:
            return self.sample or {}
        opened = open_verification(world, user, address)
        url = opened.url if address is EMAIL_ADDRESS else None
        return {**(self.sample or {}), "email_verification_url": url, "sms_verification_token": opened.token}


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
    month = month_number(now // DAY)
    days = (day_in_month(each, day) * DAY for each in (month, month + 1))
    return next(at for at in days if at > now)


THRESHOLDS: Mapping[str, float] = {"ACCOUNT_DEPOSIT_LARGE": LARGE_DEPOSIT, "TRANSACTION_EXPENSE_LARGE": LARGE_EXPENSE}

PAYMENT_DAY = 20_456 * DAY
_NO_FEE = (always("is_fee", False), always("is_overdraft_fee", False))


def _over(threshold: float) -> tuple[Rule, ...]:
    """What is told where an amount is above a threshold: by default this one."""
    return (
        filled("amount", threshold + 1),
        filled("transaction_threshold", threshold),
        above("amount", "transaction_threshold", moves="transaction_threshold"),
    )


account_alerts = AccountAlerts(
    ACCOUNT,
    """account_number available_balance balance client_id created_at currency_code estimated_payment_due_at guid
        low_balance_threshold member_guid minimum_payment name payment_due_at revision updated_at user_guid user_id""",
    {
        "ACCOUNT_BALANCE_LOW": f"a checking or savings account has fallen under {LOW_BALANCE:.2f}",
        "DEBT_PAYMENT_REMINDER": f"a payment on a debt is due in the next {REMINDER // DAY} days; told once for each",
    },
    sample={
        **ACCOUNT_SAMPLE,
        "account_number": "act-100200",
        "client_id": "mxbank",
        "low_balance_threshold": LOW_BALANCE,
    },
    samples={
        "DEBT_PAYMENT_REMINDER": {
            "available_balance": None,
            "balance": 420.0,
            "estimated_payment_due_at": PAYMENT_DAY,
            "low_balance_threshold": None,
            "minimum_payment": 35.0,
            "name": "Rewards Card",
            "payment_due_at": PAYMENT_DAY,
        },
    },
    rules={
        "ACCOUNT_BALANCE_LOW": (
            filled("balance", LOW_BALANCE - 1),
            filled("low_balance_threshold", LOW_BALANCE),
            above("low_balance_threshold", "balance", moves="low_balance_threshold"),
        ),
        "DEBT_PAYMENT_REMINDER": (
            filled("payment_due_at"),
            twins("payment_due_at", "estimated_payment_due_at", to=int, back=int),
        ),
    },
)
device_alerts = AlertGroup(
    Resource("mx.device", prefix="DEV"),
    "client_id client_product_name created_at guid make model name os_name os_version updated_at user_guid user_id",
    {"DEVICE_CREATED": "a mobile device was added", "DEVICE_DELETED": "a mobile device was removed"},
    sample={"make": "Acme", "model": "Phone 9", "name": "Sam's phone", "os_name": "android", "os_version": "15"},
)
offer_alerts = AlertGroup(
    Resource("mx.offer", prefix="OBJ"),
    "client_id client_product_name created_at offer updated_at user_guid user_id",
    {"OFFER": "a campaign has an offer for the user"},
    sample={"offer": "A card without an annual fee is waiting for you."},
)
transaction_alerts = TransactionAlerts(
    TRANSACTION,
    """account_guid account_name account_number amount category_guid client_id created_at currency_code date
        description guid is_fee is_international is_overdraft_fee member_guid revision status transaction_threshold type
        updated_at user_guid user_id""",
    {
        "ACCOUNT_DEPOSIT_LARGE": f"a new transaction brings more than {LARGE_DEPOSIT:.2f}",
        "TRANSACTION_EXPENSE_LARGE": f"a new transaction spends more than {LARGE_EXPENSE:.2f}",
        "TRANSACTION_FEE_CHARGE": "a new transaction is a fee",
        "TRANSACTION_IS_INTERNATIONAL": "a new transaction comes from abroad",
    },
    sample={
        **TRANSACTION_SAMPLE,
        "account_name": "Everyday Checking",
        "account_number": "act-100200",
        "amount": 812.0,
        "client_id": "mxbank",
        "transaction_threshold": LARGE_EXPENSE,
    },
    samples={
        "ACCOUNT_DEPOSIT_LARGE": {
            "amount": 1850.0,
            "category_guid": BY_NAME["Paycheck"].guid,
            "description": "Payroll",
            "transaction_threshold": LARGE_DEPOSIT,
            "type": "CREDIT",
        },
        "TRANSACTION_FEE_CHARGE": {
            "amount": 12.0,
            "category_guid": BY_NAME["Banking Fee"].guid,
            "description": "Monthly service fee",
            "is_fee": True,
            "transaction_threshold": None,
        },
        "TRANSACTION_IS_INTERNATIONAL": {
            "amount": 61.5,
            "description": "Trattoria Roma",
            "is_international": True,
            "transaction_threshold": None,
        },
    },
    rules={
        "ACCOUNT_DEPOSIT_LARGE": (always("type", "CREDIT"), *_over(LARGE_DEPOSIT), *_NO_FEE),
        "TRANSACTION_EXPENSE_LARGE": (always("type", "DEBIT"), *_over(LARGE_EXPENSE)),
        "TRANSACTION_FEE_CHARGE": (always("type", "DEBIT"), one_of("is_fee", "is_overdraft_fee")),
        "TRANSACTION_IS_INTERNATIONAL": (always("is_international", True),),
    },
)
user_alerts = UserAlerts(
    USER,
    """client_id client_product_name created_at email_verification_url first_name guid institution_name last_name
        sms_verification_token updated_at user_id""",
    {
        "EMAIL_VERIFICATION": "a user whose channels were set has a new e-mail address, to be verified within 24 hours",
        "EMAIL_VERIFIED": "the e-mail address was verified, by its URL or its token",
        "PASSWORD_CHANGED": "the password was changed",
        "PASSWORD_RESET_TOKEN": "a new password was asked for",
        "SMS_VERIFICATION": "the user has a new phone for SMS, to be verified within ten minutes",
        "WELCOME_NEW_USER": "the user has logged in for the first time",
    },
    sample={"first_name": "Sam", "institution_name": "MX Bank", "last_name": "Sample"},
    rules={"EMAIL_VERIFICATION": (sent_by(*BY_EMAIL),), "SMS_VERIFICATION": (sent_by(*BY_SMS),)},
)


# what raises them


@after(AccountChanged)
def account_changed(world: World, change: AccountChanged) -> None:
    """Has the balance of an account fallen under the threshold, is a payment due soon?"""
    account, before = change.account, change.before
    user = world.get("mx.user", account.owner) if account_alerts.asked(world) else None
    if user is None:
        return
    body = account.body
    balance = body.get("balance")
    if body["type"] in DEPOSITS and balance is not None and before is not None and balance < LOW_BALANCE <= before:
        account_alerts.alert(world, "ACCOUNT_BALANCE_LOW", user, account)
    due = payment_due(body, world.now)
    if body["type"] in DEBTS and due is not None and due <= world.now + REMINDER and body.get("reminded_of") != due:
        body["reminded_of"] = due
        world.save_play(account)
        account_alerts.alert(world, "DEBT_PAYMENT_REMINDER", user, account)


@after(TransactionsAdded, rank=2)
def transactions_added(world: World, change: TransactionsAdded) -> None:
    """Large ones, fees, and those from abroad."""
    if not transaction_alerts.asked(world):
        return
    for transaction in change.transactions:
        user = world.get("mx.user", transaction.owner)
        if user is not None:
            for action in _raised(transaction.body):
                transaction_alerts.alert(world, action, user, transaction)


def _raised(body: Mapping[str, Any]) -> list[str]:
    """The alerts of one transaction."""
    found = {
        "ACCOUNT_DEPOSIT_LARGE": body["type"] == "CREDIT" and body["amount"] > LARGE_DEPOSIT,
        "TRANSACTION_EXPENSE_LARGE": body.get("is_expense") and body["amount"] > LARGE_EXPENSE,
        "TRANSACTION_FEE_CHARGE": body.get("is_fee") or body.get("is_overdraft_fee"),
        "TRANSACTION_IS_INTERNATIONAL": body.get("is_international"),
    }
    return [action for action, raised in found.items() if raised]
