"""The rules of MX's contract, and where MX says them."""

from __future__ import annotations

_REFERENCE = "https://docs.mx.com/api-reference/platform-api/reference"
_ERRORS = "https://docs.mx.com/api-reference/platform-api/overview/errors"
_VERSIONS = "https://docs.mx.com/api-reference/platform-api/overview/versioning"

RULES = {
    "unknown-field": f"MX's OpenAPI file: the request body of the operation; {_REFERENCE}",
    "ignored-field": f"{_REFERENCE}/accounts",
    "unknown-parameter": f"MX's OpenAPI file: the parameters of the operation; {_REFERENCE}",
    "parameter": "MX's OpenAPI file: `page` and `records_per_page` are whole numbers",
    "content-type": "MX's OpenAPI file: request bodies are `application/json`",
    "missing-header": f"{_VERSIONS}; {_ERRORS} (401, 406)",
    "secret-in-url": "MX's OpenAPI file: security is HTTP Basic, in the header `Authorization`",
    "forbidden": f"{_ERRORS} (403, 405; 409: another job runs, or the member's status lets none start; 400: the"
    " institution does not support it; 429: balances are checked 5 times in two hours)",
    "deprecated": "MX's OpenAPI files and SDKs: operations that are marked deprecated, or that only older ones have",
    "early-read": f"{_REFERENCE}: a member's data are there when `is_being_aggregated` is false",
    "late-answer": f"{_ERRORS} (405): resume while the member is CHALLENGED, before it is EXPIRED",
    "polling": "MX's guide to aggregation: poll the status every 2 to 3 seconds, or listen to webhooks",
    "no-back-off": f"{_ERRORS} (429, 5xx)",
    "pagination": "MX's OpenAPI file: `pagination.total_pages` of lists",
    "webhook-refused": "https://docs.mx.com/resources/webhooks: what is not answered with 2xx is sent again",
    "webhook-slow": "https://docs.mx.com/resources/webhooks: answer `204` at once, do heavy work afterwards",
}
