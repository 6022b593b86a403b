"""HTTPS, with a certificate of the user's or one that the server makes for itself."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

import mocksrv
from mocksrv.engine.config import Config
from mocksrv.server import LocalServer
from mocksrv.settings import SettingError
from mocksrv.web.hosting.hosting import StartError
from mocksrv.web.hosting.tls import context_of
from tests.conftest import MX_HEADERS

HEADERS = {**MX_HEADERS, "Authorization": "Basic YW55OmtleQ==", "Content-Type": "application/json"}


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for localhost and its key."""
    issued = trustme.CA().issue_cert("localhost", "127.0.0.1")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued.private_key_pem.write_to_path(key)
    for blob in issued.cert_chain_pems:
        blob.write_to_path(cert, append=True)
    return cert, key


def call(server: LocalServer, method: str, path: str, body: object = None) -> dict[str, object]:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection(urlsplit(server.url).netloc, timeout=30, context=context)
    connection.request(method, path, json.dumps(body) if body else None, HEADERS)
    answer = connection.getresponse()
    read = json.loads(answer.read())
    connection.close()
    assert answer.status < 400, read
    return dict(read)


def test_links_that_are_handed_out_are_https() -> None:
    with LocalServer(Config(port=0, tls="self")) as server:
        assert server.url.startswith("https://127.0.0.1:")
        user = call(server, "POST", "/users", {"user": {"id": "u"}})["user"]["guid"]  # type: ignore[index]
        asked = {"widget_url": {"widget_type": "connect_widget"}}
        widget = call(server, "POST", f"/users/{user}/widget_urls", asked)["widget_url"]["url"]  # type: ignore[index]
        assert widget.startswith(server.url)


def test_its_own_certificate_is_for_this_machine_and_the_names_it_is_called_by() -> None:
    context = context_of(Config(tls="self", public_url="https://bank.test/mock", allow_host=("phone.local",)))
    assert context is not None
    with LocalServer(Config(port=0, tls="self", allow_host=("phone.local",))) as server:
        parts = urlsplit(server.url)
        shown = ssl.get_server_certificate((str(parts.hostname), parts.port or 0))
        for name in ("localhost", "127.0.0.1", "phone.local"):
            trusting = ssl.create_default_context(cadata=shown)
            connection = http.client.HTTPSConnection("127.0.0.1", parts.port, timeout=30, context=trusting)
            sock = connection._create_connection(("127.0.0.1", parts.port), 30)  # type: ignore[attr-defined]
            with trusting.wrap_socket(sock, server_hostname=name) as secure:
                assert secure.version() in ("TLSv1.2", "TLSv1.3")


def test_a_certificate_of_the_users(files: tuple[Path, Path]) -> None:
    cert, key = files
    with LocalServer(Config(port=0, tls_cert=cert, tls_key=key)) as server:
        parts = urlsplit(server.url)
        assert ssl.get_server_certificate((str(parts.hostname), parts.port or 0)) in cert.read_text()


def test_the_client_of_a_sandbox_talks_to_a_server_with_its_own_certificate() -> None:
    with mocksrv.Server(tls="self", clock="manual") as server:
        assert server.url.startswith("https://")
        assert server.sandbox("one").clock.show()["mode"] == "manual"


def test_plain_http_is_not_answered_and_stops_nobody() -> None:
    with LocalServer(Config(port=0, tls="self")) as server:
        plain = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
        plain.request("GET", "/users")
        with pytest.raises((http.client.HTTPException, OSError)):
            plain.getresponse()
        assert call(server, "GET", "/users")["users"] == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda cert, key: key.write_text("no key"),
        lambda cert, key: cert.write_text("no certificate"),
        lambda cert, key: key.write_bytes(trustme.CA().issue_cert("localhost").private_key_pem.bytes()),
    ],
)
def test_a_certificate_that_cannot_be_used(files: tuple[Path, Path], spoil: Callable[[Path, Path], object]) -> None:
    spoil(*files)
    with pytest.raises(StartError) as refused:
        LocalServer(Config(port=0, tls_cert=files[0], tls_key=files[1]))
    assert refused.value.as_option().startswith("--tls-cert: ")
    assert str(files[0]) in str(refused.value)


def test_settings_that_do_not_go_together(files: tuple[Path, Path]) -> None:
    with pytest.raises(SettingError, match="tls_cert and tls_key belong together"):
        mocksrv.Server(tls_cert=files[0])
    with pytest.raises(SettingError, match="give one of them"):
        mocksrv.Server(tls="self", tls_cert=files[0], tls_key=files[1])
    with pytest.raises(SettingError, match="is not a file"):
        mocksrv.Server(tls_cert="no.pem", tls_key="no.pem")
