"""A server that listens, and MX's own Python SDK pointed at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import mx_platform_python as sdk
import pytest

from mocksrv.engine.config import Config
from mocksrv.server import LocalServer
from tests.conftest import MX, Receiver
from tests.sdk.world import World

VERSION = "v20111101"


class Served:
    """A server that listens, on a manual clock with a seed: the SDK's client for it, and the control API."""

    def __init__(self, webhook_url: str | None = None) -> None:
        self._server = LocalServer(Config(port=0, seed=7, clock="manual", webhook_url=webhook_url))
        self.url = self._server.url
        self.control = MX(self._server.app)
        configuration = sdk.Configuration(host=self.url, username="client", password="key")
        self.client = sdk.ApiClient(configuration, "Accept", f"application/vnd.mx.api.v1+json; version={VERSION}")

    def close(self) -> None:
        self.client.rest_client.pool_manager.clear()
        self._server.close()


@pytest.fixture
def served(receiver: Receiver) -> Iterator[Served]:
    """A server whose callbacks go to ``receiver``."""
    with closing(Served(receiver.url)) as made:
        yield made


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """The world that all cases share; none changes what another one looks at."""
    with closing(Served()) as served:
        yield World(served.client, served.control)
