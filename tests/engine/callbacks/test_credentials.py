"""Callbacks that prove who sends them: Basic, OAuth 2, certificates."""

from __future__ import annotations

import base64
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import trustme

from mocksrv.engine.clock import HOUR, MINUTE
from tests.conftest import QuietServer, Receiver
from tests.engine.toy import ToyEngine

KNOCKS = "connect: [{status: NEW}, {after: 50m, status: KNOCKED}, {after: 50m, status: OPEN}]"


class TokenServer(Receiver):
    """A token endpoint: T1, T2 ...; ``broken``: it answers without a token."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = False
        self.given = 0

    def answer(self) -> tuple[int, bytes]:
        if self.broken:
            return 200, b"{}"
        self.given += 1
        return 200, b'{"access_token": "T%d", "expires_in": 3600}' % self.given


@pytest.fixture
def tokens() -> Iterator[TokenServer]:
    made = TokenServer()
    yield made
    made.close()


def sent(receiver: Receiver) -> list[str]:
    return [item["headers"].get("Authorization", "") for item in receiver.received]


def oauth2(toy: ToyEngine, receiver: Receiver, tokens: TokenServer) -> None:
    auth = {
        "type": "oauth2",
        "token_url": tokens.url,
        "client_id": "mx",
        "client_secret": "s3cret",
        "scope": "callbacks",
    }
    toy.endpoints([{"url": receiver.url, "auth": auth}])


def states(toy: ToyEngine) -> list[tuple[str, int]]:
    with toy.engine.look(toy.sandbox) as world:
        events = world.tx.events("default", limit=1000)
        return [(d.state, len(world.tx.attempts(d.seq))) for e in events for d in world.tx.deliveries(e.seq)]


def test_a_token_is_fetched_once_and_used_until_it_expires(
    make_toy: Callable[..., ToyEngine], receiver: Receiver, tokens: TokenServer
) -> None:
    toy = make_toy()
    oauth2(toy, receiver, tokens)
    toy.door(toy.script(KNOCKS))
    toy.advance(55 * MINUTE)
    assert sent(receiver) == ["Bearer T1", "Bearer T1"]
    toy.advance(HOUR)
    assert set(sent(receiver)[2:]) == {"Bearer T2"}
    asked = tokens.received[0]
    assert asked["headers"]["Authorization"] == "Basic " + base64.b64encode(b"mx:s3cret").decode()
    assert parse_qs(asked["raw"].decode()) == {"grant_type": ["client_credentials"], "scope": ["callbacks"]}


def test_a_refused_token_is_replaced_at_once(
    make_toy: Callable[..., ToyEngine], receiver: Receiver, tokens: TokenServer
) -> None:
    toy = make_toy()
    oauth2(toy, receiver, tokens)
    receiver.answers = [204, 401]
    toy.door(toy.script("connect: [{status: NEW}, {after: 1s, status: KNOCKED}, {after: 9d, status: OPEN}]"))
    toy.advance(2000)
    assert sent(receiver) == ["Bearer T1", "Bearer T1", "Bearer T2"]
    assert states(toy) == [("delivered", 1), ("delivered", 2)]


def test_a_receiver_that_refuses_every_token_gets_what_the_schedule_says(
    make_toy: Callable[..., ToyEngine], receiver: Receiver, tokens: TokenServer
) -> None:
    toy = make_toy()
    oauth2(toy, receiver, tokens)
    receiver.answers = [401] * 50
    toy.door(toy.script("connect: [{status: NEW}, {after: 9d, status: OPEN}]"))
    toy.advance(2 * HOUR)
    assert sent(receiver) == ["Bearer T1", "Bearer T2", "Bearer T3", "Bearer T4"]
    assert states(toy) == [("failed", 4)]


def test_without_a_token_nothing_is_sent_and_the_attempt_says_why(
    make_toy: Callable[..., ToyEngine], receiver: Receiver, tokens: TokenServer
) -> None:
    toy = make_toy()
    oauth2(toy, receiver, tokens)
    tokens.broken = True
    toy.door(toy.script("connect: [{status: NEW}, {after: 9d, status: OPEN}]"))
    assert toy.engine.dispatcher.settle(toy.sandbox, 30)
    assert receiver.received == []
    with toy.engine.look(toy.sandbox) as world:
        [delivery] = world.tx.deliveries(world.tx.events("default")[0].seq)
        assert "no access token" in world.tx.attempts(delivery.seq)[0].error or ""
    tokens.broken = False
    toy.advance(MINUTE)
    assert len(receiver.received) == 1


# certificates


class TlsReceiver:
    """An HTTPS endpoint that wants a certificate of the client."""

    def __init__(self, authority: trustme.CA) -> None:
        self.seen: list[Any] = []
        seen = self.seen

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                seen.append(self.connection.getpeercert()["subjectAltName"])  # type: ignore[attr-defined]
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = QuietServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.url = f"https://localhost:{self._server.server_address[1]}/"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[TlsReceiver]:
    made = TlsReceiver(authority)
    yield made
    made.close()


@pytest.mark.parametrize("written", ["texts", "files"])
def test_mutual_tls(
    make_toy: Callable[..., ToyEngine], secure: TlsReceiver, authority: trustme.CA, tmp_path: Path, written: str
) -> None:
    client = authority.issue_cert("mx.example")
    auth = {
        "cert": client.cert_chain_pems[0].bytes().decode(),
        "key": client.private_key_pem.bytes().decode(),
        "ca": authority.cert_pem.bytes().decode(),
    }
    if written == "files":
        for name, text in auth.items():
            (tmp_path / name).write_text(text)
        auth = {name: str(tmp_path / name) for name in auth}
    toy = make_toy()
    toy.endpoints([{"url": secure.url, "auth": {"type": "mtls", **auth}}])
    toy.door(toy.script("connect: [{status: NEW}, {after: 9d, status: OPEN}]"))
    assert toy.engine.dispatcher.settle(toy.sandbox, 30)
    assert states(toy) == [("delivered", 1)]
    assert secure.seen == [(("DNS", "mx.example"),)]


@pytest.mark.parametrize("auth", [{}, {"type": "tls"}], ids=["nobody vouches for it", "no certificate of the client"])
def test_a_receiver_that_does_not_fit_is_an_error_of_the_attempt(
    make_toy: Callable[..., ToyEngine], secure: TlsReceiver, authority: trustme.CA, auth: dict[str, str]
) -> None:
    toy = make_toy()
    more = {"ca": authority.cert_pem.bytes().decode()} if auth else {}
    toy.endpoints([{"url": secure.url, "auth": auth | more}])
    toy.door(toy.script("connect: [{status: NEW}, {after: 9d, status: OPEN}]"))
    assert toy.engine.dispatcher.settle(toy.sandbox, 30)
    assert states(toy) == [("pending", 1)]
    assert secure.seen == []
