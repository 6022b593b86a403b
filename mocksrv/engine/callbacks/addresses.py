"""What a URL and a header can be, and which addresses are local: where callbacks may go, and from where the control API
may be called.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Collection, Sequence
from ipaddress import ip_address, ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

from mocksrv.engine.patterns import fits

LOCAL_NETWORKS = tuple(
    ip_network(text) for text in ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)
METADATA = tuple(  # of clouds, among the private ones: AWS, Google, Oracle, Scaleway
    ip_network(text) for text in ("fd00:ec2::/32", "fd20:ce::/64", "fd00:c1::/32", "fd00:42::/32")
)
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
RESOLVE_TIME = 2.0  # real seconds that the names of new endpoints may take


def is_http_url(text: str) -> bool:
    """Whether a text is a whole HTTP URL, with a host and a port that can be."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return usable and not re.search(r"[\s\x00-\x1f\x7f]", text)


def is_header(name: str, value: str) -> bool:
    """Whether a callback can be sent with such a header."""
    return bool(HEADER_NAME.fullmatch(name) and HEADER_VALUE.fullmatch(value))


class ForbiddenHost(Exception):
    """Callbacks do not go to the host of ``url``."""

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        super().__init__(reason)


class Itself(NamedTuple):
    """Where this server is: no callback goes there, whatever the name. ``port``: it listens on it; ``public_url``: how
    it is called from elsewhere.
    """

    port: int
    public_url: str | None = None

    def is_at(self, host: str, address: str, port: int) -> bool:
        """Whether a host, which has this address, and a port mean this server."""
        public = urlsplit(self.public_url or "")
        usual = 443 if public.scheme == "https" else 80
        if public.hostname == host.lower().rstrip(".") and port in (public.port or usual, self.port):
            return True
        return port == self.port and _is_of_this_machine(address)


def _is_of_this_machine(address: str) -> bool:
    """Whether an IP address is one of this machine's: a socket can be bound to it."""
    ip = ip_address(address.split("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if ip.is_loopback or ip.is_unspecified:
        return True
    try:
        with socket.socket(socket.AF_INET if ip.version == 4 else socket.AF_INET6, socket.SOCK_DGRAM) as trial:
            trial.bind((str(ip), 0))
    except OSError:
        return False
    return True


def is_local(address: str) -> bool:
    """Whether an IP address is a loopback or private one, where no cloud has its metadata."""
    ip = ip_address(address.split("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return any(ip in network for network in LOCAL_NETWORKS) and not any(ip in network for network in METADATA)


def is_allowed(host: str, allowed: Sequence[str]) -> bool:
    """Whether callbacks may go to a host wherever it is: one of these patterns fits it."""
    return any(fits(host, pattern) for pattern in allowed)


def forbidden(host: str, address: str) -> str:
    """Why nothing is sent to an address."""
    return f"callbacks do not go to {address} ({host}); --allow-callbacks {host} allows it"


def to_itself(host: str, port: int) -> str:
    """Why nothing is sent to this server."""
    return f"callbacks do not go to mocksrv itself ({host}:{port})"


def check_hosts(urls: Sequence[str], allowed: Sequence[str], itself: Itself) -> dict[str, str]:
    """Checks where callbacks would go: the URLs whose host does not resolve, with a warning each.

    Raises ForbiddenHost for one that resolves to an address that callbacks do not go to. They are checked again at
    every attempt.
    """
    hosts = {url: urlsplit(url).hostname or "" for url in urls}
    addresses = _resolved(set(hosts.values()))
    warnings = {}
    for url, host in hosts.items():
        found = addresses.get(host, ())
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if any(itself.is_at(host, address, port) for address in found):
            raise ForbiddenHost(url, to_itself(host, port))
        refused = [] if is_allowed(host, allowed) else [address for address in found if not is_local(address)]
        if refused and len(refused) == len(found):
            raise ForbiddenHost(url, forbidden(host, refused[0]))
        if not found:
            warnings[url] = f"{host} does not resolve; it is looked up again at every attempt"
    return warnings


def _resolved(hosts: Collection[str]) -> dict[str, list[str]]:
    """The addresses of the hosts that are known within the time that there is."""
    found: dict[str, list[str]] = {}

    def resolve() -> None:
        for host in hosts:
            try:
                found[host] = [str(entry[4][0]) for entry in socket.getaddrinfo(host, None, 0, socket.SOCK_STREAM)]
            except (OSError, UnicodeError):
                continue

    looking = threading.Thread(target=resolve, name="resolve", daemon=True)
    looking.start()
    looking.join(RESOLVE_TIME)
    return dict(found)
