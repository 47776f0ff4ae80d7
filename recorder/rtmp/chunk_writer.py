"""The chunk stream, writing side: messages in, chunks out (protocol §2).

Owns our chunk size. Always writes format 0 headers: the server says little, and a header that
inherits nothing is read alike by everybody. A message is written as whole chunks in one piece, and
ours fit into one chunk: a streaming OBS reads one chunk per packet it sends, blocking (§4.3).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from recorder.rtmp.chunks import DEFAULT_CHUNK_SIZE
from recorder.rtmp.messages import U32_MASK

if TYPE_CHECKING:
    from recorder.rtmp.messages import Message

_ESCAPE: Final = 0xFF_FFFF
_U32: Final = struct.Struct(">I")
_U32_LITTLE: Final = struct.Struct("<I")


class ChunkWriter:
    """Turns messages into bytes. Chunk stream ids are ours to choose, so they are 2 to 63."""

    def __init__(self) -> None:
        self.chunk_size = DEFAULT_CHUNK_SIZE
        """Of the next chunk on: set it behind the Set Chunk Size message that says so."""

    def write(self, csid: int, message: Message) -> bytes:
        """Return the message's chunks."""
        payload, size = message.payload, self.chunk_size
        timestamp = message.timestamp & U32_MASK
        # §2.3: the escape, and in every continuation the field once more.
        extended = _U32.pack(timestamp) if timestamp >= _ESCAPE else b""
        parts = [
            bytes((csid,)),
            min(timestamp, _ESCAPE).to_bytes(3),
            len(payload).to_bytes(3),
            bytes((message.type_id,)),
            _U32_LITTLE.pack(message.stream_id),
            extended,
            payload[:size],
        ]
        continuation = bytes((0xC0 | csid,)) + extended
        for at in range(size, len(payload), size):
            parts += (continuation, payload[at : at + size])
        return b"".join(parts)
