"""The connection statuses of an MX member, as one table.

Sources: the Members page of MX's webhook documentation (numbers, which statuses have a message and name the
institution; which are reached by counting), the Connection Status page (which raise that webhook), MX's Connect widget
(error codes).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mocksrv.engine.clock import DAY
from mocksrv.engine.counting import Count, Counting


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """One connection status.

    ``message`` is for the end user, with ``{name}`` for the institution's. ``raises``: entering it sends the Connection
    Status webhook. ``authenticated``: the institution accepted the login. ``wants_credentials``: MX waits for new ones.
    ``jobs``: jobs may start from here.
    """

    number: int
    message: str | None
    raises: bool = False
    authenticated: bool = False
    wants_credentials: bool = False
    jobs: bool = True
    error: Mapping[str, Any] = field(default_factory=dict)


def _error(code: int, text: str) -> dict[str, Any]:
    return {"error_code": code, "error_message": text, "error_type": "MEMBER", "locale": "en"}


STATUSES: dict[str, ConnectionStatus] = {
    "CREATED": ConnectionStatus(0, "Connecting to {name} ..."),
    "PREVENTED": ConnectionStatus(
        1,
        "The last three attempts to connect failed. Please enter your credentials again.",
        raises=True,
        wants_credentials=True,
        jobs=False,
        error=_error(2005, "INVALID_CREDENTIALS"),
    ),
    "DENIED": ConnectionStatus(
        2,
        "The credentials do not match those of your account. Please enter them again.",
        raises=True,
        wants_credentials=True,
        jobs=False,
        error=_error(2005, "INVALID_CREDENTIALS"),
    ),
    "CHALLENGED": ConnectionStatus(3, "To connect, please answer the question(s) of {name}.", raises=True),
    "REJECTED": ConnectionStatus(
        4, "The answer was not right. Please try again.", raises=True, error=_error(2002, "INCORRECT_MFA")
    ),
    "LOCKED": ConnectionStatus(
        5, "Your account is locked. Please log in at the website of {name} and follow its steps.", raises=True
    ),
    "CONNECTED": ConnectionStatus(6, "Connected to {name}.", authenticated=True),
    "IMPEDED": ConnectionStatus(
        7, "{name} needs your attention. Please log in at its website and follow its steps.", raises=True
    ),
    "RECONNECTED": ConnectionStatus(8, "Reconnecting to {name} ...", authenticated=True),
    "DEGRADED": ConnectionStatus(
        9, "This connection is being improved. Please try again later.", error=_error(3002, "INSTITUTION_UNAVAILABLE")
    ),
    "DISCONNECTED": ConnectionStatus(
        10,
        "Data from {name} cannot be imported at the moment. We are working on it.",
        error=_error(3002, "INSTITUTION_UNAVAILABLE"),
    ),
    "DISCONTINUED": ConnectionStatus(
        11, "Connections to this institution are no longer offered. You may track the account by hand.", jobs=False
    ),
    "CLOSED": ConnectionStatus(
        12,
        "This connection is closed. You may track the account by hand, or connect it again if it was reopened.",
        jobs=False,
    ),
    "DELAYED": ConnectionStatus(13, "Importing from {name} takes longer than usual. Please look again later."),
    "FAILED": ConnectionStatus(
        14,
        "The credentials could not be checked with {name}. Please try again later.",
        error=_error(3000, "INSTITUTION_DOWN"),
    ),
    "UPDATED": ConnectionStatus(15, "Connecting to {name} ..."),
    "DISABLED": ConnectionStatus(
        16, "Importing from this institution is switched off. Please contact us.", authenticated=True, jobs=False
    ),
    "IMPORTED": ConnectionStatus(
        17, "Please enter your credentials for {name} to go on.", wants_credentials=True, jobs=False
    ),
    "RESUMED": ConnectionStatus(18, "Connecting to {name} ..."),
    "EXPIRED": ConnectionStatus(
        19, "The answer did not come in time. Please try again.", raises=True, error=_error(2003, "MFA_TIMEOUT")
    ),
    "IMPAIRED": ConnectionStatus(
        20,
        "Credentials for {name} are missing. Please enter them again.",
        raises=True,
        wants_credentials=True,
        jobs=False,
        error=_error(2004, "REAUTHORIZATION_REQUIRED"),
    ),
    "PENDING": ConnectionStatus(21, None, jobs=False),
}

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

# MX lists these as the statuses from which a verification (and, as mocksrv takes it, any other premium job) may start.
PREMIUM_FROM = frozenset(
    {"CREATED", "CONNECTED", "DEGRADED", "DISCONNECTED", "EXPIRED", "FAILED", "IMPEDED", "RECONNECTED", "UPDATED"}
)


def message(status: str | None, institution: str) -> str | None:
    """The text for the end user; None for the statuses that have none."""
    text = STATUSES[status].message if status else None
    return text.format(name=institution) if text else None
