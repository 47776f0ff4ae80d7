"""The chunk stream, reading side: bytes in, whole messages out (protocol §2.1 to §2.5).

Owns everything that decides where a chunk begins and ends, so also the two messages that change
it: Set Chunk Size and Abort. Does not know what any other message means, nor what a header says
(`chunk_headers`).

The reader works on what came, as it came. It is either at a header or inside a chunk's data, and
remembers which; a header is consumed when it is complete, data as it comes. So a byte costs the
same however the input is split: nothing is parsed twice, and but for a header that is cut nothing
is kept of a read that was parsed. A partial message grows by received bytes, never by a declared
length.

`next_message` is the general way and reads anything. What encoders send nearly all the time, whole
media messages one behind the other, `next_run` takes faster (`runs`); it says the same, and leaves
the rest to the general way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recorder.rtmp.chunk_headers import ChunkHeaders
from recorder.rtmp.errors import Hint, RemoteProtocolError
from recorder.rtmp.limits import UNLIMITED
from recorder.rtmp.messages import Message, MessageType, u32_at_front
from recorder.rtmp.runs import Media, whole_media

if TYPE_CHECKING:
    from collections.abc import Container

    from recorder.rtmp.chunk_stream import ChunkStream
    from recorder.rtmp.counters import Counters
    from recorder.rtmp.limits import Limits

DEFAULT_CHUNK_SIZE: Final = 128
"""Both directions, until Set Chunk Size (§2.5)."""

_CHUNK_SIZE_MAX: Final = 0xFF_FFFF
"""No message is longer, so every larger chunk size means this."""

_FIRST_LOOK_CHUNKS: Final = 8
"""Half of what is looked at at once, to begin with."""


class ChunkReader:
    """Takes messages out of what was received."""

    def __init__(
        self, limits: Limits, counters: Counters, *, tell_format3_apart: bool = True
    ) -> None:
        self._data = b""
        self._at = 0
        self._counters = counters
        self._headers = ChunkHeaders(limits, counters, tell_format3_apart=tell_format3_apart)
        self._streams = self._headers.streams
        self._length_limits = self._headers.length_limits
        self._open: ChunkStream | None = None  # its chunk's header is consumed, its data is not
        self._chunk_left = 0  # of the open chunk's data
        self._chunk_size = DEFAULT_CHUNK_SIZE
        self._parsed_before = 0
        """Bytes of the chunk stream in front of `_data`."""
        self.partial_bytes = 0
        """Of all unfinished messages, as far as received."""
        self.most_partial_bytes = limits.partial_bytes
        """So many there may be; who may send less is allowed less."""
        self.allowance = limits.bytes_before_publish
        """No chunk may end behind this many bytes of the chunk stream."""
        self.steps_left = UNLIMITED
        """So many headers are read before `next_message` stops; whoever sets it counts other work
        in the same steps."""
        self.obeyed = 0
        """Messages that nobody was given, since somebody has set it to 0."""

    def receive(self, data: bytes) -> None:
        """Store what came; nothing is parsed."""
        self._forget_parsed()
        self._data = self._data + data if self._data else data

    def _forget_parsed(self) -> None:
        self._parsed_before += self._at
        self._data, self._at = self._data[self._at :], 0

    @property
    def buffered_bytes(self) -> int:
        """Bytes held: not parsed yet, or in partial messages."""
        return len(self._data) - self._at + self.partial_bytes

    def lift_allowance(self) -> None:
        """The peer may publish: it is no stranger any more."""
        self.allowance = UNLIMITED

    def next_run(self, publishing: Container[int], most: int) -> tuple[int, list[Media]] | None:
        """Take whole media messages of one NetStream that follow each other.

        Args:
            publishing: the NetStreams whose media are wanted.
            most: how many at once.

        Returns:
            The NetStream and at least one message, each as `next_message` would have given it; None
            where something else comes next, which is for `next_message` to say.
        """
        if self._open is not None or self.allowance < UNLIMITED:
            return None
        if self._at == len(self._data) or self._chunk_size < DEFAULT_CHUNK_SIZE:
            # Of a smaller chunk size, which no encoder has, a body's first bytes are not together.
            return None
        stream = self._streams.get(self._data[self._at] & 0x3F)
        if stream is None or stream.stream_id not in publishing:
            return None
        media, self._at = whole_media(
            self._data,
            self._at,
            self._streams,
            stream_id=stream.stream_id,
            chunk_size=self._chunk_size,
            length_limits=self._length_limits,
            room_bytes=self.most_partial_bytes - self.partial_bytes,
            most=most,
        )
        return (stream.stream_id, media) if media else None

    def next_message(self) -> Message | None:
        """Return the next whole message, or None when more bytes are needed or no steps are left.

        Raises:
            RemoteProtocolError: this is no chunk stream, or a bound was passed.
        """
        headers = self._headers
        while True:
            stream = self._open
            if stream is None:
                if self.steps_left <= 0:
                    return None
                self.steps_left -= 1
                stream = headers.read(self._data, self._at)
                if stream is None:
                    self._forget_parsed()
                    return None
                self._at = headers.end
                self._open_chunk(stream)
            payload = self._take(stream)
            if payload is None:
                if self._open is None:
                    continue
                self._forget_parsed()
                return None
            message = Message(stream.type_id, stream.stream_id, stream.timestamp, payload)
            if message.type_id > MessageType.ABORT or message.type_id == 0:
                return message
            self._obey(message)

    def _open_chunk(self, stream: ChunkStream) -> None:
        """The header of a chunk is consumed: its data may come, if they keep within the bounds."""
        size = stream.length - (0 if stream.partial is None else len(stream.partial))
        size = min(size, self._chunk_size)
        if self._parsed_before + self._at + size > self.allowance:
            raise RemoteProtocolError("too many bytes before a publish", Hint.TOO_LARGE)
        # Also of a chunk that is whole already: the split of what came must not matter.
        if self.partial_bytes + size > self.most_partial_bytes:
            raise RemoteProtocolError("too many unfinished bytes", Hint.TOO_LARGE)
        self._open, self._chunk_left = stream, size

    def _take(self, stream: ChunkStream) -> bytes | None:
        """Take what is there of the open chunk; return the message when it is whole."""
        piece = self._data[self._at : self._at + self._chunk_left]
        self._at += len(piece)
        self._chunk_left -= len(piece)
        if len(piece) == stream.length:
            self._open = stream.partial = None
            return piece
        if stream.partial is None:
            stream.partial = bytearray()
        stream.partial += piece
        self.partial_bytes += len(piece)
        if self._chunk_left:
            return None
        self._open = None
        if len(stream.partial) < stream.length:
            self._take_whole_chunks(stream, stream.partial)
            return None
        self.partial_bytes -= stream.length
        payload, stream.partial = bytes(stream.partial), None
        return payload

    def _take_whole_chunks(self, stream: ChunkStream, partial: bytearray) -> None:
        """Take the chunks that directly follow of the same message, but for its last, if all they
        have for a header is the one byte: one after the other they would cost a header each.

        A few are looked at, and twice as many while all of them were: so who interleaves chunks of
        one byte has looked at no more than a few bytes for each, and not all that came.
        """
        if not stream.mark or stream.extended is not None:
            return
        size, stride = self._chunk_size, self._chunk_size + 1
        left = min(
            (len(self._data) - self._at) // stride,
            (stream.length - len(partial) - 1) // size,
            (self.allowance - self._parsed_before - self._at) // stride,
            (self.most_partial_bytes - self.partial_bytes) // size,
        )
        looked_at = _FIRST_LOOK_CHUNKS
        while left > 0:
            looked_at = min(2 * looked_at, left)
            end = self._at + looked_at * stride
            marks = self._data[self._at : end : stride]
            count = looked_at - len(marks.lstrip(bytes((stream.mark,))))
            if not count:
                return
            end = self._at + count * stride
            taken = bytearray(memoryview(self._data)[self._at : end])
            del taken[::stride]
            partial += taken
            self.partial_bytes += len(taken)
            self._at = end
            left = left - count if count == looked_at else 0

    def _obey(self, message: Message) -> None:
        """Apply Set Chunk Size or Abort, from any chunk stream (§2.5), before the next byte."""
        self.obeyed += 1
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
                self.partial_bytes -= len(stream.partial)
                stream.partial = None
                self._counters.aborted_messages += 1
