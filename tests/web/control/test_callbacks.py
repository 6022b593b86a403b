"""The control API's callbacks: endpoints and their auth, faults, sending on request and again, what was sent and what
came of it.
"""

from __future__ import annotations

import threading
from base64 import b64decode
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from mocksrv.engine.engine import Engine
from mocksrv.web.app import App
from tests.conftest import MX, Receiver

URL = "http://127.0.0.1:9/hook"
KEY = "-----BEGIN PRIVATE KEY-----\nMIIabc\n-----END PRIVATE KEY-----\n"
CERT = "-----BEGIN CERTIFICATE-----\nMIIabc\n-----END CERTIFICATE-----\n"
OAUTH2 = {
    "type": "oauth2",
    "token_url": "https://127.0.0.1:9/token",
    "client_id": "mx",
    "client_secret": "hush",
    "scope": "hooks",
}


def put(mx: MX, *endpoints: dict[str, Any], status: int = 200) -> Any:
    return mx.control("PUT", "/endpoints", {"endpoints": list(endpoints)}, status=status)


def trigger(mx: MX, event: str, **more: Any) -> dict[str, Any]:
    """Sends one event; what the control API says of it when it is out."""
    [sent] = mx.control("POST", "/trigger", {"event": event, **more})["webhooks"]
    mx.advance("0s")
    shown: dict[str, Any] = mx.control("GET", f"/webhooks/{sent['id']}")
    return shown


def attempts(webhook: dict[str, Any]) -> list[dict[str, Any]]:
    return [attempt for delivery in webhook["deliveries"] for attempt in delivery["attempts"]]


# endpoints


@pytest.mark.parametrize(
    ("auth", "hidden"),
    [
        ({"type": "basic", "username": "u", "password": "hush"}, ["password"]),
        (OAUTH2, ["client_secret"]),
        ({"type": "mtls", "cert": CERT, "key": KEY, "ca": CERT}, ["key"]),
        ({"type": "mtls", "cert": CERT + KEY, "key": "/etc/key.pem"}, ["cert", "key"]),
        ({"type": "tls", "ca": CERT}, []),
    ],
    ids=["basic", "oauth2", "mtls", "a key among the certificates", "tls"],
)
def test_secrets_read_back_as_asterisks_and_asterisks_keep_them(
    make_server: Callable[..., tuple[Engine, App]], auth: dict[str, Any], hidden: list[str]
) -> None:
    engine, app = make_server()
    mx = MX(app)
    headers = {"X-Api-Key": "hush", "X-Team": "qa"}
    shown = put(mx, {"url": URL, "auth": auth, "headers": headers})
    assert shown["endpoints"] == [
        {
            "id": shown["endpoints"][0]["id"],
            "url": URL,
            "events": [],
            "auth": auth | dict.fromkeys(hidden, "***"),
            "headers": {"X-Api-Key": "***", "X-Team": "***"},
        }
    ]
    assert put(mx, *shown["endpoints"]) == shown
    [kept] = engine.sandbox("default").settings.endpoints
    assert (kept.auth, kept.headers) == (auth, headers)


def test_one_url_is_one_endpoint(mx: MX) -> None:
    refused = put(mx, {"url": URL}, {"url": URL, "events": ["mx.*"]}, status=422)
    assert refused["detail"] == "endpoints.1.url: is that of endpoints.0; one URL is one endpoint"
    [first] = put(mx, {"url": URL})["endpoints"]
    [again] = put(mx, {"url": URL, "events": ["mx.*"]})["endpoints"]
    assert (again["id"], again["events"]) == (first["id"], ["mx.*"])


@pytest.mark.parametrize(
    ("pattern", "near"),
    [
        ("mx.membr.*", "did you mean 'mx.member.*'?"),
        ("mx.conection_status.changed", "did you mean 'mx.connection_status.changed'?"),
        ("mono.events.account_updated", "did you mean 'mono.account_updated'?"),
        ("finicity.add", "did you mean 'finicity.added'?"),
    ],
)
def test_a_pattern_that_no_event_fits_is_refused_with_the_nearest(mx: MX, pattern: str, near: str) -> None:
    refused = put(mx, {"url": URL, "events": ["mx.*", pattern]}, status=422)["detail"]
    assert refused.startswith(f"endpoints.0.events.1: no event is called {pattern!r}")
    assert refused.endswith("llowed: finicity.*, mono.*, mx.*, and patterns of what GET /events lists")
    assert near in refused
    fault = {"faults": [{"events": pattern, "drop": True}]}
    assert near in mx.control("PUT", "/faults", fault, status=422)["detail"]


