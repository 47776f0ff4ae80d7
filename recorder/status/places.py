"""Who has a place at the page, and who gives it up when there is none left.

Pure bookkeeping: it holds members of any kind and closes nothing. Who comes is let in at the cost
of the oldest stranger: somebody who knows the password is known within a moment, and strangers who
hold on crowd out each other. Who is known stays. Where everybody may look everybody is known, so
readers get only a part of the places for good, and the rest of them count as strangers: an operator
comes in, however many look. One address can crowd out only its own once it has its share, and
behind a proxy everybody has the same one, so a share is large.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

from recorder.neighbours import address_group
from recorder.status.messages import Level

if TYPE_CHECKING:
    from collections.abc import Collection

SPARE: Final = 32
"""Beside one place for each that may watch: a browser opens six, and one for the WebSocket."""

Member = TypeVar("Member")


class NoPlaceError(Exception):
    """Everybody who is here is an operator."""


class Places(Generic[Member]):
    """Members in the order of their arrival. A member is hashable and is in once.

    Attributes:
        clients: `limits.clients`. It may be exchanged, and is followed as members come and go.
    """

    def __init__(self, clients: int) -> None:
        self.clients = clients
        self._groups: dict[Member, str] = {}
        self._known: dict[Member, Level] = {}

    def __len__(self) -> int:
        return len(self._groups)

    @property
    def most(self) -> int:
        """Two addresses can have their share."""
        return 2 * self.most_from_one

    @property
    def most_from_one(self) -> int:
        """From one host, or from one network of a customer."""
        return self.clients + SPARE

    def enter(self, member: Member, address: str) -> Member | None:
        """Take a member in.

        Returns:
            The member that must go for it, and has left already.

        Raises:
            NoPlaceError: it is not taken in.
        """
        group = address_group(address)
        neighbours = self._neighbours(group)
        leaving = None
        if len(neighbours) >= self.most_from_one:
            leaving = self._let_out(neighbours)
        elif len(self) >= self.most:
            leaving = self._let_out(list(self._groups))
        self._groups[member] = group
        return leaving

    def meet(self, member: Member, level: Level) -> None:
        """Somebody has said who he is, or that he is nobody."""
        self._known.pop(member, None)
        if member not in self._groups or level is Level.NOBODY:
            return
        if level is Level.OPERATOR or self._has_room_for_a_reader(self._groups[member]):
            self._known[member] = level

    def leave(self, member: Member) -> None:
        """Let a member out, who may have left already."""
        self._groups.pop(member, None)
        self._known.pop(member, None)

    def _neighbours(self, group: str) -> list[Member]:
        return [other for other, others in self._groups.items() if others == group]

    def _has_room_for_a_reader(self, group: str) -> bool:
        return (
            self._readers(self._neighbours(group)) < self.most_from_one - SPARE
            and self._readers(self._known) < self.most - SPARE
        )

    def _readers(self, members: Collection[Member]) -> int:
        return sum(self._known.get(each) is Level.READER for each in members)

    def _let_out(self, members: list[Member]) -> Member:
        """The oldest of those who count least."""
        for level in (Level.NOBODY, Level.READER):
            for each in members:
                if self._known.get(each, Level.NOBODY) is level:
                    self.leave(each)
                    return each
        raise NoPlaceError
