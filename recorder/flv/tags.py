"""The frame of an FLV file: the file header, and what stands before and after each tag body.

Owns the byte layout of protocol §5.1 and nothing else: what is inside a tag body belongs to
`codecs` and `script`. All functions return fresh bytes; none touches the body, because header,
body and trailer are handed to the kernel as separate buffers where they are large.
"""

import struct
from collections.abc import Iterator
from typing import Final

AUDIO: Final = 8
VIDEO: Final = 9
SCRIPT: Final = 18

FILE_HEADER_BYTES: Final = 13
"""The nine bytes of the header and PreviousTagSize0."""

FLAGS_OFFSET: Final = 4
"""Where in the file the byte stands that says which kinds of tracks there are."""

TAG_HEADER_BYTES: Final = 11
TAG_TRAILER_BYTES: Final = 4
TAG_OVERHEAD: Final = TAG_HEADER_BYTES + TAG_TRAILER_BYTES

MAX_BODY_BYTES: Final = 2**24 - 1
"""A body's size is written in 24 bits, as the length of an RTMP message is."""

MAX_TIMESTAMP_MS: Final = 2**32 - 1
"""32 bits can be written. Readers take them as signed, so a file should stay below 2**31."""

# kind(1) size(3) | time low(3) time high(1) | stream id(3), always 0
_HEADER = struct.Struct(">IIHB")
_TRAILER = struct.Struct(">I")

pack_header: Final = _HEADER.pack
pack_trailer: Final = _TRAILER.pack
"""`tag_header` and `tag_trailer` without their checks, for the hot path: of 32, 32, 16 and 8 bits
the kind with the size, the time, 0, 0; and the size of body and header."""


def flags(*, audio: bool, video: bool) -> bytes:
    """The flags byte of the file header; players wait for the kinds it declares."""
    return bytes([audio << 2 | video])


def file_header(*, audio: bool, video: bool) -> bytes:
    return b"FLV\x01" + flags(audio=audio, video=video) + b"\0\0\0\x09\0\0\0\0"


def tag_header(kind: int, timestamp_ms: int, size: int) -> bytes:
    """The 11 bytes before a body of `size` bytes.

    Raises: ValueError for a size or a time that the fields cannot hold.
    """
    if not 0 <= size <= MAX_BODY_BYTES:
        raise ValueError(f"a tag body cannot have {size} bytes")
    if not 0 <= timestamp_ms <= MAX_TIMESTAMP_MS:
        raise ValueError(f"a tag cannot be stamped {timestamp_ms} ms")
    time = (timestamp_ms & 0xFFFFFF) << 8 | timestamp_ms >> 24
    return _HEADER.pack(kind << 24 | size, time, 0, 0)


def tag_trailer(size: int) -> bytes:
    """PreviousTagSize after a body of `size` bytes: it counts the tag header too."""
    return _TRAILER.pack(size + TAG_HEADER_BYTES)


def tag(kind: int, timestamp_ms: int, body: bytes) -> bytes:
    """A whole tag in one piece, for small bodies."""
    size = len(body)
    return tag_header(kind, timestamp_ms, size) + body + tag_trailer(size)


def read_header(data: bytes, at: int = 0) -> tuple[int, int, int]:
    """Kind, time in ms and size of the body of a tag that we have written."""
    kind_and_size, time, _, _ = _HEADER.unpack_from(data, at)
    return kind_and_size >> 24, (time & 0xFF) << 24 | time >> 8, kind_and_size & MAX_BODY_BYTES


def read_tags(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Kind, time in ms and body of every one of these whole tags, which we have written."""
    at = 0
    while at < len(data):
        kind, time_ms, size = read_header(data, at)
        begin = at + TAG_HEADER_BYTES
        end = begin + size
        yield kind, time_ms, data[begin:end]
        at = end + TAG_TRAILER_BYTES
