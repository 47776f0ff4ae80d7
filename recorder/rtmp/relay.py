"""Media on its way to those who play it: messages in, the same chunks for everybody out.

Owns the chunk streams that players look for media on. A message is encoded once and sent to all:
format 0 headers inherit nothing, everybody is announced the same chunk size, and a player has one
NetStream, whose number is nearly always 1. Knows no connection.
"""

from __future__ import annotations

from typing import Final

from recorder.rtmp.chunk_writer import ChunkWriter
from recorder.rtmp.limits import DEFAULT_LIMITS, Limits
from recorder.rtmp.messages import Message, MessageType

_CSIDS: Final = {MessageType.AUDIO: 4, MessageType.VIDEO: 6, MessageType.DATA_AMF0: 5}
"""One each, so that a reader may take them apart by it; any number of 3 to 63 would do (§2.1)."""


class RelayEncoder:
    """Encodes for the NetStreams of one number.

    Args:
        limits: those of the connections it encodes for; their announced chunk size counts.
    """

    def __init__(self, stream_id: int, limits: Limits = DEFAULT_LIMITS) -> None:
        self.stream_id = stream_id
        self._writer = ChunkWriter()
        self._writer.chunk_size = limits.chunk_size

    def encode(self, kind: int, timestamp: int, body: bytes) -> bytes:
        """Return one message as whole chunks.

        Args:
            kind: an FLV tag type: 8, 9 or 18.
            timestamp: of the sender, modulo 2**32.
        """
        message_type = MessageType(kind)
        message = Message(message_type, self.stream_id, timestamp, body)
        return self._writer.write(_CSIDS[message_type], message)
