"""The dashboard of a server with `--control-token`: a browser signs in, and only this server's own pages use that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Parts
from tests.web.dashboard.test_views import HTML

TOKEN = "hush;hush="
VIEW = "/_mocksrv/dashboard/subjects?q=mx"
FAR = {"REMOTE_ADDR": "8.8.8.8"}


@pytest.fixture
def client(make_server: Callable[..., Parts]) -> Any:
    _, app = make_server(control_token=TOKEN)
    return app.test_client()


def sign_in(client: Any, token: str = TOKEN, then: str = VIEW) -> Any:
    form = {"token": token, "then": then}
    return client.post("/_mocksrv/dashboard/sign-in", data=form, headers=HTML, environ_base=FAR)


def test_a_browser_without_the_token_is_asked_for_it(client: Any) -> None:
    led = client.get("/_mocksrv/", headers=HTML, environ_base=FAR)
    assert (led.status_code, led.headers["Location"]) == (302, "/_mocksrv/dashboard/overview")
    asked = client.get(VIEW, headers=HTML, environ_base=FAR)
    assert asked.status_code == 401
    assert 'name="token"' in asked.text
    assert f'name="then" value="{VIEW}"' in asked.text
    assert "Subjects" not in asked.text
    assert client.get("/_mocksrv/", environ_base=FAR).status_code == 401  # a program


def test_a_wrong_token_opens_nothing(client: Any) -> None:
    for token in ("", "hush", TOKEN + "x", "hüsh"):
        refused = sign_in(client, token)
        assert refused.status_code == 401
        assert "Set-Cookie" not in refused.headers
        assert "This is not the token" in refused.text
    assert client.get(VIEW, headers=HTML).status_code == 401


def test_the_token_opens_it_in_a_cookie_that_no_script_reads(client: Any) -> None:
    answer = sign_in(client)
    assert (answer.status_code, answer.headers["Location"]) == (303, VIEW)
    cookie = answer.headers["Set-Cookie"]
    assert all(each in cookie for each in ("HttpOnly", "SameSite=Strict", "Path=/"))
    assert client.get(VIEW, headers=HTML, environ_base=FAR).status_code == 200
    assert client.get("/sandbox/ci-17/_mocksrv/clock", environ_base=FAR).status_code == 200
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert client.put("/_mocksrv/clock", json={"mode": "manual"}, headers=own).status_code == 200
    client.post("/_mocksrv/dashboard/sign-out")
    assert client.get(VIEW, headers=HTML).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "http://localhost:81"}, {"Origin": "null"}]
    + [{"Sec-Fetch-Site": site} for site in ("cross-site", "same-site")],
)
def test_pages_of_other_origins_cannot_use_what_a_browser_has_signed_in_to(client: Any, headers: Any) -> None:
    sign_in(client)
    assert client.get("/_mocksrv/clock").status_code == 200
    assert client.get("/_mocksrv/clock", headers=headers).status_code == 401
    assert client.put("/_mocksrv/clock", json={"mode": "manual"}, headers=headers).status_code == 401


@pytest.mark.parametrize("then", ["https://evil.example/", "//evil.example", "/users", "", "/_mocksrv/dashboard/../.."])
def test_signing_in_leads_to_the_dashboard_alone(client: Any, then: str) -> None:
    led = sign_in(client, then=then).headers["Location"]
    assert led.startswith("/_mocksrv/dashboard/")