@pytest.mark.parametrize("pattern", ["mx.user.[!c]*", "mx.user.[^c]*", "mx.user.[a-bd-z]*", "mx.us?r.u*"])
def test_a_pattern_means_the_same_for_endpoints_disturbances_and_lists(
    mx: MX, receiver: Receiver, pattern: str
) -> None:
    put(mx, {"url": receiver.url, "events": [pattern]})
    mx.control("PUT", "/faults", {"faults": [{"events": pattern, "repeat": 2}]})
    mx.call("PUT", f"/users/{mx.user()}", {"user": {"metadata": "changed"}})
    mx.advance("1s")
    assert [body["action"] for body in receiver.bodies()] == ["updated", "updated"]
    listed = mx.control("GET", f"/webhooks?event={quote(pattern)}")["webhooks"]
    assert [webhook["event"] for webhook in listed] == ["mx.user.updated"]


@pytest.mark.parametrize(
    ("on", "near"),
    [
        ("GET /user/*", "no operation has the path '/user/*'; did you mean 'GET /users/*'?"),
        ("POST /users/*/member", "no operation has the path '/users/*/member'; did you mean 'POST /users/*/members'?"),
        (
            "DELETE /users/*/members/*/status",
            "no operation is 'DELETE /users/*/members/*/status'; the methods of this path: GET",
        ),
    ],
)
def test_a_fault_that_no_call_meets_is_refused_with_the_nearest(mx: MX, on: str, near: str) -> None:
    refused = mx.control("PUT", "/faults", {"faults": [{"on": on, "status": 503}]}, status=422)["detail"]
    assert refused == f"faults.0.on: {near}"


@pytest.mark.parametrize(
    "on", ["* /users/**", "GET /users/USR-1", "get /mono/v2/accounts/*/identity", "POST /finicity/connect/v2/**"]
)
def test_a_fault_that_some_call_meets_is_taken(mx: MX, on: str) -> None:
    assert len(mx.control("PUT", "/faults", {"faults": [{"on": on, "status": 503}]})["faults"]) == 1


@pytest.mark.parametrize("host", ["192.0.2.7", "[2001:db8::1]", "8.8.8.8"])
def test_a_host_that_callbacks_do_not_go_to_is_refused_when_it_is_set(mx: MX, host: str) -> None:
    refused = put(mx, {"url": URL}, {"url": f"http://{host}/hook"}, status=422)["detail"]
    assert refused.startswith("endpoints.1.url: callbacks do not go to ")
    assert "--allow-callbacks" in refused
    auth = {**OAUTH2, "token_url": f"http://{host}/token"}
    assert "endpoints.0.auth.token_url" in put(mx, {"url": URL, "auth": auth}, status=422)["detail"]


def test_an_allowed_host_may_be_anywhere(make_server: Callable[..., tuple[Engine, App]]) -> None:
    _, app = make_server(allow_callbacks=("192.0.2.*",))
    assert "warnings" not in put(MX(app), {"url": "http://192.0.2.7/hook"})


def test_a_host_that_does_not_resolve_yet_is_a_warning(mx: MX) -> None:
    shown = put(mx, {"url": URL}, {"url": "http://receiver.invalid/hook"})
    [warning] = shown["warnings"]
    assert warning.startswith("endpoints.1.url: receiver.invalid does not resolve")
    assert len(shown["endpoints"]) == 2


