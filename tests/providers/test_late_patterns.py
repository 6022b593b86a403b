"""marshmallow's patterns of e-mail addresses are compiled when an address comes, and hold as they are written."""

import re
import subprocess
import sys

import pytest
from marshmallow import ValidationError, validate

from mocksrv.providers.late_patterns import late_patterns


def test_large_patterns_are_compiled_when_they_are_used() -> None:
    with late_patterns():
        late, small = re.compile("[a-\uffff]+\\Z", re.IGNORECASE), re.compile("a+")
    assert not isinstance(late, re.Pattern)
    assert isinstance(small, re.Pattern)
    assert late.match("ABC")
    assert not late.match("1")
    assert (late.pattern, late.search("1b")[0]) == ("[a-\uffff]+\\Z", "b")
    assert isinstance(re.compile("[a-\uffff]"), re.Pattern)


def test_a_server_imports_marshmallow_with_them() -> None:
    says = (
        "import mocksrv.web.app, marshmallow.validate as v; print(v.Email.DOMAIN_REGEX._compiled.cache_info().misses)"
    )
    said = subprocess.run([sys.executable, "-c", says], capture_output=True, text=True, check=True)
    assert said.stdout == "0\n", "it was compiled already"


@pytest.mark.parametrize(
    ("address", "good"), [("ada@example.com", True), ("ada@bücher.example", True), ("ada@", False), ("a b@c.de", False)]
)
def test_addresses_are_checked_as_before(address: str, good: bool) -> None:
    try:
        validate.Email()(address)
    except ValidationError:
        assert not good
    else:
        assert good
