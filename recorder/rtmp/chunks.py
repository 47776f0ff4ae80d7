"""The chunk stream, reading side: bytes in, whole messages out (protocol §2.1 to §2.5).

Owns everything that decides where a chunk begins and ends, so also the two messages that change
it: Set Chunk Size and Abort. Does not know what any other message means.

The reader works on the connection's one input buffer. It is either at a header or in front of a
chunk's data, and remembers which; a header is consumed as soon as it is complete, the data when all
of the chunk is there. So a byte costs the same however the input is split: nothing is parsed twice.
Parsed bytes are deleted from the front once, when no further message is complete. Data is copied
once per chunk, out of a view, and once more when a message had several chunks; a partial message
grows by received bytes, never by a declared length.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from recorder.rtmp.errors import Hint, RemoteProtocolError
from recorder.rtmp.limits import UNLIMITED
from recorder.rtmp.messages import U32_MASK, Message, MessageType, u32_at_front

if TYPE_CHECKING:
    from recorder.rtmp.counters import Counters
    from recorder.rtmp.limits import Limits

DEFAULT_CHUNK_SIZE: Final = 128
"""Both directions, until Set Chunk Size (§2.5)."""

_CHUNK_SIZE_MAX: Final = 0xFF_FFFF
"""No message is longer, so every larger chunk size means this."""

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


class ChunkStream:
    """What one chunk stream remembers between its chunks."""

    __slots__ = (
        "delta",
        "delta_is_time",
        "extended",
        "length",
        "partial",
        "same_time",
        "stream_id",
        "timestamp",
        "type_id",
    )

    def __init__(self) -> None:
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


class ChunkReader:
    """Takes messages out of the input buffer."""

    def __init__(
        self,
        buffer: bytearray,
        limits: Limits,
        counters: Counters,
        *,
        tell_format3_apart: bool = True,
    ) -> None:
        """Read from `buffer`, to which others append and from whose front only this deletes."""
        self._buffer = buffer
        self._at = 0
        self._limits = limits
        self._counters = counters
        self._tell_format3_apart = tell_format3_apart
        self._streams: dict[int, ChunkStream] = {}
        self._open: ChunkStream | None = None  # its chunk's header is parsed, its data is not
        self._chunk_size = DEFAULT_CHUNK_SIZE
        self._length_limits = _length_limits(limits)
        self._deleted = 0
        self._partial_bytes = 0
        self.allowance = limits.bytes_before_publish
        """No chunk may end behind this many bytes of the chunk stream."""

    @property
    def buffered_bytes(self) -> int:
        """Bytes held: not parsed yet, or in partial messages."""
        return len(self._buffer) - self._at + self._partial_bytes

    def lift_allowance(self) -> None:
        """The peer may publish: it is no stranger any more."""
        self.allowance = UNLIMITED

    def next_message(self) -> Message | None:
        """Return the next whole message, or None when more bytes are needed.

        Raises:
            RemoteProtocolError: this is no chunk stream, or a bound was passed.
        """
        with memoryview(self._buffer) as view:
            message = self._read(view)
        if message is None:
            del self._buffer[: self._at]
            self._deleted += self._at
            self._at = 0
        return message

    def _read(self, view: memoryview) -> Message | None:
        end = len(view)
        while True:
            stream = self._open or self._read_header(end)
            if stream is None:
                return None
            self._open = stream
            partial = stream.partial
            size = stream.length if partial is None else stream.length - len(partial)
            is_last = size <= self._chunk_size
            if not is_last:
                size = self._chunk_size
            at = self._at
            if self._deleted + at + size > self.allowance:
                raise RemoteProtocolError("too many bytes before a publish", Hint.TOO_LARGE)
            if at + size > end:
                return None
            if not is_last and self._partial_bytes + size > self._limits.partial_bytes:
                raise RemoteProtocolError("too many unfinished bytes", Hint.TOO_LARGE)
            self._open = None
            self._at = at + size
            data = view[at : at + size]
            if not is_last:
                self._partial_bytes += size
                if partial is None:
                    stream.partial = bytearray(data)
                else:
                    partial += data
                continue
            if partial is None:
                payload = bytes(data)
            else:
                self._partial_bytes -= len(partial)
                partial += data
                payload = bytes(partial)
                stream.partial = None
            message = Message(stream.type_id, stream.stream_id, stream.timestamp, payload)
            if message.type_id > MessageType.ABORT or message.type_id == 0:
                return message
            self._obey(message)

    def _read_header(self, end: int) -> ChunkStream | None:
        """Consume one chunk header; return its chunk stream, or None if it is incomplete."""
        buffer, at = self._buffer, self._at
        if at == end:
            return None
        header_format = buffer[at] >> 6
        csid = buffer[at] & 0x3F
        at += 1
        # §2.1: 0 and 1 announce the forms of two and three bytes. Equal numbers are the same
        # chunk stream, whatever the form.
        if csid == 0:
            if at == end:
                return None
            csid = 64 + buffer[at]
            at += 1
        elif csid == 1:
            if at + 1 >= end:
                return None
            csid = 64 + buffer[at] + (buffer[at + 1] << 8)
            at += 2
        stream = self._streams.get(csid)
        if header_format == 3:
            return self._continue(stream, at)
        return self._begin(stream, csid, header_format, at, end)

    def _begin(
        self, stream: ChunkStream | None, csid: int, header_format: int, at: int, end: int
    ) -> ChunkStream | None:
        """Read a message header of format 0, 1 or 2, which is at `at`."""
        buffer = self._buffer
        if end - at < _HEADER_BYTES[header_format]:
            return None
        if stream is None:
            stream = self._new_stream(csid, header_format)
        elif stream.partial is not None:
            # No sender does this; accepting it would hide that we lost the thread (§2.2).
            raise RemoteProtocolError("a message begins inside another of its chunk stream")
        if header_format == 2:
            high, low = _U24.unpack_from(buffer, at)
            length, type_id = stream.length, stream.type_id
        else:
            high, low, length_high, length_low, type_id = _TWO_U24_U8.unpack_from(buffer, at)
            length = length_high << 8 | length_low
            if length > self._length_limits[type_id]:
                raise RemoteProtocolError(
                    f"a message of type {type_id} declares {length} bytes", Hint.TOO_LARGE
                )
        stream_id = stream.stream_id
        if header_format == 0:
            (stream_id,) = _U32_LITTLE.unpack_from(buffer, at + 7)
        at += _HEADER_BYTES[header_format]
        time = high << 8 | low
        extended = None
        if time == _ESCAPE:
            if end - at < 4:
                return None
            extended = bytes(buffer[at : at + 4])
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
        self._at = at
        return stream

    def _new_stream(self, csid: int, header_format: int) -> ChunkStream:
        if header_format == 2:
            raise RemoteProtocolError(
                "a chunk stream begins with a header that inherits its length"
            )
        if len(self._streams) == self._limits.chunk_streams:
            raise RemoteProtocolError("too many chunk streams", Hint.TOO_LARGE)
        if header_format == 1:
            self._counters.format1_first += 1
        stream = self._streams[csid] = ChunkStream()
        return stream

    def _continue(self, stream: ChunkStream | None, at: int) -> ChunkStream | None:
        """Read what a format 3 header has behind its first bytes: at most a repeated time."""
        if stream is None:
            raise RemoteProtocolError(
                "a chunk stream begins with a header that inherits everything"
            )
        extended = stream.extended
        if extended is not None:
            # §2.3: the extended field should be repeated, old OBS and librtmp do not. The four
            # bytes themselves tell, or the first of them that differs.
            repeated = self._buffer[at : at + 4]
            if repeated == extended:
                at += 4
            elif extended.startswith(repeated):
                return None
            else:
                self._counters.extended_absent += 1
        self._at = at
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

    def _obey(self, message: Message) -> None:
        """Apply Set Chunk Size or Abort, from any chunk stream (§2.5), before the next byte."""
        value = u32_at_front(message.payload)
        if value is None:
            raise RemoteProtocolError(f"a control message of type {message.type_id} is too short")
        if message.type_id == MessageType.SET_CHUNK_SIZE:
            if not 1 <= value <= 0x7FFF_FFFF:
                raise RemoteProtocolError(f"a chunk size of {value}")
            self._chunk_size = min(value, _CHUNK_SIZE_MAX)
        else:
            stream = self._streams.get(value)
            if stream is not None and stream.partial is not None:
                # The errata: the header and the time stay in force.
                self._partial_bytes -= len(stream.partial)
                stream.partial = None
                self._counters.aborted_messages += 1


def _length_limits(limits: Limits) -> list[int]:
    """Return the longest message of each type. Unknown types are skipped, so they may be long."""
    by_type = [limits.message_bytes] * 256
    for message_type in MessageType:
        by_type[message_type] = limits.command_bytes
    by_type[MessageType.AUDIO] = limits.audio_bytes
    by_type[MessageType.VIDEO] = limits.message_bytes
    by_type[MessageType.AGGREGATE] = limits.message_bytes
    return by_type
