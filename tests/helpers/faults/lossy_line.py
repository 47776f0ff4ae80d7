"""A line to the program that loses packets: a pair of TUN devices with ourselves between them.

Owns both devices, the network namespace that one of them is in, and a TCP port on the loopback at
which an encoder connects; from there its bytes go over the line by a TCP of their own, which loses
packets and sends them again as on any bad line. A proxy of TCP (`slow_line`) loses nothing that a
kernel could count. Needs root and /dev/net/tun; nothing of it is left when the context is.
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
    from collections.abc import AsyncIterator

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
CLONE_NEWNET = 0x40000000
PACKET_BYTES = 1500

DATA_BYTES = 100
"""An acknowledgement is less. One that is lost is made up for by the next."""

_BROKEN = (trio.BrokenResourceError, trio.ClosedResourceError)


class LossyLine:
    """Made by `open_lossy_line`.

    Attributes:
        port: where the encoder connects, on 127.0.0.1.
        address, program_port: where the program listens, on the line; the port is to be set.
        loss: of the packets with data that go to the program, 0 to 1.
        delay_s: from one end to the other.
    """

    def __init__(self, delay_s: float) -> None:
        self.port = 0
        self.program_port = 0
        # One network for each run of tests, from those that are for trying devices (RFC 2544).
        network = f"198.18.{os.getpid() % 256}"
        self.address, self._encoders = f"{network}.1", f"{network}.2"
        self.loss = 0.0
        self.delay_s = delay_s
        self._chance = random.Random(9)
        self._far: int = -1
        self._socket: socket.socket | None = None

    def _open_far_end(self) -> None:
        """In a thread of its own, which takes its namespace with it when it ends: what it has
        opened stays there."""
        libc = ctypes.CDLL(None, use_errno=True)  # os.unshare came with Python 3.12
        if libc.unshare(CLONE_NEWNET):
            return
        self._far = _open_tun("far", self._encoders, self.address)
        self._socket = socket.socket()

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

    async def _pass_on(self, over: trio.socket.SocketType, encoder: trio.SocketStream) -> None:
        await over.connect((self.address, self.program_port))
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
    """A line to `address`, on which a test can let packets be lost. One encoder can use it; it may
    connect once the program listens."""
    line = LossyLine(delay_s)
    near = _open_tun("near", line.address, line._encoders)
    opening = threading.Thread(target=line._open_far_end)
    opening.start()
    opening.join()
    assert line._socket is not None, "no network namespace could be made"
    over = trio.socket.from_stdlib_socket(line._socket)
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    line.port = listeners[0].socket.getsockname()[1]

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(line._carry, line._far, near, loses=True))
            nursery.start_soon(partial(line._carry, near, line._far, loses=False))
            await nursery.start(trio.serve_listeners, partial(line._pass_on, over), listeners)
            yield line
            nursery.cancel_scope.cancel()
    finally:
        over.close()
        os.close(near)
        os.close(line._far)
