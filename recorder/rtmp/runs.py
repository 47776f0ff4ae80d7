"""The short way through a chunk stream: whole media messages that stand one behind the other.

Pure, and only a short cut: what it gives is what the general way gives (`ChunkReader.next_message`;
a property test compares both), and at anything out of the ordinary it stops and leaves it there.
Ordinary is what encoders send nearly all the time once they publish: a message with a header of
format 1 on a chunk stream that is known, all of whose chunks lie in this read with nothing between
them. Its length is known, so the one-byte headers of its further chunks stand at a fixed stride:
one extended slice shows them all, and they are left out without a step of Python for each.

Large bodies are not copied but viewed. A view keeps all of its read in memory: who keeps a body for
longer than it takes to handle that read copies it.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, TypeAlias

from recorder.rtmp.messages import U32_MASK, MessageType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recorder.rtmp.chunk_stream import ChunkStream

Piece: TypeAlias = bytes | bytearray | memoryview

Media: TypeAlias = "tuple[int, int, int, bytes, Sequence[Piece]]"
"""Kind, timestamp, size of the body in bytes, its first `FRONT_BYTES` or more, and all of it."""

FRONT_BYTES: Final = 7
"""So much of a body tells what it is (protocol §5.3 to §5.7)."""

VIEW_FROM_BYTES: Final = 2048
"""Smaller pieces are copied: that costs no more than a view, and less in the writing."""

_FORMAT: Final = 0xC0
_FORMAT_1: Final = 0x40
_CONTINUED: Final = 0x80
"""Makes format 1 a 3."""

_HEADER_BYTES: Final = 8
_ESCAPE: Final = 0xFF
_MEDIA: Final = frozenset((int(MessageType.AUDIO), int(MessageType.VIDEO)))

_read_header: Final = struct.Struct(">HBHBB").unpack_from
"""Of format 1, behind the first byte: time and length in two parts each, and the type."""


def whole_media(
    data: bytes,
    at: int,
    streams: Mapping[int, ChunkStream],
    *,
    stream_id: int,
    chunk_size: int,
    length_limits: Sequence[int],
    room_bytes: int,
    most: int,
) -> tuple[list[Media], int]:
    """Take ordinary media messages from `at` on; their chunk streams remember them.

    Args:
        stream_id: the NetStream whose media are taken.
        length_limits: by type of message.
        room_bytes: how large a message may be while it is unfinished. None is here; but the general
            way, which takes chunk by chunk, would refuse it.
        most: how many at once.

    Returns:
        The messages, and where the next begins.
    """
    media: list[Media] = []
    view, end = memoryview(data), len(data) - _HEADER_BYTES
    stride = chunk_size + 1
    while at <= end and len(media) < most:
        first = data[at]
        stream = streams.get(first & 0x3F)
        if first & _FORMAT != _FORMAT_1 or stream is None or stream.partial is not None:
            break
        time_high, time_low, high, low, kind = _read_header(data, at + 1)
        size = high << 8 | low
        body_at = at + _HEADER_BYTES
        after = body_at + size
        if size > chunk_size:
            after += (size - 1) // chunk_size
        if (
            kind not in _MEDIA
            or stream.stream_id != stream_id
            or after > len(data)
            or size > length_limits[kind]
            or size > room_bytes
            or time_high >= _ESCAPE << 8
        ):
            break
        body: Sequence[Piece]
        if size <= chunk_size:
            body = ((data if size < VIEW_FROM_BYTES else view)[body_at:after],)
        else:
            marks = data[body_at + chunk_size : after : stride]
            if marks.count(first | _CONTINUED) != len(marks):
                break
            if chunk_size < VIEW_FROM_BYTES:
                taken = bytearray(view[body_at:after])
                del taken[chunk_size::stride]
                body = (taken,)
            else:
                chunks = view[body_at:after]
                body = [chunks[p : p + chunk_size] for p in range(0, len(chunks), stride)]
        delta = time_high << 8 | time_low
        stream.timestamp = timestamp = (stream.timestamp + delta) & U32_MASK
        stream.delta = delta
        stream.delta_is_time = False
        stream.length = size
        stream.type_id = kind
        stream.extended = None
        media.append((kind, timestamp, size, data[body_at : body_at + FRONT_BYTES], body))
        at = after
    return media, at
