"""Cleansing, categorising and classifying transactions that the client brings along. Nothing of them is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate

from mocksrv.providers.http import Reply
from mocksrv.providers.mx.http.call import Call, Routes
from mocksrv.providers.mx.http.schemas import Document, Money
from mocksrv.providers.mx.http.versions import Versioned

routes = Routes()

MOST = 100  # transactions of one call
LONGEST_DESCRIPTION = 1024
FLAGS = (
    "is_bill_pay",
    "is_direct_deposit",
    "is_expense",
    "is_fee",
    "is_income",
    "is_international",
    "is_overdraft_fee",
    "is_payroll_advance",
    "is_subscription",
)


def _few(rows: list[Any]) -> None:
    if len(rows) > MOST:
        raise ValidationError(f"At most {MOST} transactions can be enhanced at once, these are {len(rows)}.")


def _some_text(text: str) -> None:
    if not text.strip():
        raise ValidationError("Must not be blank.")
    if len(text) > LONGEST_DESCRIPTION:
        raise ValidationError(f"Must have at most {LONGEST_DESCRIPTION} characters.")


class BatchSchema(Document):
    """The body of a request."""

    transactions = fields.List(fields.Dict(), required=True, validate=_few)


class EnhancedSchema(Document):
    """A transaction, as it is brought and as it is given back."""

    amount = Money()
    categorized_by = fields.Integer(dump_only=True)
    category = fields.String(dump_only=True)
    category_guid = fields.String(dump_only=True)
    described_by = fields.Integer(dump_only=True)
    description = fields.String(required=True, validate=_some_text)
    extended_transaction_type = fields.String()
    id = fields.String(required=True)
    is_bill_pay = fields.Boolean(dump_only=True)
    is_direct_deposit = fields.Boolean(dump_only=True)
    is_expense = fields.Boolean(dump_only=True)
    is_fee = fields.Boolean(dump_only=True)
    is_income = fields.Boolean(dump_only=True)
    is_international = fields.Boolean(dump_only=True)
    is_overdraft_fee = fields.Boolean(dump_only=True)
    is_payroll_advance = fields.Boolean(dump_only=True)
    is_subscription = fields.Boolean(dump_only=True)
    memo = fields.String()
    merchant_category_code = fields.Integer(strict=True, validate=validate.Range(0, 9999))
    merchant_guid = fields.String(dump_only=True)
    merchant_location_guid = fields.String(dump_only=True)
    original_description = fields.String(dump_only=True)
    top_level_category_guid = fields.String(dump_only=True)
    type = fields.String(validate=validate.OneOf(("CREDIT", "DEBIT")))
    user_guid = fields.String(dump_only=True)  # nobody's: the client has not said whose they are


BATCH = BatchSchema()
ENHANCED = Versioned("enhanced_transaction", EnhancedSchema)


@routes.add("POST", "/transactions/enhance", "enhanceTransactions")
def enhance_transactions(call: Call) -> Reply:
    schema = ENHANCED[call.version]
    rows = call.read(call.json, BATCH)["transactions"]
    given = [call.read(row, schema, f"transactions[{place}]") for place, row in enumerate(rows)]
    return Reply({"transactions": [ENHANCED.dump(call.version, _enhanced(row)) for row in given]})


def _enhanced(given: Mapping[str, Any]) -> dict[str, Any]:
    """What the client sent, with what is made of it."""
    from mocksrv.providers.mx.bank.cleansing import cleanse  # with its rules: only when something is to be enhanced

    found = cleanse(
        given["description"],
        memo=given.get("memo"),
        mcc=given.get("merchant_category_code"),
        type=given.get("type"),
        amount=given.get("amount"),
    )
    return {
        **given,
        **{name: getattr(found, name) for name in FLAGS},
        "categorized_by": found.categorized_by,
        "category": found.category.name,
        "category_guid": found.category.guid,
        "described_by": found.described_by,
        "description": found.description,
        "merchant_category_code": found.merchant_category_code,
        "merchant_guid": found.merchant.guid if found.merchant else None,
        "merchant_location_guid": found.merchant_location_guid,
        "original_description": given["description"],
        "top_level_category_guid": found.category.parent_guid or found.category.guid,
    }
