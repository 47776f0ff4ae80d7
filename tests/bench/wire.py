"""Where the messages of a captured chunk stream lie, and which of them are frames.

Reads what one real client has sent, to replay it byte by byte: nothing is written anew but one
time. Shares nothing with `recorder.rtmp`, and knows only what well-behaved clients do: a message
that is interleaved with another is refused, because where it begins could not be said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator

AUDIO: Final = 8
VIDEO: Final = 9
COMMAND: Final = 20

_HEADER_BYTES: Final = (11, 7, 3, 0)
_ESCAPE: Final = 0xFF_FFFF


class CaptureError(Exception):
    """The capture cannot be replayed; the text says why."""


@attrs.frozen(kw_only=True)
class Span:
    """One message: where it begins and ends in the stream, all its chunks included."""

    start: int
    end: int
    header_format: int
    csid: int
    type_id: int
    timestamp: int
    size: int
    """Of the body."""
    front: bytes
    """The first bytes of the body, as many as the first chunk holds of ten."""

    @property
    def is_frame(self) -> bool:
        """An audio or video message that is no sequence header: AVC and AAC say so in their second
        byte."""
        return self.type_id in {AUDIO, VIDEO} and self.front[1] == 1

    @property
    def is_keyframe(self) -> bool:
        return self.type_id == VIDEO and self.front[0] == 0x17 and self.is_frame


@attrs.define
class _Stream:
    timestamp: int = 0
    delta: int = 0
    size: int = 0
    type_id: int = 0


def messages(data: bytes, chunk_size: int) -> Iterator[Span]:
    """Every whole message of a chunk stream.

    Args:
        chunk_size: in force at its beginning.

    Raises:
        CaptureError: messages are interleaved, or a time needs the extended field.
    """
    streams: dict[int, _Stream] = {}
    at = 0
    while at < len(data):
        start, header_format, csid = at, data[at] >> 6, data[at] & 0x3F
        if csid < 2:
            raise CaptureError("a chunk stream has a number of more than one byte")
        header = data[at + 1 : at + 1 + _HEADER_BYTES[header_format]]
        at += 1 + len(header)
        stream = streams.setdefault(csid, _Stream())
        _read_header(stream, header_format, header)
        front = data[at : at + min(10, stream.size, chunk_size)]
        chunks = max(1, -(-stream.size // chunk_size))
        end = at + stream.size + chunks - 1
        if end > len(data):
            return
        continuations = set(data[at + chunk_size : end : chunk_size + 1])
        if continuations - {0xC0 | csid}:
            raise CaptureError("messages are interleaved")
        yield Span(
            start=start,
            end=end,
            header_format=header_format,
            csid=csid,
            type_id=stream.type_id,
            timestamp=stream.timestamp,
            size=stream.size,
            front=front,
        )
        if stream.type_id == 1:
            chunk_size = int.from_bytes(front[:4])
        at = end


def _read_header(stream: _Stream, header_format: int, header: bytes) -> None:
    if header_format < 3:
        stream.delta = int.from_bytes(header[:3])
        if stream.delta == _ESCAPE:
            raise CaptureError("a time needs the extended field")
    if header_format < 2:
        stream.size = int.from_bytes(header[3:6])
        stream.type_id = header[6]
    if header_format == 0:
        stream.timestamp = stream.delta
        stream.delta = 0
    else:
        stream.timestamp += stream.delta
