"""The client's side of RTMP, for tests: a scripted encoder, sans-I/O.

Owns what encoders do differently on the wire: chunk size, header formats, chunk stream numbers,
whether an extended timestamp is repeated. Shares nothing with `recorder.rtmp`, so that a mistake
there is not made here as well. Bytes go out by `data_to_send` and come in by `receive`; the replies
of the server stand in `replies`.
"""

from __future__ import annotations

import enum
import struct
from typing import TYPE_CHECKING

import attrs

from recorder.amf import decode_values, encode_values

if TYPE_CHECKING:
    from recorder.amf import Value

HANDSHAKE_ANSWER_BYTES = 3073
C1 = bytes(8) + bytes(range(256)) * 5 + bytes(248)
"""Plain: time and version are zero."""
C0_C1 = b"\x03" + C1
C2 = bytes(1536)


class Style(enum.Enum):
    """How a sender chooses the format of a message header (protocol §2.2)."""

    FULL = "always format 0"  # RootEncoder
    DELTA = "format 0 once, then format 1"  # HaishinKit, OBS nearly
    SPEC = "the shortest that the specification allows"  # ffmpeg, GStreamer, OBS >= 30.2
    LIBRTMP = "format 3 means the same time, an equal delta is format 2"  # old OBS, rtmpsink


@attrs.frozen
class Reply:
    """One message of the server."""

    csid: int
    type_id: int
    stream_id: int
    timestamp: int
    payload: bytes
    wire_bytes: int
    chunks: int

    @property
    def values(self) -> list[Value]:
        """The values of a command or data message."""
        return decode_values(self.payload)

    @property
    def name(self) -> str:
        """The name of a command, or an empty string for other messages."""
        return str(self.values[0]) if self.type_id == 20 else ""

    @property
    def information(self) -> dict[str, Value]:
        """The information object: the last value of `onStatus`, `_error` and connect's answer."""
        information = self.values[-1]
        assert isinstance(information, dict)
        return information

    @property
    def code(self) -> str:
        return str(self.information["code"])


@attrs.define
class _Sent:
    """What was last sent on a chunk stream."""

    timestamp: int
    delta: int
    length: int
    type_id: int
    stream_id: int
    field: int


