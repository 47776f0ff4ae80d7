"""What we say: bytes due to the peer, on the chunk streams where clients look for them.

Owns the output buffer and our chunk size. Does not know when anything is due. Every message is
whole before it is taken, so whoever sends these bytes sends complete chunks (protocol §4.3, OBS).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from recorder.rtmp import commands
from recorder.rtmp.chunk_writer import ChunkWriter
from recorder.rtmp.errors import RemoteProtocolError
from recorder.rtmp.messages import Message, MessageType, u32_body

if TYPE_CHECKING:
    from collections.abc import Iterator

# Larix wants exactly these (SRS #4510, #4683, #4723).
_CONTROL_CSID: Final = 2
_COMMAND_CSID: Final = 3
_STATUS_CSID: Final = 5


class Output:
    """Bytes not taken yet."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._writer = ChunkWriter()

    def __len__(self) -> int:
        return len(self._bytes)

    def take(self) -> bytes:
        data = bytes(self._bytes)
        self._bytes.clear()
        return data

    def raw(self, data: bytes) -> None:
        """Say something that is no chunk: the handshake."""
        self._bytes += data

    def announce_chunk_size(self, chunk_size: int) -> None:
        """Write Set Chunk Size, and the next message by it."""
        self.control(MessageType.SET_CHUNK_SIZE, u32_body(chunk_size))
        self._writer.chunk_size = chunk_size

    def control(self, message_type: MessageType, body: bytes) -> None:
        """Write a protocol or user control message (§2.5: csid 2, message stream 0)."""
        self._write(_CONTROL_CSID, Message(message_type, 0, 0, body))

    def reply(self, body: bytes) -> None:
        """Write a command on message stream 0."""
        self._write(_COMMAND_CSID, Message(MessageType.COMMAND_AMF0, 0, 0, body))

    def answer(self, transaction: float, body: bytes) -> None:
        """Write the answer to a call; one of transaction 0 wants none, and gets none (§4.1)."""
        if transaction != 0:
            self.reply(body)

    def refuse(self, stream_id: int, code: str, description: str) -> None:
        """Write an onStatus that says why not (§4.4)."""
        self.status(stream_id, "error", code, description)

    @contextmanager
    def telling(self, stream_id: int, code: str) -> Iterator[None]:
        """Tell the NetStream it concerns, before it ends the connection, what is wrong in here."""
        try:
            yield
        except RemoteProtocolError as error:
            self.refuse(stream_id, code, error.reason)
            raise

    def status(self, stream_id: int, level: str, code: str, description: str) -> None:
        """Write an onStatus on a NetStream's own message stream."""
        body = commands.status(level, code, description)
        self._write(_STATUS_CSID, Message(MessageType.COMMAND_AMF0, stream_id, 0, body))

    def data(self, stream_id: int, body: bytes) -> None:
        """Write a data message on a NetStream's own message stream."""
        self._write(_STATUS_CSID, Message(MessageType.DATA_AMF0, stream_id, 0, body))

    def _write(self, csid: int, message: Message) -> None:
        self._bytes += self._writer.write(csid, message)
