"""What senders disagree about: new messages by format 3 (§2.2), extended timestamps (§2.3)."""

from __future__ import annotations

import pytest

from tests.helpers.rtmp_client import RtmpClient, Style
from tests.rtmp.driving import check_reading, read_messages


def times(data: bytes, *, tell_format3_apart: bool = True) -> list[int]:
    messages, _ = read_messages([data], tell_format3_apart=tell_format3_apart)
    return [message.timestamp for message in messages]


def say(client: RtmpClient, timestamps: list[int]) -> bytes:
    for timestamp in timestamps:
        client.message(4, 8, 1, timestamp, b"a" * 7)
    return client.data_to_send()


def test_format_3_repeats_the_last_delta() -> None:
    sent = [0, 20, 40, 60, 80]
    assert times(say(RtmpClient(style=Style.SPEC), sent)) == sent


def test_format_3_behind_format_0_repeats_its_time_as_the_delta() -> None:
    # FMLE: a message at 26, then format 3 meaning 52 (§2.2).
    client = RtmpClient()
    client.message(4, 8, 1, 26, b"a", 0)
    client.message(4, 8, 1, 52, b"b", 3)
    client.message(4, 8, 1, 78, b"c", 3)
    check_reading(client.data_to_send(), [(8, 1, 26, b"a"), (8, 1, 52, b"b"), (8, 1, 78, b"c")])


@pytest.mark.parametrize(
    ("first", "second", "guarded"),
    [(1000, 2000, 0), (1001, 1001, 1), (30_000_000, 30_000_000, 1)],
)
def test_a_late_absolute_time_is_never_taken_for_a_delta(
    first: int, second: int, guarded: int
) -> None:
    client = RtmpClient()
    client.message(4, 8, 1, first, b"a", 0)
    client.message(4, 8, 1, first, b"b", 3)
    counters = check_reading(client.data_to_send(), [(8, 1, first, b"a"), (8, 1, second, b"b")])
    assert counters.guarded_format3 == guarded


def test_an_old_librtmp_is_told_by_a_format_2_that_repeats_the_delta() -> None:
    sent = [0, 20, 40, 60, 60, 80, 80, 80, 100]
    data = say(RtmpClient(style=Style.LIBRTMP), sent)
    counters = check_reading(data, [(8, 1, timestamp, b"a" * 7) for timestamp in sent])
    assert counters.delta_zero_format3 == 3


def test_without_that_evidence_the_specification_is_followed() -> None:
    sent = [0, 20, 20]
    assert times(say(RtmpClient(style=Style.LIBRTMP), sent)) == [0, 20, 40]


def test_telling_them_apart_can_be_switched_off() -> None:
    data = say(RtmpClient(style=Style.LIBRTMP), [0, 20, 40, 60, 60])
    assert times(data, tell_format3_apart=False) == [0, 20, 40, 60, 80]


def test_the_evidence_holds_for_its_own_chunk_stream_only() -> None:
    old, new = RtmpClient(style=Style.LIBRTMP), RtmpClient(style=Style.SPEC)
    data = say(old, [0, 20, 40, 60])
    for timestamp in (0, 20, 40):
        new.message(6, 9, 1, timestamp, b"v" * 7)
    assert times(data + new.data_to_send()) == [0, 20, 40, 60, 0, 20, 40]


def test_a_delta_equal_to_the_time_of_a_format_0_is_no_evidence() -> None:
    # A sender that counts a format 0 as "no delta yet" may write this.
    client = RtmpClient()
    client.message(4, 8, 1, 20, b"a", 0)
    client.message(4, 8, 1, 40, b"b", 2)
    client.message(4, 8, 1, 60, b"c", 3)
    assert times(client.data_to_send()) == [20, 40, 60]


@pytest.mark.parametrize("repeat_extended", [True, False])
@pytest.mark.parametrize("chunk_size", [1, 3, 4, 5, 128])
@pytest.mark.parametrize("style", Style)
def test_continuations_are_read_with_and_without_the_repeated_time(
    repeat_extended: bool, chunk_size: int, style: Style
) -> None:
    client = RtmpClient(style=style, repeat_extended=repeat_extended)
    client.set_chunk_size(chunk_size)
    expected = []
    for index in range(4):
        body = bytes((0xA0 + index,)) * (300 + index)
        client.message(6, 9, 1, 0x0123_4567 + 40 * index, body)
        expected.append((9, 1, 0x0123_4567 + 40 * index, body))
    counters = check_reading(client.data_to_send(), expected)
    assert (counters.extended_absent > 0) is not repeat_extended


def test_a_new_message_by_format_3_may_leave_the_time_out_too() -> None:
    client = RtmpClient(repeat_extended=False)
    client.message(4, 8, 1, 0x0200_0000, b"abcdefgh", 0)
    client.message(4, 8, 1, 0x0200_0000, b"ijklmnop", 3)
    counters = check_reading(
        client.data_to_send(),
        [(8, 1, 0x0200_0000, b"abcdefgh"), (8, 1, 0x0200_0000, b"ijklmnop")],
    )
    assert (counters.extended_absent, counters.guarded_format3) == (1, 1)


def test_a_tail_that_looks_like_the_time_waits_for_the_byte_that_differs() -> None:
    client = RtmpClient(repeat_extended=False)
    body = b"a" * 128 + b"\x01"
    client.message(4, 8, 1, 0x0100_0000, body)
    data = client.data_to_send()
    assert read_messages([data]) == ([], 130)
    assert read_messages([data, b"\x06"]) == ([(8, 1, 0x0100_0000, body)], 1)


def test_an_extended_delta_is_a_delta_and_is_repeated_as_such() -> None:
    # SRS read it as absolute until PR #4356.
    client = RtmpClient()
    client.message(4, 8, 1, 5, b"a" * 200, 0)
    client.message(4, 8, 1, 5 + 0x0100_0000, b"b" * 200, 2)
    client.message(4, 8, 1, 5 + 0x0200_0000, b"c" * 200, 3)
    check_reading(
        client.data_to_send(),
        [
            (8, 1, 5, b"a" * 200),
            (8, 1, 5 + 0x0100_0000, b"b" * 200),
            (8, 1, 5 + 0x0200_0000, b"c" * 200),
        ],
    )


def test_the_field_is_forgotten_when_a_header_without_it_comes() -> None:
    client = RtmpClient()
    client.message(4, 8, 1, 0x0100_0000, b"a" * 200, 0)
    client.message(4, 8, 1, 0x0100_0014, b"b" * 200, 2)
    client.message(4, 8, 1, 0x0100_0028, b"\x01\x00\x00\x00" * 50, 3)
    counters = check_reading(
        client.data_to_send(),
        [
            (8, 1, 0x0100_0000, b"a" * 200),
            (8, 1, 0x0100_0014, b"b" * 200),
            (8, 1, 0x0100_0028, b"\x01\x00\x00\x00" * 50),
        ],
    )
    assert counters.extended_absent == 0


def test_the_largest_plain_time_and_the_escape_itself() -> None:
    client = RtmpClient(style=Style.FULL)
    sent = [0xFF_FFFE, 0xFF_FFFF, 0x0100_0000, 0xFFFF_FFFF]
    check_reading(say(client, sent), [(8, 1, timestamp, b"a" * 7) for timestamp in sent])
