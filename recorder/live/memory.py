"""The bound on all media in memory: who may read on when it is reached (promise 8).

Pure arithmetic over what each publisher holds; counts bytes, never messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable


class Holder(Protocol):
    """A connection that publishes."""

    def held_bytes(self) -> int:
        """What it holds that is not on its way to the disk: half messages, media without a file."""

    def pending_bytes(self) -> int:
        """What its rooms have on the way to the disk."""


@attrs.define
class MemoryBudget:
    """One total for every publisher's parser and media buffers.

    Args:
        limit_bytes: `limits.memory`.
        on_its_way: the bytes on their way to the disk, those of publishers that have left too.
    """

    limit_bytes: int
    on_its_way: Callable[[], int]
    _holders: set[Holder] = attrs.field(factory=set, init=False)

    def enter(self, holder: Holder) -> None:
        """Count a publisher in."""
        self._holders.add(holder)

    def leave(self, holder: Holder) -> None:
        self._holders.discard(holder)

    @property
    def exhausted(self) -> bool:
        """True when a new publish must be refused."""
        held = sum(holder.held_bytes() for holder in self._holders)
        return held + self.on_its_way() >= self.limit_bytes

    @property
    def share_bytes(self) -> int:
        """What each publisher may hold whatever the others do."""
        return self.limit_bytes // max(1, len(self._holders))

    def may_read(self, holder: Holder) -> bool:
        """False for a publisher above its equal share while the total is reached.

        The sum is taken only for those above their share: in ordinary operation nobody is.
        """
        own = holder.held_bytes() + holder.pending_bytes()
        return own <= self.share_bytes or not self.exhausted
