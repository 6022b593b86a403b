"""Patterns: one language, in the process and in both databases."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocksrv.engine.patterns import fits, regular_expression
from tests.properties import examples


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("mx.*", "mx.user.created", "mono.user"),
        ("[ab]*", "abc", "cab"),
        ("[!ab]*", "cab", "abc"),
        ("[^ab]*", "cab", "abc"),
        ("[a-c]?", "bx", "dx"),
        ("[]a]", "]", "[]a]"),
        ("[b-bc-a]", "b", "c"),
        ("[a", "[a", "a"),
        ("50%_", "50%_", "50ab"),
        ("[*]", "*", "x"),
        ("[a\\]", "\\", "a]"),
        ("[^]", "[^]", "^"),
        ("[!]", "[!]", "!"),
    ],
)
def test_a_pattern_fits(pattern: str, yes: str, no: str) -> None:
    assert (fits(yes, pattern), fits(no, pattern)) == (True, False)


@settings(max_examples=examples(300))
@given(st.text("ab-^!][*?c.\\", max_size=8), st.text("ab-^!][c.\\\n", max_size=4))
def test_the_regular_expression_fits_the_same(pattern: str, text: str) -> None:
    found = re.fullmatch(regular_expression(pattern), text, re.DOTALL) is not None
    assert found == fits(text, pattern)
