"""`/api/v1/live`: a connection whose upgrade was accepted goes to trio-websocket, to be pushed to.

Owns the WebSocket's limits. The request was read already, so it is replayed: its canonical bytes,
made anew by h11 (reference on style, §12). What trio-websocket cannot stand was refused before, by
`operations`; what it might still hang on has a time limit here. Push only: what a viewer says is
read and dropped, a viewer who says much is dropped himself.

Pictures go past the library onto its stream: framed once for all, where it would frame each anew
for every viewer, which is most of what 32 of them cost. Where there is no TLS they go past Trio,
too, as far as the socket takes them without waiting; and it takes one whole, and hardly more.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

import h11
import trio
import trio_websocket

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from recorder.status.broadcast import Watcher

HANDSHAKE_S: Final = 5.0
SEND_S: Final = 10.0
PING_EVERY_S: Final = 20.0
CLOSE_S: Final = 2.0
LARGEST_MESSAGE: Final = 1024
MOST_MESSAGES: Final = 100
"""That a viewer may send. The page sends none."""

MOST_BYTES: Final = 128 << 10
"""That a viewer may send, with all that is no message: pings, and the parts of a message without
end, which the library gathers however empty they are. A page answers pings, with 10 bytes each: it
has to come in again after three days."""

GROWTH: Final = 1.125
"""By so much a picture may grow before the kernel is told again how much to take."""


class ReplayStream(trio.abc.Stream):
    """A stream that first gives bytes which somebody else has read already, and is over for who
    has sent MOST_BYTES. Several tasks may send: what one sends goes as a whole.

    Args:
        socket: to which the stream sends what it is given as it is; None: there is none.
    """

    def __init__(
        self, head: bytes, stream: trio.abc.Stream, socket: trio.SocketStream | None = None
    ) -> None:
        self._head = bytearray(head)
        self._stream = stream
        self._socket = socket
        self._taken_bytes = 0
        """So much the socket was told to take."""
        self._unsent = memoryview(b"")
        self._sending = trio.Lock()
        self._rest = MOST_BYTES

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        if not self._head:
            heard = await self._stream.receive_some(max_bytes)
            self._rest -= len(heard)
            return heard if self._rest > 0 else b""
        await trio.lowlevel.checkpoint()
        size = len(self._head) if max_bytes is None else max_bytes
        data = bytes(self._head[:size])
        del self._head[:size]
        return data

    def begin(self, data: bytes) -> bool:
        """Send what needs no waiting; True: that was all of it. The next `send_all`, whoever's it
        is, sends the rest before anything else. To be called only while there is none."""
        taken = 0
        if self._socket is not None and not self._sending.locked():
            if len(data) > self._taken_bytes:
                self._take(self._socket, int(len(data) * GROWTH))
            # Who is gone takes nothing, and `send_all` tells.
            with suppress(OSError):
                taken = os.write(self._socket.socket.fileno(), data)
        self._unsent = memoryview(data)[taken:]
        return not self._unsent

    def _take(self, socket: trio.SocketStream, size: int) -> None:
        """It takes more while less than this is unsent. Trio says 16 KiB to it, and then every
        second picture of a hundred rooms had a rest, for which a task woke."""
        self._taken_bytes = size
        with suppress(OSError):  # no TCP
            socket.setsockopt(trio.socket.IPPROTO_TCP, trio.socket.TCP_NOTSENT_LOWAT, size)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        async with self._sending:
            unsent, self._unsent = self._unsent, memoryview(b"")
            if unsent:
                await self._stream.send_all(unsent)
            if data:
                await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()


async def serve_live(
    stream: trio.abc.Stream,
    head: h11.Request,
    watcher: Watcher,
    socket: trio.SocketStream | None = None,
) -> None:
    """Push every picture to this viewer until one of us has enough. Raises nothing but faults.

    Args:
        socket: as of `ReplayStream`.
    """
    replay = h11.Connection(h11.CLIENT).send(head)
    assert replay is not None, "a request has bytes"
    viewer, stream = None, ReplayStream(replay, stream, socket)
    async with trio.open_nursery() as nursery:
        with trio.move_on_after(HANDSHAKE_S):
            request = await trio_websocket.wrap_server_stream(
                nursery,
                stream,
                max_message_size=LARGEST_MESSAGE,
                message_queue_size=1,
            )
            viewer = await request.accept()
        if viewer is not None:
            await _serve(viewer, stream, watcher)
        nursery.cancel_scope.cancel()


async def _serve(
    viewer: trio_websocket.WebSocketConnection, stream: ReplayStream, watcher: Watcher
) -> None:
    """Until the first of these has enough."""
    async with trio.open_nursery() as tasks:
        tasks.start_soon(_until_over, partial(_ping, viewer), tasks.cancel_scope)
        tasks.start_soon(_until_over, partial(_push, viewer, stream, watcher), tasks.cancel_scope)
        with suppress(trio_websocket.ConnectionClosed):
            await _drain(viewer)
            # He has said too much, and can be told so.
            with trio.move_on_after(CLOSE_S):
                await viewer.aclose(1008)
        tasks.cancel_scope.cancel()


async def _until_over(task: Callable[[], Awaitable[None]], scope: trio.CancelScope) -> None:
    # Behind a send that took too long nothing can be said any more: half a frame may be under way.
    with suppress(
        trio_websocket.ConnectionClosed,
        trio.TooSlowError,
        trio.BrokenResourceError,
        trio.ClosedResourceError,
    ):
        await task()
    scope.cancel()


async def _drain(viewer: trio_websocket.WebSocketConnection) -> None:
    """Read what a viewer says, else its pings and its farewell would not be seen."""
    for _ in range(MOST_MESSAGES):
        await viewer.get_message()


async def _ping(viewer: trio_websocket.WebSocketConnection) -> None:
    """A viewer that is gone without a word is noticed."""
    while True:
        await trio.sleep(PING_EVERY_S)
        with trio.fail_after(SEND_S):
            await viewer.ping()


async def _push(
    viewer: trio_websocket.WebSocketConnection, stream: ReplayStream, watcher: Watcher
) -> None:
    """Send every picture that it has time for, until it has to come in again or goes."""

    def begin(frame: bytes) -> bool:
        # Behind a farewell nothing may be sent.
        return viewer.closed is None and stream.begin(frame)

    while await watcher.next(begin) and viewer.closed is None:
        with trio.fail_after(SEND_S):
            await stream.send_all(b"")
    with trio.move_on_after(CLOSE_S):
        await viewer.aclose(1008)
