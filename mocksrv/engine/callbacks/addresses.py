"""Which addresses are local: where callbacks may go, and from where the control API may be called."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

LOCAL_NETWORKS = tuple(
    ip_network(text) for text in ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)
RESOLVE_TIME = 2.0  # real seconds that the names of new endpoints may take


def is_http_url(text: str) -> bool:
    """Whether a text is a whole HTTP URL, with a host and a port that can be."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return usable and not re.search(r"[\s\x00-\x1f\x7f]", text)


class ForbiddenHost(Exception):
    """Callbacks do not go to the host of ``url``."""

    def __init__(self, url: str, host: str, address: str) -> None:
        self.url = url
        super().__init__(forbidden(host, address))


def is_local(address: str) -> bool:
    """Whether an IP address is a loopback or private one."""
    ip = ip_address(address.split("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    return any((mapped or ip) in network for network in LOCAL_NETWORKS)


def is_allowed(host: str, allowed: Sequence[str]) -> bool:
    """Whether callbacks may go to a host wherever it is: one of these patterns fits it."""
    return any(fnmatchcase(host, pattern) for pattern in allowed)


def forbidden(host: str, address: str) -> str:
    """Why nothing is sent to an address."""
    return f"callbacks do not go to {address} ({host}); --allow-callbacks {host} allows it"


def check_hosts(urls: Sequence[str], allowed: Sequence[str]) -> dict[str, str]:
    """Checks where callbacks would go: the URLs whose host does not resolve, with a warning each.

    Raises ForbiddenHost for one that resolves to an address that callbacks do not go to. They are checked again at
    every attempt.
    """
    hosts = {url: urlsplit(url).hostname or "" for url in urls}
    asked = {host for host in hosts.values() if not is_allowed(host, allowed)}
    addresses = _resolved(asked)
    warnings = {}
    for url, host in hosts.items():
        found = addresses.get(host, ())
        refused = [address for address in found if not is_local(address)]
        if found and len(refused) == len(found):
            raise ForbiddenHost(url, host, refused[0])
        if host in asked and not found:
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
