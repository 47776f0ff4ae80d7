"""Turns at the page's door: one knocks at a time, and between two every encoder is heard.

A request is some milliseconds of work in one go, and so is a kilobyte of whatever is none. Of a
hundred that come in the same moment each would have its go before the loop looks at an encoder
again; so each waits for its turn, and a crowd keeps nobody waiting but itself.
"""

from __future__ import annotations

import trio


class Turns:
    """Of all who come through one door."""

    def __init__(self) -> None:
        self._lock = trio.StrictFIFOLock()

    async def take(self) -> None:
        """Return when it is the caller's turn, which lasts until its next checkpoint. In the order
        of the calls."""
        async with self._lock:
            # All others that can go on do so before this one does.
            await trio.lowlevel.checkpoint()


class TurnStream(trio.abc.Stream):
    """A stream from which bytes are taken in turns."""

    def __init__(self, stream: trio.abc.Stream, turns: Turns) -> None:
        self._stream = stream
        self._turns = turns

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        heard = await self._stream.receive_some(max_bytes)
        await self._turns.take()
        return heard

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()