@pytest.mark.parametrize(
    ("auth", "detail"),
    [
        ({"type": "digest"}, "endpoints.0.auth.type: 'digest' is not allowed; allowed are basic, oauth2, mtls, tls"),
        ({"username": "u"}, "endpoints.0.auth.type: missing"),
        ({"type": "basic", "username": "u"}, "endpoints.0.auth.password: missing; basic needs username, password"),
        ({"type": "basic", "username": "u", "password": 5}, "endpoints.0.auth.password: must be a text"),
        (
            {"type": "oauth2", "client_id": "c", "client_secret": "s"},
            "auth.token_url: missing; oauth2 needs token_url, client_id, client_secret",
        ),
        ({**OAUTH2, "token_url": "token"}, "endpoints.0.auth.token_url: 'token' is not a URL"),
        ({"type": "mtls", "cert": CERT}, "endpoints.0.auth.key: missing; mtls needs cert, key"),
        ({"type": "tls", "ca": CERT, "key": KEY}, "endpoints.0.auth.key: does not belong to tls, which takes ca"),
        (
            {**OAUTH2, "client_secret": "***"},
            f"{URL}: *** stands for a secret that is there already, and there is none",
        ),
    ],
)
def test_an_auth_that_cannot_be(mx: MX, auth: dict[str, Any], detail: str) -> None:
    before = mx.control("GET", "/endpoints")
    problem = put(mx, {"url": URL, "auth": auth}, status=422)
    assert detail in problem["detail"]
    assert "hush" not in problem["detail"]
    assert "MIIabc" not in problem["detail"]
    assert mx.control("GET", "/endpoints") == before


def test_login_data_in_a_url_are_refused(mx: MX) -> None:
    problem = put(mx, {"url": "http://u:hush@127.0.0.1:9/"}, status=422)
    assert (
        problem["detail"]
        == "endpoints.0.url: a URL with a login in it is shown to everybody; write it as auth of the type basic"
    )


@pytest.mark.parametrize(
    ("auth", "error"),
    [
        (
            {"cert": "/nowhere/c.pem", "key": "/nowhere/k.pem"},
            "OSError: auth: the cert and key cannot be used",
        ),
        ({"cert": CERT, "key": KEY}, "OSError: auth: the cert and key cannot be used"),
        ({"cert": CERT, "key": KEY, "ca": CERT}, "OSError: auth: the ca cannot be used"),
        ({"cert": "ä\0", "key": "hush"}, "OSError: auth: the cert and key cannot be used"),
    ],
    ids=["no file", "no certificate", "no authority", "no name of a file"],
)
def test_certificates_that_cannot_be_used_are_an_error_of_the_attempt(
    mx: MX, receiver: Receiver, auth: dict[str, str], error: str, caplog: pytest.LogCaptureFixture
) -> None:
    put(mx, {"url": "https://127.0.0.1:9/", "auth": {"type": "mtls", **auth}}, {"url": receiver.url})
    sent = trigger(mx, "mx.member.updated")
    assert [delivery["state"] for delivery in sent["deliveries"]] == ["pending", "delivered"]
    [failed, _] = attempts(sent)
    assert failed["error"].startswith(error)
    assert not any(secret in text for secret in ("MIIabc", "hush") for text in (str(sent), caplog.text))


def test_what_was_sent_is_kept_but_for_the_secrets(mx: MX, receiver: Receiver) -> None:
    auth = {"type": "basic", "username": "u", "password": "hush"}
    put(mx, {"url": receiver.url, "auth": auth, "headers": {"X-Api-Key": "hush", "X-Team": "qa"}})
    [attempt] = attempts(trigger(mx, "mx.member.updated"))
    [came] = receiver.received
    assert (came["headers"]["Authorization"], came["headers"]["X-Api-Key"]) == ("Basic dTpodXNo", "hush")
    kept = attempt["request"]["headers"]
    assert (kept["Authorization"], kept["X-Api-Key"], kept["X-Team"]) == ("***", "***", "***")
    assert attempt["request"]["body"].encode() == came["raw"]
    assert (attempt["status"], attempt["error"], attempt["at"]) == (204, None, "2026-01-01T12:00:00.000Z")
    assert attempt["duration_ms"] > 0


def test_of_an_answer_the_head_and_the_beginning_are_kept(mx: MX, receiver: Receiver) -> None:
    receiver.answer = lambda: (500, b"x" * 10_000)  # type: ignore[method-assign]
    [attempt] = attempts(trigger(mx, "mx.member.updated"))
    assert attempt["response"]["headers"]["Content-Length"] == "10000"
    assert attempt["response"]["body"] == "x" * 4096


