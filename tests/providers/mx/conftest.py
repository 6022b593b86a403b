"""The servers of both fidelities, on which the rows of docs/discrepancies.md are looked at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.providers.mx.discrepancies import Server


@pytest.fixture(scope="module")
def sdk() -> Iterator[Server]:
    made = Server("sdk")
    yield made
    made.engine.close()


@pytest.fixture(scope="module")
def wire() -> Iterator[Server]:
    made = Server("wire")
    yield made
    made.engine.close()


@pytest.fixture(params=["sdk", "wire"])
def server(request: pytest.FixtureRequest) -> Server:
    """One after the other, for what is the same on both."""
    found: Server = request.getfixturevalue(request.param)
    return found
