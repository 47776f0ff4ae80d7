"""What the system says of a connection's socket: system calls that wait for nothing.

Owns what they are called. A session works on any stream; what only a socket knows it asks here, and
of a stream in memory nothing is known.
"""

from __future__ import annotations

import fcntl
import struct
import termios
from functools import partial
from typing import TYPE_CHECKING

import attrs
import trio

from recorder.live.tcp_info import read_acked_bytes, read_tcp_info

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder.live.tcp_info import TcpInfo

_INT = struct.Struct("=i")


@attrs.frozen(kw_only=True)
class Wire:
    """Attributes:
    buffer_bytes: how much the socket can hold for us, as of now; 0: it is not known.
    unread_bytes: how much of what the peer has sent it holds now.
    taken_bytes: how much was taken from it; None: as much as the stream gave.
    tcp_info: None: it is not known.
    acked_bytes: how much the peer's system has taken of what we sent; None: it is not known.
    """

    buffer_bytes: Callable[[], int] = lambda: 0
    unread_bytes: Callable[[], int] = lambda: 0
    taken_bytes: Callable[[], int] | None = None
    tcp_info: Callable[[], TcpInfo | None] = lambda: None
    acked_bytes: Callable[[], int | None] = lambda: None


def wire_of(socket: trio.socket.SocketType, taken_bytes: Callable[[], int] | None = None) -> Wire:
    return Wire(
        buffer_bytes=partial(_receive_buffer_bytes, socket),
        unread_bytes=partial(_unread_bytes, socket),
        taken_bytes=taken_bytes,
        tcp_info=partial(read_tcp_info, socket),
        acked_bytes=partial(read_acked_bytes, socket),
    )


def _receive_buffer_bytes(socket: trio.socket.SocketType) -> int:
    """What the kernel may hold of a connection; it grows by itself for who sends much at a time
    (tcp(7), tcp_moderate_rcvbuf)."""
    return socket.getsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF)


def _unread_bytes(socket: trio.socket.SocketType) -> int:
    """What the kernel holds of a connection now (tcp(7), SIOCINQ)."""
    answer = fcntl.ioctl(socket.fileno(), termios.FIONREAD, bytes(_INT.size))
    size: int = _INT.unpack(answer)[0]
    return size
