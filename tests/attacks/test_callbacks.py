"""Callbacks do not reach mocksrv itself nor a cloud's metadata, and give no secret away."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from mocksrv.engine.callbacks.addresses import Itself, is_local
from mocksrv.engine.callbacks.transport import Transport
from mocksrv.engine.config import Config
from mocksrv.engine.engine import Engine
from mocksrv.engine.sandbox import Fault
from mocksrv.server import LocalServer
from mocksrv.web.app import App
from tests.conftest import MX, Receiver
from tests.providers.finicity.client import PARTNER, Finicity

Make = Callable[..., tuple[Engine, App]]
ITSELF = "callbacks do not go to mocksrv itself"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1.2.3", "2130706433", "0.0.0.0", "[::ffff:127.0.0.1]"])
def test_nothing_is_sent_to_the_server_itself(host: str) -> None:
    with LocalServer(Config(port=0, clock="manual")) as server:
        port = server.url.rpartition(":")[2]
        answer = server.app.test_client().put(
            "/_mocksrv/endpoints", json={"endpoints": [{"url": f"http://{host}:{port}/_mocksrv/reset"}]}
        )
        assert (answer.status_code, ITSELF in answer.get_json()["detail"]) == (422, True)


def test_it_is_refused_at_every_attempt_whatever_is_allowed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        answer = Transport(("*",), Itself(port)).post(f"http://localhost:{port}/", b"{}", {})
        assert ITSELF in str(answer.error)
        listening.settimeout(0)
        with pytest.raises(BlockingIOError):
            listening.accept()


@pytest.mark.parametrize(
    ("host", "port", "refused"),
    [
        ("mocks.example.com", 443, True),
        ("MOCKS.example.com", 8484, True),
        ("mocks.example.com.", 443, True),
        ("mocks.example.com", 9000, False),
        ("other.example.com", 443, False),
    ],
)
def test_the_public_name_is_the_server_too(host: str, port: int, refused: bool) -> None:
    assert Itself(8484, "https://mocks.example.com").is_at(host, "192.0.2.1", port) is refused


def test_an_app_on_this_machine_stays_reachable(receiver: Receiver) -> None:
    assert Transport((), Itself(1)).post(receiver.url, b"{}", {}).status == 204


@pytest.mark.parametrize(
    "address",
    [
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        "fd00:c1::a9fe:a9fe",
        "fd00:42::42",
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "fe80::a9fe:a9fe%1",
        "100.100.100.200",
    ],
)
def test_metadata_is_not_local(address: str) -> None:
    assert not is_local(address)


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Lets every name mean these addresses, one after the other; the last for ever."""
    left = list(addresses)

    def answer(host: str, port: int | None, *_: Any) -> list[Any]:
        address = left.pop(0) if len(left) > 1 else left[0]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port or 0))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)


@pytest.mark.parametrize("later", ["169.254.169.254", "93.184.216.34", "fd00:ec2::254"])
def test_a_name_that_means_something_else_later_is_not_followed(
    mx: MX, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, later: str
) -> None:
    resolving(monkeypatch, "127.0.0.1", later)
    url = receiver.url.replace("127.0.0.1", "rebound.example")
    mx.control("PUT", "/endpoints", {"endpoints": [{"url": url}]})
    [event] = mx.control("POST", "/trigger", {"event": "mx.member.updated"})["webhooks"]
    mx.advance("0s")
    [attempt] = mx.control("GET", f"/webhooks/{event['id']}")["deliveries"][0]["attempts"]
    assert f"callbacks do not go to {later}" in attempt["error"]
    assert receiver.received == []


def test_a_name_that_means_the_server_later_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        resolving(monkeypatch, "127.0.0.1")
        answer = Transport((), Itself(port)).post(f"http://app.example:{port}/", b"{}", {})
        assert ITSELF in str(answer.error)


def test_a_receiver_leads_nobody_on(receiver: Receiver) -> None:
    def redirect() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            head = f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {receiver.url}\r\nContent-Length: 0\r\n\r\n"
            connection.sendall(head.encode())

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        thread = threading.Thread(target=redirect)
        thread.start()
        answer = Transport().post(f"http://127.0.0.1:{listening.getsockname()[1]}/", b"{}", {})
        thread.join()
    assert (answer.status, receiver.received) == (307, [])


