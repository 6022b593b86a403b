"""Finicity's error codes, and the aggregation status codes that accounts carry and failing refreshes answer."""

from __future__ import annotations

from collections.abc import Mapping

FINE, DOWN, TOO_LATE = 0, 102, 331
AGGREGATION: Mapping[int, str] = {
    FINE: "Success",
    DOWN: "The institution is down for maintenance.",
    103: "Invalid login credentials.",
    108: "User action is required at the institution.",
    109: "The institution requires a password update.",
    169: "Duplicate account.",
    185: "Missing or incorrect answer to an MFA challenge.",
    187: "Invalid answer to an MFA challenge.",
    325: "Aggregation in progress, please try again later.",
    TOO_LATE: "The MFA session has expired.",
    936: "The institution needs more information from the user.",
    938: "Inadequate response to the security questions.",
    945: "The account was migrated to OAuth and is not consented.",
    946: "The account was not found, it may be closed.",
    947: "The token has expired, the consent must be renewed.",
    948: "The account was migrated to OAuth and is not authenticated.",
    972: "Connections to this institution are not supported.",
    976: "Connections to this institution are not supported.",
    977: "A limit of the institution was reached, or the service expired.",
}


def meaning(code: int) -> str:
    """What an aggregation status code says; of one that is not in the list only the number."""
    return AGGREGATION.get(code, f"Aggregation failed with code {code}.")
