"""A Finicity client on a server in this process."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mocksrv.engine.engine import Engine
from mocksrv.web.app import App
from tests.conftest import Receiver
from tests.providers.finicity.client import Finicity


@pytest.fixture
def finicity(make_server: Callable[..., tuple[Engine, App]], receiver: Receiver) -> Finicity:
    """An authenticated client of a server on a manual clock with a seed; its sessions' webhook is ``receiver``."""
    _, app = make_server()
    return Finicity(app, receiver)
