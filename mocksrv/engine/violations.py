"""How an app can break a provider's contract: the rules, and one time that one was broken.

`docs/violations.md` is made from this table and from what each provider says of it (`rules` of its `Provider`).
"""

from __future__ import annotations

from typing import NamedTuple

ERROR, WARNING = "error", "warning"
SEVERITIES = {
    ERROR: "the provider refuses it, or does not do what was meant",
    WARNING: "it works here, and the provider advises against it",
}
MOST_OF_A_CALL = 100  # violations: a body with more unknown fields than that is known to be wrong by then


class Rule(NamedTuple):
    """One rule: its name, how bad it is to break it, what is wrong then, how to mend it, and who says so in general."""

    id: str
    severity: str
    text: str
    mend: str
    source: str


class Violation(NamedTuple):
    """A rule was broken. ``detail`` is what broke it; ``nearest`` the name that an unknown one probably means;
    ``until`` what a later call may say that takes the violation back.
    """

    rule: str
    detail: str
    nearest: str | None = None
    until: str | None = None


_REFERENCE = "the provider's reference of the operation"
RULES = {
    rule.id: rule
    for rule in (
        Rule(
            "unknown-field",
            ERROR,
            "The body has a field that the operation does not know; the provider ignores it.",
            "Leave the field out, or give it the name that the operation knows.",
            _REFERENCE,
        ),
        Rule(
            "ignored-field",
            ERROR,
            "The body has a field that the operation ignores for this record.",
            "Leave the field out for records of this kind.",
            _REFERENCE,
        ),
        Rule(
            "unknown-parameter",
            ERROR,
            "The query has a parameter that the operation does not know; the provider ignores it.",
            "Leave the parameter out, or give it the name that the operation knows.",
            _REFERENCE,
        ),
        Rule(
            "parameter",
            ERROR,
            "A parameter of the query has a value that cannot be; the provider takes the default.",
            "Send a value that the reference allows.",
            _REFERENCE,
        ),
        Rule(
            "content-type",
            ERROR,
            "The body is not declared as JSON.",
            "Send the header `Content-Type: application/json` with every body.",
            _REFERENCE,
        ),
        Rule(
            "missing-header",
            ERROR,
            "A header is missing that the provider wants with every call.",
            "Send the header with every call; the official SDKs do.",
            "the provider's pages about authentication and versions",
        ),
        Rule(
            "credentials",
            ERROR,
            "The call has credentials that are for something else.",
            "Send the secret key of the server, which no page or app of a customer may know.",
            "the provider's pages about authentication",
        ),
        Rule(
            "secret-in-url",
            ERROR,
            "The query has a secret, which proxies and servers write into their logs.",
            "Send secrets in headers or in the body, and exchange the one that was sent.",
            "RFC 9110, section 17.9 (disclosure of sensitive information in URIs)",
        ),
        Rule(
            "forbidden",
            ERROR,
            "The provider does not allow this call, now or at all.",
            "Look at the state of the record before the call, and ask for what its state allows.",
            _REFERENCE,
        ),
        Rule(
            "deprecated",
            WARNING,
            "The operation is deprecated: the provider will take it away.",
            "Use the operation that the provider names as its successor.",
            _REFERENCE,
        ),
        Rule(
            "early-read",
            ERROR,
            "Data were read while they were still being fetched: some of them are missing, or old.",
            "Wait for the webhook, or poll the status until it says that nothing is fetched any more.",
            _REFERENCE,
        ),
        Rule(
            "late-answer",
            ERROR,
            "A challenge was answered after the time for it had run out.",
            "Show a challenge at once, and start again when it has expired.",
            _REFERENCE,
        ),
        Rule(
            "polling",
            WARNING,
            "A status was polled faster than once a second, ten times running (noted on a real clock only).",
            "Wait some seconds between two polls, or for the webhook.",
            "the provider's guide to webhooks and statuses",
        ),
        Rule(
            "no-back-off",
            WARNING,
            "A call was made again within a second after it was refused with 429 or 5xx, three times running (noted on"
            " a real clock only).",
            "Wait before a retry, longer each time.",
            "RFC 9110, sections 10.2.3 (Retry-After) and 15.6.4 (503)",
        ),
        Rule(
            "pagination",
            WARNING,
            "A list has more pages than the first, and no other was read since.",
            "Go on to the next page until there is none, or ask for larger pages.",
            _REFERENCE,
        ),
        Rule(
            "webhook-refused",
            ERROR,
            "A webhook was not answered with 2xx: the provider sends it again, and gives up after some time.",
            "Answer 2xx as soon as the webhook is received, whatever becomes of it.",
            "the provider's pages about webhooks",
        ),
        Rule(
            "webhook-slow",
            ERROR,
            "A webhook was not answered within the 5 seconds that it gets here: it is taken for lost, and sent again.",
            "Answer at once, and do the work afterwards.",
            "the provider's pages about webhooks",
        ),
    )
}
