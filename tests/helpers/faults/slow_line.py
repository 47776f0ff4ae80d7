"""A slow line between an encoder and the program: a TCP proxy that delays, limits and stalls.

Owns a port of its own. Unlike `network` it breaks nothing: everything arrives, in order, later.
What the program sends passes at once.
"""

from __future__ import annotations

import math
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BLOCK_BYTES = 4096
"""Small, so that a limited rate is one and not a burst a second."""

ON_THE_WAY = 4096
"""Blocks: some seconds of a fast encoder."""

_BROKEN = (trio.BrokenResourceError, trio.ClosedResourceError)


class SlowLine:
    """Made by `open_slow_line`.

    Attributes:
        port: where the encoder connects, on 127.0.0.1.
        delay_s: from one end to the other.
        bytes_per_s: at most.
    """

    def __init__(self, program_port: int) -> None:
        self.port = 0
        self.delay_s = 0.0
        self.bytes_per_s = math.inf
        self._program_port = program_port
        self._flowing = trio.Event()
        self._flowing.set()

    def stall(self) -> None:
        """Let nothing arrive."""
        self._flowing = trio.Event()

    def resume(self) -> None:
        self._flowing.set()

    async def _carry(self, encoder: trio.SocketStream) -> None:
        program = await trio.open_tcp_stream("127.0.0.1", self._program_port)
        async with encoder, program, trio.open_nursery() as nursery:
            put, get = trio.open_memory_channel[tuple[float, bytes]](ON_THE_WAY)
            nursery.start_soon(self._take, encoder, put)
            nursery.start_soon(_answer, program, encoder)
            with suppress(*_BROKEN):
                await self._deliver(get, program)

    async def _take(
        self, encoder: trio.SocketStream, put: trio.MemorySendChannel[tuple[float, bytes]]
    ) -> None:
        async with put:
            with suppress(*_BROKEN):
                async for block in encoder:
                    for at in range(0, len(block), BLOCK_BYTES):
                        piece = bytes(block[at : at + BLOCK_BYTES])
                        await put.send((trio.current_time(), piece))

    async def _deliver(
        self, get: trio.MemoryReceiveChannel[tuple[float, bytes]], program: trio.SocketStream
    ) -> None:
        async for came_s, block in get:
            await self._flowing.wait()
            await trio.sleep_until(came_s + self.delay_s)
            await program.send_all(block)
            await trio.sleep(len(block) / self.bytes_per_s)
        await program.send_eof()


async def _answer(program: trio.SocketStream, encoder: trio.SocketStream) -> None:
    with suppress(*_BROKEN):
        async for block in program:
            await encoder.send_all(block)
        await encoder.send_eof()


@asynccontextmanager
async def open_slow_line(program_port: int) -> AsyncIterator[SlowLine]:
    """A line to the program that a test can make slow."""
    line = SlowLine(program_port)
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    line.port = listeners[0].socket.getsockname()[1]
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, line._carry, listeners)
        try:
            yield line
        finally:
            nursery.cancel_scope.cancel()
