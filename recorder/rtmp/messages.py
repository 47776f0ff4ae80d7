"""Messages: what they are called, and the bodies that are not AMF.

Owns the type numbers (protocol §2.7), protocol and user control bodies (§2.5, §2.6) and the
splitting of aggregates. Knows neither chunks nor the state of a connection.
"""

from __future__ import annotations

import enum
import struct
from typing import Final, NamedTuple

_U16: Final = struct.Struct(">H")
_U32: Final = struct.Struct(">I")
U32_MASK: Final = 0xFFFF_FFFF


class MessageType(enum.IntEnum):
    """The types that mean something to us."""

    SET_CHUNK_SIZE = 1
    ABORT = 2
    ACKNOWLEDGEMENT = 3
    USER_CONTROL = 4
    WINDOW_ACK_SIZE = 5
    SET_PEER_BANDWIDTH = 6
    AUDIO = 8
    VIDEO = 9
    DATA_AMF3 = 15
    SHARED_OBJECT_AMF3 = 16
    COMMAND_AMF3 = 17
    DATA_AMF0 = 18
    SHARED_OBJECT_AMF0 = 19
    COMMAND_AMF0 = 20
    AGGREGATE = 22


class UserControl(enum.IntEnum):
    """The user control events that we send or answer; all others are ignored (§2.6)."""

    STREAM_BEGIN = 0
    PING_REQUEST = 6
    PING_RESPONSE = 7


class Message(NamedTuple):
    """One message as it was sent. A tuple, because one is made for every frame."""

    type_id: int
    stream_id: int
    timestamp: int
    payload: bytes


def u32_at_front(payload: bytes) -> int | None:
    """Return the first four bytes as a number; longer bodies are tolerated, shorter are None."""
    return _U32.unpack_from(payload)[0] if len(payload) >= 4 else None


def u32_body(value: int) -> bytes:
    """Return the body of types 1 to 3 and 5."""
    return _U32.pack(value & U32_MASK)


def peer_bandwidth_body(window_bytes: int) -> bytes:
    """Return the body of type 6, with limit type 2: dynamic (§4.3)."""
    return _U32.pack(window_bytes) + b"\x02"


def user_control_body(event: UserControl, data: bytes) -> bytes:
    return _U16.pack(event) + data


def stream_begin_body(stream_id: int) -> bytes:
    return user_control_body(UserControl.STREAM_BEGIN, _U32.pack(stream_id))


class Aggregate:
    """The messages inside a type 22 message, taken one at a time.

    One at a time, because 16 MiB of empty tags would be a million messages at once. The body is a
    row of FLV tags: header of 11 bytes, data, back-pointer of 4.
    """

    __slots__ = ("_at", "_body", "_offset", "_stream_id", "broken")

    def __init__(self, message: Message) -> None:
        self._body = message.payload
        self._at = 0
        self._stream_id = message.stream_id
        self.broken = False
        # §2.7: sub-message time = message time + (tag time - first tag's time), modulo 2**32.
        # A body without a whole first tag has no messages, so its offset does not matter.
        self._offset = message.timestamp
        if len(self._body) >= _TAG_HEADER_BYTES:
            self._offset -= _tag_time(self._body, 0)

    @property
    def unread_bytes(self) -> int:
        return len(self._body) - self._at

    def next_message(self) -> Message | None:
        """Return the next one, or None at the end; `broken` then says whether it was a cut."""
        body, at = self._body, self._at
        if at == len(body):
            return None
        start = at + _TAG_HEADER_BYTES
        end = start + int.from_bytes(body[at + 1 : at + 4]) if start <= len(body) else start
        if end > len(body):
            self.broken = True
            self._at = len(body)
            return None
        # A missing last back-pointer costs nobody anything.
        self._at = min(end + _BACK_POINTER_BYTES, len(body))
        timestamp = (_tag_time(body, at) + self._offset) & U32_MASK
        # The tags' own stream ids are ignored: the message's counts. Bit 5 of the type byte would
        # mean encryption and bits 6 and 7 are reserved, so the type is the low five (§5.1).
        return Message(body[at] & 0x1F, self._stream_id, timestamp, body[start:end])


_TAG_HEADER_BYTES: Final = 11
_BACK_POINTER_BYTES: Final = 4


def _tag_time(body: bytes, at: int) -> int:
    """Return a tag's 32-bit time: low 24 bits first, then the high 8."""
    return int.from_bytes(body[at + 4 : at + 7]) | body[at + 7] << 24
