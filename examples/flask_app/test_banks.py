"""The app's tests: MX is played by mocksrv's pytest plugin, each test in a sandbox of its own. None of them sleeps."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import requests
from banks import create_app
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from mocksrv import Sandbox

pytestmark = pytest.mark.mocksrv(clock="manual", strict=True)
PASSWORD = "s3cret"
LOGIN = {"bank": "mxbank", "login": {"LOGIN": "ada", "PASSWORD": "any"}}


@pytest.fixture
def app(mocksrv: Sandbox) -> Flask:
    return create_app(mocksrv.base_url, PASSWORD)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def url(app: Flask, mocksrv: Sandbox) -> Iterator[str]:
    """The app on a port, where it gets MX's callbacks."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    auth = {"type": "basic", "username": "mx", "password": PASSWORD}
    mocksrv.endpoints = [{"url": f"{address}/webhooks", "auth": auth}]
    yield address
    server.shutdown()
    server.server_close()


# with callbacks that arrive


def test_a_bank_is_connected(mocksrv: Sandbox, url: str) -> None:
    id = requests.post(f"{url}/people/ada/banks", json=LOGIN).json()["id"]
    assert requests.get(f"{url}/people/ada/banks").json()["banks"][id]["state"] == "is being connected"
    mocksrv.clock.advance("1m")
    bank = requests.get(f"{url}/people/ada/banks").json()["banks"][id]
    assert bank["state"] == "connected"
    assert {"Checking", "Savings"} <= {account["name"] for account in bank["accounts"]}


@pytest.mark.parametrize(
    ("scenario", "state"), [("denied", "wrong user name or password"), ("locked", "locked by the bank")]
)
def test_a_bank_refuses(mocksrv: Sandbox, url: str, scenario: str, state: str) -> None:
    mocksrv.play(scenario)
    id = requests.post(f"{url}/people/ada/banks", json=LOGIN).json()["id"]
    mocksrv.clock.advance("1m")
    assert requests.get(f"{url}/people/ada/banks").json()["banks"][id]["state"] == state


@pytest.mark.mocksrv(scenario="challenged")
def test_a_bank_asks(mocksrv: Sandbox, url: str) -> None:
    id = requests.post(f"{url}/people/ada/banks", json=LOGIN).json()["id"]
    mocksrv.clock.advance("5s")
    bank = requests.get(f"{url}/people/ada/banks").json()["banks"][id]
    assert (bank["state"], bank["questions"]) == ("has a question", ["What city were you born in?"])
    answers = f"{url}/people/ada/banks/{id}/answers"
    assert requests.post(answers, json={"answers": []}).status_code == 400
    assert requests.post(answers, json={"answers": ["correct"]}).status_code == 204
    mocksrv.clock.advance("1m")
    assert requests.get(f"{url}/people/ada/banks").json()["banks"][id]["state"] == "connected"


@pytest.mark.mocksrv(scenario="messy-webhooks")
def test_callbacks_that_come_twice_and_in_any_order(mocksrv: Sandbox, url: str) -> None:
    id = requests.post(f"{url}/people/ada/banks", json=LOGIN).json()["id"]
    mocksrv.clock.advance("1d")
    assert requests.get(f"{url}/people/ada/banks").json()["banks"][id]["state"] == "connected"


# with Flask's test client: the test hands the callbacks over


def test_a_callback_is_handed_over(mocksrv: Sandbox, client: FlaskClient) -> None:
    id = client.post("/people/ada/banks", json=LOGIN).get_json()["id"]
    mocksrv.clock.advance("1m")
    webhook = mocksrv.webhooks.expect("mx.aggregation", subject=id)
    assert client.post("/webhooks", json=webhook["payload"]).status_code == 401  # a stranger
    assert client.get("/people/ada/banks").get_json()["banks"][id]["state"] == "is being connected"
    assert client.post("/webhooks", json=webhook["payload"], auth=("mx", PASSWORD)).status_code == 204
    assert client.get("/people/ada/banks").get_json()["banks"][id]["state"] == "connected"