def test_a_refused_ping_tells_nobody_what_is_there(receiver: Receiver) -> None:
    with LocalServer(Config(port=0, clock="manual")) as server:
        finicity = Finicity(server.app, receiver)
        receiver.answers = [404]
        places = (f"{server.url}/_mocksrv/reset", "http://127.0.0.1:9/", "http://169.254.169.254/", receiver.url)
        body = {"partnerId": PARTNER, "customerId": finicity.customer()}
        told = [finicity.call("POST", "/connect/v2/generate", {**body, "webhook": url}, status=400) for url in places]
    assert all(each == told[0] for each in told)


# secrets

OAUTH2 = {"type": "oauth2", "token_url": "http://127.0.0.1:9/token", "client_id": "c", "client_secret": "hush"}


@pytest.mark.parametrize(
    "change",
    [{"token_url": "http://127.0.0.1:7/mine"}, {"client_id": "d"}, {"scope": "all"}],
    ids=lambda each: next(iter(each)),
)
def test_asterisks_do_not_carry_a_secret_elsewhere(mx: MX, change: dict[str, str]) -> None:
    endpoint: dict[str, Any] = {"url": "http://127.0.0.1:9/hook", "auth": OAUTH2, "headers": {"X-Team": "qa"}}
    mx.control("PUT", "/endpoints", {"endpoints": [endpoint]})
    [shown] = mx.control("GET", "/endpoints")["endpoints"]
    assert (shown["auth"]["client_secret"], shown["headers"]) == ("***", {"X-Team": "***"})
    assert mx.control("PUT", "/endpoints", {"endpoints": [shown]})["endpoints"] == [shown]
    shown["auth"] |= change
    refused = mx.control("PUT", "/endpoints", {"endpoints": [shown]}, status=422)
    assert "another auth needs it anew" in refused["detail"]


def test_a_receiver_that_repeats_secrets_does_not_show_them(mx: MX, receiver: Receiver) -> None:
    auth = {"type": "basic", "username": "u", "password": "hush-hush"}
    endpoint = {"url": receiver.url, "auth": auth, "headers": {"X-Tenant": "quiet-mouse"}}
    mx.control("PUT", "/endpoints", {"endpoints": [endpoint]})
    receiver.answer = lambda: (500, str(receiver.received[-1]["headers"]).encode() + b" hush-hush")  # type: ignore[method-assign]
    [event] = mx.control("POST", "/trigger", {"event": "mx.member.updated"})["webhooks"]
    mx.advance("0s")
    [delivery] = mx.control("GET", f"/webhooks/{event['id']}")["deliveries"]
    whole = str(delivery)
    assert receiver.received[0]["headers"]["X-Tenant"] == "quiet-mouse"
    assert "'Authorization': '***'" in delivery["attempts"][0]["response"]["body"]
    for secret in ("hush", "quiet-mouse", "Basic ", "dTpodXNoLWh1c2g="):
        assert secret not in whole


HOOK = "http://127.0.0.1:9/hook?tenant=7&token=quiet-mouse&sig=h%2Fush"
SHOWN = "http://127.0.0.1:9/hook?tenant=7&token=***&sig=***"


def test_tokens_of_urls_are_shown_nowhere(make_server: Make, receiver: Receiver) -> None:
    engine, app = make_server(clock="manual")
    mx, url, seen = MX(app), f"{receiver.url}?token=quiet-mouse&sig=h%2Fush", list[str]()
    engine.observers.subscribe(lambda happened: seen.extend(map(str, happened)))
    auth = {**OAUTH2, "token_url": f"{receiver.url}/token?code=still-mouse"}
    mx.control("PUT", "/endpoints", {"endpoints": [{"url": url}, {"url": receiver.url + "/two", "auth": auth}]})
    receiver.answer = lambda: (500, receiver.received[-1]["path"].encode() + b" h/ush")  # type: ignore[method-assign]
    [event] = mx.control("POST", "/trigger", {"event": "mx.member.updated"})["webhooks"]
    mx.advance("0s")
    shown = [mx.control("GET", path) for path in ("/endpoints", f"/webhooks/{event['id']}", "/webhooks")]
    shown += [mx.control("GET", f"/requests/{row['id']}") for row in mx.control("GET", "/requests")["requests"]]
    assert "token=quiet-mouse" in receiver.received[0]["path"] + receiver.received[1]["path"]
    assert any("token=***" in line for line in seen)
    for secret in ("quiet-mouse", "still-mouse", "h%2Fush", "h/ush"):
        assert [text for text in map(str, (*shown, *seen)) if secret in text] == []


