"""The chunk reader: interleaving, chunk sizes, Abort, bounds (§2)."""

from __future__ import annotations

import pytest

from recorder.rtmp import Counters, Hint, Limits, RemoteProtocolError
from recorder.rtmp.chunks import ChunkReader
from tests.helpers.rtmp_client import RtmpClient
from tests.rtmp.driving import check_reading, failure, read_messages


def test_the_example_of_the_specification_with_one_long_message() -> None:
    # Spec §5.3.2.2: video of 307 bytes in chunks of 128.
    body = bytes(range(256)) + bytes(51)
    data = bytes.fromhex("04 0003e8 000133 09 3a300000") + body[:128]
    data += b"\xc4" + body[128:256] + b"\xc4" + body[256:]
    check_reading(data, [(9, 12346, 1000, body)])


def test_chunk_streams_interleave_at_any_chunk() -> None:
    client = RtmpClient()
    video = client.chunks(6, 9, 1, 40, b"v" * 300)
    audio = client.chunks(4, 8, 1, 23, b"a" * 200)
    data = video[0] + audio[0] + video[1] + audio[1] + video[2]
    check_reading(data, [(8, 1, 23, b"a" * 200), (9, 1, 40, b"v" * 300)])


def test_a_message_that_fills_its_last_chunk_needs_no_further_one() -> None:
    client = RtmpClient()
    client.message(6, 9, 1, 0, b"v" * 256)
    client.message(6, 9, 1, 40, b"w" * 128)
    check_reading(client.data_to_send(), [(9, 1, 0, b"v" * 256), (9, 1, 40, b"w" * 128)])


def test_a_message_without_payload_is_complete_at_once_in_every_format() -> None:
    client = RtmpClient()
    for timestamp, header_format in ((10, 0), (20, 1), (40, 2), (60, 3)):
        client.message(4, 8, 1, timestamp, b"", header_format)
    expected = [(8, 1, timestamp, b"") for timestamp in (10, 20, 40, 60)]
    check_reading(client.data_to_send(), expected)


def test_set_chunk_size_applies_to_the_next_chunk_even_inside_a_message() -> None:
    client = RtmpClient()
    video = client.chunks(6, 9, 1, 0, b"v" * 300)
    sized = bytes.fromhex("02 000000 000004 01 00000000 00000064")
    data = video[0] + sized + b"\xc6" + b"v" * 100 + b"\xc6" + b"v" * 72
    check_reading(data, [(9, 1, 0, b"v" * 300)])


@pytest.mark.parametrize("announced", [1, 2, 390, 554, 0xFF_FFFF, 0x0800_0000, 0x7FFF_FFFF])
def test_every_legal_chunk_size_is_accepted(announced: int) -> None:
    client = RtmpClient()
    client.set_chunk_size(announced)
    client.message(6, 9, 1, 0, bytes(3000))
    check_reading(client.data_to_send(), [(9, 1, 0, bytes(3000))])


def test_set_chunk_size_is_obeyed_on_any_chunk_stream_and_with_a_longer_body() -> None:
    # PTZ cameras send control messages on csid 4 (mediamtx #4807).
    client = RtmpClient()
    client.control(1, bytes.fromhex("00000400 99"), csid=4)
    client.chunk_size = 1024
    client.message(6, 9, 1, 0, bytes(3000))
    check_reading(client.data_to_send(), [(9, 1, 0, bytes(3000))])


@pytest.mark.parametrize("body", ["00000000", "80000000", "ffffffff", "000080", ""])
def test_an_impossible_chunk_size_ends_the_connection(body: str) -> None:
    client = RtmpClient()
    client.control(1, bytes.fromhex(body))
    assert failure(client.data_to_send()).hint is Hint.PROTOCOL


def test_abort_drops_the_unfinished_message_and_keeps_header_and_time() -> None:
    client = RtmpClient()
    client.message(6, 9, 1, 100, b"k" * 200, 0)
    dropped = client.chunks(6, 9, 1, 140, b"d" * 200, 2)[0]
    data = client.data_to_send() + dropped
    client.control(2, (6).to_bytes(4))
    client.message(6, 9, 1, 180, b"n" * 200, 3)
    data += client.data_to_send()
    counters = check_reading(data, [(9, 1, 100, b"k" * 200), (9, 1, 180, b"n" * 200)])
    assert counters.aborted_messages == 1


