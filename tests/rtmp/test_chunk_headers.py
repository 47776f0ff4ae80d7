"""Chunk headers: every form and format, the clock they tell, and what none may say (§2.1 to §2.4).

What senders disagree about is in `test_chunk_dialects`.
"""

from __future__ import annotations

import pytest

from recorder.rtmp import Hint, Limits
from tests.helpers.rtmp_client import RtmpClient, Style
from tests.rtmp.driving import check_reading, failure, read_messages

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


def test_the_number_of_chunk_streams_is_bounded_and_not_their_numbers() -> None:
    limits = Limits(chunk_streams=3)
    client = RtmpClient()
    for csid in (3, 64, 65599):
        client.message(csid, 8, 1, 0, b"a")
    data = client.data_to_send()
    assert len(read_messages([data], limits=limits)[0]) == 3
    client.message(4, 8, 1, 0, b"a")
    assert failure(data + client.data_to_send(), limits=limits).hint is Hint.TOO_LARGE