def test_asterisks_in_a_url_keep_its_token(make_server: Make) -> None:
    engine, app = make_server()
    mx = MX(app)

    def urls() -> list[str]:
        return [endpoint.url for endpoint in engine.sandbox("default").settings.endpoints]

    other = HOOK.replace("quiet", "loud")
    shown = mx.control("PUT", "/endpoints", {"endpoints": [{"url": HOOK, "headers": {"X-Team": "qa"}}, {"url": other}]})
    assert [each["url"] for each in shown["endpoints"]] == [SHOWN, SHOWN]
    assert mx.control("PUT", "/endpoints", shown) == shown
    assert urls() == [HOOK, other]
    mx.control("PUT", "/endpoints", {"endpoints": [shown["endpoints"][1]]})
    assert urls() == [other]
    mx.control("PUT", "/endpoints", {"endpoints": [{"url": SHOWN}]})  # only one is shown so
    assert urls() == [other]
    for elsewhere in (SHOWN.replace(":9", ":7"), SHOWN.replace("/hook", "/mine"), SHOWN + "&more=1"):
        refused = mx.control("PUT", "/endpoints", {"endpoints": [{"url": elsewhere}]}, status=422)
        assert "stands for a secret that is there already, and there is none" in refused["detail"]


def test_a_token_of_a_url_stays_where_it_is_fetched(make_server: Make) -> None:
    engine, app = make_server()
    mx = MX(app)
    auth = {**OAUTH2, "token_url": "http://127.0.0.1:9/token?key=still-mouse"}
    shown = mx.control("PUT", "/endpoints", {"endpoints": [{"url": HOOK, "auth": auth}]})
    assert shown["endpoints"][0]["auth"]["token_url"] == "http://127.0.0.1:9/token?key=***"
    assert mx.control("PUT", "/endpoints", shown) == shown
    [kept] = engine.sandbox("default").settings.endpoints
    assert kept.auth == auth
    shown["endpoints"][0]["auth"]["token_url"] = "http://127.0.0.1:7/token?key=***"
    mx.control("PUT", "/endpoints", shown, status=422)


# faults


def test_a_fault_is_matched_in_no_time() -> None:
    fault = Fault.make("GET /" + "*a" * 140 + "b")
    began = time.thread_time()
    assert not fault.meets("GET", "/" + "a" * 50_000)
    assert time.thread_time() - began < 1


@pytest.mark.parametrize(
    ("pattern", "path", "meets"),
    [
        ("/users/*", "/users/1", True),
        ("/users/*", "/users/1/members", False),
        ("/users/*/members/*", "/users/1/members/2", True),
        ("/users/**", "/users/1/members/2", True),
        ("/users/**", "/users/", True),
        ("/users/**", "/users", False),
        ("/us**", "/users/1", True),
        ("/users/US*-x*", "/users/USR-1-x9", True),
        ("/users/a*a", "/users/a", False),
        ("/users/a.c", "/users/abc", False),
        ("/**", "/", True),
    ],
)
def test_what_a_fault_meets(pattern: str, path: str, meets: bool) -> None:
    assert Fault.make(f"GET {pattern}").meets("GET", path) is meets


@pytest.mark.parametrize(
    ("fault", "detail"),
    [
        ({"on": "GET /users", "delay": "61s"}, "an answer is held for 1m at most"),
        ({"on": "GET /" + "*" * 400, "status": 503}, "may have 300 characters"),
    ],
)
def test_a_fault_that_takes_too_long(
    make_server: Callable[..., tuple[Engine, App]], fault: dict[str, Any], detail: str
) -> None:
    answer = make_server()[1].test_client().put("/_mocksrv/faults", json={"faults": [fault]})
    assert (answer.status_code, detail in answer.get_json()["detail"]) == (422, True)