class RtmpClient:
    """A scripted encoder. What it sends next is up to the test."""

    def __init__(
        self,
        *,
        style: Style = Style.SPEC,
        repeat_extended: bool = True,
        csid_bytes: int | None = None,
        audio_csid: int = 4,
        video_csid: int = 6,
        data_csid: int = 4,
    ) -> None:
        self.style = style
        self.repeat_extended = repeat_extended
        self.csid_bytes = csid_bytes
        self.audio_csid = audio_csid
        self.video_csid = video_csid
        self.data_csid = data_csid
        self.chunk_size = 128
        self.server_chunk_size = 128
        self.handshake_answer = b""
        self.replies: list[Reply] = []
        self._out = bytearray()
        self._in = bytearray()
        self._sent: dict[int, _Sent] = {}

    # Bytes

    def data_to_send(self) -> bytes:
        """Take what was said since the last call."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def receive(self, data: bytes) -> None:
        """Read what the server sent."""
        self._in += data
        if len(self.handshake_answer) < HANDSHAKE_ANSWER_BYTES:
            if len(self._in) < HANDSHAKE_ANSWER_BYTES:
                return
            self.handshake_answer = bytes(self._in[:HANDSHAKE_ANSWER_BYTES])
            del self._in[:HANDSHAKE_ANSWER_BYTES]
        while (reply := self._read_reply()) is not None:
            self.replies.append(reply)
            if reply.type_id == 1:
                self.server_chunk_size = int.from_bytes(reply.payload[:4])

    def take_replies(self) -> list[Reply]:
        """Return the replies since the last call."""
        replies, self.replies = self.replies, []
        return replies

    def commands(self, name: str) -> list[Reply]:
        """Return all replies that are this command."""
        return [reply for reply in self.replies if reply.name == name]

    def status(self, stream_id: int) -> list[str]:
        """Return the codes of all `onStatus` on one message stream."""
        return [reply.code for reply in self.commands("onStatus") if reply.stream_id == stream_id]

    @property
    def unread_bytes(self) -> int:
        """Bytes of the server that are no whole message yet."""
        return len(self._in)

    def _read_reply(self) -> Reply | None:
        """Read one message: format 0, then format 3 only, as servers of this project write."""
        if len(self._in) < 12:
            return None
        first = self._in[0]
        assert 2 <= first < 64, "a server's message begins with format 0 and a one-byte csid"
        timestamp, length = int.from_bytes(self._in[1:4]), int.from_bytes(self._in[4:7])
        stream_id = int.from_bytes(self._in[8:12], "little")
        extended = 4 if timestamp == 0xFFFFFF else 0
        at, payload, chunks = 12 + extended, b"", 0
        while chunks == 0 or len(payload) < length:
            if chunks:
                assert self._in[at : at + 1] in (b"", bytes((0xC0 | first,)))
                at += 1 + extended
            size = min(self.server_chunk_size, length - len(payload))
            if len(self._in) < at + size:
                return None
            payload += self._in[at : at + size]
            at += size
            chunks += 1
        if extended:
            timestamp = int.from_bytes(self._in[12:16])
        reply = Reply(first, self._in[7], stream_id, timestamp, payload, at, chunks)
        del self._in[:at]
        return reply

    # Messages

    def raw(self, data: bytes) -> None:
        """Say exactly these bytes."""
        self._out += data

    def message(
        self,
        csid: int,
        type_id: int,
        stream_id: int,
        timestamp: int,
        payload: bytes,
        header_format: int | None = None,
    ) -> None:
        """Say one message in as many chunks as it needs."""
        for chunk in self.chunks(csid, type_id, stream_id, timestamp, payload, header_format):
            self._out += chunk

    def chunks(
        self,
        csid: int,
        type_id: int,
        stream_id: int,
        timestamp: int,
        payload: bytes,
        header_format: int | None = None,
    ) -> list[bytes]:
        """Return the chunks of a message, and take it as sent. So a test can interleave them."""
        timestamp &= 0xFFFFFFFF
        last = self._sent.get(csid)
        if header_format is None:
            header_format = self._choose_format(last, type_id, stream_id, timestamp, len(payload))
        delta = (timestamp - (last.timestamp if last else 0)) & 0xFFFFFFFF
        if header_format == 3:
            assert last is not None
            field = last.field
            delta = last.delta
        else:
            field = timestamp if header_format == 0 else delta
            delta = field
        self._sent[csid] = _Sent(timestamp, delta, len(payload), type_id, stream_id, field)
        extended = struct.pack(">I", field) if field >= 0xFFFFFF else b""
        header = (
            min(field, 0xFFFFFF).to_bytes(3)
            + len(payload).to_bytes(3)
            + bytes((type_id,))
            + struct.pack("<I", stream_id)
        )[: (11, 7, 3, 0)[header_format]]
        if header_format != 3 or self.repeat_extended:
            header += extended
        size = self.chunk_size
        chunks = [self.basic_header(header_format, csid) + header + payload[:size]]
        continuation = self.basic_header(3, csid) + (extended if self.repeat_extended else b"")
        chunks += [continuation + payload[at : at + size] for at in range(size, len(payload), size)]
        return chunks

    def _choose_format(
        self, last: _Sent | None, type_id: int, stream_id: int, timestamp: int, length: int
    ) -> int:
        if last is None or self.style is Style.FULL or stream_id != last.stream_id:
            return 0
        if self.style is Style.SPEC and timestamp < last.timestamp:
            return 0  # as ffmpeg does when time goes backwards (protocol §2.4)
        if self.style is Style.DELTA:
            return 1
        if (length, type_id) != (last.length, last.type_id):
            return 1
        if self.style is Style.LIBRTMP:
            return 3 if timestamp == last.timestamp else 2
        return 3 if (timestamp - last.timestamp) & 0xFFFFFFFF == last.delta else 2

    def basic_header(self, header_format: int, csid: int) -> bytes:
        """Return the first one to three bytes of a chunk, in the form this client uses."""
        size = self.csid_bytes or (1 if csid < 64 else 2 if csid < 320 else 3)
        if size == 1:
            return bytes((header_format << 6 | csid,))
        if size == 2:
            return bytes((header_format << 6, csid - 64))
        return bytes((header_format << 6 | 1,)) + (csid - 64).to_bytes(2, "little")

    def control(self, type_id: int, body: bytes, csid: int = 2) -> None:
        self.message(csid, type_id, 0, 0, body)

    def set_chunk_size(self, chunk_size: int) -> None:
        """Announce a chunk size and use it from the next chunk on."""
        self.control(1, struct.pack(">I", chunk_size))
        self.chunk_size = min(chunk_size, 0xFFFFFF)

    def window_ack_size(self, window_bytes: int) -> None:
        self.control(5, struct.pack(">I", window_bytes))

    def command(
        self, name: str, transaction: float, *values: Value, stream_id: int = 0, csid: int = 3
    ) -> None:
        self.message(csid, 20, stream_id, 0, encode_values(name, transaction, *values))

    # A session

    def hello(self) -> None:
        """Say C0 and C1."""
        self.raw(C0_C1)

    def greet(self) -> None:
        """Say all of the handshake at once, without looking at the answer."""
        self.raw(C0_C1 + C2)

    def connect(self, app: str = "live", **members: Value) -> None:
        """Say connect, with transaction 1."""
        described: dict[str, Value] = {
            "app": app,
            "type": "nonprivate",
            "flashVer": "FMLE/3.0 (compatible; test)",
            "tcUrl": f"rtmp://127.0.0.1/{app}",
        }
        self.command("connect", 1, described | members)

    def publish(
        self, name: str, *, stream_id: int = 1, transaction: float = 5, publish_type: Value = "live"
    ) -> None:
        """Say publish on a NetStream."""
        self.command("publish", transaction, None, name, publish_type, stream_id=stream_id, csid=8)

    def start(self, name: str, *, app: str = "live", **members: Value) -> None:
        """Say everything up to publish on NetStream 1, without waiting for any answer."""
        self.greet()
        self.connect(app, **members)
        self.command("releaseStream", 2, None, name)
        self.command("FCPublish", 3, None, name)
        self.command("createStream", 4, None)
        self.publish(name)

    def play(self, name: str, *, stream_id: int = 1) -> None:
        """Say play on a NetStream, as ffmpeg does."""
        self.command("play", 0, None, name, -2000, stream_id=stream_id, csid=8)

    def watch(self, name: str, *, app: str = "live") -> None:
        """Say everything up to play on NetStream 1, without waiting for any answer."""
        self.greet()
        self.connect(app)
        self.command("createStream", 2, None)
        self.play(name)

    def audio(self, timestamp: int, body: bytes, *, stream_id: int = 1) -> None:
        self.message(self.audio_csid, 8, stream_id, timestamp, body)

    def video(self, timestamp: int, body: bytes, *, stream_id: int = 1) -> None:
        self.message(self.video_csid, 9, stream_id, timestamp, body)

    def metadata(self, values: dict[str, Value], *, timestamp: int = 0, stream_id: int = 1) -> None:
        """Say `@setDataFrame`, `onMetaData` and the values."""
        body = encode_values("@setDataFrame", "onMetaData", values)
        self.message(self.data_csid, 18, stream_id, timestamp, body)

    def cue_point(self, time: float, *, stream_id: int = 1) -> None:
        """Say `onCuePoint`, as FMLE does."""
        body = encode_values("onCuePoint", {"name": "slide", "time": time, "type": "event"})
        self.message(self.data_csid, 18, stream_id, 0, body)

    def finish(self, name: str, *, stream_id: int = 1) -> None:
        """Say goodbye as OBS, ffmpeg and librtmp do."""
        self.command("FCUnpublish", 6, None, name)
        self.command("deleteStream", 7, None, stream_id)
