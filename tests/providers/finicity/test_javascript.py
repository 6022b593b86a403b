"""Receivers sign what they have parsed: no number that Finicity sends changes when JavaScript parses and prints it."""

from __future__ import annotations

from typing import Any

from mocksrv.providers.finicity.provider import FinicityProvider
from mocksrv.providers.finicity.webhooks import CATALOGUE
from tests.providers.finicity.client import Finicity
from tests.providers.finicity.test_openapi import CASES, ORDER, filled, known_of
from tests.providers.test_numbers import needs_node, not_asked, printed_by_javascript

SCENARIOS = ("mfa", "invalid-credentials", "unable-to-connect", "no-accounts", "oauth", "fix", "accounts-deleted")

OLDER = (
    "/institution/v2/institutions/102105/loginForm",
    "/aggregation/v1/customers/{customer}/accounts/{account}",
    "/aggregation/v3/customers/{customer}/accounts/{account}/transactions?fromDate=0&toDate=4000000000",
)


@needs_node
def test_events_and_answers_stay_as_they_are(finicity: Finicity) -> None:
    """One Node for all of them."""
    known, texts = known_of(finicity), []
    for number, call in enumerate(ORDER):
        method, _, path = call.format_map(known | {"new": f"js-{number}"}).partition(" ")
        body: Any = filled(CASES[call], known | {"new": f"js-{number}"})
        answer = finicity.http.open(f"/finicity{path}", method=method, json=body, headers=finicity.headers)
        texts.append(answer.get_data(as_text=True) or "null")
    for path in OLDER:
        answer = finicity.http.get(f"/finicity{path.format_map(known)}", headers=finicity.headers)
        texts.append(answer.get_data(as_text=True))
    texts.append(finicity.http.get("/finicity/nothing").get_data(as_text=True))
    for number, scenario in enumerate(SCENARIOS):
        data = {"amount": 5.0, "small": 1e-7, "less": 1e-5, "order": 2494.0}
        customer = finicity.customer(f"customer-of-{number}")
        finicity.play(finicity.generate(customer, scenario=scenario, webhookData=data))
    finicity.control("PUT", "/endpoints", {"endpoints": [{"url": finicity.receiver.url, "events": ["finicity.*"]}]})
    for event in sorted(CATALOGUE):
        body = {"event": event, "payload": {"code": 102.0, "more": [1e-6, 3.0]}, "extra": True}
        finicity.control("POST", "/trigger", body)
    finicity.advance("1h")
    texts += [item["raw"].decode() for item in finicity.receiver.received]
    assert not_asked(finicity, FinicityProvider) == set()
    assert len(texts) > len(CASES) + len(CATALOGUE)
    assert any('"order":2494' in text for text in texts)
    assert [(was, now) for was, now in zip(texts, printed_by_javascript(texts), strict=True) if was != now] == []
