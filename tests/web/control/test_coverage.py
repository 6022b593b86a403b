"""What a sandbox's client has met of the providers: counted, so that nothing is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mocksrv.engine import journal
from mocksrv.engine.coverage import KINDS
from tests.conftest import MX, Receiver
from tests.providers.finicity.client import Finicity
from tests.providers.mono.client import Mono


def covered(client: Any, provider: str = "mx") -> dict[str, dict[str, int]]:
    """Kind -> what was met of it, and how often."""
    [found] = client.control("GET", f"/coverage?provider={provider}")["coverage"]
    return {kind: {each["name"]: each["times"] for each in of["met"]} for kind, of in found["kinds"].items()}


def test_what_was_met_is_counted(mx: MX) -> None:
    user = mx.user()
    mx.control("PUT", "/bindings", {"next": ["challenged-options"]})
    member = mx.create(user)["guid"]
    mx.advance("1m")
    for _ in range(3):
        mx.call("GET", f"/users/{user}/members/{member}/status")
    mx.call("GET", "/users/USR-none", status=404)
    met = covered(mx)
    assert met["operation"]["readMemberStatus"] == 3
    assert met["operation"]["createMember"] == 1
    assert met["status"] == {"CREATED": 1, "CHALLENGED": 1}
    assert met["challenge"] == {"OPTIONS": 1}
    assert met["event"]["mx.member.created"] == 1
    assert met["refusal"] == {"404": 1}


def test_what_was_not_met_is_named(mx: MX) -> None:
    mx.call("GET", "/users")
    [whole] = mx.control("GET", "/coverage?provider=mx")["coverage"]
    kinds = whole["kinds"]
    assert "createUser" in kinds["operation"]["not_met"]
    assert "listUsers" not in kinds["operation"]["not_met"]
    assert "listManagedMembers" not in kinds["operation"]["not_met"]  # which MX has deprecated
    assert (len(kinds["status"]["not_met"]), kinds["challenge"]["share"]) == (22, 0)
    assert kinds["operation"]["share"] == round(1 / (1 + len(kinds["operation"]["not_met"])), 4)
    everything = sum(len(each["met"]) + len(each["not_met"]) for each in kinds.values())
    assert whole["share"] == round(1 / everything, 4)


def test_a_deprecated_operation_counts_once_it_was_called(mx: MX) -> None:
    mx.call("GET", "/managed_institutions")
    assert covered(mx)["operation"] == {"listManagedInstitutions": 1}


def test_events_that_no_endpoint_asks_for_are_not_met(mx: MX) -> None:
    mx.user()
    assert covered(mx)["event"] == {}  # the endpoint gets what a plain client gets
    mx.control("PUT", "/endpoints", {"endpoints": []})
    mx.user()
    assert covered(mx)["event"] == {"mx.user.created": 1}


def test_counts_outlive_the_journal(make_server: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "BATCH", 5)
    mx = MX(make_server(keep_requests=5)[1])
    for _ in range(40):
        mx.call("GET", "/users")
        mx.control("GET", "/requests")
    assert len(mx.control("GET", "/requests")["requests"]) <= 10
    assert covered(mx)["operation"] == {"listUsers": 40}


def test_each_provider_is_covered(make_server: Callable[..., Any], receiver: Receiver) -> None:
    _, app = make_server()
    mono, finicity = Mono(app, receiver), Finicity(app, receiver)
    mono.link()
    finicity.customer()
    finicity.call("GET", "/aggregation/v1/customers/none", status=404)
    assert covered(mono, "mono")["status"] == {"PROCESSING": 1, "AVAILABLE": 1}
    assert covered(mono, "finicity")["refusal"] == {"404 14001": 1}
    whole = mono.control("GET", "/coverage")["coverage"]
    assert [each["provider"] for each in whole] == ["mx", "mono", "finicity"]
    assert whole[1]["kinds"]["challenge"] == {"share": None, "met": [], "not_met": []}
    assert "allowed are mx" in mono.control("GET", "/coverage?provider=plaid", status=422)["detail"]


def test_a_reset_begins_anew_and_sandboxes_are_apart(make_server: Callable[..., Any]) -> None:
    _, app = make_server()
    one, other = MX(app, "one"), MX(app, "other")
    one.user()
    assert covered(other)["operation"] == {}
    one.control("POST", "/reset")
    assert covered(one) == {kind: {} for kind in KINDS}
