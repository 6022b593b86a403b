"""What convinces a receiver that a callback is the provider's: Basic, OAuth 2 client credentials, certificates, and
what providers bring.

An endpoint's ``auth`` is one of the `KINDS`, or of the providers' own: its ``type`` and the members listed here.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode
from weakref import WeakKeyDictionary

from mocksrv.engine.clock import SECOND
from mocksrv.engine.sandbox import Endpoint, Sandbox
from mocksrv.engine.secrets import masked_urls

if TYPE_CHECKING:
    from mocksrv.engine.callbacks.transport import Answer

# type -> the members that must be there, those that may
Kinds = Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
KINDS: Kinds = {
    "basic": (("username", "password"), ()),
    "oauth2": (("token_url", "client_id", "client_secret"), ("scope",)),
    "mtls": (("cert", "key"), ("ca",)),
    "tls": (("ca",), ()),
}
SECRET = (("secret",), ())  # the members of the kinds that providers bring
TOKEN = re.compile(r"[!-~]+")  # what fits into a header
SHORTEST_LIFE = 30 * SECOND  # of a token whose answer does not say how long it lives
LONGEST_ANSWER = 64 * 1024  # bytes of a token endpoint
Post = Callable[..., "Answer"]  # (url, body, headers, most=bytes of the answer that are read)
Signer = Callable[[Mapping[str, Any], bytes], Mapping[str, str]]


class NoToken(Exception):
    """The token endpoint gave none; the message says why."""


class Tls(NamedTuple):
    """Files, or PEM texts: who the sender is, and by whom the receiver's certificate must be signed."""

    cert: str | None = None
    key: str | None = None
    ca: str | None = None


@dataclass(slots=True)
class _Token:
    """An access token of one endpoint, as long as its ``auth`` is what it was fetched with."""

    text: str
    auth: Mapping[str, Any]
    fetched_at: int  # sandbox time, ms
    expires_at: int
    uses: int = 0

    def holds(self, auth: Mapping[str, Any], now: int) -> bool:
        return self.auth == auth and self.fetched_at <= now < self.expires_at  # a clock can be set back


class EndpointCredentials:
    """Makes the headers that prove who sends. ``signers``: the providers' own kinds -> ``signer(auth, body) ->
    headers``.
    """

    def __init__(self, post: Post, signers: Mapping[str, Signer]) -> None:
        self._post = post
        self._signers = signers
        self._tokens: WeakKeyDictionary[Sandbox, dict[str, _Token]] = WeakKeyDictionary()  # by the endpoint's id
        self._lock = threading.Lock()

    def headers(self, sandbox: Sandbox, endpoint: Endpoint, body: bytes) -> Mapping[str, str]:
        """The headers of one callback. Fetches an access token where one is needed. Raises NoToken."""
        auth = endpoint.auth
        kind = auth.get("type")
        if kind == "basic":
            return {"Authorization": basic(auth["username"], auth["password"])}
        if kind == "oauth2":
            return {"Authorization": f"Bearer {self._token(sandbox, endpoint)}"}
        signer = self._signers.get(kind or "")
        return signer(auth, body) if signer else {}

    def forget(self, sandbox: Sandbox, endpoint: Endpoint) -> bool:
        """The receiver refused the access token, so the next callback fetches another. Whether that is worth trying at
        once.
        """
        with self._lock:
            token = self._tokens.get(sandbox, {}).pop(endpoint.id, None)
            return token is not None and token.uses > 1

    def forget_all(self, sandbox: Sandbox) -> None:
        """The sandbox begins anew."""
        with self._lock:
            self._tokens.pop(sandbox, None)

    def _token(self, sandbox: Sandbox, endpoint: Endpoint) -> str:
        with self._lock:
            token = self._tokens.get(sandbox, {}).get(endpoint.id)
        if token is None or not token.holds(endpoint.auth, sandbox.now()):
            token = self._fetch(sandbox, endpoint.auth)
        with self._lock:
            token.uses += 1
            self._tokens.setdefault(sandbox, {})[endpoint.id] = token
        return token.text

    def _fetch(self, sandbox: Sandbox, auth: Mapping[str, Any]) -> _Token:
        """RFC 6749, 4.4: the client's credentials as Basic, the grant as a form."""
        asked_at = sandbox.now()
        form = {"grant_type": "client_credentials", **({"scope": auth["scope"]} if auth.get("scope") else {})}
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
            "Authorization": basic(auth["client_id"], auth["client_secret"]),
        }
        place = masked_urls(auth["token_url"])
        answer = self._post(auth["token_url"], urlencode(form).encode(), headers, most=LONGEST_ANSWER)
        if answer.error or answer.status != 200:
            raise NoToken(f"no access token from {place}: {answer.error or answer.status}")
        try:
            given = json.loads(answer.body)
            text, life = given["access_token"], given.get("expires_in")
            lifetime = SHORTEST_LIFE if life is None else int(float(life) * SECOND)
            if not TOKEN.fullmatch(text):
                raise ValueError(text)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            raise NoToken(f"no access token from {place}: its answer has none that can be used") from None
        return _Token(text, auth, asked_at, asked_at + lifetime)


def tls_of(endpoint: Endpoint, *, anonymous: bool = False) -> Tls | None:
    """The certificates of an endpoint, without the sender's own if it is to be ``anonymous``; None when it has none of
    its own.
    """
    auth = endpoint.auth
    if auth.get("type") not in ("mtls", "tls"):
        return None
    return Tls(ca=auth.get("ca")) if anonymous else Tls(auth.get("cert"), auth.get("key"), auth.get("ca"))


def basic(username: str, password: str) -> str:
    """The value of an Authorization header."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
