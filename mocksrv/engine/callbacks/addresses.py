"""Which addresses are local: where callbacks may go, and from where the control API may be called."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

LOCAL_NETWORKS = tuple(
    ip_network(text) for text in ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)


def is_local(address: str) -> bool:
    """Whether an IP address is a loopback or private one."""
    ip = ip_address(address.split("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    return any((mapped or ip) in network for network in LOCAL_NETWORKS)
