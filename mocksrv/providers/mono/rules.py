"""The rules of Mono's contract, and where Mono says them."""

from __future__ import annotations

_ERRORS = "https://docs.mono.co/docs/errors"
_GUIDE = "https://docs.mono.co/docs/financial-data/integration-guide"
_WEBHOOKS = "https://docs.mono.co/docs/financial-data/webhook-introduction"
_RETRIES = "https://docs.mono.co/docs/payments/onetime/webhook-events"

RULES = {
    "unknown-field": "Mono's reference of the operation: its body",
    "unknown-parameter": "Mono's reference of the operation: its query",
    "content-type": "Mono's reference: `Content-Type: application/json`",
    "missing-header": f"{_ERRORS} (401); {_GUIDE}: `mono-sec-key` with every call",
    "credentials": f"{_GUIDE}: the public key is the widget's, the secret key the server's",
    "secret-in-url": f"{_GUIDE}: the secret key is sent in the header `mono-sec-key`",
    "forbidden": "https://docs.mono.co/docs/financial-data/manual-data-sync: a sync every 2 minutes (429); Mono's"
    " reference of the Partners API: a session links an account or reauthorises one (400)",
    "deprecated": "https://docs.mono.co/docs/changelog: the first version was to end in May 2024, /v2 is its successor",
    "early-read": f"{_GUIDE}: data are there when `data_status` is `AVAILABLE`",
    "polling": f"{_WEBHOOKS}: `account_updated` tells when data are there",
    "no-back-off": f"{_ERRORS} (429: back off exponentially)",
    "pagination": "https://docs.mono.co/api/bank-data/transactions: `paging.next`",
    "webhook-refused": f"{_RETRIES}: what is not answered with 2xx is sent again",
    "webhook-slow": f"{_RETRIES}: what is not answered is sent again",
}