@pytest.mark.parametrize("csid", [6, 7])
def test_abort_without_an_unfinished_message_changes_nothing(csid: int) -> None:
    client = RtmpClient()
    client.message(6, 9, 1, 0, b"v")
    client.control(2, csid.to_bytes(4))
    client.message(6, 9, 1, 40, b"w")
    counters = check_reading(client.data_to_send(), [(9, 1, 0, b"v"), (9, 1, 40, b"w")])
    assert counters.aborted_messages == 0


def test_abort_gives_the_memory_back() -> None:
    client = RtmpClient()
    data = client.chunks(6, 9, 1, 0, bytes(2000))[0]
    client.control(2, (6).to_bytes(4))
    assert read_messages([data + client.data_to_send()]) == ([], 0)


def test_a_short_abort_ends_the_connection() -> None:
    client = RtmpClient()
    client.control(2, b"\x00\x06")
    assert failure(client.data_to_send()).hint is Hint.PROTOCOL


def test_type_0_and_unknown_types_are_messages_like_others() -> None:
    # A GPS dashcam sends type 0 (§2.7).
    client = RtmpClient()
    client.message(5, 0, 0, 0, b"gps")
    client.message(5, 0x1E, 0, 0, b"?")
    check_reading(client.data_to_send(), [(0, 0, 0, b"gps"), (0x1E, 0, 0, b"?")])


def test_a_declared_length_takes_no_memory() -> None:
    reader = ChunkReader(Limits(), Counters())
    reader.receive(bytes.fromhex("06 000000 ffffff 09 01000000") + bytes(128))
    assert reader.next_message() is None
    assert reader.buffered_bytes == 128


def test_unfinished_messages_are_bounded_together() -> None:
    limits = Limits(partial_bytes=300)
    client = RtmpClient()
    starts = [client.chunks(csid, 9, 1, 0, bytes(1000))[0] for csid in (5, 6, 7)]
    assert read_messages([b"".join(starts[:2])], limits=limits) == ([], 256)
    assert failure(b"".join(starts), limits=limits).hint is Hint.TOO_LARGE


def test_a_message_in_one_chunk_is_unfinished_too_until_all_of_it_came() -> None:
    # Its bytes were not counted: as many as a message may have were held beyond the bound.
    limits = Limits(partial_bytes=300)
    for size in (172, 173):
        client = RtmpClient()
        client.raw(client.chunks(5, 9, 1, 0, bytes(1000))[0])
        client.set_chunk_size(500)
        client.message(6, 9, 1, 0, bytes(size))
        data = client.data_to_send()
        if size == 172:
            assert read_messages([data], limits=limits) == ([(9, 1, 0, bytes(size))], 128)
            assert read_messages([data[:-1]], limits=limits) == ([], 299)
        else:
            assert failure(data, limits=limits).hint is Hint.TOO_LARGE


def test_before_a_publish_no_chunk_may_end_behind_the_allowance() -> None:
    client = RtmpClient()
    client.message(3, 9, 1, 0, bytes(88))
    data = client.data_to_send()
    reader = ChunkReader(Limits(bytes_before_publish=250), Counters())
    reader.receive(data * 2)
    assert reader.next_message() == reader.next_message() == (9, 1, 0, bytes(88))
    assert reader.next_message() is None
    # The third would end at byte 300: its header is enough to refuse it.
    reader.receive(data[:12])
    with pytest.raises(RemoteProtocolError) as caught:
        reader.next_message()
    assert caught.value.hint is Hint.TOO_LARGE


def test_what_was_parsed_is_not_kept_when_more_is_needed() -> None:
    client = RtmpClient()
    client.message(3, 9, 1, 0, bytes(100))
    one = client.data_to_send()
    reader = ChunkReader(Limits(), Counters())
    reader.receive(one + one + one[:50])
    assert reader.next_message() is not None
    assert reader.buffered_bytes == 162
    assert reader.next_message() is not None
    assert reader.next_message() is None
    # The header of the third is consumed already.
    assert reader.buffered_bytes == 38
    assert reader._data == b""


def test_without_a_step_left_no_header_is_read() -> None:
    client = RtmpClient()
    client.message(3, 9, 1, 0, b"a")
    client.message(3, 9, 1, 40, b"b")
    reader = ChunkReader(Limits(), Counters())
    reader.receive(client.data_to_send())
    reader.steps_left = 1
    assert reader.next_message() == (9, 1, 0, b"a")
    assert reader.next_message() is None
    reader.steps_left = 1
    assert reader.next_message() == (9, 1, 40, b"b")
