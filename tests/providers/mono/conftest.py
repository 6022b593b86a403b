"""A Mono client of a server on a manual clock with a seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Receiver
from tests.providers.mono.client import Mono


@pytest.fixture
def mono(make_server: Callable[..., Any], receiver: Receiver) -> Mono:
    _, app = make_server()
    return Mono(app, receiver)
