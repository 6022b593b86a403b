"""The products that a client may lack, by the names that a sandbox's ``without`` takes.

Sources: MX's page of errors (403: "the product is not enabled for the client"); the text for insights was captured,
those of the others are inferred from it.
"""

from __future__ import annotations

from collections.abc import Mapping

INSIGHTS = "insights"
# product -> what the refusal calls its features
PRODUCTS: Mapping[str, str] = {
    INSIGHTS: "Pulse",
    "account_verification": "account verification",
    "balance": "balance check",
    "identity_verification": "account identification",
    "rewards": "rewards",
    "statements": "account statement",
    "transaction_history": "extended transaction history",
}


def refusal(product: str) -> str:
    """What a client without a product is told."""
    return f"Client does not have access to {PRODUCTS[product]} features"
