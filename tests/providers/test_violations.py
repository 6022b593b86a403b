"""Every rule of the providers' contracts can be broken, and docs/violations.md says what comes of it.

``python -m tests.providers.test_violations`` writes it anew.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mocksrv.engine.conduct import Conduct
from mocksrv.engine.journal import Entry
from mocksrv.engine.violations import RULES, SEVERITIES
from mocksrv.registry import all_declared
from tests.conftest import MX, Receiver, started
from tests.providers.violation_cases import (
    CASES,
    CLIENTS,
    NONE,
    broken,
    first_page,
    polled,
    refuse,
    refused_users,
    webhook_to,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "violations.md"
PROVIDERS = [*all_declared()]
DECLARED = [(provider.name, rule) for provider in PROVIDERS for rule in provider.rules]
HEAD = """# Violations

mocksrv answers what the provider would answer, and notes what the provider would not like: each is a violation of a
rule, told by `GET /_mocksrv/violations`, `mocksrv violations`, the call in `GET /_mocksrv/requests/{id}`, the pytest
plugin (`strict=True`) and `mocksrv report`. Computed by `python -m tests.providers.test_violations`; the examples are
what came of breaking the rules.

What the provider refuses for want of what no app can know before is none: what exists already (409, and 400 at Mono: an
app may find a user, customer, member or login by making it), what is not there (404), and values that it does not take
(400, 422).

Severities: {severities}. Of a call at most 100 are noted, of a sandbox the newest `--keep-requests` are kept.

What each provider has, and what it does not have that a rule could be about:

