"""Who may ask what (design §9, "Doors"). Pure: headers in, a verdict out.

Owns the rules for Host, Origin and forwarded requests. Whether a password is right is `login`'s
part. Against a page elsewhere in the operator's browser: a name that somebody points at us (DNS
rebinding) is no host of ours, and what a foreign page sends has its Origin.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import attrs

from recorder.status.messages import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOOPBACK_NAMES = frozenset({"localhost", "ip6-localhost", "ip6-loopback"})
_FORWARDED = frozenset({"forwarded", "via", "x-real-ip"})
_CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@attrs.frozen(kw_only=True)
class Doors:
    """Attributes:
    hosts: the hosts of the listening addresses; `0.0.0.0` and `::` stand for every address that
        is one of the machine's, which the connection's own address tells.
    names: `status.names`.
    """

    hosts: frozenset[str]
    names: frozenset[str]

    def refuse(
        self, method: str, headers: Mapping[str, str], *, local_host: str, is_tls: bool
    ) -> Answer | None:
        """Why nothing is answered; None: it may be looked at further.

        Args:
            local_host: the address of ours that the connection came to.
        """
        host = headers.get("host", "")
        if not self._is_ours(_host_of(host), local_host):
            return Answer.error(
                421,
                "This recorder is not called by that name. Use its address, or put the name into "
                "status.names of its configuration.",
            )
        origin = headers.get("origin")
        if origin is not None and not _is_same(origin, host, is_tls=is_tls):
            return Answer.error(403, "Another site's page may not use this recorder.")
        has_basic = headers.get("authorization", "").lower().startswith("basic ")
        if method in _CHANGES and origin is None and not has_basic:
            return Answer.error(403, "Without an Origin a change needs Basic authentication.")
        return None

    def _is_ours(self, host: str, local_host: str) -> bool:
        if host in _LOOPBACK_NAMES or host in self.names or host in self.hosts:
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return address.is_loopback or address == _address(local_host)


def is_loopback(peer: str, headers: Mapping[str, str]) -> bool:
    """Whether somebody at this machine asks, and no proxy for somebody else that says so."""
    if any(name in _FORWARDED or name.startswith("x-forwarded-") for name in headers):
        return False
    address = _address(peer)
    return address is not None and address.is_loopback


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return address if mapped is None else mapped


def _host_of(host: str) -> str:
    """Without the port and the brackets of IPv6; "" where it makes no sense."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_same(origin: str, host: str, *, is_tls: bool) -> bool:
    scheme, _, place = origin.partition("://")
    return scheme == ("https" if is_tls else "http") and place.lower() == host.lower()
