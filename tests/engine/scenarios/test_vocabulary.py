"""What is said of words that can match or mean nothing: faults, events, patterns, fields."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocksrv.engine.sandbox import Fault
from mocksrv.engine.scenarios.vocabulary import (
    Template,
    Vocabulary,
    event_problem,
    fault_problem,
    field_problems,
    pattern_problem,
)

STATUS = "/users/<user>/members/<member>/status"
BANK = Vocabulary(
    "bank",
    statuses=frozenset({"OPEN"}),
    flows=frozenset({"connect"}),
    events=frozenset({"bank.member.created", "bank.member.updated", "bank.aggregation"}),
    happy="opens",
    fields={"is_open": {"type": "boolean"}, "kind": {"type": "string", "enum": ["big", "small"]}},
    operations=(Template("GET", "/users"), Template("POST", "/users"), Template("GET", STATUS)),
)
SHOP = Vocabulary(
    "shop",
    statuses=frozenset(),
    flows=frozenset(),
    events=frozenset({"shop.added"}),
    happy="sells",
    operations=(Template("GET", "/shop/files/<file>.pdf"),),
)
BOTH = (BANK, SHOP)


@pytest.mark.parametrize(
    "on",
    [
        "GET /users",
        "* /users",
        "HEAD /users",
        "GET /users/*/members/*/status",
        "GET /users/USR-*/members/MBR-1/status",
        "GET /**",
        "GET /users/**",
        "GET /shop/files/one.pdf",
        "GET /shop/files/*",
    ],
)
def test_a_fault_that_meets_calls_is_fine(on: str) -> None:
    assert fault_problem(on, BOTH) is None


@pytest.mark.parametrize(
    ("on", "said"),
    [
        ("FOO /users", "unknown method 'FOO'; allowed: GET, POST"),
        ("PSOT /users", "unknown method 'PSOT'; did you mean 'POST'?"),
        ("/users", "'/users' has no method: write 'GET /users', or '* /users' for any"),
        ("DELETE /users", "no operation is 'DELETE /users'; the methods of this path: GET, POST"),
        ("GET /user", "no operation has the path '/user'; did you mean 'GET /users'?"),
        ("GET /users/*/members/*/statuses", "did you mean 'GET /users/*/members/*/status'?"),
        ("GET /users/", "no operation has the path '/users/'; did you mean 'GET /users'?"),
        ("GET /shop/files/one.txt", "did you mean 'GET /shop/files/*.pdf'?"),
    ],
)
def test_a_fault_that_meets_no_call_is_said_with_the_nearest(on: str, said: str) -> None:
    assert said in str(fault_problem(on, BOTH))


@given(st.lists(st.sampled_from(["users", "*", "u*", "USR-1", "members", "status", "**", ""]), max_size=7))
def test_what_meets_a_call_is_never_refused(parts: list[str]) -> None:
    path = "/" + "/".join(parts)
    calls = ("/users", "/users/USR-1/members/MBR-1/status", "/users/u1/members/status/status")
    if any(Fault("GET", path).meets("GET", call) for call in calls):
        assert fault_problem(f"GET {path}", BOTH) is None


@pytest.mark.parametrize(
    ("name", "meant"),
    [("bank.agregation", "bank.aggregation"), ("AGGREGATION", "bank.aggregation"), ("ADDED", "shop.added")],
)
def test_an_unknown_event_is_said_with_the_nearest_also_by_its_wire_name(name: str, meant: str) -> None:
    assert event_problem(meant, BOTH) is None
    assert f"unknown event '{name}'; did you mean '{meant}'?" in str(event_problem(name, BOTH))


@pytest.mark.parametrize("pattern", ["*", "bank.*", "bank.member.*", "*.created", "shop.added"])
def test_a_pattern_that_fits_an_event_is_fine(pattern: str) -> None:
    assert pattern_problem(pattern, BOTH) is None


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [("bank.membr.*", "bank.member.*"), ("member.created", "bank.member.created"), ("added", "shop.added")],
)
def test_a_pattern_that_fits_no_event_is_said_with_the_nearest(pattern: str, meant: str) -> None:
    assert f"no event is called '{pattern}'; did you mean '{meant}'?" in str(pattern_problem(pattern, BOTH))


def test_fields_have_their_types() -> None:
    assert field_problems({"is_open": True, "kind": "big"}, BANK) == []
    assert set(field_problems({"is_open": "no", "kind": "bgi", "colour": 1}, BANK)) == {
        "unknown key 'colour' in set; allowed: is_open, kind",
        "'is_open' must be true or false, not 'no'",
        "'kind' cannot be 'bgi'; did you mean 'big'? Allowed: big, small",
    }
