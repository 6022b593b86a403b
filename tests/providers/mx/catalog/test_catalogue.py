"""The whole catalogue of MX's webhooks, event by event: bodies, triggers, documentation, and what brings each about.

``python -m tests.providers.mx.catalog.test_catalogue`` writes the table of docs/webhooks.md anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from json import loads
from pathlib import Path
from typing import Any

import pytest

from mocksrv.engine.engine import Engine
from mocksrv.engine.role import WrongSubject
from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.storage.records import Query
from mocksrv.providers.mx.bank.categories import BY_NAME
from mocksrv.providers.mx.declarations import catalogue, load
from mocksrv.providers.mx.events.webhooks import UNASKED
from mocksrv.providers.mx.families import FAMILIES
from tests.conftest import MX, Receiver, started

DOCUMENT = Path(__file__).parents[4] / "docs" / "webhooks.md"
TABLE = re.compile(r"(<!-- events -->\n)(.*?)(<!-- /events -->)", re.DOTALL)
V2 = {"Accept": "application/json", "Accept-Version": "v20250224"}
MEANINGS = catalogue(load(FAMILIES)).meanings
CHANGES = ("created", "updated", "deleted")
ALERTS = {
    "account": ("ACCOUNT_BALANCE_LOW", "DEBT_PAYMENT_REMINDER"),
    "budget": ("BUDGET_EXCEEDED", "BUDGET_OFF_TARGET"),
    "device": ("DEVICE_CREATED", "DEVICE_DELETED"),
    "offer": ("OFFER",),
    "transaction": (
        "ACCOUNT_DEPOSIT_LARGE",
        "TRANSACTION_EXPENSE_LARGE",
        "TRANSACTION_FEE_CHARGE",
        "TRANSACTION_IS_INTERNATIONAL",
    ),
    "user": (
        "EMAIL_VERIFICATION",
        "EMAIL_VERIFIED",
        "PASSWORD_CHANGED",
        "PASSWORD_RESET_TOKEN",
        "SMS_VERIFICATION",
        "WELCOME_NEW_USER",
    ),
}

# Bodies as MX's pages have them: fields and what they are. s text, i whole number, d number, b truth, l list of texts,
# t moment in
# ISO 8601 with milliseconds and offset, z the same without milliseconds, y date; ABC- a guid with this prefix; ? or
# null.

_PROCESS = "action:s completed_at:i completed_on:y member_guid:MBR- type:s user_guid:USR-"
_SET_BY = """account_number account_subtype account_type apr apy available_balance available_credit balance
    cash_balance cash_surrender_value credit_limit currency_code day_payment_is_due death_benefit holdings_value
    interest_rate is_closed last_payment last_payment_at loan_amount matures_on minimum_balance minimum_payment name
    nickname original_balance payment_due_at payoff_balance started_on statement_balance total_account_value"""
_FEED = """feed_account_number:s? feed_account_subtype:i? feed_account_type:i? feed_apr:d? feed_apy:d?
    feed_available_balance:d? feed_balance:d? feed_cash_balance:d? feed_cash_surrender_value:d? feed_credit_limit:d?
    feed_currency_code:s? feed_day_payment_is_due:i? feed_death_benefit:d? feed_holdings_value:d?
    feed_interest_rate:d? feed_is_closed:b? feed_last_payment:d? feed_last_payment_at:i? feed_loan_amount:d?
    feed_matures_on:i? feed_minimum_balance:d? feed_minimum_payment:d? feed_name:s? feed_nickname:s?
    feed_original_balance:d? feed_payment_due_at:i? feed_payoff_balance:d? feed_routing_number:s? feed_started_on:i?
    feed_statement_balance:d? feed_total_account_value:d?"""
# event, or all that begin with it -> wrapper -> its fields; "" is the body itself, of which nothing but these and
# `action` is left
SHAPES: dict[str, dict[str, str]] = {
    "mx.aggregation": {
        "": (
            f"{_PROCESS} is_background:b job_guid:JOB-? transactions_created_count:i transactions_updated_count:i "
            "user_id:s?"
        )
    },
    "mx.balance": {"": _PROCESS},
    "mx.history": {"": f"{_PROCESS} transactions_created_count:i transactions_updated_count:i"},
    "mx.statement": {"": f"{_PROCESS} statements_created_count:i"},
    "mx.verification": {"": f"{_PROCESS} accounts:l job_guid:JOB-? user_id:s?"},
    "mx.rewards": {"": f"{_PROCESS} rewards_created_count:i rewards_updated_count:i"},
    "mx.connection_status.changed": {
        "": (
            "action:s connection_status:s connection_status_id:i connection_status_message:s member_guid:MBR- "
            "type:s user_guid:USR-"
        )
    },
    "mx.initial_data_ready": {"": "client_guid:CLT- guid:s member_guid:MBR- type:s user_guid:USR-"},
    "mx.job_status": {
        "job": """created_at:i error_message:s? finished_at:i? guid:JOB- institution_guid:INS- is_authenticated:b
            member_guid:MBR- member_id:s? started_at:i status:i status_name:s updated_at:i user_guid:USR- user_id:s?"""
    },
    "mx.member.": {
        "member": """aggregated_at:i? connection_status:s? connection_status_id:i? connection_status_message:s?
            created_at:i guid:MBR- id:s? institution_code:s institution_guid:INS- is_being_aggregated:b
            is_managed_by_user:b is_manual:b is_oauth:b is_user_created:b metadata:s? most_recent_job_guid:JOB-?
            name:s needs_updated_credentials:b revision:i successfully_aggregated_at:i? updated_at:i use_cases:l?
            user_guid:USR- user_id:s?"""
    },
    "mx.account.": {
        "account": " ".join(f"{name}_set_by:s?" for name in _SET_BY.split())
        + f" {_FEED} "
        + """account_number:s? account_subtype:s? account_type:s apr:d? apy:d? available_balance:d?
            available_credit:d? balance:d? cash_balance:d? cash_surrender_value:d? created_at:i credit_limit:d?
            currency_code:s? day_payment_is_due:i? death_benefit:d? guid:ACT- holdings_value:d? id:s? imported_at:i?
            institution_code:s? institution_guid:INS-? insured_name:s? interest_rate:d? is_closed:b is_hidden:b
            is_manual:b last_payment:d? last_payment_at:i? loan_amount:d? matures_on:i? member_guid:MBR- member_id:s?
            member_is_managed_by_user:b? metadata:s? minimum_balance:d? minimum_payment:d? name:s nickname:s?
            original_balance:d? pay_out_amount:d? payment_due_at:i? payoff_balance:d? premium_amount:d?
            property_type:s? revision:i routing_number:s? started_on:i? statement_balance:d? total_account_value:d?
            updated_at:i user_guid:USR- user_id:s?"""
    },
    "mx.transaction.": {
        "transaction": """account_guid:ACT- account_id:s? amount:d amount_set_by:s? category_guid:CAT- category_name:s
            category_set_by:s? check_number:s? check_number_set_by:s? created_at:i currency_code:s?
            currency_code_set_by:s? date:i date_set_by:s? description:s description_set_by:s? feed_amount:d?
            feed_check_number:i? feed_currency_code:s? feed_description:s? feed_is_international:b? feed_latitude:d?
            feed_longitude:d? feed_memo:s? feed_posted_at:i? feed_status:i? feed_transacted_at:i?
            feed_transaction_type:i? guid:TRN- has_been_split:b? has_been_viewed:b? id:s? is_bill_pay:b?
            is_direct_deposit:b? is_expense:b? is_fee:b is_flagged:b? is_hidden:b? is_income:b? is_international:b?
            is_overdraft_fee:b? is_payroll_advance:b? is_recurring:b? is_subscription:b? latitude:d?
            localized_description:s? localized_memo:s? longitude:d? member_guid:MBR- member_is_managed_by_user:b?
            memo:s? merchant_category_code:i? merchant_guid:MCH-? merchant_location_guid:s? metadata:s?
            parent_guid:TRN-? posted_at:i? revision:i status:s transacted_at:i? type:s updated_at:i user_guid:USR-
            user_id:s?"""
    },
    "mx.user.": {
        "user": """birthday:s? credit_score:i? email:s? email_is_verified:b? first_name:s? gender:i? guid:USR- id:s?
            is_disabled:b? last_name:s? logged_in_at:i? metadata:s? phone:s? phone_is_verified:b? postal_code:s?
            revision:i"""
    },
    "mx.budget.": {
        "budget": """amount:d category_guid:CAT- client_id:s created_at:i guid:BGT- is_exceeded:b is_off_track:b
            metadata:s? name:s parent_guid:BGT-? projected_spending:s revision:i transaction_total:s updated_at:i
            user_guid:USR- user_id:s?"""
    },
    "mx.category.": {
        "category": """created_at:i guid:CAT- is_default:b is_income:b metadata:s? name:s parent_guid:CAT-? revision:i
            updated_at:i user_guid:USR- user_id:s?"""
    },
    "mx.goal.": {
        "goal": """account_guid:ACT- amount:d completed_at:i? created_by:s? current_amount:d goal_type_name:s
            guid:GOL- has_been_spent:b is_complete:b meta_type:s metadata:s? name:s position:i
            projected_to_complete_at:i? revision:i user_guid:USR- user_id:s?"""
    },
    "mx.holding.": {
        "holding": """account_guid:ACT- allocations_cash:d? allocations_convertible:d? allocations_foreign_bond:d?
            allocations_foreign_stock:d? allocations_other:d? allocations_preferred:d? allocations_unknown:d?
            allocations_us_bond:d? allocations_us_stock:d? bond_coupon_rate:d? bond_maturity_date:s? cost_basis:d?
            created_at:i currency_code:s? daily_change:d? deleted_at:i? description:s? equity_classification:s?
            fixed_income_classification:s? guid:HOL- holding_type:s? id:s? isin:s? market_value:d? metadata:s?
            purchase_price:d? revision:i security_type:s? shares:d? symbol:s? updated_at:i user_guid:USR- user_id:s?"""
    },
    "mx.insight.": {
        "insight": """active_at:i client_guid:CLT- created_at:i description:s guid:BET- has_associated_accounts:b
            has_associated_categories:b has_associated_merchants:b has_associated_scheduled_payments:b
            has_associated_transactions:b has_been_displayed:b is_dismissed:b micro_description:s micro_title:s
            template:s title:s updated_at:y user_guid:USR- user_id:s?"""
    },
    "mx.beat.": {
        "beat": """account_guids:l account_ids:l active_at:i created_at:z description:s digest:s displayed_at:i?
            expires_at:i guid:BET- has_been_displayed:b is_deleted:b is_dismissed:b is_relevant:b
            primary_account_guid:ACT-? primary_transaction_guid:TRN-? template:s title:s transaction_guids:l
            updated_at:z user_guid:USR- user_id:s?"""
    },
    "mx.tag.": {"tag": "guid:TAG- name:s revision:i updated_at:i user_guid:USR- user_id:s?"},
    "mx.tagging.": {
        "tagging": """guid:TGN- member_is_managed_by_user:b? revision:i tag_guid:TAG- tag_name:s transaction_guid:TRN-
            transaction_id:s? updated_at:i user_guid:USR- user_id:s?"""
    },
    "mx.spending_plan.": {
        "spending_plan": "created_at:i current_iteration_number:i guid:SPL- updated_at:i user_guid:USR- user_id:s?"
    },
    "mx.micro_deposit.": {
        "micro_deposit": """account_number:s account_type:i created_at:t guid:MIC- institution_guid:INS-?
            routing_number:s status:i status_name:s updated_at:t user_guid:USR- user_id:s?"""
    },
}
ALERT_SHAPES = {
    "account": """account_number:s? available_balance:d? balance:d client_id:s created_at:i currency_code:s?
        estimated_payment_due_at:i? guid:ACT- low_balance_threshold:d? member_guid:MBR- minimum_payment:d? name:s
        payment_due_at:i? revision:i updated_at:i user_guid:USR- user_id:s?""",
    "budget": """amount:d category_guid:CAT- client_id:s created_at:i guid:BGT- is_exceeded:b is_off_track:b
        metadata:s? name:s parent_guid:BGT-? projected_spending:d revision:i transaction_total:d updated_at:i
        user_guid:USR- user_id:s?""",
    "device": """client_id:s client_product_name:s created_at:i guid:DEV- make:s model:s name:s os_name:s os_version:s
        updated_at:i user_guid:USR- user_id:s?""",
    "offer": "client_id:s client_product_name:s created_at:i offer:s updated_at:i user_guid:USR- user_id:s?",
    "transaction": """account_guid:ACT- account_name:s account_number:s? amount:d category_guid:CAT- client_id:s
        created_at:i currency_code:s? date:i description:s guid:TRN- is_fee:b is_international:b is_overdraft_fee:b
        member_guid:MBR- revision:i status:s transaction_threshold:d? type:s updated_at:i user_guid:USR- user_id:s?""",
    "user": """client_id:s client_product_name:s created_at:i email_verification_url:s? first_name:s? guid:USR-
        institution_name:s? last_name:s? sms_verification_token:s? updated_at:i user_id:s?""",
}
MOST_CAUSES = 2  # that the document names of an event
BESIDE = {"mx.micro_deposit.": "version:i", "mx.notification.": "enabled_channels:l user_email:s user_mobile:s"}
WITHOUT_ACTION = ("mx.initial_data_ready", "mx.job_status")
TYPES = {
    "mx.aggregation": "AGGREGATION",
    "mx.balance": "BALANCE",
    "mx.history": "HISTORY",
    "mx.statement": "STATEMENT",
    "mx.verification": "VERIFICATION",
    "mx.rewards": "REWARD",
    "mx.connection_status.changed": "CONNECTION_STATUS",
    "mx.initial_data_ready": "initial_data_ready",
}
NAMES = sorted(
    [
        *TYPES,
        "mx.job_status",
        *(
            f"mx.{what}.{change}"
            for change in CHANGES
            for what in (
                "member",
                "account",
                "transaction",
                "user",
                "budget",
                "category",
                "goal",
                "holding",
                "insight",
                "beat",
                "tagging",
                "tag",
                "spending_plan",
            )
        ),
        "mx.beat.generated",
        "mx.micro_deposit.created",
        "mx.micro_deposit.updated",
        *(f"mx.notification.{name}" for names in ALERTS.values() for name in names),
    ]
)
FORMS: dict[str, Callable[[Any], bool]] = {
    "s": lambda value: isinstance(value, str),
    "i": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "d": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "b": lambda value: isinstance(value, bool),
    "l": lambda value: isinstance(value, list) and all(isinstance(each, str) for each in value),
    "y": lambda value: re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None,
    "t": lambda value: re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", value) is not None,
    "z": lambda value: re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", value) is not None,
}


def group_of(event: str) -> str:
    return next(group for group, names in ALERTS.items() if event.removeprefix("mx.notification.") in names)


def shape_of(event: str) -> dict[str, str]:
    if event.startswith("mx.notification."):
        return {group_of(event): ALERT_SHAPES[group_of(event)]}
    return SHAPES.get(event) or SHAPES[f"{event.rpartition('.')[0]}."]


def wrong_fields(event: str, body: dict[str, Any]) -> list[str]:
    """What is not as it should be in a body."""
    [(wrapper, text)] = shape_of(event).items()
    beside = BESIDE.get(f"{event.rpartition('.')[0]}.", "")
    if not wrapper:
        return faults(body, text)
    action = [] if event in WITHOUT_ACTION else ["action:s"]
    rest = {name: value for name, value in body.items() if name != wrapper}
    return faults(body[wrapper], text, optional=frozenset({"verified_at"})) + faults(rest, " ".join([*action, beside]))


def faults(shown: dict[str, Any], text: str, optional: frozenset[str] = frozenset()) -> list[str]:
    fields = dict(each.split(":") for each in text.split())
    found = [f"{name} is missing" for name in fields.keys() - shown.keys()]
    found += [f"{name} is unknown" for name in shown.keys() - fields.keys() - optional]
    return found + [
        f"{name}: {shown[name]!r} is not {form}"
        for name, form in fields.items()
        if name in shown and not fits(shown[name], form)
    ]


def fits(value: Any, form: str) -> bool:
    if value is None:
        return form.endswith("?")
    form = form.removesuffix("?")
    return isinstance(value, str) and value.startswith(form) if form.endswith("-") else FORMS[form](value)


def test_the_catalogue_is_mx_s() -> None:
    assert sorted(MEANINGS) == NAMES
    assert len([name for name in NAMES if ".notification." in name]) == 17


# a play in which every event has its cause


@dataclass
class Play:
    """A server with an endpoint that asks for everything, and what has been written on it."""

    mx: MX
    engine: Engine
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)  # event -> the body of the last one
    by: dict[str, list[str]] = field(default_factory=dict)  # event -> the deeds that brought it about
    last: int = 0

    def act(self, label: str, act: Callable[[Play], None]) -> None:
        act(self)
        for event, body in self.news():
            self.seen[event] = body
            labels = self.by.setdefault(event, [])
            if label not in labels:
                labels.append(label)

    def news(self) -> Iterator[tuple[str, dict[str, Any]]]:
        while True:
            with self.engine.store.read() as tx:
                rows = tx.events("default", after=self.last, limit=1000)
            for row in rows:
                self.last = row.seq
                yield row.name, loads(row.payload)
            if not rows:
                return

    def make(self, path: str, key: str, **fields: Any) -> str:
        answer = self.mx.call("POST", f"/users/{self.user}/{path}", {key: fields})
        guid: str = answer.get(key, answer)["guid"]
        return guid

    def put(self, path: str, key: str, **fields: Any) -> None:
        self.mx.call("PUT", f"/users/{self.user}/{path}", {key: fields})

    def delete(self, path: str) -> None:
        self.mx.call("DELETE", f"/users/{self.user}/{path}")

    @cached_property
    def user(self) -> str:
        return self.mx.user(id="customer-42", email="ada@example.com")

    @cached_property
    def member(self) -> str:
        """A member with the everyday data of a salaried person."""
        guid: str = self.mx.create(
            self.user, headers={"X-Mocksrv-Scenario": "daily-updates"}, id="m-1", metadata="note"
        )["guid"]
        return guid

    @property
    def path(self) -> str:
        return f"/users/{self.user}/members/{self.member}"

    @cached_property
    def account(self) -> str:
        return self.make("accounts", "account", account_type="CHECKING", name="Jar", balance=5000.0)

    @property
    def manual_member(self) -> str:
        return str(self.mx.call("GET", f"/users/{self.user}/accounts/{self.account}")["account"]["member_guid"])

    @cached_property
    def transaction(self) -> str:
        food = {
            "category_guid": BY_NAME["Groceries"].guid,
            "date": "2026-01-01",
            "description": "Corner Market",
            "type": "DEBIT",
        }
        return self.make(f"accounts/{self.account}/transactions", "transaction", amount=23.75, **food)

    @cached_property
    def budget(self) -> str:
        return self.make("budgets", "budget", category_guid=BY_NAME["Food & Dining"].guid, amount=900)

    @cached_property
    def category(self) -> str:
        return self.make("categories", "category", name="Climbing", parent_guid=BY_NAME["Entertainment"].guid)

    @cached_property
    def goal(self) -> str:
        wanted = {"amount": 2500, "goal_type_name": "SAVE_AMOUNT", "meta_type_name": "VACATION", "name": "Summer trip"}
        return self.make("goals", "goal", account_guid=self.account, **wanted)

    @cached_property
    def tag(self) -> str:
        return self.make("tags", "tag", name="Reimbursable")

    @cached_property
    def tagging(self) -> str:
        return self.make("taggings", "tagging", tag_guid=self.tag, transaction_guid=self.transaction)

    @cached_property
    def plan(self) -> str:
        guid: str = self.mx.call("POST", f"/users/{self.user}/spending_plans")["guid"]
        return guid

    @property
    def insight(self) -> str:
        return str(self.mx.call("GET", f"/users/{self.user}/insights")["insights"][0]["guid"])

    def enter(self, amount: float, **more: Any) -> None:
        entered = {"amount": amount, "date": "2026-01-01", "description": "Something", "type": "DEBIT", **more}
        self.make(f"accounts/{self.account}/transactions", "transaction", **entered)

    def job(self, verb: str, then: str = "10s") -> None:
        self.mx.call("POST", f"{self.path}/{verb}")
        self.mx.advance(then)

    def verify(self) -> None:
        self.job("verify")
        self.mx.answer(
            self.user, self.member, self.mx.status(self.user, self.member)["challenges"][0]["options"][0]["value"]
        )
        self.mx.advance("10s")

    def ask_for_data(self) -> None:
        member = {"institution_code": "mxbank", "credentials": self.mx.credentials(username="other")}
        body = {"member": member, "data_request": {"products": ["transactions"]}}
        self.mx.call("POST", f"/users/{self.mx.user()}/members", body, headers=V2)
        self.mx.advance("10s")

    def deny(self) -> None:
        self.mx.create(self.mx.user(), institution="mock_denied")
        self.mx.advance("10s")

    def deposit(self) -> None:
        names = {"first_name": "Ada", "last_name": "Byron", "email": "ada@example.com"}
        numbers = {"account_number": "333398765", "account_type": "CHECKING", "routing_number": "091000019"}
        self.mx.call(
            "POST",
            f"/users/{self.user}/micro_deposits",
            {"micro_deposit": {"account_name": "Mine", **numbers, **names}},
        )

    def hold(self) -> None:
        """Two logins of somebody with investments, and one of somebody with debts."""
        flow = "flows:\n  connect:\n    - {status: CREATED}\n    - {after: 1s, status: CONNECTED, data: "
        for name, data in (("one", "wealthy"), ("two", "wealthy"), ("three", "overdrawn")):
            self.mx.http.put(
                f"/_mocksrv/scenarios/{data}",
                data=f"name: {data}\nprovider: mx\n{flow}{data}}}\n".encode(),
                content_type="application/yaml",
            )
            self.mx.create(self.user, username=name, headers={"X-Mocksrv-Scenario": data})
        self.mx.advance("10s")

    def merge(self) -> None:
        accounts = [
            each["guid"]
            for each in self.mx.call("GET", f"/users/{self.user}/accounts")["accounts"]
            if each["type"] == "INVESTMENT"
        ]
        self.mx.call(
            "POST", f"/users/{self.user}/accounts/merge", {"account": {"account_guids": accounts[:4]}}, headers=V2
        )

    def new_credentials(self) -> None:
        self.mx.call("PUT", self.path, {"member": {"credentials": self.mx.credentials(password="from the new phone")}})
        self.mx.advance("1m")


SCENARIO = "the scenario [`daily-updates`](../scenarios/mx/daily-updates.yaml), with new credentials"
# what is done, in this order
DEEDS: list[tuple[str, Callable[[Play], Any]]] = [
    ("`POST /users`", lambda play: play.user),
    ("`PUT /users/{user}`", lambda play: play.mx.call("PUT", f"/users/{play.user}", {"user": {"metadata": "new"}})),
    ("`DELETE /users/{user}`", lambda play: play.mx.call("DELETE", f"/users/{play.mx.user()}")),
    ("`POST …/members`", lambda play: play.member),
    ("`POST …/members`, once the job has begun", lambda play: play.mx.advance("1s")),
    ("the first aggregation of a member", lambda play: play.mx.advance("9s")),
    ("`POST …/members` with `data_request`", Play.ask_for_data),
    ("the scenario [`denied`](../scenarios/mx/denied.yaml)", Play.deny),
    ("30 seconds after an aggregation", lambda play: play.mx.advance("1m")),
    ("`POST …/members/{member}/check_balance`", lambda play: play.job("check_balance")),
    ("`POST …/members/{member}/extend_history`", lambda play: play.job("extend_history")),
    ("`POST …/members/{member}/fetch_statements`", lambda play: play.job("fetch_statements")),
    ("`POST …/members/{member}/fetch_rewards`", lambda play: play.job("fetch_rewards")),
    ("`POST …/members/{member}/verify`", Play.verify),
    (
        "`PUT /users/{user}/insights/{insight}`",
        lambda play: play.put(f"insights/{play.insight}", "insight", has_been_displayed=True),
    ),
    ("`POST …/accounts`", lambda play: play.account),
    ("`POST …/accounts/{account}/transactions`", lambda play: play.transaction),
    (
        "`PUT …/transactions/{transaction}`",
        lambda play: play.put(f"transactions/{play.transaction}", "transaction", memo="for two"),
    ),
    ("`POST …/budgets`", lambda play: play.budget),
    (
        "`PUT …/budgets/{budget}` under what is spent",
        lambda play: play.put(f"budgets/{play.budget}", "budget", amount=1),
    ),
    ("`DELETE …/budgets/{budget}`", lambda play: play.delete(f"budgets/{play.budget}")),
    ("`POST …/categories`", lambda play: play.category),
    (
        "`PUT …/categories/{category}`",
        lambda play: play.put(f"categories/{play.category}", "category", name="Bouldering"),
    ),
    ("`DELETE …/categories/{category}`", lambda play: play.delete(f"categories/{play.category}")),
    ("`POST …/goals`", lambda play: play.goal),
    ("`PUT …/goals/{goal}`", lambda play: play.put(f"goals/{play.goal}", "goal", name="Winter trip")),
    ("`DELETE …/goals/{goal}`", lambda play: play.delete(f"goals/{play.goal}")),
    ("`POST …/tags`", lambda play: play.tag),
    ("`PUT …/tags/{tag}`", lambda play: play.put(f"tags/{play.tag}", "tag", name="Work")),
    ("`POST …/taggings`", lambda play: play.tagging),
    ("`PUT …/taggings/{tagging}`", lambda play: play.put(f"taggings/{play.tagging}", "tagging", tag_guid=play.tag)),
    ("`DELETE …/taggings/{tagging}`", lambda play: play.delete(f"taggings/{play.tagging}")),
    ("`DELETE …/tags/{tag}`", lambda play: play.delete(f"tags/{play.tag}")),
    ("`POST …/spending_plans`", lambda play: play.plan),
    ("`POST …/micro_deposits`", Play.deposit),
    ("a microdeposit on its way", lambda play: play.mx.advance("2m")),
    ("`POST …/accounts/{account}/transactions` of more than 1000.00", lambda play: play.enter(1200, type="CREDIT")),
    ("`POST …/accounts/{account}/transactions` of more than 500.00", lambda play: play.enter(512)),
    ("`POST …/accounts/{account}/transactions` from abroad", lambda play: play.enter(20, is_international=True)),
    (
        "`PUT …/accounts/{account}` of a manual account",
        lambda play: play.put(f"members/{play.manual_member}/accounts/{play.account}", "account", balance=45.1),
    ),
    ("`DELETE …/transactions/{transaction}`", lambda play: play.delete(f"transactions/{play.transaction}")),
    ("`DELETE …/accounts/{account}`", lambda play: play.delete(f"accounts/{play.account}")),
    (SCENARIO, Play.new_credentials),
    ("an aggregation of an investment account", Play.hold),
    ("the daily refresh", lambda play: play.mx.advance("27d")),
    ("the first of a month", lambda play: play.mx.advance("5d")),
    ("`DELETE …/spending_plans/{spending_plan}`", lambda play: play.delete(f"spending_plans/{play.plan}")),
    ("`POST …/accounts/merge`", Play.merge),
    ("`DELETE …/members/{member}`", lambda play: play.mx.call("DELETE", play.path)),
    ("the insights' next derivation", lambda play: play.mx.advance("1m")),
]
SCENARIOS_ONLY = frozenset(
    {
        "mx.beat.generated",
        "mx.notification.OFFER",
        *(f"mx.notification.{name}" for name in (*ALERTS["device"], *ALERTS["user"])),
    }
)


def started_with(url: str) -> tuple[Engine, MX]:
    engine, app = started()
    mx = MX(app)
    mx.control("PUT", "/endpoints", {"endpoints": [{"url": url, "events": ["mx.*"]}]})
    return engine, mx


def played(url: str) -> Play:
    """The play from its first deed to its last."""
    engine, mx = started_with(url)
    play = Play(mx, engine)
    for label, deed in DEEDS:
        play.act(label, deed)
    return play


@pytest.fixture(scope="module")
def ears() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(scope="module")
def play(ears: Receiver) -> Iterator[Play]:
    made = played(ears.url)
    made.mx.advance("0s")
    yield made
    made.engine.close()


@pytest.mark.slow
def test_every_event_has_a_cause(play: Play) -> None:
    assert [name for name in NAMES if name not in play.by] == []
    assert [label for label, _ in DEEDS if not any(label in labels for labels in play.by.values())] == []


@pytest.mark.slow
def test_only_what_has_no_other_cause_needs_the_scenario(play: Play) -> None:
    assert {name for name, labels in play.by.items() if labels == [SCENARIO]} == SCENARIOS_ONLY


@pytest.mark.slow
def test_what_was_written_was_sent(play: Play, ears: Receiver) -> None:
    assert play.mx.control("GET", "/webhooks?state=pending")["webhooks"] == []
    assert {body["type"] for body in ears.bodies() if "type" in body} == set(TYPES.values())


@pytest.mark.slow
@pytest.mark.parametrize("event", NAMES)
def test_the_body_of_what_happened(play: Play, event: str) -> None:
    assert wrong_fields(event, play.seen[event]) == []
    check_names(event, play.seen[event])


def check_names(event: str, body: dict[str, Any]) -> None:
    """The ``action`` and the ``type``."""
    name = event.rpartition(".")[2]
    action = "CHANGED" if name == "changed" else name if event.count(".") == 2 else "member_data_updated"
    assert body.get("action") == (None if event in WITHOUT_ACTION else action)
    assert body.get("type") == TYPES.get(event)


# triggers


@pytest.fixture(scope="module")
def empty(ears: Receiver) -> Iterator[tuple[Engine, MX]]:
    """A server on which nothing has happened."""
    engine, mx = started_with(ears.url)
    yield engine, mx
    engine.close()


@pytest.fixture(scope="module")
def filled(ears: Receiver) -> Iterator[tuple[Engine, Play]]:
    """A server with a record of every kind."""
    engine, mx = started_with(ears.url)
    play = Play(mx, engine)
    for make in ("user", "member", "account", "transaction", "budget", "category", "goal", "tag", "tagging", "plan"):
        getattr(play, make)
    mx.create(play.user, username="other", headers={"X-Mocksrv-Scenario": "connected"})
    play.deposit()
    mx.advance("1m")
    yield engine, play
    engine.close()


def triggered(engine: Engine, event: str, subject: str | None) -> dict[str, Any]:
    sandbox = engine.sandbox("default")
    [id] = engine.trigger(sandbox, event, subject, {})
    with engine.store.read() as tx:
        [row] = tx.events("default", id=id)
    body: dict[str, Any] = loads(row.payload)
    assert wrong_fields(event, body) == []
    check_names(event, body)
    return body


@pytest.mark.parametrize("event", NAMES)
def test_triggered_where_there_is_nothing(empty: tuple[Engine, MX], event: str) -> None:
    triggered(empty[0], event, None)


@pytest.mark.parametrize("event", NAMES)
def test_triggered_about_a_user_a_member_and_the_right_record(filled: tuple[Engine, Play], event: str) -> None:
    engine, play = filled
    for subject in (None, play.user, play.member):
        body = triggered(engine, event, subject)
        shown = next((value for value in body.values() if isinstance(value, dict)), body)
        assert shown.get("user_guid", shown.get("guid")) == play.user
    right = newest(engine, kind_of(event))
    if right is not None:
        body = triggered(engine, event, right)
        shown = next((value for value in body.values() if isinstance(value, dict)), body)
        assert right in (shown.get("guid"), shown.get("member_guid"))


KINDS = {"mx.beat": "mx.insight", "mx.notification": ""}


def kind_of(event: str) -> str:
    """The records that an event is about; nothing is kept of devices and offers."""
    resource = event.rpartition(".")[0]
    if resource == "mx.notification":
        group = group_of(event)
        return "" if group in ("device", "offer") else f"mx.{group}"
    return KINDS.get(
        resource, resource if event.count(".") == 2 and event != "mx.connection_status.changed" else "mx.member"
    )


def newest(engine: Engine, kind: str) -> str | None:
    sandbox: Sandbox = engine.sandbox("default")
    with engine.look(sandbox) as world:
        found = world.list(Query(kind, newest_first=True, limit=1)) if kind else []
    assert found or not kind, f"there is no {kind}"
    return found[0].guid if found else None


@pytest.mark.parametrize(
    "event", [name for name in NAMES if kind_of(name) != "mx.user"]
)  # what there is belongs to a user
def test_triggered_about_something_else(filled: tuple[Engine, Play], event: str) -> None:
    engine, play = filled
    wrong = play.goal if event.startswith(("mx.spending_plan.", "mx.micro_deposit.")) else play.plan
    with pytest.raises(WrongSubject, match=f"{re.escape(event)} is about mx"):
        engine.trigger(engine.sandbox("default"), event, wrong, {})


# the document


def table(play: Play) -> str:
    rows = [
        "| event | sent when | what is in the body | asked for | for example by |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, when in MEANINGS.items():
        body = play.seen[name]
        said = [f"`{key}: {body[key]}`" for key in ("type", "action") if key in body]
        said += [f"`{wrapper}`" for wrapper in shape_of(name) if wrapper]
        unasked = any(re.fullmatch(pattern.replace(".", r"\.").replace("*", ".*"), name) for pattern in UNASKED)
        rows.append(
            f"| `{name}` | {when} | {', '.join(said)} | {'' if unasked else 'yes'} | "
            f"{'; '.join(play.by[name][:MOST_CAUSES])} |"
        )
    return "\n".join(rows)


@pytest.mark.slow
def test_the_document_says_it_all(play: Play) -> None:
    found = TABLE.search(DOCUMENT.read_text("utf-8"))
    assert found
    assert found[2].strip() == table(play), "python -m tests.providers.mx.catalog.test_catalogue writes it anew"


if __name__ == "__main__":
    listening = Receiver()
    finished = played(listening.url)
    text = DOCUMENT.read_text("utf-8")
    DOCUMENT.write_text(TABLE.sub(lambda found: f"{found[1]}{table(finished)}\n{found[3]}", text), "utf-8")
    finished.engine.close()
