"""A server that listens, and MX's own Python SDK pointed at it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import mx_platform_python as sdk
import pytest
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from mocksrv.engine.config import Config
from mocksrv.engine.engine import Engine
from mocksrv.server import build
from tests.conftest import MX, Receiver
from tests.sdk.world import World

VERSION = "v20111101"


class Quiet(WSGIRequestHandler):
    """Answers without a line on stderr."""

    def log(self, *_: Any) -> None:
        pass


class Served:
    """A listening server: the SDK's client for it, and the control API."""

    def __init__(self, app: Flask) -> None:
        self._server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.port}"
        self.control = MX(app)
        configuration = sdk.Configuration(host=self.url, username="client", password="key")
        self.client = sdk.ApiClient(configuration, "Accept", f"application/vnd.mx.api.v1+json; version={VERSION}")

    def close(self) -> None:
        self.client.rest_client.pool_manager.clear()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def served(make_server: Callable[..., tuple[Engine, Flask]], receiver: Receiver) -> Iterator[Served]:
    """A server on a manual clock with a seed, whose callbacks go to ``receiver``."""
    _, app = make_server(webhook_url=receiver.url)
    made = Served(app)
    yield made
    made.close()


@contextmanager
def serving() -> Iterator[Served]:
    """A server of its own, on a manual clock with a seed."""
    engine, app = build(Config(seed=7, clock="manual"))
    engine.start()
    served = Served(app)
    try:
        yield served
    finally:
        served.close()
        engine.close()


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """The world that all cases share; none changes what another one looks at."""
    with serving() as served:
        yield World(served.client, served.control)