"""


@pytest.mark.parametrize(("provider", "rule"), DECLARED)
def test_a_rule_can_be_broken(make_server: Callable[..., Any], receiver: Receiver, provider: str, rule: str) -> None:
    _, app = make_server()
    [found] = broken(provider, rule, app, receiver)
    said = {each.name: each.rules for each in PROVIDERS}[provider][rule]
    about = RULES[rule]
    assert (found["provider"], found["severity"], found["source"]) == (provider, about.severity, said)
    assert (found["text"], found["mend"]) == (about.text, about.mend)


def test_there_is_a_case_for_every_rule() -> None:
    assert CASES.keys() == {*DECLARED}
    assert {rule for _, rule in DECLARED} == RULES.keys()


def test_a_rule_that_a_provider_does_not_have_says_why() -> None:
    assert NONE.keys().isdisjoint(DECLARED)
    assert NONE.keys() | {*DECLARED} == {(provider.name, rule) for provider in PROVIDERS for rule in RULES}


@pytest.mark.parametrize("path", ["/mono/v2/accounts?page=two", "/finicity/aggregation/v1/customers?start=two"])
def test_what_mx_takes_for_the_default_others_refuse(
    make_server: Callable[..., Any], receiver: Receiver, path: str
) -> None:
    _, app = make_server()
    name = path.split("/")[1]
    client = CLIENTS[name](app, receiver)
    headers = getattr(client, "headers", {"mono-sec-key": "test_sk_1"})
    assert client.http.get(path, headers=headers).status_code == 400


def test_the_nearest_name_is_told(mx: MX) -> None:
    mx.call("POST", "/users", {"user": {"metadat": "m"}, "usr": {}})
    mx.call("GET", "/users?emial=a@b.example&colour=red")
    found = mx.control("GET", "/violations")["violations"]
    assert [(each["detail"], each["nearest"]) for each in found] == [
        ("usr", "user"),
        ("user.metadat", "user.metadata"),
        ("emial", "email"),
        ("colour", None),
    ]


def test_violations_are_filtered(mx: MX) -> None:
    mx.call("GET", "/users?colour=red")
    mx.call("POST", f"/users/{mx.user()}/connect_widget_url", {})
    mx.http.get("/mono/v2/accounts")

    def listed(query: str) -> list[str]:
        return [each["rule"] for each in mx.control("GET", f"/violations?{query}")["violations"]]

    assert listed("severity=warning") == listed("rule=deprecated") == listed("path=*/connect_widget_url")
    assert listed("severity=warning") == ["deprecated"]
    assert listed("provider=mono") == listed("status=401") == ["missing-header"]
    assert listed("severity=error") == ["unknown-parameter", "missing-header"]
    assert listed("rule=deprecated&severity=error") == []
    assert "did you mean" in mx.control("GET", "/violations?rule=unknown-feld", status=422)["detail"]
    assert "allowed are mx" in mx.control("GET", "/violations?provider=plaid", status=422)["detail"]


@pytest.mark.parametrize("clock", ["manual", "x60"])
@pytest.mark.parametrize("rule", ["polling", "no-back-off"])
def test_how_fast_calls_come_matters_on_a_real_clock_only(mx: MX, clock: str, rule: str) -> None:
    mx.control("PUT", "/clock", {"mode": clock})
    {"polling": polled, "no-back-off": refused_users}[rule](mx)
    assert mx.control("GET", f"/violations?rule={rule}")["violations"] == []


def test_slower_polls_and_retries_are_none() -> None:
    seconds = iter(range(100))
    conduct = Conduct(lambda: float(next(seconds)))
    for status in (200, 503):
        for _ in range(20):
            entry = Entry("default", "REQ-1", 0, "GET", "/users/1", status, polled=True, in_real_time=True)
            conduct.look(entry)
            assert entry.violations == []


def test_who_reads_on_has_not_ignored_the_pages(mx: MX) -> None:
    first_page(mx)
    [found] = mx.control("GET", "/violations")["violations"]
    path = found["path"]
    mx.call("GET", f"{path}?records_per_page=10")
    assert len(mx.control("GET", "/violations")["violations"]) == 1  # the same list is told of once
    [call, _] = mx.control("GET", f"/requests?path={path}")["requests"]
    assert [each["rule"] for each in call["violations"]] == ["pagination"]
    mx.call("GET", f"{path}?records_per_page=10&page=2")
    assert mx.control("GET", "/violations") == {"violations": []}
    assert mx.control("GET", f"/requests/{call['id']}")["violations"] == []


def test_the_first_page_of_a_catalogue_is_enough(mx: MX) -> None:
    mx.call("GET", "/institutions")
    assert mx.control("GET", "/violations") == {"violations": []}


def test_a_webhook_that_was_sent_wrong_on_purpose_may_be_refused(mx: MX) -> None:
    mx.control("PUT", "/faults", {"faults": [{"events": "mx.user.*", "corrupt": True}]})
    webhook_to(refuse)(mx)
    assert mx.control("GET", "/violations") == {"violations": []}


def test_a_call_has_so_many_violations_at_most(mx: MX) -> None:
    mx.call("POST", "/users", {"user": {"metadata": "m", **{f"field_{number}": 1 for number in range(500)}}})
    assert len(mx.control("GET", "/violations?limit=1000")["violations"]) == 100


@pytest.mark.slow
def test_the_document_is_what_the_rules_say() -> None:
    assert DOCUMENT.read_text("utf-8") == text()


def text() -> str:
    """The document."""
    severities = "; ".join(f"**{name}**: {means}" for name, means in SEVERITIES.items())
    return "\n".join([HEAD.replace("{severities}", severities) + _overview(), *map(_about, RULES)])


def _overview() -> str:
    """Rule by provider: yes, or why not."""
    lines = [
        f"| rule | {' | '.join(provider.title for provider in PROVIDERS)} |",
        "| --- |" + " --- |" * len(PROVIDERS),
    ]
    for rule in RULES:
        cells = [NONE.get((provider.name, rule), "yes") for provider in PROVIDERS]
        lines.append(f"| [`{rule}`](#{rule}) | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _about(rule: str) -> str:
    """What the document says of a rule."""
    about = RULES[rule]
    lines = [f"## `{rule}`", "", f"{about.text} *({about.severity})*", "", f"To mend it: {about.mend}", ""]
    lines += ["| provider | source | for example |", "| --- | --- | --- |"]
    for provider in PROVIDERS:
        if rule in provider.rules:
            lines.append(f"| {provider.title} | {provider.rules[rule]} | {_example(provider.name, rule)} |")
    return "\n".join([*lines, ""])


def _example(provider: str, rule: str) -> str:
    """What came of breaking a rule, in words."""
    engine, app = started()
    with closing(engine), closing(Receiver()) as receiver:
        [found] = broken(provider, rule, app, receiver)
    meant = f" (did you mean `{found['nearest']}`?)" if found["nearest"] else ""
    return f"{found['detail']}{meant}"


if __name__ == "__main__":
    DOCUMENT.write_text(text(), "utf-8")
