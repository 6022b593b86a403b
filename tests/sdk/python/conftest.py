"""A case must drive the operation whose name it has."""

from __future__ import annotations

from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """After a case ``test_OPERATION`` has passed: the SDK has read an answer of this operation."""
    result = yield
    assert pyfuncitem.originalname.removeprefix("test_") in pyfuncitem.funcargs["world"].sdk.read
    return result
