"""The connection that the scenario tests play on."""

from __future__ import annotations

import pytest

from tests.conftest import MX, Receiver
from tests.scenarios.connection import Connection


@pytest.fixture
def connection(mx: MX, receiver: Receiver) -> Connection:
    """A user at a server on a manual clock with a seed, and a receiver of its callbacks."""
    return Connection(mx, receiver)
