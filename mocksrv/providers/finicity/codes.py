"""Finicity's refusals with their codes and texts, and the aggregation status codes that accounts carry and failing
refreshes answer.

Source: the error examples of Mastercard's OpenAPI file, and the assertions of its Java test suite.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Code(NamedTuple):
    """One refusal: the HTTP status, the code, and the text with the names of what it is about in braces.
    ``rule``: which of the rules of Finicity's contract the call breaks.
    """

    status: int
    code: int
    text: str
    rule: str | None = None


REFUSALS: Mapping[str, Code] = {
    # credentials
    "credentials": Code(401, 10001, "Invalid credentials"),
    "locked": Code(401, 24302, "Bad credentials"),
    "app key missing": Code(401, 10026, "Missing parameter (Finicity-App-Key)", "missing-header"),
    "token missing": Code(401, 10024, "Missing parameter (Finicity-App-Token)", "missing-header"),
    "token invalid": Code(401, 10022, "Invalid (Finicity-App-Token)"),
    "token expired": Code(401, 10023, "Expired (Finicity-App-Token)"),
    # what was sent
    "missing": Code(400, 10005, "Missing parameter ({name})"),
    "invalid": Code(400, 10010, 'Invalid "{name}" in request body: {reason}'),
    "parameter": Code(400, 10100, "Invalid parameter ({name})"),
    "date range": Code(400, 41002, "Invalid date range: {reason}"),
    "experience": Code(400, 10010, '"experience" must be a valid GUID'),
    "bad request": Code(400, 14020, "Bad request. ({reason})"),
    "start": Code(400, 41003, "Start index cannot be less than one."),
    "limit": Code(400, 41004, "Limit cannot be less than one."),
    "status parameter": Code(400, 18017, "status parameter value must be 'active' or 'pending'"),
    "secret": Code(400, 24437, "New password is not as per policy"),
    "customer type": Code(400, 14016, "Invalid customer type."),
    "username policy": Code(400, 110039, "Username is not as per the policy."),
    "username characters": Code(400, 45003, "Invalid character in name fields."),
    "nothing to update": Code(400, 10025, "No data to update."),
    "consumer field": Code(400, 10100, "Invalid format for field consumer.{name}.{more}"),
    # what is not there, or there already
    "resource": Code(404, 14001, "Resource not found."),
    "customer": Code(404, 14001, "Customer not found."),
    "username taken": Code(409, 110002, "Username is not available."),
    "consumer": Code(404, 10100, "Cannot find consumer with id {id}."),
    "consumer of customer": Code(404, 10100, "Cannot find consumer for customer with id {customer}."),
    "consumer exists": Code(409, 11000, "A consumer already exists for customer {customer}"),
    "institution": Code(404, 14006, "Institution not found."),
    "account": Code(404, 38003, "customer does not have given account (customerId = {customer}, accountId = [{id}])"),
    "accounts of institution": Code(
        404, 38006, "Customer does not have any accounts associated with institutionId = ({id})"
    ),
    "accounts of login": Code(
        404, 38007, "Customer does not have any accounts associated with institutionLoginId = ({id})"
    ),
    "accounts": Code(404, 38003, "Customer does not have any accounts"),
    "account to report on": Code(404, 10005, "Customer does not have the specified account ({id})"),
    "routing number": Code(406, 20000, "Routing number not found"),
    "transaction": Code(404, 24553, "Transaction not found."),
    "data": Code(404, 10008, "data not found"),
    "report": Code(404, 10100, "Cannot find report with id {id}."),
}

FINE, DOWN, BAD_LOGIN, TOO_LATE = 0, 102, 103, 331
AGGREGATION: Mapping[int, str] = {
    FINE: "Success",
    DOWN: "The institution is down for maintenance.",
    BAD_LOGIN: "Invalid login credentials.",
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
    """What an aggregation status code says. The code itself stands beside it, wherever it is told."""
    return AGGREGATION.get(code, "Aggregation failed.")
