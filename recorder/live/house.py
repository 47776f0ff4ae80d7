"""What every session shares: the way in, the memory of all, the disk, and the configured limits.

Owns nothing itself; the app builds one, and exchanges in it what a reload changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from recorder.live.memory import MemoryBudget
    from recorder.live.reception import Reception


@attrs.frozen(kw_only=True)
class Timeouts:
    """Seconds; the names are those of the configuration's `recording`."""

    first_media: float
    idle: float


@attrs.define(kw_only=True)
class House:
    """What every session shares. `timeouts` may be exchanged; the next read has the new ones."""

    reception: Reception
    memory: MemoryBudget
    next_hop: Callable[[], Awaitable[None]]
    """Returns when the batch on its way to the disk has landed, or was given up."""
    timeouts: Timeouts
    viewer_bytes: int
    """What may wait for one viewer."""
    random: Callable[[int], bytes]
