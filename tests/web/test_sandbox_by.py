"""``--sandbox-by client-id``: an app that cannot change its base URL has a sandbox of its own, by its credentials."""

from __future__ import annotations

import hashlib
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mocksrv import Server
from mocksrv.engine.names import NAME
from mocksrv.web.app import App
from tests.conftest import MX, MX_HEADERS, Receiver
from tests.providers.finicity.client import Finicity
from tests.providers.mono.client import Mono


@pytest.fixture
def app(make_server: Callable[..., Any]) -> App:
    found: App = make_server(sandbox_by="client-id").app
    return found


def sandboxes(app: App) -> list[str]:
    names: list[str] = app.test_client().get("/_mocksrv/sandboxes").get_json()["sandboxes"]
    return names


def create_user(app: App, client_id: str, key: str = "key") -> int:
    """Creates a user; the answer's status."""
    body = {"user": {"metadata": "mine"}}
    return app.test_client().post("/users", json=body, headers=MX_HEADERS, auth=(client_id, key)).status_code


def test_each_client_id_of_mx_has_a_sandbox_of_that_name(app: App) -> None:
    assert create_user(app, "app-1") == create_user(app, "app-2") == 200
    for name in ("app-1", "app-2"):
        listed = app.test_client().get("/users", headers=MX_HEADERS, auth=(name, "key")).get_json()["users"]
        assert [user["guid"] for user in MX(app, name).call("GET", "/users")["users"]] == [listed[0]["guid"]]
    assert sandboxes(app) == ["app-1", "app-2", "default"]
    assert MX(app, "default").call("GET", "/users")["users"] == []


@pytest.mark.parametrize(
    ("client_id", "name"),
    [
        ("Client_7.b", "Client_7.b"),
        ("default", "default"),
        ("my app@example.com", "my-app-example-com-"),
        ("..", ""),
        ("x" * 65, "x" * 55 + "-"),
        ("ключ", ""),
    ],
)
def test_what_is_no_name_of_a_sandbox_is_made_one(app: App, client_id: str, name: str) -> None:
    assert create_user(app, client_id) == 200
    (found,) = set(sandboxes(app)) - {"default"} or {"default"}
    hashed = hashlib.blake2b(client_id.encode(), digest_size=4).hexdigest()
    assert found == name if NAME.fullmatch(client_id) else found == name + hashed
    assert len(MX(app, found).call("GET", "/users")["users"]) == 1


def test_a_secret_key_of_mono_cannot_be_read_in_the_name(app: App, receiver: Receiver) -> None:
    mono = Mono(app, receiver)
    link = mono.call("POST", "/v2/accounts/initiate", LINK)["data"]["mono_url"]
    name = "mono-" + hashlib.sha256(b"test_sk_example").hexdigest()[:16]
    assert sandboxes(app) == ["default", name]
    assert link.startswith(f"http://localhost/sandbox/{name}/mono/link/")
    assert mono.http.get(urlsplit(link).path).status_code in (200, 303)


LINK = {
    "customer": {"name": "Ada Obi", "email": "ada@example.com"},
    "scope": "auth",
    "redirect_url": "https://example.com/back",
}


def test_finicity_is_by_its_app_key(app: App, receiver: Receiver) -> None:
    finicity = Finicity(app, receiver)  # its token is of that sandbox, too
    link = finicity.generate(finicity.customer())
    name = "finicity-" + hashlib.sha256(b"app-key").hexdigest()[:16]
    assert sandboxes(app) == ["default", name]
    assert link.startswith(f"http://localhost/sandbox/{name}/finicity/connect")
    assert finicity.http.get(link.removeprefix("http://localhost")).status_code in (200, 303)


def test_links_stay_in_the_clients_sandbox(app: App) -> None:
    mx = MX(app)
    user = mx.user()
    body = {"member": {"institution_code": "mx_bank_oauth", "is_oauth": True}}
    uri = mx.call("POST", f"/users/{user}/members", body)["member"]["oauth_window_uri"]
    assert uri.startswith("http://localhost/sandbox/client/oauth/authorize?")
    assert parse_qs(urlsplit(uri).query)["redirect_uri"] == ["http://localhost/sandbox/client/oauth/redirect_from"]
    asked = {"widget_url": {"widget_type": "connect_widget"}}
    url = mx.call("POST", f"/users/{user}/widget_urls", asked)["widget_url"]["url"]
    assert url.startswith("http://localhost/sandbox/client/md/connect/")
    assert mx.http.get(urlsplit(url).path, follow_redirects=True).status_code == 200


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/users", MX_HEADERS), ("/mono/v2/accounts", {}), ("/finicity/aggregation/v1/customers", {})],
)
def test_a_call_without_credentials_is_refused_in_the_default_sandbox(
    app: App, path: str, headers: dict[str, str]
) -> None:
    http = app.test_client()
    assert http.get(path, headers=headers).status_code == 401
    assert sandboxes(app) == ["default"]
    assert [call["path"] for call in http.get("/_mocksrv/requests").get_json()["requests"]] == [path]


def test_a_prefix_says_more_than_the_client_id_and_control_calls_have_none(app: App) -> None:
    MX(app, "ci-17").user()
    http = app.test_client()
    answer = http.get("/_mocksrv/sandbox", auth=("client", "key")).get_json()
    assert answer["name"] == "default"
    assert sandboxes(app) == ["ci-17", "default"]


def test_a_call_of_no_route_is_in_the_clients_journal(app: App) -> None:
    MX(app).call("GET", "/no/such/route", status=404)
    assert [call["status"] for call in MX(app, "client").control("GET", "/requests")["requests"]] == [404]


def test_a_server_in_a_program_takes_it_too() -> None:
    with Server(sandbox_by="client-id") as server:
        asked = urllib.request.Request(
            f"{server.url}/users", headers={**MX_HEADERS, "Authorization": "Basic YXBwLTE6aw=="}
        )
        urllib.request.urlopen(asked, timeout=10).close()
        assert [call["path"] for call in server.sandbox("app-1").requests] == ["/users"]


def test_unless_asked_for_all_are_in_the_default_sandbox(make_server: Callable[..., Any]) -> None:
    app = make_server().app
    create_user(app, "app-1")
    assert sandboxes(app) == ["default"]
