"""Which addresses are one host's, and which count as one: who limits connections counts these.

Owns the notion that addresses within a network of one customer cost that customer nothing. It sees
texts only, and asks no network.
"""

from __future__ import annotations

import ipaddress
from typing import Final

_IPV6_NETWORK_BITS: Final = 64
"""A provider gives each customer a /64 at least: within it, addresses cost nothing."""


def canonical_address(address: str) -> str:
    """Return one text for one host: an IPv4 address seen through an IPv6 socket is IPv4.

    What is no IP address stands for itself.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(parsed)


def address_group(address: str) -> str:
    """Return the group whose members count as one address: an IPv4 host, an IPv6 /64."""
    host = canonical_address(address)
    if ":" not in host:
        return host
    try:
        plain, _, scope = host.partition("%")
        network = ipaddress.IPv6Network((plain, _IPV6_NETWORK_BITS), strict=False)
    except ValueError:
        return host
    return f"{network}%{scope}" if scope else str(network)
