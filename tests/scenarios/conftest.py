"""The stage of the scenario tests."""

from __future__ import annotations

import pytest

from tests.conftest import MX, Receiver
from tests.scenarios.stage import Stage


@pytest.fixture
def stage(mx: MX, receiver: Receiver) -> Stage:
    """A user at a server on a manual clock with a seed, and a receiver of its callbacks."""
    return Stage(mx, receiver)
