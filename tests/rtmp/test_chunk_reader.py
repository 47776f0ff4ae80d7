"""The chunk reader: headers of every form, interleaving, chunk sizes, Abort, bounds (§2)."""

from __future__ import annotations

import pytest

from recorder.rtmp import Counters, Hint, Limits, RemoteProtocolError
from recorder.rtmp.chunks import ChunkReader
from tests.helpers.rtmp_client import RtmpClient, Style
from tests.rtmp.driving import byte_by_byte, check_reading, read_messages

FORMS = [
    (2, None),
    (3, None),
    (63, None),
    (64, None),
    (319, None),
    (320, None),
    (65599, None),
    (64, 3),
    (319, 3),
    (100, 3),
]


def failure(data: bytes, *, limits: Limits | None = None) -> RemoteProtocolError:
    """Return the error, which must be the same byte by byte."""
    with pytest.raises(RemoteProtocolError) as whole:
        read_messages([data], limits=limits)
    with pytest.raises(RemoteProtocolError) as split:
        read_messages(byte_by_byte(data), limits=limits)
    assert (whole.value.reason, whole.value.hint) == (split.value.reason, split.value.hint)
    return whole.value


@pytest.mark.parametrize(("csid", "csid_bytes"), FORMS)
def test_every_form_of_csid_is_read_in_every_format(csid: int, csid_bytes: int | None) -> None:
    client = RtmpClient(csid_bytes=csid_bytes)
    client.message(csid, 9, 1, 100, b"a" * 300, 0)
    client.message(csid, 8, 1, 140, b"b" * 200, 1)
    client.message(csid, 8, 1, 160, b"c" * 200, 2)
    client.message(csid, 8, 1, 180, b"d" * 200, 3)
    check_reading(
        client.data_to_send(),
        [
            (9, 1, 100, b"a" * 300),
            (8, 1, 140, b"b" * 200),
            (8, 1, 160, b"c" * 200),
            (8, 1, 180, b"d" * 200),
        ],
    )


def test_the_same_number_in_two_forms_is_the_same_chunk_stream() -> None:
    long, short = RtmpClient(csid_bytes=3), RtmpClient(csid_bytes=2)
    first, _ = long.chunks(100, 9, 1, 0, b"x" * 200)
    _, last = short.chunks(100, 9, 1, 0, b"x" * 200)
    check_reading(first + last, [(9, 1, 0, b"x" * 200)])


def test_the_three_byte_form_is_little_endian() -> None:
    client = RtmpClient()
    header = client.chunks(64 + 0x0201, 9, 1, 0, b"x")[0]
    assert header[:3] == b"\x01\x01\x02"
    data = header + b"\x81\x01\x02\x00\x00\x05y"
    check_reading(data, [(9, 1, 0, b"x"), (9, 1, 5, b"y")])


def test_the_example_of_the_specification_with_four_equal_steps() -> None:
    # Spec §5.3.2.1: audio of 32 bytes at 1000, 1020, 1040, 1060; formats 0, 2, 3, 3.
    data = b"".join(
        (
            bytes.fromhex("03 0003e8 000020 08 39300000") + b"a" * 32,
            bytes.fromhex("83 000014") + b"b" * 32,
            b"\xc3" + b"c" * 32,
            b"\xc3" + b"d" * 32,
        )
    )
    expected = [
        (8, 12345, time, letter * 32)
        for time, letter in zip((1000, 1020, 1040, 1060), (b"a", b"b", b"c", b"d"), strict=True)
    ]
    check_reading(data, expected)


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


def test_a_chunk_stream_may_begin_with_format_1_and_inherits_zeros() -> None:
    # As librtmp's pings begin: `42 ...` (§2.2).
    data = bytes.fromhex("42 000005 000006 04 0006 00000001")
    counters = check_reading(data, [(4, 0, 5, bytes.fromhex("000600000001"))])
    assert counters.format1_first == 1


@pytest.mark.parametrize("first", [b"\x85\x00\x00\x00", b"\xc5"])
def test_a_chunk_stream_cannot_begin_with_a_header_that_inherits_its_length(first: bytes) -> None:
    assert failure(first).hint is Hint.PROTOCOL


