"""What a peer sends costs work in proportion to its bytes, counted in steps and not in seconds."""

from __future__ import annotations

import pytest

from recorder.rtmp import Counters, Limits
from recorder.rtmp.chunks import ChunkReader
from tests.helpers.looked import Looked
from tests.helpers.rtmp_client import RtmpClient
from tests.rtmp.driving import read_messages


def interleaved(chunk_size: int, most_bytes: int) -> bytes:
    """Two messages that take turns, and of which neither ends."""
    client = RtmpClient()
    client.set_chunk_size(chunk_size)
    chunks = [client.chunks(csid, 9, 1, 0, bytes(most_bytes)) for csid in (3, 4)]
    client.raw(b"".join(chunk for pair in zip(*chunks, strict=True) for chunk in pair))
    return client.data_to_send()[:most_bytes]


@pytest.mark.parametrize("chunk_size", [1, 2, 7, 128])
def test_chunks_that_take_turns_are_not_looked_at_again_and_again(chunk_size: int) -> None:
    # A stranger could keep everybody waiting for ten seconds with 250 000 bytes.
    data = Looked(interleaved(chunk_size, 30_000))
    reader = ChunkReader(Limits(), Counters())
    reader.receive(data)
    assert reader.next_message() is None
    assert data.looked_at < 12 * len(data)


@pytest.mark.parametrize("row", [0, 1, 14, 15, 16, 17, 18, 40, 98])
def test_chunks_in_a_row_are_taken_up_to_what_breaks_the_row(row: int) -> None:
    body = bytes(index % 251 for index in range(1000))
    for between in (b"", body[:7], body[:25]):
        client = RtmpClient()
        client.set_chunk_size(10)
        video = client.chunks(6, 9, 1, 0, body)
        client.raw(b"".join(video[: row + 1]))
        client.message(4, 8, 1, 0, between)
        client.raw(b"".join(video[row + 1 :]))
        expected = [(8, 1, 0, between), (9, 1, 0, body)]
        assert read_messages([client.data_to_send()]) == (expected, 0)
