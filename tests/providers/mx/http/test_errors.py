"""What is refused before a view is reached, and in which words: credentials, versions, routes, bodies, parameters."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from mocksrv.engine.engine import Engine
from mocksrv.web.app import App
from tests.conftest import MX, MX_HEADERS

V1_MEDIA, V2_MEDIA = "application/vnd.mx.api.v1+json", "application/json"
V2 = {"Accept": "application/json", "Accept-Version": "v20250224"}
UNKNOWN_ROUTE = {"error": {"message": "Invalid route", "status": "not_found", "type": "not_found_error"}}


def ask(
    mx: MX,
    path: str = "/users",
    method: str = "GET",
    *,
    headers: Any = MX_HEADERS,
    auth: Any = ("client", "key"),
    **more: Any,
) -> TestResponse:
    return mx.http.open(path, method=method, headers=headers, auth=auth, **more)


def violations(mx: MX) -> list[tuple[str, str]]:
    return [(each["rule"], each["detail"]) for each in mx.control("GET", "/violations")["violations"]]


# credentials


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Basic"},
        {"Authorization": "Basic Og=="},  # ":"
        {"Authorization": "Basic Y2xpZW50Og=="},  # "client:"
        {"Authorization": "Basic OmtleQ=="},  # ":key"
        {"Authorization": "Basic Y2xpZW50"},  # "client"
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic /////w=="},  # not UTF-8
        {"Authorization": "Bearer Y2xpZW50OmtleQ=="},
        {"Authorization": "Digest username=client"},
    ],
)
def test_missing_credentials(mx: MX, headers: dict[str, str]) -> None:
    answer = ask(mx, headers=MX_HEADERS | headers, auth=None)
    assert answer.status_code == 401
    assert "API key" in answer.get_json()["error"]["message"]


def test_any_credentials_will_do(mx: MX) -> None:
    assert ask(mx, auth=("anybody", "anything:at:all")).status_code == 200


@pytest.mark.parametrize(
    ("pair", "status"), [(("id", "secret"), 200), (("id", "wrong"), 401), (("other", "secret"), 401)]
)
def test_only_the_configured_credentials_will_do(
    make_server: Callable[..., tuple[Engine, App]], pair: Any, status: int
) -> None:
    _, app = make_server(client_id="id", api_key="secret")
    assert ask(MX(app), auth=pair).status_code == status


# versions


@pytest.mark.parametrize(
    ("headers", "media"),
    [
        ({"Accept": "application/vnd.mx.api.v1+json"}, V1_MEDIA),
        ({"Accept": "application/vnd.mx.api.v1+json; version=v20250224"}, V2_MEDIA),
        ({"Accept": "application/vnd.mx.api.v1+json;version=v20111101"}, V1_MEDIA),
        ({"Accept": 'application/vnd.mx.api.v1+json; version="v20250224"'}, V2_MEDIA),
        ({"Accept": "text/html, application/vnd.mx.api.v1+json;q=0.9"}, V1_MEDIA),
        ({"Accept": "application/vnd.mx.api.v2beta+json"}, V1_MEDIA),
        ({"Accept": "application/vnd.mx.api.v1beta+json"}, V1_MEDIA),
        ({"Accept": "application/json", "Accept-Version": "v20250224"}, V2_MEDIA),
        ({"Accept": "application/json", "Accept-Version": "v20111101"}, V1_MEDIA),
        ({"Accept": "application/vnd.mx.api.v1+json", "Accept-Version": "v20250224"}, V2_MEDIA),
        ({"Accept-Version": "v20250224"}, V2_MEDIA),
    ],
)
def test_the_version_is_chosen_by_header(mx: MX, headers: dict[str, str], media: str) -> None:
    answer = ask(mx, headers=headers)
    assert (answer.status_code, answer.mimetype) == (200, media)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Accept": "*/*"},
        {"Accept": "application/json"},
        {"Accept": "application/vnd.mx.api.v3+json"},
        {"Accept": "application/vnd.mx.api.v1+json; version=v1"},
        {"Accept": "application/json", "Accept-Version": "v20300101"},
        {"Accept": "application/vnd.mx.api.v1+json", "Accept-Version": ""},
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/users"), ("POST", "/users"), ("DELETE", "/users/USR-1")])
def test_without_a_version_nothing_is_answered(mx: MX, headers: dict[str, str], method: str, path: str) -> None:
    answer = ask(mx, path, method, headers=headers)
    assert answer.status_code == 406
    assert "v20250224" in answer.get_json()["error"]["message"]


def test_the_refusal_shows_the_header_to_send(mx: MX) -> None:
    assert f"Accept: {V1_MEDIA}" in ask(mx, headers={}).get_json()["error"]["message"]


# routes


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/user"),
        ("GET", "/webhooks"),
        ("POST", "/webhooks"),
        ("PATCH", "/users"),
        ("DELETE", "/users"),
        ("OPTIONS", "/users"),
        ("GET", "/a/b"),
    ],
)
def test_an_unknown_route(mx: MX, method: str, path: str) -> None:
    answer = ask(mx, path, method)
    assert (answer.status_code, answer.get_json()) == (404, UNKNOWN_ROUTE)


def test_the_journal_knows_the_nearest_route(mx: MX) -> None:
    answer = ask(mx, "/users/USR-1/member")
    shown = mx.control("GET", f"/requests/{answer.headers['X-Mocksrv-Request']}")
    assert (shown["status"], shown["operation"], shown["nearest"]) == (404, None, "GET /users/<user>/members")


def test_a_route_of_the_other_version_is_unknown(mx: MX) -> None:
    user = mx.user()
    member = mx.create(user)["guid"]
    mx.advance("10s")
    account = mx.call("GET", f"/users/{user}/accounts")["accounts"][0]["guid"]
    path = f"/users/{user}/members/{member}/accounts/{account}/transactions"
    mx.call("GET", path, headers=V2, status=200)
    assert mx.call("GET", path, status=404) == UNKNOWN_ROUTE


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/users/USR-1", "User USR-1 not found"),
        ("/users/{user}/members/MBR-1", "Member MBR-1 not found"),
        ("/users/{user}/accounts/ACT-1", "Account ACT-1 not found"),
        ("/users/{user}/transactions/TRN-1", "Transaction TRN-1 not found"),
        ("/institutions/no_bank", "Institution no_bank not found"),
    ],
)
def test_an_unknown_guid(mx: MX, path: str, message: str) -> None:
    assert mx.call("GET", path.format(user=mx.user()), status=404) == {
        "error": {"message": message, "status": "not_found", "type": "not_found_error"}
    }


def test_a_guid_of_another_kind_is_unknown(mx: MX) -> None:
    user = mx.user()
    member = mx.create(user)["guid"]
    mx.call("GET", f"/users/{member}", status=404)
    mx.call("GET", f"/users/{user}/members/{user}", status=404)


# bodies


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"nonsense",
        b"[]",
        b'"user"',
        b"null",
        b"1",
        b'{"user": NaN}',
        b'{"user": {"metadata": Infinity}}',
        b'{"user": {"metadata": "\\ud800"}}',
        b'{"user": {"metadata": "\xff"}}',
        b'{"user": {"metadata": "\xed\xa0\x80"}}',
        '{"user": {"metadata": "\\ud800"}}'.encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b'{"user": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"user": {"metadata": ' + b"9" * 5000 + b"}}",
    ],
    ids=lambda data: repr(data[:30]),
)
def test_a_body_that_is_no_json_object(mx: MX, data: bytes) -> None:
    answer = ask(mx, method="POST", data=data, content_type="application/json")
    assert answer.status_code == 400
    assert "JSON" in answer.get_json()["error"]["message"]


def test_a_body_may_hold_any_text(mx: MX) -> None:
    text = "zero \0, pair \U0001f600, quote \" and 'single', \u2028"
    assert mx.call("POST", "/users", {"user": {"metadata": text}})["user"]["metadata"] == text


def test_a_body_of_more_than_a_mebibyte_is_refused(mx: MX) -> None:
    answer = ask(
        mx, method="POST", data=json.dumps({"user": {"metadata": "x" * 2**20}}), content_type="application/json"
    )
    assert answer.status_code == 413
    assert set(answer.get_json()) == {"error"}


@pytest.mark.parametrize("job", ["verify", "identify", "check_balance"])
def test_a_job_may_come_with_an_empty_json_body(mx: MX, job: str) -> None:
    user = mx.user()
    member = mx.create(user)["guid"]
    mx.advance("10s")
    answer = ask(mx, f"/users/{user}/members/{member}/{job}", "POST", data=b"", content_type="application/json")
    assert answer.status_code in (200, 202)
    assert violations(mx) == []


# what is accepted, and noted


def test_unknown_fields_are_accepted_and_noted(mx: MX) -> None:
    mx.call("POST", "/users", {"user": {"metadata": "x", "nickname": "Ada", "guid": "USR-mine"}, "trace": 1})
    assert violations(mx) == [
        ("unknown-field", "trace"),
        ("unknown-field", "user.guid"),
        ("unknown-field", "user.nickname"),
    ]


def test_unknown_parameters_are_accepted_and_noted(mx: MX) -> None:
    mx.call("GET", "/users?page=1&colour=blue&per_page=3")
    assert violations(mx) == [("unknown-parameter", "colour"), ("unknown-parameter", "per_page")]


@pytest.mark.parametrize("query", ["page=two", "page=0", "page=-1"])
def test_a_page_that_cannot_be_is_the_first_and_noted(mx: MX, query: str) -> None:
    for _ in range(2):  # made, and kept
        assert mx.call("GET", f"/users?{query}")["pagination"]["current_page"] == 1
    assert violations(mx) == [("parameter", "page must be a whole number from 1 on")] * 2


@pytest.mark.parametrize("size", ["all", "9", "1001", "1e2"])
def test_a_page_of_a_size_that_cannot_be_has_25_and_is_noted(mx: MX, size: str) -> None:
    for _ in range(2):
        assert mx.call("GET", f"/users?records_per_page={size}")["pagination"]["per_page"] == 25
    assert violations(mx) == [("parameter", "records_per_page must be a whole number from 10 to 1000")] * 2


def test_another_content_type_is_accepted_and_noted(mx: MX) -> None:
    assert ask(mx, method="POST", data=b'{"user": {"metadata": "x"}}', content_type="text/plain").status_code == 200
    assert violations(mx) == [("content-type", "a body is sent as application/json, not as text/plain")]


def test_products_may_be_asked_for_in_either_version(mx: MX) -> None:
    body = {
        "member": {"institution_code": "mxbank", "credentials": mx.credentials()},
        "data_request": {"products": ["transactions"]},
    }
    mx.call("POST", f"/users/{mx.user()}/members", body, status=202)
    assert violations(mx) == []


def test_a_violation_names_its_call(mx: MX) -> None:
    mx.call("GET", "/users?colour=blue")
    [found] = mx.control("GET", "/violations")["violations"]
    assert found["id"] == f"{found['call']}.1"
    assert (found["at"], found["method"], found["path"]) == ("2026-01-01T12:00:00.000Z", "GET", "/users")
    assert (found["rule"], found["detail"], found["status"]) == ("unknown-parameter", "colour", 200)
    [same] = mx.control("GET", f"/requests/{found['call']}")["violations"]
    assert same.items() <= found.items()


# defects


def test_a_defect_is_a_plain_500(mx: MX, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    from mocksrv.providers.mx.http.call import Call

    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Call, "admit", broken)
    answer = ask(mx)
    assert answer.status_code == 500
    assert "defect" in answer.get_json()["error"]["message"]
    assert "a bug" not in answer.get_data(as_text=True)
    assert "a bug" in caplog.text
    assert mx.control("GET", "/requests?status=500")["requests"][0]["id"] == answer.headers["X-Mocksrv-Request"]
