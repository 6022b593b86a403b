"""What an exported state leaves out: the secrets of endpoints, and those that providers keep in their records.

An endpoint that has lost a secret is paused. A secret in a URL is replaced, by what is the same for the same secret:
the URL is what the endpoint is known by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from hashlib import blake2b
from typing import Any

from mocksrv.engine.callbacks.outbox import PRIVATE
from mocksrv.engine.sandbox import Endpoint
from mocksrv.engine.secrets import is_auth_secret, is_secret_header, masked_urls


def bare_url(url: str) -> str:
    """A URL without its secrets."""
    return masked_urls(url, lambda secret: f"left-out-{blake2b(secret.encode(), digest_size=4).hexdigest()}")


def bare_endpoint(endpoint: Endpoint) -> Endpoint:
    """An endpoint without its secrets; it is paused where it had any."""
    auth = {name: value for name, value in endpoint.auth.items() if not is_auth_secret(name, str(value))}
    lost = [f"auth.{name}" for name in endpoint.auth if name not in auth]
    lost += [f"headers.{name}" for name in endpoint.headers]
    for name in ("url",) if bare_url(endpoint.url) != endpoint.url else ():
        lost.append(name)
    if bare_url(auth.get("token_url", "")) != auth.get("token_url", ""):
        lost.append("auth.token_url")
        del auth["token_url"]
    return replace(
        endpoint,
        id=bare_url(endpoint.id),
        url=bare_url(endpoint.url),
        auth=auth,
        headers={},
        paused=(*endpoint.paused, *lost),
    )


def bare_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers without those that are secrets."""
    return {name: value for name, value in headers.items() if not is_secret_header(name)}


def bare_options(options: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """The options of a delivery without secrets, and whether its endpoint is one of its own that is paused."""
    if PRIVATE not in options:
        return dict(options), False
    endpoint = bare_endpoint(Endpoint.load(options[PRIVATE]))
    return {**options, PRIVATE: asdict(endpoint)}, bool(endpoint.paused)
