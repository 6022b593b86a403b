"""Numbers that are none and texts that are none do not get in, do not get out and stop nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from flask import Flask

from mocksrv.engine.engine import Engine
from mocksrv.settings import SettingError, config_from
from tests.conftest import MX

Make = Callable[..., tuple[Engine, Flask]]
ODD = ["1e999", "-1e999", "NaN", "Infinity", r'"\ud800"', r'{"\udfff": 1}', "[" * 5000 + "]" * 5000]
CALLS = [
    ("POST", "/users", '{"user": {"metadata": %s}}'),
    ("POST", "/users", '{"user": {"password": %s}}'),
    ("POST", "/transactions/enhance", '{"transactions": [{"description": "a", "amount": %s, "id": "1"}]}'),
    ("POST", "/mono/v2/accounts/initiate", '{"customer": {"name": %s, "email": "a@b.c"}, "meta": %s}'),
    ("POST", "/finicity/aggregation/v2/partners/authentication", '{"partnerId": %s, "partnerSecret": "s"}'),
    ("PUT", "/_mocksrv/clock", '{"now": %s}'),
    ("POST", "/_mocksrv/clock/advance", '{"by": %s}'),
    ("POST", "/_mocksrv/trigger", '{"event": "mx.balance", "payload": {"x": %s}, "extra": true}'),
    ("PUT", "/_mocksrv/faults", '{"faults": [{"on": "GET /users", "status": 503, "times": %s}]}'),
]


def strict(text: str) -> Any:
    def refuse(name: str) -> NoReturn:
        raise AssertionError(f"{name} was sent")

    def number(digits: str) -> float:
        assert abs(float(digits)) < float("inf")
        return float(digits)

    value = json.loads(text, parse_constant=refuse, parse_float=number)
    json.dumps(value, ensure_ascii=False).encode()
    return value


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_odd_values_are_refused_and_never_leave(make_server: Make, method: str, path: str, body: str) -> None:
    app = make_server()[1]
    http = app.test_client()
    headers = {
        "Authorization": "Basic YTpi",
        "Accept": "application/json" if path.startswith("/finicity") else "application/vnd.mx.api.v1+json",
        "mono-sec-key": "k",
        "Finicity-App-Key": "k",
    }
    for odd in ODD:
        answer = http.open(
            path, method=method, data=body.replace("%s", odd), headers=headers, content_type="application/json"
        )
        assert 400 <= answer.status_code < 500, (odd, answer.get_data(as_text=True))
    for control in ("/requests", "/violations", "/webhooks", "/subjects"):
        shown = http.get(f"/_mocksrv{control}")
        assert shown.status_code == 200
        strict(shown.get_data(as_text=True))


def test_the_journal_shows_what_was_sent_as_text(mx: MX) -> None:
    text = '{"user": {"metadata": 1e999, "password": "hush"}}'
    mx.http.post("/users", data=text, content_type="application/json", auth=("a", "b"))
    [call] = mx.control("GET", "/requests")["requests"]
    assert call["request"]["body"] == text.replace("hush", "***")


@pytest.mark.parametrize("moment", ["0001-01-01", "1970-01-01", "9999-12-31T23:59:59Z", "9900-01-02"])
def test_no_server_starts_at_the_ends_of_time(moment: str) -> None:
    with pytest.raises(SettingError, match="now"):
        config_from(now=moment)
