"""Chunk headers: where each begins and ends, and what it says (protocol §2.1 to §2.4).

Owns what chunk streams inherit from one header to the next, with all that senders disagree about:
what format 3 repeats, and whether the extended time is repeated. What a chunk stream remembers
changes when all of a header is there and not before, so that a header that is cut is simply read
again. Knows no chunk's data, and no message.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from recorder.rtmp.chunk_stream import ChunkStream, length_limits
from recorder.rtmp.errors import Hint, RemoteProtocolError
from recorder.rtmp.messages import U32_MASK

if TYPE_CHECKING:
    from recorder.rtmp.counters import Counters
    from recorder.rtmp.limits import Limits

_HEADER_BYTES: Final = (11, 7, 3)
"""Message header sizes of formats 0, 1 and 2 (§2.2); format 3 has none."""

_ESCAPE: Final = 0xFF_FFFF
"""In the 24-bit field: the time stands in four more bytes (§2.3)."""

_FORMAT_0_DELTA_MAX_MS: Final = 1000
"""A format 3 right after a format 0 repeats the format 0's *time* as its delta; above this no
sender means it, it is an absolute time (§2.2)."""

_U24: Final = struct.Struct(">HB")
_TWO_U24_U8: Final = struct.Struct(">HBHBB")
_U32_LITTLE: Final = struct.Struct("<I")
_U32: Final = struct.Struct(">I")


class ChunkHeaders:
    """The headers of one connection.

    Attributes:
        streams: by their numbers, as far as there are.
        length_limits: the longest message, by type.
        end: where the header ends that was read last.
    """

    def __init__(self, limits: Limits, counters: Counters, *, tell_format3_apart: bool) -> None:
        self.streams: dict[int, ChunkStream] = {}
        self.length_limits = length_limits(limits)
        self.end = 0
        self._most_streams = limits.chunk_streams
        self._counters = counters
        self._tell_format3_apart = tell_format3_apart

    def read(self, data: bytes, at: int) -> ChunkStream | None:
        """Read the chunk header at `at`; return its chunk stream, or None if it is incomplete.

        Raises:
            RemoteProtocolError: no chunk begins like this here, or a bound was passed.
        """
        end = len(data)
        if at == end:
            return None
        header_format = data[at] >> 6
        csid = data[at] & 0x3F
        at += 1
        if csid < 2:
            # §2.1: 0 and 1 announce the forms of two and three bytes. Equal numbers are the same
            # chunk stream, whatever the form.
            number_at, at = at, at + 1 + csid
            if at > end:
                return None
            csid = 64 + int.from_bytes(data[number_at:at], "little")
        stream = self.streams.get(csid)
        if header_format == 3:
            return self._continue(stream, data, at)
        return self._begin(stream, csid, header_format, data, at, end)

    def _begin(
        self,
        stream: ChunkStream | None,
        csid: int,
        header_format: int,
        data: bytes,
        at: int,
        end: int,
    ) -> ChunkStream | None:
        """Read a message header of format 0, 1 or 2, which is at `at`."""
        if end - at < _HEADER_BYTES[header_format]:
            return None
        if stream is None:
            stream = self._new_stream(csid, header_format)
        elif stream.partial is not None:
            # No sender does this; accepting it would hide that we lost the thread (§2.2).
            raise RemoteProtocolError("a message begins inside another of its chunk stream")
        if header_format == 2:
            high, low = _U24.unpack_from(data, at)
            length, type_id = stream.length, stream.type_id
        else:
            high, low, length_high, length_low, type_id = _TWO_U24_U8.unpack_from(data, at)
            length = length_high << 8 | length_low
            if length > self.length_limits[type_id]:
                raise RemoteProtocolError(
                    f"a message of type {type_id} declares {length} bytes", Hint.TOO_LARGE
                )
        stream_id = stream.stream_id
        if header_format == 0:
            (stream_id,) = _U32_LITTLE.unpack_from(data, at + 7)
        at += _HEADER_BYTES[header_format]
        time = high << 8 | low
        extended = None
        if time == _ESCAPE:
            if end - at < 4:
                return None
            extended = data[at : at + 4]
            (time,) = _U32.unpack(extended)
            at += 4
        # The header is complete: only now the stream's memory changes.
        if header_format == 0:
            stream.timestamp = time
        else:
            # §2.2: a spec-true sender would have written format 3 instead of a format 2 that
            # repeats the delta in force. One that does not, means something else by format 3.
            if header_format == 2 and time == stream.delta and not stream.delta_is_time:
                stream.same_time = self._tell_format3_apart
            # §2.4: steps backwards come as deltas modulo 2**32.
            stream.timestamp = (stream.timestamp + time) & U32_MASK
        stream.delta = time
        stream.delta_is_time = header_format == 0
        stream.length = length
        stream.type_id = type_id
        stream.stream_id = stream_id
        stream.extended = extended
        self.end = at
        return stream

    def _new_stream(self, csid: int, header_format: int) -> ChunkStream:
        if header_format == 2:
            raise RemoteProtocolError(
                "a chunk stream begins with a header that inherits its length"
            )
        if len(self.streams) == self._most_streams:
            raise RemoteProtocolError("too many chunk streams", Hint.TOO_LARGE)
        if header_format == 1:
            self._counters.format1_first += 1
        stream = self.streams[csid] = ChunkStream(csid)
        return stream

    def _continue(self, stream: ChunkStream | None, data: bytes, at: int) -> ChunkStream | None:
        """Read what a format 3 header has behind its first bytes: at most a repeated time."""
        if stream is None:
            raise RemoteProtocolError(
                "a chunk stream begins with a header that inherits everything"
            )
        extended = stream.extended
        if extended is not None:
            # §2.3: the extended field should be repeated, old OBS and librtmp do not. The four
            # bytes themselves tell, or the first of them that differs.
            repeated = data[at : at + 4]
            if repeated == extended:
                at += 4
            elif extended.startswith(repeated):
                return None
            else:
                self._counters.extended_absent += 1
        self.end = at
        if stream.partial is None:
            self._repeat_header(stream)
        return stream

    def _repeat_header(self, stream: ChunkStream) -> None:
        """Begin a new message with the same header as the last one (§2.2)."""
        if stream.same_time:
            self._counters.delta_zero_format3 += 1
        elif stream.delta_is_time and stream.delta > _FORMAT_0_DELTA_MAX_MS:
            self._counters.guarded_format3 += 1
        else:
            stream.timestamp = (stream.timestamp + stream.delta) & U32_MASK