def test_a_body_that_is_no_text_any_more_is_kept_in_bytes(mx: MX, receiver: Receiver) -> None:
    mx.control("PUT", "/faults", {"faults": [{"events": "mx.*", "corrupt": "truncated"}]})
    [attempt] = attempts(trigger(mx, "mx.member.updated", payload={"member": {"name": "é" * 5000}}))
    request, [came] = attempt["request"], receiver.received
    assert came["json"] is None
    kept = b64decode(request["body_base64"]) if "body_base64" in request else request["body"].encode()
    assert kept == came["raw"]


# OAuth 2


def test_a_token_belongs_to_one_endpoint_and_one_sandbox(
    make_server: Callable[..., tuple[Engine, App]], receiver: Receiver
) -> None:
    _, app = make_server()
    tokens = Receiver()
    given: list[str] = []
    tokens.answer = lambda: given.append("") or (200, b'{"access_token": "T%d", "expires_in": 3600}' % len(given))  # type: ignore[func-returns-value, method-assign]
    auth = {"type": "oauth2", "token_url": tokens.url, "client_id": "mx", "client_secret": "hush"}
    one, other = MX(app, "one"), MX(app, "other")
    put(one, {"url": receiver.url + "/a", "auth": auth}, {"url": receiver.url + "/b", "auth": auth})
    put(other, {"url": receiver.url + "/a", "auth": auth})
    for mx in (one, other):
        mx.control("PUT", "/clock", {"mode": "manual"})
        trigger(mx, "mx.member.updated")
        trigger(mx, "mx.member.updated")
    seen = [(item["path"], item["headers"]["Authorization"]) for item in receiver.received]
    assert len(seen) == 6
    assert len(set(seen)) == 3
    assert len({token for _, token in seen}) == len(given) == 3
    put(other, {"url": receiver.url + "/a", "auth": auth | {"client_secret": "new"}})
    trigger(other, "mx.member.updated")
    assert receiver.received[-1]["headers"]["Authorization"] == "Bearer T4"
    other.control("POST", "/reset")
    put(other, {"url": receiver.url + "/a", "auth": auth})
    trigger(other, "mx.member.updated")
    assert receiver.received[-1]["headers"]["Authorization"] == "Bearer T5"
    tokens.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((401, b"{}"), "no access token from {url}: 401"),
        ((302, b""), "no access token from {url}: 302"),
        ((200, b"<html>"), "no access token from {url}: its answer has none that can be used"),
        ((200, b'{"access_token": "hush\\nX: y"}'), "no access token from {url}: its answer has none that can be used"),
        ((200, b'{"access_token": null}'), "no access token from {url}: its answer has none that can be used"),
    ],
)
def test_without_a_token_the_attempt_says_why(
    mx: MX, receiver: Receiver, answer: tuple[int, bytes], error: str
) -> None:
    tokens = Receiver()
    tokens.answer = lambda: answer  # type: ignore[method-assign]
    put(mx, {"url": receiver.url, "auth": {**OAUTH2, "token_url": tokens.url}})
    [attempt] = attempts(trigger(mx, "mx.member.updated"))
    assert attempt["error"] == error.format(url=tokens.url)
    assert receiver.received == []
    tokens.close()


