"""A line to the program that loses packets: a pair of TUN devices with ourselves between them.

Owns both devices, the network namespaces that each of them is alone in, and a TCP port on the
loopback at which an encoder connects; from there its bytes go over the line by a TCP of their own,
which loses packets and sends them again as on any bad line. A proxy of TCP (`slow_line`) loses
nothing that a kernel could count. Needs root and /dev/net/tun; nothing of it is left when the
context is.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import random
import socket
import struct
import subprocess
import threading
from collections import deque
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
CLONE_NEWNET = 0x40000000
PACKET_BYTES = 1500

PROGRAM, ENCODER = "198.18.0.1", "198.18.0.2"
"""Of the addresses that are for trying devices (RFC 2544), in networks that nobody else is in."""

DATA_BYTES = 100
"""An acknowledgement is less. One that is lost is made up for by the next."""

_BROKEN = (trio.BrokenResourceError, trio.ClosedResourceError)


class LossyLine:
    """Made by `open_lossy_line`.

    Attributes:
        port: where the encoder connects, on 127.0.0.1.
        listening: the program's end of the line, to be handed to it: it is in no network of ours.
        loss: of the packets with data that go to the program, 0 to 1.
        delay_s: from one end to the other.
    """

    def __init__(self, delay_s: float) -> None:
        self.port = 0
        self.loss = 0.0
        self.delay_s = delay_s
        self._chance = random.Random(9)
        self._near, self.listening = _alone(
            lambda: (_open_tun("near", PROGRAM, ENCODER), socket.create_server((PROGRAM, 0)))
        )
        self._far, self._over = _alone(
            lambda: (_open_tun("far", ENCODER, PROGRAM), socket.socket())
        )

    def close(self) -> None:
        """Both networks go with what was open in them."""
        for end in (self.listening, self._over):
            end.close()
        os.close(self._near)
        os.close(self._far)

    async def _carry(self, device: int, to: int, *, loses: bool) -> None:
        """All packets from one end to the other, in order."""
        put, get = trio.open_memory_channel[tuple[float, bytes]](1 << 14)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._deliver, get, to)
            while True:
                await trio.lowlevel.wait_readable(device)
                for packet in _read_all(device):
                    is_data = loses and len(packet) > DATA_BYTES
                    if is_data and self._chance.random() < self.loss:
                        continue
                    await put.send((trio.current_time() + self.delay_s, packet))

    async def _deliver(self, get: trio.MemoryReceiveChannel[tuple[float, bytes]], to: int) -> None:
        async for at_s, packet in get:
            await trio.sleep_until(at_s)
            os.write(to, packet)

    async def _pass_on(self, encoder: trio.SocketStream) -> None:
        over = trio.socket.from_stdlib_socket(self._over)
        await over.connect(self.listening.getsockname())
        program = trio.SocketStream(over)
        async with encoder, program, trio.open_nursery() as nursery:
            nursery.start_soon(_copy, program, encoder)
            await _copy(encoder, program)


async def _copy(source: trio.SocketStream, sink: trio.SocketStream) -> None:
    with suppress(*_BROKEN):
        async for data in source:
            await sink.send_all(data)
        await sink.send_eof()


def _read_all(device: int) -> deque[bytes]:
    packets = deque[bytes]()
    with suppress(BlockingIOError):
        while True:
            packets.append(os.read(device, PACKET_BYTES))
    return packets


def _alone(open_end: Callable[[], tuple[int, socket.socket]]) -> tuple[int, socket.socket]:
    """Call it in a network namespace of its own: a thread takes one with it when it ends, and what
    it has opened stays there."""
    opened = list[tuple[int, socket.socket]]()
    libc = ctypes.CDLL(None, use_errno=True)  # os.unshare came with Python 3.12

    def run() -> None:
        if libc.unshare(CLONE_NEWNET) == 0:
            opened.append(open_end())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert opened, "no network namespace could be made"
    return opened[0]


def _open_tun(name: str, address: str, peer: str) -> int:
    """A device in the namespace of this thread; it goes when its descriptor is closed."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    asked = struct.pack("16sH", f"{name}%d".encode(), IFF_TUN | IFF_NO_PI)
    made = fcntl.ioctl(device, TUNSETIFF, asked)[:16].rstrip(b"\0").decode()
    ip = ["ip", "address", "add", address, "peer", peer, "dev", made]
    subprocess.run(ip, check=True)
    subprocess.run(["ip", "link", "set", made, "up", "mtu", str(PACKET_BYTES)], check=True)
    return device


@asynccontextmanager
async def open_lossy_line(delay_s: float) -> AsyncIterator[LossyLine]:
    """A line to `listening`, on which a test can let packets be lost. One encoder can use it."""
    line = LossyLine(delay_s)
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    line.port = listeners[0].socket.getsockname()[1]

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(line._carry, line._far, line._near, loses=True))
            nursery.start_soon(partial(line._carry, line._near, line._far, loses=False))
            await nursery.start(trio.serve_listeners, line._pass_on, listeners)
            yield line
            nursery.cancel_scope.cancel()
    finally:
        line.close()
