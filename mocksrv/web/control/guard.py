"""Who may use the control API: clients that are near or have the token, and no page of another site.

A browser sends requests of any page to this machine, and a name of another site can be made to mean it: so `Host`,
`Origin` and `Sec-Fetch-Site` must be those of callers of one's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from hmac import compare_digest
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Request

from mocksrv.engine.callbacks.addresses import is_local
from mocksrv.engine.config import Config
from mocksrv.web.problems import Problem

DOCKER = "host.docker.internal"  # how a container calls the machine that it runs on
PLAIN_NAVIGATION = ("GET", "navigate", "document")  # method, Sec-Fetch-Mode, Sec-Fetch-Dest: somebody follows a link


class Guard:
    """Refuses strangers, as a server is configured."""

    def __init__(self, config: Config) -> None:
        self._token = config.control_token
        self._reach = config.control_from
        public = urlsplit(config.public_url or "").hostname
        self._own: Sequence[str] = (*config.allow_host, *([public] if public else ()))

    def admit(self, request: Request) -> None:
        """Raises Problem 401, 403. A valid token is enough."""
        if self._token:
            given = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if not compare_digest(given.encode(), self._token.encode()):
                raise Problem(
                    401,
                    "the control API wants the header 'Authorization: Bearer TOKEN' with the token of --control-token",
                )
            return
        if not _is_near(request.remote_addr or "", self._reach):
            raise Problem(
                403, f"the control API answers {self._reach} clients only; --control-from or --control-token opens it"
            )
        self._check_site(request)

    def _check_site(self, request: Request) -> None:
        """Raises Problem 403 for what a page of another site asks for."""
        host = _hostname(f"//{request.headers.get('Host', 'localhost')}")
        if not self._is_own(host):
            raise Problem(
                403, f"Host: {host!r} is not a name of this server; --allow-host {host or 'NAME'} makes it one"
            )
        origin = request.headers.get("Origin")
        if origin is not None and not self._is_own_origin(_hostname(origin), host):
            raise Problem(403, f"Origin: pages of {origin!r} may not use the control API")
        how = (request.method, request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest"))
        if request.headers.get("Sec-Fetch-Site") == "cross-site" and how != PLAIN_NAVIGATION:
            raise Problem(403, "Sec-Fetch-Site: pages of other sites may not use the control API")

    def _is_own(self, host: str) -> bool:
        """Whether a name cannot be another site's: addresses, names without a dot, those that were said to be own."""
        return bool(host) and ("." not in host or host == DOCKER or _is_address(host) or self._is_said(host))

    def _is_own_origin(self, name: str, host: str) -> bool:
        """Whether the page is of this server or this machine; an address or a short name alone says nothing of a
        page.
        """
        near = name in (host, "localhost") or (_is_address(name) and ip_address(name).is_loopback)
        return bool(name) and (near or self._is_said(name))

    def _is_said(self, host: str) -> bool:
        return bool(host) and any(fnmatchcase(host, pattern) for pattern in self._own)


def _hostname(url: str) -> str:
    """The host of a URL in small letters; empty where there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_near(address: str, reach: str) -> bool:
    """Whether a client may use the control API without a token; one without an address came by a local socket."""
    if not address:
        return True
    ip = ip_address(address)
    return is_local(address) if reach == "private" else (getattr(ip, "ipv4_mapped", None) or ip).is_loopback
