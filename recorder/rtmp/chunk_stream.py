"""What a chunk stream remembers between its chunks, and how long a message of each type may be.

Values for the chunk reader, the general way and the short one. Knows no bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder.rtmp.messages import MessageType

if TYPE_CHECKING:
    from recorder.rtmp.limits import Limits


class ChunkStream:
    """What one chunk stream remembers between its chunks."""

    __slots__ = (
        "delta",
        "delta_is_time",
        "extended",
        "length",
        "mark",
        "partial",
        "same_time",
        "stream_id",
        "timestamp",
        "type_id",
    )

    def __init__(self, csid: int) -> None:
        self.mark = 0xC0 | csid if csid < 64 else 0
        """The header of its continuing chunks, if that is one byte (§2.1); else 0."""
        # Zeros are what format 1 inherits on a new chunk stream (§2.2).
        self.timestamp = 0
        self.delta = 0
        self.delta_is_time = False  # the delta is a format 0's absolute time
        self.same_time = False  # new-message format 3 means "same time" on this one
        self.length = 0
        self.type_id = 0
        self.stream_id = 0
        self.extended: bytes | None = None  # the last header's extended field, as transmitted
        self.partial: bytearray | None = None  # an unfinished message


def length_limits(limits: Limits) -> list[int]:
    """Return the longest message of each type. Unknown types are skipped, so they may be long."""
    by_type = [limits.message_bytes] * 256
    for message_type in MessageType:
        by_type[message_type] = limits.command_bytes
    by_type[MessageType.AUDIO] = limits.audio_bytes
    by_type[MessageType.VIDEO] = limits.message_bytes
    by_type[MessageType.AGGREGATE] = limits.message_bytes
    return by_type
