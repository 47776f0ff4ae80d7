"""A network that fails, between an encoder and the program: a TCP proxy.

Owns a port of its own, at which encoders publish, and one connection to the program for each of
theirs. Passes bytes and knows no RTMP. The faults are those of networks:

* `stall`: nothing passes in either direction, nothing is lost, `resume` lets it go on. A sender
  sees its window close.
* `halve`: what one side sends is lost on the way, its end included, and it does not learn of it.
  The other side has a connection that is half open.
* `reset`: both sides have their connection torn down by RST.
* `down`: reset, and whoever comes is refused until the end of the context.
"""

from __future__ import annotations

import enum
import fcntl
import socket
import struct
import sys
import termios
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import trio
import trio.testing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BLOCK_BYTES = 65536

BEGINNING_BYTES = 16384
"""Of each connection: both handshakes, and what is settled behind them."""

DELIVERED_S = 5.0
"""A reset waits so long at most for a receiver that reads nothing."""

LOOK_EVERY_S = 0.01

_BROKEN = (trio.BrokenResourceError, trio.ClosedResourceError)


class From(enum.Enum):
    """Whose bytes."""

    ENCODER = "encoder"
    PROGRAM = "program"


class _Line:
    """One encoder's connection, and ours to the program for it."""

    def __init__(self, encoder: trio.SocketStream, program: trio.SocketStream) -> None:
        self.sides = {From.ENCODER: encoder, From.PROGRAM: program}
        self.lost = {From.ENCODER: False, From.PROGRAM: False}
        self.beginning = {From.ENCODER: b"", From.PROGRAM: b""}

    def reset(self) -> None:
        for stream in self.sides.values():
            _reset(stream)


def _reset(stream: trio.SocketStream) -> None:
    """RST to the other end; whoever waits for this one wakes up."""
    with suppress(OSError):
        # On, and no time to linger: closing throws away what is not sent, and says so.
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.socket.close()


class Proxy:
    """A way to the program. Made by `open_proxy`.

    Attributes:
        port: where encoders connect, on 127.0.0.1.
        accepted: connections so far.
        passed_bytes: by sender, so far.
        beginnings: what either side said first, of each connection.
    """

    def __init__(self, program_port: int, source: str, nursery: trio.Nursery) -> None:
        self.port = 0
        self.accepted = 0
        self.passed_bytes = {From.ENCODER: 0, From.PROGRAM: 0}
        self.beginnings: list[dict[From, bytes]] = []
        self._program_port = program_port
        self._source = source
        self._nursery = nursery
        self._listening = trio.CancelScope()
        self._lines: set[_Line] = set()
        self._flowing = trio.Event()
        self._flowing.set()

    def stall(self) -> None:
        """Let nothing pass, of old connections and of new ones."""
        if self._flowing.is_set():
            self._flowing = trio.Event()

    def resume(self) -> None:
        """Let it pass again."""
        self._flowing.set()

    def halve(self, sender: From = From.ENCODER) -> None:
        """Lose what this side sends from now on, on the connections there are."""
        for line in self._lines:
            line.lost[sender] = True

    def reset(self) -> None:
        """Tear down the connections there are."""
        for line in self._lines:
            line.reset()

    @asynccontextmanager
    async def down(self) -> AsyncIterator[None]:
        """Tear down the connections, and refuse others until the end of the context."""
        await self._deafen()
        self.reset()
        try:
            yield
        finally:
            with trio.CancelScope(shield=True):
                # Listening waits for nobody.
                await self._listen()

    async def _listen(self) -> None:
        listeners = await trio.open_tcp_listeners(self.port, host="127.0.0.1")
        self.port = listeners[0].socket.getsockname()[1]
        self._listening = trio.CancelScope()
        self._nursery.start_soon(self._accept, listeners)

    async def _deafen(self) -> None:
        self._listening.cancel()
        # The listener is closed when its task has run once more.
        await trio.testing.wait_all_tasks_blocked()

    async def _accept(self, listeners: list[trio.SocketListener]) -> None:
        with self._listening:
            await trio.serve_listeners(self._carry, listeners, handler_nursery=self._nursery)

    async def _carry(self, encoder: trio.SocketStream) -> None:
        self.accepted += 1
        async with encoder:
            sock = trio.socket.socket()
            try:
                await sock.bind((self._source, 0))
                await sock.connect(("127.0.0.1", self._program_port))
            except OSError:
                # Nobody listens: the encoder sees nearly what it would see without us.
                sock.close()
                _reset(encoder)
                return
            async with trio.SocketStream(sock) as program:
                line = _Line(encoder, program)
                self._lines.add(line)
                self.beginnings.append(line.beginning)
                try:
                    async with trio.open_nursery() as nursery:
                        for sender in From:
                            nursery.start_soon(self._pass, line, sender)
                finally:
                    self._lines.discard(line)

    async def _pass(self, line: _Line, sender: From) -> None:
        """Everything one side sends, to the other, until it ends."""
        receiver = From.PROGRAM if sender is From.ENCODER else From.ENCODER
        while True:
            await self._flowing.wait()
            block = await _received(line.sides[sender])
            # What was waited for while the network stalled waits as well.
            await self._flowing.wait()
            if line.lost[sender]:
                if block:
                    continue
                # Its end is lost as well: the other side keeps its half until it gives up.
                return
            if block is None:
                # What came before the RST has to arrive before it, as it does on a wire.
                await _delivered(line.sides[receiver])
                line.reset()
                return
            self.passed_bytes[sender] += len(block)
            if len(line.beginning[sender]) < BEGINNING_BYTES:
                line.beginning[sender] += block
            # When nobody takes it, the receiver's own end or RST tells the sender, behind
            # everything that the receiver sent.
            await _sent(line.sides[receiver], block)
            if not block:
                return


async def _received(stream: trio.SocketStream) -> bytes | None:
    """The next bytes, none at the end; None when the connection was torn down."""
    try:
        return bytes(await stream.receive_some(BLOCK_BYTES))
    except _BROKEN:
        return None


async def _sent(stream: trio.SocketStream, block: bytes) -> None:
    """Send bytes, or the end when there are none, if anybody is there."""
    with suppress(*_BROKEN):
        if block:
            await stream.send_all(block)
        else:
            await stream.send_eof()


async def _delivered(stream: trio.SocketStream) -> None:
    """Wait until the other end's kernel has everything, or does not take it."""
    with trio.move_on_after(DELIVERED_S):
        while _unsent_bytes(stream):  # noqa: ASYNC110 — the kernel has no event for it
            await trio.sleep(LOOK_EVERY_S)


def _unsent_bytes(stream: trio.SocketStream) -> int:
    if stream.socket.fileno() == -1:
        return 0
    found = fcntl.ioctl(stream.socket.fileno(), termios.TIOCOUTQ, bytes(4))
    return int.from_bytes(found, sys.byteorder)


@asynccontextmanager
async def open_proxy(program_port: int, *, source: str = "127.0.0.1") -> AsyncIterator[Proxy]:
    """A way to the program that a test can break; every connection is gone after leaving.

    Args:
        source: the loopback address that the program sees as the encoder's.
    """
    async with trio.open_nursery() as nursery:
        proxy = Proxy(program_port, source, nursery)
        await proxy._listen()
        try:
            yield proxy
        finally:
            nursery.cancel_scope.cancel()
