"""The bound on all media in memory: who may read on when it is reached (promise 8).

Pure arithmetic over what each publisher holds; counts bytes, never messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable


@attrs.define
class MemoryBudget:
    """One total for every publisher's parser and media buffers.

    Args:
        limit_bytes: `limits.memory`.
    """

    limit_bytes: int
    _usages: dict[object, Callable[[], int]] = attrs.field(factory=dict, init=False)

    def enter(self, member: object, usage: Callable[[], int]) -> None:
        """Count a publisher in; `usage` tells its bytes at any moment."""
        self._usages[member] = usage

    def leave(self, member: object) -> None:
        self._usages.pop(member, None)

    @property
    def exhausted(self) -> bool:
        """True when a new publish must be refused."""
        return self._used() >= self.limit_bytes

    def may_read(self, member: object) -> bool:
        """False for a member above its equal share while the total is reached.

        The sum is taken only for those above their share: in ordinary operation nobody is.
        """
        share = self.limit_bytes // len(self._usages)
        return self._usages[member]() <= share or not self.exhausted

    def _used(self) -> int:
        return sum(usage() for usage in self._usages.values())
