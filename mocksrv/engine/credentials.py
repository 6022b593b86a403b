"""What convinces a receiver that a callback is the provider's: Basic, OAuth 2 client credentials, certificates, and what wings bring.

An endpoint's ``auth`` is one of the `KINDS`: its ``type`` and the members listed here.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from mocksrv.engine.clock import SECOND
from mocksrv.engine.sandbox import Endpoint, Sandbox

if TYPE_CHECKING:
    from mocksrv.engine.transport import Answer

# type -> the members that must be there, those that may
KINDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "basic": (("username", "password"), ()),
    "oauth2": (("token_url", "client_id", "client_secret"), ("scope",)),
    "mtls": (("cert", "key"), ("ca",)),
    "tls": (("ca",), ()),
}
SHORTEST_LIFE = 30 * SECOND  # of a token whose answer does not say how long it lives
Post = Callable[[str, bytes, Mapping[str, str]], "Answer"]
Signer = Callable[[Mapping[str, Any], bytes], Mapping[str, str]]


class NoToken(Exception):
    """The token endpoint gave none; the message says why."""


@dataclass(frozen=True, slots=True)
class Tls:
    """Files, or PEM texts: who the sender is, and by whom the receiver's certificate must be signed."""

    cert: str | None = None
    key: str | None = None
    ca: str | None = None


@dataclass(slots=True)
class _Token:
    text: str
    expires_at: int  # sandbox time, ms
    uses: int = 0


class Credentials:
    """Makes the headers that prove who sends. ``signers``: the wings' own kinds -> ``signer(auth, body) -> headers``."""

    def __init__(self, post: Post, signers: Mapping[str, Signer]) -> None:
        self._post = post
        self._signers = signers
        self._tokens: dict[tuple[str, str, str], _Token] = {}
        self._lock = threading.Lock()

    def headers(self, sandbox: Sandbox, endpoint: Endpoint, body: bytes) -> Mapping[str, str]:
        """The headers of one callback. Fetches an access token where one is needed. Raises NoToken."""
        auth = endpoint.auth
        kind = auth.get("type")
        if kind == "basic":
            return {"Authorization": basic(auth["username"], auth["password"])}
        if kind == "oauth2":
            return {"Authorization": f"Bearer {self._token(sandbox, auth)}"}
        signer = self._signers.get(kind or "")
        return signer(auth, body) if signer else {}

    def forget(self, sandbox: Sandbox, endpoint: Endpoint) -> bool:
        """The receiver refused the access token, so the next callback fetches another. Whether that is worth trying at once."""
        with self._lock:
            token = self._tokens.pop(self._key(sandbox, endpoint.auth), None)
            return token is not None and token.uses > 1

    @staticmethod
    def _key(sandbox: Sandbox, auth: Mapping[str, Any]) -> tuple[str, str, str]:
        return sandbox.name, auth.get("token_url", ""), auth.get("client_id", "")

    def _token(self, sandbox: Sandbox, auth: Mapping[str, Any]) -> str:
        key = self._key(sandbox, auth)
        with self._lock:
            token = self._tokens.get(key)
        if token is None or sandbox.now() >= token.expires_at:
            token = self._fetch(sandbox, auth)
        with self._lock:
            token.uses += 1
            self._tokens[key] = token
        return token.text

    def _fetch(self, sandbox: Sandbox, auth: Mapping[str, Any]) -> _Token:
        """RFC 6749, 4.4: the client's credentials as Basic, the grant as a form."""
        asked_at = sandbox.now()
        form = {"grant_type": "client_credentials", **({"scope": auth["scope"]} if auth.get("scope") else {})}
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json",
                   "Authorization": basic(auth["client_id"], auth["client_secret"])}  # fmt: skip
        answer = self._post(auth["token_url"], urlencode(form).encode(), headers)
        if answer.error or answer.status != 200:
            raise NoToken(f"no access token from {auth['token_url']}: {answer.error or answer.status}")
        try:
            given = json.loads(answer.body)
            text, life = given["access_token"], given.get("expires_in")
            lifetime = SHORTEST_LIFE if life is None else int(float(life) * SECOND)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            raise NoToken(f"no access token from {auth['token_url']}: its answer has none") from None
        return _Token(str(text), asked_at + lifetime)


def tls_of(endpoint: Endpoint, *, anonymous: bool = False) -> Tls | None:
    """The certificates of an endpoint, without the sender's own if it is to be ``anonymous``; None when it has none of its own."""
    auth = endpoint.auth
    if auth.get("type") not in ("mtls", "tls"):
        return None
    return Tls(ca=auth.get("ca")) if anonymous else Tls(auth.get("cert"), auth.get("key"), auth.get("ca"))


def basic(username: str, password: str) -> str:
    """The value of an Authorization header."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
