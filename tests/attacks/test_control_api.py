"""Pages of other sites, and names of other sites that mean this machine, do not drive the control API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mocksrv.engine.engine import Engine
from mocksrv.web.app import App

Make = Callable[..., tuple[Engine, App]]


def status(app: App, method: str = "GET", path: str = "/_mocksrv/clock", **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"json": {"mode": "manual"}} if method == "PUT" else {}
    return app.test_client().open(path, method=method, headers=named, **body).status_code


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost:8484", True),
        ("127.0.0.1:8484", True),
        ("[::1]:8484", True),
        ("192.168.1.5", True),
        ("mocksrv:8484", True),
        ("host.docker.internal", True),
        ("HOST.docker.internal:1", True),
        ("mocks.example.com", True),
        ("a.test.example.org:80", True),
        ("evil.example.com", False),
        ("example.org", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example:8484", False),
        ("localhost@evil.example", False),
        ("[::1", False),
    ],
)
def test_a_name_that_is_rebound_is_refused(make_server: Make, host: str, allowed: bool) -> None:
    app = make_server(public_url="https://mocks.example.com", allow_host=("*.example.org",))[1]
    assert status(app, Host=host) == (200 if allowed else 403)
    assert status(app, "PUT", Host=host) == (200 if allowed else 403)


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost:3000", True),
        ("http://127.0.0.1:8484", True),
        ("http://192.168.1.5:8484", True),
        ("https://mocks.example.com", True),
        ("http://192.168.1.6", False),
        ("http://intranet", False),
        ("https://evil.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_a_page_of_another_origin_is_refused(make_server: Make, origin: str, allowed: bool) -> None:
    app = make_server(public_url="https://mocks.example.com")[1]
    assert status(app, "PUT", Host="192.168.1.5:8484", Origin=origin) == (200 if allowed else 403)


def test_a_page_of_another_site_may_only_link(make_server: Make) -> None:
    app = make_server()[1]
    site: dict[str, Any] = {"Sec_Fetch_Site": "cross-site"}
    link = {"Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    assert status(app, **site) == 403
    assert status(app, **site, **link | {"Sec_Fetch_Dest": "iframe"}) == 403
    assert status(app, "POST", "/_mocksrv/reset", **site, **link) == 403
    assert status(app, **site, **link) == 200
    assert status(app, "PUT", Sec_Fetch_Site="same-origin") == 200


def test_a_refusal_says_what_would_be_allowed(make_server: Make) -> None:
    answer = make_server()[1].test_client().get("/_mocksrv/clock", headers={"Host": "ci.example.com"})
    assert "--allow-host ci.example.com" in answer.get_json()["detail"]


def test_a_form_of_another_page_changes_nothing(make_server: Make) -> None:
    app = make_server()[1]
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        sent = app.test_client().put("/_mocksrv/clock", data='{"mode": "real"}', content_type=kind)
        assert sent.status_code == 415
    assert app.test_client().get("/_mocksrv/clock").get_json()["mode"] == "manual"


def test_a_valid_token_is_enough_and_a_wrong_one_is_not(make_server: Make) -> None:
    app = make_server(control_token="hush")[1]
    foreign = {"Host": "evil.example", "Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"}
    assert status(app, "PUT", Authorization="Bearer hush", **foreign) == 200
    assert status(app, "PUT", Authorization="Bearer nothing", **foreign) == 401


def test_providers_and_health_answer_under_any_name(make_server: Make) -> None:
    app = make_server()[1]
    foreign = {"Host": "api.example.com", "Origin": "https://shop.example.com", "Sec_Fetch_Site": "cross-site"}
    assert status(app, path="/_mocksrv/health", **foreign) == 200
    client = {"Authorization": "Basic YTpi", "Accept": "application/vnd.mx.api.v1+json"}
    assert status(app, path="/users", **client, **foreign) == 200


def test_a_token_in_the_query_opens_nothing(make_server: Make) -> None:
    app = make_server(control_token="hush")[1]
    for query in ("token=hush", "access_token=hush", "control_token=hush"):
        assert status(app, path=f"/_mocksrv/clock?{query}") == 401


def test_nothing_that_a_proxy_says_makes_a_client_near(make_server: Make) -> None:
    app = make_server()[1]
    said = {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1", "Forwarded": "for=127.0.0.1"}
    far = {"REMOTE_ADDR": "203.0.113.7"}
    assert app.test_client().get("/_mocksrv/clock", headers=said, environ_overrides=far).status_code == 403
    named = {"Host": "evil.example", "X-Forwarded-Host": "localhost", "X-Forwarded-Proto": "https"}
    assert app.test_client().get("/_mocksrv/clock", headers=named).status_code == 403


@pytest.mark.parametrize(
    "path", ["//_mocksrv/clock", "/sandbox/a/_mocksrv/clock", "/%5fmocksrv/clock", "/_mocksrv//clock"]
)
def test_no_spelling_of_a_path_gets_around_the_guard(make_server: Make, path: str) -> None:
    app = make_server()[1]
    assert status(app, path=path, Host="evil.example") in (308, 403, 404)


@pytest.mark.parametrize("file", ["/etc/passwd", "/etc/no-such-file", "../../etc/passwd", "/"])
def test_a_scenario_that_is_checked_tells_nothing_of_files(make_server: Make, file: str) -> None:
    text = """\
name: mine
provider: mx
summary: One that asks with a picture.
flows:
  connect:
    - status: CREATED
    - {status: CHALLENGED, challenges: [{type: IMAGE_DATA, label: What is it?, image: picture.png, answer: any}]}
"""
    answer = (
        make_server()[1]
        .test_client()
        .post(f"/_mocksrv/scenarios/validate?file={file}", data=text, content_type="application/yaml")
    )
    [problem] = answer.get_json()["problems"]
    assert "needs a scenario file that it can lie beside; here only a data URI is possible" in problem["message"]
    assert problem["file"] == file
