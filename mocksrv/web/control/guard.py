"""Who may use the control API: clients that are near or have the token, and no page of another site.

A browser sends requests of any page to this machine, and a name of another site can be made to mean it: so `Host`,
`Origin` and `Sec-Fetch-Site` must be those of callers of one's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from hmac import compare_digest
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Request

from mocksrv.engine.callbacks.addresses import is_local
from mocksrv.engine.config import Config
from mocksrv.engine.patterns import fits
from mocksrv.providers.provider import Refusal

DOCKER = "host.docker.internal"  # how a container calls the machine that it runs on
PLAIN_NAVIGATION = ("GET", "navigate", "document")  # method, Sec-Fetch-Mode, Sec-Fetch-Dest: somebody follows a link


class Guard:
    """Refuses strangers, as a server is configured."""

    def __init__(self, config: Config) -> None:
        self._token = config.control_token
        self._reach = config.control_from
        public = urlsplit(config.public_url or "").hostname
        self._own: Sequence[str] = (*config.allow_host, *([public] if public else ()))

    @property
    def wants_token(self) -> bool:
        """Whether it admits nobody without the token."""
        return bool(self._token)

    def knows(self, token: str) -> bool:
        """Whether this is the token."""
        return bool(self._token) and compare_digest(token.encode(), (self._token or "").encode())

    def admit(self, request: Request) -> None:
        """Raises Refusal 401, 403. A valid token is enough, in a header, or in the cookie of a browser that has signed
        in at the dashboard.
        """
        if self._token:
            given = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if not (self.knows(given) or self._has_signed_in(request)):
                raise Refusal(
                    401,
                    "the control API wants the header 'Authorization: Bearer TOKEN' with the token of --control-token",
                )
            return
        if not _is_near(request.remote_addr or "", self._reach):
            raise Refusal(
                403, f"the control API answers {self._reach} clients only; --control-from or --control-token opens it"
            )
        self._check_site(request)

    def _has_signed_in(self, request: Request) -> bool:
        """Whether a browser sends the token with what one of this server's own pages asks for."""
        origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
        own = (origin is None or urlsplit(origin).netloc == request.host) and site not in ("cross-site", "same-site")
        return own and self.knows(request.cookies.get(cookie_name(request), ""))

    def _check_site(self, request: Request) -> None:
        """Raises Refusal 403 for what a page of another site asks for."""
        host = _hostname(f"//{request.headers.get('Host', 'localhost')}")
        if not self._is_own(host):
            raise Refusal(
                403, f"Host: {host!r} is not a name of this server; --allow-host {host or 'NAME'} makes it one"
            )
        origin = request.headers.get("Origin")
        if origin is not None and not self._is_own_origin(_hostname(origin), host):
            raise Refusal(403, f"Origin: pages of {origin!r} may not use the control API")
        how = (request.method, request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest"))
        if request.headers.get("Sec-Fetch-Site") == "cross-site" and how != PLAIN_NAVIGATION:
            raise Refusal(403, "Sec-Fetch-Site: pages of other sites may not use the control API")

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
        return bool(host) and any(fits(host, pattern) for pattern in self._own)


def cookie_name(request: Request) -> str:
    """Where a browser keeps the token. A name for each port, for it sends the cookies of a host to all of them."""
    return f"mocksrv-{request.environ.get('SERVER_PORT')}"


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
