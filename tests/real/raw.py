"""RTMP bytes written by hand: for clients that no encoder would be.

Knows the few messages that a publish needs and takes nothing from the program's own codec, so
that the two cannot agree on a mistake. Sends; reads only to see the connection end.
"""

from __future__ import annotations

import struct

import trio

CHUNK_BYTES = 128
"""What RTMP starts with; these clients never change it."""

COMMAND = 20
VIDEO = 9
USER_CONTROL = 4
PING_REQUEST = struct.pack(">HI", 6, 12345)

ENDED_S = 15.0
"""How long a test waits for a connection to be closed by the program."""


def amf(*values: float | str | dict[str, str] | None) -> bytes:
    """AMF0, as far as commands need it."""
    encoded = b""
    for value in values:
        if value is None:
            encoded += b"\x05"
        elif isinstance(value, str):
            encoded += b"\x02" + _text(value)
        elif isinstance(value, dict):
            members = (_text(name) + amf(member) for name, member in value.items())
            encoded += b"\x03" + b"".join(members) + b"\0\0\x09"
        else:
            encoded += b"\0" + struct.pack(">d", value)
    return encoded


def _text(value: str) -> bytes:
    return struct.pack(">H", len(value)) + value.encode()


def chunk_header(kind: int, size: int, *, stream_id: int = 0, csid: int = 3) -> bytes:
    """The header of a whole new message, in format 0, at time 0."""
    return (
        bytes([csid, 0, 0, 0]) + struct.pack(">I", size)[1:] + struct.pack("<BI", kind, stream_id)
    )


def message(kind: int, body: bytes, *, stream_id: int = 0, csid: int = 3) -> bytes:
    """A message, in chunks."""
    chunks = [body[at : at + CHUNK_BYTES] for at in range(0, len(body), CHUNK_BYTES)]
    header = chunk_header(kind, len(body), stream_id=stream_id, csid=csid)
    return header + bytes([0xC0 | csid]).join(chunks)


HANDSHAKE = b"\x03" + bytes(1536) + bytes(1536)
"""C0, C1 and C2 in one go: what a client that does not wait sends."""

CONNECT = message(COMMAND, amf("connect", 1, {"app": "live", "flashVer": "by hand"}))
CREATE_STREAM = message(COMMAND, amf("createStream", 2, None))


def publish(stream: str) -> bytes:
    return message(COMMAND, amf("publish", 3, None, stream, "live"), stream_id=1)


async def connect_from(port: int, address: str) -> trio.SocketStream:
    """A connection from one of the loopback network's many addresses."""
    sock = trio.socket.socket()
    # What the peer does not read shall not vanish into a large buffer.
    sock.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, 4096)
    await sock.bind((address, 0))
    with trio.fail_after(ENDED_S):
        await sock.connect(("127.0.0.1", port))
    return trio.SocketStream(sock)


async def received_until_closed(stream: trio.SocketStream, *, within_s: float = ENDED_S) -> bytes:
    """Everything the program says until it closes the connection.

    Raises:
        trio.TooSlowError: it did not close it.
    """
    received = b""
    with trio.fail_after(within_s):
        while True:
            await trio.lowlevel.checkpoint()
            try:
                data = await stream.receive_some(65536)
            except trio.BrokenResourceError:
                return received
            if not data:
                await stream.aclose()
                return received
            received += data


async def send_until_closed(
    stream: trio.SocketStream, data: bytes, *, within_s: float = ENDED_S
) -> None:
    """Send the same again and again without ever reading, until the program has had enough.

    Raises:
        trio.TooSlowError: it took all of it, or let the client wait.
    """
    with trio.fail_after(within_s):
        while True:
            await trio.lowlevel.checkpoint()
            try:
                await stream.send_all(data)
            except trio.BrokenResourceError:
                return