def test_tokens_are_fetched_from_local_addresses_only(
    mx: MX, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mocksrv.web.control.callbacks.check_hosts", lambda *_: {})  # as if it had resolved elsewhere
    put(mx, {"url": receiver.url, "auth": {**OAUTH2, "token_url": "http://192.0.2.7/token"}})
    [attempt] = attempts(trigger(mx, "mx.member.updated"))
    assert "callbacks do not go to 192.0.2.7" in attempt["error"]


def test_a_long_token_is_read_to_its_end(mx: MX, receiver: Receiver) -> None:
    tokens = Receiver()
    tokens.answer = lambda: (200, b'{"access_token": "%s"}' % (b"t" * 9000))  # type: ignore[method-assign]
    put(mx, {"url": receiver.url, "auth": {**OAUTH2, "token_url": tokens.url}})
    trigger(mx, "mx.member.updated")
    assert receiver.received[0]["headers"]["Authorization"] == "Bearer " + "t" * 9000
    tokens.close()


def test_wrong_credentials_on_purpose_cost_no_token(mx: MX, receiver: Receiver) -> None:
    tokens = Receiver()
    tokens.answer = lambda: (200, b'{"access_token": "T", "expires_in": 3600}')  # type: ignore[method-assign]
    put(mx, {"url": receiver.url, "auth": {**OAUTH2, "token_url": tokens.url}})
    trigger(mx, "mx.member.updated")
    mx.control("PUT", "/faults", {"faults": [{"events": "mx.*", "wrong_credentials": True}]})
    receiver.answers = [401]
    assert [attempt["status"] for attempt in attempts(trigger(mx, "mx.member.updated"))] == [401]
    assert receiver.received[-1]["headers"]["Authorization"] == "Basic d3Jvbmc6d3Jvbmc="
    assert len(tokens.received) == 1
    tokens.close()


# faults


def test_faults_of_calls_and_of_callbacks_read_back(mx: MX) -> None:
    calls = {"on": "GET /users/*", "status": 503, "delay": "10ms"}
    callbacks = {"events": "mx.member.*", "delay": "1m", "repeat": 2, "times": 3}
    shown = mx.control("PUT", "/faults", {"faults": [calls, callbacks]})
    assert shown == mx.control("GET", "/faults")
    assert shown["faults"] == [
        {"on": "GET /users/*", "status": 503, "times": None, "delay": "10ms"},
        {"events": "mx.member.*", "repeat": 2, "delay": "1m", "times": 3},
    ]
    trigger(mx, "mx.member.updated")
    assert mx.control("GET", "/faults")["faults"][1]["times"] == 2
    mx.control("DELETE", "/faults", status=204)
    assert mx.control("GET", "/faults") == {"faults": []}


@pytest.mark.parametrize(
    ("rule", "bodies", "states"),
    [
        ({"drop": True}, 0, ["dropped"]),
        ({"delay": "1m"}, 0, ["pending"]),
        ({"repeat": 3}, 3, ["delivered"] * 3),
        ({"corrupt": True}, 1, ["delivered"]),
    ],
    ids=str,
)
def test_a_fault_of_callbacks_does_what_it_says(
    mx: MX, receiver: Receiver, rule: dict[str, Any], bodies: int, states: list[str]
) -> None:
    mx.control("PUT", "/faults", {"faults": [{"events": "mx.member.*", **rule}]})
    sent = trigger(mx, "mx.member.updated")
    assert [delivery["state"] for delivery in sent["deliveries"]] == states
    assert len(receiver.received) == bodies
    trigger(mx, "mx.balance")
    assert len(receiver.received) == bodies + 1


def test_a_fault_lets_the_first_through(mx: MX) -> None:
    late = {"events": "mx.member.*", "skip": 2, "times": 1, "delay": "10m"}
    failing = {"on": "GET /users", "skip": 1, "times": 1, "status": 503}
    mx.control("PUT", "/faults", {"faults": [late, failing]})
    assert mx.control("GET", "/faults")["faults"] == [failing, late]
    sent = [trigger(mx, "mx.member.updated")["deliveries"][0]["state"] for _ in range(4)]
    assert sent == ["delivered", "delivered", "pending", "delivered"]
    mx.call("GET", "/users", status=200)
    assert mx.control("GET", "/faults")["faults"] == [{"on": "GET /users", "times": 1, "status": 503}]
    mx.call("GET", "/users", status=503)
    mx.call("GET", "/users", status=200)


@pytest.mark.parametrize(
    ("rule", "detail"),
    [
        ({}, 'say what it meets: {"on": "GET /users/*", ...} for calls, {"events": "mx.member.*", ...} for callbacks'),
        ({"on": "GET /users", "events": "mx.*"}, "say what it meets"),
        ({"events": "mx.*"}, "faults.0.events: say what happens to them: drop, delay, repeat"),
        ({"events": "mx.*", "times": 2}, "say what happens to them"),
        ({"events": "mx member", "drop": True}, "faults.0.events: 'mx member' is no pattern of event names"),
        ({"events": "mx.*", "status": 500}, "faults.0.status: does not belong here; allowed are drop, delay, repeat"),
        ({"events": "mx.*", "corrupt": "badly"}, "faults.0.corrupt: 'badly' is not allowed; allowed are"),
        ({"events": "mx.*", "repeat": 0}, "faults.0.repeat"),
        ({"events": "mx.*", "drop": "yes"}, "faults.0.drop: must be true or false"),
        ({"on": "GET /users", "repeat": 2}, "faults.0.repeat: does not belong here; allowed are status, delay, drop"),
    ],
)
def test_a_fault_that_cannot_be(mx: MX, rule: dict[str, Any], detail: str) -> None:
    assert detail in mx.control("PUT", "/faults", {"faults": [rule]}, status=422)["detail"]
    assert mx.control("GET", "/faults") == {"faults": []}


# sending on request


def test_every_event_that_is_listed_can_be_sent(mx: MX) -> None:
    put(mx)
    events = mx.control("GET", "/events")["events"]
    assert {"mx.member.created", "mx.aggregation", "mx.balance"} <= set(events)
    for event in events:
        [sent] = mx.control("POST", "/trigger", {"event": event})["webhooks"]
        assert (sent["event"], sent["deliveries"]) == (event, [])


def test_what_is_sent_is_about_the_subject_with_fields_over_its_own(mx: MX, receiver: Receiver) -> None:
    member = mx.create(mx.user())["guid"]
    mx.advance("1m")
    before = len(receiver.received)
    sent = trigger(
        mx,
        "mx.member.updated",
        subject=member,
        payload={"member": {"connection_status": "DENIED", "new": [1]}},
        extra=True,
    )
    [body] = receiver.bodies()[before:]
    assert (sent["subject"], body["member"]["guid"]) == (member, member)
    assert (body["member"]["connection_status"], body["member"]["new"]) == ("DENIED", [1])
    assert mx.control("GET", f"/subjects/{member}")["status"] == "CONNECTED"


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({"member": {"conection_status": "DENIED"}}, "payload.member.conection_status: the event has no such field"),
        ({"conection_status": "DENIED"}, "did you mean 'connection_status'?"),
        ({"member": {"colour": "red"}}, "`extra` takes other fields, too"),
    ],
)
def test_a_field_that_the_event_does_not_have_is_refused(mx: MX, payload: dict[str, Any], said: str) -> None:
    member = mx.create(mx.user())["guid"]
    body = {"event": "mx.member.updated", "subject": member, "payload": payload}
    before = len(mx.control("GET", "/webhooks")["webhooks"])
    assert said in mx.control("POST", "/trigger", body, status=422)["detail"]
    assert len(mx.control("GET", "/webhooks")["webhooks"]) == before
    assert len(mx.control("POST", "/trigger", body | {"extra": True})["webhooks"]) == 1


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ({}, 422, "event: missing"),
        ({"event": 1}, 422, "event: must be a text"),
        (
            {"event": "mx.membr.updated"},
            422,
            "event: unknown event 'mx.membr.updated'; did you mean 'mx.member.updated'?",
        ),
        ({"event": "bank.exploded"}, 422, "event: unknown event 'bank.exploded'; allowed: finicity.accountsDeleted, "),
        ({"event": "AGGREGATION"}, 422, "event: unknown event 'AGGREGATION'; did you mean 'mx.aggregation'?"),
        ({"event": "mx.member.updated", "payload": []}, 422, "payload: must be an object"),
        ({"event": "mx.member.updated", "subject": "MBR-none"}, 404, "there is no MBR-none in the sandbox default"),
        (
            {"event": "mx.member.updated", "about": "x"},
            422,
            "about: unknown; allowed are event, extra, payload, subject",
        ),
    ],
)
def test_what_cannot_be_sent(mx: MX, body: dict[str, Any], status: int, detail: str) -> None:
    assert detail in mx.control("POST", "/trigger", body, status=status)["detail"]
    assert mx.control("GET", "/webhooks")["webhooks"] == []


