"""The pool of connections that do not publish yet: who must go when one too many comes.

Pure bookkeeping: it holds members of any kind and closes nothing. The newest comer always gets its
place, because an encoder that really wants to publish leaves the pool within a second: what stays
and fills it is a scanner or a client that says nothing. Who has had its turn (was refused, or has
ended its publish) goes first, so that a crowd which guesses keys crowds out itself, and an encoder
behind the same address has its turn. One address can crowd out only itself.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from typing import Final, Generic, TypeVar

MEMBERS: Final = 64
MEMBERS_PER_ADDRESS: Final = 8

_IPV6_NETWORK_BITS: Final = 64
"""A provider gives each customer a /64 at least: within it, addresses cost nothing."""

Member = TypeVar("Member")


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


class PendingPool(Generic[Member]):
    """Members in the order of their arrival. A member is hashable and is in the pool once."""

    def __init__(
        self, *, members: int = MEMBERS, members_per_address: int = MEMBERS_PER_ADDRESS
    ) -> None:
        self._limit = members
        self._limit_per_address = members_per_address
        self._groups: OrderedDict[Member, str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._groups)

    def enter(self, member: Member, address: str, *, as_oldest: bool = False) -> list[Member]:
        """Take a member in; a member that is in keeps its place, unless it is `as_oldest`.

        Args:
            as_oldest: it has had its turn, and is the first to go when others come.

        Returns:
            The members that must go for it. They have left the pool already.
        """
        if member in self._groups:
            if as_oldest:
                self._groups.move_to_end(member, last=False)
            return []
        group = address_group(address)
        self._groups[member] = group
        if as_oldest:
            self._groups.move_to_end(member, last=False)
        neighbours = [other for other, others in self._groups.items() if others == group]
        leaving: list[Member] = []
        if len(neighbours) > self._limit_per_address:
            leaving.append(neighbours[0])
        elif len(self._groups) > self._limit:
            leaving.append(next(iter(self._groups)))
        for other in leaving:
            del self._groups[other]
        return leaving

    def pop_oldest(self) -> Member | None:
        """Take out the member that must go first; None from an empty pool."""
        return self._groups.popitem(last=False)[0] if self._groups else None

    def leave(self, member: Member) -> None:
        """Let a member out: it publishes now, or it is gone. Whoever is out stays out."""
        self._groups.pop(member, None)
