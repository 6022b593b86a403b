"""Tools for coding agents: one for each control call, with its arguments."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from mocksrv.cli.tools import ArgumentError, Tool, tools
from tests.conftest import MX


@pytest.fixture
def known(mx: MX) -> dict[str, Tool]:
    return {tool.name: tool for tool in tools(mx.control("GET", "/openapi.json"))}


def test_every_call_is_a_tool_but_those_about_the_api_and_those_that_answer_no_json(
    mx: MX, known: dict[str, Tool]
) -> None:
    calls = {(call["method"], call["path"].removeprefix("/_mocksrv")) for call in mx.control("GET", "/")["calls"]}
    left_out = calls - {(tool.method, tool.path) for tool in known.values()}
    assert left_out == {("GET", path) for path in ("/", "/openapi.json", "/docs", "/stream", "/metrics")}


def test_what_a_tool_takes_is_a_schema_of_its_own(known: dict[str, Tool]) -> None:
    for tool in known.values():
        jsonschema.Draft202012Validator.check_schema(tool.arguments)
        jsonschema.Draft202012Validator(tool.arguments).is_valid({})  # fails where a reference leads nowhere
        assert all(each.get("description") for each in tool.arguments["properties"].values()), tool.name
    rule = {"events": "mx.*", "drop": True}
    faults = jsonschema.Draft202012Validator(known["put_faults"].arguments)
    assert faults.is_valid({"faults": [rule]})
    assert not faults.is_valid({"faults": [{**rule, "drops": True}]})


@pytest.mark.parametrize(
    ("name", "given", "request_"),
    [
        ("get_clock", {}, ("/clock", None)),
        ("get_subjects", {"status": "DENIED", "newest": True}, ("/subjects?status=DENIED&newest=true", None)),
        ("get_subjects_id", {"id": "MBR 1/2"}, ("/subjects/MBR%201%2F2", None)),
        ("post_subjects_id_act", {"id": "MBR-1", "do": "deny"}, ("/subjects/MBR-1/act", {"do": "deny"})),
        ("put_scenarios_name", {"name": "mine", "yaml": "name: mine"}, ("/scenarios/mine", "name: mine")),
        ("post_clock_advance", {"by": "1h"}, ("/clock/advance", {"by": "1h"})),
    ],
)
def test_arguments_go_where_they_belong(
    known: dict[str, Tool], name: str, given: dict[str, Any], request_: tuple[str, Any]
) -> None:
    assert known[name].request(given) == request_


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("get_clock", {"by": "1h"}, "by: get_clock has no such argument; allowed are none"),
        ("get_subjects", {"stauts": "DENIED"}, "stauts: get_subjects has no such argument; did you mean status?"),
        ("get_subjects_id", {}, "id: get_subjects_id needs it"),
    ],
)
def test_arguments_that_are_not_known_or_missing(
    known: dict[str, Tool], name: str, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(ArgumentError) as refused:
        known[name].request(given)
    assert said in str(refused.value)