def test_an_event_cannot_be_about_something_of_another_kind(mx: MX) -> None:
    user = mx.user()
    member = mx.create(user)["guid"]
    mx.advance("1m")
    account = mx.call("GET", f"/users/{user}/members/{member}/accounts")["accounts"][0]["guid"]
    assert trigger(mx, "mx.account.updated", subject=account)["subject"] == account
    problem = mx.control("POST", "/trigger", {"event": "mx.transaction.created", "subject": "MBR-"}, status=404)
    assert "there is no MBR-" in problem["detail"]


# sending again


def test_one_event_is_sent_again(mx: MX, receiver: Receiver) -> None:
    sent = trigger(mx, "mx.member.updated")
    again = mx.control("POST", f"/webhooks/{sent['id']}/replay")
    assert (again["id"], len(again["deliveries"])) == (sent["id"], 2)
    mx.advance("0s")
    assert receiver.received[0]["raw"] == receiver.received[1]["raw"]
    mx.control("POST", "/webhooks/EVT-none/replay", status=404)


def test_what_was_dropped_and_damaged_is_sent_again_as_it_was_written(mx: MX, receiver: Receiver) -> None:
    for fault in ({"drop": True}, {"corrupt": "truncated"}):
        mx.control("PUT", "/faults", {"faults": [{"events": "*", **fault}]})
        sent = trigger(mx, "mx.member.updated")
        mx.control("POST", f"/webhooks/{sent['id']}/replay")
        mx.advance("0s")
        assert receiver.received[-1]["json"] == sent["payload"]


