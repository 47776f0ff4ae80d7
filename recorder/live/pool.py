"""The pool of connections that do not publish yet: who must go when one too many comes.

Pure bookkeeping: it holds members of any kind and closes nothing. The newest comer always gets its
place, because an encoder that really wants to publish leaves the pool within a second: what stays
and fills it is a scanner or a client that says nothing. Who has had its turn (was refused, or has
ended its publish) goes first, then who has said nothing yet: so a crowd that guesses keys crowds
out itself, and an encoder behind the same address has its turn. One address can crowd out only
itself.
"""

from __future__ import annotations

import enum
from collections import OrderedDict
from typing import Final, Generic, TypeVar

from recorder.neighbours import address_group

MEMBERS: Final = 64
MEMBERS_PER_ADDRESS: Final = 8

Member = TypeVar("Member")


class _Turn(enum.IntEnum):
    """Who goes first; among equals the oldest."""

    HAD = 0
    SILENT = 1
    SPEAKS = 2


class PendingPool(Generic[Member]):
    """Members in the order of their arrival. A member is hashable and is in the pool once."""

    def __init__(
        self, *, members: int = MEMBERS, members_per_address: int = MEMBERS_PER_ADDRESS
    ) -> None:
        self._limit = members
        self._limit_per_address = members_per_address
        self._groups: OrderedDict[Member, str] = OrderedDict()
        self._turns: dict[Member, _Turn] = {}

    def __len__(self) -> int:
        return len(self._groups)

    def enter(self, member: Member, address: str, *, as_oldest: bool = False) -> list[Member]:
        """Take a member in; a member that is in keeps its place, unless it is `as_oldest`.

        Args:
            as_oldest: it has had its turn, and is the first to go when others come.

        Returns:
            The members that must go for it. They have left the pool already.
        """
        is_new = member not in self._groups
        if as_oldest:
            self._turns[member] = _Turn.HAD
        elif is_new:
            self._turns[member] = _Turn.SILENT
        if not is_new:
            return []
        group = self._groups[member] = address_group(address)
        neighbours = [other for other, others in self._groups.items() if others == group]
        if len(neighbours) > self._limit_per_address:
            leaving = self._first_to_go(neighbours, member, as_oldest=as_oldest)
        elif len(self._groups) > self._limit:
            leaving = self._first_to_go(list(self._groups), member, as_oldest=as_oldest)
        else:
            return []
        self.leave(leaving)
        return [leaving]

    def hear(self, member: Member) -> None:
        """A member has said something: it goes after those that say nothing."""
        if self._turns.get(member) is _Turn.SILENT:
            self._turns[member] = _Turn.SPEAKS

    def pop_oldest(self) -> Member | None:
        """Take out the member that must go first; None from an empty pool."""
        if not self._groups:
            return None
        leaving = min(self._groups, key=self._turns.__getitem__)
        self.leave(leaving)
        return leaving

    def leave(self, member: Member) -> None:
        """Let a member out: it publishes now, or it is gone. Whoever is out stays out."""
        self._groups.pop(member, None)
        self._turns.pop(member, None)

    def _first_to_go(self, members: list[Member], comer: Member, *, as_oldest: bool) -> Member:
        # The first of equals, which is the oldest.
        candidates = [each for each in members if as_oldest or each is not comer]
        return min(candidates, key=self._turns.__getitem__)
