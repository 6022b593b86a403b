"""Numbers of everything that Mono sends: JavaScript parses and prints them without a change, for receivers sign what
they have parsed.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from mocksrv.providers.mono.provider import MonoProvider
from mocksrv.providers.mono.webhooks import CATALOGUE
from mocksrv.providers.numbers import LARGEST, too_large
from tests.providers.mono.client import Mono
from tests.providers.mono.test_analyses import LOAN
from tests.providers.mono.test_customers import ADA
from tests.providers.mono.test_partners import GOOD, SESSION
from tests.providers.test_numbers import needs_node, not_asked, printed_by_javascript

LINK = {
    "customer": {"name": "Ada Obi", "email": "ada@example.com"},
    "scope": "auth",
    "redirect_url": "https://app.example.com/back",
}
WHOLE_FLOAT = re.compile(r"[:\[,]-?[0-9]+\.0+[,\]}]")
READS = (
    "/coverage",
    "/v3/institutions",
    "/v3/banks/list",
    "/v2/accounts",
    "/v2/customers",
    "/v2/customers/{customer}",
    "/v2/customers/{customer}/transactions",
    *(f"{version}/accounts/{{id}}" for version in ("", "/v2")),
    *(
        f"{version}/accounts/{{id}}/{what}"
        for version in ("", "/v2")
        for what in ("transactions", "credits", "debits", "identity", "income", "statement", "statement?output=pdf")
    ),
    *(f"/v2/accounts/{{id}}/{what}" for what in ("balance", "income-records", "assets", "earnings")),
    "/v2/accounts/{id}/statement/insights",
    "/v2/enrichments/record/{job}",
    "/v2/accounts/",
    "/v2/customers/",
    "/users/stats/wallet",
    "/accounts/{id}/statement/jobs/{file}",
    "/v2/accounts/{id}/statement/jobs/{file}",
    "/v2/accounts/{id}/jobs/{sync}",
    "/v2/accounts/unknown",
    "/accounts/unknown",
)


WRITES: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/account/auth", {"code": "{code}"}),
    ("POST", "/v2/accounts/auth", {"code": "{code}"}),
    ("POST", "/v2/accounts/initiate", LINK),
    ("POST", "/v2/customers", ADA),
    ("POST", "/v2/customers/", ADA | {"email": "other@example.com"}),
    ("PATCH", "/v2/customers/{customer}", {"phone": "08012345679"}),
    ("POST", "/v2/connect/session", SESSION),
    ("POST", "/v2/connect/reauth/session", {"account": "{id}"}),
    ("POST", "/accounts/{id}/reauthorise", None),
    ("POST", "/v2/accounts/{id}/reauthorise", None),
    ("POST", "/v2/accounts/{id}/creditworthiness", LOAN),
    ("POST", "/v2/accounts/{id}/creditworthiness/", LOAN),
    ("POST", "/v2/accounts/{id}/statement/insights", None),
    ("POST", "/v2/accounts/{id}/transactions/categorise", None),
    ("POST", "/v2/accounts/{id}/transactions/metadata", None),
    ("POST", "/accounts/{id}/sync", None),
    ("GET", "/accounts/{id}/sync", None),
    ("POST", "/accounts/{id}/unlink", None),
    ("POST", "/v2/accounts/{other}/unlink", None),
    ("DELETE", "/v2/customers/{customer}", None),
)


def answers(mono: Mono) -> list[str]:
    """The texts of answers of every operation."""
    code = mono.connect(institution="any")
    id = mono.call("POST", "/account/auth", {"code": code})["id"]
    mono.advance("2s")
    known = {"id": id, "other": mono.link(), "code": code}
    known["job"] = mono.call("GET", f"/v2/accounts/{id}/statement/insights")["data"]["jobId"]
    known["file"] = mono.call("GET", f"/accounts/{id}/statement?output=pdf")["id"]
    known["sync"] = mono.ask("GET", f"/v2/accounts/{id}/balance", x_realtime="true").headers["x-job-id"]
    known["customer"] = mono.call("GET", f"/v2/accounts/{id}")["data"]["customer"]["id"]
    session = {"x-session-id": mono.call("POST", "/v2/connect/session", SESSION)["data"]["session"]["id"]}
    again = mono.ask("POST", "/v2/connect/reauth/session", {"account": id}).headers["x-session-id"]
    mono.advance("30s")
    found = [
        mono.ask("GET", "/v2/connect/sandbox", None, **session),
        mono.ask("POST", "/v2/connect/login", GOOD, **session),
        mono.ask("POST", "/v2/connect/reauth/login", GOOD, **{"x-session-id": again}),
        *(mono.ask("GET", path.format(**known)) for path in READS),
    ]
    for method, path, body in WRITES:
        sent = (
            None
            if body is None
            else {name: each.format(**known) if each in ("{code}", "{id}") else each for name, each in body.items()}
        )
        found.append(mono.ask(method, path.format(**known), sent))
    return [answer.get_data(as_text=True) for answer in found if answer.is_json]


def test_every_operation_is_asked(mono: Mono) -> None:
    answers(mono)
    assert not_asked(mono, MonoProvider) == {"GET /statements/<job>.pdf"}  # a file


def callbacks(mono: Mono) -> list[str]:
    """The bodies of every event, and of one with numbers that Python prints otherwise."""
    id = mono.link()
    for event in sorted(CATALOGUE):
        mono.control("POST", "/trigger", {"event": event, "subject": id})
    mono.call("POST", f"/v2/accounts/{id}/creditworthiness", LOAN | {"interest_rate": 5.0})
    mono.advance("30s")
    for balance in (2494.0, 1e-05, 1e15, -0.0, LARGEST, 0.1):
        mono.control(
            "POST", "/trigger", {"event": "mono.account_updated", "payload": {"account": {"balance": balance}}}
        )
    mono.advance("0s")
    return [item["raw"].decode() for item in mono.receiver.received]


@needs_node
def test_javascript_prints_what_it_parsed(mono: Mono) -> None:
    texts = [*answers(mono), *callbacks(mono)]
    assert {json.loads(text).get("event") for text in texts if text.startswith('{"event"')} == {
        event.wire for event in CATALOGUE.values()
    }
    assert printed_by_javascript(texts) == texts


def test_whole_numbers_have_no_fraction(mono: Mono) -> None:
    for text in (*answers(mono), *callbacks(mono)):
        assert not WHOLE_FLOAT.search(text)
        assert too_large(json.loads(text, parse_constant=pytest.fail)) is None


@pytest.mark.parametrize("balance", [2**53, -(2**53), 1.5])
def test_a_balance_that_no_scenario_may_set(mono: Mono, balance: Any) -> None:
    text = f"name: mine\nprovider: mono\nflows: {{link: [{{status: AVAILABLE, set: {{balance: {balance}}}}}]}}\n"
    answer = mono.http.put("/_mocksrv/scenarios/mine", data=text, content_type="application/yaml")
    assert answer.status_code == 422
    assert "balance" in answer.get_data(as_text=True)


@pytest.mark.parametrize("number", ["9007199254740992", "-9007199254740993", "1e300"])
def test_a_number_that_no_event_may_have(mono: Mono, number: str) -> None:
    text = f'{{"event": "mono.account_updated", "payload": {{"account": {{"balance": {number}}}}}}}'
    answer = mono.http.post("/_mocksrv/trigger", data=text, content_type="application/json")
    assert (answer.status_code, "payload.account.balance" in answer.get_data(as_text=True)) == (422, True)
    assert mono.news() == []


def test_a_number_that_is_no_number_at_all(mono: Mono) -> None:
    text = '{"event": "mono.account_updated", "payload": {"account": {"balance": 1e400}}}'
    assert mono.http.post("/_mocksrv/trigger", data=text, content_type="application/json").status_code == 400
    assert mono.news() == []
