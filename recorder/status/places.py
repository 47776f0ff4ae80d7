"""Who has a place at the page, and who gives it up when there is none left.

Pure bookkeeping: it holds members of any kind and closes nothing. Who comes is let in at the cost
of the oldest stranger: somebody who knows the password is known within a moment, and strangers who
hold on crowd out each other. Who is known stays. One address can crowd out only its own once it has
its share, and behind a proxy everybody has the same one, so a share is large.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from recorder.neighbours import address_group

SPARE: Final = 32
"""Beside one place for each that may watch: a browser opens six, and one for the WebSocket."""

Member = TypeVar("Member")


class NoPlaceError(Exception):
    """Everybody who is here is known."""


class Places(Generic[Member]):
    """Members in the order of their arrival. A member is hashable and is in once.

    Attributes:
        clients: `limits.clients`. It may be exchanged, and is followed as members come and go.
    """

    def __init__(self, clients: int) -> None:
        self.clients = clients
        self._groups: dict[Member, str] = {}
        self._known: set[Member] = set()

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
        neighbours = [other for other, others in self._groups.items() if others == group]
        leaving = None
        if len(neighbours) >= self.most_from_one:
            leaving = self._oldest_stranger(neighbours)
        elif len(self) >= self.most:
            leaving = self._oldest_stranger(list(self._groups))
        self._groups[member] = group
        return leaving

    def meet(self, member: Member, *, is_known: bool) -> None:
        """Somebody has said who he is, or that he is nobody."""
        if is_known and member in self._groups:
            self._known.add(member)
        else:
            self._known.discard(member)

    def leave(self, member: Member) -> None:
        """Let a member out, who may have left already."""
        self._groups.pop(member, None)
        self._known.discard(member)

    def _oldest_stranger(self, members: list[Member]) -> Member:
        for each in members:
            if each not in self._known:
                self.leave(each)
                return each
        raise NoPlaceError
