"""Backpressure: a publisher is not read while there is no place for what it sends.

Owns the wait for the disk, the only thing that the reading waits for besides its peer; TCP holds
the encoder back meanwhile (design §4). Whether there is a place, rooms and memory budget say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs
import trio

from recorder.live.ending import ConnectionOver

if TYPE_CHECKING:
    from recorder.live.house import House
    from recorder.live.publishing import Publishing
    from recorder.live.pulse import Pulse
    from recorder.live.reading import Reading

MEMORY_PATIENCE_S: Final = 10.0
"""How long a publisher above its share of a full memory may wait for relief that only its own
half-received messages could give."""


@attrs.frozen
class Backpressure:
    """On one connection."""

    house: House
    publishing: Publishing
    reading: Reading
    pulse: Pulse

    async def wait(self) -> None:
        """Hold the encoder back while its room's buffer, or the memory of all, is full.

        Raises:
            ConnectionOver: the memory stays full of what this peer has not finished sending.
        """
        if not self._must_wait():
            return
        began_s = trio.current_time()
        self.publishing.held_back()
        while self.publishing and self._must_wait():
            with trio.move_on_after(MEMORY_PATIENCE_S) as patience:
                # Also on a disk that stalls for an hour it has its turn so often.
                self.pulse.waits_until(patience.deadline)
                await self.house.next_hop()
            if patience.cancelled_caught and self._keeps_memory_full():
                raise ConnectionOver("limits.memory is reached and this publisher holds the most")
        self.pulse.works(trio.current_time())
        self.reading.measure_anew()
        self.publishing.excuse(trio.current_time() - began_s)

    def _must_wait(self) -> bool:
        return self.publishing.is_held_back or not self.house.memory.may_read(self.publishing)

    def _keeps_memory_full(self) -> bool:
        """Whether no disk can help: what fills the memory are this peer's unfinished messages."""
        memory = self.house.memory
        return memory.exhausted and self.publishing.held_bytes() > memory.share_bytes
