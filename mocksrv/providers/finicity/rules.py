"""The rules of Finicity's contract, and where Finicity says them."""

from __future__ import annotations

_ONBOARDING = "https://developer.mastercard.com/open-finance-us/documentation/onboarding/"
_FILE = "Mastercard's OpenAPI file of Open Finance US"
_WEBHOOKS = "https://developer.mastercard.com/open-finance-us/documentation/webhooks/webhooks-connect/"

RULES = {
    "unknown-field": f"{_FILE}: the request body of the operation",
    "unknown-parameter": f"{_FILE}: the parameters of the operation",
    "content-type": f"{_FILE}: request bodies are `application/json`",
    "missing-header": f"{_ONBOARDING}: `Finicity-App-Key` and `Finicity-App-Token` with every call",
    "secret-in-url": f"{_ONBOARDING}: key and token are sent in headers",
    "forbidden": f"{_FILE}: a login is refreshed when its owner is there, once at a time",
    "deprecated": f"{_FILE}: operations that are marked deprecated",
    "early-read": f"{_FILE}: transactions are there when the refresh is `COMPLETED`",
    "polling": f"{_FILE}: the status of a refresh is asked for by its `refreshId`; a refresh takes up to 180 s",
    "no-back-off": f"{_FILE}: 429 (code 3300001), too many requests",
    "pagination": f"{_FILE}: `moreAvailable` of lists",
    "webhook-refused": f"{_WEBHOOKS}: what is not answered is sent again for 3 days",
    "webhook-slow": f"{_WEBHOOKS}: what is not answered is sent again for 3 days",
}
