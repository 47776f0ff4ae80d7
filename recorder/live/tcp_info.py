"""What Linux knows of a TCP connection: TCP_INFO of tcp(7), `struct tcp_info` of <linux/tcp.h>.

Owns the layout. Pure but for `read_tcp_info`. A kernel gives as much of the structure as it knows;
what an older one does not know is None, and so is everything where there is no TCP below.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    import trio

_FIELDS: Final = struct.Struct("=68x I I 24x I 48x I 36x I 28x I")
"""tcpi_rtt, tcpi_rttvar, tcpi_total_retrans, tcpi_data_segs_in (Linux 4.6), tcpi_delivered (Linux
4.18) and tcpi_rcv_ooopack (Linux 5.4). Not tcpi_rcv_rtt: it is how long a window takes to fill, and
an encoder at its own pace fills one in seconds."""

_ENDS: Final = (72, 76, 104, 156, 196, 228)
"""How many bytes there must be for each of them."""

STRUCT_BYTES: Final = _FIELDS.size

_ACKED: Final = struct.Struct("=120x Q")
"""tcpi_bytes_acked (Linux 4.1)."""


class TcpInfo(msgspec.Struct, frozen=True):
    """Attributes:
    rtt_us: smoothed round-trip time of what we send, in microseconds; `rtt_variation_us` its
        mean deviation. A publisher gets little from us, so they may be old.
    resent: segments that we had to send again, since the connection began.
    data_segments: that have come; `out_of_order` of them behind a hole: each segment that is lost
        on its way here is seen as some of these.
    delivered: segments of ours that the peer has acknowledged: so often was a round trip measured.
    """

    rtt_us: int | None
    rtt_variation_us: int | None
    resent: int | None
    data_segments: int | None
    delivered: int | None
    out_of_order: int | None


def parse(data: bytes) -> TcpInfo:
    """Read as much of the structure as there is."""
    found: tuple[int | None, ...] = _FIELDS.unpack_from(data.ljust(STRUCT_BYTES, b"\0"))
    if len(data) < STRUCT_BYTES:
        found = tuple(
            value if end <= len(data) else None for value, end in zip(found, _ENDS, strict=True)
        )
    return TcpInfo(*found)


def read_tcp_info(connection: trio.socket.SocketType) -> TcpInfo | None:
    """Ask the kernel: a system call that waits for nothing. None: the socket is gone, or no TCP."""
    try:
        return parse(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, STRUCT_BYTES))
    except OSError:
        return None


def read_acked_bytes(connection: trio.socket.SocketType) -> int | None:
    """How much the peer's system has taken of what we sent; as `read_tcp_info`."""
    try:
        data = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACKED.size)
    except OSError:
        return None
    acked_bytes: int = _ACKED.unpack(data)[0]
    return acked_bytes
