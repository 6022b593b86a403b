"""Finicity's error codes, and the aggregation status codes that accounts carry and failing refreshes answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Aggregation(NamedTuple):
    """A status code of an aggregation. ``fixable``: a Connect Fix session helps."""

    message: str
    fixable: bool = False


FINE, DOWN, BAD_LOGIN, WRONG_ANSWER = 0, 102, 103, 187
AGGREGATION: Mapping[int, Aggregation] = {
    FINE: Aggregation("Success"),
    DOWN: Aggregation("The institution is down for maintenance."),
    BAD_LOGIN: Aggregation("Invalid login credentials.", True),
    108: Aggregation("User action is required at the institution.", True),
    109: Aggregation("The institution requires a password update.", True),
    169: Aggregation("Duplicate account."),
    185: Aggregation("Missing or incorrect answer to an MFA challenge.", True),
    WRONG_ANSWER: Aggregation("Invalid answer to an MFA challenge.", True),
    325: Aggregation("Aggregation in progress, please try again later."),
    331: Aggregation("The MFA session has expired."),
    936: Aggregation("The institution needs more information from the user."),
    938: Aggregation("Inadequate response to the security questions."),
    945: Aggregation("The account was migrated to OAuth and is not consented.", True),
    946: Aggregation("The account was not found, it may be closed.", True),
    947: Aggregation("The token has expired, the consent must be renewed.", True),
    948: Aggregation("The account was migrated to OAuth and is not authenticated.", True),
    972: Aggregation("Connections to this institution are not supported."),
    976: Aggregation("Connections to this institution are not supported."),
    977: Aggregation("A limit of the institution was reached, or the service expired."),
}


def meaning(code: int) -> str:
    """What an aggregation status code says; of one that is not in the list only the number."""
    known = AGGREGATION.get(code)
    return known.message if known else f"Aggregation failed with code {code}."