@pytest.mark.parametrize("header_format", [0, 1, 2])
def test_a_message_cannot_begin_inside_another_of_its_chunk_stream(header_format: int) -> None:
    client = RtmpClient()
    first = client.chunks(4, 9, 1, 0, bytes(200))[0]
    second = client.chunks(4, 9, 1, 40, bytes(200), header_format)[0]
    assert "inside another" in failure(first + second).reason


def test_backward_steps_come_as_deltas_modulo_2_to_the_32() -> None:
    # librtmp: -297 ms as 4294966999 with an extended timestamp (§2.4).
    client = RtmpClient(style=Style.LIBRTMP)
    client.message(4, 8, 1, 1000, b"a" * 200)
    client.message(4, 9, 1, 703, b"v" * 300)
    client.message(4, 8, 1, 1023, b"b" * 200)
    check_reading(
        client.data_to_send(),
        [(8, 1, 1000, b"a" * 200), (9, 1, 703, b"v" * 300), (8, 1, 1023, b"b" * 200)],
    )


def test_time_wraps_at_2_to_the_32() -> None:
    client = RtmpClient(style=Style.DELTA)
    client.message(4, 8, 1, 0xFFFF_FFF0, b"a")
    client.message(4, 8, 1, 0x1_0000_0010, b"b")
    check_reading(client.data_to_send(), [(8, 1, 0xFFFF_FFF0, b"a"), (8, 1, 0x10, b"b")])


@pytest.mark.parametrize("style", Style)
@pytest.mark.parametrize("base", [0, 0xFF_FFF0, 0x7FFF_FFF0, 0xFFFF_FFF0])
@pytest.mark.parametrize("chunk_size", [1, 4, 128, 65536])
def test_a_clock_passes_every_edge_in_every_style(style: Style, base: int, chunk_size: int) -> None:
    client = RtmpClient(style=style)
    client.chunk_size = chunk_size
    expected = []
    for index in range(12):
        timestamp = (base + 5 * index) & 0xFFFF_FFFF
        body = bytes((index,)) * (20 if index % 3 else 33)
        client.message(6, 9, 1, timestamp, body)
        expected.append((9, 1, timestamp, body))
    announced = bytes.fromhex("02 000000 000004 01 00000000") + chunk_size.to_bytes(4)
    check_reading(announced + client.data_to_send(), expected)


def test_a_stream_id_is_little_endian() -> None:
    data = bytes.fromhex("04 000000 000001 09 01020304 aa")
    check_reading(data, [(9, 0x04030201, 0, b"\xaa")])


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


@pytest.mark.parametrize(
    ("type_id", "limits"),
    [
        (8, Limits(audio_bytes=99)),
        (9, Limits(message_bytes=99)),
        (22, Limits(message_bytes=99)),
        (77, Limits(message_bytes=99)),
        (18, Limits(command_bytes=99)),
        (20, Limits(command_bytes=99)),
        (4, Limits(command_bytes=99)),
    ],
)
def test_a_declared_length_beyond_its_type_is_refused_by_the_header(
    type_id: int, limits: Limits
) -> None:
    client = RtmpClient()
    client.message(5, type_id, 1, 0, bytes(99))
    assert len(read_messages([client.data_to_send()], limits=limits)[0]) == 1
    header = client.chunks(6, type_id, 1, 0, bytes(100))[0][:12]
    assert failure(header, limits=limits).hint is Hint.TOO_LARGE


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


def test_the_number_of_chunk_streams_is_bounded_and_not_their_numbers() -> None:
    limits = Limits(chunk_streams=3)
    client = RtmpClient()
    for csid in (3, 64, 65599):
        client.message(csid, 8, 1, 0, b"a")
    data = client.data_to_send()
    assert len(read_messages([data], limits=limits)[0]) == 3
    client.message(4, 8, 1, 0, b"a")
    assert failure(data + client.data_to_send(), limits=limits).hint is Hint.TOO_LARGE


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
