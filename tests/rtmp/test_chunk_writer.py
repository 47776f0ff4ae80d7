"""The chunk writer: complete messages with format 0, read back by our own reader."""

from __future__ import annotations

import pytest

from recorder.rtmp.chunk_writer import ChunkWriter
from recorder.rtmp.messages import Message
from tests.rtmp.driving import check_reading


def test_a_small_message_is_one_chunk_with_a_full_header() -> None:
    data = ChunkWriter().write(5, Message(20, 1, 0, b"body"))
    assert data == bytes.fromhex("05 000000 000004 14 01000000") + b"body"


def test_a_message_without_payload_is_its_header() -> None:
    assert ChunkWriter().write(2, Message(4, 0, 7, b"")) == bytes.fromhex(
        "02 000007 000000 04 00000000"
    )


@pytest.mark.parametrize("timestamp", [0, 0xFF_FFFE, 0xFF_FFFF, 0x0100_0000, 0xFFFF_FFFF])
@pytest.mark.parametrize("size", [0, 1, 127, 128, 129, 256, 1000])
def test_what_is_written_is_read_back(timestamp: int, size: int) -> None:
    body = bytes(range(250)) * 4
    data = ChunkWriter().write(6, Message(9, 3, timestamp, body[:size]))
    check_reading(data, [(9, 3, timestamp, body[:size])])


def test_a_larger_chunk_size_makes_one_chunk() -> None:
    writer = ChunkWriter()
    writer.chunk_size = 65536
    assert len(writer.write(6, Message(9, 1, 0, bytes(60000)))) == 12 + 60000


def test_a_time_beyond_32_bits_wraps() -> None:
    check_reading(ChunkWriter().write(6, Message(9, 1, (1 << 32) + 5, b"x")), [(9, 1, 5, b"x")])
