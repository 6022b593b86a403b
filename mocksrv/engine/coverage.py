"""What a sandbox's client can meet of a provider: the kinds in which it is counted, and one thing that was met."""

from __future__ import annotations

from typing import NamedTuple

OPERATION, STATUS, CHALLENGE, EVENT, REFUSAL = "operation", "status", "challenge", "event", "refusal"
KINDS = {
    OPERATION: "operations: called",
    STATUS: "statuses: entered by a subject",
    CHALLENGE: "types of challenges: asked of a subject",
    EVENT: "webhook events: owed to an endpoint, or written in a sandbox that has none",
    REFUSAL: "refusals: answered",
}


class Met(NamedTuple):
    """One thing of a provider that a sandbox's client has met."""

    provider: str
    kind: str
    name: str
