"""MX's notification webhooks: what a user is alerted of. Seventeen actions in six groups, and the rules that raise
them.

Source: MX's page on notification webhooks. The thresholds are inferred: MX's users set their own. What no call of the
Platform API causes (devices, offers, all about logins) is sent by `mocksrv trigger` and by scenarios.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mocksrv.engine.callbacks import outbox
from mocksrv.engine.callbacks.consistency import (
    Body,
    Rule,
    above,
    always,
    filled,
    one_of,
    ordered,
    settle,
    twins,
)
from mocksrv.engine.clock import DAY
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers.calendar import day_in_month, month_number
from mocksrv.providers.mx.bank.categories import BY_NAME
from mocksrv.providers.mx.bank.resources import ACCOUNT, ACCOUNT_SAMPLE, TRANSACTION, TRANSACTION_SAMPLE
from mocksrv.providers.mx.events.changes import AccountChanged, TransactionsAdded, after
from mocksrv.providers.mx.events.members import USER
from mocksrv.providers.mx.events.payloads import client_id, seconds
from mocksrv.providers.mx.events.resources import CatalogueEvent, Resource, day_seconds
from mocksrv.providers.mx.events.verifications import BY_ACTION, EMAIL_ADDRESS, enabled_channels, open_verification
from mocksrv.providers.mx.events.webhooks import UNASKED, send
from mocksrv.providers.mx.http.schemas import shown
from mocksrv.providers.profiles import DEBTS

LOW_BALANCE = 100.0  # of a checking or savings account
LARGE_DEPOSIT = 1000.0
LARGE_EXPENSE = 500.0
REMINDER = 3 * DAY  # before a payment is due
DEPOSITS = ("CHECKING", "SAVINGS")
NAME = "mx.notification"  # begins the names of the events
PRODUCT = "mocksrv"  # client_product_name: the sender's display name


class AlertGroup(Resource):
    """The alerts about one kind of resource: actions with what raises each, and the fields of their object, of which
    those that end in ``_at``, and ``date``, are Unix seconds.

    ``of`` is the resource. ``samples`` are further fields of the sample of one action, ``rules`` what its payload has
    to be like.
    """

    def __init__(
        self,
        of: Resource,
        fields: str,
        actions: Mapping[str, str],
        *,
        sample: Mapping[str, Any],
        samples: Mapping[str, Mapping[str, Any]] | None = None,
        rules: Mapping[str, tuple[Rule, ...]] | None = None,
    ) -> None:
        super().__init__(
            f"mx.notification.{of.kind.removeprefix('mx.')}", prefix=of.prefix, about=of.kind, sample=sample
        )
        self.of = of
        self.fields = tuple(fields.split())
        self.actions = actions
        self.samples = samples or {}
        self.rules = rules or {}

    def declared(self) -> Mapping[str, CatalogueEvent]:
        return {
            f"{NAME}.{action}": CatalogueEvent(when, self.about, self._writer(action))
            for action, when in self.actions.items()
        }

    def _writer(self, action: str) -> Callable[[World, Record, Record | None], None]:
        def write(world: World, owner: Record, record: Record | None) -> None:
            if record is None:
                invented = owner if self.about == USER.kind else self.invent(world, owner)
                self.alert(world, action, owner, invented, self.invented_view(world, owner, action))
            else:
                self.alert(world, action, owner, record, self.view(world, owner, record, action))

        return write

    def view(self, world: World, user: Record, record: Record, action: str) -> Mapping[str, Any]:
        """What an alert shows of a record that this does not: where no call of the API makes such records, what is
        invented.
        """
        return self.invented_view(world, user, action)

    def invented_view(self, world: World, user: Record, action: str) -> Mapping[str, Any]:
        """The same of an invented record of this user."""
        return {**(self.sample or {}), **self.samples.get(action, {})}

    def asked(self, world: World) -> bool:
        """Whether any endpoint gets these alerts; nobody is told of what a client has muted."""
        return not world.muted and any(outbox.wanted(world, f"{NAME}.{action}", UNASKED) for action in self.actions)

    def alert(
        self, world: World, action: str, user: Record, subject: Record, view: Mapping[str, Any] | None = None
    ) -> None:
        """Writes the event of an alert about a record of this user; ``view`` has its fields, moments in
        milliseconds.
        """
        channels, proved = enabled_channels(user), BY_ACTION.get(action)
        if proved is not None and proved.channel not in channels:  # what verifies an address is sent there
            channels.append(proved.channel)
        known = {
            "client_product_name": PRODUCT,
            "user_guid": user.guid,
            "user_id": user.partner_id,
            **shown(subject),
            "account_guid": subject.parent,
            "member_guid": subject.subject,
            "client_id": client_id(world.sandbox.name),
            **(self.view(world, user, subject, action) if view is None else view),
        }
        payload: dict[str, Any] = {
            "action": action,
            "enabled_channels": channels,
            "user_email": (user.body["email"] or "") if "email" in channels else "",
            "user_mobile": (user.body.get("phone") or "") if "sms" in channels else "",
            self.of.kind.removeprefix("mx."): {name: _written(name, known.get(name)) for name in self.fields},
        }
        rules = (always("action", action), *COMMON, *self.rules.get(action, ()))
        settle(payload, rules)  # of a record that somebody asked for, whatever it is like
        send(world, f"{NAME}.{action}", subject.guid, payload, rules=rules)


def _sent_by(channel: str, name: str, address: str) -> Rule:
    """What is sent by one channel is sent to an address; ``address`` is an invented one."""

    def rule(body: Body) -> None:
        enabled = body["enabled_channels"]
        if isinstance(enabled, list) and channel not in enabled:
            if "enabled_channels" in body.typed:
                body.refuse("enabled_channels", f"this is sent by {channel}: it is one of them")
            body["enabled_channels"] = [*enabled, channel]
        if not body[name]:
            if name in body.typed:
                body.refuse(name, f"this is sent by {channel}: never empty")
            body[name] = address

    return rule


def _reached(channel: str, name: str, address: str) -> Rule:
    """A channel is enabled where there is an address for it, and only there; ``address`` is an invented one."""

    def rule(body: Body) -> None:
        enabled = body["enabled_channels"]
        if not isinstance(enabled, list) or (channel in enabled) == bool(body[name]):
            return
        if "enabled_channels" in body.typed:
            body[name] = address if channel in enabled else ""
        else:
            others = [each for each in enabled if each != channel]
            body["enabled_channels"] = [*others, channel] if body[name] else others

    return rule


BY_EMAIL = ("email", "user_email", "sam.sample@example.com")
BY_SMS = ("sms", "user_mobile", "555-555-0123")
COMMON = (
    _reached(*BY_EMAIL),
    _reached(*BY_SMS),
    ordered("created_at", "updated_at"),
)


def _written(name: str, value: Any) -> Any:
    if name == "date":
        return day_seconds(value)
    return seconds(value) if name.endswith("_at") else value


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
    rules={"EMAIL_VERIFICATION": (_sent_by(*BY_EMAIL),), "SMS_VERIFICATION": (_sent_by(*BY_SMS),)},
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
