"""A Finicity client on a server in this process."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from mocksrv.engine.engine import Engine
from tests.conftest import Receiver
from tests.providers.finicity.client import Finicity


@pytest.fixture
def finicity(make_server: Callable[..., tuple[Engine, Flask]], receiver: Receiver) -> Finicity:
    """An authenticated client of a server on a manual clock with a seed; its sessions' webhook is ``receiver``."""
    _, app = make_server()
    return Finicity(app, receiver)
