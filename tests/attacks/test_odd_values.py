"""Numbers that are none and texts that are none do not get in, do not get out and stop nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from mocksrv.engine.engine import Engine
from mocksrv.engine.storage.records import DEEPEST
from mocksrv.providers.profiles.ledger import Ledger
from mocksrv.settings import SettingError, config_from
from mocksrv.web.app import App
from tests.conftest import MX, Receiver

Make = Callable[..., tuple[Engine, App]]
ODD = [
    "1e999",
    "-1e999",
    "NaN",
    "Infinity",
    r'"\ud800"',
    r'{"\udfff": 1}',
    "[" * 5000 + "]" * 5000,
    '{"a":' * 300 + "1" + "}" * 300,
]
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


@pytest.mark.parametrize(
    "body",
    [
        b"<a>" * 100_000,
        b'<!DOCTYPE a [<!ENTITY b "b"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]><a>&c;</a>',
        b"<credentials><partnerId>1</partnerId></credentials>",
        b"\xff\xfe<\x00a\x00>\x00",
    ],
    ids=["deep", "entities", "plain", "utf-16"],
)
@pytest.mark.parametrize(
    "path", ["/finicity/aggregation/v2/partners/authentication", "/mono/v2/accounts/initiate", "/users"]
)
def test_xml_is_refused_unread(make_server: Make, path: str, body: bytes) -> None:
    accept = "application/vnd.mx.api.v1+json" if path == "/users" else "*/*"
    headers = {"Authorization": "Basic YTpi", "mono-sec-key": "k", "Finicity-App-Key": "k", "Accept": accept}
    answer = make_server()[1].test_client().post(path, data=body, headers=headers, content_type="application/xml")
    assert (answer.status_code, answer.is_json) == (400, True)


def test_a_payload_as_deep_as_is_taken_goes_out_as_xml(mx: MX, receiver: Receiver) -> None:
    endpoint = {"url": receiver.url, "events": ["finicity.*"], "headers": {"content-type": "application/xml"}}
    mx.control("PUT", "/endpoints", {"endpoints": [endpoint]})
    deep: Any = "core"
    for _ in range(DEEPEST - 2):
        deep = {"a": deep}
    trigger = {"event": "finicity.added", "payload": {"deep": deep}, "extra": True}
    mx.control("POST", "/trigger", trigger)
    mx.control("POST", "/trigger", {**trigger, "payload": {"deep": {"a": deep}}}, status=400)
    mx.advance("0s")
    [sent] = receiver.received
    assert b"<a>" * (DEEPEST - 2) + b"core" in sent["raw"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/clock", {"now": "9999-12-31T23:59:59.999Z"}),
        ("PUT", "/clock", {"now": "0001-01-01"}),
        ("PUT", "/clock", {"now": "1970-01-01"}),
        ("POST", "/clock/advance", {"by": "99999999d"}),
        ("POST", "/clock/advance", {"to": "9900-01-02"}),
        ("POST", "/webhooks/replay", {"since": "0001-01-01"}),
    ],
)
def test_no_clock_reaches_the_ends_of_time(mx: MX, method: str, path: str, body: dict[str, str]) -> None:
    mx.control(method, path, body, status=422)
    mx.create(mx.user())
    assert "complete" not in mx.advance("1d")  # it came to its end


@pytest.mark.parametrize("now", ["1980-01-01", "9899-12-31"])
def test_members_connect_near_the_ends_of_time(mx: MX, now: str) -> None:
    mx.control("PUT", "/clock", {"mode": "manual", "now": now})
    user = mx.user()
    member = mx.create(user)["guid"]
    mx.advance("10s")
    assert mx.status(user, member)["connection_status"] == "CONNECTED"


@pytest.mark.parametrize("profile", ["mxbank", "wealthy", "retirement", "everyday"])
def test_a_clock_that_is_put_centuries_ahead_makes_no_centuries_of_transactions(
    mx: MX, monkeypatch: pytest.MonkeyPatch, profile: str
) -> None:
    step = f"{{after: 1s, data: {profile}, status: CONNECTED}}"
    mx.put_scenario("rich", f"{{name: rich, provider: mx, flows: {{connect: [{{status: CREATED}}, {step}]}}}}")
    user = mx.user()
    member = mx.create(user, headers={"X-Mocksrv-Scenario": "rich"})["guid"]
    mx.advance("10s")
    months: set[int] = set()
    month = Ledger._month

    def counted(ledger: Ledger, number: int) -> Any:
        months.add(number)
        return month(ledger, number)

    monkeypatch.setattr(Ledger, "_month", counted)
    mx.control("PUT", "/clock", {"now": "9800-01-01T00:00:00Z"})
    mx.call("POST", f"/users/{user}/members/{member}/aggregate")
    mx.advance("10s")
    assert 0 < len(months) < 200
    assert mx.status(user, member)["aggregated_at"].startswith("9800")


@pytest.mark.parametrize("moment", ["0001-01-01", "1970-01-01", "9999-12-31T23:59:59Z", "9900-01-02"])
def test_no_server_starts_at_the_ends_of_time(moment: str) -> None:
    with pytest.raises(SettingError, match="now"):
        config_from(now=moment)