def test_all_since_a_moment_are_sent_again_in_their_order(mx: MX, receiver: Receiver) -> None:
    trigger(mx, "mx.balance")
    mx.advance("1h")
    later = [trigger(mx, event) for event in ("mx.member.created", "mx.aggregation", "mx.member.updated")]
    receiver.received.clear()
    assert mx.control("POST", "/webhooks/replay", {"since": "2026-01-01T13:00:00Z"}) == {
        "replayed": [each["id"] for each in later]
    }
    mx.advance("0s")
    assert receiver.bodies() == [each["payload"] for each in later]
    body = {"since": "2026-01-01", "event": "mx.member.*", "subject": later[0]["subject"]}
    assert mx.control("POST", "/webhooks/replay", body) == {"replayed": [later[0]["id"]]}
    assert mx.control("POST", "/webhooks/replay", {"since": "2027-01-01"}) == {"replayed": []}


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "since: missing"),
        ({"since": "yesterday"}, "since: 'yesterday' is not a moment; write ISO 8601"),
        ({"since": "2026-01-01", "event": "x" * 2000}, "event: may have 1000 characters"),
        ({"since": "2026-01-01", "state": "failed"}, "state: unknown; allowed are event, since, subject"),
    ],
)
def test_a_replay_that_cannot_be(mx: MX, body: dict[str, Any], detail: str) -> None:
    assert detail in mx.control("POST", "/webhooks/replay", body, status=422)["detail"]


# what was sent


def test_callbacks_are_filtered(mx: MX, receiver: Receiver) -> None:
    receiver.answers = [204, 500]
    first, second, third = (trigger(mx, event) for event in ("mx.member.created", "mx.member.updated", "mx.balance"))

    def found(query: str) -> list[str]:
        return [each["id"] for each in mx.control("GET", f"/webhooks?{query}")["webhooks"]]

    assert found("event=mx.member.*") == [first["id"], second["id"]]
    assert found("state=pending") == [second["id"]]
    assert found(f"subject={third['subject']}") == [third["id"]]
    assert found(f"after={first['id']}&limit=1") == [second["id"]]
    assert found("event=mx.balance&state=failed") == []


def test_an_event_that_there_is_not_is_no_filter(mx: MX) -> None:
    meant = "event: no event is called 'mx.memer.*'; did you mean 'mx.member.*'?"
    assert mx.control("GET", "/webhooks?event=mx.memer.*&wait=30s", status=422)["detail"].startswith(meant)
    body = {"since": "2026-01-01", "event": "mx.memer.*"}
    assert mx.control("POST", "/webhooks/replay", body, status=422)["detail"].startswith(meant)


def test_a_list_is_held_until_something_fits(mx: MX) -> None:
    found: list[Any] = []
    holding = threading.Event()

    def wait() -> None:
        holding.set()
        found.extend(
            MX(mx.http.application).control("GET", "/webhooks?event=mx.balance&state=delivered&wait=30s")["webhooks"]
        )

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert holding.wait(30)
    trigger(mx, "mx.member.updated")
    assert found == []
    sent = trigger(mx, "mx.balance")
    waiting.join(30)
    assert [each["id"] for each in found] == [sent["id"]]


def test_a_list_that_nothing_fits_is_empty_after_the_wait(mx: MX) -> None:
    assert mx.control("GET", "/webhooks?event=mx.balance&wait=10ms") == {"webhooks": []}
