"""Numbers in the form that JavaScript prints them in: nothing changes when it parses and prints them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocksrv.providers.numbers import LARGEST, dumps_for_javascript, too_large
from mocksrv.providers.provider import Provider
from tests.conftest import SandboxClient

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node: install it")


def printed_by_javascript(texts: list[str]) -> list[str]:
    """What `JSON.stringify(JSON.parse(text))` makes of each text: one Node for all of them."""
    script = "const t=JSON.parse(require('fs').readFileSync(0));"
    script += "console.log(JSON.stringify(t.map(x=>JSON.stringify(JSON.parse(x)))))"
    done = subprocess.run(["node", "-e", script], input=json.dumps(texts), capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout)
    return found


def not_asked(client: SandboxClient, provider: type[Provider]) -> set[str]:
    """The mounted operations that no call of the sandbox's journal has met."""
    calls = client.control("GET", "/requests?limit=1000")["requests"]
    asked = {f"{call['method']} {call['path'].removeprefix(provider.prefix)}" for call in calls}
    routes = [route for family in provider.families(None) for route in family.routes.entries]  # type: ignore[arg-type]
    patterns = {f"{route.method} {route.path}": re.sub(r"<[^>]*>", "[^/]+", route.path) for route in routes}
    return {
        operation
        for operation, pattern in patterns.items()
        if not any(re.fullmatch(f"{operation.partition(' ')[0]} {pattern}", call) for call in asked)
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2494.0, "2494"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1e-5, "0.00001"),
        (1.5e-7, "1.5e-7"),
        (1e16, "10000000000000000"),
        (1e21, "1e+21"),
        (LARGEST, "9007199254740991"),
        (True, "true"),
        ({"a": [1.0, {"b": 2.5}], "c": "1e-05 e-mail"}, '{"a":[1,{"b":2.5}],"c":"1e-05 e-mail"}'),
    ],
)
def test_numbers(value: Any, text: str) -> None:
    assert dumps_for_javascript(value) == text


@needs_node
def test_javascript_prints_them_so() -> None:
    values = [10.0**power * digits for power in range(-12, 25) for digits in (1, -7, 1.25, 0.3333)]
    texts = [dumps_for_javascript({"n": value, "e-": [value]}) for value in [*values, 0.0, LARGEST, -LARGEST, 2**60]]
    assert printed_by_javascript(texts) == texts


@given(st.recursive(st.floats(allow_nan=False, allow_infinity=False) | st.text(), st.lists))
def test_they_are_the_same_numbers(value: Any) -> None:
    assert json.loads(dumps_for_javascript(value), parse_int=float) == value


def test_numbers_that_javascript_changes_are_found() -> None:
    assert too_large({"a": [1, {"b": LARGEST + 1}]}) == "a.1.b"
    assert too_large({"a": [1, {"b": LARGEST}], "c": True, "d": "x"}) is None
