"""The connection statuses of an MX member, as one table.

Sources: the Members page of MX's webhook documentation (numbers, which are reached by counting, and the messages of
`status_messages.csv`), the Connection Status page (which raise that webhook), MX's Connect widget (error codes).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mocksrv.engine.clock import DAY
from mocksrv.engine.counting import Count, Counting


class ConnectionStatus(NamedTuple):
    """One connection status.

    ``raises``: entering it sends the Connection Status webhook. ``authenticated``: the institution accepted the login.
    ``wants_credentials``: MX waits for new ones. ``jobs``: jobs may start from here. ``refreshed``: the daily
    refresh runs, for nothing waits for the user. ``error``: what a member shows as its error.
    """

    number: int
    raises: bool = False
    authenticated: bool = False
    wants_credentials: bool = False
    jobs: bool = True
    refreshed: bool = False
    error: Mapping[str, Any] = {}


def _error(code: int, error: str, user: str) -> dict[str, Any]:
    return {
        "error_code": code,
        "error_message": error,
        "error_type": "MEMBER",
        "locale": "en",
        "user_message": user,
    }


INVALID_CREDENTIALS = _error(
    2005,
    "The institution refused the credentials.",
    "The login did not work. Please check what you entered and try again.",
)
INSTITUTION_UNAVAILABLE = _error(
    3002,
    "The institution could not be reached, or its data could not be read.",
    "Your bank cannot be reached at the moment. You need not do anything.",
)

STATUSES: dict[str, ConnectionStatus] = {
    "CREATED": ConnectionStatus(0, refreshed=True),
    "PREVENTED": ConnectionStatus(1, raises=True, wants_credentials=True, jobs=False, error=INVALID_CREDENTIALS),
    "DENIED": ConnectionStatus(2, raises=True, wants_credentials=True, jobs=False, error=INVALID_CREDENTIALS),
    "CHALLENGED": ConnectionStatus(3, raises=True),
    "REJECTED": ConnectionStatus(
        4,
        raises=True,
        error=_error(
            2002,
            "The institution refused an answer to a challenge.",
            "An answer was not right. Please try again.",
        ),
    ),
    "LOCKED": ConnectionStatus(5, raises=True),
    "CONNECTED": ConnectionStatus(6, authenticated=True, refreshed=True),
    "IMPEDED": ConnectionStatus(7, raises=True),
    "RECONNECTED": ConnectionStatus(8, authenticated=True),
    "DEGRADED": ConnectionStatus(9, refreshed=True, error=INSTITUTION_UNAVAILABLE),
    "DISCONNECTED": ConnectionStatus(10, refreshed=True, error=INSTITUTION_UNAVAILABLE),
    "DISCONTINUED": ConnectionStatus(11, jobs=False),
    "CLOSED": ConnectionStatus(12, jobs=False),
    "DELAYED": ConnectionStatus(13, refreshed=True),
    "FAILED": ConnectionStatus(
        14,
        refreshed=True,
        error=_error(
            3000,
            "The institution's systems did not answer.",
            "Your bank does not answer. Please try again later.",
        ),
    ),
    "UPDATED": ConnectionStatus(15, refreshed=True),
    "DISABLED": ConnectionStatus(16, authenticated=True, jobs=False),
    "IMPORTED": ConnectionStatus(17, wants_credentials=True, jobs=False),
    "RESUMED": ConnectionStatus(18, refreshed=True),
    "EXPIRED": ConnectionStatus(
        19,
        raises=True,
        refreshed=True,
        error=_error(
            2003,
            "A challenge was not answered in time.",
            "The answer came too late. Please try again.",
        ),
    ),
    "IMPAIRED": ConnectionStatus(
        20,
        raises=True,
        wants_credentials=True,
        jobs=False,
        error=_error(
            2004,
            "The institution asks for the credentials once more.",
            "Please log in at your bank again.",
        ),
    ),
    "PENDING": ConnectionStatus(21, jobs=False),
}

RAISING = tuple(name for name, status in STATUSES.items() if status.raises)
BUSY = frozenset({"CREATED", "UPDATED", "RESUMED", "CHALLENGED", "RECONNECTED", "DELAYED"})  # while a job runs

# Statuses that MX reaches by counting attempts, whatever their job.
FAILURES = frozenset({"FAILED", "DEGRADED", "DISCONNECTED"})
COUNTING = Counting(
    rules=(
        Count("DISCONNECTED", FAILURES, without_success=14 * DAY),
        Count("DEGRADED", frozenset({"FAILED"}), within=DAY),
        Count("PREVENTED", frozenset({"DENIED"})),
    ),
    passing=frozenset({"CREATED", "UPDATED", "PENDING", "CHALLENGED", "RESUMED", "DELAYED", "CONNECTED"}),
)

# MX lists these as the statuses from which a verification may start.
VERIFY_FROM = frozenset(
    {"CREATED", "CONNECTED", "DEGRADED", "DISCONNECTED", "EXPIRED", "FAILED", "IMPEDED", "RECONNECTED", "UPDATED"}
)


# Status -> the text for the end user, with {name} for the institution's; only for those that have one.
with Path(__file__).with_name("status_messages.csv").open(encoding="utf-8", newline="") as _file:
    MESSAGES: Mapping[str, str] = {
        row["connection_status"]: row["connection_status_message"]
        for row in csv.DictReader(_file)
        if row["connection_status_message"]
    }


# Whether the bank has accepted the login; in the statuses that are missing it may have, before the trouble began.
_UNDECIDED = ("CREATED", "UPDATED", "RESUMED", "CHALLENGED", "DELAYED", "FAILED", "DEGRADED", "DISCONNECTED")
AUTHENTICATED: Mapping[str, bool] = {
    name: status.authenticated
    for name, status in STATUSES.items()
    if name not in (*_UNDECIDED, "DISCONTINUED", "CLOSED")
}
WELL = frozenset({"CREATED", "UPDATED", "RESUMED", "PENDING", "CHALLENGED", "DELAYED", "CONNECTED", "RECONNECTED"})
TROUBLE = _error(
    2000, "The institution reports trouble with this login.", "Your bank reports trouble with this login."
)  # where a status has no error of its own


def said_by(text: Any) -> frozenset[str]:
    """The statuses whose text for the end user this is, whatever the institution; none for another text."""
    if not isinstance(text, str):
        return frozenset()
    parts = {name: each.partition("{name}") for name, each in MESSAGES.items()}
    return frozenset(
        name
        for name, (before, place, behind) in parts.items()
        if (text.startswith(before) and text.endswith(behind) if place else text == before)
    )


def disagreements(status: str, fields: Mapping[str, Any]) -> Mapping[str, str]:
    """Which fields of a member contradict its status, and what is allowed."""
    rules, found = STATUSES[status], {}
    authenticated = AUTHENTICATED.get(status)
    if authenticated is not None and fields.get("is_authenticated", authenticated) != authenticated:
        found["is_authenticated"] = f"{str(authenticated).lower()} in a member that is {status}"
    if rules.wants_credentials and fields.get("needs_updated_credentials") is False:
        found["needs_updated_credentials"] = f"true in a member that is {status}"
    error = fields.get("error")
    if error and status in WELL:
        found["error"] = f"a member that is {status} has none: {{}}"
    elif error == {} and rules.error:
        found["error"] = f"a member that is {status} has one; left out, it is that of the status"
    meant = said_by(fields.get("connection_status_message"))
    if meant and status not in meant:
        found["connection_status_message"] = f"this is what {' or '.join(sorted(meant))} says, not {status}"
    return found


def whole_error(status: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """An error of which some members were set: the others are those of the status."""
    known = STATUSES[status].error if status in STATUSES else {}
    return {**(known or TROUBLE), **given} if given else {}


def message(status: str | None, institution: str) -> str | None:
    """The text for the end user; None for the statuses that have none."""
    text = MESSAGES.get(status or "")
    return text.format(name=institution) if text else None
